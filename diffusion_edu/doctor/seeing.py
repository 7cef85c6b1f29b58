"""What is seen on the sampled images: by measure where they were measured, else by what a person says."""

PLAIN = {"std": 0.5, "neighbours": 0.9, "grain": 0.025, "edges": 0.05}  # photographs of 64x64 in [-1, 1], about


def normal(f, name):
    """What the data have in this measure, or photographs where the data were not measured."""
    known = getattr(f.real, name) if f.real else None
    return PLAIN[name] if known is None else known


def measured(f, name):
    """A measure of the sampled images, or None."""
    return getattr(f.sampled, name) if f.sampled else None


def noisy(f):
    """Whether the samples are noise more than image: neighbours differ, or they are far from everything real."""
    neighbours = measured(f, "neighbours")
    if neighbours is not None:
        return neighbours < 0.75 * normal(f, "neighbours")
    return f.look == "noise" or (f.nearest is not None and f.nearest > 4)


def grainy(f):
    """Whether there is an image with more fine noise on it than real ones have."""
    grain = measured(f, "grain")
    return (
        f.look == "grain"
        if grain is None
        else not noisy(f) and grain > max(2 * normal(f, "grain"), normal(f, "grain") + 0.02)
    )


def glaring(f):
    """Whether far more values are black or white, or beyond, than in real images."""
    edges = measured(f, "edges")
    return f.look == "edges" if edges is None else edges > normal(f, "edges") + 0.15


def faded(f):
    """Whether the samples have much less contrast than real ones."""
    std = measured(f, "std")
    return f.look == "grey" if std is None else std < 0.7 * normal(f, "std")
