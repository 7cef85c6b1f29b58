"""The points that the network learns: one of our point sets, points drawn by hand, or points from a file."""

import math
from dataclasses import dataclass

import streamlit as st
import torch

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.state import callback, own
from diffusion_edu.app.components.point_cloud import widget
from diffusion_edu.data.point_files import read_points
from diffusion_edu.data.points import POINT_SETS, Points, from_coordinates

DRAW, FILE = "draw your own", "a CSV file"
COUNT = 2000  # points in one of our sets, in a set made from a drawing, and at most in a file
MAX_CLASSES = 16
MOST_BYTES, MOST_LINES = 2_000_000, 50_000  # of a file of points: reading more takes too long
DRAWN, PREVIOUS = "drawn points", "previous points"  # session keys: [x, y, class] per point
JITTER = 0.02  # standard deviation of the points around the strokes of a drawing
UNLINKED = "Stays between you and this app's server, and is not part of the link to this page."


@dataclass(frozen=True, eq=False)
class Dataset:
    """The points, their name, and the Python code that makes them."""

    points: Points
    name: str
    code: str

    @property
    def id(self):
        """The same for the same points and classes."""
        labels = () if self.points.labels is None else (self.points.labels,)
        return settings_id(self.points.x, *labels, self.points.classes)


def generator():
    """Return the random generator that every set is made with."""
    return torch.Generator().manual_seed(0)


def ask():
    """Ask for a Dataset; returns None while a person is drawing.

    Points that cannot be used get one sentence, and two moons take their place.
    """
    source = control(st.sidebar.selectbox, "Points", [*POINT_SETS, DRAW, FILE], key="points")
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
    words, options = "", {}
    if name == "letters":
        options = {"text": control(st.sidebar.text_input, "Letters", "HI", max_chars=8, key="text")}
        words = f", text={options['text']!r}"
    code = f'points = POINT_SETS["{name}"]({COUNT}, torch.Generator().manual_seed(0){words})'
    return Dataset(POINT_SETS[name](COUNT, generator(), **options), name, code)


def _drawn():
    if own(DRAWN) not in st.session_state:
        points = widget.drawing_pad("drawing pad", st.session_state.get(own(PREVIOUS), ()))
        if points is None:
            return None
        st.session_state[own(DRAWN)] = points
        st.rerun()
    st.sidebar.button("Draw again", icon=":material/draw:", on_click=_again, width="stretch", help=UNLINKED)
    return from_drawn_points(st.session_state[own(DRAWN)])


@callback
def _again():
    st.session_state[own(PREVIOUS)] = st.session_state.pop(own(DRAWN))


def from_drawn_points(drawn):
    """Make a Dataset of [x, y, class] per point, as the browser sends it.

    Raises ValueError in words for anything else.
    """
    try:
        rows = [(float(x), float(y), int(label)) for x, y, label in drawn]
    except (TypeError, ValueError):
        raise ValueError("The drawn points could not be read: draw again.") from None
    if not all(math.isfinite(x) and math.isfinite(y) and 0 <= label < MAX_CLASSES for x, y, label in rows):
        raise ValueError("The drawn points could not be read: draw again.")
    labels = [f"class {label + 1}" for *_, label in rows]
    given = {"x": [[round(x, 3), round(y, 3)] for x, y, _ in rows], "labels": labels if len(set(labels)) > 1 else None}
    options = f"n={COUNT}, generator=torch.Generator().manual_seed(0), jitter={JITTER}"
    code = f"drawn = {given['x']}\nlabels = {given['labels']}\npoints = from_coordinates(drawn, labels, {options})"
    points = from_coordinates(**given, n=COUNT, generator=generator(), jitter=JITTER)
    return Dataset(points, "your drawing", code)


def _file():
    words = f"Two numbers per line; an optional third column is the class. {UNLINKED}"
    given = st.sidebar.file_uploader("Your points", key=own("points_file"), help=words)
    if given is None:
        words = "Choose a CSV file with two numbers per line, for example 0.5, -1. Until then: two moons."
        st.info(words, icon=":material/info:")
        return _ours("two moons")
    return from_file(given.getvalue())


def from_file(data):
    """Make a Dataset of a file (bytes), with COUNT of its points at most.

    Raises ValueError in words if it cannot be used.
    """
    for found, most, what in ((len(data), MOST_BYTES, "bytes"), (data.count(b"\n"), MOST_LINES, "lines")):
        if found > most:
            raise ValueError(f"The file has {found:,} {what}, and {most:,} are the most: choose a smaller one.")
    points, options = read_points(data), ""
    if len(points.classes) > MAX_CLASSES:
        found = f"The third column holds {len(points.classes)} different classes"
        raise ValueError(f"{found}: use at most {MAX_CLASSES}, or leave it out.")
    name = f"your file, {len(points):,} points"
    if len(points) > COUNT:
        name = f"your file, {COUNT:,} of {len(points):,} points"
        options = f", n={COUNT}, generator=torch.Generator().manual_seed(0)"
        points = read_points(data, n=COUNT, generator=generator())
    return Dataset(points, name, f'points = read_points(Path("my_points.csv").read_bytes(){options})')
