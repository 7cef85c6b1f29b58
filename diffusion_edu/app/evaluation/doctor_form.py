"""The form of the symptom doctor: one widget per fact, all of them empty at first, and examples to try."""

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.state import callback, own
from diffusion_edu.app.evaluation.doctor_examples import EXAMPLES
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.doctor import APPEARANCES, Findings, Statistics
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.training.objectives.diffusion import DISTANCES

UNKNOWN = "?"
LABELS = {"mse": "MSE", "l1": "L1", "huber": "Huber"}

CHOICES = {  # finding: label, values
    "appearance": ("The samples look", {"nothing": APPEARANCES["nothing"], **APPEARANCES}),
    "prediction_type": ("Prediction type", TARGETS),
    "distance": ("Loss", DISTANCES),
    "precision": ("Precision", ("float32", "bfloat16", "float16")),
    "read_as": ("Prediction type the sampler assumes", TARGETS),
    "schedule": ("Noise schedule", SCHEDULES),
    "variance": ("DDPM variance", ("small", "large")),
    "clip": ("Predictions are clipped", ("yes", "no")),
}
NUMBERS = {  # finding: label, step of the buttons, lowest and highest value
    "first_loss": ("Loss at first", 0.1, 0.0, None),
    "last_loss": ("Loss now", 0.1, 0.0, None),
    "steps": ("Training steps", 100, 0, None),
    "lr": ("Learning rate", 0.0001, 0.0, None),
    "lowest_validation": ("Held-out loss, lowest", 0.01, 0.0, None),
    "last_validation": ("Held-out loss, now", 0.01, 0.0, None),
    "batch": ("Batch size", 1, 1, None),
    "images": ("Training images", 100, 1, None),
    "ema": ("EMA decay", 0.0001, 0.0, 1.0),
    "real.low": ("Data, lowest", 0.5, None, None),
    "real.high": ("Data, highest", 0.5, None, None),
    "T": ("Timesteps T", 100, 1, 100_000),
    "top": ("Highest timestep of the walk", 1, 0, None),
    "bottom": ("Last timestep of the walk", 1, 0, None),
    "sampling_steps": ("Sampling steps", 1, 1, None),
    "guidance_scale": ("Guidance scale", 0.5, 0.0, None),
    "start.std": ("First noise, std", 0.1, 0.0, None),
    "sampled.std": ("Samples, std", 0.1, 0.0, None),
    "sampled.low": ("Samples, lowest", 0.5, None, None),
    "sampled.high": ("Samples, highest", 0.5, None, None),
    "sampled.extreme": ("Black or white, fraction", 0.05, 0.0, 1.0),
    "sampled.nan": ("NaN, fraction", 0.05, 0.0, 1.0),
}
FIRST = ("appearance", "first_loss", "last_loss", "steps", "prediction_type", "distance", "lr")
MORE = {
    "More about the training": (
        *("lowest_validation", "last_validation", "batch", "images", "ema", "warm_up", "precision"),
        *("real.low", "real.high"),
    ),
    "More about sampling": (
        *("read_as", "schedule", "T", "top", "bottom", "sampling_steps", "variance", "guidance_scale", "clip"),
        "start.std",
    ),
    "Statistics of the samples": ("sampled.std", "sampled.low", "sampled.high", "sampled.extreme", "sampled.nan"),
}


def show_examples():
    """Show the examples, one button each."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Try:", width="content")
        for name in EXAMPLES:
            st.button(name, key=own(f"try:{name}"), on_click=fill, args=(EXAMPLES[name],))


@callback
def fill(known):
    """Write what is known into the widgets, and empty all others."""
    for name in CHOICES:
        st.session_state[own(key(name))] = known.get(name, "nothing" if name == "appearance" else UNKNOWN)
    for name in NUMBERS:
        st.session_state[own(key(name))] = known.get(name)
    st.session_state[own(key("warm_up"))] = known.get("warm_up", False)


def key(name):
    """The key of a widget on this page."""
    return f"doctor_{name.replace('.', '_')}"


def ask():
    """Show all widgets and return the Findings."""
    _rows(FIRST[:1], 1)
    _rows(FIRST[1:], 3)
    for title, names in MORE.items():
        is_filled = any(st.session_state.get(own(key(name))) not in (None, UNKNOWN, False) for name in names)
        with st.expander(title, expanded=is_filled):
            _rows(names, 2)
            if title.startswith("Statistics"):
                st.caption(
                    "`measure(x)` in `diffusion_edu.doctor` measures them on your own images (n, 3, h, w) in [-1, 1]."
                )
    known = {}
    for name in (*CHOICES, *NUMBERS, "warm_up"):
        value = st.session_state.get(own(key(name)))
        if value not in (None, UNKNOWN, "nothing"):
            known[name] = {"yes": True, "no": False}.get(value, value) if isinstance(value, str) else value
    return _findings(known)


def _rows(names, columns):
    """Show widgets row by row, so that their order stays when a narrow window stacks them."""
    for first in range(0, len(names), columns):
        cells = st.columns(columns, vertical_alignment="bottom")
        for cell, name in zip(cells, names[first : first + columns], strict=False):
            with cell:
                _widget(name)


def _widget(name):
    if name == "warm_up":
        words = "At step n the EMA decay is min(decay, (1 + n) / (10 + n))."
        control(st.toggle, "EMA warm-up", key=key(name), help=words)
    elif name in CHOICES:
        label, values = CHOICES[name]
        options = list(values) if name == "appearance" else [UNKNOWN, *values]
        labels = APPEARANCES if name == "appearance" else LABELS
        control(st.selectbox, label, options, key=key(name), format_func=lambda value: labels.get(value, value))
    else:
        label, step, low, high = NUMBERS[name]
        written = "%d" if isinstance(step, int) else "%g"
        control(st.number_input, label, low, high, None, step, written, key=key(name), placeholder=UNKNOWN)


def _findings(known):
    """Make Findings of {name: value}; names such as "real.low" belong to Statistics."""
    plain = {name: value for name, value in known.items() if "." not in name}
    for part in ("real", "start", "sampled"):
        inside = {name.removeprefix(f"{part}."): value for name, value in known.items() if name.startswith(f"{part}.")}
        if inside:
            plain[part] = Statistics(**inside)
    return Findings(**plain)
