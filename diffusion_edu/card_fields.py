"""What the fields of a model card may hold, as types that pydantic checks whenever a card is read or written.

Text is never taken for a number, and no number is NaN. Dicts may say more than is listed here, but what is listed has
the type that pages and commands rely on; any of it may be missing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, JsonValue
from typing_extensions import TypedDict  # pydantic needs this one up to Python 3.11

from diffusion_edu.files import short
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.spacings import SPACINGS

STRICT = ConfigDict(strict=True, allow_inf_nan=False)
OPEN, CLOSED = ConfigDict(**STRICT, extra="allow"), ConfigDict(**STRICT, extra="forbid")
WIDEST, DEEPEST = 1_000_000, 50  # of a network: channels, classes or tokens of one layer; layers in a row
LAYERS = ("blocks", "depth")  # what a config calls the number of layers in a row

Count = Annotated[int, Field(ge=0, le=2**53)]
Positive = Annotated[float, Field(gt=0)]
Distance = Annotated[float, Field(ge=0, le=1e12)]
Fraction = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class As:
    """For pydantic: check a field as this type, whatever it is for other readers."""

    type: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return handler.generate_schema(self.type)


def one_of(names: Collection[str]) -> AfterValidator:
    """Make the check that a text is one of these names."""

    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"must be one of {', '.join(names)}, not {short(name)}")
        return name

    return AfterValidator(check)


def _moderate(value: Any, name: str = "", most: int = WIDEST) -> Any:
    """Refuse a config whose network would have more layers, or wider ones, than anybody has memory for."""
    if isinstance(value, dict):
        for key, each in value.items():
            _moderate(each, key, DEEPEST if key in LAYERS else WIDEST)
    elif isinstance(value, list):
        if len(value) > DEEPEST:
            raise ValueError(f"must have no more than {DEEPEST} {name}, not {len(value)}")
        for each in value:
            _moderate(each, name, most)
    elif type(value) in (int, float) and not 0 <= value <= most:
        raise ValueError(f"must have {name} between 0 and {most}, not {short(value)}")
    return value


def _no_strange_bands(scores: dict[str, Any]) -> dict[str, Any]:
    for name, value in scores.items():
        if name.endswith("_band") and (type(value) not in (int, float) or value < 0):
            raise ValueError(f"must have a number, 0 or more, as {name}, not {short(value)}")
    return scores


Config = Annotated[dict[str, JsonValue], AfterValidator(_moderate)]


class Latents(TypedDict, total=False):
    """The mean and standard deviation of each channel of latents."""

    __pydantic_config__ = OPEN  # type: ignore[misc]
    mean: list[float]
    std: list[Positive]


class Text(TypedDict, total=False):
    """Which text encoder a model has: the sha-256 of its NAME.tokenizer.json, or the name of a CLIP."""

    __pydantic_config__ = OPEN  # type: ignore[misc]
    sha256: str
    clip: str


class Options(TypedDict, total=False):
    """The options of a sampler's step."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    eta: Fraction
    variance: Annotated[str, one_of(("small", "large"))]


class Sampling(TypedDict, total=False):
    """The fields of a `generation.Preset`."""

    __pydantic_config__ = CLOSED  # type: ignore[misc]
    sampler: Annotated[str, one_of(SAMPLERS)]
    steps: Annotated[int, Field(ge=1, le=10_000)]
    guidance_scale: Annotated[float, Field(ge=0, le=100)]
    schedule: Annotated[str, one_of(SCHEDULES)]
    T: Annotated[int, Field(ge=1, le=10_000)]
    zero_snr: bool
    options: Options
    spacing: Annotated[str, one_of(SPACINGS)]


class Data(TypedDict, total=False):
    """What a model was trained on."""

    __pydantic_config__ = OPEN  # type: ignore[misc]
    subject: str
    source: str
    images: Count | None
    held_out: Count | None
    categories: dict[str, str]


class Objective(TypedDict, total=False):
    """What a training minimised."""

    __pydantic_config__ = OPEN  # type: ignore[misc]
    prediction_type: str | None
    distance: str | None
    min_snr: float | None
    angles: Annotated[list[float], Field(min_length=2, max_length=2)]


class Training(TypedDict, total=False):
    """How a model was trained."""

    __pydantic_config__ = OPEN  # type: ignore[misc]
    images_seen: Count | None
    steps: Count | None
    batch: Count | None
    minutes: float | None
    lr: float | None
    ema: float | None
    loss: float | None
    validation_loss: float | None
    objective: Objective


class Measured(TypedDict, total=False):
    """Scores of one measurement."""

    __pydantic_config__ = OPEN  # type: ignore[misc]
    FD: Distance
    FD_band: Distance
    FD_floor: Distance
    FD_noise: Distance
    FD_vae: Distance
    FD_fraction: float
    KD: float
    KD_floor: float
    memorised: Fraction
    own_image: Fraction
    class_accuracy: Fraction
    class_accuracy_real: Fraction
    subject_accuracy: Fraction
    subject_accuracy_real: Fraction
    validation_accuracy: Fraction
    diversity: Distance
    diversity_of_prompts: Distance
    nearest: Distance
    class_score: Distance
    class_score_real: Distance
    PSNR: float
    SSIM: float
    perceptual_distance: Distance
    guidance_scale: float
    sampler: str
    nfe: Annotated[int, Field(ge=1, le=10**6)]


Bands = Annotated[Measured, AfterValidator(_no_strange_bands)]


class AllScores(Measured, total=False):
    """All scores of a card: numbers, and tables of several measurements."""

    __pydantic_config__ = OPEN  # type: ignore[misc]
    protocol: str
    command: str
    each: dict[str, Fraction]
    autoencoder: Bands
    bicubic: Bands
    training_prompts: Bands
    by_guidance: list[Bands]
    by_steps: list[Bands]
    FD_generated: dict[str, Distance]
    restored: dict[str, dict[str, dict[str, Bands]]]
    gradient_energy_real: Annotated[list[Distance], Field(min_length=3, max_length=3)]


Scores = Annotated[AllScores, AfterValidator(_no_strange_bands)]
