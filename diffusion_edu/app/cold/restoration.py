"""Restoration: one degraded image, restored by both algorithms of cold diffusion side by side (Bansal et al. 2022)."""

from dataclasses import asdict, dataclass
from functools import partial

from torch import Tensor

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.app.cold.animation import NAMES, T, psnr_text, restoration_animation
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_signed
from diffusion_edu.degradations import Degradation, flawed, oracle
from diffusion_edu.denoisers import clipped
from diffusion_edu.randomness import SeededNoise, choose
from diffusion_edu.samplers import cold_step, ddim_step, multistep_renoising_step, naive_cold_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced

NOISE = "noise"
WHY = (  # the algorithms differ: without noise, and with noise
    "Algorithm 2 changes the image only by the difference between two degradations of one prediction, so an error "
    "that is in both cancels. Algorithm 1 degrades the prediction itself, so its errors stay.",
    "Gaussian noise is one more degradation. Algorithm 2 keeps the noise that remains when the prediction is "
    "subtracted from the image: this is DDIM. Algorithm 1 adds new noise to the prediction: this is multistep "
    "renoising, which throws away what the old noise says about the image.",
)


@dataclass(frozen=True, eq=False)
class Restoration:
    """An image, its degradation (a name in DEGRADATIONS, or NOISE) up to timestep start, and how it is restored.

    model is the name of the restoration network, None for the oracle that returns the true image; error is the
    standard deviation of the error that is added to every prediction.
    """

    subject: Subject
    degradation: str
    start: int
    steps: int
    model: str | None
    error: float
    seed: int

    key = "cold"

    @property
    def id(self):
        """The same for the same settings."""
        settings = self.degradation, self.start, self.steps, self.model, self.error, self.seed
        return settings_id(settings, self.subject.class_name, self.subject.image)

    @property
    def models(self):
        """The names of the models that are needed."""
        return [self.model] if self.model else []

    @property
    def total(self):
        """The number of States of a walk."""
        return self.steps + 1

    @property
    def x0(self) -> Tensor:
        """The true image, (1, 3, h, w) in [-1, 1]."""
        return choose().place(to_signed(self.subject.image)[None])

    @property
    def timesteps(self):
        """The timesteps of both walks."""
        return spaced(cosine(T), self.steps, top=self.start)

    def run(self, model=None):
        """Restore the same degraded image by both algorithms; yields a pair of States per timestep."""
        degrade, *steps = (self._hot if self.degradation == NOISE else self._cold)(model)
        x = degrade(self.x0, self.start)
        return zip(*(walk(step, x, self.timesteps) for step in steps), strict=True)

    def _cold(self, model=None):
        degrade = Degradation(self.degradation, (self.seed,), T)
        restore = self._restorer(model and model.restorer(degrade))
        return degrade, partial(cold_step, restore, degrade), partial(naive_cold_step, restore, degrade)

    def _hot(self, model=None):
        """Noise as a degradation: Algorithm 2 keeps the noise it finds in the image (DDIM), Algorithm 1 adds new
        noise.
        """
        schedule, noise = cosine(T), SeededNoise([self.seed])
        eps = noise(self.x0)
        restore = self._restorer(model and model.denoiser(schedule))
        steps = partial(ddim_step, restore, schedule), partial(multistep_renoising_step, restore, schedule, randn=noise)
        return (lambda x0, t: schedule.corrupt(x0, t, eps)), *steps

    def _restorer(self, restore):
        restore = restore or oracle(self.x0)
        return clipped(flawed(restore, self.error, [self.seed]) if self.error else restore)

    def preview(self, pair):
        """Return (images, caption) of both algorithms while they run."""
        return [(state.x, f"Timestep {state.t} of {T}, {name}") for name, state in zip(NAMES, pair, strict=True)]

    def animation(self, pairs):
        """Build what the player shows of all pairs of States, as a dict."""
        degrade, *_ = (self._hot if self.degradation == NOISE else self._cold)()
        degraded = [degrade(self.x0, state.t) for state, _ in pairs]
        both = zip(*pairs, strict=True)
        return asdict(restoration_animation(self.id, self.subject.class_name, self.x0, degraded, *both))

    def caption(self, pairs):
        """Say which PSNR each method reaches, why the algorithms differ, and what the number means."""
        (first, _), (last_2, last_1) = pairs[0], pairs[-1]
        start, prediction, second, naive = (
            psnr_text(psnr(x.clamp(-1, 1), self.x0)) for x in (first.x, first.x0_hat, last_2.x, last_1.x)
        )
        return (
            f"**PSNR to the true image: input {start}, one prediction {prediction}, {len(pairs) - 1} steps of "
            f"{NAMES[0]} {second}, of {NAMES[1]} {naive}.** {WHY[self.degradation == NOISE]} Higher is better: 20 dB "
            "is an error of a tenth of the range from black to white. One prediction is an average of all images "
            f"that fit the input: its PSNR is often high, and it looks blurred. {' '.join(self.subject.notes)}"
        )

    @property
    def equations(self):
        """The step of Algorithm 2 and of Algorithm 1, in LaTeX with the symbols of the tracks."""
        x0_hat, x_t = (
            rf"\textcolor{{{COLOUR[name]}}}{{{symbol}}}" for name, symbol in (("x0_hat", r"\hat x_0"), ("x", "x_t"))
        )
        steps = rf"{x_t}-D({x0_hat},t)+D({x0_hat},s)", rf"D({x0_hat},s)"
        if self.degradation == NOISE:
            noises = "found in x", "new"
            steps = (rf"\text{{signal}}_s\,{x0_hat}+\text{{noise}}_s\,\epsilon_\text{{{noise}}}" for noise in noises)
        return [rf"\text{{{name}:}}\quad x_s={step}" for name, step in zip(NAMES, steps, strict=True)]

    @property
    def code(self):
        """Python code that makes the same images and numbers."""
        name = "noise_restoration" if self.degradation == NOISE else "cold_restoration"
        return snippet(
            __file__,
            name,
            image=self.subject.code.strip(),
            degradation=repr(self.degradation),
            seed=self.seed,
            start=self.start,
            steps=self.steps,
            T=T,
            model=self.model and repr(self.model),
            oracle=None if self.model else "oracle(x0)",
            error=self.error or None,
        )
