"""The forward process: what happens to an image when noise is added?"""

from diffusion_edu.app.adding_noise.page import show
from diffusion_edu.app.common.layout import page

with page(
    "noise",
    "Adding noise",
    "What happens to an image in the forward process? Drag the bar from right to left: "
    "**which vanishes first, the fine detail or the coarse shape?**",
    icon="🌫️",
):
    show()
