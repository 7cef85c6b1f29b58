"""The frame of every page: the list of pages, the title, images side by side, and the code behind the page."""

from contextlib import contextmanager

import streamlit as st

from diffusion_edu.app.common.source_code import source_of
from diffusion_edu.app.common.state import AFRESH, PAGE, guarded

PAGES = {  # its file: its name in keys and links, its title, its symbol
    "streamlit_app.py": ("home", "Home", ":material/home:"),
    "pages/1_Adding_noise.py": ("noise", "Adding noise", ":material/grain:"),
    "pages/2_Denoise_once.py": ("denoise", "Denoise once", ":material/visibility:"),
    "pages/3_Sampling.py": ("sampling", "Sampling", ":material/animation:"),
    "pages/4_Compare.py": ("compare", "Compare", ":material/compare:"),
    "pages/5_Steps_and_seeds.py": ("steps", "Steps and seeds", ":material/stairs:"),
    "pages/6_Playground_2D.py": ("points", "2-D playground", ":material/scatter_plot:"),
    "pages/7_Inside_the_U-Net.py": ("unet", "Inside the U-Net", ":material/account_tree:"),
    "pages/8_Cold_diffusion.py": ("cold", "Cold diffusion", ":material/ac_unit:"),
    "pages/9_Guidance.py": ("guidance", "Guidance", ":material/explore:"),
    "pages/10_Editing.py": ("editing", "Editing", ":material/brush:"),
    "pages/11_Text_to_image.py": ("text", "Text to image", ":material/text_fields:"),
    "pages/13_Evaluate_and_debug.py": ("evaluate", "Evaluate and debug", ":material/bug_report:"),
}

LESSONS = {  # the name of a page: the lessons that build what it shows; on Home and in the course, all are listed
    "noise": ("01_adding_noise",),
    "denoise": ("02_denoising_once",),
    "sampling": ("00_start_and_seeds", "04_ddpm"),
    "compare": ("04_ddpm", "05_ddim_and_fast_solvers"),
    "steps": ("00_start_and_seeds", "05_ddim_and_fast_solvers"),
    "points": ("03_diffusion_in_2d", "13_capstone"),
    "unet": ("06_unets",),
    "cold": ("08_cold_diffusion",),
    "guidance": ("09_classes_and_guidance",),
    "editing": ("10_editing_and_cascades",),
    "text": ("11_latents_and_text",),
    "evaluate": ("07_training", "12_evaluate_and_reflect", "13_capstone"),
}


@contextmanager
def page(name, title, question, icon):
    """Run a page: `with page("sampling", ...): show()`.

    It begins with the list of all pages, its title and the question that it answers, and ends with its lessons. `name`
    is the first part of the keys of everything that is the page's own, and so of its settings in links. Nobody sees a
    traceback.
    """
    st.set_page_config(page_title=f"{title} · diffusion_edu", page_icon=icon, layout="wide")
    st.session_state[PAGE] = name
    with st.sidebar.container(gap="xsmall"):
        for path, (_, label, symbol) in PAGES.items():
            st.page_link(path, label=label, icon=symbol)
    st.title(title, anchor=False)
    st.markdown(question)
    try:
        with guarded():
            yield
        if name in LESSONS:  # at the end: what a page shows must be visible without scrolling
            show_lessons(LESSONS[name])
    finally:
        st.session_state.pop(AFRESH, None)


def show_lessons(names):
    """Name the lessons in which students build what this page shows, and how to open them."""
    files = ", ".join(f"`{name}.ipynb`" for name in names)
    st.caption(f"Build it yourself in the course: {files}. The command `diffusion-edu lab` opens it.")


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
            st.code(source_of(function), language="python", wrap_lines=True)
