"""Pretrained models: weights as safetensors, and a card with everything needed to rebuild and to evaluate them.

Nothing is ever unpickled: a weight file holds numbers only, so that loading it runs no code.
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as as_bytes
from torch import Tensor, nn

from diffusion_edu.degradations import Degradation, Restorer
from diffusion_edu.denoisers import TARGETS, NeuralDenoiser
from diffusion_edu.networks import NETWORKS
from diffusion_edu.networks.experts import Experts
from diffusion_edu.paths import PRETRAINED
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.schedules import Schedule

OWN = Path("runs")  # the folder of the models that a person trains


@dataclass(frozen=True)
class Card:
    """The model card: what is needed to rebuild a model and to evaluate it."""

    name: str
    title: str
    network: str  # a name in NETWORKS
    config: dict[str, Any]  # the network's arguments
    prediction_type: str  # a name in TARGETS, or "restoration", "vae", "autoencoder", "class", "attributes"
    size: int  # height and width of its images
    channels: int = 3
    classes: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    conditioning_image: str = ""  # what the conditioning image shows, in words
    latents: dict[str, Any] = field(default_factory=dict)  # of an autoencoder: mean and std of each channel
    autoencoder: str = ""  # of a latent diffusion model: the name of its autoencoder; size and channels are of latents
    text: dict[str, Any] = field(
        default_factory=dict
    )  # the text encoder: sha256 of NAME.tokenizer.json, or a CLIP's name
    sampling: dict[str, Any] = field(
        default_factory=dict
    )  # its best preset: schedule, T, sampler, steps, guidance_scale
    data: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    licence: str = ""
    caution: str = ""  # what it does badly or unfairly
    sha256: str = ""

    @property
    def null(self) -> int | None:
        """The null label, which means unconditional; None for a model without classes."""
        return len(self.classes) or None

    @property
    def condition_names(self) -> list[str]:
        """The conditions that have a name: the classes, or the attributes."""
        return self.classes or self.attributes

    def label(self, name: str) -> int | list[int]:
        """Return the condition for `generate`: the label of a class, or attributes with this one set and no other."""
        number = self.condition_names.index(name)
        return [int(k == number) for k in range(len(self.attributes))] if self.attributes else number

    def name_for(self, seed: int) -> str:
        """Choose a condition name for a seed: neighbouring seeds get different ones, and every name is used."""
        stride = 37 if len(self.condition_names) % 37 else 41
        return self.condition_names[stride * seed % len(self.condition_names)]

    def labels_for(self, seeds: Sequence[int]) -> list | None:
        """Return a mix of conditions, one per seed (see name_for); None if no condition has a name."""
        return [self.label(self.name_for(seed)) for seed in seeds] if self.condition_names else None

    @property
    def subject(self) -> str:
        """What its images show: the public image set that it was trained on, or the most similar one."""
        return self.data.get("subject") or ("faces" if self.attributes else "flowers")

    @property
    def conditional(self) -> bool:
        """Whether it has a condition: classes, attributes, a conditioning image or a caption."""
        return bool(self.classes or self.attributes or self.conditioning_image or self.text)

    @property
    def generates(self) -> bool:
        """Whether this is a diffusion model that generates images from noise alone, without an
        image or an autoencoder.
        """
        return self.prediction_type in TARGETS and not self.conditioning_image and not self.autoencoder


class Unusable(ValueError):
    """A model cannot be loaded; the message is one sentence that names the file and the remedy."""


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


def write_safely(path: str | Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically: write(temporary path), then rename it, so that path is always the
    whole old or new file.
    """
    path = Path(path)
    temporary = path.with_name(
        f".{path.name}.part"
    )  # always the same name: the rest of a killed process is overwritten
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256_of(path: str | Path) -> str:
    """Compute the sha-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save(folder: str | Path, card: Card, net: nn.Module) -> Card:
    """Write NAME.safetensors (fp16) and NAME.json into a folder, atomically, and return the card with its sha-256."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().half().cpu().contiguous() for name, tensor in net.state_dict().items()}
    write_safely(folder / f"{card.name}.safetensors", lambda path: path.write_bytes(as_bytes(weights)))
    return save_card(folder, replace(card, sha256=sha256_of(folder / f"{card.name}.safetensors")))


def save_card(folder: str | Path, card: Card) -> Card:
    """Write NAME.json into a folder and return the card."""
    text = json.dumps(asdict(card), indent=2, ensure_ascii=False) + "\n"
    write_safely(Path(folder) / f"{card.name}.json", lambda path: path.write_text(text, encoding="utf-8"))
    return card


def available(folders: Sequence[str | Path] | None = None) -> dict[str, Path]:
    """List all available models as {name: path of the card}, shipped ones first.

    A shipped model hides one of the same name.
    """
    places = folders or [PRETRAINED, OWN, *sorted(p for p in OWN.glob("*") if p.is_dir())]
    found: dict[str, Path] = {}
    for place in places:
        for path in sorted(Path(place).glob("*.json")):
            if path.with_suffix(".safetensors").is_file():
                found.setdefault(path.stem, path)
    return found


def read_card(path: str | Path) -> Card:
    """Read a card; raises Unusable if it is missing, broken or not a card."""
    path = Path(path)
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
        return Card(**{key: value for key, value in written.items() if key in {f.name for f in fields(Card)}})
    except FileNotFoundError:
        raise Unusable(f"The card {path} is missing: restore the file, or train the model again.") from None
    except (OSError, ValueError, TypeError, AttributeError):
        raise Unusable(
            f"The card {path} is not readable as a model card: restore the file, or train the model again."
        ) from None


def load(name: str, folders: Sequence[str | Path] | None = None, compute: Compute | None = None) -> Model:
    """Load a model by name, verify its weights with the card's sha-256, and put it where it computes fastest.

    Raises Unusable, with one sentence to act on, if the model is unknown or its files are missing, truncated or
    changed.
    """
    known = available(folders)
    if name not in known:
        raise Unusable(
            f"There is no model {name!r}: restore {name}.json and {name}.safetensors side by side, train it, "
            f"or choose one that is there ({', '.join(known) or 'none is'})."
        )
    card, weights = read_card(known[name]), known[name].with_suffix(".safetensors")
    _verify(card, weights)
    compute = compute or choose()
    net = _network(card, weights)
    return Model(card, compute.place(net.float().requires_grad_(False).eval()), compute)


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
    """Build the network of a card and load its weights."""
    try:
        net = NETWORKS[card.network](**card.config)
        if isinstance(net, Experts):
            net.load_part = partial(read_part, weights)
            for index in range(len(net.borders) + 1):  # all must fit; the last is the first that a walk needs
                net.activate(index)
        else:
            net.load_state_dict(load_file(weights))
    except Exception as problem:  # with a wrong card a network can fail in any way
        raise Unusable(
            f"The weights {weights} do not fit the network of the card ({type(problem).__name__}): restore both files."
        ) from None
    return net


def vocabulary(folder: str | Path, name: str) -> Path:
    """Return the path of the tokenizer of a text-to-image model: beside its weights."""
    return Path(folder) / f"{name}.tokenizer.json"


def read_part(weights: str | Path, prefix: str) -> dict[str, Tensor]:
    """Read only the weights of a file whose names begin with prefix, and remove the prefix."""
    with safe_open(weights, "pt") as file:
        return {name.removeprefix(prefix): file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118 - not a dict
