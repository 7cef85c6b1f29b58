"""Room of images that are there already: mixed, changed, filled, and turned into bytes."""

import torch

from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.editing.verbs import image_to_image, keep_known, slerp
from diffusion_edu.museum.chain import Chain, flowers
from diffusion_edu.museum.ddim import unclipped
from diffusion_edu.museum.exhibit import Exhibit
from diffusion_edu.museum.moments import LINEAR
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.spacings import spaced

OTHER = 1000  # from the seed of a noise to the seed of the one it is mixed with


def known_one_step_late(known, mask, schedule, eps):
    """Pitfall 32: the known part is noised for the timestep that x has left, not for the one it has reached."""
    left = [schedule.T]

    def constrain(x, t):
        left.append(t)
        late = left.pop(0)  # the mistake: the timestep before
        return torch.where(mask.bool(), schedule.corrupt(known, late, eps), x)

    return constrain


def noised_one_step_more(schedule, x0, strength, steps, eps, spacing="trailing"):
    """Pitfall 33: the image is brought to the timestep one step above the one where the walk begins."""
    x, timesteps = image_to_image(schedule, x0, strength, steps, eps, spacing)
    higher = timesteps[0] + max(1, timesteps[0] // steps)
    return schedule.corrupt(x0, min(higher, schedule.T), eps), timesteps  # the mistake: the walk begins at timesteps[0]


def mixed_in_a_straight_line(a, b, fraction):
    """Pitfall 34: two noises averaged like numbers."""
    return torch.lerp(a, b, fraction)  # the mistake: noise / 2 + noise / 2 is weaker than noise


def wrapped_around(x):
    """Pitfall 44: what lies outside the range, or between two numbers, is left to the machine."""
    return (
        ((x.float() + 1) * 127.5).to(torch.int64).to(torch.uint8)
    )  # the mistake: neither rounded nor clamped, and 256 becomes 0


def between_two(mix):
    """Begin half way between two noises."""

    def begin(schedule, eps, timesteps, seeds):
        other = SeededNoise([seed + OTHER for seed in seeds]).sample(eps.shape[1:]).to(eps)
        return mix(eps, other, 0.5), timesteps

    return begin


def from_flowers(start, strength=0.3, steps=4):
    """Begin from real flowers."""
    return lambda schedule, eps, timesteps, seeds: start(schedule, flowers(seeds).to(eps), strength, steps, eps)


def left_half(keep):
    """Hold on to the left halves of real flowers."""

    def hold(schedule, eps, seeds):
        known = flowers(seeds).to(eps)
        mask = torch.zeros_like(known)
        mask[..., : known.shape[-1] // 2] = 1
        return keep(known, mask, schedule, eps)

    return hold


def noise_of_the_known(keep):
    """What is left of noise 1 where the image is known, at the end of 20 steps."""
    known = torch.zeros(1, dtype=torch.float64)
    *_, last = walk(lambda x, t, s: (x, x), known, spaced(LINEAR, 20), keep(known, known + 1, LINEAR, known + 1))
    return last.x.item()


def noise_at_the_start(start, strength=0.3, steps=4):
    """How much noise a walk from an image begins with, as a multiple of what its first timestep holds."""
    nothing = torch.zeros(1, dtype=torch.float64)
    x, timesteps = start(LINEAR, nothing, strength, steps, nothing + 1)
    return (x / LINEAR.noise[timesteps[0]]).item()


ROOM = [
    Exhibit(
        pitfall=32,
        title="Known part one step late",
        question="The left half of each flower is known, the right half is sampled. At every step the known half is noised for the timestep before. "
        "What is seen?",
        options=("A hard edge in the middle", "Grain on the known half", "The known half changes its colour"),
        answer=1,
        why="The half that should be exact at the end still holds the noise of the last timestep but one; and the right half was sampled to fit "
        "neighbours that were too noisy.",
        mistake="Known and unknown part are one timestep apart when they are put together.",
        where="[diffusers, issue #1581](https://github.com/huggingface/diffusers/issues/1581) and [denoising-diffusion-pytorch, issue "
        "#319](https://github.com/lucidrains/denoising-diffusion-pytorch/issues/319)",
        test="tests/test_inpainting.py::test_what_is_known_is_at_its_timestep_all_the_way_and_exact_at_the_end",
        right=keep_known,
        wrong=known_one_step_late,
        chain=lambda part: Chain(20, hold=left_half(part)),
        measure=noise_of_the_known,
        unit="noise left on the known half after 20 steps",
        good="0",
    ),
    Exhibit(
        pitfall=33,
        title="Noised one step too much",
        question="A real flower is noised a little and sampled anew in 4 steps. It is brought to the timestep one step above the first one. What is seen?",
        options=(
            "Another flower: more noise, more change",
            "Nothing: one step is little",
            "Grain that was never taken away",
        ),
        answer=2,
        why="The walk takes away the noise of the timestep that it believes in. What was added on top of that stays. With many steps it hides,"
        " with few it shows.",
        mistake="The image is noised for t + 1 on the list of timesteps, and the walk starts at t.",
        where="[stable-diffusion, pull request #533](https://github.com/CompVis/stable-diffusion/pull/533) and [diffusers, pull request "
        "#3749](https://github.com/huggingface/diffusers/pull/3749)",
        test="tests/test_editing.py::test_a_walk_begins_at_its_fraction_of_all_timesteps_with_the_moments_of_that_timestep",
        right=image_to_image,
        wrong=noised_one_step_more,
        chain=lambda part: Chain(4, begin=from_flowers(part)),
        measure=noise_at_the_start,
        unit="noise at the start, in multiples of what the walk believes",
        good="1",
    ),
    Exhibit(
        pitfall=34,
        title="Noises mixed in a straight line",
        question="To find a flower between two others, their noises are averaged, half and half. What is sampled?",
        options=("A flower half way between", "Both flowers, one over the other", "A soft blob"),
        answer=2,
        why="The mean of two noises has only 71 % of the strength of one. The network takes weak noise for a smooth image. Turning one "
        "noise towards the other keeps the strength.",
        mistake="A straight line through a ball passes near its middle; noise of full strength lives on its surface.",
        where="[denoising-diffusion-pytorch, issue #159](https://github.com/lucidrains/denoising-diffusion-pytorch/issues/159)",
        test="tests/test_editing.py::test_noise_between_two_noises_is_as_strong_as_they_are",
        right=slerp,
        wrong=mixed_in_a_straight_line,
        chain=lambda part: Chain(20, begin=between_two(part)),
        measure=lambda part: part(*torch.eye(2, dtype=torch.float64).split(1), 0.5).norm().item(),
        unit="strength of two noises of strength 1, mixed half and half",
        good="1",
    ),
    Exhibit(
        pitfall=44,
        title="Bytes that wrap around",
        question="Images are turned into bytes without rounding and without a limit, and some predictions are a little brighter than white. What "
        "is seen?",
        options=("Nothing: white stays white", "Specks of false colour in the brightest places", "Darker flowers"),
        answer=1,
        why="A byte ends at 255, and 256 begins again at 0: the brightest places turn black, colour by colour. Darker than black turns bright.",
        mistake="The conversion has neither round nor clamp. It is so common that it has no thread of its own.",
        where="Found in many a first sampler; no thread of its own",
        test="tests/test_images.py::test_bytes_are_rounded_and_kept_in_range",
        right=to_bytes,
        wrong=wrapped_around,
        chain=lambda part: Chain(20, guidance_scale=2.0, limit=unclipped, develop=part),
        measure=lambda part: part(torch.tensor([1.01])).item(),
        unit="byte of a value of 1.01, just above white",
        good="255",
    ),
]
