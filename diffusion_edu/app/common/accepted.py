"""The values that a control has: what `control` fits every other value to.

Each class has `default`, fit(value) for a value of the session, read(texts) for the texts of a link, and write(value),
which gives those texts. fit and read raise ValueError, TypeError or OverflowError for what means nothing here.
"""

import math
import unicodedata
from dataclasses import dataclass, replace
from typing import Any

LONGEST = 20_000  # letters of a text that names no limit of its own


@dataclass(frozen=True)
class Number:
    """A number between low and high (None: no limit), whole or not."""

    low: float | None
    high: float | None
    default: Any
    whole: bool

    def fit(self, value):
        """Return the nearest number in the range."""
        if value is None and self.default is None:
            return None
        if isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(f"{value!r} is no number")
        number = round(value) if self.whole else float(value)
        number = number if self.low is None else max(self.low, number)
        return number if self.high is None else min(self.high, number)

    def read(self, texts):
        """Read the last text as a number."""
        return self.fit(float(texts[-1]))

    def write(self, value):
        """Write a number."""
        return [str(value)]


@dataclass(frozen=True)
class Interval:
    """Two numbers in order."""

    ends: Number
    default: tuple

    def fit(self, value):
        """Return both ends in the range and in order."""
        first, last = value
        return tuple(sorted((self.ends.fit(first), self.ends.fit(last))))

    def read(self, texts):
        """Read two texts."""
        return self.fit([float(text) for text in texts])

    def write(self, value):
        """Write both ends."""
        return [str(end) for end in value]


@dataclass(frozen=True)
class Choice:
    """One of several options; a number stands for the nearest where the options are numbers."""

    options: list
    default: Any
    words: Any = str  # option -> how it is written, on the page and in the link

    def fit(self, value):
        """Return the same option, or the nearest."""
        if value in self.options:
            return self.options[self.options.index(value)]
        if value is None and self.default is None:
            return None
        if not all(isinstance(option, (int, float)) for option in self.options) or not math.isfinite(value):
            raise ValueError(f"{value!r} is no option")
        return min(self.options, key=lambda option: abs(option - value))

    def read(self, texts):
        """Read the last text as an option."""
        known = {str(self.words(option)): option for option in self.options}
        return known[texts[-1]] if texts[-1] in known else self.fit(float(texts[-1]))

    def write(self, value):
        """Write an option."""
        return [str(self.words(value))]


@dataclass(frozen=True)
class Choices:
    """Some of several options, at most so many."""

    each: Choice
    default: list
    most: int | None

    def fit(self, value):
        """Return the options among the values, each once."""
        found = [option for option in dict.fromkeys(value) if option in self.each.options][: self.most]
        if value and not found:
            raise ValueError("none of these is an option")
        return found

    def read(self, texts):
        """Read the texts that are options; one empty text means none."""
        found = []
        for text in texts:
            try:
                found.append(self.each.read([text]))
            except (TypeError, ValueError, OverflowError):
                continue
        if not found and any(texts):
            raise ValueError("none of these is an option")
        return self.fit(found)

    def write(self, value):
        """Write the options."""
        return [text for option in value for text in self.each.write(option)] or [""]


@dataclass(frozen=True)
class Switch:
    """On or off."""

    default: bool

    def fit(self, value):
        """Return True or False as they are."""
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is neither on nor off")
        return value

    def read(self, texts):
        """Read "true" or "false"."""
        return self.fit({"true": True, "false": False}.get(texts[-1].lower()))

    def write(self, value):
        """Write "true" or "false"."""
        return [str(value).lower()]


@dataclass(frozen=True)
class Text:
    """A text without control characters, of limited length."""

    default: str
    longest: int

    def fit(self, value):
        """Return the text without what no text has, cut to its length."""
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no text")
        return "".join(letter for letter in value[: self.longest] if _is_text(letter))

    def read(self, texts):
        """Read the last text."""
        return self.fit(texts[-1])

    def write(self, value):
        """Write the text."""
        return [value]


def _is_text(letter):
    return letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cs")  # no NUL, no half of a pair


def accepted(name: str, args: tuple, options: dict) -> Any:
    """Return what the control of Streamlit with this name accepts, from the arguments that it is called with."""
    order, make = CONTROLS[name]
    return make({**dict(zip(order, args, strict=False)), **options})


def _number(given):
    low, high = given.get("min_value"), given.get("max_value")
    value, step = given.get("value", low if low is not None else 0.0), given.get("step")
    ends = [end for end in (low, high, step, *(value if isinstance(value, tuple) else [value])) if end is not None]
    whole = all(isinstance(end, int) for end in ends)
    first, *_, last = sorted(value) if isinstance(value, tuple) else (value, value)
    if value is not None:  # a slider reaches its default
        low, high = low if low is None else min(low, first), high if high is None else max(high, last)
    if isinstance(value, tuple):
        return Interval(Number(low, high, None, whole), value)
    return Number(low, high, value, whole)


def _options(given):
    return Choice(list(given["options"]), None, given.get("format_func", str))


def _selectbox(given):
    known, index = _options(given), given.get("index", 0)
    return replace(known, default=known.options[index] if known.options and index is not None else None)


def _select_slider(given):
    known = _options(given)
    return replace(known, default=given.get("value", known.options[0]))


def _segments(given):
    known, default = _options(given), given.get("default")
    if given.get("selection_mode") == "multi":
        return Choices(known, list(default or []), None)
    return replace(known, default=default)


def _multiselect(given):
    return Choices(_options(given), list(given.get("default") or []), given.get("max_selections"))


def _tabs(given):
    return Choice(list(given["tabs"]), given.get("default") or given["tabs"][0])


def _text(given):
    return Text(given.get("value", ""), given.get("max_chars") or LONGEST)


NUMBER = "label", "min_value", "max_value", "value", "step"
CONTROLS = {  # each control: the order of its first arguments, and what makes its accepted values
    "slider": (NUMBER, _number),
    "number_input": (NUMBER, _number),
    "selectbox": (("label", "options", "index"), _selectbox),
    "segmented_control": (("label", "options"), _segments),
    "pills": (("label", "options"), _segments),
    "select_slider": (("label", "options", "value"), _select_slider),
    "multiselect": (("label", "options", "default"), _multiselect),
    "tabs": (("tabs",), _tabs),
    "toggle": (("label", "value"), lambda given: Switch(given.get("value", False))),
    "text_input": (("label", "value", "max_chars"), _text),
    "text_area": (("label", "value", "height", "max_chars"), _text),
}
