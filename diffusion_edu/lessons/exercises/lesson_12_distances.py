"""Exercises 12.1 and 12.2: the Fréchet distance of numbers, and of features."""

import torch
from torch import Tensor

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, chosen, combined, distinct, named, one_wrong


def distance_1d(real: Tensor, fake: Tensor) -> Tensor:
    """Return the Fréchet distance of two sets of numbers, (n,) and (m,)."""
    return (real.mean() - fake.mean()) ** 2 + (real.std() - fake.std()) ** 2


# 12.1: two sets of numbers -------------------------------------------------------------------------------------------


def _numbers(random):
    sides = []
    for count in (inputs.whole(random, 5, 8), inputs.whole(random, 9, 12)):
        sides.append(inputs.number(random, -2, 2) + inputs.number(random, 0.5, 3) * inputs.noise(random, count))
    return tuple(sides)


def _sum(centre, spread):
    return lambda real, fake: centre(real, fake) + spread(real, fake)


MEANS: Parts = {
    "": lambda r, f: (r.mean() - f.mean()) ** 2,
    "The difference of the means is not squared.": lambda r, f: (r.mean() - f.mean()).abs(),
    "The difference of the means is not squared, and it has a sign.": lambda r, f: r.mean() - f.mean(),
    "You squared the means before you subtracted them.": lambda r, f: r.mean() ** 2 - f.mean() ** 2,
    "The means are added. What is the difference of two equal sets?": lambda r, f: (r.mean() + f.mean()) ** 2,
    "You used the middle numbers. Asked for are the means.": lambda r, f: (r.median() - f.median()) ** 2,
    "You used sums, not means. Larger sets have larger sums.": lambda r, f: (r.sum() - f.sum()) ** 2,
    "You compared each number with each. Asked for are the means only.": lambda r, f: (
        (r[:, None] - f[None, :]).square().mean()
    ),
    "The means are missing.": lambda r, f: 0 * r[0],
}
SPREADS: Parts = {
    "": lambda r, f: (r.std() - f.std()) ** 2,
    "You subtracted variances. Asked for are standard deviations.": lambda r, f: (r.var() - f.var()) ** 2,
    "You subtracted variances, without a square. Asked for are standard deviations.": lambda r, f: (
        r.var() - f.var()
    ).abs(),
    "You squared the standard deviations before you subtracted them.": lambda r, f: r.var() - f.var(),
    "The difference of the standard deviations is not squared.": lambda r, f: (r.std() - f.std()).abs(),
    "The difference of the standard deviations is not squared, and it has a sign.": lambda r, f: r.std() - f.std(),
    "Your standard deviations divide by the number of values. Divide by one less.": lambda r, f: (
        (r.std(correction=0) - f.std(correction=0)) ** 2
    ),
    "The standard deviations are added. What is the difference of two equal sets?": lambda r, f: (
        (r.std() + f.std()) ** 2
    ),
    "The variances are added, and the mixed term is missing.": lambda r, f: r.var() + f.var(),
    "The mixed term comes once. A square of a difference has it twice.": lambda r, f: (
        r.var() + f.var() - r.std() * f.std()
    ),
    "The mixed term needs standard deviations, not variances.": lambda r, f: r.var() + f.var() - 2 * r.var() * f.var(),
    "The standard deviations are missing.": lambda r, f: 0 * r[0],
}


def _cut(real, fake):
    count = min(len(real), len(fake))
    return real[:count], fake[:count]


FRECHET_1D = Exercise(
    title="The Fréchet distance of numbers",
    draw=_numbers,
    answer=distance_1d,
    means="Two sets are near if they have nearly the same mean and nearly the same standard deviation.",
    mistakes=(
        *named(
            {
                "This is the root of the distance: one root too many.": lambda r, f: distance_1d(r, f) ** 0.5,
                "You added the differences first and then squared the sum.": (
                    lambda r, f: (r.mean() - f.mean() + r.std() - f.std()) ** 2,
                    lambda r, f: ((r.mean() - f.mean()).abs() + (r.std() - f.std()).abs()) ** 2,
                ),
                "The second part is subtracted. Both parts make the sets differ.": lambda r, f: (
                    (r.mean() - f.mean()) ** 2 - (r.std() - f.std()) ** 2
                ),
                "The two parts are multiplied. Equal means alone do not make equal sets.": lambda r, f: (
                    (r.mean() - f.mean()) ** 2 * (r.std() - f.std()) ** 2
                ),
                "You took the mean of both parts. They are added.": lambda r, f: distance_1d(r, f) / 2,
                "You divided by a standard deviation. Nothing is rescaled here.": (
                    lambda r, f: distance_1d(r, f) / r.std(),
                    lambda r, f: distance_1d(r, f) / r.var(),
                ),
                "You cut the larger set so that both have the same length. All values count.": (
                    lambda r, f: distance_1d(*_cut(r, f)),
                    lambda r, f: distance_1d(*_cut(r, f)) / 2,
                ),
                "You compared value by value. Asked for are the means and the standard deviations.": (
                    lambda r, f: (_cut(r, f)[0] - _cut(r, f)[1]).square().mean(),
                    lambda r, f: (
                        (_cut(r.sort().values, f.sort().values)[0] - f.sort().values[: len(r)]).square().mean()
                    ),
                    lambda r, f: (_cut(r, f)[0] - _cut(r, f)[1]).square().sum(),
                ),
                "You compared the largest or the smallest numbers.": lambda r, f: (
                    (r.max() - f.max()) ** 2 + (r.min() - f.min()) ** 2
                ),
            }
        ),
        *combined(_sum, MEANS, SPREADS),
    ),
    properties=(
        Property("A distance is one number.", lambda found, *_: found.numel() == 1),
        Property("A distance is never negative.", lambda found, *_: bool(found >= -1e-6)),
    ),
    example=lambda: (torch.tensor([1.0, 3.0]).double(), torch.tensor([2.0, 10.0]).double()),
    line="Look at both parts alone: feed two sets with equal means, then two with equal standard deviations.",
)

# 12.2: two sets of features ------------------------------------------------------------------------------------------


def _features(random):
    sides = []
    for count in (inputs.whole(random, 8, 11), inputs.whole(random, 12, 15)):
        sides.append(inputs.noise(random, count, 3) @ inputs.noise(random, 3, 3) + inputs.noise(random, 3))
    return tuple(sides)


def _trace_of_root(product):
    """The trace of the matrix root of C1 C2, whose eigenvalues are not negative."""
    return torch.linalg.eigvals(product).real.clamp(min=0).sqrt().sum()


def _root(matrix):
    values, directions = torch.linalg.eigh(matrix)
    return directions @ torch.diag(values.clamp(min=0).sqrt()) @ directions.T


def _cov(rows, correction=1):
    return torch.cov(rows.T, correction=correction)


def _of(centre, covariance, joined):
    def answer(real, fake):
        return centre(real.mean(0), fake.mean(0)) + joined(covariance(real), covariance(fake))

    return answer


CENTRES: Parts = {
    "": lambda a, b: (a - b).square().sum(),
    "The distance of the means is not squared.": lambda a, b: (a - b).norm(),
    "The squares are averaged over the features. They are added.": lambda a, b: (a - b).square().mean(),
    "You added the differences first. Square each one, then add.": lambda a, b: (a - b).sum() ** 2,
    "The absolute differences are added. Square them.": lambda a, b: (a - b).abs().sum(),
    "The means are missing.": lambda a, b: 0 * a[0],
    "The squared lengths of the means are subtracted. Subtract first.": lambda a, b: (
        a.square().sum() - b.square().sum()
    ),
}
COVARIANCES: Parts = {
    "": _cov,
    "Your covariances divide by the number of rows. Divide by one less.": lambda rows: _cov(rows, 0),
    "You used correlations. They no longer know how far the features spread.": lambda rows: torch.corrcoef(rows.T),
    "You did not subtract the means before you multiplied.": lambda rows: rows.T @ rows / (len(rows) - 1),
    "You did not subtract the means, and divided by the number of rows.": lambda rows: rows.T @ rows / len(rows),
    "The covariance is not divided by the number of rows less one.": lambda rows: _cov(rows) * (len(rows) - 1),
    "You used the variances alone. The features depend on each other.": lambda rows: torch.diag(rows.var(0)),
}
JOINED: Parts = {
    "": lambda a, b: (a + b).trace() - 2 * _trace_of_root(a @ b),
    "The root comes once. As in the square of a difference, it comes twice.": lambda a, b: (
        (a + b).trace() - _trace_of_root(a @ b)
    ),
    "This is the root of each entry. A matrix root, multiplied by itself, gives the matrix.": lambda a, b: (
        (a + b).trace() - 2 * (a @ b).sqrt().trace()
    ),
    "This is the root of each entry of its absolute value, not the matrix root.": lambda a, b: (
        (a + b).trace() - 2 * (a @ b).abs().sqrt().trace()
    ),
    "The root is missing: the last term has the wrong units.": lambda a, b: (a + b).trace() - 2 * (a @ b).trace(),
    "You took the trace before the root. The matrix root comes first, then the trace.": lambda a, b: (
        (a + b).trace() - 2 * (a @ b).trace().sqrt()
    ),
    "You took the two traces before the root. The matrices are multiplied first.": lambda a, b: (
        (a + b).trace() - 2 * (a.trace() * b.trace()).sqrt()
    ),
    "You multiplied entry by entry. Two matrices are multiplied row by column.": lambda a, b: (
        (a + b).trace() - 2 * (a * b).clamp(min=0).sqrt().trace()
    ),
    "The product of two matrix roots is not the root of the product.": lambda a, b: (
        (a + b).trace() - 2 * (_root(a) @ _root(b)).trace()
    ),
    "The root is added. For two equal sets, what must be left?": lambda a, b: (
        (a + b).trace() + 2 * _trace_of_root(a @ b)
    ),
    "The last term is missing. For two equal sets, what must be left?": lambda a, b: (a + b).trace(),
    "You compared the covariances entry by entry.": lambda a, b: (a - b).square().sum(),
    "You took the trace of their difference: equal traces do not make equal sets.": lambda a, b: (a - b).trace().abs(),
    "The trace is averaged over the features. It is a sum.": lambda a, b: (
        ((a + b).trace() - 2 * _trace_of_root(a @ b)) / len(a)
    ),
    "All entries are added. A trace adds the diagonal.": lambda a, b: (a + b - 2 * _root_of_product(a, b)).sum(),
    "One of the two covariances is missing in the sum.": lambda a, b: a.trace() - 2 * _trace_of_root(a @ b),
    "The covariances are missing.": lambda a, b: 0 * a[0, 0],
}


def _root_of_product(a, b):
    """The matrix root of C1 C2: root(a) root(root(a) b root(a)) inverse(root(a))."""
    half = _root(a)
    return half @ _root(half @ b @ half) @ torch.linalg.inv(half)


def _right(real, fake):
    return _of(CENTRES[""], COVARIANCES[""], JOINED[""])(real, fake)


def _shifted(real, fake):
    """Return the distance that two sets have after a shift of one of them so that their means are equal."""
    return _right(real - real.mean(0), fake - fake.mean(0))


FRECHET = Exercise(
    title="The Fréchet distance of features",
    draw=_features,
    answer=lambda real, fake: _right(real, fake),
    means="This is FID if the features are those of the Inception network, and FD with any others.",
    mistakes=distinct(
        _features,
        named(
            {
                "This is the root of the distance: one root too many.": lambda r, f: _right(r, f) ** 0.5,
                "You treated each feature by itself. The features depend on each other.": (
                    lambda r, f: sum(distance_1d(r[:, k], f[:, k]) for k in range(r.shape[1])),
                    lambda r, f: sum(distance_1d(r[:, k], f[:, k]) for k in range(r.shape[1])) / r.shape[1],
                ),
                "You put all features into one set of numbers. Each feature has its own mean.": lambda r, f: (
                    distance_1d(r.flatten(), f.flatten())
                ),
                "You took one mean of all numbers. Each feature has its own mean, over the rows.": lambda r, f: (
                    (r.mean() - f.mean()) ** 2 + JOINED[""](_cov(r), _cov(f))
                ),
                "You cut the larger set so that both have as many rows. All rows count.": lambda r, f: _right(
                    *_cut(r, f)
                ),
                "Your covariances are between the rows. Asked for are those between the features, the columns.": (
                    lambda r, f: _of(CENTRES[""], lambda rows: torch.cov(rows), JOINED[""])(*_cut(r, f)),
                    lambda r, f: _right(*(rows.T for rows in _cut(r, f))),
                ),
                "The second part is subtracted.": lambda r, f: CENTRES[""](r.mean(0), f.mean(0)) - _shifted(r, f),
            }
        )
        + combined(_of, CENTRES, chosen(COVARIANCES, 1, 6), JOINED)
        + one_wrong(_of, CENTRES, COVARIANCES, JOINED),
    ),
    properties=(
        Property("A distance is one number.", lambda found, *_: found.numel() == 1),
        Property(
            "The distance is less than what the means alone give.",
            lambda found, r, f: bool(found >= (r.mean(0) - f.mean(0)).square().sum() - 1e-4),
        ),
        Property(
            "The part of the means is missing or wrong: shift one set, and the distance must grow.",
            lambda found, r, f: bool(abs(found - _shifted(r, f)) > 1e-4),
        ),
    ),
    example=lambda: (
        torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]).double(),
        torch.tensor([[1.0, 1.0], [7.0, 1.0], [1.0, 7.0], [7.0, 7.0]]).double(),
    ),
    where=lambda real, fake: (
        f"the means are {_short(real.mean(0))} and {_short(fake.mean(0))}, the variances {_short(real.var(0))} and "
        f"{_short(fake.var(0))}"
    ),
    line="Look at the term with the root: is it a matrix root, of the product, and does it come twice?",
)


def _short(numbers):
    return "[" + ", ".join(f"{number:.3g}" for number in numbers) + "]"
