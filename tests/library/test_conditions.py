"""Conditions other than classes: attributes and a conditioning image; None means unconditional."""

from functools import partial

import pytest
import torch
from helpers import seeded

from diffusion_edu.checkpoints import Card, Model
from diffusion_edu.data.images import ImageSet
from diffusion_edu.editing.super_resolution import CONDITIONING_CHANNELS
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks import NETWORKS
from diffusion_edu.networks.blocks import AttributeEmbedding, concatenate_image
from diffusion_edu.randomness import Compute
from diffusion_edu.recipes import super_resolution
from diffusion_edu.recipes.faces import COMMON, MAX_WEIGHT, drop_attributes, rare_attribute_weights
from diffusion_edu.training.objectives.diffusion import drop_conditions

CONDITIONS = {"attributes": 5, "conditioning_channels": 4}


def inputs(b=3, h=16, w=16):
    return torch.randn(b, 3, h, w, generator=seeded()), torch.rand(b, generator=seeded()) * 1570


def conditions(prediction_type, b=3, h=16, w=16):
    if prediction_type == "attributes":
        return torch.randint(0, 2, (b, CONDITIONS[prediction_type]), generator=seeded(1)) * 2 - 1
    return torch.randn(b, CONDITIONS[prediction_type], h, w, generator=seeded(1))


@pytest.fixture(params=["attention_unet", "simple_unet"])
def unet(request, tiny):
    """A function that builds a small U-Net, simple or with attention."""
    return partial(tiny, network=request.param)


@pytest.fixture(params=CONDITIONS)
def prediction_type(request):
    return request.param


@torch.no_grad()
def test_no_condition_and_zeros_are_the_same_and_a_condition_has_an_effect(unet, prediction_type):
    net, (y, noise_level), condition = (
        unet(**{prediction_type: CONDITIONS[prediction_type]}),
        inputs(),
        conditions(prediction_type),
    )
    anything = net(y, noise_level)
    assert anything.shape == y.shape
    assert torch.equal(anything, net(y, noise_level, None))
    assert torch.equal(anything, net(y, noise_level, torch.zeros_like(condition)))
    assert not torch.isclose(anything, net(y, noise_level, condition), atol=1e-4).flatten(1).all(1).any()
    assert (
        not torch.isclose(net(y, noise_level, -condition), net(y, noise_level, condition), atol=1e-4)
        .flatten(1)
        .all(1)
        .any()
    )  # yes and no are two things


@torch.no_grad()
def test_the_condition_of_one_image_has_no_effect_on_the_others(unet, prediction_type):
    net, (y, noise_level), condition = (
        unet(**{prediction_type: CONDITIONS[prediction_type]}),
        inputs(),
        conditions(prediction_type),
    )
    said, other = net(y, noise_level, condition), condition.clone()
    other[1] = -other[1]
    changed = (net(y, noise_level, other) - said).abs().flatten(1).amax(1)
    assert changed[1] > 1e-3 and changed[[0, 2]].max() < 1e-5


def test_gradients_reach_every_weight_and_every_part_of_the_condition(unet, prediction_type):
    net, (y, noise_level), condition = (
        unet(**{prediction_type: CONDITIONS[prediction_type]}),
        inputs(),
        conditions(prediction_type).float().requires_grad_(),
    )
    net(y, noise_level, condition).square().mean().backward()
    assert [
        name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0
    ] == []
    assert (
        condition.grad.abs().flatten(2).sum(-1) > 0
        if prediction_type == "conditioning_channels"
        else condition.grad.abs() > 0
    ).all()


def test_a_new_network_with_attributes_learns_with_every_weight_from_its_third_step_on():
    """Its blocks start as their shortcuts, and the embedding of the attributes starts at zero."""
    torch.manual_seed(0)
    net = NETWORKS["attention_unet"](widths=(16, 32), attention=(False, True), embedding=16, attributes=5)
    (y, noise_level), condition = inputs(), conditions("attributes")
    assert torch.equal(net(y, noise_level, condition), net(y, noise_level))
    for _ in range(3):
        slopes = torch.autograd.grad((net(y, noise_level, condition) - 1).square().mean(), list(net.parameters()))
        torch._foreach_sub_([weight.data for weight in net.parameters()], slopes, alpha=0.1)
    assert all(slope.abs().sum() > 0 for slope in slopes)


def test_attributes_of_every_dtype_give_the_same_output():
    embed, conditions = AttributeEmbedding(3, 8), [[1, -1, 0], [0, 0, 0]]
    torch.nn.init.normal_(embed.mlp[-1].weight)
    expected = embed(torch.tensor(conditions, dtype=torch.float32), 2)
    assert torch.equal(embed(torch.tensor(conditions), 2), expected)
    assert torch.equal(embed(torch.tensor(conditions, dtype=torch.int8), 2), expected)
    assert torch.equal(embed(None, 2), embed(torch.zeros(2, 3), 2))
    assert not torch.allclose(*expected)


def test_a_guide_lies_behind_the_image_and_without_one_lie_zeros():
    y, guide = torch.randn(2, 3, 4, 4), torch.randn(2, 2, 4, 4, dtype=torch.float64)
    assert concatenate_image(y, None, 0) is y
    assert torch.equal(concatenate_image(y, guide, 2), torch.cat([y, guide.float()], dim=1))
    assert torch.equal(concatenate_image(y, None, 2), torch.cat([y, torch.zeros(2, 2, 4, 4)], dim=1))


@torch.no_grad()
def test_the_network_that_enlarges_takes_images_of_any_size_that_it_can_halve():
    recipe = super_resolution.RECIPE
    net = NETWORKS[recipe.network](**recipe.config, conditioning_channels=CONDITIONING_CHANNELS)
    for h, w in ((64, 64), (128, 128), (32, 96)):
        assert h % net.size_multiple == w % net.size_multiple == 0
        y, noise_level = inputs(1, h, w)
        said = net(y, noise_level, torch.randn(1, CONDITIONING_CHANNELS, h, w))
        assert said.shape == y.shape and said.isfinite().all()


# What is left unsaid while the network learns


@pytest.mark.parametrize("shape", [(), (5,), (4, 6, 6)], ids=["labels", "attributes", "guides"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_conditions_of_every_kind_are_dropped_image_by_image(shape, dtype):
    """Pitfall 26: one batch holds both, and no image keeps half of its condition."""
    condition = torch.randint(1, 9, (2000, *shape), generator=seeded()).to(dtype)
    dropped = drop_conditions(condition, 0, 0.3, seeded(1))
    assert (dropped.shape, dropped.dtype) == (condition.shape, dtype)
    gone = (dropped == 0).view(2000, -1)
    assert torch.equal(gone.all(1), gone.any(1))
    assert gone.all(1).float().mean().item() == pytest.approx(0.3, abs=0.03)
    assert torch.equal(dropped[~gone.all(1)], condition[~gone.all(1)])
    assert torch.equal(
        gone.all(1), drop_conditions(torch.ones(2000), 0, 0.3, seeded(1)) == 0
    )  # the same probability for all


def test_any_number_of_attributes_may_be_left_open():
    x0, labels = torch.zeros(4000, 1), torch.randint(0, 2, (4000, 20), generator=seeded()) * 2 - 1
    same, kept = drop_attributes(x0, labels, seeded(1))
    assert same is x0 and torch.equal(kept, drop_attributes(x0, labels, seeded(1))[1])
    assert ((kept == labels) | (kept == 0)).all()
    count = (kept != 0).sum(1).bincount(minlength=21) / 4000  # as often none as all as any number between
    assert count == pytest.approx(torch.full((21,), 1 / 21), abs=0.02)
    assert (kept != 0).float().mean(0) == pytest.approx(torch.full((20,), 0.5), abs=0.04)


@pytest.mark.parametrize("labels", [None, torch.arange(4)], ids=["none", "classes"])
def test_labels_without_attributes_are_kept(labels):
    assert drop_attributes(torch.zeros(4, 1), labels, seeded())[1] is labels


# Sampling


PRESET = Preset(steps=2, guidance_scale=2.0)


def model(net, config=(), **fields):
    return Model(Card("m", "M", "simple_unet", dict(config), "v", 8, **fields), net, Compute(torch.device("cpu")))


def last(*request):
    *_, state = generate(*request)
    return state.x


def test_attributes_condition_the_samples_and_zeros_are_unconditional(tiny):
    able = model(tiny(network="simple_unet", attributes=2), attributes=["hat", "smile"])
    hat = last(able, PRESET, [4, 5], [able.card.label("hat")] * 2)
    assert hat.shape == (2, 3, 8, 8)
    assert torch.equal(last(able, PRESET, [4, 5], [[0, 0], [0, 0]]), last(able, PRESET, [4, 5]))
    assert not torch.allclose(hat, last(able, PRESET, [4, 5], [able.card.label("smile")] * 2), atol=1e-3)
    torch.testing.assert_close(last(able, PRESET, [4, 5], [[1, 0], [0, 1]])[:1], hat[:1])


def test_a_guided_image_has_the_size_of_its_guide(tiny):
    able = model(
        tiny(network="simple_unet", conditioning_channels=3),
        conditioning_image="a sketch",
        config={"conditioning_channels": 3},
    )
    guide = torch.rand(2, 3, 12, 8, generator=seeded()) * 2 - 1
    sampled = last(able, PRESET, [4, 5], guide)
    assert sampled.shape == (2, 3, 12, 8)
    assert last(able, PRESET, [4, 5]).shape == (2, 3, 8, 8)  # asked for anything: the size on the card
    assert torch.equal(last(able, PRESET, [4, 5], torch.zeros(2, 3, 8, 8)), last(able, PRESET, [4, 5]))
    torch.testing.assert_close(last(able, PRESET, [5], guide[1:]), sampled[1:], rtol=0, atol=1e-5)
    assert not torch.allclose(last(able, PRESET, [4, 5], guide.flip(0)), sampled, atol=1e-3)


def test_faces_with_a_rare_attribute_come_more_often():
    labels = torch.full((100, 4), -1)
    labels[:50, 0], labels[:10, 1], labels[10, 2] = 1, 1, 1  # half, a tenth, one in a hundred, nobody
    often = rare_attribute_weights(
        ImageSet(torch.zeros(100, 3, 4, 4, dtype=torch.uint8), labels, attributes=("a", "b", "c", "d"))
    )
    assert often[:10].tolist() == pytest.approx([COMMON / 0.1] * 10) and often[10] == MAX_WEIGHT
    assert (often[11:] == 1).all()
    assert (
        rare_attribute_weights(ImageSet(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.tensor([0, 1]), ("a", "b")))
        is None
    )
