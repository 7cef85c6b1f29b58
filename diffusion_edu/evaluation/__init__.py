"""How close are samples to real images? One protocol for every model: `python -m diffusion_edu.evaluation NAME`.

`samples` generates the images that are evaluated, `features` computes features and class scores with a classifier,
`distances` compares two sets of features, `neighbours` looks for memorised images, and `report` puts every number
beside its floor and its baseline. Three kinds of models have commands of their own: restoration models
(`diffusion_edu.evaluation.restoration`), super-resolution models (`diffusion_edu.evaluation.super_resolution`) and
text-to-image models (`diffusion_edu.evaluation.text_to_image`); autoencoders have
`diffusion_edu.evaluation.autoencoder`.
"""

import sys

from diffusion_edu.options import require

if sys.argv[:1] == ["-m"]:  # Python is looking for the command of `python -m diffusion_edu.evaluation`
    try:
        require("evaluate")
    except ValueError as problem:
        sys.exit(f"{problem}")
