"""Exercises 10.2 and 10.4, known pixels: what they expect, and the mistakes that have a name."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, named
from diffusion_edu.schedules import Schedule


def _keep_known(x, known, mask, eps, t, schedule):
    signal, noise = schedule.rates(t, x)
    return mask * (signal * known + noise * eps) + (1 - mask) * x


def _hole(random):
    """A mask (1, 1, 4, 5) with at least one known and one unknown pixel."""
    return (torch.randperm(20, generator=random) < inputs.whole(random, 6, 14)).double().view(1, 1, 4, 5)


def _images_with_hole(random):
    x, known = inputs.noise(random, 2, 3, 4, 5), inputs.images(random, 2, 3, 4, 5)
    t = 0 if inputs.number(random, 0, 1) < 0.2 else inputs.whole(random, 1, 10)
    return x, known, _hole(random), inputs.noise(random, 2, 3, 4, 5), t, inputs.bent_schedule(random)


def _two_pixels(*_):
    """The arguments of 10.2 for two pixels, the first one known, on a schedule with easy numbers."""
    signal, noise = (torch.tensor(table, dtype=torch.float64) for table in ([1, 0.8, 0.6, 0], [0, 0.6, 0.8, 1]))
    pixels = lambda *values: torch.tensor(values, dtype=torch.float64).view(1, 1, 1, 2)  # noqa: E731
    return pixels(4, 4), pixels(0.25, 0.25), pixels(1, 0), pixels(1, 1), 1, Schedule("easy", signal, noise)


def _in_words(x, t, schedule):
    """Describe the case of two pixels at timestep t, or a random one."""
    words = "two pixels, only the first one is known: x = [4, 4], known = [0.25, 0.25], mask = [1, 0], eps = [1, 1], "
    rates = f"signal = {schedule.signal[t]:.2f} and noise = {schedule.noise[t]:.2f} at timestep {t}"
    return f"{words if x.numel() == 2 else ''}{rates}"


KNOWN_PARTS: Parts = {
    "": lambda x, known, eps, signal, noise: signal * known + noise * eps,
    "The known pixels are clean, and the rest is noisy. Both have to be at the same timestep.": (
        lambda x, known, eps, signal, noise: known
    ),
    "The known image does not shrink. At timestep t it has the signal rate.": (
        lambda x, known, eps, signal, noise: known + noise * eps
    ),
    "The noise on the known pixels is missing.": lambda x, known, eps, signal, noise: signal * known,
    "The noise on the known pixels is not multiplied by its rate.": (
        lambda x, known, eps, signal, noise: signal * known + eps
    ),
    "The known pixels are clean, with noise at full strength on them.": lambda x, known, eps, signal, noise: (
        known + eps
    ),
    "The two rates have changed places.": lambda x, known, eps, signal, noise: noise * known + signal * eps,
    "You multiply with powers. Image and noise need rates.": (
        lambda x, known, eps, signal, noise: signal**2 * known + noise**2 * eps
    ),
    "The known image is multiplied by a power. It needs the signal rate.": (
        lambda x, known, eps, signal, noise: signal**2 * known + noise * eps
    ),
    "The noise needs its rate, and you used a power of it.": (
        lambda x, known, eps, signal, noise: signal * known + noise**2 * eps
    ),
    "You use x as the noise. The known pixels get eps.": lambda x, known, eps, signal, noise: (
        signal * known + noise * x
    ),
    "The noise has the wrong sign.": lambda x, known, eps, signal, noise: signal * known - noise * eps,
    "The known image is missing.": lambda x, known, eps, signal, noise: noise * eps,
}
HOLE_PARTS: Parts = {
    "": lambda x, mask, eps, signal, noise: (1 - mask) * x,
    "x is added everywhere. It belongs into the hole only.": lambda x, mask, eps, signal, noise: x,
    "The hole is empty. What does the walk have there?": lambda x, mask, eps, signal, noise: 0 * x,
    "x gets noise a second time. It is at timestep t already.": (
        lambda x, mask, eps, signal, noise: (1 - mask) * (signal * x + noise * eps)
    ),
    "x shrinks a second time. It is at timestep t already.": lambda x, mask, eps, signal, noise: (
        (1 - mask) * signal * x
    ),
    "x is added where the image is known. It belongs into the hole.": lambda x, mask, eps, signal, noise: mask * x,
    "The hole is filled with noise. What does the walk have there?": lambda x, mask, eps, signal, noise: (
        (1 - mask) * eps
    ),
    "x is subtracted.": lambda x, mask, eps, signal, noise: -(1 - mask) * x,
}
MASK_PARTS: Parts = {
    "": lambda mask: mask,
    "The mask is inverted: 1 means known.": lambda mask: 1 - mask,
}


def _kept(known_part, hole_part, mask_part):
    def answer(x, known, mask, eps, t, schedule):
        rates, mask = schedule.rates(t, x), mask_part(mask)
        return mask * known_part(x, known, eps, *rates) + hole_part(x, mask, eps, *rates)

    return answer


KEEP_KNOWN = Exercise(
    title="Keep the known pixels",
    draw=_images_with_hole,
    answer=_keep_known,
    means="At every timestep the known pixels are as noisy as the rest. At timestep 0 they are exact.",
    example=_two_pixels,
    where=lambda x, known, mask, eps, t, schedule: f"t = {t}, {_in_words(x, t, schedule)}",
    line="There are two parts: what stands where the mask is 1, and what stands where it is 0.",
    mistakes=(
        *combined(_kept, KNOWN_PARTS, HOLE_PARTS, MASK_PARTS),
        *named(
            {
                "The known image at timestep t is everywhere: the mask is not used.": (
                    lambda x, known, mask, eps, t, schedule: _keep_known(x, known, 1 + 0 * mask, eps, t, schedule)
                ),
                "The known pixels are one timestep too low. x is at timestep t.": (
                    lambda x, known, mask, eps, t, schedule: (
                        mask * _keep_known(x, known, 1, eps, max(t - 1, 0), schedule) + (1 - mask) * x
                    ),
                    lambda x, known, mask, eps, t, schedule: (
                        mask * (schedule.signal[t - 1] * known + schedule.noise[t - 1] * eps) + (1 - mask) * x
                    ),
                ),
                "The known part is not cut out by the mask.": lambda x, known, mask, eps, t, schedule: (
                    _keep_known(x, known, 1 + 0 * mask, eps, t, schedule) + (1 - mask) * x
                ),
                "You take the mean of the two. The mask chooses one of them.": (
                    lambda x, known, mask, eps, t, schedule: (
                        0.5 * (x + _keep_known(x, known, 1 + 0 * mask, eps, t, schedule))
                    ),
                    lambda x, known, mask, eps, t, schedule: _keep_known(x, known, 0.5 * mask, eps, t, schedule),
                ),
                "The known pixels are noised to the last timestep. x is at timestep t.": (
                    lambda x, known, mask, eps, t, schedule: (
                        mask * _keep_known(x, known, 1, eps, schedule.T, schedule) + (1 - mask) * x
                    )
                ),
                "The mask cuts the image only. The noise on it has to be cut, too.": (
                    lambda x, known, mask, eps, t, schedule: (
                        schedule.signal[t] * mask * known + schedule.noise[t] * eps + (1 - mask) * x
                    )
                ),
                "The mask cuts the noise only. The image under it has to be cut, too.": (
                    lambda x, known, mask, eps, t, schedule: (
                        schedule.signal[t] * known + schedule.noise[t] * mask * eps + (1 - mask) * x
                    )
                ),
                "You put the clean pixels in only at timestep 0. They guide the walk at every timestep.": (
                    lambda x, known, mask, eps, t, schedule: x if t else mask * known + (1 - mask) * x
                ),
                "You assume that the squares of the rates add up to one. Read both rates from the schedule.": (
                    lambda x, known, mask, eps, t, schedule: (
                        mask * (schedule.signal[t] * known + (1 - schedule.signal[t] ** 2).clamp(min=0).sqrt() * eps)
                        + (1 - mask) * x
                    ),
                    lambda x, known, mask, eps, t, schedule: (
                        mask * ((1 - schedule.noise[t] ** 2).clamp(min=0).sqrt() * known + schedule.noise[t] * eps)
                        + (1 - mask) * x
                    ),
                ),
                "The noise rate is not one minus the signal rate. Read both from the schedule.": (
                    lambda x, known, mask, eps, t, schedule: (
                        mask * (schedule.signal[t] * known + (1 - schedule.signal[t]) * eps) + (1 - mask) * x
                    )
                ),
            }
        ),
    ),
    properties=(
        Property(
            "In the hole x should stay as it is.",
            lambda result, x, known, mask, eps, t, schedule: torch.allclose(
                result * (1 - mask), x * (1 - mask), atol=1e-5
            ),
        ),
        Property(
            "At timestep 0 the known pixels should be exactly those of the known image.",
            lambda result, x, known, mask, eps, t, schedule: (
                t > 0 or torch.allclose(result * mask, known * mask, atol=1e-5)
            ),
        ),
    ),
)


def _inpaint_step(step, x, known, mask, eps, t, s, schedule):
    return _keep_known(step(x, t, s), known, mask, eps, s, schedule)


def _steps(random):
    t, s = inputs.two_timesteps(random, 10)
    gain, shift = inputs.number(random, 0.5, 1.5), inputs.number(random, 0.2, 0.6)
    step = lambda x, t, s: gain * (x + 0.3 * x.roll(1, -1)) + shift * t - 0.4 * shift * s  # noqa: E731
    x, known = inputs.noise(random, 2, 3, 4, 5), inputs.images(random, 2, 3, 4, 5)
    return step, x, known, _hole(random), inputs.noise(random, 2, 3, 4, 5), t, s, inputs.bent_schedule(random)


WHEN_PARTS: Parts = {
    "": lambda t, s, T: s,
    "The known pixels are one step late: they are at the timestep that the walk has just left.": lambda t, s, T: t,
    "The known pixels are clean. The rest is still at timestep s.": lambda t, s, T: 0,
    "The known pixels are noised to the last timestep. The rest is at timestep s.": lambda t, s, T: T,
    "The known pixels are one timestep too high. After the step, everything is at s.": lambda t, s, T: min(s + 1, T),
    "The known pixels are one timestep too low. After the step, everything is at s.": lambda t, s, T: max(s - 1, 0),
    "The known pixels go down by one timestep only. The step may be longer.": lambda t, s, T: t - 1,
    "The known pixels are noised to the difference of the two timesteps.": lambda t, s, T: t - s,
}
ORDERS: Parts = {
    "": lambda step, keep, x, t, s: keep(step(x, t, s)),
    "You put the known pixels in before the step. Then the step changes them.": (
        lambda step, keep, x, t, s: step(keep(x), t, s)
    ),
    "No step is made: x stays at timestep t.": lambda step, keep, x, t, s: keep(x),
    "The step goes up, from s to t.": lambda step, keep, x, t, s: keep(step(x, s, t)),
    "The step goes all the way to timestep 0.": lambda step, keep, x, t, s: keep(step(x, t, 0)),
    "The step goes down by one timestep only.": lambda step, keep, x, t, s: keep(step(x, t, t - 1)),
    "The step is made twice.": lambda step, keep, x, t, s: keep(step(step(x, t, s), t, s)),
    "The known pixels are put in before the step and after it. Once is enough, after it.": (
        lambda step, keep, x, t, s: keep(step(keep(x), t, s))
    ),
}


TOGETHER = {  # before the step, x is at t, too
    ("The known pixels are one step late", "You put the known pixels in before the step."): (
        "You put the known pixels in before the step. Then the step changes them, and at s they are no longer exact."
    ),
}


def _inpainted(when, order, mask_part):
    def answer(step, x, known, mask, eps, t, s, schedule):
        at = when(t, s, schedule.T)
        keep = lambda x: _keep_known(x, known, mask_part(mask), eps, at, schedule)  # noqa: E731
        return order(step, keep, x, t, s)

    return answer


INPAINT_STEP = Exercise(
    title="One step late",
    draw=_steps,
    answer=_inpaint_step,
    given=_inpainted(WHEN_PARTS[next(hint for hint in WHEN_PARTS if "one step late" in hint)], ORDERS[""], lambda m: m),
    means="After the step everything is at s, and at s = 0 the known pixels are exact.",
    example=lambda: (lambda x, t, s: x - t + s, *_two_pixels()[:4], 3, *_two_pixels()[4:]),
    where=lambda step, x, known, mask, eps, t, s, schedule: (
        f"{'step(x, t, s) = x - t + s, ' if x.numel() == 2 else ''}t = {t}, s = {s}, {_in_words(x, s, schedule)}"
    ),
    line="Look at the timestep of the known pixels: where is x after the step?",
    mistakes=(
        *(
            each
            for each in combined(_inpainted, WHEN_PARTS, ORDERS, MASK_PARTS, together=TOGETHER)
            if not each.hint.endswith("just left.")
        ),
        *named(
            {
                "You put the known pixels in twice, before and after the step. x has them already.": (
                    lambda step, x, known, mask, eps, t, s, schedule: _inpaint_step(
                        step, _keep_known(x, known, mask, eps, t, schedule), known, mask, eps, t, s, schedule
                    )
                ),
                "The known pixels are not used at all.": lambda step, x, known, mask, eps, t, s, schedule: step(
                    x, t, s
                ),
                "The hole is empty. It should get the x after the step.": (
                    lambda step, x, known, mask, eps, t, s, schedule: mask * _keep_known(x, known, 1, eps, s, schedule)
                ),
                "The noise is on the known pixels at full strength.": (
                    lambda step, x, known, mask, eps, t, s, schedule: (
                        mask * (schedule.signal[s] * known + eps) + (1 - mask) * step(x, t, s)
                    )
                ),
                "The noise on the known pixels is missing.": (
                    lambda step, x, known, mask, eps, t, s, schedule: (
                        mask * schedule.signal[s] * known + (1 - mask) * step(x, t, s)
                    )
                ),
                "One of the two rates is still that of timestep t.": (
                    lambda step, x, known, mask, eps, t, s, schedule: (
                        mask * (schedule.signal[s] * known + schedule.noise[t] * eps) + (1 - mask) * step(x, t, s)
                    ),
                    lambda step, x, known, mask, eps, t, s, schedule: (
                        mask * (schedule.signal[t] * known + schedule.noise[s] * eps) + (1 - mask) * step(x, t, s)
                    ),
                ),
                "The two rates have changed places.": lambda step, x, known, mask, eps, t, s, schedule: (
                    mask * (schedule.noise[s] * known + schedule.signal[s] * eps) + (1 - mask) * step(x, t, s)
                ),
            }
        ),
    ),
    properties=(
        Property(
            "At s = 0 the known pixels should be exactly those of the known image.",
            lambda result, step, x, known, mask, eps, t, s, schedule: (
                s > 0 or torch.allclose(result * mask, known * mask, atol=1e-5)
            ),
        ),
        Property(
            "In the hole the result of the step should stay as it is.",
            lambda result, step, x, known, mask, eps, t, s, schedule: torch.allclose(
                result * (1 - mask), step(x, t, s) * (1 - mask), atol=1e-5
            ),
        ),
    ),
)
