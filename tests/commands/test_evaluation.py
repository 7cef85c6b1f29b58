"""Scores: distances against closed forms, class accuracy, memorisation, and the protocol from the command line."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diffusion_edu.checkpoints import PRETRAINED, Card, load, read_card, save
from diffusion_edu.data.images import ImageSet, load_images, save_images, to_signed
from diffusion_edu.evaluation import __main__ as command
from diffusion_edu.evaluation import inception, samples
from diffusion_edu.evaluation.cold import psnr_and_ssim
from diffusion_edu.evaluation.command_line import rounded
from diffusion_edu.evaluation.distances import Statistics, frechet, frechet_band, kernel
from diffusion_edu.evaluation.features import balanced_accuracies, class_accuracy, describe
from diffusion_edu.evaluation.guidance import diversity
from diffusion_edu.evaluation.inception import inception_scores
from diffusion_edu.evaluation.neighbours import memorised, nearest
from diffusion_edu.evaluation.patches import patches
from diffusion_edu.evaluation.report import Reference, distance_scores, halves, pure_noise, reference
from diffusion_edu.generation import Preset
from diffusion_edu.networks import NETWORKS


def seeded(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Distances


def whitened(features):
    """Features with mean 0 and covariance 1, exactly."""
    features = features - features.mean(0)
    return features @ torch.linalg.inv(torch.linalg.cholesky(features.T.cov())).T


def test_the_frechet_distance_of_two_gaussians_is_the_closed_form():
    """For commuting covariances it is |m1 - m2|^2 + sum (s1 - s2)^2 (Dowson & Landau 1982)."""
    one, two = whitened(seeded(500, 3)), whitened(seeded(400, 3, seed=1))
    s1, s2, shift = (torch.tensor(v, dtype=torch.float64) for v in ([1.0, 2.0, 0.5], [1.5, 1.0, 0.5], [1.0, -2.0, 0.0]))
    expected = (shift**2).sum() + ((s1 - s2) ** 2).sum()
    assert frechet(one * s1, two * s2 + shift) == pytest.approx(expected.item(), rel=1e-9)


def test_the_frechet_distance_to_itself_is_zero_and_can_be_computed_from_statistics():
    one, two = seeded(300, 5), seeded(200, 5, seed=1) + 1
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet(Statistics.of(one), two) == frechet(one, Statistics.of(two)) == frechet(one, two) > 1


def test_the_frechet_distance_is_computed_in_float64():
    one = seeded(2000, 4) * 1e-3 + 100  # in float32 the covariance would drown in the mean
    two = whitened(one) * 2e-3 + 100
    assert frechet(one.float().double(), two) == pytest.approx(4 * 1e-6, rel=0.2)


def test_the_kernel_distance_is_the_unbiased_estimate_by_hand():
    one, two = seeded(40, 6), seeded(40, 6, seed=1) + 0.5

    def k(a, b):
        return (a @ b.T / 6 + 1) ** 3

    def off_diagonal(m):
        return (m.sum() - m.diag().sum()) / (40 * 39)

    expected = off_diagonal(k(one, one)) + off_diagonal(k(two, two)) - 2 * k(one, two).mean()
    mean, deviation = kernel(one, two, subsets=3)
    assert mean == pytest.approx(expected.item(), rel=1e-9)
    assert deviation == pytest.approx(0, abs=1e-9)  # every subset is the whole


def test_standard_deviations_shrink_with_more_samples_and_do_not_touch_the_global_seed():
    before = torch.get_rng_state()
    real = seeded(3000, 4)
    bands = [frechet_band(real, seeded(n, 4, seed=2) + 0.3) for n in (100, 2500)]
    assert 0 < bands[1] < 0.5 * bands[0]
    assert kernel(real, real[:1500] + 0.2, subsets=5, subset_size=500)[1] > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_every_class_counts_the_same_in_the_class_accuracy():
    scores = torch.eye(3)[torch.tensor([0, 0, 0, 0, 1, 0])]  # named: four times 0, once 1, once 0
    assert class_accuracy(scores, torch.tensor([0, 0, 0, 0, 1, 2])) == pytest.approx((1 + 1 + 0) / 3)


def test_balanced_accuracies_weigh_yes_and_no_equally():
    labels = torch.tensor([[1, 1, -1], [-1, 1, -1], [-1, -1, -1], [-1, -1, -1], [-1, 0, -1]])
    scores = torch.tensor([[2.0, 1.0, -1.0], [-1.0, -1.0, 1.0], [1.0, -1.0, 1.0], [-1.0, -1.0, 1.0], [-1.0, 9.0, 1.0]])
    fractions = balanced_accuracies(scores, labels)
    assert fractions[:2].tolist() == pytest.approx(
        [(1 / 1 + 3 / 4) / 2, (1 / 2 + 2 / 2) / 2]
    )  # a label of 0 does not count
    assert fractions[2].isnan()  # no image has it
    assert balanced_accuracies(torch.ones(5, 3), labels)[:2].tolist() == [
        0.5,
        0.5,
    ]  # always yes is no better than a coin


# Neighbours


def test_the_nearest_neighbour_is_found_and_no_image_is_its_own_neighbour():
    keys = seeded(50, 3)
    distances, rows = nearest(keys + 1e-9, keys, batch=7)
    assert rows.tolist() == list(range(50)) and distances.max() < 1e-6
    distances, rows = nearest(keys, keys, exclude_self=True, batch=7)
    assert (rows != torch.arange(50)).all() and distances.min() > 1e-3


def test_memorised_samples_are_found_and_new_ones_are_not_counted():
    """Pitfall 42."""
    real, fresh = seeded(2000, 8), seeded(2000, 8, seed=1)
    assert memorised(fresh, real) < 0.03  # 1 % is expected
    half = torch.cat([fresh[:1000], real[:1000] + 1e-4])
    assert memorised(half, real) == pytest.approx(0.5, abs=0.03)


# The protocol


@pytest.fixture(scope="module")
def feature_network():
    return load("flower_features")


def test_features_separate_flowers_from_noise(feature_network):
    flowers = load_images(PRETRAINED / "flower_samples.parquet")
    some = describe(feature_network, flowers.images[:512])
    assert some.features.shape == (512, 128) and some.scores.shape == (512, 102)
    named = class_accuracy(some.scores, flowers.labels[:512])
    assert named > 0.4  # the samples show their class; random labels reach 1 in 102
    noise = describe(feature_network, pure_noise(512, 64)).features
    first, second = halves(some.features)
    assert frechet(some.features, noise) > 5 * frechet(first, second)


def test_images_are_scaled_to_the_size_of_the_classifier(feature_network):
    """Pitfall 41."""
    small = torch.full((2, 3, 32, 32), 200, dtype=torch.uint8)
    torch.testing.assert_close(
        describe(feature_network, small).features,
        describe(feature_network, small.repeat_interleave(2, 2).repeat_interleave(2, 3)).features,
    )


def test_scores_stand_beside_their_floor_and_their_baseline():
    real, noise = seeded(3000, 4), 3 * seeded(2000, 4, seed=5) + 4
    scores = distance_scores(reference(real, noise), seeded(2000, 4, seed=1) + 0.1)
    assert scores["FD_floor"] < scores["FD"] < scores["FD_noise"]
    assert scores["FD_fraction"] == pytest.approx(
        (scores["FD"] - scores["FD_floor"]) / (scores["FD_noise"] - scores["FD_floor"])
    )
    assert abs(scores["KD_floor"]) < scores["KD"]
    assert scores["memorised"] < 0.03


def test_a_reference_can_be_shipped_without_its_images(tmp_path):
    real = reference(seeded(300, 4), seeded(300, 4, seed=3) + 2)
    real.save(tmp_path / "r.npz")
    again, generated = Reference.load(tmp_path / "r.npz"), seeded(200, 4, seed=1)
    assert distance_scores(again, generated) == {
        k: v for k, v in distance_scores(real, generated).items() if k.startswith("FD")
    }
    (tmp_path / "r.npz").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"r\.npz is missing or broken"):
        Reference.load(tmp_path / "r.npz")


def test_labels_have_the_class_frequencies_of_real_images():
    counts = torch.tensor([60, 30, 10])
    assert samples.labels_by_frequency(counts, 100).bincount().tolist() == [60, 30, 10]
    assert samples.labels_by_frequency(counts, 250)[:200].bincount().tolist() == [120, 60, 20]
    assert 10 < samples.labels_by_frequency(counts, 30).bincount()[0] < 25  # shuffled, not one class after the other


@pytest.fixture
def small(tmp_path, tiny, monkeypatch):
    """A small model of three classes, two classifiers of the same classes, and 64 images to compare with."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path / "runs")
    classes, folder = ["a", "b", "c"], tmp_path / "runs"
    config = {"widths": [16, 32], "attention": [False, True], "embedding": 16, "classes": 3}
    card = Card(
        "small",
        "Small",
        "attention_unet",
        config,
        "v",
        8,
        classes=classes,
        sampling={"steps": 2, "guidance_scale": 2.0},
    )
    save(folder, card, tiny(classes=3))
    for name, network in {"features_net": "residual_classifier", "second": "plain_classifier"}.items():
        layout = {"classes": 3, "widths": [8, 8], "patch": 1}
        known = Card(name, name, network, layout, "class", 8, classes=classes, scores={"validation_accuracy": 0.5})
        save(folder, known, NETWORKS[network](**layout))
    images = torch.randint(0, 256, (64, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    save_images(tmp_path / "real.parquet", ImageSet(images, torch.arange(64) % 3, tuple(classes)))
    return [
        "small",
        "--data",
        str(tmp_path / "real.parquet"),
        "--features",
        "features_net",
        "--classifier",
        "second",
        "--work",
        str(tmp_path / "work"),
        "--device",
        "cpu",
    ]


def test_the_command_writes_the_scores_into_the_card(small, tmp_path, capsys):
    command.main([*small, "--samples", "40"])
    card = read_card(tmp_path / "runs" / "small.json")
    assert card.scores == json.loads(capsys.readouterr().out)
    assert card.scores.keys() >= {
        "protocol",
        "command",
        "FD",
        "FD_band",
        "FD_floor",
        "FD_noise",
        "KD",
        "KD_band",
        "memorised",
        "class_accuracy",
        "class_accuracy_real",
    }
    assert "40 samples" in card.scores["protocol"] and "real.parquet" in card.scores["protocol"]
    assert card.scores["FD"] > 0
    assert load("small").card == card  # the weights still fit


def test_a_stopped_evaluation_continues_where_it_was(small, tmp_path, monkeypatch, capsys):
    command.main([*small, "--samples", "70", "--dry"])
    whole = json.loads(capsys.readouterr().out)
    [folder] = (tmp_path / "work").iterdir()
    parts = sorted(folder.glob("*.npy"))
    assert len(parts) == 3
    parts[1].write_bytes(b"half")
    parts[2].unlink()
    calls = []
    generate = samples.generate
    monkeypatch.setattr(samples, "generate", lambda *args: calls.append(list(args[2])) or generate(*args))
    command.main([*small, "--samples", "70", "--dry"])
    assert json.loads(capsys.readouterr().out) == whole
    assert calls == [list(range(32, 64)), list(range(64, 70))]
    assert read_card(tmp_path / "runs" / "small.json").scores == {}


def test_samples_are_cached_by_weights_preset_and_labels(small, tmp_path, monkeypatch):
    model, calls = load("small"), []
    generate = samples.generate
    monkeypatch.setattr(samples, "generate", lambda *args: calls.append(args) or generate(*args))
    other = replace(model, card=replace(model.card, sha256="other"))
    labels = torch.zeros(4, dtype=torch.int64)
    conditions = [
        (m, Preset(steps=steps), 4, k) for m in (model, other) for steps in (2, 3) for k in (labels, labels + 1, None)
    ]
    for request in (*conditions, *conditions):
        samples.generate_samples(*request, tmp_path)
    assert len(calls) == 12


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nobody"], "There is no model 'nobody'"),
        (["features_net", "--features", "features_net", "--classifier", "second"], "features_net is a classifier"),
        (["small", "--features", "features_net", "--classifier", "second", "--data", "nowhere"], "no file or folder"),
        (
            ["small", "--features", "flower_features", "--classifier", "second", "--offline", "--samples", "4"],
            "small generates another size",
        ),
        (
            [
                "small",
                "--features",
                "features_net",
                "--classifier",
                "second",
                "--offline",
                "--inception",
                "--samples",
                "4",
            ],
            "leave out --offline",
        ),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else " ".join(value),
)
def test_problems_end_in_one_sentence(small, tmp_path, words, sentence):
    with pytest.raises(SystemExit) as end:
        command.main([*words, "--work", str(tmp_path / "work"), "--device", "cpu"])
    assert sentence in end.value.code and "\n" not in end.value.code


def images_of(values, folder):
    """A parquet file of uint8 images (n, 3, 8, 8) without classes."""
    save_images(folder / "few.parquet", ImageSet(torch.as_tensor(values, dtype=torch.uint8).expand(-1, 3, 8, 8)))
    return str(folder / "few.parquet")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_too_few_real_images_are_refused_in_one_sentence(small, tmp_path, count):
    few = images_of(torch.arange(count).view(-1, 1, 1, 1) * 50, tmp_path)
    with pytest.raises(SystemExit) as end:
        command.main([*small, "--data", few, "--samples", "4"])
    assert "too few to measure distances to: give at least 4" in end.value.code and "\n" not in end.value.code
    assert read_card(tmp_path / "runs" / "small.json").scores == {}


@pytest.mark.parametrize("values", [torch.full((10, 1, 1, 1), 99), torch.arange(4).view(-1, 1, 1, 1) * 50])
@pytest.mark.parametrize("count", ["2", "3"])
def test_equal_images_and_the_fewest_give_numbers_or_none(small, tmp_path, capsys, values, count):
    command.main([*small, "--data", images_of(values, tmp_path), "--samples", count])
    text = capsys.readouterr().out
    assert "NaN" not in text and "Infinity" not in text and "null" not in text
    card = read_card(tmp_path / "runs" / "small.json")
    assert card.scores == json.loads(text) and card.scores["FD"] > 0
    assert "unconditional (the real images have other classes)" in card.scores["protocol"]


def test_a_class_without_images_does_not_make_the_samples_unconditional(small, tmp_path, capsys):
    images = torch.arange(8).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).to(torch.uint8) * 30
    dataset = ImageSet(images, torch.arange(8) % 2, ("a", "b", "c"))
    real = reference(seeded(8, 4), seeded(8, 4), dataset.labels, len(dataset.classes))
    card = read_card(tmp_path / "runs" / "small.json")
    assert samples.conditions_for(card, real.class_counts, dataset, 6).bincount().tolist() == [3, 3]


def test_what_cannot_be_measured_is_left_out():
    scores = {"a": float("nan"), "b": {"c": float("inf"), "d": 1.23456}, "rows": [{"e": float("-inf"), "f": "x"}]}
    assert rounded(scores) == {"b": {"d": 1.235}, "rows": [{"f": "x"}]}
    assert math.isnan(class_accuracy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)))
    assert math.isnan(diversity([torch.zeros(1, 3)]))
    equal = torch.zeros(2, 3, 16, 16)
    assert psnr_and_ssim(equal, equal)["PSNR"] == 100


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: frechet(seeded(1, 3), seeded(9, 3)), "two or more images"),
        (lambda: reference(seeded(3, 4), seeded(9, 4)), "3 real images are too few"),
        (lambda: reference(seeded(1, 4), seeded(9, 4)), "1 real image is too few"),
        (lambda: distance_scores(reference(seeded(9, 4), seeded(9, 4)), seeded(1, 4)), "at least two samples"),
        (lambda: patches(torch.zeros(1, 3, 96, 96), 64), "96x96 pixels cannot be cut into patches of 64x64"),
    ],
)
def test_too_little_is_a_value_error_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("problem", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_too_many_samples_for_the_memory_end_in_one_sentence(small, monkeypatch, problem):
    def fails(*_, **__):
        raise problem

    monkeypatch.setattr(command, "generate_samples", fails)
    with pytest.raises(SystemExit) as end:
        command.main([*small, "--samples", "4"])
    assert "There is not enough memory: give fewer --samples" in end.value.code


def test_offline_the_flowers_are_compared_with_the_shipped_statistics(capsys, tmp_path):
    command.main(["flowers_attention", "--offline", "--samples", "4", "--dry", "--work", str(tmp_path)])
    scores = json.loads(capsys.readouterr().out)
    assert scores["FD_floor"] < scores["FD"]
    assert "shipped statistics" in scores["protocol"] and "KD" not in scores


# Inception


class StandIn(torch.nn.Module):
    """Stands in for the Inception network: features and logits of uint8 images (b, 3, h, w) are their mean colours."""

    def forward(self, images):
        means = to_signed(images).mean(dim=(2, 3))
        return means, 5 * means


def test_inception_scores_come_from_the_networks_features_and_logits():
    real = torch.randint(0, 256, (60, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    generated = (real.int() // 2 + 100).to(torch.uint8)
    scores = inception_scores(StandIn(), real, generated, batch=7)
    features = [to_signed(images).mean(dim=(2, 3)) for images in (real, generated)]
    assert scores["FID"] == pytest.approx(frechet(*features))
    assert scores["KID"] == pytest.approx(kernel(*features)[0])
    assert 1 <= scores["IS"] <= 3
    same = inception_scores(StandIn(), real, real)
    assert same["FID"] == pytest.approx(0, abs=1e-9)


def test_inception_scores_reach_the_card(small, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "download", StandIn)
    command.main([*small, "--samples", "40", "--inception"])
    scores = read_card(tmp_path / "runs" / "small.json").scores
    assert scores.keys() >= {"FID", "KID", "IS", "FD"}
    assert "--inception" in scores["command"]


def test_inception_weights_that_are_out_of_reach_or_others_are_refused_in_one_sentence(monkeypatch, tmp_path):
    from urllib.error import URLError

    pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")

    def offline(*_, **__):
        raise URLError("unreachable")

    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    with pytest.raises(ValueError, match="could not be fetched .* leave out --inception"):
        inception.download()
    monkeypatch.setattr("torch.hub.download_url_to_file", lambda url, path: Path(path).write_bytes(b"other weights"))
    with pytest.raises(ValueError, match="is not the file that it should be"):
        inception.download()


def test_the_shipped_samples_and_reference_are_complete():
    samples_, real = (
        load_images(PRETRAINED / "flower_samples.parquet"),
        Reference.load(PRETRAINED / "flower_reference.npz"),
    )
    assert (samples_.images.shape, len(samples_.classes)) == ((1024, 3, 64, 64), 102)
    assert samples_.labels.bincount().min() >= 10
    assert real.statistics.count == 8189 and real.statistics.total.shape == (128,)
    assert 0 < real.floor < real.noise
    assert np.isfinite(real.statistics.products.numpy()).all()
