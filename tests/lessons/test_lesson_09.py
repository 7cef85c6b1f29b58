"""Lesson 09: wrong answers get the hint for their mistake, right ones pass in any form, and its figures hold."""

import numpy as np
import pool
import pytest
import torch

from diffusion_edu.checkpoints import load
from diffusion_edu.denoisers import clipped, exact_gaussian, exact_mixture, guided, interval_guidance
from diffusion_edu.lessons.checks.grading import grade
from diffusion_edu.lessons.exercises.lesson_09 import EXERCISES
from diffusion_edu.lessons.figures.lesson_09 import densities, flowers, sample_numbers
from diffusion_edu.schedules import cosine


def in_a_loop(labels, null, fraction, u):
    return [null if u[k] < fraction else label for k, label in enumerate(labels.tolist())]


def in_a_copy(labels, null, fraction, u):
    changed = labels.clone()
    changed[u < fraction] = null
    return changed


def both_calls(first, second, order=1):
    """Calls net once; first and second make labels."""

    def answer(net, x, labels, null, scale):
        a, b = net(torch.cat((x, x)), torch.cat((first(labels, null), second(labels, null)))).chunk(2)[::order]
        return a + (b - a) * scale

    return answer


def empty(labels, null):
    return labels * 0 + null


def same(labels, null):
    return labels


def in_pairs(net, x, labels, null, scale):
    pairs = torch.stack([torch.full_like(labels, null), labels], dim=1).flatten()
    out = net(x.repeat_interleave(2, dim=0), pairs)
    return torch.lerp(out[::2], out[1::2], scale)


def changes_its_input(labels, null, fraction, u):
    labels[u < fraction] = null
    return labels


RIGHT = {
    "09.1": [
        lambda labels, null, fraction, u: torch.where(u >= fraction, labels, null),
        in_a_loop,
        in_a_copy,
        lambda labels, null, fraction, u: np.where(u.numpy() < fraction, null, labels.numpy()),
        lambda labels, null, fraction, u: labels.masked_fill(u < fraction, null),
        lambda labels, null, fraction, u: labels + (null - labels) * (u < fraction),
    ],
    "09.2": [
        lambda u, c, s: (1 - s) * u + s * c,
        lambda u, c, s: c + (s - 1) * (c - u),
        torch.lerp,
        lambda u, c, s: u.numpy() + s * (c.numpy() - u.numpy()),
        lambda u, c, s: torch.einsum("k,k...->...", torch.tensor([1 - s, s]).to(u), torch.stack([u, c])),
        lambda u, c, s: (u + s * (c - u)).float(),
    ],
    "09.3": [
        lambda w: w + 1,
        lambda w: torch.tensor(w + 1.0),
        lambda w: np.float32(w) + 1,
        lambda w: -(-1 - w),
        lambda w: [1 + w],
    ],
    "09.4": [
        lambda u, c, s, t, low, high: u + s * (c - u) if low <= t <= high else c,
        lambda u, c, s, t, low, high: c if t < low or t > high else torch.lerp(u, c, s),
        lambda u, c, s, t, low, high: u + (s if t in range(low, high + 1) else 1) * (c - u),
        lambda u, c, s, t, low, high: c.numpy() + (s - 1) * (low <= t <= high) * (c - u).numpy(),
        lambda u, c, s, t, low, high: torch.where(torch.tensor(low <= t <= high), (1 - s) * u + s * c, c),
    ],
    "09.5": [
        both_calls(empty, same),
        both_calls(same, empty, order=-1),
        both_calls(lambda labels, null: torch.full((len(labels),), null), same),
        both_calls(lambda labels, null: torch.tensor([null] * len(labels)), same),
        in_pairs,
    ],
    "09.6": [
        lambda n, s: 2 * n if s != 0 and s != 1 else n,
        lambda n, s: n * (1 + (s not in (0, 1))),
        lambda n, s: torch.tensor(n if s == 1 or s == 0 else n + n),
        lambda n, s: sum(1 if s in (0, 1) else 2 for _ in range(n)),
        lambda n, s: float(n) if s * (s - 1) == 0 else 2.0 * n,
    ],
}

WRONG = {
    "09.1": [
        (lambda labels, null, f, u: torch.where(u < f, labels, null), "other way round"),
        (lambda labels, null, f, u: torch.where(u <= f, null, labels), "equal to the fraction"),
        (lambda labels, null, f, u: torch.where(u < 1 - f, null, labels), "probability of keeping"),
        (lambda labels, null, f, u: torch.full_like(labels, null) if u[0] < f else labels, "whole batch"),
        (lambda labels, null, f, u: labels * (u >= f), "class 0 is the first class"),
        (lambda labels, null, f, u: torch.where(u < f, labels.max() + 1, labels), "from the labels of this batch"),
        (lambda labels, null, f, u: labels[u >= f], "removed the images"),
        (lambda labels, null, f, u: (u < f).int(), "mask"),
        (lambda labels, null, f, u: torch.where(labels < f, null, labels), "not its class"),
        (lambda labels, null, f, u: labels + null * (u < f), "takes the place"),
        (lambda labels, null, f, u: torch.where(u < 0.1, null, labels), "fraction of your own"),
        (lambda labels, null, f, u: torch.where(torch.rand(len(u)) < f, null, labels), "random numbers of its own"),
        (changes_its_input, "changes its own input"),
        (lambda labels, null, f, u: torch.where(u < f, labels + 1, labels), "own label or the null label"),
    ],
    "09.2": [
        (lambda u, c, s: (1 - s) * c + s * u, "changed places"),
        (lambda u, c, s: (1 + s) * c - s * u, "Ho & Salimans"),
        (lambda u, c, s: s * (c - u), "where the line starts"),
        (lambda u, c, s: u + s * c, "not the difference"),
        (lambda u, c, s: s * c, "no unconditional one"),
        (lambda u, c, s: s * c - u, "subtract the unconditional prediction once"),
        (lambda u, c, s: u + s**2 * (c - u), "squared the scale"),
        (lambda u, c, s: c.clamp(-1, 1) * s + u.clamp(-1, 1) * (1 - s), "before guiding"),
        (lambda u, c, s: torch.lerp(u, c, s).clamp(-1, 1), "clipped the result"),
        (lambda u, c, s: u + (0.9 * s + 0.05) * (c - u), "not as far as the scale"),
        (lambda u, c, s: 2 * u + s * (c - u), "must add up to 1"),
        (lambda u, c, s: c, "scale has no effect"),
    ],
    "09.3": [
        (lambda w: w, "w = 0"),
        (lambda w: w - 1, "wrong direction"),
        (lambda w: 1 - w, "smaller"),
        (lambda w: 1 + 2 * w, "w grows by one"),
        (lambda w: 2 + w, "is that scale 2"),
        (lambda w: 1 + int(w), "do not round"),
        (lambda w: 1, "does not depend"),
        (lambda w: (1 + w) / 2, "nothing to divide by"),
    ],
    "09.4": [
        (lambda u, c, s, t, low, high: u + s * (c - u) if low < t < high else c, "Both ends"),
        (lambda u, c, s, t, low, high: u + s * (c - u) if low <= t < high else c, "upper end belongs"),
        (lambda u, c, s, t, low, high: u + s * (c - u) if low <= t <= high else u, "drop the condition"),
        (lambda u, c, s, t, low, high: c if low <= t <= high else u + s * (c - u), "other way round"),
        (lambda u, c, s, t, low, high: u + s * (c - u), "every timestep"),
        (lambda u, c, s, t, low, high: c, "never guide"),
        (lambda u, c, s, t, low, high: u + s * (c - u) if t >= low else c, "has an upper end"),
        (lambda u, c, s, t, low, high: c + s * (u - c) if low <= t <= high else c, "Inside, the two"),
        (lambda u, c, s, t, low, high: c + s * (u - c) if low <= t <= high else u, "Outside the interval you drop"),
        (lambda u, c, s, t, low, high: u + s * (c - u) if low <= t <= high else None, "nothing comes back"),
    ],
    "09.5": [
        (both_calls(empty, same, order=-1), "changed places"),
        (both_calls(same, same), "both halves have labels"),
        (lambda net, x, labels, null, s: torch.lerp(net(x, empty(labels, null)), net(x, labels), s), "called twice"),
        (lambda net, x, labels, null, s: net(x, labels), "half of the images"),
        (both_calls(lambda labels, null: labels * 0 + null - 1, same), "one too low"),
        (both_calls(lambda labels, null: labels * 0 - 1, same), "knows the labels"),
        (lambda net, x, labels, null, s: net(x, torch.cat([empty(labels, null), labels])), "one label per image"),
        (both_calls(empty, lambda labels, null: labels.flip(0)), "order of the images"),
        (
            lambda net, x, labels, null, s: net(torch.cat([x, x]), torch.cat([empty(labels, null), labels])),
            "both halves",
        ),
    ],
    "09.6": [
        (lambda n, s: 2 * n, "two ends of the line"),
        (lambda n, s: n, "two predictions in every step"),
        (lambda n, s: n if s == 1 else 2 * n, "Scale 1 is right"),
        (lambda n, s: n if s == 0 else 2 * n, "Scale 0 is right"),
        (lambda n, s: n if s <= 1 else 2 * n, "Between 0 and 1"),
        (lambda n, s: 0 if s == 0 else n if s == 1 else 2 * n, "the network is needed"),
        (lambda n, s: n * s, "number of predictions counts"),
        (lambda n, s: 2 * n if s in (0, 1) else n, "ends are cheap"),
        (lambda n, s: n if s in (0, 1) else n**2, "not their square"),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


def test_handed_out_code_counts_as_open():
    assert grade(EXERCISES["09.5"], both_calls(lambda labels, null: 0 * labels, same)).status == "open"


def test_the_probe_names_the_factor_that_is_wrong():
    hints = grade(EXERCISES["09.2"], lambda u, c, s: u + s * c).hints
    assert "multiply `unconditional` by 1, that is not right" in hints[1]
    assert "that is right" in hints[1]  # the conditional prediction has its factor


# what the lesson says in numbers -------------------------------------------------------------------------------------

SCHEDULE = cosine(1000)
MINUS, PLUS = (exact_gaussian(mean, 0.5, SCHEDULE) for mean in (-1.0, 1.0))
HALVES = torch.tensor([0.5, 0.5])
BOTH = exact_mixture(torch.tensor([[-1.0], [1.0]]), HALVES, HALVES, SCHEDULE)


def mean_and_std(denoise):
    numbers = sample_numbers(denoise, SCHEDULE)
    return [numbers.mean().item(), numbers.std().item()]


def test_guidance_goes_beyond_the_class():
    assert mean_and_std(guided(PLUS, BOTH, 1)) == pytest.approx([1.0, 0.48], abs=0.02)
    assert mean_and_std(guided(PLUS, BOTH, 4)) == pytest.approx([1.68, 0.28], abs=0.02)
    assert mean_and_std(guided(PLUS, BOTH, 8)) == pytest.approx([2.14, 0.24], abs=0.02)


def test_it_does_not_sample_the_sharpened_distribution():
    x = torch.linspace(-6, 6, 20_001, dtype=torch.float64)
    plus, minus = torch.exp(-((x - 1) ** 2) / 0.5), torch.exp(-((x + 1) ** 2) / 0.5)
    sharpened = (plus + minus) * (plus / (plus + minus)) ** 4
    assert (sharpened @ x / sharpened.sum()).item() == pytest.approx(1.06, abs=0.005)


def test_no_set_of_numbers_has_the_guided_predictions():
    """At timestep T an exact denoiser predicts the mean of its set: this would be 4, and the samples have mean 1.68."""
    x = torch.linspace(-2, 2, 5)[:, None]
    assert guided(PLUS, BOTH, 4)(x, 1000).flatten().tolist() == pytest.approx([4.0] * 5, abs=0.01)


def test_a_little_guidance_leaves_the_fd_as_it_is():
    rows = {row["guidance_scale"]: row["FD"] for row in load("flowers_attention").card.scores["by_guidance"]}
    assert abs(rows[1.0] - rows[1.5]) < 0.08 < rows[2.0] - rows[1.0]


def test_high_timesteps_have_the_effect():
    everywhere, high, low = (
        mean_and_std(interval_guidance(PLUS, BOTH, 4, *ends))[0] for ends in ((0, 1000), (400, 1000), (0, 400))
    )
    assert everywhere - high < 0.02 and everywhere - low > 0.5


def test_a_real_class_as_null_label():
    assert mean_and_std(guided(PLUS, MINUS, 4)) == pytest.approx([7.0, 0.48], abs=0.02)
    assert mean_and_std(guided(MINUS, MINUS, 4)) == pytest.approx([-1.0, 0.48], abs=0.02)


def test_clipping_before_guiding_ends_at_the_edge():
    assert mean_and_std(guided(clipped(PLUS), clipped(BOTH), 4)) == pytest.approx([1.0, 0.0], abs=0.01)


def test_the_scores_of_the_flowers_are_those_of_the_lesson():
    rows = {row["guidance_scale"]: row for row in load("flowers_attention").card.scores["by_guidance"]}
    found = [[round(100 * rows[s][key]) for s in (1, 3, 5)] for key in ("class_accuracy", "diversity")]
    assert found == [[43, 84, 87], [109, 62, 50]]
    assert [round(rows[s]["FD"], 2) for s in (1, 3)] == [0.99, 2.67]


def test_figures_tell_their_numbers():
    x = torch.linspace(-1, 1, 2 * 3 * 8 * 8).view(2, 3, 8, 8)
    shown = flowers({"one": x, "other": x[:1].repeat(2, 1, 1, 1)}, [3, 4], "words")
    assert "other: 0.00" in shown.alt and "one: 0.00" not in shown.alt
    assert "mean 0.50, standard deviation 0.00" in densities({"all the same": torch.full((10, 1), 0.5)}).alt
