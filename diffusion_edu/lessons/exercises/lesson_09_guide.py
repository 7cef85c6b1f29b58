"""Lesson 09: guide one prediction by the other (09.2), and at some timesteps only (09.4)."""

import torch
from torch import Tensor

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, chosen, combined, named, one_wrong
from diffusion_edu.lessons.checks.results import Unreadable

# 09.2: guide one prediction by the other -----------------------------------------------------------------------------


def _predictions(random):
    """Two predictions that leave [-1, 1], and a guidance scale."""
    shape = 3, 2, 4, 5
    scale = (1.0, 0.0, 0.5, *[inputs.number(random, 1.5, 7)] * 5)[inputs.whole(random, 0, 7)]
    return 1.5 * inputs.images(random, *shape), 1.5 * inputs.images(random, *shape), scale


def guide(unconditional, conditional, scale):
    """Go from the unconditional to the conditional prediction, and on."""
    return unconditional + scale * (conditional - unconditional)


START = "At scale 0 the unconditional prediction must come out."
END = "At scale 1 the conditional prediction must come out."

GUIDE = Exercise(
    title="Guide one prediction by the other",
    draw=_predictions,
    answer=guide,
    means="Scale 0 is the unconditional prediction, 1 the conditional one; beyond 1 the same line goes on.",
    mistakes=named(
        {
            "The two predictions have changed places: you move away from the condition.": (
                lambda u, c, s: c + s * (u - c)
            ),
            "You start from the conditional prediction (as Ho & Salimans do, with their weight w). Our scale counts "
            f"from the unconditional one. {END}": lambda u, c, s: c + s * (c - u),
            "The direction is reversed: you move away from the condition.": lambda u, c, s: u + s * (u - c),
            "You left out where the line starts: the difference alone is no prediction.": (lambda u, c, s: s * (c - u)),
            "The difference alone, with the wrong sign: where does the line start?": lambda u, c, s: s * (u - c),
            f"The scale is one too small. {END}": lambda u, c, s: u + (s - 1) * (c - u),
            "You divide by the scale: a larger scale must lead further away.": lambda u, c, s: (
                u + (c - u) / (s if s else 1e-9)
            ),
            f"You add the conditional prediction itself, not the difference of the two. {END}": (
                lambda u, c, s: u + s * c
            ),
            f"You add a multiple of the unconditional prediction to the conditional one. {START}": (
                lambda u, c, s: c + s * u
            ),
            f"You subtract the unconditional prediction once, whatever the scale is. {START}": (
                lambda u, c, s: s * c - u
            ),
            f"You subtract one prediction from a multiple of the other. {START}": lambda u, c, s: s * u - c,
            f"Only a multiple of the conditional prediction is left, no unconditional one. {START}": (
                lambda u, c, s: s * c
            ),
            f"You multiply the unconditional prediction alone. {END}": lambda u, c, s: s * u,
            f"The scale multiplies both terms. Look at the brackets. {START}": (
                lambda u, c, s: s * (u + c - u) + s * u,
                lambda u, c, s: s * (u + s * (c - u)),
            ),
            f"The scale multiplies the start as well. {START}": lambda u, c, s: s * u + (c - u),
            f"The scale has no effect: this is the conditional prediction. {START}": lambda u, c, s: c,
            f"The scale has no effect: this is the unconditional prediction. {END}": lambda u, c, s: u,
            "This is the mean of the two predictions, whatever the scale is.": lambda u, c, s: (u + c) / 2,
            "This is the difference alone; neither scale nor start is used.": lambda u, c, s: c - u,
            "You squared the scale.": lambda u, c, s: u + s**2 * (c - u),
            "You took the root of the scale.": lambda u, c, s: u + s**0.5 * (c - u),
            "You clipped the result. Guidance itself leaves the range of images; clipping is a separate step.": (
                lambda u, c, s: (u + s * (c - u)).clamp(-1, 1)
            ),
            "You clipped the two predictions before guiding: then the guided difference is too small.": (
                lambda u, c, s: u.clamp(-1, 1) + s * (c.clamp(-1, 1) - u.clamp(-1, 1))
            ),
            "You divided by the sum of the weights. The weights of both predictions together are 1 already.": (
                lambda u, c, s: (u + s * c) / (1 + s)
            ),
            "You use the size of the difference and lose its sign.": lambda u, c, s: u + s * (c - u).abs(),
            "You round the scale. It may have a fraction.": lambda u, c, s: u + round(s) * (c - u),
        }
    ),
    properties=(
        Property(
            "Where both predictions agree, guidance changes nothing: the weights of the two must add up to 1.",
            lambda result, u, c, s: _weights_add_up(result, u, c),
        ),
        Property(
            "You go along the right line, but not as far as the scale says.",
            lambda result, u, c, s: torch.allclose(result, guide(u, c, s)),
        ),
    ),
    linear=("unconditional", "conditional"),
    where=lambda u, c, s: f"scale = {s:.3g}",
    line="Look at the start of the line, and at the direction that the scale multiplies.",
)


def _weights_add_up(result: Tensor, u: Tensor, c: Tensor) -> bool:
    """Whether the result is a u + (1 - a) c for one number a."""
    if result.shape != u.shape:
        return False
    along, away = (u - c).double().flatten(), (result - c.double()).flatten()
    a = (along @ away) / (along @ along)
    return bool(torch.allclose(a * along, away, atol=1e-4))


# 09.4: guide at some timesteps only ----------------------------------------------------------------------------------


def _interval(random):
    """Two predictions, a scale, a timestep and an interval."""
    low = inputs.whole(random, 2, 400)
    high = low + inputs.whole(random, 20, 400)
    unconditional, conditional = inputs.images(random, 2, 3, 4, 5), inputs.images(random, 2, 3, 4, 5)
    return unconditional, conditional, inputs.number(random, 2, 6), inputs.whole(random, low + 2, high - 2), low, high


def guide_between(unconditional, conditional, scale, t, low, high):
    """Guide at timesteps from low to high; elsewhere use the conditional prediction."""
    return guide(unconditional, conditional, scale) if low <= t <= high else conditional


def _at_all_places(function, unconditional, conditional, scale, t, low, high):
    """Ask below the interval, at its ends, inside and above: one result each."""
    places = (low - 1, low, t, high, high + 1, 0, 1000)
    results = [function(unconditional, conditional, scale, each, low, high) for each in places]
    if all(result is None or result is ... for result in results):
        return None
    for place, result in zip(places, results, strict=True):
        if result is None or result is ...:
            raise Unreadable(f"With low = {low}, high = {high} and t = {place} nothing comes back.")
        if (shape := tuple(torch.as_tensor(result).shape)) != conditional.shape:
            raise Unreadable(
                f"With low = {low}, high = {high} and t = {place} the result has the shape {shape}. It must be that of "
                f"the predictions, {tuple(conditional.shape)}."
            )
    return results


def _between(inside, when, outside):
    def answer(u, c, scale, t, low, high):
        return inside(u, c, scale) if when(t, low, high) else outside(u, c, scale)

    return answer


WHEN: Parts = {
    "": lambda t, low, high: low <= t <= high,
    "Both ends belong to the interval.": lambda t, low, high: low < t < high,
    "The upper end belongs to the interval, too.": lambda t, low, high: low <= t < high,
    "The lower end belongs to the interval, too.": lambda t, low, high: low < t <= high,
    "It is the other way round: you guide outside the interval, and not inside it.": (
        lambda t, low, high: not low <= t <= high
    ),
    "The interval has an upper end, too.": lambda t, low, high: t >= low,
    "The interval has an upper end, too, and its lower end belongs to it.": lambda t, low, high: t > low,
    "The interval has a lower end, too.": lambda t, low, high: t <= high,
    "The interval has a lower end, too, and its upper end belongs to it.": lambda t, low, high: t < high,
    "You guide above the interval only.": lambda t, low, high: t > high,
    "You guide below the interval only.": lambda t, low, high: t < low,
    "You guide above the interval and at its upper end.": lambda t, low, high: t >= high,
    "You guide below the interval and at its lower end.": lambda t, low, high: t <= low,
}
NO_INTERVAL: Parts = {
    "": WHEN[""],
    "You guide at every timestep. Is your condition ever false?": lambda t, low, high: True,
    "You never guide. Is your condition ever true?": lambda t, low, high: False,
}
INSIDE: Parts = {
    "": guide,
    "Inside, the two predictions have changed places.": lambda u, c, s: c + s * (u - c),
    "Inside, you start from the conditional prediction: that is the convention with the weight w.": (
        lambda u, c, s: c + s * (c - u)
    ),
    "Inside, the start of the line is missing.": lambda u, c, s: s * (c - u),
    "Inside, you use the unconditional prediction without any guidance.": lambda u, c, s: u,
    "Inside, you multiply the conditional prediction alone.": lambda u, c, s: s * c,
    "Inside, you add the conditional prediction itself instead of the difference.": lambda u, c, s: u + s * c,
    "Inside, the scale is one too small.": lambda u, c, s: u + (s - 1) * (c - u),
    "Inside, you divide by the scale.": lambda u, c, s: u + (c - u) / s,
    "Inside, this is the mean of the two predictions.": lambda u, c, s: (u + c) / 2,
    "Inside, the result is clipped.": lambda u, c, s: guide(u, c, s).clamp(-1, 1),
}
OUTSIDE: Parts = {
    "": lambda u, c, s: c,
    "Outside the interval you drop the condition. Without guidance it still counts.": lambda u, c, s: u,
    "Outside the interval nothing is predicted: without guidance there is still a prediction.": lambda u, c, s: 0 * c,
    "Outside the interval you take the mean of both predictions; it costs a second evaluation.": (
        lambda u, c, s: (u + c) / 2
    ),
    "Outside the interval the scale must have no effect.": lambda u, c, s: s * c,
    "Outside the interval you keep the difference alone.": lambda u, c, s: c - u,
    "Outside the interval you keep the difference alone, scaled.": lambda u, c, s: s * (c - u),
    "Outside the interval you guide the other way.": lambda u, c, s: c + s * (u - c),
}

GUIDE_BETWEEN = Exercise(
    title="Guide at some timesteps only",
    draw=_interval,
    answer=guide_between,
    run=_at_all_places,
    means="Outside the interval one evaluation is enough: there the conditional prediction is used as it is.",
    mistakes=(
        *one_wrong(_between, INSIDE, WHEN, OUTSIDE),
        *combined(_between, chosen(INSIDE, 1, 2, 3, 4), chosen(WHEN, 1, 2, 3), chosen(OUTSIDE, 1, 2)),
        *combined(_between, chosen(INSIDE), chosen(WHEN, 4, 5, 6, 7, 8), chosen(OUTSIDE, 1, 2, 4)),
        *combined(_between, {"": guide}, NO_INTERVAL, {"": OUTSIDE[""]}),
        *named(
            {
                "Guidance is full inside the interval; it does not rise step by step.": (
                    lambda u, c, s, t, low, high: guide(u, c, s * (t - low) / (high - low)) if low <= t <= high else c,
                    lambda u, c, s, t, low, high: (
                        guide(u, c, 1 + (s - 1) * (t - low) / (high - low)) if low <= t <= high else c
                    ),
                ),
            }
        ),
    ),
    properties=(
        Property(
            "Below and above the interval the conditional prediction must come out as it is.",
            lambda result, u, c, *_: all(
                result[k].shape == c.shape and torch.allclose(result[k], c.double()) for k in (0, 4, 5, 6)
            ),
        ),
        Property(
            "Both ends of the interval belong to it: the same guidance as inside.",
            lambda result, *_: torch.allclose(result[1], result[2]) and torch.allclose(result[3], result[2]),
        ),
    ),
    example=lambda: (torch.tensor([1.0]), torch.tensor([2.0]), 3.0, 500, 400, 600),
    where=lambda u, c, s, t, low, high: (
        f"unconditional = {u.flatten()[0]:.2g}, conditional = {c.flatten()[0]:.2g}, scale = {s:.2g}, low = {low}, "
        f"high = {high}, for t = {low - 1}, {low}, {t}, {high}, {high + 1}, 0 and 1000 in turn"
    ),
    line="Look at the condition of the `if`, and at what comes back where it is false.",
)
