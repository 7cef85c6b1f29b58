"""The comparison of losses: networks that begin alike and see the same, each trained once, measured alike, in one table
and one figure.
"""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from helpers import CPU
from PIL import Image

from benchmarks import hybrid
from diffusion_edu.checkpoints import Card, load, read_card, save, save_card
from diffusion_edu.data.captions import load_captioned
from diffusion_edu.evaluation.features import CLASSIFIERS
from diffusion_edu.generation import Preset
from diffusion_edu.latent.codec import latent_statistics, load_codec
from diffusion_edu.latent.text_to_image import load_text_to_image
from diffusion_edu.networks import NETWORKS
from diffusion_edu.networks.autoencoder import Autoencoder
from diffusion_edu.recipes import text_to_image
from diffusion_edu.recipes.latents import encode_sets, write_latents
from diffusion_edu.text import tokenizer

CONFIG = {
    "widths": [16, 32],
    "blocks": 1,
    "attention": [False, True],
    "patch": 1,
    "embedding": 16,
    "text": {"width": 16, "depth": 1, "head_width": 8},
}
TINY = replace(
    text_to_image.RECIPE, config=CONFIG, size=32, batch=8, ema=0.9, sampling=Preset(steps=2, guidance_scale=2.0)
)


@pytest.fixture
def words(tmp_path, monkeypatch):
    """Images of two colours with captions, subjects and categories, encoded; prompts, and two classifiers."""
    monkeypatch.chdir(tmp_path)
    own, lines = tmp_path / "own", ["file_name,caption,subject,category"]
    own.mkdir()
    for k in range(70):
        name, category, colour = ("boat", "things", (20, 60, 200)) if k % 2 else ("barn", "houses", (200, 40, 30))
        Image.new("RGB", (32, 32), tuple(min(255, value + k) for value in colour)).save(own / f"{k:02}.png")
        lines.append(f"{k:02}.png,a {name} on the shore number {k},{name},{category}")
    (own / "metadata.csv").write_text("\n".join(lines))
    (tmp_path / "p.json").write_text(json.dumps({"boat": ["a boat", "the boat on the shore"], "barn": ["a barn"]}))
    coder, layout = {"widths": [8, 16], "blocks": [1, 1], "patch": 4}, {"classes": 2, "widths": [8, 8], "patch": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        latents = {"mean": [0.0] * 4, "std": [1.0] * 4}
        save(
            tmp_path / "runs",
            Card("coder", "A", "autoencoder", coder, "autoencoder", 32, latents=latents),
            Autoencoder(**coder),
        )
        known = {"categories": {"barn": "houses", "boat": "things"}}
        for name in ("features", "second"):
            card = Card(
                name,
                name,
                "plain_classifier",
                layout,
                "class",
                8,
                classes=["barn", "boat"],
                data=known,
                scores={"validation_accuracy": 0.5},
            )
            save(tmp_path / "runs", card, NETWORKS["plain_classifier"](**layout))
    monkeypatch.setitem(CLASSIFIERS, "captioned images", ("features", "second"))
    some = load_captioned(own, 32, print)
    reader = tokenizer.Tokenizer(tokenizer.learn_vocabulary(text for texts in some.captions for text in texts))
    facts = {"from": ["own"], "autoencoder": "coder", "scale": latent_statistics("coder"), "size": 32}
    facts |= {"text": reader.card, "config": reader.config, "vocabulary": reader.text}
    write_latents(
        tmp_path / "l.safetensors",
        encode_sets([some], load_codec("coder", compute=CPU), reader, lambda items, words: items, **facts),
    )
    common = ["--latents", "l.safetensors", "--data", "own", "--prompts", "p.json", "--samples", "8", "--device", "cpu"]
    return [*common, "--weights", "0", "3", "alone", "--figure", "h.png"]


def test_every_loss_has_its_row_and_nothing_is_trained_twice(words, tmp_path, monkeypatch, capsys):
    args = hybrid.arguments([*words, "--images", "16"])
    hybrid.compare(args, TINY)
    printed = capsys.readouterr().out
    heads, _, *rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows] == ["MSE", "MSE + 3 x perceptual", "perceptual alone"]
    assert len({row[heads.index("held-out MSE")] for row in rows}) == 3 and "16 images seen by each network" in printed
    nets = {
        weight: load(f"hybrid_{weight}", [args.work / "nothing" / "16" / f"hybrid_{weight}"], CPU)
        for weight in ("0", "3", "alone")
    }
    objectives = [net.card.training["objective"] for net in nets.values()]
    assert "diffusion_weight" not in objectives[0] and [
        (one["diffusion_weight"], one["perceptual_weight"]) for one in objectives[1:]
    ] == [(1, 3), (0, 1)]
    assert {net.card.training["images_seen"] for net in nets.values()} == {16}
    firsts = [net.net.stem.weight for net in nets.values()]
    assert not torch.equal(firsts[0], firsts[1]) and torch.allclose(
        firsts[0], firsts[1], atol=0.02
    )  # begun alike, and gone apart
    with Image.open(tmp_path / "h.png") as page:
        assert page.width > 1000
    monkeypatch.setattr(hybrid, "train", lambda *_, **__: pytest.fail("trained already"))
    hybrid.compare(args, TINY)
    assert capsys.readouterr().out == printed[printed.index("16 images seen") :]


def test_all_can_begin_with_a_model_that_is_there(words, tmp_path):
    folder = hybrid.trained(hybrid.arguments([*words, "--images", "8"]), TINY, "0")
    shutil.copytree(folder, tmp_path / "runs" / folder.name)
    args = hybrid.arguments([*words, "--images", "8", "--from", folder.name])
    before, *after = (
        load(path.name, [path], CPU)
        for path in (folder, *(hybrid.trained(args, TINY, weight) for weight in ("0", "3")))
    )
    assert {model.card.training["from"] for model in after} == {folder.name}
    for model in after:
        assert not torch.equal(model.net.stem.weight, before.net.stem.weight)
        assert torch.allclose(model.net.stem.weight, before.net.stem.weight, atol=0.01)


def test_a_loss_is_measured_on_what_was_held_out_as_the_others_are(words, tmp_path):
    args = hybrid.arguments([*words, "--images", "8"])
    who = load_text_to_image("hybrid_0", [hybrid.trained(args, TINY, "0")], CPU)
    losses = hybrid.losses(who, args.latents)
    card = who.model.card
    assert losses["mse"] == pytest.approx(card.training["validation_loss"], rel=1e-2) and losses["perceptual"] > 0


def test_what_cannot_be_compared_is_explained_in_one_sentence(words):
    for place, word, sentence in (
        (1, "absent", "There is no file absent"),
        (5, "absent.json", "There is no file 'absent.json' with prompts"),
    ):
        with pytest.raises(SystemExit) as end:
            hybrid.main([*words[:place], word, *words[place + 1 :]])
        assert sentence in end.value.code and "\n" not in end.value.code


def test_networks_of_other_latents_are_not_compared(words, tmp_path):
    args = hybrid.arguments([*words, "--images", "8"])
    folder = hybrid.trained(args, TINY, "0")
    card = read_card(folder / "hybrid_0.json")
    save_card(folder, replace(card, training={**card.training, "scale": {"mean": [9.0] * 4, "std": [1.0] * 4}}))
    with pytest.raises(ValueError, match="learned from latents of another autoencoder: choose another --work"):
        hybrid.trained(args, TINY, "0")
