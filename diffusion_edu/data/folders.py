"""Folders of images, in the layouts of imagefolder in `datasets`: classes, splits, and tables of captions.

A test compares both. The library itself passes over what it does not expect (links, other endings, images beside
classes, files called test.jpg, rows with a comma too many), so that a person would train on something else.
"""

import os
import warnings
from pathlib import Path

from PIL import Image

from diffusion_edu.data.columns import LABELS, column
from diffusion_edu.data.file_formats import FORMATS, SUFFIXES
from diffusion_edu.data.layouts import layout, listing
from diffusion_edu.data.metadata import BESIDE, table_columns, texts_beside
from diffusion_edu.data.places import files_below, hidden
from diffusion_edu.data.row_files import TABLES
from diffusion_edu.data.table import Table

NAMED = 20  # files that are left out
ABOUT = ("readme", "license", "licence", "copying", "dataset_info", "state.json")  # texts about a set, expected


def files_of(paths):
    """List the files of folders and files in the order of their paths: images, others, and the common folder of all."""
    unreadable = []
    files = [file for path in paths for file in (files_below(path, unreadable.append) if path.is_dir() else [path])]
    runs = {file.parent if file.parent.parent in paths else file.parent.parent for file in files if is_training(file)}
    files = sorted((file for file in files if runs.isdisjoint(file.parents)), key=str)
    root = (
        paths[0] if len(paths) == 1 and paths[0].is_dir() else Path(os.path.commonpath([path.parent for path in paths]))
    )
    notes = [f"The folder {problem.filename!r} cannot be opened ({problem.strerror})." for problem in unreadable]
    notes += [f"Left out the folder {str(run)!r}: it holds a training and its results." for run in sorted(runs)]
    images = [file for file in files if is_image(file)]
    if images and any(path.is_file() for path in paths):  # what lies beside single images may describe them
        beside = [file for place in {image.parent for image in images} for file in sorted(place.iterdir())]
        files += [file for file in beside if file.is_file() and not hidden(file.name) and not is_image(file)]
    chosen = set(images)
    return root, images, [file for file in dict.fromkeys(files) if file not in chosen], notes


def is_training(file):
    """Whether a file is what a training keeps in its folder to go on."""
    return file.parts[-2:] in (("training", "state.safetensors"), ("training", "lock"))


def is_image(file):
    """Whether a file is an image by its ending or, with an ending that says nothing, by its first bytes."""
    ending = file.suffix.lower()
    if ending in SUFFIXES or ending in (*TABLES, *BESIDE):
        return ending in SUFFIXES
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN and name != "TGA"]  # that has no mark to know it by
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # reading it says so in words
        try:
            Image.open(file, formats=formats).close()
            return True
        except Image.DecompressionBombError:
            return True
        except Exception:  # no image makes a decoder fail in any way it likes
            return False


def folder_of_images(name, root, images, others, notes, whole=True):
    """Make a Table of the images below a folder, and of what the folders, tables and texts among the others say.

    whole: all files below the folder are meant, so those that nothing is read from are named.
    """
    texts = texts_beside(root, images, others)
    beside = set(texts)
    columns, used = table_columns(root, images, [file for file in others if file not in beside], notes)
    splits, labels, said = layout([image.relative_to(root).parts[:-1] for image in images])
    notes += said
    if set(splits) != {None} and "split" not in columns and len(set(splits)) > 1:
        columns["split"] = splits
    if not column(columns, LABELS) and set(labels) - {None, ...}:
        columns["label"] = labels
    kept = [row for row, label in enumerate(labels) if label is not ...]
    if whole and (left := _left_out(root, images, others, {*used, *beside})):
        notes.append(f"Left out what is no image: {listing(left, NAMED)}.")
    return Table(
        name,
        [images[row] for row in kept],
        [images[row].relative_to(root).as_posix() for row in kept],
        {key: [values[row] for row in kept] for key, values in columns.items()},
        {},
        tuple(notes),
        [texts[row] for row in kept],
    )


def _left_out(root, images, others, used):
    """Name the files that nothing is read from, without those that lie beside an image of the same name."""
    beside = {image.with_suffix("") for image in images} | set(images)
    return [
        file.relative_to(root).as_posix()
        for file in others
        if file not in used and file.with_suffix("") not in beside and not file.name.lower().startswith(ABOUT)
    ]
