"""Prompts read from files: those that a model has learned from, or others that it has never seen."""

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

from diffusion_edu.data.columns import FILES, LABELS, TEXTS, column, plain, texts_of
from diffusion_edu.data.csv_files import read_csv
from diffusion_edu.data.layouts import listing
from diffusion_edu.data.places import located
from diffusion_edu.data.text_files import decode

NAMES = {"text": TEXTS, "subject": ("subject",), "category": ("category",)}  # what columns and keys may be called
HOW = (
    "give a list of texts, or texts under each subject, as JSON, a parquet or CSV file with the column caption, or a "
    "text file with a prompt in every line"
)


@dataclass(frozen=True)
class Said:
    """A prompt, what it is about, and of which category that is, "" where nobody said."""

    text: str
    subject: str = ""
    category: str = ""


def load_prompts(path, categories=()):
    """Read prompts, a tuple of Said, from a parquet, JSON, JSON lines, CSV or text file.

    JSON may be a list of texts, a list of objects, or texts under subjects, also under categories; CSV and parquet
    files have a column caption, prompt or text. categories {subject: category} fills gaps. Raises ValueError, in one
    sentence, if there is no prompt in it.
    """
    path, categories = _file(path), dict(categories)
    try:
        said = READERS.get(path.suffix.lower(), from_text)(path)
    except Exception as problem:  # a broken file makes its reader fail in any way it likes
        if type(problem) is ValueError:  # in words of ours
            raise
        raise ValueError(f"The prompts in {path.name} cannot be read ({type(problem).__name__}): {HOW}.") from None
    if not said:
        raise ValueError(f"There is no prompt in {path.name}: {HOW}.")
    return tuple(Said(each.text, each.subject, each.category or categories.get(each.subject, "")) for each in said)


def _file(path):
    try:
        [found] = located(path)
        if isinstance(found, Path) and found.is_file():
            return found
    except ValueError:  # nothing is there, or several files are
        pass
    raise ValueError(f"There is no file {str(path)[:200]!r} with prompts: {HOW}.")


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


def said_by(found, above=()):
    """List the Said of a row, a dict: one for each text in it. above: names that it lies under, the nearest first."""
    text, *about = (column(found, names) for names in NAMES.values())
    about = [next(iter(texts_of(found[name])), "") if name else "" for name in about]
    about = [said or under for said, under in zip(about, (*above, "", ""), strict=False)]
    return [Said(said, *about) for said in texts_of(found[text] if text else None)]


def parquet(path):
    """Read the rows of a parquet file, and none of its images."""
    import pyarrow.parquet

    there = pyarrow.parquet.read_schema(path).names
    wanted = [name for name in there if plain(name) in {each for names in NAMES.values() for each in names}]
    if not column(wanted, NAMES["text"]):
        raise _without_column(path.name, there)
    rows = pyarrow.parquet.read_table(path, columns=wanted).to_pylist()
    return [said for row in rows for said in said_by(row)]


def from_csv(path):
    """Read the rows of a CSV file with titles; without titles that say what is a prompt, every line is one."""
    text = decode(path.read_bytes(), repr(path.name))
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not any(plain(title) in NAMES["text"] for title in re.split(r"[,;\t|]", first)) and len(first.split()) > 3:
        return lines(path)
    found = read_csv(path.name, text)
    if found.columns and not column(found.columns, NAMES["text"]):
        raise _without_column(path.name, found.columns)
    return [said for row in found.rows for said in said_by(row)]


def _without_column(name, columns):
    return ValueError(f"{name!r} has no column caption, prompt or text, only: {listing(columns, 20)}.")


def from_json(path):
    """Read the texts of a JSON file: listed, as objects, or under subjects, also under categories."""
    return _in_json(json.loads(decode(path.read_bytes(), repr(path.name))))


def _in_json(found):
    if isinstance(found, dict) and isinstance(found.get("annotations"), list):  # as in COCO
        found = found["annotations"]
    return list(unfolded(found))


def from_json_lines(path):
    """Read a JSON file with an object or a text in every line."""
    found = []
    for number, line in enumerate(decode(path.read_bytes(), repr(path.name)).split("\n"), 1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError as problem:
                raise ValueError(f"Line {number} of {path.name!r} is not JSON ({problem}).") from None
    return list(unfolded(found))


def unfolded(found, *above):
    """List the Said of what JSON holds, where above are the names it lies under, the nearest first."""
    text = column(found, NAMES["text"]) if isinstance(found, dict) else None
    if (
        text
        and isinstance(found[text], (list, dict))
        and not any(column(found, NAMES[name]) for name in list(NAMES)[1:])
    ):
        yield from unfolded(found[text], *above)  # {"version": 1, "prompts": [...]}
    elif isinstance(found, dict) and not text:
        for name, below in found.items():
            yield from unfolded(below, name, *above)
    elif isinstance(found, list):
        for each in found:
            yield from unfolded(each, *above)
    elif isinstance(found, dict):
        yield from said_by(found, above)
    elif isinstance(found, str):
        yield from (Said(text, *(*above, "", "")[:2]) for text in texts_of(found))
    else:
        raise ValueError(f"The prompts hold {str(found)[:40]!r}, which is no text: {HOW}.")


def lines(path):
    """Read the lines of a text file."""
    texts = decode(path.read_bytes(), repr(path.name)).splitlines()
    return [Said(" ".join(text.split())) for text in texts if text.strip()]


def from_text(path):
    """Read a text file: with a prompt in every line, or JSON, JSON lines or CSV with titles under another name."""
    text = decode(path.read_bytes(), repr(path.name)).strip()
    first = text.split("\n", 1)[0].strip()
    if (found := _json(text)) is not None:
        return _in_json(found)
    if _json(first) is not None:
        return from_json_lines(path)
    titles = [plain(title) for title in re.split(r"[,;\t|]", first)]
    known = {name for names in (*NAMES.values(), FILES, LABELS) for name in names} | {"", "index", "split", "source"}
    return from_csv(path) if set(titles) <= known and set(titles) & set(TEXTS) else lines(path)


def _json(text):
    """What a text holds if it is JSON of lists and objects, else None."""
    try:
        return json.loads(text) if text.startswith(("[", "{")) else None
    except ValueError:
        return None


READERS = {".parquet": parquet, ".json": from_json, ".csv": from_csv, ".tsv": from_csv}
READERS |= dict.fromkeys((".jsonl", ".ndjson"), from_json_lines)
