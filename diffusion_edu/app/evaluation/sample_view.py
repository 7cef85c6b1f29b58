"""What was seen in a close look, on screen: pairs of images, sentences, and charts."""

import math

import streamlit as st
import torch

from diffusion_edu.app.trajectories.animation import Axis, Chart, Series, round_axis
from diffusion_edu.app.trajectories.chart_axes import (
    STYLES,
    across,
    doubling_axis,
    in_words,
    log_axis,
    measured,
    with_band,
)
from diffusion_edu.app.trajectories.charts import plot
from diffusion_edu.app.trajectories.image_table import Cell, Row, table
from diffusion_edu.evaluation.colours import smoothed
from diffusion_edu.figures.grids import grid

SHOWN = 6  # pairs that are seen at once
LABELLED = "Our image set is 1,024 flowers sampled by our own model, not photographs: what is nearest there is not what a model has learned from."


def show(look, seen):
    """Show pairs, numbers and charts."""
    st.html(pairs(seen, seen.distances.argsort()[:SHOWN].tolist()))
    st.markdown(in_words_of(look, seen))
    if charts := [*distance_chart(look, seen), *colour_charts(seen)]:
        plot(charts, key="closely_charts")
    whose = (
        f"by {look.card.title}, seeds from {look.seed}"
        if look.card
        else f"of our image set, chosen by seed {look.seed}"
    )
    st.caption(
        f"{len(seen.images)} samples {whose}, compared by features of `{look.feature_network}` with {seen.among:,} images of {seen.source}. W₁: by how many "
        f"of 255 steps values must move, on average, until both sets have the same. {LABELLED if not look.path else ''}"
    )
    if len(seen.images) > SHOWN:
        with st.expander(f"All {len(seen.images)} pairs: the drawing, and right of it its nearest"):
            both = torch.stack([shrunk(seen.images), seen.neighbours], 1).flatten(0, 1)
            page = grid(both, columns=12, gap=2)
            st.image(page, caption="The nearest pairs come last", alt="All samples, each beside its nearest image")


def shrunk(images):
    """Bring samples uint8 (n, 3, h, w) to the 64 x 64 of the images they are compared with."""
    if images.shape[-1] == 64:
        return images
    return (
        torch.nn.functional.interpolate(images.float(), (64, 64), mode="bilinear", antialias=True)
        .round()
        .to(torch.uint8)
    )


def pairs(seen, rows):
    """Lay the samples of some rows above their nearest images, as HTML."""
    sampled = [Cell(seen.images[row][None], "A drawing", ()) for row in rows]
    near = [
        Cell(
            seen.neighbours[row][None],
            f"Its nearest: {seen.files[row]}",
            (f"distance {seen.distances[row]:.2f}", _short(seen.files[row])),
        )
        for row in rows
    ]
    return table(
        [""] * len(rows),
        [Row("Sampled.", "Those that lie nearest to another image come first.", sampled), Row("Nearest.", "", near)],
    )


def _short(name, letters=20):
    return name if len(name) <= letters else "…" + name[-letters + 1 :]


def copies(seen):
    """Say how many of the samples may be copies."""
    return (
        f"**{int((seen.distances < seen.limit).sum())} of {len(seen.images)} samples lie nearer to another image than 99% of those images lie "
        f"to each other** (distance {in_words(seen.limit)}): such pairs deserve a look, the others are no copies."
    )


def in_words_of(look, seen):
    """Say in two or three sentences what was seen: copies, and what FD is worth here."""
    words, n = f"{copies(seen)} ", len(seen.images)
    if not seen.curves:
        return words + "There are no real images of this kind to measure FD against: name some of your own."
    (_, distance, band), points = seen.curves["these samples"][-1], seen.curves["a perfect model"]
    chance = next(value for count, value, _ in points if count == n)
    most, least, _ = points[-1]
    whom = "these images" if look.path else "real ones, by the statistics that ship with the app,"
    measured_here = with_band({"FD": distance, "FD_band": band}, "FD")
    words += (
        f"**FD to {whom} is {measured_here}, but a perfect model would score {in_words(chance)} with {n} samples** "
        f"and {in_words(least)} with {most:,}: few samples look far away whatever they show."
    )
    if look.card and not look.path and "FD" in look.card.scores:
        words += f" Its card, with the number of samples of the protocol, says {in_words(look.card.scores['FD'])}."
    return words


def distance_chart(look, seen):
    """Chart FD against the number of samples, of the samples and of a perfect model."""
    if not seen.curves:
        return []
    points = [point for curve in seen.curves.values() for point in curve]
    x = doubling_axis("number of samples", [count for count, *_ in points])
    card = look.card.scores.get("FD") if look.card and not look.path else None
    y = log_axis("FD", [value for _, value, _ in points] + ([card] if card else []))
    series = []
    for style, (name, curve) in zip((STYLES[0], ("#7f7f7f", "7 4")), seen.curves.items(), strict=True):
        ends = [(math.log10(max(value - band, value / 10)), math.log10(value + band)) for _, value, band in curve]
        series += measured(
            name, style, [math.log2(count) for count, *_ in curve], [math.log10(value) for _, value, _ in curve], ends
        )
    if card:
        series.append(across("its card", math.log10(card), x))
    return [
        Chart(
            "FD and number of samples", "FD falls with the number of samples, for a perfect model too", x, y, [], series
        )
    ]


def colour_charts(seen):
    """Chart how often each value occurs in each channel, of the samples and of the others, and how far they lie apart."""
    sampled, others = (smoothed(fractions) * 100 for fractions in seen.fractions)
    y = round_axis("% of pixels", [0.0, *sampled.max(1).values.tolist(), *others.max(1).values.tolist()], low=0)
    x = Axis("value", 0, 255, {"0": 0, "128": 128, "255": 255})
    charts = []
    for channel, mine, theirs, moved in zip(("Red", "Green", "Blue"), sampled, others, seen.moved, strict=True):
        series = [Series("sampled", STYLES[0][0], mine.tolist()), Series("others", "#7f7f7f", theirs.tolist(), "7 4")]
        title = f"{channel}: W₁ = {moved:.1f}"
        charts.append(
            Chart(
                title,
                f"{channel} values of samples and of the others, W1 {moved:.1f} of 255",
                x,
                y,
                list(range(256)),
                series,
            )
        )
    return charts
