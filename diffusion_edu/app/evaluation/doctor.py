"""The symptom doctor: tell it what you know, or let it read a run and examine the model, and it says what is wrong and why."""

from dataclasses import fields
from pathlib import Path

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.evaluation import doctor_form, doctor_job
from diffusion_edu.checkpoints import OWN, Unusable, available, read_card
from diffusion_edu.doctor import CAUSES, SYMPTOMS, Findings, Looks, diagnose, read_run
from diffusion_edu.museum import EXHIBITS

TOLD, READ = "What I tell it", "A run or a model"


def show():
    """Show the doctor: what is known on the left, what is wrong on the right."""
    source = st.segmented_control(
        "The doctor goes by",
        [TOLD, READ],
        default=TOLD,
        required=True,
        key="doctor_source",
        bind="query-params",
        label_visibility="collapsed",
    )
    findings, code, left, right = _told() if source == TOLD else _read()
    if findings is None:
        return
    with right:
        _results(findings)
    found = [rule.evidence for rule in (*CAUSES, *SYMPTOMS) if rule(findings)]
    show_code(code, diagnose, *found[:3], does="give this diagnosis")


def _told():
    """Let a person tell what they know; returns the Findings, the code that judges them, and the two columns."""
    doctor_form.examples()
    left, right = st.columns([9, 11], gap="large")
    with left:
        findings = doctor_form.ask()
    return (
        findings,
        f"from diffusion_edu.doctor import Findings, Looks, diagnose\n\nfindings = {_written(findings)}\n{SAY}",
        left,
        right,
    )


SAY = "for diagnosis in diagnose(findings):\n    print(diagnosis.name, diagnosis.why, diagnosis.remedy, sep='\\n')\n"


def _written(values):
    known = ((field.name, getattr(values, field.name), field.default) for field in fields(values))
    inside = (
        f"{name}={_written(value) if isinstance(value, Looks) else repr(value)}"
        for name, value, default in known
        if value != default
    )
    return f"{type(values).__name__}({', '.join(inside)})"


def runs():
    """List what can be read, as {name: path}: models with a card, and trainings under way that have only a curve so far."""
    known = available()
    under_way = {
        path.parent.name: path.parent for path in sorted(OWN.glob("*/log.csv")) if path.parent.name not in known
    }
    return {**{name: path for name, path in known.items() if not _is_judge(path)}, **under_way}


def _is_judge(path):
    try:
        return read_card(path).class_name == "class"
    except Unusable:
        return False  # it is on the list, so that choosing it says what is wrong with it


def _read():
    """Let a person choose a run; returns like _told, with None for the Findings if there are none."""
    known = runs()
    if not known:
        st.info(
            "There is no run and no model yet: train one, or tell the doctor what you know.", icon=":material/info:"
        )
        return None, "", None, None
    choice, button, estimate = st.columns([3, 2, 4], vertical_alignment="bottom")
    name = choice.selectbox("Run or model", list(known), key="doctor_run", bind="query-params")
    try:
        findings = read_run(known[name])
    except ValueError as problem:
        st.error(str(problem))
        return None, "", None, None
    path = known[name].relative_to(Path.cwd()) if known[name].is_relative_to(Path.cwd()) else known[name]
    code = f'from diffusion_edu.doctor import diagnose, read_run\n\nfindings = read_run("{path.as_posix()}")\n'
    sampled = doctor_job.offer(name, findings, button, estimate) if name in models.cards() else None
    left, right = st.columns([9, 11], gap="large")
    with left:
        if sampled:
            findings, page = sampled
            code = doctor_job.IMPORTS + code + doctor_job.CODE.format(name=name)
            st.image(page, caption="The samples that were measured", alt=f"Images sampled by {name}")
        st.markdown(
            "\n".join(
                [
                    "| What I know | |",
                    "| --- | ---: |",
                    *(f"| {words} | {value} |" for words, value in facts(findings).items()),
                ]
            )
        )
    return findings, code + SAY, left, right


def facts(findings):
    """Everything known, in words: {what: value}."""
    names = {name: words for name, (words, *_) in (doctor_form.CHOICES | doctor_form.NUMBERS).items()} | MEASURED
    found = {}
    for name, words in names.items():
        part, _, inside = name.partition(".")
        value = getattr(findings, part)
        value = getattr(value, inside, None) if inside else value
        if value is not None:
            found[words] = (
                f"{value:,.4g}"
                if isinstance(value, float)
                else f"{value:,}"
                if type(value) is int
                else "yes"
                if value is True
                else doctor_form.READ.get(value, value)
            )
    return found


MEASURED = {
    "sampled.neighbours": "Samples, likeness of neighbours",
    "sampled.grain": "Samples, grain",
    "fits": "Answers are most like",
    "label_gain": "Share of the error that a label saves",
    "nearest": "Distance to real images (1: as theirs)",
}


def _results(findings):
    """Say what is wrong, most probable first."""
    if findings == Findings():
        st.info("Tell me what you know: every number helps. Or try one of the examples.", icon=":material/info:")
        return
    found = diagnose(findings)
    if not found:
        st.success("**Nothing is wrong that I can see.**", icon=":material/check_circle:")
        st.caption(
            f"{len(CAUSES) + len(SYMPTOMS)} rules have looked at the {len(facts(findings))} things I know. What nobody told me I cannot judge."
        )
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
    return f"Known mistake {pitfall}" + (
        f", in the bug museum: [{shown.title}](?exhibit={shown.slug})" if shown else ""
    )
