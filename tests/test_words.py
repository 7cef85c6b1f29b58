"""Words and what becomes of them: where a drawing looks among them, and what it is when some are not looked at."""

import threading
from dataclasses import replace

import pytest
import torch
from einops import rearrange

from diffusion_edu.analysis.attention import (
    by_word,
    cross_attention_layers,
    mask_tokens,
    masking_guidance,
    record_attention,
    recording_guidance,
)
from diffusion_edu.analysis.hooks import record_outputs
from diffusion_edu.checkpoints import Card, save, vocabulary
from diffusion_edu.denoisers import guided, record_guidance
from diffusion_edu.latent.interpolation import interpolate
from diffusion_edu.latent.text_to_image import load_text_to_image, sample
from diffusion_edu.networks.autoencoder import Autoencoder
from diffusion_edu.networks.text import CrossAttention
from diffusion_edu.randomness import Compute
from diffusion_edu.text import tokenizer as tokens

CAPTIONS = [
    "a red tiger rests in the deep snow",
    "a blue whale dives in the deep sea",
    "the tiger and the whale",
    "a red whale",
    "a blue tiger",
    "a * star",
] * 2
PROMPT, QUICK = "A red tiger dives", {"sampler": "DDIM", "steps": 3, "guidance_scale": 3.0}
CODER = "coder"


def keep_coder(folder):
    """Save a tiny autoencoder: images of 16 pixels, latents of 8 x 8."""
    config = {"widths": [8, 8], "blocks": [1, 1], "patch": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Autoencoder(**config)
    save(
        folder,
        Card(CODER, "C", "autoencoder", config, "autoencoder", 16, latents={"mean": [0.1] * 4, "std": [0.5] * 4}),
        net,
    )


def keep_talker(folder, tiny, name="talker"):
    """Save a tiny model that draws latents and is told captions, with a vocabulary, and beside it its autoencoder."""
    keep_coder(folder)
    text = tokens.learn_vocabulary(CAPTIONS)
    reader = tokens.Tokenizer(text)
    config = {
        "widths": [16, 64],
        "embedding": 16,
        "channels": 4,
        "patch": 1,
        "text": {"width": 16, "depth": 1, "head_width": 8, **reader.config},
    }
    net = tiny(**{key: value for key, value in config.items() if key != "embedding"})
    save(
        folder,
        Card(
            name,
            name,
            "attention_unet",
            {**config, "attention": [False, True]},
            "v",
            8,
            4,
            autoencoder=CODER,
            text=reader.card,
            sampling=QUICK,
        ),
        net,
    )
    vocabulary(folder, name).write_text(text, encoding="utf-8")


@pytest.fixture
def able(tmp_path, tiny):
    keep_talker(tmp_path, tiny)
    return load_text_to_image("talker", [tmp_path], Compute(torch.device("cpu")))


def asked(able, prompt=PROMPT, seeds=(0, 1), negative="", **preset):
    return able.request(prompt, seeds, replace(able.preset, **preset), negative)


def states(asked, guidance=None):
    return list(sample(replace(asked, guidance=guidance)))


def same(walk, other):
    return all(torch.equal(a.x, b.x) and torch.equal(a.x0_hat, b.x0_hat) for a, b in zip(walk, other, strict=True))


def hooks(net):
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules())


# Listening


@pytest.mark.parametrize("sampler", ["DDIM", "Heun", "DPM-Solver++"])
@pytest.mark.parametrize(("guidance_scale", "negative"), [(1.0, ""), (3.0, ""), (3.0, "the deep blue sea and snow")])
def test_listening_changes_nothing_and_hears_every_timestep_of_the_pass_with_the_prompt(
    able, sampler, guidance_scale, negative
):
    wanted, heard = asked(able, negative=negative, sampler=sampler, guidance_scale=guidance_scale), {}
    walk = states(wanted, recording_guidance(able.model.net, heard))
    assert same(walk, states(wanted)) and not hooks(able.model.net)
    assert sorted(heard) == sorted(state.t for state in walk if state.t)
    for looks in heard.values():
        assert looks.keys() == cross_attention_layers(able.model.net).keys() and len(looks) == 5
        for look in looks.values():
            assert (
                look.shape[0] == 2 and look.shape[-1] == wanted.condition.shape[1] == 5
            )  # neither 1, without a prompt, nor as many as the negative one has
            assert (look > 0).all() and torch.allclose(look.sum(-1), torch.ones(look.shape[:-1]), atol=1e-6)
    assert heard[walk[0].t]["down.0.0.cross_attention"].shape == (2, 1, 64, 5) and heard[walk[0].t][
        "middle.cross_attention"
    ].shape == (
        2,
        2,
        16,
        5,
    )  # two heads


@torch.no_grad()
def test_the_looks_are_the_very_tensors_that_the_answer_was_made_of(able):
    wanted, heard, given = asked(able, guidance_scale=1.0), {}, {}
    net, layers = able.model.net, cross_attention_layers(able.model.net)
    handles = [
        layer.register_forward_pre_hook(lambda _, x, name=name: given.update({name: x}))
        for name, layer in layers.items()
    ]
    with record_outputs(net, layers) as said:
        first = next(iter(sample(replace(wanted, guidance=recording_guidance(net, heard)))))
    for handle in handles:
        handle.remove()
    for name, layer in layers.items():
        x, words, _ = given[name]
        values = rearrange(layer.kv(words), "b w (two n c) -> two b n w c", two=2, n=layer.heads)[1]
        again = x + layer.out(rearrange(heard[first.t][name] @ values, "b n (h w) c -> b (n c) h w", h=x.shape[2]))
        assert torch.equal(again, said[name][-1])


def test_between_two_prompts_the_second_is_noted(able):
    first, second, heard = asked(able, seeds=[0]), asked(able, "a whale", seeds=[0]), {}
    wanted = interpolate(first, second, [0.5])
    assert same(states(wanted, recording_guidance(able.model.net, heard)), states(wanted))
    assert {look.shape[-1] for looks in heard.values() for look in looks.values()} == {3}


def test_where_nothing_is_told_nothing_is_heard(able):
    heard = {}
    assert same(states(asked(able, ""), recording_guidance(able.model.net, heard)), states(asked(able, "")))
    states(asked(able, guidance_scale=0.0), recording_guidance(able.model.net, heard))
    assert heard == {}


# Not record_attention


@pytest.mark.parametrize("tokens", [(), (30, 99)])
def test_who_ignores_nothing_draws_the_same_bit_for_bit(able, tokens):
    wanted = asked(able, sampler="Heun")
    assert same(states(wanted, masking_guidance(able.model.net, tokens)), states(wanted)) and not hooks(able.model.net)


def test_what_is_ignored_gets_no_look_and_the_others_fraction_what_it_got(able):
    wanted, net, whole, without, noted, alone = asked(able), able.model.net, {}, {}, {}, {}
    walk = states(wanted, recording_guidance(net, whole, record_guidance(noted)))
    other = states(wanted, masking_guidance(net, (2, 3), recording_guidance(net, without, record_guidance(alone))))
    t, kept = walk[0].t, [0, 1, 4]
    for name, look in without[t].items():
        assert (look[..., [2, 3]] == 0).all() and torch.allclose(
            look.sum(-1), torch.ones(look.shape[:-1]), atol=1e-6
        ), name
    first = whole[t]["down.0.0.cross_attention"][..., kept]  # the first layer was given the same
    torch.testing.assert_close(without[t]["down.0.0.cross_attention"][..., kept], first / first.sum(-1, keepdim=True))
    (u, c, _), (u_deaf, c_deaf, _) = noted[t], alone[t]
    assert torch.equal(u, u_deaf) and not torch.allclose(c, c_deaf)  # the pass without the prompt is left alone
    assert not torch.allclose(walk[-1].x, other[-1].x)


def test_ignoring_is_the_mask_that_the_layer_has_for_words_that_are_not_there():
    torch.manual_seed(0)
    net = torch.nn.Sequential(CrossAttention(8, 6))
    torch.nn.init.normal_(net[0].out.weight)
    x, words, there = (
        torch.randn(2, 8, 4, 4),
        torch.randn(2, 5, 6),
        torch.tensor([[True] * 5, [True] * 3 + [False] * 2]),
    )
    with mask_tokens(net, (1, 4)):
        said = net[0](x, words, there)
    assert torch.equal(said, net[0](x, words, there & torch.tensor([True, False, True, True, False])))
    assert torch.equal(there[0], torch.ones(5).bool()) and not torch.equal(said, net[0](x, words, there))


def test_not_to_look_at_a_word_is_not_to_leave_it_out(able):
    read = able.reader.read(PROMPT)
    (_, places) = next(entry for entry in read.words if entry[0] == "tiger")
    unseen = states(asked(able), masking_guidance(able.model.net, places))[-1].x
    left_out = states(asked(able, "A red dives"))[-1].x
    whole = states(asked(able))[-1].x
    assert not any(torch.allclose(a, b, atol=1e-4) for a, b in ((unseen, left_out), (unseen, whole), (left_out, whole)))
    nothing = states(asked(able), masking_guidance(able.model.net, range(1, 5)))[-1].x
    assert not torch.allclose(nothing, states(asked(able, ""))[-1].x, atol=1e-4)  # the start has read the prompt


def test_the_start_cannot_be_ignored(able):
    with pytest.raises(ValueError, match="something to look at"):
        states(asked(able), masking_guidance(able.model.net, (0, 2)))
    assert not hooks(able.model.net)


def test_other_threads_hear_everything_and_are_not_heard(able):
    wanted, walks = asked(able), []
    plain = states(wanted)
    with mask_tokens(able.model.net, (2, 3)), record_attention(able.model.net, cross_attention_layers) as looks:
        other = threading.Thread(target=lambda: walks.append(states(wanted)))
        other.start()
        other.join()
        assert not any(looks.values())
        mine = states(wanted)
    assert same(walks[0], plain) and not same(mine, plain) and all(looks.values())


# Shares


def test_fractions_of_words_add_up_and_the_start_is_first():
    looks = torch.tensor([[0.5, 0.1, 0.2, 0.15, 0.05]])
    words = (("seatiger", range(1, 3)), ("a", range(3, 4)))
    torch.testing.assert_close(
        by_word(looks, words), torch.tensor([[0.55, 0.3, 0.15]])
    )  # what is no word, as the end that CLIP writes, counts as the start
    torch.testing.assert_close(by_word(looks, ()), torch.ones(1, 1))


def test_fractions_of_a_drawing_add_up_to_one(able):
    heard, prompt = {}, "a seatiger dives"
    states(asked(able, prompt), recording_guidance(able.model.net, heard, guided))
    words = able.reader.read(prompt).words
    assert len(words) == 3 and len(words[1][1]) > 1
    for looks in heard.values():
        for look in looks.values():
            fractions = by_word(look.double(), words)
            assert fractions.shape == (*look.shape[:-1], 4)
            torch.testing.assert_close(
                fractions.sum(-1), torch.ones(look.shape[:-1], dtype=torch.float64), atol=1e-6, rtol=0
            )
