"""The card of a model, for a person to read: what it is, how it was made, how good it is, and what it is bad at."""

from html import escape

import streamlit as st
import torch

from diffusion_edu.app.common.score_names import scores
from diffusion_edu.app.trajectories.chart_axes import in_words
from diffusion_edu.checkpoints import PRETRAINED, Card, Unusable, available, read_card
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.networks import NETWORKS

SAYS = {
    "eps": "the noise",
    "x0": "the clean image",
    "v": "v, a mixture of noise and image",
    "flow": "noise less image",
}
TRAINING = {
    "steps": "steps", "batch": "images per step", "lr": "learning rate", "ema": "decay of the moving average", "minutes": "minutes",
    "device": "computed on", "from": "began as", "loss": "loss in the end", "validation_loss": "loss on held-out images",
}  # fmt: skip


def everything():
    """Read the cards of all models that are installed, drawing or not, as {name: Card}; what cannot be read is left out."""
    found = {}
    for name, path in available().items():
        try:
            found[name] = read_card(path)
        except Unusable:
            continue
    return found


def pixels(card: Card):
    """Say how large its images are, for example 64x64: if it draws latents, what its autoencoder makes of them, where that is installed."""
    size, known = card.size, available()
    if card.autoencoder in known:
        coder = read_card(known[card.autoencoder])
        with torch.device("meta"):
            size *= NETWORKS[coder.network](**coder.config).size_multiple
    return f"{size}x{size}"


def what(card: Card):
    """Say in one or two sentences what a model is."""
    size = pixels(card)
    if card.autoencoder and card.prediction_type in TARGETS:
        latents = f"{card.channels} maps of {card.size}x{card.size}"
        return (
            f"A latent diffusion model: it draws {latents} out of noise, as a text asks, and {card.autoencoder!r} makes an image of {size} of them. "
            f"At every timestep its network says {SAYS[card.prediction_type]}, of latents."
        )
    if card.prediction_type in TARGETS:
        asked = (
            f", asked for one of {len(card.classes)} kinds"
            if card.classes
            else f", told {len(card.attributes)} attributes" * bool(card.attributes)
        )
        asked += f", given {card.conditioning_image}" if card.conditioning_image else ""
        return f"A diffusion model: it draws images of {size} out of noise{asked}. At every timestep its network says {SAYS[card.prediction_type]}."
    if card.prediction_type == "vae":
        return f"A variational autoencoder, the baseline for diffusion models: one pass of its decoder turns chance into an image of {size}."
    if card.prediction_type == "autoencoder":
        return f"An autoencoder for latent diffusion: it turns images of {size} into small maps, in which another model draws, and back."
    if card.prediction_type == "restoration":
        return f"A restorer for cold diffusion: it undoes {', '.join(card.classes)} in images of {size}, and draws nothing by itself."
    seen = (
        f"which of {len(card.classes)} kinds an image shows"
        if card.classes
        else f"which of {len(card.attributes)} attributes a face has"
    )
    return f"A classifier: it says {seen}. Samples are described and judged by it."


def weaknesses(card: Card):
    """Say what a model is bad at, as its own numbers and what it has learned from show it; a list of sentences."""
    scores, found = card.scores, [card.caution] if card.caution else []
    if "FD" in scores and scores["FD"] > 2 * scores["FD_floor"]:
        times = scores["FD"] / scores["FD_floor"]
        found.append(
            f"In enough of its samples one can tell that they are not real: they lie {times:.1f} times as far from real images as those do."
        )
    if {"class_accuracy", "class_accuracy_real"} <= scores.keys():
        if scores["class_accuracy"] > scores["class_accuracy_real"]:
            found.append(
                "With the guidance of its preset samples are more typical of their kind than photographs are: unusual ones are rare."
            )
        else:
            found.append(
                "It does not always draw what it is asked for: the judge sees the kind less often than in photographs."
            )
    if scores.get("memorised", 0) > 0.01:
        found.append("Some of its samples are nearer to training images than chance explains: it copies.")
    if grown := scores.get("FD_grown"):
        low, high = (in_words(pick(grown.values())) for pick in (min, max))
        found.append(
            f"What is lost for good it fills with averages: images grown from nothing have an FD of {low} to {high}."
        )
    if "validation_accuracy" in scores:
        found.append(
            f"It is wrong about {1 - scores['validation_accuracy']:.0%} of unseen images, and so every score that goes by it is relative."
        )
    if card.prediction_type == "vae":
        found.append("What it draws is soft: a decoder that must answer for every code near its own learns averages.")
    if card.autoencoder:
        found.append(f"What {card.autoencoder!r} cannot keep, it cannot draw: hair, grass and letters are soft.")
    elif card.size <= 64 and card.prediction_type in TARGETS:
        found.append(f"Nothing finer than a pixel of {card.size}x{card.size} has ever been seen by it.")
    if not scores:
        found.append("Nobody has measured it yet, or its card does not say so.")
    return found


def facts(card: Card):
    """Everything else that is known, as {what: value} in words."""
    weights = available()[card.name].with_suffix(".safetensors").stat().st_size
    found = {
        "Network": f"{card.network.replace('_', ' ')}, {weights / 2e6:.1f} million weights ({weights / 1e6:.0f} MB)"
    }
    if source := card.data.get("source"):
        images, kept = (card.data.get(name) for name in ("images", "held_out"))
        found["Learned from"] = (
            source + (f": {images:,} images" if images else "") + (f", {kept:,} of them held out" if kept else "")
        )
    if seen := card.training.get("images_seen"):
        found["Has seen"] = f"{seen:,} images" + (
            f", each about {seen / card.data['images']:.0f} times" if card.data.get("images") else ""
        )
    training = [
        f"{words} {value:,}" if isinstance(value, int) else f"{words} {value}"
        for words, value in _known(card.training, TRAINING)
    ]
    if training:
        found["Training"] = ", ".join(training)
    if objective := card.training.get("objective"):
        found["Learned to"] = ", ".join(f"{name} {value}" for name, value in objective.items() if value is not None)
    if card.sampling and card.prediction_type in TARGETS:
        found["Draws best with"] = ", ".join(
            f"{name} {value}" for name, value in card.sampling.items() if value not in ({}, False)
        )
    return found | ({"Licence": card.licence} if card.licence else {})


def _known(values, names):
    return [(words, values[name]) for name, words in names.items() if name in values]


def show(card: Card):
    """Show the card of an installed model."""
    st.markdown(what(card))
    sheet, words = st.columns([2, 3], gap="medium")
    with sheet:
        image = PRETRAINED / f"{card.name}.png"
        if image.is_file():
            st.image(
                str(image),
                caption="Made by it, nobody has chosen among them",
                alt=f"A sheet of images by {card.title}",
            )
        else:
            st.caption("No sheet of its images is shipped.")
    with words:
        st.markdown("**Known weaknesses**\n\n" + "\n".join(f"- {sentence}" for sentence in weaknesses(card)))
    if rows := scores(card):
        st.html(table(("Score", "", "Good"), rows))
        _protocol(card)
    st.html(table(("How it was made", ""), facts(card).items()))
    if card.condition_names:
        with st.expander(f"All {len(card.condition_names)} {'attributes' if card.attributes else 'class_names'}"):
            st.caption(", ".join(card.condition_names))
    path = available()[card.name]
    st.download_button(
        "Download the card (JSON)",
        path.read_bytes(),
        path.name,
        "application/json",
        icon=":material/download:",
        key=f"json:{card.name}",
    )


def _protocol(card):
    if words := card.scores.get("protocol"):
        st.caption(f"How it was measured: {words}.")
    if command := card.scores.get("command"):
        st.code(command, language="sh", wrap_lines=True)


STYLE = """<style>.facts { border-collapse: collapse; width: 100%; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
.facts th, .facts td { text-align: left; vertical-align: top; padding: 3px 12px 3px 0; border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.3); }
.facts td { overflow-wrap: anywhere; } .facts th { font-weight: 600; }</style>"""


def table(head, rows):
    """Write rows of words as HTML; the first word of each is its heading."""
    top = "".join(f'<th scope="col">{escape(word)}</th>' for word in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(str(word))}</td>" for word in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return f'{STYLE}<table class="facts"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def button(card: Card):
    """Offer to open a card over the page."""
    if st.button(card.title, key=f"card:{card.name}", type="tertiary", icon=":material/badge:", help="Open its card"):
        st.dialog(card.title, width="large", icon=":material/badge:")(show)(card)
