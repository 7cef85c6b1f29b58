"""Measures of fine detail: features of patches at full resolution, gradient energy, and power spectrum."""

from einops import rearrange

from diffusion_edu.analysis.measures import gradient_energy, spectrum
from diffusion_edu.data.images import to_signed
from diffusion_edu.editing.super_resolution import bicubic_downsample
from diffusion_edu.evaluation.cold import psnr_and_ssim
from diffusion_edu.evaluation.features import describe


def patches(images, size):
    """Cut images (n, c, h, w) into squares (m, c, size, size) without overlap.

    Raises ValueError unless h and w are multiples of size.
    """
    if images.shape[-1] % size or images.shape[-2] % size:
        raise ValueError(
            f"Images of {images.shape[-2]}x{images.shape[-1]} pixels cannot be cut into patches of {size}x{size}: "
            "name another feature network with --features, one for smaller images."
        )
    return rearrange(images, "n c (i h) (j w) -> (n i j) c h w", h=size, w=size)


def patch_features(feature_network, images, watch=iter):
    """Compute features of the patches of uint8 images (n, 3, h, w), each of the size that the feature network was
    trained on.

    So no detail is lost by scaling.
    """
    return describe(feature_network, patches(images, feature_network.card.size), watch=watch).features


def consistency(images, small):
    """Shrink uint8 images (n, 3, 2h, 2w) again and compare them with the small ones (n, 3, h, w): PSNR in dB."""
    return psnr_and_ssim(bicubic_downsample(to_signed(images)), to_signed(small))["PSNR"]


def relative_gradient_energy(images, real):
    """Divide the gradient energy of uint8 images (n, 3, h, w) by that of real ones: less is soft, more is noisy."""
    return (gradient_energy(to_signed(images)).mean() / gradient_energy(to_signed(real)).mean()).item()


def finest_octave(images):
    """Divide the power in the finest octave of uint8 images (n, 3, h, w) by that in the octave below.

    In photographs this ratio is nearly the same at every size (Field 1987), so it needs no true image to compare with.
    """
    cycles, power = spectrum(to_signed(images))
    fine, coarse = cycles > cycles.max() / 2, (cycles > cycles.max() / 4) & (cycles <= cycles.max() / 2)
    return (power[fine].mean() / power[coarse].mean()).item()
