"""The Python code that pages show: templates in a folder `snippets` beside the module that shows them."""

from functools import cache
from pathlib import Path
from string import Template


def snippet(module, name, /, **values):
    """Fill the template `snippets/NAME.py.txt` beside a module, given by its `__file__`, with values.

    `$steps` in the template stands for the value named steps: strings are inserted as they are, everything else as
    Python writes it. A line with a value that is None is left out. Raises KeyError if a value is missing.
    """
    lines = []
    for line in _read(Path(module).parent / "snippets" / f"{name}.py.txt").splitlines():
        used = [values[key] for key in Template(line).get_identifiers()]
        if not any(value is None for value in used):
            lines.append(
                Template(line).substitute({k: v if isinstance(v, str) else repr(v) for k, v in values.items()})
            )
    return "\n".join(lines) + "\n"


@cache
def _read(path):
    return path.read_text(encoding="utf-8")
