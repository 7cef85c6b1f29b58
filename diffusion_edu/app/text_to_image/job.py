"""A drawing that a person asks for in words: the walk in latents, and every moment of it as images."""

import time
from dataclasses import dataclass

from torch import Tensor

from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.editing.edit_job import named
from diffusion_edu.app.text_to_image.request import Order
from diffusion_edu.app.text_to_image.start import Changed, Filled, Noise
from diffusion_edu.app.trajectories.recording import MOST, kept

IMAGES = 160  # of a walk that are kept, all of a batch together: at 128x128, twice as many of 48 KB each are 15 MB


@dataclass(frozen=True, eq=False)
class Moment:
    """A moment of a walk: its timestep, what is under way and what it is guessed to be as images uint8 (b, 3, h, w), and the seconds so far.

    Where a moment is not kept, nothing is decoded, and the images are those of the last that was. seconds: of walking, of decoding.
    """

    t: int
    x: Tensor
    x0_hat: Tensor
    seconds: tuple[float, float]

    @property
    def pair(self):
        """Both images."""
        return self.x, self.x0_hat


@dataclass(frozen=True, eq=False)
class Draft:
    """What is sampled: an Order, how many images of it, and what they begin with."""

    order: Order
    count: int
    begin: Noise | Changed | Filled

    @property
    def id(self):
        """The same for the same choices."""
        begin = [each for each in vars(self.begin).values() if not isinstance(each, Subject)]
        return named(
            self.order.settings,
            self.count,
            self.begin.call,
            *begin,
            *([self.begin.subject.image] if self.begin.code else []),
        )

    @property
    def seeds(self):
        """One seed per image."""
        return self.order.seeds(self.count)

    @property
    def timesteps(self):
        """The timesteps of the walk."""
        return self.begin.timesteps(self.order.preset)

    @property
    def chosen(self):
        """Which moments of the walk are decoded and kept."""
        return kept(len(self.timesteps) - 1, min(MOST, IMAGES // self.count))

    def moments(self, able):
        """Begin to draw: one Moment per timestep, and the notes on what was not understood. Raises ValueError for impossible choices."""
        asked = self.order.ask(able, self.count)
        return developed(self.begin.draw(asked), able, self.chosen), asked.notes

    def settings(self, number=None):
        """All choices as a dict that JSON can hold; number is that of one image of the batch."""
        seeds = self.seeds if number is None else [self.seeds[number]]
        return {**self.order.settings, "seed": seeds[0], "images": len(seeds), **self.begin.settings}

    @property
    def code(self):
        """The lines of Python that draw the same images."""
        name = self.begin.function.__name__
        return (
            f"from diffusion_edu.generation import Preset\n"
            f"from diffusion_edu.latent.text_to_image import {name}, load_text_to_image\n"
            f"{self.begin.code}\n"
            f"{self.order.code(self.count)}"
            f"drawing = {self.begin.call}\n"
            "for state in drawing:\n"
            "    print(state.t)               # from where it begins down to 0, in latents\n"
            "images = drawing.see(state.x)  # uint8 (images, 3, height, width)\n"
        )


def developed(drawing, able, chosen):
    """Go the walk of a Drawing and yield a Moment per State; of those chosen, by number, the images are decoded."""
    shown, walked, decoded, index = (None, None), 0.0, 0.0, 0
    while True:
        begun = time.perf_counter()
        state = next(drawing.states, None)
        walked += time.perf_counter() - begun
        if state is None:
            return
        if index in chosen:
            begun = time.perf_counter()
            shown = seen(drawing, able, state)
            decoded += time.perf_counter() - begun
        yield Moment(state.t, *shown, (walked, decoded))
        index += 1


def seen(drawing, able, state):
    """Decode both sides of a State: of what is under way the known part of an image is noisy too, of the prediction it is as it was."""
    if state.x is state.x0_hat:  # at the end they are the same
        return (drawing.see(state.x),) * 2
    return able.images(state.x), drawing.see(state.x0_hat)
