"""How the timestep reaches the network: sinusoids, the time embedding, and the scale and shift of a part."""

from dataclasses import dataclass

import streamlit as st
from torch import Tensor

from diffusion_edu.analysis.activations import (
    modulation_layers,
    outputs_at_timesteps,
    similarity_matrix,
    time_sinusoids,
)
from diffusion_edu.analysis.network_summary import parts_of
from diffusion_edu.app.common import models
from diffusion_edu.app.common.charts import show_figures
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.unet.trajectory import PRESET
from diffusion_edu.figures.charts import Axis, timestep_axis
from diffusion_edu.figures.interactive import heat_map
from diffusion_edu.networks.blocks import ResidualBlock

INTERVALS = 64  # between the timesteps on the figures


def shown_timesteps():
    """Return the timesteps on the figures, from T down to 0."""
    return [round(PRESET.T * k / INTERVALS) for k in range(INTERVALS, -1, -1)]


@dataclass(frozen=True)
class TimeConditioning:
    """How the timestep enters the network, over n timesteps.

    sinusoids and embedding (n, width); scale and shift of one part (n, channels), scale None where there is none.
    """

    sinusoids: Tensor
    embedding: Tensor
    scale: Tensor | None
    shift: Tensor


def embedding_name(net):
    """Return the name of the time embedding of a network."""
    return next(name for name in parts_of(net) if name.endswith("time_embedding"))


def modulation_layer(net, part):
    """Return the layer that conditions this part on the timestep, or the last one of the network if there is none."""
    names = modulation_layers(net)
    return next((name for name in names if name.rpartition(".")[0] == part), names[-1])


def has_scale(net, layer):
    """Return whether a modulation layer gives scale and shift; in the simple U-Net it gives the shift alone."""
    return isinstance(net.get_submodule(layer.rpartition(".")[0]), ResidualBlock)


@st.cache_data(max_entries=16, show_spinner=False)
def time_conditioning(name, sha256, layer):
    """Compute the TimeConditioning of a model at all shown timesteps; sha256 distinguishes models of the same name."""
    model = models.get(name)
    denoise, embedding = model.denoiser(PRESET.noise_schedule()), embedding_name(model.net)
    timesteps = shown_timesteps()
    outputs = outputs_at_timesteps(denoise, timesteps, [embedding, layer])
    outputs = {name: values.cpu() for name, values in outputs.items()}
    halves = outputs[layer].chunk(2, dim=1) if has_scale(model.net, layer) else (None, outputs[layer])
    return TimeConditioning(time_sinusoids(denoise, timesteps), outputs[embedding], *halves)


def show(card, part):
    """Show how the timestep reaches the parts of a network, with this part as the example; returns the layer shown."""
    layer = modulation_layer(models.get(card.name).net, part)
    found = time_conditioning(card.name, card.sha256, layer)
    show_figures(_figures(found, layer.rpartition(".")[0]), "time_embedding", columns=3)
    scale = "" if found.scale is None else "Each channel is multiplied by 1 + scale, then the shift is added. "
    st.caption(
        "The network receives the timestep as the noise level 1000 θ, from 0 for a clean image to 1571 for pure noise. "
        "Sinusoids of high frequency distinguish neighbouring timesteps, those of low frequency distant ones. "
        f"{scale}Numbers and channels are sorted by their change from noise to image. There is no class condition here."
    )
    return layer


def _figures(found, part):
    """Make the heat maps: sinusoids, time embedding, similarity of timesteps, scale and shift of a part."""
    axis, timesteps = timestep_axis(PRESET.T), shown_timesteps()
    width = found.sinusoids.shape[1]
    numbers = Axis("number", width + 0.5, 0.5, {str(n): n for n in (1, width // 2, width)})
    similarity = similarity_matrix(found.embedding).numpy()
    falling = Axis(axis.title, 0, PRESET.T, axis.ticks)
    figures = [
        heat_map("1. Sinusoids", found.sinusoids.T, axis, numbers, (timesteps, list(range(1, width + 1)))),
        _sorted("2. Time embedding", found.embedding, "number"),
        heat_map("Similarity of timesteps (cosine)", similarity, axis, falling, (timesteps, timesteps), signed=False),
    ]
    modulation = (("Scale", found.scale), ("Shift", found.shift))
    return figures + [_sorted(f"3. {name} of {part}", values) for name, values in modulation if values is not None]


def _sorted(title, values, name="channel"):
    """Show how each of values (timesteps, n) changes with the timestep; those that rise most come first."""
    order, count = (values[-1] - values[0]).argsort(descending=True), values.shape[1]
    numbers = Axis(f"{name}, sorted", count + 0.5, 0.5, {"1": 1, str(count): count})
    at = (shown_timesteps(), list(range(1, count + 1)))
    return heat_map(title, values[:, order].T, timestep_axis(PRESET.T), numbers, at)


def code(card, layer, net):
    """Python code that computes the same numbers."""
    numbers = "scale, then shift" if has_scale(net, layer) else "shift"
    return snippet(
        __file__,
        "time_embedding",
        name=card.name,
        T=PRESET.T,
        intervals=INTERVALS,
        embedding=embedding_name(net),
        layer=layer,
        numbers=numbers,
    )
