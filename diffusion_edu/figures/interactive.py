"""Charts with hover, zoom and export, by plotly: the same look for all that stand on a page."""

import math
from html import escape
from pathlib import Path

import numpy as np
import plotly
import plotly.graph_objects as go

from diffusion_edu.figures.still import GUIDANCE

PLOTLY_SCRIPT = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"  # the same library for browsers
INK = "#808080"  # readable on white and on black
PLAIN = "rgba(0, 0, 0, 0)"


def figure(chart, height=290):
    """Draw a charts.Chart whose curves do not change, as a plotly figure that takes its text colours from the page."""
    drawn = go.Figure([_trace(series, chart) for series in chart.series])
    drawn.update_layout(
        **_plain(chart.title, height),
        xaxis={**_axis(chart.x), "showgrid": False},
        yaxis=_axis(chart.y),
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
        hovermode="closest",
        meta={"alt": chart.alt},
    )
    return drawn


def _trace(series, chart):
    x = _unlog(chart.x, chart.at if series.x is None else series.x)
    y = _unlog(chart.y, series.y)
    colour = INK if series.colour == "currentColor" else series.colour
    name = shown(series.label)
    label = f"<b>{name}</b><br>" if name else ""
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        mode="lines+markers" if series.bands else "lines",
        line={"color": colour, "dash": _dash(series.dash), "width": 2},
        marker={"color": colour, "size": 5},
        error_y=_bars(series, chart.y, y),
        showlegend=bool(series.label),
        legendgroup=series.label,
        hovertemplate=f"{label}{chart.x.title}: %{{x:.4~g}}<br>{chart.y.title}: %{{y:.4~g}}<extra></extra>",
    )


def shown(name):
    """Write a name for plotly, which reads HTML and fields such as %{x}, so that it is shown as it is."""
    return escape(name, quote=False).replace("%{", "%&#123;")


def _bars(series, axis, y):
    """Turn the band of each point into error bars above and below it."""
    if not series.bands:
        return None
    ends = [_unlog(axis, band) for band in series.bands]
    return {
        "array": [high - at for at, (_, high) in zip(y, ends, strict=True)],
        "arrayminus": [at - low for at, (low, _) in zip(y, ends, strict=True)],
        "thickness": 1.5,
        "width": 3,
    }


def _axis(axis):
    # plotly wants the ends of a logarithmic axis as common logarithms, and everything else as plain numbers
    shrink = math.log10(axis.base) if axis.base else 1
    return {
        "title": {"text": axis.title, "standoff": 6},
        "type": "log" if axis.base else "linear",
        "range": [axis.low * shrink, axis.high * shrink],
        "tickvals": _unlog(axis, axis.ticks.values()),
        "ticktext": list(axis.ticks),
        "zeroline": False,
        "gridcolor": "rgba(128, 128, 128, 0.3)",
        "automargin": True,
    }


def _unlog(axis, values):
    return [axis.base**value if axis.base and value is not None else value for value in values]


def _dash(dash):
    return ",".join(f"{length}px" for length in dash.split()) if dash else "solid"


def heat_map(title, values, x, y, at, signed=True, height=260):
    """Show values (rows, columns) as colours, the first row on top; x and y are charts.Axis, `at` = positions of both.

    Signed values are white at zero, and the largest 2 % share one colour.
    """
    values = np.asarray(values, dtype=np.float32).round(3)
    most = max(float(np.quantile(np.abs(values), 0.98)), 1e-9)
    colours = {"colorscale": "PuOr", "zmin": -most, "zmax": most} if signed else {"colorscale": "Cividis"}
    words = f"{x.title}: %{{x}}<br>{y.title}: %{{y}}<br>value: %{{z:.3~g}}<extra></extra>"
    drawn = go.Figure(
        go.Heatmap(
            z=values, x=at[0], y=at[1], hovertemplate=words, colorbar={"thickness": 10, "outlinewidth": 0}, **colours
        )
    )
    drawn.update_layout(
        **_plain(title, height), xaxis={**_axis(x), "showgrid": False}, yaxis={**_axis(y), "showgrid": False}
    )
    return drawn


def class_map(positions, colours, names, chosen, nearest, height=380):
    """Show classes at positions (n, 2) as dots in their colours (n).

    The chosen class is named, its nearest classes are numbered from 1, and all names are shown on hover.
    """
    x, y = np.asarray(positions, dtype=np.float64).round(4).T
    labels = {chosen: shown(names[chosen]), **{k: str(number) for number, k in enumerate(nearest, 1)}}
    lines = [axis[k] if k is not None else None for axis in (x, y) for near in nearest for k in (chosen, near, None)]
    half = len(lines) // 2
    emphasis = [k == chosen for k in range(len(names))]
    dots = {
        "color": list(colours),
        "size": [16 if one else 9 for one in emphasis],
        "line": {"color": [GUIDANCE if one else INK for one in emphasis], "width": 1.5},
    }
    text = [f"<b>{labels[k]}</b>" if k in labels else "" for k in range(len(names))]
    line = {"color": INK, "dash": "dot", "width": 1}
    links = go.Scatter(x=lines[:half], y=lines[half:], mode="lines", line=line, hoverinfo="skip")
    words = {"text": text, "textposition": "top center", "hovertext": [shown(name) for name in names]}
    hover = "%{hovertext}<extra></extra>"
    points = go.Scatter(x=x, y=y, mode="markers+text", marker=dots, hovertemplate=hover, **words)
    drawn = go.Figure([links, points])
    hidden = {"showticklabels": False, "showgrid": False, "zeroline": False}
    hidden |= {"showline": True, "mirror": True, "linecolor": INK}
    drawn.update_layout(**_plain("", height), xaxis=hidden, yaxis=hidden, showlegend=False)
    return drawn


def _plain(title, height):
    """The layout of every figure: title, height, margins, and the colours of the page."""
    return {
        "title": {"text": title, "font": {"size": 14}, "x": 0, "xanchor": "left", "xref": "paper"},
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 36 if title else 10, "b": 10},
        "font": {"size": 12},
        "paper_bgcolor": PLAIN,
        "plot_bgcolor": PLAIN,
    }
