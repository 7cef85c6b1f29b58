"""Text files in any encoding."""

import re

MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
WESTERN = ["cp1252", "cp1250", "mac_roman"]  # in short texts easily mistaken for others
CODECS = ["cp1252", "cp1250", "cp1251", "cp1253", "koi8_r", "mac_roman", "shift_jis", "gb18030", "big5", "euc_kr"]
CODECS += ["euc_jp", "utf_16_le", "utf_16_be"]


def decode(data, name, tell=None):
    """Turn the bytes of a text file into text: UTF-8, or what its letters look like, with a sentence to tell.

    Raises ValueError, in one sentence, for what is no text.
    """
    text = _decoded(data, next((codec for mark, codec in MARKS.items() if data.startswith(mark)), "utf-8"))
    if text is not None:
        return text
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    if 2 * sum(_decoded(line, "utf-8") is not None for line in lines) >= len(lines) > 1:  # a few lines are not
        parts = [(_decoded(line, "utf-8"), line) for line in data.split(b"\n")]
        text = "\n".join(line.decode("cp1252", "replace") if said is None else said for said, line in parts)
        codec = "cp1252 in some lines"
    else:
        text, codec = _by_letters(data, name)
    if tell:
        tell(f"{name} is not in UTF-8 and was read as {codec}: save it as UTF-8 if letters look wrong.")
    return text


def _decoded(data, codec):
    try:
        text = data.decode(codec)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _by_letters(data, name):
    """The text and the encoding that its letters look like."""
    from charset_normalizer import from_bytes

    alone = not re.search(rb"[\x80-\xff]{2}", data) and b"\0" not in data  # letters with accents among plain ones
    best = from_bytes(data, cp_isolation=WESTERN if alone else CODECS).best()
    text = "\0" if best is None else str(best)
    if "\0" in text or sum(ord(letter) < 32 and not letter.isspace() for letter in text) > len(text) / 100:
        raise ValueError(f"{name} is not a text file: save it as text, in the encoding UTF-8.")
    return text, best.encoding
