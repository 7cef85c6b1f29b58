"""Read findings from the files of a training: its curve, its saved state, and the model's card."""

import csv
import math
from dataclasses import replace
from pathlib import Path

from diffusion_edu.checkpoints import Unusable, read_card
from diffusion_edu.doctor.examination import examine
from diffusion_edu.doctor.findings import Findings
from diffusion_edu.training.objectives.diffusion import DISTANCES
from diffusion_edu.training.state import read_facts


def read_run(path):
    """Read Findings from a training's folder (training/log.csv, perhaps a card), or from a card beside its
    NAME.log.csv.

    Raises ValueError, in one sentence, if there is nothing to read.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    card = read_card(path) if path.is_file() else next(_cards(folder), None)
    logs = [folder / f"{card.name}.log.csv"] if card else []
    log = next((file for file in (*logs, folder / "training" / "log.csv", folder / "log.csv") if file.is_file()), None)
    if card is None and log is None:
        raise ValueError(
            f"{path} has neither a training curve (log.csv) nor a model card: choose the folder of a training."
        )
    known, saved = from_card(card) if card else Findings(), folder / "training" / "state.safetensors"
    if saved.is_file() and not known.steps:
        facts = read_facts(saved)
        batch = round(facts["images"] / max(1, facts["step"]))
        known = replace(known, steps=facts["step"], seen=facts["images"], batch=batch)
    return read_log(log, known) if log else known


def _cards(folder):
    for file in sorted(folder.glob("*.json")):
        try:
            card = read_card(file)
        except Unusable:
            continue
        if file.with_suffix(".safetensors").is_file():
            yield card


def read_log(path, known):
    """Add the training curve to the Findings known; raises ValueError, in one sentence, if the file is broken."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        curves = {name: [row[name] for row in rows] for name in ("loss", "validation_loss", "lr", "images")}
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(
            f"The training curve {path} is not readable: it needs the columns images, loss, validation_loss and lr."
        ) from None
    if not rows:
        raise ValueError(f"The training curve {path} has no rows yet: look again when the training has written some.")
    validation = [] if math.isnan(curves["validation_loss"][0]) else curves["validation_loss"]
    known = replace(known, lr=known.lr or max(curves["lr"]), seen=known.seen or int(curves["images"][-1]))
    return examine(known, curves["loss"], validation)


def from_card(card):
    """Return the Findings that a model's card holds."""
    training, sampling = card.training, card.sampling
    objective = training.get("objective", {})
    plain = objective.get("distance") in DISTANCES and not objective.get("min_snr")  # weights change every loss
    options = sampling.get("options", {})
    return Findings(
        prediction_type=objective.get("prediction_type"),
        distance=objective.get("distance") if plain else None,
        steps=training.get("steps"),
        batch=training.get("batch"),
        images=(card.data.get("images") or 0) - (card.data.get("held_out") or 0) or None,
        seen=training.get("images_seen"),
        lr=training.get("lr"),
        ema=training.get("ema"),
        warm_up=True,  # as update_ema does
        read_as=card.prediction_type if card.generates else None,
        schedule=sampling.get("schedule"),
        T=sampling.get("T"),
        zero_snr=sampling.get("zero_snr", False),
        sampling_steps=sampling.get("steps"),
        guidance_scale=sampling.get("guidance_scale") if card.classes else None,
        variance=options.get("variance", "small") if sampling.get("sampler") == "DDPM" else None,
        clip=True,  # as generate does
    )
