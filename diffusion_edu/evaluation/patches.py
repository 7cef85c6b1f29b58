"""How good is fine detail? Likeness to the truth where there is one, and likeness to real images in features that see single pixels."""

from einops import rearrange

from diffusion_edu.analysis.measures import gradient_energy, spectrum
from diffusion_edu.data.images import to_signed
from diffusion_edu.editing.super_resolution import shrunk
from diffusion_edu.evaluation.cold import likeness
from diffusion_edu.evaluation.features import describe


def patches(images, size):
    """Cut images (n, c, h, w) into squares (m, c, size, size) that do not overlap, every pixel as it is; height and width are multiples of size."""
    return rearrange(images, "n c (i h) (j w) -> (n i j) c h w", h=size, w=size)


def patch_features(feature_network, images, watch=iter):
    """Describe the patches of uint8 images (n, 3, h, w), each of the size that the classifier eyes was trained on, so that nothing is scaled away."""
    return describe(feature_network, patches(images, feature_network.card.size), watch=watch).features


def faithful(images, small):
    """Say how well uint8 images (n, 3, 2h, 2w), shrunk again, agree with the small ones they were made of (n, 3, h, w): PSNR in dB."""
    return likeness(shrunk(to_signed(images)), to_signed(small))["PSNR"]


def detail(images, real):
    """Compare the gradient energy of uint8 images (n, 3, h, w) with that of real ones: 1 is as much, less is soft, more is noisy."""
    return (gradient_energy(to_signed(images)).mean() / gradient_energy(to_signed(real)).mean()).item()


def finest(images):
    """Divide the power in the finest octave of uint8 images (n, 3, h, w) by that in the octave below.

    In photographs both stand in nearly the same proportion at every size (Field 1987), so that it can be judged without a truth.
    """
    cycles, power = spectrum(to_signed(images))
    fine, coarse = cycles > cycles.max() / 2, (cycles > cycles.max() / 4) & (cycles <= cycles.max() / 2)
    return (power[fine].mean() / power[coarse].mean()).item()
