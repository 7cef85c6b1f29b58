"""One move of a recorded walk, taken apart: the same numbers that the chain used, for one pixel and for the whole picture."""

import streamlit as st

from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.samplers import predicted_noise

CHANNELS = ("red", "green", "blue")
FRESH = "a part of it was replaced by noise drawn fresh in this move."
LEFT = {"Renoise": "all of it was drawn fresh in this move."}
CORRECTED = {  # these draw nothing at random: they move with a better guess
    "Heun": "a second guess, made where the move would have ended, corrects the first",
    "DPM-Solver++": "the line through the last guess and this one is carried on",
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


def guess_used(schedule, state, after):
    """Read off a move without fresh noise which guess, had it been the only one, would have led from state to after, (b, 3, h, w)."""
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(state.t, state.x), schedule.rates(after.t, after.x)
    kept = noise_s / noise_t
    return (after.x - kept * state.x) / (signal_s - kept * signal_t)


def _signed(number):
    return f"{number:.3f}" if number >= 0 else f"({number:.3f})"


def _equations(sampler, schedule, state, after, eps_hat, place):
    (signal_t, noise_t), (signal_s, noise_s) = (tuple(map(float, schedule.rates(m.t, m.x))) for m in (state, after))
    x, x0_hat, eps, x_s = (float(values[place]) for values in (state.x, state.x0_hat, eps_hat, after.x))

    def term(value, kind, symbol):
        return rf"\underset{{{symbol}}}{{\textcolor{{{COLOUR[kind]}}}{{{_signed(value)}}}}}"

    left, guess = x_s - signal_s * x0_hat, term(x0_hat, "x0_hat", r"\hat x_0")
    picture, noise = term(signal_t, "signal", r"\text{signal}_t"), term(noise_t, "eps", r"\text{noise}_t")
    st.markdown("The guess splits the pixel into **picture** and **noise**:")
    st.latex(
        r"{} = {} \times {} + {} \times {}".format(
            term(x, "x", "x_t"), picture, guess, noise, term(eps, "eps", r"\hat\epsilon")
        )
    )
    st.markdown("The move puts them together again for the lower level, with more picture and less noise:")
    picture, noise = term(signal_s, "signal", r"\text{signal}_s"), term(left, "eps", r"\text{noise in }x_s")
    st.latex(r"{} = {} \times {} + {}".format(term(x_s, "x", "x_s"), picture, guess, noise))
    st.caption(_why(sampler, schedule, state, after, eps_hat, place))


def _why(sampler, schedule, state, after, eps_hat, place):
    """Say in words where the noise after the move comes from."""
    if after.t == 0:
        return "At level 0 no noise is left: the picture is the guess."
    signal, noise = schedule.rates(after.t, after.x)
    scaled = f"{noise:.3f} × {_signed(float(eps_hat[place]))}"
    if (
        after.x - signal * state.x0_hat - noise * eps_hat
    ).abs().max() < 1e-4:  # over all pixels: a single one may agree by chance
        return f"The last number is the same noise as before, scaled to the new level: {scaled}. Nothing was drawn at random."
    words = f"The last number is not the old noise scaled to the new level, {scaled}: "
    if sampler not in CORRECTED:
        return words + LEFT.get(sampler, FRESH)
    used = float(guess_used(schedule, state, after)[place])
    return f"{words}{CORRECTED[sampler]}. The pixel moved as if the guess had been {used:.3f}, not {float(state.x0_hat[place]):.3f}."
