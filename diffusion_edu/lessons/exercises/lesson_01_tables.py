"""Exercises 01.2 to 01.4, about the tables of a schedule."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, named

ONE = torch.ones(1, dtype=torch.float64)

# 01.2: from betas to alpha_bar ---------------------------------------------------------------------------------------

STEPS: Parts = {
    "": lambda b: 1 - b,
    "You used the fraction that is lost in a step. You need the fraction that is kept.": lambda b: b,
    "A step adds noise of variance beta. So the power loses the fraction beta, not its root.": lambda b: 1 - b**0.5,
    "A step keeps a fraction of the power, which is a square already: you squared it again.": lambda b: (1 - b) ** 2,
    "These are signal rates. The power is the square of a rate: one root too many.": lambda b: (1 - b) ** 0.5,
    "An exponential is the limit of infinitely many small steps; these steps are finite.": lambda b: torch.exp(-b),
    "The power grows in your table. A step makes the image weaker.": lambda b: 1 + b,
}
JOINED: Parts = {
    "": lambda kept: kept.cumprod(0),
    "The effects of the steps are added. Each step takes its fraction of what is left.": lambda kept: kept.cumsum(0),
    "This is what each step keeps by itself. The steps follow one another.": lambda kept: kept,
    "You multiplied from the last step on. The first step comes first.": lambda kept: kept.flip(0).cumprod(0),
    "You multiplied the steps that follow. What is left at t depends on the steps before.": lambda kept: (
        kept.flip(0).cumprod(0).flip(0)
    ),
}
FRAMED: Parts = {
    "": lambda table: torch.cat([ONE, table]),
    "The table begins at timestep 1. Timestep 0 needs an entry: T steps have T + 1 timesteps.": lambda table: table,
    "The entry of timestep 0 stands at the end of the table.": lambda table: torch.cat([table, ONE]),
    "Timestep 0 is the clean image: all of its power is there.": lambda table: torch.cat([0 * ONE, table]),
    "The last timestep is missing: T steps have T + 1 timesteps.": lambda table: torch.cat([ONE, table[:-1]]),
    "The first step is skipped: after one step something is lost.": lambda table: torch.cat([ONE, ONE, table[:-1]]),
    "The first entry stands twice. Timestep 0 has lost nothing yet.": lambda table: torch.cat([table[:1], table]),
    "The last entry stands twice, and timestep 0 has no entry.": lambda table: torch.cat([table, table[-1:]]),
}
AFTER: Parts = {
    "": lambda table: table,
    "This is the noise's power, which grows. You need the power of the image.": lambda table: 1 - table,
}


def _table(step, joined, framed, after):
    return lambda betas: after(framed(joined(step(betas))))


RIGHT_TABLE = _table(STEPS[""], JOINED[""], FRAMED[""], AFTER[""])


def _equal_steps(beta):
    return lambda betas: (1 - beta(betas)) ** torch.arange(len(betas) + 1)


ALPHA_BAR_FROM = Exercise(
    title="From betas to what is left",
    draw=lambda random: (inputs.betas(random, inputs.whole(random, 4, 12)),),
    answer=lambda betas: RIGHT_TABLE(betas),
    means="Many small steps are one product: this table holds all that is left after them.",
    mistakes=(
        *named(
            {
                "You added up the losses. Each step takes its fraction of what is left, not of all.": (
                    lambda b: torch.cat([ONE, 1 - b.cumsum(0)]),
                    lambda b: 1 - b.cumsum(0),
                ),
                "These are the noise rates. You need the power that is left of the image.": (
                    lambda b: (1 - RIGHT_TABLE(b)) ** 0.5
                ),
                "These are the betas themselves. What does a step keep?": lambda b: b,
                "This is the end of the table only. You need what is left after every step.": (
                    lambda b: (1 - b).prod(),
                    lambda b: (1 - b).prod() ** 0.5,
                    lambda b: b.prod(),
                ),
                "The 1 of timestep 0 stands among the betas. Then a first step loses everything.": lambda b: (
                    1 - torch.cat([ONE, b])
                ).cumprod(0),
                "All steps get the same beta. Each step has its own.": (
                    _equal_steps(lambda b: b[0]),
                    _equal_steps(lambda b: b[-1]),
                    _equal_steps(lambda b: b.mean()),
                ),
            }
        ),
        *combined(_table, STEPS, JOINED, FRAMED, AFTER),
    ),
    properties=(
        Property("Timestep 0 is the clean image: nothing of its power is lost yet.", lambda a, b: abs(a[0] - 1) < 1e-4),
        Property("The power that is left can only fall with t.", lambda a, b: bool((a.diff() < 0).all())),
        Property("A power is never negative.", lambda a, b: bool((a >= 0).all())),
        Property("The first step keeps the wrong fraction.", lambda a, b: abs(a[1] - (1 - b[0])) < 1e-4),
        Property(
            "The first step is right. A later one does not take its fraction of what is left.",
            lambda a, b: torch.allclose(a[1:] / a[:-1], 1 - b, atol=1e-4),
        ),
    ),
    example=lambda: (torch.tensor([0.5, 0.2]).double(),),
    line="Look at what a step keeps, at how the steps are put together, and at the entry of timestep 0.",
)

# 01.3: the variance at a timestep ------------------------------------------------------------------------------------


def _sum(image, noise):
    return lambda s, n, v: image(s, v) + noise(s, n, v)


IMAGE_VARIANCES: Parts = {
    "": lambda s, v: s**2 * v,
    "What happens to the variance of an image when the image is doubled?": lambda s, v: s * v,
    "The image keeps its full variance. But it has shrunk.": lambda s, v: v,
    "The image's variance is a square already, and you squared it again.": lambda s, v: s**2 * v**2,
    "You squared the variance. Square its rate.": lambda s, v: s * v**2,
    "You gave the image the variance 1. Its variance is an input.": lambda s, v: s**2,
    "You left out the image's variance, and a rate is no variance.": lambda s, v: s,
    "You used the image's standard deviation. Variances are added.": lambda s, v: s * v**0.5,
    "You took a root of the image's variance. It is a variance already.": lambda s, v: s**2 * v**0.5,
    "The image's variance is missing.": lambda s, v: 0,
}
NOISE_VARIANCES: Parts = {
    "": lambda s, n, v: n**2,
    "The noise has variance 1 before it is multiplied by its rate. And after it?": lambda s, n, v: n,
    "The noise keeps the variance 1, although it is multiplied by its rate.": lambda s, n, v: 1,
    "You weighted the noise with the image's variance. The noise has variance 1.": lambda s, n, v: n**2 * v,
    "The noise is multiplied by the image's variance and by a rate, which is no variance.": lambda s, n, v: n * v,
    "You assumed that the squares of the rates add up to one.": lambda s, n, v: 1 - s**2,
    "You assumed that the rates add up to one.": lambda s, n, v: 1 - s,
    "You squared the noise rate twice.": lambda s, n, v: n**4,
    "You took a root of the noise rate. Variances need squares.": lambda s, n, v: n**0.5,
    "You subtracted the noise's variance. Independent noise always adds variance.": lambda s, n, v: -(n**2),
    "The noise brings its own variance, which is missing.": lambda s, n, v: 0,
}
ALWAYS_ONE = "This is always one. That holds only for images of variance 1, with rates whose squares add up to one."
BOTH_VARIANCES: dict[tuple[str, ...], str] = {
    ("What happens", "The noise has variance 1 before"): (
        "You multiplied variances by the rates themselves. What happens to a variance when an image is doubled?"
    ),
    ("You gave the image", "You weighted the noise"): "The two rates have changed places.",
    ("You gave the image", "You assumed that the squares"): ALWAYS_ONE,
    ("You left out", "You assumed that the rates"): ALWAYS_ONE,
    ("The image's variance is missing", "The noise keeps"): ALWAYS_ONE,
}

VARIANCE_AT = Exercise(
    title="The variance at a timestep",
    draw=lambda random: tuple(inputs.number(random, 0.1, high) for high in (0.95, 0.95, 4)),
    answer=lambda signal, noise, variance: signal**2 * variance + noise**2,
    means="Variances of independent things add up, each with the square of its rate.",
    mistakes=(
        *named(
            {
                "This is a standard deviation: one root too many.": lambda s, n, v: (s**2 * v + n**2) ** 0.5,
                "You added standard deviations. Independent things add their variances.": (
                    lambda s, n, v: (s * v**0.5 + n) ** 2
                ),
                "You squared the sum. Square each rate by itself.": (
                    lambda s, n, v: (s * v + n) ** 2,
                    lambda s, n, v: (s + n) ** 2 * v,
                    lambda s, n, v: (s + n) ** 2,
                ),
                "You multiplied the two variances. Independent things add theirs.": lambda s, n, v: s**2 * v * n**2,
                "You rescaled the sum. Nothing is rescaled here.": lambda s, n, v: (s**2 * v + n**2) / (s**2 + n**2),
            }
        ),
        *combined(_sum, IMAGE_VARIANCES, NOISE_VARIANCES, together=BOTH_VARIANCES),
    ),
    properties=(
        Property("A variance is never negative.", lambda result, *_: bool(result >= 0)),
        Property(
            "The variance cannot be less than what the noise alone brings.",
            lambda result, s, n, v: bool(result >= n**2 - 1e-4),
        ),
        Property(
            "Your variance is larger than the variance of the image plus that of the noise. But both have shrunk.",
            lambda result, s, n, v: bool(result <= v + 1),
        ),
    ),
    example=lambda: (0.5, 0.8, 3.0),
    line="Look at what each rate does to a variance before the two are added.",
)

# 01.4: where the two rates are equal ---------------------------------------------------------------------------------


def _first(mask):
    return int(mask.int().argmax())


def _crossing(s, n):
    return _first(n >= s)


def _two_tables(random):
    """Mostly not variance preserving; in half of the cases the rates are equal at one timestep."""
    power = torch.cat([ONE, (1 - inputs.betas(random, inputs.whole(random, 20, 40)) ** 1.5).cumprod(0)])
    signal, noise = power.sqrt(), (1 - power).sqrt() * inputs.number(random, 0.75, 1.6)
    t = _crossing(signal, noise)
    if inputs.number(random, 0, 1) < 0.5:
        noise[t] = signal[t]
    else:  # nearer to equal one timestep before
        noise[t - 1], noise[t] = 0.999 * signal[t - 1], noise[t].maximum(1.01 * signal[t - 1])
    return signal, noise.cummax(0).values


def _around(signal, noise):
    """Tell the two tables, or three entries of long ones."""
    t = _crossing(signal, noise)
    first, last = (0, len(signal)) if len(signal) < 9 else (t - 1, t + 2)
    rates = (", ".join(f"{rate:.3f}" for rate in table[first:last].tolist()) for table in (signal, noise))
    return "signal[{0}:{1}] = [{2}] and noise[{0}:{1}] = [{3}]".format(first, last, *rates)


CROSSING = Exercise(
    title="Equal rates",
    draw=_two_tables,
    answer=lambda signal, noise: _first(noise >= signal),
    means="The rates decide where this timestep is, not the number of timesteps.",
    mistakes=named(
        {
            "This is the middle of the table. Where the rates are equal depends on the rates.": (
                lambda s, n: (len(s) - 1) // 2,
                lambda s, n: len(s) // 2,
            ),
            "One timestep too early: here the signal rate is still the higher one.": lambda s, n: _crossing(s, n) - 1,
            "One timestep too late. The first entry of the table is timestep 0.": lambda s, n: _crossing(s, n) + 1,
            "You waited until the noise rate is higher. Equal is enough.": lambda s, n: _first(n > s),
            "This is where the signal rate falls to one half. Compare the two rates.": lambda s, n: _first(s <= 0.5),
            "This is where the noise rate reaches one half. Compare the two rates.": lambda s, n: _first(n >= 0.5),
            "You looked at the signal alone. Compare the two rates.": lambda s, n: _first(s**2 <= 0.5),
            "You looked at the noise alone. Compare the two rates.": lambda s, n: _first(n**2 >= 0.5),
            "You compared a power with a rate.": (lambda s, n: _first(n**2 >= s), lambda s, n: _first(n >= s**2)),
            "You counted from the wrong end. Timesteps are counted from the clean image.": lambda s, n: (
                len(s) - 1 - _crossing(s, n)
            ),
            "You counted the timesteps from there on. You need the first of them.": lambda s, n: int((n >= s).sum()),
            "The comparison is the wrong way round: this is where the signal is strongest.": (
                lambda s, n: 0,
                lambda s, n: 1,
            ),
            "This is the last timestep with this property, not the lowest one.": (
                lambda s, n: len(s) - 1,
                lambda s, n: len(s),
            ),
            "This is a rate. You need the timestep, a whole number.": (
                lambda s, n: s[_crossing(s, n)],
                lambda s, n: n[_crossing(s, n)],
            ),
            "Where the two differ least, the noise rate can still be the lower one.": lambda s, n: int(
                (s - n).abs().argmin()
            ),
            "This says for every timestep whether it has the property. You need the lowest that has it.": (
                lambda s, n: n >= s
            ),
            "These are all timesteps with the property. You need the lowest one.": (
                lambda s, n: (n >= s).nonzero().flatten(),
                lambda s, n: (n >= s).nonzero(),
            ),
            "These are all timesteps below it. You need one timestep.": lambda s, n: (n < s).nonzero().flatten(),
            "This is a fraction of T. You need the timestep itself.": lambda s, n: _crossing(s, n) / (len(s) - 1),
            "These are differences of rates. You need one timestep.": (lambda s, n: n - s, lambda s, n: s - n),
        }
    ),
    properties=(
        Property("A timestep is a whole number from 0 to T.", lambda t, s, n: bool(t == t.round() and 0 <= t < len(s))),
        Property(
            "At that timestep the signal rate is still the higher one.", lambda t, s, n: bool(n[int(t)] >= s[int(t)])
        ),
        Property(
            "The noise rate is as high as the signal rate at a lower timestep already.",
            lambda t, s, n: int(t) <= _crossing(s, n),
        ),
    ),
    example=lambda: tuple(torch.tensor(table).double() for table in ([1, 0.9, 0.6, 0.5, 0.2], [0, 0.3, 0.5, 0.7, 0.9])),
    where=_around,
    line="Look at the comparison of the two tables, and at which of the timesteps you take.",
)
