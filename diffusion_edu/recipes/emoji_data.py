"""Build the file of emoji that the recipe `emoji` trains on: `python -m diffusion_edu.recipes.emoji_data`."""

import argparse
import io
import subprocess
import sys
import tarfile
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from diffusion_edu.checkpoints import write_safely
from diffusion_edu.data.checksums import verify
from diffusion_edu.data.emoji_packages import NAMES, PACKAGES, folder_of, rows_of, write_emoji
from diffusion_edu.data.sources import CACHE


def fetch(packages, spec):
    """Fetch a package with `npm pack` into a folder, unless it is there; raises ValueError if that fails."""
    folder = folder_of(packages, spec)
    if folder.is_dir():
        return
    tqdm.write(f"Fetching {spec} into {packages}, once.")
    with TemporaryDirectory() as place:
        try:
            subprocess.run(
                ["npm", "pack", "--silent", "--pack-destination", place, spec], check=True, capture_output=True
            )
            (file,) = Path(place).glob("*.tgz")
        except (OSError, subprocess.CalledProcessError, ValueError) as problem:
            raise ValueError(
                f"{spec} could not be fetched ({problem}): install npm, or name a node_modules folder with --packages."
            ) from None
        unpack(verify(file).read_bytes(), folder)


def unpack(archive, folder):
    """Unpack the bytes of an npm archive into a folder at once, so that the folder is complete or missing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as part, tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(part, filter="data")
        (Path(part) / "package").rename(folder)


def build(args):
    """Fetch what is missing and write the parquet file."""
    for spec in (NAMES, *(PACKAGES[style].spec for style in args.styles)):
        fetch(args.packages, spec)
    rows = rows_of(args.packages, args.styles, args.size, partial(tqdm, leave=False))
    if not rows:
        raise ValueError(f"The packages in {args.packages} have no images: delete the folder to fetch them anew.")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    write_safely(args.out, lambda part: write_emoji(part, rows))
    tqdm.write(
        f"{args.out}: {len(rows):,} emoji in {len(args.styles)} styles; their licences are in the column license."
    )


def main(words=None):
    """Build the file from the command line; problems that a person can solve end in one sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m diffusion_edu.recipes.emoji_data", description="Build a parquet file of emoji."
    )
    parser.add_argument(
        "--out", type=Path, default=Path("emoji_64.parquet"), help="the file to write (default: emoji_64.parquet)"
    )
    place = CACHE / "emoji"
    parser.add_argument(
        "--packages",
        type=Path,
        default=place,
        help=f"a folder of npm packages, such as node_modules (default: {place})",
    )
    parser.add_argument(
        "--styles", nargs="+", choices=tuple(PACKAGES), default=tuple(PACKAGES), help="which styles (default: all)"
    )
    parser.add_argument("--size", type=int, default=64, help="height and width of the images (default: 64)")
    try:
        build(parser.parse_args(words))
    except (ValueError, OSError) as problem:
        sys.exit(f"{problem}")


if __name__ == "__main__":
    main()
