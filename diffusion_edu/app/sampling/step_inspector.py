"""One step of a recorded walk, taken apart: the same numbers that the chain used, for one pixel and for the whole image."""

import streamlit as st

from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.samplers import predicted_noise

CHANNELS = ("red", "green", "blue")
FRESH = "a part of it was replaced by noise sampled fresh in this step."
LEFT = {"Multistep renoising": "all of it was sampled fresh in this step."}
CORRECTED = {  # these draw nothing at random: they move with a better prediction
    "Heun": "a second prediction, made where the step would have ended, corrects the first",
    "DPM-Solver++": "the line through the last prediction and this one is carried on",
}


@st.fragment
def microscope(recording):
    """Let a person choose a step, an image and a pixel of a recording, and show what the step did there."""
    pairs = recording.pairs[:-1]
    names = [f"{state.t} to {after.t}" for state, after in pairs]
    side, rest = st.columns([3, 8], gap="medium")
    with side:
        move = st.select_slider("Move, from timestep to timestep", names, names[len(names) // 2])
        one = len(recording.request.class_names) == 1
        image = 1 if one else st.slider("Image", 1, len(recording.request.class_names), 1)
        state, after = pairs[names.index(move)]
        height, width = state.x.shape[2:]
        row, column = st.slider("Row", 0, height - 1, height // 2), st.slider("Column", 0, width - 1, width // 2)
        channel = CHANNELS.index(st.segmented_control("Channel", CHANNELS, default="red", required=True))
    schedule, place = recording.request.preset.noise_schedule(), (image - 1, channel, row, column)
    eps_hat = predicted_noise(schedule, state.x, state.x0_hat, state.t)
    images = (
        (f"$x_t$ at timestep {state.t}", "The image before the step", state.x),
        ("prediction $\\hat x_0$", "The network's prediction of the clean image", state.x0_hat),
        ("noise in it $\\hat\\epsilon$", "The noise that the prediction leaves over, a third as strong", eps_hat / 3),
        (f"$x_s$ at timestep {after.t}", "The image after the step", after.x),
    )
    with rest:
        with st.container(horizontal=True):
            for caption, alt, values in images:
                st.image(_marked(values[image - 1], row, column), caption=caption, alt=alt, width=128)
        _equations(recording.request.preset.sampler, schedule, state, after, eps_hat, place)


def _marked(image, row, column):
    """Draw an image (3, h, w) twice as large with a frame around one pixel."""
    page = grid(to_bytes(image[None]), zoom=2).copy()
    top, left = max(0, 2 * row - 4), max(0, 2 * column - 4)
    for paint, inset in ((255, 0), (0, 1)):
        box = page[top + inset : top + 10 - inset, left + inset : left + 10 - inset]
        box[0], box[-1], box[:, 0], box[:, -1] = paint, paint, paint, paint
    return page


def prediction_used(schedule, state, after):
    """Read off a step without fresh noise which prediction, had it been the only one, would have led from state to after, (b, 3, h, w)."""
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(state.t, state.x), schedule.rates(after.t, after.x)
    kept = noise_s / noise_t
    return (after.x - kept * state.x) / (signal_s - kept * signal_t)


def _signed(number):
    return f"{number:.3f}" if number >= 0 else f"({number:.3f})"


def _equations(sampler, schedule, state, after, eps_hat, place):
    (signal_t, noise_t), (signal_s, noise_s) = (tuple(map(float, schedule.rates(m.t, m.x))) for m in (state, after))
    x, x0_hat, eps, x_s = (float(values[place]) for values in (state.x, state.x0_hat, eps_hat, after.x))

    def term(value, class_name, symbol):
        return rf"\underset{{{symbol}}}{{\textcolor{{{COLOUR[class_name]}}}{{{_signed(value)}}}}}"

    left, prediction = x_s - signal_s * x0_hat, term(x0_hat, "x0_hat", r"\hat x_0")
    image, noise = term(signal_t, "signal", r"\text{signal}_t"), term(noise_t, "eps", r"\text{noise}_t")
    st.markdown("The prediction splits the pixel into **image** and **noise**:")
    st.latex(
        r"{} = {} \times {} + {} \times {}".format(
            term(x, "x", "x_t"), image, prediction, noise, term(eps, "eps", r"\hat\epsilon")
        )
    )
    st.markdown("The step puts them together again for the lower timestep, with more image and less noise:")
    image, noise = term(signal_s, "signal", r"\text{signal}_s"), term(left, "eps", r"\text{noise in }x_s")
    st.latex(r"{} = {} \times {} + {}".format(term(x_s, "x", "x_s"), image, prediction, noise))
    st.caption(_why(sampler, schedule, state, after, eps_hat, place))


def _why(sampler, schedule, state, after, eps_hat, place):
    """Say in words where the noise after the step comes from."""
    if after.t == 0:
        return "At timestep 0 no noise is left: the image is the prediction."
    signal, noise = schedule.rates(after.t, after.x)
    scaled = f"{noise:.3f} × {_signed(float(eps_hat[place]))}"
    if (
        after.x - signal * state.x0_hat - noise * eps_hat
    ).abs().max() < 1e-4:  # over all pixels: a single one may agree by chance
        return f"The last number is the same noise as before, scaled to the new timestep: {scaled}. Nothing was sampled at random."
    words = f"The last number is not the old noise scaled to the new timestep, {scaled}: "
    if sampler not in CORRECTED:
        return words + LEFT.get(sampler, FRESH)
    used = float(prediction_used(schedule, state, after)[place])
    return f"{words}{CORRECTED[sampler]}. The pixel moved as if the prediction had been {used:.3f}, not {float(state.x0_hat[place]):.3f}."
