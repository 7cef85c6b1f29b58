"""The recorded examples that pages show first; `python -m diffusion_edu.app.examples NAME` makes them."""
