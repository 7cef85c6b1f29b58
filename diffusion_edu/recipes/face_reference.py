"""Compute the statistics of real faces: `python -m diffusion_edu.recipes.face_reference`."""

from functools import partial

from diffusion_edu.checkpoints import PRETRAINED
from diffusion_edu.recipes import reference

main = partial(reference.main, "face_reference", "face_features", "faces", PRETRAINED / "face_reference.npz")

if __name__ == "__main__":
    main()
