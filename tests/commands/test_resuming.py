"""A training remembers what it began with: it goes on with the same, and names what differs."""

import json
import shutil
from dataclasses import replace

import pytest
from helpers import CPU
from PIL import Image
from tiny_recipe import CONFIG, TINY, train, write_photos

from diffusion_edu.checkpoints import Card, load, save
from diffusion_edu.recipes import flowers_cold
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.resuming import difference, everywhere
from diffusion_edu.training.state import read_facts, read_tensors, write_tensors


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def first(photos, tmp_path_factory):
    """A finished training on a copy of the images."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(photos, home / "photos")
    train(home / "photos", home / "mine", "--images", 16)
    return home


@pytest.fixture
def home(first, tmp_path):
    shutil.copytree(first, tmp_path / "home")
    return tmp_path / "home"


def resumed(home, *words, recipe=TINY):
    main(recipe, ["--out", str(home / "mine"), "--device", "cpu", "--resume", *map(str, words)])
    return load("mine", [home / "mine"], CPU).card


def refusal(home, *words, recipe=TINY):
    """The sentence with which a resumed training is refused; nothing is changed by it."""
    before = contents(home / "mine")
    with pytest.raises(SystemExit) as end:
        resumed(home, *words, recipe=recipe)
    sentence = end.value.code
    assert isinstance(sentence, str) and "\n" not in sentence
    assert "delete" not in sentence.lower()
    assert contents(home / "mine") == before
    return sentence


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def test_a_training_goes_on_with_the_options_that_it_began_with(home, monkeypatch):
    monkeypatch.chdir(home)
    card = resumed(home, "--data", "photos", "--images", 40)
    assert (card.training["images_seen"], card.training["batch"], card.training["lr"]) == (40, 8, 2e-3)
    (home / "photos").rename(home / "elsewhere")  # wherever the same images lie now
    assert resumed(home, "--data", home / "elsewhere", "--images", 48).training["images_seen"] == 48


def test_minutes_images_batch_and_learning_rate_may_change_and_are_said(home, capsys):
    photos = ("--data", home / "photos")
    card = resumed(home, *photos, "--images", 40, "--batch", 4, "--lr", 1e-3)
    assert (card.training["images_seen"], card.training["batch"], card.training["lr"]) == (40, 4, 1e-3)
    said = capsys.readouterr().out
    for words in ("--images 40; before, it was 16", "--batch 4; before, it was 8", "--lr 0.001; before, it was 0.002"):
        assert words in said
    facts = read_facts(home / "mine" / "training" / "state.safetensors")
    assert resumed(home, *photos, "--minutes", facts["seconds"] / 60 + 0.002).training["images_seen"] > 40


def test_the_default_data_of_a_resumed_training_are_those_it_began_with(home):
    remembered = read_facts(home / "mine" / "training" / "state.safetensors")["options"]
    assert remembered["images"] == 16 and remembered["data"] == [str(next(iter(remembered["data"])))]
    assert resumed(home, "--images", 24).training["images_seen"] == 24  # no --data given: not the public set


def plain(path):
    Image.new("RGB", (9, 9)).save(path)


CHANGES = {
    "a class more": (lambda photos: write_photos(photos, ("tulip",), 3), "classes: tulip added"),
    "a class less": (lambda photos: shutil.rmtree(photos / "iris"), "classes: iris, rose missing"),
    "a class renamed": (
        lambda photos: (photos / "rose").rename(photos / "Rose"),
        "classes: Rose added and rose missing",
    ),
    "an image more": (
        lambda photos: plain(photos / "rose" / "z.png"),
        "images: 70 then, 71 now",
    ),
    "an image less": (lambda photos: (photos / "rose" / "1.png").unlink(), "images: 70 then, 69 now"),
    "an image changed": (lambda photos: plain(photos / "rose" / "1.png"), "other contents"),
    "an image in another class": (
        lambda photos: (photos / "rose" / "1.png").rename(photos / "iris" / "1.png"),
        "other contents",
    ),
    "all in one folder": (
        lambda photos: (
            [path.rename(photos / path.name) for path in photos.rglob("*.png")]
            and [(photos / name).rmdir() for name in ("iris", "rose")]
        ),
        "classes: iris, rose missing",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_data_are_named_and_refused(home, change):
    alter, words = CHANGES[change]
    alter(home / "photos")
    sentence = refusal(home, "--data", home / "photos", "--images", 40)
    assert words in sentence and "began with other data" in sentence
    assert "name the same data with --data, or choose another --out" in sentence


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", 16], "began with --size nothing, not 16"),
        (["--from", "flowers_attention"], "began with --from nothing, not flowers_attention"),
        (["--size", 16, "--from", "x"], "--from nothing, not x and with --size nothing, not 16"),
    ],
    ids=str,
)
def test_options_that_cannot_change_are_named_and_refused(home, words, said):
    assert said in refusal(home, "--images", 40, *words)


def test_another_recipe_does_not_continue_the_training_of_this_one(home):
    sentence = refusal(home, "--images", 40, recipe=replace(flowers_cold.RECIPE, size=8))
    assert f"python -m diffusion_edu.recipes.{TINY.name}" in sentence


def test_a_recipe_that_has_changed_goes_on_with_the_network_that_it_began_with(home):
    """As after an update of the program."""
    other = replace(TINY, config={**CONFIG, "widths": [16, 24]}, size=16)
    card = resumed(home, "--data", home / "photos", "--images", 24, recipe=other)
    assert (card.config["widths"], card.size, card.training["images_seen"]) == ([16, 32], 8, 24)


def test_resume_where_nothing_is_and_nothing_where_something_is(home, photos, tmp_path):
    with pytest.raises(SystemExit, match="There is no training to continue in .*nowhere: leave out --resume"):
        train(photos, tmp_path / "nowhere", "--resume")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(SystemExit, match="holds an earlier training: add --resume to continue it"):
        train(photos, home / "mine", "--images", 40)


def rewrite(path, **changes):
    tensors, facts = read_tensors(path)
    write_tensors(path, tensors, {name: value for name, value in {**facts, **changes}.items() if value is not None})


DAMAGES = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-9]), "is damaged"),
    "empty": (lambda path: path.write_bytes(b""), "is damaged"),
    "another file": (lambda path: path.write_bytes(b"PK\x03\x04" * 99), "is damaged"),
    "one byte altered": (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\x7f"), "was altered after"),
    "facts of nothing": (lambda path: rewrite(path, recipe=None), "does not say what the training began with"),
    "options of nothing": (lambda path: rewrite(path, options=[1]), "does not say what the training began with"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_refused_with_true_advice(home, damage):
    spoil, words = DAMAGES[damage]
    spoil(home / "mine" / "training" / "state.safetensors")
    sentence = refusal(home, "--data", home / "photos", "--images", 40)
    assert words in sentence and "state.safetensors" in sentence


@pytest.mark.parametrize(
    "fact",
    [
        b"prediction_type",
        b"guidance_scale",
        b"widths",
        b"flowers_attention",
        b"options",
        b"contents",
        b"rose",
        b"steps",
    ],
)
def test_a_bit_that_was_flipped_in_the_facts_is_noticed_before_they_are_believed(home, fact):
    path = home / "mine" / "training" / "state.safetensors"
    whole = path.read_bytes()
    assert fact in whole
    path.write_bytes(whole.replace(fact, bytes([fact[0] ^ 1]) + fact[1:], 1))
    assert "was altered after it was written" in refusal(home, "--data", home / "photos", "--images", 40)


@pytest.mark.parametrize("marked", [True, False])
def test_facts_without_a_digest_of_their_own_are_checked_with_the_whole_file(home, marked):
    path = home / "mine" / "training" / "state.safetensors"
    whole = path.read_bytes().replace(b"facts_sha256", b"facts_sha257")
    path.write_bytes(whole if marked else whole.replace(b"rose", b"nose", 1))
    if marked:
        assert read_facts(path)["images"] == 16
    else:
        assert "was altered after" in refusal(home, "--images", 40)


@pytest.mark.parametrize("typed", ["photos", "./photos", "photos/", "'photos'", "photos/*"])
def test_data_are_remembered_wherever_the_command_was_typed(home, tmp_path, monkeypatch, typed):
    monkeypatch.chdir(home)
    train(typed, home / "new", "--images", 8)
    monkeypatch.chdir(tmp_path)
    main(TINY, ["--out", str(home / "new"), "--device", "cpu", "--resume", "--images", "16"])
    assert load("new", [home / "new"], CPU).card.training["images_seen"] == 16


@pytest.mark.parametrize("source", ["hf:owner/name", "hf:owner/name:train"])
def test_names_of_the_hub_are_no_paths(source):
    assert everywhere([source]) == [source] and everywhere(None) is None


def test_remembered_data_that_have_moved_are_said_to_be_remembered(first, home):
    train(home / "photos", home / "new", "--images", 8)
    (home / "photos").rename(home / "elsewhere")
    with pytest.raises(SystemExit, match="remembers that its data lay in .*photos.*name with --data where"):
        main(TINY, ["--out", str(home / "new"), "--device", "cpu", "--resume", "--images", "16"])


@pytest.mark.parametrize("words", [[], ["--images", 16], ["--images", 8], ["--minutes", 1e-4]], ids=str)
def test_a_finished_training_is_not_resumed_in_vain(home, words):
    sentence = refusal(home, *words)
    assert "has already seen 16 images" in sentence and "give a larger --images or --minutes" in sentence


@pytest.mark.parametrize("place", ["", "run1", "rose", "rose/run1", "link/run1"])
def test_results_do_not_lie_among_the_data(photos, place, tmp_path):
    data = shutil.copytree(photos, tmp_path / "data")
    (tmp_path / "link").symlink_to(data)
    out = tmp_path / place if place.startswith("link") else data / place
    with pytest.raises(SystemExit, match="lies in the data folder .*choose another --out"):
        train(data, out, "--images", 8)
    assert not (data / "run1").exists() and not (data / "training").exists()


@pytest.mark.parametrize("out", ["file", "file/mine", "link", "folder"])
def test_what_is_no_folder_is_no_place_for_results(photos, tmp_path, out):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "training").write_text("mine")
    with pytest.raises(SystemExit) as end:
        train(photos, tmp_path / out, "--images", 8)
    assert ("is a file, not a folder" in end.value.code or "is a link to nothing" in end.value.code) and (
        "choose another --out" in end.value.code
    )


@pytest.mark.parametrize("out", ["", " "])
def test_an_empty_name_of_the_folder_is_refused(photos, tmp_path, monkeypatch, capsys, out):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(TINY, ["--data", str(photos), f"--out={out}"])
    assert "must name a folder, and this is empty" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_model_in_place_of_a_state_is_refused(home):
    shutil.copy(home / "mine" / "mine.safetensors", home / "mine" / "training" / "state.safetensors")
    assert "not a file of a training" in refusal(home, "--images", 40)


TORN = {
    "torn": lambda path: path.write_bytes(path.read_bytes()[:-12]),
    "empty": lambda path: path.write_bytes(b""),
    "missing": lambda path: path.unlink(),
    "garbage": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "words among numbers": lambda path: path.write_bytes(path.read_bytes() + b"1,2,3,x,5\n16,1,nan\n\n,,,,\n"),
    "rows of a later time": lambda path: path.write_bytes(path.read_bytes() + b"9000,1,2,3,4\n"),
}


@pytest.mark.parametrize("damage", TORN)
def test_a_damaged_log_does_not_stop_a_training(home, damage):
    log = home / "mine" / "training" / "log.csv"
    TORN[damage](log)
    assert resumed(home, "--data", home / "photos", "--images", 24).training["images_seen"] == 24
    rows = [line.split(",") for line in log.read_text().splitlines()]
    assert rows[0] == ["images", "seconds", "loss", "validation_loss", "lr"] and rows[-1][0] == "24"
    assert all(len(row) == 5 and int(row[0]) <= 24 for row in rows[1:])


@pytest.mark.parametrize("kept", [slice(40), slice(0), slice(8, None), slice(-20)], ids=str)
def test_a_damaged_sheet_does_not_stop_a_training(home, kept):
    (sheet,) = (home / "mine" / "training" / "sheets").glob("*.png")
    sheet.write_bytes(sheet.read_bytes()[kept])
    resumed(home, "--data", home / "photos", "--images", 24)
    with Image.open(home / "mine" / "mine.growth.png") as growth:
        assert growth.width == 64


def test_differences_are_put_into_words():
    assert difference("classes", ["a", "b"], ["b", "a"]) == "classes: in another order"
    assert difference("classes", ["a"], ["b", "c"]) == "classes: b, c added and a missing"
    assert difference("images", 3, 4) == "images: 3 then, 4 now"
    assert difference("vocabulary", {"sha256": "1"}, {"sha256": "2"}) == "other vocabulary"


# Beginning with a model


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": 4, "autoencoder": "coder", "text": True}, "recipes.text_to_image"),
        ({"text": True}, "recipes.emoji"),
        ({"channels": 1}, "works on 1 channels and this training on 3"),
        ({"channels": 4}, "works on 4 channels and this training on 3"),
    ],
    ids=str,
)
def test_a_model_of_other_images_cannot_be_fine_tuned(photos, tmp_path, tiny, monkeypatch, changes, words):
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    config = {**CONFIG, "channels": changes.get("channels", 3)}
    fields = {"autoencoder": changes.get("autoencoder", "")}
    if changes.get("text"):
        config["text"] = {"width": 16, "depth": 1, "head_width": 8, "vocabulary": 20}
        fields["text"] = {"sha256": "0" * 64}
    card = Card("other", "O", "attention_unet", config, "v", 8, config["channels"], **fields)
    save(tmp_path / "other", card, tiny(**config))
    with pytest.raises(SystemExit) as end:
        train(photos, tmp_path / "x", "--from", "other", "--images", 8)
    assert words in end.value.code and "\n" not in end.value.code
    assert not (tmp_path / "x").exists()


def test_facts_are_json_that_every_program_reads(home):
    facts = read_facts(home / "mine" / "training" / "state.safetensors")
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert {"recipe", "options", "data", "model", "step", "images", "seconds", "sheets"} == set(facts)
