"""Compared with diffusers, step by step: its float32 tables are replaced by ours, so that nothing but the steps is
compared.
"""

from functools import partial
from unittest.mock import patch

import numpy as np
import pytest
import torch
from walks import close, named, noise, noise_like, wavy

from diffusion_edu.core import walk
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.samplers import ddim_step, ddpm_step, predicted_noise, sampler
from diffusion_edu.schedules import cosine, flow, linear
from diffusion_edu.spacings import spaced

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


def oracle(make, schedule, **options):
    """A diffusers scheduler, its float32 tables replaced by ours, so that the steps can be
    compared to the last digit.
    """
    theirs = make(1000, timestep_spacing="trailing", clip_sample=False, **options)
    theirs.alphas_cumprod = schedule.alpha_bar[1:]
    theirs.alphas = theirs.alphas_cumprod / schedule.alpha_bar[:-1]
    theirs.betas = 1 - theirs.alphas
    theirs.one = theirs.final_alpha_cumprod = torch.tensor(1.0, dtype=torch.float64)
    return theirs


def their_walk(scheduler, schedule, steps, prediction, **options):
    scheduler.set_timesteps(steps)
    generator, x = torch.Generator().manual_seed(7), noise(4, 3)
    for index in scheduler.timesteps.tolist():
        x0_hat = wavy(x, index + 1)  # their index 0 is our timestep 1
        eps_hat = predicted_noise(schedule, x, x0_hat, index + 1)
        said = {
            "sample": x0_hat,
            "epsilon": eps_hat,
            "v_prediction": TARGETS["v"].of(x0_hat, eps_hat, *schedule.rates(index + 1, x)),
        }[prediction]
        x = scheduler.step(said, index, x, generator=generator, **options).prev_sample
    return x


def our_walk(step, schedule, steps, **options):
    step = partial(step, wavy, schedule, randn=partial(noise_like, torch.Generator().manual_seed(7)), **options)
    *_, last = walk(step, noise(4, 3), spaced(linear(), steps))
    return last.x


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize(("steps", "variance"), [(1000, "small"), (50, "small"), (8, "small"), (1000, "large")])
def test_diffusers_walks_the_same_ddpm_chain(steps, variance, prediction):
    """Where the number of steps divides T; strided, its fixed_large also adds noise on the last step (pitfall 17)."""
    make = pytest.importorskip("diffusers").DDPMScheduler
    theirs = oracle(make, linear(), variance_type=f"fixed_{variance}", prediction_type=prediction)
    torch.testing.assert_close(
        our_walk(ddpm_step, linear(), steps, variance=variance),
        their_walk(theirs, linear(), steps, prediction),
        rtol=0,
        atol=1e-8,
    )


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("steps", [8, 50])
@pytest.mark.parametrize("schedule", [linear(1000), cosine(1000)], **named)
def test_diffusers_walks_the_same_ddim_chain(schedule, steps, eta, prediction):
    make = pytest.importorskip("diffusers").DDIMScheduler
    theirs = oracle(make, schedule, prediction_type=prediction)
    close(our_walk(ddim_step, schedule, steps, eta=eta), their_walk(theirs, schedule, steps, prediction, eta=eta))


@pytest.mark.parametrize("steps", [8, 20, 50])
@pytest.mark.parametrize("schedule", [linear(1000), cosine(1000)], **named)
def test_diffusers_walks_the_same_dpm_solver_path(schedule, steps):
    """Second order, "midpoint", a first-order move to no noise.

    They compute in float32; here that name means float64.
    """
    make = pytest.importorskip("diffusers").DPMSolverMultistepScheduler
    theirs = make(1000, timestep_spacing="trailing", prediction_type="sample", final_sigmas_type="zero")
    theirs.set_timesteps(steps)
    timesteps = [*(theirs.timesteps + 1).tolist(), 0]
    assert timesteps == spaced(schedule, steps)
    theirs.sigmas, x = (schedule.noise / schedule.signal)[timesteps], noise(4, 3)
    with patch.object(torch, "float32", torch.float64):
        for t in timesteps[:-1]:
            x = theirs.step(wavy(x, t), t - 1, x).prev_sample
    close(our_walk(sampler("DPM-Solver++"), schedule, steps), x)


@pytest.mark.parametrize("steps", [8, 20])
def test_diffusers_walks_the_same_sde_dpm_solver_path(steps):
    """The stochastic solver, eta 1, with the same fresh noise on both sides."""
    make = pytest.importorskip("diffusers").DPMSolverMultistepScheduler
    schedule = cosine(1000)
    theirs = make(
        1000,
        algorithm_type="sde-dpmsolver++",
        timestep_spacing="trailing",
        prediction_type="sample",
        final_sigmas_type="zero",
    )
    theirs.set_timesteps(steps)
    timesteps = [*(theirs.timesteps + 1).tolist(), 0]
    theirs.sigmas, x, generator = (
        (schedule.noise / schedule.signal)[timesteps],
        noise(4, 3),
        torch.Generator().manual_seed(7),
    )
    with patch.object(torch, "float32", torch.float64):
        for t in timesteps[:-1]:
            x = theirs.step(wavy(x, t), t - 1, x, variance_noise=noise_like(generator, x)).prev_sample
    close(our_walk(sampler("DPM-Solver++"), schedule, steps, eta=1.0), x)


@pytest.mark.parametrize("steps", [8, 50])
def test_diffusers_walks_the_same_straight_path(steps):
    """Euler's method on the flow; likewise in float64."""
    theirs = pytest.importorskip("diffusers").FlowMatchEulerDiscreteScheduler(1000, shift=1.0)
    theirs.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps))
    schedule, x = flow(1000), noise(4, 3)
    timesteps = (1000 * theirs.sigmas).round().int().tolist()
    assert timesteps == spaced(schedule, steps)
    theirs.sigmas = schedule.noise[timesteps]
    with patch.object(torch, "float32", torch.float64):
        for t, index in zip(timesteps, theirs.timesteps, strict=False):
            x = theirs.step(predicted_noise(schedule, x, wavy(x, t), t) - wavy(x, t), index, x).prev_sample
    close(our_walk(ddim_step, schedule, steps), x)
