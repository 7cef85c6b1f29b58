"""Exercises 13.1 to 13.3, flow matching: the training pair, the velocity, and Euler's walk along it."""

from itertools import pairwise

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import chosen, combined, factors, named, one_wrong
from diffusion_edu.lessons.checks.inputs import images, noise, number, whole

# 13.1: what a flow network is trained on ---------------------------------------------------------------------------


def flow_pair(x0, eps, tau):
    tau = tau[:, None, None, None]
    return (1 - tau) * x0 + tau * eps, eps - x0


MIXTURES = {
    "": lambda x0, eps, tau: (1 - tau) * x0 + tau * eps,
    "In x, image and noise have changed places: at tau = 0 it is the clean image.": lambda x0, eps, tau: (
        tau * x0 + (1 - tau) * eps
    ),
    "You took roots of the two rates, so that squares sum to one. On the linear path the rates themselves do.": (
        lambda x0, eps, tau: (1 - tau).sqrt() * x0 + tau.sqrt() * eps
    ),
    "You chose the image's rate so that squares sum to one. On the linear path the rates themselves do.": (
        lambda x0, eps, tau: (1 - tau**2).sqrt() * x0 + tau * eps
    ),
    "You chose the noise's rate so that squares sum to one. On the linear path the rates themselves do.": (
        lambda x0, eps, tau: (1 - tau) * x0 + (1 - (1 - tau) ** 2).sqrt() * eps
    ),
    "You turned the image into noise by an angle (cosine and sine). The linear path has no angle.": (
        lambda x0, eps, tau: (torch.pi / 2 * tau).cos() * x0 + (torch.pi / 2 * tau).sin() * eps
    ),
    "The image does not shrink in x.": lambda x0, eps, tau: x0 + tau * eps,
    "In x, the noise has its full strength at every tau.": lambda x0, eps, tau: (1 - tau) * x0 + eps,
    "In x, image and noise are both there at full strength.": lambda x0, eps, tau: x0 + eps,
    "In x, a sign is wrong: image and noise are added.": lambda x0, eps, tau: (1 - tau) * x0 - tau * eps,
    "In x, the rates are squared.": lambda x0, eps, tau: (1 - tau) ** 2 * x0 + tau**2 * eps,
}
VELOCITIES = {
    "": lambda x0, eps, tau, x: eps - x0,
    "u points from the noise to the image. It is the derivative of x with respect to tau, and tau grows towards the "
    "noise.": lambda x0, eps, tau, x: x0 - eps,
    "The second is the noise (prediction type eps). Asked for is the derivative of x with respect to tau.": (
        lambda x0, eps, tau, x: eps
    ),
    "The second is the clean image (prediction type x0). Asked for is the derivative of x with respect to tau.": (
        lambda x0, eps, tau, x: x0
    ),
    "u is only the way that is left, from x to the noise. On a straight line the derivative is the same everywhere.": (
        lambda x0, eps, tau, x: eps - x
    ),
    "u is only the way that has been gone so far, from the image to x, or it is multiplied by tau. On a straight line "
    "the derivative is the same everywhere.": (lambda x0, eps, tau, x: x - x0),
    "You add image and noise in u: a derivative of a falling rate has a minus.": lambda x0, eps, tau, x: eps + x0,
    "The second is v, for an angle. On the linear path the derivative is simpler.": (
        lambda x0, eps, tau, x: (torch.pi / 2 * tau).cos() * eps - (torch.pi / 2 * tau).sin() * x0
    ),
    "u is weighted with the two rates: you took rates where their derivatives belong.": (
        lambda x0, eps, tau, x: tau * eps - (1 - tau) * x0
    ),
    "u is weighted with exchanged rates: you took rates where their derivatives belong.": (
        lambda x0, eps, tau, x: (1 - tau) * eps - tau * x0
    ),
    "u is x once more.": lambda x0, eps, tau, x: x,
    "u is scaled to length one. Its length matters: it says how fast x changes.": (
        lambda x0, eps, tau, x: (eps - x0) / (eps - x0).flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    ),
}
TIMES = {
    "": lambda tau: tau[:, None, None, None],
    "Your taus run along the columns of pixels. Every image has a tau of its own.": lambda tau: tau,
    "All images get the tau of the first one. Each has its own.": lambda tau: tau[0],
    "All images get the mean of all taus. Each has its own.": lambda tau: tau.mean(),
    "Your taus run along the rows of pixels. Every image has a tau of its own.": lambda tau: tau[:, None],
    "You turned time round: tau = 1 is the noise.": lambda tau: 1 - tau[:, None, None, None],
}


def _pair(mixture, velocity, time):
    """The answer that is made of these parts."""

    def answer(x0, eps, tau):
        tau = time(tau)
        x = mixture(x0, eps, tau)
        return x, velocity(x0, eps, tau, x).expand_as(x)

    return answer


def _draw_pair(random):
    """As many images as rows and columns: then a tau along the wrong side raises nothing."""
    return images(random, 4, 3, 4, 4), noise(random, 4, 3, 4, 4), 0.1 + 0.8 * torch.rand(4, generator=random).double()


FLOW_PAIR = Exercise(
    title="What a flow network is trained on",
    answer=flow_pair,
    means="A straight line from image to noise, and its direction. This is the whole of flow matching's training data.",
    draw=_draw_pair,
    mistakes=(
        *one_wrong(_pair, MIXTURES, VELOCITIES, chosen(TIMES, 1, 2, 3, 4)),
        *combined(_pair, MIXTURES, chosen(VELOCITIES, 1, 2, 3, 7), chosen(TIMES)),
        *combined(_pair, chosen(MIXTURES, 1, 6), chosen(VELOCITIES, 1, 3, 6), chosen(TIMES, 1, 2)),
        *named(
            {
                "The two results are in the wrong order: x first, then u.": (
                    lambda x0, eps, tau: flow_pair(x0, eps, tau)[::-1]
                ),
                "Only x comes back. A network needs its target, too.": lambda x0, eps, tau: flow_pair(x0, eps, tau)[0],
                "Only u comes back. A network needs its input, too.": lambda x0, eps, tau: flow_pair(x0, eps, tau)[1],
            }
        ),
    ),
    properties=(
        Property("Return two tensors: x and u.", lambda result, *_: isinstance(result, tuple) and len(result) == 2),
        Property(
            "Go from x against u for the time tau: you must arrive at the clean image. You do not.",
            lambda result, x0, eps, tau: torch.allclose(
                result[0] - tau[:, None, None, None] * result[1], x0, rtol=1e-3, atol=1e-4
            ),
        ),
    ),
    example=lambda: (torch.ones(1, 1, 1, 2), torch.tensor([[[[3.0, -1.0]]]]), torch.tensor([0.25])),
    line="Look at x at tau = 0 and at tau = 1; then take the derivative of that line with respect to tau.",
)

# 13.2: the velocity that a prediction implies -----------------------------------------------------------------------


def velocity(x, x0_hat, tau):
    return (x - x0_hat) / tau


TOPS = {
    "": lambda x, x0, tau: x - x0,
    "The velocity points towards the noise, as tau does: start and end have changed places.": lambda x, x0, tau: x0 - x,
    "You subtracted the image's part only. Then the result is the noise, not the velocity.": (
        lambda x, x0, tau: x - (1 - tau) * x0
    ),
    "You subtracted the image's part, in the wrong direction: this is minus the noise.": (
        lambda x, x0, tau: (1 - tau) * x0 - x
    ),
    "The plus should be a minus.": lambda x, x0, tau: x + x0,
    "The prediction is multiplied by tau, or brackets are missing.": lambda x, x0, tau: x - tau * x0,
    "x does not enter.": lambda x, x0, tau: x0,
    "The prediction does not enter.": lambda x, x0, tau: x,
    "x is multiplied by what is left of the image. It is on the path already.": lambda x, x0, tau: (1 - tau) * x - x0,
    "x is multiplied by tau, or brackets are missing.": lambda x, x0, tau: tau * x - x0,
    "Both are multiplied by what is left of the image.": lambda x, x0, tau: (1 - tau) * (x - x0),
}
BELOW = {
    "": lambda tau: tau,
    "Nothing divides the way: a velocity is a way divided by the time that it took.": lambda tau: 1,
    "You divide by the time that is left until the noise. The way from the image to x took the other part.": (
        lambda tau: 1 - tau
    ),
    "You multiply by the time where you should divide.": lambda tau: 1 / tau,
    "You divide by the time squared.": lambda tau: tau**2,
    "You divide by the root of the time.": lambda tau: tau**0.5,
    "You multiply by the time that is left.": lambda tau: 1 / (1 - tau),
    "You divide by both times together.": lambda tau: tau * (1 - tau),
    "You divide by one and the time together.": lambda tau: 1 + tau,
}


def _quotient(top, below):
    return lambda x, x0_hat, tau: top(x, x0_hat, tau) / below(tau)


def _is_mixture(u, x, x0_hat, tau):
    return factors(u, x, x0_hat)[0] == factors(u, x, x0_hat)[0]  # NaN: it is none


VELOCITY = Exercise(
    title="The velocity of a prediction",
    answer=velocity,
    means="Every denoiser is a velocity field, so every network of this course can walk along a flow.",
    draw=lambda random: (noise(random, 2, 3, 5, 4), images(random, 2, 3, 5, 4), number(random, 0.1, 0.9)),
    mistakes=(
        *one_wrong(_quotient, TOPS, BELOW),
        *combined(_quotient, chosen(TOPS, 1, 3, 4), chosen(BELOW, 1, 2, 3)),
        *named(
            {
                "This is the image that would belong to a predicted noise: the two have changed places.": (
                    lambda x, x0_hat, tau: (x - tau * x0_hat) / (1 - tau)
                ),
            }
        ),
    ),
    properties=(
        Property(
            "Go from x against the velocity for the time tau: you must arrive at the prediction. You do not.",
            lambda u, x, x0_hat, tau: u.shape != x.shape or torch.allclose(x - tau * u, x0_hat, atol=1e-3),
        ),
        Property("The velocity is made of x and of the prediction, and of nothing else.", _is_mixture),
    ),
    linear=("x", "x0_hat"),
    example=lambda: (torch.ones(1, 2).double(), torch.zeros(1, 2).double(), 0.5),
    where=lambda x, x0_hat, tau: f"tau = {tau:.3g}",
    line="Look at the way from the prediction (tau = 0) to x, and at the time that this way takes.",
)

# 13.3: Euler's walk ------------------------------------------------------------------------------------------------


def euler(denoise, x, taus):
    for tau, after in pairwise(taus):
        x = x + (after - tau) * velocity(x, denoise(x, tau), tau)
    return x


PREDICTIONS = {
    "": lambda denoise, x, start, tau, after: denoise(x, tau),
    "The denoiser is asked at the tau where the step ends. It sees x, which is at the tau where the step begins.": (
        lambda denoise, x, start, tau, after: denoise(x, after)
    ),
    "The denoiser always sees the first x. It must see the x of this step.": (
        lambda denoise, x, start, tau, after: denoise(start, tau)
    ),
    "The denoiser is asked once, at the start. Ask it again in every step, at every tau.": (
        lambda denoise, x, start, tau, after: denoise(start, 1.0)
    ),
    "The denoiser always gets tau = 1. It must know the noise level of this step.": (
        lambda denoise, x, start, tau, after: denoise(x, 1.0)
    ),
}
SLOPES = {
    "": lambda x, x0, tau, after: (x - x0) / tau,
    "A sign is wrong: your walk goes up to more noise. What is the sign of a step's time?": lambda x, x0, tau, after: (
        (x0 - x) / tau
    ),
    "The way is not divided by tau: it is no velocity yet.": lambda x, x0, tau, after: x - x0,
    "You divide by the time that is left until the noise.": lambda x, x0, tau, after: (x - x0) / max(1 - tau, 1e-3),
    "This is the predicted noise, not the velocity.": lambda x, x0, tau, after: (x - (1 - tau) * x0) / tau,
    "The velocity is the prediction itself.": lambda x, x0, tau, after: x0,
    "You multiply by tau where you should divide.": lambda x, x0, tau, after: (x - x0) * tau,
}
ADVANCES = {
    "": lambda x, start, u, tau, after, steps: x + (after - tau) * u,
    "You multiply by the tau where the step ends. A step is as long as the difference of the two.": (
        lambda x, start, u, tau, after, steps: x + after * u
    ),
    "Each step goes all the way down to tau = 0. It must end at the next tau.": (
        lambda x, start, u, tau, after, steps: x - tau * u
    ),
    "All your steps are equally long. The list of taus says how long each is.": (
        lambda x, start, u, tau, after, steps: x - u / steps
    ),
    "Every step starts from the first x. It must start where the last one ended.": (
        lambda x, start, u, tau, after, steps: start + (after - tau) * u
    ),
    "x is not kept: the result is the step alone.": lambda x, start, u, tau, after, steps: (after - tau) * u,
    "The length of the step is missing.": lambda x, start, u, tau, after, steps: x - u,
    "The length of the step is missing, and its sign: tau falls.": lambda x, start, u, tau, after, steps: x + u,
    "You mix the velocity into x as if tau were a rate.": (
        lambda x, start, u, tau, after, steps: (1 - after) * u + after * x
    ),
}
RANGES = {
    "": lambda taus: list(pairwise(taus)),
    "The last step is missing: the walk must arrive at the last tau.": lambda taus: list(pairwise(taus))[:-1],
    "The first step is missing: the walk starts at the first tau.": lambda taus: list(pairwise(taus))[1:],
    "Only the first step is done. Does your function end inside the loop?": lambda taus: list(pairwise(taus))[:1],
    "Every second step is missing: neighbouring pairs overlap.": lambda taus: list(
        zip(taus[::2], taus[1::2], strict=False)
    ),
}


def _walk(prediction, slope, advance, steps):
    """The loop that is made of these parts."""

    def answer(denoise, x, taus):
        start, pairs = x, steps(taus)
        for tau, after in pairs:
            x0_hat = prediction(denoise, x, start, tau, after)
            x = advance(x, start, slope(x, x0_hat, tau, after), tau, after, len(pairs))
        return x

    return answer


def _states(denoise, x, taus):
    states = [x]
    for tau, after in pairwise(taus):
        states.append(euler(denoise, states[-1], [tau, after]))
    return states


def _upwards(denoise, x, taus):
    for tau, after in pairwise(sorted(taus)):
        x = x + (after - tau) * (x - denoise(x, tau)) / max(tau, 1e-8)
    return x


def _draw_walk(random):
    a, b, mean = number(random, 0.2, 0.8), number(random, 0.2, 0.6), images(random, 3, 2, 2)
    inner = sorted((number(random, 0.1, 0.9) for _ in range(whole(random, 2, 4))), reverse=True)
    return lambda x, tau: a * x * (1 - b * tau) + b * tau * mean, noise(random, 2, 3, 2, 2), [1.0, *inner, 0.0]


EULER = Exercise(
    title="Euler's walk",
    answer=euler,
    means="On the linear path this is DDIM, number for number: one walk with two names.",
    draw=_draw_walk,
    mistakes=(
        *one_wrong(_walk, PREDICTIONS, SLOPES, ADVANCES, RANGES),
        *combined(_walk, chosen(PREDICTIONS), chosen(SLOPES, 2, 4, 5, 6), chosen(ADVANCES), chosen(RANGES, 1, 2)),
        *named(
            {
                "These are all states. Asked for is the last x.": (
                    _states,
                    lambda denoise, x, taus: torch.stack(_states(denoise, x, taus)),
                ),
                "You walk from small tau to large: generation starts at the noise, at tau = 1.": _upwards,
                "You mix the prediction with x. The part that is kept belongs to the noise, not to x.": (
                    lambda denoise, x, taus: [x := (1 - b) * denoise(x, a) + b * x for a, b in pairwise(taus)][-1]
                ),
            }
        ),
    ),
    properties=(
        Property("Return one tensor: the last x.", lambda result, *_: isinstance(result, torch.Tensor)),
        Property(
            "At tau = 0 no noise is left, so the walk must end where the last prediction is. Yours does not.",
            lambda result, denoise, x, taus: _ends_on_a_prediction(result, denoise, x, taus),
        ),
    ),
    line="Look at one step: from x at tau, with the velocity there, for the time (next tau minus tau).",
)


def _ends_on_a_prediction(result, denoise, x, taus):
    before = euler(denoise, x, taus[:-1])
    return result.shape != x.shape or torch.allclose(result, denoise(before, taus[-2]), rtol=1e-3, atol=1e-4)
