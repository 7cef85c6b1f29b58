"""The exercises of lesson 00, start and seeds; the walk, what it expects, and the mistakes that have a name."""

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Mistake, Property
from diffusion_edu.lessons.checks.inputs import number, whole
from diffusion_edu.lessons.exercises.lesson_00_bytes import TO_BYTES, TO_SIGNED
from diffusion_edu.lessons.exercises.lesson_00_noise import BATCH_NOISE, NOISE_FOR

# 00.4: the walk -------------------------------------------------------------------------------------------------------


def _walk_inputs(random):
    """A step that depends on both of its timesteps, an x, and timesteps with uneven gaps down to 0."""
    low, high = number(random, 0.3, 0.6), number(random, 0.1, 0.2)
    steps = sorted({whole(random, 1, 19) for _ in range(4)} | {20}, reverse=True)
    x = torch.randn(2, 3, 5, 4, generator=random, dtype=torch.float64)
    return (lambda x, t, s: (low + s / 25) * x + high * t - 0.05 * s), x, [*steps, 0]


def _states(function, step, x, timesteps):
    """Call an answer; one tensor with a place for the states may stand for their list."""
    result = function(step, x, timesteps)
    return list(result) if isinstance(result, torch.Tensor) and result.ndim == x.ndim + 1 else result


def _walk(step, x, timesteps):
    states = [x]
    for t, s in zip(timesteps, timesteps[1:], strict=False):
        states.append(step(states[-1], t, s))
    return states


def _pairs(pairs, first=True):
    """The answer that steps along pairs(timesteps)."""

    def states(step, x, timesteps):
        found = [x] if first else []
        for t, s in pairs(timesteps):
            x = step(x, t, s)
            found.append(x)
        return found

    return states


def _down(timesteps):
    return list(zip(timesteps, timesteps[1:], strict=False))


def _never_updated(step, x, timesteps):
    return [x, *(step(x, t, s) for t, s in _down(timesteps))]


def _too_early(step, x, timesteps):
    states = [x]
    for t, s in _down(timesteps):
        states.append(x)
        x = step(x, t, s)
    return states


WALK = Exercise(
    title="The walk from noise to image",
    draw=_walk_inputs,
    answer=_walk,
    run=_states,
    means="This loop is the whole reverse process: whatever the sampler is, only `step` changes.",
    example=lambda: (lambda x, t, s: x + 10 * t + s, torch.ones(1, 1), [3, 1, 0]),
    where=lambda step, x, timesteps: f"step adds 10 t + s to x, x is {x.flatten()[0]:.3g}, timesteps = {timesteps}",
    line="Go through the loop by hand with timesteps [3, 1, 0]: what is in the list, and what is x, after each line?",
    mistakes=(
        Mistake(
            "The first state is missing: x at the first timestep, before any step.",
            lambda step, x, timesteps: _walk(step, x, timesteps)[1:],
        ),
        Mistake(
            "The last state is missing: the finished image. Is each state added before its step?",
            lambda step, x, timesteps: _walk(step, x, timesteps)[:-1],
        ),
        Mistake(
            "Both ends are missing: the noise at the start and the finished image.",
            lambda step, x, timesteps: _walk(step, x, timesteps)[1:-1],
        ),
        Mistake("Your result is the last state only. It must be the list of all states.", lambda *a: _walk(*a)[-1]),
        Mistake(
            "Your list holds the start and the end only. The states between them are missing.",
            lambda *a: _walk(*a)[:: len(a[2]) - 1],
        ),
        Mistake(
            "Your list holds the first state only: does the function end too early?", lambda step, x, timesteps: [x]
        ),
        Mistake("Only one step was done: does the function end inside the loop?", lambda *a: _walk(*a)[:2]),
        Mistake(
            "You always go down by one timestep. The next timestep is the next one on the list.",
            _pairs(lambda timesteps: [(t, t - 1) for t in timesteps[:-1]]),
        ),
        Mistake(
            "The two timesteps of a step are the wrong way round: it goes from the higher to the lower one.",
            _pairs(lambda timesteps: [(s, t) for t, s in _down(timesteps)]),
        ),
        Mistake("Every step starts from the noise again. A step needs the result of the step before.", _never_updated),
        Mistake(
            "Every step goes down to timestep 0. It must go to the next timestep on the list.",
            _pairs(lambda timesteps: [(t, 0) for t in timesteps[:-1]]),
        ),
        Mistake(
            "Every step starts at the highest timestep. It starts where the last one ended.",
            _pairs(lambda timesteps: [(timesteps[0], s) for s in timesteps[1:]]),
        ),
        Mistake(
            "Each step goes from a timestep to the same timestep.",
            _pairs(lambda timesteps: [(t, t) for t in timesteps[:-1]]),
        ),
        Mistake(
            "Each step goes from a timestep to the same timestep.",
            _pairs(lambda timesteps: [(s, s) for s in timesteps[1:]]),
        ),
        Mistake(
            "There is one step too many: it starts at the last timestep, where the image is finished.",
            _pairs(lambda timesteps: [*_down(timesteps), (timesteps[-1], 0)]),
        ),
        Mistake(
            "There is one step for every timestep. Between n timesteps there are n - 1 steps.",
            _pairs(lambda timesteps: [(t, max(t - 1, 0)) for t in timesteps]),
        ),
        Mistake(
            "There is one step for every timestep. Between n timesteps there are n - 1 steps.",
            _pairs(lambda timesteps: [(t, t - 1) for t in timesteps]),
        ),
        Mistake(
            "You pair the list with itself backwards. Which two timesteps belong to one step?",
            _pairs(lambda timesteps: list(zip(timesteps, timesteps[::-1], strict=True))),
        ),
        Mistake(
            "The first entry of your list is a timestep. Each entry is x at a timestep.",
            lambda step, x, timesteps: [timesteps[0], *_walk(step, x, timesteps)[1:]],
        ),
        Mistake(
            "The first entry of your list is a number. It must be x before the first step.",
            lambda step, x, timesteps: [0, *_walk(step, x, timesteps)[1:]],
        ),
        Mistake("You collect timesteps. Collect x.", lambda step, x, timesteps: [x, *timesteps[1:]]),
        Mistake("You collect timesteps. Collect x.", lambda step, x, timesteps: [x, *timesteps[:-1]]),
        Mistake("You collect timesteps. Collect x.", lambda step, x, timesteps: list(timesteps)),
        Mistake(
            "You collect pairs of a timestep and x. Collect x alone.",
            lambda step, x, timesteps: [
                x,
                *((t, each) for t, each in zip(timesteps, _walk(step, x, timesteps)[1:], strict=False)),
            ],
        ),
        Mistake(
            "You collect pairs of a timestep and x. Collect x alone.",
            lambda step, x, timesteps: list(zip(timesteps, _walk(step, x, timesteps), strict=True)),
        ),
        Mistake(
            "You collect pairs of a timestep and x. Collect x alone.",
            lambda step, x, timesteps: [x, *zip(timesteps[1:], _walk(step, x, timesteps)[1:], strict=True)],
        ),
        Mistake(
            "There is one step for every timestep, each to the same timestep.",
            _pairs(lambda timesteps: [(t, t) for t in timesteps]),
        ),
        Mistake("The noise stands at the end of your list. It comes first.", lambda *a: _walk(*a)[::-1]),
        Mistake(
            "You add x before it is changed: the noise is there twice, and the finished image is missing.", _too_early
        ),
        Mistake(
            "You leave out every second step. One step ends at a timestep, and the next one starts there.",
            _pairs(lambda timesteps: list(zip(timesteps[::2], timesteps[1::2], strict=False))),
        ),
        Mistake(
            "Your steps overlap: each leaps over a timestep of the list. Between neighbours there is one step.",
            _pairs(lambda timesteps: list(zip(timesteps, timesteps[2:], strict=False))),
        ),
        Mistake("The first step is left out.", _pairs(lambda timesteps: _down(timesteps)[1:])),
        Mistake(
            "You walk upwards, from the lowest timestep to the highest.",
            _pairs(lambda timesteps: _down(timesteps[::-1])),
        ),
        Mistake(
            "The second timestep of your steps is a place in the list. It must be the timestep that stands there.",
            _pairs(lambda timesteps: list(zip(timesteps, range(len(timesteps)), strict=True))),
        ),
        Mistake(
            "Your steps got places in the list. They need the timesteps that stand there.",
            _pairs(lambda timesteps: [(k, k + 1) for k in range(len(timesteps) - 1)]),
        ),
        Mistake(
            "Your steps got the number of steps that are left. They need the timesteps on the list.",
            _pairs(
                lambda timesteps: [(len(timesteps) - 1 - k, len(timesteps) - 2 - k) for k in range(len(timesteps) - 1)]
            ),
        ),
        Mistake(
            "You visit all timesteps, also those that are not on the list.",
            _pairs(lambda timesteps: [(t, t - 1) for t in range(timesteps[0], 0, -1)]),
        ),
        Mistake(
            "All entries of your list are the finished image.",
            lambda step, x, timesteps: [_walk(step, x, timesteps)[-1]] * len(timesteps),
        ),
        Mistake(
            "All entries of your list are the noise: x never changes.", lambda step, x, timesteps: [x] * len(timesteps)
        ),
        Mistake("x is changed after the loop only.", lambda step, x, timesteps: [step(x, timesteps[0], timesteps[-1])]),
        Mistake(
            "You walk in one step from the first timestep to the last.",
            lambda step, x, timesteps: [x, step(x, timesteps[0], timesteps[-1])],
        ),
        Mistake(
            "You add the change to x. A step returns the new x itself.",
            lambda step, x, timesteps: _walk(lambda x, t, s: x + step(x, t, s), x, timesteps),
        ),
    ),
    properties=(
        Property(
            "The list must have one state for every timestep.",
            lambda states, step, x, timesteps: isinstance(states, tuple) and len(states) == len(timesteps),
        ),
        Property("The first state must be the noise itself.", lambda states, step, x, _: torch.equal(states[0], x)),
        Property(
            "Each state must be the step from the state before it, between neighbours on the list.",
            lambda states, step, x, timesteps: all(
                torch.allclose(step(states[k], t, s), states[k + 1]) for k, (t, s) in enumerate(_down(timesteps))
            ),
        ),
    ),
)


EXERCISES = {"00.1": TO_SIGNED, "00.2": TO_BYTES, "00.3": NOISE_FOR, "00.4": WALK, "00.5": BATCH_NOISE}
