"""Guidance."""

from diffusion_edu.app.layout import page

page("Guidance", "Under construction.", icon="🧭")
