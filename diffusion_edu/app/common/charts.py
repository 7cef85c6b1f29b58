"""Charts on a page, side by side where there is room."""

import streamlit as st

from diffusion_edu.app.common.state import own
from diffusion_edu.figures.interactive import figure

CONFIG = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}


def plot(charts, key, height=260):
    """Show a list of charts.Chart whose curves do not change, with hover, zoom and export; height in pixels."""
    show_figures([figure(chart, height) for chart in charts], key, len(charts))


def show_figures(figures, key, columns):
    """Show plotly figures in so many columns, row by row."""
    for first in range(0, len(figures), columns):
        row = figures[first : first + columns]
        for number, (place, drawn) in enumerate(zip(st.columns(columns), row, strict=False), first):
            place.plotly_chart(drawn, key=own(f"{key}_{number}"), config=CONFIG)
