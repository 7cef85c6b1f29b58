"""What can be asked of a model, in one word: kinds that take turns, their labels, and a person's wish in every form it is needed in."""

import json
from math import gcd

import pytest
import torch

from diffusion_edu.checkpoints import Card, Model
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import Compute

wish = pytest.importorskip("diffusion_edu.app.common.request")
ANY, MIXED, Wish = wish.ANY, wish.MIXED, wish.Wish


def card(**told):
    return Card("m", "M", "simple_unet", {}, "v", 8, **told)


FLOWERS = card(classes=["iris", "rose", "tulip"])
FACES = card(attributes=["hat", "smile"])
PLAIN = card()
GUIDED = card(guide="a sketch")


def test_kinds_are_classes_or_attributes():
    assert (FLOWERS.kinds, FACES.kinds, PLAIN.kinds, GUIDED.kinds) == (
        ["iris", "rose", "tulip"],
        ["hat", "smile"],
        [],
        [],
    )
    assert [each.told for each in (FLOWERS, FACES, PLAIN, GUIDED)] == [True, True, False, True]
    assert [each.draws for each in (FLOWERS, FACES, PLAIN, GUIDED)] == [True, True, True, False]
    assert not Card("v", "V", "vae", {}, "vae", 8).draws
    assert [each.null for each in (FLOWERS, FACES, PLAIN)] == [3, None, None]


def test_a_label_asks_for_its_kind_and_leaves_everything_else_open():
    assert [FLOWERS.label(kind) for kind in FLOWERS.kinds] == [0, 1, 2]
    assert [FACES.label(kind) for kind in FACES.kinds] == [[1, 0], [0, 1]]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 20, 36, 37, 38, 74, 102, 111])
def test_kinds_take_turns_so_that_all_are_asked_for_and_neighbours_differ(count):
    many = card(classes=[f"kind {k}" for k in range(count)])
    turns = [many.turn(seed) for seed in range(count)]
    assert sorted(turns) == sorted(many.classes)
    assert [many.turn(seed + count) for seed in range(count)] == turns
    if count > 1:
        assert all(many.turn(seed) != many.turn(seed + 1) for seed in range(2 * count))
    if gcd(37, count) == 1:  # what the shipped pictures were drawn with
        assert many.mix(range(50)) == [37 * seed % count for seed in range(50)]


def test_a_mix_has_a_label_for_every_seed_or_there_is_none():
    assert FLOWERS.mix([0, 1, 2]) == [0, 1, 2]
    assert FACES.mix([0, 1]) == [[1, 0], [0, 1]]
    assert PLAIN.mix([0, 1]) is GUIDED.mix([0, 1]) is None


@pytest.mark.parametrize(
    ("asked", "kind", "labels", "kinds"),
    [
        (FLOWERS, "rose", [1, 1, 1], ["rose"] * 3),
        (FLOWERS, MIXED, [1, 2, 0], ["rose", "tulip", "iris"]),
        (FLOWERS, ANY, None, ["anything"] * 3),
        (FACES, "smile", [[0, 1]] * 3, ["smile"] * 3),
        (FACES, MIXED, [[1, 0], [0, 1], [1, 0]], ["hat", "smile", "hat"]),
        (FACES, ANY, None, ["anything"] * 3),
        (PLAIN, MIXED, None, ["anything"] * 3),
        (PLAIN, ANY, None, ["anything"] * 3),
    ],
    ids=lambda value: value.kinds[-1] if isinstance(value, Card) and value.kinds else None,
)
def test_a_wish_has_a_label_and_a_name_for_every_picture(asked, kind, labels, kinds):
    made = Wish(asked, Preset(moves=2, scale=3.0), kind, seed=4, pictures=3)
    assert (made.seeds, made.labels, made.kinds) == ([4, 5, 6], labels, kinds)
    assert made.settings["kinds"] == kinds and json.loads(json.dumps(made.settings)) == made.settings
    assert ("guidance 3" in made.summary) == (labels is not None)
    assert ("no guidance" in made.summary) == (labels is None)
    assert "seeds from 4" in made.summary and "2 moves" in made.summary


def test_repeated_kinds_are_counted_instead_of_repeated():
    assert Wish(FACES, Preset(), MIXED, 0, 3).kinds_in_words == "2 × hat, smile"
    assert Wish(FLOWERS, Preset(), "rose", 0, 1).kinds_in_words == "rose"


@pytest.mark.parametrize(
    ("asked", "sizes"),
    [(FLOWERS, {"classes": 3}), (FACES, {"attributes": 2}), (PLAIN, {})],
    ids=["classes", "attributes", "none"],
)
@pytest.mark.parametrize("kind", [MIXED, ANY])
def test_the_code_of_a_wish_draws_its_pictures(tiny, monkeypatch, asked, sizes, kind):
    model = Model(asked, tiny(network="simple_unet", **sizes).eval(), Compute(torch.device("cpu")))
    made = Wish(asked, Preset(moves=2, scale=2.0), kind, seed=7, pictures=2)
    *_, state = generate(model, made.preset, made.seeds, made.labels)
    monkeypatch.setattr("diffusion_edu.checkpoints.load", lambda name: {"m": model}[name])
    ran = {}
    exec(made.code, ran)
    assert torch.equal(ran["state"].x, state.x)
    assert ran["pictures"].shape == (2, 3, 8, 8)
