"""One move of a recorded walk, taken apart: the same numbers that the chain used, for one pixel and for the whole picture."""

import streamlit as st

from diffusion_edu.app.footage import COLOUR
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.samplers import predicted_noise

CHANNELS = ("red", "green", "blue")
FRESH = "a part of it was replaced by noise drawn fresh in this move."
LEFT = {
    "Heun": "a second guess, made where the move would have ended, has corrected it.",
    "DPM-Solver++": "the guess that the move used lies further on, on the line through the last two.",
    "Renoise": "all of it was drawn fresh in this move.",
}


@st.fragment
def microscope(recording):
    """Let a person choose a move, a picture and a pixel of a recording, and show what the move did there."""
    pairs = recording.pairs[:-1]
    names = [f"{state.t} to {after.t}" for state, after in pairs]
    side, rest = st.columns([3, 8], gap="medium")
    with side:
        move = st.select_slider("Move, from level to level", names, names[len(names) // 2])
        one = len(recording.wish.kinds) == 1
        picture = 1 if one else st.slider("Picture", 1, len(recording.wish.kinds), 1)
        state, after = pairs[names.index(move)]
        height, width = state.x.shape[2:]
        row, column = st.slider("Row", 0, height - 1, height // 2), st.slider("Column", 0, width - 1, width // 2)
        channel = CHANNELS.index(st.segmented_control("Channel", CHANNELS, default="red", required=True))
    schedule, place = recording.wish.preset.noising(), (picture - 1, channel, row, column)
    eps_hat = predicted_noise(schedule, state.x, state.x0_hat, state.t)
    images = (
        (f"$x_t$ at level {state.t}", "The picture before the move", state.x),
        ("guess $\\hat x_0$", "The network's guess of the clean picture", state.x0_hat),
        ("noise in it $\\hat\\epsilon$", "The noise that the guess leaves over, a third as strong", eps_hat / 3),
        (f"$x_s$ at level {after.t}", "The picture after the move", after.x),
    )
    with rest:
        with st.container(horizontal=True):
            for caption, alt, values in images:
                st.image(_marked(values[picture - 1], row, column), caption=caption, alt=alt, width=128)
        _equations(recording.wish.preset.sampler, schedule, state, after, eps_hat, place)


def _marked(image, row, column):
    """Draw an image (3, h, w) twice as large with a frame around one pixel."""
    page = grid(to_bytes(image[None]), zoom=2).copy()
    top, left = max(0, 2 * row - 4), max(0, 2 * column - 4)
    for paint, inset in ((255, 0), (0, 1)):
        box = page[top + inset : top + 10 - inset, left + inset : left + 10 - inset]
        box[0], box[-1], box[:, 0], box[:, -1] = paint, paint, paint, paint
    return page


def _equations(sampler, schedule, state, after, eps_hat, place):
    (signal_t, noise_t), (signal_s, noise_s) = (tuple(map(float, schedule.rates(m.t, m.x))) for m in (state, after))
    x, x0_hat, eps, x_s = (float(values[place]) for values in (state.x, state.x0_hat, eps_hat, after.x))

    def term(value, kind, symbol):
        number = f"{value:.3f}" if value >= 0 else f"({value:.3f})"
        return rf"\underset{{{symbol}}}{{\textcolor{{{COLOUR[kind]}}}{{{number}}}}}"

    left, guess = x_s - signal_s * x0_hat, term(x0_hat, "x0_hat", r"\hat x_0")
    picture, noise = term(signal_t, "signal", r"\text{signal}_t"), term(noise_t, "eps", r"\text{noise}_t")
    st.markdown("The guess splits the pixel into **picture** and **noise**:")
    st.latex(r"{} = {} \times {} + {} \times {}".format(term(x, "x", "x_t"), picture, guess, noise, term(eps, "eps", r"\hat\epsilon")))
    st.markdown("The move puts them together again for the lower level, with more picture and less noise:")
    picture, noise = term(signal_s, "signal", r"\text{signal}_s"), term(left, "eps", r"\text{noise in }x_s")
    st.latex(r"{} = {} \times {} + {}".format(term(x_s, "x", "x_s"), picture, guess, noise))
    if after.t == 0:
        st.caption("At level 0 no noise is left: the picture is the guess.")
    elif abs(left - noise_s * eps) < 1e-4:
        st.caption(f"The last number is the same noise as before, scaled to the new level: {noise_s:.3f} × ({eps:.3f}). Nothing was drawn at random.")
    else:
        scaled = f"{noise_s:.3f} × ({eps:.3f})"
        st.caption(f"The last number is not the old noise scaled to the new level, {scaled}: {LEFT.get(sampler, FRESH)}")
