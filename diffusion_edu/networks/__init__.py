"""The networks, by name.

A denoising network maps (y, noise_level, condition) to an output shaped like y, where noise_level = 1000 * theta. A
classifier maps images to one score per class, a VAE maps codes to images, an autoencoder maps latents to images.
"""

from torch import nn

from diffusion_edu.networks.attention_unet import AttentionUNet
from diffusion_edu.networks.autoencoder import Autoencoder
from diffusion_edu.networks.classifiers import PlainClassifier, ResidualClassifier
from diffusion_edu.networks.experts import Experts
from diffusion_edu.networks.mlp import MLP
from diffusion_edu.networks.simple_unet import SimpleUNet
from diffusion_edu.networks.vae import VAE

NETWORKS: dict[str, type[nn.Module]] = {
    "attention_unet": AttentionUNet,
    "simple_unet": SimpleUNet,
    "experts": Experts,
    "mlp": MLP,
    "vae": VAE,
    "autoencoder": Autoencoder,
    "residual_classifier": ResidualClassifier,
    "plain_classifier": PlainClassifier,
}
