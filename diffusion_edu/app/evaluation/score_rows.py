"""The rows of the score tables: models, and what they are compared with, sorted by their distance to real images."""

import json
from dataclasses import dataclass

from diffusion_edu.app.common.model_card import pixels
from diffusion_edu.app.common.models import labelled
from diffusion_edu.checkpoints import PRETRAINED, Card

MODEL, REAL, NOISE, VAE, PIXELS = "model", "real", "noise", "VAE", "pixels"
SHRUNK = "Shrunk to as many numbers as the latents have, and enlarged again (bicubic)"
NEAREST = 1e-6  # a smaller distance is 0 but for rounding, and 0 has no place on a logarithmic scale
BASELINES = {  # "what" in the file of all scores: the role of the row, and its name
    "real halves": (REAL, "Real, half against half"),
    "noise": (NOISE, "Pure noise"),
    "VAE": (VAE, "Variational autoencoder"),
}
CARD_SCORES = {"real halves": "FD_floor", "noise": "FD_noise", "VAE": "FD_vae"}  # the same baselines in a card


@dataclass(frozen=True)
class ScoreRow:
    """One row of a table: its name, its role (which chooses its mark), its scores by name, and the card of a model."""

    name: str
    role: str
    scores: dict
    card: Card | None = None


def model_tables(cards, path=None):
    """Group the models that were compared with the same real images: {title: ScoreRows, nearest first}.

    cards is {name: Card}; path is the file of all scores. The baselines come from it, or else from the cards. The
    largest table comes first.
    """
    tables = {}
    for label, card in labelled(cards).items():
        if has_place(card.scores):
            title = f"{card.subject.capitalize()}, {pixels(card)}"
            role = VAE if card.prediction_type == "vae" else MODEL
            tables.setdefault(title, []).append(ScoreRow(label, role, card.scores, card))
    baselines = _baselines(path or PRETRAINED / "scores.json")
    for title, rows in tables.items():
        others = _missing_baselines(rows, [row for table, row in baselines if table == title])
        tables[title] = sorted(rows + others, key=lambda row: row.scores["FD"])
    return dict(sorted(tables.items(), key=lambda table: -len(table[1])))


def _missing_baselines(rows, known):
    """Return one row for each baseline that is not among the rows: a known one, else one with the FD of a card."""
    present = {row.role for row in rows} - {MODEL}
    others = [row for row in known if row.role not in present]
    present |= {row.role for row in others}
    for what, (role, name) in BASELINES.items():
        scores = [distance for row in rows if (distance := row.scores.get(CARD_SCORES[what], 0)) > NEAREST]
        if role not in present and scores:
            others.append(ScoreRow(name, role, {"FD": scores[0]}))
    return others


def _baselines(path):
    """Read the baselines from the file of all scores, as (title, ScoreRow); [] if there is no such file."""
    try:
        return [
            (
                f"{row['data'].capitalize()}, {row['size']}x{row['size']}",
                ScoreRow(BASELINES[row["what"]][1], BASELINES[row["what"]][0], row),
            )
            for row in json.loads(path.read_text(encoding="utf-8"))["rows"]
            if row["what"] in BASELINES and has_place(row)
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def autoencoder_tables(cards):
    """Compare each autoencoder with images of as many pixels as its latents: {title: ScoreRows, nearest first}."""
    tables = {}
    for label, card in labelled(cards).items():
        rows = [
            ScoreRow(label, MODEL, card.scores.get("autoencoder", {}), card),
            ScoreRow(SHRUNK, PIXELS, card.scores.get("bicubic", {})),
            ScoreRow("Real, the images themselves", REAL, {"FD": card.scores.get("FD_floor", 0)}),
        ]
        if all(has_place(row.scores) for row in rows):
            title = f"{card.subject.capitalize()}, {pixels(card)}, reconstructed"
            title += f" by {label}" if title in tables else ""
            tables[title] = sorted(rows, key=lambda row: row.scores["FD"])
    return tables


def has_place(scores):
    """Whether a measurement has a distance that a logarithmic scale can show."""
    return (scores.get("FD") or 0) > NEAREST
