"""Targets, networks as denoisers, guidance, clipping and the exact answer."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from diffusion_edu.denoisers import TARGETS, NeuralDenoiser, clipped, exact, guided
from diffusion_edu.schedules import SCHEDULES, cosine, linear, straight, zero_terminal_snr

ANGLES = [1e-3, 0.3, math.pi / 4, 1.2, math.pi / 2 - 1e-3]


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def close(a, b, atol=1e-9):
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


class Listener(nn.Module):
    """A network that notes what it is told and says what it was given to say."""

    def __init__(self, say):
        super().__init__()
        self.say, self.heard = say, []

    def forward(self, y, level, cond):
        self.heard.append((y, level, cond))
        return self.say(y)


@pytest.mark.parametrize("theta", ANGLES)
@pytest.mark.parametrize("kind", TARGETS)
def test_every_target_reads_back_as_the_clean_image(kind, theta):
    """Pitfall 23."""
    x0, eps, c, s = noise(5), noise(5, seed=1), *torch.tensor([math.cos(theta), math.sin(theta)], dtype=torch.float64)
    close(TARGETS[kind].x0_hat(c * x0 + s * eps, TARGETS[kind].of(x0, eps, c, s), c, s), x0)


@pytest.mark.parametrize(("kind", "said"), [("eps", 2.0), ("x0", 1.0), ("v", 0.6 * 2.0 - 0.8 * 1.0), ("flow", 1.0)])
def test_targets_are_what_the_papers_call_them(kind, said):
    """Pitfall 23: x0 = 1, eps = 2, cos 0.6, sin 0.8; v as in Salimans & Ho 2022, flow as in Liu et al. 2022."""
    x0, eps, c, s = torch.tensor([1.0, 2.0, 0.6, 0.8], dtype=torch.float64)
    assert TARGETS[kind].of(x0, eps, c, s).item() == pytest.approx(said, abs=1e-15)


@pytest.mark.parametrize("kind", ["x0", "v", "flow"])
def test_all_targets_but_eps_are_finite_at_pure_noise(kind):
    x0, eps, c, s = noise(5), noise(5, seed=1), *torch.tensor([0.0, 1.0], dtype=torch.float64)
    close(TARGETS[kind].x0_hat(eps, TARGETS[kind].of(x0, eps, c, s), c, s), x0)


@pytest.mark.parametrize("theta", ANGLES)
@pytest.mark.parametrize("kind", TARGETS)
def test_the_slope_is_the_share_of_an_error_that_reaches_the_guess(kind, theta):
    c, s = torch.tensor([math.cos(theta), math.sin(theta)], dtype=torch.float64)
    slope = torch.func.grad(lambda o: TARGETS[kind].x0_hat(torch.tensor(0.3), o, c, s))(torch.tensor(0.7, dtype=torch.float64))
    close(TARGETS[kind].slope(c, s), slope.abs())


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_network_hears_the_angle_frame_on_every_schedule(name):
    net, schedule, x = Listener(torch.zeros_like), SCHEDULES[name](2000), noise(3, 2, 4, 4)
    for t in (1, 500, 1000):
        NeuralDenoiser(net, schedule, "v")(x, t)
        y, level, cond = net.heard[-1]
        signal, rate = schedule.signal[t].item(), schedule.noise[t].item()
        close(y, x / math.hypot(signal, rate))
        assert level.tolist() == pytest.approx([1000 * math.atan2(rate, signal)] * 3, rel=1e-6)
        assert (level.dtype, cond) == (torch.float32, None)


@pytest.mark.parametrize("kind", TARGETS)
def test_a_network_that_knows_the_answer_gives_the_clean_image_on_every_schedule(kind):
    x0, eps = noise(3, 2, 4, 4), noise(3, 2, 4, 4, seed=1)
    for make in (linear, cosine, straight):
        if kind == "eps" and make is straight:
            continue
        schedule = make(1000)
        for t in (1, 500, 1000):
            scale, theta = schedule.angle(t, x0)
            net = Listener(lambda y, theta=theta: TARGETS[kind].of(x0, eps, theta.cos(), theta.sin()))
            close(NeuralDenoiser(net, schedule, kind)(schedule.corrupt(x0, t, eps), t), x0)


def test_one_network_means_the_same_on_two_schedules_where_their_angles_agree():
    schedule, line, y = cosine(1000), straight(2), noise(3, 2, 4, 4)
    t = (torch.atan2(schedule.noise, schedule.signal) - math.pi / 4).abs().argmin().item()
    guesses = [NeuralDenoiser(Listener(torch.sin), s, "v")(y * s.angle(at, y)[0], at) for s, at in ((schedule, t), (line, 1))]
    close(*guesses, atol=1e-2)
    assert (guesses[0] - y).abs().max() > 0.1


@pytest.mark.parametrize("schedule", [straight(10), zero_terminal_snr(cosine(10))])
def test_a_network_that_predicts_eps_is_refused_where_nothing_but_noise_is_left(schedule):
    """Pitfall 5."""
    with pytest.raises(ValueError, match="predicts v, x0 or flow"):
        NeuralDenoiser(Listener(torch.zeros_like), schedule, "eps")
    assert NeuralDenoiser(Listener(torch.zeros_like), schedule, "v")(noise(2, 3), 10).isfinite().all()


def test_an_unknown_kind_is_refused_in_words():
    with pytest.raises(ValueError, match="eps, x0, v, flow, not 'score'"):
        NeuralDenoiser(Listener(torch.zeros_like), cosine(10), "score")


def test_a_condition_is_bound_without_changing_the_denoiser():
    net = Listener(torch.zeros_like)
    free = NeuralDenoiser(net, cosine(10))
    free.given(torch.tensor([4, 7]))(noise(2, 3), 5)
    free(noise(2, 3), 5)
    assert net.heard[0][2].tolist() == [4, 7]
    assert net.heard[1][2] is None


def test_autocast_surrounds_the_network_only():
    """Pitfall 40: the level stays float32 and the guess has the dtype of x."""
    net = Listener(lambda y: torch.nn.functional.linear(y, torch.eye(3)))
    guess = NeuralDenoiser(net, cosine(10), "x0", autocast=torch.bfloat16)(noise(2, 3).float(), 5)
    assert guess.dtype == torch.float32
    assert torch.equal(guess, guess.bfloat16().float())  # it went through bfloat16
    assert net.heard[0][1].dtype == torch.float32


def test_guidance_0_ignores_the_condition_and_1_follows_it_and_neither_asks_the_other():
    """Pitfall 25."""
    yes, no, never = (lambda x, t: x + 1), (lambda x, t: x - 1), (lambda x, t: pytest.fail("not needed"))
    x = noise(2, 3)
    assert torch.equal(guided(never, no, 0)(x, 1), x - 1)
    assert torch.equal(guided(yes, never, 1)(x, 1), x + 1)


@pytest.mark.parametrize("scale", [-1.0, 0.5, 2.0, 7.5])
def test_guidance_goes_on_in_the_direction_of_the_condition(scale):
    x = noise(2, 3)
    close(guided(lambda x, t: x * t, lambda x, t: x.sin(), scale)(x, 3), x.sin() + scale * (3 * x - x.sin()))


def test_clipping_leaves_what_is_inside_alone():
    """Pitfall 22."""
    x = torch.tensor([-3.0, -1.0, -0.2, 0.0, 0.99, 1.0, 1.01])
    assert clipped(lambda x, t: x)(x, 1).tolist() == pytest.approx([-1, -1, -0.2, 0, 0.99, 1, 1])
    assert clipped(lambda x, t: x, 0, 0.5)(x, 1).tolist() == pytest.approx([0, 0, 0, 0, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("schedule", [linear(1000), cosine(1000), straight(1000)])
def test_the_exact_denoiser_is_the_posterior_mean(schedule):
    data, x = noise(5, 2, 3), noise(4, 2, 3, seed=1)
    for t in (200, 300, 900, 1000):
        signal, rate = schedule.signal[t].item(), schedule.noise[t].item()
        guess = exact(data, schedule)(x, t).numpy()
        for k in range(4):
            likelihood = np.array([np.exp(-((x[k] - signal * point) ** 2).sum().item() / (2 * rate**2)) for point in data])
            np.testing.assert_allclose(guess[k], np.tensordot(likelihood / likelihood.sum(), data.numpy(), 1), rtol=0, atol=1e-9)


def test_the_exact_denoiser_knows_the_average_at_pure_noise_and_the_picture_at_level_0():
    data, x = noise(5, 2, 3), noise(4, 2, 3, seed=1)
    close(exact(data, straight(10))(x, 10), data.mean(0).expand(4, 2, 3))
    assert torch.equal(exact(data, straight(10))(x, 0), x)
    assert exact(data, linear(1000))(x.float(), 1).isfinite().all()
