"""Three libraries, each with a network of equal GFLOP per image, used as their users would use them.

The network of another library is the fastest of its usual configs that we found at this cost, with attention where ours
has it or by its default; nothing is conditioned on classes. Another library is imported only when it is needed.
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
    """A library: the package to import, a function that builds its network, and how the network samples and is
    trained.
    """

    package: str
    network: Callable  # () -> a network in float32
    # (net, compute, images, steps) -> a function that samples x (images, 3, 64, 64), one network evaluation per step
    sampling: Callable
    # net -> the module to train, and its loss (module, x0, condition, generator) -> a scalar or one number per image
    training: Callable


def our_network():
    """Load the network of our flower model."""
    return load(MODEL, compute=FLOAT32).net.requires_grad_(True)


def our_sampling(net, compute, images, steps):
    """Sample with DDIM, unconditionally and so without guidance."""
    model = Model(read_card(available()[MODEL]), net.requires_grad_(False), compute)

    def sample():
        *_, last = generate(model, Preset(steps=steps), range(images))
        return last.x

    return sample


def our_training(net):
    """Train v prediction with the mean squared error, at all noise levels."""
    return net, Objective()


def diffusers_network():
    """Build a UNet2DModel of the usual blocks, with attention at its lowest resolution.

    With its default, attention at three resolutions, it is much slower.
    """
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=SIZE,
        block_out_channels=(32, 32, 64, 128),
        down_block_types=("DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"),
        layers_per_block=1,
    )


def diffusers_sampling(net, compute, images, steps):
    """Call the DDIM pipeline, which does little more than one network evaluation per step."""
    from diffusers import DDIMPipeline, DDIMScheduler

    pipeline = DDIMPipeline(net, DDIMScheduler())
    pipeline.set_progress_bar_config(disable=True)

    def sample():
        with autocast(compute):
            return pipeline(images, num_inference_steps=steps, output_type="pt").images

    return sample


def diffusers_training(net):
    """Train eps prediction, as the library's own example does."""
    from diffusers import DDPMScheduler

    scheduler = DDPMScheduler()

    def loss(net, x0, condition, generator):
        eps, t = torch.randn_like(x0), torch.randint(0, scheduler.config.num_train_timesteps, (len(x0),))
        return F.mse_loss(net(scheduler.add_noise(x0, eps, t), t).sample, eps)

    return net, loss


def denoising_network():
    """Build a Unet of five resolutions, one more than by default: it is faster than four of 18, 36, 72 and 144
    channels.
    """
    from denoising_diffusion_pytorch import Unet

    return Unet(dim=16, dim_mults=(1, 2, 4, 8, 16))


def denoising_sampling(net, compute, images, steps):
    """Sample with DDIM, which the library uses if there are fewer sampling steps than timesteps."""
    from denoising_diffusion_pytorch import GaussianDiffusion, denoising_diffusion_pytorch

    bar = denoising_diffusion_pytorch.tqdm
    denoising_diffusion_pytorch.tqdm = partial(bar, disable=True)  # there is no option for its progress bar
    diffusion = GaussianDiffusion(net, image_size=SIZE, sampling_timesteps=steps)

    def sample():
        with autocast(compute):
            return diffusion.sample(batch_size=images)

    return sample


def denoising_training(net):
    """Train v prediction with the library's own loss."""
    from denoising_diffusion_pytorch import GaussianDiffusion

    return GaussianDiffusion(net, image_size=SIZE), lambda diffusion, x0, condition, generator: diffusion((x0 + 1) / 2)


def autocast(compute):
    """Enter the precision of a Compute, once per walk, so that weights are cast once for all steps."""
    return torch.autocast(compute.device.type, compute.autocast, enabled=compute.autocast is not None)


def named(dtype):
    """Name a dtype without its package, for example float32."""
    return str(dtype).removeprefix("torch.")


LIBRARIES = {
    OURS: Library("diffusion_edu", our_network, our_sampling, our_training),
    "diffusers": Library("diffusers", diffusers_network, diffusers_sampling, diffusers_training),
    "denoising-diffusion-pytorch": Library(
        "denoising_diffusion_pytorch", denoising_network, denoising_sampling, denoising_training
    ),
}


@dataclass(frozen=True)
class Contestant:
    """One row of a table: a library in one precision and memory layout; as_it_comes: these are its defaults."""

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
        """Count the parameters of the network."""
        return sum(weight.numel() for weight in LIBRARIES[self.library].network().parameters())

    def sampling(self, images, steps):
        """Build a function that samples images (images, 3, 64, 64)."""
        library = LIBRARIES[self.library]
        return library.sampling(self.compute.place(library.network()).eval(), self.compute, images, steps)

    def training(self, images):
        """Build a function that takes one training step and returns its Progress; all use our clipping, optimiser and
        EMA.
        """
        library = LIBRARIES[self.library]
        net, loss = library.training(library.network())
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
    """List the rows of every installed library, ours first with its defaults; prints a sentence for each missing
    library.
    """
    rows = [Contestant(OURS, choose("cpu"), True), Contestant(OURS, FLOAT32, False)]
    for name, library in LIBRARIES.items():
        if find_spec(library.package) is None:
            print(f"{name} is not installed and is left out: pip install {name}")
        elif name != OURS:
            rows += [Contestant(name, FLOAT32, True), Contestant(name, BFLOAT16, False)]
    return rows
