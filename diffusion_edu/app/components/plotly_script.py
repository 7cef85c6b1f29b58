"""plotly.js for the components, served by the app itself, so that charts work offline."""

import streamlit as st
from streamlit import runtime

from diffusion_edu.figures.interactive import PLOTLY_SCRIPT


def plotly_url():
    """Serve plotly.js, which the package plotly contains, and return its address; "" where no app is running."""
    if not runtime.exists():
        return ""
    path = runtime.get_instance().media_file_mgr.add(str(PLOTLY_SCRIPT), "text/javascript", "plotly.js")
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"/{base}{path}" if base else path
