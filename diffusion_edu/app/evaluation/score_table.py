"""The score tables on screen: every row on a strip from real images to noise, with its numbers beside it."""

import math
from html import escape

from diffusion_edu.app.common.numbers import format_number, format_with_band
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.evaluation.score_rows import MODEL, NOISE, PIXELS, REAL, VAE
from diffusion_edu.app.trajectories.chart_axes import log_axis

MARKS = {
    MODEL: ("●", "#0072B2"),
    REAL: ("◆", "#7f7f7f"),
    NOISE: ("▲", "#D55E00"),
    VAE: ("■", "#CC79A7"),
    PIXELS: ("■", "#E69F00"),
}


def _score(name, write, note=""):
    """Make the function scores -> (text, small text below it), or None where the score is missing."""
    return lambda scores: (write(scores[name]), note) if name in scores else None


def _beside_real(name, write):
    """Make the same function for a score that is also measured on real images."""

    def cell(scores):
        if name not in scores:
            return None
        return write(scores[name]), f"real {write(scores[f'{name}_real'])}" if f"{name}_real" in scores else ""

    return cell


def _fd(scores):
    note = f"{scores['FD_fraction']:.1%} of the way to noise" if "FD_fraction" in scores else ""
    return format_with_band(scores, "FD"), note


def _kd(scores):
    return (format_with_band(scores, "KD", "{:.4f}".format), "") if "KD" in scores else None


COLUMNS = {  # heading: what is good, and a function scores -> (text, small text below it) or None
    "FD": ("lower is nearer", _fd),
    "KD": ("lower is nearer", _kd),
    "memorised": ("real images: 1%", _score("memorised", "{:.1%}".format)),
    "class accuracy": ("beside real images", _beside_real("class_accuracy", "{:.0%}".format)),
    "subject accuracy": ("beside real images", _beside_real("subject_accuracy", "{:.0%}".format)),
    "diversity": ("for one prompt", _score("diversity", "{:.0%}".format, "of real images")),
    "PSNR": ("higher is nearer", _score("PSNR", "{:.1f} dB".format)),
    "SSIM": ("1 is equal", _score("SSIM", "{:.2f}".format)),
    "perceptual distance": ("0 is equal", _score("perceptual_distance", "{:.3f}".format)),
    "Inception-style score": ("beside real images", _beside_real("class_score", format_number)),
}
STYLE = """<style>
.scores { overflow-x: auto; }
.scores table { border-collapse: collapse; width: 100%; font-size: 0.85rem; line-height: 1.25; }
.scores th, .scores td { text-align: left; vertical-align: middle; border: 0; padding: 3px 12px 3px 0; }
.scores tr { border-bottom: 1px solid rgba(128, 128, 128, 0.25); }
.scores td { white-space: nowrap; font-variant-numeric: tabular-nums; }
.scores th { font-weight: 600; min-width: 88px; } .scores thead th { vertical-align: bottom; }
.scores small { font-weight: 400; opacity: 0.75; display: block; }
.scores .scale { width: 36%; min-width: 190px; padding: 0 26px 0 14px; }
.strip { position: relative; height: 34px; }
.strip > * { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.strip .track { transform: none; left: 0; right: 0; top: 16.5px; border-top: 1px solid rgba(128, 128, 128, 0.4); }
.strip .line { top: -9px; bottom: -9px; border-left: 1.5px dashed; } .strip .line.noise { border-left-style: dotted; }
.strip .band { transform: none; top: 15.5px; height: 3px; }
.strip .mark { top: 8px; font-size: 15px; line-height: 18px; }
.strip .tick { top: 18px; font-weight: 400; font-size: 0.75rem; } .strip .name { top: 0; font-size: 0.75rem; }
</style>"""


def table(title, rows):
    """Write one table of ScoreRows as HTML."""
    axis = log_axis("", [row.scores["FD"] for row in rows])
    lines = {row.role: row.scores["FD"] for row in rows if row.role in (REAL, NOISE)}
    columns = {name: column for name, column in COLUMNS.items() if any(column[1](row.scores) for row in rows)}
    heads = "".join(
        f'<th scope="col">{escape(name)}<small>{escape(good)}</small></th>' for name, (good, _) in columns.items()
    )
    body = "".join(_row(row, axis, lines, [write for _, write in columns.values()]) for row in rows)
    scale = f'<th scope="col" class="scale">{_scale(axis, lines)}</th>'
    head = f'<tr><th scope="col">{escape(title)}</th>{scale}{heads}</tr>'
    return f'{STYLE}<div class="scores"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def _left(value, axis):
    return f"left: {100 * (math.log10(value) - axis.low) / (axis.high - axis.low):.1f}%"


def _scale(axis, lines):
    """Write the heading of the strips: the ticks, and the names of the two lines."""
    names = "".join(f'<span class="name" style="{_left(at, axis)}">{role}</span>' for role, at in lines.items())
    ticks = "".join(
        f'<span class="tick" style="{_left(10**at, axis)}">{words}</span>' for words, at in axis.ticks.items()
    )
    return f'<div class="strip">{names}{ticks}</div>'


def _row(row, axis, lines, columns):
    cells = "".join(
        f"<td>{escape(cell[0])}<small>{escape(cell[1])}</small></td>" if (cell := write(row.scores)) else "<td></td>"
        for write in columns
    )
    return f'<tr><th scope="row">{escape(row.name)}</th><td class="scale">{_strip(row, axis, lines)}</td>{cells}</tr>'


def _strip(row, axis, lines):
    """Write the strip of a row: its mark, its band, and the lines of real images and noise."""
    value, band = row.scores["FD"], row.scores.get("FD_band") or 0
    parts = "".join(
        f'<span class="line {role}" style="{_left(at, axis)}; color: {MARKS[role][1]}"></span>'
        for role, at in lines.items()
    )
    low, high = max(value - band, 10**axis.low), min(value + band, 10**axis.high)
    width = 100 * (math.log10(high) - math.log10(low)) / (axis.high - axis.low)
    mark, colour = MARKS[row.role]
    parts += f'<span class="band" style="{_left(low, axis)}; width: {width:.2f}%; background: {colour}"></span>'
    parts += f'<span class="mark" style="{_left(value, axis)}; color: {colour}">{mark}</span>'
    alt = f'role="img" aria-label="{escape(row.name)}: FD {format_number(value)}"'
    return f'<div class="strip" {alt}><span class="track"></span>{parts}</div>'


def model_sentence(rows):
    """Say how far the best model is from real images and from noise."""
    best, baselines = next(row for row in rows if row.card), {row.role: row.scores["FD"] for row in rows}
    words = f"**{plain(best.name)}** is the nearest"
    if REAL in baselines:
        times = best.scores["FD"] / baselines[REAL]
        words += f": its FD to real images is {times:.1f} times the FD between two halves of the real images"
    if NOISE in baselines:
        words += f", and the FD of noise is {baselines[NOISE] / best.scores['FD']:.0f} times as large as its own"
    return words + "."


def autoencoder_sentence(rows):
    """Say how well an autoencoder reconstructs, compared with images shrunk to as many numbers; "" if unknown."""
    (own,), (few,) = ([row for row in rows if row.role == role] for role in (MODEL, PIXELS))
    if any("PSNR" not in row.scores or not row.scores.get("perceptual_distance") for row in (own, few)):
        return ""
    times = few.scores["perceptual_distance"] / own.scores["perceptual_distance"]
    return (
        f"**{plain(own.name)}** reconstructs images with a PSNR of {own.scores['PSNR']:.1f} dB. Shrunk to as many "
        f"numbers as the latents have, and enlarged again (bicubic), they have {few.scores['PSNR']:.1f} dB, and the "
        f"perceptual distance to the images is {times:.1f} times as large."
    )
