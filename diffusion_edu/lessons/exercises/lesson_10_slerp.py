"""Exercise 10.3, from one noise to another on the sphere."""

import math

import torch
from torch import Tensor

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, named


def _angle(a: Tensor, b: Tensor) -> Tensor:
    """The angle between a and b (b, ...), one for each image, shaped to multiply them."""
    u, v = a.flatten(1), b.flatten(1)
    cosine = (u * v).sum(1) / (u.norm(dim=1) * v.norm(dim=1))
    return torch.acos(cosine).view(-1, *[1] * (a.ndim - 1))


def _slerp(a, b, fraction):
    angle = _angle(a, b)
    return (torch.sin((1 - fraction) * angle) * a + torch.sin(fraction * angle) * b) / torch.sin(angle)


def _two_noises(random):
    a, b = inputs.noise(random, 3, 2, 2, 3), inputs.noise(random, 3, 2, 2, 3)
    return a, 1.3 * b + inputs.number(random, -0.4, 0.4) * a, inputs.number(random, 0.1, 0.9)


def _cosine(a, b):
    return torch.cos(_angle(a, b))


def _one_angle(a, b):
    return torch.acos((a * b).sum() / (a.norm() * b.norm()))


ANGLES: Parts = {
    "": _angle,
    "You use one angle for the whole batch. Each pair of images has its own.": _one_angle,
    "This is the cosine of the angle. The angle itself is needed.": _cosine,
    "You measure the angle in degrees. sin expects radians.": lambda a, b: torch.rad2deg(_angle(a, b)),
    "There is an angle for each channel. An image is one long arrow: flatten all of it.": lambda a, b: torch.acos(
        (a * b).sum((2, 3)) / (a.flatten(2).norm(dim=2) * b.flatten(2).norm(dim=2))
    )[:, :, None, None],
    "There is an angle for each pixel. An image is one long arrow: flatten all of it.": lambda a, b: torch.acos(
        ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).clamp(-1, 1)
    )[:, None],
    "The angles have the shape (b,), so PyTorch uses one for each column. Give them the shape (b, 1, 1, 1).": (
        lambda a, b: _angle(a, b).flatten()
    ),
    "The angle is doubled.": lambda a, b: 2 * _angle(a, b),
    "The angle is halved.": lambda a, b: _angle(a, b) / 2,
}
WEIGHTS: Parts = {
    "": lambda w, f: (torch.sin((1 - f) * w) / torch.sin(w), torch.sin(f * w) / torch.sin(w)),
    "a and b have changed places: at fraction 0 your result is b.": lambda w, f: (
        torch.sin(f * w) / torch.sin(w),
        torch.sin((1 - f) * w) / torch.sin(w),
    ),
    "The division is missing: at fraction 0 your result is shorter than a.": lambda w, f: (
        torch.sin((1 - f) * w),
        torch.sin(f * w),
    ),
    "The division has the angle itself where its sine belongs.": lambda w, f: (
        torch.sin((1 - f) * w) / w,
        torch.sin(f * w) / w,
    ),
    "The sine of a product is not the product of sines: the fraction belongs to the angle.": lambda w, f: (
        (1 - f) * torch.sin(w),
        f * torch.sin(w),
    ),
    "The weight of a is what is left up to one. It has a sine of its own.": lambda w, f: (
        1 - torch.sin(f * w) / torch.sin(w),
        torch.sin(f * w) / torch.sin(w),
    ),
    "You used cosines. At fraction 0 the weight of b has to vanish.": lambda w, f: (
        torch.cos((1 - f) * w) / torch.sin(w),
        torch.cos(f * w) / torch.sin(w),
    ),
    "The weight of a is a cosine of the way. That fits right angles only.": lambda w, f: (
        torch.cos(f * w),
        torch.sin(f * w),
    ),
    "The two parts are subtracted. Both belong to the result.": lambda w, f: (
        torch.sin((1 - f) * w) / torch.sin(w),
        -torch.sin(f * w) / torch.sin(w),
    ),
}


def _on_sphere(angle, weights):
    def answer(a, b, fraction):
        of_a, of_b = weights(angle(a, b), fraction)
        return of_a * a + of_b * b

    return answer


def _unit(x):
    return x / x.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def _line_between(a, b, f):
    return (1 - f) * a + f * b


SLERP = Exercise(
    title="Spherical interpolation",
    draw=_two_noises,
    answer=_slerp,
    means="Halfway between two noises lies a noise again, as strong as they are.",
    example=lambda: (
        torch.tensor([2.0, 0.0], dtype=torch.float64).view(1, 1, 1, 2),
        torch.tensor([1.0, 3**0.5], dtype=torch.float64).view(1, 1, 1, 2),
        0.25,
    ),
    where=lambda a, b, fraction: (
        "a = [2, 0], b = [1, root of 3], which is 60 degrees away, fraction = 0.25"
        if a.numel() == 2
        else f"fraction = {fraction:.3g}"
    ),
    line="Check the angle first (one for each image), then the two weights at fraction 0 and at fraction 1.",
    mistakes=(
        *named(
            {
                "This is the straight line between the two. It passes through the inside of the sphere.": (
                    _line_between
                ),
                "This is the straight line from b to a: fraction 0 should be a.": lambda a, b, f: _line_between(
                    b, a, f
                ),
                "The weights are roots of the fractions. They keep the strength only if the angle is a right one.": (
                    lambda a, b, f: (1 - f) ** 0.5 * a + f**0.5 * b
                ),
                "You divide a and b by their lengths, and the result has length one. Noise is much longer.": (
                    lambda a, b, f: _slerp(_unit(a), _unit(b), f),
                    lambda a, b, f: _unit(_slerp(a, b, f)),
                    lambda a, b, f: _unit(_line_between(a, b, f)),
                    lambda a, b, f: _unit(_slerp(_unit(a), _unit(b), f)) + 0 * a,
                ),
                "You lengthen the straight line. It is long enough then, but the steps along it are not even.": (
                    lambda a, b, f: _unit(_line_between(a, b, f)) * a.flatten(1).norm(dim=1).view(-1, 1, 1, 1),
                    lambda a, b, f: _unit(_line_between(a, b, f)) * b.flatten(1).norm(dim=1).view(-1, 1, 1, 1),
                    lambda a, b, f: _line_between(a, b, f) / (f**2 + (1 - f) ** 2) ** 0.5,
                    lambda a, b, f: (
                        _unit(_line_between(a, b, f))
                        * _line_between(a.flatten(1).norm(dim=1), b.flatten(1).norm(dim=1), f).view(-1, 1, 1, 1)
                    ),
                ),
                "You take a right angle for granted. Nearly all noises meet at one, but not these.": (
                    lambda a, b, f: math.cos(f * math.pi / 2) * a + math.sin(f * math.pi / 2) * b
                ),
                "The angle is that between a and minus b.": _on_sphere(
                    lambda a, b: math.pi - _angle(a, b), WEIGHTS[""]
                ),
                "The fraction is not used: this is the middle.": lambda a, b, f: _slerp(a, b, 0.5),
                "You add a and b. Where is the fraction?": (
                    lambda a, b, f: a + b,
                    lambda a, b, f: (a + b) / 2,
                    lambda a, b, f: (a + b) / 2**0.5,
                ),
                "The angle needs a cosine between -1 and 1. Divide by the lengths of a and b.": (
                    _on_sphere(lambda a, b: torch.acos((a * b).flatten(1).sum(1)).view(-1, 1, 1, 1), WEIGHTS[""]),
                    _on_sphere(
                        lambda a, b: torch.acos((a * b).flatten(1).sum(1).clamp(-1, 1)).view(-1, 1, 1, 1), WEIGHTS[""]
                    ),
                    _on_sphere(
                        lambda a, b: torch.acos((a * b).flatten(1).mean(1).clamp(-1, 1)).view(-1, 1, 1, 1), WEIGHTS[""]
                    ),
                ),
                "You divide by the lengths of the whole batches. Each image has a length of its own.": _on_sphere(
                    lambda a, b: torch.acos((a * b).flatten(1).sum(1) / (a.norm() * b.norm())).view(-1, 1, 1, 1),
                    WEIGHTS[""],
                ),
                "A length is a root of a sum of squares. Your lengths have no root.": _on_sphere(
                    lambda a, b: torch.acos(
                        (a * b).flatten(1).sum(1) / (a.square().flatten(1).sum(1) * b.square().flatten(1).sum(1))
                    ).view(-1, 1, 1, 1),
                    WEIGHTS[""],
                ),
                "The angle is missing: your sines are those of the fractions.": lambda a, b, f: (
                    math.sin(1 - f) * a + math.sin(f) * b
                ),
                "You take the sine where its inverse is needed: how do you get an angle from its cosine?": (
                    _on_sphere(lambda a, b: torch.asin(_cosine(a, b)), WEIGHTS[""]),
                    _on_sphere(lambda a, b: torch.cos(_cosine(a, b)), WEIGHTS[""]),
                ),
            }
        ),
        *combined(_on_sphere, ANGLES, WEIGHTS),
    ),
    properties=(
        Property(
            "For some images your result is shorter than both a and b. On the sphere nothing gets lost.",
            lambda x, a, b, f: bool(
                (x.flatten(1).norm(dim=1) > 0.98 * torch.minimum(a.flatten(1).norm(dim=1), b.flatten(1).norm(dim=1)))
                .all()
                .item()
                or _angle(a, b).min() < 1
            ),
        ),
    ),
)
