"""Files that people upload: good ones, and everything that can be wrong with them."""

import io
import struct
import zlib
from functools import cache

import numpy as np
from PIL import Image

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "TGA", "ICO", "PCX", "QOI")


def encoded(image, class_name, **options):
    file = io.BytesIO()
    image.save(file, class_name, **options)
    return file.getvalue()


def plain(colour=(200, 100, 50), size=(96, 96)):
    return Image.new("RGB", size, colour)


def noisy(size=64):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8))


def chunk(name, data):
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(width, height, depth=8, colour=2, whole=True, more=(), interlaced=0):
    """A PNG that says how large it is, and holds so many zeros if it is whole; more: other chunks before them."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))
    channels, packed, packer = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour], [], zlib.compressobj(1)
    for left, top, right, down in PASSES if interlaced else [(0, 0, 1, 1)]:
        across, rows = (max(0, -((start - side) // step)) for start, side, step in
                        ((left, width, right), (top, height, down)))  # fmt: skip
        row = bytes(1 + (across * channels * depth + 7) // 8) if whole and across else b""
        packed += [packer.compress(row) for _ in range(rows if whole else 0)]
    palette = [chunk(b"PLTE", bytes(768))] if colour == 3 else []
    parts = [*palette, *more, chunk(b"IDAT", b"".join([*packed, packer.flush()])), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(parts)


def tags(entries, data=b""):
    """A TIFF of tags (number, type, count, value); data follows at byte 8 + 2 + 12 * tags + 4."""
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + struct.pack("<I", 0) + data


def greedy_tags(count, megabytes):
    """A TIFF of many tags whose values are all the same megabytes: who reads them all needs count times as many."""
    data, at = bytes(megabytes * 10**6), 8 + 2 + 12 * count + 4
    return tags([(40000 + number, 1, len(data), at) for number in range(count)], data)


def slow_jpeg(scans):
    """A progressive JPEG of 30 million pixels, whose last scan comes again and again."""
    data = encoded(Image.new("L", (5000, 6000)), "JPEG", progressive=True, quality=20)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def gif(comments=0, frames=1, screen=(64, 64)):
    """A GIF with a large screen, many comments or many frames."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0x80) + bytes(6) + b"\x02\x02D\x01\x00"
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0, 0, 0)
    return head + b"!\xfe\x01x\x00" * comments + frame * frames + b";"


# Small files, or short ones, that take much memory or time from who believes them.
BOMBS = {
    "a long thin PNG, empty": lambda: png(1, 49_000_000, whole=False),
    "a wide flat PNG, empty": lambda: png(49_000_000, 1, whole=False),
    "a large PNG": lambda: png(7000, 7000, 8, 2),
    "a large PNG, interlaced": lambda: png(7000, 7000, interlaced=1),
    "a large transparent PNG": lambda: png(7000, 7000, 8, 6),
    "a large PNG of 16 bits": lambda: png(7000, 7000, 16, 6),
    "a large grey PNG of 16 bits": lambda: png(7000, 7000, 16, 0),
    "a large PNG of one bit": lambda: png(7000, 7000, 1, 0),
    "a PNG with a palette": lambda: png(7000, 7000, 8, 3, more=[chunk(b"tRNS", bytes(256))]),
    "a PNG, as wide as allowed": lambda: png(32_768, 200, 8, 6),
    "a PNG, as high as allowed": lambda: png(200, 32_768, 16, 6),
    "a PNG of a million chunks": lambda: png(8, 8, more=[chunk(b"abCd", b"")] * 1_000_000),
    "a PNG of many texts": lambda: png(8, 8, more=[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6)))] * 99),
    "a PNG with greedy EXIF": lambda: png(8, 8, more=[chunk(b"eXIf", greedy_tags(2000, 1))]),
    "a greedy TIFF": lambda: greedy_tags(5000, 10),
    "a TIFF, empty": lambda: tags([(256, 4, 1, 7000), (257, 4, 1, 7000), (258, 3, 1, 8), (262, 3, 1, 1)]),
    "a large TIFF": lambda: encoded(Image.new("RGBA", (7000, 7000)), "TIFF", compression="tiff_lzw"),
    "a large TIFF of floats": lambda: encoded(Image.new("F", (5000, 5000)), "TIFF", compression="tiff_lzw"),
    "a large JPEG": lambda: encoded(Image.new("RGB", (7000, 7000)), "JPEG"),
    "a large progressive JPEG": lambda: encoded(Image.new("RGB", (7000, 7000)), "JPEG", progressive=True),
    "a JPEG of many scans": lambda: slow_jpeg(2000),
    "a large WebP": lambda: encoded(Image.new("RGBA", (4000, 3000)), "WEBP"),
    "a too large WebP": lambda: encoded(Image.new("RGB", (7000, 7000)), "WEBP", method=0),
    "a large AVIF": lambda: encoded(Image.new("RGB", (4000, 3000)), "AVIF", speed=10),
    "a large JPEG 2000": lambda: encoded(Image.new("RGB", (2800, 2800)), "JPEG2000"),
    "a GIF with a large screen": lambda: gif(screen=(65_535, 65_535)),
    "a GIF, as large as allowed": lambda: gif(screen=(32_000, 1500)),
    "a GIF of many comments": lambda: gif(comments=1_000_000),
    "a GIF of many frames": lambda: gif(frames=400_000),
    "a PPM, empty": lambda: b"P6 7000 7000 255\n",
    "a PPM written out": lambda: b"P3 2500 2500 255\n" + b"1 " * 9_000_000,
    "a PPM of comments": lambda: b"P6 " + b"#\n" * 9_000_000 + b"8 8 255\n" + bytes(192),
    "a BMP, empty": lambda: b"BM" + struct.pack("<IIIIiiHH", 54, 0, 54, 40, 7000, 7000, 1, 24) + bytes(24),
    "a QOI, empty": lambda: b"qoif" + struct.pack(">IIBB", 7000, 7000, 4, 0),
    "a QOI of one colour": lambda: b"qoif" + struct.pack(">IIBB", 7000, 7000, 4, 0) + b"\xfd" * 800_000,
    "a TGA, empty": lambda: struct.pack("<BBBHHBHHHHBB", 0, 0, 10, 0, 0, 0, 0, 0, 7000, 7000, 32, 8),
    "a PSD, empty": lambda: b"8BPS" + struct.pack(">H6xHIIHHIII", 1, 4, 7000, 7000, 8, 3, 0, 0, 0),
    "an icon, empty": lambda: b"\0\0\1\0\xff\xff" + (bytes(4) + struct.pack("<HHII", 1, 32, 40, 22)) * 65_535,
}  # fmt: skip


@cache
def bomb(name):
    """One of BOMBS, made once."""
    return BOMBS[name]()


@cache
def valid(form, mode):
    """A small image of a kind that is read, or of one that this format cannot hold: then a PNG."""
    image = noisy().convert("RGBA" if mode == "LA" else "RGB").convert(mode)
    try:
        return encoded(image, form)
    except (OSError, ValueError, KeyError):
        return encoded(noisy(), "PNG")


def hostile(random):
    """Make one random upload from a random.Random: a bomb, a damaged image, a wrong header, or no image at all."""
    kind = random.random()
    if kind < 0.01:
        return bomb(random.choice(list(BOMBS)))
    if kind < 0.15:
        sides = random.choices([0, 1, 7, 64, 4000, 30_000, 49_000_000, 2**31 - 1, 2**32 - 1], k=2)
        depth, colour = random.choice([1, 2, 4, 8, 16, 99]), random.choice([0, 2, 3, 4, 6])
        whole = max(sides) < 10**5 and sides[0] * sides[1] < 10**6
        data = png(*sides, depth, colour, whole, interlaced=random.randrange(2))
    elif kind < 0.2:
        return random.randbytes(random.randrange(2000))
    elif kind < 0.25:
        head = random.choice(
            [b"\xff\xd8\xff", b"GIF89a", b"II*\0", b"MM\0*", b"BM", b"P6 9 9 255\n", b"8BPS\0\1", b"qoif"]
        )
        return head + random.randbytes(random.randrange(2000))
    else:
        mode = random.choice(["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "I", "F"])
        data = valid(random.choice(FORMATS), mode)
    return data if random.random() < 0.1 else damaged(data, random)


def damaged(data, random):
    """Change, cut out, double or cut off some bytes, most often near the beginning, where the headers are."""
    data = bytearray(data)
    for _ in range(random.randrange(1, 8)):
        at = random.randrange(min(len(data), random.choice([64, 1000, 10**6])) + 1)
        length, change = random.randrange(1, 9), random.randrange(5)
        if change < 2:
            data[at : at + length] = random.choice([random.randbytes(length), b"\xff" * length, bytes(length)])
        elif change == 2:
            del data[at : at + length]
        elif change == 3:
            data[at:at] = data[at : at + 100 * length]
        else:
            del data[max(at, 20) :]
    return bytes(data)


BAD = {
    "nothing": (b"", "0 bytes"),
    "text": (b"Dear sir or madam", "not an image"),
    "half a JPEG": (encoded(noisy(), "JPEG")[:1500], "damaged"),
    "half a PNG": (encoded(noisy(), "PNG")[:5000], "damaged"),
    "a JPEG's first bytes": (encoded(noisy(), "JPEG")[:20], "damaged"),
    "far too many pixels": (png(20_000, 20_000, whole=False), "50,000,000"),
    "too many pixels": (encoded(Image.new("1", (8000, 7000)), "PNG"), "50,000,000"),
}
