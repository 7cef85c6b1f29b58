"""Tables of images that differ in one thing only: how few steps are enough, and what lies between two seeds?"""

from diffusion_edu.app.common.layout import page
from diffusion_edu.app.steps_and_seeds.page import show

with page(
    "steps",
    "Steps and seeds",
    "How few steps are enough, and what lies between two seeds? **Follow a row: where does it stop changing?**",
    icon="👣",
):
    show()
