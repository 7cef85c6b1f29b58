"""The choices in which trainings differ."""

from collections.abc import Callable
from dataclasses import dataclass

from diffusion_edu.generation import Preset
from diffusion_edu.recipes.sample_sheet import sample_sheet
from diffusion_edu.training.objectives.autoencoding import Reconstruction, Variational
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.objectives.restoration import Restoration


@dataclass(frozen=True)
class Recipe:
    """The choices in which trainings differ.

    The network is conditioned on the image's label if the set has labels; or on one of the recipe's own conditions; or
    on a conditioning image of so many channels, which prepare(x0, labels, generator) makes: it returns (x0, condition).
    """

    name: str
    title: str
    network: str
    config: dict
    public: str = "flowers"  # the public data set, a name in PUBLIC
    size: int = 64
    batch: int = 32
    lr: float = 8e-4
    ema: float = 0.9995
    objective: Objective | Reconstruction | Restoration | Variational = Objective()
    sampling: Preset = Preset()
    licence: str = ""
    caution: str = ""
    labels: bool = True
    conditions: tuple[str, ...] = ()
    conditioning_channels: int = 0
    conditioning_image: str = ""  # what the conditioning image is, in words
    prepare: Callable = lambda x0, labels, generator: (x0, labels)
    image_weights: Callable = lambda dataset: None  # how often each image is sampled (n,); None: all equally often
    sheet: Callable = lambda run, count: sample_sheet(run.model, range(count))  # samples during the training, (h, w, 3)
    card_fields: Callable = lambda run: {}  # more fields of the card, known at the end
