"""One seed per image, and where to compute."""

from functools import partial

import pytest
import torch

from diffusion_edu.core import walk
from diffusion_edu.randomness import Compute, SeededNoise, choose
from diffusion_edu.samplers import ddpm_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced


def test_image_k_gets_the_same_noise_whatever_else_is_in_the_batch():
    together, alone = SeededNoise([3, 7, 9]), SeededNoise([7])
    for shape in [(3, 8, 8), (2,), (3, 4, 6)]:
        assert torch.equal(together.sample(shape)[1], alone.sample(shape)[0])


def test_noise_is_standard_normal_different_for_each_seed_and_for_each_draw():
    noise = SeededNoise(range(4))
    first, second = noise.sample((5000,)), noise.sample((5000,))
    everything = torch.cat([first, second])
    assert len({row.sum().item() for row in everything}) == 8
    assert everything.mean().item() == pytest.approx(0, abs=0.02)
    assert everything.std().item() == pytest.approx(1, abs=0.02)
    for bound, inside in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):  # a normal distribution, not another one of std 1
        assert (everything.abs() < bound).float().mean().item() == pytest.approx(inside, abs=0.01)
    assert torch.equal(first, SeededNoise(range(4)).sample((5000,)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_noise_sampled_like_x_has_its_shape_and_dtype(dtype):
    x = torch.zeros(2, 3, 4, dtype=dtype)
    sampled = SeededNoise([1, 2])(x)
    assert (sampled.shape, sampled.dtype) == (x.shape, dtype)
    assert torch.equal(sampled, SeededNoise([1, 2]).sample((3, 4)).to(dtype))


def test_a_whole_stochastic_walk_of_image_k_does_not_change_with_the_batch():
    def draw(seeds):
        noise = SeededNoise(seeds)
        step = partial(ddpm_step, lambda x, t: x.sin(), cosine(50), randn=noise)
        *_, last = walk(step, noise.sample((3, 4, 4)), spaced(cosine(50), 25))
        return last.x

    assert torch.equal(draw([5, 6, 7])[2], draw([7])[0])
    assert not torch.equal(draw([5])[0], draw([7])[0])


def test_seeded_noise_leaves_the_global_randomness_alone():
    before = torch.get_rng_state()
    SeededNoise([1, 2]).sample((3,))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("device", ["tpu", "cuda:0", "", None])
def test_an_unknown_device_is_refused_in_words(device):
    with pytest.raises(ValueError, match="must be auto, cpu, cuda or mps"):
        choose(device)


@pytest.mark.parametrize(
    ("device", "there"), [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())]
)
def test_a_device_that_is_not_there_is_refused_in_words(device, there):
    if there:
        assert choose(device).device.type == device
    else:
        with pytest.raises(ValueError, match="--device cpu"):
            choose(device)


def test_the_cpu_always_works_and_places_what_it_is_given():
    compute = choose("cpu")
    assert compute.device.type == "cpu"
    assert compute.autocast in (None, torch.bfloat16)
    images = torch.rand(2, 3, 4, 4)
    assert torch.equal(compute.place(images), images)
    assert compute.place(images).is_contiguous(memory_format=torch.channels_last)
    assert str(Compute(torch.device("cpu"))) == "cpu, float32"
    assert str(Compute(torch.device("cpu"), torch.bfloat16)) == "cpu, bfloat16"


def test_auto_chooses_something_that_is_there():
    assert torch.zeros(1, device=choose("auto").device).item() == 0
