"""Prompt and settings read back out of a PNG that this page made, into the controls."""

from numbers import Real

import streamlit as st

from diffusion_edu.app.common.image_picker import UNLINKED
from diffusion_edu.app.common.sampler_controls import STEPS, TIMESTEPS
from diffusion_edu.data.notes import read_note
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.spacings import SPACINGS

KEY, SAYS = "recalled", "recalled says"
DONE = "Its prompt and settings are on the page now: press Draw."
BEGUN = "It began with an image, which is not in the file."
OTHER = "The weights of this model were others then: the image will be another one."
ABSENT = "The model that drew it, {!r}, is not installed."


def offer(known):
    """Let a person hand in a PNG of this page, and set the controls to what it carries; known are the cards by title."""
    words = f"A PNG that was downloaded from this page carries prompt and settings. {UNLINKED}"
    st.file_uploader("Settings of a PNG", key=KEY, on_change=_recall, args=(known,), help=words)
    if says := st.session_state.pop(SAYS, ""):
        st.info(says, icon=":material/info:")


def _recall(known):
    given = st.session_state.get(KEY)
    if given is None:
        return
    try:
        about = read_note(given.getvalue())
    except ValueError as problem:
        st.session_state[SAYS] = str(problem)
        return
    st.session_state.update(recalled(about, known))
    st.session_state[SAYS] = " ".join(remarks(about, known))


def recalled(about, known):
    """Read the state of the controls, by their keys, off what a PNG carries: whatever does not fit them is left as it is on the page."""
    preset = about.get("preset") if isinstance(about.get("preset"), dict) else {}
    options = preset.get("options") if isinstance(preset.get("options"), dict) else {}
    model = next((title for title, card in known.items() if card.name == about.get("model")), None)
    steps = {*STEPS, *(card.sampling.get("steps") for title, card in known.items() if title == model)}
    found = {
        "model": (model, model is not None),
        **{name: (about.get(name), isinstance(about.get(name), str)) for name in ("prompt", "negative")},
        "seed": (about.get("seed"), whole(about.get("seed"), 1_000_000)),
        **{key: (preset.get(name), preset.get(name) in list(those)) for key, name, those in CHOICES},
        "steps": (preset.get("steps"), whole(preset.get("steps"), 1000) and preset.get("steps") in steps),
        "guidance_scale": (preset.get("guidance_scale"), within(preset.get("guidance_scale"), 8)),
        "eta": (options.get("eta"), within(options.get("eta"), 1)),
        "variance": (options.get("variance"), options.get("variance") in ("small", "large")),
    }
    return {
        key: float(value) if key in ("guidance_scale", "eta") else value for key, (value, fits) in found.items() if fits
    }


CHOICES = (
    ("sampler", "sampler", SAMPLERS),
    ("schedule", "schedule", SCHEDULES),
    ("spacing", "spacing", SPACINGS),
    ("timesteps", "T", TIMESTEPS),
    ("zero", "zero_snr", (True, False)),
)  # key of the control, name in the preset, what can be chosen


def remarks(about, known):
    """Say what a person must know who wants the same image again."""
    card = next((card for card in known.values() if card.name == about.get("model")), None)
    yield DONE
    if card is None:
        yield ABSENT.format(str(about.get("model"))[:80])
    elif card.sha256 != about.get("sha256"):
        yield OTHER
    if "begin" in about:
        yield BEGUN


def whole(value, most):
    """Whether a value is a whole number of 0 to most."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def within(value, most):
    """Whether a value is a number of 0 to most."""
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= value <= most
