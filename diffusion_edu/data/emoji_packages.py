"""Emoji from npm packages: names from emojibase-data, images from one package for each style."""

import io
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from diffusion_edu.data.decoding import read_image
from diffusion_edu.data.emoji import COLUMNS, TONES

NAMES = "emojibase-data@17.0.0"
FINE = 4  # vector images are rendered this much larger, and scaled down


@dataclass(frozen=True)
class Package:
    """An npm package with the images of one style: NAME@VERSION, the folder of the images, and the licence."""

    spec: str
    images: str
    licence: str


PACKAGES = {
    "noto": Package("emoji-datasource-google@16.0.0", "img/google/64", "Apache-2.0 (Google, Noto Emoji)"),
    "twemoji": Package(
        "emoji-datasource-twitter@16.0.0", "img/twitter/64", "CC BY 4.0 (Twitter and contributors, Twemoji)"
    ),
    "fluent": Package("@lobehub/fluent-emoji-3d@1.1.0", "assets", "MIT (Microsoft, Fluent Emoji)"),
    "openmoji": Package("openmoji@17.0.0", "color", "CC BY-SA 4.0 (OpenMoji)"),
}


def folder_of(packages, spec):
    """Return the path of a package NAME@VERSION in a folder of packages with the layout of node_modules."""
    return Path(packages) / spec.rpartition("@")[0]


def read_names(folder):
    """List every emoji of the unpacked emojibase-data, as dicts with codepoint and the COLUMNS except the style.

    Emoji with two different skin tones are left out, and so are letters that only stand for parts of flags.
    """
    listed, messages = (
        json.loads((folder / "en" / name).read_text(encoding="utf-8")) for name in ("data.json", "messages.json")
    )
    groups, subgroups = (
        {each["order"]: each["message"] for each in messages[name]} for name in ("groups", "subgroups")
    )
    rows = []
    for entry in (entry for entry in listed if "group" in entry):
        about = {"base": entry["label"], "tags": entry.get("tags", [])}
        about |= {"group": groups[entry["group"]], "subgroup": subgroups[entry["subgroup"]]}
        for each in (entry, *entry.get("skins", [])):
            tones = np.unique(each.get("tone", [])).tolist()
            if len(tones) < 2:
                tone = TONES[int(tones[0]) - 1] if tones else ""
                rows.append({"name": each["label"], **about, "skin_tone": tone, "codepoint": each["hexcode"]})
    return rows


def image_files(folder):
    """Map the key (see key_of) of every image in a folder and below it to its file."""
    kept = (".png", ".webp", ".svg")
    return {key_of(file.stem): file for file in sorted(Path(folder).rglob("*")) if file.suffix in kept}


def key_of(codepoint):
    """Shorten "2764-FE0F" to "2764": packages write codepoints with and without the variation selector FE0F."""
    return "-".join(part for part in codepoint.lower().split("-") if part != "fe0f")


def render(file, size):
    """Read an image file, a vector image too, as PNG bytes of a size, on white."""
    opened = io.BytesIO(rasterised(file, FINE * size)) if file.suffix == ".svg" else file
    pixels, _ = read_image(opened, size)
    png = io.BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).save(png, "PNG")
    return png.getvalue()


def rasterised(file, size):
    """Render a vector image as PNG bytes with cairosvg or rsvg-convert; raises ValueError if neither is installed."""
    try:
        import cairosvg  # only for OpenMoji, whose package has only vector images

        return cairosvg.svg2png(url=str(file), output_width=size, output_height=size)
    except (ImportError, OSError):
        pass
    if not shutil.which("rsvg-convert"):
        raise ValueError(
            "OpenMoji has vector images: `pip install cairosvg` or install rsvg-convert, or choose other --styles."
        )
    words = ["rsvg-convert", "--width", str(size), "--height", str(size), str(file)]
    return subprocess.run(words, check=True, capture_output=True).stdout


def rows_of(packages, styles, size, watch=iter):
    """List all emoji of these styles from a folder of packages (see folder_of), each image as PNG bytes of a size."""
    names, rows = read_names(folder_of(packages, NAMES)), []
    for style in styles:
        package = PACKAGES[style]
        files = image_files(folder_of(packages, package.spec) / package.images)
        found = [(row, files[key_of(row["codepoint"])]) for row in names if key_of(row["codepoint"]) in files]
        about = {"style": style, "license": package.licence}
        rows += [{"image": {"bytes": render(file, size), "path": None}, **row, **about} for row, file in watch(found)]
    return rows


def write_emoji(path, rows):
    """Write emoji as a parquet file that load_emoji reads."""
    import pyarrow.parquet  # only needed to write the file

    names = ("image", *COLUMNS, "codepoint", "license")
    table = pyarrow.table({name: [row[name] for row in rows] for name in names})
    pyarrow.parquet.write_table(table, path, compression="none")
