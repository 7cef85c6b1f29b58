"""The frame of every page: the list of pages, the title, images side by side, and the code behind the page."""

import inspect

import streamlit as st

PAGES = {
    "streamlit_app.py": ("Home", ":material/home:"),
    "pages/1_Adding_noise.py": ("Adding noise", ":material/grain:"),
    "pages/2_Denoise_once.py": ("Denoise once", ":material/visibility:"),
    "pages/3_Sampling.py": ("Sampling", ":material/animation:"),
    "pages/4_Compare.py": ("Compare", ":material/compare:"),
    "pages/5_Steps_and_seeds.py": ("Steps and seeds", ":material/stairs:"),
    "pages/6_Playground_2D.py": ("2-D playground", ":material/scatter_plot:"),
    "pages/7_Inside_the_U-Net.py": ("Inside the U-Net", ":material/account_tree:"),
    "pages/8_Cold_diffusion.py": ("Cold diffusion", ":material/ac_unit:"),
    "pages/9_Guidance.py": ("Guidance", ":material/explore:"),
    "pages/10_Editing.py": ("Editing", ":material/brush:"),
    "pages/11_Text_to_image.py": ("Text to image", ":material/text_fields:"),
    "pages/13_Evaluate_and_debug.py": ("Evaluate and debug", ":material/bug_report:"),
}


def page(title, question, icon):
    """Begin a page: the list of all pages, its own title, and the question that it answers."""
    st.set_page_config(page_title=f"{title} · diffusion_edu", page_icon=icon, layout="wide")
    with st.sidebar.container(gap="xsmall"):
        for path, (name, symbol) in PAGES.items():
            st.page_link(path, label=name, icon=symbol)
    st.title(title, anchor=False)
    st.markdown(question)


def lesson(name):
    """Name the lesson that builds what this page shows, and how to open it."""
    path = f"lessons/{name}.ipynb"
    st.caption(f"Lesson: `{path}`. Open it with `jupyter lab {path}`.")


def show_images(images):
    """Show (uint8 (h, w, 3), caption, alt) side by side at their own size where there is room.

    Too wide ones are shrunk.
    """
    with st.container(horizontal=True, gap="small"):
        for image, caption, alt in images:
            st.container(width=image.shape[1]).image(image, caption=caption, alt=alt)


def show_code(code, *functions, does="generate exactly these images"):
    """Show the Python that reproduces what is on screen, and the source of the functions it calls."""
    with st.expander("Show the code", icon=":material/code:"):
        st.caption(f"These lines {does}:")
        st.code(code, language="python", wrap_lines=True)
        for function in functions:
            st.caption(f"`{function.__name__}`, the source in `{function.__module__.replace('.', '/')}.py`:")
            st.code(inspect.getsource(function), language="python", wrap_lines=True)
