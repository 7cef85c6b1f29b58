"""Charts on a page, side by side where there is room."""

import streamlit as st

from diffusion_edu.figures.interactive import figure

CONFIG = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}


def plot(charts, key, height=260):
    """Show a list of charts.Chart whose curves do not change, with hover, zoom and export; height in pixels."""
    for number, (column, chart) in enumerate(zip(st.columns(len(charts)), charts, strict=True)):
        column.plotly_chart(figure(chart, height), key=f"{key}_{number}", config=CONFIG)
