"""Charts with hover, zoom and export, by plotly: the same look for all that stand on a page."""

import math
from pathlib import Path

import plotly
import plotly.graph_objects as go

PLOTLY_SCRIPT = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"  # the same library for browsers
INK = "#808080"  # readable on white and on black
PLAIN = "rgba(0, 0, 0, 0)"


def figure(chart, height=290):
    """Draw a charts.Chart whose curves do not change, as a plotly figure that takes its text colours from the page."""
    drawn = go.Figure([_trace(series, chart) for series in chart.series])
    drawn.update_layout(
        title={"text": chart.title, "font": {"size": 14}, "x": 0, "xanchor": "left", "xref": "paper"},
        xaxis={**_axis(chart.x), "showgrid": False},
        yaxis=_axis(chart.y),
        height=height,
        margin={"l": 10, "r": 10, "t": 36, "b": 10},
        legend={"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "font": {"size": 12}},
        font={"size": 12},
        paper_bgcolor=PLAIN,
        plot_bgcolor=PLAIN,
        hovermode="closest",
        meta={"alt": chart.alt},
    )
    return drawn


def _trace(series, chart):
    x = _unlog(chart.x, chart.at if series.x is None else series.x)
    y = _unlog(chart.y, series.y)
    colour = INK if series.colour == "currentColor" else series.colour
    label = f"<b>{series.label}</b><br>" if series.label else ""
    return go.Scatter(
        x=x,
        y=y,
        name=series.label,
        mode="lines+markers" if series.bands else "lines",
        line={"color": colour, "dash": _dash(series.dash), "width": 2},
        marker={"color": colour, "size": 5},
        error_y=_bars(series, chart.y, y),
        showlegend=bool(series.label),
        legendgroup=series.label,
        hovertemplate=f"{label}{chart.x.title}: %{{x:.4~g}}<br>{chart.y.title}: %{{y:.4~g}}<extra></extra>",
    )


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
