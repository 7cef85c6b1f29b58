"""Files that people hand in: read sensibly, or refused in one sentence that says what to do."""

import time

import numpy as np
import pytest
from PIL import Image
from uploads import BAD, encoded, plain

from diffusion_edu.data.uploads import read_upload


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_gets_one_sentence_that_says_what_to_do(name):
    data, words = BAD[name]
    begun = time.monotonic()
    with pytest.raises(ValueError) as refused:
        read_upload(data)
    sentence = str(refused.value)
    assert words in sentence and sentence.endswith(".") and "choose" in sentence and "\n" not in sentence
    assert time.monotonic() - begun < 2  # too many pixels are not decoded first


def test_a_common_image_is_read_as_it_is():
    image, notes = read_upload(encoded(plain(), "PNG"), size=32)
    assert image.shape == (3, 32, 32) and image[:, 0, 0].tolist() == [200, 100, 50] and notes == []
    image += 1  # it may be written to


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


def test_a_palette_is_turned_into_its_colours():
    image, _ = read_upload(encoded(plain((255, 0, 0)).convert("P"), "PNG"))
    assert image[:, 0, 0].tolist() == [255, 0, 0]


def test_a_photo_taken_sideways_is_turned_upright():
    photo = Image.new("RGB", (64, 64), "black")
    photo.paste((255, 255, 255), (0, 0, 32, 64))  # white on the left
    about = Image.Exif()
    about[0x0112] = 6  # to be turned a quarter, clockwise: left becomes top
    image, _ = read_upload(encoded(photo, "PNG", exif=about))
    assert image[:, 5, 32].tolist() == [255] * 3 and image[:, 58, 32].tolist() == [0] * 3
