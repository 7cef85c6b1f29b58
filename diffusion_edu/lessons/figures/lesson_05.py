"""The longer figures of lesson 05, DDIM and fast solvers."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from diffusion_edu.checkpoints import Model
from diffusion_edu.core import Denoiser, walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import guided
from diffusion_edu.editing.inversion import inversion_step
from diffusion_edu.figures.still import GUIDANCE, INK, PREDICTION, SIGNAL, Captioned, Curve, chart, images
from diffusion_edu.lessons.figures.lesson_04 import relative_std
from diffusion_edu.samplers import SAMPLERS, ddim_step, nfe
from diffusion_edu.schedules import Schedule
from diffusion_edu.spacings import spaced


def rms(one: Tensor, other: Tensor) -> float:
    """Return the root mean square of the difference of two tensors."""
    return (one - other).square().mean().sqrt().item()


def shown(x: Tensor) -> Tensor:
    """Clip to [-1, 1] and turn into bytes."""
    return to_bytes(x.clamp(-1, 1))


def split(x: Tensor, x0_hat: Tensor, schedule: Schedule, t: int, s: int) -> Captioned:
    """Show x (1, 3, h, w) at t, its two parts, and what both make at the lower timestep s."""
    eps_hat = (x - schedule.signal[t] * x0_hat) / schedule.noise[t]
    x_s = schedule.signal[s] * x0_hat + schedule.noise[s] * eps_hat
    columns = [f"x at t = {t}", "x0_hat", "eps_hat", f"x at s = {s}"]
    return Captioned(
        images(shown(torch.cat([x, x0_hat, eps_hat, x_s]).float()), columns),
        caption=f"x is {schedule.signal[t]:.2f} times the predicted image plus {schedule.noise[t]:.2f} times the "
        f"predicted noise. The new x, at {s}, is {schedule.signal[s]:.2f} times this image plus "
        f"{schedule.noise[s]:.2f} times this noise.",
        alt=f"A noisy image, its predicted image, its predicted noise (standard deviation {eps_hat.std():.2f}), and a "
        "less noisy image made of both.",
    )


@torch.no_grad()
def sampled(denoise: Denoiser, eps: Tensor, timesteps: Sequence[int], schedule: Schedule, **options) -> Tensor:
    """Walk with the library's DDIM step and return the last x; options are eta and randn."""
    return [*walk(partial(ddim_step, denoise, schedule, **options), eps, list(timesteps))][-1].x


@torch.no_grad()
def walked(step: Callable, denoise: Denoiser, x: Tensor, timesteps: Sequence[int], schedule: Schedule) -> Tensor:
    """Walk with a step(x, x0_hat, t, s, schedule) and return the last x."""
    for t, s in pairwise(timesteps):
        x = step(x, denoise(x, t), t, s, schedule).to(x)
    return x


def unclipped(model: Model, schedule: Schedule, labels: Tensor, guidance_scale: float) -> Denoiser:
    """Return the guided denoiser of a model whose predictions may leave the range of images."""
    unconditional = model.denoiser(schedule)
    return guided(unconditional.given(labels), unconditional, guidance_scale)


def noise_from(seed: int) -> Callable[[Tensor], Tensor]:
    """Make a function that returns fresh noise shaped like x, from one generator."""
    random = torch.Generator().manual_seed(seed)
    return lambda x: torch.randn(x.shape, generator=random)


def rows(table: dict[str, Tensor], names: Sequence[str], caption: str, against: str = "") -> Captioned:
    """Show rows of generated images; the alternative text says how far each row is from the row `against`."""
    far = [f"{name}: {rms(x, table[against]):.3f}" for name, x in table.items() if against and name != against]
    said = f" Root mean square difference from {against}: {', '.join(far)}." if far else ""
    first = "; ".join(f"{name}: {_colour(x[0])}" for name, x in table.items())
    return Captioned(
        images(shown(torch.cat(list(table.values()))), list(names), list(table)),
        caption=caption,
        alt=f"Flowers ({', '.join(names)}) in rows: {', '.join(table)}.{said} Red, green and blue in the middle of the "
        f"first flower, of 255: {first}.",
    )


def _colour(image):
    """The mean colour in the middle of an image (3, h, w), as text."""
    middle = shown(image)[:, 16:48, 16:48].float().mean(dim=(1, 2))
    return ", ".join(f"{value:.0f}" for value in middle)


def solvers(std: float = 0.3) -> Captioned:
    """Draw the standard deviation of samples over the network evaluations, for DDPM, DDIM and Heun."""
    steps = [3, 5, 10, 20, 30, 50, 100]
    lines = {"DDPM": (SIGNAL, "-"), "DDIM": (PREDICTION, "--"), "Heun": (GUIDANCE, "-.")}
    curves, said = [Curve([3, 200], [1, 1], "the data", INK, ":")], []
    for name, (color, dashes) in lines.items():
        height = [relative_std(SAMPLERS[name], n, std) for n in steps]
        cost = [nfe(name, n) for n in steps]
        curves.append(Curve(cost, height, name, color, dashes))
        said.append(f"{name} from {height[0]:.2f} at {cost[0]} to {height[-1]:.2f} at {cost[-1]}")
    ticks = [3, 5, 10, 20, 50, 100, 200]
    axes = {"xscale": "log", "xticks": ticks, "xticklabels": ticks, "ylim": (0, 1.1)}
    return Captioned(
        chart(curves, x="network evaluations (NFE)", y="standard deviation of samples ÷ data", **axes),
        caption="The same perfect denoiser, three solvers. A Heun step needs two evaluations: with few evaluations "
        "it is worse than DDIM, with many it is better.",
        alt=f"Three rising curves over the number of network evaluations: {'; '.join(said)}. The data are at 1.",
    )


@torch.no_grad()
def there_and_back(denoise: Denoiser, image: Tensor, schedule: Schedule, steps: Sequence[int]) -> Captioned:
    """Walk from an image (1, 3, h, w) up to noise and down again, with several numbers of steps."""
    made, errors = [image], []
    for n in steps:
        timesteps = spaced(schedule, n)
        *_, up = walk(partial(inversion_step, denoise, schedule), image, timesteps[::-1])
        down = sampled(denoise, up.x, timesteps, schedule)
        made += [up.x, down]
        errors.append(rms(down, image))
    columns = ["image", *(f"{word}, {n} steps" for n in steps for word in ("noise", "back"))]
    return Captioned(
        images(shown(torch.cat(made)), columns),
        caption=f"Up to noise and down again. With {steps[0]} steps the image comes back with an error of "
        f"{errors[0]:.2f}, with {steps[-1]} steps of {errors[-1]:.2f} (root mean square).",
        alt=f"A flower, the noise found for it, and the flower generated from this noise. Errors: "
        f"{', '.join(f'{n} steps {error:.3f}' for n, error in zip(steps, errors, strict=True))}.",
    )
