"""Requests: classes that take turns, their labels, and a request in every form."""

import json
from math import gcd

import pytest
import torch

from diffusion_edu.checkpoints import Card, Model
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import Compute

request = pytest.importorskip("diffusion_edu.app.common.request")
ANY, MIXED, Request = request.ANY, request.MIXED, request.Request


def card(**condition):
    return Card("m", "M", "simple_unet", {}, "v", 8, **condition)


FLOWERS = card(classes=["iris", "rose", "tulip"])
FACES = card(attributes=["hat", "smile"])
PLAIN = card()
GUIDED = card(conditioning_image="a sketch")


def test_class_names_are_classes_or_attributes():
    assert (FLOWERS.condition_names, FACES.condition_names, PLAIN.condition_names, GUIDED.condition_names) == (
        ["iris", "rose", "tulip"],
        ["hat", "smile"],
        [],
        [],
    )
    assert [each.conditional for each in (FLOWERS, FACES, PLAIN, GUIDED)] == [True, True, False, True]
    assert [each.generates for each in (FLOWERS, FACES, PLAIN, GUIDED)] == [True, True, True, False]
    assert not Card("v", "V", "vae", {}, "vae", 8).generates
    assert [each.null for each in (FLOWERS, FACES, PLAIN)] == [3, None, None]


def test_a_label_stands_for_its_class_name_and_leaves_other_attributes_open():
    assert [FLOWERS.label(class_name) for class_name in FLOWERS.condition_names] == [0, 1, 2]
    assert [FACES.label(class_name) for class_name in FACES.condition_names] == [[1, 0], [0, 1]]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 20, 36, 37, 38, 74, 102, 111])
def test_class_names_take_turns_so_that_all_occur_and_neighbours_differ(count):
    many = card(classes=[f"class {k}" for k in range(count)])
    turns = [many.name_for(seed) for seed in range(count)]
    assert sorted(turns) == sorted(many.classes)
    assert [many.name_for(seed + count) for seed in range(count)] == turns
    if count > 1:
        assert all(many.name_for(seed) != many.name_for(seed + 1) for seed in range(2 * count))
    if gcd(37, count) == 1:  # what the shipped images were sampled with
        assert many.labels_for(range(50)) == [37 * seed % count for seed in range(50)]


def test_a_mix_has_a_label_for_every_seed_or_none_at_all():
    assert FLOWERS.labels_for([0, 1, 2]) == [0, 1, 2]
    assert FACES.labels_for([0, 1]) == [[1, 0], [0, 1]]
    assert PLAIN.labels_for([0, 1]) is GUIDED.labels_for([0, 1]) is None


@pytest.mark.parametrize(
    ("model_card", "class_name", "labels", "class_names"),
    [
        (FLOWERS, "rose", [1, 1, 1], ["rose"] * 3),
        (FLOWERS, MIXED, [1, 2, 0], ["rose", "tulip", "iris"]),
        (FLOWERS, ANY, None, ["anything"] * 3),
        (FACES, "smile", [[0, 1]] * 3, ["smile"] * 3),
        (FACES, MIXED, [[1, 0], [0, 1], [1, 0]], ["hat", "smile", "hat"]),
        (FACES, request.MIXED_ATTRIBUTES, [[1, 0], [0, 1], [1, 0]], ["hat", "smile", "hat"]),
        (FACES, ANY, None, ["anything"] * 3),
        (PLAIN, MIXED, None, ["anything"] * 3),
        (PLAIN, ANY, None, ["anything"] * 3),
    ],
    ids=lambda value: value.condition_names[-1] if isinstance(value, Card) and value.condition_names else None,
)
def test_a_request_has_a_label_and_a_name_for_every_image(model_card, class_name, labels, class_names):
    made = Request(model_card, Preset(steps=2, guidance_scale=3.0), class_name, seed=4, images=3)
    assert (made.seeds, made.labels, made.class_names) == ([4, 5, 6], labels, class_names)
    assert made.settings["class_names"] == class_names and json.loads(json.dumps(made.settings)) == made.settings
    assert ("guidance scale 3" in made.summary) == (labels is not None)
    assert ("no guidance" in made.summary) == (labels is None)
    assert "seeds from 4" in made.summary and "2 steps" in made.summary


def test_repeated_class_names_are_counted_instead_of_repeated():
    assert Request(FACES, Preset(), MIXED, 0, 3).class_names_in_words == "2 × hat, smile"
    assert Request(FLOWERS, Preset(), "rose", 0, 1).class_names_in_words == "rose"


@pytest.mark.parametrize(
    ("model_card", "config"),
    [(FLOWERS, {"classes": 3}), (FACES, {"attributes": 2}), (PLAIN, {})],
    ids=["classes", "attributes", "none"],
)
@pytest.mark.parametrize("class_name", [MIXED, ANY])
def test_the_code_of_a_request_samples_its_images(tiny, monkeypatch, model_card, config, class_name):
    model = Model(model_card, tiny(network="simple_unet", **config).eval(), Compute(torch.device("cpu")))
    made = Request(model_card, Preset(steps=2, guidance_scale=2.0), class_name, seed=7, images=2)
    *_, state = generate(model, made.preset, made.seeds, made.labels)
    monkeypatch.setattr("diffusion_edu.checkpoints.load", lambda name: {"m": model}[name])
    ran = {}
    exec(made.code, ran)
    assert torch.equal(ran["state"].x, state.x)
    assert ran["images"].shape == (2, 3, 8, 8)
