"""The exercises of lesson 04 about whole steps: the sampling loop, and the step that forgets its stride."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import combined, distinct, named
from diffusion_edu.lessons.exercises.lesson_04_parts import (
    NOT_PRESERVING,
    OF_X,
    OF_X0,
    OF_Z,
    STEP_ADDED,
    STEP_KEPT,
    STEP_STD,
    STILL_ADDED,
    STILL_KEPT,
    Rates,
    root,
)
from diffusion_edu.lessons.exercises.lesson_04_posterior import (
    EXAMPLE,
    ONES,
    at,
    ddim,
    mean_of,
    posterior_mean,
    posterior_std,
)

# 04.4: the sampling loop ----------------------------------------------------------------------------------------------


def _walk(random):
    """A walk of three to five steps; half of the walks end above timestep 0."""
    schedule = inputs.bent_schedule(random, 10)
    steps, factor, slope = inputs.whole(random, 3, 5), inputs.number(random, 0.3, 0.9), inputs.number(random, 0.5, 2)
    between = (torch.randperm(7, generator=random)[: steps - 1] + 3).sort(descending=True).values.tolist()
    timesteps = [10, *between, inputs.whole(random, 1, 2) if inputs.number(random, 0, 1) < 0.5 else 0]
    x, noises = inputs.noise(random, 2, 3, 5, 4), inputs.noise(random, steps, 2, 3, 5, 4)
    return (lambda x, t: factor * torch.tanh(x) + slope * t / 10), x, timesteps, noises, schedule


def _posterior_step(x, x0_hat, t, s, z, schedule):
    return posterior_mean(x, x0_hat, t, s, schedule) + posterior_std(t, s, schedule) * z


def _pairs(timesteps):
    return list(zip(timesteps, timesteps[1:], strict=False))


def _loop(
    pairs=_pairs,
    noise=lambda zs, k: zs[k],
    predict=lambda denoise, x, t, s, start: denoise(x, t),
    step=_posterior_step,
    result=lambda states, x0_hat: states[-1],
):
    """The loop with one part exchanged."""

    def answer(denoise, x, timesteps, noises, schedule):
        states, x0_hat = [x], x
        for k, (t, s) in enumerate(pairs(timesteps)):
            x0_hat = predict(denoise, x, t, s, states[0])
            x = step(x, x0_hat, t, s, noise(noises, k), schedule)
            states.append(x)
        return result(states, x0_hat)

    return answer


def _one_prediction(denoise, x, timesteps, noises, schedule):
    x0_hat = denoise(x, timesteps[0])
    return _loop(predict=lambda denoise, x, t, s, start: x0_hat)(denoise, x, timesteps, noises, schedule)


def _by_number(denoise, x, timesteps, noises, schedule):
    for k, (t, s) in enumerate(_pairs(timesteps)):
        x = _posterior_step(x, denoise(x, k), t, s, noises[k], schedule)
    return x


def _never_moves(denoise, x, timesteps, noises, schedule):
    for k, (t, s) in enumerate(_pairs(timesteps)):
        last = _posterior_step(x, denoise(x, t), t, s, noises[k], schedule)
    return last


def _mean_of_the_start(denoise, x, timesteps, noises, schedule):
    last = x
    for k, (t, s) in enumerate(_pairs(timesteps)):
        last = _posterior_step(x, denoise(last, t), t, s, noises[k], schedule)
    return last


def _quiet_end(denoise, x, timesteps, noises, schedule):
    quiet = torch.cat([noises[:-1], 0 * noises[-1:]])
    return _loop()(denoise, x, timesteps, quiet, schedule)


def _only(of_noise):
    """The step whose fresh noise has another factor, a function of the four rates."""
    return lambda x, x0_hat, t, s, z, schedule: (
        posterior_mean(x, x0_hat, t, s, schedule) + of_noise(Rates(t, s, schedule)) * z
    )


def _predictable(denoise, last):
    """Whether the denoiser of the trials can return this at some timestep."""
    slope = (denoise(torch.zeros(1), 10) - denoise(torch.zeros(1), 0)).item()
    return bool(
        (last <= denoise(torch.full((1,), 9.0), 0) + slope).all() and (last >= denoise(-9 * torch.ones(1), 0)).all()
    )


SAMPLE = Exercise(
    title="From noise to image",
    draw=_walk,
    answer=_loop(),
    means="Predict, take the posterior step, repeat: this is ancestral sampling, and it is all of DDPM's sampler.",
    mistakes=distinct(
        _walk,
        named(
            {
                "The denoiser gets the wrong timestep. Which timestep does x have when it is denoised?": _loop(
                    predict=lambda denoise, x, t, s, start: denoise(x, s)
                ),
                "The denoiser gets the number of the step. It needs the timestep that x has.": _by_number,
                "You predict once, at the start. The network must look again after every step.": _one_prediction,
                "The denoiser always gets the x of the start. It must see the x of now.": _loop(
                    predict=lambda denoise, x, t, s, start: denoise(start, t)
                ),
                "Each step starts again from the first x. Give the new x to the next step.": _never_moves,
                "The mean of each step uses the x of the start. Use the x of now.": _mean_of_the_start,
                "All steps use the same noise. Each step has its own.": _loop(noise=lambda zs, k: zs[0]),
                "The noises are used in the wrong order: the first one belongs to the first step.": (
                    _loop(noise=lambda zs, k: zs[-1 - k]),
                    _loop(noise=lambda zs, k: zs[k - 1]),
                    _loop(noise=lambda zs, k: zs[(k + 1) % len(zs)]),
                ),
                "All noises join in every step. Each step has its own.": _loop(noise=lambda zs, k: zs),
                "t and s have changed places.": _loop(pairs=lambda timesteps: [(s, t) for t, s in _pairs(timesteps)]),
                "All steps use the noise of the last step. Each step has its own.": _loop(noise=lambda zs, k: zs[-1]),
                "Your loop adds no noise. DDPM adds fresh noise in every step.": _loop(noise=lambda zs, k: 0 * zs[k]),
                "The noise joins at full strength. How much stays open in a step?": _loop(step=_only(lambda r: 1)),
                "The noise is multiplied by a variance. It needs a standard deviation.": _loop(
                    step=_only(OF_Z["This is the variance. Noise is multiplied by a standard deviation."])
                ),
                "The fresh noise has the full noise rate of s, and the mean brings noise as well.": _loop(
                    step=_only(lambda r: r.Ns)
                ),
                "The fresh noise has the noise rate of t. The step leads to s.": _loop(step=_only(lambda r: r.Nt)),
                "The noise is subtracted. That would sample as well, but not with the noise of this exercise.": _loop(
                    step=_only(lambda r: -OF_Z[""](r))
                ),
                "You add the noise of a step twice.": _loop(step=_only(lambda r: 2 * OF_Z[""](r))),
                "You leave out the noise of the last step. No exception is needed: the std is 0 where s is 0, and a "
                "list of timesteps may end earlier.": _quiet_end,
                "You jump to the prediction itself and add noise. The mean of the step uses x, too.": _loop(
                    step=lambda x, x0_hat, t, s, z, schedule: x0_hat + posterior_std(t, s, schedule) * z
                ),
                "All noise is fresh in your step: x is not used any more. This is multistep renoising.": _loop(
                    step=lambda x, x0_hat, t, s, z, schedule: schedule.signal[s] * x0_hat + schedule.noise[s] * z
                ),
                "This is another sampler, without noise (DDIM, lesson 5).": _loop(
                    step=lambda x, x0_hat, t, s, z, schedule: ddim(x, x0_hat, t, s, schedule)
                ),
                "Mean and standard deviation have changed places: the noise is multiplied by the std.": _loop(
                    step=lambda x, x0_hat, t, s, z, schedule: (
                        posterior_mean(x, x0_hat, t, s, schedule) * z + posterior_std(t, s, schedule)
                    )
                ),
                "You add the step to x. The mean is the new x already.": _loop(
                    step=lambda x, x0_hat, t, s, z, schedule: x + _posterior_step(x, x0_hat, t, s, z, schedule)
                ),
                "Only the standard deviation is added, without noise: all pixels move by the same amount.": _loop(
                    step=lambda x, x0_hat, t, s, z, schedule: _posterior_step(x, x0_hat, t, s, 1, schedule)
                ),
                "The last step is missing: so many timesteps have one step less.": _loop(
                    pairs=lambda timesteps: _pairs(timesteps)[:-1]
                ),
                "The first step is missing. The walk starts at the first timestep of the list.": (
                    _loop(pairs=lambda timesteps: _pairs(timesteps)[1:]),
                    _loop(pairs=lambda timesteps: _pairs(timesteps)[1:], noise=lambda zs, k: zs[k + 1]),
                ),
                "The loop ends after its first step. Does it hand out x too early?": _loop(
                    pairs=lambda timesteps: _pairs(timesteps)[:1]
                ),
                "Every step goes from t to t - 1. The list says where a step goes.": _loop(
                    pairs=lambda timesteps: [(t, t - 1) for t, _ in _pairs(timesteps)]
                ),
                "Every step goes to timestep 0. The list says where a step goes.": _loop(
                    pairs=lambda timesteps: [(t, 0) for t, _ in _pairs(timesteps)]
                ),
                "Every step goes to the last timestep of the list. The list says where each step goes.": _loop(
                    pairs=lambda timesteps: [(t, timesteps[-1]) for t, _ in _pairs(timesteps)]
                ),
                "The number of a step is not its timestep. The list holds the timesteps.": (
                    _loop(pairs=lambda timesteps: [(k, k - 1) for k in range(len(timesteps) - 1, 0, -1)]),
                    _loop(pairs=lambda timesteps: [(k + 1, k) for k in range(len(timesteps) - 1)]),
                ),
                "Every step is the first one again: t and s must change from step to step.": _loop(
                    pairs=lambda timesteps: _pairs(timesteps)[:1] * (len(timesteps) - 1)
                ),
                "The walk goes through the steps from the last to the first.": _loop(
                    pairs=lambda timesteps: _pairs(timesteps)[::-1]
                ),
                "This is the last prediction. Asked for is x after the last step.": _loop(
                    result=lambda states, x0_hat: x0_hat
                ),
                "These are all states. Asked for is the last x.": (
                    _loop(result=lambda states, x0_hat: states),
                    _loop(result=lambda states, x0_hat: states[1:]),
                    _loop(result=lambda states, x0_hat: torch.stack(states)),
                    _loop(result=lambda states, x0_hat: torch.stack(states[1:])),
                ),
                "This is the x before the last step.": _loop(result=lambda states, x0_hat: states[-2]),
                "This is the mean over all states. Asked for is the last x.": _loop(
                    result=lambda states, x0_hat: sum(states) / len(states)
                ),
            }
        ),
    ),
    properties=(
        Property("The result must be shaped like x.", lambda last, denoise, x, *_: last.shape == x.shape),
        Property(
            "Where the list ends at timestep 0, the last x must be the last prediction, without noise. Yours is not.",
            lambda last, denoise, x, timesteps, noises, schedule: timesteps[-1] > 0 or _predictable(denoise, last),
        ),
    ),
    example=lambda *_: (lambda x, t: x / 2, ONES[0, 0], [2, 1, 0], ONES[0].repeat(2, 1, 1), EXAMPLE),
    where=lambda denoise, x, timesteps, noises, schedule: (
        "x is 1, the denoiser returns half of its x, the timesteps are 2, 1, 0, and all noises are 1"
    ),
    line="Look at the four blanks one by one: which timestep, which x and which noise does each step use?",
)

# 04.5: one-step numbers at a stride (find the bug) --------------------------------------------------------------------


def _strided(random):
    schedule = inputs.bent_schedule(random, 10)
    s = 0 if inputs.number(random, 0, 1) < 0.25 else inputs.whole(random, 0, 8)
    t = inputs.whole(random, s + 2, 10)
    return (
        inputs.images(random, 2, 3, 5, 4),
        inputs.images(random, 2, 3, 5, 4),
        t,
        s,
        inputs.noise(random, 2, 3, 5, 4),
        schedule,
    )


def _step(kept, more, std):
    def answer(x, x0_hat, t, s, z, schedule):
        r, k, a = Rates(t, s, schedule), kept(t, s, schedule), more(t, s, schedule)
        return k * r.Ns**2 / r.Nt**2 * x + r.Ss * a / r.Nt**2 * x0_hat + std(a, r) * z

    return answer


GIVEN = _step(STEP_KEPT[STILL_KEPT], STEP_ADDED[STILL_ADDED], STEP_STD[""])
RIGHT = _step(STEP_KEPT[""], STEP_ADDED[""], STEP_STD[""])


def _rule(rule):
    """The step that is a function of the rates, x, the prediction and the noise."""
    return lambda x, x0_hat, t, s, z, schedule: rule(Rates(t, s, schedule), x, x0_hat, z)


def _between(timesteps):
    """The right step between two other timesteps, a function of t and s."""
    return lambda x, x0_hat, t, s, z, schedule: RIGHT(x, x0_hat, *timesteps(t, s), z, schedule)


def _split(mean, noise):
    """The step with the mean of one function and the fresh noise of another."""
    return lambda x, x0_hat, t, s, z, schedule: (
        mean(x, x0_hat, t, s, 0 * z, schedule) + noise(0 * x, 0 * x0_hat, t, s, z, schedule)
    )


def _means(of_x, of_x0):
    return _split(lambda x, x0_hat, t, s, z, schedule: mean_of(of_x, of_x0)(x, x0_hat, t, s, schedule), RIGHT)


DDPM_STEP = Exercise(
    title="A step that forgets its stride",
    draw=_strided,
    answer=RIGHT,
    given=GIVEN,
    means="With fewer steps, each step is longer: both numbers must belong to the way from t to s, not to t - 1.",
    mistakes=distinct(
        _strided,
        (
            *named(
                {
                    "The step now goes from t to t - 1 in every number. It must arrive at s.": _between(
                        lambda t, s: (t, t - 1)
                    ),
                    "The mean is right now. The noise still belongs to one single step.": _split(RIGHT, GIVEN),
                    "The noise is right now. The mean still belongs to one single step.": _split(GIVEN, RIGHT),
                    "t and s have changed places in the whole step.": _between(lambda t, s: (s, t)),
                    "This is another sampler, without fresh noise (DDIM, lesson 5).": _rule(
                        lambda r, x, x0_hat, z: r.Ss * x0_hat + r.Ns / r.Nt * (x - r.St * x0_hat)
                    ),
                    "All noise is fresh in your step: x is not used any more. This is multistep renoising.": _rule(
                        lambda r, x, x0_hat, z: r.Ss * x0_hat + r.Ns * z
                    ),
                    "The fresh noise joins, but none of the old noise has gone: now there is too much.": _rule(
                        lambda r, x, x0_hat, z: (
                            r.Ss * x0_hat + r.Ns / r.Nt * (x - r.St * x0_hat) + root(r.a) * r.Ns / r.Nt * z
                        )
                    ),
                    f"The noise rates are computed from the signal rates. {NOT_PRESERVING}": _rule(
                        lambda r, x, x0_hat, z: (
                            r.k * (1 - r.Ss**2) / (1 - r.St**2) * x
                            + r.Ss * (1 - r.k**2) / (1 - r.St**2) * x0_hat
                            + root((1 - r.k**2) * (1 - r.Ss**2) / (1 - r.St**2)) * z
                        )
                    ),
                    "All images get the noise of the first one.": lambda x, x0_hat, t, s, z, schedule: RIGHT(
                        x, x0_hat, t, s, z[:1], schedule
                    ),
                    "This is a step of the forward process, which adds noise.": _rule(
                        lambda r, x, x0_hat, z: r.k * x + root(r.a) * z
                    ),
                }
            ),
            *(
                each
                for each in combined(_step, STEP_KEPT, STEP_ADDED, STEP_STD)
                if each.hint != f"{STILL_KEPT} {STILL_ADDED}"
            ),
            *combined(_means, OF_X, {"": OF_X0[""]}, opening="The noise is right."),
            *combined(_means, {"": OF_X[""]}, OF_X0, opening="The noise is right."),
        ),
    ),
    properties=(
        Property(
            "At s = 0 the prediction must come back, without noise.",
            lambda x_s, x, x0_hat, t, s, z, schedule: s > 0 or torch.allclose(x_s, x0_hat, atol=1e-4),
        ),
    ),
    linear=("x", "x0_hat", "z"),
    example=lambda *_: (ONES, -ONES, 2, 0, ONES / 3, EXAMPLE),
    where=lambda x, x0_hat, t, s, z, schedule: at(t, s, schedule),
    line="Look at the lines of `kept` and `added`: which timesteps do they use, and which does the step connect?",
)
