"""The longer figures of lesson 13, the capstone."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from diffusion_edu.checkpoints import Model
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.still import Captioned, images
from diffusion_edu.museum.ddim import whole_noise_as_sigma
from diffusion_edu.museum.ddpm import always_large, one_step_beta
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.samplers import ddpm_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced

SEEDS, LABELS = (2027, 2028), (0, 40)  # of the flowers: the first two samples of two classes


def flow_steps(generate: Callable[[Tensor, int], Tensor], steps: Sequence[int]) -> Captioned:
    """Show flowers that `generate(eps, n)` made in n Euler steps, for each n."""
    eps = SeededNoise(SEEDS).sample((3, 64, 64))
    rows = [generate(eps, n) for n in steps]
    shown = torch.stack(rows, dim=1).flatten(0, 1)  # one row of images for each seed
    detail = [(row[..., 1:] - row[..., :-1]).abs().mean().item() for row in rows]
    said = ", ".join(f"{value:.3f} with {n}" for n, value in zip(steps, detail, strict=True))
    return Captioned(
        images(to_bytes(shown), [f"{n} step" + "s" * (n > 1) for n in steps], [f"seed {seed}" for seed in SEEDS]),
        caption="The same noise, the same network, more and more Euler steps on the linear path. One step gives the "
        "mean of the class: a blurred flower. Detail and contrast come with the steps.",
        alt=f"Two rows of flowers, from left to right with more steps. The first is blurred, the last is sharp. Mean "
        f"difference of neighbouring pixels: {said}.",
    )


def bugs(model: Model, steps: int = 20) -> Captioned:
    """Generate flowers in a few DDPM steps, without a bug and with three of the museum's."""
    schedule = cosine()
    denoise = model.denoiser(schedule, torch.tensor(LABELS))
    variants = {
        "right": ddpm_step,
        "beta (16)": one_step_beta,
        "large (20)": always_large,
        "sigma (12)": partial(whole_noise_as_sigma, eta=1.0),
    }
    rows = []
    for step in variants.values():
        noise = SeededNoise(SEEDS)

        def one(x, t, s, step=step, noise=noise):
            return step(denoise, schedule, x, t, s, randn=noise)

        with torch.no_grad():
            *_, last = walk(one, noise.sample((3, 64, 64)), spaced(schedule, steps))
        rows.append(last.x)
    grain = [(row[..., 1:] - row[..., :-1]).abs().mean().item() for row in rows]
    said = ", ".join(f"{name} {value:.2f}" for name, value in zip(variants, grain, strict=True))
    return Captioned(
        images(to_bytes(torch.stack(rows, dim=1).flatten(0, 1)), list(variants), [f"seed {seed}" for seed in SEEDS]),
        caption=f"DDPM in {steps} steps: without a bug, and with three bugs from public code (in brackets: their "
        "numbers in the museum). The first is obvious. The other two look as if the network needed more training.",
        alt=f"Two rows of four images: a flower without a bug, then three with one. Grain, measured as the mean "
        f"difference of neighbouring pixels: {said}.",
    )
