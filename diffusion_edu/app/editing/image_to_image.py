"""The studio's first part: a picture is noised up to a level, and from there a model makes it anew."""

from dataclasses import dataclass

import streamlit as st
import torch

from diffusion_edu.analysis.measures import distance
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.request import Wish
from diffusion_edu.app.components.canvas import widget
from diffusion_edu.app.editing import edit_job
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_signed
from diffusion_edu.editing.verbs import image_to_image
from diffusion_edu.generation import step_of
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
    "from diffusion_edu.generation import Preset, step_of\n"
    "from diffusion_edu.randomness import SeededNoise\n"
)


@dataclass(frozen=True, eq=False)
class Changing:
    """A picture, who changes it into what and how, by how much, 0..1, and whether noise is added to it first."""

    wish: Wish
    subject: Subject
    strength: float
    noisy: bool = True

    key = "studio change"
    functions = (image_to_image, step_of, walk)

    @property
    def id(self):
        """The same for the same choices."""
        return edit_job.named(self.wish.settings, self.strength, self.noisy, self.subject.image)

    @property
    def needs(self):
        """The name of the model that draws."""
        return [self.wish.card.name]

    def start(self):
        """Where the walk begins: x (b, 3, h, w), its levels, and the noise that goes on from there."""
        noise, preset = SeededNoise(self.wish.seeds), self.wish.preset
        x0 = to_signed(self.subject.image).expand(len(self.wish.seeds), -1, -1, -1)
        eps = noise(x0) if self.noisy else torch.zeros_like(x0)
        return *image_to_image(preset.noising(), x0, self.strength, preset.moves, eps, preset.spacing), noise

    @property
    def paths(self):
        """The levels of the walk."""
        return {CHANGED: self.start()[1]}

    def walk(self, model):
        """Begin to walk from the picture."""
        x, levels, noise = self.start()
        return walk(step_of(model, self.wish.preset, noise, self.wish.labels), model.compute.place(x), levels)

    def walks(self, model):
        """The one walk there is."""
        return {CHANGED: self.walk(model)}

    def film(self, walks):
        """The pictures under way beside the guesses."""
        states, T = walks[CHANGED], self.wish.preset.T
        takes = [
            edit_job.Take(look, states, look, words)
            for look, words in (("x", edit_job.UNDER_WAY), ("x0_hat", edit_job.GUESS))
        ]
        return edit_job.reel(self, takes, T, (f"level {states[0].t}", "picture"))

    def words(self, walks):
        """Say how far the new pictures are from the one that was begun with."""
        end, x0 = walks[CHANGED][-1].x.cpu(), to_signed(self.subject.image)
        far = 127.5 * distance(end, x0.expand_as(end))
        return f"{self.wish.kinds_in_words}. The four are **{far:.0f} of 255** away from your picture (root of the mean squared difference)."

    @property
    def where(self):
        """Say at which level it begins, and what of the picture is left there."""
        preset, levels = self.wish.preset, self.paths[CHANGED]
        schedule, t = preset.noising(), levels[0]
        if t == 0:
            return "Strength 0 makes **no move**: the picture comes back as it is, bit for bit."
        if self.strength == 1:
            what = "pure noise" if self.noisy else "plain grey"
            return f"Begins at **level {t} of {t}, {what}**: nothing of your picture is used, and the model draws what it likes."
        shares = f"{schedule.signal[t]:.2f} × your picture" + (
            f" + {schedule.noise[t]:.2f} × noise" if self.noisy else ", and no noise"
        )
        says = f"Begins at **level {t} of {preset.T}** with {shares}, and comes down in {len(levels) - 1} move{'s' * (len(levels) > 2)}."
        return says if self.noisy else f"{says} {NOISELESS}"

    @property
    def lines(self):
        """The lines that change an image into pictures, after IMPORTS."""
        return (
            f'model, preset = load("{self.wish.card.name}"), {self.wish.preset}\n'
            f"noise = SeededNoise({self.wish.seeds})                       # one seed per picture\n"
            f"eps = {'noise.draw(image.shape)' if self.noisy else f'torch.zeros({len(self.wish.seeds)}, *image.shape)  # no noise'}\n"
            "x0 = to_signed(image).expand_as(eps)                    # (4, 3, h, w) in [-1, 1]\n"
            f"x, levels = image_to_image(preset.noising(), x0, {self.strength}, preset.moves, eps, preset.spacing)\n"
            f"step = step_of(model, preset, noise, labels={self.wish.labels})\n"
            "for state in walk(step, model.compute.place(x), levels):\n"
            "    print(state.t)                                      # from where it begins down to 0\n"
            "pictures = to_bytes(state.x.cpu())                      # uint8 (4, 3, h, w)\n"
        )

    @property
    def code(self):
        """The lines of Python that make the same pictures."""
        return f"{'' if self.noisy else TORCH}{IMPORTS}{self.subject.code}\n{self.lines}"


def ask_strength(label="Strength"):
    """Ask how much of the picture may go."""
    words = "0 gives the picture back, 1 makes one from noise alone. Between them the walk begins at that share of all levels."
    return st.slider(label, 0.0, 1.0, 0.6, 0.05, key="strength", help=words, **edit_job.BOUND)


def ask_noise():
    """Ask whether noise is added before the walk begins."""
    words = "Off: the picture is only dimmed to what is left of it at that level. Look what the noise is for."
    return st.toggle("Add noise", True, key="noisy", help=words, **edit_job.BOUND)


def show():
    """Show this part of the page."""
    card = edit_job.ask_card()
    words = "Leave the picture away and paint on white."
    blank = st.sidebar.toggle("Blank paper", key="blank", help=words, **edit_job.BOUND)
    subject = edit_job.sheet(card.size) if blank else edit_job.ask_subject(card.size)
    wish = edit_job.ask_wish(card, FIRST)
    left, right = st.columns(**edit_job.COLUMNS)
    with left:
        strength, noisy = ask_strength(), ask_noise()
        layer = widget.paint("change canvas", subject.image, label="The picture to change; paint over it")
        st.caption(" ".join(["Paint over it: the model makes a picture of it.", *subject.notes]))
    edit = Changing(wish, edit_job.painted_over(subject, layer), strength, noisy)
    with right:
        st.markdown(edit.where)
        edit_job.show(edit)
    edit_job.code(edit)
