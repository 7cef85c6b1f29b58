"""Recipes of conditional networks (attributes, sketches, small images): training, fine-tuning, sample sheets."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import CPU, seeded
from PIL import Image

from diffusion_edu.checkpoints import Card, Model, load, save
from diffusion_edu.data.images import ImageSet, save_images, to_bytes, to_signed
from diffusion_edu.editing.super_resolution import bicubic_downsample, conditioning_image
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks.simple_unet import SimpleUNet
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
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.conditioned import conditioned_sheet
from diffusion_edu.recipes.fine_tune import adapt_recipe, transfer_weights
from diffusion_edu.recipes.model_setup import build
from diffusion_edu.recipes.super_resolution import CROP, MAX_NOISE, crop_and_shrink

CONFIG = {"widths": [8, 16], "patch": 2, "embedding": 16}


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
    return replace(recipe, config=CONFIG | more, size=16, batch=8, sampling=replace(recipe.sampling, steps=2))


def train(recipe, out, *words):
    main(small(recipe), [*map(str, words), "--out", str(out), "--device", "cpu"])


CASES = [  # a recipe, its images, and the conditions of its network
    (faces.RECIPE, "faces", {"attributes": 3}),
    (faces.RECIPE, "flowers", {"classes": 2}),
    (flowers_128.RECIPE, "flowers", {"classes": 2}),
    (flowers_expert_detail.RECIPE, "plain", {}),
    (flowers_expert_noise.RECIPE, "flowers", {"classes": 2}),
    (sketch_to_flower.RECIPE, "flowers", {"conditioning_channels": 3}),
    (super_resolution.RECIPE, "faces", {"conditioning_channels": 4}),
]


@pytest.mark.parametrize(("recipe", "images", "conditions"), CASES, ids=lambda value: getattr(value, "name", None))
def test_a_recipe_trains_resumes_and_leaves_a_conditional_model(shelf, tmp_path, recipe, images, conditions):
    out, data = tmp_path / "mine", shelf / f"{images}.parquet"
    train(recipe, out, "--data", data, "--images", 16)
    train(recipe, out, "--data", data, "--images", 24, "--resume")
    model = load("mine", [out], CPU)
    card = model.card
    assert card.config == conditions | small(recipe).config and card.size == 16
    assert (len(card.classes), len(card.attributes), bool(card.conditioning_image)) == (
        conditions.get("classes", 0),
        conditions.get("attributes", 0),
        "conditioning_channels" in conditions,
    )
    assert card.training["objective"]["null"] == (conditions.get("classes") or (0 if conditions else None))
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


def test_each_expert_is_trained_on_its_half_of_the_noise_levels(shelf, tmp_path, monkeypatch):
    seen, border = [], 1000 * flowers_expert_noise.RECIPE.objective.angles[0]
    forward = SimpleUNet.forward
    monkeypatch.setattr(
        SimpleUNet,
        "forward",
        lambda self, y, timestep, condition=None: seen.append(timestep) or forward(self, y, timestep, condition),
    )
    monkeypatch.setattr("diffusion_edu.recipes.command_line.finish", lambda run: None)
    for name, recipe in (("low", flowers_expert_detail.RECIPE), ("high", flowers_expert_noise.RECIPE)):
        seen.clear()
        train(
            replace(recipe, sheet=lambda *_: None), tmp_path / name, "--data", shelf / "plain.parquet", "--images", 64
        )
        timesteps = torch.cat(seen)
        assert len(timesteps) == 64 + 1  # and the held-out image
        assert ((timesteps > border) == (name == "high")).all()


# The training data of super-resolution


def coordinates(b=64, size=128):
    """Images whose red value encodes the row and whose green value the column."""
    ramp = torch.linspace(-1, 1, size)
    return (
        torch.stack([ramp.view(-1, 1).expand(size, size), ramp.expand(size, size), torch.zeros(size, size)])
        .expand(b, 3, size, size)
        .contiguous()
    )


def test_image_and_conditioning_image_are_cropped_at_the_same_position(monkeypatch):
    monkeypatch.setattr(super_resolution, "MAX_NOISE", 0.0)
    x0, condition = crop_and_shrink(coordinates(), None, seeded())
    assert (x0.shape, condition.shape) == ((64, 3, CROP, CROP), (64, 4, CROP, CROP))
    assert (condition[:, 3] == 0).all()
    inside = (condition[:, :3] - x0)[..., 3:-3, 3:-3]
    assert inside.abs().max() < 2e-3  # a ramp loses nothing when it is halved and doubled; a pixel aside would be 0.016
    torch.testing.assert_close(
        condition, conditioning_image(bicubic_downsample(x0), torch.zeros(64), torch.zeros(64, 3, 32, 32))
    )


def test_crops_come_from_everywhere_and_are_not_scaled():
    x0, _ = crop_and_shrink(coordinates(400), None, seeded())
    step = 2 / 127
    torch.testing.assert_close(x0.diff(dim=2)[:, 0], torch.full((400, CROP - 1, CROP), step), rtol=0, atol=1e-5)
    torch.testing.assert_close(x0.diff(dim=3)[:, 1], torch.full((400, CROP, CROP - 1), step), rtol=0, atol=1e-5)
    corners = ((x0[:, :2, 0, 0] + 1) / step).round()
    assert corners.min() == 0 and corners.max() == 128 - CROP and (corners[:, 0] != corners[:, 1]).any()
    whole, condition = crop_and_shrink(coordinates(2, 32), None, seeded())
    assert torch.equal(whole, coordinates(2, 32)) and condition.shape == (2, 4, 32, 32)


def test_every_conditioning_image_has_its_own_noise_and_noise_level():
    _, condition = crop_and_shrink(torch.zeros(400, 3, 8, 8), None, seeded())
    fraction = condition[:, 3, 0, 0]
    assert (condition[:, 3] == fraction.view(-1, 1, 1)).all()
    assert (
        0 <= fraction.min() < 0.02
        and MAX_NOISE - 0.02 < fraction.max() <= MAX_NOISE
        and fraction.unique().numel() > 390
    )
    strength = condition[:, :3].flatten(1).std(1)
    assert torch.stack([strength, fraction]).corrcoef()[0, 1] > 0.9
    assert torch.equal(condition, crop_and_shrink(torch.zeros(400, 3, 8, 8), None, seeded())[1])


# Sample sheets


@pytest.fixture
def run(tiny):
    """A run in training, with eleven held-out images."""
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
    model = Model(card, tiny(network="simple_unet", conditioning_channels=3).eval(), CPU)
    held_out = tuple(torch.rand(11, 3, 8, 8, generator=seeded(k)) * 2 - 1 for k in range(2))
    state = Namespace(generator=seeded(5))
    return Namespace(
        held_out=held_out,
        model=model,
        compute=CPU,
        recipe=sketch_to_flower.RECIPE,
        dataset=some(20, 8),
        state=state,
    )


def sheet_of(run, count):
    """The images of a sheet, uint8 (rows, 16, 3, 8, 8)."""
    sheet = torch.from_numpy(np.array(conditioned_sheet(run, count)))
    return sheet.unflatten(0, (-1, 8)).unflatten(2, (-1, 8)).permute(0, 2, 4, 1, 3)


def test_every_sample_stands_right_of_its_conditioning_image(run):
    sheet, conditions = sheet_of(run, 16), run.held_out[1]
    assert sheet.shape == (2, 16, 3, 8, 8)  # eleven pairs, eight in a row
    pairs = sheet.flatten(0, 1)[:22].unflatten(0, (11, 2))
    assert torch.equal(pairs[:, 0], to_bytes(conditions))
    *_, last = generate(run.model, Preset(steps=2), range(11), conditions)
    assert (pairs[:, 1].int() - to_bytes(last.x).int()).abs().max() <= 1
    assert torch.equal(sheet_of(run, 4)[0, :8], sheet[0, :8])


def test_without_held_out_images_the_first_ones_are_shown_and_the_training_does_not_change(run):
    run.held_out, before = None, run.state.generator.get_state()
    one, two = (sheet_of(run, 3) for _ in range(2))
    assert torch.equal(run.state.generator.get_state(), before)
    assert torch.equal(one, two)
    generator = torch.Generator().manual_seed(0)
    _, conditions = sketch_to_flower.RECIPE.prepare(to_signed(run.dataset.images[:3]), None, generator)
    assert torch.equal(one[0, 0:6:2], to_bytes(conditions))


# Fine-tuning


@pytest.fixture
def start(tiny, tmp_path, monkeypatch):
    """A function that saves a small model and loads it, ready to be fine-tuned."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)

    def build_one(class_name="v", network="simple_unet", **condition):
        config = CONFIG | {
            name: len(class_names) if name != "conditioning_channels" else 3 for name, class_names in condition.items()
        }
        save(
            tmp_path,
            Card("first", "F", network, config, class_name, 16, sampling={"steps": 2}, **condition),
            tiny(1, network, **config),
        )
        return load("first", compute=CPU)

    return build_one


def fine_tuned(first, class_names):
    """The network that a recipe begins with when it fine-tunes the first model with other conditions."""
    net, _ = build(
        adapt_recipe(first.card, small(faces.RECIPE)),
        ImageSet(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), **class_names),
    )
    net.load_state_dict(transfer_weights(first, net, class_names.get("classes") or class_names.get("attributes") or ()))
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
def test_new_conditions_begin_as_the_null_label_and_known_ones_unchanged(start, before, after):
    first, y, timestep = (
        start(**{name: list(class_names) for name, class_names in before.items()}),
        torch.randn(2, 3, 8, 8),
        torch.tensor([900.0, 200.0]),
    )
    net = fine_tuned(first, after)
    torch.testing.assert_close(net(y, timestep), first.net(y, timestep), rtol=0, atol=1e-5)
    for name in after:
        same = first.net(y, timestep, CONDITIONS[name] if before == after else None)
        torch.testing.assert_close(net(y, timestep, CONDITIONS[name]), same, rtol=0, atol=1e-5)


def test_a_restoration_model_can_begin_with_a_denoiser(start):
    card = start().card
    assert adapt_recipe(card, small(flowers_cold.RECIPE)).objective.prediction_type == "restoration"
    assert adapt_recipe(replace(card, prediction_type="eps"), small(faces.RECIPE)).objective.prediction_type == "eps"
    assert (
        adapt_recipe(
            replace(card, prediction_type="restoration"), small(flowers_attention.RECIPE)
        ).objective.prediction_type
        == "v"
    )


@pytest.mark.parametrize("network", ["vae", "experts", "mlp", "plain_classifier"])
def test_only_a_u_net_can_be_fine_tuned(network):
    with pytest.raises(ValueError, match="other cannot be fine-tuned: --from takes a U-Net"):
        adapt_recipe(Card("other", "O", network, {}, "v", 16), small(faces.RECIPE))


def test_impossible_image_sizes_are_refused_in_one_sentence(shelf, tmp_path):
    for size, better in (("18", "16"), ("3", "4")):
        with pytest.raises(SystemExit) as end:
            train(sketch_to_flower.RECIPE, tmp_path / "mine", "--data", shelf / "plain.parquet", "--size", size)
        assert end.value.code == f"Height and width of this network's images are divisible by 4: try --size {better}."
