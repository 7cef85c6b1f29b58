"""What the layers of a U-Net output: statistics of activations, and embeddings of timesteps and conditions."""

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor, nn

from diffusion_edu.analysis.hooks import record_outputs
from diffusion_edu.analysis.network_summary import parts_of
from diffusion_edu.checks import Count, Rule, Timesteps, checked
from diffusion_edu.denoisers import NeuralDenoiser
from diffusion_edu.networks.blocks import sinusoid
from diffusion_edu.networks.experts import Experts

Vectors = Annotated[Tensor, Rule("vectors (n, d), one or more", lambda vectors: vectors.ndim == 2)]
DEAD_BELOW = 0.01  # a channel is dead if its standard deviation is below this fraction of the layer's typical one


@checked
def channel_std(h: Tensor) -> Tensor:
    """Return the standard deviation of each channel of h (..., c, h, w) over all positions, (..., c)."""
    return h.float().std(dim=(-2, -1), correction=0)


@checked
def dead_fraction(h: Tensor) -> Tensor:
    """Return the fraction of dead channels of h (..., c, h, w), (...): their std is at most DEAD_BELOW of the channels'
    RMS std.
    """
    std = channel_std(h)
    return (std <= DEAD_BELOW * std.square().mean(dim=-1, keepdim=True).sqrt()).float().mean(dim=-1)


@checked
def smallest_input(denoise: NeuralDenoiser, images: Count = 1) -> Tensor:
    """Return the smallest grey images that the network accepts, for outputs that do not depend on the image."""
    net, weight = denoise.net, next(denoise.net.parameters())
    net, side = getattr(net, "member", net), 2 * net.size_multiple
    channels = parts_of(net)["stem"].weight.shape[1] // net.patch**2 - net.conditioning_channels
    return torch.zeros(images, channels, side, side, device=weight.device)


@checked
def network_noise_levels(denoise: NeuralDenoiser, timesteps: Timesteps) -> Tensor:
    """Return the noise levels that a NeuralDenoiser gives its network at timesteps (n,): 1000 theta, float32 (n,)."""
    _, theta = denoise.schedule.angle(torch.as_tensor(timesteps), torch.zeros(len(timesteps), 1))
    return (1000 * theta.flatten()).float()


@checked
@torch.no_grad()
def outputs_at_timesteps(denoise: NeuralDenoiser, timesteps: Timesteps, names: Sequence[str]) -> dict[str, Tensor]:
    """Run the network of a NeuralDenoiser at timesteps (n,) and return the outputs of these modules, {name: (n, ...)}
    float32.
    """
    net, y = denoise.net, smallest_input(denoise)
    noise_level = network_noise_levels(denoise, timesteps).to(y.device)
    batch = 1 if isinstance(net, Experts) else len(noise_level)  # experts take one noise level at a time
    with (
        record_outputs(net, names) as recorded,
        torch.autocast(y.device.type, denoise.autocast, enabled=denoise.autocast is not None),
    ):
        for some in noise_level.split(batch):
            net(y.expand(len(some), -1, -1, -1), some, None)
    return {name: torch.cat(outputs).float() for name, outputs in recorded.items()}


@checked
def time_sinusoids(denoise: NeuralDenoiser, timesteps: Timesteps) -> Tensor:
    """Return the sines and cosines that encode timesteps (n,) for the network of a NeuralDenoiser, (n, width)."""
    layer = next(module for name, module in parts_of(denoise.net).items() if name.endswith("time_embedding"))
    return sinusoid(network_noise_levels(denoise, timesteps), layer.width)


@checked
@torch.no_grad()
def conditioned_outputs(denoise: NeuralDenoiser, labels: Tensor, t: int, names: Sequence[str]) -> Tensor:
    """Return the outputs of these modules at timestep t for each of the labels (n, ...), concatenated: (n, numbers)
    float32.
    """
    with record_outputs(denoise.net, names) as recorded:
        denoise.given(labels)(smallest_input(denoise, len(labels)), t)
    return torch.cat([recorded[name][0].float() for name in names], dim=1)


@checked
def modulation_layers(net: nn.Module) -> list[str]:
    """Name the layers that map the embedding to the scale and shift of every channel (in the simple U-Net the shift
    alone).
    """
    return [name for name, _ in net.named_modules() if name.endswith(".modulate")]


@checked
def condition_embedding(net: nn.Module) -> str | None:
    """Name the part that embeds the class or the attributes, None if the network is unconditional."""
    return next((name for name in parts_of(net) if name.endswith(("class_embedding", "attribute_embedding"))), None)


@checked
def similarity_matrix(vectors: Vectors) -> Tensor:
    """Return the cosine similarity of any two of vectors (n, d), each minus their mean: (n, n)."""
    unit = nn.functional.normalize(vectors.double() - vectors.double().mean(dim=0), dim=1)
    return unit @ unit.T


@checked
def principal_components(vectors: Vectors, k: Count = 2) -> tuple[Tensor, Tensor]:
    """Project vectors (n, d) on their first k principal components (PCA): positions (n, k), fraction of the variance in
    each (k,).
    """
    centred = vectors.double() - vectors.double().mean(dim=0)
    u, s, _ = torch.linalg.svd(centred, full_matrices=False)
    return (u * s)[:, :k], (s.square() / s.square().sum())[:k]
