"""The variational autoencoder: its loss against the formula of the paper, its images, its recipe,
and that it learns.
"""

import csv
import json
import math
from dataclasses import replace
from itertools import islice

import pytest
import torch
from helpers import seeded
from torch.distributions import Normal, kl_divergence

from diffusion_edu.checkpoints import Card, Model, load
from diffusion_edu.data.batches import batches
from diffusion_edu.data.images import ImageSet, load_images, save_images
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks.vae import VAE
from diffusion_edu.randomness import Compute
from diffusion_edu.recipes import faces_vae, flowers_vae
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.sample_sheet import generate_samples
from diffusion_edu.training.loop import fit, held_out_loss, train_state
from diffusion_edu.training.objectives.autoencoding import Variational

CONFIG = {"size": 8, "widths": (8, 16), "code": 4}
COLOURS = torch.tensor([[220, 30, 30], [30, 30, 220]], dtype=torch.uint8)


def vae(seed=0, **config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VAE(**{**CONFIG, **config})


def images(b=5, size=8):
    return torch.rand(b, 3, size, size, generator=seeded()) * 2 - 1


def model(net):
    return Model(Card("v", "V", "vae", {}, "vae", 8), net.eval(), Compute(torch.device("cpu")))


@pytest.mark.parametrize(("size", "widths", "code"), [(8, (8, 16), 4), (16, (4, 4, 8), 7), (64, (4, 8, 8, 8, 8), 16)])
def test_images_become_codes_and_codes_images(size, widths, code):
    net = vae(size=size, widths=widths, code=code)
    mean, log_variance = net.encode(images(2, size))
    assert mean.shape == log_variance.shape == (2, code)
    assert net.decode(mean).shape == (2, 3, size, size)
    assert size % net.size_multiple == 0


def test_a_code_is_its_mean_plus_noise_of_its_variance():
    net, x, eps = vae(), images(), torch.randn(5, 4, generator=seeded(1))
    heard = []
    net.up.register_forward_pre_hook(lambda _, codes: heard.append(codes[0]))
    x0_hat, mean, log_variance = net(x, eps)
    torch.testing.assert_close(heard[0], mean + log_variance.exp().sqrt() * eps)
    torch.testing.assert_close(x0_hat, net.decode(heard[0]))
    torch.testing.assert_close((mean, log_variance), net.encode(x))


@pytest.mark.parametrize("std", [0.1, 0.2, 1.0])
def test_the_loss_is_the_negative_elbo_that_the_distributions_give(std):
    """Kingma & Welling 2014, eq. 3: divergence of the codes from normal ones, less the log density of the image."""
    net, x0, eps = vae(), images(), torch.randn(5, 3, 8, 8, generator=seeded(1))
    mean, log_variance = net.encode(x0)
    codes = Normal(mean, (log_variance / 2).exp())
    divergence = kl_divergence(codes, Normal(0.0, 1.0)).sum(1)
    decoded = net.decode(codes.mean + codes.stddev * eps.flatten(1)[:, :4])
    density = Normal(decoded, std).log_prob(x0).flatten(1).sum(1)
    units, constant = 2 * std**2 / x0[0].numel(), std**2 * math.log(2 * math.pi * std**2)
    expected = units * (divergence - density) - constant
    torch.testing.assert_close(Variational(std=std).at(net, x0, None, None, eps), expected, rtol=1e-4, atol=1e-6)


def test_the_loss_is_one_number_per_image_and_the_held_out_loss_is_reproducible():
    net, x0, eps = vae(), images(), torch.randn(5, 3, 8, 8, generator=seeded(1))
    losses = Variational().at(net, x0, None, None, eps)
    torch.testing.assert_close(Variational().at(net, x0[2:3], None, None, eps[2:3]), losses[2:3])
    assert Variational()(net, x0, None, seeded()).shape == (5,)
    assert not torch.equal(Variational()(net, x0, None, seeded()), Variational()(net, x0, None, seeded(1)))
    held = [held_out_loss(net, x0, None, Variational(), batch=batch) for batch in (64, 2, 64)]
    assert held[0] == held[2] == pytest.approx(held[1], rel=1e-5)


def test_gradients_reach_every_weight():
    net = vae()
    Variational()(net, images(), None, seeded()).mean().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in net.parameters())


def test_a_vae_draws_in_one_go_a_image_for_every_seed():
    able = model(vae())
    with torch.no_grad():
        able.net.out.weight.mul_(50)  # so that some of it must be cut
    (state,) = generate(able, Preset(), [3, 4, 5])
    assert state.t == 0 and state.x.shape == (3, 3, 8, 8) and state.x is state.x0_hat
    assert state.x.abs().max() == 1 and not state.x.requires_grad
    codes = torch.stack([torch.randn(4, generator=seeded(seed)) for seed in (3, 4, 5)])
    torch.testing.assert_close(state.x, able.net.decode(codes).clamp(-1, 1))
    (one,) = generate(able, Preset(), [4])
    torch.testing.assert_close(one.x, state.x[1:2], rtol=0, atol=1e-4)
    assert not torch.allclose(state.x[0], state.x[1], atol=1e-2)


def two_colours(n):
    labels = torch.arange(n) % 2
    return ImageSet(COLOURS[labels][:, :, None, None].expand(n, 3, 8, 8).contiguous())


def test_a_tiny_vae_learns_two_colours_and_draws_both():
    state, some = train_state(vae(code=2)), two_colours(16)
    kept = held_out_loss(state.net, some.images / 127.5 - 1, None, Variational())
    list(islice(fit(state, batches(some, 16, state.generator), Variational(), lambda at: 1e-2, ema=0.9), 120))
    assert held_out_loss(state.ema, some.images / 127.5 - 1, None, Variational()) < 0.1 * kept
    (sampled,) = generate(model(state.ema), Preset(), range(200))
    away = torch.cdist(sampled.x.mean((2, 3)), COLOURS / 127.5 - 1)  # (200, 2)
    near = away.amin(1) < 0.3
    assert near.float().mean() > 0.7  # of untrained ones none are
    assert away[near].argmin(1).float().mean().item() == pytest.approx(0.5, abs=0.2)


# From the command line


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "p.parquet"
    save_images(path, replace(two_colours(70), labels=torch.arange(70) % 2, classes=("red", "blue")))
    return path


def run(photos, out, *words, recipe):
    recipe = replace(recipe, config={"size": 64, "widths": [8, 16], "code": 4}, size=8, batch=8)
    main(recipe, ["--data", str(photos), "--out", str(out), "--device", "cpu", *words])


@pytest.mark.parametrize("recipe", [flowers_vae.RECIPE, faces_vae.RECIPE], ids=lambda recipe: recipe.name)
def test_a_recipe_leaves_a_vae_with_its_card_and_goes_on_where_it_was(photos, tmp_path, recipe):
    out = tmp_path / "mine"
    run(photos, out, "--images", "16", recipe=recipe)
    run(photos, out, "--images", "40", "--resume", recipe=recipe)
    able = load("mine", [out], Compute(torch.device("cpu")))
    card = able.card
    assert (card.prediction_type, card.conditional, card.generates, card.classes, card.config["size"]) == (
        "vae",
        False,
        False,
        [],
        8,
    )
    assert card.training["objective"] == {"prediction_type": "vae", "null": None, "std": 0.2}
    assert card.training["images_seen"] == 40 and 0 < card.training["validation_loss"] < 2
    assert [row["images"] for row in csv.DictReader((out / "training" / "log.csv").open())] == ["16", "40"]
    sampled = generate_samples(able, range(5), batch=2)
    assert (sampled.shape, sampled.dtype) == ((5, 3, 8, 8), torch.uint8)
    assert json.loads((out / "mine.json").read_text())["network"] == "vae"
    assert len(load_images(out, 8, tell=lambda sentence: None)) == 3  # samples, growth and curve; no sheets
    assert len(list((out / "training" / "sheets").glob("*.png"))) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["--size", "9"], "divisible by 2: try --size 8"), (["--from", "flowers_simple"], "cannot be fine-tuned")],
    ids=str,
)
def test_what_a_vae_cannot_do_is_refused_in_one_sentence(photos, tmp_path, words, sentence):
    with pytest.raises(SystemExit) as end:
        run(photos, tmp_path / "mine", *words, recipe=flowers_vae.RECIPE)
    assert sentence in end.value.code and "\n" not in end.value.code
