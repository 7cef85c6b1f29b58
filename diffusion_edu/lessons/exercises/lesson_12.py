"""The exercises of lesson 12, evaluation: what they expect, and the mistakes that have a name."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, distinct, named
from diffusion_edu.lessons.exercises.lesson_12_distances import FRECHET, FRECHET_1D
from diffusion_edu.lessons.exercises.lesson_12_ranges import SCORE_IMAGES

# 12.3: the fraction of samples that copy a training image -----------------------------------------------------------


def _rows(random):
    """Real rows, and generated ones: copies with more and less noise, and new ones."""
    real = inputs.noise(random, inputs.whole(random, 10, 14), 4)
    rows = torch.randint(0, len(real), (24,), generator=random)
    fake = real[rows] + torch.rand(24, 1, generator=random).double() ** 2 * inputs.noise(random, 24, 4)
    return torch.cat([fake, 1.5 * inputs.noise(random, 6, 4)]), real


def _sorted(fake, real, power=2.0):
    return torch.cdist(fake, real, p=power).sort(dim=1).values


def _fraction(found):
    return found.double().mean()


def _ratio(fake, real, power=2.0):
    near = _sorted(fake, real, power)
    return near[:, 0] / near[:, 1]


def _below(limit):
    return lambda fake, real: _fraction(_ratio(fake, real) < limit)


def _right_memorised(fake, real):
    return _fraction(_ratio(fake, real) < 1 / 3)


def _among_themselves(fake, real):
    near = _sorted(fake, fake)
    return _fraction(near[:, 1] / near[:, 2] < 1 / 3)


def _third(fake, real):
    near = _sorted(fake, real)
    return _fraction(near[:, 0] / near[:, 2] < 1 / 3)


def _self_left_out(fake, real):
    near = _sorted(fake, real)
    return _fraction(near[:, 1] / near[:, 2] < 1 / 3)


def _to(reduce):
    return lambda fake, real: _fraction(_sorted(fake, real)[:, 0] < reduce(_sorted(fake, real)) / 3)


def _copied(fake, real):
    near = torch.cdist(fake, real).min(dim=1).indices[_ratio(fake, real) < 1 / 3]
    return len(near.unique()) / len(real)


def _absolute(limit):
    return lambda fake, real: _fraction(_sorted(fake, real)[:, 0] < limit)


def _cosine(fake, real):
    unit = [rows / rows.norm(dim=1, keepdim=True) for rows in (fake, real)]
    return _right_memorised(*unit)


MEMORISED = Exercise(
    title="Memorised samples",
    draw=_rows,
    answer=lambda fake, real: _right_memorised(fake, real),
    means="A copy has one very near neighbour. A new sample has several that are about equally far.",
    mistakes=distinct(
        _rows,
        named(
            {
                "You count the samples that are not memorised.": lambda fake, real: 1 - _right_memorised(fake, real),
                "This is a number of samples. Asked for is the fraction of them.": lambda fake, real: (
                    _ratio(fake, real) < 1 / 3
                ).sum(),
                "You divided by the number of real rows. Asked for is the fraction of the generated ones.": (
                    lambda fake, real: (_ratio(fake, real) < 1 / 3).sum() / len(real),
                    lambda fake, real: _right_memorised(fake, real) / len(fake) * len(real),
                    lambda fake, real: (_ratio(fake, real) < 1 / 3).sum() / (len(real) + len(fake)),
                ),
                "Each real row looks for its nearest generated one. It should be the other way round.": (
                    lambda fake, real: _right_memorised(real, fake)
                ),
                "You compare squared distances. The limit is for distances.": (
                    lambda fake, real: _fraction(_ratio(fake, real) ** 2 < 1 / 3)
                ),
                "You took the third nearest row. Which one is the second nearest?": _third,
                "You skipped the nearest row. A generated row is not in the real set, so the nearest one counts.": (
                    _self_left_out
                ),
                "No sample counts as memorised. Are your two distances the two smallest ones, and different ones?": (
                    lambda fake, real: 0.0
                ),
                "Every sample counts as memorised. Are both distances to real rows, and which one do you divide?": (
                    lambda fake, real: 1.0
                ),
                "You look for neighbours among the generated rows. A copy is near a real row.": _among_themselves,
                "You look for neighbours among the real rows. Asked for are the neighbours of the generated ones.": (
                    lambda fake, real: _among_themselves(real, fake)
                ),
                "The limit is another one: nearer than a third of the second distance.": (
                    _below(1 / 2),
                    _below(2 / 3),
                    _below(0.3),
                    _below(1 / 4),
                    _below(1 / 9),
                    _below(0.1),
                ),
                "You compare the nearest distance with the mean distance, not with the second nearest.": (
                    _to(lambda near: near.mean(1)),
                    _to(lambda near: near[:, 1:].mean(1)),
                    _to(lambda near: near.mean()),
                ),
                "You compare the nearest distance with the middle one, not with the second nearest.": _to(
                    lambda near: near.median(1).values
                ),
                "You compare the nearest distance with the largest one.": _to(lambda near: near[:, -1]),
                "This is a distance below a fixed limit. What is far depends on the place: compare with the second.": (
                    _absolute(1 / 3),
                    _absolute(0.5),
                    _absolute(1.0),
                ),
                "The differences of coordinates are added. A Euclidean distance squares them first.": (
                    lambda fake, real: _fraction(_ratio(fake, real, 1.0) < 1 / 3)
                ),
                "You used the largest difference of coordinates. A Euclidean distance takes all of them.": (
                    lambda fake, real: _fraction(_ratio(fake, real, torch.inf) < 1 / 3)
                ),
                "You compare angles. Asked for are Euclidean distances.": _cosine,
                "You count real rows that were copied. Asked for is the fraction of the generated rows.": _copied,
                "This is the mean ratio. Asked for is how often it is small.": lambda fake, real: _ratio(
                    fake, real
                ).mean(),
                "These are the ratios. Asked for is the fraction of the small ones.": _ratio,
                "This says for each row whether it is memorised. Asked for is the fraction.": lambda fake, real: (
                    _ratio(fake, real) < 1 / 3
                ),
                "These are distances. Asked for is a fraction.": (
                    lambda fake, real: _sorted(fake, real)[:, 0],
                    lambda fake, real: _sorted(fake, real)[:, 0].mean(),
                ),
                "The ratio is upside down: second distance by nearest one.": lambda fake, real: _fraction(
                    1 / _ratio(fake, real) < 1 / 3
                ),
                "You compare a difference of distances. Compare their ratio.": (
                    lambda fake, real: _fraction(_sorted(fake, real).diff(dim=1)[:, 0] < 1 / 3),
                    lambda fake, real: _fraction(_sorted(fake, real).diff(dim=1)[:, 0] > 1 / 3),
                ),
                "You count pairs of rows. For each generated row, only its two nearest real rows count.": (
                    lambda fake, real: _fraction(torch.cdist(fake, real) < 1 / 3),
                    lambda fake, real: _fraction(torch.cdist(fake, real) < _sorted(fake, real)[:, 1:2] / 3),
                ),
            }
        ),
    ),
    properties=(
        Property("A fraction is one number from 0 to 1.", lambda found, *_: found.numel() == 1 and 0 <= found <= 1),
    ),
    example=lambda: (torch.tensor([[1.0], [5.0]]).double(), torch.tensor([[0.0], [1.5], [9.0]]).double()),
    line="Look at which two distances you compare, row by row, and at what you count.",
)

# 12.4: the band of a score -------------------------------------------------------------------------------------------


def _power(rows):
    return rows.square().mean()


def _spread(rows):
    return rows.std(dim=0).sum()


def _top(rows):
    return rows.amax(dim=0).mean()


def _draws(random):
    fake = inputs.noise(random, 12, 3) + torch.arange(3).double()
    draws = torch.randint(0, 12, (inputs.whole(random, 4, 6), 9), generator=random)
    return (_power, _spread, _top)[inputs.whole(random, 0, 2)], fake, draws


def _scores(score, fake, draws):
    return torch.stack([score(fake[rows]) for rows in draws])


def _pair(centre, width):
    def answer(score, fake, draws):
        scores = _scores(score, fake, draws)
        return centre(scores, score, fake, draws), width(scores, score, fake, draws)

    return answer


CENTRES: Parts = {
    "": lambda scores, *_: scores.mean(),
    "The first number is the score of all samples, not the mean of the draws.": lambda scores, score, fake, _: score(
        fake
    ),
    "The first number is the middle score. Asked for is the mean.": lambda scores, *_: scores.median(),
    "The first number is the score of the first draw only.": lambda scores, *_: scores[0],
    "The first number is the score of the last draw only.": lambda scores, *_: scores[-1],
    "The scores are added, and not divided by their number.": lambda scores, *_: scores.sum(),
    "The first number is the mean of the samples, without their score.": lambda scores, score, fake, _: fake.mean(),
    "The first number is the best score. Asked for is the mean.": lambda scores, *_: scores.min(),
    "The first number is the score of all draws together.": lambda scores, score, fake, draws: score(
        fake[draws.flatten()]
    ),
}
WIDTHS: Parts = {
    "": lambda scores, *_: scores.std(),
    "Your standard deviation divides by the number of draws. It must divide by one less.": (
        lambda scores, *_: scores.std(correction=0)
    ),
    "This is a variance: a square, in squared units of the score.": lambda scores, *_: scores.var(),
    "This is a variance, and it divides by the number of draws.": lambda scores, *_: scores.var(correction=0),
    "This is the error of the mean. A band says how far single scores are from each other.": lambda scores, *_: (
        scores.std() / len(scores) ** 0.5
    ),
    "This is the error of the mean, divided by the root of the number of samples.": lambda scores, score, fake, _: (
        scores.std() / len(fake) ** 0.5
    ),
    "This is the range from the lowest to the highest score. It grows with the number of draws.": lambda scores, *_: (
        scores.max() - scores.min()
    ),
    "This is half of the range. It grows with the number of draws.": lambda scores, *_: (
        (scores.max() - scores.min()) / 2
    ),
    "This is the mean distance from the mean. A standard deviation squares first.": lambda scores, *_: (
        (scores - scores.mean()).abs().mean()
    ),
    "You divided the standard deviation by the number of draws once more.": lambda scores, *_: (
        scores.std() / len(scores)
    ),
    "You divided the standard deviation once more, by one less than the number of draws.": lambda scores, *_: (
        scores.std() / (len(scores) - 1)
    ),
    "The band is twice as wide.": lambda scores, *_: 2 * scores.std(),
    "The band is that of an interval for 95 %. Asked for is one standard deviation.": lambda scores, *_: (
        1.96 * scores.std()
    ),
    "This is the standard deviation of the samples. Asked for is that of the scores.": lambda scores, score, fake, _: (
        fake.std()
    ),
    "This is the standard deviation of the draws' numbers. Asked for is that of the scores.": (
        lambda scores, score, fake, draws: draws.double().std()
    ),
    "The root of the mean squared score is not a standard deviation: subtract the mean first.": lambda scores, *_: (
        scores.square().mean().sqrt()
    ),
    "The width is missing.": lambda scores, *_: 0 * scores[0],
}
RIGHT_BAND = _pair(CENTRES[""], WIDTHS[""])


def _of_other_rows(choose):
    return lambda score, fake, draws: RIGHT_BAND(score, *choose(fake, draws))


BAND = Exercise(
    title="The band of a score",
    draw=_draws,
    answer=lambda score, fake, draws: RIGHT_BAND(score, fake, draws),
    means="A score without its band says nothing: two models within one band of each other are not known to differ.",
    mistakes=(
        *named(
            {
                "The two numbers have changed places.": lambda *given: RIGHT_BAND(*given)[::-1],
                "You took the columns of draws. Each row is one draw.": _of_other_rows(
                    lambda fake, draws: (fake, draws.T)
                ),
                "Each draw is used only once per sample. A draw may hold a sample several times.": _of_other_rows(
                    lambda fake, draws: (fake, [rows.unique() for rows in draws])
                ),
                "You left out the first draw.": _of_other_rows(lambda fake, draws: (fake, draws[1:])),
                "You left out the last draw.": _of_other_rows(lambda fake, draws: (fake, draws[:-1])),
                "You took single samples. Each draw is a whole set of samples.": lambda score, fake, draws: RIGHT_BAND(
                    _power, fake, draws[:, :1]
                ),
                "These are the scores of the draws. Asked for is their mean and standard deviation.": _scores,
                "The standard deviation is missing.": lambda *given: RIGHT_BAND(*given)[0],
                "The mean is missing.": lambda *given: RIGHT_BAND(*given)[1],
                "These are the lowest and the highest score. Asked for are mean and standard deviation.": (
                    lambda *given: (_scores(*given).min(), _scores(*given).max())
                ),
                "This is the lower and the upper end of the band. Asked for is its middle and its width.": (
                    lambda *given: (
                        RIGHT_BAND(*given)[0] - RIGHT_BAND(*given)[1],
                        RIGHT_BAND(*given)[0] + RIGHT_BAND(*given)[1],
                    )
                ),
            }
        ),
        *combined(_pair, CENTRES, WIDTHS),
    ),
    properties=(
        Property("Return two numbers: mean and standard deviation.", lambda found, *_: _count(found) == 2),
        Property("A standard deviation is never negative.", lambda found, *_: bool(_last(found) >= 0)),
        Property(
            "The mean is not among the scores of the draws.",
            lambda found, *given: bool(
                _scores(*given).min() - 1e-6 <= torch.as_tensor(found[0]) <= _scores(*given).max() + 1e-6
            ),
        ),
    ),
    example=lambda: (_power, torch.tensor([[1.0], [2.0], [3.0]]).double(), torch.tensor([[0, 0], [0, 2], [2, 2]])),
    where=lambda score, fake, draws: (
        f"the draws have the scores [{', '.join(f'{each:.3g}' for each in _scores(score, fake, draws))}]"
    ),
    line="Look at what is measured how often: the score of each draw, then the standard deviation of these scores.",
)


def _count(found):
    return len(found) if isinstance(found, tuple) else found.numel()


def _last(found):
    return found[-1] if isinstance(found, tuple) else found.flatten()[-1]


EXERCISES = {
    "12.1": FRECHET_1D,
    "12.2": FRECHET,
    "12.3": MEMORISED,
    "12.4": BAND,
    "12.5": SCORE_IMAGES,
}
