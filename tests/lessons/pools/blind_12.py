"""Answers to lesson 12, written from the signatures alone: wrong ones of students, right ones in other styles."""

from __future__ import annotations

import math

import numpy as np
import torch


def moments(rows, correction=1):
    """Mean and covariance of the rows."""
    rows = rows.double()
    centred = rows - rows.mean(0)
    return rows.mean(0), centred.T @ centred / (len(rows) - correction)


def root(matrix):
    """The root of a symmetric matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ values.clamp(min=0).sqrt().diag() @ vectors.T


def trace_root(c1, c2):
    """tr sqrt(C1 C2)."""
    return root(root(c1) @ c2 @ root(c1)).trace()


def frechet_with(gap, cross, correction=1):
    """gap(mean difference) + cross(C1, C2)."""

    def frechet(real, fake):
        m1, c1 = moments(real, correction)
        m2, c2 = moments(fake, correction)
        return float(gap(m1 - m2) + cross(c1, c2))

    return frechet


def squared(d):
    return d @ d


def covariances(c1, c2):
    return c1.trace() + c2.trace() - 2 * trace_root(c1, c2)


def as_complex(c1, c2):
    return c1.trace() + c2.trace() - 2 * torch.linalg.eigvals(c1 @ c2).sqrt().real.sum()


def in_numpy(real, fake):
    r, f = real.double().numpy(), fake.double().numpy()
    c1, c2 = np.atleast_2d(np.cov(r, rowvar=False)), np.atleast_2d(np.cov(f, rowvar=False))
    values = np.sqrt(np.maximum(np.linalg.eigvals(c1 @ c2).real, 0))
    return float(((r.mean(0) - f.mean(0)) ** 2).sum() + np.trace(c1) + np.trace(c2) - 2 * values.sum())


def singular(c1, c2):
    return c1.trace() + c2.trace() - 2 * torch.linalg.svdvals(root(c1) @ root(c2)).sum()


def rows_as_variables(real, fake):
    return frechet_with(squared, covariances)(
        real.T[:, : min(len(real), len(fake))], fake.T[:, : min(len(real), len(fake))]
    )


def one_line(gap, spread, correction=1):
    def frechet_1d(real, fake):
        d = real.double().mean() - fake.double().mean()
        return float(
            gap(d) + spread(real.double().std(correction=correction), fake.double().std(correction=correction))
        )

    return frechet_1d


def distances(fake, real):
    return torch.cdist(fake.double(), real.double(), compute_mode="donot_use_mm_for_euclid_dist")


def nearest_two(fake, real):
    return distances(fake, real).topk(2, dim=1, largest=False).values.T


def fraction(rule):
    """The fraction of rows with rule(first, second)."""

    def memorised(fake, real):
        first, second = nearest_two(fake, real)
        return float(rule(first, second).double().mean())

    return memorised


def looped_memorised(fake, real):
    hits = 0
    for row in fake.double():
        near = sorted(float((row - other).square().sum()) for other in real.double())
        hits += near[0] * 9 < near[1]
    return hits / len(fake)


def numpy_memorised(fake, real):
    d = np.sqrt(((fake.double().numpy()[:, None] - real.double().numpy()[None]) ** 2).sum(-1))
    d.sort(axis=1)
    return float((d[:, 0] < d[:, 1] / 3).mean())


def by_kthvalue(fake, real):
    d = distances(fake, real)
    return torch.mean((d.kthvalue(1, dim=1).values * 3 < d.kthvalue(2, dim=1).values).double()).item()


def all_near(fake, real):
    d = distances(fake, real)
    return float((d < 1 / 3).double().mean())


def scores(score, fake, draws):
    return torch.tensor([float(score(fake[draw])) for draw in draws], dtype=torch.float64)


def banded(f):
    """f(scores) as an answer with (score, fake, draws)."""
    return lambda score, fake, draws: f(scores(score, fake, draws))


def plain(s):
    return float(s.mean()), float(s.std())


def looped_band(score, fake, draws):
    found = [float(score(fake[draw])) for draw in draws]
    mean = sum(found) / len(found)
    return mean, math.sqrt(sum((x - mean) ** 2 for x in found) / (len(found) - 1))


def statistics_band(score, fake, draws):
    import statistics

    found = [float(score(fake.index_select(0, draw))) for draw in draws]
    return statistics.fmean(found), statistics.stdev(found)


def numpy_band(score, fake, draws):
    found = np.array([float(score(fake[draws[k]])) for k in range(len(draws))])
    return found.mean(), found.std(ddof=1)


def rearranged_band(score, fake, draws):
    s = scores(score, fake, draws)
    return s.sum() / len(s), ((s - s.mean()).square().sum() / (len(s) - 1)).sqrt()


fd = one_line(lambda d: d**2, lambda a, b: (a - b) ** 2)


def scored(real_to, fake_to=lambda fake: fake, distance=fd):
    """Both sets scaled, turned into features and compared."""
    return lambda fake, real, features: distance(features(real_to(real)), features(fake_to(fake)))


def signed(real):
    return real.float() / 127.5 - 1


def swapped(fake, real, features):
    return fd(features(fake.float() / 127.5 - 1), features(signed(real)))


WRONG = {
    "12.1": [
        (one_line(lambda d: d**2, lambda a, b: (a**2 - b**2).abs()), "difference of the variances"),
        (one_line(lambda d: d**2, lambda a, b: (a**2 - b**2) ** 2), "squared difference of the variances"),
        (one_line(lambda d: d.abs(), lambda a, b: (a - b).abs()), "not squared"),
        (one_line(lambda d: d**2, lambda a, b: 0), "the means only"),
        (one_line(lambda d: 0, lambda a, b: (a - b) ** 2), "the deviations only"),
        (one_line(lambda d: d**2, lambda a, b: (a - b) ** 2, correction=0), "n for n - 1"),
        (one_line(lambda d: d**2, lambda a, b: a**2 + b**2), "variances added"),
        (one_line(lambda d: d**2, lambda a, b: a**2 + b**2 - a * b), "the 2 is missing"),
        (one_line(lambda d: d**2, lambda a, b: -((a - b) ** 2)), "minus between the two terms"),
        (one_line(lambda d: d**2, lambda a, b: (a + b) ** 2), "deviations added"),
        (lambda real, fake: math.sqrt(fd(real, fake)), "root of the distance"),
        (lambda real, fake: float((real.mean() - fake.mean() + real.std() - fake.std()) ** 2), "one square for both"),
        (one_line(lambda d: d, lambda a, b: (a - b) ** 2), "mean difference not squared"),
        (lambda real, fake: fd(real[: min(len(real), len(fake))], fake[: min(len(real), len(fake))]) / 2, "halved"),
        (
            lambda real, fake: float(
                (real.sort().values[: min(len(real), len(fake))] - fake.sort().values[: min(len(real), len(fake))])
                .square()
                .mean()
            ),
            "sorted values compared one by one",
        ),
    ],
    "12.2": [
        (
            frechet_with(squared, lambda a, b: a.trace() + b.trace() - 2 * (a * b).abs().sqrt().trace()),
            "element-wise root of the element-wise product",
        ),
        (
            frechet_with(squared, lambda a, b: a.trace() + b.trace() - 2 * (a @ b).abs().sqrt().trace()),
            "element-wise root",
        ),
        (frechet_with(squared, lambda a, b: a.trace() + b.trace() - trace_root(a, b)), "the 2 is missing"),
        (frechet_with(squared, lambda a, b: a.trace() + b.trace() - 2 * (a @ b).trace()), "no root"),
        (frechet_with(squared, lambda a, b: a.trace() + b.trace() + 2 * trace_root(a, b)), "plus for minus"),
        (frechet_with(squared, lambda a, b: 0), "the means only"),
        (frechet_with(lambda d: 0, covariances), "the covariances only"),
        (frechet_with(lambda d: squared(d).sqrt(), covariances), "the norm is not squared"),
        (frechet_with(squared, covariances, correction=0), "n for n - 1"),
        (frechet_with(squared, lambda a, b: (a - b).square().sum()), "Frobenius norm of the difference"),
        (frechet_with(lambda d: d.square().mean(), covariances), "mean for sum"),
        (
            frechet_with(squared, lambda a, b: (a.diag() - b.diag()).square().sum()),
            "difference of the variances, squared",
        ),
        (frechet_with(squared, lambda a, b: a.trace() + b.trace() - 2 * (a @ b).trace().sqrt()), "root of the trace"),
        (lambda real, fake: math.sqrt(max(0, frechet_with(squared, covariances)(real, fake))), "root of the distance"),
        (rows_as_variables, "rows as variables"),
    ],
    "12.3": [
        (fraction(lambda a, b: a > b / 3), "the others are counted"),
        (fraction(lambda a, b: a < b / 2), "half for a third"),
        (fraction(lambda a, b: a.square() < b.square() / 3), "squared distances"),
        (lambda fake, real: fraction(lambda a, b: a < b / 3)(real, fake), "real and fake exchanged"),
        (lambda fake, real: fraction(lambda a, b: a < b / 3)(fake, real) * len(fake), "number for fraction"),
        (all_near, "distance below a third, over all pairs"),
        (
            lambda fake, real: fraction(lambda a, b: a < b / 3)(fake, torch.cat([real, fake])),
            "the image itself among the neighbours",
        ),
        (
            lambda fake, real: float(
                (
                    distances(fake, fake).topk(3, dim=1, largest=False).values[:, 1]
                    < distances(fake, fake).topk(3, dim=1, largest=False).values[:, 2] / 3
                )
                .double()
                .mean()
            ),
            "neighbours among the generated images",
        ),
        (fraction(lambda a, b: b < a / 3), "first and second exchanged: nothing is memorised"),
        (
            lambda fake, real: float(
                (distances(fake, real).min(1).values < distances(fake, real).mean(1) / 3).double().mean()
            ),
            "mean for second nearest",
        ),
        (
            lambda fake, real: float(
                (distances(fake, real).min(1).values < distances(fake, real).max(1).values / 3).double().mean()
            ),
            "farthest for second nearest",
        ),
        (
            lambda fake, real: fraction(lambda a, b: a < b / 3)(fake, real) / len(fake) * len(real),
            "divided by the wrong number",
        ),
        (lambda fake, real: float((nearest_two(fake, real)[0] / nearest_two(fake, real)[1]).mean()), "the mean ratio"),
        (fraction(lambda a, b: a < 1 / 3), "the nearest below a third"),
        (fraction(lambda a, b: b - a > 1 / 3), "difference for ratio"),
    ],
    "12.4": [
        (lambda score, fake, draws: plain(scores(score, fake, draws))[::-1], "exchanged"),
        (banded(lambda s: (float(s.mean()), float(s.std(correction=0)))), "n for n - 1"),
        (banded(lambda s: (float(s.mean()), float(s.var()))), "variance"),
        (banded(lambda s: (float(s.mean()), float(s.std()) / math.sqrt(len(s)))), "standard error"),
        (banded(lambda s: (float(s.median()), float(s.std()))), "median"),
        (
            lambda score, fake, draws: (float(score(fake)), float(scores(score, fake, draws).std())),
            "score of all images as the mean",
        ),
        (banded(lambda s: (float(s.min()), float(s.max()))), "lowest and highest"),
        (
            lambda score, fake, draws: plain(scores(score, fake, draws[:1].repeat(len(draws), 1))),
            "the first draw again and again",
        ),
        (lambda score, fake, draws: plain(scores(score, fake, draws[1:])), "the first draw is left out"),
        (
            lambda score, fake, draws: plain(
                torch.tensor([float(score(fake[k : k + draws.shape[1]])) for k in range(len(draws))])
            ),
            "rows in order, draws unused",
        ),
        (banded(lambda s: float(s.mean())), "the mean only"),
        (
            lambda score, fake, draws: plain(torch.tensor([float(score(fake[draw.unique()])) for draw in draws])),
            "each row once",
        ),
        (banded(lambda s: (float(s.mean()) - float(s.std()), float(s.mean()) + float(s.std()))), "ends of the band"),
        (lambda score, fake, draws: plain(scores(score, fake, draws.T)), "columns for draws"),
        (banded(lambda s: (float(s.sum()), float(s.std()))), "sum for mean"),
    ],
    "12.5": [
        (scored(lambda r: r.float() / 255), "real in [0, 1]: as handed out"),
        (scored(lambda r: r.float()), "real in 0..255"),
        (scored(lambda r: r.float() / 255, lambda f: (f + 1) / 2), "both in [0, 1]"),
        (scored(lambda r: r.float(), lambda f: (f + 1) * 127.5), "both in 0..255"),
        (scored(signed, lambda f: f / 127.5 - 1), "fake scaled as well"),
        (scored(lambda r: r.float() / 128 - 1), "128 for 127.5"),
        (scored(lambda r: r.float() / 255 - 0.5), "centred, half the range"),
        (scored(lambda r: 1 - r.float() / 127.5), "black and white exchanged"),
        (scored(lambda r: r.float() / 255 * 2), "stretched, not shifted"),
        (scored(signed, lambda f: (f + 1) / 2), "fake in [0, 1]"),
        (scored(lambda r: (r.float() - r.float().mean()) / r.float().std()), "real standardised"),
        (scored(lambda r: r.float() / r.float().max() * 2 - 1, lambda f: f / f.abs().max()), "scaled to its own range"),
        (lambda fake, real, features: fd(signed(real).flatten(), fake.flatten()), "features unused"),
        (lambda fake, real, features: math.sqrt(scored(signed)(fake, real, features)), "root of the distance"),
        (scored(lambda r: (r // 255).float() * 2 - 1), "integer division"),
    ],
}

RIGHT = {
    "12.1": [
        fd,
        lambda real, fake: float(
            (real.double().mean() - fake.double().mean()) ** 2
            + real.double().var()
            + fake.double().var()
            - 2 * real.double().std() * fake.double().std()
        ),
        lambda real, fake: (
            (np.mean(real.numpy()) - np.mean(fake.numpy())) ** 2
            + (np.std(real.numpy(), ddof=1) - np.std(fake.numpy(), ddof=1)) ** 2
        ),
        lambda real, fake: torch.stack([real.mean() - fake.mean(), real.std() - fake.std()]).square().sum(),
        lambda real, fake: sum((f(real).item() - f(fake).item()) ** 2 for f in (torch.mean, torch.std)),
    ],
    "12.2": [
        frechet_with(squared, covariances),
        frechet_with(squared, as_complex),
        frechet_with(squared, singular),
        in_numpy,
        frechet_with(lambda d: d.square().sum(), lambda a, b: (a + b - 2 * root(root(b) @ a @ root(b))).trace()),
    ],
    "12.3": [
        fraction(lambda a, b: a / b < 1 / 3),
        fraction(lambda a, b: 3 * a < b),
        looped_memorised,
        numpy_memorised,
        by_kthvalue,
    ],
    "12.4": [banded(plain), looped_band, statistics_band, numpy_band, rearranged_band],
    "12.5": [
        scored(signed),
        scored(lambda r: 2 * (r.float() / 255) - 1),
        scored(lambda r: (r.float() - 127.5) / 127.5),
        scored(lambda r: torch.from_numpy(r.numpy().astype(np.float32) / 255 * 2 - 1)),
        lambda fake, real, features: (
            torch.stack([f(features(signed(real))) - f(features(fake)) for f in (torch.mean, torch.std)]).square().sum()
        ),
    ],
}
