"""The exercises of lesson 13, the capstone; 13.4 grades a test by the bugs of the museum that it finds."""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise

import torch
from torch import Tensor

from diffusion_edu.lessons.checks.exercise import Exercise, Mistake, Property
from diffusion_edu.lessons.checks.inputs import noise
from diffusion_edu.lessons.exercises.lesson_13_flow import EULER, FLOW_PAIR, VELOCITY
from diffusion_edu.lessons.exercises.lesson_13_formulas import FORMULAS
from diffusion_edu.museum.ddim import ends_at_timestep_1, prediction_in_place_of_noise, whole_noise_as_sigma
from diffusion_edu.museum.ddpm import always_large, one_step_beta, root_of_a_logarithm, short_tables
from diffusion_edu.schedules import Schedule, flow, linear

Step = Callable[[Tensor, Tensor, int, int, Tensor, Schedule], Tensor]  # (x, x0_hat, t, s, z, schedule) -> x at s


def right_step(x: Tensor, x0_hat: Tensor, t: int, s: int, z: Tensor, schedule: Schedule) -> Tensor:
    """The DDPM step: the posterior's mean plus its standard deviation times z."""
    mean, std = _posterior(x, x0_hat, t, s, schedule)
    return mean + std * z


def _posterior(x, x0_hat, t, s, schedule):
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    kept = signal_t / signal_s
    added = noise_t**2 - (kept * noise_s) ** 2
    mean = kept * noise_s**2 / noise_t**2 * x + signal_s * added / noise_t**2 * x0_hat
    return mean, added.sqrt() * noise_s / noise_t


def _from_museum(step: Callable) -> Step:
    """A step of the museum, which asks a denoiser and draws its noise, with both given."""
    return lambda x, x0_hat, t, s, z, schedule: step(lambda x, t: x0_hat, schedule, x, t, s, randn=lambda x: z)[0]


def _noise_on_the_last_step(x, x0_hat, t, s, z, schedule):
    return right_step(x, x0_hat, t, s, z, schedule) + (0 if s else schedule.noise[t] * z)


def _variance_for_the_standard_deviation(x, x0_hat, t, s, z, schedule):
    mean, std = _posterior(x, x0_hat, t, s, schedule)
    return mean + std**2 * z


def _first_noise_for_all(x, x0_hat, t, s, z, schedule):
    return right_step(x, x0_hat, t, s, z[:1], schedule)


BUGS: dict[str, Step] = {  # what each does; the numbers are those of the museum
    "uses the prediction as noise (15)": _from_museum(prediction_in_place_of_noise),
    "takes a variance for a standard deviation": _variance_for_the_standard_deviation,
    "takes all the noise of timestep t as new noise (12)": _from_museum(partial(whole_noise_as_sigma, eta=1.0)),
    "adds the large variance (20)": _from_museum(always_large),
    "gives all images the noise of the first": _first_noise_for_all,
    "uses the beta of one timestep in long steps (16)": _from_museum(one_step_beta),
    "adds noise on the last step (17)": _noise_on_the_last_step,
    "ends at timestep 1 (11)": _from_museum(partial(ends_at_timestep_1, eta=1.0)),
    "returns NaN, as the root of a logarithm does (19)": _from_museum(partial(root_of_a_logarithm, variance="large")),
    "computes with three digits, in bfloat16 (40)": _from_museum(short_tables),
}


@lru_cache(maxsize=16)
def verdicts(test: Callable) -> tuple[bool, ...]:
    """Whether a test accepts the right step (asked twice), and whether it finds each of the bugs."""
    return _accepts(test, right_step) and _accepts(test, right_step), *(
        not _accepts(test, bug) for bug in BUGS.values()
    )


def _accepts(test, step):
    try:
        test(step)
    except Exception:  # an AssertionError, or whatever the bug makes it raise
        return False
    return True


def _run(test):
    return [float(each) for each in verdicts(test)]


def mutation_score(test: Callable) -> str:
    """Say how many of the bugs a test finds, and whether it accepts the right step."""
    accepts, *found = verdicts(test)
    missed = [name for name, each in zip(BUGS, found, strict=True) if not each]
    words = f"Your test finds {sum(found)} of {len(BUGS)} bugs" + ("." if accepts else ", but it refuses right code.")
    return words + (f" It accepts a step that {missed[0]}." if missed else "")


# tests as students write them -----------------------------------------------------------------------------------------

SCHEDULES = linear(1000), flow(1000)
PAIRS = [(1, 0), (1000, 999), (1000, 500), (600, 300), (300, 0), (20, 10)]


def _written(pairs=PAIRS, b=3, limit=1e-6):
    """A test that compares a step with a formula, at these timesteps, with this many images and this limit."""

    def test_mine(step):
        random = torch.Generator().manual_seed(0)
        x, x0_hat, z = (noise(random, b, 2) for _ in range(3))
        for schedule in SCHEDULES:
            for t, s in pairs:
                found = step(x, x0_hat, t, s, z, schedule)
                assert ((found - right_step(x, x0_hat, t, s, z, schedule)).abs() < limit).all()

    return test_mine


test_mine = _written()


def _silent(**options):
    """The same test where z is zero: the noise that a step adds is not looked at."""
    return lambda step: _written(**options)(
        lambda x, x0, t, s, z, c: step(x, x0, t, s, 0 * z, c) + _posterior(x, x0, t, s, c)[1] * z
    )


def _finite_only(step):
    random = torch.Generator().manual_seed(0)
    x, x0_hat, z = (noise(random, 3, 2) for _ in range(3))
    assert step(x, x0_hat, 600, 300, z, linear(1000)).isfinite().all()


def _only_larger_than(step):
    """Fails if a difference is too large; NaN is not larger than anything."""
    random = torch.Generator().manual_seed(0)
    x, x0_hat, z = (noise(random, 3, 2) for _ in range(3))
    for t, s in PAIRS:
        difference = step(x, x0_hat, t, s, z, linear(1000)) - right_step(x, x0_hat, t, s, z, linear(1000))
        if (difference.abs() > 1e-6).any():
            raise AssertionError


def by_samples(step: Step, count: int = 2000, steps: int = 50) -> float:
    """The spread of samples (their standard deviation, divided by that of the data) after a walk with this step.

    Data N(0, 0.5^2), their exact denoiser, the linear schedule.
    """
    schedule, std = SCHEDULES[0], 0.5
    random = torch.Generator().manual_seed(0)
    x = noise(random, count, 1)
    timesteps = [round(1000 * (1 - k / steps)) for k in range(steps + 1)]
    for t, s in pairwise(timesteps):
        signal, rate = schedule.rates(t, x)
        x0_hat = signal * std**2 / (signal**2 * std**2 + rate**2) * x
        x = step(x, x0_hat, t, s, noise(random, count, 1), schedule)
    return x.std().item() / std


TEST_MINE = Exercise(
    title="A test of your own",
    answer=test_mine,
    means="Your test accepts right code and finds all ten bugs. Most of them were in public code for a while: no test "
    "there found them.",
    mistakes=(
        Mistake(
            "Your test accepts every step. Is there an `assert` in it, and does it depend on the result?",
            lambda step: None,
        ),
        Mistake(
            "You find only the step that returns NaN. Other steps give wrong numbers: do your inputs show it?",
            _finite_only,
        ),
        Mistake("You try the step with z = 0 only, so whatever it does with z goes unseen.", _silent()),
        Mistake(
            "You never try a step to timestep 0. Two bugs show only there.",
            _written(pairs=[(t, s) for t, s in PAIRS if s]),
        ),
        Mistake(
            "You try steps to timestep 0 only. Try steps that end with some noise, too.", _written(pairs=[(300, 0)])
        ),
        Mistake(
            "You try steps by one timestep only. One bug shows only in longer steps.",
            _written(pairs=[(1, 0), (2, 1), (300, 299), (1000, 999)]),
        ),
        Mistake(
            "You try one image, or images that are all alike: a bug between the images of a batch goes unseen.",
            _written(b=1),
        ),
        Mistake(
            "Your limit is wide enough for a step that computes with three digits. In float64 a right step agrees to "
            "many digits.",
            _written(limit=0.1),
        ),
        Mistake(
            "You ask whether a difference is too large. NaN is not larger than anything, so it passes: ask whether the "
            "difference is small.",
            _only_larger_than,
        ),
        Mistake("Your test refuses every step, the right one, too.", lambda step: 1 / 0),
    ),
    properties=(
        Property(
            "Your test refuses a step that is right. Which number do you expect, and for which timesteps does it hold?",
            lambda result: bool(result[0]),
        ),
        *(
            Property(f"Your test accepts right code, and also a step that {name}.", lambda result, k=k: bool(result[k]))
            for k, name in enumerate(BUGS, start=1)
        ),
    ),
    tell=mutation_score,
    run=_run,
    line="Look at your inputs: which (t, s), how many images, which z, and how small must the difference be?",
    seconds=30.0,
)

EXERCISES = {"13.1": FLOW_PAIR, "13.2": VELOCITY, "13.3": EULER, "13.4": TEST_MINE, "13.5": FORMULAS}
