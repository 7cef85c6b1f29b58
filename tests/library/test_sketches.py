"""Sketches made from images: white paper, a plausible amount of ink, lines along edges, nothing from a flat image."""

import math

import pytest
import torch
from helpers import seeded

from diffusion_edu.checkpoints import PRETRAINED
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.editing.sketches import PAPER, STYLES, edge_lines, gaussian_blur, random_affine, sketch, subject_mask

INK = {
    "edges": (0.05, 0.25),
    "contours": (0.1, 0.3),
    "colours": (0.4, 0.8),
    "outlined colours": (0.3, 0.6),
}  # fractions of the paper, on average


@pytest.fixture(scope="module")
def flowers():
    return to_signed(load_images(PRETRAINED / "flower_samples.parquet", 64).images[:96])


def away():
    """How far every pixel of 64 x 64 is from the middle."""
    positions = torch.arange(64) - 31.5
    return torch.hypot(positions[:, None], positions)


def disc(inside=-1.0, outside=1.0, radius=16):
    return torch.where(away() < radius, float(inside), float(outside)).expand(1, 3, 64, 64).contiguous()


def inked(drawn):
    """Where there is ink, bool (b, h, w)."""
    return ((drawn - PAPER).abs() > 0.2).any(1)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_draws_on_white_paper_with_a_sane_amount_of_ink(flowers, style):
    drawn = sketch(flowers, seeded(), [style])
    assert drawn.shape == flowers.shape and drawn.dtype == torch.float32
    assert drawn.min() >= -1 and drawn.max() == PAPER
    fraction = inked(drawn).float().mean((1, 2))
    low, high = INK[style]
    assert low < fraction.mean() < high
    assert fraction.min() > 0.005  # the gaps leave something
    if style != "colours":  # these may fill the paper
        assert fraction.max() < 0.8
        assert inked(drawn)[:, [0, -1]].float().mean() < 0.6 * fraction.mean()  # most of the border is paper


def test_a_sketch_is_of_its_image(flowers):
    """Its lines lie where colours change: more than twice as much change under ink as elsewhere."""
    drawn = sketch(flowers, seeded(), ["edges"])
    soft = torch.nn.functional.pad(gaussian_blur(flowers, 1.2), (0, 1, 0, 1), mode="replicate")
    change = (soft.diff(dim=2)[..., :-1].abs() + soft.diff(dim=3)[:, :, :-1].abs()).mean(1)  # (b, h, w)
    ink = inked(drawn)
    assert change[ink].mean() > 2 * change[~ink].mean()


def test_all_styles_occur_and_the_same_seed_gives_the_same_sketches(flowers):
    drawn = sketch(flowers, seeded())
    assert torch.equal(drawn, sketch(flowers, seeded()))
    assert not torch.equal(drawn, sketch(flowers, seeded(1)))
    fraction = inked(drawn).float().mean((1, 2))
    assert fraction.min() < 0.15 and fraction.max() > 0.9  # lines on paper and pages full of colour
    before = torch.get_rng_state()
    sketch(flowers[:4], seeded())
    assert torch.equal(torch.get_rng_state(), before)


def test_two_sketches_of_one_image_differ(flowers):
    drawn = sketch(flowers[:1].expand(16, -1, -1, -1), seeded(), ["edges"])
    assert len({image.sum().item() for image in drawn}) == 16


@pytest.mark.parametrize(("inside", "outside", "radius"), [(-1, 1, 16), (0.2, -0.4, 10), (-0.9, 0.6, 22)])
def test_the_subject_of_a_disc_is_the_disc(inside, outside, radius):
    """All of it, and a few pixels beyond, because its edge is blurred."""
    found = subject_mask(disc(inside, outside, radius))[0, 0]
    assert (found[away() < radius - 1] == 1).all()
    assert (found[away() > radius + 3] == 0).all()


@pytest.mark.parametrize("style", ["edges", "contours"])
def test_a_disc_becomes_a_ring(style):
    """And nothing else: no line inside, outside or at the border of the paper."""
    image, all_round = disc(), 0
    for seed in range(20):
        ink = inked(STYLES[style](image, subject_mask(image), seeded(seed)))[0]
        if not ink.any():
            continue  # all of it was left out
        assert away()[ink].min() > 10 and away()[ink].max() < 23
        positions = ink.nonzero() - 31.5
        all_round += (torch.atan2(*positions.T).mul(16 / math.pi).round().unique()).numel() > 24  # of 32 directions
    assert all_round >= 10


def test_the_border_of_an_image_is_not_a_line(flowers):
    """There is nothing beyond it to compare with, which must not count as a change."""
    found = edge_lines(gaussian_blur(flowers, 1.2), torch.full((len(flowers), 1, 1, 1), 0.1))
    assert found.mean().item() == pytest.approx(0.1, abs=0.01)
    border = torch.cat([found[..., 0, :], found[..., -1, :], found[..., 0], found[..., -1]])
    assert border.mean() < 0.1


@pytest.mark.parametrize("tint", [-1.0, -0.7123, 0.0, 0.1, 0.3, 1.0])
def test_a_flat_image_has_no_lines_and_no_subject(tint):
    flat = torch.full((8, 3, 16, 16), tint)
    assert subject_mask(flat).sum() == 0
    for style in STYLES:
        drawn = sketch(flat, seeded(), [style])
        assert drawn.isfinite().all() and drawn.abs().max() <= 1
        if style != "colours":
            assert torch.equal(drawn, torch.full_like(drawn, PAPER))


@pytest.mark.parametrize("shape", [(16, 16), (30, 50), (7, 9)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sketches_keep_size_and_dtype_of_the_images(shape, dtype):
    x0 = torch.rand(40, 3, *shape, generator=seeded(), dtype=dtype) * 2 - 1
    drawn = sketch(x0, seeded())
    assert (drawn.shape, drawn.dtype) == (x0.shape, dtype)
    assert drawn.isfinite().all() and drawn.abs().max() <= 1 + 1e-6


def test_everything_is_computed_on_the_device_of_the_images():
    """On the device "meta", which only knows shapes, a tensor that is made elsewhere is an error."""
    x0 = torch.empty(4, 3, 16, 16, device="meta")
    for style in STYLES.values():
        drawn = random_affine(style(x0, subject_mask(x0), None), None)
        assert (drawn.shape, drawn.device.type) == (x0.shape, "meta")


def test_the_random_affine_map_is_small_and_extends_the_paper():
    drawn = disc().expand(32, -1, -1, -1)
    moved = random_affine(drawn, seeded())
    middle = ((1 - moved[:, 0]) * (torch.arange(64) - 31.5)).sum((1, 2)) / (1 - moved[:, 0]).sum((1, 2))
    assert 0.2 < middle.abs().mean() < 1.4 and middle.abs().max() < 2  # pixels
    assert torch.equal(random_affine(torch.full_like(drawn, PAPER), seeded()), torch.full_like(drawn, PAPER))
