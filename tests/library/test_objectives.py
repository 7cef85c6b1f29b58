"""Losses at known angles, their weights, and what is sampled for them."""

import math

import pytest
import torch
from conftest import ConstantNetwork
from helpers import seeded

from diffusion_edu.degradations import degrade_each
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.training.loop import loss_by_angle
from diffusion_edu.training.objectives.diffusion import Objective, drop_conditions, min_snr_weight, sample_noise_levels
from diffusion_edu.training.objectives.restoration import Restoration


@pytest.mark.parametrize(
    ("prediction_type", "distance", "expected"),
    [
        ("eps", "mse", 4.0),  # x0 = 1, eps = 2, cos 0.6, sin 0.8, and the network says 0
        ("x0", "mse", 1.0),
        ("v", "mse", 0.16),  # (0.6 * 2 - 0.8 * 1)^2
        ("flow", "mse", 1.0),
        ("v", "l1", 0.4),
        ("eps", "l1", 2.0),
        ("v", "huber", 0.08),  # 0.4^2 / 2: inside the bend
        ("eps", "huber", 1.5),  # 2 - 1/2: outside
    ],
)
def test_losses_at_a_known_angle_are_those_worked_out_by_hand(prediction_type, distance, expected):
    x0, net, theta = torch.ones(2, 3, 4, 4), ConstantNetwork(), torch.full((2,), math.atan2(0.8, 0.6))
    loss = Objective(prediction_type, distance).at(net, x0, None, theta, 2 * x0)
    assert loss.tolist() == pytest.approx([expected] * 2, rel=1e-5)
    assert net.timestep.tolist() == pytest.approx([927.2952] * 2, rel=1e-5)


def test_the_network_is_shown_the_noisy_image_of_its_angle():
    shown = []
    x0, eps, theta = (
        torch.randn(3, 3, 4, 4, generator=seeded()),
        torch.randn(3, 3, 4, 4, generator=seeded(1)),
        torch.tensor([0.1, 0.7, math.pi / 2]),
    )
    Objective().at(lambda y, timestep, condition: shown.append(y) or y, x0, None, theta, eps)
    for k in range(3):
        torch.testing.assert_close(shown[0][k], math.cos(theta[k]) * x0[k] + math.sin(theta[k]) * eps[k])


def test_a_network_that_says_zero_has_the_loss_that_gives_it_away():
    """Mean square 1 for eps, mean absolute error 0.798: the symptom of a network that learns nothing."""
    x0 = torch.zeros(64, 3, 8, 8)
    assert Objective("eps")(ConstantNetwork(), x0, None, seeded()).mean().item() == pytest.approx(1, abs=0.03)
    assert Objective("eps", "l1")(ConstantNetwork(), x0, None, seeded()).mean().item() == pytest.approx(0.798, abs=0.02)


def test_trained_angles_cover_the_quarter_circle_evenly_with_pure_noise_and_without_timestep_0():
    """Pitfall 17: what is never trained cannot be sampled from."""
    theta, eps = sample_noise_levels(torch.zeros(100_000, 1, 1, 1), seeded())
    assert theta.min() > 0
    assert theta.min() < 1e-3
    assert theta.max() > math.pi / 2 - 1e-3
    assert torch.histc(theta, 20, 0, math.pi / 2).div(5000).sub(1).abs().max() < 0.06
    assert eps.std().item() == pytest.approx(1, abs=0.01)


def test_the_two_ends_of_the_random_numbers_give_pure_noise_and_no_clean_image(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda n, **_: torch.tensor([0.0, 1 - 2**-24]))
    theta, _ = sample_noise_levels(torch.zeros(2, 1, 1, 1), seeded())
    assert theta[0].item() == pytest.approx(math.pi / 2)
    assert 0 < theta[1] < 1e-6


@pytest.mark.parametrize("prediction_type", TARGETS)
def test_min_snr_weights_are_the_weight_of_an_x0_loss_times_the_jacobian_squared(prediction_type):
    """Pitfalls 6 and 24: also exactly at pure noise, where SNR is 0 and 1/SNR is not a number."""
    theta = torch.linspace(0.01, math.pi / 2 - 0.01, 100, dtype=torch.float64)
    c, s = theta.cos(), theta.sin()
    o = torch.zeros(100, dtype=torch.float64, requires_grad=True)
    (jacobian,) = torch.autograd.grad(TARGETS[prediction_type].x0_hat(torch.ones_like(o), o, c, s).sum(), o)
    expected = torch.minimum(c**2 / s**2, torch.tensor(5.0)) * jacobian**2
    torch.testing.assert_close(min_snr_weight(prediction_type, theta), expected.float(), rtol=1e-6, atol=0)
    ends = min_snr_weight(prediction_type, torch.tensor([2**-24, math.pi / 2]))
    assert ends.isfinite().all()
    assert ends[1].item() == pytest.approx(1.0 if prediction_type == "eps" else 0.0, abs=1e-9)


def test_min_snr_is_the_published_weight_of_eps_and_of_v():
    """Hang et al. 2023: min(SNR, gamma) / SNR for eps, and / (SNR + 1) for v."""
    theta = torch.linspace(0.05, 1.5, 50, dtype=torch.float64)
    snr = theta.tan() ** -2
    torch.testing.assert_close(min_snr_weight("eps", theta), (snr.clamp(max=5) / snr).float())
    torch.testing.assert_close(min_snr_weight("v", theta), (snr.clamp(max=5) / (snr + 1)).float())


def test_the_objective_applies_its_weights_per_image():
    x0, theta = torch.ones(3, 3, 4, 4), torch.tensor([0.2, 0.9, math.pi / 2])
    plain, weighted = (
        Objective("v", min_snr=cap).at(ConstantNetwork(), x0, None, theta, 2 * x0) for cap in (None, 5.0)
    )
    torch.testing.assert_close(weighted, plain * min_snr_weight("v", theta, 5.0))
    assert weighted.isfinite().all()


@pytest.mark.parametrize("prediction_type", TARGETS)
@pytest.mark.parametrize("gamma", [0.5, 1.0, 20.0])
def test_the_cap_of_the_weights_is_the_one_that_was_asked_for(gamma, prediction_type):
    """min(SNR, gamma) times the squared slope of the prediction type."""
    theta = torch.linspace(0.05, 1.5, 40)
    plain, weighted = (
        Objective(prediction_type, min_snr=cap).at(ConstantNetwork(), torch.ones(40, 2), None, theta, torch.ones(40, 2))
        for cap in (None, gamma)
    )
    c, s = theta.cos(), theta.sin()
    expected = (c / s).square().clamp(max=gamma) * TARGETS[prediction_type].slope(c, s) ** 2
    torch.testing.assert_close(weighted, plain * expected, rtol=1e-4, atol=1e-6)


def test_the_loss_of_an_image_depends_on_this_image_alone():
    x0, eps, theta = torch.randn(4, 3, generator=seeded()), torch.randn(4, 3, generator=seeded(1)), torch.rand(4) + 0.2
    together = Objective().at(half, x0, torch.arange(4), theta, eps)
    assert together.unique().numel() == 4
    for k in range(4):
        alone = Objective().at(half, x0[k : k + 1], torch.tensor([k]), theta[k : k + 1], eps[k : k + 1])
        torch.testing.assert_close(together[k : k + 1], alone)


@pytest.mark.parametrize("drop", [0.0, 0.3, 0.8])
def test_a_training_step_drops_its_fraction_of_conditions_and_then_samples_noise(drop):
    heard, labels, x0 = [], torch.arange(500) % 7, torch.randn(500, 2, generator=seeded(9))
    Objective(null=7, drop=drop)(lambda y, timestep, given: heard.append(given) or y, x0, labels, seeded(4))
    assert (heard[0] == 7).float().mean().item() == pytest.approx(drop, abs=0.06)
    generator = seeded(4)
    given, (theta, eps) = drop_conditions(labels, 7, drop, generator), sample_noise_levels(x0, generator)
    assert torch.equal(heard[0], given)
    losses = Objective(null=7, drop=drop)(half, x0, labels, seeded(4))
    assert torch.equal(losses, Objective().at(half, x0, given, theta, eps))


def test_labels_are_dropped_image_by_image():
    """Pitfall 26: one batch holds both."""
    labels = torch.arange(10).repeat(1000)
    dropped = drop_conditions(labels, 10, 0.1, seeded())
    gone = dropped == 10
    assert gone.float().mean().item() == pytest.approx(0.1, abs=0.01)
    assert torch.equal(dropped[~gone], labels[~gone])
    both = [0 < (drop_conditions(labels[:32], 10, 0.1, seeded(k)) == 10).sum() < 32 for k in range(20)]
    assert sum(both) > 15


@pytest.mark.parametrize(
    ("labels", "null", "fraction"), [(None, 5, 0.1), (torch.arange(4), 5, 0.0), (torch.arange(4), None, 0.5)]
)
def test_there_is_not_always_a_label_to_drop(labels, null, fraction):
    assert drop_conditions(labels, null, fraction, seeded()) is labels
    assert (drop_conditions(torch.arange(4), 4, 1.0, seeded()) == 4).all()


ANGLES = torch.tensor([0.05, 0.6, 1.2, math.pi / 2])


def half(y, timestep, condition):
    """A network that says half of what it sees, and hears its timestep and its labels."""
    return (
        0.5 * y
        + timestep.view(-1, *[1] * (y.ndim - 1)) / 1000
        + (0 if condition is None else condition.view(-1, *[1] * (y.ndim - 1)))
    )


@pytest.mark.parametrize("shape", [(5, 3, 4, 4), (5, 2)])
def test_the_loss_at_every_angle_is_the_one_worked_out_directly(shape):
    x0, eps, labels = (
        torch.randn(shape, generator=seeded(9)),
        sample_noise_levels(torch.zeros(shape), seeded(0))[1],
        torch.arange(5),
    )
    losses = loss_by_angle(half, x0, labels, Objective("v"), ANGLES)
    assert losses.shape == (4,) and losses.dtype == torch.float64
    for theta, loss in zip(ANGLES, losses, strict=True):
        said = half(theta.cos() * x0 + theta.sin() * eps, (1000 * theta).expand(5), labels)
        assert loss.item() == pytest.approx(
            (said - (theta.cos() * eps - theta.sin() * x0)).square().mean().item(), rel=1e-5
        )
    assert torch.equal(losses, loss_by_angle(half, x0, labels, Objective("v"), ANGLES))  # always the same noise
    assert torch.equal(losses[2:3], loss_by_angle(half, x0, labels, Objective("v"), ANGLES[2:3]))


def test_the_loss_of_a_restoration_is_measured_by_angle_too():
    x0 = torch.randn(6, 3, 8, 8, generator=seeded(9)).tanh()
    _, eps = sample_noise_levels(x0, seeded(0))
    losses = loss_by_angle(ConstantNetwork(), x0, None, Restoration(grain=0.0), ANGLES)
    for theta, loss in zip(ANGLES, losses, strict=True):
        lost = degrade_each(x0, torch.arange(6), (theta * 2 / math.pi).expand(6), eps[:, :1]) - x0
        assert loss.item() == pytest.approx(lost.abs().mean().item(), rel=1e-5)
    assert (losses.diff() > 0).all() and not losses.requires_grad


@pytest.mark.parametrize(("prediction_type", "expected"), [("eps", 4.0), ("x0", 1.0), ("v", 0.16), ("flow", 1.0)])
def test_points_have_the_losses_of_images(prediction_type, expected):
    """x0 = 1, eps = 2, cos 0.6, sin 0.8, for points (b, 2)."""
    x0, net = torch.ones(3, 2), ConstantNetwork()
    loss = Objective(prediction_type).at(net, x0, None, torch.full((3,), math.atan2(0.8, 0.6)), 2 * x0)
    assert loss.tolist() == pytest.approx([expected] * 3, rel=1e-5)
    assert Objective(prediction_type)(net, x0, None, seeded()).shape == (3,)


@pytest.mark.parametrize(("low", "high"), [(0.0, math.pi / 4), (math.pi / 4, math.pi / 2), (0.3, 0.5)])
def test_an_expert_is_trained_on_the_whole_of_its_range_and_on_nothing_else(low, high):
    theta = torch.tensor([0.0, math.pi / 8, math.pi / 2])
    mapped, cosine, sine = Objective(angles=(low, high)).rates(torch.zeros(3, 2), theta)
    expected = torch.tensor([low, 0.75 * low + 0.25 * high, high])
    torch.testing.assert_close(mapped, expected)
    torch.testing.assert_close(torch.cat([cosine, sine], 1), torch.stack([expected.cos(), expected.sin()], 1))
