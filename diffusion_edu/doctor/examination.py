"""How findings come about: by measuring what a training leaves, what is sampled with it, and what its network answers."""

import csv
import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from diffusion_edu.checkpoints import Unusable, read_card
from diffusion_edu.denoisers import TARGETS, exact
from diffusion_edu.doctor.findings import Findings, look_at
from diffusion_edu.schedules import cosine
from diffusion_edu.training.objectives.diffusion import DISTANCES, sample_noise_levels
from diffusion_edu.training.state import read_facts

LEAST, MOST = 0.3, 0.85  # of pi / 2: the angles at which a network is asked
ENOUGH = 1000  # values that a standard deviation of noise needs


@dataclass(frozen=True)
class Answers:
    """How far from the clean images the predictions are if a network's answers are read as each kind: (n,), without labels and with them.

    Whatever a well trained network says, the right reading of it is the mean of all clean images that are possible, and no other
    reading can have a smaller squared error.
    """

    untold: dict[str, Tensor]
    told: dict[str, Tensor] | None = None
    power: float = 0.0  # the variance of the images: the error of always guessing their mean


@torch.no_grad()
def ask(net, real, labels=None, seed=0, autocast=None):
    """Ask a network about clean images or points real (n, ...) with noise on them, once without their labels and, if given, once with them."""
    theta, eps = sample_noise_levels(real, torch.Generator(real.device).manual_seed(seed))
    theta = (
        math.pi / 2 * LEAST + (MOST - LEAST) * theta
    )  # between much image and much noise: where there is something to prediction
    c, s = (f(theta).view(-1, *[1] * (real.ndim - 1)) for f in (torch.cos, torch.sin))
    y = c * real + s * eps

    def errors(condition):
        with torch.autocast(real.device.type, autocast, enabled=autocast is not None):
            said = net(y, 1000 * theta, condition).float()
        return {
            prediction_type: (target.x0_hat(y, said, c, s) - real).square().flatten(1).mean(1)
            for prediction_type, target in TARGETS.items()
        }

    power = real.var().item()
    return Answers(errors(None), None if labels is None else errors(labels), power)


def examine(known=None, losses=(), validation=(), sampled=None, start=None, timesteps=(), real=None, answers=()):
    """Add to what is known whatever can be measured.

    losses and validation are curves; sampled, the noise start that it came from, and the clean data real are (n, ...); timesteps
    is the path of the walk; answers come from `ask`, in as many parts as one likes.
    """
    known, found = known or Findings(), {}
    if losses:
        found |= {"first_loss": losses[0], "last_loss": _end(losses)}
    if validation:
        found |= {"lowest_validation": min(validation), "last_validation": _end(validation)}
    if len(timesteps):
        found |= {"top": timesteps[0], "bottom": timesteps[-1], "sampling_steps": len(timesteps) - 1}
    if sampled is not None:
        found["sampled"] = look_at(sampled)
    if start is not None and start.numel() >= ENOUGH:
        found["start"] = look_at(start)
    if real is not None:
        found["real"] = look_at(real)
    if real is not None and sampled is not None:
        found["nearest"] = nearness(sampled, real)
    return replace(known, **found, **(_understood(answers, known.asked) if answers else {}))


def _end(curve):
    """The mean of the last tenth."""
    tail = curve[-max(1, len(curve) // 10) :]
    return sum(tail) / len(tail)


def nearness(sampled, real):
    """Measure how far samples are from the nearest of real, in units of how far these are from their nearest other (medians).

    None if no two of real differ.
    """
    a, b = sampled.double().flatten(1), real.double().flatten(1)
    among = torch.cdist(b, b).fill_diagonal_(torch.inf).amin(1).median()
    away = torch.cdist(a, b).amin(1).median()
    return (away / among).item() if among > 0 and away.isfinite() else None


def _understood(answers, asked):
    """What the network's answers mean, as far as they mean anything, and what its labels are worth to it."""
    untold = {
        prediction_type: torch.cat([part.untold[prediction_type] for part in answers]).mean().item()
        for prediction_type in TARGETS
    }
    fits = min(untold, key=untold.get)
    if not untold[fits] < 0.8 * sum(part.power for part in answers) / len(answers):
        return {}  # it has learned nothing that could be read
    if asked and untold[asked] < 1.2 * untold[fits]:
        fits = asked
    if any(part.told is None for part in answers):
        return {"fits": fits}
    told = torch.cat([part.told[fits] for part in answers]).mean().item()
    return {"fits": fits, "label_gain": 1 - told / untold[fits]}


def floor(real, prediction_type, distance="mse", images=64, seed=0):
    """The loss of the best possible network on a small set real (n, ...), over timesteps spread like those of a training; for squared errors."""
    if distance != "mse":
        return None
    schedule = cosine(1000)
    _, eps = sample_noise_levels(real[:images], torch.Generator().manual_seed(seed))
    best, losses = exact(real, schedule), []
    for theta in (torch.arange(20) + 0.5) / 20 * math.pi / 2:
        t = (torch.atan2(schedule.noise, schedule.signal) - theta).abs().argmin().clamp(min=1).item()
        c, s = schedule.rates(t, real)
        error = (best(schedule.corrupt(real[:images], t, eps), t) - real[:images]).double().square().mean()
        losses.append(error / TARGETS[prediction_type].slope(c, s) ** 2)
    return torch.stack(losses).mean().item()


def read_run(path):
    """Read what a training left: a folder with log.csv and perhaps a card, or the path of a card beside its NAME.log.csv.

    Raises ValueError, in one sentence, if there is nothing to read.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    card = read_card(path) if path.is_file() else next(_cards(folder), None)
    log = next(
        (
            file
            for file in (folder / f"{card.name}.log.csv" if card else None, folder / "log.csv")
            if file and file.is_file()
        ),
        None,
    )
    saved = folder / "run.safetensors"
    if card is None and log is None:
        raise ValueError(
            f"{path} holds neither a training curve (log.csv) nor a model card: choose the folder that a training wrote to."
        )
    known = from_card(card) if card else Findings()
    if saved.is_file() and not known.steps:
        facts = read_facts(saved)
        known = replace(
            known, steps=facts["step"], seen=facts["images"], batch=round(facts["images"] / max(1, facts["step"]))
        )
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
    """Add the training curve to what is known; raises ValueError, in one sentence, if it is broken."""
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
    held_out = [] if math.isnan(curves["validation_loss"][0]) else curves["validation_loss"]
    known = replace(known, lr=known.lr or max(curves["lr"]), seen=known.seen or int(curves["images"][-1]))
    return examine(known, curves["loss"], held_out)


def from_card(card):
    """Take from a card what a doctor asks for."""
    told, way = card.training, card.sampling
    objective = told.get("objective", {})
    return Findings(
        prediction_type=objective.get("prediction_type"),
        distance=objective.get("distance")
        if objective.get("distance") in DISTANCES and not objective.get("min_snr")
        else None,  # weights change every loss
        steps=told.get("steps"),
        batch=told.get("batch"),
        images=(card.data.get("images") or 0) - (card.data.get("held_out") or 0) or None,
        seen=told.get("images_seen"),
        lr=told.get("lr"),
        ema=told.get("ema"),
        warm_up=True,  # as `follow` does
        asked=card.prediction_type if card.generates else None,
        schedule=way.get("schedule"),
        T=way.get("T"),
        zero_snr=way.get("zero_snr", False),
        sampling_steps=way.get("steps"),
        guidance_scale=way.get("guidance_scale") if card.classes else None,
        variance=way.get("options", {}).get("variance", "small") if way.get("sampler") == "DDPM" else None,
        clip=True,  # as `generate` does
    )
