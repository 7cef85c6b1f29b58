"""The longer figures of lesson 04, DDPM."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from diffusion_edu.core import Denoiser, walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import exact_gaussian
from diffusion_edu.figures.still import INK, NOISE, NOISY, SIGNAL, Captioned, Curve, chart, images
from diffusion_edu.museum.moments import final_std
from diffusion_edu.samplers import ddpm_step, multistep_renoising_step
from diffusion_edu.schedules import Schedule, linear
from diffusion_edu.spacings import spaced

BINS = 24


def where_it_was(everyone: Tensor, fitting: Tensor, s: int) -> Captioned:
    """Draw two histograms of numbers at timestep s: all of them, and those that fit to what is seen at t."""
    low, high = everyone.quantile(0.001).item(), fitting.quantile(0.999).item()
    middles = [low + (k + 0.5) * (high - low) / BINS for k in range(BINS)]
    curves = []
    for numbers, label, color, dashes in (
        (everyone, f"all numbers at timestep {s}", NOISY, "--"),
        (fitting, "those that reach x at timestep t", SIGNAL, "-"),
    ):
        heights = torch.histc(numbers, BINS, low, high) / len(numbers) * BINS / (high - low)
        curves.append(Curve(middles, heights.tolist(), label, color, dashes))
    spreads = f"{everyone.mean():.2f} to {fitting.mean():.2f}", f"{everyone.std():.2f} to {fitting.std():.2f}"
    return Captioned(
        chart(curves, x=f"value at timestep {s}", y="density", ylim=(0, None)),
        caption="Dashed: what the clean number alone says about x_s. Solid: what is left when x is known, too. It is a "
        "narrower bell, moved towards x. A DDPM step samples from the solid one.",
        alt=f"Two bell curves. When x is known, the mean goes from {spreads[0]} and the standard deviation from "
        f"{spreads[1]}.",
    )


def walk_strip(seen: Sequence[tuple[int, Tensor, Tensor]], last: Tensor, which: int = 0) -> Captioned:
    """Show x and the prediction at five moments of a walk; seen holds (t, x, x0_hat) of every step."""
    chosen = [seen[round(k * (len(seen) - 1) / 3)] for k in range(4)]
    columns = [f"t = {t}" for t, _, _ in chosen] + ["t = 0"]
    x = [x[which] for _, x, _ in chosen] + [last[which]]
    x0_hat = [x0_hat[which] for *_, x0_hat in chosen] + [last[which]]
    changes = [(each[2][which] - last[which]).square().mean().sqrt().item() for each in chosen]
    return Captioned(
        images(to_bytes(torch.stack(x + x0_hat).clamp(-1, 1)), columns, ["x", "x0_hat"]),
        caption="Above, x: noise becomes image. Below, the prediction: first a blurred mean of all flowers that fit, "
        "then one flower. The network looks again at every step.",
        alt=f"x and x0_hat at {', '.join(columns)}. The prediction differs from the last image by "
        f"{', '.join(f'{each:.2f}' for each in changes)} (root mean square).",
    )


def flowers(rows: dict[str, Tensor], names: Sequence[str], caption: str) -> Captioned:
    """Show rows of generated images, with the fine detail of each row in the alternative text."""
    detail = [f"{name}: {fine_detail(x):.3f}" for name, x in rows.items()]
    return Captioned(
        images(to_bytes(torch.cat(list(rows.values())).clamp(-1, 1)), list(names), list(rows)),
        caption=caption,
        alt=f"Flowers ({', '.join(names)}) in rows: {', '.join(rows)}. Mean difference between neighbouring pixels: "
        f"{', '.join(detail)}.",
    )


def fine_detail(x: Tensor) -> float:
    """Measure how much neighbouring pixels of images (b, c, h, w) differ on average."""
    return x.clamp(-1, 1).diff(dim=3).abs().mean().item()


def recorded(denoise: Denoiser, seen: list) -> Denoiser:
    """Return the same denoiser; every call adds (t, x, x0_hat) to seen."""

    def watched(x, t):
        x0_hat = denoise(x, t)
        seen.append((t, x, x0_hat))
        return x0_hat

    return watched


def library_sample(
    denoise: Denoiser,
    x: Tensor,
    timesteps: Sequence[int],
    noises: Sequence[Tensor],
    schedule: Schedule,
    sampler: Callable = ddpm_step,
) -> Tensor:
    """Walk with the library's steps, step i with noises[i], and return the last x."""
    left = iter(noises)
    step = partial(sampler, denoise, schedule, randn=lambda x: next(left))
    return [*walk(step, x, list(timesteps))][-1].x


@torch.no_grad()
def strided(
    step: Callable, denoise: Denoiser, eps: Tensor, timesteps: Sequence[int], noises: Sequence[Tensor]
) -> Tensor:
    """Walk on the linear schedule with a step(x, x0_hat, t, s, z, schedule) and return the last x."""
    x, schedule = eps, linear(1000)
    for (t, s), z in zip(pairwise(timesteps), noises, strict=False):
        x = step(x, denoise(x, t), t, s, z, schedule).to(eps)
    return x


def relative_std(sampler: Callable, steps: int, std: float = 0.3, schedule: Schedule | None = None) -> float:
    """Return the standard deviation of samples, divided by that of the data N(0, std^2): exact, without randomness."""
    schedule = schedule or linear(1000)
    step = partial(sampler, exact_gaussian(0.0, std, schedule), schedule)
    return final_std(step, spaced(schedule, steps)) / std


def spread(std: float = 0.3) -> Captioned:
    """Draw the standard deviation of samples over the number of steps, for DDPM and for entirely fresh noise."""
    steps = [5, 10, 20, 50, 100, 200, 500, 1000]
    ddpm = [relative_std(ddpm_step, n, std) for n in steps]
    fresh = [relative_std(multistep_renoising_step, n, std) for n in steps]
    return Captioned(
        chart(
            [
                Curve(steps, ddpm, "DDPM", SIGNAL),
                Curve(steps, fresh, "entirely fresh noise (multistep renoising)", NOISE, "--"),
                Curve([steps[0], steps[-1]], [1, 1], "the data", INK, ":"),
            ],
            x="sampling steps",
            y="standard deviation of samples ÷ data",
            xscale="log",
            xticks=steps,
            xticklabels=[f"{n:,}" for n in steps],
            ylim=(0, 1.1),
        ),
        caption="Both use the same perfect denoiser. DDPM comes close to the data with many steps. With entirely fresh "
        "noise, more steps hardly help.",
        alt=f"Two curves over 5 to 1,000 steps. DDPM rises from {ddpm[0]:.2f} to {ddpm[-1]:.2f}, entirely fresh noise "
        f"from {fresh[0]:.2f} to {fresh[-1]:.2f}; the data are at 1.",
    )
