"""The networks: any width, any size, every weight alive, labels heard, and a budget kept."""

from functools import partial

import pytest
import torch
from helpers import seeded_noise
from torch.utils.flop_counter import FlopCounterMode

from diffusion_edu.networks import MLP, NETWORKS
from diffusion_edu.networks.blocks import AttributeEmbedding, ResidualBlock, SelfAttention, Up, group_norm, sinusoid
from diffusion_edu.recipes import flower_classifier, flower_features, flowers_attention, flowers_simple


@pytest.fixture(params=["attention_unet", "simple_unet"])
def unet(request, tiny):
    """A function that builds a small U-Net, simple or with attention."""
    return partial(tiny, network=request.param)


def count(net):
    return sum(weight.numel() for weight in net.parameters())


def inputs(b=2, h=16, w=16, classes=3):
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(b, 3, h, w, generator=generator),
        torch.rand(b, generator=generator) * 1570,
        torch.arange(b) % classes,
    )


@pytest.mark.parametrize("width", [*range(1, 41), 48, 72, 96, 100, 130, 192])
def test_any_width_can_be_normalised_and_attended_to(width):
    """Pitfall 29: never more groups than divide the width; 30: heads divide it too."""
    norm, attention = group_norm(width), SelfAttention(width)
    assert norm.num_groups == max(n for n in (1, 2, 4, 8) if width % n == 0)
    assert attention.heads >= 1
    assert width % attention.heads == 0
    assert attention(torch.randn(2, width, 2, 3)).shape == (2, width, 2, 3)


@pytest.mark.parametrize("widths", [(8,), (20, 36), (24, 40, 100)])
def test_any_widths_build_and_keep_the_shape(tiny, widths):
    net = tiny(widths=widths, attention=[True] * len(widths))
    y, noise_level, _ = inputs(h=net.size_multiple, w=2 * net.size_multiple)
    assert net(y, noise_level).shape == y.shape


@pytest.mark.parametrize("width", [64, 96, 256])
def test_heads_divide_the_width_and_cost_no_parameters(width):
    """Pitfall 30: heads is a number of heads, head_width is the size of one."""
    for head_width in (8, 16, 32):
        attention = SelfAttention(width, head_width)
        assert attention.heads == width // head_width
        assert count(attention) == 2 * width + (3 * width * width + 3 * width) + (width * width + width)


def test_attention_is_softmax_of_scaled_products_per_head():
    torch.manual_seed(0)
    attention = SelfAttention(64).double()
    torch.nn.init.normal_(attention.out.weight)
    x = torch.randn(2, 64, 3, 5, dtype=torch.float64)
    q, k, v = (part.view(2, 2, 32, 15).transpose(2, 3) for part in attention.qkv(attention.norm(x)).chunk(3, dim=1))
    looked = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(2, 3).reshape(2, 64, 3, 5)
    torch.testing.assert_close(attention(x), x + attention.out(looked), rtol=0, atol=1e-12)


@pytest.mark.parametrize("width", [2, 16, 64])
def test_the_noise_level_is_embedded_as_waves_of_the_published_frequencies(width):
    """Vaswani et al. 2017, sec. 3.5: 10000^(-k / (width / 2)), first the sines, then the cosines."""
    thetas = torch.tensor([0.0, 1.0, 300.5, 1570.0])
    phases = thetas.double()[:, None] * 10000.0 ** (-torch.arange(width // 2, dtype=torch.float64) / (width // 2))
    waves = torch.cat([phases.sin(), phases.cos()], dim=1).float()
    torch.testing.assert_close(sinusoid(thetas, width), waves, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("inner", "outer"), [(6, 6), (6, 10)])
def test_a_residual_block_is_its_published_formula_and_starts_as_its_shortcut(inner, outer):
    """Dhariwal & Nichol 2021, AdaGN: (1 + scale) * GroupNorm(h) + shift, from the two halves of one linear layer."""
    torch.manual_seed(0)
    silu, block = torch.nn.functional.silu, ResidualBlock(inner, outer, 4)
    x, embedding = torch.randn(2, inner, 5, 3), torch.randn(2, 4)
    assert torch.equal(block(x, embedding), block.shortcut(x))
    for weight in block.conv2.parameters():
        torch.nn.init.normal_(weight)
    scale, shift = block.modulate(silu(embedding))[:, :, None, None].chunk(2, dim=1)
    h = block.conv1(silu(block.norm1(x)))
    right = block.shortcut(x) + block.conv2(silu((1 + scale) * block.norm2(h) + shift))
    torch.testing.assert_close(block(x, embedding), right)


def test_attention_and_attributes_start_without_effect():
    torch.manual_seed(0)
    x = torch.randn(2, 12, 3, 3)
    assert torch.equal(SelfAttention(12)(x), x)
    assert not AttributeEmbedding(3, 8)(torch.ones(2, 3), 2).any()


def test_upsampling_repeats_every_position():
    torch.manual_seed(0)
    up, x = Up(4, 6), torch.randn(2, 4, 3, 5)
    torch.testing.assert_close(up(x), torch.nn.Conv2d.forward(up, x).repeat_interleave(2, 2).repeat_interleave(2, 3))


@pytest.mark.parametrize(("h", "w"), [(32, 32), (64, 64), (16, 40), (64, 32)])
def test_the_output_has_the_shape_of_the_input(unet, h, w):
    y, noise_level, labels = inputs(h=h, w=w)
    said = unet(classes=3)(y, noise_level, labels)
    assert said.shape == y.shape
    assert said.isfinite().all()


@pytest.mark.parametrize(
    ("recipe", "parameters", "flop"), [(flowers_attention.RECIPE, 8.3e6, 3e9), (flowers_simple.RECIPE, 4e6, 1.5e9)]
)
def test_the_shipped_configs_keep_their_budget(recipe, parameters, flop):
    net = NETWORKS[recipe.network](**recipe.config, classes=102).eval()
    y, noise_level, labels = inputs(1, recipe.size, recipe.size)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(y, noise_level, labels)
    assert count(net) <= parameters
    assert 1e8 < counter.get_total_flops() <= flop


def test_the_simple_network_has_no_attention_and_the_other_has():
    for recipe, attends in ((flowers_attention.RECIPE, True), (flowers_simple.RECIPE, False)):
        net = NETWORKS[recipe.network](**recipe.config)
        assert any(isinstance(part, SelfAttention) for part in net.modules()) == attends


@pytest.mark.parametrize("recipe", [flower_features.RECIPE, flower_classifier.RECIPE], ids=lambda recipe: recipe.name)
def test_a_classifier_sees_few_features_and_scores_every_class(recipe):
    net = NETWORKS[recipe.network](5, **recipe.config)
    x, _, _ = inputs(3, 64, 64)
    assert net.features(x).shape[1] <= 128
    torch.testing.assert_close(net(x), net.head(net.features(x)))
    assert net(x).shape == (3, 5)
    torch.testing.assert_close(net(x[1:]), net(x)[1:], rtol=0, atol=1e-5)  # no image depends on the others
    net(x).square().mean().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in net.parameters())


def test_gradients_reach_every_parameter(unet):
    net = unet(classes=3)
    y, noise_level, labels = inputs(4)
    labels[3] = 3  # the null class is a row of the table like any other
    (net(y, noise_level, labels) ** 2).mean().backward()
    starved = [
        name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0
    ]
    assert starved == []
    assert (net.class_embedding.table.weight.grad.abs().sum(dim=1) > 0).all()


def test_a_new_network_learns_with_every_parameter_from_its_second_step_on():
    torch.manual_seed(0)
    net = NETWORKS["attention_unet"](widths=(16, 32), attention=(False, True), embedding=16, classes=3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        (net(*inputs()) - 1).square().mean().backward()
        optimizer.step()
    assert all(weight.grad.abs().sum() > 0 for name, weight in net.named_parameters() if "table" not in name)


def test_label_and_noise_level_matter_and_the_position_in_the_batch_does_not(unet):
    net = unet(classes=3).eval()
    y, noise_level, labels = inputs()
    said = net(y, noise_level, labels)
    assert not torch.allclose(said, net(y, noise_level, (labels + 1) % 3), atol=1e-4)
    assert not torch.allclose(said, net(y, noise_level / 2, labels), atol=1e-4)
    torch.testing.assert_close(net(y[1:], noise_level[1:], labels[1:]), said[1:], rtol=0, atol=1e-5)


def test_no_label_and_the_null_class_are_the_same(unet):
    net = unet(classes=3)
    y, noise_level, _ = inputs()
    assert torch.equal(net(y, noise_level, None), net(y, noise_level, torch.tensor([3, 3])))
    assert not torch.equal(net(y, noise_level, None), net(y, noise_level, torch.tensor([0, 0])))


def test_a_network_without_classes_needs_no_labels(unet):
    y, noise_level, _ = inputs()
    assert unet()(y, noise_level).shape == y.shape


def test_nothing_depends_on_train_or_eval(unet):
    """No running statistics, no dropout: there is no mode to forget and no buffer for an average to spoil."""
    net = unet()
    y, noise_level, _ = inputs()
    assert torch.equal(net.train()(y, noise_level), net.eval()(y, noise_level))
    assert list(net.buffers()) == []


def test_the_noise_level_is_embedded_in_float32_even_under_autocast(tiny):
    """bfloat16 rounds the noise noise_levels 999 and 1000 to one number."""
    noise_levels = torch.tensor([999.0, 1000.0])
    waves = sinusoid(noise_levels, 16)
    assert waves.dtype == torch.float32
    assert (waves[0] - waves[1]).abs().max() > 0.1
    torch.testing.assert_close(waves[:, 0], noise_levels.sin())
    torch.testing.assert_close(waves[:, 8], noise_levels.cos())
    embed = tiny().time_embedding
    with torch.autocast("cpu", torch.bfloat16):
        low = embed(noise_levels).float()
    torch.testing.assert_close(low, embed(noise_levels), rtol=0.05, atol=0.02)


def test_bfloat16_is_finite_and_close_to_float32(unet):
    """Pitfall 40."""
    net = unet(classes=3).eval()
    y, noise_level, labels = inputs(4)
    with torch.no_grad():
        full = net(y, noise_level, labels)
        with torch.autocast("cpu", torch.bfloat16):
            low = net(y, noise_level, labels).float()
    assert low.isfinite().all()
    assert (low - full).norm() < 0.03 * full.norm()


def mlp(**config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MLP(width=32, embedding=16, **config)


def points(b=4, d=2):
    return (
        torch.randn(b, d, generator=torch.Generator().manual_seed(0)),
        torch.linspace(10, 1500, b),
        torch.arange(b) % 3,
    )


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("blocks", [1, 3])
def test_a_network_for_points_keeps_their_shape_and_learns_with_every_weight(channels, blocks):
    net, (y, noise_level, labels) = mlp(channels=channels, blocks=blocks, classes=3), points(d=channels)
    labels[3] = 3  # anything
    said = net(y, noise_level, labels)
    assert said.shape == y.shape
    (said - 1).square().mean().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in net.parameters())
    assert (net.class_embedding.table.weight.grad.abs().sum(dim=1) > 0).all()


def test_a_network_for_points_uses_noise_level_and_class_of_every_point_alone():
    net, (y, noise_level, labels) = mlp(classes=3), points()
    said = net(y, noise_level, labels)
    assert not torch.isclose(said, net(y, noise_level / 2, labels), atol=1e-4).all(dim=1).any()
    assert not torch.isclose(said, net(y, noise_level, (labels + 1) % 3), atol=1e-4).all(dim=1).any()
    torch.testing.assert_close(net(y[1:2], noise_level[1:2], labels[1:2]), said[1:2], rtol=0, atol=1e-6)
    assert torch.equal(net(y, noise_level, None), net(y, noise_level, torch.full((4,), 3)))
    assert mlp()(y, noise_level).shape == mlp()(y, noise_level, None).shape == y.shape
    assert list(net.buffers()) == []


IMAGES = ("attention_unet", "simple_unet")


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize(
    "y",
    [
        seeded_noise(2, 3, 9, 8),
        seeded_noise(2, 4, 8, 8),
        seeded_noise(3, 8, 8),
        torch.empty(0, 3, 8, 8),
        seeded_noise(2, 3, 8, 8).numpy(),
        seeded_noise(2, 3, 8, 8).tolist(),
        None,
    ],
    ids=["odd", "channels", "no batch", "empty", "array", "list", "None"],
)
def test_inputs_that_are_no_batch_of_images_are_refused_in_words(tiny, name, y):
    with pytest.raises(ValueError, match="images .b, 3, h, w.|y of .*.forward must be a tensor"):
        tiny(network=name)(y, torch.tensor([1.0, 2.0]))


@pytest.mark.parametrize("name", IMAGES)
def test_counts_of_images_noise_levels_and_conditions_that_do_not_match_are_refused(tiny, name):
    y, thetas = seeded_noise(2, 3, 8, 8), torch.tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="2 images came with 3 noise_levels"):
        tiny(network=name)(y, torch.zeros(3))
    with pytest.raises(ValueError, match="2 images came with 3 labels"):
        tiny(network=name, classes=4)(y, thetas, torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"attributes of these images have the shape \(2, 5\)"):
        tiny(network=name, attributes=5)(y, thetas, torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"conditioning image has the shape \(2, 4, 8, 8\)"):
        tiny(network=name, conditioning_channels=4)(y, thetas, torch.zeros(2, 4, 4, 4))


@pytest.mark.slow
@pytest.mark.parametrize("name", IMAGES)
def test_the_checks_do_not_break_the_graph_of_a_compiled_network(tiny, name):
    net, y, thetas = tiny(network=name, classes=4).eval(), seeded_noise(2, 3, 8, 8), torch.tensor([1.0, 2.0])
    compiled = torch.compile(net, fullgraph=True, backend="eager")
    torch.testing.assert_close(compiled(y, thetas, torch.tensor([0, 4])), net(y, thetas, torch.tensor([0, 4])))
