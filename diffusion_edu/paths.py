"""Where the files are that come with the library: inside the installed package, or around it in the repository."""

from pathlib import Path

PACKAGE = Path(__file__).parent
REPOSITORY = PACKAGE.parent  # the folder that holds the package; only in a clone are tests and benchmarks there too


def _place(inside, beside):
    """Choose the path inside the package (after `pip install .`), or the one in the repository if that is not there."""
    return PACKAGE / inside if (PACKAGE / inside).exists() else REPOSITORY / beside


PRETRAINED = _place("pretrained", "pretrained")  # weights and their cards
LESSONS = _place("notebooks", "lessons")  # the notebooks of the course, their solutions and texts
EXPLORER = _place("explorer", ".")  # streamlit_app.py, pages/ and .streamlit/
