"""Exercises 06.2 and 06.5: the embedding scales and shifts the channels, or is added to them."""

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import chosen, combined, named
from diffusion_edu.lessons.checks.inputs import images, noise, whole

# 06.2: scale and shift every channel ---------------------------------------------------------------------------------


def _wide(x):
    return x[:, :, None, None]


def _modulated(factor, added):
    """The answer that multiplies by a factor and adds something, both made of scale and shift."""
    return lambda h, scale, shift: h * _wide(factor(scale, shift)) + _wide(added(scale, shift))


def _of_first(x):
    return x[:1].expand_as(x)


def _only_channel(h, scale, shift, channel=0):
    kept = torch.zeros_like(scale)
    kept[:, channel] = 1
    return h * (1 + _wide(scale * kept)) + _wide(shift * kept)


def _normalised(h):
    return (h - h.mean((2, 3), keepdim=True)) / h.std((2, 3), keepdim=True)


OWN_IMAGE, OWN_CHANNEL = "each image of the batch has its own.", "each channel has its own."
SCALES = {
    "": lambda scale, shift: 1 + scale,
    "Try a scale of zero: the features should stay, and yours vanish.": lambda scale, shift: scale,
    "A positive scale should strengthen a channel: yours weakens it.": lambda scale, shift: 1 - scale,
    "Your factor is an exponential: the formula here is a straight line.": lambda scale, shift: scale.exp(),
    "The scale is not used.": lambda scale, shift: torch.ones_like(scale),
    "You divide where you should multiply.": lambda scale, shift: 1 / (1 + scale),
    "You multiply with the shift.": lambda scale, shift: 1 + shift,
    "You multiply with the shift alone: if it is zero, the features vanish.": lambda scale, shift: shift,
    "Scale and shift are both in your factor.": lambda scale, shift: 1 + scale + shift,
    "You square the scale: its sign is lost.": lambda scale, shift: 1 + scale**2,
    "Your factor is too large: with a scale of zero the features should stay.": lambda scale, shift: 2 + scale,
    "You put the scale through a sigmoid: it is used as it is.": lambda scale, shift: scale.sigmoid(),
    f"One scale for all channels: {OWN_CHANNEL}": lambda scale, shift: 1 + scale.mean(1, keepdim=True),
    f"One scale for all images: {OWN_IMAGE}": lambda scale, shift: 1 + scale.mean(0, keepdim=True),
    f"The scale of the first image for all: {OWN_IMAGE}": lambda scale, shift: 1 + _of_first(scale),
}
SHIFTS = {
    "": lambda scale, shift: shift,
    "The shift is not used.": lambda scale, shift: torch.zeros_like(shift),
    "The shift has the wrong sign.": lambda scale, shift: -shift,
    "You add the scale.": lambda scale, shift: scale,
    "You add both scale and shift.": lambda scale, shift: scale + shift,
    "The shift is scaled, too: it is added after the multiplication.": lambda scale, shift: shift * (1 + scale),
    "You multiply the shift by the scale.": lambda scale, shift: shift * scale,
    "You add a one to the result: it belongs to the factor.": lambda scale, shift: 1 + shift,
    f"One shift for all channels: {OWN_CHANNEL}": lambda scale, shift: shift.mean(1, keepdim=True),
    f"One shift for all images: {OWN_IMAGE}": lambda scale, shift: shift.mean(0, keepdim=True),
    f"The shift of the first image for all: {OWN_IMAGE}": lambda scale, shift: _of_first(shift),
}
MODULATE = Exercise(
    title="Scale and shift every channel",
    answer=lambda h, scale, shift: h * (1 + _wide(scale)) + _wide(shift),
    means="So the timestep enters the network: its embedding sets one scale and one shift for each channel.",
    draw=lambda random: (images(random, 3, 4, 5, 6), noise(random, 3, 4), noise(random, 3, 4)),
    mistakes=(
        *combined(_modulated, SCALES, chosen(SHIFTS, 1, 2, 3, 5, 8)),
        *combined(_modulated, chosen(SCALES, 1, 2, 4, 6), SHIFTS),
        *named(
            {
                "You multiply by the shift: it is added.": (
                    lambda h, scale, shift: h * (1 + _wide(scale)) * _wide(shift),
                    lambda h, scale, shift: h * _wide(scale) * _wide(shift),
                ),
                "You only add: the scale multiplies the features.": (
                    lambda h, scale, shift: h + 1 + _wide(scale) + _wide(shift)
                ),
                "You normalise the features. The network does that before; here they are used as they are.": (
                    lambda h, scale, shift: _normalised(h) * (1 + _wide(scale)) + _wide(shift)
                ),
                "The features do not enter: only scale and shift are left.": (
                    lambda h, scale, shift: 1 + _wide(scale) + _wide(shift),
                    lambda h, scale, shift: (1 + _wide(scale) + _wide(shift)).expand_as(h),
                ),
                f"Scale and shift of the first image for all: {OWN_IMAGE}": (
                    lambda h, scale, shift: h * (1 + _wide(scale[:1])) + _wide(shift[:1])
                ),
                f"Only one channel is changed: {OWN_CHANNEL}": (
                    _only_channel,
                    lambda h, scale, shift: (h * (1 + _wide(scale)) + _wide(shift))[:, 0],
                ),
            }
        ),
    ),
    properties=(
        Property(
            "Inside one channel of one image your factor changes: one scale and one shift hold for all its pixels.",
            lambda x, h, *_: _straight(x, h),
        ),
        Property(
            "What you add is right, the factor is not: what must it be where the scale is zero?",
            lambda x, h, scale, shift: not (_fits(x, h, shift, 1) and not _fits(x, h, 1 + scale, 0)),
        ),
        Property(
            "The factor is right, what you add is not: it is the shift, one number for each channel.",
            lambda x, h, scale, shift: not (_fits(x, h, 1 + scale, 0) and not _fits(x, h, shift, 1)),
        ),
        Property(
            "Both the factor and what you add are wrong: does each channel of each image get its own two numbers?",
            lambda x, h, scale, shift: _fits(x, h, 1 + scale, 0),
        ),
    ),
    linear=("h", "shift"),
    where=lambda h, scale, shift: f"the scale is {scale[0, 0]:.2g} in the first channel",
    example=lambda: (torch.ones(1, 1, 2, 3).double(), torch.full((1, 1), 0.5).double(), torch.ones(1, 1).double()),
    line="Try three cases: scale and shift 0, then only the scale 1, then only the shift 1. What must become of h?",
)


def _line(x, h):
    """The factor and the number (b, c) with which every channel of h becomes about that of x."""
    x, h = x.flatten(2), h.flatten(2)
    inside = h - h.mean(2, keepdim=True)
    factor = (x * inside).sum(2) / inside.square().sum(2)
    return factor, x.mean(2) - factor * h.mean(2)


def _straight(x, h):
    """Whether every channel of x is a factor times that of h plus a number."""
    factor, added = _line(x, h)
    return torch.allclose(x, h * _wide(factor) + _wide(added), atol=1e-4)


def _fits(x, h, wanted, which):
    """Whether the factor (0) or the added number (1) is the wanted one."""
    return torch.allclose(_line(x, h)[which], wanted, atol=1e-4)


# 06.5: an embedding on the wrong axis --------------------------------------------------------------------------------


def _draw_embedding(random):
    b, c, h = 2, whole(random, 3, 5), 6  # as wide as there are channels, so that the faulty code runs
    return images(random, b, c, h, c), noise(random, b, c)


def _crossed(h, emb):
    return h + emb[:, None, None, :] * _wide(emb)


ADD_EMBEDDING = Exercise(
    title="Find the bug: an embedding on the wrong axis",
    answer=lambda h, emb: h + _wide(emb),
    means="One number for each channel. The faulty code ran only because the map is as wide as there are channels.",
    draw=_draw_embedding,
    given=lambda h, emb: h + emb[:, None, None, :],
    mistakes=named(
        {
            f"The embedding of the first image goes to all: {OWN_IMAGE}": lambda h, emb: h + _wide(_of_first(emb)),
            f"One number for all channels: {OWN_CHANNEL}": lambda h, emb: h + _wide(emb.mean(1, keepdim=True)),
            "You add up the embedding: one number for each channel is wanted.": (
                lambda h, emb: h + _wide(emb.sum(1, keepdim=True))
            ),
            f"The mean over the batch: {OWN_IMAGE}": lambda h, emb: h + _wide(emb.mean(0, keepdim=True)),
            "The images have changed places: row k of the embedding belongs to image k.": lambda h, emb: (
                h + _wide(emb.flip(0))
            ),
            "The channels are in reverse order.": lambda h, emb: h + _wide(emb.flip(1)),
            "The embedding is added twice.": lambda h, emb: h + 2 * _wide(emb),
            "You multiply: here the embedding is added.": (
                lambda h, emb: h * _wide(emb),
                lambda h, emb: h * (1 + _wide(emb)),
            ),
            "The embedding has the wrong sign.": lambda h, emb: h - _wide(emb),
            "Only one pixel is changed: the number of a channel goes to all its pixels.": (
                lambda h, emb: torch.cat(
                    [torch.cat([h[:, :, :1, :1] + _wide(emb), h[:, :, :1, 1:]], 3), h[:, :, 1:]], 2
                )
            ),
            "Only the first row of pixels is changed: the number of a channel goes to all its pixels.": (
                lambda h, emb: torch.cat([h[:, :, :1] + _wide(emb), h[:, :, 1:]], 2)
            ),
            "You spread the embedding over the pixels: every pixel gets the whole number.": (
                lambda h, emb: h + _wide(emb) / h[0, 0].numel(),
                lambda h, emb: h + _wide(emb) / h.shape[2],
            ),
            "The features are gone: only the embedding is left.": (
                lambda h, emb: _wide(emb).expand_as(h),
                lambda h, emb: _wide(emb),
            ),
            "Your embedding changes along the rows and the columns: it should be the same everywhere in a channel.": (
                lambda h, emb: h + emb[:, None, None, :] + _wide(emb),
                _crossed,
            ),
            "You put the embedding beside the features: it is added to them.": (
                lambda h, emb: torch.cat([h, _wide(emb).expand_as(h)], dim=1)
            ),
            "The average of both: add them, do not divide.": lambda h, emb: (h + _wide(emb)) / 2,
            f"Only the first channel is changed: {OWN_CHANNEL}": (
                lambda h, emb: torch.cat([h[:, :1] + _wide(emb[:, :1]), h[:, 1:]], 1)
            ),
        }
    ),
    properties=(
        Property(
            "What you add changes from column to column: the last axis of h is the width, not the channels.",
            lambda x, h, emb: torch.allclose((x - h).std(3), torch.zeros(1).double(), atol=1e-4),
        ),
        Property(
            "What you add changes from row to row: it should be the same in all pixels of a channel.",
            lambda x, h, emb: torch.allclose((x - h).std(2), torch.zeros(1).double(), atol=1e-4),
        ),
        Property(
            "What you add is the same in all channels: which axis of h holds the channels?",
            lambda x, h, emb: (x - h).std(1).max() > 1e-4,
        ),
        Property(
            "The images get something else than their own rows of the embedding.",
            lambda x, h, emb: torch.allclose((x - h)[:, :, 0, 0], emb, atol=1e-4),
        ),
    ),
    where=lambda h, emb: (
        f"h is {'zero' if not h.any() else 'given'}, with the shape {tuple(h.shape)}, and emb has the rows "
        f"{[[round(each, 2) for each in row] for row in emb.tolist()]}"
    ),
    example=lambda: (torch.zeros(1, 2, 2, 2).double(), torch.tensor([[1.0, 2.0]]).double()),
    line="Write the shape of h under that of emb, with its None axes: which axis of emb stands under which axis of h?",
)
