"""The model card: everything needed to rebuild a model and to evaluate it, in one JSON file beside the weights.

A card is a file that anybody may have written. It is checked here and nowhere else, when it is read and when it is
written; whoever holds a Card may rely on the types of its fields.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from inspect import signature
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from diffusion_edu.card_fields import STRICT, As, Config, Data, Latents, Sampling, Scores, Text, Training, one_of
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.files import finite, plain_name, short, to_json, write_safely
from diffusion_edu.networks import NETWORKS
from diffusion_edu.samplers import sampler

LARGEST = 10_000_000  # bytes of a card; real ones have thousands
OTHERS = ("restoration", "vae", "autoencoder", "class", "attributes")  # prediction types of what is no denoiser
Size = Annotated[int, Field(ge=1, le=4096)]


class Unusable(ValueError):
    """A model cannot be used; the message is one sentence that names the file and the remedy."""


@dataclass(frozen=True)
class Card:
    """The model card: what is needed to rebuild a model and to evaluate it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Annotated[str, AfterValidator(plain_name)]  # that of its file
    title: str
    network: Annotated[str, one_of(NETWORKS)]
    config: Annotated[dict[str, Any], As(Config)]  # the network's arguments
    prediction_type: Annotated[str, one_of((*TARGETS, *OTHERS))]
    size: Size  # height and width of its images
    channels: Annotated[int, Field(ge=1, le=1024)] = 3
    classes: list[str] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    conditioning_image: str = ""  # what the conditioning image shows, in words
    latents: Annotated[dict[str, Any], As(Latents)] = field(default_factory=dict)  # of an autoencoder
    autoencoder: str = ""  # of a latent diffusion model: the name of its autoencoder; size and channels are of latents
    text: Annotated[dict[str, Any], As(Text)] = field(default_factory=dict)  # the text encoder
    sampling: Annotated[dict[str, Any], As(Sampling)] = field(default_factory=dict)  # its best preset
    data: Annotated[dict[str, Any], As(Data)] = field(default_factory=dict)
    training: Annotated[dict[str, Any], As(Training)] = field(default_factory=dict)
    scores: Annotated[dict[str, Any], As(Scores)] = field(default_factory=dict)
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


CARD = TypeAdapter(Card)
USUAL = {"steps": 20, "T": 1000, "options": {}, "sampler": "DDIM"}  # the settings of a Preset that names none


def read_card(path: str | Path) -> Card:
    """Read a card; its name is that of the file. Raises Unusable if it is missing, broken or not a card."""
    path, shown = Path(path), _printable(path)
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it is larger than {LARGEST // 10**6} MB")
        return parse_card(path.stem, path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise Unusable(f"The card {shown} is missing: restore the file, or train the model again.") from None
    except OSError as problem:
        raise Unusable(
            f"The card {shown} cannot be read ({problem.strerror}): restore the file or its permissions."
        ) from None
    except ValueError as problem:
        remedy = "correct it, or restore the file" if _is_plain(path.stem) else "rename its .json and its .safetensors"
        raise Unusable(f"The card {shown} is not a model card ({problem}): {remedy}.") from None


def _is_plain(name):
    with suppress(ValueError):
        return bool(plain_name(name))
    return False


def save_card(folder: str | Path, card: Card) -> Card:
    """Write NAME.json into a folder and return the card as read_card reads it; raises ValueError if it would not."""
    card = valid_card(card)
    text = to_json(asdict(card), indent=2) + "\n"
    write_safely(Path(folder) / f"{card.name}.json", lambda path: path.write_text(text, encoding="utf-8"))
    return card


def valid_card(card: Card) -> Card:
    """Return a card as it would be read after it was written; raises ValueError, in words, if it would be refused."""
    try:
        return parse_card(card.name, to_json(asdict(card)))
    except (ValueError, TypeError) as problem:
        raise ValueError(f"The card of the model {short(card.name)} cannot be written: {problem}.") from None


def parse_card(name: str, text: str) -> Card:
    """Make the Card of a model of this name from JSON; raises ValueError, in words, at the first wrong field.

    Scores that are null or not finite are left out: they were not measured.
    """
    written = finite(from_json(text))
    if isinstance(written, dict):
        written |= {"name": name, "scores": _without_null(written.get("scores", {}))}
    try:
        card = CARD.validate_json(to_json(written))
    except ValidationError as problem:
        raise ValueError(_first_problem(problem)) from None
    _check_parts(card)
    return replace(card, title=" ".join(card.title.split()) or name)


def _without_null(value):
    """Leave out what is None, in nested dicts too."""
    if isinstance(value, list):
        return [_without_null(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: _without_null(each) for name, each in value.items() if each is not None}


def _first_problem(problem):
    """Write in words what is wrong with the first wrong field."""
    first = problem.errors(include_url=False)[0]
    place, words = ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
    words = re.sub(" after validation, not .*", "", words)
    if first["type"] in ("missing", "extra_forbidden"):
        return f"{place} is {'missing' if first['type'] == 'missing' else 'unknown'}"
    if first["type"] == "value_error":
        return words.rstrip(".") if words.startswith("The ") else f"{place} {words}"
    return f"{place or 'it'} {re.sub('^[A-Z][a-z]* should', 'must', words)}, not {short(first['input'])}"


def _check_parts(card):
    """Raise ValueError if fields contradict each other."""
    steps, T, options, name = (card.sampling.get(name, usual) for name, usual in USUAL.items())
    if steps > T:
        raise ValueError(f"sampling.steps must not be more than the {T} timesteps, not {steps}")
    if unknown := options.keys() - signature(sampler(name)).parameters.keys():
        raise ValueError(f"sampling.options: this sampler has no {' and no '.join(sorted(unknown))}")
    if card.text and not card.text.keys() & {"sha256", "clip"}:
        raise ValueError("text must name its text encoder, as sha256 or clip")
    mean, std = (card.latents.get(name, []) for name in ("mean", "std"))
    if card.latents and not 0 < len(mean) == len(std):
        raise ValueError("latents must have a mean and a std for each channel")
    if card.network == "experts" and not _rising(card.config.get("borders")):
        raise ValueError("config.borders must be the rising list of noise levels that separate the experts")
    for names, field_name in ((card.classes, "classes"), (card.attributes, "attributes")):
        if len({*names}) < len(names):
            raise ValueError(f"{field_name} must not name one twice")


def _rising(borders):
    """Whether this is a list of one or more different numbers in order."""
    numbers = isinstance(borders, list) and all(type(border) in (int, float) for border in borders)
    return numbers and len(borders) > 0 and borders == sorted({*borders})


def _printable(path):
    """Write a path for a message, on one line."""
    return str(path) if str(path).isprintable() else short(str(path))[1:-1]
