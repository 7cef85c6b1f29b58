"""Mistakes in editing: interpolation, image-to-image, inpainting; and in the conversion to bytes."""

import torch

from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.editing.image_to_image import start_from_image
from diffusion_edu.editing.inpainting import keep_known
from diffusion_edu.editing.interpolation import slerp
from diffusion_edu.museum.chain import Chain, flowers
from diffusion_edu.museum.ddim import unclipped
from diffusion_edu.museum.exhibit import Exhibit
from diffusion_edu.museum.moments import LINEAR
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.spacings import spaced

OTHER = 1000  # between the seeds of the two noises that are mixed


def known_one_step_late(known, mask, schedule, eps):
    """Pitfall 32: the known part has the noise of the previous timestep of the walk, not of the current one."""
    previous = [schedule.T]

    def constrain(x, t):
        previous.append(t)
        late = previous.pop(0)  # the mistake: the previous timestep
        return torch.where(mask.bool(), schedule.corrupt(known, late, eps), x)

    return constrain


def noised_one_step_more(schedule, x0, strength, steps, eps, spacing="trailing"):
    """Pitfall 33: the image gets the noise of one step above the timestep where the walk starts."""
    x, timesteps = start_from_image(schedule, x0, strength, steps, eps, spacing)
    higher = timesteps[0] + max(1, timesteps[0] // steps)
    return schedule.corrupt(x0, min(higher, schedule.T), eps), timesteps  # the mistake: the walk starts at timesteps[0]


def mixed_in_a_straight_line(a, b, fraction):
    """Pitfall 34: two noises are interpolated linearly."""
    return torch.lerp(a, b, fraction)  # the mistake: noise / 2 + noise / 2 is weaker than noise


def wrapped_around(x):
    """Pitfall 44: values become bytes without rounding and without clamping."""
    scaled = (x.float() + 1) * 127.5
    return scaled.to(torch.int64).to(torch.uint8)  # the mistake: neither rounded nor clamped, and 256 becomes 0


def start_between_two_noises(mix):
    """Return a `start` half way between two noises."""

    def start(schedule, eps, timesteps, seeds):
        other = SeededNoise([seed + OTHER for seed in seeds]).sample(eps.shape[1:]).to(eps)
        return mix(eps, other, 0.5), timesteps

    return start


def start_from_flowers(start, strength=0.3, steps=4):
    """Return a `start` from real flowers."""
    return lambda schedule, eps, timesteps, seeds: start(schedule, flowers(seeds).to(eps), strength, steps, eps)


def keep_left_half(keep):
    """Return a `constrain` that keeps the left halves of real flowers."""

    def constrain(schedule, eps, seeds):
        known = flowers(seeds).to(eps)
        mask = torch.zeros_like(known)
        mask[..., : known.shape[-1] // 2] = 1
        return keep(known, mask, schedule, eps)

    return constrain


def noise_of_the_known(keep):
    """Return how much of noise 1 is left in the known part after 20 steps."""
    known = torch.zeros(1, dtype=torch.float64)
    *_, last = walk(lambda x, t, s: (x, x), known, spaced(LINEAR, 20), keep(known, known + 1, LINEAR, known + 1))
    return last.x.item()


def noise_at_the_start(start, strength=0.3, steps=4):
    """Return the noise at the start of a walk from an image, divided by that of its first timestep."""
    zero = torch.zeros(1, dtype=torch.float64)
    x, timesteps = start(LINEAR, zero, strength, steps, zero + 1)
    return (x / LINEAR.noise[timesteps[0]]).item()


EXHIBITS = [
    Exhibit(
        pitfall=32,
        title="Known part one step late",
        question="The left half of each flower is known, the right half is sampled. In every step the known half "
        "has the noise of the previous timestep. What do you see?",
        options=("A hard edge in the middle", "Grain on the known half", "The known half changes its colour"),
        answer=1,
        why="The known half should be exact at the end, but it still has the noise of the last timestep but one. "
        "The right half was sampled next to pixels that were too noisy.",
        mistake="The known and the unknown part are at different timesteps when they are combined.",
        source="[diffusers, issue #1581](https://github.com/huggingface/diffusers/issues/1581) and "
        "[denoising-diffusion-pytorch, issue "
        "#319](https://github.com/lucidrains/denoising-diffusion-pytorch/issues/319)",
        test="tests/library/test_inpainting.py::test_known_pixels_have_the_noise_of_their_timestep_and_are_exact_at_the_end",
        right=keep_known,
        wrong=known_one_step_late,
        chain=lambda part: Chain(20, constrain=keep_left_half(part)),
        measure=noise_of_the_known,
        unit="noise left on the known half after 20 steps",
        expected="0",
    ),
    Exhibit(
        pitfall=33,
        title="Noised one step too much",
        question="Image-to-image: a real flower gets some noise and is sampled again in 4 steps. The noise is that "
        "of one step above the first timestep. What do you see?",
        options=(
            "Another flower: more noise, more change",
            "Nothing: one step is little",
            "Grain that was never removed",
        ),
        answer=2,
        why="The walk removes the noise of its first timestep. The additional noise stays. With many steps it is "
        "hard to see, with few it shows.",
        mistake="The image has the noise of the timestep before the first one on the list.",
        source="[stable-diffusion, pull request #533](https://github.com/CompVis/stable-diffusion/pull/533) and "
        "[diffusers, pull request #3749](https://github.com/huggingface/diffusers/pull/3749)",
        test="tests/library/test_image_to_image.py::test_a_walk_starts_at_its_fraction_of_all_timesteps_with_the_noise_of_that_timestep",
        right=start_from_image,
        wrong=noised_one_step_more,
        chain=lambda part: Chain(4, start=start_from_flowers(part)),
        measure=noise_at_the_start,
        unit="noise at the start, divided by that of the first timestep",
        expected="1",
    ),
    Exhibit(
        pitfall=34,
        title="Noises interpolated linearly",
        question="For a flower between two others, their noises are averaged. What is sampled?",
        options=("A flower half way between", "Both flowers, one over the other", "A soft blob"),
        answer=2,
        why="The mean of two noises has only 71 % of the standard deviation of one. The network takes weak noise "
        "for a smooth image. Spherical interpolation (slerp) keeps the standard deviation.",
        mistake="Noise in many dimensions lies near the surface of a sphere; a straight line between two noises "
        "passes inside it.",
        source="[denoising-diffusion-pytorch, issue "
        "#159](https://github.com/lucidrains/denoising-diffusion-pytorch/issues/159)",
        test="tests/library/test_image_to_image.py::test_interpolated_noise_keeps_the_standard_deviation",
        right=slerp,
        wrong=mixed_in_a_straight_line,
        chain=lambda part: Chain(20, start=start_between_two_noises(part)),
        measure=lambda part: part(*torch.eye(2, dtype=torch.float64).split(1), 0.5).norm().item(),
        unit="length of the mean of two perpendicular noises of length 1",
        expected="1",
    ),
    Exhibit(
        pitfall=44,
        title="Bytes that wrap around",
        question="Images become bytes without rounding and without clamping, and some predictions are a little "
        "brighter than white. What do you see?",
        options=("Nothing: white stays white", "Specks of wrong colour in the brightest pixels", "Darker flowers"),
        answer=1,
        why="A byte ends at 255, and 256 continues at 0: the brightest pixels turn black, channel by channel. "
        "Darker than black turns bright.",
        mistake="The conversion has neither round nor clamp. It is so common that it has no thread of its own.",
        source="Found in many a first sampler; no thread of its own",
        test="tests/library/test_images.py::test_bytes_are_rounded_and_kept_in_range",
        right=to_bytes,
        wrong=wrapped_around,
        chain=lambda part: Chain(20, guidance_scale=2.0, clip=unclipped, to_bytes=part),
        measure=lambda part: part(torch.tensor([1.01])).item(),
        unit="byte of a value of 1.01, just above white",
        expected="255",
    ),
]
