"""The model cards as pages: everything that pretrained/NAME.json says, in words and tables."""

import shutil
from pathlib import Path

from diffusion_edu.cards import Card
from diffusion_edu.checkpoints import PRETRAINED, read_cards
from diffusion_edu.files import to_json

FIGURES = {
    ".png": "Samples, not selected: neighbouring images have neighbouring seeds",
    ".growth.png": "The same samples, from the beginning of the training to its end",
    ".curve.png": "The loss of the training",
}
SETTINGS = ("", "sampler", "steps", "guidance_scale")  # the first columns of a table: what was set, then what came out
HEAD = """# Model cards

What each pretrained model is, what it was trained on, how good it is, and what it does badly. The words are
explained in the [glossary](../docs/glossary.md), and [Results](../docs/results.md) compares the models.
"""


def write(folder, target):
    """Write a page for each shipped model into a folder, with its images below target, and the page that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    found, broken = read_cards([PRETRAINED])
    if broken:
        raise ValueError(broken[0])
    for card in found.values():
        (folder / f"{card.name}.md").write_text(page(card, target), encoding="utf-8")
    rows = [(f"[{card.name}]({card.name}.md)", card.title, card.caution or "") for card in found.values()]
    tree = ("```{toctree}", ":hidden:", "", *found, "```\n")
    text = "\n".join((HEAD, table(("model", "what it is", "what it does badly"), rows), "", *tree))
    (folder / "index.md").write_text(text, encoding="utf-8")


def page(card: Card, target: Path):
    """Return the page of one card."""
    size = f"{card.size}x{card.size}, {card.channels} channels"
    facts = {
        "file": f"`pretrained/{card.name}.safetensors`",
        "network": f"`{card.network}`",
        "predicts": card.prediction_type,
        "latents" if card.autoencoder else "images": size,
        "autoencoder": f"[{card.autoencoder}]({card.autoencoder}.md)" if card.autoencoder else "",
        "conditioning image": card.conditioning_image,
        "licence": card.licence,
    }
    names = card.classes or card.attributes
    what = "classes" if card.classes else "attributes"
    parts = [
        f"# {card.title}",
        f"**What it does badly:** {card.caution}" if card.caution else "",
        *figures(card, target),
        table(("", ""), [(name, value) for name, value in facts.items() if value]),
        section("Its preset", card.sampling),
        section("Data", card.data),
        section("Training", card.training),
        section("Scores", card.scores),
        section("Config of the network", card.config),
        section("Text encoder", card.text),
        section("Latents", card.latents),
        f"## Its {len(names)} {what}\n\n{', '.join(names)}." if names else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def figures(card, target):
    """Copy the images of a model below target; return them as Markdown, with words for those who cannot see them."""
    shown = []
    for ending, caption in FIGURES.items():
        path = PRETRAINED / f"{card.name}{ending}"
        if path.is_file():
            (target / "pretrained").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / "pretrained" / path.name)
            shown.append(f"![{caption} ({card.title})](../pretrained/{path.name})\n\n*{caption}.*")
    return shown


def section(title, values):
    """Return a heading with a table of values; what has values of its own, or several rows, gets a table below it."""
    if not values:
        return ""
    plain = {key: value for key, value in values.items() if not tabular(value)}
    parts = [f"## {title}", table(("", ""), [(label(key), shown(value, key)) for key, value in plain.items()])]
    for key, value in values.items():
        if tabular(value):
            parts += [f"### {title}: {label(key)}", *grid(value)]
    return "\n\n".join(part for part in parts if part)


def tabular(value):
    """Whether a value is a table: rows with the same columns, or names with values."""
    return bool(value) and (isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict)))


def grid(value):
    """Return a nested value as tables: rows of a list, or names down and names across."""
    if isinstance(value, dict) and not all(isinstance(each, dict) for each in value.values()):
        return [table(("", ""), [(label(key), shown(each)) for key, each in value.items()])]
    if isinstance(value, dict) and any(isinstance(each, dict) for row in value.values() for each in row.values()):
        return [part for key, row in value.items() for part in (f"**{label(key)}**", *grid(row))]
    rows = value if isinstance(value, list) else [{"": key, **row} for key, row in value.items()]
    found = list(dict.fromkeys(key for row in rows for key in row))
    columns = sorted(found, key=lambda key: SETTINGS.index(key) if key in SETTINGS else len(SETTINGS))
    return [table([label(key) for key in columns], [[shown(row.get(key, "")) for key in columns] for row in rows])]


def label(key):
    """Turn the name of a field into words."""
    return str(key).replace("_", " ")


def shown(value, key=""):
    """Return a value as text: numbers with four digits, lists with commas, commands as code, all else as JSON."""
    if key.endswith("command"):
        return f"`{value}`"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return value if isinstance(value, str) else f"`{to_json(value)}`"


def table(head, rows):
    """Return a table in Markdown, or nothing if it has no rows."""
    lines = [head, ["---"] * len(head), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) if rows else ""
