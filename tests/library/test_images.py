"""One image of any kind to [-1, 1] and back, and the batches made of many."""

import io
import pickle
from itertools import islice

import numpy as np
import pytest
import torch
from helpers import seeded
from PIL import Image, ImageOps
from uploads import FORMATS

from diffusion_edu.data import decoding, file_formats
from diffusion_edu.data.batches import batches
from diffusion_edu.data.decoding import read_image, squared
from diffusion_edu.data.images import ImageSet, to_bytes, to_signed

RED = (255, 0, 0)


def colour(image):
    """The one colour of an image, after a lossy file's few steps of error are rounded away."""
    rows = squared(image, 8).reshape(3, -1).astype(int)
    assert np.ptp(rows, axis=1).max() <= 6
    return tuple(np.round(rows.mean(axis=1)).astype(int).tolist())


def encoded(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def reopened(image, form="PNG", **options):
    return Image.open(io.BytesIO(encoded(image, form, **options)))


def plain(tint=RED, size=(16, 16)):
    return Image.new("RGB", size, tint)


def test_every_uint8_value_survives_the_way_to_signed_and_back():
    """Pitfall 44."""
    values = torch.arange(256, dtype=torch.uint8)
    signed = to_signed(values)
    assert (signed.dtype, signed[0], signed[-1]) == (torch.float32, -1, 1)
    assert torch.equal(to_bytes(signed), values)
    assert torch.equal(to_bytes(signed.double()), values)


def test_bytes_are_rounded_and_kept_in_range():
    """Pitfall 44."""
    step = 1 / 127.5
    x = torch.tensor([-1e9, -2.0, -1.0 - 0.6 * step, -1 + 0.6 * step, 0.4 * step - 1, 1 + step, 5.0, 1e9])
    assert to_bytes(x).tolist() == [0, 0, 0, 1, 0, 255, 255, 255]


def gray16():
    return reopened(Image.fromarray(np.full((16, 16), 0x80FF, dtype=np.uint16)))


CLASS_NAMES = {
    "RGB": (lambda: reopened(plain()), RED),
    "JPEG": (lambda: reopened(plain(), "JPEG", quality=95), RED),
    "gray": (lambda: reopened(Image.new("L", (16, 16), 77)), (77, 77, 77)),
    "16-bit gray": (gray16, (128, 128, 128)),
    "black and white": (lambda: reopened(Image.new("1", (16, 16), 1)), (255, 255, 255)),
    "palette": (lambda: reopened(plain().quantize(4)), RED),
    "CMYK": (lambda: reopened(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95), RED),
    "opaque": (lambda: reopened(Image.new("RGBA", (16, 16), (*RED, 255))), RED),
    "transparent": (lambda: reopened(Image.new("RGBA", (16, 16), (*RED, 0))), (255, 255, 255)),
    "half transparent": (lambda: reopened(Image.new("RGBA", (16, 16), (*RED, 128))), (255, 127, 127)),
    "transparent gray": (lambda: reopened(Image.new("LA", (16, 16), (9, 0))), (255, 255, 255)),
    "transparent palette": (lambda: reopened(Image.new("P", (16, 16), 0), transparency=0), (255, 255, 255)),
    "GIF": (lambda: reopened(plain(), "GIF"), RED),
}


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_every_class_name_of_image_looks_as_it_does_on_a_white_screen(class_name):
    make, expected = CLASS_NAMES[class_name]
    assert np.abs(np.subtract(colour(make()), expected)).max() <= 2


@pytest.mark.parametrize("size", [(50, 10), (10, 50), (300, 10), (8, 8), (1, 1)])
def test_the_centre_square_is_cut_out_and_scaled(size):
    image, near = plain(size=size), min(size)  # green in the middle, red from a little beyond the square on
    image.paste((0, 255, 0), (size[0] // 2 - near, size[1] // 2 - near, size[0] // 2 + near, size[1] // 2 + near))
    assert squared(image, 8).shape == (3, 8, 8)
    assert colour(image) == (0, 255, 0)


def test_images_are_turned_as_their_camera_says():
    image, exif = plain(size=(16, 16)), Image.Exif()
    image.paste((0, 0, 255), (0, 0, 8, 16))  # blue at the left
    exif[0x0112] = 6  # turn right: left becomes top
    turned = squared(reopened(image, exif=exif), 8)
    assert turned[2, :3].min() > 200
    assert turned[0, 5:].min() > 200


def test_a_image_with_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(decoding, "MOST_PIXELS", 100)
    with pytest.raises(ValueError, match="16 x 16 pixels; 100 are the most"):
        read_image(io.BytesIO(encoded(plain())), 8)


@pytest.mark.parametrize("form", [*FORMATS, "HEIF"])
def test_every_format_is_read(form):
    image, odd = read_image(io.BytesIO(encoded(plain((200, 100, 50), (64, 64)), form)), 8)
    assert np.abs(image.mean((1, 2)) - (200, 100, 50)).max() < 4 and not odd


def ramp(low, high, kind):
    """A grey image of other numbers than 8 bits, dark at the left, as a TIFF."""
    return encoded(Image.fromarray(np.linspace(low, high, 64).astype(kind)[None].repeat(64, 0)), "TIFF")


@pytest.mark.parametrize(
    ("low", "high", "kind", "words"),
    [
        (0, 1, np.float32, "numbers from 0 to 1, brought to 0 to 255"),
        (0.001, 0.999, np.float32, "numbers from 0 to 1, brought to 0 to 255"),
        (0, 255, np.float32, None),
        (0, 65535, np.float32, "16 bits per pixel, brought to 8"),
        (-1, 1, np.float32, "numbers from -1 to 1, brought to 0 to 255"),
        (-3, 1e6, np.float32, "numbers from -3 to 1e+06, brought to 0 to 255"),
        (0, 255, np.uint16, None),
        (0, 65535, np.uint16, "16 bits per pixel, brought to 8"),
        (0, 65535, np.int32, "16 bits per pixel, brought to 8"),
        (0, 10**6, np.int32, "numbers from 0 to 1e+06, brought to 0 to 255"),
        (0, 1.02, np.float32, "numbers from 0 to 1, brought to 0 to 255"),
        (-0.02, 0.98, np.float32, "numbers from 0 to 1, brought to 0 to 255"),
        (0, 4, np.float32, "numbers from 0 to 4, brought to 0 to 255"),
        (0, 100, np.float32, "numbers from 0 to 100, brought to 0 to 255"),
        (0, 4095, np.uint16, "numbers from 0 to 4095, brought to 0 to 255"),
        (0, 1023, np.uint16, "numbers from 0 to 1023, brought to 0 to 255"),
        (0, 16383, np.float32, "numbers from 0 to 16383, brought to 0 to 255"),
    ],
)
def test_other_numbers_than_8_bits_are_brought_to_their_whole_range(low, high, kind, words):
    image, odd = read_image(io.BytesIO(ramp(low, high, kind)), 64)
    assert np.abs(image[0, 5].astype(int) - np.linspace(0, 255, 64)).max() <= 6
    assert odd == [*([words] if words else []), "grayscale, used in grey"]


@pytest.mark.parametrize("high", [0.9, 1, 1.05])
def test_images_of_one_folder_are_equally_light_wherever_their_fractions_end(high):
    numbers = np.full((64, 64), 0.5, np.float32)
    numbers[0] = high
    image, _ = read_image(io.BytesIO(encoded(Image.fromarray(numbers), "TIFF")), 64)
    assert image[0, 32, 32] in (127, 128)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(value):
    numbers = np.zeros((64, 64), np.float32)
    numbers[3, 3] = value
    with pytest.raises(ValueError, match="infinite or not a number"):
        read_image(io.BytesIO(encoded(Image.fromarray(numbers), "TIFF")), 8)


def test_pages_and_frames_are_named_for_what_they_are():
    two = {"save_all": True, "append_images": [plain((0, 0, 255))]}
    assert "first page" in read_image(io.BytesIO(encoded(plain(), "TIFF", **two)), 8)[1][0]
    assert "first frame" in read_image(io.BytesIO(encoded(plain(), "WEBP", **two)), 8)[1][0]
    assert not read_image(io.BytesIO(encoded(plain(), "MPO", **two)), 8)[1]  # a phone's photo and its small preview


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"%PDF-1.7", "it is a PDF"),
        (b"\n <svg xmlns='x'>", "an SVG graphic"),
        (b"PK\x03\x04", "ZIP archive: unpack it"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"\0\0\0\x0cJXL \r\n", "pip install pillow-jxl-plugin"),
        (b"\0\0\0\x18ftypisom", "a video"),
        (b"II*\0\x08\0\0\0\0\0", "camera raw"),
        (b"Dear Sir", "not an image"),
    ],
)
def test_what_is_no_image_is_named(start, words, tmp_path):
    (tmp_path / "a.jpg").write_bytes(start)
    for file in (io.BytesIO(start), tmp_path / "a.jpg"):
        with pytest.raises(ValueError, match=words):
            read_image(file, 8)


def test_without_its_plugin_a_photo_of_a_phone_is_named(monkeypatch):
    data = encoded(plain((1, 2, 3), (64, 64)), "HEIF")
    monkeypatch.setattr(file_formats, "find_spec", lambda name: None)
    monkeypatch.setattr(decoding, "readable", lambda: ["PNG", "JPEG"])
    with pytest.raises(ValueError, match="HEIC image: install pillow-heif to read it"):
        read_image(io.BytesIO(data), 8)


def test_a_file_that_cannot_be_opened_is_not_called_damaged(tmp_path):
    with pytest.raises(ValueError, match="cannot be opened"):
        read_image(tmp_path / "none.png", 8)


@pytest.mark.parametrize(
    "form, mode", [("JPEG", "RGB"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGB")]
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_image_is_shrunk_on_the_way_and_looks_the_same(form, mode, orientation, monkeypatch):
    monkeypatch.setattr(decoding, "LARGE", 50_000)
    monkeypatch.setattr(decoding, "STRIP", 5_000)
    across, down = np.meshgrid(np.linspace(0, 255, 401), np.linspace(0, 255, 311))
    image = Image.fromarray(np.stack([across, down, 255 - across, 255 - down / 2], -1).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image if mode == "RGBA" else image.convert("RGB").convert(mode), form, quality=95, exif=exif)
    seen, _ = read_image(io.BytesIO(data), 12)
    whole = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    whole = Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert("RGB")
    plainly = np.asarray(ImageOps.fit(whole, (12, 12), Image.Resampling.LANCZOS)).transpose(2, 0, 1)
    assert np.abs(seen.astype(int) - plainly).max() <= 4


@pytest.mark.parametrize(("n", "size"), [(10, 5), (10, 3), (4, 9)])
def test_batches_show_every_image_once_per_round(n, size):
    images = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 3, 4, 4)
    stream = batches(ImageSet(images, torch.arange(n), ("one",)), size, seeded())
    seen, rounds = [], 9
    for x0, labels in islice(stream, -(-n * rounds // size)):
        assert x0.shape == (size, 3, 4, 4)
        assert torch.equal(((x0[:, 0, 0, 0] + 1) * 127.5).round().long(), labels)
        seen += labels.tolist()
    orders = [tuple(seen[at : at + n]) for at in range(0, n * rounds, n)]
    assert all(sorted(order) == list(range(n)) for order in orders)
    assert len(set(orders)) > 1


def test_batches_show_a_image_as_often_as_its_weight_says():
    some = ImageSet(torch.zeros(4, 3, 4, 4, dtype=torch.uint8), torch.arange(4), ("one",))
    seen = torch.cat(
        [labels for _, labels in islice(batches(some, 100, seeded(), often=torch.tensor([1.0, 0.0, 2.0, 5.0])), 40)]
    )
    assert (seen.bincount(minlength=4) / len(seen)).tolist() == pytest.approx([0.125, 0, 0.25, 0.625], abs=0.03)


def test_batches_mirror_about_half_of_the_images():
    one = ImageSet(torch.arange(0, 64, dtype=torch.uint8).view(1, 1, 8, 8).expand(1, 3, 8, 8))
    x0, labels = next(batches(one, 1000, seeded()))
    plain = next(batches(one, 1, seeded(), flip=False))[0]
    mirrored = (x0 == plain.flip(3)).all(dim=(1, 2, 3))
    assert labels is None
    assert mirrored.float().mean().item() == pytest.approx(0.5, abs=0.06)
    assert ((x0 == plain).all(dim=(1, 2, 3)) ^ mirrored).all()


def test_images_can_travel_to_a_worker_process():
    """Pitfall 39."""
    before = ImageSet(
        torch.randint(0, 256, (4, 3, 2, 2), generator=seeded(), dtype=torch.uint8), torch.arange(4) % 2, ("a", "b")
    )
    after = pickle.loads(pickle.dumps(before))
    assert torch.equal(after.images, before.images)
    assert torch.equal(after.labels, before.labels)
    assert (after.classes, len(after)) == (("a", "b"), 4)
