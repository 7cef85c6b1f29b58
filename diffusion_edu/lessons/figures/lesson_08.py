"""Figures of lesson 08: images on their way down, both algorithms side by side, and PSNR over the number of steps."""

from collections.abc import Sequence

import torch
from torch import Tensor

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.data.images import to_bytes
from diffusion_edu.degradations import DEGRADATIONS, Degradation
from diffusion_edu.figures.still import INK, NOISE, PREDICTION, Captioned, Curve, chart, images


def decibels(x: Tensor, x0: Tensor) -> float:
    """Return the PSNR of images x (b, c, h, w) against x0 in dB, averaged over the batch."""
    return psnr(x.clamp(-1, 1), x0).mean().item()


def six_ways(x0: Tensor, T: int = 100) -> Captioned:
    """Show one image (1, 3, h, w) in all six degradations, from timestep T on the left to 0 on the right."""
    timesteps = [T, 3 * T // 4, T // 2, T // 4, 0]
    shown = torch.cat([Degradation(name, (0,), T)(x0, t) for name in DEGRADATIONS for t in timesteps])
    halfway = shown.view(len(DEGRADATIONS), len(timesteps), *x0.shape[1:])[:, 2]
    numbers = ", ".join(f"{name} {decibels(x[None], x0):.1f} dB" for name, x in zip(DEGRADATIONS, halfway, strict=True))
    return Captioned(
        images(to_bytes(shown), [f"t = {t}" for t in timesteps], list(DEGRADATIONS), zoom=1),
        caption="Six degradations of one image. Timestep 0, on the right, is the image itself. At timestep "
        f"{T} one colour is left, and of `desaturate` the grey image.",
        alt=f"One flower in six rows, one for each degradation, at the timesteps {', '.join(map(str, timesteps))}. "
        f"Its PSNR at timestep {timesteps[2]}: {numbers}.",
    )


def side_by_side(x0: Tensor, results: dict[str, Tensor]) -> Captioned:
    """Show results (b, 3, h, w) by name beside the true images x0, one row for each image."""
    columns = {**results, "true": x0}
    shown = torch.stack(list(columns.values()), dim=1).flatten(0, 1)
    said = ", ".join(f"{name} {decibels(x, x0):.1f} dB" for name, x in results.items())
    which = "this flower" if len(x0) == 1 else f"these {len(x0)} flowers, mean"
    return Captioned(
        images(to_bytes(shown), list(columns), [""] * len(x0), zoom=2, gap=8),
        caption=f"PSNR of {which}: {said}. Higher is better.",
        alt=f"One row for each flower, with the columns {', '.join(columns)}. PSNR of {which}: {said}.",
    )


def psnr_over_steps(steps: Sequence[int], curves: dict[str, list[float]], untouched: float) -> Captioned:
    """Draw the PSNR that algorithms 1 and 2 reach with each number of steps, and that of the input, untouched."""
    looks = zip((NOISE, PREDICTION), ("--", "-"), strict=True)
    lines = [Curve(steps, reached, name, *look) for (name, reached), look in zip(curves.items(), looks, strict=True)]
    lines.append(Curve(steps, [untouched] * len(steps), "input, untouched", INK, ":"))
    said = "; ".join(
        f"{name} goes from {reached[0]:.1f} dB with {steps[0]} steps to {reached[-1]:.1f} dB with {steps[-1]}"
        for name, reached in curves.items()
    )
    figure = chart(lines, "sampling steps", "PSNR in dB (higher is better)", xscale="log")
    figure.axes[0].set_xticks(steps, [str(n) for n in steps])
    figure.axes[0].minorticks_off()
    return Captioned(
        figure,
        caption=f"More steps, more PSNR? {said[0].upper() + said[1:]}. The input has {untouched:.1f} dB.",
        alt=f"PSNR over the number of steps. {said[0].upper() + said[1:]}. A dotted line shows {untouched:.1f} dB.",
    )
