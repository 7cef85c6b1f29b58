"""The card of a model, for a person to read: what it is, how it was made, how good it is, and what it is bad at."""

from html import escape

import streamlit as st

from diffusion_edu.app.axes import in_words, with_band
from diffusion_edu.checkpoints import PRETRAINED, Card, Unusable, available, read_card
from diffusion_edu.denoisers import TARGETS

SAYS = {"eps": "the noise", "x0": "the clean picture", "v": "v, a mixture of noise and picture", "flow": "noise less picture"}
SCORES = {  # key in a card: what it is called, how it is written, and what is good
    "FD": ("Distance to real pictures (FD)", in_words, "lower is nearer"),
    "FD_floor": ("FD of one half of the real pictures to the other", in_words, "no model can be expected below this"),
    "FD_vae": ("FD of a variational autoencoder", in_words, "the baseline of the same pictures"),
    "FD_noise": ("FD of pure noise", in_words, "the baseline that everyone must beat"),
    "KD": ("Kernel distance (KD)", "{:.4f}".format, "lower is nearer"),
    "KD_floor": ("KD of both halves of the real pictures", "{:.4f}".format, "0 but for chance"),
    "memorised": ("Copies: drawings nearer to a training picture than 99% of real ones to each other", "{:.1%}".format, "about 1% or less"),
    "agreement": ("Drawings in which a judge sees what was asked for", "{:.0%}".format, "as in real pictures, or more"),
    "agreement_real": ("Real pictures in which the judge sees what they are", "{:.0%}".format, "the judge errs too"),
    "class_score": ("Kinds told apart in drawings", in_words, "higher is clearer and more varied"),
    "class_score_real": ("Kinds told apart in real pictures", in_words, "what to compare with"),
    "validation_accuracy": ("Accuracy on pictures it has not learned from", "{:.1%}".format, "higher is better"),
}
TRAINING = {
    "steps": "steps", "batch": "pictures per step", "lr": "learning rate", "ema": "decay of the moving average", "minutes": "minutes",
    "device": "computed on", "from": "began as", "loss": "loss in the end", "validation_loss": "loss on held-out pictures",
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


def what(card: Card):
    """Say in one or two sentences what a model is."""
    size = f"{card.size}x{card.size}"
    if card.kind in TARGETS:
        asked = (
            f", asked for one of {len(card.classes)} kinds" if card.classes else f", told {len(card.attributes)} attributes" * bool(card.attributes)
        )
        asked += f", given {card.guide}" if card.guide else ""
        return f"A diffusion model: it draws pictures of {size} out of noise{asked}. At every level its network says {SAYS[card.kind]}."
    if card.kind == "vae":
        return f"A variational autoencoder, the baseline for diffusion models: one pass of its decoder turns chance into a picture of {size}."
    if card.kind == "autoencoder":
        return f"An autoencoder for latent diffusion: it turns pictures of {size} into small maps, in which another model draws, and back."
    if card.kind == "restoration":
        return f"A restorer for cold diffusion: it undoes {', '.join(card.classes)} in pictures of {size}, and draws nothing by itself."
    seen = f"which of {len(card.classes)} kinds a picture shows" if card.classes else f"which of {len(card.attributes)} attributes a face has"
    return f"A classifier: it says {seen}. Drawings are described and judged by it."


def weaknesses(card: Card):
    """Say what a model is bad at, as its own numbers and what it has learned from show it; a list of sentences."""
    scores, found = card.scores, [card.caution] if card.caution else []
    if "FD" in scores and scores["FD"] > 2 * scores["FD_floor"]:
        times = scores["FD"] / scores["FD_floor"]
        found.append(
            f"In enough of its drawings one can tell that they are not real: they lie {times:.1f} times as far from real pictures as those do."
        )
    if {"agreement", "agreement_real"} <= scores.keys():
        if scores["agreement"] > scores["agreement_real"]:
            found.append("With the guidance of its preset drawings are more typical of their kind than photographs are: unusual ones are rare.")
        else:
            found.append("It does not always draw what it is asked for: the judge sees the kind less often than in photographs.")
    if scores.get("memorised", 0) > 0.01:
        found.append("Some of its drawings are nearer to training pictures than chance explains: it copies.")
    if grown := scores.get("FD_grown"):
        low, high = (in_words(pick(grown.values())) for pick in (min, max))
        found.append(f"What is lost for good it fills with averages: pictures grown from nothing have an FD of {low} to {high}.")
    if "validation_accuracy" in scores:
        found.append(f"It is wrong about {1 - scores['validation_accuracy']:.0%} of unseen pictures, and so every score that goes by it is relative.")
    if card.kind == "vae":
        found.append("What it draws is soft: a decoder that must answer for every code near its own learns averages.")
    if card.size <= 64 and card.kind in TARGETS:
        found.append(f"Nothing finer than a pixel of {card.size}x{card.size} has ever been seen by it.")
    if not scores:
        found.append("Nobody has measured it yet, or its card does not say so.")
    return found


def facts(card: Card):
    """Everything else that is known, as {what: value} in words."""
    weights = available()[card.name].with_suffix(".safetensors").stat().st_size
    found = {"Network": f"{card.network.replace('_', ' ')}, {weights / 2e6:.1f} million weights ({weights / 1e6:.0f} MB)"}
    if source := card.data.get("source"):
        pictures, kept = (card.data.get(name) for name in ("pictures", "held_out"))
        found["Learned from"] = source + (f": {pictures:,} pictures" if pictures else "") + (f", {kept:,} of them held out" if kept else "")
    if seen := card.training.get("pictures_seen"):
        found["Has seen"] = f"{seen:,} pictures" + (f", each about {seen / card.data['pictures']:.0f} times" if card.data.get("pictures") else "")
    training = [f"{words} {value:,}" if isinstance(value, int) else f"{words} {value}" for words, value in _known(card.training, TRAINING)]
    if training:
        found["Training"] = ", ".join(training)
    if objective := card.training.get("objective"):
        found["Learned to"] = ", ".join(f"{name} {value}" for name, value in objective.items() if value is not None)
    if card.sampling and card.kind in TARGETS:
        found["Draws best with"] = ", ".join(f"{name} {value}" for name, value in card.sampling.items() if value not in ({}, False))
    return found | ({"Licence": card.licence} if card.licence else {})


def _known(values, names):
    return [(words, values[name]) for name, words in names.items() if name in values]


def scores(card: Card):
    """The scores as rows of (what, value with its band, what is good)."""
    rows = []
    for name, (words, write, good) in SCORES.items():
        if name in card.scores:
            rows.append((words, with_band(card.scores, name, write), good))
    for name, value in card.scores.items():  # what only some evaluations measure
        if name not in SCORES and type(value) in (int, float) and not name.endswith("_band"):
            rows.append((name.replace("_", " "), in_words(value), ""))
    for name, value in card.scores.get("FD_grown", {}).items():
        rows.append((f"FD of pictures grown from what {name} leaves", in_words(value), "lower is nearer"))
    for name, levels in card.scores.get("restored", {}).items():
        level, ways = list(levels.items())[len(levels) // 2]
        said = ", ".join(f"{way} {measured['PSNR']:.1f} dB" for way, measured in ways.items())
        rows.append((f"PSNR after {name} up to level {level}", said, "higher is nearer"))
    return rows


def show(card: Card):
    """Show the card of an installed model."""
    st.markdown(what(card))
    sheet, words = st.columns([2, 3], gap="medium")
    with sheet:
        picture = PRETRAINED / f"{card.name}.png"
        if picture.is_file():
            st.image(str(picture), caption="Made by it, nobody has chosen among them", alt=f"A sheet of pictures by {card.title}")
        else:
            st.caption("No sheet of its pictures is shipped.")
    with words:
        st.markdown("**Known weaknesses**\n\n" + "\n".join(f"- {sentence}" for sentence in weaknesses(card)))
    if rows := scores(card):
        st.html(_table(("Score", "", "Good"), rows))
        _protocol(card)
    st.html(_table(("How it was made", ""), facts(card).items()))
    if card.kinds:
        with st.expander(f"All {len(card.kinds)} {'attributes' if card.attributes else 'kinds'}"):
            st.caption(", ".join(card.kinds))
    path = available()[card.name]
    st.download_button(
        "Download the card (JSON)", path.read_bytes(), path.name, "application/json", icon=":material/download:", key=f"json:{card.name}"
    )


def _protocol(card):
    if words := card.scores.get("protocol"):
        st.caption(f"How it was measured: {words}.")
    if command := card.scores.get("command"):
        st.code(command, language="sh", wrap_lines=True)


STYLE = """<style>.facts { border-collapse: collapse; width: 100%; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
.facts th, .facts td { text-align: left; vertical-align: top; padding: 3px 12px 3px 0; border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.3); }
.facts td { overflow-wrap: anywhere; } .facts th { font-weight: 600; }</style>"""


def _table(head, rows):
    """Write rows of words as HTML; the first word of each is its heading."""
    top = "".join(f'<th scope="col">{escape(word)}</th>' for word in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(str(word))}</td>" for word in rest) + "</tr>" for first, *rest in rows
    )
    return f'{STYLE}<table class="facts"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def button(card: Card):
    """Offer to open a card over the page."""
    if st.button(card.title, key=f"card:{card.name}", type="tertiary", icon=":material/badge:", help="Open its card"):
        st.dialog(card.title, width="large", icon=":material/badge:")(show)(card)
