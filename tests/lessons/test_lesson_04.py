"""Lesson 04: wrong answers meet the hint for their mistake, right ones pass in any form; its figures are measured."""

import math

import numpy as np
import pool
import torch

from diffusion_edu.lessons.exercises.lesson_04 import EXERCISES
from diffusion_edu.lessons.figures.lesson_04 import relative_std
from diffusion_edu.samplers import ddpm_step, multistep_renoising_step
from diffusion_edu.schedules import linear


def both(t, s, schedule):
    k = schedule.signal[t] / schedule.signal[s]
    return k, schedule.noise[t] ** 2 - (k * schedule.noise[s]) ** 2


def mean(x, x0_hat, t, s, schedule):
    k, a = both(t, s, schedule)
    n = schedule.noise
    return (k * n[s] ** 2 * x + schedule.signal[s] * a * x0_hat) / n[t] ** 2


def std(t, s, schedule):
    return both(t, s, schedule)[1].sqrt() * schedule.noise[s] / schedule.noise[t]


def weighted(x, x0_hat, t, s, schedule):
    """Two clues, each weighted by one over its variance."""
    if s == 0:
        return x0_hat
    k, a = both(t, s, schedule)
    one, two = 1 / schedule.noise[s] ** 2, k**2 / a
    return (one * schedule.signal[s] * x0_hat + two * x / k) / (one + two)


def by_steps(t, s, schedule):
    """One timestep after the other."""
    k, a = 1.0, 0.0
    for each in range(s, t):
        factor = schedule.signal[each + 1] / schedule.signal[each]
        more = schedule.noise[each + 1] ** 2 - (factor * schedule.noise[each]) ** 2
        k, a = factor * k, factor**2 * a + more
    return [k, a]


def step(x, x0_hat, t, s, z, schedule):
    return mean(x, x0_hat, t, s, schedule) + std(t, s, schedule) * z


def walk(denoise, x, timesteps, noises, schedule):
    for (t, s), z in zip(zip(timesteps, timesteps[1:]), noises):  # noqa: B905
        x = step(x, denoise(x, t), t, s, z, schedule)
    return x


def recursive(denoise, x, timesteps, noises, schedule):
    if len(timesteps) == 1:
        return x
    t, s = timesteps[:2]
    return recursive(denoise, step(x, denoise(x, t), t, s, noises[0], schedule), timesteps[1:], noises[1:], schedule)


def popped(denoise, x, timesteps, noises, schedule):
    left, noises = list(timesteps), list(noises)
    t = left.pop(0)
    while left:
        s = left.pop(0)
        x, t = step(x, denoise(x, t), t, s, noises.pop(0), schedule), s
    return x.numpy()


def by_index(denoise, x, timesteps, noises, schedule):
    for i in range(1, len(timesteps)):
        x = step(x, denoise(x, timesteps[i - 1]), timesteps[i - 1], timesteps[i], noises[i - 1], schedule)
    return x.float()


def renoised(denoise, x, timesteps, noises, schedule):
    for t, s, z in zip(timesteps, timesteps[1:], noises):  # noqa: B905
        x = schedule.signal[s] * denoise(x, t) + schedule.noise[s] * z
    return x


def looped(change=step, predict=lambda denoise, x, t, s: denoise(x, t), first=0, last=None):
    def answer(denoise, x, timesteps, noises, schedule):
        for k in list(range(len(timesteps) - 1))[first:last]:
            t, s = timesteps[k : k + 2]
            x = change(x, predict(denoise, x, t, s), t, s, noises[k], schedule)
        return x

    return answer


def ratio(schedule, t, s):
    return schedule.signal[t] / schedule.signal[s]


RIGHT = {
    "04.1": [
        both,
        by_steps,
        lambda t, s, schedule: np.array([float(each) for each in both(t, s, schedule)]),
        lambda t, s, schedule: torch.stack(both(t, s, schedule)).float(),
        lambda t, s, schedule: (
            math.exp(math.log(schedule.signal[t]) - math.log(schedule.signal[s])),
            schedule.noise[t] ** 2 - schedule.alpha_bar[t] / schedule.alpha_bar[s] * schedule.noise[s] ** 2,
        ),
    ],
    "04.2": [
        mean,
        weighted,
        lambda x, x0_hat, t, s, schedule: (
            schedule.signal[s] * x0_hat
            + ratio(schedule, t, s) * (schedule.noise[s] / schedule.noise[t]) ** 2 * (x - schedule.signal[t] * x0_hat)
        ),
        lambda x, x0_hat, t, s, schedule: mean(x, x0_hat, t, s, schedule).float().numpy(),
        lambda x, x0_hat, t, s, schedule: torch.stack(
            [mean(one, other, t, s, schedule) for one, other in zip(x, x0_hat, strict=True)]
        ),
    ],
    "04.3": [
        std,
        lambda t, s, schedule: float(std(t, s, schedule)),
        lambda t, s, schedule: (
            (schedule.noise[s] ** 2 - (ratio(schedule, t, s) * schedule.noise[s] ** 2 / schedule.noise[t]) ** 2) ** 0.5
        ),
        lambda t, s, schedule: (
            schedule.noise[s] * (1 - (ratio(schedule, t, s) * schedule.noise[s] / schedule.noise[t]) ** 2).sqrt()
        ),
        lambda t, s, schedule: math.exp(0.5 * math.log(std(t, s, schedule) ** 2)) if s else 0,
    ],
    "04.4": [walk, recursive, popped, by_index, looped()],
    "04.5": [
        step,
        lambda x, x0_hat, t, s, z, schedule: weighted(x, x0_hat, t, s, schedule) + std(t, s, schedule) * z,
        lambda x, x0_hat, t, s, z, schedule: step(x, x0_hat, t, s, z, schedule).numpy(),
        lambda x, x0_hat, t, s, z, schedule: ddpm_step(lambda x, t: x0_hat, schedule, x, t, s, randn=lambda x: z)[0],
        lambda x, x0_hat, t, s, z, schedule: torch.stack(
            [step(*each, t, s, one, schedule) for *each, one in zip(x, x0_hat, z, strict=True)]
        ),
    ],
}


def parts(of_x, of_x0):
    return lambda x, x0_hat, t, s, schedule: of_x(t, s, schedule) * x + of_x0(t, s, schedule) * x0_hat


def of_x(t, s, schedule):
    return ratio(schedule, t, s) * schedule.noise[s] ** 2 / schedule.noise[t] ** 2


def of_x0(t, s, schedule):
    return schedule.signal[s] * both(t, s, schedule)[1] / schedule.noise[t] ** 2


def handed_out(x, x0_hat, t, s, z, schedule, kept=None, added=None):
    k = schedule.signal[t] / schedule.signal[t - 1] if kept is None else kept
    a = 1 - schedule.alpha_bar[t] / schedule.alpha_bar[t - 1] if added is None else added
    n = schedule.noise
    return (k * n[s] ** 2 * x + schedule.signal[s] * a * x0_hat) / n[t] ** 2 + a.sqrt() * n[s] / n[t] * z


WRONG = {
    "04.1": [
        (lambda t, s, schedule: (1 / both(t, s, schedule)[0], both(t, s, schedule)[1]), "upside down"),
        (lambda t, s, schedule: (both(t, s, schedule)[0] ** 2, both(t, s, schedule)[1]), "ratio of powers"),
        (
            lambda t, s, schedule: (both(t, s, schedule)[0], schedule.noise[t] ** 2 - schedule.noise[s] ** 2),
            "shrinks together with the image",
        ),
        (lambda t, s, schedule: (both(t, s, schedule)[0], both(t, s, schedule)[1] ** 0.5), "standard deviation"),
        (
            lambda t, s, schedule: (ratio(schedule, t, s), 1 - ratio(schedule, t, s) ** 2),
            "only where the squares",
        ),
        (lambda t, s, schedule: (ratio(schedule, t, s), 1 - ratio(schedule, t, s)), "do not add to one"),
        (
            lambda t, s, schedule: (
                ratio(schedule, t, s),
                schedule.noise[t] - ratio(schedule, t, s) * schedule.noise[s],
            ),
            "Which quantity does",
        ),
        (lambda t, s, schedule: both(t, s, schedule)[::-1], "wrong order"),
        (lambda t, s, schedule: both(t, t - 1, schedule), "one single step"),
        (lambda t, s, schedule: both(t, 0, schedule), "jump from timestep 0"),
        (
            lambda t, s, schedule: (schedule.signal[t], schedule.noise[t] ** 2 - schedule.noise[s] ** 2),
            "starts at the clean image. At s the image has shrunk already. Second number: the noise at s",
        ),
        (lambda t, s, schedule: (ratio(schedule, t, s), torch.tensor(0.1)), "must have the variance of the noise at t"),
    ],
    "04.2": [
        (parts(of_x0, of_x), "changed places"),
        (parts(of_x, lambda t, s, schedule: schedule.signal[s]), "counts in full"),
        (parts(of_x, lambda t, s, schedule: 1 - of_x(t, s, schedule)), "do not add to one"),
        (parts(of_x, lambda t, s, schedule: schedule.signal[s] - of_x(t, s, schedule)), "count only the image"),
        (
            parts(of_x, lambda t, s, schedule: both(t, s, schedule)[1] / schedule.noise[t] ** 2),
            "at s an image has shrunk",
        ),
        (
            parts(of_x, lambda t, s, schedule: of_x0(t, s, schedule) * ratio(schedule, t, s)),
            "To which timestep",
        ),
        (parts(of_x, lambda t, s, schedule: of_x0(t, s, schedule) * schedule.noise[t]), "divided by a rate"),
        (parts(lambda t, s, schedule: of_x(t, s, schedule) / ratio(schedule, t, s), of_x0), "is missing"),
        (
            parts(lambda t, s, schedule: ratio(schedule, t, s) * schedule.noise[s] / schedule.noise[t], of_x0),
            "ratio of rates",
        ),
        (lambda x, x0_hat, t, s, schedule: mean(x, x0_hat, t, t - 1, schedule), "one single step"),
        (lambda x, x0_hat, t, s, schedule: schedule.signal[s] * x0_hat, "without any use of x"),
        (lambda x, x0_hat, t, s, schedule: 0.5 * (x + x0_hat), "has the signal rate of s"),
        (lambda x, x0_hat, t, s, schedule: x * x0_hat, "not a factor times x"),
    ],
    "04.3": [
        (lambda t, s, schedule: std(t, s, schedule) ** 2, "This is the variance"),
        (lambda t, s, schedule: both(t, s, schedule)[1] ** 0.5, "as much noise as the way"),
        (lambda t, s, schedule: schedule.noise[s], "all the noise of timestep s"),
        (
            lambda t, s, schedule: both(t, s, schedule)[1] * schedule.noise[s] / schedule.noise[t],
            "root is missing",
        ),
        (
            lambda t, s, schedule: both(t, s, schedule)[1].sqrt() * schedule.noise[t] / schedule.noise[s],
            "upside down",
        ),
        (lambda t, s, schedule: std(t, t - 1, schedule), "one single step"),
        (lambda t, s, schedule: (std(t, s, schedule) ** 2).log(), "logarithm"),
        (
            lambda t, s, schedule: (1 - ratio(schedule, t, s) ** 2).sqrt() * schedule.noise[s] / schedule.noise[t],
            "only where the squares",
        ),
        (lambda t, s, schedule: 0.0 if s == 0 else 5.0, "cannot add more noise"),
        (lambda t, s, schedule: 0.0, "a step without noise"),
    ],
    "04.4": [
        (renoised, "All noise is fresh"),
        (looped(predict=lambda denoise, x, t, s: denoise(x, s)), "wrong timestep"),
        (looped(last=-1), "last step is missing"),
        (looped(first=1), "first step is missing"),
        (looped(last=1), "after its first step"),
        (looped(lambda x, x0_hat, t, s, z, schedule: mean(x, x0_hat, t, s, schedule)), "adds no noise"),
        (looped(lambda x, x0_hat, t, s, z, schedule: mean(x, x0_hat, t, s, schedule) + z), "at full strength"),
        (looped(lambda x, x0_hat, t, s, z, schedule: step(x, x0_hat, t, t - 1, z, schedule)), "t to t - 1"),
        (
            lambda denoise, x, timesteps, noises, schedule: walk(denoise, x, timesteps, noises.flip(0), schedule),
            "wrong order",
        ),
        (
            lambda denoise, x, timesteps, noises, schedule: walk(
                denoise, x, timesteps, [noises[0]] * len(noises), schedule
            ),
            "same noise",
        ),
    ],
    "04.5": [
        (
            lambda x, x0_hat, t, s, z, schedule: handed_out(x, x0_hat, t, s, z, schedule, kept=ratio(schedule, t, s)),
            "`added` still belongs to one single step: it is its beta",
        ),
        (
            lambda x, x0_hat, t, s, z, schedule: handed_out(
                x, x0_hat, t, s, z, schedule, added=both(t, s, schedule)[1]
            ),
            "`kept` still belongs",
        ),
        (
            lambda x, x0_hat, t, s, z, schedule: handed_out(
                x,
                x0_hat,
                t,
                s,
                z,
                schedule,
                kept=ratio(schedule, t, s),
                added=1 - ratio(schedule, t, s) ** 2,
            ),
            "only where the squares",
        ),
        (
            lambda x, x0_hat, t, s, z, schedule: (
                step(x, x0_hat, t, s, 0 * z, schedule) + handed_out(0 * x, 0 * x, t, s, z, schedule)
            ),
            "The mean is right now",
        ),
        (
            lambda x, x0_hat, t, s, z, schedule: (
                step(0 * x, 0 * x, t, s, z, schedule) + handed_out(x, x0_hat, t, s, 0 * z, schedule)
            ),
            "The noise is right now",
        ),
        (lambda x, x0_hat, t, s, z, schedule: step(x, x0_hat, t, t - 1, z, schedule), "in every number"),
        (lambda x, x0_hat, t, s, z, schedule: mean(x, x0_hat, t, s, schedule), "fresh noise is missing"),
        (
            lambda x, x0_hat, t, s, z, schedule: mean(x, x0_hat, t, s, schedule) + both(t, s, schedule)[1].sqrt() * z,
            "The prediction decides a part",
        ),
        (
            lambda x, x0_hat, t, s, z, schedule: mean(x, x0_hat, t, s, schedule) + std(t, s, schedule) ** 2 * z,
            "multiplied by a variance",
        ),
        (
            lambda x, x0_hat, t, s, z, schedule: schedule.signal[s] * x0_hat + schedule.noise[s] * z,
            "All noise is fresh",
        ),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT, every=9)


def test_what_the_lesson_says_about_ddpm_and_fresh_noise_is_measured():
    """A perfect denoiser, 1,000 steps: fresh noise loses three tenths of the spread, DDPM about a hundredth."""
    assert round(relative_std(multistep_renoising_step, 1000), 3) == 0.697
    assert round(relative_std(ddpm_step, 1000), 3) == 0.988
    fresh = [relative_std(multistep_renoising_step, n) for n in (200, 500, 1000)]
    assert max(fresh) - min(fresh) < 0.02  # "more steps hardly help"


def test_the_handed_out_step_scales_the_image_down_in_its_last_step():
    """Why the flowers of exercise 04.5 vanish: from timestep 50 to 0 the prediction gets a tiny factor."""
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    left = handed_out(one, one, 50, 0, one, linear(1000))
    assert 0 < left.item() < 0.05
