"""Read what an answer returned as numbers, and compare two results."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from diffusion_edu.schedules import Schedule

Numbers = tuple[Tensor, ...]  # one tensor float64 for each tensor, array or list of numbers in a result


class Unreadable(Exception):
    """A result that holds no real numbers; its text says in one sentence what it is."""


def numbers(result: object) -> Numbers:
    """Read a number, a tensor, an array, or a list or tuple of them; raises Unreadable for everything else."""
    if isinstance(result, list | tuple) and any(_has_sides(each) for each in result):
        return tuple(tensor for each in result for tensor in numbers(each))
    try:
        tensor = torch.as_tensor(result).detach()
        if tensor.is_meta:
            raise Unreadable("The result lies on the device 'meta', which holds no values: compute it on the CPU.")
        if tensor.is_complex():
            raise Unreadable("The result must be real numbers; yours are complex.")
        return (tensor.cpu().double(),)
    except Unreadable:
        raise
    except Exception as problem:  # strings, sets, ragged lists: each fails in a way of its own
        raise Unreadable(
            "The result must be numbers (a tensor, a number, or a list of them); "
            f"yours is of type {type(result).__name__}."
        ) from problem


def _has_sides(value):
    """Whether a value is more than one number."""
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0


def agree(one: Numbers, other: Numbers) -> bool:
    """Say whether two results are the same but for rounding; a list of one number may stand for the number."""
    return len(one) == len(other) and all(map(_close, one, other))


def _close(one, other):
    if one.numel() == other.numel() == 1:
        one, other = one.reshape(()), other.reshape(())
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-5, equal_nan=True)


def as_one(result: Numbers, right: Numbers) -> Numbers:
    """Stack a list of rows, or of lists of rows, where one tensor is right: it holds the same numbers."""
    if len(right) == 1 < len(result) and len({each.shape for each in result}) == 1:
        rows, wanted = torch.stack(result), right[0].shape
        nested = rows.numel() == right[0].numel() and rows.shape[1:] == wanted[-1:]
        return (rows.view(wanted) if nested else rows,)
    return result


def alone(result: Numbers) -> Tensor | Numbers:
    """Return the tensor of a result of one, all of them otherwise: what properties are asked about."""
    return result[0] if len(result) == 1 else result


def shapes(result: Numbers) -> str:
    """Name the shapes of a result in words."""
    if len(result) != 1:
        sides = [str(tuple(each.shape)) if each.ndim else "() (a number)" for each in result]
        same = f"of the shape {sides[0]} each" if len({*sides}) == 1 else f"of the shapes {', '.join(sides)}"
        return f"{len(result)} results {same}"
    return f"the shape {tuple(result[0].shape)}" if result[0].ndim else "no shape, it is one number,"


def unchanged(one: Any, other: Any) -> bool:
    """Say whether an input is as it was; what is neither numbers nor a schedule counts as unchanged."""
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, Schedule):
        return torch.equal(one.signal, other.signal) and torch.equal(one.noise, other.noise)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(unchanged, one, other))
    return one == other if isinstance(one, int | float | str) else True


def short(value: object) -> str:
    """Write an input or a result in a few characters: numbers with three digits, large tensors as their shape."""
    if isinstance(value, Tensor) and value.numel() > 8:
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(short, value)) + "]"
    return f"{value:.3g}" if isinstance(value, float) else str(value) if isinstance(value, int | str) else ""
