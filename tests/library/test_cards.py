"""Model cards: what is read, and that a broken one is refused in a sentence, however it is broken."""

import errno
import json
import os
import re
from dataclasses import asdict

import pytest
from hostile_cards import NO_CARDS, WRONG, changed, hostile_cards, places

from diffusion_edu.card_fit import contradiction, sketch
from diffusion_edu.cards import USUAL, Card, Unusable, parse_card, read_card, save_card, valid_card
from diffusion_edu.evaluation.features import CLASSIFIERS
from diffusion_edu.generation import Preset
from diffusion_edu.paths import PRETRAINED

SHIPPED = sorted(path.with_suffix(".json") for path in PRETRAINED.glob("*.safetensors"))
FLOWERS = json.loads((PRETRAINED / "flowers_attention.json").read_text(encoding="utf-8"))


def refused(path):
    """The one short sentence with which a card is refused; it names the file."""
    with pytest.raises(Unusable) as problem:
        read_card(path)
    sentence = str(problem.value)
    assert path.name in sentence and sentence.endswith(".") and sentence.isprintable()
    assert len(sentence) < len(str(path)) + 400
    return sentence


def written(folder, **fields):
    """Write the card of our flowers with other fields; returns its path."""
    path = folder / "flowers.json"
    path.write_text(json.dumps({**FLOWERS, **fields}), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_card_is_read_as_it_is_written_and_fits_its_network(path):
    card, text = read_card(path), json.loads(path.read_text(encoding="utf-8"))
    assert {name: value for name, value in asdict(card).items() if name in text} == text
    assert valid_card(card) == card and contradiction(card, sketch(card)) == ""
    if card.sampling:
        Preset(**card.sampling).timesteps()
    assert card.subject in CLASSIFIERS


@pytest.mark.parametrize("text", NO_CARDS, ids=lambda text: repr(text[:20]))
def test_a_file_that_is_no_card_is_refused(tmp_path, text):
    (tmp_path / "tiny.json").write_bytes(text)
    refused(tmp_path / "tiny.json")


@pytest.mark.parametrize("name", ["flowers_attention", "flowers_cold", "flowers_experts", "autoencoder", "faces"])
def test_a_card_with_any_wrong_field_is_read_or_refused(name):
    known = json.loads((PRETRAINED / f"{name}.json").read_text(encoding="utf-8"))
    for what, text in hostile_cards(known, fraction=0.05, seed=name):
        try:
            assert isinstance(parse_card("any", text), Card)
        except ValueError as problem:
            assert str(problem), what


NUMBERS = ["size", "channels", "training.steps", "data.images", "scores.FD", "scores.class_accuracy", "sampling.steps"]


@pytest.mark.parametrize("wrong", ["5", True, [], {}, -1, [5]], ids=repr)
@pytest.mark.parametrize("field", NUMBERS)
def test_a_wrong_number_is_named_with_its_value(tmp_path, field, wrong):
    path = written(tmp_path, **changed(FLOWERS, field.split("."), wrong))
    assert re.search(rf"\({re.escape(field)} .*{re.escape(repr(wrong))}", refused(path))


MEASURED = {"by_guidance": [], "by_steps": []}
EMPTY = {**FLOWERS, "latents": {"mean": []}, "training": {"objective": {"angles": [0, 1]}}, "scores": MEASURED}
LISTS = ["classes", "attributes", "scores.by_guidance", "scores.by_steps", "latents.mean", "training.objective.angles"]


@pytest.mark.parametrize("wrong", [3, "ab", {"a": 1}, True], ids=repr)
@pytest.mark.parametrize("field", LISTS)
def test_what_is_no_list_is_named(tmp_path, field, wrong):
    path = written(tmp_path, **changed(EMPTY, field.split("."), wrong))
    assert re.search(rf"\({re.escape(field)} must be a valid (list|array), not {re.escape(repr(wrong))}", refused(path))


@pytest.mark.parametrize(
    "fields",
    [
        *({"classes": None}, {"title": None}, {"config": None}, {"scores": 5}, {"data": []}, {"sha256": 5}),
        *({"network": "no_such_network"}, {"network": ["attention_unet"]}, {"prediction_type": "w"}),
        *({"sampling": {name: value}} for name in ("sampler", "schedule", "spacing") for value in ("x", 1, None)),
        *({"sampling": sampling} for sampling in ({"T": 0}, {"T": 5}, {"T": 10**9}, {"speed": 1}, {"steps": 1001})),
        *({"sampling": {"options": options}} for options in ({"eta": 2}, {"eta": "0"}, {"variance": 1}, {"a": 1})),
        {"sampling": {"sampler": "Heun", "options": {"eta": 0.5}}},
        {"sampling": {"guidance_scale": -1}},
        *({"classes": ["a", "a"]}, {"attributes": ["a", None]}, {"text": {"vocabulary": 3}}),
        *({"network": "experts", "config": {}}, {"network": "experts", "config": {"borders": 3}}),
        *({"network": "experts", "config": {"borders": borders}} for borders in ([], ["1"], [5, 3], [3, 3], [True])),
        *({"latents": {"mean": mean, "std": [1.0]}} for mean in ([], [0.0, 0.0], None)),
        *({"latents": {"mean": [0.0], "std": std}} for std in ([0.0], [-1.0], [None])),
        *({"latents": {"std": [1.0]}}, {"latents": {"a": 1}}),
        *({"scores": {"FD_band": "x"}}, {"scores": {"KD_band": -1}}, {"scores": {"restored": {"blur": []}}}),
        *({"scores": {"by_steps": [{"nfe": 0}]}}, {"scores": {"each": {"hat": 2}}}),
    ],
    ids=str,
)
def test_other_wrong_fields_are_named(tmp_path, fields):
    assert [*fields][-1] in refused(written(tmp_path, **fields))


def test_a_card_may_say_more_than_we_read(tmp_path):
    card = read_card(written(tmp_path, written_by="a later version", scores={"FD": 3, "new": {"a": [1]}}))
    assert card.scores == {"FD": 3.0, "new": {"a": [1]}}


@pytest.mark.parametrize("said", ["other", "../../evil", "", None, 7, ["a"]])
def test_a_model_is_named_after_its_file_whatever_the_card_says(tmp_path, said):
    assert read_card(written(tmp_path, name=said)).name == "flowers"
    save_card(tmp_path / "copies", read_card(written(tmp_path, name=said))) if (tmp_path / "copies").mkdir() else None
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["copies", "flowers.json"]


@pytest.mark.parametrize(("title", "shown"), [("", "flowers"), (" \n", "flowers"), (" a\n b\t", "a b")])
def test_a_title_is_one_line_and_never_empty(tmp_path, title, shown):
    assert read_card(written(tmp_path, title=title)).title == shown


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "null"])
def test_a_score_that_is_no_number_was_not_measured(tmp_path, value):
    path = written(tmp_path, scores={"FD": 1.5, "KD": 0.25, "by_steps": [{"nfe": 3, "FD": 1.5}]})
    path.write_text(path.read_text().replace("1.5", value))
    assert read_card(path).scores == {"KD": 0.25, "by_steps": [{"nfe": 3}]}


def test_a_card_written_on_windows_is_read(tmp_path):
    path = written(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_card(path).title == FLOWERS["title"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_written_is_json_for_every_program(tmp_path, value):
    def no_constant(name):
        raise AssertionError(name)

    card = parse_card("flowers", json.dumps(FLOWERS))
    scores, training = {"FD": value, "by_steps": [{"nfe": 1, "FD": value}]}, {"loss": value, "lr": 0.1}
    saved = save_card(tmp_path, Card(**{**vars(card), "scores": scores, "training": training}))
    text = json.loads((tmp_path / "flowers.json").read_text(encoding="utf-8"), parse_constant=no_constant)
    assert text["scores"] == saved.scores == {"by_steps": [{"nfe": 1}]}
    assert text["training"] == saved.training == {"loss": None, "lr": 0.1}
    assert read_card(tmp_path / "flowers.json") == saved


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "is missing"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: path.symlink_to(path), "cannot be read"),
    ],
    ids=["missing", "folder", "circle"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, make, words):
    make(tmp_path / "lost.json")
    assert words in refused(tmp_path / "lost.json")


def test_a_card_without_permission_is_named(tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    path = written(tmp_path)
    monkeypatch.setattr(type(path), "read_text", forbidden)
    assert "Permission denied" in refused(path)


@pytest.mark.parametrize(
    "name", ["a\nb", 'a"b', "a\x7fb", "a*b", "x" * 230, "CON", "nul", "aux.v2", "LPT1", "com¹", "x."]
)
def test_a_file_whose_name_is_no_name_of_a_model_is_refused(tmp_path, name):
    (tmp_path / f"{name}.json").write_text(json.dumps(FLOWERS))
    with pytest.raises(Unusable, match="(?s)cannot be that of a file") as problem:
        read_card(tmp_path / f"{name}.json")
    assert str(problem.value).isprintable()


def test_the_usual_settings_are_those_of_a_preset():
    assert all(vars(Preset())[name] == value for name, value in USUAL.items())


def test_the_hostile_cards_reach_every_field():
    fields = {".".join(map(str, path)) for path in places(FLOWERS)}
    assert {"name", "config.widths.0", "scores.by_guidance.0.guidance_scale", "sampling.steps"} <= fields
    assert len(WRONG) > 30
