"""Lesson 07: typical wrong answers get the hint for their mistake, right ones pass; the figures it quotes are true."""

import math

import numpy as np
import pool
import pytest
import torch

from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.data.points import two_moons
from diffusion_edu.lessons.exercises.lesson_07 import EXERCISES
from diffusion_edu.lessons.figures import lesson_07 as figures


def sides(theta):
    return theta.cos()[:, None, None, None], theta.sin()[:, None, None, None]


def loss(net, x0, theta, eps, sign=-1, reduce=torch.mean, power=2, target=None):
    c, s = sides(theta)
    target = c * eps + sign * s * x0 if target is None else target
    return reduce((net(c * x0 + s * eps, theta) - target).abs() ** power)


def loss_by_image(net, x0, theta, eps):
    total = 0.0
    for k in range(len(x0)):
        c, s = math.cos(theta[k]), math.sin(theta[k])
        v = net(c * x0[k : k + 1] + s * eps[k : k + 1], theta[k : k + 1])[0]
        total += ((v - c * eps[k] + s * x0[k]) ** 2).mean().item()
    return total / len(x0)


def loss_by_einsum(net, x0, theta, eps):
    y = torch.einsum("b,bchw->bchw", theta.cos(), x0) + torch.einsum("b,bchw->bchw", theta.sin(), eps)
    v = torch.einsum("b,bchw->bchw", theta.cos(), eps) - torch.einsum("b,bchw->bchw", theta.sin(), x0)
    return torch.nn.functional.mse_loss(net(y, theta), v)


def loss_by_root(net, x0, theta, eps):
    c = theta.cos().view(-1, 1, 1, 1)
    s = (1 - c**2).sqrt()
    return torch.linalg.vector_norm(net(c * x0 + s * eps, theta) - c * eps + s * x0) ** 2 / x0.numel()


def if_by_if(prediction_type, power):
    if prediction_type == "eps":
        return 1.0
    if prediction_type == "x0":
        return power
    return (1.0 + power) / (2.0 if prediction_type == "v" else 1.0)


def by_angles(prediction_type, power):
    theta = (torch.arange(1000).double() + 0.5) / 1000 * math.pi / 2
    of_noise = {"eps": 1, "x0": 0, "v": theta.cos(), "flow": 1}[prediction_type]
    of_image = {"eps": 0, "x0": 1, "v": theta.sin(), "flow": -1}[prediction_type]
    return (0 * theta + of_noise**2 + of_image**2 * power).mean()


def mixed(average, weight, step, decay, kept=lambda step, decay: min(decay, (1 + step) / (10 + step))):
    d = kept(step, decay)
    return d * average + (1 - d) * weight


def looped_ema(average, weight, step, decay):
    d = (1 + step) / (10 + step)
    if d > decay:
        d = decay
    out = average.clone()
    for k, (old, new) in enumerate(zip(average.flatten(), weight.flatten(), strict=True)):
        out.view(-1)[k] = new + d * (old - new)
    return out


def loop(net, optimizer, batches, angles, noises, order="lzbs"):
    losses = []
    for x0, theta, eps in zip(batches, angles, noises, strict=True):
        for letter in order:
            if letter == "l":
                now = figures.v_loss(net, x0, theta, eps)
            elif letter == "z":
                optimizer.zero_grad()
            elif letter == "b":
                now.backward()
            else:
                optimizer.step()
        losses.append(now.item())
    return losses


def by_index(net, optimizer, batches, angles, noises):
    losses = torch.zeros(len(batches))
    for k in range(len(batches)):
        optimizer.zero_grad(set_to_none=True)
        now = figures.v_loss(net, batches[k], angles[k], noises[k])
        now.backward()
        optimizer.step()
        losses[k] = now.detach()
    return losses


def by_gradient(net, optimizer, batches, angles, noises):
    losses = []
    for batch in zip(batches, angles, noises, strict=True):
        now = figures.v_loss(net, *batch)
        for weight, gradient in zip(net.parameters(), torch.autograd.grad(now, list(net.parameters())), strict=True):
            weight.grad = gradient
        optimizer.step()
        losses.append(float(now))
    return tuple(losses)


def batch(x0, u, eps, right_angle=math.pi / 2):
    c, s = sides(u * right_angle)
    return c * x0 + s * eps, u * right_angle, c * eps - s * x0


def batch_by_image(x0, u, eps):
    parts = [batch(x0[k : k + 1], u[k : k + 1], eps[k : k + 1]) for k in range(len(u))]
    return tuple(torch.cat(each) for each in zip(*parts, strict=True))


def batch_in_numpy(x0, u, eps):
    theta = u.numpy() * np.pi / 2
    c, s = np.cos(theta).reshape(-1, 1, 1, 1), np.sin(theta).reshape(-1, 1, 1, 1)
    return [c * x0.numpy() + s * eps.numpy(), theta, c * eps.numpy() - s * x0.numpy()]


def batch_by_einsum(x0, u, eps):
    theta = torch.pi * u / 2
    mix = lambda a, x: torch.einsum("b,bchw->bchw", a, x)  # noqa: E731
    return mix(theta.cos(), x0) + mix(theta.sin(), eps), theta, mix(theta.cos(), eps) - mix(theta.sin(), x0)


def batch_permuted(x0, u, eps):
    theta = torch.deg2rad(90 * u)
    x, e = x0.permute(1, 2, 3, 0), eps.permute(1, 2, 3, 0)
    back = lambda x: x.permute(3, 0, 1, 2)  # noqa: E731
    return back(theta.cos() * x + theta.sin() * e), theta, back(theta.cos() * e - theta.sin() * x)


RIGHT = {
    "07.1": [loss, loss_by_image, loss_by_einsum, loss_by_root, figures.v_loss],
    "07.2": [
        if_by_if,
        by_angles,
        lambda kind, power: {"eps": 1, "x0": power, "v": 0.5 + power / 2, "flow": power + 1}[kind],
        lambda kind, power: torch.tensor([1, power, (1 + power) / 2, 1 + power])[
            ["eps", "x0", "v", "flow"].index(kind)
        ],
        lambda kind, power: {"eps": (1, 0), "x0": (0, 1), "v": (0.5, 0.5), "flow": (1, 1)}[kind] @ np.array([1, power]),
    ],
    "07.3": [
        mixed,
        looped_ema,
        lambda a, w, step, decay: torch.lerp(w, a, min(decay, (1 + step) / (10 + step))),
        lambda a, w, step, decay: a - (1 - min(decay, 1 - 9 / (10 + step))) * (a - w),
        lambda a, w, step, decay: np.minimum(decay, (1 + step) / (10 + step)) * (a - w).numpy() + w.numpy(),
    ],
    "07.4": [
        loop,
        by_index,
        by_gradient,
        lambda *a: loop(*a, order="zlbs"),
        lambda *a: loop(*a, order="lbsz"),
    ],
    "07.5": [batch, batch_by_image, batch_in_numpy, batch_by_einsum, batch_permuted],
}

WRONG = {
    "07.1": [
        (lambda net, x0, theta, eps: loss(net, x0, theta, eps, sign=1), "wrong sign"),
        (lambda net, x0, theta, eps: loss(net, x0, theta, eps, target=eps), "eps-prediction"),
        (lambda net, x0, theta, eps: loss(net, x0, theta, eps, target=x0), "x0-prediction"),
        (lambda net, x0, theta, eps: loss(net, x0, theta, eps, target=eps - x0), "flow matching"),
        (lambda net, x0, theta, eps: loss(net, x0, theta, eps, reduce=torch.sum), "add up the squared errors"),
        (lambda net, x0, theta, eps: loss(net, x0, theta, eps, power=1), "absolute values"),
        (lambda net, x0, theta, eps: loss(net, x0, theta, eps) ** 0.5, "root at the end"),
        (lambda net, x0, theta, eps: loss(lambda y, a: net(y, 0 * a), x0, theta, eps), "does not get the angle"),
        (lambda net, x0, theta, eps: loss(lambda y, a: net(y, 1000 * a), x0, theta, eps), "a thousand times"),
        (lambda net, x0, theta, eps: loss(net, eps, theta, x0), "`x0` and `eps` have changed places"),
        (lambda net, x0, theta, eps: loss(net, x0, theta, eps) / 50, "a constant factor"),
        (lambda net, x0, theta, eps: loss(net, x0, theta, torch.randn_like(eps)), "two results"),
    ],
    "07.2": [
        (lambda kind, power: if_by_if(kind, power**0.5), "For x0 it is wrong"),
        (lambda kind, power: 1.0, "one number for all types"),
        (lambda kind, power: {"eps": power, "x0": 1}.get(kind, if_by_if(kind, power)), "exchanged"),
        (lambda kind, power: 1 + power if kind == "v" else if_by_if(kind, power), "do not average over the angles"),
        (lambda kind, power: (1 - power) / 2 if kind == "v" else if_by_if(kind, power), "variances add"),
        (lambda kind, power: 1 - power if kind == "flow" else if_by_if(kind, power), "variances add"),
        (lambda kind, power: 0 if kind == "eps" else if_by_if(kind, power), "misses all of the noise"),
        (lambda kind, power: 0.3 + power if kind == "v" else if_by_if(kind, power), "For v it is wrong"),
        (lambda kind, power: 3.0 if kind == "flow" else if_by_if(kind, power), "Only flow is wrong"),
        (lambda kind, power: 2.0 if kind == "eps" else if_by_if(kind, power), "For eps it is wrong"),
    ],
    "07.3": [
        (lambda a, w, step, decay: mixed(a, w, step, decay, lambda step, decay: decay), "no warm-up"),
        (lambda a, w, step, decay: mixed(w, a, step, decay), "Average and weight are exchanged"),
        (
            lambda a, w, step, decay: mixed(a, w, step, decay, lambda s, d: max(d, (1 + s) / (10 + s))),
            "larger of the two",
        ),
        (lambda a, w, step, decay: mixed(a, w, step, decay, lambda s, d: (1 + s) / (10 + s)), "Only the warm-up"),
        (lambda a, w, step, decay: mixed(a, w, step, decay, lambda s, d: min(d, s / (10 + s))), "begins with zero"),
        (lambda a, w, step, decay: mixed(a, w, step, decay, lambda s, d: (1 + s) // (10 + s)), "cut off to whole"),
        (lambda a, w, step, decay: decay * a + w, "no warm-up"),
        (lambda a, w, step, decay: (a + w) / 2, "a half"),
        (lambda a, w, step, decay: mixed(a, w, step, decay) + 0.1 * a.flip(0), "do not add up to one"),
    ],
    "07.4": [
        (lambda *a: loop(*a, order="lbs"), "never forgotten"),
        (lambda *a: loop(*a, order="lbzs"), "weights never change"),
        (lambda *a: loop(*a, order="lzb"), "weights never change"),
        (lambda *a: loop(*a, order="lzbss"), "twice as much"),
        (lambda *a: loop(*a)[-1], "hand over the last loss"),
        (lambda *a: sum(loop(*a)), "the sum"),
        (lambda net, opt, x, a, e: loop(net, opt, x[:-1], a[:-1], e[:-1]), "last batch is left out"),
        (lambda net, opt, x, a, e: loop(net, opt, x[:1] * len(x), a, e), "first batch is used"),
        (lambda net, opt, x, a, e: loop(net, opt, x, a[:1] * len(a), e), "angles of the first batch"),
        (lambda net, opt, x, a, e: loop(net, opt, [2 * each for each in x], a, e), "Already the first loss is wrong"),
        (lambda *a: loop(*a, order="lzbslzbs"), "Already the first loss"),
    ],
    "07.5": [
        (lambda x0, u, eps: batch(x0, u.mean().expand_as(u), eps), "mean of the angles"),
        (lambda x0, u, eps: batch(x0, u, eps, right_angle=1.0), "pure noise would never be seen"),
        (lambda x0, u, eps: batch(x0, u, eps, right_angle=math.pi), "half turn"),
        (lambda x0, u, eps: batch(x0, 1 - u, eps), "wrong end"),
        (lambda x0, u, eps: batch(x0, u.flip(0), eps), "other images"),
        (lambda x0, u, eps: batch(x0, u, eps)[::-1], "target first"),
        (lambda x0, u, eps: batch(x0, u, -eps), "the noisy image is not"),
        (lambda x0, u, eps: (batch(x0, u[:1].expand_as(u), eps)[0], *batch(x0, u, eps)[1:]), "uses one angle for all"),
        (lambda x0, u, eps: batch(x0, u**2, eps), "The angles are not right"),
        (lambda x0, u, eps: batch(x0.flip(0), u, eps), "The angles are right, the noisy image is not"),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


@pytest.fixture(scope="module")
def points():
    mixed = torch.randperm(3000, generator=torch.Generator().manual_seed(1))
    return two_moons(3000, torch.Generator().manual_seed(0)).x[mixed]


@pytest.fixture(scope="module")
def trained(points):
    """Networks A (10 points) and B (2,000 points) after 1,200 steps; of B the losses, and samples after 400 steps."""
    networks = []
    for count in (10, 2000):
        net = figures.PointNetwork()
        tool, lists = figures.optimizer(net), figures.drawn(points[:count], 1200)
        losses = figures.train(net, tool, *(each[:400] for each in lists))
        early = figures.sampled(net)
        losses += figures.train(net, tool, *(each[400:] for each in lists))
        networks.append((net, losses, early))
    return networks


def last(losses):
    return sum(losses[-200:]) / 200


def test_ten_points_are_learned_by_heart(points, trained):
    (a, losses_a, _), (b, losses_b, _) = trained
    assert last(losses_a) == pytest.approx(0.40, abs=0.02) and last(losses_b) == pytest.approx(0.447, abs=0.02)
    assert figures.held_out(a, points[2000:]) > 0.52 and figures.held_out(b, points[2000:]) < 0.48


def test_a_flat_loss_is_no_end(points, trained):
    net, losses, early = trained[1]
    near = [(torch.cdist(x, points[:2000]).amin(1) < 0.05).double().mean() for x in (early, figures.sampled(net))]
    assert near[0] == pytest.approx(0.64, abs=0.06) and near[1] == pytest.approx(0.81, abs=0.06)
    assert last(losses) / last(losses[:400]) == pytest.approx(0.97, abs=0.015)


def test_an_exact_denoiser_is_hardly_better(points, trained):
    known = two_moons(20000, torch.Generator().manual_seed(3)).x

    def exact(y, theta):
        c, s = theta.cos()[:, None], theta.sin()[:, None].clamp(min=1e-3)
        weights = -((y.square().sum(1, keepdim=True) - 2 * c * y @ known.T + c**2 * known.square().sum(1)) / (2 * s**2))
        x0 = weights.softmax(1) @ known
        return c * (y - c * x0) / s - s * x0

    assert figures.held_out(exact, points[2000:]) == pytest.approx(0.454, abs=0.005)
    assert figures.held_out(trained[1][0], points[2000:]) == pytest.approx(0.457, abs=0.01)


def test_one_angle_for_all_makes_the_loss_jump(points, trained):
    each, one = figures.jumps(trained[1][0], points[:2000])
    assert one > 3.5 * each


def test_an_average_without_warm_up_is_useless_for_long(points):
    _, without, with_it = figures.forgotten(0.9999, 5000)
    assert round(without, 2) == 0.61 and with_it < 1e-20
    distances = {}
    for warm_up in (False, True):
        _, average = figures.averaged(figures.ema, points[:2000], 300, 0.9999, warm_up)
        distances[warm_up] = figures.energy_distance(figures.sampled(average), points[2000:2500])
    assert distances[False] > 0.1 > 0.03 > distances[True]


def test_one_network_has_three_losses():
    flowers = load_images(PRETRAINED / "flower_samples.parquet").take(torch.arange(16))
    _, means = figures.three_losses(load("flowers_attention"), to_signed(flowers.images), flowers.labels)
    assert means == pytest.approx({"v": 0.087, "x0": 0.037, "eps": 0.050}, abs=0.003)
