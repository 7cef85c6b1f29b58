"""The page "Inside the U-Net": map of the network, activations, attention, time and class embedding."""

import streamlit as st

from diffusion_edu.analysis.activations import (
    channel_std,
    conditioned_outputs,
    dead_fraction,
    outputs_at_timesteps,
    principal_components,
    similarity_matrix,
    time_sinusoids,
)
from diffusion_edu.analysis.attention import perplexity, record_attention, self_attention_off
from diffusion_edu.analysis.hooks import record_each, record_outputs
from diffusion_edu.analysis.network_summary import summarize
from diffusion_edu.app.common import models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.components.svg import widget
from diffusion_edu.app.jobs.task import animation_task, keep_done
from diffusion_edu.app.unet import (
    activation_animation,
    class_embedding,
    controls,
    diagram,
    layer_recording,
    time_embedding,
)
from diffusion_edu.app.unet.layer_recording import LayerRecording
from diffusion_edu.checkpoints import Unusable

MAP, CHANNELS, ATTENTION = "map", "activations", "attention"
TIME, CLASSES = "time embedding", "class embedding"
QUESTIONS = {
    MAP: "Follow the image down and up again: **where is most arithmetic, and what do skip connections carry?**",
    CHANNELS: "Drag the bar from noise to image: **do these channels show flower or noise, and when does it change?**",
    ATTENTION: "Click into the image: **does a petal attend to other petals, and what is lost without attention?**",
    TIME: "Read 1, 2, 3 from left to right: **how does one number, the timestep, scale and shift the channels?**",
    CLASSES: "Compare classes in both ways: **are embeddings similar, and what does the network treat alike?**",
}
NUMBERS = "compute exactly these numbers"
READS = "read exactly these numbers"


def show():
    """Show the page."""
    view = control(
        st.segmented_control,
        "View",
        list(QUESTIONS),
        default=MAP,
        required=True,
        key="view",
        label_visibility="collapsed",
    )
    st.markdown(QUESTIONS[view])
    with st.sidebar:
        card = models.pick()
    try:
        network = layer_recording.summary_of(card)
        with st.sidebar:
            part = controls.ask_part(network)
        trajectory = controls.ask_trajectory(card)
    except (Unusable, ValueError) as problem:
        st.error(plain(problem))
        st.stop()
    VIEWS[view](card, network, part, trajectory)


def _show_map(card, network, part, trajectory):
    second = controls.ask_second_network(card)
    maps = [_map(card, network, part.name, 470 if second else 900)]
    if second:
        maps.append(_map(second, layer_recording.summary_of(second), None, 470))
    widget.show(maps, "map", "map", controls.select_part)
    st.markdown(diagram.describe(network, part))
    st.caption(diagram.LEGEND)
    show_code(layer_recording.map_code(card), summarize, does="count exactly these numbers")


def _map(card, network, selected, width):
    size = (card.channels, card.size, card.size)
    return diagram.title(card, network), diagram.draw(network, size, selected, width)


def _show_channels(card, network, part, trajectory):
    recording = LayerRecording(trajectory, part.name, part.output_shape)
    if finished := keep_done(animation_task(recording)):
        animation, caption = finished.result
        activation_animation.show_channels(animation, "channels")
        shape = diagram.shape_text(finished.request.shape)
        st.caption(f"{caption} Its output: {shape}. {activation_animation.CHANNEL_CAPTION}")
    show_code(recording.code, record_outputs, record_each, channel_std, dead_fraction, does=READS)


def _show_attention(card, network, part, trajectory):
    layer = controls.ask_layer(network)
    if not layer:
        words = "its positions exchange information through convolutions only. Choose an attention U-Net."
        st.info(f"{plain(card.title)} has no attention: {words}", icon=":material/info:")
        return
    recording = LayerRecording(trajectory, layer.name, layer.output_shape, attention=True)
    if finished := keep_done(animation_task(recording)):
        animation, caption = finished.result
        activation_animation.show_attention(animation, "attention", "row", "column")
        st.caption(f"{caption} {activation_animation.ATTENTION_CAPTION}")
    show_code(recording.code, record_attention, self_attention_off, record_each, perplexity, does=READS)


def _show_time_embedding(card, network, part, trajectory):
    layer = time_embedding.show(card, part.name)
    code = time_embedding.code(card, layer, models.get(card.name).net)
    show_code(code, outputs_at_timesteps, time_sinusoids, similarity_matrix, does=NUMBERS)


def _show_class_embedding(card, network, part, trajectory):
    if not card.condition_names:
        words = "is an unconditional model: choose one with classes or attributes."
        st.info(f"{plain(card.title)} {words}", icon=":material/info:")
        return
    class_name = controls.class_of(trajectory, card)
    t, compared = class_embedding.show(card, class_name)
    code = class_embedding.code(card, class_name, t, compared, models.get(card.name).net)
    show_code(code, conditioned_outputs, similarity_matrix, principal_components, does=NUMBERS)


VIEWS = {
    MAP: _show_map,
    CHANNELS: _show_channels,
    ATTENTION: _show_attention,
    TIME: _show_time_embedding,
    CLASSES: _show_class_embedding,
}
