"""Scores beyond distances: class score, attributes, class accuracy by guidance scale, and the conditions of samples."""

import json
from dataclasses import replace

import pytest
import torch
from helpers import seeded_noise
from torch.distributions import Categorical

from diffusion_edu.checkpoints import Card, load, read_card, save
from diffusion_edu.data.images import ImageSet
from diffusion_edu.data.sources import FACES
from diffusion_edu.evaluation import __main__ as command
from diffusion_edu.evaluation import attributes, guidance, samples
from diffusion_edu.evaluation.features import CLASSIFIERS, balanced_accuracies, class_score
from diffusion_edu.networks import NETWORKS


def test_the_class_score_is_the_exponential_of_the_mutual_information():
    logits = 3 * seeded_noise(50, 4)
    probabilities = Categorical(logits=logits.double())
    information = Categorical(probs=probabilities.probs.mean(0)).entropy() - probabilities.entropy().mean()
    assert class_score(logits) == pytest.approx(information.exp().item(), rel=1e-9)
    assert class_score(100 * torch.eye(4)) == pytest.approx(4)  # certain of each image, and all classes occur
    assert class_score(torch.zeros(5, 4)) == pytest.approx(1)  # certain of nothing
    assert class_score(100 * torch.eye(4)[:1].expand(5, 4)) == pytest.approx(1)  # always the same class


def test_the_class_score_of_attributes_adds_up_the_information_of_each():
    both = torch.tensor([[50.0, 50.0], [50.0, -50.0], [-50.0, 50.0], [-50.0, -50.0]])
    assert class_score(both, attributes=True) == pytest.approx(4)
    assert class_score(both[:, :1], attributes=True) == pytest.approx(2)
    assert class_score(0 * both, attributes=True) == pytest.approx(1)


def test_balanced_accuracies_weigh_rare_and_frequent_labels_equally():
    labels = torch.tensor([[1, 1]] + [[-1, -1]] * 9)
    never = -torch.ones(10, 2)
    assert balanced_accuracies(never, labels).tolist() == [0.5, 0.5]
    right = labels.clone()
    right[1:4, 1] = 1
    torch.testing.assert_close(balanced_accuracies(right, labels), torch.tensor([1.0, (1 + 6 / 9) / 2]).double())
    assert (
        balanced_accuracies(right, 0 * labels + torch.tensor([0, 1])).isnan().all()
    )  # without a "no" there is no accuracy


def test_attribute_conditions_are_balanced_and_set_one_attribute_each():
    rows = attributes.attribute_conditions(list(FACES), 10)
    assert rows.shape == (40, 20)
    assert (rows.abs().sum(1) == 1).all() and rows.sum() == 0
    counts = rows.abs().sum(0)
    assert {name: count for name, count in zip(FACES, counts.tolist(), strict=True) if count} == dict.fromkeys(
        attributes.EVALUATED, 10
    )


def test_conditions_are_those_of_real_images():
    images = torch.randint(0, 256, (30, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    faces = ImageSet(
        images,
        1 - 2 * torch.randint(0, 2, (30, 2), generator=torch.Generator().manual_seed(1)),
        attributes=("hat", "glasses"),
    )
    card = Card("f", "F", "attention_unet", {}, "v", 16, attributes=["hat", "glasses"])
    none = torch.empty(0, dtype=torch.int64)
    labels = samples.conditions_for(card, none, faces, 60)
    assert torch.equal(labels[:30].sum(0), faces.labels.sum(0)) and torch.equal(labels[30:], labels[:30])
    assert samples.conditions_for(replace(card, attributes=["hat"]), none, faces, 60) is None
    sketches = samples.conditions_for(
        Card("s", "S", "attention_unet", {}, "v", 16, conditioning_image="a sketch"), none, faces, 8
    )
    assert sketches.shape == (8, 3, 16, 16) and sketches.max() <= 1
    with pytest.raises(ValueError, match="leave out --offline"):
        samples.conditions_for(
            Card("s", "S", "attention_unet", {}, "v", 16, conditioning_image="a sketch"), none, None, 8
        )


@pytest.fixture
def faces(tmp_path, tiny, monkeypatch):
    """A small model of faces, two classifiers, and 64 images with their attributes."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path / "runs")
    monkeypatch.setattr(attributes, "EACH", 4)
    monkeypatch.setattr(attributes.attribute_conditions, "__defaults__", (4,))
    monkeypatch.setattr(attributes.generate_with_attributes, "__defaults__", (4, iter))
    names, folder, data = list(FACES), tmp_path / "runs", {"subject": "faces"}
    config = {"widths": [16, 32], "attention": [False, True], "embedding": 16, "attributes": 20}
    save(
        folder,
        Card("small", "S", "attention_unet", config, "v", 8, attributes=names, sampling={"steps": 2}, data=data),
        tiny(attributes=20),
    )
    for name in ("features_net", "second"):
        layout = {"classes": 20, "widths": [8, 8], "patch": 1}
        scores = {"validation_accuracy": 0.5, "each": dict.fromkeys(names, 0.75)}
        save(
            folder,
            Card(name, name, "plain_classifier", layout, "attributes", 8, attributes=names, scores=scores),
            NETWORKS["plain_classifier"](**layout),
        )
    monkeypatch.setitem(CLASSIFIERS, "faces", ("features_net", "second"))
    images = torch.randint(0, 256, (64, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    dataset = ImageSet(
        images,
        1 - 2 * torch.randint(0, 2, (64, 20), generator=torch.Generator().manual_seed(1)),
        source="f",
        attributes=FACES,
    )
    for module in (command, guidance):
        monkeypatch.setattr(
            module, "load_images", lambda source, size, tell, public: dataset if public == "faces" else None
        )
    return ["small", "--data", "faces", "--work", str(tmp_path / "work"), "--device", "cpu"]


def test_faces_are_evaluated_with_their_own_classifiers(faces, tmp_path, capsys):
    command.main([*faces, "--samples", "40"])
    scores = read_card(tmp_path / "runs" / "small.json").scores
    assert scores == json.loads(capsys.readouterr().out)
    assert scores["class_accuracy_real"] == 0.75 and set(scores["class_accuracy_each"]) == set(attributes.EVALUATED)
    assert scores["class_accuracy"] == pytest.approx(sum(scores["class_accuracy_each"].values()) / 4, rel=1e-3)
    assert scores["class_score"] >= 1 and scores["FD"] > 0 and "second" in scores["protocol"]


def test_the_card_names_the_vae_of_the_same_images_as_a_baseline(faces, tmp_path):
    net, layout = NETWORKS["vae"](size=8, widths=(8, 8), code=4), {"size": 8, "widths": [8, 8], "code": 4}
    for name, subject in (("blur", "faces"), ("other", "flowers")):
        save(
            tmp_path / "runs",
            Card(name, name, "vae", layout, "vae", 8, data={"subject": subject}, scores={"FD": 1e9}),
            net,
        )
    command.main([*faces, "--samples", "20"])
    assert (
        read_card(tmp_path / "runs" / "small.json").scores["FD_vae"] == 1e9
    )  # before the VAE is evaluated: the FD in its card
    command.main(["blur", *faces[1:], "--samples", "20"])
    vae = read_card(tmp_path / "runs" / "blur.json").scores
    assert 0 < vae["FD"] < 1e9 and "FD_vae" not in vae
    command.main([*faces, "--samples", "20"])
    assert read_card(tmp_path / "runs" / "small.json").scores["FD_vae"] == vae["FD"]


def test_class_accuracy_and_diversity_are_measured_at_every_guidance_scale(faces, tmp_path, capsys):
    guidance.main([*faces, "--samples", "20", "--guidance-scales", "0", "2"])
    rows = read_card(tmp_path / "runs" / "small.json").scores["by_guidance"]
    assert [row["guidance_scale"] for row in rows] == [0, 2]
    assert all(set(row) == {"guidance_scale", "FD", "FD_band", "class_accuracy", "diversity"} for row in rows)
    assert rows[0]["FD"] != rows[1]["FD"]
    capsys.readouterr()
    command.main([*faces, "--samples", "20"])  # another evaluation keeps these rows
    assert read_card(tmp_path / "runs" / "small.json").scores["by_guidance"] == rows
    assert load("small").card.scores["FD"] > 0


def test_the_diversity_is_the_mean_distance_between_images_of_one_class():
    features, labels = torch.tensor([[0.0], [3.0], [10.0], [10.0], [14.0]]), torch.tensor([0, 0, 1, 1, 1])
    assert guidance.diversity(guidance.group_by_label(features, labels)) == pytest.approx((3 + (0 + 4 + 4) / 3) / 2)


@pytest.mark.parametrize(
    ("name", "words"), [("flowers_cold", "is a restoration model"), ("flower_classifier", "is a classifier")]
)
def test_a_model_of_another_kind_is_refused_with_the_right_command(name, words):
    with pytest.raises(SystemExit) as end:
        command.main([name, "--data", "x", "--samples", "4"])
    assert words in end.value.code and "\n" not in end.value.code
