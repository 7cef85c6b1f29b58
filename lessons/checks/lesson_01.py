"""The exercises of lesson 01, adding noise: what they expect, and the mistakes that have a name."""

import torch

from .exercise import Exercise, Mistake, Property


def _betas(random, T):
    return 0.02 + 0.3 * torch.rand(T, generator=random, dtype=torch.float64)


def _table(betas):
    """alpha_bar (T + 1,) of betas (T,)."""
    return torch.cat([torch.ones(1, dtype=torch.float64), torch.cumprod(1 - betas, 0)])


def _number(random, low, high):
    return low + (high - low) * torch.rand(1, generator=random).item()


# 01.1: bring an image to timestep t, from alpha_bar ------------------------------------------------------------------


def _jump(random):
    x0, eps = 2 * torch.rand(2, 3, 5, 4, generator=random) - 1, torch.randn(2, 3, 5, 4, generator=random)
    return x0, eps, int(torch.randint(0, 9, (1,), generator=random)), _table(_betas(random, 9))


def _mixed(signal, noise):
    """The answer that mixes with these two rates, each a function of alpha_bar at the timestep."""
    return lambda x0, eps, t, alpha_bar: signal(alpha_bar[t]) * x0 + noise(alpha_bar[t]) * eps


def _root(power):
    return power**0.5


def _root_of_rest(power):
    return (1 - power) ** 0.5


ADD_NOISE = Exercise(
    draw=_jump,
    answer=_mixed(_root, _root_of_rest),
    means="One formula reaches any timestep at once: no loop over the timesteps below it.",
    mistakes=(
        Mistake(
            (
                "You used powers where rates belong: alpha_bar is the square of the signal rate, and the rest up "
                "to one is the square of the noise rate."
            ),
            _mixed(lambda p: p, lambda p: 1 - p),
        ),
        Mistake(
            (
                "The image's part is right. For the noise you used its variance (sigma squared); eps wants its "
                "standard deviation."
            ),
            _mixed(_root, lambda p: 1 - p),
        ),
        Mistake(
            "The noise's part is right. The image is multiplied by alpha_bar, a power, where its rate belongs.",
            _mixed(lambda p: p, _root_of_rest),
        ),
        Mistake(
            "You let the two rates add up to one. On this schedule it is their squares that do.",
            _mixed(_root, lambda p: 1 - p**0.5),
        ),
        Mistake(
            "Image and noise have changed places: at a low timestep you return nearly pure noise.",
            _mixed(_root_of_rest, _root),
        ),
        Mistake(
            "The noise comes on top of an image that has not shrunk: the image has a rate, too.",
            _mixed(lambda p: 1, _root_of_rest),
        ),
        Mistake(
            "The image shrinks, but the noise joins at full strength at every timestep.", _mixed(_root, lambda p: 1)
        ),
        Mistake(
            "You read the table one timestep too low: entry 0 is the clean image, so timestep t has the index t.",
            lambda x0, eps, t, alpha_bar: _mixed(_root, _root_of_rest)(x0, eps, t - 1, alpha_bar),
        ),
        Mistake(
            "You read the table one timestep too high: entry 0 is the clean image, so timestep t has the index t.",
            lambda x0, eps, t, alpha_bar: _mixed(_root, _root_of_rest)(x0, eps, t + 1, alpha_bar),
        ),
        Mistake("The noise has the wrong sign.", _mixed(_root, lambda p: -((1 - p) ** 0.5))),
    ),
    properties=(
        Property(
            "At timestep 0 the clean image must come back, unchanged.",
            lambda x, x0, eps, t, _: t > 0 or torch.allclose(x, x0.double()),
        ),
    ),
)

# 01.2: from betas to alpha_bar ---------------------------------------------------------------------------------------


def _from_one(table):
    return torch.cat([torch.ones(1, dtype=torch.float64), table])


POWER_LEFT = Exercise(
    draw=lambda random: (_betas(random, int(torch.randint(4, 12, (1,), generator=random))),),
    answer=_table,
    means="Many small steps are one product: this table is all that is left of them.",
    mistakes=(
        Mistake(
            (
                "The table begins at timestep 1. Timestep 0, the clean image, needs an entry too: T steps have "
                "T + 1 timesteps."
            ),
            lambda betas: torch.cumprod(1 - betas, 0),
        ),
        Mistake(
            "You added up the losses. Each step takes its fraction of what is left, not of what there was at first.",
            lambda b: _from_one(1 - b.cumsum(0)),
        ),
        Mistake(
            "You multiplied the fractions that are lost. What survives is the product of the fractions that are kept.",
            lambda b: _from_one(b.cumprod(0)),
        ),
        Mistake(
            "These are the signal rates. The power is their square: one root too many.", lambda b: _table(b).sqrt()
        ),
        Mistake(
            "This is the noise's power, which grows. What is asked for is the power that is left of the image.",
            lambda b: 1 - _table(b),
        ),
        Mistake(
            "This is what each step keeps by itself. The steps follow one another: their effects have to be joined.",
            lambda b: _from_one(1 - b),
        ),
        Mistake(
            "Timestep 0 is the clean image: all of its power is there, not none of it.",
            lambda b: torch.cat([torch.zeros(1), torch.cumprod(1 - b, 0)]),
        ),
        Mistake(
            "A step takes the variance beta, so the power loses the fraction beta, not its root.",
            lambda b: _from_one((1 - b.sqrt()).cumprod(0)),
        ),
        Mistake("You squared once too often: 1 - beta is a fraction of the power already.", lambda b: _table(b) ** 2),
        Mistake(
            "This is the end of the table only. What is left after every single step is asked for.",
            lambda b: torch.prod(1 - b),
        ),
        Mistake(
            (
                "Very close for small betas, but an exponential is only the limit of infinitely many small steps; "
                "these are steps of a finite size."
            ),
            lambda b: _from_one((-b.cumsum(0)).exp()),
        ),
    ),
    properties=(
        Property(
            "Timestep 0 is the clean image: nothing of its power is lost yet.",
            lambda table, _: abs(table[0] - 1) < 1e-4,
        ),
        Property(
            "The power that is left can only fall from timestep to timestep.",
            lambda table, _: bool((table.diff() < 0).all()),
        ),
        Property("A power is never negative.", lambda table, _: bool((table >= 0).all())),
    ),
)

# 01.3: the variance at a timestep ------------------------------------------------------------------------------------

VARIANCE_AT = Exercise(
    draw=lambda random: (_number(random, 0.1, 0.95), _number(random, 0.1, 0.95), _number(random, 0.05, 4)),
    answer=lambda signal, noise, variance: signal**2 * variance + noise**2,
    means=(
        "Variances of independent things add up, each with the square of its rate; only an image of variance 1 "
        "keeps it on the way."
    ),
    mistakes=(
        Mistake(
            "This is always one. That is so for images of variance 1, and only if the squares of the rates add to one.",
            lambda s, n, v: 1.0,
        ),
        Mistake("This is a standard deviation: one root too many.", lambda s, n, v: (s**2 * v + n**2) ** 0.5),
        Mistake(
            (
                "You multiplied the variances with the rates themselves. What does a variance do when its image "
                "is doubled?"
            ),
            lambda s, n, v: s * v + n,
        ),
        Mistake(
            "The noise's part is right. The image is multiplied by its rate, and what does that do to its variance?",
            lambda s, n, v: s * v + n**2,
        ),
        Mistake(
            "The image's part is right. The noise has variance 1 before it is multiplied by its rate; and after it?",
            lambda s, n, v: s**2 * v + n,
        ),
        Mistake("The image has not shrunk: its variance does not keep its full size.", lambda s, n, v: v + n**2),
        Mistake(
            "You added standard deviations. Independent things add their variances.",
            lambda s, n, v: (s * v**0.5 + n) ** 2,
        ),
        Mistake(
            "You squared the image's variance, too. Only its rate is to be squared.",
            lambda s, n, v: s**2 * v**2 + n**2,
        ),
        Mistake("This is the image's part only: the noise brings variance of its own.", lambda s, n, v: s**2 * v),
        Mistake(
            "You weighted the noise with the image's variance. The noise has variance 1, whatever the image.",
            lambda s, n, v: (s**2 + n**2) * v,
        ),
    ),
    properties=(
        Property("A variance is never negative.", lambda result, *_: result >= 0),
        Property(
            "The variance cannot be less than what the noise alone brings.", lambda result, s, n, v: result >= n**2
        ),
    ),
)

# 01.4: decibels ------------------------------------------------------------------------------------------------------


def _rates(random):
    return 0.05 + torch.rand(5, generator=random, dtype=torch.float64), 0.05 + torch.rand(
        5, generator=random, dtype=torch.float64
    )


DECIBELS = Exercise(
    draw=_rates,
    answer=lambda signal, noise: 20 * torch.log10(signal / noise),
    means="0 dB means equally strong, +20 dB ten times the amplitude: now schedules can be compared on one scale.",
    mistakes=(
        Mistake(
            "That would be right if these were powers. They are rates (amplitudes): their squares are powers.",
            lambda s, n: 10 * torch.log10(s / n),
        ),
        Mistake("The ratio is upside down: more signal must mean more decibels.", lambda s, n: 20 * torch.log10(n / s)),
        Mistake(
            "You squared twice: once in the ratio, and once more in the factor.", lambda s, n: 40 * torch.log10(s / n)
        ),
        Mistake("This is the natural logarithm. Decibels count powers of ten.", lambda s, n: 20 * torch.log(s / n)),
        Mistake(
            "This is the natural logarithm. Decibels count powers of ten.", lambda s, n: 10 * torch.log(s**2 / n**2)
        ),
        Mistake(
            "This is the logarithm with base 2. Decibels count powers of ten.", lambda s, n: 20 * torch.log2(s / n)
        ),
        Mistake("This is the ratio of the powers itself. Decibels are a logarithm of it.", lambda s, n: s**2 / n**2),
        Mistake("This is the ratio of the rates itself. Decibels are a logarithm.", lambda s, n: s / n),
        Mistake(
            "These are bels. A decibel is a tenth of one, so there are more of them.",
            lambda s, n: torch.log10(s**2 / n**2),
        ),
        Mistake("This is the signal alone. It has to be compared with the noise.", lambda s, n: 20 * torch.log10(s)),
    ),
    properties=(
        Property(
            "More signal than noise must give a number above zero, less a number below it.",
            lambda db, s, n: bool(((db > 0) == (s > n)).all()),
        ),
    ),
)

# 01.5: where image and noise are equally strong ----------------------------------------------------------------------


def _falling(random):
    """Two tables that are mostly not variance preserving: then one of them does not tell the other."""
    power = _table(_betas(random, int(torch.randint(20, 40, (1,), generator=random))) ** 1.5)
    return power.sqrt(), (1 - power).sqrt() * _number(random, 0.75, 1.6)


def _first(mask):
    return int(mask.int().argmax())


CROSSING = Exercise(
    draw=_falling,
    answer=lambda signal, noise: _first(noise >= signal),
    means="Half-way in strength is not half-way in timesteps: where it lies is what tells one schedule from another.",
    mistakes=(
        Mistake(
            "This is the middle of the table. Where the two are equally strong depends on the rates.",
            lambda s, n: (len(s) - 1) // 2,
        ),
        Mistake(
            "One timestep too early: this is the last timestep at which the signal is still the stronger one.",
            lambda s, n: _first(n >= s) - 1,
        ),
        Mistake(
            "One timestep too late: the table's first entry is timestep 0, so an index is a timestep.",
            lambda s, n: _first(n >= s) + 1,
        ),
        Mistake(
            "This is where the signal rate falls to one half. By then the noise is well above it: compare the two.",
            lambda s, n: _first(s <= 0.5),
        ),
        Mistake(
            "This is where the noise rate reaches one half. The signal is still far above it: compare the two.",
            lambda s, n: _first(n >= 0.5),
        ),
        Mistake(
            "You looked at the signal alone. On some schedules the noise grows at another speed: compare the two.",
            lambda s, n: _first(s**2 <= 0.5),
        ),
        Mistake(
            "You looked at the noise alone. On some schedules the signal falls at another speed: compare the two.",
            lambda s, n: _first(n**2 >= 0.5),
        ),
        Mistake(
            "You counted from the wrong end: timesteps are counted from the clean image.",
            lambda s, n: len(s) - 1 - _first(n >= s),
        ),
        Mistake(
            "You counted the timesteps on the far side of the crossing. Asked for is where that side begins.",
            lambda s, n: int((n >= s).sum()),
        ),
        Mistake(
            "This is timestep 0, where the signal is strongest: is the comparison the right way round?", lambda s, n: 0
        ),
        Mistake("This is a rate. A timestep is a whole number that counts steps.", lambda s, n: s[_first(n >= s)]),
        Mistake(
            (
                "The timestep at which the two differ least can lie just before the crossing. Asked for is the "
                "first at which the noise is as strong."
            ),
            lambda s, n: int((s - n).abs().argmin()),
        ),
    ),
    properties=(
        Property("A timestep is a whole number from 0 to T.", lambda t, s, n: t == t.round() and 0 <= t < len(s)),
        Property(
            "At that timestep the signal is still stronger than the noise.",
            lambda t, s, n: bool(n[int(t)] >= s[int(t)]),
        ),
        Property(
            "There is a lower timestep at which the noise is already as strong as the signal.",
            lambda t, s, n: int(t) <= _first(n >= s),
        ),
    ),
)

# 01.6: a batch in which every image has a timestep of its own (debugging) --------------------------------------------


def _batch(random):
    """As many images as rows and columns of an image: then a table along the wrong side raises nothing."""
    x0, eps = (
        2 * torch.rand(6, 3, 6, 6, generator=random, dtype=torch.float64) - 1,
        torch.randn(6, 3, 6, 6, generator=random, dtype=torch.float64),
    )
    return x0, torch.randperm(10, generator=random)[:6], eps, _table(_betas(random, 9))


def _laid(*shape, noise_shape=None, timestep=lambda t: t, noise=_root_of_rest, signal=_root):
    """The answer that lays the timesteps' rates along these sides of the batch."""

    def answer(x0, t, eps, alpha_bar):
        power = alpha_bar[timestep(t)]
        return signal(power).view(shape) * x0 + noise(power).view(noise_shape or shape) * eps

    return answer


EACH = (-1, 1, 1, 1)

CORRUPT_BATCH = Exercise(
    draw=_batch,
    answer=_laid(*EACH),
    given=_laid(-1),
    means=(
        "One rate for each image. Broadcasting never complains when shapes happen to fit, so shapes are worth a "
        "look every time."
    ),
    mistakes=(
        Mistake("Now every row of pixels has a timestep of its own. It is every image that should.", _laid(-1, 1)),
        Mistake(
            "All images get the timestep of the first one. Each has its own.", _laid(*EACH, timestep=lambda t: t[:1])
        ),
        Mistake(
            "All images get one timestep in the middle of theirs. Each has its own.",
            _laid(*EACH, timestep=lambda t: t.double().mean().long().view(1)),
        ),
        Mistake(
            "The signal is right now; the noise still changes from column to column.", _laid(*EACH, noise_shape=(-1,))
        ),
        Mistake("The noise is right now; the signal still changes from column to column.", _laid(-1, noise_shape=EACH)),
        Mistake(
            "The shapes are right now, but the noise is multiplied by its variance (sigma squared).",
            _laid(*EACH, noise=lambda p: 1 - p),
        ),
        Mistake(
            "The shapes are right now, but the image is multiplied by a power where its rate belongs.",
            _laid(*EACH, signal=lambda p: p),
        ),
        Mistake(
            "The shapes are right now, but the rates add up to one, and it is their squares that should.",
            _laid(*EACH, noise=lambda p: 1 - p**0.5),
        ),
        Mistake(
            "The timesteps are in another order than the images.", _laid(*EACH, timestep=lambda t: t.sort().values)
        ),
        Mistake(
            "All images share the noise of the first one. Each has its own.",
            lambda x0, t, eps, a: _laid(*EACH)(x0, t, eps[:1], a),
        ),
        Mistake(
            "You read the table one timestep too low: entry 0 is the clean image.",
            _laid(*EACH, timestep=lambda t: t - 1),
        ),
    ),
    properties=(
        Property(
            "An image at timestep 0 must come back unchanged.",
            lambda x, x0, t, eps, _: all(torch.allclose(x[k], x0[k]) for k in range(len(t)) if t[k] == 0),
        ),
    ),
)

EXERCISES = {
    "01.1": ADD_NOISE,
    "01.2": POWER_LEFT,
    "01.3": VARIANCE_AT,
    "01.4": DECIBELS,
    "01.5": CROSSING,
    "01.6": CORRUPT_BATCH,
}
