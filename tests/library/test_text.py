"""From a prompt to the condition of a network: tokenizer, text encoder, cross-attention, and CLIP."""

import hashlib
import json
from dataclasses import asdict

import pytest
import torch
from helpers import seeded

from diffusion_edu.checkpoints import Card, Model, Unusable, save, vocabulary
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks.attention_unet import AttentionUNet
from diffusion_edu.networks.text import CrossAttention, TextEncoder, TextProjection, token_mask
from diffusion_edu.randomness import Compute
from diffusion_edu.text import tokenizer
from diffusion_edu.text.reader import load_reader
from diffusion_edu.training.objectives.diffusion import Objective, drop_conditions

CAPTIONS = [
    *(
        "A red tiger rests in the snow.",
        "a blue whale dives in the deep blue sea",
        "the tiger and the whale, red and blue",
        "Snow rests in the sea.",
    ),
    *("a tiger dives", "the deep snow", "a red whale", "a blue tiger"),
]
TEXT = {"vocabulary": 50, "width": 16, "depth": 2, "head_width": 8}


@pytest.fixture(scope="module")
def reader():
    return tokenizer.Tokenizer(tokenizer.learn_vocabulary(CAPTIONS))


def inputs(b=3):
    return torch.randn(b, 4, 8, 8, generator=seeded()), torch.rand(b, generator=seeded()) * 1570


def captions(b=3, n=12, used=6):
    ids = torch.randint(1, 50, (b, n), generator=seeded(1))
    ids[:, used:] = 0
    return ids


@pytest.fixture
def net(tiny):
    return tiny(channels=4, patch=1, text=TEXT).eval()


# The tokenizer


def test_a_prompt_is_the_start_token_its_words_and_padding(reader):
    read = reader.read("A red TIGER dives")
    assert (read.condition.shape, read.condition.dtype, read.notes) == ((77,), torch.int64, ())
    assert read.condition[0] == reader.start and (read.condition[5:] == 0).all() and (read.condition[:5] > 0).all()
    assert [word for word, _ in read.words] == ["A", "red", "TIGER", "dives"]
    assert [position for _, positions in read.words for position in positions] == [1, 2, 3, 4]
    assert torch.equal(read.condition, reader(["  a Red\ttíger\n dives "])[0])
    assert not torch.equal(read.condition, reader(["a tiger dives red"])[0])


def test_a_word_of_several_tokens_has_all_their_positions(reader):
    (_, first), (word, positions), (_, last) = reader.read("a seatiger a").words
    assert word == "seatiger" and len(positions) > 1
    assert [*first, *positions, *last] == list(range(1, 3 + len(positions)))


@pytest.mark.parametrize("prompt", [None, "", "   \n", "\u200b", "\0"])
def test_an_empty_prompt_is_all_padding(reader, prompt):
    read = reader.read(prompt)
    assert not read.condition.any() and read.words == () and read.notes == ()


@pytest.mark.parametrize(
    ("prompt", "kept", "lost"),
    [
        ("a 老虎 tiger", ["a", "tiger"], "老 虎"),
        ("тигр", [], "т и г р"),
        ("🐯🐯 a", ["a"], "🐯"),
        ("\ud800 a", ["a"], "?"),
    ],
    ids=ascii,
)
def test_unknown_characters_are_left_out_and_noted(reader, prompt, kept, lost):
    read = reader.read(prompt)
    assert [word for word, _ in read.words] == kept and read.condition.any() == bool(kept)
    (note,) = read.notes
    assert f"has {lost}: left out" in note


@pytest.mark.parametrize("word", ["tiger ", "deep, ", "seatiger "])
def test_a_prompt_of_ten_thousand_characters_is_cut_after_a_whole_word(reader, word):
    prompt = word * (10_000 // len(word))
    read = reader.read(prompt)
    assert 65 < (read.condition > 0).sum() <= 77
    assert {name for name, _ in read.words} <= {"tiger", "deep", ",", "seatiger"}
    (note,) = read.notes
    assert "The prompt is long" in note and f"the first {(read.condition > 0).sum() - 1}," in note
    assert torch.equal(read.condition, reader.read(prompt[:5000]).condition)


def test_one_word_of_ten_thousand_letters_is_cut_too(reader):
    read = reader.read("tiger" * 2000)
    assert (read.condition > 0).all() and len(read.words) == 1 and len(read.notes) == 1


def test_the_same_captions_give_the_same_vocabulary_and_rare_words_are_spelled():
    first, again = tokenizer.learn_vocabulary(CAPTIONS), tokenizer.learn_vocabulary(iter(CAPTIONS))
    assert first == again
    known = json.loads(first)["model"]["vocab"]
    assert {"tiger", "whale", "blue"} <= set(known) and [known[name] for name in tokenizer.SPECIAL] == [0, 1, 2]
    reader = tokenizer.Tokenizer(tokenizer.learn_vocabulary([*CAPTIONS, "an axolotl"]))
    assert len(reader.read("axolotl").words[0][1]) > 1
    assert reader.config["vocabulary"] <= tokenizer.VOCABULARY_SIZE


def test_a_vocabulary_is_loaded_from_beside_its_model_and_no_other_is_accepted(reader, net, tmp_path):
    def kept(name, text):
        card = Card(name, "M", "attention_unet", {}, "v", 8, 4, text=text)
        save(tmp_path, card, net)
        vocabulary(tmp_path, name).write_text(reader.text)

    kept("m", reader.card)
    found = load_reader("m", [tmp_path])
    assert torch.equal(found(CAPTIONS), reader(CAPTIONS))
    assert reader.card == {"sha256": hashlib.sha256(vocabulary(tmp_path, "m").read_bytes()).hexdigest()}
    vocabulary(tmp_path, "m").write_text(tokenizer.learn_vocabulary(CAPTIONS[:3]))
    with pytest.raises(Unusable, match="not the one that the card describes"):
        load_reader("m", [tmp_path])
    vocabulary(tmp_path, "m").unlink()
    with pytest.raises(Unusable, match="missing or not"):
        load_reader("m", [tmp_path])
    kept("plain", {})
    for name in ("plain", "absent"):
        with pytest.raises(Unusable, match="no text-to-image model"):
            load_reader(name, [tmp_path])


@pytest.mark.parametrize(
    "text", ["", "{}", "hello", json.dumps({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}})]
)
def test_a_text_that_is_no_vocabulary_is_refused(text):
    with pytest.raises(ValueError, match="no vocabulary"):
        tokenizer.Tokenizer(text)


# The text encoder


@torch.no_grad()
def test_every_token_attends_to_all_others_and_to_their_order():
    torch.manual_seed(0)
    encoder, ids = TextEncoder(**TEXT).eval(), captions(1)
    words = encoder(ids)
    assert words.shape == (1, 12, 16)
    for position in (0, 5):  # both directions
        other = ids.clone()
        other[0, position] = other[0, position] % 49 + 1
        changed = (encoder(other) - words).abs().amax(2)[0, :6]
        assert (changed > 1e-4).all()
    assert not torch.allclose(encoder(ids[:, [1, 0, 2, 3, 4, 5]])[0, [1, 0]], words[0, :2], atol=1e-3)


def test_the_layers_have_different_initial_weights():
    first, second = TextEncoder(**TEXT).layers.layers
    assert not torch.equal(first.linear1.weight, second.linear1.weight)
    assert not torch.equal(first.self_attn.in_proj_weight, second.self_attn.in_proj_weight)


@torch.no_grad()
def test_padding_has_no_effect(net):
    """Neither the number of padding tokens nor their row in the embedding table matters."""
    (y, noise_level), ids = inputs(), captions()
    said = net(y, noise_level, ids)
    for n in (6, 8, 77):
        torch.testing.assert_close(
            net(y, noise_level, torch.nn.functional.pad(ids, (0, n - 12))), said, rtol=1e-4, atol=1e-5
        )
    net.text.table.weight[0] += 5
    torch.testing.assert_close(net(y, noise_level, ids), said, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(net(y, noise_level), net(y, noise_level, ids), atol=1e-3)


def test_a_caption_that_is_too_long_is_refused_in_one_sentence(net):
    with pytest.raises(ValueError, match="at most 77 tokens, not 78"):
        net(*inputs(), captions(n=78))


def test_the_token_mask():
    ids = torch.tensor([[5, 3, 0, 0], [0, 0, 0, 0]])
    expected = torch.tensor([[True, True, False, False], [True, False, False, False]])
    assert torch.equal(token_mask(ids), expected)
    assert torch.equal(token_mask((ids > 0)[..., None] * torch.tensor([0.5, -0.5])), expected)


# The conditional network


@pytest.fixture(params=["ids", "vectors"])
def conditional(request, tiny):
    """A network and captions for it: token ids for its own text encoder, or vectors of another one."""
    ids = captions()
    if request.param == "ids":
        return tiny(channels=4, patch=1, text=TEXT).eval(), ids
    vectors = torch.randn(3, 12, 24, generator=seeded(2)) * (ids > 0)[..., None]
    return tiny(channels=4, patch=1, text={"features": 24, "width": 16}).eval(), vectors


@torch.no_grad()
def test_different_captions_give_different_outputs_and_a_dropped_one_is_unconditional(conditional):
    (net, condition), (y, noise_level) = conditional, inputs()
    unconditional, said = net(y, noise_level), net(y, noise_level, condition)
    assert said.shape == y.shape
    assert not torch.isclose(said, unconditional, atol=1e-4).flatten(1).all(1).any()
    assert not torch.isclose(said, net(y, noise_level, condition.roll(1, 0)), atol=1e-4).flatten(1).all(1).any()
    torch.testing.assert_close(net(y, noise_level, torch.zeros_like(condition)), unconditional, rtol=1e-4, atol=1e-5)
    dropped = drop_conditions(condition, 0, 1.0, seeded())
    assert dropped.dtype == condition.dtype and not dropped.any()
    some = drop_conditions(condition, 0, 0.5, seeded(0))
    alike = torch.isclose(net(y, noise_level, some), unconditional, atol=1e-4).flatten(1).all(1)
    assert torch.equal(alike, ~some.flatten(1).any(1)) and 0 < alike.sum() < 3


@torch.no_grad()
def test_a_caption_affects_its_own_image_only(conditional):
    (net, condition), (y, noise_level) = conditional, inputs()
    other = condition.clone()
    other[1] = condition[0]
    changed = (net(y, noise_level, other) - net(y, noise_level, condition)).abs().flatten(1).amax(1)
    assert changed[1] > 1e-3 and changed[[0, 2]].max() < 1e-5


def test_every_resolution_has_cross_attention_and_gradients_reach_all_weights(conditional):
    (net, condition), (y, noise_level) = conditional, inputs()
    layers = {name for name, layer in net.named_modules() if isinstance(layer, CrossAttention)}
    assert layers == {
        "down.0.0.cross_attention",
        "down.1.0.cross_attention",
        "middle.cross_attention",
        "up.0.0.cross_attention",
        "up.1.0.cross_attention",
    }
    some = drop_conditions(condition, 0, 0.5, seeded(0))
    net(y, noise_level, some).square().mean().backward()
    assert [
        name for name, weight in net.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0
    ] == []


def test_every_weight_of_a_new_network_has_a_gradient_from_the_third_step_on():
    torch.manual_seed(0)
    net, (y, noise_level), ids = (
        AttentionUNet(4, (16, 32), attention=(False, True), patch=1, embedding=16, text=TEXT),
        inputs(),
        captions(),
    )
    for _ in range(3):
        slopes = torch.autograd.grad((net(y, noise_level, ids) - 1).square().mean(), list(net.parameters()))
        with torch.no_grad():
            for weight, slope in zip(net.parameters(), slopes, strict=True):
                weight.sub_(0.1 * slope)
    assert [
        name for (name, _), slope in zip(net.named_parameters(), slopes, strict=True) if not slope.abs().sum() > 0
    ] == []


@torch.no_grad()
def test_cross_attention_follows_the_paper_and_its_weights_can_be_recorded():
    """One head, written out; the recorded weights sum to 1 over the tokens that are not masked."""
    from diffusion_edu.analysis.attention import _RecordSoftmax

    torch.manual_seed(0)
    layer, x, words = CrossAttention(8, 6, head_width=8), torch.randn(2, 8, 4, 4), torch.randn(2, 5, 6)
    mask = torch.tensor([[True] * 5, [True, True, False, False, False]])
    layer.out.weight.normal_()
    with _RecordSoftmax() as recorded:
        said = layer(x, words, mask)
    assert recorded.latest.shape == (2, 1, 16, 5)
    torch.testing.assert_close(recorded.latest.sum(-1), torch.ones(2, 1, 16))
    assert (recorded.latest[1, ..., 2:] == 0).all()
    q = layer.q(layer.norm(x)).flatten(2).mT
    k, v = layer.kv(words).chunk(2, dim=2)
    weights = ((q @ k.mT) / 8**0.5 + mask[:, None].log()).softmax(-1)
    torch.testing.assert_close(said, x + layer.out((weights @ v).mT.reshape(2, 8, 4, 4)))


def test_new_cross_attention_is_the_identity():
    torch.manual_seed(0)
    layer, x = CrossAttention(8, 6), torch.randn(1, 8, 4, 4)
    assert torch.equal(layer(x, torch.randn(1, 5, 6), torch.ones(1, 5, dtype=torch.bool)), x)


def test_a_network_learns_to_generate_what_the_caption_says(reader):
    """Latents far beyond [-1, 1], with a sign for each of two words: nothing is clipped."""
    torch.manual_seed(0)
    net = AttentionUNet(4, (16,), attention=(False,), patch=1, embedding=32, text={**TEXT, **reader.config})
    ids, objective = reader(["a red tiger", "a blue tiger"]).repeat(8, 1)[:, :8], Objective(null=0)
    x0 = torch.tensor([3.0, -3.0]).repeat(8).view(-1, 1, 1, 1).expand(-1, 4, 4, 4)
    optimizer, generator = torch.optim.AdamW(net.parameters(), lr=3e-3), seeded()
    for _ in range(150):
        optimizer.zero_grad()
        objective(net, x0, ids, generator).mean().backward()
        optimizer.step()
    card = Card("m", "M", "attention_unet", {"text": TEXT}, "v", 4, 4, autoencoder="a", text=reader.card)
    model = Model(card, net.eval(), Compute(torch.device("cpu")))
    *_, last = generate(
        model, Preset(steps=10, guidance_scale=1.5), range(4), reader(["a blue tiger", "a red tiger"] * 2)
    )
    assert last.x.mean((1, 2, 3)).sign().tolist() == [-1, 1, -1, 1] and last.x.abs().mean((1, 2, 3)).min() > 2
    assert card.conditional and not card.generates and asdict(card)["autoencoder"] == "a"
    with pytest.raises(ValueError, match="the output of its `text.reader` for a caption"):
        generate(model, Preset(steps=2), [0], [1])


# CLIP


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    """A tiny CLIP with random weights, and a tokenizer of 56 tokens, in the format of transformers."""
    import transformers

    folder, letters = tmp_path_factory.mktemp("clip"), "abcdefghijklmnopqrstuvwxyz"
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "ca", "cat</w>", "<|startoftext|>", "<|endoftext|>"]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    (folder / "vocab.json").write_text(json.dumps(numbers))
    (folder / "merges.txt").write_text("#version: 0.2\nc a\nca t</w>\n")
    special = {
        "bos_token": "<|startoftext|>",
        **dict.fromkeys(("eos_token", "unk_token", "pad_token"), "<|endoftext|>"),
    }
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, **special})
    )
    ids = {"bos_token_id": 54, "eos_token_id": 55, "pad_token_id": 55}
    config = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "projection_dim": 16,
    }
    torch.manual_seed(0)
    transformers.CLIPTextModel(transformers.CLIPTextConfig(vocab_size=len(pieces), **config, **ids)).save_pretrained(
        folder
    )
    return folder


def test_clip_returns_one_vector_per_token_and_zeros_for_an_empty_prompt(clip_folder, tmp_path, net):
    from diffusion_edu.text.clip import load_clip

    reader = load_clip(str(clip_folder))
    said = reader(["a cat", "", None, "z " * 5000])
    assert said.shape == (4, 77, 16) and not said.requires_grad and reader.config == {"features": 16}
    assert token_mask(said).sum(1).tolist() == [4, 1, 1, 77] and not said[1:3].any()
    torch.testing.assert_close(reader(["a cat"])[0], said[0])
    assert not torch.allclose(reader(["a bat"])[0], said[0], atol=1e-3)
    read = reader.read("a cat")
    assert read.words == (("a", range(1, 2)), ("cat", range(2, 3))) and read.notes == ()
    assert "the first 75" in reader.read("z " * 100).notes[0]
    save(tmp_path, Card("m", "M", "attention_unet", {}, "v", 8, 4, text=reader.card), net)
    assert load_reader("m", [tmp_path]) is reader
    assert TextProjection(16, 8)(said).shape == (4, 77, 8)


@pytest.mark.parametrize(
    ("missing", "sentence"), [(True, "CLIP needs transformers"), (False, "CLIP could not be loaded")]
)
def test_without_clip_the_error_is_one_sentence(tmp_path, monkeypatch, missing, sentence):
    from diffusion_edu.text.clip import load_clip

    if missing:
        monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(Unusable, match=sentence) as problem:
        load_clip(str(tmp_path / "none" / "of" / "these"))
    assert "\n" not in str(problem.value)
