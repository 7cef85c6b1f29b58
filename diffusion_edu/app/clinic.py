"""The symptom doctor: tell it what you know, or let it read a run and examine the model, and it says what is wrong and why."""

from dataclasses import fields
from pathlib import Path

import streamlit as st
import torch

from diffusion_edu.app import background, complaint, darkroom, models, pace
from diffusion_edu.app.layout import show_code
from diffusion_edu.checkpoints import OWN, Unusable, available, read_card
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.doctor import CAUSES, SYMPTOMS, Findings, Looks, ask, diagnose, examine, read_run
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate
from diffusion_edu.museum import EXHIBITS

KEY = "clinic"
TOLD, READ = "what I tell it", "a run or a model"
PICTURES, ASKED, AT_ONCE = 8, 16, 4  # drawn, and real ones that the network is asked about, so many at a time


def show():
    """Show the doctor: what is known on the left, what is wrong on the right."""
    left, right = st.columns([9, 11], gap="large")
    with left:
        source = st.segmented_control("The doctor goes by", [TOLD, READ], default=TOLD, required=True, key="doctor_source", bind="query-params")
        findings, code = _told() if source == TOLD else _read()
    with right:
        if findings is not None:
            _results(findings)
    if findings is not None:
        found = [rule.evidence for rule in (*CAUSES, *SYMPTOMS) if rule(findings)]
        show_code(code, diagnose, *found[:3], does="give this diagnosis")


def _told():
    complaint.examples()
    findings = complaint.ask()
    return findings, f"from diffusion_edu.doctor import Findings, Looks, diagnose\n\nfindings = {_written(findings)}\n{SAY}"


SAY = "for diagnosis in diagnose(findings):\n    print(diagnosis.name, diagnosis.why, diagnosis.remedy, sep='\\n')\n"


def _written(values):
    known = ((field.name, getattr(values, field.name), field.default) for field in fields(values))
    inside = (f"{name}={_written(value) if isinstance(value, Looks) else repr(value)}" for name, value, default in known if value != default)
    return f"{type(values).__name__}({', '.join(inside)})"


def runs():
    """List what can be read, as {name: path}: models with a card, and trainings under way that have only a curve so far."""
    known = available()
    under_way = {path.parent.name: path.parent for path in sorted(OWN.glob("*/log.csv")) if path.parent.name not in known}
    return {**{name: path for name, path in known.items() if not _is_judge(path)}, **under_way}


def _is_judge(path):
    try:
        return read_card(path).kind == "class"
    except Unusable:
        return False  # it is on the list, so that choosing it says what is wrong with it


def _read():
    """Let a person choose a run; returns its Findings and the code that finds them, or None."""
    known = runs()
    if not known:
        st.info("There is no run and no model yet: train one, or tell the doctor what you know.", icon=":material/info:")
        return None, ""
    name = st.selectbox("Run or model", list(known), key="doctor_run", bind="query-params")
    try:
        findings = read_run(known[name])
    except ValueError as problem:
        st.error(str(problem))
        return None, ""
    path = known[name].relative_to(Path.cwd()) if known[name].is_relative_to(Path.cwd()) else known[name]
    code = f'from diffusion_edu.doctor import diagnose, read_run\n\nfindings = read_run("{path.as_posix()}")\n{SAY}'
    if name in models.cards():
        findings = _examined(name, findings)
    _facts(findings)
    return findings, code


def _facts(findings):
    """Show what was read or measured, as a small table."""
    lines = [f"| {words} | {value} |" for words, value in facts(findings).items()]
    if lines:
        st.markdown("\n".join(["| | |", "| --- | ---: |", *lines]))


def facts(findings):
    """Everything known, in words: {what: value}."""
    names = {name: words for name, (words, *_) in (complaint.CHOICES | complaint.NUMBERS).items()} | MEASURED
    found = {}
    for name, words in names.items():
        part, _, inside = name.partition(".")
        value = getattr(findings, part)
        value = getattr(value, inside, None) if inside else value
        if value is not None:
            found[words] = (
                f"{value:,.3g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else "yes" if value is True else str(value)
            )
    return found


MEASURED = {
    "drawn.neighbours": "Neighbours in the drawings agree to",
    "drawn.grain": "Grain on the drawings",
    "fits": "Its answers are most like",
    "label_gain": "Share of the error that the right label takes away",
    "nearest": "Distance to the nearest real picture (1: as among these)",
}


def _examined(name, known):
    """Offer to draw with the model; returns what is known, with what was measured if it was."""
    stored = st.session_state.get("doctor_examined")
    background.problem(KEY)
    if background.running(KEY):
        if st.session_state.get("doctor_patient") == name:
            _watch(name)
            return known
        background.cancel(KEY)
    try:
        model = models.get(name)
        preset = Preset(**model.card.sampling)
        seconds = pace.expected(model, preset, PICTURES, bool(model.card.classes)) + (2 * pace.expected(model, Preset(moves=1), ASKED, True))
    except (Unusable, ValueError) as problem:
        st.error(str(problem))
        return known
    if st.button("Examine the model", key="examine", icon=":material/stethoscope:", help=f"Draws {PICTURES} pictures and measures them."):
        background.begin(KEY, visit(model, preset, known), preset.moves + 2)
        st.session_state.doctor_patient = name
        st.rerun()
    st.caption(f"Draws {PICTURES} pictures as its card says and measures them: about {max(seconds, 1):.0f} s on this machine.")
    if stored and stored[0] == name:
        st.image(stored[2], caption=f"The {PICTURES} drawings that were measured", alt=f"{PICTURES} pictures drawn by {name}")
        return stored[1]
    return known


def visit(model, preset, known):
    """Draw, ask the network about real pictures if it was trained on ours, and measure: yields States, then the Findings and the drawings."""
    card, flowers = model.card, darkroom.pictures()
    labels = [(37 * seed) % len(card.classes) for seed in range(PICTURES)] if card.classes else None
    start = None
    for state in generate(model, preset, range(PICTURES), labels):
        start = state.x if start is None else start
        yield state
    real, answers = None, []
    if card.size == flowers.images.shape[-1] and list(card.classes) == list(flowers.classes):
        real, kinds = to_signed(flowers.images[::4]), flowers.labels[::4]
        for rows in torch.arange(ASKED).split(AT_ONCE):
            x0, told = model.compute.place(real[rows]), kinds[rows].to(model.compute.device)
            answers.append(ask(model.net, x0, told if card.classes else None, seed=int(rows[0]), autocast=model.compute.autocast))
            yield state
    measured = examine(known, drawn=state.x.cpu(), start=start.cpu(), levels=preset.levels(), real=real, answers=answers)
    yield measured, grid(to_bytes(state.x.nan_to_num()), zoom=1)


def _watch(name):
    def says(job):
        return (
            "Waiting for a turn" if job.latest is None else f"Level {job.latest.t}" if isinstance(job.latest, State) and job.latest.t else "Measuring"
        )

    def look(item):
        if isinstance(item, State):
            st.image(grid(to_bytes(item.x.nan_to_num())), caption=f"Level {item.t}", alt=f"Pictures under way at level {item.t}")

    def over(job):
        st.session_state.doctor_examined = (name, *job.latest)

    background.watch(KEY, says, look, over)


def _results(findings):
    """Say what is wrong, most probable first."""
    if findings == Findings():
        st.info("Tell me what you know: every number helps. Or try one of the examples.", icon=":material/info:")
        return
    found = diagnose(findings)
    if not found:
        st.success("**Nothing is wrong that I can see.**", icon=":material/check_circle:")
        st.caption(f"{len(CAUSES) + len(SYMPTOMS)} rules looked at: {', '.join(facts(findings)).lower()}. What nobody told me I cannot judge.")
    for place, diagnosis in enumerate(found, 1):
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"#### {place}. {diagnosis.name}")
            st.markdown(diagnosis.what)
            st.markdown(f":material/search: **Why I think so:** {diagnosis.why}")
            st.markdown(f":material/healing: **What to do:** {diagnosis.remedy}")
            if words := exhibit(diagnosis.pitfall):
                st.caption(words)


def exhibit(pitfall):
    """The line that leads to a mistake's place in the museum, or an empty one."""
    if pitfall is None:
        return ""
    shown = next((exhibit for exhibit in EXHIBITS.values() if exhibit.pitfall == pitfall), None)
    return f"Known mistake {pitfall}" + (f", in the bug museum: [{shown.title}](?exhibit={shown.slug})" if shown else "")
