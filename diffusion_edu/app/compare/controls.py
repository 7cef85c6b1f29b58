"""The controls of the comparison: one column per side, and a menu of suggested comparisons."""

from dataclasses import replace

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.request import ANY, Request
from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed, ask_timesteps, naming
from diffusion_edu.app.common.state import callback, own, set_controls
from diffusion_edu.app.trajectories.comparison import NAMES, SIDES
from diffusion_edu.generation import Preset

PREFIXES = ("a_", "b_")
OPENING_CLASS = "sunflower"
DEFAULT = (
    {"sampler": "DDIM"},
    {"sampler": "DDPM"},
)  # the differences of A and B from the preset of the model, at first
SUGGESTIONS = {
    "DDIM beside DDPM": DEFAULT,
    "eta 0 beside eta 1": ({"eta": 0.0}, {"eta": 1.0}),
    "linear beside cosine": ({"schedule": "linear"}, {"schedule": "cosine"}),
    "10 steps: trailing beside leading": ({"steps": 10, "spacing": "trailing"}, {"steps": 10, "spacing": "leading"}),
    "guidance scale 1 beside 5": ({"guidance_scale": 1.0}, {"guidance_scale": 5.0}),
    "two seeds": ({"seed": 0}, {"seed": 100}),
    "the same setting twice: no difference": ({}, {}),
}
SUGGESTED = "suggested"


def ask():
    """Show the controls, one column per side and the common ones in the sidebar.

    Returns the requests (A, B) and what is compared, "x" or "x0_hat".
    """
    places, known = [_places(*side) for side in zip(SIDES, st.columns(2, gap="medium"), strict=True)], models.titled()
    cards = [
        models.choose(known, left.selectbox, **naming(prefix)("Model", "model"))
        for prefix, (_, left, _) in zip(PREFIXES, places, strict=True)
    ]
    requests = []
    class_name, name, images, T = _ask_common(cards)
    for prefix, card, (row, left, right), change in zip(PREFIXES, cards, places, DEFAULT, strict=True):
        default = replace(Preset(**card.sampling), **change)
        preset = ask_preset(default, (row, left, right), prefix, class_name != ANY, T)
        requests.append(Request(card, preset, class_name, ask_seed(left, prefix), images))
    return tuple(requests), name


def _ask_common(cards):
    """Ask in the sidebar for the class, what is compared, the number of images, and T."""
    with st.sidebar:
        names = _common_classes(cards)
        class_name = control(st.selectbox, "Condition of A and B", [*names, ANY], _opening(names), key="class_name")
        words = "The noisy images x_t, or the predictions of the clean image at every timestep."
        name = control(
            st.segmented_control,
            "Compare",
            list(NAMES),
            default="x",
            format_func=NAMES.get,
            required=True,
            key="compared",
            help=words,
        )
        images = control(st.slider, "Images", 1, 4, 2, key="images")
        T = ask_timesteps(Preset(**cards[0].sampling), st)
    return class_name, name, images, T


def _places(letter, side):
    """Make the containers of one side: a row, and two columns behind the button at its end."""
    row = side.container(horizontal=True, vertical_alignment="bottom")
    first = row.container(horizontal=True, wrap=False)
    return first, *row.popover(f"{letter} · More").columns(2)


def _common_classes(cards):
    """List the class names that both models know."""
    a, b = (card.condition_names for card in cards)
    return [name for name in a if name in b]


def _opening(names):
    return names.index(OPENING_CLASS) if OPENING_CLASS in names else 0


def ask_suggestion(requests):
    """Show the menu of suggestions; a chosen one sets both sides, and the page samples it at once."""
    icon = ":material/lightbulb:"
    st.menu_button(
        "Try", list(SUGGESTIONS), key=own("suggestion"), icon=icon, on_click=_set, args=(requests,), width="stretch"
    )


@callback
def _set(requests):
    changes = SUGGESTIONS[st.session_state[own("suggestion")]]
    for prefix, request, change in zip(PREFIXES, requests, changes, strict=True):
        p = Preset(**request.card.sampling)
        plain = {
            name: getattr(p, name) for name in ("sampler", "steps", "guidance_scale", "schedule", "spacing", "zero_snr")
        }
        plain |= {"seed": 0, "eta": 0.0, "variance": "small"}
        set_controls(**{prefix + name: value for name, value in {**plain, **change}.items()})
    names = _common_classes([request.card for request in requests])
    if (
        "guidance_scale" in changes[0] and names and st.session_state[own("class_name")] == ANY
    ):  # guidance needs a condition
        set_controls(class_name=names[_opening(names)])
    st.session_state[own(SUGGESTED)] = True


def was_suggested():
    """Return, once, whether a suggestion was chosen."""
    return st.session_state.pop(own(SUGGESTED), False)
