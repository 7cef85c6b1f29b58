"""Image-to-image, DDIM inversion and interpolation of noise. Inpainting is in test_inpainting.py."""

from functools import partial
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from test_generation import Net
from walks import close, noise, wavy

from diffusion_edu.checkpoints import Card, Model
from diffusion_edu.core import walk
from diffusion_edu.denoisers import clipped, exact_gaussian
from diffusion_edu.editing.image_to_image import start_from_image
from diffusion_edu.editing.interpolation import slerp
from diffusion_edu.editing.inversion import inversion_step
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import Compute, SeededNoise
from diffusion_edu.samplers import ddim_step, ddpm_step
from diffusion_edu.schedules import cosine, flow, linear, zero_terminal_snr
from diffusion_edu.spacings import SPACINGS, spaced

SCHEDULES = [linear(1000), cosine(1000), flow(1000), zero_terminal_snr(linear(1000))]
named = {"ids": lambda schedule: schedule.name}


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_strength_0_is_the_image_bit_for_bit_and_no_step(schedule):
    """Pitfall 33."""
    x0 = noise(2, 3, 4, 4, dtype=torch.float32)
    x, timesteps = start_from_image(schedule, x0, 0, 20, noise(2, 3, 4, 4, seed=1))
    assert x is x0 and timesteps == [0]
    (state,) = walk(lambda *_: pytest.fail("no step is needed"), x, timesteps)
    assert torch.equal(state.x, x0) and torch.equal(state.x0_hat, x0)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", ["linear", "cosine", "flow"])
def test_strength_1_is_plain_generation_with_the_same_noise(name, spacing):
    """Pitfall 33: from pure noise, not from a corrupted image, state by state and bit for bit."""
    model = Model(Card("m", "M", "mlp", {}, "v", size=8), Net(), Compute(torch.device("cpu")))
    preset = Preset("DDIM", steps=7, schedule=name, spacing=spacing)
    eps, schedule = SeededNoise([3, 4]).sample((3, 8, 8)), preset.noise_schedule()
    x, timesteps = start_from_image(schedule, torch.full_like(eps, 0.3), 1.0, 7, eps, spacing)
    edited = walk(partial(ddim_step, clipped(model.denoiser(schedule)), schedule), x, timesteps)
    for ours, plain in zip(edited, generate(model, preset, [3, 4]), strict=True):
        assert ours.t == plain.t and torch.equal(ours.x, plain.x) and torch.equal(ours.x0_hat, plain.x0_hat)


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
@pytest.mark.parametrize("strength", [0.001, 0.25, 0.3333, 0.5, 0.75, 0.999])
def test_a_walk_starts_at_its_fraction_of_all_timesteps_with_the_noise_of_that_timestep(schedule, strength):
    x0, eps = noise(2, 3), noise(2, 3, seed=1)
    x, timesteps = start_from_image(schedule, x0, strength, 20, eps)
    top = round(1000 * strength)
    assert timesteps == spaced(schedule, min(20, top), top=top)
    close(x, schedule.signal[top] * x0 + schedule.noise[top] * eps)


def test_there_are_never_more_steps_than_timesteps():
    assert start_from_image(cosine(100), noise(1, 2), 0.03, 50, noise(1, 2))[1] == [3, 2, 1, 0]
    assert start_from_image(cosine(100), noise(1, 2), 0.004, 50, noise(1, 2))[1] == [0]
    assert start_from_image(cosine(100), noise(1, 2), 0.5, 2, noise(1, 2), "linspace")[1] == [50, 1, 0]


@pytest.mark.parametrize(("T", "strength", "top"), [(1000, 0.29, 290), (100, 0.57, 57), (10, 0.06, 1)])
def test_the_start_is_the_nearest_timestep(T, strength, top):
    """0.57 * 100 is 56.99999999999999 for a computer."""
    assert start_from_image(cosine(T), noise(1, 2), strength, 1, noise(1, 2))[1] == [top, 0]


@pytest.mark.parametrize("strength", [0.5, 1])
def test_noise_of_another_shape_is_refused(strength):
    with pytest.raises(ValueError, match="must be shaped like the images"):
        start_from_image(cosine(10), noise(2, 3), strength, 5, noise(1, 3))


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan")])
def test_an_impossible_strength_is_refused_in_one_sentence(strength):
    with pytest.raises(ValueError, match="strength of start_from_image must be a number from 0 to 1"):
        start_from_image(cosine(10), noise(1, 2), strength, 5, noise(1, 2))


def up(schedule, steps):
    return spaced(schedule, steps)[::-1]


def inverted(schedule, x0, steps, denoise):
    *_, last = walk(partial(inversion_step, denoise, schedule), x0, up(schedule, steps))
    return last.x


@pytest.mark.parametrize("std", [0.5, 2.0])
@pytest.mark.parametrize("schedule", [linear(1000), cosine(1000), flow(1000)], **named)
def test_inversion_finds_the_noise_that_the_exact_path_comes_from(schedule, std):
    """Pitfall 35, in closed form: for N(0, std^2) x at T is x0 times the ratio of the standard deviations."""
    right = (schedule.signal[-1] ** 2 * std**2 + schedule.noise[-1] ** 2).sqrt().item() / std
    found = [
        inverted(schedule, torch.ones(1, 1, dtype=torch.float64), n, exact_gaussian(0.0, std, schedule)).item()
        for n in (50, 100, 200)
    ]
    errors = [abs(x - right) for x in found]
    assert errors[-1] < 0.03 * right
    assert all(1.6 < coarse / fine < 2.4 for coarse, fine in pairwise(errors))


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_sampling_from_inverted_noise_returns_the_image_better_with_more_steps(schedule):
    """Pitfall 35: the error of both ways together halves with the steps."""
    denoise, x0 = exact_gaussian(0.2, 0.5, schedule), 0.5 * noise(4, 3) + 0.2
    errors = []
    for steps in (20, 40, 80, 160):
        *_, last = walk(
            partial(ddim_step, denoise, schedule), inverted(schedule, x0, steps, denoise), spaced(schedule, steps)
        )
        errors.append((last.x - x0).abs().max().item())
    assert all(1.8 < coarse / fine < 2.1 for coarse, fine in pairwise(errors))
    assert errors[-1] < 0.04


@pytest.mark.parametrize("schedule", SCHEDULES, **named)
def test_the_inversion_step_uses_the_velocity_predicted_at_the_higher_timestep(schedule):
    """In the angle frame dy / dtheta is v = cos eps - sin x0, from the prediction at the higher timestep."""
    x, signal, rate = noise(4, 3), schedule.signal.numpy(), schedule.noise.numpy()
    for s, t in combinations([0, 1, 20, 500, 999, 1000], 2):
        timesteps_evaluated = []
        above, x0_hat = inversion_step(lambda x, t: timesteps_evaluated.append(t) or wavy(x, t), schedule, x, s, t)  # noqa: B023
        (low, below), (high, beyond) = ((np.hypot(signal[k], rate[k]), np.arctan2(rate[k], signal[k])) for k in (s, t))
        y, c, e = x.numpy() / low, np.cos(beyond), np.sin(beyond)
        prediction = 1.5 * np.sin(3 * high * y + t)
        v = c * (y - c * prediction) / e - e * prediction
        np.testing.assert_allclose(
            above, high * (np.cos(beyond - below) * y + np.sin(beyond - below) * v), rtol=0, atol=1e-9
        )
        np.testing.assert_allclose(x0_hat, prediction, rtol=0, atol=1e-9)
        assert timesteps_evaluated == [t]


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_interpolated_noise_keeps_the_standard_deviation(fraction):
    """Pitfall 34: the mean of both has 29 % less."""
    a, b = (noise(4, 3, 16, 16, seed=k) for k in (0, 1))
    b = b * (a.flatten(1).norm(dim=1) / b.flatten(1).norm(dim=1)).view(-1, 1, 1, 1)
    mixed = slerp(a, b, fraction)
    torch.testing.assert_close(mixed.flatten(1).norm(dim=1), a.flatten(1).norm(dim=1), rtol=1e-12, atol=0)
    linear_mix = (1 - fraction) * a + fraction * b
    if fraction == 0.5:
        assert (linear_mix.flatten(1).norm(dim=1) < 0.8 * a.flatten(1).norm(dim=1)).all()
    angles = [
        torch.acos(torch.nn.functional.cosine_similarity(end.flatten(1), mixed.flatten(1)).clamp(-1, 1))
        for end in (a, b)
    ]
    whole = torch.acos(torch.nn.functional.cosine_similarity(a.flatten(1), b.flatten(1)))
    close(angles[0], fraction * whole, 1e-6)
    close(angles[1], (1 - fraction) * whole, 1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_ends_of_the_interpolation_are_the_noises_themselves(dtype):
    a, b = (noise(3, 2, 8, 8, seed=k).to(dtype) for k in (0, 1))
    assert torch.equal(slerp(a, b, 0.0), a) and torch.equal(slerp(a, b, 1.0), b)
    assert slerp(a, b, 0.3).dtype == dtype and slerp(a, b, 0.3).shape == a.shape


def test_every_image_is_interpolated_by_its_own_angle():
    a, b = noise(3, 2, 4, 4), noise(3, 2, 4, 4, seed=1)
    for k in range(3):
        close(slerp(a, b, 0.4)[k : k + 1], slerp(a[k : k + 1], b[k : k + 1], 0.4))


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.5, 1.0])
def test_parallel_and_opposite_noises_can_be_interpolated(fraction):
    a = noise(3, 8)
    close(slerp(a, a, fraction), a)
    close(slerp(a, 2 * a, fraction), (1 + fraction) * a)
    close(slerp(a, a * (1 + 1e-12), fraction), a)
    assert slerp(a, -a, fraction).isfinite().all()
    assert slerp(a, a + 1e-9 * noise(3, 8, seed=1), fraction).isfinite().all()


def test_ddpm_from_a_middle_timestep_keeps_mean_and_variance():
    """With the perfect prediction, mean and standard deviation stay those of the timestep."""
    schedule, x0 = cosine(1000), torch.full((2, 1), 0.7, dtype=torch.float64)
    x, timesteps = start_from_image(schedule, x0, 0.6, 12, torch.tensor([[0.0], [1.0]], dtype=torch.float64))
    variance = schedule.noise[timesteps[0]].item() ** 2
    close(x[0], schedule.signal[timesteps[0]] * x0[0])
    for t, s in pairwise(timesteps):
        probe = torch.tensor([[schedule.signal[t] * 0.7], [schedule.signal[t] * 0.7 + 1]], dtype=torch.float64)
        stepped, fresh = (
            ddpm_step(lambda x, t: x0, schedule, probe, t, s, randn=r)[0].flatten()
            for r in (torch.zeros_like, torch.ones_like)
        )
        variance = (stepped[1] - stepped[0]).item() ** 2 * variance + (fresh[0] - stepped[0]).item() ** 2
        assert stepped[0].item() == pytest.approx(0.7 * schedule.signal[s].item(), abs=1e-9)
        assert variance == pytest.approx(schedule.noise[s].item() ** 2, abs=1e-9)
