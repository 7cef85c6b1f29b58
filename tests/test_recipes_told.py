"""Recipes whose networks are told attributes, a sketch or a small image: trained for a moment, gone on with, and looked at."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu.checkpoints import Card, Model, load, save
from diffusion_edu.data.images import ImageSet, save_images, to_bytes, to_signed
from diffusion_edu.editing.super_resolution import conditioning_image, shrunk
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks.simple_unet import SimpleUNet
from diffusion_edu.randomness import Compute
from diffusion_edu.recipes import (
    faces,
    flowers_128,
    flowers_attention,
    flowers_cold,
    flowers_expert_detail,
    flowers_expert_noise,
    sketch_to_flower,
    super_resolution,
)
from diffusion_edu.recipes.model_setup import build
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.fine_tune import like, taken_over
from diffusion_edu.recipes.conditioned import beside_guides
from diffusion_edu.recipes.super_resolution import CROP, MOST_NOISE, cut_and_shrunk

SIZES = {"widths": [8, 16], "patch": 2, "embedding": 16}
PLAIN = Compute(torch.device("cpu"))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def some(n=70, size=16, **meaning):
    """Images of a few coloured squares each."""
    images = (
        torch.randint(0, 256, (n, 3, 4, 4), dtype=torch.uint8, generator=seeded())
        .repeat_interleave(size // 4, 2)
        .repeat_interleave(size // 4, 3)
    )
    return ImageSet(images, **meaning)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Seventy images with attributes, seventy with classes and seventy with neither: enough to hold one back."""
    folder = tmp_path_factory.mktemp("shelf")
    has = torch.randint(0, 2, (70, 3), generator=seeded()) * 2 - 1
    save_images(folder / "faces.parquet", some(labels=has, attributes=("bald", "smiling", "hat")))
    save_images(folder / "flowers.parquet", some(labels=torch.arange(70) % 2, classes=("iris", "rose")))
    save_images(folder / "plain.parquet", some())
    return folder


def small(recipe):
    """A recipe at a size that trains in a moment."""
    more = {"attention": [False, True]} if recipe.network == "attention_unet" else {}
    return replace(recipe, config=SIZES | more, size=16, batch=8, sampling=replace(recipe.sampling, steps=2))


def train(recipe, out, *words):
    main(small(recipe), [*map(str, words), "--out", str(out), "--device", "cpu"])


TOLD = [  # a recipe, its images, and what its network is told of them
    (faces.RECIPE, "faces", {"attributes": 3}),
    (faces.RECIPE, "flowers", {"classes": 2}),
    (flowers_128.RECIPE, "flowers", {"classes": 2}),
    (flowers_expert_detail.RECIPE, "plain", {}),
    (flowers_expert_noise.RECIPE, "flowers", {"classes": 2}),
    (sketch_to_flower.RECIPE, "flowers", {"conditioning_channels": 3}),
    (super_resolution.RECIPE, "faces", {"conditioning_channels": 4}),
]


@pytest.mark.parametrize(("recipe", "images", "told"), TOLD, ids=lambda value: getattr(value, "name", None))
def test_a_recipe_trains_goes_on_and_leaves_a_model_that_draws_what_it_is_told(shelf, tmp_path, recipe, images, told):
    out, data = tmp_path / "mine", shelf / f"{images}.parquet"
    train(recipe, out, "--data", data, "--images", 16)
    train(recipe, out, "--data", data, "--images", 24, "--resume")
    model = load("mine", [out], PLAIN)
    card = model.card
    assert card.config == told | small(recipe).config and card.size == 16
    assert (len(card.classes), len(card.attributes), bool(card.conditioning_image)) == (
        told.get("classes", 0),
        told.get("attributes", 0),
        "conditioning_channels" in told,
    )
    assert card.training["objective"]["null"] == (told.get("classes") or (0 if told else None))
    assert card.training["objective"]["angles"] == list(recipe.objective.angles)
    assert card.training["images_seen"] == 24 and card.data["held_out"] == 1
    labels = (
        torch.rand(2, card.config["conditioning_channels"], 16, 16, generator=seeded())
        if card.conditioning_image
        else card.labels_for([0, 1])
    )
    *_, last = generate(model, Preset(**card.sampling), [0, 1], labels)
    assert last.x.shape == (2, 3, 16, 16) and last.x.isfinite().all()
    with Image.open(out / "mine.png") as sheet, Image.open(out / "mine.growth.png") as growth:
        assert sheet.width == growth.width == 16 * (16 if card.conditioning_image else 8)


def test_the_experts_learn_their_own_halves_of_the_timesteps(shelf, tmp_path, monkeypatch):
    heard, border = [], 1000 * flowers_expert_noise.RECIPE.objective.angles[0]
    say = SimpleUNet.forward
    monkeypatch.setattr(
        SimpleUNet,
        "forward",
        lambda self, y, timestep, condition=None: heard.append(timestep) or say(self, y, timestep, condition),
    )
    monkeypatch.setattr("diffusion_edu.recipes.command_line.finish", lambda run: None)
    for name, recipe in (("low", flowers_expert_detail.RECIPE), ("high", flowers_expert_noise.RECIPE)):
        heard.clear()
        train(replace(recipe, show=lambda *_: None), tmp_path / name, "--data", shelf / "plain.parquet", "--images", 64)
        timesteps = torch.cat(heard)
        assert len(timesteps) == 64 + 1  # and the image that was held out
        assert ((timesteps > border) == (name == "high")).all()


# What super-resolution learns from


def places(b=64, size=128):
    """Images whose red says the row and whose green says the column."""
    ramp = torch.linspace(-1, 1, size)
    return (
        torch.stack([ramp.view(-1, 1).expand(size, size), ramp.expand(size, size), torch.zeros(size, size)])
        .expand(b, 3, size, size)
        .contiguous()
    )


def test_the_image_and_its_guide_are_cut_out_at_the_same_place(monkeypatch):
    monkeypatch.setattr(super_resolution, "MOST_NOISE", 0.0)
    x0, told = cut_and_shrunk(places(), None, seeded())
    assert (x0.shape, told.shape) == ((64, 3, CROP, CROP), (64, 4, CROP, CROP))
    assert (told[:, 3] == 0).all()
    inside = (told[:, :3] - x0)[..., 3:-3, 3:-3]
    assert inside.abs().max() < 2e-3  # a ramp loses nothing when it is halved and doubled; a pixel aside would be 0.016
    torch.testing.assert_close(told, conditioning_image(shrunk(x0), torch.zeros(64), torch.zeros(64, 3, 32, 32)))


def test_squares_are_cut_out_everywhere_and_stay_as_they_are():
    x0, _ = cut_and_shrunk(places(400), None, seeded())
    step = 2 / 127
    torch.testing.assert_close(x0.diff(dim=2)[:, 0], torch.full((400, CROP - 1, CROP), step), rtol=0, atol=1e-5)
    torch.testing.assert_close(x0.diff(dim=3)[:, 1], torch.full((400, CROP, CROP - 1), step), rtol=0, atol=1e-5)
    corners = ((x0[:, :2, 0, 0] + 1) / step).round()
    assert corners.min() == 0 and corners.max() == 128 - CROP and (corners[:, 0] != corners[:, 1]).any()
    whole, told = cut_and_shrunk(places(2, 32), None, seeded())
    assert torch.equal(whole, places(2, 32)) and told.shape == (2, 4, 32, 32)


def test_every_guide_has_its_own_noise_and_says_how_much():
    _, told = cut_and_shrunk(torch.zeros(400, 3, 8, 8), None, seeded())
    fraction = told[:, 3, 0, 0]
    assert (told[:, 3] == fraction.view(-1, 1, 1)).all()
    assert (
        0 <= fraction.min() < 0.02
        and MOST_NOISE - 0.02 < fraction.max() <= MOST_NOISE
        and fraction.unique().numel() > 390
    )
    strength = told[:, :3].flatten(1).std(1)
    assert torch.stack([strength, fraction]).corrcoef()[0, 1] > 0.9
    assert torch.equal(told, cut_and_shrunk(torch.zeros(400, 3, 8, 8), None, seeded())[1])


# What is looked at


@pytest.fixture
def looking(tiny):
    """A training that is looked at, with eleven images held out."""
    card = Card(
        "s",
        "S",
        "simple_unet",
        {"conditioning_channels": 3},
        "v",
        8,
        conditioning_image="a sketch",
        sampling={"steps": 2},
    )
    model = Model(card, tiny(network="simple_unet", conditioning_channels=3).eval(), PLAIN)
    kept = tuple(torch.rand(11, 3, 8, 8, generator=seeded(k)) * 2 - 1 for k in range(2))
    state = Namespace(generator=seeded(5))
    return Namespace(
        kept=kept, model=model, compute=PLAIN, recipe=sketch_to_flower.RECIPE, images=some(20, 8), state=state
    )


def on_paper(path):
    """The images of a sheet, uint8 (rows, 16, 3, 8, 8)."""
    with Image.open(path) as sheet:
        return torch.from_numpy(np.array(sheet)).unflatten(0, (-1, 8)).unflatten(2, (-1, 8)).permute(0, 2, 4, 1, 3)


def test_every_drawing_stands_right_of_what_the_network_was_told(looking, tmp_path):
    beside_guides(looking, 16, tmp_path / "s.png")
    sheet, guides = on_paper(tmp_path / "s.png"), looking.kept[1]
    assert sheet.shape == (2, 16, 3, 8, 8)  # eleven pairs, eight in a row
    pairs = sheet.flatten(0, 1)[:22].unflatten(0, (11, 2))
    assert torch.equal(pairs[:, 0], to_bytes(guides))
    *_, last = generate(looking.model, Preset(steps=2), range(11), guides)
    assert (pairs[:, 1].int() - to_bytes(last.x).int()).abs().max() <= 1
    beside_guides(looking, 4, tmp_path / "few.png")
    assert torch.equal(on_paper(tmp_path / "few.png")[0, :8], sheet[0, :8])


def test_where_nothing_is_held_out_the_first_images_are_shown_and_the_training_does_not_notice(looking, tmp_path):
    looking.kept, before = None, looking.state.generator.get_state()
    for name in ("one", "two"):
        beside_guides(looking, 3, tmp_path / f"{name}.png")
    assert torch.equal(looking.state.generator.get_state(), before)
    one, two = (on_paper(tmp_path / f"{name}.png") for name in ("one", "two"))
    assert torch.equal(one, two)
    always = torch.Generator().manual_seed(0)
    _, guides = sketch_to_flower.RECIPE.prepare(to_signed(looking.images.images[:3]), None, always)
    assert torch.equal(one[0, 0:6:2], to_bytes(guides))


# Beginning with another model


@pytest.fixture
def start(tiny, tmp_path, monkeypatch):
    """A function that saves a small model and loads it, ready to be trained further."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)

    def build_one(class_name="v", network="simple_unet", **told):
        config = SIZES | {
            name: len(class_names) if name != "conditioning_channels" else 3 for name, class_names in told.items()
        }
        save(
            tmp_path,
            Card("first", "F", network, config, class_name, 16, sampling={"steps": 2}, **told),
            tiny(1, network, **config),
        )
        return load("first", compute=PLAIN)

    return build_one


def begun(first, class_names):
    """The network that a recipe begins with when it goes on from the first model with other kinds."""
    net, _ = build(
        like(first.card, small(faces.RECIPE)), ImageSet(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), **class_names)
    )
    net.load_state_dict(taken_over(first, net, class_names.get("classes") or class_names.get("attributes") or ()))
    return net


CONDITIONS = {"classes": torch.tensor([0, 1]), "attributes": torch.tensor([[1, -1], [0, 1]])}
NAMES = [
    {},
    {"classes": ("a", "b")},
    {"classes": ("a", "b", "c")},
    {"attributes": ("x", "y")},
    {"attributes": ("p", "q")},
]


@pytest.mark.parametrize("before", NAMES, ids=str)
@pytest.mark.parametrize("after", NAMES, ids=str)
@torch.no_grad()
def test_other_class_names_begin_as_anything_and_known_ones_as_themselves(start, before, after):
    first, y, timestep = (
        start(**{name: list(class_names) for name, class_names in before.items()}),
        torch.randn(2, 3, 8, 8),
        torch.tensor([900.0, 200.0]),
    )
    net = begun(first, after)
    torch.testing.assert_close(net(y, timestep), first.net(y, timestep), rtol=0, atol=1e-5)
    for name in after:
        same = first.net(y, timestep, CONDITIONS[name] if before == after else None)
        torch.testing.assert_close(net(y, timestep, CONDITIONS[name]), same, rtol=0, atol=1e-5)


def test_a_restorer_may_begin_as_a_denoiser_and_stays_a_restorer(start):
    card = start().card
    assert like(card, small(flowers_cold.RECIPE)).objective.prediction_type == "restoration"
    assert like(replace(card, prediction_type="eps"), small(faces.RECIPE)).objective.prediction_type == "eps"
    assert (
        like(replace(card, prediction_type="restoration"), small(flowers_attention.RECIPE)).objective.prediction_type
        == "v"
    )


@pytest.mark.parametrize("network", ["vae", "experts", "mlp", "plain_classifier"])
def test_what_is_no_u_net_is_not_trained_further(network):
    with pytest.raises(ValueError, match="other cannot be trained further: --from takes a U-Net"):
        like(Card("other", "O", network, {}, "v", 16), small(faces.RECIPE))


def test_sizes_that_the_network_cannot_halve_are_refused_in_one_sentence(shelf, tmp_path):
    for size, better in (("18", "16"), ("3", "4")):
        with pytest.raises(SystemExit) as end:
            train(sketch_to_flower.RECIPE, tmp_path / "mine", "--data", shelf / "plain.parquet", "--size", size)
        assert end.value.code == f"Height and width of this network's images are divisible by 4: try --size {better}."
