"""Text of people (names of classes, models, files, prompts, messages about them) as text, not as Markdown."""

import re

MARKDOWN = re.compile(
    r"[\\`*\[\]<>$~|]"  # emphasis, code, links, HTML, mathematics, tables
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis, but not inside a_name
    r"|:(?=[^\W\d])|&(?=#?\w+;)|!(?=\[)"  # Streamlit's colours, entities, images
    r"|^(?:[#+=-]|\d+(?=[.)]\s))"  # headings, lists
)
SIGNS = re.compile(r":(?=[\w+-]+:|material/|streamlit:)|(?<!\S)[-<](?=[->](?!\S))")  # :smile:, ->, --
JOINER = "\u2060"  # a word joiner, which nobody sees: no backslash keeps Streamlit from turning these into signs


def plain(text: object) -> str:
    r"""Write a text for Markdown so that it is shown letter by letter: "a*b" becomes "a\*b"; line breaks are spaces."""
    words = " ".join(str(text).split())
    return MARKDOWN.sub(_escaped, SIGNS.sub(rf"\g<0>{JOINER}", words))


def _escaped(found):
    sign = found[0]
    return f"{sign}\\" if sign[0].isdigit() else f"\\{sign}"
