"""The exercises of lesson 00 about bytes: from a file to [-1, 1] and back, and the mistakes that have a name."""

import numpy as np
import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Mistake, Property
from diffusion_edu.lessons.checks.inputs import number

# 00.1: from bytes to numbers around zero ------------------------------------------------------------------------------


def _bytes(random):
    """An image of bytes, in some trials with black or white."""
    image = torch.randint(20, 231, (3, 5, 4), generator=random).to(torch.uint8)
    if number(random, 0, 1) < 0.5:
        image[0, 0, 0] = 0
    if number(random, 0, 1) < 0.3:
        image[2, 4, 3] = 255
    return image[None].repeat(2, 1, 1, 1).flip(0) if number(random, 0, 1) < 0.25 else image


def _affine(divisor, shift):
    return lambda image: image.double() / divisor - shift


def _centred(middle, divisor):
    return lambda image: (image.double() - middle) / divisor


def _stretched(image):
    image = image.double()
    return 2 * (image - image.min()) / (image.max() - image.min()) - 1


def _rises(bytes, numbers):
    """Whether a larger byte has a larger number, and equal bytes have equal ones."""
    order = bytes.argsort()
    more, up = bytes[order].int().diff() > 0, numbers[order].diff()
    return bool((up[more] > 1e-6).all() and (up[~more].abs() < 1e-6).all())


BLACK = "Where is black? Byte 0 must become the lowest value of the range, but in your code it becomes 0."
NARROW = "Your range is only half as wide as it should be: black and white must be two apart."
OVERFLOW = (
    "A byte ran over. As long as the tensor holds bytes, whatever leaves 0..255 wraps around: 200 + 200 is 144. "
    "Change the type first."
)
WHOLE = "Your result holds whole numbers: all shades between black and white fall together. Keep the fractions."
WHITE_LOW = "White does not quite arrive at the upper end. There are 256 different bytes: which number is the highest?"
WHITE_HIGH = "White goes beyond the upper end of the range. Try the highest byte by hand."
NOT_DIVIDED = "The middle is at zero now. But the values still reach more than a hundred: the range is too wide."
WAY_BACK = (
    "You multiplied. The range of bytes is wide, and the range of numbers is narrow: which operation makes it narrow?"
)

TO_SIGNED = Exercise(
    title="From bytes to numbers around zero",
    draw=lambda random: (_bytes(random),),
    answer=lambda image: image.float() / 127.5 - 1,
    means="Black is -1, white is 1, and mid grey is near 0: the range in which noise has its mean.",
    example=lambda: (torch.tensor([[[0, 51, 255]]], dtype=torch.uint8),),
    line="Look at what the byte is divided by, and at what is subtracted. Put 0 and 255 in by hand.",
    mistakes=(
        *(Mistake(BLACK, _affine(divisor, 0)) for divisor in (255, 256, 127.5, 128, 127)),
        *(Mistake(NARROW, _affine(divisor, 0.5)) for divisor in (255, 256)),
        *(
            Mistake("White becomes 0. It must become the highest value of the range.", _affine(divisor, 1))
            for divisor in (255, 256)
        ),
        *(
            Mistake("The two ends of your range are not equally far from zero.", _affine(divisor, 0.5))
            for divisor in (127.5, 128)
        ),
        *(
            Mistake("The range moved to the wrong side: black must become negative.", _affine(divisor, -1))
            for divisor in (255, 127.5, 128)
        ),
        Mistake(WHITE_LOW, _affine(128, 1)),
        Mistake(WHITE_HIGH, _affine(127, 1)),
        Mistake(WHITE_LOW, _centred(128, 128.5)),
        *(
            Mistake("Black and white are not equally far from zero: which number is in the middle?", _centred(*pair))
            for pair in ((128, 127), (128, 127.5), (127, 128), (127, 127.5))
        ),
        *(Mistake(NOT_DIVIDED, _centred(middle, 1)) for middle in (127, 127.5, 128)),
        Mistake(NARROW, _affine(510, 0.25)),
        *(Mistake(NARROW, _centred(middle, 255)) for middle in (128, 127)),
        *(
            Mistake(WAY_BACK, lambda image, m=m, a=a, b=b: (image.double() + a) * m + b)
            for m in (127.5, 128, 255)
            for a, b in ((0, 0), (0, -1), (1, 0), (-1, 0))
        ),
        Mistake(
            "You subtracted before you divided, so the middle is not at zero. Put black in by hand.", _centred(1, 127.5)
        ),
        Mistake("Half of the range was not made narrow: check the number that you subtract.", _affine(127.5, 127.5)),
        Mistake(
            "You cut off everything above the upper end: all bytes but black are white now. Make the range narrower.",
            lambda image: image.double().clamp(-1, 1),
        ),
        Mistake(OVERFLOW, lambda image: 2 * image / 255 - 1),
        Mistake(OVERFLOW, lambda image: (2 * image - 255) / 255),
        *(Mistake(OVERFLOW, lambda image, m=m: (image - m) / 127.5) for m in (127, 128)),
        Mistake(OVERFLOW, lambda image: (image - 128) / 128),
        Mistake(OVERFLOW, lambda image: (image - 128) / 127),
        Mistake(OVERFLOW, lambda image: image - 128),
        Mistake(WHOLE, lambda image: (image / 127.5 - 1).round()),
        Mistake(WHOLE, lambda image: (image / 127.5 - 1).trunc()),
        Mistake(WHOLE, lambda image: (image / 127.5).floor() - 1),
        Mistake(WHOLE, lambda image: (image / 127.5).floor()),
        Mistake(WHOLE, lambda image: 2 * (image / 255).floor() - 1),
        Mistake(
            "You stretched every image by its own darkest and brightest pixel. The same byte must always become the "
            "same number.",
            _stretched,
        ),
        Mistake(
            "You divided by the brightest pixel of this image. The same byte must always become the same number.",
            lambda image: 2 * image.double() / image.max() - 1,
        ),
        Mistake(
            "You divided by the brightest pixel of this image, and black is not at the lower end.",
            lambda image: image.double() / image.max(),
        ),
        Mistake(
            "You standardised each image by its own mean and standard deviation. The same byte must always become the "
            "same number.",
            lambda image: (image.double() - image.double().mean()) / image.double().std(),
        ),
        Mistake(
            "All dark pixels have become equal. A number below zero is allowed here.",
            lambda image: (image / 127.5 - 1).clamp(min=0),
        ),
        Mistake(
            "The order of the axes has changed. Channels stay where they are; only the values change.",
            lambda image: (image / 127.5 - 1).movedim(-3, -1),
        ),
    ),
    properties=(
        Property("Byte 0 (black) must become -1.", lambda x, image: torch.all(x[image == 0] + 1 < 1e-4)),
        Property("Byte 255 (white) must become 1.", lambda x, image: torch.all((x[image == 255] - 1).abs() < 1e-4)),
        Property("All values must lie between -1 and 1.", lambda x, image: x.abs().max() < 1.0001),
        Property(
            "A brighter pixel must get a larger number, and different bytes different numbers.",
            lambda x, image: _rises(image.flatten(), x.flatten()),
        ),
    ),
)

# 00.2: back to bytes --------------------------------------------------------------------------------------------------


def _wide(random):
    """Numbers that go a little beyond [-1, 1], as those of a network do."""
    return (1.25 * (2 * torch.rand(2, 3, 5, 4, generator=random) - 1),)


def _read(function, x):
    """Call an answer; an array may stand for a tensor."""
    result = function(x)
    return torch.from_numpy(result) if isinstance(result, np.ndarray) else result


def _scaled(scale, shift, whole=torch.round, low=0, high=255):
    """The answer that computes scale * (x + shift) and brings it to whole numbers from low to high."""
    return lambda x: whole(scale * (x.double() + shift)).clamp(low, high)


NO_CLAMP = (
    "What becomes of a value a little above white? The byte after 255 is 0: a pixel that is a little too bright turns "
    "black."
)
CUT = (
    "You cut off the fraction. Then a byte does not always come back: its number can end a tiny bit too low, and 200 "
    "becomes 199."
)
DARK = "Where is black? Its number is below zero: dark pixels must not all become byte 0."
SCALE = (
    "Black is right, but white is not byte 255. How wide is the range of numbers, and how wide is the range of bytes?"
)

TO_BYTES = Exercise(
    title="Back to bytes",
    draw=_wide,
    answer=lambda x: ((x.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8),
    run=_read,
    dtype=torch.uint8,
    means="Scaled, rounded, limited, and only then changed in type: every byte comes back, and 1.01 is white.",
    example=lambda: (torch.tensor([[[-1.01, -1.0, -0.5, 0.5, 1.01]]]),),
    line="Count four things in your code: the range is moved, rounded, limited, and the type changes last.",
    mistakes=(
        Mistake(CUT, _scaled(127.5, 1, torch.trunc)),
        Mistake("You round everything up. You need the nearest whole number.", _scaled(127.5, 1, torch.ceil)),
        Mistake("You do not round: a byte is a whole number.", _scaled(127.5, 1, lambda x: x)),
        Mistake(NO_CLAMP, lambda x: ((x + 1) * 127.5).round().to(torch.int64).to(torch.uint8)),
        Mistake(f"{NO_CLAMP} And the fraction is cut off.", lambda x: ((x + 1) * 127.5).long().to(torch.uint8)),
        Mistake(NO_CLAMP, _scaled(127.5, 1, torch.round, -1e9, 1e9)),
        Mistake(f"{NO_CLAMP} And nothing is rounded.", _scaled(127.5, 1, lambda x: x, -1e9, 1e9)),
        *(
            Mistake(f"You let no value above {high} or below {low} through. What is the range of a byte?", wrong)
            for low, high, wrong in (
                (0, 1, _scaled(127.5, 1, torch.round, 0, 1)),
                (-1, 1, _scaled(127.5, 1, torch.round, -1, 1)),
                (0, 254, _scaled(127.5, 1, torch.round, 0, 254)),
                (1, 255, _scaled(127.5, 1, torch.round, 1, 255)),
                (0, 256, _scaled(127.5, 1, torch.round, 0, 256)),
            )
        ),
        *(Mistake(DARK, lambda x, s=s: (x * s).round().clamp(0, 255)) for s in (255, 256, 127.5, 128)),
        Mistake(DARK, lambda x: (x.clamp(0, 1) * 127.5).round()),
        Mistake(DARK, lambda x: ((x.clamp(0, 1) + 1) * 127.5).round()),
        Mistake(DARK, lambda x: (x * 255).clamp(0, 255).trunc()),
        *(
            Mistake(SCALE, _scaled(scale, 1, how))
            for scale in (127, 128, 255, 256, 1, 0.5, 100)
            for how in (torch.round, torch.trunc)
        ),
        *(
            Mistake("Mid grey is not in the middle: check the number that you add.", _scaled(scale, shift, how))
            for scale, shift in ((127.5, 0.5), (255, 0.5), (127.5, 2))
            for how in (torch.round, torch.trunc)
        ),
        Mistake(
            "You subtract. On the way to numbers 1 was subtracted: which operation undoes that?",
            lambda x: (x * 127.5 - 1).round().clamp(0, 255),
        ),
        Mistake("All is white: the number that you add is far too large.", _scaled(127.5, 127.5)),
        Mistake(
            "A bracket is missing: multiplication comes before addition, so the range is moved but not widened.",
            lambda x: (x + 127.5).round().clamp(0, 255),
        ),
        Mistake(
            "A bracket is missing: the range is widened, but hardly moved.",
            lambda x: (x * 127.5 + 1).round().clamp(0, 255),
        ),
        Mistake(
            "You rounded before the range was widened: only three shades are left. Which step comes first?",
            lambda x: ((x.round() + 1) * 127.5).round().clamp(0, 255),
        ),
        Mistake(
            "You stretched every image by its own darkest and brightest value. The same number must always become the "
            "same byte.",
            lambda x: ((x - x.min()) / (x.max() - x.min()) * 255).round(),
        ),
        Mistake(
            "You turned values below black into bright ones: dark beyond black is still black.",
            lambda x: ((x + 1) * 127.5).abs().round().clamp(0, 255),
        ),
        Mistake("Black and white have changed places.", lambda x: ((1 - x) * 127.5).round().clamp(0, 255)),
        Mistake(
            "The channels have moved to the end. Only the values may change.",
            lambda x: ((x + 1) * 127.5).round().clamp(0, 255).movedim(-3, -1),
        ),
    ),
    properties=(
        Property(NO_CLAMP, lambda result, x: not ((result[x > 1] > 255) | (result[x > 1] < 60)).any()),
        Property(
            "Values above 1 are brighter than white: all must become byte 255.",
            lambda result, x: torch.all(result[x > 1] == 255),
        ),
        Property(
            "Values below -1 are darker than black: all must become byte 0.",
            lambda result, x: torch.all(result[x < -1] == 0),
        ),
        Property("A byte is a whole number.", lambda result, x: torch.all(result == result.round())),
        Property("A byte lies between 0 and 255.", lambda result, x: result.min() >= 0 and result.max() <= 255),
        Property(
            "A larger number must give a brighter pixel.",
            lambda result, x: torch.all(result.flatten()[x.flatten().argsort()].diff() >= 0),
        ),
        Property(
            "Some bytes are not the nearest ones to their numbers.",
            lambda result, x: (result - ((x.double() + 1) * 127.5).clamp(0, 255)).abs().max() < 0.501,
        ),
    ),
)
