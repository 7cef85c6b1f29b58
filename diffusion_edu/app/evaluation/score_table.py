"""Where models stand between real images and noise: one table for each set of images, every row on the same strip."""

import json
import math
from dataclasses import dataclass
from html import escape

from diffusion_edu.app.common.model_card import pixels
from diffusion_edu.app.trajectories.chart_axes import in_words, log_axis, with_band
from diffusion_edu.checkpoints import PRETRAINED, Card

MODEL, REAL, NOISE, VAE, PIXELS = "model", "real", "noise", "VAE", "pixels"
SAYS = {  # kinds of rows that are no models
    "real halves": (REAL, "Real, half against half"),
    "noise": (NOISE, "Pure noise"),
    "VAE": (VAE, "Variational autoencoder"),
}
MARKS = {
    MODEL: ("●", "#0072B2"),
    REAL: ("◆", "#7f7f7f"),
    NOISE: ("▲", "#D55E00"),
    VAE: ("■", "#CC79A7"),
    PIXELS: ("■", "#E69F00"),
}


@dataclass(frozen=True)
class Row:
    """One line of the table: what it is, its kind of mark, its scores by name, and the card behind it if there is one."""

    words: str
    class_name: str
    scores: dict
    card: Card | None = None


def grouped(known, place=None):
    """Put models that were compared with the same real images, and what they are compared with, into one list of Rows each, the nearest first."""
    groups = {}
    for card in known.values():
        if "FD" in card.scores:
            groups.setdefault(f"{card.subject.capitalize()}, {pixels(card)}", []).append(
                Row(card.title, VAE if card.prediction_type == "vae" else MODEL, card.scores, card)
            )
    baselines = _baselines(place or PRETRAINED / "scores.json")
    for name, rows in groups.items():
        own = {row.class_name for row in rows} - {MODEL}
        others = [row for group, row in baselines if group == name and row.class_name not in own]
        class_names = own | {row.class_name for row in others}
        for class_name, words, key in (
            (REAL, SAYS["real halves"][1], "FD_floor"),
            (NOISE, SAYS["noise"][1], "FD_noise"),
            (VAE, SAYS["VAE"][1], "FD_vae"),
        ):
            if class_name not in class_names and (known_by := [row.scores[key] for row in rows if key in row.scores]):
                others.append(Row(words, class_name, {"FD": known_by[0]}))
        groups[name] = sorted(rows + others, key=lambda row: row.scores["FD"])
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))  # where there is most to compare comes first


def rebuilt(known):
    """Put every autoencoder for latents beside images of as many pixels, and beside the images themselves: {group: Rows}, the nearest first."""
    groups = {}
    for card in known.values():
        if {"autoencoder", "bicubic", "FD_floor"} <= card.scores.keys():
            rows = [
                Row(card.title, MODEL, card.scores["autoencoder"], card),
                Row("Pixels, as few as places, bicubic", PIXELS, card.scores["bicubic"]),
                Row("Real, the images themselves", REAL, {"FD": card.scores["FD_floor"]}),
            ]
            groups[f"{card.subject.capitalize()}, {pixels(card)}, there and back"] = sorted(
                rows, key=lambda row: row.scores["FD"]
            )
    return groups


def _baselines(path):
    """Read what is no model's from the file of all scores, as (group, Row); nothing if there is no such file."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return [
            (
                f"{row['data'].capitalize()}, {row['size']}x{row['size']}",
                Row(SAYS[row["what"]][1], SAYS[row["what"]][0], row),
            )
            for row in written
            if row["what"] in SAYS and row.get("FD") is not None
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


COLUMNS = {  # heading: what is good, and a function of the scores -> the words and the small words below them, or None
    "FD": (
        "lower is nearer",
        lambda s: (with_band(s, "FD"), f"{s['FD_fraction']:.1%} of the way to noise" if "FD_fraction" in s else ""),
    ),
    "KD": ("lower is nearer", lambda s: (with_band(s, "KD", "{:.4f}".format), "") if "KD" in s else None),
    "copies": ("1% is chance", lambda s: (f"{s['memorised']:.1%}", "") if "memorised" in s else None),
    "asked and seen": ("beside real images", lambda s: _beside(s, "class_accuracy", "{:.0%}".format)),
    "right subject": ("beside real images", lambda s: _beside(s, "subject_accuracy", "{:.0%}".format)),
    "varied": ("one prompt", lambda s: (f"{s['diversity']:.0%}", "of real images") if "diversity" in s else None),
    "PSNR": ("higher is nearer", lambda s: (f"{s['PSNR']:.1f} dB", "") if "PSNR" in s else None),
    "SSIM": ("1 is equal", lambda s: (f"{s['SSIM']:.2f}", "") if "SSIM" in s else None),
    "perceptual_distance": (
        "0 looks alike",
        lambda s: (f"{s['perceptual_distance']:.3f}", "") if "perceptual_distance" in s else None,
    ),
    "kinds told apart": ("beside real images", lambda s: _beside(s, "class_score", in_words)),
}


def _beside(scores, name, write):
    if name not in scores:
        return None
    return write(scores[name]), f"real {write(scores[f'{name}_real'])}" if f"{name}_real" in scores else ""


STYLE = """<style>.scores { overflow-x: auto; } .scores table { border-collapse: collapse; width: 100%; font-size: 0.85rem; line-height: 1.25; }
.scores th, .scores td { text-align: left; vertical-align: middle; border: 0; padding: 3px 12px 3px 0; }
.scores tr { border-bottom: 1px solid rgba(128, 128, 128, 0.25); }
.scores td { white-space: nowrap; font-variant-numeric: tabular-nums; }
.scores th { font-weight: 600; min-width: 88px; } .scores thead th { vertical-align: bottom; }
.scores small { font-weight: 400; opacity: 0.75; display: block; } .scores .where { width: 36%; min-width: 190px; padding: 0 26px 0 14px; }
.strip { position: relative; height: 34px; } .strip > * { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.strip .track { transform: none; left: 0; right: 0; top: 16.5px; border-top: 1px solid rgba(128, 128, 128, 0.4); }
.strip .line { top: -9px; bottom: -9px; border-left: 1.5px dashed; } .strip .line.noise { border-left-style: dotted; }
.strip .band { transform: none; top: 15.5px; height: 3px; } .strip .mark { top: 8px; font-size: 15px; line-height: 18px; }
.strip .tick { top: 18px; font-weight: 400; font-size: 0.75rem; } .strip .name { top: 0; font-size: 0.75rem; }</style>"""


def table(name, rows):
    """Write one group as HTML: every row on a strip from real to noise, and the numbers beside it."""
    axis = log_axis("", [row.scores["FD"] for row in rows])
    lines = {row.class_name: row.scores["FD"] for row in rows if row.class_name in (REAL, NOISE)}
    columns = {head: about for head, about in COLUMNS.items() if any(about[1](row.scores) for row in rows)}
    heads = "".join(
        f'<th scope="col">{escape(words)}<small>{escape(good)}</small></th>' for words, (good, _) in columns.items()
    )
    body = "".join(_row(row, axis, lines, [write for _, write in columns.values()]) for row in rows)
    head = (
        f'<tr><th scope="col">{escape(name)}</th><th scope="col" class="where">{_scale(axis, lines)}</th>{heads}</tr>'
    )
    return f'{STYLE}<div class="scores"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'


def _left(value, axis):
    return f"left: {100 * (math.log10(value) - axis.low) / (axis.high - axis.low):.1f}%"


def _scale(axis, lines):
    """The heading of the strips: ticks, and what the two lines are."""
    ticks = "".join(
        f'<span class="tick" style="{_left(10**at, axis)}">{words}</span>' for words, at in axis.ticks.items()
    )
    return f'<div class="strip">{"".join(f"""<span class="name" style="{_left(at, axis)}">{class_name}</span>""" for class_name, at in lines.items())}{ticks}</div>'


def _row(row, axis, lines, columns):
    cells = "".join(
        f"<td>{escape(said[0])}<small>{escape(said[1])}</small></td>" if (said := write(row.scores)) else "<td></td>"
        for write in columns
    )
    return f'<tr><th scope="row">{escape(row.words)}</th><td class="where">{_strip(row, axis, lines)}</td>{cells}</tr>'


def _strip(row, axis, lines):
    """Draw where a row stands: its mark, its band, and the lines of real images and noise."""
    value, band = row.scores["FD"], row.scores.get("FD_band") or 0
    sampled = "".join(
        f'<span class="line {class_name}" style="{_left(at, axis)}; color: {MARKS[class_name][1]}"></span>'
        for class_name, at in lines.items()
    )
    low, high = max(value - band, 10**axis.low), min(value + band, 10**axis.high)
    wide = 100 * (math.log10(high) - math.log10(low)) / (axis.high - axis.low)
    mark, colour = MARKS[row.class_name]
    sampled += f'<span class="band" style="{_left(low, axis)}; width: {wide:.2f}%; background: {colour}"></span>'
    alt = f'role="img" aria-label="{escape(row.words)}: FD {in_words(value)}"'
    sampled += f'<span class="mark" style="{_left(value, axis)}; color: {colour}">{mark}</span>'
    return f'<div class="strip" {alt}><span class="track"></span>{sampled}</div>'


def in_a_sentence(rows):
    """Say how far the best model stands from real images and from noise."""
    best, at = next(row for row in rows if row.card), {row.class_name: row.scores["FD"] for row in rows}
    words = f"**{best.words}** is the nearest"
    if REAL in at:
        words += f": its samples lie {best.scores['FD'] / at[REAL]:.1f} times as far from real images as one half of these from the other"
    if NOISE in at:
        words += f", and noise lies {at[NOISE] / best.scores['FD']:.0f} times as far as they do"
    return words + "."


def rebuilt_in_a_sentence(rows):
    """Say what an autoencoder keeps, beside as few pixels."""
    (own,), (few,) = ([row for row in rows if row.class_name == class_name] for class_name in (MODEL, PIXELS))
    return (
        f"**{own.words}** brings images back with a PSNR of {own.scores['PSNR']:.1f} dB, pixels with {few.scores['PSNR']:.1f} dB; by the looks of "
        f"them they are {few.scores['perceptual_distance'] / own.scores['perceptual_distance']:.1f} times as unlike the images by way of pixels."
    )
