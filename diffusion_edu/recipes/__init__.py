"""How every pretrained model was made, and how a person makes one: `python -m diffusion_edu.recipes.NAME`.

A recipe is a short file of choices. `command_line` reads the options, `run` trains and saves, `resuming` remembers and
compares what a training began with, `folder` and `writing` say where files lie and guard them, `results` leaves the
finished model.
"""

import sys

from diffusion_edu.options import require

if sys.argv[:1] == ["-m"]:  # Python is looking for the command of `python -m diffusion_edu.recipes.NAME`
    try:
        require("train")
    except ValueError as problem:
        sys.exit(f"{problem}")
