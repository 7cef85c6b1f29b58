"""One image of any kind to [-1, 1] and back, and the batches made of many."""

import io
import pickle
from itertools import islice

import numpy as np
import pytest
import torch
from helpers import seeded
from PIL import Image

from diffusion_edu.data import decoding
from diffusion_edu.data.batches import batches
from diffusion_edu.data.decoding import squared
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
        squared(plain(), 8)


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
