"""The exercises of lesson 06, U-Nets: what they expect, and the mistakes that have a name."""

import math

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import chosen, combined, named
from diffusion_edu.lessons.checks.inputs import images, noise, whole
from diffusion_edu.lessons.checks.lesson_06_attention import ATTEND, FORWARD

# 06.1: a timestep as waves -------------------------------------------------------------------------------------------


def _index(width):
    return torch.arange(width // 2, dtype=torch.float64)


def _frequencies(width, base=10000.0):
    return base ** (-_index(width) / (width // 2))


def _phase(t, frequencies):
    return t.double()[:, None] * frequencies


def _cos_sin(phase):
    return torch.cat([phase.cos(), phase.sin()], dim=1)


def _waves(frequencies, phase, arrange):
    """The answer that is made of these three parts."""
    return lambda t, width: arrange(phase(t, frequencies(width)))


FREQUENCIES = {
    "": _frequencies,
    "Your frequencies grow with i: look at the sign of the exponent.": lambda width: 1 / _frequencies(width),
    "Your frequencies fall too slowly: i is divided by how many frequencies there are, and that is half the width.": (
        lambda width: 10000 ** (-_index(width) / width)
    ),
    "Your frequencies fall too fast: what is i divided by?": lambda width: _frequencies(width) ** 2,
    "Your frequencies begin one too far: the first i is zero.": lambda width: (
        10000 ** (-(_index(width) + 1) * 2 / width)
    ),
    "You divide i by one less than there are frequencies. Some libraries do; the formula here does not.": (
        lambda width: 10000 ** (-_index(width) / (width // 2 - 1))
    ),
    "The base of your exponential is e: the logarithm of the base is missing.": lambda w: _frequencies(w, math.e),
    "Your base is too small, so your slowest wave is too fast.": lambda width: _frequencies(width, 1000.0),
    "Your frequencies are 0, 1, 2 and so on. Here each one is a fixed fraction of the one before.": _index,
    "Your frequencies are one over whole numbers. Here each one is a fixed fraction of the one before.": (
        lambda width: 1 / (1 + _index(width))
    ),
    "Each of your frequencies is half the one before: the fraction depends on the base and the width.": (
        lambda width: 2.0 ** -_index(width)
    ),
    "All your waves have the same frequency: i does not enter.": lambda width: torch.ones(width // 2).double(),
}
PHASES = {
    "": _phase,
    "You divide t by a thousand first: then neighbouring timesteps look alike.": lambda t, f: _phase(t / 1000, f),
    "You turn t by whole circles: the phase is t times the frequency, nothing else.": (
        lambda t, f: _phase(2 * math.pi * t, f)
    ),
    "You multiply by pi: the phase is t times the frequency, nothing else.": lambda t, f: _phase(math.pi * t, f),
    "You treat the phase as degrees: sine and cosine take radians.": lambda t, f: _phase(torch.deg2rad(t), f),
    "You add t and the frequency: a faster wave needs their product.": lambda t, f: t.double()[:, None] + f,
    "Every row is that of the first timestep: each image has its own t.": lambda t, f: _phase(t[:1].expand_as(t), f),
    "You cut off the fractions of t: it need not be a whole number.": lambda t, f: _phase(t.floor(), f),
    "You divide t by the largest of the batch: a row must not depend on the other images.": (
        lambda t, f: _phase(t / t.max(), f)
    ),
}
ARRANGED = {
    "": _cos_sin,
    "The two halves are exchanged. Both orders are in use; here the cosines come first.": (
        lambda phase: torch.cat([phase.sin(), phase.cos()], dim=1)
    ),
    "Sines and cosines take turns in your rows: the first half should hold one kind, the second half the other.": (
        lambda phase: torch.stack([phase.cos(), phase.sin()], dim=2).flatten(1)
    ),
    "Sines and cosines take turns in your rows, the sines first: the first half should hold the cosines.": (
        lambda phase: torch.stack([phase.sin(), phase.cos()], dim=2).flatten(1)
    ),
    "Both halves are cosines: t and minus t would look alike.": lambda phase: phase.cos().repeat(1, 2),
    "Both halves are sines: at t = 0 nothing is left.": lambda phase: phase.sin().repeat(1, 2),
    "The sines are missing: each frequency is used twice, for a cosine and for a sine.": torch.cos,
    "The cosines are missing: each frequency is used twice, for a cosine and for a sine.": torch.sin,
    "You add sine and cosine: they stand side by side.": lambda phase: phase.cos() + phase.sin(),
    "The sines have the wrong sign.": lambda phase: _cos_sin(-phase),
    "Your numbers are the phases: the waves are missing.": lambda phase: phase.repeat(1, 2),
    "Your columns are the timesteps: here every row belongs to one timestep.": lambda phase: _cos_sin(phase).T,
    "You joined the two halves along the batch: they belong side by side.": (
        lambda phase: torch.cat([phase.cos(), phase.sin()], dim=0)
    ),
}


def _draw_sinusoid(random):
    t = torch.cat([torch.zeros(1), torch.rand(4, generator=random) * 20]).double()
    return t[torch.randperm(5, generator=random)], 2 * whole(random, 3, 6)


def _first_half(x, t, width):
    return torch.allclose(x[:, : width // 2], _phase(t, _frequencies(width)).cos(), atol=1e-4)


SINUSOID = Exercise(
    title="A timestep as waves",
    answer=_waves(_frequencies, _phase, _cos_sin),
    means="One number became a vector: fast waves tell close timesteps apart, slow waves distant ones.",
    draw=_draw_sinusoid,
    mistakes=(
        *combined(_waves, FREQUENCIES, chosen(PHASES), ARRANGED),
        *combined(_waves, chosen(FREQUENCIES, 1, 2), PHASES, chosen(ARRANGED, 1, 2)),
        *named(
            {
                "You use as many frequencies as the width, and no sines: half of the columns are for the sines.": (
                    lambda t, width: _phase(t, _frequencies(2 * width)).cos()
                ),
                "You use as many frequencies as the width: your result is twice as wide as it should be.": (
                    lambda t, width: _cos_sin(_phase(t, _frequencies(2 * width)))
                ),
            }
        ),
    ),
    properties=(
        Property(
            "Sines and cosines lie between -1 and 1: some of your numbers do not.", lambda x, *_: x.abs().max() < 1.01
        ),
        Property(
            "At t = 0 every phase is zero. What are the cosine and the sine of zero?",
            lambda x, t, width: torch.allclose(x[t == 0], _cos_sin(torch.zeros(1, width // 2).double())),
        ),
        Property(
            "The first column is not the wave of the first frequency: what is the frequency where i is zero?",
            lambda x, t, width: torch.allclose(x[:, 0], t.cos(), atol=1e-4),
        ),
        Property(
            "Your frequencies grow with i, the second is higher than the first: look at the sign of the exponent.",
            lambda x, t, width: not torch.allclose(x[:, 1], (t * 10000 ** (2 / width)).cos(), atol=1e-3),
        ),
        Property(
            "The first half is right. The second half should hold the other wave of the same phases.",
            lambda x, t, width: not _first_half(x, t, width),
        ),
        Property(
            "The first frequency is right, a later one is not: by which factor does it fall from column to column?",
            _first_half,
        ),
    ),
    example=lambda: (torch.tensor([0.0, 2.0]).double(), 4),
    line="Check in this order: the list of frequencies, the phases (one row for each t), the two halves.",
)

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
    ),
    linear=("h", "shift"),
    where=lambda h, scale, shift: f"the scale is {scale[0, 0]:.2g} in the first channel",
    example=lambda: (torch.ones(1, 1, 2, 3).double(), torch.full((1, 1), 0.5).double(), torch.ones(1, 1).double()),
    line="Look at the factor in front of h: what must it be where the scale is zero?",
)


def _straight(x, h):
    """Whether every channel of x is a factor times that of h plus a number."""
    x, h = (each.flatten(2) - each.flatten(2).mean(2, keepdim=True) for each in (x, h))
    slope = (x * h).sum(2, keepdim=True) / (h * h).sum(2, keepdim=True)
    return torch.allclose(x, slope * h, atol=1e-4)


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
    linear=("h", "emb"),
    where=lambda h, emb: f"h has the shape {tuple(h.shape)} and emb {tuple(emb.shape)}",
    line="Write the shape of h under that of emb, with its None axes: which axis of emb stands under which axis of h?",
)


EXERCISES = {
    "06.1": SINUSOID,
    "06.2": MODULATE,
    "06.3": ATTEND,
    "06.4": FORWARD,
    "06.5": ADD_EMBEDDING,
}
