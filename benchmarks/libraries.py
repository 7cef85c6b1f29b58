"""Three libraries, each with a network of equal GFLOP per image, used as its own users would use it.

A peer's network is the fastest of its natural sizes that we found at this cost, with attention where ours has it or where it
comes with it; nothing is conditioned on classes. A peer is imported only when it is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import repeat

import torch
import torch.nn.functional as F

from diffusion_edu.checkpoints import Model, available, load, read_card
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.training.loop import fit, train_state
from diffusion_edu.training.objectives.diffusion import Objective

OURS, MODEL, SIZE = "diffusion_edu", "flowers_attention", 64
FLOAT32 = Compute(torch.device("cpu"))
BFLOAT16 = Compute(torch.device("cpu"), torch.bfloat16, torch.channels_last)


@dataclass(frozen=True)
class Library:
    """A library: the package to import, a function that builds its network, and how that draws images and learns from them."""

    package: str
    network: Callable  # () -> a network in float32
    drawing: Callable  # (net, compute, images, steps) -> a function that draws x (images, 3, 64, 64), one evaluation per step
    learning: Callable  # net -> the module to train, and its loss (module, x0, cond, generator) -> a scalar or one number per image


def our_network():
    """Load the flowers' own network."""
    return load(MODEL, compute=FLOAT32).net.requires_grad_(True)


def our_drawing(net, compute, images, steps):
    """Walk with DDIM, without labels and so without guidance."""
    model = Model(read_card(available()[MODEL]), net.requires_grad_(False), compute)

    def draw():
        *_, last = generate(model, Preset(steps=steps), range(images))
        return last.x

    return draw


def our_learning(net):
    """Learn v, the mean squared error, at any angle."""
    return net, Objective()


def diffusers_network():
    """Build a UNet2DModel of the usual blocks, with attention at its lowest resolution (with its default, at three, it is much slower)."""
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=SIZE,
        block_out_channels=(32, 32, 64, 128),
        down_block_types=("DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"),
        layers_per_block=1,
    )


def diffusers_drawing(net, compute, images, steps):
    """Call the pipeline for DDIM, which does hardly more than the one evaluation of a step."""
    from diffusers import DDIMPipeline, DDIMScheduler

    pipeline = DDIMPipeline(net, DDIMScheduler())
    pipeline.set_progress_bar_config(disable=True)

    def draw():
        with autocast(compute):
            return pipeline(images, num_inference_steps=steps, output_type="pt").images

    return draw


def diffusers_learning(net):
    """Learn eps, as the library's own example does."""
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler()

    def loss(net, x0, condition, generator):
        eps, t = torch.randn_like(x0), torch.randint(0, scheduler.config.num_train_timesteps, (len(x0),))
        return F.mse_loss(net(scheduler.add_noise(x0, eps, t), t).sample, eps)

    return net, loss


def denoising_network():
    """Build a Unet with the usual doublings, one more than by default: faster than four of 18, 36, 72 and 144 channels."""
    from denoising_diffusion_pytorch import Unet

    return Unet(dim=16, dim_mults=(1, 2, 4, 8, 16))


def denoising_drawing(net, compute, images, steps):
    """Sample with DDIM, which is what fewer steps than timesteps mean there."""
    from denoising_diffusion_pytorch import GaussianDiffusion, denoising_diffusion_pytorch

    denoising_diffusion_pytorch.tqdm = partial(
        denoising_diffusion_pytorch.tqdm, disable=True
    )  # there is no option for its bar
    diffusion = GaussianDiffusion(net, image_size=SIZE, sampling_timesteps=steps)

    def draw():
        with autocast(compute):
            return diffusion.sample(batch_size=images)

    return draw


def denoising_learning(net):
    """Learn v, by the library's own loss."""
    from denoising_diffusion_pytorch import GaussianDiffusion

    return GaussianDiffusion(net, image_size=SIZE), lambda diffusion, x0, condition, generator: diffusion((x0 + 1) / 2)


def autocast(compute):
    """Enter the precision of a Compute: once per walk, so that weights that were cast are kept for all its steps."""
    return torch.autocast(compute.device.type, compute.autocast, enabled=compute.autocast is not None)


def named(dtype):
    """Name a dtype without its package, for example float32."""
    return str(dtype).removeprefix("torch.")


LIBRARIES = {
    OURS: Library("diffusion_edu", our_network, our_drawing, our_learning),
    "diffusers": Library("diffusers", diffusers_network, diffusers_drawing, diffusers_learning),
    "denoising-diffusion-pytorch": Library(
        "denoising_diffusion_pytorch", denoising_network, denoising_drawing, denoising_learning
    ),
}


@dataclass(frozen=True)
class Contestant:
    """One row of a table: a library, by its name, in one precision and memory layout, which may be the one that it comes in."""

    library: str
    compute: Compute
    as_it_comes: bool

    def __str__(self):
        layout = ", channels-last" if self.compute.layout == torch.channels_last else ""
        return f"{self.library}{' as it comes' if self.as_it_comes else ''}: {named(self.dtype)}{layout}"

    @property
    def dtype(self):
        """The precision of its convolutions."""
        return self.compute.autocast or torch.float32

    def parameters(self):
        """Count the numbers that the network learns."""
        return sum(weight.numel() for weight in LIBRARIES[self.library].network().parameters())

    def drawing(self, images, steps):
        """Build a function that draws images (images, 3, 64, 64)."""
        library = LIBRARIES[self.library]
        return library.drawing(self.compute.place(library.network()).eval(), self.compute, images, steps)

    def training(self, images):
        """Build a function that takes one step on a batch and returns its Progress: clipping, optimiser and average are ours for all."""
        library = LIBRARIES[self.library]
        net, loss = library.learning(library.network())
        x0 = self.compute.place(torch.rand(images, 3, SIZE, SIZE) * 2 - 1)
        steps = fit(
            train_state(self.compute.place(net)),
            repeat((x0, None)),
            loss,
            lambda _: 1e-4,
            autocast=self.compute.autocast,
        )
        return lambda: next(steps)


def contestants():
    """List the rows of every library that is installed, ours first and as it comes; one sentence is printed for each library that is not."""
    rows = [Contestant(OURS, choose("cpu"), True), Contestant(OURS, FLOAT32, False)]
    for name, library in LIBRARIES.items():
        if find_spec(library.package) is None:
            print(f"{name} is not installed and is left out: pip install {name}")
        elif name != OURS:
            rows += [Contestant(name, FLOAT32, True), Contestant(name, BFLOAT16, False)]
    return rows
