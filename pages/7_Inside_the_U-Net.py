"""Inside the U-Net: its parts, activations, attention, time embedding and class embedding."""

from diffusion_edu.app.common.layout import page
from diffusion_edu.app.unet.page import show

with page(
    "unet",
    "Inside the U-Net",
    "What is in the box? Every number here was read from a real forward pass.",
    icon="🧩",
):
    show()
