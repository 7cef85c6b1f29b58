"""The autoencoder of latent diffusion: its shapes, its loss against plain formulas, its recipe, and the one place that
scales latents.
"""

import csv
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import CPU, seeded
from PIL import Image
from torch import nn
from torch.distributions import Normal, kl_divergence

from diffusion_edu.checkpoints import Unusable, load
from diffusion_edu.data.images import ImageSet, cut, held_out, load_images, save_images, to_bytes, to_signed
from diffusion_edu.evaluation import autoencoder as evaluation
from diffusion_edu.latent.codec import codec_of_diffusers, load_codec, make_codec, measure_latents
from diffusion_edu.networks.autoencoder import Autoencoder
from diffusion_edu.recipes import autoencoder
from diffusion_edu.recipes.model_setup import split_held_out
from diffusion_edu.training import perceptual
from diffusion_edu.training.loop import fit, held_out_loss, train_state
from diffusion_edu.training.objectives.autoencoding import Reconstruction, shifted
from diffusion_edu.training.objectives.diffusion import sample_noise_levels
from diffusion_edu.training.perceptual import feature_maps, feature_network, perceptual_distance

CONFIG = {"widths": (8, 16), "blocks": (1, 1)}
TINY = replace(
    autoencoder.RECIPE, config={"latent": 4, "widths": [8, 16], "blocks": [1, 1], "patch": 4}, size=16, batch=8, ema=0.9
)


def small(**config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Autoencoder(**{**CONFIG, **config})


def images(b=3, h=16, w=16):
    return torch.rand(b, 3, h, w, generator=seeded()) * 2 - 1


def looking():
    """A few layers to look with, of random weights: two sizes of feature_maps."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.SiLU(), nn.MaxPool2d(2), nn.Conv2d(6, 5, 3, padding=1)
        ).requires_grad_(False)


# The network


@pytest.mark.parametrize(("h", "w"), [(8, 8), (16, 16), (24, 40), (128, 128)])
@pytest.mark.parametrize(
    "config", [{}, {"widths": (8, 8, 16), "patch": 2}, {"widths": (8,), "patch": 8, "latent": 7}], ids=str
)
def test_images_of_any_size_divisible_by_8_become_latents_and_images_again(h, w, config):
    net = small(**config)
    mean, log_variance = net.encode(images(2, h, w))
    assert mean.shape == log_variance.shape == (2, net.latent, h // 8, w // 8)
    assert net.decode(mean).shape == (2, 3, h, w) and net.size_multiple == 8


@pytest.mark.parametrize("shape", [(12, 16), (16, 20), (4, 4)])
def test_other_sizes_are_refused_in_words(shape):
    with pytest.raises(ValueError, match=rf"divisible by 8, not \(1, 3, {shape[0]}, {shape[1]}\)"):
        small().encode(images(1, *shape))


def test_a_latent_is_its_mean_plus_noise_of_its_variance():
    net, x, eps = small(), images(), torch.randn(3, 4, 2, 2, generator=seeded(1))
    x0_hat, mean, log_variance = net(x, eps)
    torch.testing.assert_close((mean, log_variance), net.encode(x))
    torch.testing.assert_close(x0_hat, net.decode(mean + log_variance.exp().sqrt() * eps))
    assert not torch.allclose(net(x, -eps)[0], x0_hat)


def test_the_network_of_the_recipe_is_as_small_as_promised():
    net = Autoencoder(**autoencoder.RECIPE.config)
    assert sum(weight.numel() for weight in net.parameters()) < 4e6
    assert net.encode(images(1, 128, 128))[0].shape == (1, 4, 16, 16)


# The perceptual distance


def test_the_perceptual_distance_is_the_formula_of_the_paper_position_by_position():
    layers, x, x0 = looking(), images(2, 8, 8), images(2, 8, 8).flip(0)
    expected = []
    for photo, truth in zip(x, x0, strict=True):
        total = []
        for last in (2, 4):
            a, b = (layers[:last](image[None])[0] for image in (photo, truth))
            places = [
                ((a[:, i, j] / a[:, i, j].norm() - b[:, i, j] / b[:, i, j].norm()) ** 2).sum()
                for i in range(a.shape[1])
                for j in range(a.shape[2])
            ]
            total.append(sum(places) / len(places))
        expected.append(sum(total) / 2)
    torch.testing.assert_close(perceptual_distance(layers, x, x0), torch.stack(expected))
    assert perceptual_distance(layers, x, x).abs().max() == 0


def test_our_features_see_blur_grow_and_are_frozen():
    layers, x0 = feature_network("flower_features", CPU.device), waves()
    blurred = [F.interpolate(F.avg_pool2d(x0, f), scale_factor=f, mode="bilinear") for f in (2, 4, 8)]
    seen = [perceptual_distance(layers, x, x0).item() for x in blurred]
    assert 0 < 3 * seen[0] < seen[1] < seen[2] / 2 < 1, seen
    assert [tuple(map_.shape[1:]) for map_ in feature_maps(layers, x0)] == [
        (48, 32, 32),
        (96, 16, 16),
        (128, 8, 8),
        (128, 4, 4),
    ]
    assert not any(weight.requires_grad for weight in layers.parameters())
    assert feature_network("flower_features", CPU.device) is layers


def waves():
    """An image (1, 3, 64, 64) of long and strong waves and short and weak ones, as photographs have them."""
    ramp = torch.arange(64.0)
    found = sum(torch.sin(ramp.view(64, 1) * k + ramp * k / 2) * 0.1 / k for k in (0.15, 0.3, 0.6, 1.2))
    return torch.stack([found, found.T, -found])[None]


def test_vgg16_has_the_five_maps_of_the_paper_behind_the_colours_it_knows(monkeypatch):
    monkeypatch.setattr(perceptual, "vgg16", lambda build=perceptual.vgg16: build(weights=None))
    feature_network.cache_clear()
    layers, x = feature_network("vgg16", CPU.device), images(1, 32, 32)
    feature_network.cache_clear()
    assert [tuple(map_.shape[1:]) for map_ in feature_maps(layers, x)] == [
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
        (512, 4, 4),
        (512, 2, 2),
    ]
    transforms = pytest.importorskip("torchvision.transforms.v2.functional")
    torch.testing.assert_close(
        layers[0](x), transforms.normalize((x + 1) / 2, list(perceptual.MEAN), list(perceptual.STD))
    )
    x0_hat = x.clone().requires_grad_()
    perceptual_distance(layers, x0_hat, x.flip(2)).sum().backward()
    assert x0_hat.grad.abs().min() > 0 and all(weight.grad is None for weight in layers.parameters())


def test_a_network_without_features_is_refused_in_one_sentence(monkeypatch):
    with pytest.raises(ValueError, match="is not a classifier"):
        feature_network("flowers_simple", CPU.device)
    monkeypatch.setattr("torchvision.models.vgg16", lambda **_: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(ValueError, match="VGG16 could not be downloaded \\(no network\\)"):
        feature_network("vgg16", CPU.device)


# The objective


@pytest.mark.parametrize(("perceptual_weight", "kl_weight"), [(0.0, 0.0), (0.0, 0.1), (0.7, 0.1)])
def test_the_loss_is_what_its_parts_add_up_to(perceptual_weight, kl_weight, monkeypatch):
    monkeypatch.setattr(
        "diffusion_edu.training.objectives.autoencoding.feature_network", lambda name, device: looking()
    )
    net, x0, eps = small(), images(), torch.randn(3, 3, 16, 16, generator=seeded(1))
    mean, log_variance = net.encode(x0)
    codes = Normal(mean, (log_variance / 2).exp())
    noise = torch.stack(
        [eps.unfold(2, 8, 8).unfold(3, 8, 8)[:, 0, :, :, 0, k] for k in range(4)], 1
    )  # one number for each latent
    x0_hat = net.decode(codes.mean + codes.stddev * noise)
    expected = (x0_hat - x0).abs().mean((1, 2, 3)) + kl_weight * kl_divergence(codes, Normal(0.0, 1.0)).mean((1, 2, 3))
    turned = [torch.stack([x[0], x[1].roll(1, 2), x[2].roll(15, 1).roll(15, 2)]) for x in (x0_hat, x0)]
    expected = expected + perceptual_weight * perceptual_distance(looking(), *turned)
    theta = torch.tensor([0.0, 1.5 / 256, 1.0]) * (math.pi / 2)
    loss = Reconstruction(perceptual_weight=perceptual_weight, kl_weight=kl_weight).at(net, x0, None, theta, eps)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)


def test_the_loss_is_one_number_per_image_and_the_held_out_loss_is_reproducible():
    net, x0 = small(), images(5)
    assert Reconstruction()(net, x0, None, seeded()).shape == (5,)
    held = [held_out_loss(net, x0, None, Reconstruction(), batch=batch) for batch in (64, 2, 64)]
    assert held[0] == held[2] == pytest.approx(held[1], rel=1e-5)


def test_gradients_reach_every_weight_and_none_of_the_feature_network():
    net, objective = small(), Reconstruction()
    objective(net, images(), None, seeded()).mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in net.parameters())
    assert all(weight.grad is None for weight in feature_network(objective.feature_network, CPU.device).parameters())


def test_it_learns_to_bring_colours_back(monkeypatch):
    layers = looking()
    monkeypatch.setattr("diffusion_edu.training.objectives.autoencoding.feature_network", lambda name, device: layers)
    colours = torch.rand(8, 3, 1, 1, generator=seeded()) * 2 - 1
    x0 = colours.expand(8, 3, 16, 16)
    state, objective = train_state(small(), 0), Reconstruction()
    before = (
        Reconstruction(perceptual_weight=0.0, kl_weight=0.0).at(state.net, x0, None, None, torch.zeros_like(x0)).mean()
    )
    for _ in fit(state, ((x0, None) for _ in range(300)), objective, lambda _: 5e-3, ema=0.9):
        pass
    after = (
        Reconstruction(perceptual_weight=0.0, kl_weight=0.0).at(state.net, x0, None, None, torch.zeros_like(x0)).mean()
    )
    assert after < before / 3


def test_every_shift_occurs_so_that_no_pattern_hides_from_patches():
    x = torch.arange(256.0).view(1, 1, 16, 16).expand(4000, 1, 16, 16)
    theta, _ = sample_noise_levels(x, seeded())
    first = shifted(x, theta)[:, 0, 0, 0].long()
    assert first.bincount(minlength=256).min() > 0
    assert torch.equal(shifted(x[:9], theta[:9]).flatten(1).sort()[0], x[:9].flatten(1))


@pytest.mark.parametrize("size", [5, 64])
def test_crops_lie_anywhere_inside_and_are_not_stretched(size):
    x = (torch.arange(12.0).view(12, 1) * 100 + torch.arange(9.0)).expand(300, 1, 12, 9)
    cropped = cut(x, size, seeded())
    side = min(size, 9)
    assert cropped.shape == (300, 1, side, side)
    assert (cropped.diff(dim=2) == 100).all() and (cropped.diff(dim=3) == 1).all()
    assert set(cropped[:, 0, 0, 0].tolist()) == {
        100.0 * top + left for top in range(12 - side + 1) for left in range(9 - side + 1)
    }


# The one place that scales latents


def test_latents_are_measured_so_that_each_channel_has_mean_0_and_variance_1_and_come_back():
    net = small().eval()
    x0 = images(40, 16, 24)
    found = measure_latents(net, CPU, x0.split(7))
    able = make_codec(net, CPU, found["mean"], found["std"], 8)
    latents = able.encode(x0)
    assert able.channels == 4 and latents.shape == (40, 4, 2, 3)
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(latents.std((0, 2, 3), correction=0), torch.ones(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(able.decode(latents), net.decode(net.encode(x0)[0]).clamp(-1, 1))
    assert not torch.allclose(
        able.decode(latents), make_codec(net, CPU, [0.0] * 4, [1.0] * 4, 8).decode(latents), atol=1e-3
    )


def test_latents_are_not_clipped_and_images_are():
    class Loud(nn.Module):
        def encode(self, x):
            return 50 * F.avg_pool2d(x, 8), torch.zeros_like(F.avg_pool2d(x, 8))

        def decode(self, z):
            return F.interpolate(z / 25, scale_factor=8)

    able = make_codec(Loud(), CPU, [1.0, 2.0, 3.0], [5.0, 5.0, 5.0], 8)
    x0 = torch.full((1, 3, 8, 8), 0.8)
    assert able.encode(x0).flatten().tolist() == pytest.approx([7.8, 7.6, 7.4])
    assert torch.equal(able.decode(able.encode(x0)), torch.ones(1, 3, 8, 8))  # 1.6, but for the range
    torch.testing.assert_close(able.decode(able.encode(x0 / 4)), x0 / 2)


def test_other_sizes_are_refused_before_a_network_meets_them():
    with pytest.raises(ValueError, match="divisible by 8, not 16 x 20"):
        make_codec(small(), CPU, [0.0] * 4, [1.0] * 4, 8).encode(images(1, 16, 20))


# Stable Diffusion's


@pytest.fixture(scope="module")
def kl(tmp_path_factory):
    """A tiny AutoencoderKL with random weights, saved as the hub keeps them."""
    diffusers = pytest.importorskip("diffusers")
    blocks = {
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": (4, 4, 8, 8),
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        vae = diffusers.AutoencoderKL(
            **blocks, norm_num_groups=2, layers_per_block=1, scaling_factor=0.5, shift_factor=0.25
        ).eval()
    folder = tmp_path_factory.mktemp("hub") / "tiny"
    vae.save_pretrained(folder)
    return vae, folder


def test_the_autoencoder_of_stable_diffusion_makes_the_latents_that_its_config_says(kl):
    vae, folder = kl
    able, x0 = load_codec(str(folder), compute=CPU), images(2, 32, 48)
    with torch.no_grad():
        mean = vae.encode(x0).latent_dist.mode()
        expected = (mean - 0.25) * 0.5
        torch.testing.assert_close(able.encode(x0), expected)
        torch.testing.assert_close(able.decode(expected), vae.decode(mean).sample.clamp(-1, 1))
    assert (able.factor, able.channels) == (8, 4) and expected.shape == (2, 4, 4, 6)
    assert not any(weight.requires_grad for weight in able.net.parameters())


def test_an_old_config_without_a_shift_has_none(kl):
    vae, _ = kl
    vae.register_to_config(shift_factor=None)
    able = codec_of_diffusers(vae, CPU)
    assert able.mean.tolist() == [[[0.0]]] * 4 and able.std.flatten().tolist() == [2.0] * 4


def test_what_is_no_autoencoder_or_is_not_there_is_refused_in_one_sentence(tmp_path, monkeypatch):
    for name, words in {
        "flowers_simple": "has no latents",
        "nowhere": "no model 'nowhere'",
        str(tmp_path / "none"): "could not be loaded",
    }.items():
        with pytest.raises(Unusable, match=words) as problem:
            load_codec(name, compute=CPU)
        assert "\n" not in str(problem.value)
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(Unusable, match="pip install diffusers"):
        load_codec("owner/name", compute=CPU)


# The recipe


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of 70 images of two colours each: enough to hold one back."""
    folder, generator = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for k in range(70):
        colours = generator.integers(0, 256, (2, 1, 3), dtype=np.uint8)
        Image.fromarray(colours.repeat(10, 0).repeat(20, 1)).save(folder / f"{k}.png")
    return folder


def run(photos, out, *words, recipe=TINY):
    autoencoder.main(["--data", str(photos), "--out", str(out), "--device", "cpu", *words], recipe)


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "mine"
    run(photos, out, "--images", "400")
    run(photos, out, "--images", "800", "--resume")
    return out


def test_the_recipe_leaves_an_autoencoder_with_its_card_and_goes_on_where_it_was(trained):
    card = load("mine", [trained], CPU).card
    assert (card.prediction_type, card.conditional, card.generates, card.classes, card.size) == (
        "autoencoder",
        False,
        False,
        [],
        16,
    )
    assert card.training["objective"] == {
        "prediction_type": "autoencoder",
        "null": None,
        "perceptual_weight": 0.2,
        "kl_weight": 3e-4,
        "feature_network": "flower_features",
    }
    assert card.training["images_seen"] == 800 and 0 < card.training["validation_loss"] < 1
    assert [row["images"] for row in csv.DictReader((trained / "training" / "log.csv").open())] == ["400", "800"]
    assert card.data["images"] == 70 and card.data["held_out"] == 1


def test_the_latents_of_the_images_it_has_learned_from_have_variance_1(trained, photos):
    """Pitfall 36."""
    able = load_codec("mine", [trained], CPU)
    _, training_set = split_held_out(load_images(photos, 16))
    latents = able.encode(to_signed(training_set.images))
    assert latents.shape == (69, 4, 2, 2)
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(4), rtol=0, atol=0.05)
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=0.05)


def test_its_sheets_show_held_out_images_beside_what_came_back(trained, photos):
    kept, _ = split_held_out(load_images(photos, 16))
    with Image.open(trained / "mine.png") as sheet:
        shown = to_signed(torch.from_numpy(np.array(sheet)).permute(2, 0, 1))[None]
    able = load_codec("mine", [trained], CPU)
    assert shown.shape[-1] % 16 == 0 and (shown[..., :16, :16] - kept[0]).abs().max() < 0.02
    assert (
        shown[..., :16, 16:32] - able.decode(able.encode(kept[0]))
    ).abs().max() < 0.1  # bfloat16 where the machine has it, a byte per channel
    with Image.open(trained / "mine.growth.png") as growth:
        assert growth.height % 16 == 0


def test_it_sees_crops_and_the_held_out_image_is_cut_alike_every_time():
    x0 = images(4, 128, 128)
    first, condition = autoencoder.random_crop(x0, None, seeded())
    assert first.shape == (4, 3, autoencoder.CROP, autoencoder.CROP) and condition is None
    assert torch.equal(autoencoder.random_crop(x0, None, seeded())[0], first)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--size", "20"], "divisible by 8: try --size 16"),
        (["--from", "flowers_simple"], "cannot be fine-tuned"),
        (["--feature-network", "flowers_simple"], "is not a classifier"),
        (["--feature-network", "nobody"], "no model 'nobody'"),
    ],
    ids=str,
)
def test_what_an_autoencoder_cannot_do_is_refused_in_one_sentence(photos, tmp_path, words, sentence):
    with pytest.raises(SystemExit) as end:
        run(photos, tmp_path / "mine", "--images", "16", *words)
    assert sentence in end.value.code and "\n" not in end.value.code


# The evaluation


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """A parquet file of 130 images of one colour with a light spot: enough to hold two back."""
    generator = seeded()
    images = torch.randint(0, 200, (130, 3, 1, 1), generator=generator, dtype=torch.uint8).repeat(1, 1, 64, 64)
    images[..., 20:30, 20:30] += 50
    path = tmp_path_factory.mktemp("sets") / "flowers.parquet"
    save_images(path, ImageSet(images))
    return path


@pytest.fixture(scope="module")
def large(flowers, tmp_path_factory):
    """A small autoencoder for images of 64x64, that the classifier can look at."""
    out = tmp_path_factory.mktemp("runs") / "large"
    run(flowers, out, "--images", "64", "--size", "64")
    return out


def evaluated(large, monkeypatch, *words):
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", large.parent)
    args = evaluation.arguments(["large", "--device", "cpu", *map(str, words)])
    return evaluation.evaluate(args, lambda parts, words="": parts)


def test_the_scores_are_those_of_held_out_images_and_go_into_the_card(large, flowers, monkeypatch):
    scores = evaluated(large, monkeypatch, "--data", flowers)
    images = load_images(flowers, 64, lambda sentence: None)
    real = to_signed(images.images[held_out(images)])
    able = load_codec("large", [large], CPU)
    errors = (to_signed(to_bytes(able.decode(able.encode(real)))) - real).square().mean()
    assert scores["autoencoder"]["PSNR"] == pytest.approx(
        10 * math.log10(4 / errors), abs=0.5
    )  # batches of another size round differently
    assert scores["autoencoder"]["perceptual_distance"] > 0 and scores["latent_std"] > 0.1
    small_ones = to_signed(evaluation.bicubic_baseline(images.images[held_out(images)], 8))
    assert scores["bicubic"]["PSNR"] == pytest.approx(
        10 * math.log10(4 / (small_ones - real).square().mean()), abs=0.01
    )
    assert scores["FD_floor"] >= 0 and scores["autoencoder"]["FD"] > 0 and scores["bicubic"]["FD"] > 0
    assert "2 images of flowers.parquet" in scores["protocol"] and "--data flowers.parquet" in scores["command"]
    card = load("large", [large], CPU).card
    assert card.scores == scores and card.latents["std"]


def test_the_bicubic_baseline_keeps_flat_colours_and_loses_fine_patterns():
    flat = torch.full((1, 3, 32, 32), 77, dtype=torch.uint8)
    assert torch.equal(evaluation.bicubic_baseline(flat, 8), flat)
    check = ((torch.arange(32).view(32, 1) + torch.arange(32)) % 2 * 255).to(torch.uint8).expand(1, 3, 32, 32)
    assert (evaluation.bicubic_baseline(check, 8).float() - 127.5).abs().mean() < 10


def test_problems_of_the_evaluation_end_in_one_sentence(large, photos, monkeypatch):
    with pytest.raises(ValueError, match="too few to hold two of them out"):
        evaluated(large, monkeypatch, "--data", photos)
    with pytest.raises(Unusable, match="flowers_simple has no latents"):
        evaluation.evaluate(evaluation.arguments(["flowers_simple", "--device", "cpu"]), iter)
