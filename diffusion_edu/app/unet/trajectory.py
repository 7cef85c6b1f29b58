"""The images that go through the network: sampled by the model itself, or one of our images with noise added."""

from dataclasses import dataclass

from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.request import ANY
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.trajectories.predictions import prediction_at_each
from diffusion_edu.checkpoints import Card
from diffusion_edu.data.images import to_signed
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import SeededNoise

PRESET = Preset(steps=16, guidance_scale=1.0)  # one forward pass per sampling step


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A sample of the model under a condition, or one of our images (subject) with noise of every timestep."""

    card: Card
    seed: int
    condition: str = ANY
    subject: Subject | None = None

    @property
    def label(self):
        """The label of the condition for one image, None for unconditional sampling."""
        return None if self.condition == ANY else [self.card.label(self.condition)]

    @property
    def caption(self):
        """Name the image in words."""
        if self.subject:
            return f"Our image ({self.subject.class_name}), noised"
        return f"A sample of seed {self.seed}, condition: {self.condition}"

    @property
    def settings(self):
        """Everything that the States depend on, as a tuple."""
        image = self.subject and self.subject.image.numpy().tobytes()
        return self.card.name, self.card.sha256, self.seed, self.condition, image

    def states(self, model):
        """Yield a State per timestep, noise first."""
        if not self.subject:
            return generate(model, PRESET, [self.seed], self.label)
        schedule, x0 = PRESET.noise_schedule(), model.compute.place(to_signed(self.subject.image)[None])
        eps = SeededNoise([self.seed])(x0)
        return prediction_at_each(model.denoiser(schedule), schedule, x0, eps, PRESET.timesteps())

    @property
    def imports(self):
        """The import statements that the code needs."""
        names = "Preset" if self.subject else "Preset, generate"
        lines = [f"from diffusion_edu.generation import {names}"]
        if self.subject:
            lines.insert(0, "from diffusion_edu.core import State\nfrom diffusion_edu.data.images import to_signed")
            lines.append("from diffusion_edu.randomness import SeededNoise")
        return "\n".join(lines)

    @property
    def code(self):
        """Python code that loads the model and defines trajectory(), which yields the same States."""
        name = "noised_trajectory" if self.subject else "sampled_trajectory"
        lines = snippet(
            __file__,
            name,
            name=self.card.name,
            preset=PRESET,
            seeds=[self.seed],
            condition=repr(self.label),
        )
        return f"{self.subject.code if self.subject else ''}{lines}".rstrip()
