"""How a sweep of guidance scales is shown: a table of pictures, one column per scale, one row per seed, and two charts beside it."""

from html import escape

from diffusion_edu.app.guidance.scale_sweep import shares
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Axis, Chart, Series, png_url
from diffusion_edu.figures.grids import grid

GUIDANCE, REAL = "#E69F00", "#7f7f7f"
PERCENT = Axis("recognised", 0, 1, {"0%": 0, "50%": 0.5, "100%": 1})
STYLE = """
.scales { overflow-x: auto; }
.scales table { border-collapse: collapse; width: auto; }
.scales th, .scales td { border: 0; padding: 0 4px 1px 0; text-align: left; vertical-align: middle; font-size: 0.8rem; line-height: 1.35; }
.scales th { font-weight: 400; padding-right: 8px; }
.scales th[scope=col] { font-weight: 600; padding-right: 4px; }
.scales tfoot { font-variant-numeric: tabular-nums; }
.scales img, .scales .empty { display: block; width: var(--side); height: var(--side); border-radius: 0; max-width: none; box-sizing: content-box; }
.scales img { image-rendering: pixelated; border-bottom: 3px solid transparent; }
.scales img.right { border-bottom-color: #E69F00; }
.scales img.under-way { opacity: 0.75; }
.scales img:hover { transform: scale(3); position: relative; z-index: 2; }
.scales .empty { outline: 1px dashed currentColor; outline-offset: -1px; opacity: 0.3; margin-bottom: 3px; }
"""


def table(sweep, finished, scale=None, guesses=None):
    """Write the pictures as HTML: those that are finished, {scale: Drawn}, and the guesses uint8 (n, 3, h, w) of the scale that is being drawn."""
    head = "".join(f'<th scope="col">{"guidance " * (k == 0)}{value:g}</th>' for k, value in enumerate(sweep.scales))
    rows = "".join(_row(sweep, finished, k, scale, guesses) for k in range(sweep.pictures))
    side = f"--side: {sweep.card.size}px"  # every pixel is one on the screen, and three where the mouse is
    rows = f"<thead><tr><th></th>{head}</tr></thead>{rows}{_foot(sweep, finished)}"
    return f'<style>{STYLE}</style><div class="scales" style="{side}"><table>{rows}</table></div>'


def _row(sweep, finished, k, scale, guesses):
    cells = []
    for column, value in enumerate(sweep.scales):
        origin = f"transform-origin: {_share(column, len(sweep.scales))} {_share(k, sweep.pictures)}"  # grows into the table, never out of it
        alt = f"{sweep.asked.words} at guidance {value:g}, seed {sweep.seeds[k]}"
        if drawn := finished.get(value):
            right = drawn.right is not None and drawn.right[k]
            cells.append(_picture(drawn.images[k], alt + ", recognised" * right, "right" * right, origin))
        elif value == scale:
            cells.append(_picture(guesses[k], f"{alt}, the guess so far", "under-way", origin))
        else:
            cells.append('<div class="empty"></div>')
    return f'<tr><th scope="row">seed {sweep.seeds[k]}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _share(k, count):
    return f"{100 * k / max(1, count - 1):.0f}%"


def _picture(image, alt, kind, origin):
    return f'<img src="{png_url(grid(image[None]))}" alt="{escape(alt)}" title="{escape(alt)}" class="{kind}" style="{origin}">'


def _foot(sweep, finished):
    """Write the numbers below the pictures."""
    lines = {"spread": lambda drawn: f"{drawn.apart:.2f}", "asked": lambda drawn: f"{drawn.evaluations} ×"}
    if sweep.judge:
        lines = {"recognised": lambda drawn: f"{sum(drawn.right)} of {len(drawn.right)}", **lines}
    rows = []
    for name, say in lines.items():
        cells = "".join(f"<td>{say(finished[value]) if value in finished else ''}</td>" for value in sweep.scales)
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return f"<tfoot>{''.join(rows)}</tfoot>"


def charts(sweep, finished):
    """Draw, over the scale, how many pictures are recognised, and how far they are from each other beside how far at the first scale."""
    at, last = list(finished), max(sweep.scales)
    axis = Axis(
        "guidance scale", min(sweep.scales) - 0.04 * last, 1.04 * last, {f"{scale:g}": scale for scale in sweep.scales}
    )
    made = []
    if sweep.judge:
        alt = f"Share of the pictures that are taken for {sweep.asked.words}, over the guidance scale, with the limits of chance"
        made.append(Chart("Obedience", alt, axis, PERCENT, at, _obedience(sweep, finished, axis)))
    first = next(iter(finished.values()), None)
    series = []
    for label, name, colour, dash in (
        ("in pixels", "apart", COLOUR["x0"], DASHES[0]),
        ("in features", "unlike", COLOUR["none"], DASHES[1]),
    ):
        if first and getattr(first, name):
            series.append(
                Series(
                    label, colour, [getattr(drawn, name) / getattr(first, name) for drawn in finished.values()], dash
                )
            )
    highest = max([1.0, *(value for one in series for value in one.y)])
    left = Axis(f"of that at guidance {sweep.scales[0]:g}", 0, 1.06 * highest, {"0%": 0, "50%": 0.5, "100%": 1})
    alt = "How far two pictures of one scale are from each other, over the guidance scale"
    return [*made, Chart("Variety: distance of two pictures", alt, axis, left, at, series)]


def _obedience(sweep, finished, axis):
    seen = shares(finished)
    series = [Series("recognised", GUIDANCE, [share for share, _ in seen])]
    ends = [end for _, limits in seen for end in (*limits, None)]
    series.append(Series("may be", GUIDANCE, ends, "2 3", [scale for scale in finished for _ in range(3)]))
    if (real := reached(sweep)) is not None:
        series.append(Series("real pictures", REAL, [real, real], DASHES[1], [axis.low, axis.high]))
    return series


def reached(sweep):
    """Say which share of real pictures the judge recognises, over all kinds, or of one attribute; None where that was not measured."""
    scores = sweep.judge.scores
    if sweep.judge.classes:
        return scores.get("validation_accuracy")
    return scores.get("each", {}).get(sweep.asked.wishes[0][0]) if len(sweep.asked.wishes) == 1 else None


def words(sweep):
    """Say what the pictures and the numbers mean."""
    parts = [
        f"{sweep.asked.words[:1].upper()}{sweep.asked.words[1:]}, {sweep.card.title}, {sweep.preset.sampler} in {sweep.preset.moves} moves."
    ]
    if sweep.judge:
        parts.append(
            f"Underlined: recognised as asked by a classifier that the model has never met ({sweep.judge.title})."
        )
        parts.append(f"Dotted: where the share may truly lie, which {sweep.pictures} pictures cannot tell (95 %).")
    else:
        parts.append(
            "No classifier that knows what was asked for is installed, so nobody counts how often it is obeyed."
        )
    parts.append("Spread: the distance between two pictures of a column, on average (RMS; 2 is black against white).")
    if sweep.eyes:
        parts.append(
            "In features: the same in what a second classifier sees, where a shifted flower is still the same flower."
        )
    parts.append("Asked: how often the network was, for each picture.")
    if not sweep.everywhere:
        low, high = sweep.between
        parts.append(
            f"Guided between levels {low} and {high} only; at the others the network just follows what is asked for, at half the price."
        )
    return " ".join(parts)
