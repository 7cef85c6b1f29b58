"""The studio's first part: an image is noised up to a timestep, and from there a model makes it anew."""

from dataclasses import dataclass

import streamlit as st
import torch

from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.components.canvas import widget
from diffusion_edu.app.editing import edit_job
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_signed
from diffusion_edu.editing.verbs import image_to_image
from diffusion_edu.generation import make_step
from diffusion_edu.randomness import SeededNoise

CHANGED = "changed"
FIRST = "sunflower"
TORCH = "import torch\n\n"
NOISELESS = "Details grow out of noise: without any they stay soft, and all four are alike unless the sampler adds noise on its way."
IMPORTS = (
    "from diffusion_edu.checkpoints import load\n"
    "from diffusion_edu.core import walk\n"
    "from diffusion_edu.data.images import to_bytes, to_signed\n"
    "from diffusion_edu.editing.verbs import image_to_image\n"
    "from diffusion_edu.generation import Preset, make_step\n"
    "from diffusion_edu.randomness import SeededNoise\n"
)


@dataclass(frozen=True, eq=False)
class Changing:
    """An image, who changes it into what and how, by how much, 0..1, and whether noise is added to it first."""

    request: Request
    subject: Subject
    strength: float
    noisy: bool = True

    key = "studio change"
    functions = (image_to_image, make_step, walk)

    @property
    def id(self):
        """The same for the same choices."""
        return edit_job.named(self.request.settings, self.strength, self.noisy, self.subject.image)

    @property
    def needs(self):
        """The name of the model that draws."""
        return [self.request.card.name]

    def start(self):
        """Where the walk begins: x (b, 3, h, w), its timesteps, and the noise that goes on from there."""
        noise, preset = SeededNoise(self.request.seeds), self.request.preset
        x0 = to_signed(self.subject.image).expand(len(self.request.seeds), -1, -1, -1)
        eps = noise(x0) if self.noisy else torch.zeros_like(x0)
        return *image_to_image(preset.noise_schedule(), x0, self.strength, preset.steps, eps, preset.spacing), noise

    @property
    def paths(self):
        """The timesteps of the walk."""
        return {CHANGED: self.start()[1]}

    def walk(self, model):
        """Begin to walk from the image."""
        x, timesteps, noise = self.start()
        return walk(
            make_step(model, self.request.preset, noise, self.request.labels), model.compute.place(x), timesteps
        )

    def walks(self, model):
        """The one walk there is."""
        return {CHANGED: self.walk(model)}

    def animation(self, walks):
        """The images under way beside the predictions."""
        states, T = walks[CHANGED], self.request.preset.T
        takes = [
            edit_job.Take(look, states, look, words)
            for look, words in (("x", edit_job.UNDER_WAY), ("x0_hat", edit_job.PREDICTION))
        ]
        return edit_job.reel(self, takes, T, (f"timestep {states[0].t}", "image"))

    def words(self, walks):
        """Say how far the new images are from the one that was begun with."""
        end, x0 = walks[CHANGED][-1].x.cpu(), to_signed(self.subject.image)
        far = 127.5 * distance(end, x0.expand_as(end))
        return f"{self.request.class_names_in_words}. The four are **{far:.0f} of 255** away from your image (root of the mean squared difference)."

    @property
    def where(self):
        """Say at which timestep it begins, and what of the image is left there."""
        preset, timesteps = self.request.preset, self.paths[CHANGED]
        schedule, t = preset.noise_schedule(), timesteps[0]
        if t == 0:
            return "Strength 0 makes **no step**: the image comes back as it is, bit for bit."
        if self.strength == 1:
            what = "pure noise" if self.noisy else "plain grey"
            return f"Begins at **timestep {t} of {t}, {what}**: nothing of your image is used, and the model draws what it likes."
        fractions = f"{schedule.signal[t]:.2f} × your image" + (
            f" + {schedule.noise[t]:.2f} × noise" if self.noisy else ", and no noise"
        )
        says = f"Begins at **timestep {t} of {preset.T}** with {fractions}, and comes down in {len(timesteps) - 1} move{'s' * (len(timesteps) > 2)}."
        return says if self.noisy else f"{says} {NOISELESS}"

    @property
    def lines(self):
        """The lines that change an image into images, after IMPORTS."""
        return (
            f'model, preset = load("{self.request.card.name}"), {self.request.preset}\n'
            f"noise = SeededNoise({self.request.seeds})                       # one seed per image\n"
            f"eps = {'noise.sample(image.shape)' if self.noisy else f'torch.zeros({len(self.request.seeds)}, *image.shape)  # no noise'}\n"
            "x0 = to_signed(image).expand_as(eps)                    # (4, 3, h, w) in [-1, 1]\n"
            f"x, timesteps = image_to_image(preset.noising(), x0, {self.strength}, preset.steps, eps, preset.spacing)\n"
            f"step = make_step(model, preset, noise, condition={self.request.labels})\n"
            "for state in walk(step, model.compute.place(x), timesteps):\n"
            "    print(state.t)                                      # from where it begins down to 0\n"
            "images = to_bytes(state.x.cpu())                      # uint8 (4, 3, h, w)\n"
        )

    @property
    def code(self):
        """The lines of Python that make the same images."""
        return f"{'' if self.noisy else TORCH}{IMPORTS}{self.subject.code}\n{self.lines}"


def ask_strength(label="Strength"):
    """Ask how much of the image may go."""
    words = "0 gives the image back, 1 makes one from noise alone. Between them the walk begins at that fraction of all timesteps."
    return st.slider(label, 0.0, 1.0, 0.6, 0.05, key="strength", help=words, **edit_job.BOUND)


def ask_noise():
    """Ask whether noise is added before the walk begins."""
    words = "Off: the image is only dimmed to what is left of it at that timestep. Look what the noise is for."
    return st.toggle("Add noise", True, key="noisy", help=words, **edit_job.BOUND)


def show():
    """Show this part of the page."""
    card = edit_job.ask_card()
    words = "Leave the image away and paint on white."
    blank = st.sidebar.toggle("Blank paper", key="blank", help=words, **edit_job.BOUND)
    subject = edit_job.sheet(card.size) if blank else edit_job.ask_subject(card.size)
    request = edit_job.ask_request(card, FIRST)
    left, right = st.columns(**edit_job.COLUMNS)
    with left:
        strength, noisy = ask_strength(), ask_noise()
        layer = widget.paint("change canvas", subject.image, label="The image to change; paint over it")
        st.caption(" ".join(["Paint over it: the model makes an image of it.", *subject.notes]))
    edit = Changing(request, edit_job.painted_over(subject, layer), strength, noisy)
    with right:
        st.markdown(edit.where)
        edit_job.show(edit)
    edit_job.code(edit)
