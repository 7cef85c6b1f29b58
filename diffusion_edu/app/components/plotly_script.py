"""plotly.js for the components, served by the app itself, so that charts work offline."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import streamlit as st
from streamlit import runtime

from diffusion_edu.figures.interactive import PLOTLY_SCRIPT


def plotly_url():
    """Serve plotly.js, which the package plotly contains, and return its address; "" where no app is running."""
    if not runtime.exists():
        return ""
    path = _served(runtime.get_instance().media_file_mgr)
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"/{base}{path}" if base else path


@cache
def _served(files):
    """Hand the script, 4.8 MB, to the media files of the app once, from a thread of no session: it stays for all."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(files.add, str(PLOTLY_SCRIPT), "text/javascript", "plotly.js").result()
