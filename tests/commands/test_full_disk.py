"""What a training meets from outside: a full disk, another training, a signal to end, too little memory."""

import errno
import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import CPU
from tiny_recipe import TINY, train, write_photos

from diffusion_edu import files
from diffusion_edu.checkpoints import available, load
from diffusion_edu.networks import NETWORKS
from diffusion_edu.recipes import classifier, flower_features, memory, writing
from diffusion_edu.recipes import run as runs
from diffusion_edu.recipes.folder import Folder
from diffusion_edu.recipes.log import Log
from diffusion_edu.training.state import load_run, read_facts


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def broken(monkeypatch, tmp_path):
    """A disk that takes no file of these names; it is mended by clearing the list."""
    names, replaced = [], os.replace
    monkeypatch.setattr(writing.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    def refuse(source, target, *_, **__):
        if any(name in str(target) for name in names):
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        replaced(source, target)

    monkeypatch.setattr(files.os, "replace", refuse)
    return names


@pytest.fixture
def hurried(monkeypatch):
    """A training that logs, saves and shows samples at every step."""
    monkeypatch.setattr(runs, "SAVE_EVERY", -1)
    monkeypatch.setattr(runs, "ROW_EVERY", -1)


def refusal(photos, out, *words, recipe=TINY):
    with pytest.raises(SystemExit) as end:
        train(photos, out, *words, recipe=recipe)
    assert isinstance(end.value.code, str) and "\n" not in end.value.code
    return end.value.code


# A disk that is full


@pytest.mark.parametrize("name", ["log.csv", "state.safetensors", "sheets", "training/"])
def test_a_file_that_cannot_be_written_is_named_and_the_training_goes_on(
    photos, tmp_path, broken, hurried, capsys, monkeypatch, name
):
    out, steps = tmp_path / "mine", []
    broken.append(f"mine/{name}" if name == "training/" else name)
    after_step = runs.Run.after_step

    def mended_at_the_end(run, progress, last):
        logged = after_step(run, progress, last)
        steps.append(progress)
        if last:
            broken.clear()
        return logged

    monkeypatch.setattr(runs.Run, "after_step", mended_at_the_end)
    train(photos, out, "--images", 32)
    said = capsys.readouterr().out
    assert name.strip("/") in said and "No space left on device" in said and "make room on the disk" in said
    assert len(steps) == 4 and load("mine", [out], CPU).card.training["images_seen"] == 32
    rows = (out / "training" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["images", "8", "16", "24", "32"]  # no row is lost
    assert load_run(out / "training" / "state.safetensors", runs.train_state(state_net(photos)))["images"] == 32


def state_net(photos):
    some = runs.load_images(photos, 8, lambda words: None)
    return runs.build(TINY, some)[0]


@pytest.mark.parametrize("name", ["", "training/", "mine.safetensors", "mine.json", "mine.png", "mine.curve.png"])
def test_what_a_full_disk_does_not_take_at_the_end_is_written_elsewhere(photos, tmp_path, broken, capsys, name):
    out = tmp_path / "mine"
    broken.append(f"{out}/{name}")
    train(photos, out, "--images", 16)
    said = capsys.readouterr().out
    assert "Nothing is lost yet" in said and "instead" in said
    (spare,) = (tmp_path / "temporary").glob("training_*")  # torch puts a cache of its own there, too
    found = [place for place in (out, spare / "mine") if available([place])]
    assert load("mine", found[-1:], CPU).card.training["images_seen"] == 16
    states = [place for place in (out, spare / "mine") if Folder(place).state.exists()]
    assert states
    broken.clear()
    train(photos, states[0], "--images", 24, "--resume")
    assert load("mine", [states[0]], CPU).card.training["images_seen"] == 24


def test_where_nothing_takes_the_model_the_training_waits_for_room(photos, tmp_path, broken, monkeypatch, capsys):
    broken.append("mine.safetensors")
    waits = []

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            broken.clear()

    monkeypatch.setattr(writing.time, "sleep", wait)
    train(photos, tmp_path / "mine", "--images", 16)
    assert waits == [writing.WAIT] * 3 and "Ctrl-C gives up" in capsys.readouterr().out
    assert load("mine", [tmp_path / "mine"], CPU).card.training["images_seen"] == 16


def test_a_classifier_survives_a_full_disk_too(tmp_path, photos, broken, hurried, capsys):
    tiny = replace(flower_features.RECIPE, config={"widths": [8, 16], "blocks": 1, "patch": 2}, size=8, batch=16)
    words = ["--data", str(photos), "--out", str(tmp_path / "mine"), "--device", "cpu", "--images", "32"]
    broken.append(f"{tmp_path}/mine/")
    classifier.main(tiny, words)
    assert "make room" in capsys.readouterr().out
    (spare,) = (tmp_path / "temporary").iterdir()
    assert load("mine", [spare / "mine"], CPU).card.training["images_seen"] == 32


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EPIPE])
def test_a_screen_or_a_log_of_the_program_that_takes_nothing_does_not_end_it(
    photos, tmp_path, monkeypatch, hurried, broken, stream, number
):
    """As with `> training.log` on a full disk, a terminal that is closed, or `| head`."""

    class Full(io.StringIO):
        def write(self, *_):
            raise OSError(number, os.strerror(number))

        flush = write

    monkeypatch.setattr(sys, stream, Full())
    broken.append("sheets")  # so that there is something to say
    train(photos, tmp_path / "mine", "--images", 24)
    assert load("mine", [tmp_path / "mine"], CPU).card.training["images_seen"] == 24


def test_sheets_after_the_last_save_are_dropped_like_rows_of_the_log(photos, tmp_path, hurried):
    out = tmp_path / "mine"
    train(photos, out, "--images", 16)
    sheets = out / "training" / "sheets"
    (sheets / "00000099.png").write_bytes(b"of a training that was killed")
    train(photos, out, "--images", 24, "--resume")
    assert sorted(path.stem for path in sheets.iterdir()) == ["00000016", "00000024"]


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "make room on the disk"),
        (errno.EDQUOT, "make room on the disk"),
        (errno.EACCES, "allow writing there"),
        (errno.EROFS, "allow writing there"),
        (errno.EIO, None),
    ],
)
def test_the_advice_fits_the_problem(number, advice):
    words = writing.in_words(OSError(number, os.strerror(number), "runs/x/training/log.csv"))
    assert words.startswith("runs/x/training/log.csv cannot be read or written") and os.strerror(number) in words
    assert words.endswith(advice) if advice else ":" not in words


def test_a_full_disk_that_names_no_file_is_reported_with_the_file(tmp_path):
    def full(part):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as problem:
        files.write_safely(tmp_path / "state.x", full)
    assert writing.in_words(problem.value).startswith(str(tmp_path / "state.x"))


def test_a_log_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """So that a kill in the middle leaves the old one."""
    log, path = Log(), tmp_path / "training" / "log.csv"
    log.add((8, 1.0, 0.5, float("nan"), 1e-3))
    log.write(path)
    before = path.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", killed)
    log.add((16, 2.0, 0.4, 0.3, 1e-3))
    with pytest.raises(KeyboardInterrupt):
        log.write(path)
    assert path.read_bytes() == before
    assert Log(path, 8).rows == [["8", "1", "0.5", "nan", "0.001"]] and Log(path, 7).rows == []


# The folder


@pytest.mark.parametrize("name", ["run", "state", "training", "latents", "a.b"])
def test_no_name_of_a_model_meets_a_file_of_its_training(photos, tmp_path, name):
    out = tmp_path / name
    train(photos, out, "--images", 8)
    assert load(name, [out], CPU).card.training["images_seen"] == 8
    train(photos, out, "--images", 16, "--resume")
    assert load(name, [out], CPU).card.training["images_seen"] == 16


@pytest.mark.parametrize("name", ["x" * 300, "a:b", "what?", "图" * 100, ".hidden", "a\nb", " a", "con", "a."])
def test_a_folder_whose_name_cannot_be_that_of_a_model_is_refused_at_once(tmp_path, name):
    with pytest.raises(SystemExit) as end:
        train(tmp_path / "no data", tmp_path / name)
    assert "cannot be that of a file" in end.value.code and "\n" not in end.value.code
    assert list(tmp_path.iterdir()) == []


def test_two_trainings_do_not_work_in_one_folder(photos, tmp_path):
    out = tmp_path / "mine"
    with Folder(out).occupied():
        assert f"Another training is at work in {out}" in refusal(photos, out, "--images", 8)
        train(photos, tmp_path / "other", "--images", 8)
    assert not out.exists()
    train(photos, out, "--images", 8)
    with Folder(out).occupied():
        assert "Another training is at work" in refusal(photos, out, "--images", 16, "--resume")
    train(photos, out, "--images", 16, "--resume")


def test_a_file_in_the_way_and_a_folder_that_may_not_be_written_are_said(photos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    assert "file" in refusal(photos, tmp_path / "file")
    assert "file" in refusal(photos, tmp_path / "file" / "mine")

    def forbidden(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "mine"))

    monkeypatch.setattr(Path, "mkdir", forbidden)
    sentence = refusal(photos, tmp_path / "mine")
    assert "allow writing there" in sentence and "make room" not in sentence


# Signals


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_to_end_finishes_the_step_saves_and_stops(photos, tmp_path, monkeypatch, name):
    if not hasattr(signal, name):
        pytest.skip("no such signal on this system")
    number, begun, steps = getattr(signal, name), runs.fit, []
    before = signal.getsignal(number)

    def signalled(*args, **options):
        for progress in begun(*args, **options):
            steps.append(progress)
            if len(steps) == 3:
                os.kill(os.getpid(), number)
            yield progress

    monkeypatch.setattr(runs, "fit", signalled)
    assert "is saved in" in (sentence := refusal(photos, tmp_path / "mine", "--images", 80))
    assert "--resume" in sentence and len(steps) == 3 and signal.getsignal(number) is before
    monkeypatch.setattr(runs, "fit", begun)
    train(photos, tmp_path / "mine", "--resume")  # to the end that it had
    assert load("mine", [tmp_path / "mine"], CPU).card.training["steps"] == 10


def test_a_signal_before_the_first_step_says_that_nothing_is_saved(photos, tmp_path, monkeypatch):
    def pressed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "load_images", pressed)
    assert refusal(photos, tmp_path / "mine") == "Stopped; nothing was saved."
    assert not (tmp_path / "mine").exists()


def test_a_state_that_cannot_be_saved_at_the_end_lies_elsewhere_and_the_sentence_says_where(
    photos, tmp_path, monkeypatch, broken
):
    begun = runs.fit

    def pressed(*args, **options):
        for progress in begun(*args, **options):
            if progress.step == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield progress

    monkeypatch.setattr(runs, "fit", pressed)
    broken.append(f"{tmp_path}/mine/")
    sentence = refusal(photos, tmp_path / "mine", "--images", 80)
    (spare,) = (tmp_path / "temporary").iterdir()
    assert str(spare / "mine") in sentence
    monkeypatch.setattr(runs, "fit", begun)
    train(photos, spare / "mine", "--images", 40, "--resume")
    assert load("mine", [spare / "mine"], CPU).card.training["images_seen"] == 40


# A training that fails


def test_weights_that_are_no_numbers_are_never_saved(photos, tmp_path, monkeypatch, hurried):
    out, begun = tmp_path / "mine", runs.fit
    train(photos, out, "--images", 16)
    state = (out / "training" / "state.safetensors").read_bytes()

    def spoiled(train_state, *args, **options):
        for progress in begun(train_state, *args, **options):
            with torch.no_grad():
                next(train_state.net.parameters()).fill_(torch.inf)
            yield progress

    monkeypatch.setattr(runs, "fit", spoiled)
    sentence = refusal(photos, out, "--images", 80, "--resume")
    assert "continue from the last saved state with --resume --lr 0.0005" in sentence
    assert (out / "training" / "state.safetensors").read_bytes() == state
    sentence = refusal(photos, tmp_path / "new", "--images", 80)
    assert "begin again with --lr 0.0005" in sentence and not Folder(tmp_path / "new").state.exists()


# Memory


@pytest.mark.parametrize("words", ["--batch 100000000", "--size 100000", "--batch 1000000", "--size 20000 --batch 64"])
def test_what_cannot_fit_the_memory_is_refused_at_once(photos, tmp_path, monkeypatch, words):
    monkeypatch.setattr(memory, "free_memory", lambda device: 2e9)
    monkeypatch.setattr(runs, "load_images", lambda *_: pytest.fail("read the images first"))
    sentence = refusal(photos, tmp_path / "mine", *words.split())
    assert "GB of memory" in sentence and "choose a smaller --batch or --size" in sentence
    assert not (tmp_path / "mine").exists()


def test_a_network_too_large_for_its_batch_is_refused_before_the_first_step(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda device: 40e6)
    monkeypatch.setattr(runs, "fit", lambda *_, **__: pytest.fail("began"))
    assert "this network needs" in refusal(photos, tmp_path / "mine", "--batch", 4096)


@pytest.mark.parametrize("network", ["simple_unet", "attention_unet", "plain_classifier", "autoencoder", "vae"])
def test_what_a_network_keeps_grows_with_its_images_and_is_less_than_the_limit(network):
    config = {"autoencoder": {"widths": [8, 8], "blocks": [1, 1]}, "vae": {"size": 32, "widths": [8, 16]}}
    default = {"widths": [16, 32], **({"classes": 3} if "classifier" in network else {})}
    net = NETWORKS[network](**config.get(network, default | ({"attention": [False, True]} if "att" in network else {})))
    small, large = (memory.activations(net, (3, size, size)) for size in (32, 64 if network != "vae" else 32))
    assert small > 3 * 32 * 32 * 4 and (3.9 < large / small < 4.1 or network in ("vae", "attention_unet"))
    assert small < memory.MOST_FLOATS * 4 * 3 * 32 * 32
    assert not any(weight.is_meta for weight in net.parameters())


def test_real_memory_is_enough_for_a_small_batch():
    memory.check_batch(8, 64, CPU)
    assert memory.free_memory(torch.device("cpu")) > 1e6


def test_memory_that_runs_out_all_the_same_ends_in_one_sentence(photos, tmp_path, monkeypatch):
    def full(*_):
        raise MemoryError("Unable to allocate 1.91 TiB for an array")

    monkeypatch.setattr(runs, "load_images", full)
    assert "Unable to allocate 1.91 TiB" in refusal(photos, tmp_path / "mine")


# The whole program


TRAINING = """
import sys
sys.path.insert(0, {tests!r})
import torch
from diffusion_edu.recipes import run
from tiny_recipe import train
torch.set_num_threads(1)
run.SAVE_EVERY = 0.2
train(*sys.argv[1:])
"""


@pytest.mark.skipif(os.name != "posix", reason="needs kill")
def test_a_program_that_is_asked_to_end_saves_and_goes_on_later(photos, tmp_path):
    root, out = Path(__file__).parents[2], tmp_path / "mine"
    code = TRAINING.format(tests=str(root / "tests"))
    words = [sys.executable, "-c", code, str(photos), str(out)]
    program = subprocess.Popen([*words, "--minutes", "9"], cwd=root, stderr=subprocess.PIPE, text=True)
    while program.poll() is None and not (out / "training" / "state.safetensors").exists():
        time.sleep(0.05)
    assert "Another training is at work" in refusal(photos, out, "--resume")
    program.terminate()
    assert "the training is saved in" in program.communicate(timeout=60)[1]
    seen = read_facts(out / "training" / "state.safetensors")["images"]
    train(photos, out, "--images", seen + 8, "--resume")
    assert load("mine", [out], CPU).card.training["images_seen"] == seen + 8
