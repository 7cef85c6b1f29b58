"""Files on the computer that runs the app: people may name them only below folders that the app was started for.

`diffusion-edu app --folders FOLDER ...` opens folders, and without it there are none. Links hold no paths.
"""

import os
from contextlib import suppress
from pathlib import Path

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.plain_text import plain

FOLDERS = "DIFFUSION_EDU_FOLDERS"  # the environment variable: one folder a line
CLOSED = (
    "This app was started without folders of its computer. Whoever runs it can open some: "
    "`diffusion-edu app --folders FOLDER`."
)

WANTED = "Type the path of a folder of images or of a parquet file."
IMAGES = (
    "A folder of images (with one sub-folder per class, or none), or a parquet file with a column `image`, on the "
    "computer that runs this app. It is read, never changed."
)
UNTIL_THEN = " Until then, our image set is used."


def open_folders():
    """List the folders that the app was started for."""
    return [Path(each).expanduser().resolve() for each in os.environ.get(FOLDERS, "").split("\n") if each]


def ask_path(text_input, label, key, wanted=WANTED, meanwhile="", help=IMAGES, **options):
    """Ask for the path of a file or folder, and return it; or "" after one sentence, and what happens meanwhile.

    text_input is st.text_input or that of a column; wanted says what to type: by default the path of images.
    """
    if not open_folders():
        st.info(f"{CLOSED}{meanwhile}", icon=":material/lock:")
        return ""
    typed = control(text_input, label, key=key, linked=False, max_chars=4000, help=help, **options)
    if not typed.strip():
        st.info(f"{wanted}{meanwhile}", icon=":material/info:")
        return ""
    try:
        return str(inside(typed))
    except ValueError as problem:
        st.error(f"{plain(problem)}{meanwhile}")
        return ""


def inside(typed):
    """Find the file or folder that a text names, in full or as seen from an open folder; raises ValueError.

    Of what lies elsewhere it is not even said whether it is there.
    """
    folders, text = open_folders(), typed.strip().strip("\"'")
    for folder in folders:
        with suppress(OSError, ValueError, RuntimeError):  # a name that no file can have, or a home that nobody has
            path = Path(os.path.normpath(folder / Path(text).expanduser()))
            below = any(Path(os.path.realpath(path)).is_relative_to(each) for each in folders)
            if below and (path.is_file() or path.is_dir()):  # neither pipes nor devices
                return path
    places, short = " or ".join(map(str, folders)), text if len(text) <= 100 else f"{text[:97]}..."
    raise ValueError(f"There is no file or folder {short!r} below {places}: check the path.")
