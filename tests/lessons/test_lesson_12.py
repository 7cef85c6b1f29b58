"""Lesson 12: wrong answers meet the hint for their mistake, right ones pass in any form; its figures are measured."""

import numpy as np
import pool
import pytest
import torch

from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_images
from diffusion_edu.evaluation import distances
from diffusion_edu.evaluation.neighbours import nearest
from diffusion_edu.lessons.checks.grading import grade
from diffusion_edu.lessons.exercises.lesson_12 import EXERCISES
from diffusion_edu.lessons.figures import lesson_12 as figures


def fd(r, f):
    return (r.mean() - f.mean()) ** 2 + (r.std() - f.std()) ** 2


def covariances(r, f):
    return np.cov(r.numpy(), rowvar=False), np.cov(f.numpy(), rowvar=False)


def root(matrix):
    values, directions = np.linalg.eig(matrix)
    return (directions * np.sqrt(values.real.clip(0))) @ np.linalg.inv(directions)


def with_root(of_product, times=2.0):
    def answer(r, f):
        a, b = covariances(r, f)
        gap = (r.mean(0) - f.mean(0)).numpy()
        return gap @ gap + np.trace(a + b - times * of_product(a @ b))

    return answer


def by_eigenvalues(r, f):
    a, b = torch.cov(r.T), torch.cov(f.T)
    return (
        (r.mean(0) - f.mean(0)).norm() ** 2 + a.trace() + b.trace() - 2 * torch.linalg.eigvals(a @ b).sqrt().real.sum()
    )


def by_singular_values(r, f):
    """The trace of the root is the sum of the singular values of the product of the centred sets."""
    one, other = ((rows - rows.mean(0)) / (len(rows) - 1) ** 0.5 for rows in (r, f))
    cross = torch.linalg.svdvals(one @ other.T).sum()
    return (r.mean(0) - f.mean(0)).square().sum() + one.square().sum() + other.square().sum() - 2 * cross


def loop_memorised(fake, real, limit=1 / 3):
    found = 0
    for row in fake:
        first, second = sorted((row - each).norm().item() for each in real)[:2]
        found += first < second * limit
    return found / len(fake)


def scores(score, fake, draws):
    return torch.stack([score(fake[rows]) for rows in draws])


def signed(x):
    return x.double() / 127.5 - 1


RIGHT = {
    "12.1": [
        fd,
        lambda r, f: float((r.mean() - f.mean()) ** 2 + r.var() + f.var() - 2 * r.std() * f.std()),
        lambda r, f: (
            np.square(r.numpy().mean() - f.numpy().mean()) + np.square(r.numpy().std(ddof=1) - f.numpy().std(ddof=1))
        ),
        lambda r, f: abs(complex(r.mean() - f.mean(), r.std() - f.std())) ** 2,
        lambda r, f: torch.stack([r.mean() - f.mean(), r.std() - f.std()]).float().square().sum(),
    ],
    "12.2": [with_root(root), by_eigenvalues, by_singular_values, distances.frechet, lambda r, f: by_eigenvalues(f, r)],
    "12.3": [
        loop_memorised,
        lambda fake, real: (
            ((torch.cdist(fake, real).sort(1).values[:, :2] @ torch.tensor([3.0, -1.0]).double()) < 0).double().mean()
        ),
        lambda fake, real: float(
            np.mean([d[0] / d[1] < 1 / 3 for d in torch.cdist(fake, real).sort(1).values.tolist()])
        ),
        lambda fake, real: (
            (3 * nearest(fake, real)[0] < torch.cdist(fake, real).kthvalue(2, dim=1).values).float().mean()
        ),
        lambda fake, real: (
            sum((9 * a * a < b * b) for a, b in torch.cdist(fake, real).topk(2, largest=False).values) / len(fake)
        ),
    ],
    "12.4": [
        lambda s, f, d: (scores(s, f, d).mean(), scores(s, f, d).std()),
        lambda s, f, d: [float(np.mean(scores(s, f, d).numpy())), float(np.std(scores(s, f, d).numpy(), ddof=1))],
        lambda s, f, d: torch.std_mean(scores(s, f, d))[::-1],
        lambda s, f, d: torch.stack([scores(s, f, d).mean(), scores(s, f, d).var().sqrt()]),
        lambda s, f, d: (sum(s(f[r]) for r in d) / len(d), torch.tensor([s(f[r]) for r in d]).std().item()),
    ],
    "12.5": [
        lambda fake, real, features: fd(features(signed(real)), features(fake)),
        lambda fake, real, features: fd(features(2 * (real.double() / 255) - 1), features(fake)),
        lambda fake, real, features: fd(features((real.double() - 127.5) / 127.5), features(fake)),
        lambda fake, real, features: float(fd(features(fake), features(real.double() * 2 / 255 - torch.ones(())))),
        lambda fake, real, features: fd(features(torch.from_numpy(real.numpy() / 127.5 - 1)), features(fake)).item(),
    ],
}

WRONG = {
    "12.1": [
        (lambda r, f: (r.mean() - f.mean()) ** 2 + (r.var() - f.var()) ** 2, "subtracted variances"),
        (lambda r, f: (r.mean() - f.mean()) ** 2 + r.var() - f.var(), "squared the standard deviations before"),
        (lambda r, f: (r.mean() - f.mean()).abs() + (r.std() - f.std()) ** 2, "means is not squared"),
        (lambda r, f: (r.mean() - f.mean()) ** 2, "standard deviations are missing"),
        (lambda r, f: (r.std() - f.std()) ** 2, "means are missing"),
        (lambda r, f: fd(r, f).sqrt(), "one root too many"),
        (lambda r, f: (r.mean() - f.mean()) ** 2 + (r.std(correction=0) - f.std(correction=0)) ** 2, "one less"),
        (lambda r, f: (r.median() - f.median()) ** 2 + (r.std() - f.std()) ** 2, "middle numbers"),
    ],
    "12.2": [
        (with_root(root, times=1), "root comes once"),
        (with_root(lambda p: p), "root is missing"),
        (with_root(lambda p: np.sqrt(np.abs(p))), "root of each entry"),
        (with_root(lambda p: 0 * p), "last term is missing"),
        (with_root(root, times=-2), "root is added"),
        (lambda r, f: fd(r.flatten(), f.flatten()), "one set of numbers"),
        (lambda r, f: sum(fd(r[:, k], f[:, k]) for k in range(3)), "depend on each other"),
        (lambda r, f: by_eigenvalues(r, f).sqrt(), "one root too many"),
        (lambda r, f: (r.mean(0) - f.mean(0)).square().sum(), "covariances are missing"),
        (lambda r, f: by_eigenvalues(r - r.mean(0), f - f.mean(0)), "means are missing"),
        (lambda r, f: np.array(with_root(lambda p: p.astype(complex) ** 0.5)(r, f)), "complex"),
    ],
    "12.3": [
        (lambda fake, real: 1 - loop_memorised(fake, real), "not memorised"),
        (lambda fake, real: loop_memorised(fake, real) * len(fake), "number of samples"),
        (lambda fake, real: loop_memorised(real, fake), "other way round"),
        (lambda fake, real: loop_memorised(fake, real, 3**-0.5), "squared distances"),
        (lambda fake, real: loop_memorised(fake, real, 0.5), "limit is another one"),
        (lambda fake, real: loop_memorised(fake, fake), "Every sample counts as memorised"),
        (lambda fake, real: (nearest(fake, real)[0] < 1 / 3).double().mean(), "fixed limit"),
        (lambda fake, real: nearest(fake, real)[0].mean(), "These are distances"),
    ],
    "12.4": [
        (lambda s, f, d: (scores(s, f, d).mean(), scores(s, f, d).std(correction=0)), "one less"),
        (lambda s, f, d: (scores(s, f, d).mean(), scores(s, f, d).var()), "This is a variance"),
        (lambda s, f, d: (scores(s, f, d).mean(), scores(s, f, d).std() / len(d) ** 0.5), "error of the mean"),
        (lambda s, f, d: (scores(s, f, d).std(), scores(s, f, d).mean()), "changed places"),
        (lambda s, f, d: (s(f), scores(s, f, d).std()), "score of all samples"),
        (lambda s, f, d: (scores(s, f, d.T).mean(), scores(s, f, d.T).std()), "columns of draws"),
        (lambda s, f, d: scores(s, f, d), "scores of the draws"),
        (
            lambda s, f, d: (scores(s, f, d).mean(), scores(s, f, d).max() - scores(s, f, d).min()),
            "range from the lowest",
        ),
        (lambda s, f, d: scores(s, f, d).mean(), "deviation is missing"),
    ],
    "12.5": [
        (lambda fake, real, features: fd(features(real.double() / 127.5), features(fake)), "from 0 to 2"),
        (lambda fake, real, features: fd(features(real.double() / 128 - 1), features(fake)), "half of 256"),
        (lambda fake, real, features: fd(features(real.double()), features(fake)), "are bytes now"),
        (
            lambda fake, real, features: fd(features(real.double() / 255), features((fake + 1) / 2)),
            "Now both sets are in",
        ),
        (lambda fake, real, features: fd(features(signed(real)), features((fake + 1) / 2)), "as well"),
        (lambda fake, real, features: fd(features(-signed(real)), features(fake)), "Black and white"),
        (lambda fake, real, features: fd(features(real.double() / 255 - 0.5), features(fake)), "one half to one half"),
        (lambda fake, real, features: fd(signed(real), fake), "pixels, not their features"),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


def test_code_that_was_handed_out_counts_as_open():
    handed_out = lambda fake, real, features: fd(features(real.double() / 255), features(fake))  # noqa: E731
    assert grade(EXERCISES["12.5"], handed_out).status == "open"


def test_the_distance_is_symmetric_grows_with_a_shift_and_does_not_depend_on_the_axes():
    random, answer = torch.Generator().manual_seed(0), EXERCISES["12.2"].answer
    real, fake = (
        torch.randn(n, 4, generator=random).double() @ torch.randn(4, 4, generator=random).double() for n in (30, 20)
    )
    there = answer(real, fake)
    assert there > 0 and there == pytest.approx(answer(fake, real).item())
    turned, _ = torch.linalg.qr(torch.randn(4, 4, generator=random).double())
    assert answer(real @ turned, fake @ turned) == pytest.approx(there.item())
    shift = torch.tensor([3.0, 0, 4, 0]).double()
    assert answer(fake + shift, fake) == pytest.approx(25)
    assert there == pytest.approx(distances.frechet(real, fake), rel=1e-4)


def test_two_sets_of_one_distribution_are_far_apart_if_they_are_small():
    small, large = ([figures.same_distribution(count, seed=seed) for seed in range(5)] for count in (100, 2000))
    assert np.mean(small) == pytest.approx(22.5, abs=0.5) and np.mean(large) == pytest.approx(1.12, abs=0.05)


def test_copies_have_a_lower_distance_than_new_flowers():
    flowers = load_images(PRETRAINED / "flower_samples.parquet", size=64).images
    training, honest = flowers.chunk(2)
    figure, of_cheater, of_honest = figures.two_models(training, figures.noised(training), honest)
    assert of_cheater < 0.01 and of_honest == pytest.approx(1.06, abs=0.02)
    assert "Cheater: FD 0.00" in figure.alt and "memorised 100%" in figure.alt and "memorised 0%" in figure.alt


def test_the_numbers_in_the_text_are_those_of_the_cards():
    card = load("flowers_attention").card
    assert (
        card.training["minutes"] == 118
        and round(card.scores["FD"], 2) == 1.23
        and round(card.scores["FD_band"], 2) == 0.06
    )
    simple = load("flowers_simple").card.scores
    assert round(simple["FD"], 2) == 1.61 and round(simple["FD_band"], 2) == 0.09
    assert round(card.scores["class_accuracy"], 2) == 0.75 and round(card.scores["class_accuracy_real"], 2) == 0.58
    assert load("faces").card.data["images"] == 9000 and "six times" in load("faces").card.caution
