"""The card of a model on screen: what it is, its weaknesses, its scores, and how it was made."""

from contextlib import suppress
from html import escape

import streamlit as st

from diffusion_edu.app.common.model_weaknesses import weaknesses
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.score_names import scores
from diffusion_edu.app.common.state import guarded, own
from diffusion_edu.card_fit import size_multiple
from diffusion_edu.checkpoints import PRETRAINED, Card, Unusable, available, read_card, read_cards
from diffusion_edu.denoisers import TARGETS

PREDICTS = {
    "eps": "the noise (eps)",
    "x0": "the clean image (x0)",
    "v": "v, a mixture of noise and image",
    "flow": "the flow velocity, noise minus image",
}
TRAINING = {  # key in a card: what it is called
    "steps": "steps",
    "batch": "images per step",
    "lr": "learning rate",
    "ema": "decay of the EMA weights",
    "minutes": "minutes",
    "device": "computed on",
    "from": "initialised from",
    "loss": "final loss",
    "validation_loss": "validation loss",
}


def everything():
    """Read the cards of all installed models as {name: Card}; unreadable ones are left out."""
    return read_cards()[0]


def pixels(card: Card):
    """Write the size of its images, for example 64x64.

    For a latent model the decoded size, if its autoencoder is installed.
    """
    size, known = card.size, available()
    if card.autoencoder in known:
        with suppress(Unusable):
            size *= size_multiple(read_card(known[card.autoencoder]))
    return f"{size}x{size}"


def what(card: Card):
    """Write in one or two sentences what a model is."""
    size = pixels(card)
    if card.prediction_type in TARGETS:
        predicts = f"Its network predicts {PREDICTS[card.prediction_type]} at every timestep."
        if card.autoencoder:
            latents = f"latents, {card.channels} maps of {card.size}x{card.size}"
            return (
                f"A latent diffusion model, text to image: it samples {latents}, conditioned on a prompt, and "
                f"{plain(card.autoencoder)} decodes them to an image of {size}. {predicts}"
            )
        return f"A diffusion model: it samples images of {size} from noise{_condition(card)}. {predicts}"
    if card.prediction_type == "vae":
        return f"A variational autoencoder (VAE), a baseline: its decoder turns Gaussian noise into an image of {size}."
    if card.prediction_type == "autoencoder":
        return f"An autoencoder for latent diffusion: it encodes images of {size} as small latents, and decodes them."
    if card.prediction_type == "restoration":
        return (
            f"A restoration network for cold diffusion: it undoes {plain(', '.join(card.classes))} in images of {size}."
        )
    classes = f"which of {len(card.classes)} classes an image shows"
    attributes = f"which of {len(card.attributes)} attributes a face has"
    return f"A classifier: it predicts {classes if card.classes else attributes}. It evaluates samples."


def _condition(card):
    """Write the condition of a diffusion model."""
    words = f", conditioned on {plain(card.conditioning_image)}" if card.conditioning_image else ""
    if card.classes:
        return f", conditioned on one of {len(card.classes)} classes{words}"
    return f", conditioned on {len(card.attributes)} attributes{words}" if card.attributes else words


def facts(card: Card):
    """Everything else that a card holds, as {name: value} in words."""
    weights = available()[card.name].with_suffix(".safetensors").stat().st_size
    network = card.network.replace("_", " ")
    found = {"Network": f"{network}, {weights / 2e6:.1f} million weights ({weights / 1e6:.0f} MB)"}
    images, held_out = (card.data.get(name) for name in ("images", "held_out"))
    if source := card.data.get("source"):
        found["Training data"] = (
            source
            + (f": {images:,} images" if images else "")
            + (f", {held_out:,} of them held out" if held_out else "")
        )
    if seen := card.training.get("images_seen"):
        found["Images seen"] = f"{seen:,} in all"
        if images and images > (held_out or 0):
            trained = images - (held_out or 0)
            found["Images seen"] += f", each of the {trained:,} about {seen / trained:.0f} times"
    training = [
        f"{name} {card.training[key]:,}" if isinstance(card.training[key], int) else f"{name} {card.training[key]}"
        for key, name in TRAINING.items()
        if card.training.get(key) is not None
    ]
    if training:
        found["Training"] = ", ".join(training)
    if objective := card.training.get("objective"):
        found["Objective"] = ", ".join(f"{name} {value}" for name, value in objective.items() if value is not None)
    if card.sampling and card.prediction_type in TARGETS:
        settings = {name: value for name, value in card.sampling.items() if value not in ({}, False)}
        found["Best sampling settings"] = ", ".join(f"{name} {value}" for name, value in settings.items())
    return found | ({"Licence": card.licence} if card.licence else {})


def show(card: Card):
    """Show the card of an installed model."""
    with guarded(f"card {card.name}"):
        _show(card)


def _show(card):
    st.markdown(what(card))
    sheet, words = st.columns([2, 3], gap="medium")
    with sheet:
        _show_sheet(card)
    with words:
        st.markdown("**Known weaknesses**\n\n" + "\n".join(f"- {sentence}" for sentence in weaknesses(card)))
    if rows := scores(card):
        st.html(table(("Score", "", "Good"), rows))
        _show_protocol(card)
    st.html(table(("How it was made", ""), facts(card).items()))
    if card.condition_names:
        with st.expander(f"All {len(card.condition_names)} {'attributes' if card.attributes else 'classes'}"):
            st.caption(plain(", ".join(card.condition_names)))
    path, key = available()[card.name], f"json:{card.name}"
    icon = ":material/download:"
    st.download_button("Download the card (JSON)", path.read_bytes(), path.name, "application/json", icon=icon, key=key)


def _show_sheet(card):
    image = PRETRAINED / f"{card.name}.png"
    if image.is_file():
        st.image(str(image), caption="Its samples, not selected", alt=f"A sheet of images by {card.title}")
    else:
        st.caption("There is no sheet of its samples.")


def _show_protocol(card):
    if words := card.scores.get("protocol"):
        st.caption(f"How it was measured: {plain(words)}.")
    if command := card.scores.get("command"):
        st.code(command, language="sh", wrap_lines=True)


STYLE = """<style>
.facts { border-collapse: collapse; width: 100%; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
.facts th, .facts td {
  text-align: left; vertical-align: top; padding: 3px 12px 3px 0;
  border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.3);
}
.facts td { overflow-wrap: anywhere; } .facts th { font-weight: 600; }
</style>"""


def table(head, rows):
    """Write rows of words as an HTML table; the first word of each row is its heading."""
    top = "".join(f'<th scope="col">{escape(word)}</th>' for word in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(str(word))}</td>" for word in rest)}</tr>'
        for first, *rest in rows
    )
    return f'{STYLE}<table class="facts"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def button(card: Card):
    """Show a button that opens the card over the page."""
    if st.button(
        plain(card.title), key=own(f"card:{card.name}"), type="tertiary", icon=":material/badge:", help="Open its card"
    ):
        st.dialog(plain(card.title), width="large", icon=":material/badge:")(show)(card)
