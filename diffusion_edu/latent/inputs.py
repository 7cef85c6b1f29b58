"""Check and prepare what text-to-image functions take: images, masks and conditions."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.checks import Count, checked
from diffusion_edu.networks.text import token_mask


@checked
def trim_padding(condition: Tensor) -> Tensor | None:
    """Cut token positions at the end that are padding in all prompts (n, 77) or (n, 77, d); None if all prompts are
    empty.
    """
    if condition.ndim not in (2, 3):
        raise ValueError(f"A condition is token ids (n, 77) or vectors (n, 77, d), not {tuple(condition.shape)}.")
    used = int(token_mask(condition).any(0).nonzero().max()) + 1
    return condition[:, :used] if condition.any() else None


@checked
def repeat_for(condition: Tensor | None, count: Count) -> Tensor | None:
    """Repeat a condition of one prompt (1, ...) for `count` images; None stays None."""
    if condition is not None and len(condition) not in (1, count):
        raise ValueError(f"Give one condition or {count}, one for every image, not {len(condition)}.")
    return condition if condition is None else condition.expand(count, *condition.shape[1:])


@checked
def check_images(images: Tensor, count: Count, multiple: Count) -> Tensor:
    """Return one image or `count` images as uint8 (n, 3, h, w).

    Raises ValueError, in one sentence, for another shape or dtype, or if a side is not divisible by `multiple`.
    """
    images = images if images.ndim == 4 else images[None]
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3 or len(images) not in (1, count):
        raise ValueError(
            f"Give one image, or {count}, each uint8 (3, h, w), not {str(images.dtype)[6:]} {tuple(images.shape)}."
        )
    h, w = images.shape[2:]
    if not h or not w or h % multiple or w % multiple:
        raise ValueError(
            f"Height and width of the image must be divisible by {multiple}, not {h} x {w}: cut or scale it."
        )
    return images.cpu()


@checked
def check_mask(mask: Tensor | np.ndarray, size: Sequence[Count]) -> Tensor:
    """Return a mask as bool (h, w), True where it is not 0; raises ValueError, in one sentence, if it is empty or of
    another size.
    """
    mask = torch.as_tensor(mask).cpu() != 0
    if mask.shape != size:
        raise ValueError(
            f"The mask has the shape {tuple(mask.shape)}, and the image {tuple(size)}: "
            "scale the mask to the size of the image."
        )
    if not mask.any():
        raise ValueError("Nothing is marked in the mask: paint over what is to be sampled anew.")
    return mask


@checked
def latent_mask(mask: Tensor, factor: Count) -> Tensor:
    """Bring a mask, bool (h, w), to latents (h / factor, w / factor): True where at least one of its pixels
    is marked.
    """
    if mask.ndim != 2 or mask.shape[0] % factor or mask.shape[1] % factor:
        raise ValueError(f"A mask is (h, w), both divisible by {factor}, not {tuple(mask.shape)}.")
    return F.max_pool2d(mask[None].float(), factor)[0].bool()
