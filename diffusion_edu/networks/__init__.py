"""The networks, by name. A network maps (y, level, cond) to an output shaped like y and knows nothing of schedules."""

from diffusion_edu.networks.attention_unet import AttentionUNet
from diffusion_edu.networks.simple_unet import SimpleUNet

NETWORKS = {"attention_unet": AttentionUNet, "simple_unet": SimpleUNet}
