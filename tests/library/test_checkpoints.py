"""Models on disk: the round trip, every kind of damage, and a full disk."""

import errno
import json
import os
import pickle
import re
from pathlib import Path

import pytest
import torch
from helpers import CPU
from safetensors.torch import load_file

from diffusion_edu import checkpoints
from diffusion_edu.checkpoints import Card, Unusable, available, load, read_card, save, save_card, sha256_of
from diffusion_edu.randomness import Compute, choose
from diffusion_edu.schedules import cosine
from diffusion_edu.training.loop import train_state
from diffusion_edu.training.state import load_run, save_run

CONFIG = {"widths": [16, 32], "attention": [False, True], "embedding": 16, "classes": 2}
CARD = Card(
    "tiny", "A tiny model", "attention_unet", CONFIG, "v", 8, classes=["tulipán", "rose"], training={"images_seen": 3}
)


@pytest.fixture
def saved(tmp_path, tiny):
    """A folder that holds one model."""
    save(tmp_path, CARD, tiny(**CONFIG))
    return tmp_path


def refused(folder, name="tiny"):
    """The one sentence with which a model is refused; it names the file."""
    with pytest.raises(Unusable) as problem:
        load(name, [folder], CPU)
    sentence = str(problem.value)
    assert re.search(rf"{name}\.(json|safetensors)", sentence)
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
def test_a_missing_file_is_named(saved, missing):
    (saved / missing).unlink()
    assert missing in refused(saved)


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(Unusable, match=r"lost\.json is missing"):
        read_card(tmp_path / "lost.json")


@pytest.mark.parametrize("at", [0, 8, 200, -1])
def test_one_altered_byte_in_the_weights_is_noticed(saved, at):
    weights = bytearray((saved / "tiny.safetensors").read_bytes())
    weights[at] ^= 1
    (saved / "tiny.safetensors").write_bytes(weights)
    assert "altered" in refused(saved)


@pytest.mark.parametrize("left", [0, 1, 100, -1])
@pytest.mark.parametrize("known", [False, True], ids=["card knows better", "card agrees"])
def test_truncated_weights_are_noticed_even_if_the_card_agrees(saved, left, known):
    path = saved / "tiny.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    if known:
        edit_card(saved, sha256=sha256_of(path))
    refused(saved)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"3", b"null", b'"card"', b"{}", b'{"name": "tiny"}', b"\xff\xfe\x00", b"\x80\x04garbage"],
)
def test_a_card_that_is_none_is_refused(saved, text):
    (saved / "tiny.json").write_bytes(text)
    assert "tiny.json" in refused(saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "no_such_network"},
        {"network": ["attention_unet"]},
        {"config": {**CONFIG, "widths": [16, 48]}},
        {"config": {**CONFIG, "widths": []}},
        {"config": {**CONFIG, "widths": "ab"}},
        {"config": {**CONFIG, "widths": [-16, 32]}},
        {"config": {**CONFIG, "attention": [True]}},
        {"config": {**CONFIG, "classes": 3}},
        {"config": {**CONFIG, "depth": 3}},
        {"config": {}},
        {"config": 7},
        {"config": None},
    ],
    ids=str,
)
def test_a_card_that_does_not_fit_its_weights_is_refused(saved, changes):
    edit_card(saved, **changes)
    assert "tiny.safetensors" in refused(saved)


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
        with pytest.raises(Unusable, match=r"tiny\.safetensors cannot be resumed"):
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
