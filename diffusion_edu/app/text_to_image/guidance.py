"""The part of the text-to-image page on guidance: the three predictions of one drawing, and the same noise with more and more of it."""

from dataclasses import dataclass, replace

import streamlit as st
import torch

from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.editing.edit_job import named
from diffusion_edu.app.guidance import page
from diffusion_edu.app.guidance.cfg_vectors import Vectors
from diffusion_edu.app.jobs import task as tasks
from diffusion_edu.app.text_to_image import request
from diffusion_edu.app.text_to_image.prompt_interpolation import short
from diffusion_edu.app.text_to_image.request import BOUND, Order, escaped
from diffusion_edu.app.text_to_image.variants import IMPORTS, Walks
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.denoisers import guided, record_guidance
from diffusion_edu.latent.text_to_image import sample

VECTORS, SCALES = "three vectors", "four scales"
LOUDER = (1.0, 2.0, 4.0, 8.0)
LOOK_FOR = "The same noise, ever louder asked: **what does the image gain, and from where on is it too much?**"


@dataclass(frozen=True)
class Words:
    """What is asked for, in words."""

    words: str


@dataclass(frozen=True)
class Pull(Vectors):
    """The three predictions of what the page asks for, in latents; `without` says what the one is asked for that guidance leads away from."""

    order: Order
    without: str

    key, origin, goes_on = (
        "prompt vectors",
        "the mean of all latents",
        " as it is: latents have no black and no white to be kept between",
    )

    @property
    def id(self):
        """The same for the same choices."""
        return named(self.key, self.order.settings)

    def keep(self, index):
        """Say whether an item is kept."""
        return index in kept(self.preset.steps)

    def walk(self, able, noted):
        """Begin to walk from noise to latents, and note all predictions."""
        return sample(replace(self.order.ask(able), guidance=record_guidance(noted)))

    def seen(self, able, vectors):
        """Decode latents to images."""
        return able.codec.decode(torch.cat(vectors)).cpu().split(1)

    def lost(self, moment):
        """The walk goes on with all of it."""
        return ""

    def words(self, moments):
        """Say what is seen; what a person typed is no Markdown."""
        return super(Pull, replace(self, asked=Words(escaped(self.asked.words)), without=escaped(self.without))).words(
            moments
        )

    @property
    def code(self):
        """The lines of Python that make the same predictions and measure the same numbers."""
        return (
            "from dataclasses import replace\n\n"
            "from diffusion_edu.denoisers import record_guidance\n"
            "from diffusion_edu.generation import Preset\n"
            "from diffusion_edu.analysis.measures import angle\n"
            "from diffusion_edu.latent.text_to_image import sample, load_text_to_image\n\n"
            f"{self.order.code()}"
            "noted = {}\n"
            "for state in sample(replace(asked, guidance=record_guidance(noted))):\n"
            "    if state.t:  # at timestep 0 nothing is left to prediction\n"
            "        u, c, g = noted[state.t]  # latents (1, c, h, w), g = u + scale * (c - u)\n"
            "        print(state.t, [v.double().square().mean().sqrt().item() for v in (u, c, g, c - u)], angle(u, c))\n"
            "        images = [able.images(v) for v in (state.x, u, c, g)]  # uint8 (1, 3, h, w) each\n"
        )


@dataclass(frozen=True, eq=False)
class Louder(Walks):
    """What the page asks for, with more and more guidance."""

    key = "prompt scales"

    @property
    def takes(self):
        """What each walk is, {name: words}."""
        return {
            f"guidance {guidance_scale:g}": "follows the prompt"
            if guidance_scale == 1
            else f"goes {guidance_scale:g} times as far"
            for guidance_scale in LOUDER
        }

    def asks(self, able):
        """Ask a TextToImage for every walk."""
        return [
            replace(self.order, preset=replace(self.order.preset, guidance_scale=guidance_scale)).ask(able)
            for guidance_scale in LOUDER
        ]

    @property
    def code(self):
        """The lines of Python that draw the same and measure how far it is apart."""
        return (
            "from dataclasses import replace\n\n"
            f"{IMPORTS}"
            "from diffusion_edu.latent.text_to_image import sample, load_text_to_image\n\n"
            f"{self.order.code()}"
            "words = {"
            + f'"prompts": {self.order.prompt!r}, "seeds": {self.order.seeds(1)}, "negative": {self.order.negative!r}'
            + "}\n"
            f"wanted = [able.request(preset=replace(preset, guidance_scale=scale), **words) for scale in {LOUDER}]\n"
            "walks = [list(sample(each)) for each in wanted]\n"
            "for first, *others in zip(*walks):\n"
            "    print(first.t, [distance(first.x0_hat, other.x0_hat) for other in others])\n"
            "images = [able.images(walk[-1].x) for walk in walks]  # uint8 (1, 3, h, w) each\n"
        )


def show(order):
    """Show this part of the page."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    look = row.segmented_control(
        "Question", [VECTORS, SCALES], default=VECTORS, required=True, key="pull", label_visibility="collapsed", **BOUND
    )
    asked = order.ask(request.able(order))
    if asked.condition is None and asked.negative is None:
        st.info(
            "There is no word in the prompt that the model knows, and so nothing to steer to: type some.",
            icon=":material/info:",
        )
        return
    if look == VECTORS:
        away = short(order.negative) if asked.negative is not None and order.preset.guidance_scale > 1 else "anything"
        task = Pull(order.card, order.preset, Words(short(order.prompt)), order.seed, order, away)
        page.sampled(task, row, request.get)
        show_code(task.code, guided, record_guidance)
        return
    row.markdown(LOOK_FOR)
    task = Louder(order)
    if done := tasks.keep_up(task, request.get):
        _, animation, words = done
        play(animation, key=task.key)
        st.caption(f"{words} The scale of the sidebar is not heard here.")
    show_code(task.code, guided)
