"""Settings in the metadata of a PNG that this page made, read back into the controls."""

from numbers import Real

import streamlit as st

from diffusion_edu.app.common.image_picker import UNLINKED
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.sampler_controls import STEPS, TIMESTEPS
from diffusion_edu.app.common.state import callback, own, set_controls
from diffusion_edu.data.notes import read_note
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.spacings import SPACINGS

KEY, MESSAGE = "png_settings", "png_settings message"
DONE = "The prompt and settings of the PNG are on the page now: press Generate."
FROM_IMAGE = "It began with an image, which is not in the file."
CHANGED = "The weights of this model have changed since then: the image will be different."
ABSENT = "The model that made it, '{}', is not installed."
CHOICES = (  # key of the control, name in the preset, options
    ("sampler", "sampler", SAMPLERS),
    ("schedule", "schedule", SCHEDULES),
    ("spacing", "spacing", SPACINGS),
    ("timesteps", "T", TIMESTEPS),
    ("zero_snr", "zero_snr", (True, False)),
)


def offer(known):
    """Offer to read the settings of a PNG of this page into the controls; known: the installed cards by title."""
    words = f"A PNG that was downloaded from this page carries prompt and settings. {UNLINKED}"
    st.file_uploader("Settings from a PNG", key=own(KEY), on_change=_read, args=(known,), help=words)
    if message := st.session_state.pop(own(MESSAGE), ""):
        st.info(message, icon=":material/info:")


@callback
def _read(known):
    given = st.session_state.get(own(KEY))
    if given is None:
        return
    try:
        about = read_note(given.getvalue())
    except ValueError as problem:
        st.session_state[own(MESSAGE)] = str(problem)
        return
    set_controls(**control_values(about, known))
    st.session_state[own(MESSAGE)] = " ".join(messages(about, known))


def control_values(about, known):
    """Return the values of the controls, by key, from the metadata of a PNG; values that do not fit are left out."""
    preset = about.get("preset") if isinstance(about.get("preset"), dict) else {}
    options = preset.get("options") if isinstance(preset.get("options"), dict) else {}
    model = next((title for title, card in known.items() if card.name == about.get("model")), None)
    steps = {*STEPS, *(card.sampling.get("steps") for title, card in known.items() if title == model)}
    found = {
        "model": (model, model is not None),
        **{name: (about.get(name), is_text(about.get(name))) for name in ("prompt", "negative")},
        "seed": (about.get("seed"), is_whole(about.get("seed"), 1_000_000)),
        **{key: (preset.get(name), preset.get(name) in list(values)) for key, name, values in CHOICES},
        "steps": (preset.get("steps"), is_whole(preset.get("steps"), 1000) and preset.get("steps") in steps),
        "guidance_scale": (preset.get("guidance_scale"), is_number(preset.get("guidance_scale"), 8)),
        "eta": (options.get("eta"), is_number(options.get("eta"), 1)),
        "variance": (options.get("variance"), options.get("variance") in ("small", "large")),
    }
    numbers = ("guidance_scale", "eta")
    return {key: float(value) if key in numbers else value for key, (value, fits) in found.items() if fits}


def messages(about, known):
    """Yield what a person must know to get the same image again."""
    card = next((card for card in known.values() if card.name == about.get("model")), None)
    yield DONE
    if card is None:
        yield ABSENT.format(plain(str(about.get("model"))[:80]))
    elif card.sha256 != about.get("sha256"):
        yield CHANGED
    if "begin" in about:
        yield FROM_IMAGE


def is_text(value):
    """Return whether a value is a text of the usual length that every program can write."""
    return isinstance(value, str) and len(value) <= 5000 and value.encode(errors="replace").decode() == value


def is_whole(value, largest):
    """Return whether a value is a whole number from 0 to `largest`."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest


def is_number(value, largest):
    """Return whether a value is a number from 0 to `largest`."""
    return isinstance(value, Real) and not isinstance(value, bool) and 0 <= value <= largest
