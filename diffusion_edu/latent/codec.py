"""Latent diffusion (Rombach et al. 2022): the way from images to the small maps in which diffusion happens, and back.

Latents have mean 0 and variance 1 in every channel, as the noise that is mixed into them has: an autoencoder makes maps of
any mean and spread, its card says of which, and a `Codec` is the one place that takes them away and puts them back.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from diffusion_edu.checkpoints import Unusable, available, load, read_card
from diffusion_edu.randomness import Compute, choose


@dataclass(frozen=True)
class Codec:
    """The two halves of an autoencoder, with the mean and spread of its latents, each (c, 1, 1), and how many pixels a latent is wide.

    net.encode maps images to mean and log variance, net.decode latents to images.
    """

    net: nn.Module
    compute: Compute
    mean: Tensor
    std: Tensor
    factor: int

    @property
    def channels(self):
        """How many channels latents have."""
        return len(self.mean)

    @torch.no_grad()
    def encode(self, images):
        """Turn images (b, 3, h, w) in [-1, 1] into latents float32 (b, c, h/factor, w/factor); chance is left out, so it is always the same."""
        if images.shape[-2] % self.factor or images.shape[-1] % self.factor:
            h, w = images.shape[-2:]
            raise ValueError(
                f"Height and width must be divisible by {self.factor}, not {h} x {w}: cut or scale the images."
            )
        with self._precisely():
            mean, _ = self.net.encode(self.compute.place(images))
        return (mean.float() - self.mean) / self.std

    @torch.no_grad()
    def decode(self, latents):
        """Turn latents (b, c, h, w) into images float32 (b, 3, factor h, factor w) in [-1, 1]."""
        with self._precisely():
            images = self.net.decode(self.compute.place(latents.float() * self.std + self.mean))
        return images.float().clamp(-1, 1)  # images have a range, latents have none

    def _precisely(self):
        return torch.autocast(
            self.compute.device.type, self.compute.autocast, enabled=self.compute.autocast is not None
        )


def codec(name="autoencoder", folders=None, compute=None):
    """Load an autoencoder as a Codec: one of ours by name, or that of Stable Diffusion by its name on the hub, "owner/name", or its folder.

    Raises Unusable, with one sentence to act on, if it is not there or is none.
    """
    if name not in available(folders) and "/" in str(name):
        return stable_diffusion(name, compute or choose())
    return ours(load(name, folders, compute))


def ours(model):
    """Make a Codec of a loaded model; raises Unusable if it is no autoencoder."""
    if model.card.prediction_type != "autoencoder" or not model.card.latents:
        raise Unusable(f"{model.card.name} has no latents to go to: name an autoencoder, for example 'autoencoder'.")
    return scaled(
        model.net, model.compute, model.card.latents["mean"], model.card.latents["std"], model.net.size_multiple
    )


def scaled(net, compute, mean, std, factor):
    """Make a Codec of an autoencoder and the mean and spread of its latents: a number per channel each."""
    mean, std = (
        torch.tensor(values, dtype=torch.float32, device=compute.device).view(-1, 1, 1) for values in (mean, std)
    )
    return Codec(net, compute, mean, std, factor)


def measured(net, compute, images):
    """Measure the latents that an autoencoder makes of batches of images (b, 3, h, w) in [-1, 1]: {"mean": one per channel, "std": as many}."""
    plain = scaled(net, compute, [0.0] * net.latent, [1.0] * net.latent, net.size_multiple)
    latents = torch.cat([plain.encode(x).double().cpu() for x in images])
    deviation, mean = torch.std_mean(latents, dim=(0, 2, 3), correction=0)
    return {"mean": mean.tolist(), "std": deviation.tolist()}


def scale_of(name, folders=None):
    """What tells latents of an autoencoder of ours from those of another one: the mean and spread of each channel, by its card; {} of others."""
    known = available(folders)
    return read_card(known[name]).latents if name in known else {}


def rescaled(latents, channel, times=1.0, plus=0.0):
    """Multiply one channel of latents (b, c, h, w) and add to it; one standard deviation is 1."""
    changed = latents.clone()
    changed[:, channel] = times * changed[:, channel] + plus
    return changed


def swapped(latents, one, other):
    """Let two places (row, column) of latents (b, c, h, w) change their values, in all channels."""
    changed = latents.clone()
    changed[:, :, *one], changed[:, :, *other] = latents[:, :, *other], latents[:, :, *one]
    return changed


class Foreign(nn.Module):
    """An AutoencoderKL of diffusers behind the words of ours."""

    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def encode(self, x):
        """Say which latents may stand for images x: mean and log variance."""
        said = self.vae.encode(x).latent_dist
        return said.mean, said.logvar

    def decode(self, z):
        """Turn latents into images."""
        return self.vae.decode(z).sample


def stable_diffusion(name, compute):
    """Load an AutoencoderKL through diffusers, downloaded once or from a folder, as a Codec; raises Unusable if that is not possible."""
    try:
        from diffusers import AutoencoderKL

        vae = AutoencoderKL.from_pretrained(name, use_safetensors=True)
    except ImportError:
        raise Unusable(
            f"The autoencoder {name} needs diffusers: 'pip install diffusers', or choose one that is here."
        ) from None
    except Exception as problem:  # what it downloads with fails in ways of its own
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        raise Unusable(
            f"The autoencoder {name} could not be loaded ({reason}): connect to the internet once, or name its folder."
        ) from None
    return foreign(vae, compute)


def foreign(vae, compute):
    """Make a Codec of an AutoencoderKL; its config knows one scale for all channels, and in later ones a shift."""
    channels, net = vae.config.latent_channels, compute.place(Foreign(vae.float()).requires_grad_(False).eval())
    shift, scale = getattr(vae.config, "shift_factor", None) or 0.0, vae.config.scaling_factor
    return scaled(
        net, compute, [shift] * channels, [1 / scale] * channels, 2 ** (len(vae.config.block_out_channels) - 1)
    )
