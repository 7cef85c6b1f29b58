"""The figures of lesson 11: latents as maps, decoded images side by side, and prompts without a word."""

from collections.abc import Sequence

import torch
from torch import Tensor

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.still import Captioned, images


def latent_maps(x: Tensor, latents: Tensor, decoded: Tensor) -> Captioned:
    """Show images x (b, 3, h, w), each channel of their latents (b, c, h/f, w/f) as a map, and the decoded images."""
    factor = x.shape[-1] // latents.shape[-1]
    maps = (latents / 3).repeat_interleave(factor, -2).repeat_interleave(factor, -1)
    row = [x, *maps.unsqueeze(2).expand(-1, -1, 3, -1, -1).unbind(1), decoded]
    names = ["image", *[f"channel {k + 1}" for k in range(latents.shape[1])], "decoded"]
    quality = ", ".join(f"{each:.1f}" for each in psnr(decoded, x).tolist())
    return Captioned(
        images(to_bytes(torch.stack(row, dim=1).flatten(0, 1)), names, [""] * len(x), zoom=1),
        caption=f"Each square of a channel is one number; it stands for {factor} x {factor} pixels. Grey is 0, white "
        "is large.",
        alt=f"{len(x)} rows: an image of {x.shape[-1]} x {x.shape[-1]} pixels, {latents.shape[1]} coarse maps of "
        f"{latents.shape[-1]} x {latents.shape[-1]} squares in which its outline can be seen, and the decoded image. "
        f"PSNR of the decoded images: {quality} dB.",
    )


def side_by_side(versions: dict[str, Tensor], caption: str) -> Captioned:
    """Show versions of the same images in [-1, 1], one row for each name; the first row is what others aim at."""
    first = next(iter(versions.values()))
    found = "; ".join(f"{name}: {psnr(x, first).mean():.1f} dB" for name, x in list(versions.items())[1:])
    return Captioned(
        images(to_bytes(torch.cat(list(versions.values()))), [""] * len(first), list(versions), zoom=1),
        caption=caption,
        alt=f"{len(versions)} rows of {len(first)} images: {', '.join(versions)}. Mean PSNR to the first row: {found}.",
    )


def rms(a: Tensor, b: Tensor) -> float:
    """Return the root mean squared difference of images uint8 (b, 3, h, w), in units where white minus black is 2."""
    return ((a.double() - b.double()) / 127.5).square().mean().sqrt().item()


def without_words(prompts: dict[str, Tensor], seeds: Sequence[int]) -> Captioned:
    """Show images uint8 (b, 3, h, w) of prompts, one row each; the first prompt is the whole one."""
    whole = next(iter(prompts.values()))
    found = "; ".join(f"{name}: {rms(x, whole):.2f}" for name, x in list(prompts.items())[1:])
    return Captioned(
        images(torch.cat(list(prompts.values())), [f"seed {seed}" for seed in seeds], list(prompts), zoom=1),
        caption="The same noise in each column. Each row below the first lacks one word of the prompt.",
        alt=f"{len(prompts)} rows of {len(seeds)} images. Root mean squared difference to the row of the whole prompt, "
        f"where black and white are 2 apart: {found}.",
    )
