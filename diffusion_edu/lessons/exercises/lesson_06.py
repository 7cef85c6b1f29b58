"""The exercises of lesson 06, U-Nets: a timestep as waves; the others are imported."""

import math

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import chosen, combined, named
from diffusion_edu.lessons.checks.inputs import whole
from diffusion_edu.lessons.exercises.lesson_06_attention import ATTEND
from diffusion_edu.lessons.exercises.lesson_06_channels import ADD_EMBEDDING, MODULATE
from diffusion_edu.lessons.exercises.lesson_06_forward import FORWARD

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

EXERCISES = {
    "06.1": SINUSOID,
    "06.2": MODULATE,
    "06.3": ATTEND,
    "06.4": FORWARD,
    "06.5": ADD_EMBEDDING,
}
