"""Random prompts for a model that draws what a text says: mixed anew, unseen ones, or those that it has learned from; of chosen categories."""

import random
import tempfile
from pathlib import Path

import streamlit as st

from diffusion_edu.app.common.image_picker import UNLINKED
from diffusion_edu.checkpoints import available
from diffusion_edu.data.prompts import load_prompts, pick
from diffusion_edu.text.random_prompts import ORDER, chain, place

MIXED, UNSEEN, LEARNED = "mixed", "unseen", "learned"
SAYS = (
    "- **mixed**: word follows word as in the captions that it learned from; the sentence is new.\n"
    "- **unseen**: written by people in the same style, and no caption that it learned from.\n"
    "- **learned**: captions that it has learned from. With the model come those that were made for photographs of flowers; "
    "the captions of scenes are other people's: hand in their file."
)
FILES = {
    UNSEEN: "unseen",
    LEARNED: "captions",
}  # NAME.unseen.json lies beside the weights; a training leaves NAME.captions.json
BOUND = {"bind": "query-params"}


def offer(card, key):
    """Let chance choose a prompt, and put it into the widget of this key."""
    source = st.segmented_control(
        "Prompts", [MIXED, UNSEEN, LEARNED], default=MIXED, required=True, key="prompts", help=SAYS, **BOUND
    )
    try:
        draw, categories = _mixed(card) if source == MIXED else _listed(card, source)
    except ValueError as problem:  # Unusable is one too
        st.info(str(problem), icon=":material/info:")
        return
    chosen = []
    if len(categories) > 1:
        chosen = st.pills(
            "Categories",
            categories,
            selection_mode="multi",
            key=f"categories {categories}",
            help="None chosen: all of them.",
        )
    if st.button("Take one", type="primary", icon=":material/casino:", key="take one", width="stretch"):
        st.session_state[key] = draw(random.randrange(2**31), chosen).text


def _mixed(card):
    """What draws a new prompt of chosen categories by its seed, and the categories there are."""
    known = available()
    path = place(known[card.name].parent, card.name)
    able = _chain(card.name, path.stat().st_mtime_ns if path.is_file() else None)
    words = "The next word is one that followed so many words in captions. 1: nonsense, in the right words. 5: nearly a caption."
    order = st.slider("Words looked back at", 1, ORDER, 2, key="back", help=words, **BOUND)
    return lambda seed, chosen: able.draw(seed, order, chosen), sorted(
        {category for category in able.categories.values() if category}
    )


def _listed(card, source):
    """What picks a prompt that somebody wrote, and the categories there are; raises ValueError, in one sentence, if there are none."""
    path = available()[card.name].with_suffix(f".{FILES[source]}.json")
    given = st.file_uploader(
        "A file with prompts",
        key=f"file {source}",
        help=f"A parquet or JSON file, or a prompt in every line. {UNLINKED}",
    )
    if given:
        said = _handed_in(given.getvalue(), given.name)
    elif path.is_file():
        said = _read(str(path), path.stat().st_mtime_ns)
    else:
        raise ValueError(
            f"No such prompts came with {card.title}: hand in a file with them, for example the one it was trained on."
        )
    return lambda seed, chosen: pick(said, seed, chosen), sorted({each.category for each in said if each.category})


@st.cache_resource(max_entries=2, show_spinner=False)
def _chain(name, changed):
    return chain(name)


@st.cache_data(max_entries=4, show_spinner=False)
def _read(path, changed):
    return load_prompts(path)


@st.cache_data(max_entries=4, show_spinner="Reading the prompts ...")
def _handed_in(data, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(data)
        return load_prompts(path)
