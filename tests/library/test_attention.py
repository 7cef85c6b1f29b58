"""Cross-attention to the words of a prompt: recording its weights, and masking tokens."""

import threading
from dataclasses import replace

import pytest
import torch
from einops import rearrange
from tiny_text_to_image import PROMPT, keep_talker, request_for, states

from diffusion_edu.analysis.attention import (
    by_word,
    cross_attention_layers,
    mask_tokens,
    masking_guidance,
    record_attention,
    recording_guidance,
)
from diffusion_edu.analysis.hooks import record_outputs
from diffusion_edu.denoisers import guided, record_guidance
from diffusion_edu.latent.interpolation import interpolate
from diffusion_edu.latent.text_to_image import load_text_to_image, sample
from diffusion_edu.networks.text import CrossAttention
from diffusion_edu.randomness import Compute


@pytest.fixture
def able(tmp_path, tiny):
    keep_talker(tmp_path, tiny)
    return load_text_to_image("talker", [tmp_path], Compute(torch.device("cpu")))


def same(walk, other):
    return all(torch.equal(a.x, b.x) and torch.equal(a.x0_hat, b.x0_hat) for a, b in zip(walk, other, strict=True))


def hooks(net):
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules())


# Recording


@pytest.mark.parametrize("sampler", ["DDIM", "Heun", "DPM-Solver++"])
@pytest.mark.parametrize(("guidance_scale", "negative"), [(1.0, ""), (3.0, ""), (3.0, "the deep blue sea and snow")])
def test_recording_changes_nothing_and_covers_every_timestep_of_the_conditional_prediction(
    able, sampler, guidance_scale, negative
):
    request, recorded = request_for(able, negative=negative, sampler=sampler, guidance_scale=guidance_scale), {}
    walk = states(request, recording_guidance(able.model.net, recorded))
    assert same(walk, states(request)) and not hooks(able.model.net)
    assert sorted(recorded) == sorted(state.t for state in walk if state.t)
    for weights in recorded.values():
        assert weights.keys() == cross_attention_layers(able.model.net).keys() and len(weights) == 5
        for layer_weights in weights.values():
            assert (
                layer_weights.shape[0] == 2 and layer_weights.shape[-1] == request.condition.shape[1] == 5
            )  # neither 1, without a prompt, nor as many as the negative one has
            assert (layer_weights > 0).all() and torch.allclose(
                layer_weights.sum(-1), torch.ones(layer_weights.shape[:-1]), atol=1e-6
            )
    assert recorded[walk[0].t]["down.0.0.cross_attention"].shape == (2, 1, 64, 5) and recorded[walk[0].t][
        "middle.cross_attention"
    ].shape == (
        2,
        2,
        16,
        5,
    )  # two heads


@torch.no_grad()
def test_the_recorded_weights_are_the_tensors_that_made_the_output(able):
    request, recorded, inputs = request_for(able, guidance_scale=1.0), {}, {}
    net, layers = able.model.net, cross_attention_layers(able.model.net)
    handles = [
        layer.register_forward_pre_hook(lambda _, x, name=name: inputs.update({name: x}))
        for name, layer in layers.items()
    ]
    with record_outputs(net, layers) as outputs:
        first = next(iter(sample(replace(request, guidance=recording_guidance(net, recorded)))))
    for handle in handles:
        handle.remove()
    for name, layer in layers.items():
        x, words, _ = inputs[name]
        values = rearrange(layer.kv(words), "b w (two n c) -> two b n w c", two=2, n=layer.heads)[1]
        again = x + layer.out(rearrange(recorded[first.t][name] @ values, "b n (h w) c -> b (n c) h w", h=x.shape[2]))
        assert torch.equal(again, outputs[name][-1])


def test_between_two_prompts_the_weights_of_the_second_are_recorded(able):
    first, second, recorded = request_for(able, seeds=[0]), request_for(able, "a whale", seeds=[0]), {}
    request = interpolate(first, second, [0.5])
    assert same(states(request, recording_guidance(able.model.net, recorded)), states(request))
    assert {layer_weights.shape[-1] for weights in recorded.values() for layer_weights in weights.values()} == {3}


def test_without_a_conditional_prediction_nothing_is_recorded(able):
    recorded = {}
    assert same(
        states(request_for(able, ""), recording_guidance(able.model.net, recorded)), states(request_for(able, ""))
    )
    states(request_for(able, guidance_scale=0.0), recording_guidance(able.model.net, recorded))
    assert recorded == {}


# Masking


@pytest.mark.parametrize("tokens", [(), (30, 99)])
def test_masking_no_token_changes_nothing_bit_for_bit(able, tokens):
    request = request_for(able, sampler="Heun")
    assert same(states(request, masking_guidance(able.model.net, tokens)), states(request)) and not hooks(
        able.model.net
    )


def test_masked_tokens_get_weight_0_and_the_others_share_their_weight(able):
    request, net, whole, masked, vectors, masked_vectors = request_for(able), able.model.net, {}, {}, {}, {}
    walk = states(request, recording_guidance(net, whole, record_guidance(vectors)))
    other = states(
        request, masking_guidance(net, (2, 3), recording_guidance(net, masked, record_guidance(masked_vectors)))
    )
    t, kept = walk[0].t, [0, 1, 4]
    for name, layer_weights in masked[t].items():
        assert (layer_weights[..., [2, 3]] == 0).all() and torch.allclose(
            layer_weights.sum(-1), torch.ones(layer_weights.shape[:-1]), atol=1e-6
        ), name
    first = whole[t]["down.0.0.cross_attention"][..., kept]  # the first layer was given the same
    torch.testing.assert_close(masked[t]["down.0.0.cross_attention"][..., kept], first / first.sum(-1, keepdim=True))
    (u, c, _), (u_masked, c_masked, _) = vectors[t], masked_vectors[t]
    assert torch.equal(u, u_masked) and not torch.allclose(c, c_masked)  # the unconditional prediction stays
    assert not torch.allclose(walk[-1].x, other[-1].x)


def test_masking_a_token_is_the_same_as_the_layers_own_padding_mask():
    torch.manual_seed(0)
    net = torch.nn.Sequential(CrossAttention(8, 6))
    torch.nn.init.normal_(net[0].out.weight)
    x, words, mask = (
        torch.randn(2, 8, 4, 4),
        torch.randn(2, 5, 6),
        torch.tensor([[True] * 5, [True] * 3 + [False] * 2]),
    )
    with mask_tokens(net, (1, 4)):
        output = net[0](x, words, mask)
    assert torch.equal(output, net[0](x, words, mask & torch.tensor([True, False, True, True, False])))
    assert torch.equal(mask[0], torch.ones(5).bool()) and not torch.equal(output, net[0](x, words, mask))


def test_masking_a_word_differs_from_leaving_it_out(able):
    read = able.reader.read(PROMPT)
    (_, positions) = next(entry for entry in read.words if entry[0] == "tiger")
    masked = states(request_for(able), masking_guidance(able.model.net, positions))[-1].x
    left_out = states(request_for(able, "A red dives"))[-1].x
    whole = states(request_for(able))[-1].x
    assert not any(torch.allclose(a, b, atol=1e-4) for a, b in ((masked, left_out), (masked, whole), (left_out, whole)))
    nothing = states(request_for(able), masking_guidance(able.model.net, range(1, 5)))[-1].x
    assert not torch.allclose(
        nothing, states(request_for(able, ""))[-1].x, atol=1e-4
    )  # the start token has attended to the prompt


def test_the_start_token_cannot_be_masked(able):
    with pytest.raises(ValueError, match="one token must remain"):
        states(request_for(able), masking_guidance(able.model.net, (0, 2)))
    assert not hooks(able.model.net)


def test_other_threads_are_neither_masked_nor_recorded(able):
    request, walks = request_for(able), []
    plain = states(request)
    with mask_tokens(able.model.net, (2, 3)), record_attention(able.model.net, cross_attention_layers) as weights:
        other = threading.Thread(target=lambda: walks.append(states(request)))
        other.start()
        other.join()
        assert not any(weights.values())
        mine = states(request)
    assert same(walks[0], plain) and not same(mine, plain) and all(weights.values())


# Attention by word


def test_the_weights_of_a_words_tokens_add_up_and_the_start_token_is_first():
    weights = torch.tensor([[0.5, 0.1, 0.2, 0.15, 0.05]])
    words = (("seatiger", range(1, 3)), ("a", range(3, 4)))
    torch.testing.assert_close(
        by_word(weights, words), torch.tensor([[0.55, 0.3, 0.15]])
    )  # tokens of no word, as the end token of CLIP, count as the start
    torch.testing.assert_close(by_word(weights, ()), torch.ones(1, 1))


def test_the_fractions_of_a_generation_add_up_to_one(able):
    recorded, prompt = {}, "a seatiger dives"
    states(request_for(able, prompt), recording_guidance(able.model.net, recorded, guided))
    words = able.reader.read(prompt).words
    assert len(words) == 3 and len(words[1][1]) > 1
    for weights in recorded.values():
        for layer_weights in weights.values():
            fractions = by_word(layer_weights.double(), words)
            assert fractions.shape == (*layer_weights.shape[:-1], 4)
            torch.testing.assert_close(
                fractions.sum(-1), torch.ones(layer_weights.shape[:-1], dtype=torch.float64), atol=1e-6, rtol=0
            )
