"""The walks during which the page of the U-Net looks inside: beside the page, anew whenever a choice changes."""

import hashlib
from dataclasses import dataclass

import streamlit as st

from diffusion_edu.analysis.activations import anatomy, during, recorded
from diffusion_edu.analysis.attention import attention_off, looking
from diffusion_edu.app.common import models
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.request import ANY
from diffusion_edu.app.jobs import session
from diffusion_edu.app.trajectories.predictions import prediction_at_each
from diffusion_edu.app.unet.activation_animation import channels_animation, looks_animation
from diffusion_edu.checkpoints import Card, Unusable
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import SeededNoise

UNETS = ("attention_unet", "simple_unet", "experts")
PRESET = Preset(steps=16, guidance_scale=1.0)  # one forward pass per step
BOUND = {"bind": "query-params"}
SHOWN = 400  # level at which the anatomy is taken; it is the same at all others


@dataclass(frozen=True, eq=False)
class Walk:
    """An image on its way: drawn by the model from noise as asked for (kind), or one of ours (subject), noised to one level after the other."""

    card: Card
    seed: int
    class_name: str = ANY
    subject: Subject | None = None

    @property
    def label(self):
        """What the network is asked for, None for anything."""
        return None if self.class_name == ANY else [self.card.label(self.class_name)]

    @property
    def words(self):
        """What is seen, in words."""
        return (
            f"A {self.subject.class_name} of ours, noised"
            if self.subject
            else f"A drawing from seed {self.seed}, asked for: {self.class_name}"
        )

    def states(self, model):
        """Yield a State per level, noise first."""
        if not self.subject:
            return generate(model, PRESET, [self.seed], self.label)
        schedule, x0 = PRESET.noise_schedule(), model.compute.place(to_signed(self.subject.image)[None])
        return prediction_at_each(model.denoiser(schedule), schedule, x0, SeededNoise([self.seed])(x0), PRESET.levels())

    @property
    def imports(self):
        """The lines of Python that the states need."""
        if not self.subject:
            return "from diffusion_edu.generation import Preset, generate\n"
        return (
            "from diffusion_edu.core import State\n"
            "from diffusion_edu.data.images import to_signed\n"
            "from diffusion_edu.generation import Preset\n"
            "from diffusion_edu.randomness import SeededNoise\n"
        )

    @property
    def code(self):
        """The lines of Python that define the same states, as a function of nothing."""
        head = f'model, preset = load("{self.card.name}"), {PRESET}\n'
        if not self.subject:
            return (
                f"{head}\ndef walk():\n    return generate(model, preset, seeds={[self.seed]}, condition={self.label})\n\n"
            )
        return (
            f"{self.subject.code}{head}schedule, x0 = preset.noising(), model.compute.place(to_signed(image)[None])\n"
            f"denoise, eps = model.denoiser(schedule), SeededNoise([{self.seed}])(x0)\n\n"
            "def walk():\n"
            "    for t in preset.levels()[:-1]:\n"
            "        x = schedule.corrupt(x0, t, eps)\n"
            "        yield State(t, x, denoise(x, t))\n\n"
        )


@dataclass(frozen=True, eq=False)
class Look:
    """What to read during a walk: what the part of this name says, or, if it is attention, where it looks, beside the walk with attention off."""

    walk: Walk
    part: str
    shape: tuple[int, ...]  # of what the part gives
    attending: bool = False

    @property
    def id(self):
        """The same for the same look."""
        walk, image = self.walk, self.walk.subject.image.numpy().tobytes() if self.walk.subject else b""
        about = repr((walk.card.name, walk.card.sha256, walk.seed, walk.class_name, self.part, self.attending))
        return hashlib.sha256(about.encode() + image).hexdigest()

    @property
    def key(self):
        """The name of the work beside the page."""
        return "inside looks" if self.attending else "inside channels"

    def items(self, model):
        """Walk, and yield (State, what was read in its forward pass, State with attention off or None) for every level with noise."""
        walk, net = self.walk.states(model), model.net
        if not self.attending:
            for state, said in during(walk, lambda: recorded(net, [self.part])):
                if said[self.part]:
                    yield state, said[self.part][-1].cpu(), None
            return
        without = during(self.walk.states(model), lambda: attention_off(net))
        for (state, looks), (off, _) in zip(during(walk, lambda: looking(net)), without, strict=True):
            if looks[self.part]:
                yield state, looks[self.part][-1].cpu(), off

    def animation(self, items):
        """What the page shows of all items, as a dict."""
        states, read, off = zip(*items, strict=True)
        if self.attending:
            return looks_animation(states, read, off, self.shape[1:], PRESET.T)
        return channels_animation(states, read, PRESET.T)

    @property
    def code(self):
        """The lines of Python that read the same numbers."""
        if self.attending:
            needs, rest = (
                "during",
                (
                    "without = during(walk(), lambda: attention_off(model.net))\n"
                    "for (state, looks), (off, _) in zip(during(walk(), lambda: looking(model.net)), without):\n"
                    f'    for look in looks["{self.part}"]:  # (1, heads, places, places); level 0 needs no network\n'
                    "        look = look.double()\n"
                    "        print(state.t, look.sum(-1).mean(), perplexity(look).mean(), (state.x0_hat - off.x0_hat).std())\n"
                ),
            )
        else:
            needs, rest = (
                "dead, during, recorded, strength",
                (
                    f'for state, said in during(walk(), lambda: recorded(model.net, ["{self.part}"])):\n'
                    f'    for h in said["{self.part}"]:  # (1, channels, height, width); level 0 needs no network\n'
                    "        h = h.float()\n"
                    "        print(state.t, h.mean(), h.std(correction=0), dead(h), strength(h).argmax())\n"
                ),
            )
        first = "from diffusion_edu.analysis.attention import attention_off, looking, perplexity\n" * self.attending
        imports = f"{first}from diffusion_edu.checkpoints import load\n{self.walk.imports}from diffusion_edu.analysis.activations import {needs}\n"
        return f"{imports}\n{self.walk.code}{rest}"


@st.cache_data(max_entries=16, show_spinner=False)
def _taken(name, sha256):
    model = models.get(name)
    x = model.compute.place(SeededNoise([0]).sample((model.card.channels, model.card.size, model.card.size)))
    return anatomy(model.denoiser(PRESET.noise_schedule()), x, SHOWN)


def anatomy_of(card):
    """Take the anatomy of a model, once; raises Unusable, in words, also for a network that is no U-Net."""
    if card.network not in UNETS:
        raise Unusable(f"{card.title} is no U-Net but {card.network!r}, which has no map: choose another model.")
    return _taken(card.name, card.sha256)


def map_code(card):
    """The lines of Python that count what the map shows."""
    return (
        "from diffusion_edu.checkpoints import load\n"
        "from diffusion_edu.analysis.activations import anatomy\n"
        "from diffusion_edu.randomness import SeededNoise\n"
        "from diffusion_edu.schedules import cosine\n\n"
        f'model = load("{card.name}")\n'
        f"x = model.compute.place(SeededNoise([0]).sample({(card.channels, card.size, card.size)}))\n"
        f"taken = anatomy(model.denoiser(cosine({PRESET.T})), x, {SHOWN})\n"
        "for part in taken.parts:\n"
        "    print(part.name, part.kind, part.given, part.gives, part.parameters, taken.share(part), part.told)\n"
        "print(taken.skips, taken.parameters, taken.flops)\n"
    )


def keep_up(look):
    """See to it that the look is taken: begin by itself, show how far it is, and return (look, animation, seconds) of the last one taken, or None."""
    return session.keep_up(look.key, look, begin, watch, "Look inside")


def begin(look):
    """Start to walk in the background. Shows one sentence if the model cannot be used."""
    try:
        items = look.items(models.get(look.walk.card.name))
    except (Unusable, ValueError) as problem:
        session.cancel(look.key)
        st.error(str(problem))
        return
    session.begin(look.key, items, PRESET.steps, wanted=look.id)


def watch(look, quiet):
    """Show how far the walk is, and unless quiet the image under way; when it is over, keep the animation and show the page anew."""

    def says(job):
        return f"Looked inside at {job.done} of {job.total} levels"

    def show(item):
        page = grid(to_bytes(item[0].x), zoom=2)
        st.image(page, caption=f"Level {item[0].t}", alt=f"The image under way at level {item[0].t}")

    def over(job):
        st.session_state[f"done:{look.key}"] = look, look.animation(job.kept), job.seconds

    session.watch(look.key, says, (lambda item: None) if quiet else show, over)
