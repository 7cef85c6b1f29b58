"""Averages, and training as an iterator."""

import math
from dataclasses import replace
from functools import partial
from itertools import islice, repeat

import pytest
import torch
from conftest import ConstantNetwork
from helpers import seeded
from torch import nn

from diffusion_edu.core import walk
from diffusion_edu.data.batches import batches
from diffusion_edu.data.images import ImageSet
from diffusion_edu.data.points import two_moons
from diffusion_edu.denoisers import NeuralDenoiser
from diffusion_edu.networks import MLP
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced
from diffusion_edu.training.loop import fit, held_out_loss, train_state, update_ema, warm_up_and_anneal
from diffusion_edu.training.objectives.diffusion import Objective


def images(n, size=8, classes=()):
    """Two kinds of smooth image, easy to learn."""
    ramp = torch.linspace(0, 255, size).round()
    images = torch.stack([(ramp if k % 2 else ramp.flip(0)).expand(3, size, size) for k in range(n)]).to(torch.uint8)
    return ImageSet(images, torch.arange(n) % 2 if classes else None, tuple(classes))


def test_the_average_follows_in_closed_form():
    """Pitfall 27: min(d, (1 + n) / (10 + n)), quick at first."""
    net, ema, expected = ConstantNetwork(), ConstantNetwork(), 0.0
    for n in range(200):
        with torch.no_grad():
            net.number.fill_(math.sin(n) + n / 50)
        update_ema(ema, net, n, 0.9)
        d = min(0.9, (1 + n) / (10 + n))
        expected = d * expected + (1 - d) * (math.sin(n) + n / 50)
        assert ema.number.item() == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert not net.number.isnan()
    update_ema(ConstantNetwork(), net, 0, 0.9999)


def test_the_average_leaves_its_beginning_behind_at_once():
    net, ema = ConstantNetwork(1.0), ConstantNetwork(0.0)
    for n in range(100):
        update_ema(ema, net, n, 0.9999)
    assert ema.number.item() == pytest.approx(1, abs=1e-6)  # 0.9999^100 would have left it at 0.01


def test_buffers_are_copied_not_averaged():
    """Pitfall 28."""
    net, ema = (nn.BatchNorm1d(2) for _ in range(2))
    net.running_mean.fill_(3.0)
    net.num_batches_tracked.fill_(7)
    update_ema(ema, net, 1000, 0.999)
    assert ema.running_mean.tolist() == [3, 3]
    assert ema.num_batches_tracked.item() == 7


def start(tiny, **options):
    return train_state(tiny(), **options)


def test_training_lowers_the_held_out_loss(tiny):
    torch.manual_seed(0)
    state, objective, kept = start(tiny), Objective(), (images(8).images.float() / 127.5 - 1, None)
    before = held_out_loss(state.net, *kept, objective)
    steps = list(islice(fit(state, batches(images(16), 16, state.generator), objective, lambda at: 3e-3, ema=0.9), 150))
    assert held_out_loss(state.net, *kept, objective) < 0.5 * before
    assert held_out_loss(state.ema, *kept, objective) < 0.5 * before
    assert sum(p.loss for p in steps[-10:]) < 0.8 * sum(p.loss for p in steps[:10])


def test_progress_counts_steps_images_and_seconds(tiny):
    state = start(tiny)
    heard = []
    stream = batches(images(16), 4, state.generator)
    steps = list(
        islice(
            fit(
                state,
                stream,
                Objective(),
                lambda at: heard.append((at.step, at.seconds)) or 1e-3 * (at.step + 1),
                accumulate=2,
            ),
            3,
        )
    )
    assert [(p.step, p.images) for p in steps] == [(1, 8), (2, 16), (3, 24)]
    assert [p.lr for p in steps] == pytest.approx([1e-3, 2e-3, 3e-3])
    assert 0 < steps[0].seconds < steps[1].seconds < steps[2].seconds == state.seconds
    assert heard == [(0, 0.0), (1, steps[0].seconds), (2, steps[1].seconds)]


@pytest.mark.parametrize("batch_sizes", [(16, 16), (24, 8), (1, 31), (5, 20, 7)], ids=str)
def test_batches_that_are_accumulated_are_one_large_batch(tiny, batch_sizes):
    """Every image counts the same, in whatever batch it comes."""
    x0, eps, theta = (
        torch.randn(32, 3, 8, 8, generator=seeded()),
        torch.randn(32, 3, 8, 8, generator=seeded(1)),
        torch.linspace(0.1, 1.5, 32),
    )

    def objective(net, rows, condition, generator):
        return Objective().at(net, x0[rows], condition, theta[rows], eps[rows])

    one, several = start(tiny), start(tiny)
    whole = next(fit(one, [(torch.arange(32), None)], objective, lambda at: 1e-3))
    parts = [(rows, None) for rows in torch.arange(32).split(batch_sizes)]
    summed = next(fit(several, parts, objective, lambda at: 1e-3, accumulate=len(batch_sizes)))
    assert whole.loss == pytest.approx(summed.loss, rel=1e-5)
    assert (whole.images, summed.images) == (32, 32)
    for first, second in zip(moments(one), moments(several), strict=True):
        torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-6)


def test_a_training_step_needs_an_image_and_a_batch(tiny):
    with pytest.raises(ValueError, match="no images"):
        next(fit(start(tiny), [(torch.zeros(0, 3, 8, 8), None)], Objective(), lambda at: 1e-3))
    with pytest.raises(ValueError, match="not 0"):
        next(fit(start(tiny), [(torch.zeros(1, 3, 8, 8), None)], Objective(), lambda at: 1e-3, accumulate=0))


def moments(state):
    return [slot["exp_avg"] for slot in state.optimizer.state.values()]


def test_stopping_at_any_yield_leaves_a_learner_that_goes_on_as_if_never_stopped(tiny):
    stream = [(torch.randn(4, 3, 8, 8, generator=seeded(k)), None) for k in range(6)]
    flow, stopped = start(tiny), start(tiny)
    list(fit(flow, stream, Objective(), lambda at: 1e-3))
    for batch in stream:
        steps = fit(stopped, [batch], Objective(), lambda at: 1e-3)
        progress = next(steps)
        steps.close()
        assert progress.step == stopped.step
        assert all(weight.grad is None for weight in stopped.net.parameters())
    for a, b in zip(
        [*flow.net.parameters(), *flow.ema.parameters()],
        [*stopped.net.parameters(), *stopped.ema.parameters()],
        strict=True,
    ):
        assert torch.equal(a, b)


def test_training_ends_where_the_stream_ends(tiny):
    state = start(tiny)
    assert (
        len(list(islice(fit(state, repeat((torch.zeros(2, 3, 8, 8), None), 3), Objective(), lambda at: 1e-3), 10))) == 3
    )
    assert list(fit(state, [], Objective(), lambda at: 1e-3)) == []


def test_gradients_are_clipped_to_norm_1():
    state, norms = train_state(ConstantNetwork(0.0)), []
    state.optimizer.register_step_pre_hook(lambda optimizer, *_: norms.append(state.net.number.grad.norm().item()))
    next(
        fit(
            state,
            [(torch.ones(2, 3, 4, 4), None)],
            lambda net, x0, *_: (1e4 * (net(x0, None, None) - x0) ** 2).mean(dim=(1, 2, 3)),
            lambda at: 1e-3,
        )
    )
    assert norms == pytest.approx([1], rel=1e-4)


def test_neither_training_nor_sampling_uses_the_global_random_generator(tiny):
    state, before = start(tiny), torch.get_rng_state()
    list(
        islice(
            fit(state, batches(images(8, classes=("a", "b")), 4, state.generator), Objective(null=2), lambda at: 1e-3),
            2,
        )
    )
    held_out_loss(state.ema, torch.zeros(4, 3, 8, 8), None, Objective())
    assert torch.equal(torch.get_rng_state(), before)


def test_the_average_is_a_copy_that_asks_for_no_gradients(tiny):
    state = start(tiny)
    assert not any(weight.requires_grad for weight in state.ema.parameters())
    assert all(weight.requires_grad for weight in state.net.parameters())
    assert not {w.data_ptr() for w in state.net.parameters()} & {w.data_ptr() for w in state.ema.parameters()}


def test_the_held_out_loss_is_always_the_same_and_does_not_depend_on_the_batch(tiny):
    net, x0 = tiny(classes=2), torch.randn(10, 3, 8, 8, generator=seeded())
    losses = [held_out_loss(net, x0, torch.arange(10) % 2, Objective(null=2), batch=b) for b in (64, 3, 64)]
    assert losses[0] == losses[2] == pytest.approx(losses[1], rel=1e-5)


def test_the_learning_rate_rises_stays_and_falls_with_the_training_that_is_left(tiny):
    lr = warm_up_and_anneal(1e-3, lambda state: state.seconds / 100, warm_up=200, final=0.3)

    def at(step, seconds):
        return lr(replace(start(tiny), step=step, seconds=seconds))

    assert [at(step, 0) for step in (0, 99, 199, 5000)] == pytest.approx([5e-6, 5e-4, 1e-3, 1e-3])
    assert [at(5000, seconds) for seconds in (70, 85, 100, 500)] == pytest.approx([1e-3, 5e-4, 0, 0])


def test_a_network_for_points_learns_two_moons_in_seconds():
    """What it draws falls on the moons: much nearer to them than before, and each class on its own."""
    generator = seeded()
    data = two_moons(2000, generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = train_state(MLP(width=64, classes=2))

    def stream():
        while True:
            chosen = torch.randint(len(data), (256,), generator=generator)
            yield data.x[chosen], data.labels[chosen]

    def away(net, label):
        schedule = cosine(1000)
        denoise = NeuralDenoiser(net, schedule, "v", torch.full((200,), label))
        *_, last = walk(
            partial(ddim_step, denoise, schedule), torch.randn(200, 2, generator=seeded(1)), spaced(schedule, 20)
        )
        return [torch.cdist(last.x, data.x[data.labels == k]).min(dim=1).values.mean().item() for k in (0, 1)]

    before = away(state.ema, 0)
    steps = list(islice(fit(state, stream(), Objective(null=2), lambda at: 1e-2, ema=0.98), 100))
    assert steps[-1].images == 100 * 256
    for label in (0, 1):
        sampled = away(state.ema, label)
        own, other = sampled[label], sampled[1 - label]
        assert own < 0.12 < 1 < min(before)
        assert own < other / 3
