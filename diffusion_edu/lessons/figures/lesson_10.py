"""Figures of lesson 10: edited, inpainted, interpolated and enlarged flowers, with what was measured on them."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.analysis.measures import distance, seam
from diffusion_edu.checkpoints import Model
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.editing.super_resolution import conditioning_image
from diffusion_edu.figures.still import Captioned, images
from diffusion_edu.generation import Preset, guided_denoiser
from diffusion_edu.randomness import SeededNoise


def shown(columns: dict[str, Tensor], caption: str, alt: str, rows: tuple[str, ...] = (), zoom: int = 1) -> Captioned:
    """Show images (b, 3, h, w) by the names of their columns, one row for each image."""
    pages = torch.stack(list(columns.values()), dim=1).flatten(0, 1)
    count = len(next(iter(columns.values())))
    return Captioned(images(to_bytes(pages), list(columns), rows or [""] * count, zoom=zoom), caption, alt)


def edits(x0: Tensor, results: dict[str, Tensor]) -> Captioned:
    """Show results by the name of their strength beside the images x0 that they were made from."""
    far = {name: 127.5 * distance(x, x0) for name, x in results.items()}
    said = ", ".join(f"{value:.0f} at {name}" for name, value in far.items())
    return shown(
        {**results, "input": x0},
        "The columns are strengths. The smaller the strength, the more of the input stays. Root mean squared "
        f"difference to it (of 255): {said}.",
        f"{len(x0)} flowers in rows, edited with falling strength from left to right; the input stands at the right. "
        f"Root mean squared difference to the input, of 255: {said}.",
        zoom=2,
    )


def known_error(x: Tensor, x0: Tensor, mask: Tensor) -> float:
    """Return the root mean squared error of the known pixels (mask 1), of 255."""
    return 127.5 * ((x - x0) * mask).square().sum().div(mask.sum() * x0.shape[0] * x0.shape[1]).sqrt().item()


def inpainted(x0: Tensor, mask: Tensor, results: dict[str, Tensor]) -> Captioned:
    """Show filled holes by the name of the method; mask (1, 1, h, w) is 0 in the hole."""
    hole = mask[0, 0] == 0
    errors = {name: known_error(x, x0, mask) for name, x in results.items()}
    exact = {name: x for name, x in results.items() if errors[name] < 1}  # grain around a hole hides its border
    seams = {name: seam(x, hole).mean().item() for name, x in {**exact, "the true image": x0}.items()}
    wrong = ", ".join(f"{name} {value:.0f}" for name, value in errors.items())
    border = ", ".join(f"{name} {value:.1f}" for name, value in seams.items())
    return shown(
        {"hole": x0 * mask, **results, "true": x0},
        f"Error of the known pixels (of 255): {wrong}. Jump of the brightness at the border of the hole, compared with "
        f"neighbours elsewhere: {border}.",
        f"{len(x0)} flowers with a square hole in rows, filled by {len(results)} methods. Error of the known pixels, "
        f"of 255: {wrong}. Jump at the border: {border}.",
        zoom=2,
    )


def between(rows: dict[str, Tensor], noises: dict[str, Tensor]) -> Captioned:
    """Show images (n, 3, h, w) generated from noises between two noises, one row for each way between them."""
    middle = {name: x[len(x) // 2].std().item() for name, x in noises.items()}
    contrast = {name: x[len(x) // 2].std().item() for name, x in rows.items()}
    said, seen = (", ".join(f"{name} {value:.2f}" for name, value in each.items()) for each in (middle, contrast))
    count = len(next(iter(rows.values())))
    columns = {f"{k / (count - 1):.2f}": torch.stack([x[k] for x in rows.values()]) for k in range(count)}
    return shown(
        columns,
        "Images from noises between two noises, by the fraction of the way. Standard deviation of the noise halfway: "
        f"{said}; of the image halfway: {seen}.",
        f"{len(rows)} rows of {count} flowers between one flower and another. Standard deviation of the noise halfway: "
        f"{said}; of the image halfway, its contrast: {seen}.",
        tuple(rows),
        zoom=2,
    )


def hold_means(x0_hat: Tensor, small: Tensor) -> Tensor:
    """Correct x0_hat (b, c, 2h, 2w), so that its 2 x 2 means are small (b, c, h, w)."""
    missing = small - F.avg_pool2d(x0_hat, 2)
    return x0_hat + missing.repeat_interleave(2, 2).repeat_interleave(2, 3)


def enlarged(model: Model, preset: Preset, small: Tensor, seed: int, correct: Callable[[Tensor], Tensor]) -> Tensor:
    """Generate an image twice as large as small (1, 3, h, w); `correct` changes every prediction of the walk."""
    noise, other = SeededNoise([seed]), SeededNoise([seed + 2**31])
    condition = conditioning_image(small, torch.full((1,), 0.1), other.sample(small.shape[1:]))
    denoise = guided_denoiser(model, preset, condition)
    step = preset.step(lambda x, t: correct(denoise(x, t)), noise)
    *_, end = walk(step, noise.sample((3, *condition.shape[2:])), preset.timesteps())
    return end.x


def cascade(small: Tensor, results: dict[str, Tensor]) -> Captioned:
    """Show large images by name beside the small one (1, 3, h, w) that they were made from."""
    off = {name: 127.5 * distance(F.avg_pool2d(x, 2), small) for name, x in results.items()}
    said = ", ".join(f"{name}: {value:.1f}" for name, value in off.items())
    large = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    return shown(
        {"small": large, **results},
        f"Difference between the small image and the 2 x 2 means of the large one (of 255): {said}.",
        f"One flower of {small.shape[2]} x {small.shape[3]} pixels, and {len(results)} versions of twice that size. "
        f"Difference of their 2 x 2 means to the small image, of 255: {said}.",
        zoom=2,
    )
