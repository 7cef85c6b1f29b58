"""How a sweep of guidance scales is shown: a table of images, one column per scale, one row per seed, and two charts beside it."""

from html import escape

from diffusion_edu.app.guidance.scale_sweep import fractions
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


def table(sweep, finished, guidance_scale=None, predictions=None):
    """Write the images as HTML: those that are finished, {scale: Sampled}, and the predictions uint8 (n, 3, h, w) of the scale that is being sampled."""
    head = "".join(
        f'<th scope="col">{"guidance " * (k == 0)}{value:g}</th>' for k, value in enumerate(sweep.guidance_scales)
    )
    rows = "".join(_row(sweep, finished, k, guidance_scale, predictions) for k in range(sweep.images))
    side = f"--side: {sweep.card.size}px"  # every pixel is one on the screen, and three where the mouse is
    rows = f"<thead><tr><th></th>{head}</tr></thead>{rows}{_foot(sweep, finished)}"
    return f'<style>{STYLE}</style><div class="scales" style="{side}"><table>{rows}</table></div>'


def _row(sweep, finished, k, guidance_scale, predictions):
    cells = []
    for column, value in enumerate(sweep.guidance_scales):
        origin = f"transform-origin: {_fraction(column, len(sweep.guidance_scales))} {_fraction(k, sweep.images)}"  # grows into the table, never out of it
        alt = f"{sweep.asked.words} at guidance {value:g}, seed {sweep.seeds[k]}"
        if sampled := finished.get(value):
            right = sampled.right is not None and sampled.right[k]
            cells.append(_image(sampled.images[k], alt + ", recognised" * right, "right" * right, origin))
        elif value == guidance_scale:
            cells.append(_image(predictions[k], f"{alt}, the prediction so far", "under-way", origin))
        else:
            cells.append('<div class="empty"></div>')
    return f'<tr><th scope="row">seed {sweep.seeds[k]}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _fraction(k, count):
    return f"{100 * k / max(1, count - 1):.0f}%"


def _image(image, alt, class_name, origin):
    return f'<img src="{png_url(grid(image[None]))}" alt="{escape(alt)}" title="{escape(alt)}" class="{class_name}" style="{origin}">'


def _foot(sweep, finished):
    """Write the numbers below the images."""
    lines = {"spread": lambda sampled: f"{sampled.apart:.2f}", "asked": lambda sampled: f"{sampled.nfe} ×"}
    if sweep.judge:
        lines = {"recognised": lambda sampled: f"{sum(sampled.right)} of {len(sampled.right)}", **lines}
    rows = []
    for name, say in lines.items():
        cells = "".join(
            f"<td>{say(finished[value]) if value in finished else ''}</td>" for value in sweep.guidance_scales
        )
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return f"<tfoot>{''.join(rows)}</tfoot>"


def charts(sweep, finished):
    """Draw, over the scale, how many images are recognised, and how far they are from each other beside how far at the first scale."""
    at, last = list(finished), max(sweep.guidance_scales)
    axis = Axis(
        "guidance scale",
        min(sweep.guidance_scales) - 0.04 * last,
        1.04 * last,
        {f"{guidance_scale:g}": guidance_scale for guidance_scale in sweep.guidance_scales},
    )
    made = []
    if sweep.judge:
        alt = f"Share of the images that are taken for {sweep.asked.words}, over the guidance scale, with the limits of chance"
        made.append(Chart("Obedience", alt, axis, PERCENT, at, _condition_fidelity(sweep, finished, axis)))
    first = next(iter(finished.values()), None)
    series = []
    for label, name, colour, dash in (
        ("in pixels", "apart", COLOUR["x0"], DASHES[0]),
        ("in features", "unlike", COLOUR["none"], DASHES[1]),
    ):
        if first and getattr(first, name):
            series.append(
                Series(
                    label,
                    colour,
                    [getattr(sampled, name) / getattr(first, name) for sampled in finished.values()],
                    dash,
                )
            )
    highest = max([1.0, *(value for one in series for value in one.y)])
    left = Axis(
        f"of that at guidance {sweep.guidance_scales[0]:g}", 0, 1.06 * highest, {"0%": 0, "50%": 0.5, "100%": 1}
    )
    alt = "How far two images of one scale are from each other, over the guidance scale"
    return [*made, Chart("Variety: distance of two images", alt, axis, left, at, series)]


def _condition_fidelity(sweep, finished, axis):
    seen = fractions(finished)
    series = [Series("recognised", GUIDANCE, [fraction for fraction, _ in seen])]
    ends = [end for _, limits in seen for end in (*limits, None)]
    series.append(
        Series("may be", GUIDANCE, ends, "2 3", [guidance_scale for guidance_scale in finished for _ in range(3)])
    )
    if (real := reached(sweep)) is not None:
        series.append(Series("real images", REAL, [real, real], DASHES[1], [axis.low, axis.high]))
    return series


def reached(sweep):
    """Say which fraction of real images the judge recognises, over all kinds, or of one attribute; None where that was not measured."""
    scores = sweep.judge.scores
    if sweep.judge.classes:
        return scores.get("validation_accuracy")
    return scores.get("each", {}).get(sweep.asked.requests[0][0]) if len(sweep.asked.requests) == 1 else None


def words(sweep):
    """Say what the images and the numbers mean."""
    parts = [
        f"{sweep.asked.words[:1].upper()}{sweep.asked.words[1:]}, {sweep.card.title}, {sweep.preset.sampler} in {sweep.preset.steps} steps."
    ]
    if sweep.judge:
        parts.append(
            f"Underlined: recognised as asked by a classifier that the model has never met ({sweep.judge.title})."
        )
        parts.append(f"Dotted: where the share may truly lie, which {sweep.images} images cannot tell (95 %).")
    else:
        parts.append(
            "No classifier that knows what was asked for is installed, so nobody counts how often it is obeyed."
        )
    parts.append("Spread: the distance between two images of a column, on average (RMS; 2 is black against white).")
    if sweep.feature_network:
        parts.append(
            "In features: the same in what a second classifier sees, where a shifted flower is still the same flower."
        )
    parts.append("Asked: how often the network was, for each image.")
    if not sweep.everywhere:
        low, high = sweep.between
        parts.append(
            f"Guided between timesteps {low} and {high} only; at the others the network just follows what is asked for, at half the price."
        )
    return " ".join(parts)
