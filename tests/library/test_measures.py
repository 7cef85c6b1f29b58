"""Measures of images and schedules, on signals with known results."""

import math

import pytest
import torch

from diffusion_edu.analysis.measures import error_by_timestep, histogram, snr_decibels, spectrum
from diffusion_edu.denoisers import exact_gaussian
from diffusion_edu.schedules import cosine, flow


def test_decibels_match_a_calculation_by_hand_and_are_infinite_at_both_ends():
    decibels = snr_decibels(flow(T=4))  # signal : noise is 1 : 0, 3 : 1, 1 : 1, 1 : 3, 0 : 1
    expected = [math.inf, 20 * math.log10(3), 0, -20 * math.log10(3), -math.inf]
    assert decibels.tolist() == pytest.approx(expected, abs=1e-12)
    assert decibels[1].item() == pytest.approx(9.5424250944, abs=1e-9)


def test_decibels_fall_at_every_timestep():
    decibels = snr_decibels(cosine())
    assert decibels.shape == (1001,) and decibels.dtype == torch.float64 and (decibels.diff() < 0).all()


def test_a_histogram_is_a_density():
    x = torch.tensor([0.05, 0.05, 0.15, -2.95])
    centres, density = histogram(x)
    assert (density.sum() * (centres[1] - centres[0])).item() == pytest.approx(1)
    assert density[(centres - 0.05).abs().argmin()].item() == pytest.approx(
        0.5 / 0.1
    )  # half of the values in a bin 0.1 wide
    assert density[0].item() == pytest.approx(0.25 / 0.1)


def test_values_outside_the_range_are_counted_in_the_outermost_bins():
    _, density = histogram(torch.tensor([-100.0, 0.5, 7.0, 3.0]), bins=6)
    assert density.tolist() == pytest.approx([0.25, 0, 0, 0.25, 0, 0.5])


def test_a_histogram_of_noise_is_the_bell_curve():
    centres, density = histogram(torch.randn(1_000_000, generator=torch.Generator().manual_seed(0)))
    bell = (-(centres**2) / 2).exp() / math.sqrt(2 * math.pi)
    assert (density - bell)[1:-1].abs().max() < 0.01


def test_the_spectrum_of_white_noise_is_flat_at_its_variance():
    x = 2 * torch.randn(200, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    cycles, power = spectrum(x)
    assert cycles.tolist() == list(range(1, 17))
    assert (power - 4).abs().max() < 0.15


@pytest.mark.parametrize("k", [1, 3, 7])
def test_a_wave_has_its_power_at_its_own_frequency_and_nowhere_else(k):
    size = 32
    wave = torch.cos(2 * math.pi * k * torch.arange(size, dtype=torch.float64) / size).expand(1, 1, size, size)
    cycles, power = spectrum(5 + wave)  # the mean of the image is no detail
    frequency = torch.fft.fftfreq(size, 1 / size, dtype=torch.float64)
    members = (torch.hypot(frequency[:, None], frequency[None, :]).round() == k).sum()
    assert cycles[power.argmax()] == k
    assert (power[k - 1] * members).item() == pytest.approx(wave.square().sum().item())  # Parseval: all of it is there
    assert power.sum().item() == pytest.approx(power[k - 1].item())


def test_an_image_that_is_not_square_is_measured_up_to_half_its_shorter_side():
    x = torch.randn(400, 1, 16, 32, generator=torch.Generator().manual_seed(0))
    cycles, power = spectrum(x)
    assert cycles[-1] == 8 and (power - 1).abs().max() < 0.1


def test_the_error_at_every_timestep_is_the_mean_square_of_each_image():
    schedule, generator = flow(10), torch.Generator().manual_seed(0)
    x0, eps = (torch.randn(3, 2, 4, 4, generator=generator) for _ in range(2))
    errors = error_by_timestep(lambda x, t: x.sin() / (t + 1), schedule, x0, eps, [10, 4, 1])
    assert errors.shape == (3, 3) and errors.dtype == torch.float64
    for row, t in enumerate([10, 4, 1]):
        for k in range(3):
            prediction = ((1 - t / 10) * x0[k] + t / 10 * eps[k]).double().sin() / (t + 1)
            assert errors[row, k].item() == pytest.approx((prediction - x0[k]).square().mean().item(), rel=1e-5)


def test_the_exact_denoiser_of_gaussian_data_has_the_theoretical_error_without_gradients():
    """The posterior variance 1 / (1 / std^2 + signal^2 / noise^2); all that is known beforehand at pure noise."""
    schedule, std = cosine(1000), 0.5
    x0, eps = (torch.randn(200, 500, generator=torch.Generator().manual_seed(k)) for k in (0, 1))
    denoise = exact_gaussian(0.0, torch.tensor(std, requires_grad=True), schedule)
    errors = error_by_timestep(denoise, schedule, std * x0, eps, [1000, 500, 50])
    assert not errors.requires_grad
    snr = (schedule.signal / schedule.noise).square()[[1000, 500, 50]]
    assert errors.mean(1).tolist() == pytest.approx((1 / (1 / std**2 + snr)).tolist(), rel=0.02)
