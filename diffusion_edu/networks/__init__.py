"""The networks, by name. A network maps (y, level, cond) to an output shaped like y and knows nothing of schedules."""

from diffusion_edu.networks.attention_unet import AttentionUNet

NETWORKS = {"attention_unet": AttentionUNet}
