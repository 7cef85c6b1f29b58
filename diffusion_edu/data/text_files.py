"""Text files in any encoding."""

import re

WESTERN = ["cp1252", "cp1250", "mac_roman"]  # in short texts easily mistaken for others
CODECS = ["cp1252", "cp1250", "cp1251", "cp1253", "koi8_r", "mac_roman", "shift_jis", "gb18030", "big5", "euc_kr"]
CODECS += ["euc_jp", "utf_16_le", "utf_16_be"]


def decode(data, name, tell=None):
    """Turn the bytes of a text file into text: UTF-8, or what its letters look like, with a sentence to tell.

    Raises ValueError, in one sentence, for what is no text.
    """
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    marked = next((codec for mark, codec in marks.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(marked)
        if "\0" not in text:
            return text
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    alone = not re.search(rb"[\x80-\xff]{2}", data) and b"\0" not in data  # letters with accents among plain ones
    best = from_bytes(data, cp_isolation=WESTERN if alone else CODECS).best()
    text = "\0" if best is None else str(best)
    if "\0" in text or sum(ord(letter) < 32 and not letter.isspace() for letter in text) > len(text) / 100:
        raise ValueError(f"{name} is not a text file: save it as text, in the encoding UTF-8.")
    if tell:
        tell(f"{name} is not in UTF-8 and was read as {best.encoding}: save it as UTF-8 if letters look wrong.")
    return text
