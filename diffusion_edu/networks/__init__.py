"""The networks, by name: those that draw map (y, level, cond) to an output shaped like y,
classifiers map x to one score per class."""

from diffusion_edu.networks.attention_unet import AttentionUNet
from diffusion_edu.networks.classifiers import PlainClassifier, ResidualClassifier
from diffusion_edu.networks.mlp import MLP
from diffusion_edu.networks.simple_unet import SimpleUNet

NETWORKS = {
    "attention_unet": AttentionUNet,
    "simple_unet": SimpleUNet,
    "mlp": MLP,
    "residual_classifier": ResidualClassifier,
    "plain_classifier": PlainClassifier,
}
