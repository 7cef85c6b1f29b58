"""Exercises 03.5 and 03.6: the distance of two sets of points, and the pair that a network is trained on."""

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import chosen, combined, named, one_wrong
from diffusion_edu.lessons.checks.inputs import noise, number

# 03.5: the energy distance (debugging) -----------------------------------------------------------------------------


def energy_distance(a, b):
    return 2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()


def _terms(between, within_a, within_b):
    return lambda ab, aa, bb: between * ab - within_a * aa - within_b * bb


SUMS = {
    "": _terms(2, 1, 1),
    "One set's own distances are missing: b is compared with itself, too.": _terms(2, 1, 0),
    "One set's own distances are missing: a is compared with itself, too.": _terms(2, 0, 1),
    "The distances inside the sets are missing: two equal sets would not have the distance zero.": _terms(2, 0, 0),
    "This is the mean distance between the sets alone: two equal sets would not have the distance zero.": _terms(
        1, 0, 0
    ),
    "All three terms are doubled. Two equal sets must have the distance zero.": _terms(2, 2, 2),
    "You doubled the wrong term: look at two equal sets, where all three means are the same.": _terms(1, 2, 2),
    "You doubled the term of a. Look at two equal sets, where all three means are the same.": _terms(1, 2, 1),
    "You doubled the term of b. Look at two equal sets, where all three means are the same.": _terms(1, 1, 2),
    "You changed a minus to a plus. Look at two equal sets, where all three means are the same.": _terms(2, -1, -1),
    "One minus has become a plus. Look at two equal sets, where all three means are the same.": _terms(2, 1, -1),
    "A minus of the other term has become a plus. Look at two equal sets.": _terms(2, -1, 1),
    "The mean distance between the sets and the one inside a are there, but b's is missing, and a term has the wrong "
    "weight.": _terms(1, 1, 0),
    "The mean distance between the sets and the one inside b are there, but a's is missing, and a term has the wrong "
    "weight.": _terms(1, 0, 1),
    "The weight of the term between the sets is too large: look at two equal sets.": _terms(3, 1, 1),
    "The weight of the term between the sets is much too large: look at two equal sets.": _terms(4, 1, 1),
    "Your result is half of the energy distance: every term is halved.": _terms(1, 0.5, 0.5),
    "The signs are reversed: your distance is negative.": _terms(-2, -1, -1),
    "Now the distance between the sets is subtracted and the others are added, with the weights of the faulty code.": (
        _terms(-1, -1, -1)
    ),
    "The terms inside the sets are added to one another, with the term between them subtracted.": _terms(1, -1, -1),
}
METRICS = {
    "": torch.cdist,
    "The distance is squared. With squares, only the two means are compared: spread and shape go unseen.": (
        lambda a, b: torch.cdist(a, b).square()
    ),
    "You add up absolute differences (city blocks). Use the Euclidean distance.": lambda a, b: torch.cdist(a, b, p=1),
    "You use the largest coordinate as the distance. Use the Euclidean distance.": lambda a, b: torch.cdist(
        a, b, p=torch.inf
    ),
    "You use one coordinate only. Use the Euclidean distance.": lambda a, b: (a[:, :1] - b[:, 0]).abs(),
    "You take the root of the distance.": lambda a, b: torch.cdist(a, b).sqrt(),
    "You average over the coordinates before the root. They are added up.": lambda a, b: (
        torch.cdist(a, b) / a.shape[1] ** 0.5
    ),
}
AVERAGES = {
    "": lambda d, own: d.mean(),
    "You add up the distances. Take means, or a larger set is farther away.": lambda d, own: d.sum(),
    "Pairs of a point with itself are left out. They count here, so that two equal sets have the distance zero.": (
        lambda d, own: d.sum() / (len(d) * (len(d) - 1)) if own else d.mean()
    ),
    "You take the median. The energy distance is made of means.": lambda d, own: d.median(),
    "You take the largest distance. The energy distance is made of means.": lambda d, own: d.max(),
    "The means inside the sets count only half. Do you count each pair once, and divide by all?": lambda d, own: (
        d.triu().mean() if own else d.mean()
    ),
    "You look at nearest neighbours. The energy distance is made of all pairs.": lambda d, own: d.amin(1).mean(),
    "You average over one axis only: the result is one number.": lambda d, own: d.mean(1).sum() if own else d.mean(),
}


def _energy(terms, metric, average):
    """The answer that is made of these parts."""

    def answer(a, b):
        pairs = ((a, b, False), (a, a, True), (b, b, True))
        return terms(*(average(metric(one, other), own) for one, other, own in pairs))

    return answer


def _draw_sets(random):
    """Two sets of different size and place; sometimes one set twice."""
    a = noise(random, 6, 2)
    return (a, a.clone()) if number(random, 0, 1) < 0.2 else (a, 1.5 * noise(random, 4, 2) + number(random, 0, 6))


ENERGY_DISTANCE = Exercise(
    title="Find the bug: how far are two sets of points?",
    answer=energy_distance,
    given=_energy(_terms(1, 1, 1), torch.cdist, AVERAGES[""]),
    means="Zero for two equal sets, and above zero for different distributions (Szekely & Rizzo 2013).",
    draw=_draw_sets,
    mistakes=(
        *one_wrong(_energy, SUMS, METRICS, AVERAGES),
        *combined(_energy, SUMS, chosen(METRICS, 1, 2), chosen(AVERAGES)),
        *combined(_energy, chosen(SUMS, 1, 2, 10), chosen(METRICS, 1), chosen(AVERAGES, 1, 2)),
        *named(
            {
                "This is the distance of the two means: spread and shape go unseen.": (
                    lambda a, b: (a.mean(0) - b.mean(0)).norm(),
                ),
                "You took a root at the end. Some books do, but not here.": lambda a, b: (
                    energy_distance(a, b).clamp(min=0).sqrt()
                ),
                "You cut off what is below zero. The sum itself is wrong: look at two equal sets.": lambda a, b: (
                    _energy(_terms(1, 1, 1), torch.cdist, AVERAGES[""])(a, b).clamp(min=0)
                ),
                "You took the absolute value. The sum itself is wrong: look at two equal sets.": lambda a, b: _energy(
                    _terms(1, 1, 1), torch.cdist, AVERAGES[""]
                )(a, b).abs(),
            }
        ),
    ),
    properties=(
        Property(
            "Two equal sets must have the distance zero.",
            lambda e, a, b: a.shape != b.shape or abs(float(e)) < 1e-5,
        ),
        Property("An energy distance is never negative.", lambda e, a, b: float(e) > -1e-5),
    ),
    example=lambda: (torch.tensor([[0.0, 0.0], [3.0, 4.0]]).double(), torch.zeros(1, 2).double()),
    line="Look at the line that puts the three means together: what must it give if all three are equal?",
)

# 03.6: what a network is trained on -----------------------------------------------------------------------------


def training_pair(x0, eps, theta):
    c, s = theta.cos()[:, None], theta.sin()[:, None]
    return c * x0 + s * eps, c * eps - s * x0


INPUTS = {
    "": lambda x0, eps, c, s: c * x0 + s * eps,
    "In y, image and noise have changed places: at theta = 0 it is the clean point.": lambda x0, eps, c, s: (
        s * x0 + c * eps
    ),
    "In y, a sign is wrong: image and noise are added.": lambda x0, eps, c, s: c * x0 - s * eps,
    "In y, the rates are squared: cosine and sine are rates.": lambda x0, eps, c, s: c**2 * x0 + s**2 * eps,
    "In y, the rates add up to one. It is their squares that do.": lambda x0, eps, c, s: c * x0 + (1 - c) * eps,
    "In y, the point has not shrunk.": lambda x0, eps, c, s: x0 + s * eps,
    "In y, the noise has its full strength at every angle.": lambda x0, eps, c, s: c * x0 + eps,
    "In y, the point is there at full strength and so is the noise.": lambda x0, eps, c, s: x0 + eps,
    "y is the clean point: the noise is missing.": lambda x0, eps, c, s: x0,
    "y holds no noise.": lambda x0, eps, c, s: c * x0,
}
VELOCITIES = {
    "": lambda x0, eps, c, s: c * eps - s * x0,
    "In v, a sign is wrong: v is the derivative of y, and that of the cosine has a minus.": lambda x0, eps, c, s: (
        c * eps + s * x0
    ),
    "v points the other way: from the noise to the image.": lambda x0, eps, c, s: s * x0 - c * eps,
    "In v, cosine and sine have changed places.": lambda x0, eps, c, s: s * eps - c * x0,
    "In v, the point and the noise have changed places.": lambda x0, eps, c, s: c * x0 - s * eps,
    "The second is the noise (prediction type eps). Asked for is v.": lambda x0, eps, c, s: eps,
    "The second is the clean point (prediction type x0). Asked for is v.": lambda x0, eps, c, s: x0,
    "The second is noise minus clean point (prediction type flow). Asked for is v.": lambda x0, eps, c, s: eps - x0,
    "In v, the point's part is missing.": lambda x0, eps, c, s: c * eps,
    "In v, the noise's part is missing.": lambda x0, eps, c, s: -s * x0,
    "In v, the point is not multiplied by its rate.": lambda x0, eps, c, s: c * eps - x0,
    "In v, the noise is not multiplied by its rate.": lambda x0, eps, c, s: eps - s * x0,
    "The second is y once more. Asked for is v.": lambda x0, eps, c, s: c * x0 + s * eps,
    "In v, the rates are squared.": lambda x0, eps, c, s: c**2 * eps - s**2 * x0,
}
ANGLES = {
    "": lambda theta, x0: (theta.cos()[:, None], theta.sin()[:, None]),
    "Your angles run along the coordinates: they change from column to column. Every row has an angle of its own.": (
        lambda theta, x0: (theta.cos(), theta.sin())
    ),
    "All points get the angle of the first one. Each has its own.": lambda theta, x0: (theta.cos()[0], theta.sin()[0]),
    "All points get the mean angle. Each has its own.": lambda theta, x0: (theta.mean().cos(), theta.mean().sin()),
    "The angle is used as the rate. The rates are its cosine and its sine.": lambda theta, x0: (
        1 - theta[:, None],
        theta[:, None],
    ),
    "Your angles are treated as degrees. They are in radians.": lambda theta, x0: (
        torch.deg2rad(theta).cos()[:, None],
        torch.deg2rad(theta).sin()[:, None],
    ),
    "You multiply the angle by a half circle first. It is an angle already.": lambda theta, x0: (
        (torch.pi / 2 * theta).cos()[:, None],
        (torch.pi / 2 * theta).sin()[:, None],
    ),
}


def _pair(y, v, angles):
    """The answer that is made of these parts."""

    def answer(x0, eps, theta):
        c, s = angles(theta, x0)
        return y(x0, eps, c, s), v(x0, eps, c, s)

    return answer


def _draw_pair(random):
    """As many points as coordinates: then angles along the wrong side raise nothing."""
    return noise(random, 4, 4), noise(random, 4, 4), 0.1 + 1.3 * torch.rand(4, generator=random, dtype=torch.float64)


TRAINING_PAIR = Exercise(
    title="What a network is trained on",
    answer=training_pair,
    means="y goes into the network, v is what it should return: one point, one noise, one angle, and no walk at all.",
    draw=_draw_pair,
    mistakes=(
        *one_wrong(_pair, INPUTS, VELOCITIES, ANGLES),
        *combined(_pair, INPUTS, VELOCITIES, chosen(ANGLES)),
        *combined(_pair, chosen(INPUTS, 1, 2), chosen(VELOCITIES, 1, 5, 6, 7), chosen(ANGLES, 1, 2, 3)),
        *named(
            {
                "The two results are in the wrong order: y first, then v.": (
                    lambda x0, eps, theta: training_pair(x0, eps, theta)[::-1]
                ),
                "Only y is returned. A network needs its target, too.": (
                    lambda x0, eps, theta: training_pair(x0, eps, theta)[0]
                ),
                "Only v is returned. A network needs its input, too.": (
                    lambda x0, eps, theta: training_pair(x0, eps, theta)[1]
                ),
            }
        ),
    ),
    properties=(
        Property("Return two tensors: y and v.", lambda result, *_: isinstance(result, tuple) and len(result) == 2),
        Property(
            "(y, v) is (x0, eps) turned by an angle, and a turn keeps the sum of the squares. Yours does not.",
            lambda result, x0, eps, theta: torch.allclose(
                result[0].square() + result[1].square(), x0.square() + eps.square(), rtol=1e-3
            ),
        ),
    ),
    example=lambda: (torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([0.6435])),
    line="Look at y first: at an angle of zero it is x0. v is its derivative with respect to the angle.",
)
