"""Exercise 12.5: two sets of images in two ranges (find the bug)."""

import torch

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import named
from diffusion_edu.lessons.exercises.lesson_12_distances import distance_1d


def _images(random):
    weights, shift = inputs.noise(random, 12), inputs.number(random, -0.5, 0.5)

    def features(x):
        return torch.tanh(x.double().flatten(1) @ weights + shift)

    real = torch.randint(0, 256, (inputs.whole(random, 8, 12), 3, 2, 2), generator=random).to(torch.uint8)
    return inputs.images(random, 10, 3, 2, 2), real, features


def _mean(x):
    return x.double().flatten(1).mean(1)


def _scaled(of_real, of_fake=lambda x: x):
    return lambda fake, real, features: distance_1d(features(of_fake(fake)), features(of_real(real.double())))


def _to_byte(x):
    return ((x + 1) * 127.5).round()


def _wrapped(real):
    return (2 * real.to(torch.uint8) - 1).double()


def _standardised(x):
    return (x - x.mean()) / x.std()


SCORE_IMAGES = Exercise(
    title="Two ranges",
    draw=_images,
    answer=_scaled(lambda real: real / 127.5 - 1),
    given=_scaled(lambda real: real / 255),
    means="Both sets go through the same preparation. Otherwise the distance measures the preparation.",
    mistakes=named(
        {
            "The real images now go from 0 to 2. Where should black be?": _scaled(lambda real: real / 127.5),
            "The real images now go from -1 to 0. How wide is the range of the features?": _scaled(
                lambda real: real / 255 - 1
            ),
            "The real images now go from minus one half to one half. How wide is the range of the features?": _scaled(
                lambda real: real / 255 - 0.5
            ),
            "The range has the right width, but it is not symmetrical: half of 256 is not half of 255.": (
                _scaled(lambda real: real / 128 - 1),
                _scaled(lambda real: (real - 128) / 128),
                _scaled(lambda real: (real - 128) / 127),
                _scaled(lambda real: real / 127 - 1),
                _scaled(lambda real: real / 256 * 2 - 1),
            ),
            "The real images are shifted, but still bytes: they are far too large for the features.": (
                _scaled(lambda real: real - 127.5),
                _scaled(lambda real: real - 128),
            ),
            "The real images are bytes now: far too large for the features.": _scaled(lambda real: real),
            "Now both sets are in [0, 1]. They fit each other, but the features expect another range.": (
                _scaled(lambda real: real / 255, lambda fake: (fake + 1) / 2),
            ),
            "Now both sets are bytes. They fit each other, but the features expect another range.": (
                _scaled(lambda real: real, _to_byte),
                _scaled(lambda real: real, lambda fake: (fake + 1) * 127.5),
            ),
            "The generated images went to bytes and back, which rounds them.": _scaled(
                lambda real: real / 127.5 - 1, lambda fake: _to_byte(fake) / 127.5 - 1
            ),
            "You changed the generated images as well. They have the right range already.": (
                _scaled(lambda real: real / 127.5 - 1, lambda fake: (fake + 1) / 2),
                _scaled(lambda real: real / 127.5 - 1, lambda fake: 2 * fake - 1),
                _scaled(lambda real: real / 127.5 - 1, lambda fake: fake / 127.5 - 1),
                _scaled(lambda real: real / 127.5 - 1, lambda fake: fake / 255),
            ),
            "You changed the generated images. The real ones have the wrong range.": (
                _scaled(lambda real: real / 255, lambda fake: fake / 255),
                _scaled(lambda real: real / 255, lambda fake: 2 * fake - 1),
                _scaled(lambda real: real / 255, lambda fake: fake.clamp(0, 1)),
                _scaled(lambda real: real / 255, lambda fake: fake.abs()),
            ),
            "Black and white have changed places in the real images.": _scaled(lambda real: 1 - real / 127.5),
            "Whole bytes overflow: compute with real numbers.": (
                _scaled(_wrapped),
                _scaled(lambda real: _wrapped(real) / 255),
            ),
            "The division cuts off the fractions: every pixel becomes a whole number.": (
                _scaled(lambda real: real // 127.5 - 1),
                _scaled(lambda real: real // 255),
                _scaled(lambda real: real // 255 * 2 - 1),
                _scaled(lambda real: real // 128 - 1),
            ),
            "You scaled by the statistics of the images. Then the distance no longer sees their brightness.": (
                _scaled(_standardised),
                _scaled(_standardised, _standardised),
                _scaled(lambda real: 2 * (real - real.min()) / (real.max() - real.min()) - 1),
                _scaled(lambda real: 2 * real / real.max() - 1),
                _scaled(lambda real: 2 * real / real.max() - 1, lambda fake: fake / fake.abs().max()),
            ),
            "You scaled the features, not the images.": (
                lambda fake, real, features: distance_1d(features(fake), 2 * features(real.double() / 255) - 1),
                lambda fake, real, features: distance_1d(features(fake), features(real.double()) / 127.5 - 1),
            ),
            "You compare the pixels, not their features.": lambda fake, real, features: distance_1d(
                fake.flatten(), (real.double() / 127.5 - 1).flatten()
            ),
            "A set is compared with itself.": lambda *_: 0.0,
            "You returned the features. Asked for is their distance.": lambda fake, real, features: features(
                real.double() / 127.5 - 1
            ),
        }
    ),
    properties=(
        Property("A distance is one number.", lambda found, *_: found.numel() == 1),
        Property("A distance is never negative.", lambda found, *_: bool((found >= 0).all())),
    ),
    example=lambda: (
        torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).double(),
        torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1),
        _mean,
    ),
    where=lambda fake, real, features: (
        "a black and a white image are compared with a black and a white image"
        if features is _mean
        else f"{len(fake)} generated images are compared with {len(real)} real ones"
    ),
    line="Look at the smallest and at the largest number in both sets, just before they go into `features`.",
)
