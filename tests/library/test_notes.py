"""PNG files that carry their settings: read back, and nothing else believed."""

import json
import time

import numpy as np
import pytest
from uploads import BAD, bomb, chunk, encoded, plain, png

from diffusion_edu.data.notes import noted, read_note

ABOUT = {"prompt": "a rose, “red” 🌹", "seed": 3, "preset": {"steps": 20}}


def written(text, more=()):
    return png(8, 8, more=[*more, chunk(b"tEXt", b"diffusion_edu\0" + text)])


def test_settings_come_back():
    data = noted(np.zeros((8, 8, 3), np.uint8), ABOUT)
    assert read_note(data) == ABOUT
    assert read_note(data[:-40] + data[-40:]) == read_note(written(json.dumps(ABOUT).encode())) == ABOUT


def test_settings_may_stand_behind_other_chunks_and_behind_the_pixels():
    data = noted(np.zeros((8, 8, 3), np.uint8), ABOUT)
    at = data.index(b"tEXt") - 4
    length = 12 + int.from_bytes(data[at : at + 4], "big")
    moved = data[:at] + data[at + length : -12] + data[at : at + length] + data[-12:]
    assert moved != data and read_note(moved) == ABOUT
    assert read_note(written(json.dumps(ABOUT).encode(), [chunk(b"tEXt", b"Comment\0{}")] * 99)) == ABOUT


@pytest.mark.parametrize(
    "data",
    [
        *(data for data, _ in BAD.values()),
        encoded(plain(), "PNG"),
        encoded(plain(), "JPEG"),
        written(b""),
        written(b"[1]"),
        written(b"3"),
        written(b"null"),
        written(b'{"a": '),
        written(b"[" * 100_000),
        written(b'{"a": "' + b"x" * 200_000 + b'"}'),
        written(b"\xff\xfe{}"),
        bomb("a PNG of a million chunks"),
        b"\x89PNG\r\n\x1a\n" + bytes(2_000_000),
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 2_000_000,
    ],
)
def test_what_carries_none_is_refused_in_a_sentence_and_soon(data):
    begun = time.process_time()
    with pytest.raises(ValueError, match="settings.*choose"):
        read_note(data)
    assert time.process_time() - begun < 2
