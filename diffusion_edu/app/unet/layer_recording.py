"""What the page records while the network runs: its parts, the output of one part, or attention weights."""

from dataclasses import dataclass

import streamlit as st

from diffusion_edu.analysis.attention import record_attention, self_attention_off
from diffusion_edu.analysis.hooks import record_each, record_outputs
from diffusion_edu.analysis.network_summary import summarize
from diffusion_edu.app.common import models
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.unet import trajectory as trajectories
from diffusion_edu.app.unet.activation_animation import attention_animation, channel_animation
from diffusion_edu.app.unet.trajectory import Trajectory
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.randomness import SeededNoise

UNETS = ("attention_unet", "simple_unet", "experts")
SUMMARY_T = 400  # the timestep of the forward pass that the map shows; it is the same at all others


@dataclass(frozen=True, eq=False)
class LayerRecording:
    """One part of the network, recorded along a trajectory; see jobs.task.animation_task.

    Records the output of the part, shape (channels, height, width), or, with attention, its attention weights, and the
    same trajectory with attention switched off.
    """

    trajectory: Trajectory
    part: str
    shape: tuple[int, ...]
    attention: bool = False

    @property
    def key(self):
        """The key of the task."""
        return "unet attention" if self.attention else "unet channels"

    @property
    def id(self):
        """Equal for equal settings."""
        return settings_id(self.trajectory.settings, self.part, self.attention)

    @property
    def models(self):
        """The name of the model."""
        return [self.trajectory.card.name]

    @property
    def total(self):
        """The number of items that run yields."""
        return trajectories.PRESET.steps

    def run(self, model):
        """Yield (State, what was record_outputs, State with attention off or None) for every timestep above 0."""
        states, net = self.trajectory.states(model), model.net
        if not self.attention:
            for state, outputs in record_each(states, lambda: record_outputs(net, [self.part])):
                if outputs[self.part]:
                    yield state, outputs[self.part][-1].cpu(), None
            return
        without = record_each(self.trajectory.states(model), lambda: self_attention_off(net))
        for (state, weights), (off, _) in zip(record_each(states, lambda: record_attention(net)), without, strict=True):
            if weights[self.part]:
                yield state, weights[self.part][-1].cpu(), off

    def preview(self, item):
        """The noisy image of an item, as (images, caption) pairs."""
        state = item[0]
        return [(state.x, f"The noisy image at timestep {state.t}")]

    def animation(self, items):
        """What the browser shows of all items, as a dict."""
        states, recordings, off = zip(*items, strict=True)
        T = trajectories.PRESET.T
        if self.attention:
            return attention_animation(states, recordings, off, self.shape[1:], T)
        return channel_animation(states, recordings, T)

    def caption(self, items):
        """Name the image and the part."""
        return f"{plain(self.trajectory.caption)}; part `{self.part}`."

    @property
    def code(self):
        """Python code that reads the same numbers."""
        return snippet(
            __file__,
            "self_attention" if self.attention else "channels",
            imports=self.trajectory.imports,
            trajectory=self.trajectory.code,
            part=self.part,
        )


@st.cache_data(max_entries=16, show_spinner=False)
def _summary(name, sha256):
    model = models.get(name)
    x = model.compute.place(SeededNoise([0]).sample((model.card.channels, model.card.size, model.card.size)))
    return summarize(model.denoiser(trajectories.PRESET.noise_schedule()), x, SUMMARY_T)


def summary_of(card):
    """Return the parts of a model, computed once; raises Unusable, also for a network that is no U-Net."""
    if card.network not in UNETS:
        raise Unusable(f"{card.title} is not a U-Net (its network is {card.network!r}), so there is no map of it.")
    return _summary(card.name, card.sha256)


def map_code(card):
    """Python code that counts the numbers on the map."""
    shape = (card.channels, card.size, card.size)
    return snippet(__file__, "network_map", name=card.name, shape=shape, T=trajectories.PRESET.T, t=SUMMARY_T)
