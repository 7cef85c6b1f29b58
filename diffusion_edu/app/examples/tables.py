"""Draw the tables that the page of steps and seeds shows before anything is computed: `python -m diffusion_edu.app.examples.tables NAME`."""

import argparse
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
from diffusion_edu.app.steps_and_seeds.sampler_grid import Contest
from diffusion_edu.app.steps_and_seeds.seed_interpolation import Between
from diffusion_edu.app.trajectories.animation import png_url
from diffusion_edu.checkpoints import PRETRAINED, load, read_card
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset

KIND, SEED, OTHER = "sunflower", 1, 2
SAMPLERS, STEPS, IN_A_ROW = ("DDIM", "DPM-Solver++", "DDPM"), (1, 2, 4, 8, 20), 6
TABLES = {table.key: table for table in (Contest, Between)}


def asked(card):
    """What the page asks for at first, of either table."""
    preset = Preset(**{**card.sampling, "options": {}})
    class_name = KIND if KIND in card.condition_names else ANY
    return Contest(Request(card, preset, class_name, SEED, 1), SAMPLERS, STEPS), Between(
        Request(card, preset, class_name, SEED, IN_A_ROW), OTHER
    )


def place(name, key, folder=PRETRAINED):
    """Where the example of a model and a table lies."""
    return Path(folder) / f"{name}.{key}.json"


def save(table, finished, folder=PRETRAINED):
    """Write a table that was sampled, with everything it was asked for with, to a JSON file."""
    request, others = table.request, {name: value for name, value in vars(table).items() if name != "request"}
    about = {
        "preset": vars(request.preset),
        "class_name": request.class_name,
        "seed": request.seed,
        "images": request.images,
        "others": others,
    }
    cells = [
        [cell, round(sampled.seconds, 3), png_url(grid(sampled.images, columns=len(sampled.images)))]
        for cell, sampled in finished.items()
    ]
    place(request.card.name, table.key, folder).write_text(json.dumps({**about, "cells": cells}), encoding="utf-8")


def read(name, key, folder=PRETRAINED):
    """Read (table, finished) as save wrote it, or None if there is none that can be read."""
    try:
        about = json.loads(place(name, key, folder).read_text(encoding="utf-8"))
        request = Request(
            read_card(PRETRAINED / f"{name}.json"),
            Preset(**about["preset"]),
            about["class_name"],
            about["seed"],
            about["images"],
        )
        table = TABLES[key](request, **{name: _hashable(value) for name, value in about["others"].items()})
        finished = {
            _hashable(cell): Sampled(_images(url, request.card.size), seconds) for cell, seconds, url in about["cells"]
        }
        return table, finished
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _hashable(value):
    return tuple(value) if isinstance(value, list) else value


def _images(url, size):
    page = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))))
    return rearrange(torch.from_numpy(page.copy()), "h (b w) c -> b c h w", w=size)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    model = load(parser.parse_args().name)
    for wanted in asked(model.card):
        *_, finished = wanted.draw(model)
        save(
            wanted, {cell: Sampled(sampled.images, 0.0) for cell, sampled in finished.items()}
        )  # how long it took here says nothing elsewhere
