"""Prompts read from files: those that a model has learned from, or others that it has never seen."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

NAMES = {
    "text": ("caption", "prompt", "text"),
    "subject": ("subject",),
    "category": ("category",),
}  # what columns and keys may be called
HOW = (
    "give a list of texts, or texts under each subject, as JSON, a parquet file with the column caption, or a text "
    "file with a prompt in every line"
)


@dataclass(frozen=True)
class Said:
    """A prompt, what it is about, and of which category that is, "" where nobody said."""

    text: str
    subject: str = ""
    category: str = ""


def load_prompts(path, categories=()):
    """Read prompts, a tuple of Said, from a parquet, JSON or text file; categories {subject: category} fills gaps.

    JSON may be a list of texts, a list of objects, or texts under subjects, also under categories. Raises ValueError,
    in one sentence, if there is no prompt in it.
    """
    path, categories = Path(path).expanduser(), dict(categories)
    if not path.is_file():
        raise ValueError(f"There is no file '{path}' with prompts: {HOW}.")
    try:
        rows = READERS.get(path.suffix.lower(), lines)(path)
        said = [Said(*(" ".join(part.split()) for part in row)) for row in rows]
    except Exception as problem:  # a broken file makes its reader fail in any way it likes
        raise ValueError(f"The prompts in {path.name} cannot be read ({type(problem).__name__}): {HOW}.") from None
    if not any(each.text for each in said):
        raise ValueError(f"There is no prompt in {path.name}: {HOW}.")
    return tuple(
        Said(each.text, each.subject, each.category or categories.get(each.subject, "")) for each in said if each.text
    )


def pick(said, seed, categories=(), subjects=()):
    """Choose a Said by seed among these categories and subjects (none: all); raises ValueError if none fits."""
    fits = [
        each
        for each in said
        if (not categories or each.category in categories) and (not subjects or each.subject in subjects)
    ]
    if not fits:
        raise ValueError(
            f"No prompt is about {', '.join([*categories, *subjects]) or 'anything'}: "
            "choose other categories and subjects."
        )
    return random.Random(int(seed)).choice(fits)


def row_of(found):
    """Read text, subject and category off a dict."""
    return tuple(next((found[name] or "" for name in names if name in found), "") for names in NAMES.values())


def parquet(path):
    """Read the rows of a parquet file, and none of its images."""
    import pyarrow.parquet

    there = pyarrow.parquet.read_schema(path).names
    wanted = [name for names in NAMES.values() for name in names if name in there]
    return [row_of(found) for found in pyarrow.parquet.read_table(path, columns=wanted).to_pylist()]


def from_json(path):
    """Read the texts of a JSON file: listed, as objects, or under subjects, also under categories."""
    return list(unfolded(json.loads(path.read_text(encoding="utf-8-sig"))))


def unfolded(found, *above):
    """List (text, subject, category) of what JSON holds, where above are the names it lies under, the nearest first."""
    if isinstance(found, dict) and not any(name in found for name in NAMES["text"]):
        for name, below in found.items():
            yield from unfolded(below, name, *above)
    elif isinstance(found, list):
        for each in found:
            yield from unfolded(each, *above)
    else:
        yield row_of(found) if isinstance(found, dict) else (found, *above, "", "")[:3]


def lines(path):
    """Read the lines of a text file."""
    return [(line, "", "") for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines()]


READERS = {".parquet": parquet, ".json": from_json}
