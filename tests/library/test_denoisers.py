"""Targets, networks as denoisers, guidance, clipping, thresholding and the exact answers."""

import math
import timeit
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from diffusion_edu.denoisers import (
    TARGETS,
    NeuralDenoiser,
    clipped,
    exact,
    exact_gaussian,
    exact_mixture,
    guided,
    interval_guidance,
    record_guidance,
    thresholded,
)
from diffusion_edu.schedules import SCHEDULES, cosine, flow, linear, zero_terminal_snr

ANGLES = [1e-3, 0.3, math.pi / 4, 1.2, math.pi / 2 - 1e-3]


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def close(a, b, atol=1e-9):
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


class Listener(nn.Module):
    """A network that records its inputs and returns a given output."""

    def __init__(self, say):
        super().__init__()
        self.say, self.heard = say, []

    def forward(self, y, timestep, condition):
        self.heard.append((y, timestep, condition))
        return self.say(y)


@pytest.mark.parametrize("theta", ANGLES)
@pytest.mark.parametrize("prediction_type", TARGETS)
def test_every_target_reads_back_as_the_clean_image(prediction_type, theta):
    """Pitfall 23."""
    x0, eps, c, s = noise(5), noise(5, seed=1), *torch.tensor([math.cos(theta), math.sin(theta)], dtype=torch.float64)
    close(TARGETS[prediction_type].x0_hat(c * x0 + s * eps, TARGETS[prediction_type].of(x0, eps, c, s), c, s), x0)


@pytest.mark.parametrize(
    ("prediction_type", "said"), [("eps", 2.0), ("x0", 1.0), ("v", 0.6 * 2.0 - 0.8 * 1.0), ("flow", 1.0)]
)
def test_targets_are_what_the_papers_call_them(prediction_type, said):
    """Pitfall 23: x0 = 1, eps = 2, cos 0.6, sin 0.8; v as in Salimans & Ho 2022, flow as in Liu et al. 2022."""
    x0, eps, c, s = torch.tensor([1.0, 2.0, 0.6, 0.8], dtype=torch.float64)
    assert TARGETS[prediction_type].of(x0, eps, c, s).item() == pytest.approx(said, abs=1e-15)


@pytest.mark.parametrize("prediction_type", ["x0", "v", "flow"])
def test_all_targets_but_eps_are_finite_at_pure_noise(prediction_type):
    x0, eps, c, s = noise(5), noise(5, seed=1), *torch.tensor([0.0, 1.0], dtype=torch.float64)
    close(TARGETS[prediction_type].x0_hat(eps, TARGETS[prediction_type].of(x0, eps, c, s), c, s), x0)


@pytest.mark.parametrize("theta", ANGLES)
@pytest.mark.parametrize("prediction_type", TARGETS)
def test_the_slope_is_the_fraction_of_an_error_that_reaches_the_prediction(prediction_type, theta):
    c, s = torch.tensor([math.cos(theta), math.sin(theta)], dtype=torch.float64)
    slope = torch.func.grad(lambda o: TARGETS[prediction_type].x0_hat(torch.tensor(0.3), o, c, s))(
        torch.tensor(0.7, dtype=torch.float64)
    )
    close(TARGETS[prediction_type].slope(c, s), slope.abs())


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_network_hears_the_angle_frame_on_every_schedule(name):
    net, schedule, x = Listener(torch.zeros_like), SCHEDULES[name](2000), noise(3, 2, 4, 4)
    for t in (1, 500, 1000):
        NeuralDenoiser(net, schedule, "v")(x, t)
        y, timestep, condition = net.heard[-1]
        signal, rate = schedule.signal[t].item(), schedule.noise[t].item()
        close(y, x / math.hypot(signal, rate))
        assert timestep.tolist() == pytest.approx([1000 * math.atan2(rate, signal)] * 3, rel=1e-6)
        assert (timestep.dtype, condition) == (torch.float32, None)


@pytest.mark.parametrize("prediction_type", TARGETS)
def test_a_network_that_knows_the_answer_gives_the_clean_image_on_every_schedule(prediction_type):
    x0, eps = noise(3, 2, 4, 4), noise(3, 2, 4, 4, seed=1)
    for make in (linear, cosine, flow):
        if prediction_type == "eps" and make is flow:
            continue
        schedule = make(1000)
        for t in (1, 500, 1000):
            guidance_scale, theta = schedule.angle(t, x0)
            net = Listener(lambda y, theta=theta: TARGETS[prediction_type].of(x0, eps, theta.cos(), theta.sin()))
            close(NeuralDenoiser(net, schedule, prediction_type)(schedule.corrupt(x0, t, eps), t), x0)


def test_one_network_means_the_same_on_two_schedules_where_their_angles_agree():
    schedule, line, y = cosine(1000), flow(2), noise(3, 2, 4, 4)
    t = (torch.atan2(schedule.noise, schedule.signal) - math.pi / 4).abs().argmin().item()
    predictions = [
        NeuralDenoiser(Listener(torch.sin), s, "v")(y * s.angle(at, y)[0], at) for s, at in ((schedule, t), (line, 1))
    ]
    close(*predictions, atol=1e-2)
    assert (predictions[0] - y).abs().max() > 0.1


@pytest.mark.parametrize("schedule", [flow(10), zero_terminal_snr(cosine(10))])
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


def test_a_condition_can_be_taken_away_again():
    net = Listener(torch.zeros_like)
    NeuralDenoiser(net, cosine(10), condition=torch.tensor([4, 7])).given(None)(noise(2, 3), 5)
    assert net.heard[0][2] is None


def test_autocast_surrounds_the_network_only():
    """Pitfall 40: the timestep stays float32 and the prediction has the dtype of x."""
    net = Listener(lambda y: torch.nn.functional.linear(y, torch.eye(3)))
    prediction = NeuralDenoiser(net, cosine(10), "x0", autocast=torch.bfloat16)(noise(2, 3).float(), 5)
    assert prediction.dtype == torch.float32
    assert torch.equal(prediction, prediction.bfloat16().float())  # it went through bfloat16
    assert net.heard[0][1].dtype == torch.float32


def test_guidance_0_ignores_the_condition_and_1_follows_it_and_neither_asks_the_other():
    """Pitfall 25."""
    yes, no, never = (lambda x, t: x + 1), (lambda x, t: x - 1), (lambda x, t: pytest.fail("not needed"))
    x = noise(2, 3)
    assert torch.equal(guided(never, no, 0)(x, 1), x - 1)
    assert torch.equal(guided(yes, never, 1)(x, 1), x + 1)


@pytest.mark.parametrize("guidance_scale", [-1.0, 0.5, 2.0, 7.5])
def test_guidance_goes_on_in_the_direction_of_the_condition(guidance_scale):
    x = noise(2, 3)
    close(
        guided(lambda x, t: x * t, lambda x, t: x.sin(), guidance_scale)(x, 3),
        x.sin() + guidance_scale * (3 * x - x.sin()),
    )


def test_guidance_in_an_interval_guides_inside_it_and_is_conditional_outside_at_half_the_cost():
    asked = []
    conditional, unconditional = (lambda x, t: x + t), (lambda x, t: asked.append(t) or x * t)
    inside, everywhere = interval_guidance(conditional, unconditional, 3.0, 200, 600), noise(2, 3)
    for t in (100, 199, 601, 1000):
        assert torch.equal(inside(everywhere, t), conditional(everywhere, t))
    assert asked == []
    for t in (200, 400, 600):
        assert torch.equal(inside(everywhere, t), guided(conditional, unconditional, 3.0)(everywhere, t))
    assert asked == [200, 200, 400, 400, 600, 600]


def test_recorded_guidance_is_guidance_and_stores_its_three_predictions():
    recorded, x = {}, noise(2, 3)
    prediction = record_guidance(recorded)(lambda x, t: x.cos(), lambda x, t: x.sin(), 3.5)(x, 7)
    without, with_condition, both = recorded[7]
    assert torch.equal(without, x.sin()) and torch.equal(with_condition, x.cos()) and torch.equal(prediction, both)
    close(both, x.sin() + 3.5 * (x.cos() - x.sin()))


def test_clipping_leaves_what_is_inside_alone():
    """Pitfall 22."""
    x = torch.tensor([-3.0, -1.0, -0.2, 0.0, 0.99, 1.0, 1.01])
    assert clipped(lambda x, t: x)(x, 1).tolist() == pytest.approx([-1, -1, -0.2, 0, 0.99, 1, 1])
    assert clipped(lambda x, t: x, 0, 0.5)(x, 1).tolist() == pytest.approx([0, 0, 0, 0, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("schedule", [linear(1000), cosine(1000), flow(1000)])
def test_the_exact_denoiser_is_the_posterior_mean(schedule):
    data, x = noise(5, 2, 3), noise(4, 2, 3, seed=1)
    for t in (200, 300, 900, 1000):
        signal, rate = schedule.signal[t].item(), schedule.noise[t].item()
        prediction = exact(data, schedule)(x, t).numpy()
        for k in range(4):
            likelihood = np.array(
                [np.exp(-((x[k] - signal * point) ** 2).sum().item() / (2 * rate**2)) for point in data]
            )
            np.testing.assert_allclose(
                prediction[k], np.tensordot(likelihood / likelihood.sum(), data.numpy(), 1), rtol=0, atol=1e-9
            )


def test_the_exact_denoiser_knows_the_average_at_pure_noise_and_the_image_at_timestep_0():
    data, x = noise(5, 2, 3), noise(4, 2, 3, seed=1)
    close(exact(data, flow(10))(x, 10), data.mean(0).expand(4, 2, 3))
    assert torch.equal(exact(data, flow(10))(x, 0), x)
    assert exact(data, linear(1000))(x.float(), 1).isfinite().all()


def threshold(x, **options):
    return thresholded(lambda x, t: x, **options)(x, 1)


@pytest.mark.parametrize("most", [1.0, 3.0])
def test_thresholding_changes_nothing_inside_the_range(most):
    """Pitfall 22: with minimum and maximum swapped it would blow images up to the range."""
    x = most * noise(4, 3, 8, 8).tanh()
    assert torch.equal(threshold(x, most=most), x)
    assert torch.equal(threshold(0.01 * x, most=most), 0.01 * x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.995, 1.0])
def test_thresholding_brings_every_image_into_the_range_and_to_its_edge(fraction, dtype):
    x = 3 * noise(4, 3, 8, 8).to(dtype)
    out = threshold(x, fraction=fraction, most=1.0)
    assert out.dtype == dtype
    assert out.abs().flatten(1).amax(1).tolist() == pytest.approx([1] * 4, rel=1e-6)


def test_thresholding_is_the_papers_formula_image_by_image():
    """Saharia et al. 2022, fig. A.10: clip to the quantile s, divide by s, where s is above 1."""
    x = torch.stack([0.3 * noise(3, 8, 8), 2 * noise(3, 8, 8, seed=1), 9 * noise(3, 8, 8, seed=2)])
    for row, out in zip(x.numpy(), threshold(x, fraction=0.9).numpy(), strict=True):
        s = max(1.0, np.quantile(np.abs(row), 0.9))
        np.testing.assert_allclose(out, np.clip(row, -s, s) / s, rtol=0, atol=1e-6)
    torch.testing.assert_close(threshold(x)[1:2], threshold(x[1:2]))


@pytest.mark.parametrize("fraction", [0.5, 0.995])
def test_thresholding_keeps_the_order_of_all_values_and_their_signs(fraction):
    x = 4 * noise(2, 3, 8, 8)
    out = threshold(x, fraction=fraction)
    for before, after in zip(x.flatten(1), out.flatten(1), strict=True):
        assert (after[before.argsort()].diff() >= 0).all()
    assert torch.equal(out.sign(), x.sign())


@pytest.mark.parametrize("timestep", [1, 10, 100, 999])
def test_the_exact_denoiser_stays_exact_in_float32_where_there_is_hardly_any_noise(timestep):
    """Against the differences in float64, among a thousand images, some of them so close that the noise hides which one
    it is.
    """
    schedule = cosine(1000)
    generator = torch.Generator().manual_seed(0)
    data = torch.rand(200, 3, 32, 32, generator=generator) * 2 - 1
    rate = schedule.noise[timestep].item()
    data[100:] = data[:100] + 0.02 * rate * torch.randn(100, 3, 32, 32, generator=generator)
    x = schedule.corrupt(data[:4], timestep, torch.randn(4, 3, 32, 32, generator=generator))
    away = [((row - schedule.signal[timestep] * data.double()) ** 2).sum(dim=(1, 2, 3)) for row in x.double()]
    weights = torch.stack([(-square / (2 * rate**2)).softmax(0) for square in away])
    right = torch.einsum("bn,nchw->bchw", weights, data.double())
    close(exact(data, schedule)(x, timestep).double(), right, atol=1e-6)
    alike = torch.stack([weights[k, [k, 100 + k]] for k in range(4)])
    assert (alike.min(dim=1).values > 1e-3).any() or timestep == 999


def test_the_exact_denoiser_answers_while_a_person_watches():
    data = torch.rand(1000, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    ask = partial(exact(data, cosine(1000)), noise(4, 3, 64, 64).float(), 500)
    assert min(timeit.repeat(ask, number=1, repeat=5)) < 0.5


@pytest.mark.parametrize("shape", [(2,), (3, 2, 2)])
def test_exact_predictions_have_the_shape_and_the_dtype_of_x(shape):
    data = noise(7, *shape).float()
    means, one = data[:3], torch.ones(3)
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        x = noise(4, *shape, seed=1).to(dtype)
        for denoise in (
            exact(data, cosine(10)),
            exact_gaussian(0.1, 0.5, cosine(10)),
            exact_mixture(means, 0.1 * one, one / 3, cosine(10)),
        ):
            assert (denoise(x, 5).shape, denoise(x, 5).dtype) == (x.shape, dtype)


def test_the_exact_denoiser_does_not_depend_on_how_many_images_are_looked_at_together(monkeypatch):
    data, x = noise(50, 2, 4, 4), noise(3, 2, 4, 4, seed=1)
    whole = exact(data, cosine(1000))(x, 400)
    for together in (1, 32 * 7, 32 * 50):
        monkeypatch.setattr("diffusion_edu.denoisers.AT_ONCE", together)
        close(exact(data, cosine(1000))(x, 400), whole)


@pytest.mark.parametrize("schedule", [linear(1000), cosine(1000), flow(1000)])
def test_the_exact_gaussian_prediction_is_bayes_rule(schedule):
    """Two precisions add up: 1 / std^2 of what is known beforehand, signal^2 / noise^2 of what is seen."""
    x = noise(4, 3)
    for t in (1, 20, 500, 999, 1000):
        signal, rate = schedule.signal[t].item(), schedule.noise[t].item()
        for mean, std in ((0.3, 0.5), (-1.0, 2.0), (0.0, 0.02)):
            precision = 1 / std**2 + signal**2 / rate**2
            right = (mean / std**2 + signal * x.numpy() / rate**2) / precision
            np.testing.assert_allclose(exact_gaussian(mean, std, schedule)(x, t), right, rtol=1e-9, atol=1e-9)
    assert torch.equal(exact_gaussian(0.3, 0.5, schedule)(x, 0), x)


def test_mean_and_spread_may_differ_from_place_to_place():
    mean, std, x = noise(3, 4), noise(3, 4, seed=1).abs(), noise(5, 3, 4, seed=2)
    prediction = exact_gaussian(mean, std, cosine(1000))(x, 400)
    for i, j in ((0, 0), (2, 3)):
        close(prediction[:, i, j], exact_gaussian(mean[i, j].item(), std[i, j].item(), cosine(1000))(x[:, i, j], 400))


@pytest.mark.parametrize("t", [50, 300, 700])
def test_no_other_prediction_of_gaussian_data_has_a_smaller_error(t):
    """Its mean squared error is the posterior variance, and any change of its two coefficients makes it larger."""
    schedule, n = cosine(1000), 400_000
    x0, eps = 0.3 + 0.5 * noise(n, 1), noise(n, 1, seed=1)
    x = schedule.corrupt(x0, t, eps)
    right = exact_gaussian(0.3, 0.5, schedule)(x, t)
    error = (right - x0).square().mean().item()
    assert error == pytest.approx(1 / (1 / 0.25 + (schedule.signal[t] / schedule.noise[t]).item() ** 2), rel=0.02)
    others = [1.05 * right, right + 0.05, x / schedule.signal[t], 0 * x + 0.3, exact_gaussian(0.3, 0.6, schedule)(x, t)]
    assert all((other - x0).square().mean() > 1.0005 * error for other in others)


@pytest.mark.parametrize("schedule", [cosine(1000), flow(1000)])
def test_a_mixture_of_points_is_the_exact_denoiser_of_those_points(schedule):
    data, x = noise(6, 2, 3), noise(4, 2, 3, seed=1)
    points = exact_mixture(data, torch.full((6,), 1e-7), torch.full((6,), 1 / 6), schedule)
    for t in (100, 300, 700, 1000):
        close(points(x, t), exact(data, schedule)(x, t), atol=1e-6)
    nothing = exact_mixture(data, torch.zeros(6), torch.full((6,), 1 / 6), schedule)
    assert torch.equal(nothing(x, 0), x)
    close(nothing(x, 300), exact(data, schedule)(x, 300))


@pytest.mark.parametrize("schedule", [cosine(1000), flow(1000)])
def test_a_mixture_of_one_is_the_exact_gaussian_prediction(schedule):
    mean, x = noise(1, 2, 3), noise(4, 2, 3, seed=1)
    for t in (0, 1, 300, 1000):
        close(
            exact_mixture(mean, torch.tensor([0.5]), torch.ones(1), schedule)(x, t),
            exact_gaussian(mean[0], 0.5, schedule)(x, t),
        )


def test_a_mixture_is_the_posterior_mean_by_numerical_integration():
    schedule, t = cosine(1000), 500
    means, stds, weights = (
        torch.tensor([[-1.0], [0.2], [1.5]]).double(),
        torch.tensor([0.1, 0.5, 0.3]),
        torch.tensor([0.2, 0.5, 0.3]),
    )
    signal, rate = schedule.signal[t].item(), schedule.noise[t].item()
    x0 = np.linspace(-8, 8, 200_001)
    parts = zip(means[:, 0].tolist(), stds.tolist(), weights.tolist(), strict=True)
    prior = sum(w / s * np.exp(-((x0 - m) ** 2) / (2 * s**2)) for m, s, w in parts)
    for x in (-2.0, -0.3, 0.4, 1.7):
        posterior = prior * np.exp(-((x - signal * x0) ** 2) / (2 * rate**2))
        prediction = exact_mixture(means, stds, weights, schedule)(torch.tensor([[x]]).double(), t).item()
        assert prediction == pytest.approx((posterior * x0).sum() / posterior.sum(), abs=1e-6)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_every_component_of_a_mixture_has_the_density_of_its_dimension(d):
    """Against the density N(x; signal * mean, variance * I) in d dimensions: narrow components weigh more the higher d
    is.
    """
    schedule, t, x = cosine(1000), 400, 0.5 * noise(6, d, seed=2)
    means, stds, weights = noise(3, d), torch.tensor([0.05, 0.4, 2.0]).double(), torch.tensor([0.5, 0.3, 0.2]).double()
    signal, rate = schedule.signal[t], schedule.noise[t]
    scores, predictions = [], []
    for mean, std, weight in zip(means, stds, weights, strict=True):
        variance = signal**2 * std**2 + rate**2
        density = torch.distributions.MultivariateNormal(signal * mean, variance * torch.eye(d).double())
        scores.append(weight.log() + density.log_prob(x))
        predictions.append(exact_gaussian(mean, std, schedule)(x, t))
    posterior = torch.stack(scores).softmax(0)
    assert (posterior.max(0).values < 0.999).any()
    right = (posterior[..., None] * torch.stack(predictions)).sum(0)
    close(exact_mixture(means, stds, weights, schedule)(x, t), right)
