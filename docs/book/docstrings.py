"""Docstrings are plain text with code in `backticks`; Sphinx would read stars, bars and underscores as commands."""

import re
from contextlib import suppress
from typing import get_type_hints

SPECIAL = re.compile(r"(\\|[*|]|(?<=\w)_(?!\w))")


def plain(line):
    """Escape in a line what Sphinx would read as a command; what stands in backticks becomes code."""
    parts = re.split(r"(`+[^`]+`+)", line)
    return "".join(f"``{part.strip('`')}``" if k % 2 else SPECIAL.sub(r"\\\1", part) for k, part in enumerate(parts))


def rewrite(app, what, name, thing, options, lines):
    """Change the lines of one docstring in place."""
    lines[:] = [plain(line) for line in lines]


def plain_types(app, thing, bound):
    """Take the rules for values out of type hints: `Annotated[int, Rule(...)]` is shown as int."""
    functions = [thing.__init__] if isinstance(thing, type) else [thing]
    while hasattr(functions[-1], "__wrapped__"):
        functions.append(functions[-1].__wrapped__)
    for function in functions:
        with suppress(Exception):  # a hint that names what is imported for type checkers only stays as it is
            function.__annotations__ = get_type_hints(function)


def drop_empty(app):
    """Take modules without source, such as builtins, off the list of sources, where they would be dead links."""
    sources = getattr(app.env, "_viewcode_modules", {})
    for name in [name for name, entry in sources.items() if not entry]:
        del sources[name]
    return []


def setup(app):
    """Tell Sphinx of it."""
    app.connect("autodoc-process-docstring", rewrite)
    app.connect("autodoc-before-process-signature", plain_types)
    app.connect("html-collect-pages", drop_empty, priority=100)  # before the pages of sources are written
    return {"parallel_read_safe": True, "parallel_write_safe": True}
