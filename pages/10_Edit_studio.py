"""Edit studio."""

from diffusion_edu.app.layout import page

page("Edit studio", "Under construction.", icon="🖌️")
