"""Latent diffusion (Rombach et al. 2022): from images to latents, the small maps in which diffusion happens, and back.

Latents have mean 0 and variance 1 in every channel, as the noise has. An autoencoder's own maps have any mean and
standard deviation. Its card holds them, and a `Codec` is the one place that removes them and adds them back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from diffusion_edu.checkpoints import Unusable, available, load, read_card
from diffusion_edu.checks import Count, Images, Index, Maps, checked, same_count
from diffusion_edu.randomness import Compute, choose


@dataclass(frozen=True)
class Codec:
    """An autoencoder with the mean and standard deviation of its latents, each (c, 1, 1); a latent is `factor` pixels
    wide.

    net.encode maps images to mean and log variance, net.decode latents to images.
    """

    net: nn.Module
    compute: Compute
    mean: Tensor
    std: Tensor
    factor: int

    @property
    def channels(self):
        """The number of latent channels."""
        return len(self.mean)

    @checked
    @torch.no_grad()
    def encode(self, images: Images) -> Tensor:
        """Encode images (b, 3, h, w) in [-1, 1] as latents float32 (b, c, h/factor, w/factor), without noise: always
        the same.
        """
        if images.shape[1] != 3:
            raise ValueError(f"Images have three channels for an autoencoder, not {images.shape[1]}.")
        if images.shape[-2] % self.factor or images.shape[-1] % self.factor:
            h, w = images.shape[-2:]
            raise ValueError(
                f"Height and width must be divisible by {self.factor}, not {h} x {w}: cut or scale the images."
            )
        with self._autocast():
            mean, _ = self.net.encode(self.compute.place(images))
        return (mean.float() - self.mean) / self.std

    @checked
    @torch.no_grad()
    def decode(self, latents: Maps) -> Tensor:
        """Decode latents (b, c, h, w) to images float32 (b, 3, factor h, factor w) in [-1, 1]."""
        if latents.shape[1] != self.channels:
            raise ValueError(f"Latents of this autoencoder have {self.channels} channels, not {latents.shape[1]}.")
        with self._autocast():
            images = self.net.decode(self.compute.place(latents.float() * self.std + self.mean))
        return images.float().clamp(-1, 1)  # images have a range, latents have none

    def _autocast(self):
        return torch.autocast(
            self.compute.device.type, self.compute.autocast, enabled=self.compute.autocast is not None
        )


def load_codec(name="autoencoder", folders=None, compute=None):
    """Load an autoencoder as a Codec: one of ours by name, or Stable Diffusion's by its hub name "owner/name" or its
    folder.

    Raises Unusable, in one sentence, if it is missing or is no autoencoder.
    """
    if name not in available(folders) and "/" in str(name):
        return load_diffusers_codec(name, compute or choose())
    return codec_of(load(name, folders, compute))


@checked
def codec_of(model):
    """Make a Codec of a loaded model; raises Unusable if it is no autoencoder."""
    if model.card.prediction_type != "autoencoder" or not model.card.latents:
        raise Unusable(f"{model.card.name} has no latents: name an autoencoder, for example 'autoencoder'.")
    return make_codec(
        model.net, model.compute, model.card.latents["mean"], model.card.latents["std"], model.net.size_multiple
    )


@checked
def make_codec(net: nn.Module, compute: Compute, mean: Sequence[float], std: Sequence[float], factor: Count) -> Codec:
    """Make a Codec of an autoencoder and the mean and standard deviation of its latents: one number per
    channel each.
    """
    same_count(mean=mean, std=std)
    if not std or min(std) <= 0:
        raise ValueError(f"The standard deviation of every latent channel is above 0, not {std}.")
    mean, std = (
        torch.tensor(values, dtype=torch.float32, device=compute.device).view(-1, 1, 1) for values in (mean, std)
    )
    return Codec(net, compute, mean, std, factor)


@checked
def measure_latents(net, compute, images):
    """Measure the latents of batches of images (b, 3, h, w) in [-1, 1]: {"mean": [one per channel], "std": [one per
    channel]}.
    """
    plain = make_codec(net, compute, [0.0] * net.latent, [1.0] * net.latent, net.size_multiple)
    latents = torch.cat([plain.encode(x).double().cpu() for x in images])
    std, mean = torch.std_mean(latents, dim=(0, 2, 3), correction=0)
    return {"mean": mean.tolist(), "std": std.tolist()}


def latent_statistics(name, folders=None):
    """Return the mean and standard deviation of an autoencoder's latents, from its card; {} if it is not one of ours.

    They identify the autoencoder that a latent model was trained with.
    """
    known = available(folders)
    return read_card(known[name]).latents if name in known else {}


@checked
def scale_channel(latents: Maps, channel: Index, times: float = 1.0, plus: float = 0.0) -> Tensor:
    """Multiply one channel of latents (b, c, h, w) and add to it; one standard deviation is 1."""
    if channel >= latents.shape[1]:
        raise ValueError(f"The channels of these latents are 0 to {latents.shape[1] - 1}, not {channel}.")
    changed = latents.clone()
    changed[:, channel] = times * changed[:, channel] + plus
    return changed


@checked
def swap_positions(latents: Maps, one: Sequence[Index], other: Sequence[Index]) -> Tensor:
    """Swap the values of two positions (row, column) of latents (b, c, h, w), in all channels."""
    height, width = latents.shape[2:]
    for position in (one, other):
        if len(position) != 2 or position[0] >= height or position[1] >= width:
            raise ValueError(f"A position is (row, column) inside {height} x {width}, not {tuple(position)}.")
    changed = latents.clone()
    changed[:, :, *one], changed[:, :, *other] = latents[:, :, *other], latents[:, :, *one]
    return changed


class DiffusersAutoencoder(nn.Module):
    """An AutoencoderKL of diffusers with the methods of our autoencoders."""

    def __init__(self, vae):
        super().__init__()
        self.vae = vae

    def encode(self, x):
        """Encode images x as the mean and log variance of their latents."""
        posterior = self.vae.encode(x).latent_dist
        return posterior.mean, posterior.logvar

    def decode(self, z):
        """Decode latents to images."""
        return self.vae.decode(z).sample


def load_diffusers_codec(name, compute):
    """Load an AutoencoderKL of diffusers as a Codec, from the hub (downloaded once) or from a folder;
    raises Unusable.
    """
    try:
        from diffusers import AutoencoderKL

        vae = AutoencoderKL.from_pretrained(name, use_safetensors=True)
    except ImportError:
        raise Unusable(
            f"The autoencoder {name} needs diffusers: 'pip install diffusers', or choose one that is here."
        ) from None
    except Exception as problem:  # the download fails in ways of its own
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        raise Unusable(
            f"The autoencoder {name} could not be loaded ({reason}): connect to the internet once, or name its folder."
        ) from None
    return codec_of_diffusers(vae, compute)


def codec_of_diffusers(vae, compute):
    """Make a Codec of an AutoencoderKL; its config has one scale for all channels, and in later versions a shift."""
    net = compute.place(DiffusersAutoencoder(vae.float()).requires_grad_(False).eval())
    shift, scale = getattr(vae.config, "shift_factor", None) or 0.0, vae.config.scaling_factor
    channels, factor = vae.config.latent_channels, 2 ** (len(vae.config.block_out_channels) - 1)
    return make_codec(net, compute, [shift] * channels, [1 / scale] * channels, factor)
