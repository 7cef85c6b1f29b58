"""The same as the command `diffusion-edu`, where that is not on the path: `python -m diffusion_edu.cli`."""

from diffusion_edu.cli import main

main()
