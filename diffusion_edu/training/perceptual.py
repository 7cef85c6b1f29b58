"""The perceptual distance of images (as in LPIPS): measured between the features of a trained network."""

from collections.abc import Iterator, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffusion_edu.checkpoints import load
from diffusion_edu.networks.blocks import Down, Up
from diffusion_edu.randomness import Compute

VGG16 = "vgg16"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the colours of ImageNet, in [0, 1]


class ImageNetNormalise(nn.Module):
    """Bring images from [-1, 1] to the range that torchvision's networks were trained on."""

    mean: Tensor
    std: Tensor

    def __init__(self):
        super().__init__()
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        self.register_buffer("mean", 2 * mean - 1)
        self.register_buffer("std", 2 * std)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


@cache
def feature_network(name: str, device: torch.device) -> nn.Sequential:
    """Load the frozen layers that compare images (b, 3, h, w): those of one of our classifiers, or VGG16.

    Simonyan & Zisserman 2015. torchvision downloads VGG16 once; raises ValueError, with one sentence to act on, where
    that is not possible.
    """
    if name == VGG16:
        layers = nn.Sequential(ImageNetNormalise(), *vgg16())
        return Compute(device, layout=torch.channels_last).place(layers.requires_grad_(False).eval())
    net = load(name, compute=Compute(device, layout=torch.channels_last)).net
    if not hasattr(net, "body"):
        raise ValueError(f"{name} is not a classifier: name one such as flower_features, or {VGG16}.")
    return nn.Sequential(nn.PixelUnshuffle(net.patch), *net.body)


@cache
def decoder_features(name: str, device: torch.device) -> nn.Sequential:
    """Load the first layers of an autoencoder's decoder, up to its first upsampling, frozen.

    They compare latents (b, c, h, w). They are a third of the decoder's work, and see what is visible in latents
    (Berrada et al. 2024, Boosting latent diffusion with perceptual objectives).
    """
    model = load(name, compute=Compute(device, layout=torch.channels_last))
    if not model.card.latents:
        raise ValueError(f"{name} has no latents: name an autoencoder of ours, for example 'autoencoder'.")
    until = next((number for number, layer in enumerate(model.net.up) if isinstance(layer, Up)), len(model.net.up) - 1)
    return nn.Sequential(LatentScale(**model.card.latents), *model.net.up[:until]).to(device)


class LatentScale(nn.Module):
    """Bring latents of mean 0 and variance 1 back to the mean and standard deviation of each
    channel of an autoencoder.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1))

    def forward(self, latents: Tensor) -> Tensor:
        return latents * self.std + self.mean


def vgg16(weights: str | None = "IMAGENET1K_V1") -> nn.Sequential:
    """Download the layers of VGG16 up to its last pooling.

    weights: a name that torchvision knows, or None for random weights.
    """
    try:
        from torchvision.models import vgg16 as build

        return build(weights=weights).features[:-1]
    except (ImportError, OSError, RuntimeError) as problem:
        raise ValueError(
            f"VGG16 could not be downloaded ({problem}): connect to the internet once, "
            "or use --feature-network flower_features."
        ) from None


def feature_maps(layers: nn.Sequential, x: Tensor) -> Iterator[Tensor]:
    """Yield one feature map (b, c, h', w') of x (b, 3, h, w) per resolution: before each downsampling, and the last
    one.
    """
    for layer in layers:
        if isinstance(layer, (Down, nn.MaxPool2d)):
            yield x
        x = layer(x)
    yield x


def perceptual_distance(layers: nn.Sequential, x: Tensor, x0: Tensor) -> Tensor:
    """Measure the perceptual distance (b,) of images x and x0 (b, 3, h, w): 0 if equal.

    Zhang et al. 2018, LPIPS, eq. 1, all weights 1. It is the squared difference of the feature maps, their vectors
    normalised at every position, averaged over positions and maps.
    """
    distances = [
        (unit_vectors(a) - unit_vectors(b)).square().sum(1).mean((1, 2))
        for a, b in zip(feature_maps(layers, x), feature_maps(layers, x0), strict=True)
    ]
    return torch.stack(distances).mean(0)


def unit_vectors(features: Tensor) -> Tensor:
    """Normalise the vector at every position of a feature map (b, c, h, w) to length 1, in float32."""
    return F.normalize(features.float(), dim=1, eps=1e-6)
