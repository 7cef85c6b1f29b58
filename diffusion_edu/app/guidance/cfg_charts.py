"""Charts of the three predictions of guidance, without the condition, with it, and the guided one: as arrows, and their lengths and angles."""

import torch

from diffusion_edu.analysis.measures import angle
from diffusion_edu.app.guidance.sweep_view import GUIDANCE
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Axis, Chart, Series, round_axis

GREEN = COLOUR["x0_hat"]
LOOKS = {
    "∅": (GREEN, DASHES[1]),
    "c": (GREEN, DASHES[0]),
    "g": (GUIDANCE, DASHES[0]),
}  # unconditional, conditional, guided
APART = COLOUR["none"], DASHES[2]  # what lies between the first two


def length(v):
    """The length of a vector, as the root of its mean square, so that it does not depend on how many pixels there are."""
    return v.double().square().mean().sqrt().item()


def plane(moments, origin):
    """Draw the predictions of steering.Moments as arrows in the plane that they span; origin says in words where they begin."""
    planes = [moment.plane for moment in moments]
    ends = torch.cat(planes)
    series = [
        Series(
            name,
            colour,
            [[0.0, plane[k, 1].item()] for plane in planes],
            dash,
            [[0.0, plane[k, 0].item()] for plane in planes],
        )
        for k, (name, (colour, dash)) in enumerate(LOOKS.items())
    ]
    through = [[plane[[0, 2], k].tolist() for plane in planes] for k in range(2)]
    series.append(Series("", COLOUR["none"], through[1], DASHES[2], through[0]))
    room = -0.15 * ends[:, 1].max().item()  # below the axis, for a name
    axes = [
        round_axis(title, [0.0, *ends[:, k].tolist(), room * k]) for k, title in enumerate(("along ∅ (RMS)", "across"))
    ]
    alt = f"The three predictions as arrows from {origin} in the plane they span: their tips lie on one line"
    return Chart("Three vectors, one line", alt, *axes, [], series, equal=True)


def over_timesteps(moments):
    """Draw how long the predictions of steering.Moments are, and the angles between them, over the timesteps."""
    at = [moment.t for moment in moments]
    timestep = Axis("timestep t", at[0], 0, {str(t): t for t in (at[0], at[0] // 2, 0)})
    looks = {
        "unconditional": ("∅", *LOOKS["∅"]),
        "conditional": ("c", *LOOKS["c"]),
        "guided": ("g", *LOOKS["g"]),
        "difference": ("c − ∅", *APART),
    }
    series = [
        Series(letter, colour, [length(getattr(m, name)) for m in moments], dash)
        for name, (letter, colour, dash) in looks.items()
    ]
    long = round_axis("length (RMS)", [y for one in series for y in one.y], low=0)
    turns = [
        Series("c from ∅", GREEN, [angle(m.unconditional, m.conditional) for m in moments]),
        Series("g from ∅", GUIDANCE, [angle(m.unconditional, m.guided) for m in moments], DASHES[1]),
    ]
    wide = round_axis("degrees", [y for one in turns for y in one.y], low=0)
    over = f"over all timesteps, from noise at timestep {at[0]}, left, to the image"
    return [
        Chart(
            "Lengths",
            f"Lengths of the predictions and of their difference {over}",
            timestep,
            long,
            at,
            series,
            cursor=True,
        ),
        Chart("Angles", f"Angles between the predictions {over}", timestep, wide, at, turns, cursor=True),
    ]
