"""Compute the statistics of real flowers: `python -m diffusion_edu.recipes.flower_reference`."""

from functools import partial

from diffusion_edu.checkpoints import PRETRAINED
from diffusion_edu.recipes import reference

main = partial(reference.main, "flower_reference", "flower_features", "flowers", PRETRAINED / "flower_reference.npz")

if __name__ == "__main__":
    main()
