"""What is in the box: parts, shapes and costs as a forward pass shows them, and what they say, read without changing it."""

import threading

import pytest
import torch
from einops import rearrange
from torch.utils.flop_counter import FlopCounterMode

from diffusion_edu.analysis import activations
from diffusion_edu.analysis.attention import perplexity, record_attention, self_attention_layers, self_attention_off
from diffusion_edu.analysis.hooks import record_each, record_outputs
from diffusion_edu.analysis.network_summary import parts_of, summarize
from diffusion_edu.denoisers import NeuralDenoiser
from diffusion_edu.networks import NETWORKS
from diffusion_edu.schedules import cosine

NETS = {
    "attention": {"network": "attention_unet", "classes": 3},
    "simple": {"network": "simple_unet", "classes": 3},
    "faces": {"network": "attention_unet", "attributes": 4},
    "guided by a sketch": {"network": "attention_unet", "conditioning_channels": 3},
    "three sizes": {"network": "attention_unet", "widths": (16, 24, 32), "attention": (False, True, True), "blocks": 2},
}


@pytest.fixture(params=NETS)
def denoise(request, tiny):
    return NeuralDenoiser(tiny(**NETS[request.param]).eval(), cosine(100))


@pytest.fixture
def attending(tiny):
    return NeuralDenoiser(tiny(classes=3).eval(), cosine(100))


@pytest.fixture
def experts(tiny):
    """Two experts, whose weights differ."""
    config = {"widths": (16, 32), "embedding": 16, "classes": 3}
    net = NETWORKS["experts"](member="simple_unet", config=config, borders=[785.0])
    members = [tiny(seed, network="simple_unet", classes=3).state_dict() for seed in (0, 1)]
    net.load_part = lambda prefix: members[int(prefix[0])]
    return NeuralDenoiser(net.eval(), cosine(100))


def noisy(seed=0, images=1):
    return torch.randn(images, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def hooks(net):
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules())


def test_the_anatomy_holds_every_weight_once_and_every_operation_that_torch_counts(denoise):
    taken = summarize(denoise, noisy(), 60)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        denoise(noisy(), 60)
    assert taken.flops == counter.get_total_flops() > 0
    assert taken.parameters == sum(weight.numel() for weight in denoise.net.parameters())
    assert sum(taken.fraction(part) for part in taken.parts) == pytest.approx(1)
    assert len({part.name for part in taken.parts}) == len(taken.parts) == len(parts_of(denoise.net)) and not hooks(
        denoise.net
    )


def test_the_shapes_are_those_of_the_real_modules(denoise):
    taken, seen = summarize(denoise, noisy(), 60), {}
    for name, module in parts_of(denoise.net).items():
        module.register_forward_hook(lambda _, given, said, name=name: seen.update({name: (given[0], said)}))
    with torch.no_grad():
        denoise(noisy(), 60)
    for part in taken.parts:
        given, said = seen[part.name]
        assert part.output_shape == tuple(said.shape[1:]) and (given is None or part.input_shape == tuple(given.shape[1:]))
        assert part.type_name == type(denoise.net.get_submodule(part.name)).__name__
        assert part.conditioned == (part.type_name in ("ResidualBlock", "DoubleConv"))
        assert part.parameters == sum(weight.numel() for weight in denoise.net.get_submodule(part.name).parameters())


def test_skips_are_found_where_the_networks_have_them(tiny):
    simple = summarize(NeuralDenoiser(tiny(network="simple_unet", widths=(16, 24, 32)), cosine(100)), noisy(), 60)
    assert simple.skips == (("down.1", "up.1"), ("down.0", "up.0"))
    attention = summarize(NeuralDenoiser(tiny(), cosine(100)), noisy(), 60)
    assert attention.skips == (("down.1.0.self_attention", "up.1.0.block"), ("down.0.0.block", "up.0.0.block"))
    for taken in (simple, attention):
        for source, target in taken.skips:
            before = taken.parts[[part.name for part in taken.parts].index(target) - 1]
            assert taken.part(target).input_shape[0] == taken.part(source).output_shape[0] + before.output_shape[0]


def test_experts_have_the_anatomy_of_the_one_that_answers(experts):
    taken = summarize(experts, noisy(), 60)
    assert taken.parameters == sum(weight.numel() for weight in experts.net.member.parameters())
    assert taken.skips == (("member.down.0", "member.up.0"),) and all(
        part.name.startswith("member.") for part in taken.parts
    )


@torch.no_grad()
def test_listening_changes_no_answer_and_leaves_nothing_behind(denoise):
    plain, names = denoise(noisy(), 60), list(parts_of(denoise.net))
    with record_outputs(denoise.net, names) as said, record_attention(denoise.net):
        heard = denoise(noisy(), 60)
    assert torch.equal(heard, plain) and not hooks(denoise.net)
    assert all(len(outputs) == 1 for outputs in said.values())
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        record_outputs(denoise.net, names),
        record_attention(denoise.net),
        self_attention_off(denoise.net),
    ):
        raise RuntimeError("on purpose")
    assert not hooks(denoise.net)
    denoise(noisy(), 60)
    assert all(len(outputs) == 1 for outputs in said.values())


@torch.no_grad()
def test_a_part_that_does_not_exist_is_refused_without_leaving_a_hook(attending):
    with pytest.raises(AttributeError), record_outputs(attending.net, ["stem", "nowhere"]):
        pass
    assert not hooks(attending.net)


@torch.no_grad()
def test_what_was_recorded_is_what_the_next_part_was_given(attending):
    with record_outputs(attending.net, ["stem", "out"]) as said:
        answer = attending(noisy(), 60)
    net, schedule = attending.net, attending.schedule
    _, theta = schedule.angle(60, noisy())
    again = torch.nn.functional.pixel_shuffle(said["out"][0], net.patch)
    torch.testing.assert_close(answer, theta.cos() * noisy() - theta.sin() * again, rtol=1e-5, atol=1e-5)
    assert said["stem"][0].shape == (1, 16, 8, 8)


@torch.no_grad()
@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
def test_looks_sum_to_one_and_rebuild_the_very_output_of_every_layer(tiny, autocast):
    net = tiny(widths=(16, 64), classes=3).eval()  # two heads
    denoise, layers = NeuralDenoiser(net, cosine(100), autocast=autocast), self_attention_layers(net)
    inside = [f"{name}.{part}" for name in layers for part in ("norm", "qkv")]
    given = {}
    for name, layer in layers.items():
        layer.register_forward_pre_hook(lambda _, x, name=name: given.update({name: x[0]}))
    with record_attention(net) as looks, record_outputs(net, [*layers, *inside]) as said:
        denoise(noisy(images=2), 60)
    assert set(looks) == {"down.1.0.self_attention", "middle.self_attention", "up.1.0.self_attention"}
    for name, layer in layers.items():
        (weights,), (output,) = looks[name], said[name]
        assert weights.shape == (2, layer.heads, 16, 16) and layer.heads == 2 and (weights >= 0).all()
        torch.testing.assert_close(
            weights.double().sum(-1), torch.ones(2, 2, 16, dtype=torch.float64), atol=1e-2 if autocast else 1e-6, rtol=0
        )
        values = rearrange(said[f"{name}.qkv"][0], "b (three n c) h w -> three b n (h w) c", three=3, n=layer.heads)[2]
        with torch.autocast("cpu", autocast, enabled=autocast is not None):
            again = given[name] + layer.out(rearrange(weights @ values, "b n (h w) c -> b (n c) h w", h=4))
        assert torch.equal(again, output)


@torch.no_grad()
def test_attention_off_is_the_network_whose_attention_lets_its_input_through(attending):
    from copy import deepcopy

    from torch import nn

    cut = deepcopy(attending.net)
    for stage in [stage for stage in cut.modules() if hasattr(stage, "self_attention")]:
        stage.self_attention = nn.Identity()
    with self_attention_off(attending.net):
        off = attending(noisy(), 60)
    assert torch.equal(off, NeuralDenoiser(cut, attending.schedule)(noisy(), 60))
    assert not torch.allclose(off, attending(noisy(), 60)) and not hooks(attending.net)


@torch.no_grad()
def test_other_threads_neither_hear_nor_are_heard(attending):
    plain, answers = attending(noisy(1), 60), []

    @torch.no_grad()
    def elsewhere():
        answers.append(attending(noisy(1), 60))

    with record_outputs(attending.net, ["stem"]) as said, self_attention_off(attending.net), record_attention(attending.net) as looks:
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
    assert torch.equal(answers[0], plain) and said["stem"] == [] and not any(looks.values())


@torch.no_grad()
def test_during_listens_only_while_an_item_is_computed(attending):
    def asked():
        for t in (80, 40):
            yield t, attending(noisy(), t)

    heard = []
    for (t, answer), said in record_each(asked(), lambda: record_outputs(attending.net, ["stem"])):
        assert not hooks(attending.net)
        attending(noisy(), 10)  # somebody else, in between
        assert torch.equal(answer, attending(noisy(), t))
        heard.append((t, len(said["stem"])))
    assert heard == [(80, 1), (40, 1)]


def test_strength_death_and_perplexity_of_known_maps():
    h = torch.zeros(2, 4, 8, 8)
    h[:, 0], h[:, 1, 0], h[:, 2, :4] = 5.0, 1.0, 2.0  # the same everywhere, one row, one half; the last says nothing
    assert activations.channel_std(h)[0].tolist() == pytest.approx([0, (1 / 8 * 7 / 8) ** 0.5, 1, 0])
    assert activations.dead_fraction(h).tolist() == [0.5, 0.5]
    looks = torch.stack([torch.eye(16)[3], torch.full((16,), 1 / 16)])
    assert perplexity(looks).tolist() == pytest.approx([1, 16])


def test_likeness_and_principal_directions_of_known_vectors():
    vectors = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0]]) + 7
    alike = activations.similarity_matrix(vectors)
    assert alike[0].tolist() == pytest.approx([1, -1, 0, 0], abs=1e-6)
    places, fractions = activations.principal_components(vectors)
    assert fractions.tolist() == pytest.approx([0.8, 0.2]) and torch.allclose(
        torch.cdist(places, places), torch.cdist(vectors, vectors).double()
    )


@torch.no_grad()
def test_waves_are_what_the_embedding_is_given_and_all_levels_agree_with_single_ones(denoise):
    levels, given = [100, 60, 0], []
    handle = denoise.net.time_embedding.mlp.register_forward_pre_hook(lambda _, x: given.append(x[0]))
    layer = activations.modulation_layers(denoise.net)[-1]
    said = activations.outputs_at_timesteps(denoise, levels, ["time_embedding", layer])
    handle.remove()
    assert torch.equal(given[0], activations.time_sinusoids(denoise, levels)) and said["time_embedding"].shape == (3, 16)
    with record_outputs(denoise.net, ["time_embedding", layer]) as single:
        denoise(noisy(), 60)
    for name, values in said.items():
        torch.testing.assert_close(values[1], single[name][0][0], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_experts_are_asked_level_by_level(experts):
    said = activations.outputs_at_timesteps(experts, [90, 10], ["member.time_embedding"])["member.time_embedding"]
    for k, t in enumerate((90, 10)):
        with record_outputs(experts.net, ["member.time_embedding"]) as single:
            experts(noisy(), t)
        torch.testing.assert_close(said[k], single["member.time_embedding"][0][0])


@torch.no_grad()
def test_class_names_are_told_as_in_a_forward_pass_that_asks_for_them(tiny):
    denoise = NeuralDenoiser(tiny(classes=3).eval(), cosine(100))
    embedder, layers = activations.condition_embedding(denoise.net), activations.modulation_layers(denoise.net)
    assert embedder == "classes" and len(layers) == 5
    assert torch.equal(
        activations.conditioned_outputs(denoise, torch.arange(3), 60, [embedder]),
        denoise.net.class_embedding.table.weight[:3],
    )
    told = activations.conditioned_outputs(denoise, torch.arange(3), 60, layers)
    with record_outputs(denoise.net, layers) as said:
        denoise.given(torch.tensor([2]))(noisy(), 60)
    torch.testing.assert_close(told[2], torch.cat([said[name][0][0] for name in layers]), rtol=1e-5, atol=1e-5)
    conditions = NeuralDenoiser(tiny(attributes=4).eval(), cosine(100))
    assert activations.condition_embedding(conditions.net) == "attributes" and activations.condition_embedding(tiny()) is None
    assert activations.conditioned_outputs(conditions, torch.eye(4), 60, ["attributes"]).shape == (4, 16)
