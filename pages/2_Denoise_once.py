"""One prediction at every timestep: what does the network see, and how large is its error?"""

from diffusion_edu.app.common.layout import page
from diffusion_edu.app.denoise_once.page import show

with page(
    "denoise",
    "Denoise once",
    "What does the network see? Drag the bar: **where does its prediction turn from a blur into this very image?**",
    icon="🔎",
):
    show()
