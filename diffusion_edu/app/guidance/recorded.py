"""The recorded guidance scale sweep that the page shows before anything runs: its settings, writing and reading it."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image

from diffusion_edu.app.common.condition_picker import DEFAULTS, ConditionChoice
from diffusion_edu.app.guidance.scale_sweep import SCALES, Sweep
from diffusion_edu.app.guidance.sweep_results import ScaleResult, evaluators
from diffusion_edu.checkpoints import PRETRAINED, load, read_card
from diffusion_edu.figures.grids import grid
from diffusion_edu.files import to_json
from diffusion_edu.generation import Preset

SEED, IMAGES = 1, 6
QUALITY = 92  # of WebP: hardly visible, and a fifth of the size of PNG


def default_sweep(card):
    """Make the sweep that the page shows at first."""
    name = DEFAULTS[0] if DEFAULTS[0] in card.condition_names else card.condition_names[0]
    condition, preset = ConditionChoice(((name, 1),)), Preset(**{**card.sampling, "options": {}})
    return Sweep(card, preset, condition, SEED, IMAGES, SCALES, (0, preset.T), *evaluators(card, condition))


def record(name, folder=PRETRAINED):
    """Sample the sweep with a model and write it, with 0 seconds: the speed here means nothing elsewhere."""
    model = load(name)
    sweep = default_sweep(model.card)
    *_, (finished, _, _) = sweep.run(model, *(name and load(name) for name in sweep.models[1:]))
    save_sweep(sweep, {scale: replace(result, seconds=0.0) for scale, result in finished.items()}, folder)


def sweep_path(name, folder=PRETRAINED):
    """Return the path of the recorded sweep of a model."""
    return Path(folder) / f"{name}.guidance_sweep.json"


def save_sweep(sweep, finished, folder=PRETRAINED):
    """Write a sweep to a JSON file: its numbers, and its images as one WebP page with a row per guidance scale."""
    rows = [
        [scale, {name: value for name, value in vars(result).items() if name != "images"}]
        for scale, result in finished.items()
    ]
    page = grid(torch.cat([result.images for result in finished.values()]), columns=sweep.images)
    Image.fromarray(page).save(file := io.BytesIO(), "WEBP", quality=QUALITY, method=6)
    text = to_json({"rows": rows, "images": base64.b64encode(file.getvalue()).decode()})
    sweep_path(sweep.card.name, folder).write_text(text, encoding="utf-8")


def load_sweep(name, folder=PRETRAINED):
    """Read (sweep, finished) as save_sweep wrote it, or None if there is no such file or it cannot be read."""
    try:
        known = json.loads(sweep_path(name, folder).read_text(encoding="utf-8"))
        sweep = default_sweep(read_card(PRETRAINED / f"{name}.json"))
        page = np.asarray(Image.open(io.BytesIO(base64.b64decode(known["images"]))).convert("RGB"))
        pixels, size = torch.from_numpy(page.copy()), sweep.card.size
        images = rearrange(pixels, "(r h) (n w) c -> r n c h w", h=size, w=size)
        rows = zip(known["rows"], images, strict=True)
        return sweep, {scale: ScaleResult(batch, **row) for (scale, row), batch in rows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
