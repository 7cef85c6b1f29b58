"""Two samples from the same noise: what does one setting change?"""

from diffusion_edu.app.common.layout import page
from diffusion_edu.app.compare.page import show

with page(
    "compare",
    "Compare",
    "What does one setting change? Two samples from the same noise: "
    "**at which timestep do they part, in colour, shape or detail?**",
    icon="⚖️",
):
    show()
