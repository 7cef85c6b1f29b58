"""Super-resolution and cascades: resampling, the conditioning image, and two walks one after the other."""

import math
import time

import pytest
import torch
import torch.nn.functional as F
from helpers import seeded

from diffusion_edu.checkpoints import Card, Model
from diffusion_edu.core import State
from diffusion_edu.editing import super_resolution
from diffusion_edu.editing.super_resolution import (
    CONDITIONING_CHANNELS,
    back_projected,
    bicubic_downsample,
    bicubic_upsample,
    cascade,
    conditioning_image,
    enlarge,
    project,
)
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import Compute, SeededNoise

PRESET = Preset(steps=2, guidance_scale=1.0)


def smooth(b=2, h=32, w=32):
    """Images without detail finer than half their size can hold."""
    rows, columns = torch.arange(h).view(h, 1) / h, torch.arange(w) / w
    waves = [torch.sin(2 * math.pi * (k * rows + j * columns + 0.1)) for k, j in ((1, 1), (2, -1), (0, 1))]
    return torch.stack([0.8 * torch.stack(waves).roll(turn, 0) for turn in range(b)])


def small(b=2, h=8, w=8):
    return torch.rand(b, 3, h, w, generator=seeded()) * 2 - 1


@pytest.fixture
def model(tiny):
    """A small network with the conditioning image of super-resolution."""
    card = Card(
        "model",
        "A",
        "simple_unet",
        {"conditioning_channels": 4},
        "v",
        16,
        conditioning_image="the same image, half as large",
    )
    return Model(
        card,
        tiny(network="simple_unet", conditioning_channels=CONDITIONING_CHANNELS).eval(),
        Compute(torch.device("cpu")),
    )


def last(states):
    *_, state = states
    return state.x


# Resampling


@pytest.mark.parametrize("shape", [(32, 32), (24, 40)])
def test_smooth_images_survive_downsampling_and_upsampling(shape):
    x = smooth(2, *shape)
    assert bicubic_downsample(x).shape == (2, 3, shape[0] // 2, shape[1] // 2)
    assert bicubic_upsample(x).shape == (2, 3, 2 * shape[0], 2 * shape[1])
    assert (bicubic_downsample(bicubic_upsample(x)) - x).abs().max() < 0.06
    inside = (bicubic_upsample(bicubic_downsample(x)) - x)[..., 3:-3, 3:-3]  # at the border the neighbours are missing
    assert inside.abs().max() < 0.06


@pytest.mark.parametrize("change", [bicubic_downsample, bicubic_upsample])
def test_resampling_changes_the_size_but_not_brightness_position_and_range(change):
    x = smooth()
    torch.testing.assert_close(change(x).mean((2, 3)), x.mean((2, 3)), rtol=0, atol=0.01)
    torch.testing.assert_close(change(x.flip(3)), change(x).flip(3))  # nothing is shifted
    assert change((x > 0) * 2.0 - 1).abs().max() == 1  # a sharp edge would overshoot
    flat = torch.full((1, 3, 8, 8), -0.3)
    torch.testing.assert_close(change(flat), torch.full_like(change(flat), -0.3))


def test_detail_finer_than_half_the_size_becomes_grey_and_no_pattern():
    """Without antialiasing a fine check would turn into one colour."""
    check = (torch.arange(32).view(32, 1) + torch.arange(32)) % 2 * 2.0 - 1
    assert bicubic_downsample(check.expand(1, 3, 32, 32)).abs().mean() < 0.1


@pytest.mark.parametrize("x", [small().long(), (100 * small()).byte(), small() > 0, small()[0], small() + 0j])
def test_resampling_asks_for_floating_point_numbers_in_words(x):
    for change in (bicubic_upsample, bicubic_downsample, lambda x: project(x, small()), lambda x: project(small(), x)):
        with pytest.raises(ValueError, match="must be a tensor .* of floating-point numbers"):
            change(x)


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (8, 1)])
def test_one_pixel_cannot_be_halved(shape):
    with pytest.raises(ValueError, match=f"Images of {shape[0]} x {shape[1]} pixels cannot be halved"):
        bicubic_downsample(small(1, *shape))


# The conditioning image


@pytest.mark.parametrize("shape", [(), (1, 5), (5, 1), (1, 1, 1, 1)])
def test_the_conditioning_image_asks_for_one_fraction_per_image(shape):
    with pytest.raises(ValueError, match=r"fraction of conditioning_image must be a tensor \(b,\)"):
        conditioning_image(small(1), torch.full(shape, 0.5), small(1))


def test_the_conditioning_image_is_the_upsampled_image_and_its_fraction_of_noise():
    images, eps, fraction = small(3), torch.randn(3, 3, 8, 8, generator=seeded(1)), torch.tensor([0.0, 0.3, 1.0])
    calls = conditioning_image(images, fraction, eps)
    assert calls.shape == (3, CONDITIONING_CHANNELS, 16, 16)
    for k in range(3):
        assert (calls[k, 3] == fraction[k]).all()
        noisy = math.cos(fraction[k] * math.pi / 2) * images[k] + math.sin(fraction[k] * math.pi / 2) * eps[k]
        torch.testing.assert_close(calls[k, :3], F.interpolate(noisy[None], size=(16, 16), mode="bicubic")[0])


def test_fraction_0_has_no_noise_and_fraction_1_no_image():
    images, eps = small(2), torch.randn(2, 3, 8, 8, generator=seeded(1))
    torch.testing.assert_close(
        conditioning_image(images, torch.zeros(2), eps)[:, :3].clamp(-1, 1), bicubic_upsample(images)
    )
    torch.testing.assert_close(
        conditioning_image(images, torch.ones(2), eps), conditioning_image(-images, torch.ones(2), eps)
    )


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_the_noise_of_the_conditioning_image_is_independent_of_the_initial_noise(model, monkeypatch, fraction):
    calls = []
    monkeypatch.setattr(
        super_resolution, "conditioning_image", lambda *args: calls.append(args) or conditioning_image(*args)
    )
    states = list(enlarge(model, PRESET, small(), [0, 1], fraction))
    (images, fractions, eps), x = calls[0], states[0].x
    assert torch.equal(images, small()) and torch.equal(fractions, torch.full((2,), fraction))
    assert eps.shape == small().shape and torch.equal(x, SeededNoise([0, 1]).sample((3, 16, 16)))
    starts = torch.stack(
        [noise.flatten(1)[:, :192].flatten() for noise in (eps, x, SeededNoise([0, 1]).sample((3, 8, 8)))]
    )
    assert starts.corrcoef()[0, 1:].abs().max() < 0.2


@pytest.mark.parametrize("fraction", [-0.1, 1.1, math.nan])
def test_a_fraction_outside_0_to_1_is_refused_before_anything_is_sampled(model, fraction):
    with pytest.raises(ValueError, match="fraction of enlarge must be a number from 0 to 1, not"):
        enlarge(model, PRESET, small(), [0, 1], fraction)


def test_images_that_do_not_fit_their_seeds_or_the_network_are_refused_in_one_sentence(model):
    with pytest.raises(ValueError, match="2 images came with 1 seeds"):
        enlarge(model, PRESET, small(), [0])
    with pytest.raises(ValueError, match="three channels"):
        enlarge(model, PRESET, small()[:, :1], [0, 1])
    with pytest.raises(ValueError, match="divisible by 2, not 8 x 7"):
        enlarge(model, PRESET, small(2, 8, 7), [0, 1])


# Back-projection


TRUE = smooth(2, 16, 24)
PREDICTIONS = {
    "the truth": TRUE,
    "smooth": bicubic_upsample(bicubic_downsample(TRUE)),
    "random": torch.rand(2, 3, 16, 24, generator=seeded(2)) * 2 - 1,
    "out of range": 3 * torch.randn(2, 3, 16, 24, generator=seeded(3)),
    "black": torch.full((2, 3, 16, 24), -1.0),
}


@pytest.mark.parametrize("x0_hat", PREDICTIONS.values(), ids=PREDICTIONS)
@pytest.mark.parametrize("small", [bicubic_downsample(TRUE), small(2, 8, 12), torch.ones(2, 3, 8, 12)])
def test_a_corrected_prediction_shrinks_to_exactly_the_small_image(x0_hat, small):
    corrected = back_projected(lambda x, t: x0_hat, small)(x0_hat, 5)
    shrunk = F.interpolate(corrected, scale_factor=0.5, mode="bicubic", antialias=True)  # nothing clipped
    torch.testing.assert_close(shrunk, small, rtol=0, atol=1e-5)
    exact = project(x0_hat.double(), small.double())
    torch.testing.assert_close(
        F.interpolate(exact, scale_factor=0.5, mode="bicubic", antialias=True), small.double(), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("side", [2, 4, 6, 50, 256])
def test_the_way_back_is_the_pseudo_inverse_of_downsampling(side):
    matrix, back = super_resolution._downsampling(side)
    torch.testing.assert_close(back, torch.linalg.pinv(matrix), rtol=0, atol=1e-12)


def test_large_images_are_corrected_at_once_and_not_every_size_is_kept():
    begun = time.thread_time()
    project(torch.zeros(1, 1, 1024, 1024), torch.zeros(1, 1, 512, 512))
    assert time.thread_time() - begun < 1
    assert super_resolution._downsampling.cache_info().maxsize < 20


@pytest.mark.parametrize("dtypes", [(torch.float32, torch.float64), (torch.float64, torch.float32)])
def test_images_of_another_precision_are_corrected_in_that_of_the_prediction(dtypes):
    large, image = (x.to(dtype) for x, dtype in zip((TRUE, bicubic_downsample(TRUE)), dtypes, strict=True))
    torch.testing.assert_close(project(large, image), large, rtol=0, atol=1e-5)


def test_a_correction_changes_nothing_but_what_shrinking_keeps():
    x, image = PREDICTIONS["random"], bicubic_downsample(TRUE)
    torch.testing.assert_close(back_projected(lambda x, t: TRUE, image)(x, 5), TRUE, rtol=0, atol=1e-5)
    change = project(x, image) - x
    lost = x - project(x, torch.zeros_like(image))  # the part of x that shrinking sees
    seen = change - project(change, torch.zeros_like(image))
    torch.testing.assert_close(seen, change, rtol=0, atol=1e-5)  # the smallest change that is enough
    assert (change * (x - lost)).sum().abs() < 1e-3 * change.norm() * x.norm()


@pytest.mark.parametrize("name", ["smooth", "random"])
def test_corrected_predictions_as_8_bit_images_still_shrink_to_the_small_one(name):
    """Clipping and correction take turns, so that little is lost when they are clipped at the end."""
    image = bicubic_downsample((TRUE * 1.25).clamp(-1, 1))
    kept = back_projected(lambda x, t: PREDICTIONS[name], image)(None, 5)
    away = [
        (bicubic_downsample(x.clamp(-1, 1)) - image).square().mean() for x in (kept, project(PREDICTIONS[name], image))
    ]
    assert away[0] < 4e-4 and away[0] < 0.5 * away[1]


def test_images_that_are_not_twice_as_large_cannot_be_corrected():
    with pytest.raises(ValueError, match="not twice as large"):
        back_projected(lambda x, t: x, small(2, 8, 8))(small(2, 8, 8), 5)


@pytest.mark.parametrize("fraction", [0.0, 0.2])
def test_the_end_of_a_walk_with_back_projection_shrinks_to_the_small_image(model, fraction):
    sampled = last(enlarge(model, PRESET, small(), [0, 1], fraction, back_projection=True))
    torch.testing.assert_close(bicubic_downsample(sampled), small(), rtol=0, atol=1e-5)
    without = last(enlarge(model, PRESET, small(), [0, 1], fraction))
    assert (bicubic_downsample(without) - small()).abs().max() > 0.05


# Walks


@pytest.mark.parametrize("shape", [(4, 4), (8, 8), (6, 10), (4, 30)])
def test_every_image_becomes_twice_as_large(model, shape):
    states = list(enlarge(model, PRESET, small(2, *shape), [0, 1]))
    assert [state.t for state in states] == PRESET.timesteps()
    assert all(state.x.shape == (2, 3, 2 * shape[0], 2 * shape[1]) for state in states)
    assert states[-1].x.isfinite().all() and states[-1].x.abs().max() <= 1


def test_a_large_image_depends_on_its_small_one_and_its_seed_only(model):
    both = last(enlarge(model, PRESET, small(), [5, 9]))
    torch.testing.assert_close(last(enlarge(model, PRESET, small()[1:], [9])), both[1:], rtol=0, atol=1e-5)
    assert not torch.allclose(last(enlarge(model, PRESET, -small(), [5, 9])), both, atol=1e-3)
    assert not torch.allclose(last(enlarge(model, PRESET, small(), [6, 10])), both, atol=1e-3)
    assert torch.equal(last(enlarge(model, PRESET, small(), [5, 9])), both)


def test_a_network_that_copies_its_conditioning_image_gives_bicubic_upsampling():
    """Whatever the initial noise is, the walk ends there."""

    class Copies(torch.nn.Module):
        size_multiple = 2

        def forward(self, y, noise_level, condition=None):
            c, s = (f(noise_level / 1000).view(-1, 1, 1, 1) for f in (torch.cos, torch.sin))
            return (c * y - condition[:, :3]) / s

    model = Model(
        Card("b", "B", "simple_unet", {"conditioning_channels": 4}, "v", 16, conditioning_image="small"),
        Copies(),
        Compute(torch.device("cpu")),
    )
    sampled = last(enlarge(model, Preset(steps=5, guidance_scale=1.0), small(), [0, 1], fraction=0.0))
    torch.testing.assert_close(sampled, bicubic_upsample(small()), rtol=0, atol=1e-5)


def test_a_cascade_is_two_walks_and_the_second_is_conditioned_on_the_end_of_the_first(model, tiny):
    first = Model(Card("s", "S", "simple_unet", {}, "v", 8), tiny(network="simple_unet").eval(), model.compute)
    calls = []

    def second(x):
        calls.append(x)
        return enlarge(model, PRESET, x, [0, 1])

    states = list(cascade(generate(first, PRESET, [0, 1]), second))
    assert [state.t for state in states] == 2 * PRESET.timesteps()
    assert [state.x.shape[-1] for state in states] == [8] * 3 + [16] * 3
    assert len(calls) == 1 and torch.equal(calls[0], states[2].x)
    for ours, alone in zip(states[3:], enlarge(model, PRESET, states[2].x, [0, 1]), strict=True):
        assert torch.equal(ours.x, alone.x)


def test_the_second_walk_starts_only_when_the_first_has_ended():
    events = []

    def small_walk():
        for t in (2, 1, 0):
            events.append(t)
            yield State(t, torch.tensor(t), None)

    walk = cascade(small_walk(), lambda x: iter(events.append("second") or [State(0, x, x)]))
    assert events == []
    assert [next(walk).t for _ in range(3)] == [2, 1, 0] and events == [2, 1, 0]
    assert next(walk).x == 0 and events == [2, 1, 0, "second"]
