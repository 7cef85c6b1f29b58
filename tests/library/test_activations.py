"""Inside a network: its summary, recorded outputs, attention weights and embeddings, read without changing them."""

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
    "three resolutions": {
        "network": "attention_unet",
        "widths": (16, 24, 32),
        "attention": (False, True, True),
        "blocks": 2,
    },
}


@pytest.fixture(params=NETS)
def denoise(request, tiny):
    return NeuralDenoiser(tiny(**NETS[request.param]).eval(), cosine(100))


@pytest.fixture
def attending(tiny):
    return NeuralDenoiser(tiny(classes=3).eval(), cosine(100))


@pytest.fixture
def experts(tiny):
    """Two experts with different weights."""
    config = {"widths": (16, 32), "embedding": 16, "classes": 3}
    net = NETWORKS["experts"](member="simple_unet", config=config, borders=[785.0])
    members = [tiny(seed, network="simple_unet", classes=3).state_dict() for seed in (0, 1)]
    net.load_part = lambda prefix: members[int(prefix[0])]
    return NeuralDenoiser(net.eval(), cosine(100))


def noisy(seed=0, images=1):
    return torch.randn(images, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def hooks(net):
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules())


def test_the_summary_counts_every_parameter_once_and_every_operation_that_torch_counts(denoise):
    summary = summarize(denoise, noisy(), 60)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        denoise(noisy(), 60)
    assert summary.flops == counter.get_total_flops() > 0
    assert summary.parameters == sum(weight.numel() for weight in denoise.net.parameters())
    assert sum(summary.fraction(part) for part in summary.parts) == pytest.approx(1)
    assert len({part.name for part in summary.parts}) == len(summary.parts) == len(parts_of(denoise.net)) and not hooks(
        denoise.net
    )


def test_the_shapes_are_those_of_the_real_modules(denoise):
    summary, seen = summarize(denoise, noisy(), 60), {}
    for name, module in parts_of(denoise.net).items():
        module.register_forward_hook(lambda _, given, recorded, name=name: seen.update({name: (given[0], recorded)}))
    with torch.no_grad():
        denoise(noisy(), 60)
    for part in summary.parts:
        given, recorded = seen[part.name]
        assert part.output_shape == tuple(recorded.shape[1:]) and (
            given is None or part.input_shape == tuple(given.shape[1:])
        )
        assert part.type_name == type(denoise.net.get_submodule(part.name)).__name__
        assert part.conditioned == (part.type_name in ("ResidualBlock", "DoubleConv"))
        assert part.parameters == sum(weight.numel() for weight in denoise.net.get_submodule(part.name).parameters())


def test_skips_are_found_where_the_networks_have_them(tiny):
    simple = summarize(NeuralDenoiser(tiny(network="simple_unet", widths=(16, 24, 32)), cosine(100)), noisy(), 60)
    assert simple.skips == (("down.1", "up.1"), ("down.0", "up.0"))
    attention = summarize(NeuralDenoiser(tiny(), cosine(100)), noisy(), 60)
    assert attention.skips == (("down.1.0.self_attention", "up.1.0.block"), ("down.0.0.block", "up.0.0.block"))
    for summary in (simple, attention):
        for source, target in summary.skips:
            before = summary.parts[[part.name for part in summary.parts].index(target) - 1]
            assert summary.part(target).input_shape[0] == summary.part(source).output_shape[0] + before.output_shape[0]


def test_the_summary_of_experts_is_that_of_the_active_one(experts):
    summary = summarize(experts, noisy(), 60)
    assert summary.parameters == sum(weight.numel() for weight in experts.net.member.parameters())
    assert summary.skips == (("member.down.0", "member.up.0"),) and all(
        part.name.startswith("member.") for part in summary.parts
    )


@torch.no_grad()
def test_recording_changes_no_output_and_leaves_no_hooks(denoise):
    plain, names = denoise(noisy(), 60), list(parts_of(denoise.net))
    with record_outputs(denoise.net, names) as recorded, record_attention(denoise.net):
        output = denoise(noisy(), 60)
    assert torch.equal(output, plain) and not hooks(denoise.net)
    assert all(len(outputs) == 1 for outputs in recorded.values())
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        record_outputs(denoise.net, names),
        record_attention(denoise.net),
        self_attention_off(denoise.net),
    ):
        raise RuntimeError("on purpose")
    assert not hooks(denoise.net)
    denoise(noisy(), 60)
    assert all(len(outputs) == 1 for outputs in recorded.values())


@torch.no_grad()
def test_a_part_that_does_not_exist_is_refused_without_leaving_a_hook(attending):
    with pytest.raises(AttributeError), record_outputs(attending.net, ["stem", "nowhere"]):
        pass
    assert not hooks(attending.net)


@torch.no_grad()
def test_a_recorded_output_is_the_input_of_the_next_part(attending):
    with record_outputs(attending.net, ["stem", "out"]) as recorded:
        prediction = attending(noisy(), 60)
    net, schedule = attending.net, attending.schedule
    _, theta = schedule.angle(60, noisy())
    again = torch.nn.functional.pixel_shuffle(recorded["out"][0], net.patch)
    torch.testing.assert_close(prediction, theta.cos() * noisy() - theta.sin() * again, rtol=1e-5, atol=1e-5)
    assert recorded["stem"][0].shape == (1, 16, 8, 8)


@torch.no_grad()
@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
def test_attention_weights_sum_to_one_and_reproduce_the_output_of_every_layer(tiny, autocast):
    net = tiny(widths=(16, 64), classes=3).eval()  # two heads
    denoise, layers = NeuralDenoiser(net, cosine(100), autocast=autocast), self_attention_layers(net)
    inside = [f"{name}.{part}" for name in layers for part in ("norm", "qkv")]
    given = {}
    for name, layer in layers.items():
        layer.register_forward_pre_hook(lambda _, x, name=name: given.update({name: x[0]}))
    with record_attention(net) as weights, record_outputs(net, [*layers, *inside]) as recorded:
        denoise(noisy(images=2), 60)
    assert set(weights) == {"down.1.0.self_attention", "middle.self_attention", "up.1.0.self_attention"}
    for name, layer in layers.items():
        (attention,), (output,) = weights[name], recorded[name]
        assert attention.shape == (2, layer.heads, 16, 16) and layer.heads == 2 and (attention >= 0).all()
        torch.testing.assert_close(
            attention.double().sum(-1),
            torch.ones(2, 2, 16, dtype=torch.float64),
            atol=1e-2 if autocast else 1e-6,
            rtol=0,
        )
        values = rearrange(
            recorded[f"{name}.qkv"][0], "b (three n c) h w -> three b n (h w) c", three=3, n=layer.heads
        )[2]
        with torch.autocast("cpu", autocast, enabled=autocast is not None):
            again = given[name] + layer.out(rearrange(attention @ values, "b n (h w) c -> b (n c) h w", h=4))
        assert torch.equal(again, output)


@torch.no_grad()
def test_self_attention_off_equals_a_network_with_identity_in_place_of_attention(attending):
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
def test_other_threads_are_neither_recorded_nor_changed(attending):
    plain, predictions = attending(noisy(1), 60), []

    @torch.no_grad()
    def elsewhere():
        predictions.append(attending(noisy(1), 60))

    with (
        record_outputs(attending.net, ["stem"]) as recorded,
        self_attention_off(attending.net),
        record_attention(attending.net) as weights,
    ):
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()
    assert torch.equal(predictions[0], plain) and recorded["stem"] == [] and not any(weights.values())


@torch.no_grad()
def test_record_each_records_only_while_an_item_is_computed(attending):
    def predictions():
        for t in (80, 40):
            yield t, attending(noisy(), t)

    counts = []
    for (t, prediction), recorded in record_each(predictions(), lambda: record_outputs(attending.net, ["stem"])):
        assert not hooks(attending.net)
        attending(noisy(), 10)  # somebody else, in between
        assert torch.equal(prediction, attending(noisy(), t))
        counts.append((t, len(recorded["stem"])))
    assert counts == [(80, 1), (40, 1)]


def test_channel_std_dead_fraction_and_perplexity_of_known_maps():
    h = torch.zeros(2, 4, 8, 8)
    h[:, 0], h[:, 1, 0], h[:, 2, :4] = 5.0, 1.0, 2.0  # the same everywhere, one row, one half; the last says nothing
    assert activations.channel_std(h)[0].tolist() == pytest.approx([0, (1 / 8 * 7 / 8) ** 0.5, 1, 0])
    assert activations.dead_fraction(h).tolist() == [0.5, 0.5]
    weights = torch.stack([torch.eye(16)[3], torch.full((16,), 1 / 16)])
    assert perplexity(weights).tolist() == pytest.approx([1, 16])


def test_similarity_and_principal_components_of_known_vectors():
    vectors = torch.tensor([[1.0, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0]]) + 7
    alike = activations.similarity_matrix(vectors)
    assert alike[0].tolist() == pytest.approx([1, -1, 0, 0], abs=1e-6)
    positions, fractions = activations.principal_components(vectors)
    assert fractions.tolist() == pytest.approx([0.8, 0.2]) and torch.allclose(
        torch.cdist(positions, positions), torch.cdist(vectors, vectors).double()
    )


@torch.no_grad()
def test_time_sinusoids_are_the_input_of_the_embedding_and_a_batch_equals_single_timesteps(denoise):
    timesteps, given = [100, 60, 0], []
    handle = denoise.net.time_embedding.mlp.register_forward_pre_hook(lambda _, x: given.append(x[0]))
    layer = activations.modulation_layers(denoise.net)[-1]
    recorded = activations.outputs_at_timesteps(denoise, timesteps, ["time_embedding", layer])
    handle.remove()
    assert torch.equal(given[0], activations.time_sinusoids(denoise, timesteps)) and recorded[
        "time_embedding"
    ].shape == (3, 16)
    with record_outputs(denoise.net, ["time_embedding", layer]) as single:
        denoise(noisy(), 60)
    for name, values in recorded.items():
        torch.testing.assert_close(values[1], single[name][0][0], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_experts_run_one_timestep_at_a_time(experts):
    recorded = activations.outputs_at_timesteps(experts, [90, 10], ["member.time_embedding"])["member.time_embedding"]
    for k, t in enumerate((90, 10)):
        with record_outputs(experts.net, ["member.time_embedding"]) as single:
            experts(noisy(), t)
        torch.testing.assert_close(recorded[k], single["member.time_embedding"][0][0])


@torch.no_grad()
def test_conditioned_outputs_are_those_of_a_conditional_forward_pass(tiny):
    denoise = NeuralDenoiser(tiny(classes=3).eval(), cosine(100))
    embedder, layers = activations.condition_embedding(denoise.net), activations.modulation_layers(denoise.net)
    assert embedder == "class_embedding" and len(layers) == 5
    assert torch.equal(
        activations.conditioned_outputs(denoise, torch.arange(3), 60, [embedder]),
        denoise.net.class_embedding.table.weight[:3],
    )
    outputs = activations.conditioned_outputs(denoise, torch.arange(3), 60, layers)
    with record_outputs(denoise.net, layers) as recorded:
        denoise.given(torch.tensor([2]))(noisy(), 60)
    torch.testing.assert_close(outputs[2], torch.cat([recorded[name][0][0] for name in layers]), rtol=1e-5, atol=1e-5)
    conditions = NeuralDenoiser(tiny(attributes=4).eval(), cosine(100))
    assert (
        activations.condition_embedding(conditions.net) == "attribute_embedding"
        and activations.condition_embedding(tiny()) is None
    )
    assert activations.conditioned_outputs(conditions, torch.eye(4), 60, ["attribute_embedding"]).shape == (4, 16)
