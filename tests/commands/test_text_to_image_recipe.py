"""The text-to-image recipe: latents encoded once, sampling weights, the loss, and the model that it leaves."""

import csv
import json
import shutil
import sys
from dataclasses import replace

import pytest
import torch
from helpers import CPU, seeded
from PIL import Image

from diffusion_edu.checkpoints import Card, Unusable, load, save, sha256_of
from diffusion_edu.data.augment import augmented
from diffusion_edu.data.captions import Captioned
from diffusion_edu.data.images import ImageSet, held_out, save_images, to_signed
from diffusion_edu.data.prompts import load_prompts
from diffusion_edu.generation import Preset, generate
from diffusion_edu.latent.codec import load_codec
from diffusion_edu.networks import NETWORKS
from diffusion_edu.networks.autoencoder import Autoencoder
from diffusion_edu.networks.text import token_mask
from diffusion_edu.recipes import text_to_image
from diffusion_edu.recipes.latents import encode_sets, read_latents, sheet_captions, variant_count, write_latents
from diffusion_edu.text import clip, tokenizer
from diffusion_edu.text.reader import load_reader
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.objectives.perceptual import Hybrid
from diffusion_edu.training.perceptual import decoder_features, perceptual_distance

CODER = "tiny_autoencoder"
CONFIG = {
    "widths": [16, 32],
    "blocks": 1,
    "attention": [False, True],
    "patch": 1,
    "embedding": 16,
    "text": {"width": 16, "depth": 1, "head_width": 8},
}
TINY = replace(
    text_to_image.RECIPE,
    config=CONFIG,
    size=32,
    batch=8,
    lr=2e-3,
    ema=0.9,
    sampling=Preset(steps=2, guidance_scale=2.0),
)


def keep_autoencoder(folder, seed):
    config = {"widths": [8, 16], "blocks": [1, 1], "patch": 4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Autoencoder(**config)
    scale = {"mean": [0.1 + seed, -0.2, 0.3, 0.0], "std": [0.5, 1.5, 1.0, 2.0]}
    return save(folder, Card(CODER, "A", "autoencoder", config, "autoencoder", 32, latents=scale), net)


LATENTS = "runs/mine/training/latents.safetensors"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A working folder with a tiny autoencoder, images with captions, and a set with classes."""
    home = tmp_path_factory.mktemp("home")
    keep_autoencoder(home / "runs" / CODER, 0)
    for k in range(70):
        name, colour = ("boat", (20, 60, 200)) if k % 2 else ("barn", (200, 40, 30))
        (home / "own").mkdir(exist_ok=True)
        Image.new("RGB", (32, 32), tuple(min(255, value + k) for value in colour)).save(home / "own" / f"{k:02}.png")
        (home / "own" / f"{k:02}.txt").write_text(f"a {name} on the {'left' if k % 3 else 'shore'}, number {k}")
    images = (
        torch.tensor([[230, 210, 20], [220, 20, 30]], dtype=torch.uint8)
        .repeat(8, 1)[:, :, None, None]
        .expand(16, 3, 32, 32)
        .contiguous()
    )
    save_images(home / "classes.parquet", ImageSet(images, torch.arange(16) % 2, ("tulips", "roses")))
    return home


@pytest.fixture(autouse=True)
def at_home(home, monkeypatch):
    monkeypatch.chdir(home)


def run(out, *words, recipe=TINY):
    text_to_image.main(["--out", str(out), "--device", "cpu", "--autoencoder", CODER, *map(str, words)], recipe)


def refusal(out, *words):
    with pytest.raises(SystemExit) as end:
        run(out, *words)
    assert isinstance(end.value.code, str) and "\n" not in end.value.code
    return end.value.code


@pytest.fixture(scope="module")
def trained(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        run(
            home / "runs" / "mine",
            *("--data", "classes.parquet", "--captions-from-classes", "--captions", "own", "--images", 24),
        )
    return home / "runs" / "mine"


# What the recipe leaves


def test_the_card_says_what_it_was_made_of(trained):
    card = load("mine").card
    assert (card.prediction_type, card.size, card.channels, card.autoencoder, card.conditional, card.generates) == (
        "v",
        4,
        4,
        CODER,
        True,
        False,
    )
    assert card.text == {"sha256": sha256_of(trained / "mine.tokenizer.json")}
    assert card.config["text"]["vocabulary"] == load_reader("mine").config["vocabulary"]
    assert (card.data["images"], card.data["encoded"], card.data["held_out"]) == (86, 344, 4)
    assert card.data["captions_made_of_class_and_colour"] == ["classes.parquet"] and card.data["captions"] == 78
    assert card.training["objective"]["null"] == 0 and card.training["objective"]["drop"] == 0.1
    assert card.training["scale"] == load(CODER).card.latents
    assert 0 < card.training["validation_loss"] < 3


def test_the_training_captions_lie_beside_the_weights(trained, home):
    prompts, latents = (
        load_prompts(trained / "mine.captions.json"),
        read_latents(trained / "training" / "latents.safetensors"),
    )
    assert {each.subject for each in prompts} == {"", "tulips", "roses"} and {each.category for each in prompts} == {""}
    captions = [each.text for each in prompts]
    assert len(set(captions)) == len(captions)
    held = {(home / "own" / f"{k:02}.txt").read_text() for k in range(70)} - set(captions)
    assert len(held) == 1 and latents.held.any()  # every 64th image is held out


def test_sheets_show_the_same_prompts_every_time(trained):
    prompts = (trained / "training" / "prompts.txt").read_text().splitlines()
    assert len(prompts) == len(set(prompts)) == 64 and "number 32" in prompts[1]
    with Image.open(trained / "mine.png") as page:
        assert page.size == (8 * 32, 8 * 32)
    assert len(list((trained / "training" / "sheets").glob("*.png"))) == 1


def test_the_model_generates_latents_that_its_autoencoder_decodes(trained):
    able, reader = load("mine", compute=CPU), load_reader("mine")
    *_, said = generate(able, Preset(steps=3, guidance_scale=3.0), [5, 6], reader(["a barn on the shore", "a boat"]))
    *_, anything = generate(able, Preset(steps=3), [5, 6])
    assert said.x.shape == (2, 4, 4, 4) and not torch.allclose(said.x, anything.x, atol=1e-3)
    *_, none = generate(able, Preset(steps=3), [5, 6], reader(["", ""]))
    torch.testing.assert_close(none.x, anything.x, rtol=1e-3, atol=1e-4)
    assert load_codec(CODER, compute=CPU).decode(said.x).shape == (2, 3, 32, 32)


def test_a_training_resumes_without_images(trained, tmp_path, home):
    out = tmp_path / "again"
    run(out, "--captions", "own", "--images", 16)
    latents = (out / "training" / "latents.safetensors").read_bytes()
    run(out, "--images", 40, "--resume")
    assert load("again", [out]).card.training["images_seen"] == 40
    assert [row["images"] for row in csv.DictReader((out / "training" / "log.csv").open())] == ["16", "40"]
    assert (out / "training" / "latents.safetensors").read_bytes() == latents


def test_latents_are_enough_without_a_tokenizer_library(trained, tmp_path, monkeypatch):
    for name in ("tokenizers", "diffusion_edu.text.tokenizer", "diffusion_edu.text.reader", "diffusion_edu.text.clip"):
        monkeypatch.setitem(sys.modules, name, None)
    run(tmp_path / "there", "--latents", LATENTS, "--images", 16)
    ours, theirs = (load(name, [folder]).card for name, folder in (("mine", trained), ("there", tmp_path / "there")))
    assert theirs.text == ours.text == {"sha256": sha256_of(tmp_path / "there" / "there.tokenizer.json")}
    assert theirs.data == ours.data and theirs.config == ours.config
    assert (tmp_path / "there" / "there.prompts.json").read_bytes() == (trained / "mine.prompts.json").read_bytes()


def test_a_model_can_be_fine_tuned_on_your_own_images(trained, tmp_path):
    run(tmp_path / "further", "--captions", "own", "--from", "mine", "--images", 8, "--lr", 1e-9)
    ours, theirs = load("mine", compute=CPU), load("further", [tmp_path / "further"], CPU)
    assert theirs.card.text == ours.card.text and theirs.card.training["from"] == "mine"
    for name, weight in theirs.net.state_dict().items():
        torch.testing.assert_close(weight, ours.net.state_dict()[name], rtol=0, atol=2e-3)


def test_another_text_encoder(tmp_path, monkeypatch):
    class Letters:
        """How often each of ten letters is in each word."""

        config, card, text = {"features": 10}, {"clip": "letters"}, ""

        def __call__(self, prompts):
            said = torch.zeros(len(prompts), 77, 10)
            for row, prompt in enumerate(prompts):
                for place, word in enumerate(prompt.split()[:77]):
                    said[row, place] = torch.tensor([float(word.count(letter)) for letter in "aeiourstln"])
            return said

    monkeypatch.setattr(clip, "load_clip", lambda name: Letters())
    run(tmp_path / "c", "--captions", "own", "--text-encoder", "clip", "--images", 16)
    able = load("c", [tmp_path / "c"], CPU)
    assert able.card.text == {"clip": "letters"} and able.card.config["text"]["features"] == 10
    assert not (tmp_path / "c" / "c.tokenizer.json").exists()
    *_, last = generate(able, Preset(steps=2), [1], load_reader("c", [tmp_path / "c"])(["a barn"]))
    assert last.x.shape == (1, 4, 4, 4)


@pytest.mark.parametrize("weight", ["0.5", "alone"])
def test_a_training_with_perceptual_loss(trained, tmp_path, weight):
    run(
        tmp_path / "p",
        "--latents",
        trained / "training" / "latents.safetensors",
        "--perceptual",
        weight,
        "--images",
        16,
    )
    objective = load("p", [tmp_path / "p"]).card.training["objective"]
    assert (objective["diffusion_weight"], objective["perceptual_weight"]) == (
        (0, 1) if weight == "alone" else (1, 0.5)
    ) and objective["autoencoder"] == CODER


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--captions", "own", "--latents", "x"], "leave out --data and --captions"),
        (["--latents", "x.safetensors"], "There is no file x.safetensors"),
        (["--latents", f"runs/{CODER}/{CODER}.safetensors"], "not a file of a training"),
        (
            ["--latents", LATENTS, "--weights", "1"],
            "There are 2 sets (classes.parquet and own): give --weights as many",
        ),
        (
            ["--latents", LATENTS, "--weights", "0", "0"],
            "as many numbers of 0 or more",
        ),
        (["--data", "absent"], "There is no file or folder 'absent'"),
        (["--captions", "own", "--size", "36"], "divisible by 8, not 36 x 36"),
        (["--captions", "own", "--size", "24"], "divisible by 2, not 3: try another --size"),
        (["--captions", "own", "--autoencoder", "absent"], "There is no model 'absent'"),
        (["--captions", "own", "--from", CODER], "no text-to-image model"),
    ],
    ids=str,
)
def test_impossible_options_are_refused_in_one_sentence(trained, tmp_path, words, sentence):
    assert sentence in refusal(tmp_path / "no", *words)


def test_latents_made_with_other_choices_are_refused(trained, tmp_path):
    run(tmp_path / "a", "--captions", "own", "--images", 8)
    assert "began with --autoencoder tiny_autoencoder, not other" in refusal(
        tmp_path / "a", "--resume", "--autoencoder", "other"
    )


ALTERED = {
    "a caption": lambda own: (own / "07.txt").write_text("quite another caption"),
    "an image": lambda own: Image.new("RGB", (32, 32), "white").save(own / "07.png"),
    "an image less": lambda own: (own / "07.png").unlink(),
}


@pytest.mark.parametrize("change", ALTERED)
def test_images_or_captions_that_have_changed_are_noticed(tmp_path, change, capsys):
    """A training that goes on refuses them; a new one encodes them anew."""
    out, own = tmp_path / "a", tmp_path / "own"
    shutil.copytree("own", own)
    run(out, "--captions", own, "--images", 8)
    latents = (out / "training" / "latents.safetensors").read_bytes()
    ALTERED[change](own)
    sentence = refusal(out, "--images", 16, "--resume")
    assert "other images or captions" in sentence and "choose another --out" in sentence
    assert "delete" not in sentence and (out / "training" / "latents.safetensors").read_bytes() == latents
    (out / "training" / "state.safetensors").unlink()  # a training that was killed before it was saved
    run(out, "--captions", own, "--images", 8)
    assert "encoded anew" in capsys.readouterr().out
    assert (out / "training" / "latents.safetensors").read_bytes() != latents


def test_another_autoencoder_of_the_same_name_is_noticed(tmp_path, home):
    out = tmp_path / "a"
    run(out, "--captions", "own", "--images", 8)
    try:
        keep_autoencoder(home / "runs" / CODER, 1)
        assert f"made by another '{CODER}'" in refusal(out, "--images", 16, "--resume")
    finally:
        keep_autoencoder(home / "runs" / CODER, 0)
    run(out, "--images", 16, "--resume")


def test_a_training_goes_on_where_its_images_are_gone_but_not_with_others_that_are_not_there(tmp_path, capsys):
    out, own = tmp_path / "a", tmp_path / "own"
    shutil.copytree("own", own)
    run(out, "--captions", own, "--images", 8)
    shutil.rmtree(own)
    run(out, "--images", 16, "--resume")
    assert "goes on with the images as they were encoded" in capsys.readouterr().out
    assert "nowhere" in refusal(out, "--captions", "nowhere", "--images", 24, "--resume")


@pytest.mark.parametrize(
    ("name", "words"),
    [("flowers_attention", "does not generate from captions"), ("emoji_like", "works on pixels and this training on")],
)
def test_a_model_of_another_kind_is_no_beginning(tmp_path, home, tiny, monkeypatch, name, words):
    text = {"width": 16, "depth": 1, "head_width": 8, "vocabulary": 300}
    config = {"widths": [16, 32], "attention": [False, True], "embedding": 16, "text": text}
    if name == "emoji_like":
        monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path / "models")
        shutil.copytree(home / "runs" / CODER, tmp_path / "models" / CODER)
        card = Card(name, "E", "attention_unet", config, "v", 8, text={"sha256": "0" * 64})
        save(tmp_path / "models" / name, card, tiny(**config))
    sentence = refusal(tmp_path / "no", "--latents", home / LATENTS, "--from", name)
    assert words in sentence and not (tmp_path / "no").exists()


@pytest.mark.parametrize("weight", ["-1", "much", "0.0.1"])
def test_an_impossible_perceptual_weight_is_refused(tmp_path, weight, capsys):
    with pytest.raises(SystemExit):
        run(tmp_path / "no", "--captions", "own", f"--perceptual={weight}")
    assert "--perceptual" in capsys.readouterr().err


# Latents


def captioned(n=70, made=False, source="s"):
    images = torch.randint(0, 256, (n, 3, 32, 32), generator=seeded(n), dtype=torch.uint8)
    captions = tuple((f"a lake {k % 50}" if k % 3 else f"on the left of a lake {k % 50}",) for k in range(n))
    return Captioned(images, captions, ("",) * n, ("",) * n, source, made)


@pytest.fixture(scope="module")
def latents(home):
    sets = [captioned(), captioned(80, True, "m")]
    reader = tokenizer.Tokenizer(
        tokenizer.learn_vocabulary(text for some in sets for texts in some.captions for text in texts)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        facts = {"autoencoder": CODER, "scale": load(CODER).card.latents, "vocabulary": reader.text}
        return encode_sets(sets, load_codec(CODER, compute=CPU), reader, lambda items, words: items, **facts)


def test_every_variant_is_encoded_with_its_own_caption(latents):
    some, able, reader = captioned(), load_codec(CODER, compute=CPU), tokenizer.Tokenizer(latents.facts["vocabulary"])
    assert len(latents) == 4 * 150 and latents.images.dtype == torch.float16
    for variant in range(4):
        rows = torch.arange(70) + 70 * variant
        captions = [texts[0] for texts in some.captions]
        expected = able.encode(to_signed(augmented(some.images, captions, variant)))
        got, conditions = latents.batch(rows)
        torch.testing.assert_close(got, expected, rtol=2e-3, atol=2e-3)
        assert torch.equal(conditions, reader(captions)[:, : conditions.shape[1]])
        assert torch.equal(latents.held[rows], held_out(some)) and latents.held[rows].sum() == 1
    assert latents.part.tolist() == [0] * 280 + [1] * 320


def test_large_sets_have_no_variants():
    assert variant_count(captioned(70)) == 4 and variant_count(range(5000)) == 1


def test_padding_shared_by_all_captions_is_removed(latents):
    for rows in ([0], [1, 5], list(range(50))):
        condition, whole = latents.conditions(torch.tensor(rows)), latents.captions[rows]
        assert (
            condition.dtype == torch.int64
            and condition.shape[1] % 8 == 0
            and condition.shape[1] - 8 < token_mask(whole).sum(1).max()
        )
        assert torch.equal(condition.any(1), whole.any(1)) and condition.sum() == whole.sum()
    assert replace(latents, captions=torch.zeros(3, 77, dtype=torch.int16)).conditions(torch.tensor([0])).shape == (
        1,
        8,
    )


def test_sets_are_sampled_by_weight_and_held_out_latents_never(latents):
    def fractions(weights):
        return torch.stack([weights[latents.part == part].sum() for part in (0, 1)]) / weights.sum()

    torch.testing.assert_close(fractions(latents.weights()), torch.tensor([0.7, 0.3]))
    torch.testing.assert_close(fractions(latents.weights([1, 4])), torch.tensor([0.2, 0.8]))
    assert (latents.weights()[latents.held] == 0).all() and (latents.weights()[~latents.held] > 0).all()
    alone = replace(
        latents,
        facts={"sets": [{**each, "made": True, "images": 25 * 4**k} for k, each in enumerate(latents.facts["sets"])]},
    )
    torch.testing.assert_close(fractions(alone.weights()), torch.tensor([1 / 3, 2 / 3]))


def test_latents_are_saved_whole_and_refused_with_another_autoencoder(latents, tmp_path, home):
    path = tmp_path / "deep" / "l.safetensors"
    write_latents(path, latents)
    again = read_latents(path)
    assert again.facts == latents.facts and all(
        torch.equal(kept, latents.tensors()[name]) for name, kept in again.tensors().items()
    )
    try:
        keep_autoencoder(home / "runs" / CODER, 1)
        with pytest.raises(Unusable, match="made by another 'tiny_autoencoder' .*: restore that"):
            read_latents(path)
    finally:
        keep_autoencoder(home / "runs" / CODER, 0)
    assert read_latents(path).facts == latents.facts
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(Unusable, match="is damaged"):
        read_latents(path)


def test_sheet_captions_come_from_every_set_in_turn_held_out_ones_first():
    written, made = captioned(70, source="w"), captioned(80, True)
    shown = sheet_captions([written, made], 10)
    assert len(set(shown)) == len(shown) == 10
    assert shown[0] == written.captions[32][0]  # in both sets, since they have the same captions
    assert sheet_captions([captioned(5)], 64) == [texts[0] for texts in captioned(5).captions]


# The loss


def test_the_hybrid_loss_is_the_diffusion_loss_plus_the_perceptual_distance():
    torch.manual_seed(0)
    x0, eps, theta = torch.randn(3, 4, 4, 4), torch.randn(3, 4, 4, 4), torch.tensor([0.0, 0.7, torch.pi / 2])

    def net(y, timestep, condition):
        return y.roll(1, 1).requires_grad_()

    c, s = theta.cos().view(-1, 1, 1, 1), theta.sin().view(-1, 1, 1, 1)
    y = c * x0 + s * eps
    looks = perceptual_distance(decoder_features(CODER, CPU.device), c * y - s * y.roll(1, 1), x0)
    plain = Objective().at(net, x0, None, theta, eps)
    torch.testing.assert_close(
        Hybrid(perceptual_weight=0.3, autoencoder=CODER).at(net, x0, None, theta, eps),
        plain + 0.3 * c.flatten() ** 2 * looks,
    )
    alone = Hybrid(diffusion_weight=0.0, perceptual_weight=1.0, autoencoder=CODER).at(net, x0, None, theta, eps)
    torch.testing.assert_close(alone, c.flatten() ** 2 * looks)
    assert (
        alone[0] < 1e-6 and alone[1] > 0.01 and alone[2] < 1e-6
    )  # without noise the prediction is the truth; without signal it does not count


def test_the_painter_sees_latents_at_the_scale_that_its_autoencoder_knows():
    able, layers, latents = (
        load(CODER, compute=CPU),
        decoder_features(CODER, CPU.device),
        torch.randn(2, 4, 4, 4, generator=seeded()),
    )
    scale = able.card.latents
    raw = latents * torch.tensor(scale["std"]).view(-1, 1, 1) + torch.tensor(scale["mean"]).view(-1, 1, 1)
    seen = []
    handle = able.net.up[len(layers) - 1].register_forward_pre_hook(
        lambda _, given: seen.append(given[0])
    )  # what doubles the places
    able.net.decode(raw)
    handle.remove()
    torch.testing.assert_close(layers(latents), seen[0])
    assert seen[0].shape[2:] == (4, 4) and not any(weight.requires_grad for weight in layers.parameters())


def test_the_perceptual_loss_reaches_the_prediction():
    said = torch.randn(2, 4, 4, 4, generator=seeded(), requires_grad=True)
    loss = Hybrid(diffusion_weight=0.0, perceptual_weight=1.0, autoencoder=CODER).at(
        lambda *_: said, torch.randn(2, 4, 4, 4), None, torch.full((2,), 0.8), torch.randn(2, 4, 4, 4)
    )
    loss.sum().backward()
    assert said.grad.abs().sum() > 0


def test_an_autoencoder_without_latents_has_no_decoder_features(home):
    config = {"widths": [8, 16], "blocks": [1, 1], "patch": 4}
    save(home / "runs" / "bare", Card("bare", "B", "autoencoder", config, "autoencoder", 32), Autoencoder(**config))
    with pytest.raises(ValueError, match="bare has no latents: name an autoencoder"):
        decoder_features("bare", CPU.device)


def test_the_network_of_the_recipe_is_small_enough_and_generates_its_size():
    config = TINY.config | text_to_image.RECIPE.config | {"channels": 4}
    config["text"] = {**config["text"], "vocabulary": tokenizer.VOCABULARY_SIZE}
    net = NETWORKS[text_to_image.RECIPE.network](**json.loads(json.dumps(config))).eval()
    assert 2 * sum(weight.numel() for weight in net.parameters()) < 16 * 2**20  # bytes of fp16
    with torch.no_grad():
        assert net(torch.randn(1, 4, 16, 16), torch.tensor([800.0]), torch.ones(1, 77, dtype=torch.int64)).shape == (
            1,
            4,
            16,
            16,
        )
