"""One step of a recorded walk in numbers: those that the chain used, for one pixel and for the whole image."""

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.state import guarded
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.samplers import predicted_noise

CHANNELS = ("red", "green", "blue")
NEW_NOISE = "this step replaced a part of it by new noise."
ONLY_NEW = {"Multistep renoising": "this step replaced all of it by new noise."}
CORRECTED = {  # these add no new noise, but step with a better prediction
    "Heun": "a second prediction, made where the step would have ended, corrects the first",
    "DPM-Solver++": "the line through the last prediction and this one is extrapolated",
}


@st.fragment
def inspect_step(recording):
    """Let a person choose a step, an image and a pixel of a Recording, and show the arithmetic of the step there."""
    with guarded("step"):
        _inspect(recording)


def _inspect(recording):
    pairs = recording.pairs[:-1]
    side, rest = st.columns([3, 8], gap="medium")
    with side:
        (state, after), (image, channel, row, column) = _ask_place(recording, pairs)
    schedule = recording.request.preset.noise_schedule()
    eps_hat = predicted_noise(schedule, state.x, state.x0_hat, state.t)
    images = (
        (f"$x_t$ at timestep {state.t}", "The noisy image before the step", state.x),
        ("prediction $\\hat x_0$", "The network's prediction of the clean image", state.x0_hat),
        ("predicted noise $\\hat\\epsilon$", "The predicted noise, a third as strong", eps_hat / 3),
        (f"$x_s$ at timestep {after.t}", "The image after the step", after.x),
    )
    with rest:
        with st.container(horizontal=True):
            for caption, alt, values in images:
                st.image(_framed(values[image], row, column), caption=caption, alt=alt, width=128)
        _show_equations(
            recording.request.preset.sampler, schedule, state, after, eps_hat, (image, channel, row, column)
        )


def _ask_place(recording, pairs):
    """Ask for a step and a pixel; returns (state, next state) and (image, channel, row, column)."""
    names = [f"{state.t} to {after.t}" for state, after in pairs]
    step = control(
        st.select_slider,
        "Step, from timestep to timestep",
        names,
        names[len(names) // 2],
        key="inspected_step",
        linked=False,
    )
    count = len(recording.request.class_names)
    image = 1 if count == 1 else control(st.slider, "Image", 1, count, 1, key="inspected_image", linked=False)
    height, width = pairs[0][0].x.shape[2:]
    row, column = (
        control(st.slider, "Row", 0, height - 1, height // 2, key="inspected_row", linked=False),
        control(st.slider, "Column", 0, width - 1, width // 2, key="inspected_column", linked=False),
    )
    channel = CHANNELS.index(
        control(
            st.segmented_control,
            "Channel",
            CHANNELS,
            default="red",
            required=True,
            key="inspected_channel",
            linked=False,
        )
    )
    return pairs[names.index(step)], (image - 1, channel, row, column)


def _framed(image, row, column):
    """Enlarge an image (3, h, w) twice, with a frame around one pixel."""
    page = grid(to_bytes(image[None]), zoom=2).copy()
    top, left = max(0, 2 * row - 4), max(0, 2 * column - 4)
    for value, inset in ((255, 0), (0, 1)):
        box = page[top + inset : top + 10 - inset, left + inset : left + 10 - inset]
        box[0], box[-1], box[:, 0], box[:, -1] = value, value, value, value
    return page


def prediction_used(schedule, state, after):
    """Return the prediction (b, 3, h, w) that would have led from state to after in a DDIM step with eta 0."""
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(state.t, state.x), schedule.rates(after.t, after.x)
    factor = noise_s / noise_t
    return (after.x - factor * state.x) / (signal_s - factor * signal_t)


def _signed(number):
    return f"{number:.3f}" if number >= 0 else f"({number:.3f})"


def _term(value, name, symbol):
    return rf"\underset{{{symbol}}}{{\textcolor{{{COLOUR[name]}}}{{{_signed(value)}}}}}"


def _show_equations(sampler, schedule, state, after, eps_hat, place):
    (signal_t, noise_t), (signal_s, noise_s) = (tuple(map(float, schedule.rates(m.t, m.x))) for m in (state, after))
    x, x0_hat, eps, x_s = (float(values[place]) for values in (state.x, state.x0_hat, eps_hat, after.x))
    left, prediction = x_s - signal_s * x0_hat, _term(x0_hat, "x0_hat", r"\hat x_0")
    image, noise = _term(signal_t, "signal", r"\text{signal}_t"), _term(noise_t, "eps", r"\text{noise}_t")
    st.markdown("The prediction splits the pixel into **image** and **noise**:")
    st.latex(
        r"{} = {} \times {} + {} \times {}".format(
            _term(x, "x", "x_t"), image, prediction, noise, _term(eps, "eps", r"\hat\epsilon")
        )
    )
    st.markdown("The step combines them again for the lower timestep, with more image and less noise:")
    image, noise = _term(signal_s, "signal", r"\text{signal}_s"), _term(left, "eps", r"\text{noise in }x_s")
    st.latex(r"{} = {} \times {} + {}".format(_term(x_s, "x", "x_s"), image, prediction, noise))
    st.caption(_explain(sampler, schedule, state, after, eps_hat, place))


def _explain(sampler, schedule, state, after, eps_hat, place):
    """Write where the noise after the step comes from."""
    if after.t == 0:
        return "At timestep 0 no noise is left: the image is the prediction."
    signal, noise = schedule.rates(after.t, after.x)
    scaled = f"{noise:.3f} × {_signed(float(eps_hat[place]))}"
    rest = after.x - signal * state.x0_hat - noise * eps_hat
    if rest.abs().max() < 1e-4:  # over all pixels: a single one may agree by chance
        return f"The last number is the same noise as before, scaled to the new timestep: {scaled}. No noise was added."
    words = f"The last number is not the old noise scaled to the new timestep, {scaled}: "
    if sampler not in CORRECTED:
        return words + ONLY_NEW.get(sampler, NEW_NOISE)
    used, first = float(prediction_used(schedule, state, after)[place]), float(state.x0_hat[place])
    return f"{words}{CORRECTED[sampler]}. The step equals one with the prediction {used:.3f}, not {first:.3f}."
