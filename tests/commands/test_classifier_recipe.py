"""Recipes of classifiers: training, accuracy on held-out images, resuming, and problems in one sentence."""

import json
from dataclasses import replace

import pytest
import torch

from diffusion_edu.checkpoints import load
from diffusion_edu.data.images import ImageSet, save_images
from diffusion_edu.data.layouts import SPLITS
from diffusion_edu.networks import NETWORKS
from diffusion_edu.randomness import choose
from diffusion_edu.recipes import (
    classifier,
    command_line,
    face_classifier,
    face_features,
    flower_features,
    scene_classifier,
    scene_features,
)
from diffusion_edu.recipes.classifier import accuracy, attribute_loss, augment, image_weights, main, validation_images

TINY = replace(flower_features.RECIPE, config={"widths": [8, 16], "blocks": 1, "patch": 2}, size=8, batch=16)


def colours(n=160):
    """Images of two classes that differ in colour."""
    labels, generator = torch.arange(n) % 2, torch.Generator().manual_seed(0)
    images = torch.randint(0, 60, (n, 3, 8, 8), dtype=torch.uint8, generator=generator)
    images[labels == 0, 0] += 150
    images[labels == 1, 2] += 150
    return ImageSet(images, labels, ("red", "blue"))


@pytest.fixture
def words(tmp_path):
    save_images(tmp_path / "p.parquet", colours())
    return ["--data", str(tmp_path / "p.parquet"), "--out", str(tmp_path / "mine"), "--device", "cpu"]


def test_a_classifier_learns_colours_and_its_card_has_the_accuracy(words, tmp_path):
    main(TINY, [*words, "--images", "1600"])
    card = load("mine", [tmp_path / "mine"]).card
    assert card.scores == {"validation_accuracy": 1.0}
    assert (card.prediction_type, card.generates, card.classes, card.data["held_out"]) == (
        "class",
        False,
        ["red", "blue"],
        20,
    )
    assert card.training["images_seen"] == 1600


def test_a_training_resumes_and_overwrites_nothing(words, tmp_path):
    main(TINY, [*words, "--images", "160"])
    with pytest.raises(SystemExit) as end:
        main(TINY, words)
    assert "--resume" in end.value.code
    main(TINY, [*words, "--images", "320", "--resume"])
    training = load("mine", [tmp_path / "mine"]).card.training
    assert (training["images_seen"], training["steps"]) == (320, 20)


def test_a_classifier_does_not_go_on_with_other_classes(words, tmp_path):
    main(TINY, [*words, "--images", "160"])
    save_images(tmp_path / "p.parquet", replace(colours(), classes=("red", "green")))
    with pytest.raises(SystemExit, match="classes: green added and blue missing"):
        main(TINY, [*words, "--images", "320", "--resume"])


def test_images_without_classes_are_refused(tmp_path, words):
    from PIL import Image

    (tmp_path / "flat").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "flat" / "a.png")
    with pytest.raises(SystemExit) as end:
        main(TINY, ["--data", str(tmp_path / "flat"), "--out", str(tmp_path / "other"), "--device", "cpu"])
    assert "neither classes nor attributes to learn" in end.value.code


def test_the_official_validation_split_is_never_trained_on(monkeypatch, tmp_path, words):
    split = torch.tensor([0, 1, 2, 1] * 40)
    some = replace(colours(), split=split)
    assert torch.equal(validation_images(some), split == SPLITS.index("validation"))
    assert validation_images(colours()).sum() == 20
    seen = []
    monkeypatch.setattr(classifier, "load_images", lambda *_, **__: some)
    monkeypatch.setattr(classifier, "batches", lambda images, *_, **__: seen.append(images.split) or iter(()))
    monkeypatch.setattr(command_line, "finish", lambda *_: None)
    main(TINY, words)
    assert (seen[0] != SPLITS.index("validation")).all() and len(seen[0]) == 80


def test_the_accuracy_is_the_fraction_of_correct_predictions():
    some = colours(40)
    net = NETWORKS["plain_classifier"](2, widths=[4], blocks=1)
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.copy_(torch.tensor([1.0, 0.0]))  # always predicts red
    assert accuracy(net, some, choose("cpu")) == 0.5
    assert accuracy(net, some.take(some.labels == 0), choose("cpu")) == 1.0


def test_augmented_images_change_a_little():
    x = torch.rand(64, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    smooth = torch.nn.functional.avg_pool2d(x, 5, 1, 2)
    changed = augment(smooth, torch.Generator().manual_seed(1))
    assert changed.shape == x.shape and changed.abs().max() <= 1
    assert not torch.allclose(changed, smooth, atol=0.05)
    assert torch.equal(changed, augment(smooth, torch.Generator().manual_seed(1)))
    alike = torch.corrcoef(torch.stack([changed.mean((2, 3)).flatten(), smooth.mean((2, 3)).flatten()]))[0, 1]
    assert alike > 0.2


# Attributes


def reds_and_brights(n=320):
    """Images with two visible attributes (one in eight is red, every second one bright) and a third that none has."""
    labels = torch.stack([torch.arange(n) % 8 == 0, torch.arange(n) % 2 == 0, torch.zeros(n)], dim=1).long() * 2 - 1
    images = torch.randint(0, 40, (n, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)) + 60
    images[labels[:, 0] == 1, 0] += 60
    images[labels[:, 1] == 1] += 90
    order = torch.randperm(n, generator=torch.Generator().manual_seed(1))
    return ImageSet(images, labels, attributes=("red", "bright", "has wings")).take(order)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    path = tmp_path_factory.mktemp("faces") / "f.parquet"
    save_images(path, reds_and_brights())
    return path


@pytest.mark.parametrize("recipe", [face_features.RECIPE, face_classifier.RECIPE], ids=lambda recipe: recipe.name)
def test_attributes_are_learned_and_the_card_has_the_accuracy_of_each(faces, tmp_path, recipe):
    tiny = replace(recipe, config={"widths": [8, 16], "blocks": 1, "patch": 2}, size=8, batch=16)
    main(tiny, ["--data", str(faces), "--out", str(tmp_path / "mine"), "--device", "cpu", "--images", "3200"])
    model = load("mine", [tmp_path / "mine"], choose("cpu"))
    card = model.card
    assert (card.prediction_type, card.generates, card.classes, card.attributes) == (
        "attributes",
        False,
        [],
        ["red", "bright", "has wings"],
    )
    assert card.config["classes"] == 3 and card.data["held_out"] == 40
    assert card.scores["each"]["red"] > 0.8 and card.scores["each"]["bright"] > 0.9
    assert "has wings" not in card.scores["each"]  # no image has any, so there is no accuracy
    assert card.scores["validation_accuracy"] == pytest.approx(
        (card.scores["each"]["red"] + card.scores["each"]["bright"]) / 2, abs=1e-3
    )
    assert (
        json.loads((tmp_path / "mine" / "mine.json").read_text(), parse_constant=pytest.fail)["scores"] == card.scores
    )  # JSON knows no NaN
    assert accuracy(
        model.net, reds_and_brights().take(validation_images(reds_and_brights())), choose("cpu")
    ) == pytest.approx(card.scores["validation_accuracy"], abs=0.03)


def test_the_accuracy_of_attributes_is_the_balanced_accuracy_by_hand():
    some, net = reds_and_brights(40), NETWORKS["plain_classifier"](3, widths=[4], blocks=1)
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.copy_(torch.tensor([1.0, -1.0, -1.0]))  # always red, never bright
    assert accuracy(net, some, choose("cpu")) == 0.5  # always yes is no better than always no
    rows = torch.cat([(some.labels[:, 0] == 1).nonzero()[:5], (some.labels[:, 0] == -1).nonzero()[:10]]).flatten()
    scores = torch.tensor([1.0] * 4 + [-1.0] + [1.0] * 3 + [-1.0] * 7)  # four of five red ones, seven of ten others

    class Fixed(torch.nn.Module):
        def forward(self, x):
            return torch.stack([scores, scores, scores], dim=1)

    one = replace(some.take(rows), labels=some.labels[rows][:, [0, 0, 0]])
    assert accuracy(Fixed(), one, choose("cpu")) == pytest.approx((4 / 5 + 7 / 10) / 2)


def test_the_loss_weights_rare_and_frequent_attributes_equally():
    """At scores of 0 the gradients of yes and no cancel, attribute by attribute."""
    labels = torch.tensor([[1, 1, -1], [-1, 1, -1], [-1, 1, -1], [-1, -1, -1]])
    scores = torch.zeros(4, 3, requires_grad=True)
    losses = attribute_loss(labels)(scores, labels)
    assert losses.shape == (4,)
    losses.sum().backward()
    assert scores.grad.sum(0)[:2].abs().max() < 1e-6
    assert scores.grad.isfinite().all() and scores.grad[0, 0] < 0 < scores.grad[1, 0]


def test_a_training_on_attributes_resumes(faces, tmp_path):
    tiny = replace(face_classifier.RECIPE, config={"widths": [8], "blocks": 1, "patch": 2}, size=8, batch=16)
    words = ["--data", str(faces), "--out", str(tmp_path / "mine"), "--device", "cpu"]
    main(tiny, [*words, "--images", "32"])
    main(tiny, [*words, "--images", "64", "--resume"])
    assert load("mine", [tmp_path / "mine"]).card.training["steps"] == 4


# Subjects of categories


@pytest.fixture(scope="module")
def captioned(tmp_path_factory):
    """A parquet file of captioned images: three subjects in two categories and colours, one ten times as frequent."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    from diffusion_edu.data.images import _jpeg

    rows, generator = [], torch.Generator().manual_seed(0)
    for k in range(240):
        subject, category, channel = (
            ("sea", "nature", 2) if k % 12 > 1 else [("tomato", "food", 0), ("leaf", "nature", 1)][k % 12]
        )
        image = torch.randint(0, 60, (3, 8, 8), dtype=torch.uint8, generator=generator)
        image[channel] += 150
        rows.append(
            {
                "image": {"bytes": _jpeg(image, 95)},
                "caption": f"a {subject} {k}",
                "subject": subject,
                "category": category,
            }
        )
    path = tmp_path_factory.mktemp("captioned") / "scenes.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("recipe", [scene_features.RECIPE, scene_classifier.RECIPE], ids=lambda recipe: recipe.name)
def test_subjects_are_learned_with_their_categories(captioned, tmp_path, recipe):
    tiny = replace(recipe, config={"widths": [8, 16], "blocks": 1, "patch": 2}, size=8, batch=16, lr=2e-3, start="")
    main(tiny, ["--data", str(captioned), "--out", str(tmp_path / "mine"), "--device", "cpu", "--images", "2400"])
    card = load("mine", [tmp_path / "mine"]).card
    assert (card.prediction_type, card.generates, card.classes, card.subject) == (
        "class",
        False,
        ["leaf", "sea", "tomato"],
        "captioned images",
    )
    assert (
        card.data["categories"] == {"leaf": "nature", "sea": "nature", "tomato": "food"} and card.data["held_out"] == 30
    )
    assert card.scores["validation_accuracy"] > 0.9 and card.scores["category_accuracy"] > 0.9


def test_every_subject_is_sampled_and_weighted_equally(captioned):
    images = scene_classifier.RECIPE.read([captioned], 8, print, "")
    assert images.labels.bincount().tolist() == [20, 200, 20]
    torch.testing.assert_close(
        image_weights(images).double(), (1 / torch.tensor([20.0, 200, 20]))[images.labels].double()
    )
    assert image_weights(colours()) is None
    net = NETWORKS["plain_classifier"](3, widths=[4], blocks=1)
    with torch.no_grad():
        net.head.weight.zero_()
        net.head.bias.copy_(torch.tensor([0.0, 2.0, 0.0]))  # always predicts sea
    scores = classifier.validation_scores(net, images, choose("cpu"))
    assert scores == {"validation_accuracy": round(1 / 3, 4), "category_accuracy": 0.5}


def test_the_scene_recipe_needs_data(tmp_path):
    with pytest.raises(SystemExit) as end:
        main(scene_classifier.RECIPE, ["--out", str(tmp_path / "mine"), "--device", "cpu"])
    assert "name a parquet file or a folder with --data" in end.value.code and "\n" not in end.value.code


def test_a_classifier_can_begin_with_the_weights_of_another(words, captioned, tmp_path, monkeypatch):
    main(TINY, [*words, "--images", "160"])
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    scenes = replace(scene_features.RECIPE, config=TINY.config, size=8, batch=16, lr=1e-9, start="mine")
    main(scenes, ["--data", str(captioned), "--out", str(tmp_path / "scenes"), "--device", "cpu", "--images", "16"])
    begun, first = load("scenes", compute=choose("cpu")), load("mine", compute=choose("cpu"))
    assert begun.card.training["from"] == "mine" and len(begun.net.head.bias) == 3
    for name, weight in first.net.body.state_dict().items():
        torch.testing.assert_close(begun.net.body.state_dict()[name], weight, rtol=0, atol=2e-3)
