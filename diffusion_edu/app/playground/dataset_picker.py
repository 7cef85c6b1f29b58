"""Which points a person wants to learn from: one of our sets, drawn by hand, or out of a file."""

import hashlib
import math
from dataclasses import dataclass

import streamlit as st
import torch

from diffusion_edu.app.components.point_cloud import widget
from diffusion_edu.data.points import POINT_SETS, Points, from_coordinates, read_points

DRAW, FILE = "draw your own", "a CSV file"
COUNT = 2000  # points in a set of ours, made of a drawing, or taken from a file at most
CLASSES = 16  # at most
DRAWN = "drawn"  # session key: [x, y, class] per point
JITTER = 0.02  # how far the points made of a drawing lie beside its strokes
UNLINKED = "Stays between you and this app's server, and is not part of the link to this page."


@dataclass(frozen=True, eq=False)
class Subject:
    """The points, what they are, and the lines of Python that make them."""

    points: Points
    name: str
    code: str

    @property
    def id(self):
        """The same for the same points and classes."""
        labels = b"" if self.points.labels is None else self.points.labels.numpy().tobytes()
        return hashlib.sha256(self.points.x.numpy().tobytes() + labels + repr(self.points.classes).encode()).hexdigest()


def dice():
    """The randomness that every set is made with."""
    return torch.Generator().manual_seed(0)


def ask():
    """Let a person choose; returns a Subject, or None while they are drawing. What cannot be used gets one sentence and two moons take its place."""
    source = st.sidebar.selectbox("Points", [*POINT_SETS, DRAW, FILE], key="points", bind="query-params")
    try:
        if source == DRAW:
            return _drawn()
        if source == FILE:
            return _file()
        return _ours(source)
    except ValueError as problem:
        st.error(str(problem))
        return _ours("two moons")


def _ours(name):
    words, more = "", {}
    if name == "letters":
        more = {"text": st.sidebar.text_input("Letters", "HI", max_chars=8, key="text", bind="query-params")}
        words = f", text={more['text']!r}"
    code = f'points = POINT_SETS["{name}"]({COUNT}, torch.Generator().manual_seed(0){words})'
    return Subject(POINT_SETS[name](COUNT, dice(), **more), name, code)


def _drawn():
    if DRAWN not in st.session_state:
        if (points := widget.pad("pad", st.session_state.get("sketch", ()))) is None:
            return None
        st.session_state[DRAWN] = points
        st.rerun()
    st.sidebar.button("Draw again", icon=":material/draw:", on_click=_again, width="stretch", help=UNLINKED)
    return from_drawing(st.session_state[DRAWN])


def _again():
    st.session_state.sketch = st.session_state.pop(DRAWN)


def from_drawing(drawn):
    """Make a Subject of [x, y, class] per point, as the browser sends it. Raises ValueError in words for anything else."""
    try:
        rows = [(float(x), float(y), int(label)) for x, y, label in drawn]
    except (TypeError, ValueError):
        raise ValueError("This drawing could not be read: draw again.") from None
    if not all(math.isfinite(x) and math.isfinite(y) and 0 <= label < CLASSES for x, y, label in rows):
        raise ValueError("This drawing could not be read: draw again.")
    labels = [f"class {label + 1}" for *_, label in rows]
    given = {"x": [[round(x, 3), round(y, 3)] for x, y, _ in rows], "labels": labels if len(set(labels)) > 1 else None}
    code = (
        f"drawn = {given['x']}\nlabels = {given['labels']}\n"
        f"points = from_coordinates(drawn, labels, n={COUNT}, generator=torch.Generator().manual_seed(0), jitter={JITTER})"
    )
    return Subject(from_coordinates(**given, n=COUNT, generator=dice(), jitter=JITTER), "your drawing", code)


def _file():
    words = f"Two numbers a line; a third column, if there is one, is the class. {UNLINKED}"
    given = st.sidebar.file_uploader("Your points", key="points_file", help=words)
    if given is None:
        st.info(
            "Choose a CSV file with two numbers a line, for example 0.5, -1. Until then: two moons.",
            icon=":material/info:",
        )
        return _ours("two moons")
    return from_file(given.getvalue())


def from_file(data):
    """Make a Subject of a file (bytes): all of its points, or COUNT of them if there are more. Raises ValueError in words if it cannot be used."""
    points, options = read_points(data), ""
    if len(points.classes) > CLASSES:
        raise ValueError(
            f"The third column holds {len(points.classes)} different classes: use at most {CLASSES}, or leave it out."
        )
    name = f"your file, {len(points):,} points"
    if len(points) > COUNT:
        name, options = (
            f"your file, {COUNT:,} of {len(points):,} points",
            f", n={COUNT}, generator=torch.Generator().manual_seed(0)",
        )
        points = read_points(data, n=COUNT, generator=dice())
    return Subject(points, name, f'points = read_points(Path("my_points.csv").read_bytes(){options})')
