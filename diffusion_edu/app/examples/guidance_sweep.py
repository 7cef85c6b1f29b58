"""Draw the sweep that the page of guidance shows before anything is computed: `python -m diffusion_edu.app.examples.guidance_sweep NAME`."""

import argparse
import base64
import io
import json
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image

from diffusion_edu.app.common.condition_picker import FAVOURITES, Asked
from diffusion_edu.app.guidance.scale_sweep import SCALES, Sampled, Sweep
from diffusion_edu.checkpoints import PRETRAINED, Unusable, available, load, read_card
from diffusion_edu.evaluation.features import CLASSIFIERS
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset

SEED, IMAGES = 1, 6
QUALITY = 92  # of the images that are kept: hardly to be told from what was sampled, in a fifth of the room


def lookers(card, asked):
    """Choose who looks at what a model draws: the card of the judge, if one is installed that knows what is asked for, and the name of the other."""
    known, (feature_network, judge) = available(), CLASSIFIERS[card.subject]
    try:
        judge = read_card(known[judge]) if judge in known else None
    except Unusable:
        judge = None
    return (judge if judge and asked.label(judge) is not None else None), (
        feature_network if feature_network in known else None
    )


def first(card):
    """What the page asks for until a person chooses."""
    asked = Asked(((FAVOURITES[0] if FAVOURITES[0] in card.condition_names else card.condition_names[0], 1),))
    preset = Preset(**{**card.sampling, "options": {}})
    return Sweep(card, preset, asked, SEED, IMAGES, SCALES, (0, preset.T), *lookers(card, asked))


def place(name, folder=PRETRAINED):
    """Where the example of a model lies."""
    return Path(folder) / f"{name}.sweep.json"


def save(sweep, finished, folder=PRETRAINED):
    """Write the first sweep of a model to a JSON file: the numbers as they are, the images as one WebP page with a row per scale."""
    rows = {
        guidance_scale: {name: value for name, value in vars(sampled).items() if name != "images"}
        for guidance_scale, sampled in finished.items()
    }
    page = grid(torch.cat([sampled.images for sampled in finished.values()]), columns=sweep.images)
    Image.fromarray(page).save(file := io.BytesIO(), "WEBP", quality=QUALITY, method=6)
    about = {"rows": list(rows.items()), "images": base64.b64encode(file.getvalue()).decode()}
    place(sweep.card.name, folder).write_text(json.dumps(about), encoding="utf-8")


def read(name, folder=PRETRAINED):
    """Read (sweep, finished) as save wrote it, or None if there is none that can be read."""
    try:
        about, sweep = (
            json.loads(place(name, folder).read_text(encoding="utf-8")),
            first(read_card(PRETRAINED / f"{name}.json")),
        )
        page = np.asarray(Image.open(io.BytesIO(base64.b64decode(about["images"]))).convert("RGB"))
        images = rearrange(
            torch.from_numpy(page.copy()), "(r h) (n w) c -> r n c h w", h=sweep.card.size, w=sweep.card.size
        )
        finished = {
            guidance_scale: Sampled(some, **row)
            for (guidance_scale, row), some in zip(about["rows"], images, strict=True)
        }
        return sweep, finished
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    model = load(parser.parse_args().name)
    wanted = first(model.card)
    *_, (sampled, _, _) = wanted.draw(
        model, *(name and load(name) for name in (wanted.judge and wanted.judge.name, wanted.feature_network))
    )
    save(
        wanted, {guidance_scale: Sampled(**{**vars(one), "seconds": 0.0}) for guidance_scale, one in sampled.items()}
    )  # how long it took here says nothing elsewhere
