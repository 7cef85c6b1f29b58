"""How a class reaches the network: which classes have similar embeddings, or similar scales and shifts of the parts."""

import streamlit as st
import torch

from diffusion_edu.analysis.activations import (
    condition_embedding,
    conditioned_outputs,
    modulation_layers,
    principal_components,
    similarity_matrix,
)
from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.charts import CONFIG
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.common.state import own
from diffusion_edu.app.unet.trajectory import PRESET
from diffusion_edu.data.images import mean_colours
from diffusion_edu.figures.interactive import class_map
from diffusion_edu.figures.still import REAL

NEAREST = 6  # classes in the list
MODULATION, EMBEDDING = "scales and shifts", "class embedding"


@st.cache_data(max_entries=32, show_spinner=False)
def class_vectors(name, sha256, t, compared):
    """Compute one vector per class at timestep t, (classes, numbers): its embedding, or all scales and shifts."""
    model = models.get(name)
    labels = torch.tensor(
        [model.card.label(class_name) for class_name in model.card.condition_names], device=model.compute.device
    )
    layers = [condition_embedding(model.net)] if compared == EMBEDDING else modulation_layers(model.net)
    return conditioned_outputs(model.denoiser(PRESET.noise_schedule()), labels, t, layers).cpu()


def show(card, class_name):
    """Show which classes are similar for the network; returns the timestep and what was compared."""
    t, compared = _ask()
    vectors, names = class_vectors(card.name, card.sha256, t, compared), card.condition_names
    chosen = names.index(class_name)
    similarity = similarity_matrix(vectors)[chosen]
    nearest = [k for k in similarity.argsort(descending=True).tolist() if k != chosen][:NEAREST]
    positions, fractions = principal_components(vectors)
    left, right = st.columns([3, 2])
    figure = class_map(positions, class_colours(names), names, chosen, nearest)
    left.plotly_chart(figure, key=own("class_map"), config=CONFIG)
    lines = "\n".join(f"| {n} | {plain(names[k])} | {similarity[k]:.2f} |" for n, k in enumerate(nearest, 1))
    right.markdown(f"| | most similar to {plain(class_name)} | cosine similarity |\n| --- | --- | --- |\n{lines}")
    right.caption("1: the same direction; 0: nothing in common. The mean over all classes is subtracted first.")
    st.caption(
        f"The map shows the two principal components (PCA). They hold {fractions.sum():.0%} of the variance, so "
        f"trust the list more. {_colour_note(names)}"
    )
    return t, compared


def _ask():
    """Ask what is compared, and at which timestep."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    words = "Every class has an embedding. Every part computes scales and shifts from it, and from the time embedding."
    compared = control(
        row.segmented_control,
        "Compare classes by",
        [MODULATION, EMBEDDING],
        default=MODULATION,
        required=True,
        key="compare_by",
        help=words,
    )
    disabled = compared == EMBEDDING
    t = control(row.slider, "Timestep t", 0, PRESET.T, 800, 50, key="timestep", disabled=disabled, width=260)
    return t, compared


@st.cache_data(max_entries=8, show_spinner=False)
def class_colours(names):
    """Return for each class the mean colour of our images of it, grey where there are none."""
    try:
        dataset = image_picker.images()
    except ValueError:
        return [REAL] * len(names)
    return [_mean_colour(dataset, name) for name in names]


def _mean_colour(dataset, name):
    if name not in dataset.classes:
        return REAL
    images = dataset.take(dataset.labels == dataset.classes.index(name)).images
    colour = (mean_colours(images).mean(dim=0).flatten() + 1) / 2
    return "#{:02x}{:02x}{:02x}".format(*(int(255 * value) for value in colour.clamp(0, 1).tolist()))


def _colour_note(names):
    if set(class_colours(names)) == {REAL}:
        return ""
    return "Every dot has the mean colour of our images of its class; the network was never given these colours."


def code(card, class_name, t, compared, net):
    """Python code that computes the same numbers."""
    return snippet(
        __file__,
        "class_embedding",
        name=card.name,
        T=PRESET.T,
        t=t,
        class_name=class_name,
        layers=f'["{condition_embedding(net)}"]' if compared == EMBEDDING else "modulation_layers(model.net)",
        last=NEAREST + 1,
    )
