"""The guidance scale sweep on screen: a table with a column per scale and a row per seed, and two charts beside it."""

from html import escape

from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.guidance.sweep_results import fidelity
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, png_url
from diffusion_edu.app.trajectories.guidance_charts import GUIDANCE
from diffusion_edu.figures.charts import Axis, Chart, Series
from diffusion_edu.figures.grids import grid

REAL = "#7f7f7f"
PERCENT = Axis("recognised", 0, 1, {"0%": 0, "50%": 0.5, "100%": 1})
STYLE = """
.scales { overflow-x: auto; }
.scales table { border-collapse: collapse; width: auto; }
.scales th, .scales td {
  border: 0; padding: 0 4px 1px 0; text-align: left; vertical-align: middle; font-size: 0.8rem; line-height: 1.35;
}
.scales th { font-weight: 400; padding-right: 8px; }
.scales th[scope=col] { font-weight: 600; padding-right: 4px; }
.scales tfoot { font-variant-numeric: tabular-nums; }
.scales img, .scales .empty {
  display: block; width: var(--side); height: var(--side); border-radius: 0; max-width: none; box-sizing: content-box;
}
.scales img { image-rendering: pixelated; border-bottom: 3px solid transparent; }
.scales img.recognised { border-bottom-color: #E69F00; }
.scales img.unfinished { opacity: 0.75; }
.scales img:hover { transform: scale(3); position: relative; z-index: 2; }
.scales .empty { outline: 1px dashed currentColor; outline-offset: -1px; opacity: 0.3; margin-bottom: 3px; }
"""


def table(sweep, finished, guidance_scale=None, predictions=None):
    """Write the images as HTML: those of finished scales, {scale: ScaleResult}, and predictions of the current scale.

    predictions are uint8 (n, 3, h, w), or None when no scale is being sampled.
    """
    head = "".join(
        f'<th scope="col">{"guidance " * (k == 0)}{value:g}</th>' for k, value in enumerate(sweep.guidance_scales)
    )
    rows = "".join(_row(sweep, finished, k, guidance_scale, predictions) for k in range(sweep.images))
    side = f"--side: {sweep.card.size}px"  # one pixel of the image is one of the screen
    rows = f"<thead><tr><th></th>{head}</tr></thead>{rows}{_foot(sweep, finished)}"
    return f'<style>{STYLE}</style><div class="scales" style="{side}"><table>{rows}</table></div>'


def _row(sweep, finished, k, guidance_scale, predictions):
    cells = []
    for column, value in enumerate(sweep.guidance_scales):
        across, down = _percent(column, len(sweep.guidance_scales)), _percent(k, sweep.images)
        origin = f"transform-origin: {across} {down}"  # an enlarged image stays inside the table
        alt = f"{sweep.condition.words} at guidance scale {value:g}, seed {sweep.seeds[k]}"
        if result := finished.get(value):
            recognised = result.recognised is not None and result.recognised[k]
            alt += ", recognised" * recognised
            cells.append(_image(result.images[k], alt, "recognised" * recognised, origin))
        elif value == guidance_scale:
            cells.append(_image(predictions[k], f"{alt}, the current prediction", "unfinished", origin))
        else:
            cells.append('<div class="empty"></div>')
    return f'<tr><th scope="row">seed {sweep.seeds[k]}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _percent(k, count):
    return f"{100 * k / max(1, count - 1):.0f}%"


def _image(image, alt, css_class, origin):
    words = escape(alt)
    return (
        f'<img src="{png_url(grid(image[None]))}" alt="{words}" title="{words}" class="{css_class}" style="{origin}">'
    )


def _foot(sweep, finished):
    """Write the numbers below the images."""
    lines = {"diversity": lambda result: f"{result.pixel_distance:.2f}", "NFE": lambda result: f"{result.nfe}"}
    if sweep.classifier:
        lines = {
            "recognised": lambda result: f"{sum(result.recognised)} of {len(result.recognised)}",
            **lines,
        }
    rows = []
    for name, write in lines.items():
        cells = "".join(
            f"<td>{write(finished[value]) if value in finished else ''}</td>" for value in sweep.guidance_scales
        )
        rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    return f"<tfoot>{''.join(rows)}</tfoot>"


def charts(sweep, finished):
    """Chart condition fidelity and diversity over the guidance scale; diversity relative to that of the first scale."""
    at, last = list(finished), max(sweep.guidance_scales)
    ticks = {f"{guidance_scale:g}": guidance_scale for guidance_scale in sweep.guidance_scales}
    axis = Axis("guidance scale", min(sweep.guidance_scales) - 0.04 * last, 1.04 * last, ticks)
    diversity = _diversity(sweep, finished, axis)
    if not sweep.classifier:
        return [diversity]
    alt = f"Fraction of images recognised as {sweep.condition.words}, over the guidance scale, with 95 % intervals"
    return [Chart("Condition fidelity", alt, axis, PERCENT, at, _fidelity(sweep, finished, axis)), diversity]


def _diversity(sweep, finished, axis):
    first, results = next(iter(finished.values()), None), finished.values()
    styles = {
        "in pixels": ("pixel_distance", COLOUR["x0"], DASHES[0]),
        "in features": ("feature_distance", COLOUR["none"], DASHES[1]),
    }
    series = [
        Series(label, colour, [getattr(result, name) / getattr(first, name) for result in results], dash)
        for label, (name, colour, dash) in styles.items()
        if first and getattr(first, name)
    ]
    highest = max([1.0, *(value for one in series for value in one.y)])
    title, ticks = f"relative to guidance {sweep.guidance_scales[0]:g}", {"0%": 0, "50%": 0.5, "100%": 1}
    alt = "Mean distance between two images of one guidance scale, over the guidance scale"
    y = Axis(title, 0, 1.06 * highest, ticks)
    return Chart("Diversity: distance of two images", alt, axis, y, list(finished), series)


def _fidelity(sweep, finished, axis):
    measured = fidelity(finished)
    fractions, limits = [fraction for fraction, _ in measured], [limits for _, limits in measured]
    series = [Series("recognised", GUIDANCE, fractions, bands=limits)]
    if (real := real_accuracy(sweep)) is not None:
        series.append(Series("real images", REAL, [real, real], DASHES[1], [axis.low, axis.high]))
    return series


def real_accuracy(sweep):
    """Return the fraction of real images that the classifier recognises, or None if it is unknown."""
    scores, requests = sweep.classifier.scores, sweep.condition.terms
    if sweep.classifier.classes:
        return scores.get("validation_accuracy")
    return scores.get("each", {}).get(requests[0][0]) if len(requests) == 1 else None


def caption(sweep):
    """Explain the images and the numbers."""
    words, preset = sweep.condition.words, sweep.preset
    parts = [
        f"{plain(words[:1].upper() + words[1:])}, {plain(sweep.card.title)}, {preset.sampler} in {preset.steps} steps."
    ]
    if sweep.classifier:
        parts.append(
            "Condition fidelity: the fraction of images that an independent evaluation classifier recognises as the "
            f"condition ({sweep.classifier.title}); these are underlined. Bars: the 95 % interval, because "
            f"{sweep.images} images are few."
        )
    else:
        parts.append("Condition fidelity is not measured: no classifier that knows this condition is installed.")
    parts.append("Diversity: the mean distance between two images of a column (RMS; 2 is black against white).")
    if sweep.feature_network:
        parts.append(
            "In features: the same distance between the features of a classifier, which change little when a flower is "
            "shifted."
        )
    parts.append("NFE: the number of function evaluations, that is network evaluations, per image.")
    if not sweep.all_timesteps:
        low, high = sweep.interval
        parts.append(
            f"Guidance acts between timesteps {low} and {high} only; at the others the conditional prediction is used "
            "alone, at half the cost."
        )
    return " ".join(parts)
