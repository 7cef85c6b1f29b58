"""Formulas as MathML, which browsers draw without a script: the book needs no network for them."""

import re

from latex2mathml.converter import convert
from sphinx.util import logging

SIGN = re.compile(r"(<mo[^>]*>(?:&#x00028;|\[|&#x0002C;|&#x0003D;)</mo>)<mo>&#x02212;</mo>")  # not a difference
LOG = logging.getLogger(__name__)


def formula(latex, display):
    """Turn LaTeX into a `math` element, inline or as a block; several lines are aligned at their `&`."""
    if display and ("\\\\" in latex or "&" in latex) and "\\begin" not in latex:
        latex = rf"\begin{{align*}}{latex}\end{{align*}}"
    latex = latex.replace("{aligned}", "{align*}").replace("{split}", "{align*}")  # the converter knows this one
    markup = convert(latex, display="block" if display else "inline")
    if unknown := re.search(r"<m[ion]>(\\[a-zA-Z]+)", markup):
        raise ValueError(f"{unknown[1]} is unknown")
    return SIGN.sub(r'\1<mo form="prefix">&#x02212;</mo>', markup)


def draw(writer, node, display):
    """Write one formula into the page; what cannot be read is a warning, and stands there as it was written."""
    try:
        markup = formula(node.astext(), display)
    except Exception as problem:  # the converter raises many types
        LOG.warning("a formula cannot be read (%s): %s", type(problem).__name__, node.astext(), location=node)
        markup = writer.encode(node.astext())
    writer.body.append(f'<div class="formula">{markup}</div>' if display else markup)


def inline(writer, node):
    """Write a formula that stands in a sentence."""
    from docutils.nodes import SkipNode

    draw(writer, node, display=False)
    raise SkipNode


def block(writer, node):
    """Write a formula that stands by itself."""
    from docutils.nodes import SkipNode

    draw(writer, node, display=True)
    raise SkipNode


def setup(app):
    """Tell Sphinx of it."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
