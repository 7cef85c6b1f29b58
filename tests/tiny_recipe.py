"""A recipe that trains in a moment, and images for it."""

from dataclasses import replace

import numpy as np
from PIL import Image

from diffusion_edu.generation import Preset
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.flowers_attention import RECIPE

CONFIG = {"widths": [16, 32], "blocks": 1, "attention": [False, True], "patch": 2, "embedding": 16}
TINY = replace(
    RECIPE,
    config=CONFIG,
    size=8,
    batch=8,
    lr=2e-3,
    ema=0.9,
    sampling=Preset(steps=2),
    sheet=lambda run, count: np.zeros((8, 64, 3), np.uint8),  # sampling is tested elsewhere
)


def write_photos(folder, classes=("iris", "rose"), count=70):
    """Write images of one colour into a folder for each class: 70 are enough to hold one back."""
    for k in range(count):
        path = folder / classes[k % len(classes)] / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 10), (200 + k % 50, 20, 40) if k % 2 else (20, 40, 200 + k % 50)).save(path)
    return folder


def train(photos, out, *words, recipe=TINY):
    """Run the recipe from the command line."""
    main(recipe, ["--data", str(photos), "--out", str(out), "--device", "cpu", *map(str, words)])
