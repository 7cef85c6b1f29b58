"""Check and prepare what text-to-image functions take: images, masks and conditions."""

import torch
import torch.nn.functional as F

from diffusion_edu.networks.text import token_mask


def trim_padding(condition):
    """Cut token positions at the end that are padding in all prompts (n, 77) or (n, 77, d); None if all prompts are
    empty.
    """
    used = int(token_mask(condition).any(0).nonzero().max()) + 1
    return condition[:, :used] if condition.any() else None


def repeat_for(condition, count):
    """Repeat a condition of one prompt (1, ...) for `count` images; None stays None."""
    return condition if condition is None else condition.expand(count, *condition.shape[1:])


def check_images(images, count, multiple):
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


def check_mask(mask, size):
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


def latent_mask(mask, factor):
    """Bring a mask, bool (h, w), to latents (h / factor, w / factor): True where at least one of its pixels
    is marked.
    """
    return F.max_pool2d(mask[None].float(), factor)[0].bool()
