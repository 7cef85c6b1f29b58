"""What the page of a single prediction asks, and how the predictions come to be: beside the page, anew whenever a choice changes."""

import hashlib
from dataclasses import dataclass

import streamlit as st

from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.common.layout import show_images
from diffusion_edu.app.common.sampler_controls import ask_seed, ask_timesteps
from diffusion_edu.app.denoise_once.denoiser_choice import ByHeart, Network
from diffusion_edu.app.jobs import session
from diffusion_edu.app.trajectories.predictions import AT_THE_ENDS, EVEN, Predictions, prediction_at_each, timesteps_of
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
    """What a person wants to know: who is asked (an answerer), about which image, mixed with which noise by which schedule."""

    subject: Subject
    who: Network | ByHeart
    preset: Preset  # only its schedule matters
    seed: int

    @property
    def id(self):
        """The same for the same question."""
        about = repr((self.who.settings, self.preset, self.seed, self.subject.class_name))
        return hashlib.sha256(about.encode() + self.subject.image.numpy().tobytes()).hexdigest()

    @property
    def parts(self):
        """The schedule, the clean image x0 and the noise eps, both (1, 3, h, w)."""
        return (
            self.preset.noise_schedule(),
            to_signed(self.subject.image)[None],
            SeededNoise([self.seed]).sample(self.subject.image.shape),
        )

    @property
    def notes(self):
        """What else to know about the image."""
        if isinstance(self.who, ByHeart):
            return *self.subject.notes, "It knows these images, and nothing that lies between them."
        sampled = "Our images were sampled by a flower model: a photograph of your own is harder to prediction."
        return self.subject.notes if self.subject.row is None else (sampled,)

    @property
    def code(self):
        """The lines of Python that make the same predictions."""
        return (
            "import torch\n\n"
            "from diffusion_edu.checkpoints import PRETRAINED, load\n"
            "from diffusion_edu.data.images import load_images, to_signed\n"
            "from diffusion_edu.denoisers import exact, guided\n"
            "from diffusion_edu.generation import Preset\n"
            "from diffusion_edu.randomness import SeededNoise, choose\n"
            "from diffusion_edu.samplers import predicted_noise\n"
            "from diffusion_edu.spacings import spaced\n"
            f"{self.subject.code}"
            f"schedule = Preset(schedule={self.preset.schedule!r}, T={self.preset.T}, zero_snr={self.preset.zero_snr}).noising()\n"
            f"{self.who.code}"
            "x0 = compute.place(to_signed(image)[None])  # (1, 3, 64, 64) in [-1, 1]\n"
            f"eps = compute.place(SeededNoise([{self.seed}]).sample(image.shape))\n"
            f'timesteps = {{*spaced(schedule, {EVEN}), *spaced(schedule, {AT_THE_ENDS}, "log-SNR")}}\n'
            "for t in sorted(timesteps - {0}, reverse=True):    # timestep 0 has no noise to prediction\n"
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
            "Who predictions", [NETWORK, EXACT], default=NETWORK, required=True, key="who", **BOUND
        )
        card = models.pick() if chosen == NETWORK else None
    if card and card.channels != 3:
        _end(
            f"{card.title} works on codes of images with {card.channels} channels, not on images: choose another model."
        )
    try:
        subject = image_picker.ask_subject(card.size if card else 64)
        with st.sidebar:
            who = _network(card, subject) if card else _by_heart(subject)
    except Unusable as problem:
        _end(str(problem))
    except ValueError as problem:  # our own images are missing
        _end(f"{problem} Restore it, or choose a file of your own.")
    return Question(subject, who, *_noise(Preset()))


def _end(sentence):
    session.cancel(KEY)
    st.error(sentence)
    st.stop()


def _network(card, subject):
    """Ask what the network is told about the image, and how strongly it is steered to that."""
    class_name, guidance_scale = None, 1.0
    if card.condition_names:
        words = f"Telling it what the image shows makes guessing easier. This one shows: {subject.class_name}."
        told = st.selectbox("It is told", [NOTHING, *card.condition_names], key="told", help=words, **BOUND)
        words = "0 ignores what it is told, 1 follows it, more exaggerates it."
        guidance_scale = st.slider(
            "Guidance", 0.0, 8.0, 1.0, 0.5, key="guidance_scale", disabled=told == NOTHING, help=words, **BOUND
        )
        class_name = None if told == NOTHING else told
    return Network(models.get(card.name), class_name, guidance_scale)


def _by_heart(subject):
    """Ask how many images there are in its world, and whether this one is among them."""
    words = "The best possible prediction, by Bayes' rule, if no other images existed. No network can do better on these; none can do worse on new ones."
    count = st.segmented_control(
        "Images it knows",
        COUNTS,
        format_func="{:,}".format,
        default=COUNTS[-1],
        required=True,
        key="count",
        help=words,
        **BOUND,
    )
    among = st.toggle("This image is one of them", True, key="among", **BOUND)
    return ByHeart(image_picker.images().images, subject.image, subject.row, count, among)


def _noise(default):
    """Ask for the schedule and for the seed of the noise."""
    more = st.sidebar.expander("More choices")
    schedule = more.selectbox(
        "Schedule", list(SCHEDULES), list(SCHEDULES).index(default.schedule), key="schedule", **BOUND
    )
    T = ask_timesteps(default, more)
    words = "Stretch the schedule so that timestep T is pure noise."
    zero = more.toggle("No signal left at T", default.zero_snr, key="zero", help=words, **BOUND)
    return Preset(schedule=schedule, T=T, zero_snr=zero), ask_seed(more)


def keep_up(question):
    """See to it that the question is answered: begin by itself, show how far it is, and return (question, Predictions) of the last one answered."""
    return session.keep_up(KEY, question, begin, watch, "Ask at every timestep")


def begin(question):
    """Start to ask, timestep by timestep, in the background. Shows one sentence if the choices do not go together."""
    try:
        (schedule, x0, eps), place = question.parts, question.who.compute.place
        predictions = prediction_at_each(
            question.who.denoiser(schedule), schedule, place(x0), place(eps), timesteps_of(schedule)
        )
    except ValueError as problem:
        session.cancel(KEY)
        st.error(str(problem))
        return
    session.begin(KEY, predictions, len(timesteps_of(schedule)), wanted=question.id)


def watch(question, quiet):
    """Show how far the asking is, and unless quiet the latest prediction; when it is over, keep all predictions and show the page anew."""

    def says(job):
        where = f"timestep {job.latest.t} of {question.preset.T}" if job.latest else "waiting for a turn"
        return f"Asked at {job.done} of {job.total} timesteps: {where}"

    def show(state):
        show_images(
            (grid(to_bytes(images), zoom=3), f"Timestep {state.t}: {name}", f"{name} at timestep {state.t}")
            for images, name in ((state.x, "what it is given"), (state.x0_hat, "its prediction of the image"))
        )

    def over(job):
        states = [type(state)(state.t, state.x.cpu(), state.x0_hat.cpu()) for state in job.kept]
        st.session_state[f"done:{KEY}"] = question, Predictions(question.subject.class_name, *question.parts, states)

    session.watch(KEY, says, (lambda state: None) if quiet else show, over)
