"""The explanation of an exhibit, with the source of the wrong function and of the test that finds the mistake."""

import ast

import streamlit as st

from diffusion_edu.app.common.source_code import read_once, source_of
from diffusion_edu.museum.moments import FINAL_STD
from diffusion_edu.paths import REPOSITORY

EXACT = (
    "The number is exact, not sampled: for normal data, N(0, 0.02²), the best network is linear, and the standard "
    "deviation at the end of a whole walk follows step by step (linear schedule, T = 1000). With few steps it is below "
    "0.02 even without a mistake; a grainy image does not repair that."
)


def show_sources(exhibit):
    """Explain the mistake, and show the wrong function beside the test that finds it."""
    path, name = exhibit.test.split("::")
    st.markdown(
        f"**Why:** {exhibit.why}  \n**The mistake:** {exhibit.mistake}  \n**Where it happened:** {exhibit.source}."
    )
    if FINAL_STD in exhibit.unit:
        st.caption(EXACT)
    wrong, test = st.columns(2, gap="medium")
    wrong.markdown("**The wrong line** is marked; this very function made the images above:")
    wrong.code(source_of(exhibit.wrong), wrap_lines=True)
    test.markdown(f"**The test that finds it**, in `{path}`:")
    test.code(source_of_test(path, name), wrap_lines=True)


@read_once
def source_of_test(path, name):
    """Return the source of a test function, or a comment if the tests are not installed."""
    try:
        text = (REPOSITORY / path).read_text(encoding="utf-8")
    except OSError:
        return f"# {path}::{name} is part of the project's repository, not of the installed package"
    found = next(part for part in ast.parse(text).body if isinstance(part, ast.FunctionDef) and part.name == name)
    first = min([found.lineno, *(mark.lineno for mark in found.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : found.end_lineno])
