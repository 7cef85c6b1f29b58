"""The longer figures of lesson 01, adding noise."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.analysis.measures import snr_decibels
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.still import INK, NOISE, NOISY, REAL, SIGNAL, Captioned, Curve, chart, images
from diffusion_edu.schedules import SCHEDULES, Schedule

AXIS = "timestep t   (noise on the left, image on the right)"
BLOCK = 8  # the coarse part of an image is the mean over blocks of this many pixels


def strip(x0: Tensor, schedule: Schedule, eps: Tensor, timesteps: tuple[int, ...] = (1000, 500, 300, 150, 0)):
    """Show one image x0 (1, 3, h, w) at several timesteps, noise on the left."""
    x = torch.cat([schedule.corrupt(x0, t, eps) for t in timesteps])
    rates = ", ".join(f"{schedule.signal[t]:.2f} at t = {t}" for t in timesteps)
    return Captioned(
        images(to_bytes(x), [f"t = {t}" for t in timesteps]),
        caption="Noise is added from right to left. In every figure of this course, noise is on the left and the image "
        "on the right, because that is the direction in which a model generates.",
        alt=f"One flower at {len(timesteps)} timesteps. Its signal rate is {rates}.",
    )


def steps_and_jump(eps: Tensor, x: Tensor, jump: Tensor) -> Captioned:
    """Show the gathered noise, an image after many steps, and after one jump, all (1, 3, h, w)."""
    apart = (x - jump).abs().max().item()
    return Captioned(
        images(to_bytes(torch.cat([eps, x, jump])), ["eps", "300 steps", "one jump"]),
        caption="The two images on the right are equal in every pixel. The gathered noise, divided by the noise rate, "
        f"has the variance {eps.var():.3f}.",
        alt="Pure noise, a flower after 300 steps, and the same flower after one jump. The two "
        f"flowers differ by {apart:.0e} at most.",
    )


def equal_rates(schedule: Schedule) -> int:
    """Return the lowest timestep at which the noise rate is at least as high as the signal rate."""
    return int((schedule.noise >= schedule.signal).int().argmax())


def powers(data: Tensor, schedule: Schedule) -> Captioned:
    """Draw the power of the image part and of the noise part of images (n, 3, h, w), and the variance of x."""
    every, variance = list(range(0, schedule.T + 1, 50)), data.var().item()
    eps = torch.randn(data.shape, generator=torch.Generator().manual_seed(2028))
    measured = [schedule.corrupt(data, t, eps).var().item() for t in every]
    signal, noise = schedule.alpha_bar, schedule.noise**2
    rates, equal = (int((noise >= power).int().argmax()) for power in (signal, variance * signal))
    t = range(schedule.T + 1)
    curves = [
        Curve(t, noise.tolist(), "power of the noise: noise²", NOISE, ":"),
        Curve(t, signal.tolist(), "signal² (an image of variance 1)", SIGNAL, "--"),
        Curve(t, (variance * signal).tolist(), f"power of these images: {variance:.2f} signal²", SIGNAL),
        Curve(every, measured, "variance of x, measured", NOISY, "-."),
    ]
    return Captioned(
        chart(curves, x=AXIS, y="power, variance", xlim=(schedule.T, 0), ylim=(0, 1.1)),
        caption=f"The second surprise. The rates are equal at t = {rates}. But these images have the variance "
        f"{variance:.2f}: their power equals that of the noise at t = {equal} already.",
        alt=f"Four curves over the timestep. The power of the noise falls from 1 on the left to 0 on the right. It "
        f"crosses the dashed curve signal squared at timestep {rates}, and the solid curve of the images' power, which "
        f"ends at {variance:.2f}, at timestep {equal}. The measured variance of x falls from {measured[-1]:.2f} to "
        f"{measured[0]:.2f}.",
    )


def coarse(x: Tensor) -> Tensor:
    """Return the coarse part of images (n, 3, h, w): each block of pixels is replaced by its mean."""
    return F.avg_pool2d(x, BLOCK).repeat_interleave(BLOCK, dim=2).repeat_interleave(BLOCK, dim=3)


def drowned_at(data: Tensor, schedule: Schedule) -> tuple[int, int]:
    """Return the timesteps from which the noise has more power than the images (n, 3, h, w): in the fine, coarse part.

    The mean of each image is left out.
    """
    data = data - data.mean(dim=(2, 3), keepdim=True)
    shape, fine = coarse(data).square().mean(), (data - coarse(data)).square().mean()
    blocks = BLOCK**2
    return (
        int((schedule.noise**2 * (1 - 1 / blocks) >= fine * schedule.alpha_bar).int().argmax()),
        int((schedule.noise**2 / blocks >= shape * schedule.alpha_bar).int().argmax()),
    )


def taken_apart(x0: Tensor, schedule: Schedule, eps: Tensor, fine: int, shape: int) -> Captioned:
    """Show one image x0 (1, 3, h, w) with its coarse and its fine part, at several timesteps."""
    timesteps = (450, 300, 150, 0)
    x = torch.cat([schedule.corrupt(x0, t, eps) for t in timesteps])
    rows = torch.cat([x, coarse(x), x - coarse(x)])
    return Captioned(
        images(to_bytes(rows), [f"t = {t}" for t in timesteps], ["x", "coarse", "fine"]),
        caption="The same x, taken apart. In each row, up to which timestep can you recognise the flower?",
        alt=f"Three rows: a flower at {len(timesteps)} timesteps, its coarse part and its fine part. In the flowers of "
        f"this lesson, the noise has more power than the fine part from timestep {fine} on, and more than the coarse "
        f"part from timestep {shape} on.",
    )


def decibels(names: tuple[str, ...] = ("linear", "cosine", "sigmoid", "flow"), T: int = 1000) -> Captioned:
    """Draw the signal-to-noise ratio of several schedules."""
    schedules = [SCHEDULES[name](T) for name in names]
    looks = [(INK, "-"), (SIGNAL, "--"), (REAL, "-."), (INK, ":")]
    curves = [
        Curve(range(T + 1), snr_decibels(schedule).tolist(), schedule.name, *look)
        for schedule, look in zip(schedules, looks, strict=False)
    ]
    crossed = ", ".join(f"{each.name} at {equal_rates(each)}" for each in schedules)
    return Captioned(
        chart(curves, x=AXIS, y="signal-to-noise ratio (dB)", xlim=(T, 0), ylim=(-40, 40)),
        caption="Where a curve crosses 0 dB, the two rates are equal. The linear schedule crosses it much nearer to "
        "the clean image than the others: at most of its timesteps the noise is the stronger part.",
        alt=f"Signal-to-noise ratio in decibels over the timestep. The curves cross 0 dB here: {crossed}.",
    )


def last_timestep(x0: Tensor, schedule: Schedule, times: int) -> Captioned:
    """Show an image x0 (1, 3, h, w) at timestep T, and the mean over many noises: what is left of the image."""
    eps = torch.randn(times, *x0.shape[1:], generator=torch.Generator().manual_seed(2029))
    x = schedule.corrupt(x0, schedule.T, eps)
    left = schedule.signal[-1].item()
    seen = "can be seen clearly" if left > 0.4 else "can be seen faintly" if left > 0.1 else "cannot be seen"
    return Captioned(
        images(to_bytes(torch.cat([x[:1], x.mean(0, keepdim=True)])), ["x at T", f"mean of {times}"]),
        caption=f"Timestep T = {schedule.T}. In the mean the noise cancels, and what is left of the image remains: its "
        f"signal rate is {left:.3f}.",
        alt=f"Two images: a flower at timestep {schedule.T}, with a signal rate of {left:.3f}, and the mean over "
        f"{times} noises, in which the flower {seen}.",
    )


def one_batch(corrupt_batch: Callable, x0: Tensor, schedule: Schedule) -> Captioned:
    """Show four images of a batch of 64 that a function has noised, each to its own timestep."""
    timesteps = torch.linspace(630, 0, 64).round().long()
    eps = torch.randn(64, *x0.shape[1:], generator=torch.Generator().manual_seed(2030))
    clean, problem = x0.expand(64, -1, -1, -1), ""
    try:
        batch = torch.as_tensor(corrupt_batch(clean, timesteps, eps, schedule.alpha_bar))
        batch = batch.expand_as(clean)
    except Exception as raised:  # the check names it; the cell goes on to the check
        batch, problem = clean, f" Your function gave no such batch ({type(raised).__name__}); these are clean images."
    some = [0, 35, 56, 63]
    flat = (batch[63] - x0[0]).abs().max().item() < 1e-4
    return Captioned(
        images(to_bytes(batch[some]), [f"t = {t}" for t in timesteps[some].tolist()]),
        caption="Four images of one batch of 64. From left to right they should be less and less noisy, each of them "
        f"evenly.{problem}",
        alt="Four images of one batch, as your function makes them. The last one has the timestep 0 and is "
        f"{'the clean flower' if flat else 'not the clean flower'}.",
    )
