"""A decoder trained against a critic: which of the two learns from which term, and the recipe that
keeps the latents.
"""

from copy import deepcopy
from dataclasses import replace
from math import isfinite

import numpy as np
import pytest
import torch
from helpers import CPU
from PIL import Image

from diffusion_edu.checkpoints import Card, load, save
from diffusion_edu.latent.codec import load_codec
from diffusion_edu.networks.autoencoder import Autoencoder
from diffusion_edu.networks.critic import AutoencoderGAN, Critic
from diffusion_edu.recipes import decoder_gan
from diffusion_edu.training.loop import fit, train_state
from diffusion_edu.training.objectives import autoencoding
from diffusion_edu.training.objectives.adversarial import Adversarial, hinge_loss
from diffusion_edu.training.perceptual import perceptual_distance

CONFIG = {"widths": [8, 16], "blocks": [1, 1], "patch": 4}


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def images(b=4, size=32):
    return torch.rand(b, 3, size, size) * 2 - 1


def test_a_critic_scores_every_position_by_the_pixels_around_it():
    critic, x = Critic(), images(1, 96).requires_grad_()
    said = critic(x)
    assert said.shape == (1, 1, 12, 12)
    said[0, 0, 6, 6].backward()
    seen = x.grad[0].abs().sum(0).nonzero()
    wide = seen.max(0).values - seen.min(0).values + 1
    assert (wide >= 30).all() and (wide <= 50).all()


def test_no_layer_of_a_critic_amplifies_a_change():
    critic = Critic()
    with torch.no_grad():
        for layer in critic.layers[::2]:
            layer.parametrizations.weight.original.mul_(30)
    for _ in range(30):
        critic(images(1))  # every forward pass in training improves the estimate of the norm
    for layer in critic.layers[::2]:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)


def test_the_hinge_loss_is_zero_beyond_its_margin():
    fake, real = (
        torch.tensor([-2.0, -1.0, 0.0, 3.0]).view(4, 1, 1, 1),
        torch.tensor([2.0, 0.5, 0.0, -1.0]).view(4, 1, 1, 1),
    )
    assert hinge_loss(fake, real).tolist() == [0, 0.5, 2, 6]


def test_decoder_and_critic_each_learn_from_their_own_term_only():
    net, x = AutoencoderGAN(Autoencoder(**CONFIG)), images()
    _, scores, fake, real = net(x)
    (-scores.mean()).backward()
    assert all(weight.grad is None for weight in (*net.critic.parameters(), *net.autoencoder.down.parameters()))
    with torch.no_grad():
        before = net.critic.eval()(net(x)[0]).mean()
        for weight in net.autoencoder.up.parameters():
            weight -= 0.05 * weight.grad
            weight.grad = None
        assert net.critic(net(x)[0]).mean() > before
    (fake + 2 * real).mean().backward()
    assert all(weight.grad is None for weight in net.autoencoder.parameters())
    assert all(weight.grad.any() for weight in net.critic.parameters())


def test_the_loss_is_the_sum_of_its_terms(monkeypatch):
    layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.SiLU())
    monkeypatch.setattr(autoencoding, "feature_network", lambda name, device: layers)
    net, x, objective = AutoencoderGAN(Autoencoder(**CONFIG)).eval(), images(), Adversarial(perceptual_weight=0.5)
    theta, eps = torch.full((4,), 1e-6), torch.zeros_like(x)  # without a shift
    x_hat, scores, fake, real = net(x)
    assert torch.equal(scores, fake)
    expected = (
        (x_hat - x).abs().flatten(1).mean(1)
        + hinge_loss(fake, real)
        - 0.05 * fake.flatten(1).mean(1)
        + 0.5 * perceptual_distance(layers, x_hat, x)
    )
    torch.testing.assert_close(objective.at(net, x, None, theta, eps), expected)


def test_training_sharpens_what_is_blurred_and_leaves_the_latents(monkeypatch):
    monkeypatch.setattr(
        autoencoding,
        "feature_network",
        lambda name, device: torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1)).requires_grad_(False),
    )
    net, x = AutoencoderGAN(Autoencoder(**CONFIG)), images(8)
    before, state = deepcopy(net), train_state(net)
    for progress in fit(state, iter([(x, None)] * 30), Adversarial(), lambda state: 3e-3):
        assert isfinite(progress.loss)
    for name, weight in state.ema.autoencoder.down.state_dict().items():
        assert torch.equal(weight, before.autoencoder.down.state_dict()[name]), name
    *_, fake, real = state.net(x)
    *_, was_fake, was_real = before(x)
    assert hinge_loss(fake, real).mean() < hinge_loss(was_fake, was_real).mean()  # the critic learns
    assert not torch.equal(state.ema.autoencoder.up[0].weight, before.autoencoder.up[0].weight)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder to work in, with images and a tiny autoencoder among its runs."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for k in range(70):
        Image.fromarray(generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / "photos" / f"{k}.png")
    scale = {"mean": [0.1, -0.2, 0.3, 0.0], "std": [0.5, 1.5, 1.0, 2.0]}
    save(
        tmp_path / "runs" / "blurred",
        Card("blurred", "B", "autoencoder", CONFIG, "autoencoder", 32, latents=scale),
        Autoencoder(**CONFIG),
    )
    return tmp_path


def run(*words):
    recipe = replace(decoder_gan.RECIPE, batch=8)
    decoder_gan.main(["--data", "photos", "--out", "runs/sharp", "--device", "cpu", "--lr", "0.5", *words], recipe)


def test_the_recipe_leaves_an_autoencoder_with_the_same_latents(home):
    run("--from", "blurred", "--images", "40")
    run("--from", "blurred", "--images", "80", "--resume")
    old, new, x0 = load_codec("blurred", compute=CPU), load_codec("sharp", compute=CPU), images()
    assert torch.equal(old.encode(x0), new.encode(x0)) and not torch.equal(
        old.decode(old.encode(x0)), new.decode(new.encode(x0))
    )
    card, before = load("sharp", compute=CPU).card, load("blurred", compute=CPU).card
    assert (card.prediction_type, card.title, card.latents, card.config) == (
        "autoencoder",
        "sharp",
        before.latents,
        before.config,
    )
    assert torch.equal(load("sharp", compute=CPU).net.down[0].weight, load("blurred", compute=CPU).net.down[0].weight)
    assert (
        card.training["from"] == "blurred"
        and card.training["fraction"] == decoder_gan.FRACTION
        and card.training["images_seen"] == 80
    )
    assert {path.name for path in (home / "runs" / "sharp").iterdir()} > {"sharp.png", "sharp.curve.png", "training"}


def test_the_saved_weights_lie_between_the_first_decoder_and_the_trained_one(home, monkeypatch):
    weights = {}
    for fraction in (0.0, 0.5, 1.0):
        monkeypatch.setattr(decoder_gan, "FRACTION", fraction)
        run("--from", "blurred", "--images", "80", "--out", f"runs/fraction_{fraction}")
        weights[fraction] = load(f"fraction_{fraction}", compute=CPU).net.up[0].weight
    torch.testing.assert_close(weights[0.5], (weights[0.0] + weights[1.0]) / 2, atol=2e-3, rtol=0)
    assert torch.equal(weights[0.0], load("blurred", compute=CPU).net.up[0].weight) and not torch.equal(
        weights[0.0], weights[1.0]
    )


@pytest.mark.parametrize("words", [(), ("--from", "flowers_simple")])
def test_only_an_autoencoder_can_be_sharpened(home, words):
    with pytest.raises(
        SystemExit, match="Name the autoencoder whose decoder is to be sharper, for example: --from autoencoder"
    ):
        run("--images", "8", *words)
