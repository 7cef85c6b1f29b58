"""Recipes from the command line: a short training leaves a model, can be resumed, and problems end in one sentence."""

import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from diffusion_edu.checkpoints import available, load, read_cards
from diffusion_edu.core import walk
from diffusion_edu.data.images import ImageSet, load_images, to_signed
from diffusion_edu.degradations import DEGRADATIONS, Degradation
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import Compute
from diffusion_edu.recipes import flowers_cold
from diffusion_edu.recipes import run as runs
from diffusion_edu.recipes.command_line import main, parse_arguments
from diffusion_edu.recipes.fine_tune import adapt_recipe, transfer_weights
from diffusion_edu.recipes.flowers_attention import RECIPE
from diffusion_edu.recipes.log import COLUMNS
from diffusion_edu.recipes.model_setup import build, split_held_out
from diffusion_edu.recipes.sample_sheet import generate_samples
from diffusion_edu.samplers import cold_step

CONFIG = {"widths": [16, 32], "blocks": 1, "attention": [False, True], "patch": 2, "embedding": 16}
TINY = replace(RECIPE, config=CONFIG, size=8, batch=8, lr=2e-3, ema=0.9, sampling=Preset(steps=2))
SECOND = 1 / 60


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of two classes, 70 images in all: enough to hold two back."""
    folder = tmp_path_factory.mktemp("photos")
    for k in range(70):
        path = folder / ("rose" if k % 2 else "iris") / f"{k}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (12, 10), (200 + k % 50, 20, 40) if k % 2 else (20, 40, 200 + k % 50)).save(path)
    return folder


def run(photos, out, *words, minutes=SECOND, recipe=TINY):
    main(recipe, ["--data", str(photos), "--out", str(out), "--minutes", str(minutes), "--device", "cpu", *words])


def refusal(capsys, *words, recipe=TINY):
    """The sentence on standard error with which a recipe ends."""
    with pytest.raises(SystemExit) as end:
        main(recipe, [str(word) for word in words])
    sentence = end.value.code  # a text: Python prints it to standard error and ends with status 1
    assert isinstance(sentence, str)
    assert sentence
    assert "\n" not in sentence
    assert "Traceback" not in sentence + capsys.readouterr().err
    return sentence


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "deep" / "mine"
    run(photos, out)
    return out


def test_a_training_leaves_a_model_a_curve_and_sheets(trained):
    names = {path.name for path in trained.iterdir()}
    assert names == {"training", "mine.safetensors", "mine.json", "mine.png", "mine.growth.png", "mine.curve.png"}
    inner = {path.name for path in (trained / "training").iterdir()} - {"lock"}
    assert inner == {"state.safetensors", "log.csv", "sheets"}
    assert all(path.suffix == ".png" for path in (trained / "training" / "sheets").iterdir())
    with Image.open(trained / "mine.png") as page:
        assert (page.mode, page.width, page.height) == ("RGB", 8 * 8, 8 * 8)


def test_the_model_loads_with_a_complete_card(trained):
    card = load("mine", [trained]).card
    assert (card.classes, card.null, card.prediction_type, card.size) == (["iris", "rose"], 2, "v", 8)
    assert card.sampling == asdict(TINY.sampling)
    assert card.data["images"] == 70
    assert card.data["held_out"] == 1
    assert card.training["images_seen"] == 8 * card.training["steps"] > 0
    assert 0 < card.training["loss"] < 10
    assert 0 < card.training["validation_loss"] < 10


def test_the_log_is_a_curve_of_numbers(trained):
    rows = list(csv.DictReader((trained / "training" / "log.csv").open()))
    assert tuple(rows[0]) == COLUMNS
    assert all(math.isfinite(float(value)) for row in rows for value in row.values())
    assert float(rows[-1]["seconds"]) >= 1


def test_an_earlier_training_is_not_overwritten(photos, trained, capsys):
    before = contents(trained)
    assert "--resume" in refusal(capsys, "--data", photos, "--out", trained, "--device", "cpu")
    assert contents(trained) == before


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def test_a_training_can_be_resumed(photos, tmp_path):
    mine = tmp_path / "mine"
    run(photos, mine, minutes=0.4 * SECOND)
    first = load("mine", [mine]).card.training
    run(photos, mine, "--resume", minutes=SECOND)
    second = load("mine", [mine]).card.training
    assert second["images_seen"] > first["images_seen"]
    seen = [int(row["images"]) for row in csv.DictReader((mine / "training" / "log.csv").open())]
    assert seen == [first["images_seen"], second["images_seen"]]


def test_a_finished_training_that_is_resumed_is_only_written_again(photos, tmp_path):
    mine, weights = tmp_path / "mine", tmp_path / "mine" / "mine.safetensors"
    run(photos, mine, minutes=0.2 * SECOND)
    before = weights.read_bytes()
    weights.unlink()
    run(photos, mine, "--resume", minutes=0.2 * SECOND)
    assert weights.read_bytes() == before


def test_bad_paths_and_devices_are_refused_in_one_sentence(photos, tmp_path, capsys):
    assert "nowhere" in refusal(capsys, "--data", tmp_path / "nowhere", "--out", tmp_path)
    (empty := tmp_path / "empty").mkdir(parents=True)
    assert "no image" in refusal(capsys, "--data", empty, "--out", tmp_path / "out")
    (tmp_path / "a file").write_text("")
    assert "a file" in refusal(capsys, "--data", photos, "--out", tmp_path / "a file", "--device", "cpu")
    (tmp_path / "text.parquet").write_text("none")
    assert "parquet" in refusal(capsys, "--data", tmp_path / "text.parquet", "--out", tmp_path)
    if not torch.cuda.is_available():
        assert "--device cpu" in refusal(capsys, "--data", photos, "--out", tmp_path, "--device", "cuda")


def test_the_command_ends_with_one_sentence_and_status_1(tmp_path):
    words = [
        sys.executable,
        "-m",
        "diffusion_edu.recipes.flowers_attention",
        "--data",
        str(tmp_path / "nowhere"),
        "--out",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "There is no file or folder" in done.stderr
    assert not (tmp_path / "out").exists()


def test_ctrl_c_finishes_the_step_saves_and_stops_with_one_sentence(photos, tmp_path, monkeypatch, capsys):
    begun, steps = runs.fit, []

    def pressed(*args, **options):
        for progress in begun(*args, **options):
            steps.append(progress)
            if len(steps) == 3:
                os.kill(os.getpid(), signal.SIGINT)
            yield progress

    monkeypatch.setattr(runs, "fit", pressed)
    words = ["--data", photos, "--out", tmp_path / "mine", "--device", "cpu"]
    assert "--resume" in refusal(capsys, *words, "--images", "80")
    assert len(steps) == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    monkeypatch.setattr(runs, "fit", begun)
    main(TINY, [*map(str, words), "--images", "80", "--resume"])
    assert load("mine", [tmp_path / "mine"]).card.training["steps"] == 10


KILLED = """
import sys
from dataclasses import replace
import torch
from diffusion_edu.generation import Preset
from diffusion_edu.recipes import run
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.flowers_attention import RECIPE
torch.set_num_threads(1)
run.SAVE_EVERY = 0.2
config = {"widths": [16, 32], "blocks": 1, "attention": [False, True], "patch": 2, "embedding": 16}
main(replace(RECIPE, config=config, size=8, batch=8, sampling=Preset(steps=2)), sys.argv[1:])
"""


def test_a_killed_training_resumes_from_its_last_save(photos, tmp_path):
    words = [sys.executable, "-c", KILLED, "--data", str(photos), "--out", str(tmp_path / "mine"), "--device", "cpu"]
    state, root = tmp_path / "mine" / "training" / "state.safetensors", Path(__file__).parents[2]
    victim = subprocess.Popen([*words, "--minutes", "5"], cwd=root, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not state.exists() and time.monotonic() < until:
        time.sleep(0.05)
    victim.kill()
    victim.wait()
    with safe_open(state, "pt") as file:
        saved = json.loads(file.metadata()["facts"])["images"]
    assert saved > 0
    subprocess.run(
        [*words, "--images", str(saved + 40), "--resume"], cwd=root, check=True, stderr=subprocess.DEVNULL, timeout=60
    )
    assert load("mine", [tmp_path / "mine"]).card.training["images_seen"] == saved + 40


def test_few_images_are_enough_and_give_a_warning(photos, tmp_path, capsys):
    few = tmp_path / "few"
    few.mkdir()
    for name in ("0.png", "2.png"):
        (few / name).write_bytes((photos / "iris" / name).read_bytes())
    main(TINY, ["--data", str(few), "--out", str(tmp_path / "mine"), "--images", "16", "--device", "cpu"])
    assert "2 images are few" in capsys.readouterr().out
    assert load("mine", [tmp_path / "mine"]).card.data == {
        "subject": "flowers",
        "source": "few",
        "images": 2,
        "held_out": 0,
    }


def test_the_global_randomness_is_left_alone(photos, tmp_path):
    before = torch.get_rng_state()
    run(photos, tmp_path, minutes=0.1 * SECOND)
    assert torch.equal(torch.get_rng_state(), before)


def test_held_out_images_are_never_trained_on():
    images = torch.arange(200).to(torch.uint8).view(200, 1, 1, 1).expand(200, 3, 2, 2)
    (held, labels), rest = split_held_out(ImageSet(images, torch.arange(200), ("a",)))
    assert labels.tolist() == [32, 96, 160]
    assert ((held[:, 0, 0, 0] + 1) * 127.5).round().tolist() == [32, 96, 160]
    assert sorted([*labels.tolist(), *rest.labels.tolist()]) == list(range(200))
    few, all_of_them = split_held_out(ImageSet(images[:63]))
    assert (few, len(all_of_them)) == (None, 63)


def test_the_network_has_as_many_classes_as_the_images():
    some = ImageSet(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 1]), ("a", "b"))
    net, objective = build(TINY, some)
    assert (net.class_embedding.null, objective.null, objective.prediction_type) == (2, 2, "v")
    net, objective = build(TINY, ImageSet(some.images))
    assert (net.class_embedding, objective.null) == (None, None)


def test_samples_do_not_depend_on_the_batch(trained):
    model = load("mine", [trained])
    samples = generate_samples(model, range(5), batch=2)
    assert (samples.shape, samples.dtype) == ((5, 3, 8, 8), torch.uint8)
    assert (
        samples.int() - generate_samples(model, range(5), batch=5).int()
    ).abs().max() <= 8  # batches of another size round differently in bfloat16


def test_the_defaults_of_the_command_line_are_the_recipes():
    args = parse_arguments(RECIPE, [])
    assert (args.batch, args.lr, args.data, args.resume) == (RECIPE.batch, RECIPE.lr, None, False)
    assert RECIPE.name in args.out.name


@pytest.mark.parametrize(
    "words",
    [
        ["--minutes", "0"],
        ["--minutes", "inf"],
        ["--batch", "-1"],
        ["--lr", "x"],
        ["--lr", "1000"],
        ["--lr", "nan"],
        ["--size", "1e9"],
    ],
)
def test_impossible_numbers_are_refused(words):
    with pytest.raises(SystemExit):
        parse_arguments(RECIPE, words)


def test_a_model_can_be_fine_tuned_on_other_images(trained, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", trained.parent)
    run(photos, tmp_path / "tuned", "--from", "mine")
    run(photos / "iris", tmp_path / "irises", "--from", "mine")
    tuned, irises = (load(path.name, [path]) for path in (tmp_path / "tuned", tmp_path / "irises"))
    assert tuned.card.classes == ["iris", "rose"] and irises.card.classes == []
    assert tuned.card.config == {**irises.card.config, "classes": 2} and irises.card.size == 8


@pytest.mark.parametrize("classes", [("iris", "rose"), ("rose", "iris"), ("cat", "dog", "owl"), ()], ids=str)
def test_new_classes_begin_as_the_null_label_and_known_ones_unchanged(trained, classes):
    start = load("mine", [trained])
    recipe = adapt_recipe(start.card, TINY)
    net, _ = build(recipe, ImageSet(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), classes=classes))
    net.load_state_dict(transfer_weights(start, net, classes))
    y, timestep = torch.randn(4, 3, 8, 8), torch.rand(4) * 1570
    known = classes == ("iris", "rose")
    for label in range(len(classes) + 1):
        condition = torch.full((4,), label) if classes else None
        expected = start.net(y, timestep, condition if known else None)
        torch.testing.assert_close(net(y, timestep, condition), expected)


def test_a_model_without_classes_can_learn_classes(photos, tmp_path):
    run(photos / "iris", tmp_path / "plain")
    start = load("plain", [tmp_path / "plain"])
    net, _ = build(
        adapt_recipe(start.card, TINY), ImageSet(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), classes=("a", "b"))
    )
    net.load_state_dict(transfer_weights(start, net, ("a", "b")))
    y, timestep = torch.randn(2, 3, 8, 8), torch.rand(2) * 1570
    torch.testing.assert_close(net(y, timestep, torch.tensor([0, 2])), start.net(y, timestep))


@pytest.mark.parametrize("conditions", [{"attributes": ("smiling", "hat")}, {"conditioning_channels": 3}], ids=str)
def test_a_network_with_other_conditions_begins_as_the_unconditional_one(trained, conditions):
    start = load("mine", [trained])
    recipe = replace(adapt_recipe(start.card, TINY), conditioning_channels=conditions.get("conditioning_channels", 0))
    net, objective = build(
        recipe, ImageSet(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), attributes=conditions.get("attributes", ()))
    )
    assert objective.null == 0
    net.load_state_dict(transfer_weights(start, net, ()))
    y, timestep = torch.randn(4, 3, 8, 8), torch.rand(4) * 1570
    for condition in (None, torch.ones(4, 2) if "attributes" in conditions else torch.rand(4, 3, 8, 8)):
        torch.testing.assert_close(net(y, timestep, condition), start.net(y, timestep))


def test_a_resumed_fine_tuning_remembers_its_first_model(trained, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", trained.parent)
    wide = replace(TINY, config={**CONFIG, "widths": [16, 24]})
    run(photos, tmp_path / "tuned", "--from", "mine", minutes=0.2 * SECOND, recipe=wide)
    run(photos, tmp_path / "tuned", "--resume", minutes=0.4 * SECOND, recipe=wide)
    card = load("tuned", [tmp_path / "tuned"]).card
    assert card.training["from"] == "mine" and card.config == load("mine").card.config


def test_fine_tuning_begins_with_the_weights_of_the_model(trained, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", trained.parent)
    seen = []

    def stop_at_once(train_state, *_, **__):
        seen.append(train_state.net.state_dict()["stem.weight"].clone())
        raise ValueError("enough")
        yield

    monkeypatch.setattr(runs, "fit", stop_at_once)
    with pytest.raises(SystemExit):
        run(photos, tmp_path / "tuned", "--from", "mine")
    torch.testing.assert_close(seen[0], load("mine").net.state_dict()["stem.weight"])


def test_the_size_of_the_images_can_be_chosen(photos, tmp_path):
    run(photos, tmp_path / "large", "--size", "16")
    assert load("large", [tmp_path / "large"]).card.size == 16


def test_a_network_can_be_fine_tuned_on_larger_images(trained, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", trained.parent)
    run(photos, tmp_path / "larger", "--from", "mine", "--size", "16", minutes=0.2 * SECOND)
    larger = load("larger", [tmp_path / "larger"]).card
    assert (larger.size, larger.config) == (16, load("mine").card.config)


def test_a_missing_model_to_begin_with_is_reported(photos, tmp_path, capsys):
    assert "nobody" in refusal(capsys, "--data", photos, "--out", tmp_path / "x", "--from", "nobody")


def test_the_learning_rate_is_lower_for_fine_tuning():
    assert (
        parse_arguments(RECIPE, []).lr == RECIPE.lr and parse_arguments(RECIPE, ["--from", "mine"]).lr == RECIPE.lr / 4
    )


COLD_CONFIG = {"widths": [16, 24], "patch": 1, "embedding": 16}
COLD = replace(flowers_cold.RECIPE, config=COLD_CONFIG, size=8, batch=12, lr=2e-3, ema=0.9)


@pytest.fixture(scope="module")
def restoring(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "cold"
    run(photos, out, recipe=COLD)
    return out


def test_a_restoration_model_lists_its_degradations_in_its_card(restoring):
    card = load("cold", [restoring]).card
    assert (card.prediction_type, card.generates, card.classes, card.null) == (
        "restoration",
        False,
        list(DEGRADATIONS),
        6,
    )
    assert card.config == {"classes": 6, **COLD_CONFIG}  # the two classes of the folder are not conditions
    assert card.training["objective"] == {"prediction_type": "restoration", "null": 6, "drop": 0.1, "grain": 0.02}
    assert card.training["images_seen"] == 12 * card.training["steps"] > 0
    assert 0 < card.training["loss"] < 2 and 0 < card.training["validation_loss"] < 2
    assert card.data["held_out"] == 1


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_loaded_restoration_model_undoes_every_degradation_step_by_step(restoring, name):
    model, degrade = load("cold", [restoring], Compute(torch.device("cpu"))), Degradation(name, (1, 2), T=10)
    x0 = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    restore = model.restorer(degrade)
    states = list(walk(partial(cold_step, restore, degrade), degrade(x0, 10), list(range(10, -1, -1))))
    assert [state.t for state in states] == list(range(10, -1, -1))
    assert all(state.x.shape == x0.shape and state.x.isfinite().all() for state in states)
    predictions = [model.restorer(Degradation(other, (1, 2), T=10))(x0, 5) for other in DEGRADATIONS]
    assert sum(torch.equal(restore(x0, 5), prediction) for prediction in predictions) == 1  # one for each degradation


def test_a_restoration_model_is_not_offered_for_sampling(restoring, trained, monkeypatch):
    models = pytest.importorskip("diffusion_edu.app.common.models")
    monkeypatch.setattr(models, "read_cards", lambda: read_cards([restoring, trained]))
    assert set(available([restoring, trained])) == {"cold", "mine"}
    assert set(models.cards()) == {"mine"}


def test_the_sheets_of_a_restoration_model_show_restored_images_above_degraded_ones(restoring, photos):
    """So the first rows of all sheets show the progress."""
    with Image.open(restoring / "cold.png") as sheet, Image.open(restoring / "cold.growth.png") as growth:
        assert sheet.size == (8 * 8, 2 * 8)  # one image was held out
        assert growth.width == 8 * 8 and growth.height % 8 == 0
        shown, growth_row = (to_signed(torch.from_numpy(np.array(page)).permute(2, 0, 1)) for page in (sheet, growth))
    held, _ = split_held_out(load_images(photos, 8))
    degrade = Degradation(list(DEGRADATIONS)[0], (0,))
    x = degrade(held[0], flowers_cold.TIMESTEP)
    prediction = load("cold", [restoring]).restorer(degrade)(x, flowers_cold.TIMESTEP)
    assert (shown[:, 8:, :8] - x[0]).abs().max() < 0.02
    assert (
        shown[:, :8, :8] - prediction[0].clamp(-1, 1)
    ).abs().max() < 0.1  # half precision weights, a byte per channel
    assert torch.equal(growth_row[:, -8:], shown[:, :8])


def test_the_training_of_a_restoration_model_can_be_resumed(photos, tmp_path):
    cold = tmp_path / "cold"
    run(photos, cold, minutes=0.3 * SECOND, recipe=COLD)
    first = load("cold", [cold]).card.training
    run(photos, cold, "--resume", minutes=0.8 * SECOND, recipe=COLD)
    second = load("cold", [cold]).card
    assert second.training["images_seen"] > first["images_seen"] and second.prediction_type == "restoration"


def test_a_restoration_model_can_be_fine_tuned(photos, restoring, tmp_path, monkeypatch):
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", restoring.parent)
    run(photos, tmp_path / "tuned", "--from", "cold", minutes=0.3 * SECOND, recipe=COLD)
    card = load("tuned", [tmp_path / "tuned"]).card
    assert (card.prediction_type, card.classes, card.training["from"]) == ("restoration", list(DEGRADATIONS), "cold")
