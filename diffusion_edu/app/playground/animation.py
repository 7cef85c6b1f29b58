"""The animation of the playground: trajectories of the network and of the exact denoiser, with measurements."""

from dataclasses import asdict

from diffusion_edu.app.playground.trajectories import animation_of
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.figures.charts import Axis, Chart, Series


def animation_for(settings, trajectories, exact, trained):
    """Build the animation of both walks side by side, with their measurements."""
    words = f"{trained.steps:,} training steps in {trained.seconds:.1f} s" if trained else "not trained yet"
    panels = [
        {"name": "network", "title": "Network", "words": words, "empty": "Press Train", "trajectories": trajectories},
        {
            "name": "exact",
            "title": "Exact denoiser",
            "words": "knows all data points",
            "empty": "",
            "trajectories": exact,
        },
    ]
    return animation_of(
        settings.points,
        settings.preset,
        panels,
        settings.label,
        legend="class of the nearest data" if settings.label is None else "condition",
        measurements=measurements(settings, trajectories, exact, trained),
        charts=[asdict(loss_chart(settings, trained))] if trained else [],
    )


def measurements(settings, trajectories, exact, trained):
    """Write the rows of the table: [what, the network's value, the exact denoiser's value, what is good]."""
    data, noise = settings.reference_distances
    loss = f"{trained.losses[-1][1]:.4f}" if trained else "–"
    nfe = settings.preset.nfe(settings.label is not None)

    def both(write):
        return [write(trajectories) if trajectories else "–", write(exact)]

    return [
        [
            "Energy distance",
            *both(lambda walk: f"{settings.distance(walk.x[-1]):.4f}"),
            f"to the data; the data itself {data:.4f}, noise {noise:.2f}",
        ],
        [
            f"Loss ({settings.prediction_type})",
            loss,
            f"{settings.loss_floor:.4f}",
            "no network can go below the exact denoiser",
        ],
        [
            "Seconds",
            *both(lambda walk: f"{walk.seconds:.2f}"),
            f"{settings.count} samples, {nfe} network evaluation{'s' * (nfe > 1)} (NFE) each",
        ],
    ]


def loss_chart(settings, trained):
    """Chart the loss over the seconds of training, with the loss of the exact denoiser as its floor."""
    seconds, losses = zip(*trained.losses, strict=True)
    high, low = max(losses), settings.loss_floor
    room, end = 0.1 * (high - low), max(settings.seconds, seconds[-1])
    series = [
        Series("network", COLOUR["x"], list(losses)),
        Series("exact denoiser", COLOUR["none"], [low] * len(losses), "7 4"),
    ]
    ticks = {f"{value:.2f}": value for value in (low, (low + high) / 2, high)}
    x = Axis("seconds of training", 0, end, {f"{fraction * end:.0f}": fraction * end for fraction in (0, 0.5, 1)})
    alt = (
        f"Loss over {seconds[-1]:.0f} seconds of training, from {losses[0]:.3f} to {losses[-1]:.3f}; that of the "
        f"exact denoiser is {low:.3f}"
    )
    return Chart("Loss", alt, x, Axis("loss", low - room, high + room, ticks), list(seconds), series)
