"""How alike two images look: not pixel by pixel, but to the first layers of a network that has learned to recognise things."""

from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from diffusion_edu.checkpoints import load
from diffusion_edu.networks.blocks import Down, Up
from diffusion_edu.randomness import Compute

VGG16 = "vgg16"
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the colours of ImageNet, in [0, 1]


class Shifted(nn.Module):
    """Bring images from [-1, 1] to the range that torchvision's networks have learned from."""

    def __init__(self):
        super().__init__()
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, SPREAD))
        self.register_buffer("mean", 2 * mean - 1)
        self.register_buffer("std", 2 * std)

    def forward(self, x):
        return (x - self.mean) / self.std


@cache
def feature_network(name, device):
    """Load the layers that look at images (b, 3, h, w), frozen: those of a classifier of ours, by name, or VGG16 (Simonyan & Zisserman 2015).

    VGG16 is downloaded once by torchvision; raises ValueError, with one sentence to act on, where that is not possible.
    """
    if name == VGG16:
        return (
            nn.Sequential(Shifted(), *vgg16())
            .to(device, memory_format=torch.channels_last)
            .requires_grad_(False)
            .eval()
        )
    net = load(name, compute=Compute(device, layout=torch.channels_last)).net
    if not hasattr(net, "body"):
        raise ValueError(f"{name} does not recognise anything: name a classifier such as flower_features, or {VGG16}.")
    return nn.Sequential(nn.PixelUnshuffle(net.patch), *net.body)


@cache
def painter(name, device):
    """Load the layers by which an autoencoder of ours, by name, begins to paint latents (b, c, h, w): as far as the first doubling, frozen.

    They are a third of its work, and know what in latents can be seen (Berrada et al. 2024, Boosting latent diffusion with perceptual objectives).
    """
    model = load(name, compute=Compute(device, layout=torch.channels_last))
    if not model.card.latents:
        raise ValueError(f"{name} has no latents to look at: name an autoencoder of ours, for example 'autoencoder'.")
    until = next((number for number, layer in enumerate(model.net.up) if isinstance(layer, Up)), len(model.net.up) - 1)
    return nn.Sequential(Unscaled(**model.card.latents), *model.net.up[:until]).to(device)


class Unscaled(nn.Module):
    """Bring latents of mean 0 and variance 1 back to the mean and spread of each channel that an autoencoder works with."""

    def __init__(self, mean, std):
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(-1, 1, 1))

    def forward(self, latents):
        return latents * self.std + self.mean


def vgg16(weights="IMAGENET1K_V1"):
    """Download the layers of VGG16 up to its last halving; weights is a name that torchvision knows, or None for random ones."""
    try:
        from torchvision.models import vgg16 as build

        return build(weights=weights).features[:-1]
    except (ImportError, OSError, RuntimeError) as problem:
        raise ValueError(
            f"VGG16 could not be fetched ({problem}): connect to the internet once, or use --feature-network flower_features."
        ) from None


def maps(layers, x):
    """Yield what the layers see in x (b, 3, h, w): one map (b, c, h', w') per size, taken before height and width are halved, and the last."""
    for layer in layers:
        if isinstance(layer, (Down, nn.MaxPool2d)):
            yield x
        x = layer(x)
    yield x


def perceptual_distance(layers, x, x0):
    """Measure how different images x and x0 (b, 3, h, w) look to the layers, (b,): 0 if alike (Zhang et al. 2018, eq. 1, all weights 1).

    That is the squared difference of the maps, with vectors of length 1 in every place, averaged over places and maps.
    """
    apart = [
        (one(a) - one(b)).square().sum(1).mean((1, 2)) for a, b in zip(maps(layers, x), maps(layers, x0), strict=True)
    ]
    return torch.stack(apart).mean(0)


def one(seen):
    """Bring the vector in every place of a map (b, c, h, w) to length 1, in float32."""
    return F.normalize(seen.float(), dim=1, eps=1e-6)
