"""Exercises 10.5 and 10.6, a cascade that keeps its small image, and RePaint's path through the timesteps."""

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, combined, named


def _enlarge(small: Tensor) -> Tensor:
    """Repeat every value 2 x 2 times."""
    return small.repeat_interleave(2, -2).repeat_interleave(2, -1)


def _mean(x: Tensor) -> Tensor:
    """The mean of every 2 x 2 pixels."""
    return F.avg_pool2d(x, 2)


def _hold(x0_hat, small):
    return x0_hat + _enlarge(small - _mean(x0_hat))


MEANS: Parts = {
    "": _mean,
    "You take one pixel of each 2 x 2. Take the mean of all four.": lambda x: x[..., ::2, ::2],
    "You add up the four pixels. Take their mean.": lambda x: 4 * _mean(x),
    "You take the brightest of the four pixels. Take their mean.": lambda x: F.max_pool2d(x, 2),
    "You use one mean for the whole image. Each 2 x 2 has its own.": lambda x: (
        x.mean((-2, -1), keepdim=True) + 0 * _mean(x)
    ),
    "You use one mean for everything. Each 2 x 2 has its own.": lambda x: x.mean() + 0 * _mean(x),
    "You average pixels that are half an image apart. Average neighbours.": lambda x: (
        x.unflatten(-2, (2, -1)).unflatten(-1, (2, -1)).mean((-4, -2))
    ),
    "You average over two rows only, and skip every second column.": lambda x: F.avg_pool2d(x, (2, 1), (2, 2)),
    "You average over two columns only, and skip every second row.": lambda x: F.avg_pool2d(x, (1, 2), (2, 2)),
}
ENLARGED: Parts = {
    "": _enlarge,
    "You put copies of the small image side by side. Repeat every single value.": lambda small: small.repeat(
        1, 1, 2, 2
    ),
    "You enlarge smoothly. Then the means of 2 x 2 are no longer those of the small image.": lambda small: (
        F.interpolate(small, scale_factor=2, mode="bilinear")
    ),
    "You enlarge smoothly with bicubic curves. Then the means of 2 x 2 are not those of the small image.": (
        lambda small: F.interpolate(small, scale_factor=2, mode="bicubic")
    ),
    "Only one pixel of each 2 x 2 is corrected. All four should move by the same amount.": lambda small: (
        _enlarge(small) * _corners(small)
    ),
    "A quarter of the difference goes to each pixel. The mean moves only if each gets all of it.": lambda small: (
        _enlarge(small) / 4
    ),
    "Half of the difference is missing.": lambda small: _enlarge(small) / 2,
}


def _corners(small):
    row = torch.tensor([1.0, 0.0], dtype=small.dtype)
    return (row[:, None] * row).repeat(small.shape[-2], small.shape[-1])


CORRECTIONS: Parts = {
    "": lambda x, small, mean, enlarge: x + enlarge(small - mean(x)),
    "The correction has the wrong direction: it should lead to the small image.": (
        lambda x, small, mean, enlarge: x - enlarge(small - mean(x))
    ),
    "This is the correction only. Add it to the prediction.": lambda x, small, mean, enlarge: enlarge(small - mean(x)),
    "You correct the small image. The large prediction has to be corrected.": (
        lambda x, small, mean, enlarge: enlarge(small) + enlarge(small - mean(x))
    ),
    "You take the means away and put nothing in their place.": lambda x, small, mean, enlarge: x - enlarge(mean(x)),
    "You enlarge the means and forget the prediction: its detail is gone.": (
        lambda x, small, mean, enlarge: enlarge(mean(x))
    ),
    "You add the means to the small image. Their difference is what is missing.": (
        lambda x, small, mean, enlarge: x + enlarge(small + mean(x))
    ),
}
WITHOUT_MEANS: Parts = {
    "This is the small image, enlarged. The detail of the prediction is gone.": lambda x, large: large,
    "You add the small image to the prediction. Only what is missing should be added.": lambda x, large: x + large,
    "You subtract the prediction from the small image. Compare its means, and add the difference to it.": (
        lambda x, large: large - x
    ),
    "You take the mean of the prediction and the small image. Then neither is kept.": lambda x, large: (x + large) / 2,
}


def _held(correct, mean, enlarge):
    return lambda x0_hat, small: correct(x0_hat, small, mean, enlarge)


def _large_and_small(random):
    return inputs.images(random, 2, 3, 4, 6), inputs.images(random, 2, 3, 2, 3)


HOLD = Exercise(
    title="Hold the small image",
    draw=_large_and_small,
    answer=_hold,
    means="The large image keeps all of its detail, and its 2 x 2 means are exactly the small image.",
    example=lambda: (
        torch.tensor([[[[0.1, 0.2, 0.0, 0.4], [0.3, 0.2, 0.4, 0.0]]]], dtype=torch.float64),
        torch.tensor([[[[0.5, 0.1]]]], dtype=torch.float64),
    ),
    where=lambda x0_hat, small: (
        "x0_hat has the rows [0.1, 0.2, 0, 0.4] and [0.3, 0.2, 0.4, 0], small is [0.5, 0.1]"
        if small.numel() == 2
        else "random images"
    ),
    line="Three parts: the means of the prediction, their difference to the small image, and its enlarging.",
    mistakes=(
        *named({hint: lambda x, small, by=by: by(x, _enlarge(small)) for hint, by in WITHOUT_MEANS.items()}),
        *combined(_held, CORRECTIONS, MEANS, ENLARGED),
        *named(
            {
                "You scale the prediction by a quotient. A difference is enough, and it is never divided by zero.": (
                    lambda x, small: x * _enlarge(small / _mean(x))
                ),
                "You clip the result. Then the means are no longer those of the small image.": (
                    lambda x, small: _hold(x, small).clamp(-1, 1)
                ),
                "These are the means of the prediction, in the small size.": lambda x, small: _mean(x),
                "This is the difference, in the small size. Enlarge it, and add it to the prediction.": (
                    lambda x, small: small - _mean(x)
                ),
                "You enlarge smoothly. Then the means of 2 x 2 are no longer those of the small image. Nothing of "
                "the prediction is left.": lambda x, small: F.interpolate(small, scale_factor=2, mode="bilinear"),
            }
        ),
    ),
    properties=(
        Property(
            "The 2 x 2 means of the result are not the small image.",
            lambda x, x0_hat, small: torch.allclose(_mean(x), small, atol=1e-4),
        ),
        Property(
            "The detail has changed: all four pixels of a 2 x 2 should move by the same amount.",
            lambda x, x0_hat, small: torch.allclose(
                x - _enlarge(_mean(x)), x0_hat - _enlarge(_mean(x0_hat)), atol=1e-4
            ),
        ),
    ),
)


def _sections(timesteps, jump):
    """Cut a walk into stretches of `jump` steps; each begins where the one before it ends."""
    return [list(timesteps[at : at + jump + 1]) for at in range(0, len(timesteps) - 1, jump)]


def _resample_path(timesteps, jump, repeats):
    path = list(timesteps[:1])
    for section in _sections(timesteps, jump):
        path += (section[1:] + section[:1]) * (repeats - 1) + section[1:]
    return path


def _walks(random):
    steps = inputs.whole(random, 4, 8)
    timesteps = sorted((1 + torch.randperm(20, generator=random)[:steps]).tolist(), reverse=True)
    return [*timesteps, 0], inputs.whole(random, 1, 3), inputs.whole(random, 2, 4)


def _by_sections(add):
    """The path to which `add` appends one stretch: add(path, section, repeats, its number, their number, timesteps)."""

    def answer(timesteps, jump, repeats):
        path, sections = list(timesteps[:1]), _sections(timesteps, jump)
        for k, section in enumerate(sections):
            repeated = section[1:] + section[:1]
            path += add(section, repeated, repeats, k, len(sections), timesteps)
        return path

    return answer


RESAMPLE_PATH = Exercise(
    title="RePaint's path",
    draw=_walks,
    answer=_resample_path,
    means="Each stretch is walked again and again, so that the hole and its border have time to agree.",
    example=lambda: ([2, 1, 0], 1, 2),
    line="Look at one stretch: walk down, go back up to its first entry at once, and walk down again.",
    mistakes=named(
        {
            "`repeats` counts every time that a stretch is walked, the first one included.": (
                lambda timesteps, jump, repeats: _resample_path(timesteps, jump, repeats + 1)
            ),
            "A stretch is walked one time too few.": (
                lambda timesteps, jump, repeats: _resample_path(timesteps, jump, repeats - 1)
            ),
            "The path never goes back up: before a stretch is walked again, its first timestep has to come.": (
                _by_sections(lambda section, repeated, repeats, *_: section[1:] * repeats)
            ),
            "You repeat the whole walk. Repeat each stretch before going on.": (
                lambda timesteps, jump, repeats: list(timesteps) * repeats,
                lambda timesteps, jump, repeats: list(timesteps) + list(timesteps[1:]) * (repeats - 1),
                lambda timesteps, jump, repeats: _resample_path(timesteps, len(timesteps) - 1, repeats),
            ),
            "You resample after the walk. By then the hole is finished: repeat each stretch before going on.": (
                lambda timesteps, jump, repeats: list(timesteps) + [*timesteps[-jump - 1 : -1], 0] * (repeats - 1),
                lambda timesteps, jump, repeats: list(timesteps) + _resample_path(timesteps, jump, repeats)[1:],
            ),
            "You climb back step by step. Go back up at once: noise can be added in one go.": (
                _by_sections(
                    lambda section, repeated, repeats, *_: (section[1:] + section[-2::-1]) * (repeats - 1) + section[1:]
                )
            ),
            "Each stretch begins with the last timestep of the one before it, so that one comes twice in a row.": (
                lambda timesteps, jump, repeats: [
                    t for section in _sections(timesteps, jump) for t in section * repeats
                ],
                _by_sections(lambda section, repeated, repeats, *_: section * repeats),
            ),
            "A stretch has one timestep more than it has steps: it ends where the next one begins.": (
                lambda timesteps, jump, repeats: [
                    t for at in range(0, len(timesteps), jump) for t in list(timesteps[at : at + jump]) * repeats
                ],
            ),
            "The first timestep is missing: the path begins where the walk begins.": (
                lambda timesteps, jump, repeats: _resample_path(timesteps, jump, repeats)[1:]
            ),
            "The last timestep is missing: the path has to end at timestep 0.": (
                lambda timesteps, jump, repeats: _resample_path(timesteps, jump, repeats)[:-1]
            ),
            "The last stretch is not repeated.": _by_sections(
                lambda section, repeated, repeats, k, n, *_: repeated * (repeats - 1) * (k < n - 1) + section[1:]
            ),
            "Only the first stretch is repeated. Repeat every one of them.": _by_sections(
                lambda section, repeated, repeats, k, *_: repeated * (repeats - 1) * (k == 0) + section[1:]
            ),
            "Only the last stretch is repeated. Repeat every one of them.": _by_sections(
                lambda section, repeated, repeats, k, n, *_: repeated * (repeats - 1) * (k == n - 1) + section[1:]
            ),
            "You go back up to the start of the whole walk. Go back to the start of the stretch.": (
                _by_sections(
                    lambda section, repeated, repeats, k, n, timesteps: (
                        (section[1:] + list(timesteps[:1])) * (repeats - 1) + section[1:]
                    )
                )
            ),
            "Each stretch is repeated once, whatever `repeats` is.": (
                lambda timesteps, jump, repeats: _resample_path(timesteps, jump, 2)
            ),
            "The path ends at the top of a stretch: after the last way back up, walk down once more.": (
                _by_sections(lambda section, repeated, repeats, *_: repeated * repeats),
                _by_sections(lambda section, repeated, repeats, *_: repeated * (repeats - 1)),
            ),
            "A new stretch begins at every timestep. It should begin `jump` steps later.": (
                lambda timesteps, jump, repeats: (
                    list(timesteps[:1])
                    + [
                        t
                        for at in range(len(timesteps) - 1)
                        for t in (list(timesteps[at + 1 : at + jump + 1]) + [timesteps[at]]) * (repeats - 1)
                        + [timesteps[at + 1]]
                    ]
                )
            ),
            "Every stretch has one step, whatever `jump` is.": (
                lambda timesteps, jump, repeats: _resample_path(timesteps, 1, repeats)
            ),
            "A stretch is one step too short. `jump` counts steps, not timesteps.": (
                lambda timesteps, jump, repeats: _resample_path(timesteps, max(jump - 1, 1), repeats)
            ),
            "A stretch is one step too long: it has `jump` steps.": (
                lambda timesteps, jump, repeats: _resample_path(timesteps, jump + 1, repeats)
            ),
            "The last stretch may be shorter than `jump` steps. Yours is left out.": (
                lambda timesteps, jump, repeats: _resample_path(
                    timesteps[: (len(timesteps) - 1) // jump * jump + 1], jump, repeats
                )
            ),
            "Nothing is repeated: these are the timesteps as they came in.": (
                lambda timesteps, jump, repeats: list(timesteps)
            ),
            "Single timesteps are repeated. Repeat a stretch: down, back up, down again.": (
                lambda timesteps, jump, repeats: [t for t in timesteps for _ in range(repeats)]
            ),
            "You go back up by adding `jump` to the timestep. `jump` counts entries of the list.": (
                _by_sections(
                    lambda section, repeated, repeats, *_: (
                        (section[1:] + [section[-1] + len(section) - 1]) * (repeats - 1) + section[1:]
                    )
                )
            ),
        }
    ),
    properties=(
        Property(
            "The path has to begin at the first timestep of the walk, and to end at the last.",
            lambda path, timesteps, jump, repeats: path[0] == timesteps[0] and path[-1] == timesteps[-1],
        ),
        Property(
            "Two entries in a row are equal: a step has to lead to another timestep.",
            lambda path, timesteps, jump, repeats: bool((path.diff() != 0).all()),
        ),
    ),
)
