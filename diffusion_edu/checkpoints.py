"""Pretrained models: weights as safetensors, and a card with everything needed to rebuild and to evaluate them.

Nothing is ever unpickled: a weight file holds numbers only, so that loading it runs no code.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as as_bytes
from torch import Tensor, nn

from diffusion_edu.card_fit import contradiction, misfit, sketch
from diffusion_edu.cards import Card, Unusable, read_card, save_card, valid_card
from diffusion_edu.degradations import Degradation, Restorer
from diffusion_edu.denoisers import NeuralDenoiser
from diffusion_edu.files import sha256_of, short, write_safely
from diffusion_edu.networks import NETWORKS
from diffusion_edu.networks.experts import Experts
from diffusion_edu.paths import PRETRAINED
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.schedules import Schedule

OWN = Path("runs")  # the folder of the models that a person trains


@dataclass(frozen=True)
class Model:
    """A loaded model: its card, its network in evaluation mode, and where it computes."""

    card: Card
    net: Any  # an nn.Module of NETWORKS
    compute: Compute

    def denoiser(self, schedule: Schedule, condition: Tensor | None = None) -> NeuralDenoiser:
        """Turn the network into a denoiser on a noise schedule, with a condition such as class labels (b,), or None."""
        return NeuralDenoiser(self.net, schedule, self.card.prediction_type, condition, self.compute.autocast)

    def restorer(self, degradation: Degradation) -> Restorer:
        """Turn the network into the restorer of a degradation."""
        return Restorer(self.net, degradation.T, self.card.classes.index(degradation.name), self.compute.autocast)


def save(folder: str | Path, card: Card, net: nn.Module) -> Card:
    """Write NAME.safetensors (fp16) and NAME.json into a folder, atomically, and return the card with its sha-256.

    Weights too large for fp16 stay float32. Raises ValueError, before anything is written, if the card cannot be
    written or a weight is not finite.
    """
    folder, card = Path(folder), valid_card(card)
    weights = {name: _compact(name, tensor.detach().cpu()) for name, tensor in net.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    write_safely(folder / f"{card.name}.safetensors", lambda path: path.write_bytes(as_bytes(weights)))
    return save_card(folder, replace(card, sha256=sha256_of(folder / f"{card.name}.safetensors")))


def _compact(name, tensor):
    if not tensor.isfinite().all():
        raise ValueError(
            f"The weights {name} are not finite, so there is nothing to keep: train again with a smaller learning rate."
        )
    half = tensor.half().contiguous()
    return half if half.isfinite().all() else tensor.float().contiguous()


def available(folders: Sequence[str | Path] | None = None) -> dict[str, Path]:
    """List all available models as {name: path of the card}, shipped ones first.

    A shipped model hides one of the same name. A model is two regular files, NAME.json and NAME.safetensors, in one of
    the folders (None: pretrained, runs, and the folders in runs).
    """
    places = folders or [PRETRAINED, OWN, *sorted(place for place in OWN.glob("*") if os.path.isdir(place))]
    found: dict[str, Path] = {}
    for place in [places] if isinstance(places, str | Path) else places:
        for path in sorted(Path(place).glob("*.json")):
            if path.stem.isprintable() and all(map(os.path.isfile, (path, path.with_suffix(".safetensors")))):
                found.setdefault(path.stem, path)
    return found


def read_cards(folders: Sequence[str | Path] | None = None) -> tuple[dict[str, Card], list[str]]:
    """Read the cards of all available models: {name: Card}, and a sentence for each card that cannot be used."""
    cards, problems = dict[str, Card](), list[str]()
    for name, path in available(folders).items():
        try:
            cards[name] = read_card(path)
        except Unusable as problem:
            problems.append(str(problem))
    return cards, problems


def load(name: str, folders: Sequence[str | Path] | None = None, compute: Compute | None = None) -> Model:
    """Load a model by name, verify its weights with the card's sha-256, and put it where it computes fastest.

    Raises Unusable, with one sentence to act on, if the model is unknown or its files are missing, truncated, changed
    or do not fit together.
    """
    known = available(folders)
    if not isinstance(name, str) or name not in known:
        raise Unusable(
            f"There is no model {short(name)}: give the name of one that is there ({', '.join(known) or 'none is'}), "
            "train it, or restore its two files, NAME.json and NAME.safetensors, side by side."
        )
    card, weights = read_card(known[name]), known[name].with_suffix(".safetensors")
    _verify(card, weights)
    compute = compute or choose()
    return Model(card, compute.place(_network(card, weights).requires_grad_(False).eval()), compute)


def _verify(card, weights):
    """Raise Unusable if the weights are not those that the card was written for."""
    try:
        genuine = sha256_of(weights) == card.sha256
    except OSError as problem:
        raise Unusable(
            f"The weights {weights} cannot be read ({problem.strerror}): restore the file or its permissions."
        ) from None
    if not genuine:
        raise Unusable(f"The weights {weights} are not those of the card (truncated or changed): restore the file.")


def _network(card, weights):
    """Build the network of a card with its weights, float32; memory for them is taken when all is known to fit."""
    outline = sketch(card)
    try:
        wrong = contradiction(card, outline) or misfit(outline, weights)
        if not wrong:
            with torch.random.fork_rng(devices=[]):
                net = NETWORKS[card.network](**card.config)
            _fill(net, weights)
    except Exception as problem:  # with a wrong card a network can fail in any way
        wrong = str(problem) if isinstance(problem, ValueError) else type(problem).__name__
    if wrong:
        raise Unusable(f"The weights {weights} do not fit the network of the card ({wrong}): restore both files.")
    return net


def _fill(net, weights):
    """Load the weights of a network; raises ValueError if one is not finite."""
    if isinstance(net, Experts):
        net.load_part = partial(read_part, weights)
        for index in range(len(net.borders) + 1):  # all must do; the last is the first that a walk needs
            net.activate(index)
            _check_finite(net.member)
    else:
        net.load_state_dict(load_file(weights))
        _check_finite(net)


def _check_finite(net):
    for name, tensor in net.state_dict().items():
        if not tensor.isfinite().all():
            raise ValueError(f"{name} is not finite")


def vocabulary(folder: str | Path, name: str) -> Path:
    """Return the path of the tokenizer of a text-to-image model: beside its weights."""
    return Path(folder) / f"{name}.tokenizer.json"


def read_part(weights: str | Path, prefix: str) -> dict[str, Tensor]:
    """Read only the weights of a file whose names begin with prefix, and remove the prefix."""
    with safe_open(weights, "pt") as file:
        return {name.removeprefix(prefix): file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118 - not a dict
