"""A table of images with titles for rows and columns, for small and large windows, dark and light."""

from dataclasses import dataclass
from html import escape

from torch import Tensor

from diffusion_edu.app.trajectories.animation import png_url
from diffusion_edu.figures.grids import grid

GAP = 8  # pixels between columns
STYLE = """
.sheet { container-type: inline-size; overflow-x: auto; }
.sheet table { border-collapse: collapse; width: auto; }
.sheet th, .sheet td {
  border: 0; padding: 0 8px 6px 0; text-align: left; vertical-align: top; font-size: 0.8rem; line-height: 1.3;
}
.sheet th { font-weight: 400; }
.sheet th span { display: inline-block; max-width: 100cqw; white-space: normal; position: sticky; left: 0; }
.sheet th[scope=col] { font-weight: 600; white-space: nowrap; }
.sheet img, .sheet .empty {
  display: block; width: 64px; height: 64px; margin-bottom: 3px; border-radius: 0; max-width: none;
}
.sheet img { image-rendering: pixelated; }
.sheet .empty { border: 1px dashed currentColor; opacity: 0.35; box-sizing: border-box; }
.sheet .says { font-variant-numeric: tabular-nums; white-space: nowrap; }
"""


@dataclass(frozen=True)
class Cell:
    """Images uint8 (b, 3, h, w), or None if there are none yet, their alt text, and the lines below them."""

    images: Tensor | None
    alt: str
    says: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A row of cells, its name, and a note beside the name."""

    name: str
    note: str
    cells: list[Cell]


def table(columns, rows):
    """Write the table as HTML; images have zoom 2 where all columns fit, else zoom 1."""
    large = ".sheet img, .sheet .empty { width: 128px; height: 128px; }"
    wide = f"@container (min-width: {len(columns) * (128 + GAP)}px) {{ {large} }}"
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    body = "".join(_row(row, len(columns)) for row in rows)
    return f'<style>{STYLE}{wide}</style><div class="sheet"><table><thead><tr>{head}</tr></thead>{body}</table></div>'


def _row(row, columns):
    title = f"<span><b>{escape(row.name)}</b> {escape(row.note)}</span>"
    head = f'<tr><th scope="rowgroup" colspan="{columns}">{title}</th></tr>'
    return f"<tbody>{head}<tr>{''.join(map(_cell, row.cells))}</tr></tbody>"


def _cell(cell):
    shown = '<div class="empty"></div>'
    if cell.images is not None:
        zoom = 2 if len(cell.images) == 1 else 1
        shown = f'<img src="{png_url(grid(cell.images, zoom=zoom))}" alt="{escape(cell.alt)}">'
    return f'<td>{shown}<div class="says">{"<br>".join(map(escape, cell.says))}</div></td>'
