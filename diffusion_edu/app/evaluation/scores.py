"""All scores of all models: where each stands between real images and noise, and what guidance and steps do to it."""

import math

import streamlit as st

from diffusion_edu.app.common import model_card
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.evaluation.score_table import grouped, in_a_sentence, rebuilt, rebuilt_in_a_sentence, table
from diffusion_edu.app.trajectories.animation import Axis, Chart, Series, round_axis
from diffusion_edu.app.trajectories.chart_axes import STYLES, across, doubling_axis, log_axis, measured
from diffusion_edu.app.trajectories.charts import plot

LABELS = {"class_accuracy": "class_accuracy", "subject_accuracy": "right subject", "diversity": "diversity"}
CODE = """from diffusion_edu.app.common.model_card import everything

for name, card in everything().items():
    for score, value in card.scores.items():
        print(name, score, value)
"""


def show():
    """Show the table, the protocol behind it, the charts of one model, and every card."""
    known = model_card.everything()
    groups, coders = grouped(known), rebuilt(known)
    if not groups and not coders:
        st.info(
            "No installed model has been measured yet: run `python -m diffusion_edu.evaluation NAME --data FILE`.",
            icon=":material/info:",
        )
    for name, rows in groups.items():
        st.html(table(name, rows))
        st.markdown(in_a_sentence(rows))
    for name, rows in coders.items():
        st.html(table(name, rows))
        st.markdown(rebuilt_in_a_sentence(rows))
    if groups or coders:
        st.caption(
            "Every strip is one logarithmic scale: a tick further to the right is ten times as far from real images. The dashed line is where "
            "real images stand, the dotted one pure noise. FD and KD go by features of our own classifier; they are not FID and KID."
        )
    _charts(
        {card.title: card for card in known.values() if card.scores.get("by_guidance") or card.scores.get("by_steps")}
    )
    _protocols([card for card in known.values() if card.scores.keys() & {"FD", "autoencoder"}])
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.markdown("**Cards:**", width="content")
        for card in known.values():
            model_card.button(card)
    show_code(CODE, model_card.everything, does="print every number of every card")


def _charts(known):
    """Show what guidance and steps do to one model, where that was measured."""
    if not known:
        return
    st.subheader("What guidance and steps change", anchor=False)
    chosen = st.selectbox("Model", list(known), key="scored", bind="query-params", width=360)
    card = known[chosen]
    plot([*guidance_charts(card.scores), *steps_charts(card.scores)], key="score_charts")
    st.caption(
        "Bars are bands. With more guidance samples show more often what was asked for, and differ less from one another; where FD is lowest "
        "both are in balance. More evaluations cost time, and from some number on they bring nothing."
    )


def guidance_charts(scores):
    """Chart FD, and class accuracy beside diversity, against the scale of guidance; no chart where nothing was measured."""
    rows = sorted(scores.get("by_guidance", ()), key=lambda row: row["guidance_scale"])
    if not rows:
        return []
    guidance_scales = [row["guidance_scale"] for row in rows]
    x = Axis(
        "guidance scale",
        min(guidance_scales),
        max(guidance_scales),
        {f"{guidance_scale:g}": guidance_scale for guidance_scale in guidance_scales},
    )
    charts = [
        _distance_chart("FD against guidance", x, {"samples": [(row["guidance_scale"], row) for row in rows]}, scores)
    ]
    curves, heights = [], []
    for name, style in (("class_accuracy", STYLES[4]), ("subject_accuracy", STYLES[0]), ("diversity", STYLES[2])):
        known = [(row["guidance_scale"], row[name]) for row in rows if row.get(name) is not None]
        if known:
            curves.append(Series(LABELS[name], style[0], [y for _, y in known], style[1], x=[at for at, _ in known]))
            heights += [y for _, y in known]
    if curves:
        if "class_accuracy_real" in scores and curves[0].label == "class_accuracy":
            curves.append(across("class accuracy in real images", scores["class_accuracy_real"], x, "#7f7f7f"))
            heights.append(scores["class_accuracy_real"])
        y = round_axis("fraction", heights, low=0)
        charts.append(
            Chart("Asked and seen, and how varied", "Agreement and diversity against guidance", x, y, [], curves)
        )
    return charts


def steps_charts(scores):
    """Chart FD against the evaluations that each image costs, a curve per sampler; no chart where nothing was measured."""
    rows = sorted(scores.get("by_steps", ()), key=lambda row: row["evaluations"])
    if not rows:
        return []
    curves = {}
    for row in rows:
        curves.setdefault(row["sampler"], []).append((math.log2(row["evaluations"]), row))
    x = doubling_axis("evaluations of the network per image", [row["evaluations"] for row in rows])
    return [_distance_chart("FD against cost", x, curves, scores)]


def _distance_chart(title, x, curves, scores):
    """Draw FD over x on a logarithmic axis, with bands, and with the floor of real images below; curves: {name: [(place, row)]}."""
    ends = {name: [_ends(row) for _, row in points] for name, points in curves.items()}
    heights = [end for pairs in ends.values() for pair in pairs for end in pair]
    floor = scores.get("FD_floor")
    y = log_axis("FD", [10**height for height in heights] + ([floor] if floor else []))
    series = []
    for style, (name, points) in zip(STYLES, curves.items(), strict=False):
        series += measured(
            name, style, [at for at, _ in points], [math.log10(row["FD"]) for _, row in points], ends[name]
        )
    if floor:
        series.append(across("real images", math.log10(floor), x, "#7f7f7f"))
    return Chart(title, f"{title}, logarithmic; lower is nearer to real images", x, y, [], series)


def _ends(row):
    band = row.get("FD_band") or 0
    return math.log10(max(row["FD"] - band, row["FD"] / 10)), math.log10(row["FD"] + band)


def _protocols(measured_cards):
    with st.expander("How this was measured", icon=":material/straighten:"):
        for card in measured_cards:
            st.markdown(f"**{card.title}**: {card.scores.get('protocol', 'its card does not say')}.")
            if command := card.scores.get("command"):
                st.code(command, language="sh", wrap_lines=True)
