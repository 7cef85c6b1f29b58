"""Images two and four times as large, by our super-resolution model or by an upscaling network from a file, as
Real-ESRGAN.

Real-ESRGAN (Wang et al. 2021) and similar networks are no diffusion models: one evaluation gives the result. The
library spandrel recognises their architectures by their weights. A weight file is read as numbers and never unpickled.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.checkpoints import Model, Unusable
from diffusion_edu.checks import Images, Seeds, checked
from diffusion_edu.core import State
from diffusion_edu.editing.super_resolution import FACTOR, cascade, enlarge
from diffusion_edu.editing.weight_files import Bounded, read_weights
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import Compute, choose

FACTORS = (FACTOR, FACTOR**2)
REMEDY = "name a .safetensors or .pth file of an upscaler, for example Real-ESRGAN's."


@checked
def check(factor) -> None:
    """Raise ValueError, in one sentence, for a factor other than 2 and 4."""
    if factor not in FACTORS:
        raise ValueError(f"Images become {' or '.join(map(str, FACTORS))} times as large, not {factor} times.")


@checked
def upscale(model: Model, preset: Preset, small: Images, seeds: Seeds, factor=FACTOR) -> Iterator[State]:
    """Generate an image 2 or 4 times as large, (b, 3, factor h, factor w), for each small one (b, 3, h, w) in [-1, 1].

    Factor 4 is factor 2 twice, one walk after the other (see super_resolution.enlarge).
    """
    check(factor)
    walk = enlarge(model, preset, small, seeds)
    if factor == FACTOR:
        return walk
    other_seeds = [seed + 2**30 for seed in seeds]  # other noise than the first walk's
    return cascade(walk, lambda x: enlarge(model, preset, x, other_seeds))


@dataclass(frozen=True)
class Upscaler:
    """An upscaling network from a file: its name, its factor, and where it computes.

    net maps an image (1, 3, h, w) to (1, 3, factor h, factor w), both in [0, 1].
    """

    net: Callable
    name: str
    factor: int
    compute: Compute

    @checked
    @torch.no_grad()
    def __call__(self, images: Images, factor=FACTOR) -> Tensor:
        """Make images (b, 3, h, w) in [-1, 1] 2 or 4 times as large, float32, one after the other.

        The network runs until an image is large enough; a larger result is scaled down.
        """
        check(factor)
        return torch.cat([self._one(image, [factor * side for side in image.shape[2:]]) for image in images.split(1)])

    def _one(self, image, size):
        x = (image.to(self.compute.device).float() + 1) / 2
        while x.shape[2] < size[0]:
            x = self.net(x)
        if x.shape[2] > size[0]:
            x = F.interpolate(x, size=size, mode="bicubic", antialias=True)
        return (2 * x - 1).clamp(-1, 1)


@checked
def upscaler(path: str | Path, compute: Compute | None = None, name: str = "") -> Upscaler:
    """Load an Upscaler from a weight file (.safetensors, .pth); raises Unusable, in one sentence, if that fails.

    name is that of the file in such a sentence, if a person knows it by another than its path.
    """
    path, compute = Path(path).expanduser(), compute or choose()
    name = name or str(path)
    try:
        from spandrel import ImageModelDescriptor, ModelLoader
    except ImportError:
        raise Unusable(
            f"{name} needs the library that knows its network: 'pip install spandrel', "
            "or choose the super-resolution model."
        ) from None
    try:
        weights = read_weights(path)
        with Bounded(weights):
            found = ModelLoader(device=compute.device).load_from_state_dict(weights)
    except OSError as problem:
        raise Unusable(
            f"The weights {name} cannot be read ({problem.strerror or problem}): name a file that is there."
        ) from None
    except Exception as problem:  # reading a broken file and recognising its network fail in ways of their own
        raise Unusable(
            f"The weights {name} are those of no network that spandrel knows ({type(problem).__name__}): {REMEDY}"
        ) from None
    enlarges = isinstance(found, ImageModelDescriptor) and found.purpose == "SR" and found.scale > 1
    if not enlarges or (found.input_channels, found.output_channels) != (3, 3):
        raise Unusable(
            f"The weights {name} belong to {found.architecture.name}, which does not enlarge images in colour: {REMEDY}"
        )
    return Upscaler(found.eval(), f"{found.architecture.name} x{found.scale}", found.scale, compute)
