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
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.components.svg import widget
from diffusion_edu.app.unet.trajectory import PRESET
from diffusion_edu.figures.still import svg
from diffusion_edu.figures.unet import Axis, table
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
    figures = [(title, svg(figure, title)) for title, figure in _figures(found, layer.rpartition(".")[0])]
    widget.show(figures, "time embedding")
    scale = "" if found.scale is None else "Each channel is multiplied by 1 + scale, then the shift is added. "
    st.caption(
        "The network receives the timestep as the noise level 1000 θ, from 0 for a clean image to 1571 for pure noise. "
        "Sinusoids of high frequency distinguish neighbouring timesteps, those of low frequency distant ones. "
        f"{scale}Numbers and channels are sorted by their change from noise to image. There is no class condition here."
    )
    return layer


def _figures(found, part):
    """Make the figures, as (title, figure) pairs."""
    ticks = {str(t): INTERVALS * (1 - t / PRESET.T) for t in (PRESET.T, PRESET.T // 2, 0)}
    along, down = Axis("timestep t: noise → image", ticks), Axis("timestep t", ticks)
    width = found.sinusoids.shape[1]
    numbers = Axis("number", {"1": 0, f"{width // 2}": width // 2 - 1, f"{width}": width - 1})
    similarity = table(similarity_matrix(found.embedding).numpy(), along, down, signed=False)
    figures = [
        ("1. Sinusoids: sines above, cosines below", table(found.sinusoids.T.numpy(), along, numbers)),
        ("2. Time embedding: after two layers", _sorted_table(found.embedding, along, "number")),
        ("Similarity of timesteps (cosine)", similarity),
    ]
    modulation = (("Scale", found.scale), ("Shift", found.shift))
    figures += [
        (f"3. {name} of {part}", _sorted_table(values, along)) for name, values in modulation if values is not None
    ]
    return figures


def _sorted_table(values, along, name="channel"):
    """Show how each of values (timesteps, n) changes with the timestep; those that rise most come first."""
    order = (values[-1] - values[0]).argsort(descending=True)
    numbers = Axis(f"{name}, sorted", {"1": 0, str(values.shape[1]): values.shape[1] - 1})
    return table(values[:, order].T.numpy(), along, numbers)


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
