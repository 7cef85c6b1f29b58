"""Files that people hand in: read sensibly, or refused in one sentence that says what to do, at a bounded cost."""

import os
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image
from uploads import BAD, BOMBS, bomb, encoded, hostile, plain

from diffusion_edu.data import decoder, uploads
from diffusion_edu.data.decoding import Refused, fitting
from diffusion_edu.data.uploads import read_original, read_prompt_file, read_upload

ROOT = Path(__file__).parents[2]
QUICK = ("a long thin PNG, empty", "a PNG with a palette", "a greedy TIFF")
MEASURED = """
import sys
from pathlib import Path
from diffusion_edu.data import decoder
decoder.main(["image", "[64]"])
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(peak.split()[1], file=sys.stderr)
"""


def refusal(data, size=64):
    """The sentence with which an upload is refused."""
    with pytest.raises(ValueError) as refused:
        read_upload(data, size)
    sentence = str(refused.value)
    assert sentence.endswith(".") and "choose" in sentence and "\n" not in sentence and len(sentence) < 400
    return sentence


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_gets_one_sentence_that_says_what_to_do(name):
    data, words = BAD[name]
    assert words in refusal(data)


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in BOMBS]
)
def test_no_file_takes_much_memory_or_time(name):
    data, before = bomb(name), os.times()
    words = [sys.executable, "-c", MEASURED]
    done = subprocess.run(words, input=data, capture_output=True, timeout=60, cwd=ROOT)
    after = os.times()
    assert sum(after[2:4]) - sum(before[2:4]) < decoder.SECONDS + 1.5  # seconds of computing
    if done.returncode == 0:  # otherwise it was stopped
        assert Path("/proc/self/status").exists() and int(done.stderr) < 300_000


def test_what_decoders_take_is_bounded_by_the_system():
    """Not by what we know about them."""
    pytest.importorskip("resource")
    code = "from diffusion_edu.data import decoder; decoder.limit(); bytearray(300_000_000)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, timeout=60)
    assert b"MemoryError" in done.stderr
    code = "from diffusion_edu.data import decoder; decoder.SECONDS = 1; decoder.limit()\nwhile True: pass"
    begun = os.times()
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, timeout=60).returncode < 0
    assert os.times().children_user - begun.children_user < 2


@pytest.mark.parametrize("seed", range(6))
def test_random_files_are_read_or_refused_in_words(seed):
    data = hostile(Random(seed))
    try:
        image, notes = read_upload(data, 16)
    except ValueError:
        refusal(data, 16)
    else:
        assert image.shape == (3, 16, 16) and all(note.endswith(".") for note in notes)


@pytest.fixture
def decoded(monkeypatch):
    """Nothing is remembered, and nothing decoded: a list of the files that would be, and what is done instead."""
    monkeypatch.setattr(uploads, "KNOWN", type(uploads.KNOWN)())
    calls = []

    def decode(data, size):
        calls.append(data)
        if data == b"bad":
            raise Refused("it is bad")
        if data == b"late":
            raise TimeoutError(decoder.BUSY)
        return np.zeros((3, 2, 2), np.uint8), (4, 4), []

    monkeypatch.setattr(uploads, "decode", decode)
    return calls


def test_a_file_is_decoded_once_and_a_refusal_is_remembered(decoded):
    for data in (b"good", b"good", b"bad", b"bad", b"late", b"late"):
        try:
            read_upload(data, 2)[0].fill_(9)  # nobody writes into what is remembered
        except ValueError as problem:
            assert "it is bad; save it as" in str(problem) or str(problem) == decoder.BUSY
    assert decoded == [b"good", b"bad", b"late", b"late"]  # a busy computer is another one later
    assert not read_upload(b"good", 2)[0].any()
    read_upload(b"good", fitting(4, 2))
    assert decoded[4:] == [b"good"]
    for number in range(2 * uploads.REMEMBERED):
        read_upload(bytes([number]), 2)
    assert len(uploads.KNOWN) == uploads.REMEMBERED


def test_one_file_is_decoded_at_a_time(decoded, monkeypatch):
    at_once, most = [], []

    def decode(data, size):
        at_once.append(data)
        most.append(len(at_once))
        time.sleep(0.01)
        at_once.remove(data)
        return np.zeros((3, 2, 2), np.uint8), (4, 4), []

    monkeypatch.setattr(uploads, "decode", decode)
    people = [threading.Thread(target=read_upload, args=(bytes([number]), 2)) for number in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert most == [1] * 8


def test_a_decoder_that_breaks_takes_only_its_own_process_with_it(monkeypatch):
    monkeypatch.setattr(decoder.sys, "executable", "/bin/false")
    with pytest.raises(Refused, match="takes more than"):
        decoder.decode(encoded(plain(), "PNG"), 16)


def test_on_a_busy_computer_it_says_so(monkeypatch):
    monkeypatch.setattr(decoder, "PATIENCE", 0.001)
    with pytest.raises(ValueError, match="too busy"):
        read_upload(encoded(plain((7, 7, 7)), "PNG"), 17)


def test_the_limit_of_bytes_is_that_of_the_server():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] * 2**20 == uploads.MOST_BYTES
    assert "20,971,521 bytes" in refusal(bytes(uploads.MOST_BYTES + 1))


def test_what_is_advised_is_accepted():
    large = bytearray(encoded(plain(), "JPEG", progressive=True))
    sides = large.index(b"\xff\xc2") + 5  # where its height and width stand
    large[sides : sides + 4] = (6000).to_bytes(2, "big") + (8000).to_bytes(2, "big")
    assert "or a JPEG of at most 33 million" in refusal(bytes(large))
    assert uploads.MOST_JPEG >= 33_000_000


def test_a_common_image_is_read_as_it_is():
    image, notes = read_upload(encoded(plain(), "PNG"), size=32)
    assert image.shape == (3, 32, 32) and image[:, 0, 0].tolist() == [200, 100, 50] and notes == []
    image += 1  # it may be written to


def test_the_size_in_the_file_is_returned_even_of_an_image_that_is_decoded_smaller():
    image, sides, _ = read_original(encoded(plain(size=(3000, 2000)), "JPEG"), fitting(128, 8))
    assert sides == (3000, 2000) and image.shape == (3, 80, 128)


ODD = {
    "CMYK": (encoded(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG"), "CMYK", (255, 0, 0)),
    "16 bits": (encoded(Image.fromarray(np.full((64, 64), 0x8000, np.uint16)), "PNG"), "16 bits", (128, 128, 128)),
    "animated": (
        encoded(plain((255, 0, 0)), "GIF", save_all=True, append_images=[plain((0, 0, 255))]),
        "first frame",
        (255, 0, 0),
    ),
    "grey": (encoded(Image.new("L", (64, 64), 90), "PNG"), "gr", (90, 90, 90)),
    "transparent": (encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"), "transparent", (255, 255, 255)),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_read_sensibly_and_said(name):
    data, words, colour = ODD[name]
    image, notes = read_upload(data)
    assert any(words in note for note in notes) and all(note.endswith(".") for note in notes)
    assert (image[:, 32, 32].float() - image.new_tensor(colour).float()).abs().max() <= 3


@pytest.mark.parametrize(
    ("data", "name", "texts"),
    [
        (b"a red rose\nblue\n", "x.txt", ["a red rose", "blue"]),
        (b'["a", "b"]', "X.JSON", ["a", "b"]),
        (b"caption,subject\na rose,rose\n", "../../x.csv", ["a rose"]),
        (b"a\n", "\0/../x", ["a"]),
        (b"a\n", "x" * 300, ["a"]),
    ],
)
def test_prompts_are_read_whatever_their_file_is_called(data, name, texts):
    assert [each.text for each in read_prompt_file(data, name)] == texts


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"", "a.txt", "0 bytes"),
        (b"PAR1" + b"\xff" * 1000, "x.parquet", "cannot be read"),
        (b"[" * 100_000, "x.json", "cannot be read"),
        (b"a\n" * 60_000, "x.txt", "60,000 prompts, and 50,000 are the most"),
        (bytes(uploads.MOST_BYTES + 1), "x.txt", "bytes"),
    ],
)
def test_prompts_that_cannot_be_used_are_refused_in_one_sentence(data, name, words):
    with pytest.raises(ValueError, match=words) as refused:
        read_prompt_file(data, name)
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)
