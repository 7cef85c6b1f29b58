"""Lesson 10: wrong answers get the hint for their mistake, right ones pass, and its figures are what it says."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import pool
import pytest
import torch
import torch.nn.functional as F

from diffusion_edu.analysis.measures import psnr, seam
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.core import walk
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.denoisers import clipped
from diffusion_edu.editing import inpainting, interpolation
from diffusion_edu.editing.super_resolution import bicubic_upsample
from diffusion_edu.generation import Preset
from diffusion_edu.lessons.exercises.lesson_10 import EXERCISES
from diffusion_edu.lessons.figures import lesson_10 as figures
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import cosine, linear
from diffusion_edu.spacings import spaced


def noised(x0, eps, t, schedule):
    return schedule.signal[t] * x0 + schedule.noise[t] * eps


def mixed(x, known, mask, eps, t, schedule):
    return mask * noised(known, eps, t, schedule) + (1 - mask) * x


def enlarge(small):
    return small.repeat_interleave(2, 2).repeat_interleave(2, 3)


def each_angle(a, b):
    return torch.acos(F.cosine_similarity(a.flatten(1), b.flatten(1), dim=1)).view(-1, 1, 1, 1)


def by_norms(a, b, f):
    """Turn a towards b: cosine of the way times a, sine times what is perpendicular to it, with the lengths of both."""
    w = each_angle(a, b)
    return torch.stack(
        [(torch.sin((1 - f) * v) * p + torch.sin(f * v) * q) / torch.sin(v) for v, p, q in zip(w, a, b, strict=True)]
    )


def in_numpy(a, b, f):
    u, v = a.flatten(1).numpy(), b.flatten(1).numpy()
    w = np.arccos((u * v).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1))[:, None]
    return ((np.sin((1 - f) * w) * u + np.sin(f * w) * v) / np.sin(w)).reshape(a.shape)


def path_by_hand(timesteps, jump, repeats):
    path, k = [timesteps[0]], 0
    while k < len(timesteps) - 1:
        end = min(k + jump, len(timesteps) - 1)
        for again in range(repeats):
            path += [timesteps[k]] * (again > 0) + timesteps[k + 1 : end + 1]
        k = end
    return path


WRONG = {
    "10.1": [
        (lambda x0, f, eps, s: (int(f * s.T), noised(x0, eps, int(f * s.T), s)), "cut off"),
        (lambda x0, f, eps, s: (round((1 - f) * s.T), noised(x0, eps, round((1 - f) * s.T), s)), "wrong way round"),
        (lambda x0, f, eps, s: (round(f * s.T), x0), "The image is clean"),
        (lambda x0, f, eps, s: (round(f * s.T), (1 - f) * x0 + f * eps), "by the strength"),
        (lambda x0, f, eps, s: (round(f * s.T), noised(eps, x0, round(f * s.T), s)), "changed places"),
        (lambda x0, f, eps, s: (s.T, noised(x0, eps, s.T, s)), "always start at the last"),
        (lambda x0, f, eps, s: (noised(x0, eps, round(f * s.T), s), round(f * s.T)), "timestep comes first"),
        (lambda x0, f, eps, s: noised(x0, eps, round(f * s.T), s), "Only the noisy image"),
        (lambda x0, f, eps, s: (f, noised(x0, eps, round(f * s.T), s)), "is the strength"),
        (lambda x0, f, eps, s: (f * s.T, noised(x0, eps, round(f * s.T), s)), "whole number"),
    ],
    "10.2": [
        (lambda x, known, m, eps, t, s: m * known + (1 - m) * x, "clean, and the rest is noisy"),
        (lambda x, known, m, eps, t, s: mixed(x, known, 1 - m, eps, t, s), "inverted"),
        (lambda x, known, m, eps, t, s: m * noised(known, eps, t, s) + x, "added everywhere"),
        (lambda x, known, m, eps, t, s: m * noised(known, eps, t, s), "hole is empty"),
        (lambda x, known, m, eps, t, s: noised(known, eps, t, s), "is everywhere"),
        (lambda x, known, m, eps, t, s: m * noised(known, x, t, s) + (1 - m) * x, "x as the noise"),
        (lambda x, known, m, eps, t, s: mixed(x, known, m, eps, s.T, s), "last timestep"),
        (lambda x, known, m, eps, t, s: m * (known + s.noise[t] * eps) + (1 - m) * x, "does not shrink"),
        (lambda x, known, m, eps, t, s: m * s.signal[t] * known + (1 - m) * x, "noise on the known pixels is missing"),
        (lambda x, known, m, eps, t, s: noised(m * known + (1 - m) * x, eps, t, s), "second time"),
    ],
    "10.3": [
        (lambda a, b, f: torch.lerp(a, b, f), "straight line"),
        (lambda a, b, f: interpolation.slerp(b, a, f), "changed places"),
        (lambda a, b, f: math.cos(f * math.pi / 2) * a + math.sin(f * math.pi / 2) * b, "right angle"),
        (lambda a, b, f: by_norms(a, b, f) * torch.sin(each_angle(a, b)), "division is missing"),
        (lambda a, b, f: (1 - f) ** 0.5 * a + f**0.5 * b, "roots of the fractions"),
        (lambda a, b, f: interpolation.slerp(a, b, 0.5), "fraction is not used"),
        (lambda a, b, f: F.normalize(by_norms(a, b, f).flatten(1)).view_as(a), "length one"),
        (lambda a, b, f: interpolation.slerp(a.flatten()[None], b.flatten()[None], f).view_as(a), "whole batch"),
        (lambda a, b, f: a + b, "Where is the fraction"),
    ],
    "10.4": [
        (lambda step, x, known, m, eps, t, s, table: mixed(step(x, t, s), known, m, eps, 0, table), "clean"),
        (lambda step, x, known, m, eps, t, s, table: mixed(step(x, t, s), known, 1 - m, eps, s, table), "inverted"),
        (lambda step, x, known, m, eps, t, s, table: step(mixed(x, known, m, eps, s, table), t, s), "before the step"),
        (lambda step, x, known, m, eps, t, s, table: mixed(x, known, m, eps, s, table), "No step is made"),
        (lambda step, x, known, m, eps, t, s, table: step(x, t, s), "not used at all"),
        (lambda step, x, known, m, eps, t, s, table: mixed(step(x, s, t), known, m, eps, s, table), "goes up"),
        (lambda step, x, known, m, eps, t, s, table: mixed(step(x, t, s), known, m, eps, t - 1, table), "one timestep"),
        (lambda step, x, known, m, eps, t, s, table: mixed(step(x, t, s), known, m, eps, t - s, table), "difference"),
        (
            lambda step, x, known, m, eps, t, s, table: (
                m * (table.signal[s] * known + table.noise[t] * eps) + (1 - m) * step(x, t, s)
            ),
            "still that of timestep t",
        ),
    ],
    "10.5": [
        (lambda x, small: enlarge(small), "small image, enlarged"),
        (lambda x, small: x - enlarge(small - F.avg_pool2d(x, 2)), "wrong direction"),
        (lambda x, small: x + enlarge(small), "add the small image"),
        (lambda x, small: x + enlarge(small - x[..., ::2, ::2]), "one pixel of each"),
        (lambda x, small: x + (small - F.avg_pool2d(x, 2)).repeat(1, 1, 2, 2), "side by side"),
        (lambda x, small: x + F.interpolate(small - F.avg_pool2d(x, 2), scale_factor=2, mode="bilinear"), "smoothly"),
        (lambda x, small: enlarge(small - F.avg_pool2d(x, 2)), "correction only"),
        (lambda x, small: x + enlarge(small - F.max_pool2d(x, 2)), "brightest"),
        (lambda x, small: (x + enlarge(small)) / 2, "Then neither is kept"),
        (lambda x, small: small - F.avg_pool2d(x, 2), "in the small size"),
        (lambda x, small: x * enlarge(small / F.avg_pool2d(x, 2)), "quotient"),
    ],
    "10.6": [
        (lambda steps, jump, repeats: path_by_hand(steps, jump, repeats + 1), "first one included"),
        (lambda steps, jump, repeats: steps * repeats, "whole walk"),
        (lambda steps, jump, repeats: list(steps), "Nothing is repeated"),
        (lambda steps, jump, repeats: path_by_hand(steps, 1, repeats), "one step, whatever"),
        (lambda steps, jump, repeats: path_by_hand(steps, jump, 2), "repeated once"),
        (lambda steps, jump, repeats: path_by_hand(steps, jump, repeats)[1:], "first timestep is missing"),
        (lambda steps, jump, repeats: [t for t in steps for _ in range(repeats)], "Single timesteps"),
        (lambda steps, jump, repeats: path_by_hand(steps, jump + 1, repeats), "one step too long"),
    ],
}
RIGHT = {
    "10.1": [
        lambda x0, f, eps, s: (round(f * s.T), noised(x0, eps, round(f * s.T), s)),
        lambda x0, f, eps, s: [int(f * s.T + 0.5), s.corrupt(x0, int(f * s.T + 0.5), eps)],
        lambda x0, f, eps, s: (np.rint(f * s.T), noised(x0, eps, int(np.rint(f * s.T)), s).numpy()),
        lambda x0, f, eps, s: (torch.tensor(f * s.T).round(), noised(x0, eps, int(torch.tensor(f * s.T).round()), s)),
        lambda x0, f, eps, s: (int(round(s.T * f)), (noised(x0, eps, int(round(s.T * f)), s)).float()),
    ],
    "10.2": [
        mixed,
        lambda x, known, m, eps, t, s: torch.where(m.bool(), s.corrupt(known, t, eps), x),
        lambda x, known, m, eps, t, s: x + m * (noised(known, eps, t, s) - x),
        lambda x, known, m, eps, t, s: torch.lerp(x, noised(known, eps, t, s), m.expand_as(x)),
        lambda x, known, m, eps, t, s: np.where(m.numpy() == 1, noised(known, eps, t, s).numpy(), x.numpy()),
    ],
    "10.3": [
        by_norms,
        in_numpy,
        lambda a, b, f: interpolation.slerp(a, b, f),
        lambda a, b, f: torch.cat([interpolation.slerp(a[k : k + 1], b[k : k + 1], f) for k in range(len(a))]),
        lambda a, b, f: (
            torch.cos(f * each_angle(a, b)) * a
            + torch.sin(f * each_angle(a, b)) * (b - torch.cos(each_angle(a, b)) * a) / torch.sin(each_angle(a, b))
        ),
    ],
    "10.4": [
        lambda step, x, known, m, eps, t, s, table: mixed(step(x, t, s), known, m, eps, s, table),
        lambda step, x, known, m, eps, t, s, table: torch.where(m == 1, table.corrupt(known, s, eps), step(x, t, s)),
        lambda step, x, known, m, eps, t, s, table: step(x, t, s) + m * (noised(known, eps, s, table) - step(x, t, s)),
        lambda step, x, known, m, eps, t, s, table: mixed(step(x, t, s), known, m, eps, s, table).numpy(),
        lambda step, x, known, m, eps, t, s, table: torch.stack(
            [
                mixed(each[None], k[None], m, e[None], s, table)[0]
                for each, k, e in zip(step(x, t, s), known, eps, strict=True)
            ]
        ),
    ],
    "10.5": [
        figures.hold_means,
        lambda x, small: x - enlarge(F.avg_pool2d(x, 2)) + enlarge(small),
        lambda x, small: x + F.interpolate(small - F.interpolate(x, scale_factor=0.5, mode="area"), scale_factor=2),
        lambda x, small: x + torch.kron(small - F.avg_pool2d(x, 2), torch.ones(2, 2)),
        lambda x, small: x.numpy() + np.repeat(np.repeat((small - F.avg_pool2d(x, 2)).numpy(), 2, 2), 2, 3),
    ],
    "10.6": [
        path_by_hand,
        inpainting.resampling_timesteps,
        lambda steps, jump, repeats: torch.tensor(path_by_hand(steps, jump, repeats)),
        lambda steps, jump, repeats: np.array(path_by_hand(steps, jump, repeats)),
        lambda steps, jump, repeats: tuple(path_by_hand(list(steps), jump, repeats)),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


def test_known_pixels_one_step_late_count_as_the_code_that_was_handed_out():
    late = lambda step, x, known, m, eps, t, s, table: mixed(step(x, t, s), known, m, eps, t, table)  # noqa: E731
    assert pool.grade(EXERCISES["10.4"], late).status == "open"


def test_strength_one_half_leaves_8_percent_of_the_power_on_one_schedule_and_49_on_another():
    assert linear().alpha_bar[500] == pytest.approx(0.079, abs=0.0005)
    assert cosine().alpha_bar[500] == pytest.approx(0.494, abs=0.0005)


def test_halfway_on_the_straight_line_noise_is_too_weak():
    a, b = SeededNoise([3]).sample((3, 64, 64)), SeededNoise([5]).sample((3, 64, 64))
    assert ((a + b) / 2).std() == pytest.approx(0.71, abs=0.01)
    assert interpolation.slerp(a, b, 0.5).std() == pytest.approx(1, abs=0.01)


def test_inpainting_one_step_late_is_grainy_and_resampling_hides_the_border():
    x0 = to_signed(load_images(PRETRAINED / "flower_samples.parquet").images[:4])
    labels = load_images(PRETRAINED / "flower_samples.parquet").labels[:4]
    schedule, eps = linear(), SeededNoise(range(5000, 5004))(x0)
    step = partial(ddim_step, clipped(load("flowers_simple").denoiser(schedule, labels)), schedule)
    mask = torch.ones(1, 1, 64, 64)
    mask[..., 16:48, 24:56] = 0
    timesteps, hole, late = spaced(schedule, 20), mask[0, 0] == 0, eps
    with torch.no_grad():
        for t, s in pairwise(timesteps):
            late = mixed(step(late, t, s)[0], x0, mask, eps, t, schedule)
    *_, right = walk(step, eps, timesteps, inpainting.keep_known(x0, mask, schedule, eps))
    path = inpainting.resampling_timesteps(timesteps, 3, 4)
    resample = partial(inpainting.resampling_step, step, step.args[0], schedule, randn=SeededNoise(range(100, 104)))
    constrain = inpainting.keep_known_with_new_noise(x0, mask, schedule, SeededNoise(range(200, 204)))
    *_, again = walk(lambda x, t, s: resample(x, t, s), eps, path, constrain)

    assert figures.known_error(late, x0, mask) == pytest.approx(
        127.5 * schedule.noise[50].item(), rel=0.02
    )  # 22 of 255
    assert figures.known_error(right.x, x0, mask) == 0 and len(path) - 1 == 101
    assert seam(x0, hole).mean() == pytest.approx(1.3, abs=0.05)
    assert seam(right.x, hole).mean() > 2 > 1.7 > seam(again.x, hole).mean()


def test_a_held_cascade_keeps_its_small_image_and_invents_its_detail():
    x0 = to_signed(load_images(PRETRAINED / "flower_samples.parquet").images[:1])
    small, model = F.avg_pool2d(x0, 2), load("super_resolution")
    preset = Preset("DPM-Solver++", 10, schedule="flow", options={"eta": 1.0})
    hold = lambda x0_hat: figures.hold_means(x0_hat, small)  # noqa: E731
    free = figures.enlarged(model, preset, small, 1, lambda x0_hat: x0_hat)
    one, other = (figures.enlarged(model, preset, small, seed, hold) for seed in (1, 2))
    off = lambda x: 127.5 * (F.avg_pool2d(x, 2) - small).square().mean().sqrt()  # noqa: E731
    assert off(free) > 5 and off(one) < 0.01 and off(other) < 0.01
    assert 127.5 * (one - other).square().mean().sqrt() > 5  # yet their detail differs
    smooth = psnr(bicubic_upsample(small), x0)
    assert all(smooth > psnr(x.clamp(-1, 1), x0) for x in (free, one, other))
