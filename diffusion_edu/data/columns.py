"""The columns of tables: what they may be called, and what their cells hold."""

import ast
import json
import re

TEXTS = (
    "caption",
    "text",
    "prompt",
    "captions",
    "prompts",
    "texts",
    "sentence",
    "sentences",
    "description",
    "comment",
    "raw",
    "alttext",
)
LABELS = ("label", "labels", "class", "classname", "target", "finelabel", "coarselabel", "labelname", "categoryname")
LABEL_NAMES = ("labelname", "classname", "categoryname")  # what the numbers of a column of labels mean
FILES = ("filename", "file", "image", "img", "path", "filepath", "imagepath", "imagename", "imagefile", "imageid", "id")
FILES += ("imgname", "imgpath", "name", "photo")
NOTHING = ("", "nan", "na", "n/a", "<na>", "none", "null")  # what programs write where there is nothing


def plain(name):
    """Bring the name of a column to its plain letters: "File Name " and file_name are the same."""
    return re.sub(r"[\W_]+", "", str(name)).lower()


def column(columns, names):
    """Find the first of the plain names among columns, or None."""
    return next((column for name in names for column in columns if plain(column) == name), None)


def texts_of(value):
    """List the texts that a cell holds: a text, a list of texts, a list of {"raw": text}, or a list written as text."""
    if isinstance(value, str) and re.fullmatch(r"\s*\[\s*(\".*\"|'.*')\s*\]\s*", value, re.DOTALL):
        value = _written_list(value)
    if isinstance(value, dict):
        value = next((value[key] for key in value if plain(key) in TEXTS), None)
    if isinstance(value, (list, tuple)):
        return [text for each in value for text in texts_of(each)]
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return [] if text.lower() in NOTHING else [text]


def _written_list(value):
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(value)
            return found if isinstance(found, list) else value
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return value
