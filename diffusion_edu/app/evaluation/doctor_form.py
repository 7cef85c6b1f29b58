"""What a person can tell the doctor: one widget per number, all of them empty at first, and examples to try."""

import streamlit as st

from diffusion_edu.denoisers import TARGETS
from diffusion_edu.doctor import LOOKS, Findings, Looks
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.training.objectives.diffusion import DISTANCES

UNKNOWN = "?"
READ = {"mse": "MSE", "l1": "L1", "huber": "Huber"}

CHOICES = {  # name of a finding: what it is called, its values
    "look": ("The samples look", {"nothing": LOOKS["nothing"], **LOOKS}),
    "class_name": ("Target", TARGETS),
    "distance": ("Error", DISTANCES),
    "precision": ("Precision", ("float32", "bfloat16", "float16")),
    "asked": ("Answers are read as", TARGETS),
    "schedule": ("Schedule", SCHEDULES),
    "variance": ("DDPM's variance", ("small", "large")),
    "clip": ("Prediction is clipped", ("yes", "no")),
}
NUMBERS = {  # name of a finding: what it is called, the step of its buttons, the lowest and the highest value
    "first_loss": ("Loss at first", 0.1, 0.0, None),
    "last_loss": ("Loss now", 0.1, 0.0, None),
    "steps": ("Steps", 100, 0, None),
    "lr": ("Learning rate", 0.0001, 0.0, None),
    "lowest_validation": ("Held-out loss, best", 0.01, 0.0, None),
    "last_validation": ("Held-out loss, now", 0.01, 0.0, None),
    "batch": ("Images per step", 1, 1, None),
    "images": ("Images in the set", 100, 1, None),
    "ema": ("Decay of the EMA", 0.0001, 0.0, 1.0),
    "real.low": ("Data, lowest", 0.5, None, None),
    "real.high": ("Data, highest", 0.5, None, None),
    "T": ("Timesteps T", 100, 1, 100_000),
    "top": ("Highest timestep visited", 1, 0, None),
    "bottom": ("Last timestep visited", 1, 0, None),
    "sampling_steps": ("Sampling_steps", 1, 1, None),
    "guidance_scale": ("Guidance", 0.5, 0.0, None),
    "start.std": ("First noise, std", 0.1, 0.0, None),
    "sampled.std": ("Samples, std", 0.1, 0.0, None),
    "sampled.low": ("Samples, lowest", 0.5, None, None),
    "sampled.high": ("Samples, highest", 0.5, None, None),
    "sampled.edges": ("Black or white, share", 0.05, 0.0, 1.0),
    "sampled.broken": ("NaN, share", 0.05, 0.0, 1.0),
}
FIRST = ("look", "first_loss", "last_loss", "steps", "class_name", "distance", "lr")
MORE = {
    "More about the training": (
        "lowest_validation",
        "last_validation",
        "batch",
        "images",
        "ema",
        "warm_up",
        "precision",
        "real.low",
        "real.high",
    ),
    "More about the drawing": (
        "asked",
        "schedule",
        "T",
        "top",
        "bottom",
        "sampling_steps",
        "variance",
        "guidance_scale",
        "clip",
        "start.std",
    ),
    "Numbers of the sampled images": ("sampled.std", "sampled.low", "sampled.high", "sampled.edges", "sampled.broken"),
}
EXAMPLES = {
    "loss stuck at 1.0": {"first_loss": 1.0, "last_loss": 1.0, "steps": 500, "class_name": "eps", "distance": "mse"},
    "only noise": {
        "look": "noise",
        "first_loss": 1.0,
        "last_loss": 0.08,
        "steps": 2000,
        "class_name": "eps",
        "distance": "mse",
        "ema": 0.9999,
    },
    "black": {
        "look": "black",
        "last_loss": 0.09,
        "class_name": "v",
        "distance": "mse",
        "precision": "float16",
        "sampled.broken": 1.0,
    },
    "glaring": {"look": "edges", "guidance_scale": 9.0, "clip": "no", "sampled.low": -3.1, "sampled.high": 3.4},
    "grey": {"look": "grey", "schedule": "linear", "T": 300, "sampling_steps": 50},
    "grain": {"look": "grain", "variance": "large", "T": 1000, "sampling_steps": 50},
    "all is well": {
        "look": "fine",
        "first_loss": 0.57,
        "last_loss": 0.11,
        "steps": 20_000,
        "class_name": "v",
        "distance": "mse",
        "lr": 0.0008,
    },
}


def examples():
    """Offer the examples, one button each."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown("Try:", width="content")
        for name in EXAMPLES:
            st.button(name, key=f"try:{name}", on_click=fill, args=(EXAMPLES[name],))


def fill(known):
    """Write what is known into the widgets, and empty all others."""
    for name in CHOICES:
        st.session_state[key(name)] = known.get(name, "nothing" if name == "look" else UNKNOWN)
    for name in NUMBERS:
        st.session_state[key(name)] = known.get(name)
    st.session_state[key("warm_up")] = known.get("warm_up", False)


def key(name):
    """The key of a widget, in the session and in links."""
    return f"doctor_{name.replace('.', '_')}"


def ask():
    """Show all widgets and return the Findings."""
    _rows(FIRST[:1], 1)
    _rows(FIRST[1:], 3)
    told = {}
    for title, names in MORE.items():
        with st.expander(
            title, expanded=any(st.session_state.get(key(name)) not in (None, UNKNOWN, False) for name in names)
        ):
            _rows(names, 2)
            if title.startswith("Numbers"):
                st.caption(
                    "`look_at(x)` in `diffusion_edu.doctor` measures them on your own images (n, 3, h, w) in [-1, 1]."
                )
    for name in (*CHOICES, *NUMBERS, "warm_up"):
        value = st.session_state.get(key(name))
        if value not in (None, UNKNOWN, "nothing"):
            told[name] = {"yes": True, "no": False}.get(value, value) if isinstance(value, str) else value
    return _findings(told)


def _rows(names, columns):
    """Line by line, so that the order stays when a narrow window stacks them."""
    for first in range(0, len(names), columns):
        for cell, name in zip(
            st.columns(columns, vertical_alignment="bottom"), names[first : first + columns], strict=False
        ):
            with cell:
                _widget(name)


def _widget(name):
    place = {"key": key(name), "bind": "query-params"}
    if name == "warm_up":
        st.toggle("EMA quick at first", help="It follows by min(decay, (1 + n) / (10 + n)) in step n.", **place)
    elif name in CHOICES:
        label, values = CHOICES[name]
        options = list(values) if name == "look" else [UNKNOWN, *values]
        st.selectbox(
            label,
            options,
            format_func=lambda value: LOOKS[value] if name == "look" else READ.get(value, value),
            **place,
        )
    else:
        label, step, low, high = NUMBERS[name]
        st.number_input(
            label, low, high, None, step, "%d" if isinstance(step, int) else "%g", placeholder=UNKNOWN, **place
        )


def _findings(told):
    plain = {name: value for name, value in told.items() if "." not in name}
    for part in ("real", "start", "sampled"):
        inside = {name.removeprefix(f"{part}."): value for name, value in told.items() if name.startswith(f"{part}.")}
        if inside:
            plain[part] = Looks(**inside)
    return Findings(**plain)
