"""Browser components: one folder holds the Python, JavaScript, HTML and CSS of one of them."""

from pathlib import Path


def source(*paths):
    """Read files of scripts, styles or markup, named from this folder, as one text."""
    return "\n".join((Path(__file__).parent / path).read_text(encoding="utf-8") for path in paths)
