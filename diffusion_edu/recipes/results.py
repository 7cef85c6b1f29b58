"""What a finished training leaves: the model with its card, a sheet of samples, their growth, and the curve."""

import math
from dataclasses import replace

import numpy as np
from PIL import Image

from diffusion_edu.checkpoints import Unusable, read_card, save
from diffusion_edu.figures.still import training_curve
from diffusion_edu.recipes.log import COLUMNS
from diffusion_edu.recipes.writing import keep, put, tell


def finish(run):
    """Write the state, the model with its card, and images, in this order: here, or where there is room."""
    place = keep(run.folder, run.write_state)
    card = final_card(run)

    def write_model(folder):
        run.extras(folder)
        save(folder.out, card, run.trained)

    place = keep(place, write_model)
    for ending, write in run.images():
        place = keep(place, lambda folder, ending=ending, write=write: put(folder.finished(ending), write))
    run.announce(place, card)


def is_written(folder, images):
    """Say whether a folder holds the finished model of a training that has seen so many images."""
    try:
        seen = read_card(folder.finished(".json")).training.get("images_seen")
    except (Unusable, OSError):
        return False
    return seen == images and folder.finished(".safetensors").exists()


def final_card(run):
    """Write the card of the finished model."""
    state, rows = run.state, [[float(value) for value in row] for row in run.log.rows]
    last = dict(zip(COLUMNS, rows[-1] if rows else [math.nan] * len(COLUMNS), strict=True))
    facts = {
        "images_seen": state.images,
        "steps": state.step,
        "minutes": round(state.seconds / 60, 1),
        "device": str(run.compute),
    }
    losses = {name: None if math.isnan(last[name]) else last[name] for name in ("loss", "validation_loss")}
    return replace(run.card(**facts, **losses), **run.recipe.card_fields(run))


def images_of(run):
    """Yield the images beside the finished model, as (ending of the name, function that writes to a path)."""
    if (sheet := run.recipe.sheet(run, 64)) is not None:
        yield ".png", lambda part: Image.fromarray(sheet).save(part, format="PNG")
    if rows := first_rows(sorted(run.folder.sheets.glob("*.png")), run.recipe.size):
        growth = Image.fromarray(np.concatenate(rows))
        yield ".growth.png", lambda part: growth.save(part, format="PNG")
    if run.log.rows:
        curve = np.array(run.log.rows, dtype=float)
        figure = training_curve(curve[:, 0], curve[:, 2], curve[:, 3])
        yield ".curve.png", lambda part: figure.savefig(part, format="png")


def first_rows(paths, height):
    """Read the first row of samples of each sheet, all equally wide; sheets that cannot be read are left out."""
    rows = []
    for path in paths:
        try:
            with Image.open(path) as image:
                rows.append(np.asarray(image.convert("RGB"))[:height])
        except (OSError, SyntaxError, ValueError):
            tell(f"Left out {path}: it is damaged.")
    return [row for row in rows if row.shape == rows[-1].shape]
