"""Lesson 06: typical wrong answers get the hint for their mistake, right ones pass; the figures it quotes are true."""

import math

import numpy as np
import pool
import pytest
import torch
import torch.nn.functional as F

from diffusion_edu.analysis.attention import self_attention_off
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.lessons.exercises.lesson_06 import EXERCISES
from diffusion_edu.lessons.figures import lesson_06 as figures
from diffusion_edu.networks.blocks import sinusoid
from diffusion_edu.schedules import cosine


def waves(t, width, divisor=2, base=10000.0, first=torch.cos, second=torch.sin):
    exponents = torch.arange(width // 2) / (width / divisor)
    phase = torch.outer(t, torch.pow(base, -exponents).to(t))
    return torch.cat([first(phase), second(phase)], 1)


def by_numbers(t, width):
    rows = np.zeros((len(t), width))
    for k, time in enumerate(t.tolist()):
        for i in range(width // 2):
            phase = time / 10000 ** (2 * i / width)
            rows[k, i], rows[k, i + width // 2] = math.cos(phase), math.sin(phase)
    return rows


def by_exponential(t, width):
    f = torch.exp(-math.log(10000) * torch.arange(0, width, 2) / width)
    return torch.hstack([(t[:, None] * f).cos(), (t[:, None] * f).sin()])


def shifted_sines(t, width):
    f = torch.logspace(0, -4 * (1 - 2 / width), width // 2).double()
    return torch.sin(t[:, None] * f.repeat(2) + torch.tensor([math.pi / 2, 0.0]).repeat_interleave(width // 2))


def complex_waves(t, width):
    z = torch.polar(
        torch.ones(len(t), width // 2).double(), t[:, None] / 10000 ** (torch.arange(width // 2) * 2 / width)
    )
    return torch.cat([z.real, z.imag], 1)


def weights(q, k, axis=-1, divisor=None):
    return (torch.einsum("bqd,bkd->bqk", q, k) / (divisor or math.sqrt(q.shape[-1]))).softmax(axis)


def one_query_at_a_time(q, k, v):
    out = torch.zeros_like(v)
    for image in range(len(q)):
        for position in range(q.shape[1]):
            scores = (k[image] * q[image, position]).sum(1) / math.sqrt(q.shape[2])
            part = (scores - scores.max()).exp()
            out[image, position] = (part / part.sum()) @ v[image]
    return out


def attention_in_numpy(q, k, v):
    scores = np.einsum("bqd,bkd->bqk", q.numpy(), k.numpy()) / np.sqrt(q.shape[-1])
    part = np.exp(scores)
    return (part / part.sum(-1, keepdims=True)) @ v.numpy()


def down_and_up(x, down, up, take=lambda skips: skips.pop(), before=False):
    skips = []
    for layer in down:
        old, x = x, layer(x)
        skips.append(old if before else x)
    for layer in up:
        x = layer(x, take(skips))
    return x


def nested(x, down, up):
    if not down:
        return x
    skip = down[0](x)
    return up[-1](nested(skip, down[1:], up[:-1]), skip)


def numbered(x, down, up):
    results = [x]
    for layer in down:
        results.append(layer(results[-1]))
    y = results[-1]
    for k in range(len(up)):
        y = up[k](y, results[len(down) - k])
    return y


def zipped(x, down, up):
    kept = [x := layer(x) for layer in down]
    for layer, skip in zip(up, reversed(kept), strict=True):
        x = layer(x, skip)
    return x


def in_front(x, down, up):
    kept = []
    for layer in down:
        kept.insert(0, x := layer(x))
    for k, layer in enumerate(up):
        x = layer(x, kept[k])
    return x


def counted_back(x, down, up):
    skips = [x := layer(x) for layer in down]
    for k, layer in enumerate(up):
        x = layer(x, skips[-k])
    return x


def popped_too_early(x, down, up):
    skips = [x := layer(x) for layer in down]
    skips.pop()
    for layer in up:
        x = layer(x, skips.pop() if skips else x)
    return x


def stops(x, down, up):
    skips = [x := layer(x) for layer in down]
    for layer in up:
        return layer(x, skips.pop())
    return None


def looped(h, emb):
    out = h.clone()
    for image in range(h.shape[0]):
        for channel in range(h.shape[1]):
            out[image, channel] += emb[image, channel]
    return out


def wide(x):
    return x.reshape(*x.shape, 1, 1)


RIGHT = {
    "06.1": [waves, by_numbers, by_exponential, shifted_sines, complex_waves],
    "06.2": [
        lambda h, scale, shift: h + h * wide(scale) + wide(shift),
        lambda h, scale, shift: torch.addcmul(wide(shift), h, 1 + wide(scale)),
        lambda h, scale, shift: (h.permute(2, 3, 0, 1) * (1 + scale) + shift).permute(2, 3, 0, 1),
        lambda h, scale, shift: torch.einsum("bchw,bc->bchw", h, 1 + scale) + shift.unsqueeze(-1).unsqueeze(-1),
        lambda h, scale, shift: h.numpy() * (1 + scale.numpy()[..., None, None]) + shift.numpy()[..., None, None],
    ],
    "06.3": [
        F.scaled_dot_product_attention,
        one_query_at_a_time,
        attention_in_numpy,
        lambda q, k, v: torch.bmm(weights(q, k), v),
        lambda q, k, v: ((v.mT @ (k / math.sqrt(q.shape[2]) @ q.mT).softmax(1)).mT).float(),
    ],
    "06.4": [down_and_up, nested, numbered, zipped, in_front],
    "06.5": [
        lambda h, emb: h + wide(emb),
        looped,
        lambda h, emb: (h.permute(2, 3, 0, 1) + emb).permute(2, 3, 0, 1),
        lambda h, emb: (h.flatten(2) + emb[:, :, None]).view_as(h),
        lambda h, emb: h.numpy() + np.expand_dims(emb.numpy(), (2, 3)),
    ],
}

WRONG = {
    "06.1": [
        (lambda t, width: waves(t, width, first=torch.sin, second=torch.cos), "halves are exchanged"),
        (lambda t, width: waves(t, width, divisor=1), "fall too slowly"),
        (lambda t, width: waves(t, width, base=1e-4), "grow with i"),
        (lambda t, width: waves(t, width, base=1000.0), "base is too small"),
        (lambda t, width: waves(t / 1000, width), "by a thousand"),
        (lambda t, width: waves(t, width).view(len(t), 2, -1).mT.flatten(1), "take turns"),
        (lambda t, width: waves(t, width)[:, : width // 2], "sines are missing"),
        (lambda t, width: waves(t, 2 * width), "twice as wide"),
        (lambda t, width: waves(t, width).T, "columns are the timesteps"),
        (lambda t, width: waves(t, width) + 1, "plus 1"),
        (lambda t, width: waves(t, width, base=9000.0), "a later one is not"),
        (lambda t, width: waves(t, width, second=lambda x: x.sin() ** 2), "other wave of the same phases"),
    ],
    "06.2": [
        (lambda h, scale, shift: h * wide(scale) + wide(shift), "yours vanish"),
        (lambda h, scale, shift: (h + wide(shift)) * (1 + wide(scale)), "shift is scaled, too"),
        (lambda h, scale, shift: h * (1 + wide(shift)) + wide(scale), "multiply with the shift"),
        (lambda h, scale, shift: h * (1 + wide(scale)) - wide(shift), "wrong sign"),
        (lambda h, scale, shift: h * (1 + wide(scale)), "shift is not used"),
        (lambda h, scale, shift: h + wide(shift), "scale is not used"),
        (lambda h, scale, shift: h * wide(scale.exp()) + wide(shift), "exponential"),
        (lambda h, scale, shift: h * (1 + wide(scale[:1])) + wide(shift), "of the first image"),
        (lambda h, scale, shift: h * h * (1 + wide(scale)) + wide(shift), "your factor changes"),
    ],
    "06.3": [
        (lambda q, k, v: weights(q, k, axis=1) @ v, "runs over the queries"),
        (lambda q, k, v: weights(q, k, axis=0) @ v, "over the batch"),
        (lambda q, k, v: weights(q, k, divisor=1.0) @ v, "not divided by anything"),
        (lambda q, k, v: weights(q, k, divisor=q.shape[-1]) @ v, "by too much"),
        (lambda q, k, v: weights(q, k, divisor=q.shape[1] ** 0.5) @ v, "positions"),
        (lambda q, k, v: weights(q, v) @ k, "Values and keys are exchanged"),
        (lambda q, k, v: weights(k, q) @ v, "Queries and keys"),
        (lambda q, k, v: weights(q, k), "hand back the weights"),
        (lambda q, k, v: q @ k.mT / q.shape[-1] ** 0.5 @ v, "no softmax"),
        (lambda q, k, v: weights(q, k).mT @ v, "wrong way round"),
        (lambda q, k, v: 1.1 * weights(q, k) @ v - 0.01 * v, "do not add up to one"),
        (lambda q, k, v: weights(q, k) @ (3 * v - 2 * v.mean(1, keepdim=True)), "outside the range"),
    ],
    "06.4": [
        (lambda x, down, up: down_and_up(x, down, up, take=lambda skips: skips.pop(0)), "first skip is used first"),
        (lambda x, down, up: down_and_up(x, down, up, before=True), "inputs of the layers"),
        (lambda x, down, up: down_and_up(x, down, up, take=lambda skips: skips[-1]), "gets the last skip"),
        (lambda x, down, up: down_and_up(x, down, up, take=lambda skips: skips[0]), "gets the first skip"),
        (lambda x, down, up: down_and_up(x, down, up[::-1]), "wrong order"),
        (lambda x, down, up: down_and_up(x, down, []), "way up is missing"),
        (stops, "inside the loop"),
        (counted_back, "minus zero"),
        (popped_too_early, "lost before the way up"),
        (lambda x, down, up: down_and_up(x, down, [lambda x, skip, f=f: f(skip, x) for f in up]), "change places"),
        (lambda x, down, up: down_and_up(x, down, [lambda x, _, f=f: f(x, x) for f in up]), "There is no skip"),
        (lambda x, down, up: down_and_up(x, down, [lambda _, skip, f=f: f(skip, skip) for f in up]), "the skip twice"),
    ],
    "06.5": [
        (lambda h, emb: h + wide(emb[0]), "first image"),
        (lambda h, emb: h + wide(emb.mean(0)), "mean over the batch"),
        (lambda h, emb: h + wide(emb.mean(1, keepdim=True)), "One number for all channels"),
        (lambda h, emb: h * (1 + wide(emb)), "multiply"),
        (lambda h, emb: h - wide(emb), "wrong sign"),
        (lambda h, emb: wide(emb) + 0 * h, "only the embedding is left"),
        (lambda h, emb: h + wide(emb.flip(0)), "changed places"),
        (lambda h, emb: h + wide(emb) * h.shape[0], "added twice"),
        (lambda h, emb: h + 2 * emb[:, None, None, :], "column to column"),
        (lambda h, emb: h + wide(emb) ** 2, "their own rows"),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


@pytest.fixture(scope="module")
def flowers():
    """A trained network, 32 generated flowers at timestep 500 of the cosine schedule, and the error of a prediction."""
    model, schedule = load("flowers_attention"), cosine()
    some = load_images(PRETRAINED / "flower_samples.parquet").take(torch.arange(32))
    x0 = to_signed(some.images)
    eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
    return model, schedule, x0, eps, some.labels


def test_timesteps_between_0_and_1_look_alike():
    rows = sinusoid(torch.tensor([0.0, 1.0, 1000.0]), 256)
    near, far = (F.cosine_similarity(rows[0], rows[k], dim=0).item() for k in (1, 2))
    assert round(near, 2) == 0.97 and round(far, 2) == 0.19
    assert torch.allclose(rows.square().sum(1), torch.full((3,), 128.0))
    assert "0.74" in figures.similarity(sinusoid, 256).caption


def test_a_cut_at_the_highest_resolution_does_most_harm(flowers):
    model, schedule, x0, eps, labels = flowers
    _, errors = figures.cut_skips(model, schedule, x0, eps, labels, 500)
    expected = {"all": 0.026, "32x32": 0.277, "16x16": 0.046, "8x8": 0.027}
    assert {name: round(error, 3) for name, error in errors.items()} == pytest.approx(expected, abs=0.002)


def test_without_attention_one_prediction_is_half_as_bad_again(flowers):
    model, schedule, x0, eps, labels = flowers
    denoise, x = model.denoiser(schedule, labels), schedule.corrupt(x0, 500, eps)
    with self_attention_off(model.net):
        assert (denoise(x, 500) - x0).square().mean().item() == pytest.approx(0.040, abs=0.002)
    assert sum(weight.numel() for weight in model.net.parameters()) == 6_991_180


def test_a_network_that_is_given_50_at_500_predicts_badly(flowers):
    model, schedule, x0, eps, labels = flowers
    x, theta = schedule.corrupt(x0, 500, eps), schedule.angle(500, x0)[1]
    given = (1000 * schedule.angle(50, x0)[1]).float().expand(len(x))
    x0_hat = TARGETS["v"].x0_hat(x, model.net(x, given, labels), theta.cos(), theta.sin())
    assert (x0_hat - x0).square().mean().item() == pytest.approx(0.68, abs=0.02)
