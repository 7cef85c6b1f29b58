"""Charts of classifier-free guidance: the predictions as arrows, and their lengths and angles over the timesteps."""

import torch

from diffusion_edu.analysis.measures import angle
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES
from diffusion_edu.figures.charts import Chart, Series, round_axis, timestep_axis

GUIDANCE = "#E69F00"  # the colour of guidance
PREDICTION = COLOUR["x0_hat"]
STYLES = {  # symbol: (colour, dash) of the unconditional, the conditional and the guided prediction
    "∅": (PREDICTION, DASHES[1]),
    "c": (PREDICTION, DASHES[0]),
    "g": (GUIDANCE, DASHES[0]),
}
DIFFERENCE_STYLE = COLOUR["none"], DASHES[2]


def rms(v):
    """Return the length of a vector divided by the root of its number of values (root mean square), a float."""
    return v.double().square().mean().sqrt().item()


def arrow_chart(steps, origin):
    """Draw the three predictions of every GuidanceStep as arrows in their plane; origin is the zero point in words."""
    planes = [step.plane for step in steps]
    tips = torch.cat(planes)
    series = [
        Series(
            symbol,
            colour,
            [[0.0, plane[k, 1].item()] for plane in planes],
            dash,
            [[0.0, plane[k, 0].item()] for plane in planes],
        )
        for k, (symbol, (colour, dash)) in enumerate(STYLES.items())
    ]
    line = [[plane[[0, 2], k].tolist() for plane in planes] for k in range(2)]
    series.append(Series("", COLOUR["none"], line[1], DASHES[2], line[0]))
    margin = -0.15 * tips[:, 1].max().item()  # room for a label below the axis
    titles = ("along ∅ (RMS)", "across")
    axes = [round_axis(title, [0.0, *tips[:, k].tolist(), margin * k]) for k, title in enumerate(titles)]
    alt = f"The three predictions as arrows from {origin} in the plane they span: their tips lie on one line"
    return Chart("Three vectors, one line", alt, *axes, [], series, equal=True)


def timestep_charts(steps):
    """Draw the lengths of the predictions of every GuidanceStep, and the angles between them, over the timesteps."""
    return [_lengths(steps), _angles(steps)]


def _lengths(steps):
    styles = {
        "unconditional": ("∅", *STYLES["∅"]),
        "conditional": ("c", *STYLES["c"]),
        "guided": ("g", *STYLES["g"]),
        "difference": ("c − ∅", *DIFFERENCE_STYLE),
    }
    series = [
        Series(symbol, colour, [rms(getattr(step, name)) for step in steps], dash)
        for name, (symbol, colour, dash) in styles.items()
    ]
    return _over_timesteps(
        "Lengths", "Lengths of the predictions and of their difference", "length (RMS)", steps, series
    )


def _angles(steps):
    series = [
        Series("c from ∅", PREDICTION, [angle(step.unconditional, step.conditional) for step in steps]),
        Series("g from ∅", GUIDANCE, [angle(step.unconditional, step.guided) for step in steps], DASHES[1]),
    ]
    return _over_timesteps("Angles", "Angles between the predictions", "degrees", steps, series)


def _over_timesteps(title, alt, unit, steps, series):
    timesteps = [step.t for step in steps]
    T = timesteps[0]
    x = timestep_axis(T)
    y = round_axis(unit, [value for one in series for value in one.y], low=0)
    alt = f"{alt} over all timesteps, from noise at timestep {T}, left, to the image"
    return Chart(title, alt, x, y, timesteps, series, cursor=True)
