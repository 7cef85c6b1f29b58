"""Symptoms of samples: by statistics where they were measured, else by what a person reports."""

PHOTOGRAPHS = {"std": 0.5, "correlation": 0.9, "grain": 0.025, "extreme": 0.05}  # of 64x64 in [-1, 1], about


def usual(f, name):
    """Return this statistic of the real data, or of photographs if the data were not measured."""
    known = getattr(f.real, name) if f.real else None
    return PHOTOGRAPHS[name] if known is None else known


def measured(f, name):
    """Return a statistic of the samples, or None."""
    return getattr(f.sampled, name) if f.sampled else None


def is_noise(f):
    """Return whether samples are mostly noise: neighbours are uncorrelated, or samples are far from all real images."""
    correlation = measured(f, "correlation")
    if correlation is not None:
        return correlation < 0.75 * usual(f, "correlation")
    return f.appearance == "noise" or (f.nearest is not None and f.nearest > 4)


def is_grainy(f):
    """Return whether samples are images with more grain than real ones have."""
    grain = measured(f, "grain")
    if grain is None:
        return f.appearance == "grain"
    return not is_noise(f) and grain > max(2 * usual(f, "grain"), usual(f, "grain") + 0.02)


def is_saturated(f):
    """Return whether far more values are black or white than in real images."""
    extreme = measured(f, "extreme")
    return f.appearance == "edges" if extreme is None else extreme > usual(f, "extreme") + 0.15


def is_faded(f):
    """Return whether samples have much less contrast than real images."""
    std = measured(f, "std")
    return f.appearance == "grey" if std is None else std < 0.7 * usual(f, "std")
