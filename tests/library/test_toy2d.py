"""Diffusion of points: the exact network, what a training depends on, and distances in closed form."""

import math
from dataclasses import replace
from itertools import islice

import pytest
import torch
from helpers import seeded, seeded_noise

from diffusion_edu.core import walk
from diffusion_edu.data.points import POINT_SETS, Points
from diffusion_edu.denoisers import TARGETS, NeuralDenoiser, exact
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.schedules import cosine
from diffusion_edu.toy2d import (
    EVALUATED,
    ExactNetwork,
    denoiser,
    energy_distance,
    evaluate_loss,
    inverse_sqrt,
    mean_distance,
    objective,
    sample_points,
    subset,
    train_mlp,
)
from diffusion_edu.training.loop import TrainState
from diffusion_edu.training.objectives.diffusion import sample_noise_levels

CLOUDS = POINT_SETS["eight clouds"](40, seeded())
LABEL, NULL = 3, 8


@pytest.mark.parametrize("prediction_type", TARGETS)
def test_the_exact_network_is_the_exact_denoiser_whatever_it_predicts(prediction_type):
    schedule, x = cosine(100), seeded_noise(9, 2, seed=1)
    for t in (1, 30, 70, 95):
        ours = NeuralDenoiser(ExactNetwork(CLOUDS, prediction_type), schedule, prediction_type)(x, t)
        torch.testing.assert_close(ours, exact(CLOUDS.x, schedule)(x, t), rtol=0, atol=1e-4)


def test_with_a_label_it_knows_only_the_points_of_that_class():
    schedule, x = cosine(100), seeded_noise(9, 2, seed=1)
    free = NeuralDenoiser(ExactNetwork(CLOUDS), schedule, "x0")
    ours = free.given(torch.tensor([LABEL] * 5 + [NULL] * 4))(x, 60)
    own = exact(CLOUDS.x[CLOUDS.labels == LABEL], schedule)(x, 60)
    torch.testing.assert_close(ours[:5], own[:5], rtol=0, atol=1e-5)
    torch.testing.assert_close(ours[5:], free(x, 60)[5:])


def test_the_learning_rate_rises_stays_and_decays_like_one_over_the_root_of_the_step():
    lr = inverse_sqrt(0.1, steady=100, warm_up=10)

    def at(step):
        return lr(TrainState(None, None, None, None, step))

    assert [at(step) for step in (0, 4, 9, 50, 100)] == pytest.approx([0.01, 0.05, 0.1, 0.1, 0.1])
    assert [at(step) for step in (400, 10_000)] == pytest.approx([0.05, 0.01])


@pytest.mark.parametrize("name", ["eight clouds", "no classes"])
@pytest.mark.parametrize("prediction_type", TARGETS)
def test_the_loss_has_the_prediction_type_and_drops_labels_where_there_are_some(name, prediction_type):
    points = CLOUDS if name == "eight clouds" else Points(CLOUDS.x, None, ())
    loss = objective(points, prediction_type)
    assert (loss.prediction_type, loss.null, loss.drop) == (prediction_type, NULL if points.classes else None, 0.1)


def trained(steps=3, seed=0, points=CLOUDS, prediction_type="v"):
    """The first weights and those after some steps, flat."""
    states = train_mlp(points, prediction_type, seed)
    *_, state = islice(states, steps)
    return torch.cat([weight.flatten() for weight in state.net.parameters()])


def test_a_seed_decides_the_weights_and_the_batches_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    assert torch.equal(trained(), trained())
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(trained(), trained(seed=1))
    first, other = (next(train_mlp(CLOUDS, seed=seed)) for seed in (0, 1))
    assert (first.net.stem.weight - other.net.stem.weight).abs().max() > 0.1  # a step changes weights by at most lr
    assert not torch.equal(first.generator.get_state(), other.generator.get_state())


def test_a_training_depends_on_labels_and_prediction_type():
    assert not torch.equal(trained(prediction_type="v"), trained(prediction_type="x0"))
    assert not torch.equal(trained(), trained(points=replace(CLOUDS, labels=CLOUDS.labels.flip(0))))


@pytest.mark.parametrize("prediction_type", ["v", "x0"])
def test_a_network_learns_which_point_has_which_label(prediction_type):
    """Two points, two labels: with a label the clean point is known, so what is learnt is x0 = +-1."""
    points = Points(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1]), ("left", "right"))
    *_, state = islice(train_mlp(points, prediction_type), 120)
    preset = Preset(guidance_scale=1.0, steps=10)
    for label, x in ((0, -1.0), (1, 1.0)):
        *_, last = sample_points(denoiser(state.ema, prediction_type, points, preset, label), preset, range(50))
        assert (last.x[:, 0] - x).abs().mean() < 0.2


@pytest.mark.parametrize("prediction_type", TARGETS)
def test_the_evaluated_loss_is_the_one_worked_out_directly_and_always_the_same(prediction_type):
    heard = []

    def half(y, noise_level, labels):
        heard.append(labels)
        return 0.5 * y + labels[:, None] / 10

    loss = evaluate_loss(half, CLOUDS, prediction_type)
    assert loss == evaluate_loss(half, CLOUDS, prediction_type)
    some = torch.randint(len(CLOUDS), (EVALUATED,), generator=seeded(0))
    assert torch.equal(heard[0], CLOUDS.labels[some])
    x0 = CLOUDS.x[some]
    theta, eps = sample_noise_levels(x0, seeded(0))
    c, s = theta.cos()[:, None], theta.sin()[:, None]
    said = 0.5 * (c * x0 + s * eps) + CLOUDS.labels[some][:, None] / 10
    target = TARGETS[prediction_type].of(x0, eps, c, s)
    assert loss == pytest.approx((said - target).square().mean().item(), rel=1e-5)


def test_no_prediction_leaves_the_square_of_the_points_and_none_inside_is_changed():
    points = replace(CLOUDS, x=2 * CLOUDS.x)
    preset, limit = Preset(guidance_scale=3.0), points.x.abs().max().item()
    assert limit > 1.5

    def far(y, noise_level, labels):
        return torch.full_like(y, 9.0 if labels is None else 10.0)

    def near(y, noise_level, labels):
        return torch.full_like(y, 1.25 if labels is None else 1.3)

    x = seeded_noise(5, 2)
    for label, inside in ((None, 1.25), (LABEL, 1.25 + 3 * 0.05)):
        assert denoiser(far, "x0", points, preset, label)(x, 500).unique().tolist() == pytest.approx([limit])
        assert denoiser(near, "x0", points, preset, label)(x, 500).unique().tolist() == pytest.approx([inside])


def test_a_label_reaches_the_network_of_every_point():
    heard = []

    def network(y, noise_level, labels):
        heard.append(labels)
        return y

    denoiser(network, "v", CLOUDS, Preset(guidance_scale=1.0), LABEL)(seeded_noise(4, 2), 500)
    assert [labels.tolist() for labels in heard] == [[LABEL] * 4]


def test_the_prediction_type_reads_the_output_of_the_network():
    schedule, x = Preset().noise_schedule(), 0.1 * seeded_noise(4, 2)
    ours = denoiser(lambda y, noise_level, labels: 0.3 * y, "flow", CLOUDS, Preset())(x, 500)
    net = NeuralDenoiser(lambda y, noise_level, labels: 0.3 * y, schedule, "flow")
    torch.testing.assert_close(ours, net(x, 500))


def test_one_seed_per_point_decides_the_whole_walk_with_the_options_of_the_sampler():
    def ends(seeds, **changes):
        preset = Preset("DDIM", steps=5, guidance_scale=1.0, options={"eta": 1.0}, **changes)
        *_, last = sample_points(lambda x, t: x.sin(), preset, seeds)
        return last.x

    assert torch.equal(ends([4, 5, 6])[1:2], ends([5]))
    calm = replace(Preset("DDIM", steps=5), options={})
    *_, last = sample_points(lambda x, t: x.sin(), calm, [5])
    assert not torch.allclose(ends([5]), last.x)


def test_a_walk_of_points_goes_on_with_the_noise_after_its_start():
    preset, noise = Preset("DDPM", steps=3), SeededNoise([4, 5])
    x = noise.sample((2,))
    right = walk(preset.step(lambda x, t: x.sin(), noise), x, preset.timesteps())
    for ours, state in zip(sample_points(lambda x, t: x.sin(), preset, [4, 5]), right, strict=True):
        assert torch.equal(ours.x, state.x)


def test_a_subset_is_always_the_same_and_comes_from_the_whole_set():
    x = torch.arange(10_000.0)[:, None].expand(-1, 2)
    chosen = subset(x)[:, 0]
    assert len(chosen) == len(chosen.unique()) == EVALUATED
    assert chosen.mean().item() == pytest.approx(5000, abs=300)
    assert torch.equal(chosen, subset(x)[:, 0])
    assert sorted(subset(x[:7])[:, 0].tolist()) == list(range(7))


def test_distances_are_those_of_plain_loops_in_float64():
    x, y = seeded_noise(5, 2), seeded_noise(7, 2, seed=1)
    right = sum(math.dist(a, b) for a in x.tolist() for b in y.tolist()) / 35
    assert mean_distance(x, y).item() == pytest.approx(right, rel=1e-12)
    close = 1000 + 1e-3 * seeded_noise(50, 2).double()  # a matrix product would round these distances away
    right = sum(math.dist(a, b) for a in close.tolist() for b in close.tolist()) / 2500
    assert mean_distance(close, close).item() == pytest.approx(right, rel=1e-9)


def test_the_energy_distance_is_known_for_few_points_and_treats_both_sets_alike():
    one, two = torch.zeros(1, 2), torch.tensor([[3.0, 4.0], [3.0, 0.0]])
    assert energy_distance(one, two[:1]) == pytest.approx(10)
    assert energy_distance(one, two) == energy_distance(two, one) == pytest.approx(2 * (5 + 3) / 2 - 0 - 2)
    x = seeded_noise(50, 2)
    assert energy_distance(x, x) == pytest.approx(0, abs=1e-12)
    assert energy_distance(x, x + 1) > energy_distance(x, x + 0.5) > 0
