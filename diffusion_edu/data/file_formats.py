"""Which image formats are read; and what another file is, by its first bytes, in words."""

from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

DECODERS = (
    "Jpeg", "Mpo", "Png", "Gif", "WebP", "Bmp", "Tiff", "Avif", "Jpeg2K", "Qoi", "Ppm", "Psd", "Ico", "Pcx", "Tga",
)  # fmt: skip
PLUGINS = ("pillow_heif.HeifImagePlugin", "pillow_jxl")
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "AVIF", "HEIF", "JXL", "JPEG2000", "QOI", "PPM")
FORMATS += ("PSD", "ICO", "PCX", "TGA")  # TGA has no mark to know it by: the last to be tried
SUFFIXES = {  # of the files that are read, some only with a plugin
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff",
    ".avif", ".avifs", ".heic", ".heics", ".heif", ".heifs", ".hif", ".jxl", ".jp2", ".j2k", ".jpf", ".jpx", ".jpc",
    ".j2c", ".qoi", ".ppm", ".pgm", ".pbm", ".pnm", ".psd", ".ico", ".pcx", ".tga",
}  # fmt: skip
HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # brands of photos by phones
UNREAD = "{}, which is not read as an image"
RARE_TIFF = UNREAD.format(
    "a camera raw file, or a TIFF of a rare kind (colours as floating-point numbers, many channels)"
)
JPEG_XL = "a JPEG XL image: install pillow-jxl-plugin to read it ('pip install pillow-jxl-plugin')"
SIGNATURES = (  # the first bytes, and what they belong to
    (b"%PDF", UNREAD.format("a PDF")),
    (b"%!PS", UNREAD.format("a PostScript graphic")),
    (b"<svg", UNREAD.format("an SVG graphic")),
    (b"<?xml", UNREAD.format("an SVG graphic or other XML")),
    (b"<!DOCTYPE", UNREAD.format("a web page")),
    (b"<html", UNREAD.format("a web page")),
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"PAR1", "a parquet file, not an image"),
    (b"\x93NUMPY", UNREAD.format("a NumPy array")),
    (b"gimp xcf", UNREAD.format("a GIMP project: export it there")),
    (b"DDS ", UNREAD.format("a DDS texture")),
    (b"v/1\x01", UNREAD.format("an OpenEXR image")),
    (b"#?RADIANCE", UNREAD.format("a Radiance HDR image")),
    (b"\x1aE\xdf\xa3", UNREAD.format("a video")),
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the file itself with 'git lfs pull'"),
    (b"\xff\x0a", JPEG_XL),
    (b"\0\0\0\x0cJXL ", JPEG_XL),
    (b"II*\0", RARE_TIFF),
    (b"MM\0*", RARE_TIFF),
    (b"II+\0", RARE_TIFF),
)


@cache
def readable():
    """Load the decoders of FORMATS and no others (some of Pillow's start other programs); list those that are here."""
    for name in (*(f"PIL.{each}ImagePlugin" for each in DECODERS), *PLUGINS):
        with suppress(ImportError):  # a plugin that is not installed; format_of names it if a file needs it
            import_module(name)
    return [name for name in FORMATS if name in Image.OPEN]


def format_of(file):
    """Say what a file that could not be opened is (a Path or an open file): words that go on from "it is"."""
    head = _head(file)
    if head[4:8] == b"ftyp":
        if head[8:12] in HEIF:
            missing = not find_spec("pillow_heif")
            remedy = "install pillow-heif to read it ('pip install pillow-heif')"
            return f"a HEIC image: {remedy}" if missing else "a damaged HEIC image"
        return UNREAD.format("a video or a damaged AVIF image")
    return next(
        (words for start, words in SIGNATURES if head.lstrip().startswith(start)), "empty, damaged or not an image"
    )


def _head(file):
    if isinstance(file, (str, Path)):
        with open(file, "rb") as opened:
            return opened.read(64)
    file.seek(0)
    return file.read(64)
