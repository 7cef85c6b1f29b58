"""The sentences about one step: right for every sampler, at every step."""

from functools import partial

import pytest
import torch

from diffusion_edu.core import State, walk
from diffusion_edu.denoisers import exact_mixture
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.samplers import SAMPLERS, ddim_step, predicted_noise, sampler
from diffusion_edu.schedules import cosine

inspector = pytest.importorskip("diffusion_edu.app.sampling.step_inspector")
controls = pytest.importorskip("diffusion_edu.app.common.sampler_controls")
SCHEDULE, TIMESTEPS = cosine(100), [100, 75, 50, 25, 0]


def steps(name, **options):
    """Every step of a walk as (State, next State), on a mixture whose exact denoiser is not linear in t."""
    means = torch.stack([torch.full((3, 4, 4), 0.8), torch.full((3, 4, 4), -0.5)]).double()
    denoise = exact_mixture(means, torch.tensor([0.2, 0.3]).double(), torch.tensor([0.5, 0.5]).double(), SCHEDULE)
    noise = SeededNoise([3])
    step = partial(sampler(name), denoise, SCHEDULE, randn=noise, **options)
    states = list(walk(step, noise.sample((3, 4, 4)).double(), TIMESTEPS))
    return list(zip(states, states[1:], strict=False))


def explanation(name, step):
    state, after = step
    eps_hat = predicted_noise(SCHEDULE, state.x, state.x0_hat, state.t)
    return inspector._explain(name, SCHEDULE, state, after, eps_hat, (0, 0, 1, 1))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("DDIM", {}, "No noise was added"),
        ("DDIM", {"eta": 0.5}, "replaced a part of it"),
        ("DDPM", {}, "replaced a part of it"),
        ("DDPM", {"variance": "large"}, "replaced a part of it"),
        ("Heun", {}, "a second prediction"),
        ("DPM-Solver++", {}, "the line through the last prediction"),
        ("Euler ancestral", {}, "replaced a part of it"),
        ("Multistep renoising", {}, "replaced all of it"),
    ],
)
def test_the_reason_fits_the_sampler(name, options, words):
    every = steps(name, **options)
    assert words in explanation(name, every[2]) and "no noise is left" in explanation(name, every[-1])


def test_the_first_step_of_dpm_solver_is_that_of_ddim():
    assert "No noise was added" in explanation("DPM-Solver++", steps("DPM-Solver++")[0])


def test_one_pixel_that_agrees_by_chance_is_not_taken_for_the_rule():
    state, after = steps("Multistep renoising")[1]
    signal, noise = SCHEDULE.rates(after.t, after.x)
    changed = after.x.clone()
    eps_hat = predicted_noise(SCHEDULE, state.x, state.x0_hat, state.t)
    changed[0, 0, 1, 1] = (signal * state.x0_hat + noise * eps_hat)[0, 0, 1, 1]
    assert "replaced all of it" in explanation("Multistep renoising", (state, State(after.t, changed, after.x0_hat)))


@pytest.mark.parametrize("name", ["DDIM", "Heun", "DPM-Solver++"])
def test_the_prediction_that_was_used_makes_the_step(name):
    for state, after in steps(name)[:-1]:
        used = inspector.prediction_used(SCHEDULE, state, after)
        again, _ = ddim_step(lambda x, t, used=used: used, SCHEDULE, state.x, state.t, after.t)
        torch.testing.assert_close(again, after.x)
        if name == "DDIM":
            torch.testing.assert_close(used, state.x0_hat)


def test_the_solver_names_the_extrapolated_prediction():
    (first, second), (_, third) = steps("DPM-Solver++")[:2]
    earlier, now, then = (float(torch.log(SCHEDULE.signal[s.t] / SCHEDULE.noise[s.t])) for s in (first, second, third))
    expected = torch.lerp(second.x0_hat, first.x0_hat, -(then - now) / (2 * (now - earlier)))
    torch.testing.assert_close(inspector.prediction_used(SCHEDULE, second, third), expected)
    assert f"equals one with the prediction {float(expected[0, 0, 1, 1]):.3f}" in explanation(
        "DPM-Solver++", (second, third)
    )


def test_every_sampler_is_explained():
    assert controls.SAYS.keys() == SAMPLERS.keys()
