"""What people paint: layers and masks as PNG files, read alike by a page and a script, or refused in one sentence."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from uploads import BAD, encoded, png

from diffusion_edu.data.layers import from_url, layer_of, painted, paper, read_layer, read_mask, to_png, to_url

HOLE = torch.zeros(16, 16, dtype=torch.bool)
HOLE[3:9, 5:7] = True


def test_a_layer_comes_back_as_it_was_and_hides_what_is_under_it():
    layer, image = layer_of(HOLE, (10, 200, 30)), torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8)
    assert torch.equal(read_layer(to_png(layer), 16), layer)
    over = painted(image, layer)
    assert torch.equal(over[:, ~HOLE], image[:, ~HOLE]) and over[:, HOLE].unique(dim=1).flatten().tolist() == [
        10,
        200,
        30,
    ]
    assert torch.equal(painted(paper(16), layer_of(~HOLE & False)), paper(16))


def test_paint_that_is_not_opaque_is_no_paint():
    half = torch.full((4, 16, 16), 128, dtype=torch.uint8)
    assert not read_layer(to_png(half), 16).any()


@pytest.mark.parametrize("size", [16, 64])
def test_a_mask_of_the_right_size_comes_back_bit_for_bit_and_says_nothing(size):
    hole = torch.rand(size, size, generator=torch.Generator().manual_seed(0)) > 0.5
    read, notes = read_mask(to_png(hole), size)
    assert torch.equal(read, hole) and notes == []


def test_a_mask_of_another_size_is_scaled_and_says_so():
    mask = Image.fromarray(
        np.repeat(np.array([[0] * 100 + [255] * 100], np.uint8), 100, 0)
    )  # 200 x 100, the right half white
    hole, notes = read_mask(encoded(mask, "PNG"), 64)
    assert torch.equal(hole, (torch.arange(64) >= 32).expand(64, 64))
    assert notes == ["Your mask has 200 x 100 pixels, the image 64 x 64: the square in its middle was scaled."]
    assert "it was scaled" in read_mask(to_png(HOLE), 64)[1][0]


@pytest.mark.parametrize(
    ("mode", "dark", "light", "side"),
    [("L", 0, 1, 64), ("I;16", 0, 1, 200), ("L", 200, 255, 64), ("RGB", (0, 0, 0), (128, 0, 0), 200)],
)
def test_two_values_are_two_whatever_they_are(mode, dark, light, side):
    mask = Image.new(mode, (side, side), dark)
    mask.paste(light, (side // 2, 0, side, side))
    hole, notes = read_mask(encoded(mask, "PNG"), 64)
    assert torch.equal(hole, (torch.arange(64) >= 32).expand(64, 64))
    assert any("its lighter part is the hole" in note for note in notes)


def test_what_is_transparent_in_a_mask_is_hole_and_what_is_animated_says_so():
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 255))
    clear.paste((0, 0, 0, 0), (0, 0, 8, 16))
    hole, notes = read_mask(encoded(clear, "PNG"), 16)
    assert (
        torch.equal(hole, (torch.arange(16) < 8).expand(16, 16))
        and "transparent, the hole is where nothing is" in notes[0]
    )
    file, frames = io.BytesIO(), [Image.new("L", (16, 16), value) for value in (0, 255)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    hole, notes = read_mask(file.getvalue(), 16)
    assert not hole.any() and any("the first frame" in note for note in notes)


@pytest.mark.parametrize("data", [data for data, _ in BAD.values()] + [png(20_000, 20_000, whole=False)])
def test_what_is_no_image_is_refused_in_one_sentence(data):
    with pytest.raises(ValueError, match=r"^The file .*\.$"):
        read_mask(data, 64)
    with pytest.raises(ValueError, match="paint it again"):
        read_layer(data, 64)


def test_a_layer_of_another_size_is_refused():
    with pytest.raises(ValueError, match="paint it again"):
        read_layer(to_png(layer_of(HOLE)), 64)


def test_urls_carry_bytes_and_nothing_else():
    assert from_url(to_url(b"\x00abc")) == b"\x00abc"
    for url in (None, 7, "", "data:text/html;base64,AAAA", "data:image/png;base64,***", "data:image/png;base64,é"):
        with pytest.raises(ValueError, match="paint it again"):
            from_url(url)
