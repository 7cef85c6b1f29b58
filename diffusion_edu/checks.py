"""Type hints that hold: a function marked `@checked` compares its arguments with its hints before it computes anything.

What does not fit raises ValueError, in one sentence. So the mathematics needs hardly any checks of its own, and a hint
such as `eta: Fraction` says what eta may be. Numbers of numpy are accepted as numbers; a list is no tensor.
"""

from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from math import isfinite
from numbers import Integral, Real
from reprlib import repr as shortened
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np
import torch
from torch import Tensor

PLAIN = (NoneType, str, bytes, Real, list, tuple, set, dict, range, np.ndarray, Tensor)
WORDS: dict[Any, str] = {
    int: "a whole number below 2**63",
    float: "a finite number",
    bool: "True or False",
    str: "a word",
    Tensor: "a tensor that is not empty",
    NoneType: "None",
}


@dataclass(frozen=True)
class Rule:
    """What a hint asks for besides a type: in words, as they follow "must be", and as a test of the value."""

    words: str
    holds: Callable[[Any], Any]


def one_of(names: Iterable[str]) -> Rule:
    """Ask for one of these names."""
    return Rule(f"one of {', '.join(names)}", lambda name: name in names)


def same_count(**batches: Sized) -> None:
    """Raise ValueError unless all batches have as many entries as the first; each is named by what an entry is."""
    (first, batch), *others = batches.items()
    for name, other in others:
        if len(other) != len(batch):
            found = f"{len(batch)} {first}s came with {len(other)} {name}s"
            raise ValueError(f"Every {first} needs a {name} of its own: {found}.")


def is_whole(x: Tensor) -> bool:
    """Return whether a tensor holds whole numbers, of any length."""
    return not (x.is_floating_point() or x.is_complex() or x.dtype == torch.bool)


def _real(x: Tensor) -> bool:
    return not x.is_complex() and (x.is_meta or bool(x.isfinite().all()))


def _fractions(x: Tensor) -> bool:
    return _real(x) and (x.is_meta or bool(((x >= 0) & (x <= 1)).all()))


def _one_each(x: Tensor) -> bool:
    return x.ndim == 1 and _fractions(x)


def _whole(t: int | Tensor) -> bool:
    return not isinstance(t, Tensor) or (t.ndim <= 1 and is_whole(t) and not t.is_meta)


def _images(x: Tensor) -> bool:
    return x.ndim == 4 and _real(x)


Count = Annotated[int, Rule("a whole number from 1 to 1,000,000", lambda n: 1 <= n <= 1_000_000)]
Index = Annotated[int, Rule("a whole number, 0 or more", lambda n: n >= 0)]
Fraction = Annotated[float, Rule("a number from 0 to 1", lambda value: 0 <= value <= 1)]
Positive = Annotated[float, Rule("a finite number above 0", lambda value: value > 0)]
NotNegative = Annotated[float, Rule("a finite number, 0 or more", lambda value: value >= 0)]
Fractions = Annotated[Tensor, Rule("a tensor of numbers from 0 to 1", _fractions)]
OneFractionEach = Annotated[Tensor, Rule("a tensor (b,) of numbers from 0 to 1, one per image", _one_each)]
Numbers = Annotated[Tensor, Rule("a tensor of numbers, not empty, without NaN and infinity", _real)]
Maps = Annotated[Tensor, Rule("a tensor (b, c, h, w) that is not empty", lambda x: x.ndim == 4)]
Images = Annotated[Tensor, Rule("images, a tensor (b, c, h, w), not empty, without NaN and infinity", _images)]
Seeds = Annotated[Sequence[int], Rule("a list of whole numbers, one seed per image", len)]
Timestep = Annotated[int | Tensor, Rule("a whole number, or a tensor (b,) of whole numbers", _whole)]
Timesteps = Annotated[Sequence[int], Rule("a list of whole numbers, 0 or more", lambda t: t and min(t) >= 0)]

Checked = TypeVar("Checked", bound=Callable)


def checked(function: Checked) -> Checked:
    """Make a function, or a dataclass, raise ValueError for arguments that do not fit its hints."""
    if isinstance(function, type):
        setattr(function, "__init__", checked(function.__init__))  # type: ignore[misc] # noqa: B010
        return function
    names, hints = list(signature(function).parameters), function.__annotations__
    owner = function.__qualname__.removesuffix(".__init__").removesuffix(".__call__")

    def fitting(name: str, value: Any) -> Any:
        hint = hints.get(name, Any)
        value = _plain(hint, value)
        if _fits(hint, value):
            return value
        raise ValueError(f"{name} of {owner} must be {_words(hint)}, not {_shown(value)}.")

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if torch.compiler.is_compiling():
            return function(*args, **kwargs)
        extra = args[len(names) :]  # too many of them: Python says so
        args = tuple(map(fitting, names, args[: len(names)])) + extra
        return function(*args, **{name: fitting(name, value) for name, value in kwargs.items()})

    return call  # type: ignore[return-value]


def _plain(hint: Any, value: Any) -> Any:
    """Read numbers of numpy and tensors of one number as plain numbers, where plain numbers are meant."""
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if not isinstance(value, (np.generic, np.ndarray, Tensor)):
        return value
    if get_origin(base) in (Union, UnionType):
        return next((plain for each in get_args(base) if _fits(each, plain := _plain(each, value))), value)
    if base in (int, float) and value.ndim == 0:
        return value.item()
    if get_origin(base) in (Sequence, tuple) and value.ndim == 1:
        return tuple(value.tolist()) if get_origin(base) is tuple else value.tolist()
    return value


def _fits(hint: Any, value: Any) -> bool:
    """Whether a value fits a hint; a hint that says little, such as Any, fits everything."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _fits(inner[0], value) and all(rule.holds(value) for rule in inner[1:])
    if origin in (Union, UnionType):
        return any(_fits(each, value) for each in inner)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin is Callable or getattr(hint, "_is_protocol", False):
        return callable(value)
    if origin in (Sequence, tuple):
        return isinstance(value, Sequence) and not isinstance(value, str) and all(_fits(inner[0], v) for v in value)
    if hint is int:
        return isinstance(value, Integral) and value is not True and value is not False and abs(int(value)) < 2**63
    if hint is float:
        return isinstance(value, Real) and value is not True and value is not False and _finite(value)
    if hint is Tensor:
        return isinstance(value, Tensor) and value.numel() > 0
    kind = NoneType if hint is None else origin or hint
    if kind is Any or not isinstance(kind, type) or isinstance(value, kind):
        return True
    return not isinstance(value, PLAIN) and not issubclass(kind, PLAIN)  # another object may stand in


def _finite(value: Real) -> bool:
    try:
        return isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _words(hint: Any) -> str:
    """Say what fits a hint, as it follows "must be"."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return inner[-1].words
    if origin in (Union, UnionType):
        return " or ".join(map(_words, inner))
    if origin is Literal:
        return " or ".join(inner)
    if origin in (Sequence, tuple):
        return "a list" if inner[0] is Any else f"a list, each {_words(inner[0])}"
    if origin is Callable or getattr(hint, "_is_protocol", False):
        return "a function"
    return WORDS.get(hint) or f"of type {getattr(hint, '__name__', hint)}"


def _shown(value: Any) -> str:
    """Show a value in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"an array of numpy of shape {value.shape}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return shortened(value) if isinstance(value, PLAIN) else f"an object of type {type(value).__name__}"
