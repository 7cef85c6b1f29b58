"""What a network is told: the level as waves, as an embedding, as scale and shift of a part; and which kinds it is told alike."""

from dataclasses import dataclass

import streamlit as st
import torch
from torch import Tensor

from diffusion_edu.analysis.activations import (
    at_each,
    embedder,
    likeness,
    modulators,
    parts_of,
    principal,
    told_class_names,
    waves,
)
from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.components.svg import widget
from diffusion_edu.app.unet.activations import BOUND, PRESET
from diffusion_edu.data.images import mean_colours
from diffusion_edu.figures.still import REAL, svg
from diffusion_edu.figures.unet import Axis, class_names_map, table

STEPS, NEAREST = 64, 6  # steps between the levels that are looked at; kinds in the list
PARTS, EMBEDDING = "what the parts are told", "its embedding"


def levels():
    """The levels that are looked at, from T to 0."""
    return [round(PRESET.T * k / STEPS) for k in range(STEPS, -1, -1)]


@dataclass(frozen=True)
class Telling:
    """How a network is told the level, over all levels: waves (n, width), embedding (n, width), scale and shift of one part (n, channels)."""

    waves: Tensor
    embedding: Tensor
    scale: Tensor | None
    shift: Tensor


def level_name(net):
    """Name the part that embeds the level."""
    return next(name for name in parts_of(net) if name.endswith("time_embedding"))


def modulator(net, part):
    """Name the layer that tells this part the level, or the last one of the network if this part is told nothing."""
    names = modulators(net)
    return next((name for name in names if name.rpartition(".")[0] == part), names[-1])


@st.cache_data(max_entries=16, show_spinner=False)
def telling(name, sha256, layer):
    """Ask a model at all levels what this layer says; sha256 tells models of the same name apart."""
    model = models.get(name)
    denoise, embedding = model.denoiser(PRESET.noise_schedule()), level_name(model.net)
    said = {name: values.cpu() for name, values in at_each(denoise, levels(), [embedding, layer]).items()}
    halves = said[layer].chunk(2, dim=1) if layer.endswith("modulate") else (None, said[layer])
    return Telling(waves(denoise, levels()), said[embedding], *halves)


def show_level(card, part):
    """Show how the level reaches the parts of a network, this part for example."""
    layer = modulator(models.get(card.name).net, part)
    told = telling(card.name, card.sha256, layer)
    along = Axis("level t: noise → image", {str(t): STEPS * (1 - t / PRESET.T) for t in (PRESET.T, PRESET.T // 2, 0)})
    down = Axis("level t", along.ticks)
    width = told.waves.shape[1]
    numbers = Axis("number", {"1": 0, f"{width // 2}": width // 2 - 1, f"{width}": width - 1})
    shown = [
        ("1. Waves: sines above, cosines below", table(told.waves.T.numpy(), along, numbers)),
        ("2. Embedding: the waves after two layers", _channels(told.embedding, along, "number")),
        (
            "How alike any two levels are told (cosine)",
            table(likeness(told.embedding).numpy(), along, down, signed=False),
        ),
    ]
    part = layer.rpartition(".")[0]
    shown += [
        (f"3. {word} of {part}", _channels(values, along))
        for word, values in (("Scale", told.scale), ("Shift", told.shift))
        if values is not None
    ]
    widget.show([(title, svg(figure, title)) for title, figure in shown], "level")
    less = "" if told.scale is None else "Each channel is multiplied by 1 + scale, and the shift is added. "
    st.caption(
        f"A level reaches the network as 1000 θ, from 0 for a clean image to 1571 for noise. Fast waves tell neighbours apart, slow ones tell near "
        f"from far. {less}Numbers and channels are sorted by how they change from noise to image; nothing is asked for here."
    )
    return layer


def _channels(values, along, what="channel"):
    """Show how each of values (levels, n) changes with the level, those that rise most first."""
    rising = values[-1] - values[0]
    return table(
        values[:, rising.argsort(descending=True)].T.numpy(),
        along,
        Axis(f"{what}, sorted", {"1": 0, str(values.shape[1]): values.shape[1] - 1}),
    )


def level_code(card, layer, net):
    """The lines of Python that compute the same numbers."""
    return (
        "from diffusion_edu.checkpoints import load\n"
        "from diffusion_edu.analysis.activations import at_each, likeness, waves\n"
        "from diffusion_edu.schedules import cosine\n\n"
        f'denoise = load("{card.name}").denoiser(cosine({PRESET.T}))\n'
        f"levels = [round({PRESET.T} * k / {STEPS}) for k in range({STEPS}, -1, -1)]\n"
        f'said = at_each(denoise, levels, ["{level_name(net)}", "{layer}"])\n'
        "table = waves(denoise, levels)                    # (levels, width)\n"
        f'embedding = said["{level_name(net)}"]            # (levels, width)\n'
        "alike = likeness(embedding)                       # (levels, levels)\n"
        f'told = said["{layer}"]                            # (levels, numbers): {"scale, then shift" if layer.endswith("modulate") else "shift"}\n'
    )


@st.cache_data(max_entries=32, show_spinner=False)
def class_names_told(name, sha256, t, which):
    """Say what a model of this name and sha256 is told about each of its kinds at level t, (kinds, numbers)."""
    model = models.get(name)
    labels = torch.tensor(
        [model.card.label(class_name) for class_name in model.card.condition_names], device=model.compute.device
    )
    names = [embedder(model.net)] if which == EMBEDDING else modulators(model.net)
    return told_class_names(model.denoiser(PRESET.noise_schedule()), labels, t, names).cpu()


def show_class_names(card, class_name):
    """Show which kinds the network is told alike, and the kinds nearest to this one; returns the level and what was compared."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    words = "Each kind has an embedding; every part makes scales and shifts of it, together with the level."
    which = row.segmented_control(
        "Compare kinds by", [PARTS, EMBEDDING], default=PARTS, required=True, key="compare", help=words, **BOUND
    )
    t = row.slider("Level t", 0, PRESET.T, 800, 50, key="at", disabled=which == EMBEDDING, width=260, **BOUND)
    said, names = class_names_told(card.name, card.sha256, t, which), card.condition_names
    chosen, cosines = names.index(class_name), likeness(said)[names.index(class_name)]
    near = [k for k in cosines.argsort(descending=True).tolist() if k != chosen][:NEAREST]
    places, fractions = principal(said)
    left, right = st.columns([3, 2])
    alt = f"Map of {len(names)} kinds; {class_name} carries its name, the {len(near)} told most like it their number in the list"
    with left:
        widget.show(
            [("", svg(class_names_map(places.numpy(), colours(names), chosen, class_name, near), alt))], "class_names"
        )
    lines = "\n".join(f"| {n} | {names[k]} | {cosines[k]:.2f} |" for n, k in enumerate(near, 1))
    right.markdown(f"| | told most like {class_name} | cosine |\n| --- | --- | --- |\n{lines}")
    right.caption("1: told the same; 0: nothing in common; what all kinds have in common is taken away first.")
    st.caption(
        f"The two directions in which the kinds differ most (PCA); they hold {fractions.sum():.0%} of all differences: trust the list more. "
        f"{_colours_words(names)}"
    )
    return t, which


@st.cache_data(max_entries=8, show_spinner=False)
def colours(names):
    """Give each kind the mean colour of our images of it, grey where we have none."""
    try:
        known = image_picker.images()
    except ValueError:
        return [REAL] * len(names)
    return [_mean(known, name) for name in names]


def _mean(known, name):
    if name not in known.classes:
        return REAL
    colour = (mean_colours(known.take(known.labels == known.classes.index(name)).images).mean(dim=0).flatten() + 1) / 2
    return "#{:02x}{:02x}{:02x}".format(*(int(255 * value) for value in colour.clamp(0, 1).tolist()))


def _colours_words(names):
    return (
        ""
        if set(colours(names)) == {REAL}
        else "Every dot has the mean colour of our images of its kind, which the network was never told."
    )


def class_names_code(card, class_name, t, which, net):
    """The lines of Python that compute the same numbers."""
    names = f'["{embedder(net)}"]' if which == EMBEDDING else "modulators(model.net)"
    return (
        "import torch\n\n"
        "from diffusion_edu.checkpoints import load\n"
        f"from diffusion_edu.analysis.activations import likeness, {'' if which == EMBEDDING else 'modulators, '}principal, told_kinds\n"
        "from diffusion_edu.schedules import cosine\n\n"
        f'model = load("{card.name}")\n'
        "kinds = model.card.condition_names\n"
        "labels = torch.tensor([model.card.label(kind) for kind in kinds], device=model.compute.device)\n"
        f"told = told_kinds(model.denoiser(cosine({PRESET.T})), labels, {t}, {names})\n"
        f'alike = likeness(told)[kinds.index("{class_name}")]\n'
        "places, shares = principal(told)                  # (kinds, 2), (2,)\n"
        f"for k in alike.argsort(descending=True)[1:{NEAREST + 1}]:\n"
        "    print(kinds[k], alike[k])\n"
    )
