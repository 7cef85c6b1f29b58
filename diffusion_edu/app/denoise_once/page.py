"""What the page of a single guess asks, and how the guesses come to be: beside the page, anew whenever a choice changes."""

import hashlib
from dataclasses import dataclass

import streamlit as st

from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.layout import show_pictures
from diffusion_edu.app.common.sampler_controls import ask_levels, ask_seed
from diffusion_edu.app.denoise_once.denoiser_choice import ByHeart, Network
from diffusion_edu.app.jobs import session
from diffusion_edu.app.trajectories.predictions import AT_THE_ENDS, EVEN, Guesses, guess_at_each, levels_of
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.schedules import SCHEDULES

KEY = "once"
NETWORK, EXACT = "a network", "the exact answer"
NOTHING = "nothing"
BOUND = {"bind": "query-params"}
COUNTS = (10, 100, 1000)


@dataclass(frozen=True, eq=False)
class Question:
    """What a person wants to know: who is asked (an answerer), about which picture, mixed with which noise by which schedule."""

    subject: Subject
    who: Network | ByHeart
    preset: Preset  # only its schedule matters
    seed: int

    @property
    def id(self):
        """The same for the same question."""
        about = repr((self.who.settings, self.preset, self.seed, self.subject.kind))
        return hashlib.sha256(about.encode() + self.subject.image.numpy().tobytes()).hexdigest()

    @property
    def parts(self):
        """The schedule, the clean picture x0 and the noise eps, both (1, 3, h, w)."""
        return (
            self.preset.noising(),
            to_signed(self.subject.image)[None],
            SeededNoise([self.seed]).draw(self.subject.image.shape),
        )

    @property
    def notes(self):
        """What else to know about the picture."""
        if isinstance(self.who, ByHeart):
            return *self.subject.notes, "It knows these pictures, and nothing that lies between them."
        drawn = "Our pictures were drawn by a flower model: a photograph of your own is harder to guess."
        return self.subject.notes if self.subject.row is None else (drawn,)

    @property
    def code(self):
        """The lines of Python that make the same guesses."""
        return (
            "import torch\n\n"
            "from diffusion_edu.checkpoints import PRETRAINED, load\n"
            "from diffusion_edu.data.images import load_pictures, to_signed\n"
            "from diffusion_edu.denoisers import exact, guided\n"
            "from diffusion_edu.generation import Preset\n"
            "from diffusion_edu.randomness import SeededNoise, choose\n"
            "from diffusion_edu.samplers import predicted_noise\n"
            "from diffusion_edu.spacings import spaced\n"
            f"{self.subject.code}"
            f"schedule = Preset(schedule={self.preset.schedule!r}, T={self.preset.T}, zero_snr={self.preset.zero_snr}).noising()\n"
            f"{self.who.code}"
            "x0 = compute.place(to_signed(image)[None])  # (1, 3, 64, 64) in [-1, 1]\n"
            f"eps = compute.place(SeededNoise([{self.seed}]).draw(image.shape))\n"
            f'levels = {{*spaced(schedule, {EVEN}), *spaced(schedule, {AT_THE_ENDS}, "log-SNR")}}\n'
            "for t in sorted(levels - {0}, reverse=True):    # level 0 has no noise to guess\n"
            "    x = schedule.corrupt(x0, t, eps)        # signal[t] * x0 + noise[t] * eps\n"
            "    with torch.no_grad():\n"
            "        x0_hat = denoise(x, t)\n"
            "    eps_hat = predicted_noise(schedule, x, x0_hat, t)\n"
            "    print(t, (x0_hat - x0).square().mean(), (eps_hat - eps).square().mean())\n"
        )


def ask():
    """Show the controls in the sidebar and return the Question; the page ends here, in one sentence, if it cannot be asked."""
    with st.sidebar:
        chosen = st.segmented_control(
            "Who guesses", [NETWORK, EXACT], default=NETWORK, required=True, key="who", **BOUND
        )
        card = models.pick() if chosen == NETWORK else None
    if card and card.channels != 3:
        _end(
            f"{card.title} works on codes of pictures with {card.channels} channels, not on pictures: choose another model."
        )
    try:
        subject = image_picker.ask_subject(card.size if card else 64)
        with st.sidebar:
            who = _network(card, subject) if card else _by_heart(subject)
    except Unusable as problem:
        _end(str(problem))
    except ValueError as problem:  # our own pictures are missing
        _end(f"{problem} Restore it, or choose a file of your own.")
    return Question(subject, who, *_noise(Preset()))


def _end(sentence):
    session.cancel(KEY)
    st.error(sentence)
    st.stop()


def _network(card, subject):
    """Ask what the network is told about the picture, and how strongly it is steered to that."""
    kind, scale = None, 1.0
    if card.kinds:
        words = f"Telling it what the picture shows makes guessing easier. This one shows: {subject.kind}."
        told = st.selectbox("It is told", [NOTHING, *card.kinds], key="told", help=words, **BOUND)
        words = "0 ignores what it is told, 1 follows it, more exaggerates it."
        scale = st.slider("Guidance", 0.0, 8.0, 1.0, 0.5, key="scale", disabled=told == NOTHING, help=words, **BOUND)
        kind = None if told == NOTHING else told
    return Network(models.get(card.name), kind, scale)


def _by_heart(subject):
    """Ask how many pictures there are in its world, and whether this one is among them."""
    words = "The best possible guess, by Bayes' rule, if no other pictures existed. No network can do better on these; none can do worse on new ones."
    count = st.segmented_control(
        "Pictures it knows",
        COUNTS,
        format_func="{:,}".format,
        default=COUNTS[-1],
        required=True,
        key="count",
        help=words,
        **BOUND,
    )
    among = st.toggle("This picture is one of them", True, key="among", **BOUND)
    return ByHeart(image_picker.pictures().images, subject.image, subject.row, count, among)


def _noise(default):
    """Ask for the schedule and for the seed of the noise."""
    more = st.sidebar.expander("More choices")
    schedule = more.selectbox(
        "Schedule", list(SCHEDULES), list(SCHEDULES).index(default.schedule), key="schedule", **BOUND
    )
    T = ask_levels(default, more)
    words = "Stretch the schedule so that level T is pure noise."
    zero = more.toggle("No signal left at T", default.zero_snr, key="zero", help=words, **BOUND)
    return Preset(schedule=schedule, T=T, zero_snr=zero), ask_seed(more)


def keep_up(question):
    """See to it that the question is answered: begin by itself, show how far it is, and return (question, Guesses) of the last one answered."""
    return session.keep_up(KEY, question, begin, watch, "Ask at every level")


def begin(question):
    """Start to ask, level by level, in the background. Shows one sentence if the choices do not go together."""
    try:
        (schedule, x0, eps), place = question.parts, question.who.compute.place
        guesses = guess_at_each(question.who.denoiser(schedule), schedule, place(x0), place(eps), levels_of(schedule))
    except ValueError as problem:
        session.cancel(KEY)
        st.error(str(problem))
        return
    session.begin(KEY, guesses, len(levels_of(schedule)), wanted=question.id)


def watch(question, quiet):
    """Show how far the asking is, and unless quiet the latest guess; when it is over, keep all guesses and show the page anew."""

    def says(job):
        where = f"level {job.latest.t} of {question.preset.T}" if job.latest else "waiting for a turn"
        return f"Asked at {job.done} of {job.total} levels: {where}"

    def show(state):
        show_pictures(
            (grid(to_bytes(images), zoom=3), f"Level {state.t}: {name}", f"{name} at level {state.t}")
            for images, name in ((state.x, "what it is given"), (state.x0_hat, "its guess of the picture"))
        )

    def over(job):
        states = [type(state)(state.t, state.x.cpu(), state.x0_hat.cpu()) for state in job.kept]
        st.session_state[f"done:{KEY}"] = question, Guesses(question.subject.kind, *question.parts, states)

    session.watch(KEY, says, (lambda state: None) if quiet else show, over)
