"""Figures that stand still, drawn with matplotlib."""

from matplotlib.figure import Figure

GUESS, REAL, GRID = "#009E73", "#7f7f7f", "#d9d9d9"


def training_curve(pictures, loss, validation):
    """Draw the loss on training and on held-out pictures against the pictures seen; a matplotlib Figure."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    axes.plot(pictures, loss, color=REAL, linewidth=1, linestyle="--", label="pictures trained on")
    axes.plot(pictures, validation, color=GUESS, linewidth=2, label="pictures held out (averaged weights)")
    axes.set(xscale="log", yscale="log", xlabel="pictures seen", ylabel="loss (mean squared error)")
    axes.grid(True, which="both", color=GRID, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure
