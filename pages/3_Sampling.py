"""The reverse process: how does noise become an image?"""

from diffusion_edu.app.common.layout import page
from diffusion_edu.app.sampling.page import show

with page(
    "sampling",
    "Sampling",
    "How does noise become an image? Watch **when** the prediction on the right turns into a flower, "
    "and how the left follows.",
    icon="🌼",
):
    show()
