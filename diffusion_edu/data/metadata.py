"""What tables and texts beside images say about them: metadata.csv, captions.txt, a text file for each image."""

import posixpath
import re

from diffusion_edu.data.columns import FILES, LABELS, TEXTS, column, plain, texts_of
from diffusion_edu.data.image_names import Names, folded
from diffusion_edu.data.layouts import listing
from diffusion_edu.data.row_files import TABLES, parsed, read_lines
from diffusion_edu.data.text_files import decode

BESIDE = (".txt", ".caption", ".json")  # a text beside an image has the same name
DESCRIBE = re.compile(r"(?<![a-z])(metadata|captions?|labels?|annotations?|texts?|prompts?)(?![a-z])")
ABOUT = re.compile(  # texts about a set are no tables of it
    r"(?<![a-z])(readme|licen[sc]e|copying|credits?|notes|changelog|changes|authors|attribution|contributors|todo"
    r"|requirements|submission)(?![a-z])"
)


def table_columns(root, images, others, notes):
    """Read what tables among the other files say about images: {column: one value for each image}, and tables used.

    A text column holds a list of texts for each image; what nobody says is None. Where metadata.* and another table
    say different things, the other one is left out. Raises ValueError, in one sentence that names the row, if a table
    that is called metadata, captions or the like cannot be understood.
    """
    names, columns, official, used, left = Names(root, images), {}, {}, [], []
    beside = {file.with_suffix("") for file in images} | set(images)
    tables = [each for each in others if each.suffix.lower() in TABLES and each.with_suffix("") not in beside]
    for table in sorted(tables, key=lambda table: not _is_metadata(table)):
        if (said := _said_by(table, names, len(images), notes)) is None:
            continue
        if name := _clash(said, official):
            notes.append(f"Left out {table.name!r}: in the column {name!r} it says something else than the metadata.")
            left.append(table)
            continue
        if name := _clash({name: said[name] for name in said if plain(name) in LABELS}, columns):
            there = f"{table.name!r} and {listing(repr(each.name) for each in used)} differ in the column {name!r}"
            raise ValueError(f"{there}: call the one that is right metadata{table.suffix}.")
        used.append(table)
        for name, values in said.items():
            before = columns.get(name, [None] * len(images))
            columns[name] = [_both(*each, name) for each in zip(before, values, strict=True)]
        if _is_metadata(table):
            official = dict(columns)
    if len({table.parent for table in used}) < len(used):
        notes.append(f"Read {len(used)} tables: {listing(each.relative_to(root).as_posix() for each in used)}.")
    return columns, [*used, *left]


def _is_metadata(table):
    return table.stem.lower() == "metadata"


def _clash(said, before):
    """The first column in which two tables say different things of the same image, or None."""

    def differ(values, others):
        return any(a != b for a, b in zip(values, others, strict=False) if a not in (None, "") and b not in (None, ""))

    return next((name for name in said if differ(said[name], before.get(name, ()))), None)


def _said_by(table, names, count, notes):
    """What a table says about images, {column: one value for each}, or None if it is no table of them."""
    said, about = {}, []
    try:
        if not (lines := _lines(table, names, about)):
            return None
        _join(table, lines, names, said, count, about)
    except ValueError as problem:
        if DESCRIBE.search(table.stem.lower()):
            raise
        notes.append(f"{table.name!r} is not read as a table. {problem}")
        return None
    notes += about
    return said


def _lines(table, names, notes):
    """Read a table with rows about images, or None if it is about something else: then it needs no metadata's name."""

    def known(name):
        return bool(names.find(table.parent, name))

    said, must = [], _is_metadata(table)
    if ABOUT.search(table.stem.lower()) and not DESCRIBE.search(table.stem.lower()):
        return None
    try:
        lines = read_lines(table, said.append, known)
    except ValueError:
        if must or _mentions(table, names):
            raise
        return None
    if not any(_file_column(lines, known)):
        if must:
            file = column(lines.columns, FILES)
            named = listing([row[file] for row in lines.rows if row.get(file)], 3) if file else ""
            there = (
                f"it names {named}" if named else f"it needs rows with a column file_name, and has {_columns(lines)}"
            )
            raise ValueError(f"No row of {table.name!r} names an image of its folder: {there}.")
        return None
    notes += said
    return lines


def _columns(lines):
    return f"{listing(lines.columns) or 'no column'}{'' if lines.rows else ', and no rows'}"


def _file_column(lines, known):
    """The column that names images, in a list of one."""
    likely = [name for name in lines.columns if plain(name) in FILES]
    for name in [*sorted(likely, key=lambda name: FILES.index(plain(name))), *lines.columns]:
        if any(known(row.get(name)) for row in lines.rows):
            return [name]
    return []


def _mentions(table, names):
    try:
        text = decode(table.read_bytes()[:1_000_000], repr(table.name))
    except (ValueError, OSError):
        return False
    return any(posixpath.basename(name) in text for name in names.relative[:1000])


def _join(table, lines, names, columns, count, notes):
    """Add the rows of a table to the columns; says which rows name no image."""
    [file], missing = _file_column(lines, lambda name: bool(names.find(table.parent, name))), []
    for place, row in zip(lines.places, lines.rows, strict=True):
        found = names.find(table.parent, row.get(file))
        if len(found) > 1:
            both = listing([names.relative[one] for one in found])
            raise ValueError(f"{place[0].upper()}{place[1:]} can mean several images ({both}): write their folder too.")
        if not found:
            missing.append(str(row.get(file)))
            continue
        for name, value in row.items():
            if name != file and name is not None:
                values = columns.setdefault(name, [None] * count)
                values[found[0]] = _both(values[found[0]], value, name)
    if missing:
        of = f"{len(missing)} of {len(lines.rows)} rows of {table.name!r}"
        notes.append(f"{of} name images that are not there: {listing(missing)}.")


def _both(before, value, name):
    """Put together what two rows say about one image: all texts, and of the rest what is not said twice."""
    if is_text(name):
        texts = texts_of(value)
        return list(dict.fromkeys([*(before or ()), *texts])) or before
    if before is None or value is None or before == value:
        return value if before is None else before
    return [*before, value] if isinstance(before, list) else [before, value]


def is_text(name):
    """Whether a column holds captions: caption, text, sentences, caption_0, caption_1."""
    return re.sub(r"\d+$", "", plain(name)) in TEXTS


def texts_beside(root, images, others):
    """Find the text file of each image, or None: beside it (cat.jpg, cat.txt), or in a folder of texts like its own."""
    texts = {file: file for file in others if file.suffix.lower() in BESIDE}
    by_stem = {}
    for file in texts:
        by_stem.setdefault(folded(file.stem), []).append(file)
    found = []
    for image in images:
        names = (place.with_name(place.name + ending) for ending in BESIDE for place in (image.with_suffix(""), image))
        beside = next((texts[name] for name in names if name in texts), None)
        found.append(beside or _elsewhere(image, by_stem.get(folded(image.stem), ()), root))
    return found


def _elsewhere(image, texts, root):
    """The one text called like an image in a folder of its own: images/a/1.jpg and captions/a/1.txt."""
    inside = image.relative_to(root).parts[1:-1]
    alike = [text for text in texts if text.parent != image.parent and text.relative_to(root).parts[1:-1] == inside]
    return alike[0] if len(alike) == 1 else None


def read_text_beside(file, tell=None):
    """List the captions in the text file of an image, one for each line."""
    text = decode(file.read_bytes(), repr(file.name), tell)
    return _captions_in_json(text) if file.suffix.lower() == ".json" else _captions(text)


def _captions(text):
    """The lines of a text; after a comma a line goes on in the next one."""
    lines = re.sub(r",\s*\n", ", ", text.replace("\r\n", "\n")).split("\n")
    return [said for line in lines for said in texts_of(line) if re.search(r"[^\W\d_]", said)]  # not boxes in numbers


def _captions_in_json(text):
    try:
        found = parsed(text)
    except ValueError:
        return []
    name = column(found, TEXTS) if isinstance(found, dict) else None
    return texts_of(found[name]) if name else []
