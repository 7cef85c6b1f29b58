"""The tab on scores: all models between real images and noise, and the effect of guidance and sampling steps."""

import math

import streamlit as st

from diffusion_edu.app.common import model_card
from diffusion_edu.app.common.charts import plot
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.models import entry, labelled
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.evaluation.score_rows import autoencoder_tables, has_place, model_tables
from diffusion_edu.app.evaluation.score_table import autoencoder_sentence, model_sentence, table
from diffusion_edu.app.trajectories.chart_axes import STYLES, across, doubling_axis, log_axis, measured
from diffusion_edu.figures.charts import Axis, Chart, Series, round_axis

REAL = "#7f7f7f"
CURVES = {  # score: its name and the style of its curve
    "class_accuracy": ("class accuracy", STYLES[4]),
    "subject_accuracy": ("subject accuracy", STYLES[0]),
    "diversity": ("diversity", STYLES[2]),
}


def show():
    """Show the tables, the charts of one model, the protocol of the measurements, and every card."""
    cards = model_card.everything()
    _show_tables(cards)
    _show_charts(cards)
    _show_protocols([card for card in cards.values() if card.scores.keys() & {"FD", "autoencoder"}])
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.markdown("**Cards:**", width="content")
        for name, card in cards.items():
            with entry(name):
                model_card.button(card)
    show_code(snippet(__file__, "scores"), model_card.everything, does="print every number of every card")


def _show_tables(cards):
    models, autoencoders = model_tables(cards), autoencoder_tables(cards)
    for tables, sentence in ((models, model_sentence), (autoencoders, autoencoder_sentence)):
        for title, rows in tables.items():
            with entry(title):
                st.html(table(title, rows))
                st.markdown(sentence(rows))
    if not models and not autoencoders:
        words = "No installed model is evaluated yet: run `python -m diffusion_edu.evaluation NAME --data FILE`."
        st.info(words, icon=":material/info:")
        return
    st.caption(
        "Every strip is one logarithmic scale of the distance to real images. The dashed line is at real images, the "
        "dotted one at pure noise. FD and KD are Fréchet and kernel distances of the features of our own classifier; "
        "they are not FID and KID, which use the Inception network."
    )


def _show_charts(cards):
    """Show the effect of guidance and of sampling steps on one model, if it is measured."""
    known = {name: card for name, card in cards.items() if guidance_charts(card.scores) or steps_charts(card.scores)}
    charted = labelled(known)
    if not charted:
        return
    st.subheader("The effect of guidance and sampling steps", anchor=False)
    card = charted[control(st.selectbox, "Model", list(charted), key="scores_model", width=360)]
    plot([*guidance_charts(card.scores), *steps_charts(card.scores)], key="score_charts")
    st.caption(
        "Bars are bands of uncertainty. More guidance raises class accuracy and lowers diversity; where FD is lowest, "
        "both are in balance. More function evaluations (NFE) cost time, and from some number on they improve nothing."
    )


def _rows(scores, table, name):
    """List the measurements of a table that a chart can show, sorted by one of their numbers."""
    rows = [row for row in scores.get(table, ()) if name in row and has_place(row)]
    return sorted(rows, key=lambda row: row[name])


def guidance_charts(scores):
    """Chart FD, and class accuracy with diversity, over the guidance scale; no chart where nothing was measured."""
    rows = _rows(scores, "by_guidance", "guidance_scale")
    if not rows:
        return []
    scales = [row["guidance_scale"] for row in rows]
    x = Axis("guidance scale", min(scales), max(scales), {f"{scale:g}": scale for scale in scales})
    points = [(row["guidance_scale"], row) for row in rows]
    charts = [_distance_chart("FD and guidance", x, {"samples": points}, scores)]
    curves, heights = [], []
    for key, (name, style) in CURVES.items():
        known = [(row["guidance_scale"], row[key]) for row in rows if row.get(key) is not None]
        if known:
            curves.append(Series(name, style[0], [y for _, y in known], style[1], x=[at for at, _ in known]))
            heights += [y for _, y in known]
    if curves:
        if "class_accuracy_real" in scores and curves[0].label == "class accuracy":
            curves.append(across("class accuracy in real images", scores["class_accuracy_real"], x, REAL))
            heights.append(scores["class_accuracy_real"])
        y, title = round_axis("fraction", heights, low=0), "Class accuracy and diversity"
        charts.append(Chart(title, f"{title} over the guidance scale", x, y, [], curves))
    return charts


def steps_charts(scores):
    """Chart FD over the network evaluations per image (NFE), a curve per sampler; no chart without measurements."""
    rows = [row for row in _rows(scores, "by_steps", "nfe") if "sampler" in row]
    if not rows:
        return []
    curves = {}
    for row in rows:
        curves.setdefault(row["sampler"], []).append((math.log2(row["nfe"]), row))
    x = doubling_axis("network evaluations per image (NFE)", [row["nfe"] for row in rows])
    return [_distance_chart("FD and cost", x, curves, scores)]


def _distance_chart(title, x, curves, scores):
    """Draw FD over x on a logarithmic axis with bands, and that of real images; curves: {name: [(position, row)]}."""
    bands = {name: [_band(row) for _, row in points] for name, points in curves.items()}
    heights = [10**end for pairs in bands.values() for pair in pairs for end in pair]
    floor = scores["FD_floor"] if has_place({"FD": scores.get("FD_floor", 0)}) else None
    y = log_axis("FD", heights + ([floor] if floor else []))
    series = []
    for style, (name, points) in zip(STYLES, curves.items(), strict=False):
        positions, values = [at for at, _ in points], [math.log10(row["FD"]) for _, row in points]
        series.append(measured(name, style, positions, values, bands[name]))
    if floor:
        series.append(across("real images", math.log10(floor), x, REAL))
    return Chart(title, f"{title}, logarithmic; lower is nearer to real images", x, y, [], series)


def _band(row):
    band = row.get("FD_band") or 0
    return math.log10(max(row["FD"] - band, row["FD"] / 10)), math.log10(row["FD"] + band)


def _show_protocols(cards):
    with st.expander("How this was measured", icon=":material/straighten:"):
        for card in cards:
            st.markdown(f"**{plain(card.title)}**: {plain(card.scores.get('protocol', 'its card does not say'))}.")
            if command := card.scores.get("command"):
                st.code(command, language="sh", wrap_lines=True)
