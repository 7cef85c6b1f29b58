"""The exercises of lesson 10, editing and cascades: what they expect, and the mistakes that have a name."""

import math

import torch
from torch import Tensor

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, named
from diffusion_edu.lessons.checks.lesson_10_cascade import HOLD, RESAMPLE_PATH
from diffusion_edu.lessons.checks.lesson_10_inpainting import INPAINT_STEP, KEEP_KNOWN

# 10.1: where image-to-image starts ----------------------------------------------------------------------------------


def _start_from(x0, strength, eps, schedule):
    t = round(strength * schedule.T)
    signal, noise = schedule.rates(t, x0)
    return t, signal * x0 + noise * eps


def _strengths(random):
    """An image, a strength that lies clearly between two timesteps, noise, and a schedule."""
    T, near = inputs.whole(random, 9, 14), inputs.number(random, -0.3, 0.3)
    x0, eps = inputs.images(random, 2, 3, 4, 5), inputs.noise(random, 2, 3, 4, 5)
    return x0, (inputs.whole(random, 1, T - 1) + near) / T, eps, inputs.bent_schedule(random, T)


def _at_all_strengths(function, x0, strength, eps, schedule):
    """Ask for both ends, a strength below and one above the nearest timestep, and at last for the one that is given."""
    between = ((schedule.T // 2 + part) / schedule.T for part in (-0.2, 0.2))
    results = [function(x0, each, eps, schedule) for each in (0.0, 1.0, *between, strength)]
    return None if any(result is None for result in results) else results


TIMESTEPS: Parts = {
    "": lambda strength, T: round(strength * T),
    "The timestep is cut off. Take the nearest whole number.": lambda strength, T: int(strength * T),
    "The timestep is rounded up. Take the nearest whole number.": lambda strength, T: math.ceil(strength * T),
    "You start one timestep too high: strength 0 would already add noise.": lambda strength, T: min(
        round(strength * T) + 1, T
    ),
    "You start one timestep too low: strength 1 would not reach the last timestep.": lambda strength, T: max(
        round(strength * T) - 1, 0
    ),
    "The strength is the wrong way round: strength 0 should change nothing.": lambda strength, T: round(
        (1 - strength) * T
    ),
    "You always start at the last timestep. Where does the strength come in?": lambda strength, T: T,
    "You round the strength itself. Round after multiplying.": lambda strength, T: round(strength) * T,
    "The strength is squared.": lambda strength, T: round(strength**2 * T),
    "You start at least at timestep 1. Strength 0 should change nothing.": lambda strength, T: max(
        round(strength * T), 1
    ),
    "Strength 1 should start at the last timestep, not one below it.": lambda strength, T: round(strength * (T - 1)),
}
MIXTURES: Parts = {
    "": lambda x0, eps, signal, noise, strength: signal * x0 + noise * eps,
    "The image is clean. A walk from timestep t needs an image with the noise of timestep t.": (
        lambda x0, eps, signal, noise, strength: x0
    ),
    "This is noise only: nothing of the image is left.": lambda x0, eps, signal, noise, strength: eps,
    "The image does not shrink. At timestep t it has the signal rate.": (
        lambda x0, eps, signal, noise, strength: x0 + noise * eps
    ),
    "The noise joins at full strength.": lambda x0, eps, signal, noise, strength: signal * x0 + eps,
    "The image shrinks, and the noise is missing.": lambda x0, eps, signal, noise, strength: signal * x0,
    "The two rates have changed places.": lambda x0, eps, signal, noise, strength: noise * x0 + signal * eps,
    "You multiply with powers. Image and noise need rates.": (
        lambda x0, eps, signal, noise, strength: signal**2 * x0 + noise**2 * eps
    ),
    "The image is multiplied by a power. It needs the signal rate.": (
        lambda x0, eps, signal, noise, strength: signal**2 * x0 + noise * eps
    ),
    "The noise is multiplied by its variance. It needs the noise rate.": (
        lambda x0, eps, signal, noise, strength: signal * x0 + noise**2 * eps
    ),
    "You mix image and noise by the strength. The schedule says how much of each there is at timestep t.": (
        lambda x0, eps, signal, noise, strength: (1 - strength) * x0 + strength * eps
    ),
    "You mix by roots of the strength. The schedule says how much of each there is at timestep t.": (
        lambda x0, eps, signal, noise, strength: (1 - strength) ** 0.5 * x0 + strength**0.5 * eps
    ),
    "You add the strength times noise. The schedule says how much noise there is at timestep t.": (
        lambda x0, eps, signal, noise, strength: x0 + strength * eps
    ),
    "The noise has the wrong sign.": lambda x0, eps, signal, noise, strength: signal * x0 - noise * eps,
}


def _started(top, mixture):
    def answer(x0, strength, eps, schedule):
        t = top(strength, schedule.T)
        return t, mixture(x0, eps, *schedule.rates(t, x0), strength)

    return answer


START_FROM = Exercise(
    title="Where image-to-image starts",
    draw=_strengths,
    run=_at_all_strengths,
    answer=_start_from,
    means="Strength 0 gives the image back, bit for bit. Strength 1 starts where generation starts.",
    linear=("x0", "eps"),
    where=lambda x0, strength, eps, schedule: f"strength = {strength:.3g} and T = {schedule.T}",
    line="Check two things: t, a fraction of all timesteps as a whole number, and the two rates at this t.",
    mistakes=(
        *combined(_started, TIMESTEPS, MIXTURES),
        *named(
            {
                "The timestep comes first, the noisy image second.": lambda *given: _start_from(*given)[::-1],
                "Only the noisy image came back. Where does the walk start? Give the timestep, too.": (
                    lambda *given: _start_from(*given)[1]
                ),
                "Only the timestep came back. Give the noisy image, too.": lambda *given: _start_from(*given)[0],
                "A timestep is a whole number. Round it.": lambda x0, strength, eps, schedule: (
                    strength * schedule.T,
                    _start_from(x0, strength, eps, schedule)[1],
                ),
                "You never start above timestep 0. Where does the strength come in?": lambda x0, *rest: (0, x0),
                "The first result is the strength. Give the timestep that belongs to it.": (
                    lambda x0, strength, eps, schedule: (strength, _start_from(x0, strength, eps, schedule)[1])
                ),
                "The timestep is right, but the image is noised to the last timestep.": (
                    lambda x0, strength, eps, schedule: (
                        round(strength * schedule.T),
                        _start_from(x0, 1.0, eps, schedule)[1],
                    )
                ),
            }
        ),
    ),
    properties=(
        Property(
            "Strength 0 should change nothing: timestep 0, and the image itself.",
            lambda result, x0, strength, eps, schedule: torch.equal(result[1], x0),
        ),
        Property(
            "Strength 1 should start at the last timestep.",
            lambda result, x0, strength, eps, schedule: result[2] == schedule.T,
        ),
    ),
)

# 10.3: on the sphere from one noise to another ----------------------------------------------------------------------


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
            "Your result is shorter than both a and b. On the sphere nothing gets lost.",
            lambda x, a, b, f: bool(
                (x.flatten(1).norm(dim=1) > 0.98 * torch.minimum(a.flatten(1).norm(dim=1), b.flatten(1).norm(dim=1)))
                .all()
                .item()
                or _angle(a, b).min() < 1
            ),
        ),
    ),
)

EXERCISES = {
    "10.1": START_FROM,
    "10.2": KEEP_KNOWN,
    "10.3": SLERP,
    "10.4": INPAINT_STEP,
    "10.5": HOLD,
    "10.6": RESAMPLE_PATH,
}
