"""Text of people (names of classes, models, files, prompts, messages about them) as text, not as Markdown."""

import re

MARKDOWN = re.compile(
    r"[\\`*\[\]<>$~|]"  # emphasis, code, links, HTML, mathematics, tables
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis, but not inside a_name
    r"|:(?=[^\W\d]|/)|(?<=\w)@(?=\w)|(?<=www)\.|&(?=#?\w+;)|!(?=\[)"  # directives, links, addresses, entities, images
    r"|^(?:[#+=-]|\d+(?=[.)]\s))"  # headings, lists
)
SHORTCODE = re.compile(r":(?=[\w+-]+:|material/|streamlit:)")  # Streamlit reads these even after a backslash
JOINER = "\u2060"  # a word joiner, which nobody sees


def plain(text: object) -> str:
    r"""Write a text for Markdown so that it is shown letter by letter: "a*b" becomes "a\*b"; line breaks are spaces."""
    words = " ".join(str(text).split())
    return SHORTCODE.sub(f":{JOINER}", MARKDOWN.sub(_escaped, words))


def _escaped(found):
    sign = found[0]
    return f"{sign}\\" if sign[0].isdigit() else f"\\{sign}"
