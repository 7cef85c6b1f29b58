"""Inside the U-Net."""

from diffusion_edu.app.layout import page

page("Inside the U-Net", "Under construction.", icon="🧩")
