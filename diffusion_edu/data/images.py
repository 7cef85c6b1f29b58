"""Sets of pictures, from a folder, a parquet file or the public source, held as uint8; and the way to [-1, 1] and back."""

import io
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

SPLITS = ("train", "validation", "test")
ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
MOST_PIXELS = 50_000_000  # a picture larger than this would fill the memory of a laptop


@dataclass(frozen=True)
class Pictures:
    """A set of pictures: images uint8 (n, 3, size, size), labels int64 (n,) or None and what they mean, and the official split int64 (n,) or None.

    A split is an index into SPLITS.
    """

    images: Tensor
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    source: str = ""
    split: Tensor | None = None

    def __len__(self):
        return len(self.images)

    def take(self, chosen):
        """Choose some of the pictures, by index (m,), by mask (n,) or by slice."""
        return self._each(lambda rows: rows[chosen])

    def to(self, device):
        """Keep the pictures on a device."""
        return self._each(lambda rows: rows.to(device))

    def _each(self, change):
        changed = {name: rows if rows is None else change(rows) for name in ("images", "labels", "split") for rows in [getattr(self, name)]}
        return replace(self, **changed)


def to_signed(images):
    """Turn uint8 images into float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


def to_bytes(x):
    """Turn images in [-1, 1] into uint8: rounded, and whatever lies outside the range brought to its edge."""
    return ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def read_picture(file, size):
    """Read a picture file as an array uint8 (3, size, size), and say what had to be changed, as a list of words.

    Raises ValueError, in words that end a sentence, for what is no picture, is broken, or is larger than MOST_PIXELS.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # squared draws the line, lower
        try:
            picture = Image.open(file)
            return squared(picture, size), changes(picture)
        except Image.DecompressionBombError:
            raise ValueError(f"it has far more than {MOST_PIXELS:,} pixels, the most that is read") from None
        except UnidentifiedImageError:
            raise ValueError("it is empty, damaged or not a picture") from None
        except (OSError, SyntaxError, EOFError) as problem:  # what decoders raise halfway through
            raise ValueError(f"it is damaged ({problem})") from None


def changes(picture):
    """Say what of a PIL picture does not survive in three channels of 8 bits and one frame, as a list of words."""
    mode, odd = picture.mode, []
    if mode.startswith(("I", "F")):
        odd.append("16 bits per pixel, brought to 8")
    if mode.startswith(("1", "L", "I", "F")):
        odd.append("grayscale, used in grey")
    if picture.has_transparency_data:
        odd.append("transparent, laid on white")
    if mode in ("CMYK", "YCCK"):
        odd.append("CMYK, turned into RGB")
    if getattr(picture, "n_frames", 1) > 1:
        odd.append("animated, the first frame used")
    return odd


def squared(picture, size):
    """Cut the centre square out of a PIL picture and scale it to an array uint8 (3, size, size), colours as on a white screen."""
    if picture.width * picture.height > MOST_PIXELS:
        raise ValueError(f"it has {picture.width} x {picture.height} pixels; {MOST_PIXELS:,} are the most that is read")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16 bits per pixel: convert would clip them to white, not scale them
        picture = Image.fromarray((np.asarray(picture) >> 8).clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
    return np.asarray(ImageOps.fit(picture.convert("RGB"), (size, size), Image.Resampling.LANCZOS)).transpose(2, 0, 1)


def load_pictures(source=None, size=64, tell: Callable[[str], None] = print):
    """Read every picture of a parquet file, of a folder (one sub-folder per class, or none), or of Oxford Flowers 102 if source is None.

    Pictures that cannot be read are left out, and `tell` gets one sentence for each. Raises ValueError if there is nothing to read.
    """
    if source is None:
        rows, classes, source = _oxford_flowers(tell)
    elif Path(source).is_dir():
        rows, classes = _folder(Path(source))
    elif Path(source).is_file():
        rows, classes = _parquet(Path(source))
    else:
        raise ValueError(f"There is no file or folder {str(source)!r}: give a folder of pictures or a parquet file.")
    images, kept, odd = [], [], Counter()
    for opened, label, split, name in rows:
        try:
            image, changed = read_picture(opened, size)
            images.append(image)
            kept.append((label, split))
            odd.update(changed)
        except Exception as problem:  # a broken file makes a decoder fail in any way it likes
            tell(f"Left out {name}: {problem}.")
    for change, count in odd.items():
        tell(f"{count} of {len(images)} pictures: {change}.")
    if not images:
        raise ValueError(f"{str(source)!r} holds no picture that can be read; expected files such as flower.jpg or flower.png.")
    labels, splits = torch.tensor(kept).unbind(1)
    images = torch.from_numpy(np.stack(images))
    return Pictures(images, labels if classes else None, tuple(classes), Path(source).name, splits if (splits >= 0).all() else None)


def save_pictures(path, pictures, quality=95):
    """Write a set as a parquet file that load_pictures reads: every picture as a JPEG, its label, and what the labels mean."""
    import pyarrow.parquet

    images = [{"bytes": _jpeg(image, quality), "path": None} for image in pictures.images]
    table = pyarrow.table({"image": images, "label": pictures.labels.tolist()})
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": list(pictures.classes)}}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pyarrow.parquet.write_table(table, path, compression="none")


def _jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()


def batches(pictures, size, generator, flip=True) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield endless batches: images in [-1, 1] (size, 3, h, w), half of them mirrored, and labels (size,) or None; every picture once per round."""
    device, waiting = pictures.images.device, torch.empty(0, dtype=torch.int64, device=pictures.images.device)
    while True:
        while len(waiting) < size:
            waiting = torch.cat([waiting, torch.randperm(len(pictures), generator=generator, device=device)])
        chosen, waiting = waiting[:size], waiting[size:]
        x0 = to_signed(pictures.images[chosen])
        if flip:
            mirrored = torch.rand(size, 1, 1, 1, generator=generator, device=device) < 0.5
            x0 = torch.where(mirrored, x0.flip(3), x0)
        yield x0, None if pictures.labels is None else pictures.labels[chosen]


def mean_colours(images):
    """Average uint8 images (n, 3, h, w) into one colour each, (n, 3) in [-1, 1]."""
    return to_signed(images.mean((2, 3), dtype=torch.float32))


def held_out(pictures):
    """Choose every 64th picture (128 at most) that no model learns from, bool (n,); none of a set of fewer than 64."""
    held = torch.zeros(len(pictures), dtype=torch.bool, device=pictures.images.device)
    if len(pictures) >= 64:
        held[32::64][:128] = True
    return held


def _parquet(path):
    import pyarrow.parquet  # not needed by those who read folders

    try:
        table = pyarrow.parquet.read_table(path)
        images = [image["bytes"] if image else b"" for image in table["image"].to_pylist()]
    except (KeyError, TypeError, pyarrow.ArrowInvalid) as problem:
        raise ValueError(f"{path.name} is not a parquet file with a column 'image' of encoded pictures: {problem}") from None
    described = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}"))
    classes = described.get("info", {}).get("features", {}).get("label", {}).get("names", [])
    labels = table["label"].to_pylist() if "label" in table.column_names else [0] * len(images)
    if not classes and "label" in table.column_names:
        classes = [str(k) for k in range(max(labels, default=-1) + 1)]
    splits = table["split"].to_pylist() if "split" in table.column_names else [None] * len(images)
    rows = enumerate(zip(images, labels, splits, strict=True))
    return [(io.BytesIO(image), label, _split(split), f"row {n}") for n, (image, label, split) in rows], classes


def _split(name):
    return SPLITS.index(name) if name in SPLITS else -1


def _folder(path):
    files = sorted(f for f in path.rglob("*") if f.suffix.lower() in ENDINGS and f.is_file())
    classes = sorted({f.relative_to(path).parts[0] for f in files if f.parent != path})
    if len(classes) < 2 or any(f.parent == path for f in files):
        classes = []
    return [(f, classes.index(f.relative_to(path).parts[0]) if classes else 0, -1, f.name) for f in files], classes


def _oxford_flowers(tell):
    root = Path.home() / ".cache" / "diffusion_edu"
    tell(f"Oxford Flowers 102: looking in {root}, downloading 350 MB the first time.")
    rows, classes = [], []
    try:
        from torchvision.datasets import Flowers102  # only here: a download with checksums is all that is needed of torchvision

        for number, split in enumerate(("train", "val", "test")):  # "train" alone is 1,020 of the 8,189
            flowers = Flowers102(root, split=split, download=True)
            classes = getattr(flowers, "classes", None) or [f"flower {k}" for k in range(102)]
            rows += [(file, label, number, file.name) for file, label in zip(flowers._image_files, flowers._labels, strict=True)]
    except (ImportError, OSError, RuntimeError) as problem:
        raise ValueError(
            f"Oxford Flowers 102 could not be fetched ({problem}). Connect to the internet once, or name a folder or parquet file with --data."
        ) from None
    return rows, classes, "Oxford Flowers 102"
