"""Lesson 05: wrong answers meet the hint for their mistake, right ones pass in any form; its figures are measured."""

import numpy as np
import pool
import torch

from diffusion_edu import samplers
from diffusion_edu.lessons.checks.grading import grade
from diffusion_edu.lessons.exercises.lesson_05 import EXERCISES
from diffusion_edu.lessons.figures.lesson_04 import relative_std
from diffusion_edu.schedules import linear
from diffusion_edu.spacings import spaced


def noise_in(x, x0_hat, t, schedule):
    return (x - schedule.signal[t] * x0_hat) / schedule.noise[t]


def step(x, x0_hat, t, s, schedule):
    return schedule.signal[s] * x0_hat + schedule.noise[s] * noise_in(x, x0_hat, t, schedule)


def as_mixture(x, x0_hat, t, s, schedule):
    """The two factors, written out."""
    of_x = schedule.noise[s] / schedule.noise[t]
    return of_x * x + (schedule.signal[s] - of_x * schedule.signal[t]) * x0_hat


def by_image(x, x0_hat, t, s, schedule):
    return torch.stack([step(one, other, t, s, schedule) for one, other in zip(x, x0_hat, strict=True)])


def in_floats(x, x0_hat, t, s, schedule):
    return as_mixture(x.float(), x0_hat.float(), t, s, schedule).numpy()


def by_ratio(x, x0_hat, t, s, schedule):
    """Along the straight line of x / signal over noise / signal."""
    ratio = schedule.noise / schedule.signal
    return schedule.signal[s] * (x0_hat + ratio[s] / ratio[t] * (x / schedule.signal[t] - x0_hat))


def library(x, x0_hat, t, s, schedule):
    return samplers.ddim_step(lambda x, t: x0_hat, schedule, x, t, s)[0]


def std(t, s, schedule):
    added = schedule.noise[t] ** 2 - (schedule.signal[t] / schedule.signal[s] * schedule.noise[s]) ** 2
    return added.sqrt() * schedule.noise[s] / schedule.noise[t]


def with_eta(x, x0_hat, t, s, eta, z, schedule, sigma=None, room=None):
    sigma = eta * std(t, s, schedule) if sigma is None else sigma
    room = (schedule.noise[s] ** 2 - sigma**2).clamp(min=0).sqrt() if room is None else room
    return schedule.signal[s] * x0_hat + room * noise_in(x, x0_hat, t, schedule) + sigma * z


def of_sigma(sigma):
    return lambda x, x0_hat, t, s, eta, z, schedule: with_eta(
        x, x0_hat, t, s, eta, z, schedule, sigma=torch.as_tensor(sigma(t, s, eta, schedule))
    )


def of_room(room):
    return lambda x, x0_hat, t, s, eta, z, schedule: with_eta(
        x, x0_hat, t, s, eta, z, schedule, room=room(schedule.noise[s], eta * std(t, s, schedule))
    )


def rotated(x, x0_hat, t, s, eta, z, schedule):
    """Old and fresh noise are the two sides of a right triangle."""
    noise = schedule.noise[s]
    angle = torch.asin(eta * std(t, s, schedule) / noise) if s else torch.zeros(())
    mixed = torch.cos(angle) * noise_in(x, x0_hat, t, schedule) + torch.sin(angle) * z
    return schedule.signal[s] * x0_hat + noise * mixed


def even(T, steps):
    return [round(T * (1 - k / steps)) for k in range(steps + 1)]


def counted(T, steps):
    made, k = [], steps
    while k >= 0:
        made.append(int(T * k / steps + 0.5))
        k -= 1
    return made


def clipped(x, x0_hat, t, s, schedule):
    return step(x, x0_hat.clamp(-1, 1), t, s, schedule)


def late(x, x0_hat, t, s, schedule):
    eps_hat = noise_in(x, x0_hat, t, schedule)
    return schedule.signal[s] * x0_hat.clamp(-1, 1) + schedule.noise[s] * eps_hat


def up(answer):
    return lambda x, x0_hat, s, t, schedule: answer(x, x0_hat, s, t, schedule)


RIGHT = {
    "05.1": [step, as_mixture, by_image, in_floats, library],
    "05.2": [
        with_eta,
        rotated,
        lambda x, x0_hat, t, s, eta, z, schedule: with_eta(x, x0_hat, t, s, eta, z, schedule).float().numpy(),
        lambda x, x0_hat, t, s, eta, z, schedule: samplers.ddim_step(
            lambda x, t: x0_hat, schedule, x, t, s, eta, lambda x: z
        )[0],
        lambda x, x0_hat, t, s, eta, z, schedule: torch.stack(
            [with_eta(*each, t, s, eta, one, schedule) for *each, one in zip(x, x0_hat, z, strict=True)]
        ),
    ],
    "05.3": [
        even,
        counted,
        lambda T, steps: torch.linspace(T, 0, steps + 1, dtype=torch.float64).round(),
        lambda T, steps: np.rint(np.linspace(0, T, steps + 1))[::-1].astype(int).tolist(),
        lambda T, steps: spaced(linear(1000), steps, top=T),
    ],
    "05.4": [
        clipped,
        lambda x, x0_hat, t, s, schedule: as_mixture(x, torch.clip(x0_hat, -1, 1), t, s, schedule),
        lambda x, x0_hat, t, s, schedule: step(x, x0_hat.clamp(min=-1).clamp(max=1), t, s, schedule).float(),
        lambda x, x0_hat, t, s, schedule: as_mixture(x, torch.tensor(np.clip(x0_hat.numpy(), -1, 1)), t, s, schedule),
        lambda x, x0_hat, t, s, schedule: by_ratio(
            x, torch.where(x0_hat.abs() > 1, x0_hat.sign(), x0_hat), t, s, schedule
        ),
    ],
    "05.5": [up(step), up(as_mixture), up(by_image), up(in_floats), up(by_ratio)],
}


def moved(eps=noise_in, image=lambda signal, t, s: signal[s], noise=lambda noise, t, s: noise[s]):
    return lambda x, x0_hat, t, s, schedule: (
        image(schedule.signal, t, s) * x0_hat + noise(schedule.noise, t, s) * eps(x, x0_hat, t, schedule)
    )


STEPS = [
    (moved(lambda x, x0_hat, t, schedule: x), "you took x itself"),
    (moved(lambda x, x0_hat, t, schedule: x0_hat), "the prediction itself"),
    (moved(lambda x, x0_hat, t, schedule: (x - x0_hat) / schedule.noise[t]), "at which rate does x hold"),
    (moved(lambda x, x0_hat, t, schedule: x - schedule.signal[t] * x0_hat), "back to full strength"),
    (moved(lambda x, x0_hat, t, schedule: -noise_in(x, x0_hat, t, schedule)), "not the other way round"),
    (moved(image=lambda signal, t, s: signal[t]), "belongs to another timestep"),
    (moved(image=lambda signal, t, s: 1), "joins at full strength"),
    (moved(noise=lambda noise, t, s: noise[t]), "keeps the rate that it has in x"),
    (moved(noise=lambda noise, t, s: noise[s] ** 2), "multiplied by a variance"),
    (moved(noise=lambda noise, t, s: 0), "it is missing. An image at"),
    (
        lambda x, x0_hat, t, s, schedule: (
            schedule.noise[s] * x0_hat + schedule.signal[s] * noise_in(x, x0_hat, t, schedule)
        ),
        "changed places",
    ),
]

WRONG = {
    "05.1": [
        *STEPS,
        (lambda x, x0_hat, t, s, schedule: step(x, x0_hat, t, t - 1, schedule), "one single step"),
        (lambda x, x0_hat, t, s, schedule: step(x, x0_hat, t, max(s, 1), schedule), "never goes below"),
    ],
    "05.2": [
        (of_sigma(lambda t, s, eta, schedule: std(t, s, schedule)), "eta is not used"),
        (of_sigma(lambda t, s, eta, schedule: eta * schedule.noise[t]), "all the noise at t"),
        (of_sigma(lambda t, s, eta, schedule: eta * schedule.noise[s]), "all the noise at s"),
        (of_sigma(lambda t, s, eta, schedule: eta**2 * std(t, s, schedule)), "eta is squared"),
        (of_sigma(lambda t, s, eta, schedule: eta * std(t, s, schedule) ** 2), "this is a variance"),
        (of_sigma(lambda t, s, eta, schedule: (1 - eta) * std(t, s, schedule)), "wrong way round"),
        (of_room(lambda noise, sigma: noise), "comes on top"),
        (of_room(lambda noise, sigma: noise - sigma), "do not subtract"),
        (of_room(lambda noise, sigma: noise**2 - sigma**2), "a root is missing"),
        (of_room(lambda noise, sigma: 0), "is old noise"),
        (lambda x, x0_hat, t, s, eta, z, schedule: step(x, x0_hat, t, s, schedule), "no room is made"),
    ],
    "05.3": [
        (lambda T, steps: [T - k * (T // steps) for k in range(steps + 1)], "does not end at timestep 0"),
        (lambda T, steps: [k * (T // steps) for k in range(steps + 1)][::-1], "does not start at T"),
        (lambda T, steps: list(range(T, -1, -steps)), "for the length of a step"),
        (lambda T, steps: [int(T * (1 - k / steps)) for k in range(steps + 1)], "cut off"),
        (lambda T, steps: even(T, steps)[::-1], "The list rises"),
        (lambda T, steps: even(T, steps)[:-1], "last timestep is missing"),
        (lambda T, steps: [t - 1 for t in even(T, steps)], "starts at T - 1"),
        (lambda T, steps: [T * (1 - k / steps) for k in range(steps + 1)], "whole number"),
        (lambda T, steps: [*even(T, steps), 0], "stands there twice"),
        (lambda T, steps: [T, *[1] * (steps - 1), 0], "must fall"),
        (lambda T, steps: [T, *range(steps - 1, -1, -1)], "longer than others"),
    ],
    "05.4": [
        (step, "Nothing is clipped"),
        (
            lambda x, x0_hat, t, s, schedule: (
                schedule.signal[s] * x0_hat + schedule.noise[s] * noise_in(x, x0_hat.clamp(-1, 1), t, schedule)
            ),
            "and the image to the other one",
        ),
        (lambda x, x0_hat, t, s, schedule: step(x, x0_hat, t, s, schedule).clamp(-1, 1), "in place of the"),
        (lambda x, x0_hat, t, s, schedule: clipped(x, x0_hat, t, s, schedule).clamp(-1, 1), "result is clipped, too"),
        (lambda x, x0_hat, t, s, schedule: step(x, x0_hat.clamp(0, 1), t, s, schedule), "begins at 0"),
        (lambda x, x0_hat, t, s, schedule: step(x, x0_hat.clamp(max=1), t, s, schedule), "upper end"),
        (lambda x, x0_hat, t, s, schedule: step(x, x0_hat.tanh(), t, s, schedule), "rescaled"),
        (lambda x, x0_hat, t, s, schedule: clipped(x.clamp(-1, 1), x0_hat, t, s, schedule), "x is clipped, too"),
        (
            lambda x, x0_hat, t, s, schedule: moved()(x, x0_hat.clamp(-0.5, 0.5), t, s, schedule),
            "do not add up to x",
        ),
    ],
    "05.5": [
        *((up(answer), words) for answer, words in STEPS if words != "you took x itself"),
        (lambda x, x0_hat, s, t, schedule: step(x, x0_hat, t, s, schedule), "goes down"),
        (lambda x, x0_hat, s, t, schedule: x, "comes back unchanged"),
        (lambda x, x0_hat, s, t, schedule: step(x, x0_hat, s, s + 1, schedule), "one single step"),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT, every=9)


def test_code_that_was_handed_out_counts_as_open():
    assert grade(EXERCISES["05.4"], late).status == "open"


def test_what_the_lesson_says_about_solvers_is_measured():
    """A perfect denoiser: 20 steps; and equal numbers of network evaluations, where Heun wins only with many."""
    spread = {name: relative_std(samplers.SAMPLERS[name], 20) for name in ("DDPM", "DDIM", "Heun")}
    assert {name: round(value, 3) for name, value in spread.items()} == {"DDPM": 0.716, "DDIM": 0.791, "Heun": 0.883}
    assert samplers.nfe("Heun", 20) == 39
    better = {
        n: relative_std(samplers.heun_step, (n + 1) // 2) > relative_std(samplers.ddim_step, n)
        for n in (39, 41, 43, 49)
    }
    assert better == {39: False, 41: False, 43: True, 49: True}
    assert round(relative_std(samplers.ddim_step, 39), 2) == 0.89
    assert (
        round(relative_std(samplers.heun_step, 50), 2) == 0.97
        and round(relative_std(samplers.ddim_step, 99), 2) == 0.95
    )
