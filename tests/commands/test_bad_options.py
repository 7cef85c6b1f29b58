"""Every command with bad values for its options: one sentence, exit code 1 or 2, before anything long begins."""

import argparse
import importlib
import pkgutil
import sys
from pathlib import Path

import pytest

import benchmarks
import diffusion_edu.evaluation
from diffusion_edu import cli, evaluation
from diffusion_edu.options import number, require_file, require_folder


def commands():
    """The function of every command that reads options, by name; recipes have tests of their own."""
    found = {"sample": lambda words: cli.main(["sample", *words]), "lab": lambda words: cli.main(["lab", *words])}
    for package in (evaluation, benchmarks):
        for _, name, _ in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            text = Path(importlib.util.find_spec(name).origin).read_text(encoding="utf-8")
            if "add_argument" in text or "base_parser(" in text:
                module = importlib.import_module(name)
                if hasattr(module, "main"):
                    found[name] = module.main
    return found


COMMANDS = commands()
HUGE = "9" * 30


def parser_of(command):
    """The parser of a command, caught where it begins to read the options."""
    caught = []

    def catch(parser, *args, **kwargs):
        caught.append(parser)
        raise SystemExit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_known_args", catch)
        with pytest.raises(SystemExit):
            COMMANDS[command]([])
    return caught[0]


def needed(parser):
    """Words for what an option or a name cannot be left out."""
    words = []
    for action in parser._actions:
        if action.required:
            words += [*action.option_strings[:1], "x"]
    return words


def options():
    """Every option of every command that takes a number, or one of a few words."""
    for command in COMMANDS:
        parser = parser_of(command)
        for action in parser._actions:
            if action.option_strings and (action.choices or action.type not in (None, Path)):
                yield pytest.param(command, parser, action, id=f"{command} {action.option_strings[-1]}")


def ended(call, *args):
    """What a person sees of a command that cannot begin: (exit code, the sentence)."""
    with pytest.raises(SystemExit) as left:
        call(*args)
    return (1, left.value.code) if isinstance(left.value.code, str) else (left.value.code, "")


def test_every_command_is_tried():
    assert len(COMMANDS) >= 12 and {"sample", "lab", "diffusion_edu.evaluation.__main__"} <= COMMANDS.keys()
    assert len(list(options())) >= 25


@pytest.mark.parametrize(("command", "parser", "action"), list(options()))
@pytest.mark.parametrize("bad", ["", "many", "nan", "inf", "-inf", "-1", HUGE, "1e400", "0x10", "٣x", "a\nb"])
def test_a_bad_number_is_refused_in_one_sentence(command, parser, action, bad, capsys):
    code, _ = ended(parser.parse_args, [*needed(parser), f"{action.option_strings[-1]}={bad}"])
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 2 and f"argument {'/'.join(action.option_strings)}" in said and len(said) < 250
    assert (
        "invalid " not in said or "invalid choice" in said
    )  # the words of argparse for a type do not say what is right


FILES = {
    "a file in the way": "file",
    "below a file": "file/folder",
    "no rights": "/proc/nobody",
    "a name that no folder can have": "x" * 300,
}
SHORT = {
    "__main__": ["flowers_vae"],
    "guidance": ["flowers_simple"],
    "restoration": ["flowers_cold"],
    "super_resolution": ["super_resolution"],
    "autoencoder": ["autoencoder"],
    "text_to_image": ["text_to_image", "--prompts", "prompts.json"],
}
each = pytest.mark.parametrize("name", SHORT)


def evaluated(name, *words):
    return ended(importlib.import_module(f"diffusion_edu.evaluation.{name}").main, [*SHORT[name], *words])


@each
@pytest.mark.parametrize("place", FILES.values(), ids=FILES)
def test_a_folder_that_cannot_be_written_is_refused_first(name, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    code, said = evaluated(name, "--work", place)
    assert code == 1 and "is no folder to write into" in said and "\n" not in said
    assert Path("file").read_text() == "mine"


@each
@pytest.mark.parametrize("model", ["nobody", "../flowers_vae", "", "n" * 300, "*", "a\nb"])
def test_an_unknown_model_is_refused(name, model, tmp_path):
    command = importlib.import_module(f"diffusion_edu.evaluation.{name}")
    code, said = ended(command.main, [model, *SHORT[name][1:], "--work", str(tmp_path)])
    assert code == 1 and said.startswith("There is no ") and " model " in said and "\n" not in said and len(said) < 800


@pytest.mark.parametrize("name", ["__main__", "guidance", "restoration", "super_resolution", "autoencoder"])
@pytest.mark.parametrize("data", ["nowhere", "n" * 300, "~nobody/x", ".."])
def test_images_that_are_not_there_are_refused(name, data, tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    code, said = evaluated(name, "--data", data, "--work", str(tmp_path / "inner" / "work"))
    assert code == 1 and "\n" not in said and len(said) < 400


@each
@pytest.mark.parametrize("features", ["flowers_simple", "autoencoder", "nobody"])
def test_a_feature_network_that_is_no_classifier_is_refused(name, features, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("prompts.json").write_text('{"tiger": ["a tiger"]}')
    code, said = evaluated(name, "--features", features, "--work", "work")
    words = "There is no model" if features == "nobody" else "is no classifier: name one"
    assert code == 1 and words in said and "\n" not in said


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("__main__", "autoencoder"),
        ("__main__", "text_to_image"),
        ("__main__", "super_resolution"),
        ("guidance", "flowers_vae"),
        ("restoration", "flowers_simple"),
        ("super_resolution", "faces"),
        ("autoencoder", "flower_features"),
        ("text_to_image", "flowers_simple"),
    ],
)
def test_a_model_of_another_kind_is_refused(name, model, tmp_path):
    command = importlib.import_module(f"diffusion_edu.evaluation.{name}")
    code, said = ended(command.main, [model, *SHORT[name][1:], "--work", str(tmp_path)])
    assert code == 1 and model in said and "\n" not in said


def test_images_of_an_unknown_subject_need_a_named_classifier(tmp_path, monkeypatch):
    monkeypatch.setattr("diffusion_edu.evaluation.features.CLASSIFIERS", {})
    code, said = evaluated("__main__", "--work", str(tmp_path))
    assert code == 1 and said == "No classifier is known for images of flowers: train one, and name it with --features."


@pytest.mark.parametrize("missing", ["tqdm", "torchmetrics", "torchvision"])
@pytest.mark.parametrize("module", ["diffusion_edu.evaluation", "diffusion_edu.evaluation.text_to_image"])
def test_a_missing_package_is_named_by_python_m(missing, module, monkeypatch):
    """What `python -m` does: it imports the package around the command while sys.argv[0] is "-m"."""
    monkeypatch.setattr(sys, "argv", ["-m", "flowers_simple"])
    monkeypatch.setattr("diffusion_edu.options.find_spec", lambda name: None if name == missing else True)
    code, said = ended(importlib.reload, diffusion_edu.evaluation)
    assert code == 1 and said.startswith(f"{missing} is not installed: install diffusion_edu with its extra 'evaluate'")


@pytest.mark.parametrize("place", ["folder.png", "/proc/a.png", f"{'x' * 300}.png", "file/a.png"])
def test_samples_that_could_not_be_written_are_not_sampled(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("diffusion_edu.cli.sampling.sampled", lambda args: pytest.fail("sampled in vain"))
    Path("folder.png").mkdir()
    Path("file").write_text("mine")
    code, said = ended(cli.main, ["sample", "flowers_simple", "--out", place])
    assert code == 1 and "\n" not in said and ("cannot be written" in said or "There is no folder" in said)


def test_the_last_seed_is_one_that_there_is():
    code, said = ended(cli.main, ["sample", "flowers_simple", "--seed", str(2**32 - 1), "--count", "2"])
    assert code == 1 and "choose a smaller --seed" in said


@pytest.mark.parametrize("place", FILES.values(), ids=FILES)
def test_lessons_are_not_copied_to_where_nothing_can_be_written(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "run", lambda *words: pytest.fail("opened in vain"))
    Path("file").write_text("mine")
    code, said = ended(cli.main, ["lab", "--folder", place])
    assert code == 1 and "is no folder to write into" in said and "\n" not in said
    assert Path("file").read_text() == "mine"


def test_a_folder_in_place_of_a_lesson_or_a_file_in_place_of_a_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "run", lambda *words: pytest.fail("opened in vain"))
    for number_, place in enumerate(("01_adding_noise.ipynb", "solutions")):
        folder = tmp_path / str(number_)
        (folder / place).parent.mkdir(parents=True)
        (folder / place).write_text("mine") if place == "solutions" else (folder / place).mkdir()
        code, said = ended(cli.main, ["lab", "--folder", str(folder)])
        assert code == 1 and place in said and "something is in the way" in said and "\n" not in said


@pytest.mark.parametrize("record", ["{", "[1]", "null", '"x"', ""])
def test_a_broken_record_of_what_was_copied_loses_nothing(record, tmp_path):
    from diffusion_edu.cli import lessons

    assert lessons.copy_lessons(tmp_path) == []
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / lessons.COPIED).write_text(record)
    assert lessons.copy_lessons(tmp_path) == [tmp_path / "README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_places_that_can_be_written_are_left_as_they_are(tmp_path):
    (tmp_path / "a.png").write_bytes(b"mine")
    for name in ("a.png", "b.png"):
        require_file(tmp_path / name)
    require_folder(tmp_path / "new" / "folder")
    assert (tmp_path / "a.png").read_bytes() == b"mine" and (tmp_path / "new" / "folder").is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "new"]


def test_numbers_within_their_bounds_are_read():
    assert [number(int, 1, 10)(text) for text in ("1", "10", " 7 ")] == [1, 10, 7]
    assert [number(float, 0, 1)(text) for text in ("0", "1", "1e-3")] == [0, 1, 0.001]
