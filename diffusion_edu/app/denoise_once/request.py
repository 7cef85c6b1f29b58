"""A request for predictions: which denoiser predicts which image, with which noise and schedule."""

import hashlib
from dataclasses import dataclass

from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.layout import show_images
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.denoise_once.denoiser_choice import ExactChoice, NetworkChoice
from diffusion_edu.app.jobs.progress import WAITING
from diffusion_edu.app.jobs.task import Task
from diffusion_edu.app.trajectories.predictions import LOG_SNR, UNIFORM, Predictions, prediction_at_each, timesteps_of
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import SeededNoise

KEY = "denoise once"


@dataclass(frozen=True, eq=False)
class PredictionRequest:
    """One image, a denoiser, and the schedule and the noise that make the image noisy."""

    subject: Subject
    choice: NetworkChoice | ExactChoice
    preset: Preset  # only its schedule matters
    seed: int

    @property
    def id(self):
        """Equal for equal requests."""
        settings = repr((self.choice.settings, self.preset, self.seed, self.subject.class_name))
        return hashlib.sha256(settings.encode() + self.subject.image.numpy().tobytes()).hexdigest()

    @property
    def parts(self):
        """The schedule, the clean image x0 and the noise eps, both (1, 3, h, w)."""
        noise = SeededNoise([self.seed]).sample(self.subject.image.shape)
        return self.preset.noise_schedule(), to_signed(self.subject.image)[None], noise

    @property
    def notes(self):
        """Sentences about the image and the denoiser."""
        if isinstance(self.choice, ExactChoice):
            return *self.subject.notes, "It knows these images, and nothing between them."
        sampled = "Our images were sampled by a flower model: a photograph of your own is harder to predict."
        return self.subject.notes if self.subject.row is None else (sampled,)

    @property
    def task(self):
        """The Task whose result is the Predictions."""
        total = len(timesteps_of(self.preset.noise_schedule()))
        return Task(KEY, self.id, self._run, total, self, (), self._progress, _preview, self._result)

    def _run(self):
        (schedule, x0, eps), place = self.parts, self.choice.compute.place
        denoise = self.choice.denoiser(schedule)
        return prediction_at_each(denoise, schedule, place(x0), place(eps), timesteps_of(schedule))

    def _progress(self, job):
        where = f"timestep {job.latest.t} of {self.preset.T}" if job.latest else WAITING.lower()
        return f"Predicted at {job.done} of {job.total} timesteps: {where}"

    def _result(self, job):
        states = [State(state.t, state.x.cpu(), state.x0_hat.cpu()) for state in job.kept]
        return Predictions(self.subject.class_name, *self.parts, states)

    @property
    def code(self):
        """The Python that makes the same predictions."""
        return snippet(
            __file__,
            "predictions",
            read_image=self.subject.code.rstrip("\n"),
            schedule=self.preset.schedule,
            T=self.preset.T,
            zero_snr=self.preset.zero_snr,
            denoiser=self.choice.code.rstrip("\n"),
            seed=self.seed,
            uniform=UNIFORM,
            log_snr=LOG_SNR,
        )


def _preview(state):
    show_images(
        (grid(to_bytes(images), zoom=3), f"Timestep {state.t}: {name}", f"{name} at timestep {state.t}")
        for images, name in ((state.x, "the noisy image"), (state.x0_hat, "the predicted clean image"))
    )
