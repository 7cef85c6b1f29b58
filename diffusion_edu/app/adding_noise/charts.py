"""The charts of the forward process: values, power spectrum, signal and noise rates, and signal-to-noise ratio."""

import math

from diffusion_edu.analysis.measures import histogram, snr_decibels, spectrum
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES
from diffusion_edu.figures.charts import Axis, Chart, Series, timestep_axis

POINTS = 200  # of a curve over all timesteps
MIN_POWER = 1e-4  # smaller powers are shown as this: an image of one colour has power 0, which has no logarithm

VALUE = Axis("value", -3, 3, {"−3": -3, "−1": -1, "1": 1, "3": 3})
DENSITY = Axis("density", 0, 1.25, {"0": 0, "0.5": 0.5, "1": 1})
FREQUENCY = Axis("cycles per image", 0, 5, {str(2**k): k for k in range(6)}, base=2)
POWER = Axis("power (noise: 1)", -3, 3, {"0.01": -2, "1": 0, "100": 2}, base=10)
RATE = Axis("rate", 0, 1, {"0": 0, "0.5": 0.5, "1": 1})
DECIBELS = Axis("SNR in dB", -45, 45, {"−40": -40, "0": 0, "40": 40})


def value_chart(noisy_images):
    """Chart how often each value occurs, beside the standard normal distribution that noise has."""
    counts = [[histogram(state) for state in x] for x in noisy_images]
    centres = counts[0][0][0]
    normal = (-(centres**2) / 2).exp() / math.sqrt(2 * math.pi)
    series = [Series("standard normal", COLOUR["eps"], normal.tolist())]
    series += [
        Series("image", COLOUR["x"], [y.tolist() for _, y in states], dash)
        for states, dash in zip(counts, DASHES, strict=False)
    ]
    alt = "Histogram of the values of the images, beside the normal distribution of pure noise"
    return Chart("Values", alt, VALUE, DENSITY, centres.tolist(), series)


def spectrum_chart(noisy_images, x0):
    """Chart the power spectrum, beside those of the clean image x0 (1, 3, h, w) and of white noise."""
    spectra = [[_log_power(state[None]) for state in x] for x in noisy_images]
    cycles, _ = spectrum(x0)
    series = [
        Series("white noise", COLOUR["eps"], [0.0] * len(cycles)),
        Series("clean", COLOUR["x0"], _log_power(x0)),
        *(Series("image", COLOUR["x"], states, dash) for states, dash in zip(spectra, DASHES, strict=False)),
    ]
    alt = "Power of the images from coarse shape, left, to fine detail, right, beside the clean image and white noise"
    return Chart("Coarse to fine", alt, FREQUENCY, POWER, cycles.log2().tolist(), series)


def rate_chart(schedules):
    """Chart the signal rate and the noise rate of every schedule over all timesteps."""
    signal = _over_timesteps("signal", COLOUR["signal"], [schedule.signal for schedule in schedules])
    noise = _over_timesteps("noise", COLOUR["eps"], [schedule.noise for schedule in schedules])
    T = schedules[0].T
    alt = f"Signal and noise over all timesteps, from noise at timestep {T}, left, to the image at timestep 0"
    return Chart("Signal and noise", alt, timestep_axis(T), RATE, _timesteps(T), signal + noise, cursor=True)


def snr_chart(schedules):
    """Chart the signal-to-noise ratio of every schedule over all timesteps, in decibels."""
    ratios = _over_timesteps("SNR", COLOUR["none"], [snr_decibels(schedule) for schedule in schedules])
    T = schedules[0].T
    alt = f"Signal-to-noise ratio in decibels from noise at timestep {T}, left, to the image at timestep 0"
    return Chart("Signal-to-noise ratio", alt, timestep_axis(T), DECIBELS, _timesteps(T), ratios, cursor=True)


def _timesteps(T):
    return sorted({*range(0, T, max(1, T // POINTS)), 1, T})


def _over_timesteps(label, colour, tables):
    series = []
    for table, dash in zip(tables, DASHES, strict=False):
        values = table[_timesteps(len(table) - 1)].tolist()
        series.append(Series(label, colour, [value if math.isfinite(value) else None for value in values], dash))
    return series


def _log_power(x):
    _, power = spectrum(x)
    return power.clamp(min=MIN_POWER).log10().tolist()
