"""The recorded tables that the page shows before anything runs: their settings, and how they are written and read."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image

from diffusion_edu.app.common.request import ANY, Request
from diffusion_edu.app.steps_and_seeds.grid_job import Sampled
from diffusion_edu.app.steps_and_seeds.sampler_grid import SamplerGrid
from diffusion_edu.app.steps_and_seeds.seed_interpolation import SeedInterpolation
from diffusion_edu.app.trajectories.animation import png_url
from diffusion_edu.checkpoints import PRETRAINED, load, read_card
from diffusion_edu.figures.grids import grid
from diffusion_edu.files import to_json
from diffusion_edu.generation import Preset

CLASS, SEED, LAST_SEED = "sunflower", 1, 2
SAMPLERS, STEPS, IN_A_ROW = ("DDIM", "DPM-Solver++", "DDPM"), (1, 2, 4, 8, 20), 6
TABLES = {table.key: table for table in (SamplerGrid, SeedInterpolation)}


def default_tables(card):
    """Make the two tables that the page shows at first: the sampler grid and the seed interpolation."""
    preset = Preset(**{**card.sampling, "options": {}})
    class_name = CLASS if CLASS in card.condition_names else ANY
    return (
        SamplerGrid(Request(card, preset, class_name, SEED, 1), SAMPLERS, STEPS),
        SeedInterpolation(Request(card, preset, class_name, SEED, IN_A_ROW), LAST_SEED),
    )


def record(name, folder=PRETRAINED):
    """Sample both tables with a model and write them, with 0 seconds: the speed here means nothing elsewhere."""
    model = load(name)
    for table in default_tables(model.card):
        *_, finished = table.run(model)
        save_table(table, {cell: Sampled(sampled.images, 0.0) for cell, sampled in finished.items()}, folder)


def table_path(name, key, folder=PRETRAINED):
    """Return the path of the recorded table of a model."""
    return Path(folder) / f"{name}.{key}.json"


def save_table(table, finished, folder=PRETRAINED):
    """Write a finished table and its settings to a JSON file."""
    request = table.request
    settings = {
        "preset": vars(request.preset),
        "class_name": request.class_name,
        "seed": request.seed,
        "images": request.images,
        "table": {name: value for name, value in vars(table).items() if name != "request"},
    }
    cells = [
        [cell, round(sampled.seconds, 3), png_url(grid(sampled.images, columns=len(sampled.images)))]
        for cell, sampled in finished.items()
    ]
    text = to_json({**settings, "cells": cells})
    table_path(request.card.name, table.key, folder).write_text(text, encoding="utf-8")


def load_table(name, key, folder=PRETRAINED):
    """Read (table, finished) as save_table wrote it, or None if there is no such file or it cannot be read."""
    try:
        known = json.loads(table_path(name, key, folder).read_text(encoding="utf-8"))
        card, preset = read_card(PRETRAINED / f"{name}.json"), Preset(**known["preset"])
        request = Request(card, preset, known["class_name"], known["seed"], known["images"])
        table = TABLES[key](request, **{name: _hashable(value) for name, value in known["table"].items()})
        finished = {_hashable(cell): Sampled(_images(url, card.size), seconds) for cell, seconds, url in known["cells"]}
        return table, finished
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _hashable(value):
    return tuple(value) if isinstance(value, list) else value


def _images(url, size):
    page = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))))
    return rearrange(torch.from_numpy(page.copy()), "h (b w) c -> b c h w", w=size)
