"""Training steps in closed form: every weight and average against AdamW in NumPy, and how held-out losses are taken."""

import numpy as np
import pytest
import torch
from torch import nn

from diffusion_edu.cards import Unusable
from diffusion_edu.data.batches import in_rounds
from diffusion_edu.training.loop import fit, held_out_loss, loss_by_angle, train_state
from diffusion_edu.training.objectives.diffusion import sample_noise_levels
from diffusion_edu.training.state import load_run, save_run

FIRST = [1.0, -2.0]  # the weights at the beginning


class TwoWeights(nn.Module):
    """A network of two weights, each a parameter of its own."""

    def __init__(self):
        super().__init__()
        self.a, self.b = (nn.Parameter(torch.tensor(value, dtype=torch.float64)) for value in FIRST)

    def values(self):
        return [self.a.item(), self.b.item()]


def slope(net, x0, condition, generator):
    """A loss whose gradient is the mean of x0 (b, 2), whatever the weights are."""
    return x0[:, 0] * net.a + x0[:, 1] * net.b


def rate(state):
    return 0.1 / (1 + state.step)


def in_numpy(gradients, decay, weight_decay):
    """AdamW (Loshchilov & Hutter 2019, algorithm 2) with clipped gradients, and the EMA: values after every step."""
    w, m, v = np.array(FIRST), np.zeros(2), np.zeros(2)
    ema = w.copy()
    for n, gradient in enumerate(gradients):
        g = np.array(gradient) * min(1.0, 1 / np.linalg.norm(gradient))
        m, v, lr = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2, 0.1 / (1 + n)
        w = w - lr * weight_decay * w
        w = w - lr * (m / (1 - 0.9 ** (n + 1))) / (np.sqrt(v / (1 - 0.99 ** (n + 1))) + 1e-8)
        d = min(decay, (1 + n) / (10 + n))
        ema = d * ema + (1 - d) * w
        yield w, ema


GRADIENTS = [(3.0, 4.0), (0.3, -0.1), (-30.0, 2.0), *[(0.2 * k, 1.0 - 0.3 * k) for k in range(12)]]


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("weight_decay", [0.01, 0.5, None])
def test_every_step_is_adamw_with_clipped_gradients_and_then_the_average(accumulate, weight_decay):
    """Pitfall 27: the EMA of step n has decay min(d, (1 + n) / (10 + n)); after eleven steps here d takes over."""
    state = train_state(TwoWeights(), **({} if weight_decay is None else {"weight_decay": weight_decay}))
    spread = torch.tensor([[1.0, -2.0], [-1.0, 2.0]], dtype=torch.float64)
    batches = [
        (torch.tensor(gradient, dtype=torch.float64) + k * spread, None)
        for gradient in GRADIENTS
        for k in range(accumulate)
    ]
    steps = fit(state, batches, slope, rate, ema=0.5, accumulate=accumulate)
    right = in_numpy(GRADIENTS, 0.5, 0.01 if weight_decay is None else weight_decay)
    for progress, (weights, average) in zip(steps, right, strict=True):
        assert state.net.values() == pytest.approx(weights, rel=1e-5)
        assert state.ema.values() == pytest.approx(average, rel=1e-5)
        assert progress.images == 2 * accumulate * progress.step


def test_the_loss_of_a_step_is_the_mean_over_its_images_before_the_step():
    state = train_state(TwoWeights())
    x0 = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], dtype=torch.float64)
    progress = next(fit(state, [(x0[:2], None), (x0[2:], None)], slope, rate, accumulate=2))
    assert progress.loss == pytest.approx((x0 @ torch.tensor(FIRST, dtype=torch.float64)).mean().item())


def test_the_seed_is_that_of_the_generator():
    assert [train_state(TwoWeights(), seed).generator.initial_seed() for seed in (0, 7)] == [0, 7]


class Watched:
    """An objective that returns the first number of every image, and notes how it is called."""

    def __init__(self):
        self.calls = []

    def __call__(self, net, x0, condition, generator):
        self.calls.append((torch.is_grad_enabled(), torch.is_autocast_enabled("cpu"), None, None))
        return slope(net, x0, condition, generator)

    def at(self, net, x0, condition, theta, eps):
        self.calls.append((torch.is_grad_enabled(), torch.is_autocast_enabled("cpu"), condition, theta))
        return x0.flatten(1)[:, 0] + 0 * eps.flatten(1)[:, 0]


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
def test_only_training_needs_gradients_and_autocast_surrounds_every_loss(autocast):
    watched, x0 = Watched(), torch.rand(4, 2, dtype=torch.float64)
    state = train_state(TwoWeights())
    list(fit(state, [(x0, None)], watched, rate, autocast=autocast))
    held_out_loss(state.net, x0, None, watched, autocast)
    loss_by_angle(state.net, x0, None, watched, torch.tensor([0.3]), autocast)
    lowered = autocast is not None
    assert [call[:2] for call in watched.calls] == [(True, lowered), (False, lowered), (False, lowered)]
    assert torch.is_grad_enabled()


def test_the_held_out_loss_is_the_mean_over_images_each_with_its_own_condition_and_noise_level():
    watched, x0 = Watched(), torch.arange(10.0)[:, None].expand(10, 2)
    assert held_out_loss(None, x0, torch.arange(10), watched, batch=4) == pytest.approx(4.5)
    assert [call[2].tolist() for call in watched.calls] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    theta, _ = sample_noise_levels(x0, torch.Generator().manual_seed(0))
    assert torch.equal(torch.cat([call[3] for call in watched.calls]), theta)


def test_the_loss_by_angle_gives_every_image_its_condition():
    watched, condition = Watched(), torch.arange(10)
    loss_by_angle(None, torch.rand(10, 2), condition, watched, torch.tensor([0.3, 1.2]))
    assert all(call[2] is condition for call in watched.calls)
    assert [call[3].unique().tolist() for call in watched.calls] == [pytest.approx([0.3]), pytest.approx([1.2])]


def test_seconds_are_those_of_all_steps_and_go_on_where_a_training_was_stopped(monkeypatch):
    times = iter([100.0, 101.0, 103.0, 106.0, 200.0, 204.0])
    monkeypatch.setattr("diffusion_edu.training.loop.time.monotonic", lambda: next(times))
    state, batch = train_state(TwoWeights()), (torch.ones(2, 2, dtype=torch.float64), None)
    assert [progress.seconds for progress in fit(state, [batch] * 3, slope, rate)] == [1, 3, 6]
    assert [progress.seconds for progress in fit(state, [batch], slope, rate)] == [10]


@pytest.mark.parametrize("bad", ["2", None, 2.5, float("nan"), True, 0, -1], ids=str)
def test_what_is_no_number_of_batches_is_refused_in_words(bad):
    with pytest.raises(ValueError, match="accumulate of fit must be a whole number"):
        next(fit(train_state(TwoWeights()), [], slope, rate, accumulate=bad))


@pytest.mark.parametrize("numbers", [(0, 3), (3, 0), (3, -1), (3, 2.5), (3, 2, -1), ("3", 2)], ids=str)
def test_rounds_of_nothing_are_refused_in_words(numbers):
    with pytest.raises(ValueError, match="of in_rounds must be a whole number"):
        next(in_rounds(*numbers))


@pytest.mark.parametrize(("place", "words"), [("folder", "is a folder: name a file"), ("no/a.x", "There is no folder")])
def test_a_state_is_not_saved_where_no_file_can_be(tmp_path, place, words):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=words):
        save_run(tmp_path / place, train_state(TwoWeights()), {})
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_state_keeps_its_own_counts_and_parts_of_seconds(tmp_path):
    state, again = train_state(TwoWeights()), train_state(TwoWeights())
    state.step, state.images, state.seconds = 3, 96, 12.75
    save_run(tmp_path / "state.safetensors", state, {"step": 99, "images": 99, "seconds": 99.0, "sheets": 2})
    facts = load_run(tmp_path / "state.safetensors", again)
    assert (again.step, again.images, again.seconds, facts["sheets"]) == (3, 96, 12.75, 2)


def test_weights_of_other_shapes_are_another_network_even_before_the_first_step(tmp_path):
    save_run(tmp_path / "state.safetensors", train_state(nn.Linear(2, 3)), {})
    other = train_state(nn.Linear(4, 3))
    before = [weight.clone() for weight in other.net.parameters()]
    with pytest.raises(Unusable, match="of another network"):
        load_run(tmp_path / "state.safetensors", other)
    assert all(map(torch.equal, before, other.net.parameters()))
