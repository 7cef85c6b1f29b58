"""Pretrained models: weights as safetensors, and a card that says everything needed to rebuild and to judge them.

Nothing is ever unpickled: a weight file can hold numbers and nothing else.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as as_bytes
from torch import nn

from diffusion_edu.degradations import Restorer
from diffusion_edu.denoisers import TARGETS, NeuralDenoiser
from diffusion_edu.networks import NETWORKS
from diffusion_edu.networks.experts import Experts
from diffusion_edu.paths import PRETRAINED
from diffusion_edu.randomness import Compute, choose

OWN = Path("runs")  # where a person's own trainings put their models


@dataclass(frozen=True)
class Card:
    """What a person must know to rebuild a model and to judge it."""

    name: str
    title: str
    network: str  # a name in NETWORKS
    config: dict  # the network's arguments
    prediction_type: (
        str  # what it predicts: a name in TARGETS, "restoration", "vae", "autoencoder", "class" or "attributes"
    )
    size: int  # height and width of its images
    channels: int = 3
    classes: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    conditioning_image: str = ""  # what the image is that guides it, in words
    latents: dict = field(
        default_factory=dict
    )  # mean and spread of each channel of what an autoencoder makes of its training images
    autoencoder: str = ""  # the model whose latents it draws, if it draws no images itself; size and channels are then those of latents
    text: dict = field(
        default_factory=dict
    )  # what turns captions into what it is told: sha256 of NAME.tokenizer.json, or the name of a CLIP
    sampling: dict = field(default_factory=dict)  # the preset that draws well: schedule, T, sampler, steps, scale
    data: dict = field(default_factory=dict)
    training: dict = field(default_factory=dict)
    scores: dict = field(default_factory=dict)
    licence: str = ""
    caution: str = ""  # what it does badly or unfairly
    sha256: str = ""

    @property
    def null(self):
        """The label that asks for anything, or None in a model without classes."""
        return len(self.classes) or None

    @property
    def condition_names(self):
        """What can be asked for in one word: a class, or one of the attributes."""
        return self.classes or self.attributes

    def label(self, prediction_type):
        """Ask for a kind as `generate` wants it: the number of a class, or the wish for one attribute and no other."""
        number = self.condition_names.index(prediction_type)
        return [int(k == number) for k in range(len(self.attributes))] if self.attributes else number

    def turn(self, seed):
        """Name the kind whose turn it is, so that neighbours differ and every kind is asked for."""
        stride = 37 if len(self.condition_names) % 37 else 41
        return self.condition_names[stride * seed % len(self.condition_names)]

    def mix(self, seeds):
        """Ask every seed for the kind whose turn it is, as labels; None if there are no kinds."""
        return [self.label(self.name_for(seed)) for seed in seeds] if self.condition_names else None

    @property
    def subject(self):
        """What its images show: the public set that it was trained on, or that is nearest to it."""
        return self.data.get("subject") or ("faces" if self.attributes else "flowers")

    @property
    def told(self):
        """Whether there is something that it can be told: a class, attributes, an image or a caption."""
        return bool(self.classes or self.attributes or self.conditioning_image or self.text)

    @property
    def draws(self):
        """Whether this is a diffusion model that draws images from noise alone: no classifier, and none that needs an image or draws latents."""
        return self.prediction_type in TARGETS and not self.conditioning_image and not self.autoencoder


class Unusable(ValueError):
    """A model cannot be loaded; the message is one sentence that names the file and the remedy."""


@dataclass(frozen=True)
class Model:
    """A loaded model: its card, its network in evaluation form, and where it computes."""

    card: Card
    net: nn.Module
    compute: Compute

    def denoiser(self, schedule, condition=None):
        """Turn the network into a denoiser on a schedule, asked for cond: labels (b,) or None."""
        return NeuralDenoiser(self.net, schedule, self.card.prediction_type, condition, self.compute.autocast)

    def restorer(self, degradation):
        """Turn the network into the restorer of a degradation."""
        return Restorer(self.net, degradation.T, self.card.classes.index(degradation.name), self.compute.autocast)


def write_safely(path, write):
    """Let write(temporary path) make a file and then put it in place in one stroke, so that path is always whole: the old or the new."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.part")  # always the same name: what a killed process left is written over
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def fingerprint(path):
    """Compute the sha-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save(folder, card, net):
    """Write NAME.safetensors (fp16) and NAME.json into a folder and return the card with its sha-256; readers never see half a file."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().half().cpu().contiguous() for name, tensor in net.state_dict().items()}
    write_safely(folder / f"{card.name}.safetensors", lambda path: path.write_bytes(as_bytes(weights)))
    return save_card(folder, replace(card, sha256=fingerprint(folder / f"{card.name}.safetensors")))


def save_card(folder, card):
    """Write NAME.json into a folder and return the card."""
    text = json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n"
    write_safely(Path(folder) / f"{card.name}.json", lambda path: path.write_text(text, encoding="utf-8"))
    return card


def available(folders=None):
    """List the cards of all models there are, shipped ones first, as {name: path of the card}; a name found twice means its shipped model."""
    places = folders or [PRETRAINED, OWN, *sorted(p for p in OWN.glob("*") if p.is_dir())]
    found = {}
    for place in places:
        for path in sorted(Path(place).glob("*.json")):
            if path.with_suffix(".safetensors").is_file():
                found.setdefault(path.stem, path)
    return found


def read_card(path):
    """Read a card; raises Unusable if it is missing, broken or not a card."""
    path = Path(path)
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        return Card(**{key: value for key, value in written.items() if key in {f.name for f in fields(Card)}})
    except FileNotFoundError:
        raise Unusable(
            f"The card {path} is missing: restore it with 'git checkout {path.name}', or train the model again."
        ) from None
    except (OSError, ValueError, TypeError, AttributeError):
        raise Unusable(
            f"The card {path} is not readable as a model card: restore the file, or train the model again."
        ) from None


def load(name, folders=None, compute=None):
    """Load a model by name, check its weights against the card's sha-256, and put it where it computes fastest.

    Raises Unusable, with one sentence to act on, if the model is unknown or its files are missing, truncated or altered.
    """
    known = available(folders)
    if name not in known:
        raise Unusable(
            f"There is no model {name!r}: restore {name}.json and {name}.safetensors side by side, train it, "
            f"or choose one that is there ({', '.join(known) or 'none is'})."
        )
    card, weights = read_card(known[name]), known[name].with_suffix(".safetensors")
    try:
        genuine = fingerprint(weights) == card.sha256
    except OSError as problem:
        raise Unusable(
            f"The weights {weights} cannot be read ({problem.strerror}): restore the file or its permissions."
        ) from None
    if not genuine:
        raise Unusable(
            f"The weights {weights} are not the ones that the card describes (truncated or altered): restore the file."
        )
    compute = compute or choose()
    try:
        net = NETWORKS[card.network](**card.config)
        if isinstance(net, Experts):
            net.load_part = partial(read_part, weights)
            for who in range(len(net.borders) + 1):  # all of them must fit; the last is the first that a walk needs
                net.activate(who)
        else:
            net.load_state_dict(load_file(weights))
    except Exception as problem:  # a wrong card makes a network fail in any way it likes
        raise Unusable(
            f"The weights {weights} do not fit the network of the card ({type(problem).__name__}): restore both files."
        ) from None
    return Model(card, compute.place(net.float().requires_grad_(False).eval()), compute)


def vocabulary(folder, name):
    """Say where the vocabulary of a model that is told captions lies: beside its weights."""
    return Path(folder) / f"{name}.tokenizer.json"


def read_part(weights, prefix):
    """Read those of the weights in a file whose names begin with prefix, and leave the others where they are."""
    with safe_open(weights, "pt") as file:
        return {name.removeprefix(prefix): file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118 - not a dict
