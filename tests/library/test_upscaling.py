"""Factors 2 and 4: our super-resolution model once and twice, and upscaling networks from weight files."""

import sys

import pytest
import torch
import torch.nn.functional as F
from helpers import CPU, tiny_upscaler
from safetensors.torch import save_file
from torch import nn

from diffusion_edu.checkpoints import Card, Model, Unusable
from diffusion_edu.editing.super_resolution import CONDITIONING_CHANNELS, enlarge
from diffusion_edu.editing.upscaling import Upscaler, upscale, upscaler
from diffusion_edu.generation import Preset

PRESET = Preset(steps=2, guidance_scale=1.0)


def small(b=2, h=8, w=8):
    return torch.rand(b, 3, h, w, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def model(tiny):
    card = Card(
        "able",
        "A",
        "simple_unet",
        {"conditioning_channels": 4},
        "v",
        16,
        conditioning_image="the same image, half as large",
    )
    return Model(card, tiny(network="simple_unet", conditioning_channels=CONDITIONING_CHANNELS).eval(), CPU)


# The super-resolution model


def test_factor_2_is_one_walk_and_factor_4_two_with_independent_noise(model):
    once, twice = (list(upscale(model, PRESET, small(), [0, 1], factor)) for factor in (2, 4))
    assert [state.x.shape[-1] for state in once] == [16] * 3 and [state.x.shape[-1] for state in twice] == [16] * 3 + [
        32
    ] * 3
    for ours, theirs in zip(once, enlarge(model, PRESET, small(), [0, 1]), strict=True):
        assert torch.equal(ours.x, theirs.x)
    assert torch.equal(twice[2].x, once[2].x) and twice[-1].x.isfinite().all()
    count = twice[0].x[0].numel()
    assert torch.stack([twice[0].x[0].flatten(), twice[3].x[0].flatten()[:count]]).corrcoef()[0, 1].abs() < 0.2
    alone = list(upscale(model, PRESET, small()[1:], [1], 4))[-1]
    torch.testing.assert_close(alone.x, twice[-1].x[1:], rtol=0, atol=1e-4)


def test_a_network_that_copies_its_conditioning_image_enlarges_it_four_times():
    class Knows(nn.Module):
        size_multiple = 2

        def forward(self, y, timestep, condition=None):
            c, s = (f(timestep / 1000).view(-1, 1, 1, 1) for f in (torch.cos, torch.sin))
            return (c * y - 0.5) / s

    able = Model(
        Card("b", "B", "simple_unet", {"conditioning_channels": 4}, "v", 16, conditioning_image="small"), Knows(), CPU
    )
    *_, last = upscale(able, Preset(steps=3, guidance_scale=1.0), small(), [0, 1], 4)
    torch.testing.assert_close(last.x, torch.full((2, 3, 32, 32), 0.5), rtol=0, atol=1e-5)


@pytest.mark.parametrize("factor", [1, 3, 8, 2.5])
def test_other_factors_are_refused_before_anything_is_sampled(model, factor):
    for verb in (
        lambda: upscale(model, PRESET, small(), [0, 1], factor),
        lambda: Upscaler(None, "n", 4, CPU)(small(), factor),
    ):
        with pytest.raises(ValueError, match="2 or 4 times as large"):
            verb()


# Networks from files


class Nearest:
    """An upscaler that repeats pixels and counts its calls."""

    def __init__(self, scale):
        self.scale, self.asked = scale, 0

    def __call__(self, x):
        assert x.shape[0] == 1 and x.min() >= 0 and x.max() <= 1
        self.asked += 1
        return F.interpolate(x, scale_factor=self.scale, mode="nearest")


@pytest.mark.parametrize(
    ("scale", "factor", "times"), [(2, 2, 1), (4, 4, 1), (2, 4, 2), (4, 2, 1), (8, 4, 1), (3, 4, 2)]
)
def test_a_network_runs_until_images_are_large_enough_and_larger_results_are_scaled_down(scale, factor, times):
    net = Nearest(scale)
    made = Upscaler(net, "nearest", scale, CPU)(small(), factor)
    assert made.shape == (2, 3, 8 * factor, 8 * factor) and net.asked == times * 2
    if scale % factor == 0 or factor % scale == 0:
        torch.testing.assert_close(F.avg_pool2d(made, factor), small(), rtol=0, atol=0.35 if scale > factor else 1e-5)
    flat = Upscaler(net, "nearest", scale, CPU)(torch.full((1, 3, 8, 8), -0.3), factor)
    torch.testing.assert_close(flat, torch.full_like(flat, -0.3), rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def spandrel():
    return pytest.importorskip("spandrel")


@pytest.mark.parametrize("ending", ["safetensors", "pth", "wrapped.pth"])
@pytest.mark.parametrize("scale", [2, 4])
def test_a_weight_file_is_read_and_used(spandrel, tmp_path, ending, scale):
    net, path = tiny_upscaler(scale), tmp_path / f"own.{ending}"
    weights = net.state_dict()
    if ending == "safetensors":
        save_file(weights, path)
    else:
        torch.save({"params_ema": weights} if "wrapped" in ending else weights, path)
    able = upscaler(path, CPU)
    assert able.factor == scale and "Compact" in able.name
    made = able(small(), scale)
    with torch.no_grad():
        expected = net((small() + 1) / 2).clamp(0, 1) * 2 - 1
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-5)
    assert made.mean().add(0).isfinite() and not made.is_inference()
    assert not torch.allclose(made, F.interpolate(small(), scale_factor=scale, mode="nearest"), atol=1e-2)


def test_the_large_network_of_real_esrgan_is_recognised_too(spandrel, tmp_path):
    from spandrel.architectures.ESRGAN import ESRGANArch
    from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

    assert ESRGANArch
    torch.save(RRDBNet(num_filters=8, num_blocks=1, scale=4).state_dict(), tmp_path / "RealESRGAN_x4plus.pth")
    able = upscaler(tmp_path / "RealESRGAN_x4plus.pth", CPU)
    assert able.name == "ESRGAN x4" and able(small(1), 4).shape == (1, 3, 32, 32)


class Harm:
    """What a pickled file may do."""

    def __reduce__(self):
        return (open, ("harmed.txt", "w"))


def test_other_files_are_refused_in_one_sentence_and_no_code_in_them_runs(spandrel, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"params": Harm()}, "harm.pth")
    torch.save({"weight": torch.zeros(3)}, "else.pth")
    torch.save([1, 2], "list.pth")
    (tmp_path / "broken.pth").write_bytes(b"no")
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    torch.save(tiny_upscaler(1).state_dict(), "same_size.pth")
    torch.save(tiny_upscaler(4, 1).state_dict(), "grey.pth")
    said = {
        "absent.pth": "cannot be read",
        "absent.safetensors": "cannot be read",
        "same_size.pth": "does not enlarge",
        "grey.pth": "in colour",
    }
    for name in ("harm.pth", "else.pth", "list.pth", "broken.pth", "broken.safetensors", *said):
        with pytest.raises(Unusable, match=said.get(name, "no network that spandrel knows")) as problem:
            upscaler(name, CPU)
        assert "\n" not in str(problem.value)
    assert not (tmp_path / "harmed.txt").exists()


def test_without_spandrel_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(Unusable, match="pip install spandrel"):
        upscaler(tmp_path / "own.pth", CPU)
