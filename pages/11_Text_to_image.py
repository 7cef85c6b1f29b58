"""Text to image: images from a prompt, and what the words do inside the network."""

from diffusion_edu.app.common.layout import page
from diffusion_edu.app.text_to_image.page import show

with page(
    "text",
    "Text to image",
    "Images from a prompt: **which of your words are visible in the image, and which have no effect?**",
    icon="💬",
):
    show()
