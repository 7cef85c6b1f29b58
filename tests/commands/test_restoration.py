"""Restorers: flawed ones, what grows where nothing is left, and their evaluation from the command line."""

import json
from functools import partial

import pytest
import torch
from helpers import seeded_noise
from torchmetrics.functional.image import peak_signal_noise_ratio

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.checkpoints import Card, load, read_card, save
from diffusion_edu.core import walk
from diffusion_edu.data.images import ImageSet, held_out, load_images, mean_colours, save_images, to_signed
from diffusion_edu.degradations import (
    DEGRADATIONS,
    GRAIN,
    TO_ONE_COLOUR,
    ColourDistribution,
    Degradation,
    flawed,
    fully_degraded,
    oracle,
)
from diffusion_edu.evaluation import __main__ as general
from diffusion_edu.evaluation import cold, restoration
from diffusion_edu.evaluation.cold import TIMESTEPS, degrade_and_restore, psnr_and_ssim
from diffusion_edu.networks import NETWORKS
from diffusion_edu.samplers import cold_step, naive_cold_step
from diffusion_edu.spacings import spaced

# A restorer that is wrong


def test_a_flawed_prediction_is_wrong_by_as_much_as_was_asked_for_and_otherwise_at_every_timestep():
    x0 = torch.zeros(3, 3, 32, 32)
    wrong = flawed(oracle(x0), 0.2, (5, 6, 7))
    here, there = wrong(x0, 40), wrong(x0, 41)
    torch.testing.assert_close(here.square().mean(dim=(1, 2, 3)).sqrt(), torch.full((3,), 0.2))
    assert torch.equal(here, wrong(x0, 40))  # both algorithms meet the same error at the same timestep
    similarity = torch.cosine_similarity(here.flatten(1), there.flatten(1))
    assert similarity.abs().max() < 0.6
    torch.testing.assert_close(
        flawed(oracle(x0[:1]), 0.2, (6,))(x0[:1], 40), here[1:2]
    )  # whatever else is in the batch
    assert (here[0].diff(dim=1).square().mean() / here[0].square().mean()) < 0.2  # smooth: noise has 2


def ended(step, name, error, start=60, restore=None):
    """Undo a degradation by one algorithm with a restorer that has a known error; returns the PSNR of the result."""
    x0 = seeded_noise(2, 3, 16, 16).mul(0.3).clamp(-1, 1)
    degrade = Degradation(name, (0, 1))
    restore = flawed(oracle(x0), error, (0, 1))
    *_, last = walk(partial(step, restore, degrade), degrade(x0, start), spaced(degrade, 20, top=start))
    return psnr(last.x, x0)


@pytest.mark.parametrize("name", ["blur", "fade", "desaturate"])
def test_algorithm_2_forgives_what_algorithm_1_does_not(name):
    two, one = ended(cold_step, name, 0.2), ended(naive_cold_step, name, 0.2)
    assert (two > one + 3).all()  # decibels


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_without_error_both_algorithms_return_the_image(name):
    for step in (cold_step, naive_cold_step):
        assert (ended(step, name, 0.0) > 100).all()


# What images grow from


def test_colours_are_sampled_as_they_were_found():
    root = torch.tensor([[0.2, 0, 0], [0.1, 0.1, 0], [0, 0.05, 0.1]])
    found = seeded_noise(4000, 3) @ root.T + torch.tensor([0.1, -0.2, 0.0])
    sampled = ColourDistribution.of(found).sample(range(3000), 4)
    assert sampled.shape == (3000, 3, 4, 4) and torch.equal(sampled[..., 0, 0], sampled[..., 3, 2])
    torch.testing.assert_close(sampled[..., 0, 0].mean(0), found.mean(0), atol=0.02, rtol=0)
    torch.testing.assert_close(sampled[..., 0, 0].T.cov(), found.T.cov(), atol=0.004, rtol=0)
    assert torch.equal(ColourDistribution.of(found).sample([7], 4), sampled[7:8])


def test_colours_that_never_vary_are_sampled_all_the_same():
    sampled = ColourDistribution.of(torch.full((5, 3), 0.25)).sample(range(9), 2)
    torch.testing.assert_close(sampled, torch.full((9, 3, 2, 2), 0.25), atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_fully_degraded_image_keeps_only_noise(name):
    degrade = Degradation(name, (0, 1))
    x0 = seeded_noise(2, 3, 32, 32).mul(0.4).clamp(-1, 1)
    x = fully_degraded(degrade, x0)
    torch.testing.assert_close((x - degrade(x0, 100)).std(), torch.tensor(GRAIN), atol=0.1 * GRAIN, rtol=0)
    assert torch.equal(x, fully_degraded(degrade, x0)) and not torch.equal(x[0], x[1])
    if name in TO_ONE_COLOUR:
        flat = x0.mean((2, 3), keepdim=True).expand_as(x0)
        assert (fully_degraded(degrade, flat) - x).abs().max() < 0.02  # an image of one colour serves as well
    elif name != "desaturate":
        assert (fully_degraded(degrade, -x0) - x).abs().max() < 1e-6  # whatever the image was


def test_a_mean_colour_is_the_mean_of_the_values():
    images = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mean_colours(images), to_signed(images).mean((2, 3)))


# Measuring


def test_psnr_is_the_textbooks_and_that_of_torchmetrics():
    x0 = seeded_noise(3, 3, 8, 8).clamp(-1, 1)
    x = (x0 + 0.1 * seeded_noise(3, 3, 8, 8, seed=1)).clamp(-1, 1)
    theirs = peak_signal_noise_ratio(x.double(), x0.double(), data_range=2.0, dim=(1, 2, 3), reduction="none")
    torch.testing.assert_close(psnr(x, x0), theirs)
    assert psnr(x0 + 0.2, x0)[0].item() == pytest.approx(20)  # a tenth of the range
    assert psnr(x0, x0)[0] == torch.inf


def test_every_64th_image_is_held_out_up_to_128_and_none_of_few():
    held = held_out(ImageSet(torch.zeros(200, 3, 2, 2, dtype=torch.uint8)))
    assert held.nonzero().flatten().tolist() == [32, 96, 160]
    assert held_out(ImageSet(torch.zeros(10_000, 3, 1, 1, dtype=torch.uint8))).sum() == 128
    assert not held_out(ImageSet(torch.zeros(63, 3, 2, 2, dtype=torch.uint8))).any()


# The command


@pytest.fixture
def small(tmp_path, tiny, monkeypatch):
    """A small restorer, a small model that draws, a classifier, and 130 images: [name of the restorer, options ...]."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path / "runs")
    folder, ways = tmp_path / "runs", ["blur", "fade", "mask"]
    config = {"widths": [16, 32], "embedding": 16, "classes": 3}
    save(
        folder,
        Card("undoer", "Undoer", "simple_unet", config, "restoration", 16, classes=ways),
        tiny(network="simple_unet", classes=3),
    )
    save(
        folder,
        Card("drawer", "Drawer", "simple_unet", config, "v", 16, classes=ways),
        tiny(network="simple_unet", classes=3),
    )
    layout = {"classes": 3, "widths": [8, 8], "patch": 1}
    feature_network = Card(
        "features_net",
        "features_net",
        "residual_classifier",
        layout,
        "class",
        16,
        classes=ways,
        scores={"validation_accuracy": 0.5},
    )
    save(folder, feature_network, NETWORKS["residual_classifier"](**layout))
    images = torch.randint(0, 256, (130, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    save_images(tmp_path / "real.parquet", ImageSet(images, torch.arange(130) % 3, ("a", "b", "c")))
    return [
        "undoer",
        "--data",
        str(tmp_path / "real.parquet"),
        "--features",
        "features_net",
        "--work",
        str(tmp_path / "work"),
        "--device",
        "cpu",
    ]


def test_the_command_writes_the_scores_into_the_card(small, tmp_path, capsys):
    restoration.main([*small, "--samples", "8"])
    card = read_card(tmp_path / "runs" / "undoer.json")
    assert card.scores == json.loads(capsys.readouterr().out)
    assert "2 images of real.parquet" in card.scores["protocol"] and "--samples 8" in card.scores["command"]
    assert set(card.scores["FD_generated"]) == set(card.scores["restored"]) == {"blur", "fade", "mask"}
    assert all(fd > card.scores["FD_floor"] for fd in card.scores["FD_generated"].values())
    timesteps = card.scores["restored"]["fade"]
    assert list(timesteps) == [str(timestep) for timestep in TIMESTEPS]
    assert set(timesteps["20"]) == {"input", "one prediction", "algorithm 1", "algorithm 2"}
    images = load_images(tmp_path / "real.parquet", 16)
    x0 = to_signed(images.take(held_out(images)).images)
    assert timesteps["60"]["input"] == psnr_and_ssim(0.4 * x0, x0)  # fading is a multiplication
    assert load("undoer").card == card  # the weights still fit


def test_each_way_to_restore_gives_its_own_images(small):
    model, x0 = load("undoer"), seeded_noise(3, 3, 16, 16).clamp(-1, 1)
    ways = degrade_and_restore(model, x0, "blur", 40, batch=2)
    degrade = Degradation("blur", (0, 1, 2))
    x = degrade(x0, 40)
    torch.testing.assert_close(ways["input"], x)
    restore = model.restorer(degrade)
    with torch.no_grad():
        torch.testing.assert_close(ways["one prediction"], restore(x, 40).clamp(-1, 1), atol=2e-2, rtol=0)
    assert not torch.allclose(ways["algorithm 1"], ways["algorithm 2"], atol=1e-3)
    assert psnr_and_ssim(x0, x0)["SSIM"] == 1


def test_a_stopped_evaluation_continues_where_it_was(small, tmp_path, monkeypatch, capsys):
    restoration.main([*small, "--samples", "40", "--dry"])
    whole = json.loads(capsys.readouterr().out)
    [folder] = (tmp_path / "work").iterdir()
    (folder / "blur-40.json").write_text("{half")
    (folder / "mask-100.json").unlink()
    sorted((folder / "fade").glob("*.npy"))[1].unlink()
    calls, restore = [], cold.restore
    monkeypatch.setattr(
        cold,
        "restore",
        lambda model, degrade, x, *rest: calls.append((degrade.name, len(x))) or restore(model, degrade, x, *rest),
    )
    restoration.main([*small, "--samples", "40", "--dry"])
    assert json.loads(capsys.readouterr().out) == whole
    assert calls == [("blur", 2), ("blur", 2), ("mask", 2), ("mask", 2), ("fade", 8)]
    assert read_card(tmp_path / "runs" / "undoer.json").scores == {}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda words, few: ["nobody", *words[1:]], "There is no model 'nobody'"),
        (lambda words, few: ["drawer", *words[1:]], "drawer is no restoration model"),
        (lambda words, few: ["features_net", *words[1:]], "features_net is no restoration model"),
        (lambda words, few: [*words, "--data", "nowhere"], "no file or folder"),
        (lambda words, few: [*words, "--data", few], "20 images are too few"),
    ],
    ids=["unknown", "draws", "classifier", "no data", "few images"],
)
def test_problems_end_in_one_sentence(small, tmp_path, change, sentence):
    few = tmp_path / "few.parquet"
    save_images(
        few, ImageSet(torch.zeros(20, 3, 16, 16, dtype=torch.uint8), torch.zeros(20, dtype=torch.int64), ("a",))
    )
    with pytest.raises(SystemExit) as end:
        restoration.main(change(small, str(few)))
    assert sentence in end.value.code and "\n" not in end.value.code


def test_the_general_evaluation_names_the_command_for_restoration_models(small):
    with pytest.raises(SystemExit) as end:
        general.main([*small, "--classifier", "features_net"])
    assert "python -m diffusion_edu.evaluation.restoration undoer" in end.value.code
