"""Exercise 01.6: jump on from a noisy image to a higher timestep."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Mistake, Property
from diffusion_edu.lessons.checks.families import Parts, combined, factors
from diffusion_edu.schedules import Schedule

PIXEL = torch.ones(1, 1, 1, 1, dtype=torch.float64)


def _onward(image, noise):
    """The answer with these factors of the rates S and N at s, and of those beyond, s and n, at t."""

    def answer(x, z, s, t, schedule):
        rates = schedule.signal[s], schedule.signal[t], schedule.noise[s], schedule.noise[t]
        return image(*rates) * x + noise(*rates) * z

    return answer


def _missing(S, s, N, n):
    return n**2 - (s / S * N) ** 2


KEPT: Parts = {
    "": lambda S, s, N, n: s / S,
    "The image in x has shrunk before. By how much more must it shrink?": lambda S, s, N, n: s,
    "The factor of x is upside down: the image becomes stronger.": lambda S, s, N, n: S / s,
    "The factor of x is a ratio of powers. x needs a ratio of rates.": lambda S, s, N, n: (s / S) ** 2,
    "The factor of x has one root too many.": lambda S, s, N, n: (s / S) ** 0.5,
    "The image does not shrink on the way to t.": lambda S, s, N, n: 1,
    "The factor of x is a rate that the image in x has already.": lambda S, s, N, n: S,
    "The factor of x is a product. Which factor leads from one rate to the other?": lambda S, s, N, n: s * S,
    "The factor of x is a difference. Which factor leads from one rate to the other?": lambda S, s, N, n: S - s,
    "The factor of x comes from the noise rates. It must bring the image to its rate at t.": lambda S, s, N, n: N / n,
    "x is missing in the result.": lambda S, s, N, n: 0,
}
ADDED: Parts = {
    "": lambda S, s, N, n: _missing(S, s, N, n) ** 0.5,
    "Some noise is in x already. You add as much as if there were none.": lambda S, s, N, n: n,
    "Noise rates do not add. What adds up if noises are independent?": lambda S, s, N, n: n - s / S * N,
    "Noise rates do not add, and the noise in x shrinks, too.": lambda S, s, N, n: n - N,
    "The noise in x shrinks together with its image.": lambda S, s, N, n: (n**2 - N**2).abs() ** 0.5,
    "z is multiplied by a variance. It needs a standard deviation.": _missing,
    "z is multiplied by a variance, and the noise in x shrinks, too.": lambda S, s, N, n: n**2 - N**2,
    "What happens to a variance when the noise is multiplied by a factor?": lambda S, s, N, n: (
        (n**2 - s / S * N**2).abs() ** 0.5
    ),
    "You assumed that the squares of the rates add up to one.": lambda S, s, N, n: (1 - (s / S) ** 2) ** 0.5,
    "You assumed squared rates that add up to one, and forgot a root.": lambda S, s, N, n: 1 - (s / S) ** 2,
    "You assumed that the two factors add up to one.": lambda S, s, N, n: 1 - s / S,
    "You assumed that the square of one factor and the other one add up.": lambda S, s, N, n: (1 - s / S) ** 0.5,
    "The fresh noise is added at full strength.": lambda S, s, N, n: 1,
    "z gets the rate of the noise that is there already.": lambda S, s, N, n: N,
    "z gets a power, and some noise is in x already.": lambda S, s, N, n: n**2,
    "You added the old variance to the new one. It is a part of it.": lambda S, s, N, n: (
        (n**2 + (s / S * N) ** 2) ** 0.5
    ),
    "z gets a ratio of rates. Ask how much variance is missing.": lambda S, s, N, n: n / N,
    "z has the wrong sign.": lambda S, s, N, n: -(_missing(S, s, N, n) ** 0.5),
    "The fresh noise is missing.": lambda S, s, N, n: 0,
}
AS_CLEAN: dict[tuple[str, ...], str] = {
    ("The image in x has shrunk", "Some noise is in x"): (
        "You treated x as a clean image. Its image has shrunk before, and noise is in it."
    )
}
ONWARD = _onward(KEPT[""], ADDED[""])


JUMP_ON = Exercise(
    title="Jump on",
    draw=lambda random: (
        inputs.images(random, 2, 3, 5, 4),
        inputs.noise(random, 2, 3, 5, 4),
        *reversed(inputs.two_timesteps(random, 10)),
        inputs.bent_schedule(random, 10),
    ),
    answer=lambda x, z, s, t, schedule: ONWARD(x, z, s, t, schedule),
    means="These two numbers return in every sampler of the course: what a step keeps, and the variance it adds.",
    mistakes=(
        *combined(_onward, KEPT, ADDED, together=AS_CLEAN),
        Mistake(
            "This is the last small step only. The jump starts at s.",
            lambda x, z, s, t, schedule: ONWARD(x, z, t - 1, t, schedule),
        ),
    ),
    properties=(
        Property(
            "After your jump the clean image does not have the signal rate of timestep t.",
            lambda x_t, x, z, s, t, at: (
                not abs(factors(x_t, x, z)[0] * at.signal[s].item() - at.signal[t].item()) > 1e-3
            ),
        ),
        Property(
            "The image is right. Old and fresh noise together do not have the variance of timestep t.",
            lambda x_t, x, z, s, t, at: (
                not abs(
                    (factors(x_t, x, z)[0] * at.noise[s].item()) ** 2
                    + factors(x_t, x, z)[1] ** 2
                    - at.noise[t].item() ** 2
                )
                > 1e-3
            ),
        ),
    ),
    linear=("x", "z"),
    example=lambda: (
        *(PIXEL, PIXEL, 1, 2),
        Schedule("example", torch.tensor([1, 0.8, 0.4, 0]).double(), torch.tensor([0, 0.6, 0.9, 1]).double()),
    ),
    where=lambda x, z, s, t, schedule: (
        f"the signal rate falls from {schedule.signal[s]:.1f} to {schedule.signal[t]:.1f} and the noise rate rises "
        f"from {schedule.noise[s]:.1f} to {schedule.noise[t]:.1f}"
    ),
    line="Look at the factor of x: which factor leads from the signal rate at s to that at t? Then look at the factor "
    "of z: how much variance does the old noise still have, and how much is missing?",
)
