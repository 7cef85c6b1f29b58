"""Models on disk: the round trip, every kind of damage, and a full disk."""

import errno
import json
import math
import os
import pickle
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import CPU
from safetensors.torch import load_file, save_file

from diffusion_edu import checkpoints
from diffusion_edu.checkpoints import Card, Unusable, available, load, read_card, save, save_card, sha256_of
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.schedules import cosine
from diffusion_edu.training.loop import train_state
from diffusion_edu.training.state import load_run, save_run

CONFIG = {"widths": [16, 32], "attention": [False, True], "embedding": 16, "classes": 2}
ROOT = Path(__file__).parents[2]
CARD = Card(
    "tiny", "A tiny model", "attention_unet", CONFIG, "v", 8, classes=["tulipán", "rose"], training={"images_seen": 3}
)


@pytest.fixture
def saved(tmp_path, tiny):
    """A folder that holds one model."""
    save(tmp_path, CARD, tiny(**CONFIG))
    return tmp_path


def refused(folder, name="tiny"):
    """The one sentence with which a model is refused; it names the model or a file of it."""
    with pytest.raises(Unusable) as problem:
        load(name, [folder], CPU)
    sentence = str(problem.value)
    assert re.search(rf"{name}\.(json|safetensors)|no model '{name}'", sentence)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert not re.search(r"\.\s", sentence)
    return sentence


def edit_card(folder, **changes):
    path = folder / "tiny.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


def test_a_model_comes_back_with_its_card_and_its_weights_rounded_to_fp16(saved, tiny):
    model, net = load("tiny", [saved], CPU), tiny(**CONFIG)
    for name, weight in net.state_dict().items():
        assert torch.equal(model.net.state_dict()[name], weight.half().float())
    assert model.card == Card(**{**vars(CARD), "sha256": sha256_of(saved / "tiny.safetensors")})
    assert (model.card.null, len(model.card.sha256)) == (2, 64)
    assert not model.net.training
    assert not any(weight.requires_grad for weight in model.net.parameters())
    assert all(weight.dtype == torch.float16 for weight in load_file(saved / "tiny.safetensors").values())
    assert sorted(path.name for path in saved.iterdir()) == ["tiny.json", "tiny.safetensors"]


@pytest.mark.parametrize(
    "compute", [CPU, Compute(torch.device("cpu"), torch.bfloat16, torch.channels_last), choose("cpu")], ids=str
)
def test_a_loaded_model_draws_finite_images_in_every_precision(saved, compute):
    """Pitfall 40: finite, and close to float32."""
    x = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2])
    prediction = load("tiny", [saved], compute).denoiser(cosine(100), labels)(compute.place(x), 80)
    full = load("tiny", [saved], CPU).denoiser(cosine(100), labels)(x, 80)
    assert prediction.dtype == torch.float32
    assert prediction.isfinite().all()
    assert (prediction - full).norm() < 0.05 * full.norm()


def test_a_model_without_classes_has_no_null_class():
    assert Card("a", "A", "attention_unet", {}, "v", 8).null is None


def test_models_are_listed_shipped_ones_first_and_only_where_both_files_are(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(checkpoints, "PRETRAINED", tmp_path / "pretrained")
    monkeypatch.setattr(checkpoints, "OWN", tmp_path / "runs")
    net = tiny(**CONFIG)
    for place, name in [("pretrained", "b"), ("runs", "a"), ("runs/long", "b"), ("runs/long", "c")]:
        save(tmp_path / place, Card(**{**vars(CARD), "name": name}), net)
    save_card(tmp_path / "runs", Card(**{**vars(CARD), "name": "lonely"}))
    (tmp_path / "runs" / "run.safetensors").write_bytes(b"")
    assert available() == {
        "b": tmp_path / "pretrained/b.json",
        "a": tmp_path / "runs/a.json",
        "c": tmp_path / "runs/long/c.json",
    }
    assert load("c", compute=CPU).card.name == "c"


def test_an_unknown_model_is_refused_and_the_known_ones_are_named(saved):
    assert "tiny" in refused(saved, "other")


@pytest.mark.parametrize("missing", ["tiny.json", "tiny.safetensors"])
def test_a_model_needs_both_files(saved, missing):
    (saved / missing).unlink()
    assert "NAME.json and NAME.safetensors" in refused(saved)


@pytest.mark.parametrize(
    "name",
    [
        "../tiny",
        "tiny.json",
        "/etc/passwd",
        "a\0b",
        "",
        ".",
        "x" * 300,
        "字" * 300,
        "a\nb",
        None,
        3,
        [],
        {"a": 1},
        Path("tiny"),
    ],
)
def test_what_is_no_name_of_a_model_is_refused_in_one_short_line(saved, name):
    with pytest.raises(Unusable, match="There is no model .*tiny") as problem:
        load(name, [saved], CPU)
    assert "\n" not in str(problem.value) and len(str(problem.value)) < 400 and "\0" not in str(problem.value)


def test_a_folder_may_be_given_by_itself(saved):
    assert load("tiny", str(saved), CPU).card == load("tiny", [saved], CPU).card


def test_only_regular_files_side_by_side_are_models(saved, tmp_path):
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "folder.safetensors").touch()
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "pipe.safetensors").touch()
    (tmp_path / "alone.json").write_text("{}")
    (tmp_path / "training").mkdir()
    for name in ("state.json", "state.safetensors"):
        (tmp_path / "training" / name).touch()
    assert [*available([tmp_path])] == ["tiny"]


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(Unusable, match=r"lost\.json is missing"):
        read_card(tmp_path / "lost.json")


@pytest.mark.parametrize("at", [0, 8, 200, -1])
def test_one_altered_byte_in_the_weights_is_noticed(saved, at):
    weights = bytearray((saved / "tiny.safetensors").read_bytes())
    weights[at] ^= 1
    (saved / "tiny.safetensors").write_bytes(weights)
    assert "truncated or changed" in refused(saved)


@pytest.mark.parametrize("left", [0, 1, 100, -1])
@pytest.mark.parametrize("known", [False, True], ids=["card knows better", "card agrees"])
def test_truncated_weights_are_noticed_even_if_the_card_agrees(saved, left, known):
    path = saved / "tiny.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    if known:
        edit_card(saved, sha256=sha256_of(path))
    refused(saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {**CONFIG, "widths": [16, 48]}},
        {"config": {**CONFIG, "widths": [16, 32, 64], "attention": [False, True, True]}, "size": 16},
        {"config": {**CONFIG, "widths": [10**6, 32]}},
        {"config": {**CONFIG, "blocks": 9}},
        {"config": {**CONFIG, "classes": 3}},
        {"config": {**CONFIG, "classes": 3}, "classes": ["a", "b", "c"]},
        {"config": {}},
        {"classes": ["one"]},
        {"classes": []},
        {"attributes": ["hat"]},
        {"channels": 4},
        {"size": 7},
        {"text": {"sha256": "0"}},
        {"conditioning_image": "a sketch"},
        {"latents": {"mean": [0.0], "std": [1.0]}},
        {"network": "simple_unet"},
        {"prediction_type": "vae"},
        {"prediction_type": "class"},
        {"network": "plain_classifier"},
    ],
    ids=str,
)
def test_a_card_that_does_not_fit_its_weights_is_refused(saved, changes):
    edit_card(saved, **changes)
    assert "tiny" in refused(saved)


@pytest.mark.parametrize(
    "config",
    [
        *({"widths": []}, {"widths": "ab"}, {"widths": [16.5, 32]}, {"widths": [[16], 32]}, {"widths": None}),
        *({"attention": [True]}, {"attention": 1}, {"depth": 3}, {"": 1}, {"blocks": "2"}, {"patch": 0}),
        *({"classes": "two"}, {"embedding": 0}, {"text": {}, "classes": [1]}, {"text": {"width": 4}}, {"self": 1}),
    ],
    ids=str,
)
def test_a_network_that_cannot_be_is_refused(saved, config):
    edit_card(saved, config={**CONFIG, **config})
    assert re.search("no possible network|do not fit the network", refused(saved))


@pytest.mark.parametrize(
    "config",
    [
        *({"widths": [10**12, 32]}, {"blocks": 10**6}, {"widths": [16] * 10**4}, {"classes": 10**15}),
        *({"widths": [-16, 32]}, {"text": {"vocabulary": 100, "depth": 10**9}}, {"patch": 10**9}, {"embedding": 1e300}),
    ],
    ids=lambda config: str(config)[:40],
)
def test_a_gigantic_network_is_refused_at_once(saved, config):
    edit_card(saved, config={**CONFIG, **config})
    begun = time.monotonic()
    assert "config" in refused(saved)
    assert time.monotonic() - begun < 1


def rewrite(folder, change):
    """Change the weights in the file, and let the card agree with them."""
    path = folder / "tiny.safetensors"
    save_file(change(load_file(path)), path)
    edit_card(folder, sha256=sha256_of(path))


def replaced(value=None, dtype=None, name="stem.weight"):
    """Make the change that puts a value, or numbers of another type, into the weights of one layer."""

    def change(weights):
        weight = weights[name].float() if value is not None else weights[name]
        if value is not None:
            weight.view(-1)[3] = value
        return {**weights, name: weight if dtype is None else weight.to(dtype)}

    return change


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["stem.weight", "out.2.bias"])
def test_weights_that_are_not_finite_are_refused(saved, value, name):
    rewrite(saved, replaced(value, name=name))
    assert f"{name} is not finite" in refused(saved)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.int64, torch.bool, torch.complex64])
def test_weights_of_other_kinds_of_numbers_are_refused(saved, dtype):
    rewrite(saved, replaced(dtype=dtype))
    assert "stem.weight has numbers of the type" in refused(saved)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_weights_of_other_real_numbers_are_loaded(saved, dtype):
    before = load("tiny", [saved], CPU).net.state_dict()
    rewrite(saved, lambda weights: {name: weight.to(dtype) for name, weight in weights.items()})
    after = load("tiny", [saved], CPU).net.state_dict()
    assert all(weight.dtype == torch.float32 for weight in after.values())
    for name, weight in before.items():
        torch.testing.assert_close(after[name], weight, rtol=2**-8, atol=0)


@pytest.mark.parametrize(
    "change",
    [
        lambda weights: {name: weight for name, weight in weights.items() if name != "stem.bias"},
        lambda weights: {**weights, "more": torch.zeros(2)},
        lambda weights: {**weights, "stem.bias": torch.zeros(17)},
        lambda weights: {},
    ],
    ids=["missing", "more", "longer", "none"],
)
def test_weights_of_another_network_are_refused_by_name(saved, change):
    rewrite(saved, change)
    assert "do not fit the network" in refused(saved)


def test_loading_imports_nothing_more():
    """Random numbers on the device "meta" would have torch import sympy and 900 other modules, for seconds."""
    code = "import sys\nfrom diffusion_edu.checkpoints import load\nbefore = len(sys.modules)\n"
    code += "load('flowers_attention'), load('text_to_image')\nprint(len(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert int(done.stdout) < 200, done.stderr


def test_loading_leaves_the_global_random_numbers_alone(saved):
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    load("tiny", [saved], CPU)
    assert torch.equal(torch.rand(1), expected)


def test_weights_beyond_fp16_survive(tmp_path, tiny):
    net = tiny(**CONFIG)
    with torch.no_grad():
        net.stem.bias[0] = 1e6
    save(tmp_path, CARD, net)
    weights = load_file(tmp_path / "tiny.safetensors")
    assert weights["stem.bias"].dtype == torch.float32 and weights["stem.weight"].dtype == torch.float16
    assert load("tiny", [tmp_path], CPU).net.stem.bias[0] == 1e6


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_are_not_saved(tmp_path, tiny, value):
    net = tiny(**CONFIG)
    with torch.no_grad():
        net.stem.bias[0] = value
    with pytest.raises(ValueError, match=r"stem\.bias are not finite"):
        save(tmp_path / "new", CARD, net)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "changes",
    [
        *({"name": name} for name in ("../name", "/name", "a/b", "a\\b", "", ".", "..", ".hidden", "a\0", "x" * 300)),
        *({"size": size} for size in (0, -8, 8.5, "8", None, 10**9)),
        {"sampling": {"steps": 0}},
        {"classes": ["a", "a"]},
        {"config": {"widths": torch.zeros(2)}},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_card_that_could_not_be_read_is_not_written(tmp_path, tiny, changes):
    card, folder = replace(CARD, **changes), tmp_path / "runs"
    for write in (lambda: save(folder, card, tiny(**CONFIG)), lambda: save_card(folder, card)):
        with pytest.raises(ValueError, match=r"^[^\n]* cannot be written: [^\n]*[^.]\.$"):
            write()
    assert [*tmp_path.iterdir()] == []


def test_a_card_may_say_more_than_we_read(saved):
    edit_card(saved, written_by="a later version")
    assert load("tiny", [saved], CPU).card.title == CARD.title


class Trap:
    """Unpickling this leaves a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_nothing_is_ever_unpickled(saved, tmp_path, tiny):
    mark, path = tmp_path / "executed", saved / "tiny.safetensors"
    for write in (lambda: path.write_bytes(pickle.dumps(Trap(mark))), lambda: torch.save(Trap(mark), path)):
        write()
        edit_card(saved, sha256=sha256_of(path))
        refused(saved)
        with pytest.raises(Unusable, match=r"tiny\.safetensors"):
            load_run(path, train_state(tiny()))
    assert not mark.exists()


@pytest.mark.parametrize("what", ["weights", "card", "run"])
@pytest.mark.parametrize("where", ["write", "fsync"])
def test_a_full_disk_leaves_the_old_file_whole_and_nothing_else(saved, tiny, monkeypatch, what, where):
    state = train_state(tiny())
    save_run(saved / "run.safetensors", state, {})
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def full(*args, **_):
        if where == "write":
            with open(args[0], "wb") as file:
                file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    for owner, function in [(Path, "write_bytes"), (Path, "write_text")] if where == "write" else [(os, "fsync")]:
        monkeypatch.setattr(owner, function, full)
    with pytest.raises(OSError, match="No space left"):
        {
            "weights": lambda: save(saved, CARD, tiny(1, **CONFIG)),
            "card": lambda: save_card(saved, CARD),
            "run": lambda: save_run(saved / "run.safetensors", state, {"sheets": 1}),
        }[what]()
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
