"""The part of the text-to-image page on single words: where the drawing looks among them, and what it is without one."""

import streamlit as st

from diffusion_edu.analysis.attention import by_word, deaf, ignoring, listening, looking
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs import task as tasks
from diffusion_edu.app.text_to_image import attention_animation, request
from diffusion_edu.app.text_to_image.attention_animation import ALL, START, Heard
from diffusion_edu.app.text_to_image.request import BOUND
from diffusion_edu.app.text_to_image.word_ablation import Unheard
from diffusion_edu.networks.text import WordAttention

LOOKS, WITHOUT = "where it looks", "without a word"
LOOK_FOR = {
    LOOKS: "Click a word and drag the bar: **which places of the image look at it, and from which timestep on?**",
    WITHOUT: "Take a word away from the same noise: **does the image change where you thought, and is it enough not to look?**",
}
SAYS = (
    "Light is where a place gives the chosen word most of its attention, dark where least; the numbers say how far that is apart. Every place shares "
    f"out 100 % among the words, a word of several pieces counted as one, and {START}, which stands before every prompt and has read all of it. "
    "That a place looks at a word says that it asked, not yet that the answer mattered: for that take the word away."
)
WAYS = (
    "**Not looked at**: the text is read whole, but no place may look at the word. What the other words and the start have read of it comes through "
    "all the same, and the start is heard in every part of the network. **Left out**: the text is read without the word, so that nobody has heard "
    "of it. How much nearer the first stays than the second is what the neighbours told of the word."
)
DEAF = "Guidance 0 does not listen to the prompt: choose more"


def show(order):
    """Show this part of the page."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    look = row.segmented_control(
        "Look at", list(LOOK_FOR), default=LOOKS, required=True, key="words", label_visibility="collapsed", **BOUND
    )
    able = request.able(order)
    read = able.reader.read(order.prompt)
    if not read.words or order.preset.guidance_scale == 0:
        why = DEAF if read.words else "There is no word in the prompt that the model knows: type some"
        st.info(f"{why}, and see here where the drawing looks.", icon=":material/info:")
        return
    st.markdown(LOOK_FOR[look])
    request.tell(order.ask(able))
    (_looks if look == LOOKS else _without)(Heard(order, read.words), row)


def _looks(task, row):
    done = tasks.keep_up(task, request.get)
    if not done:
        return
    shown, moments, words = done
    names = attention_animation.layers(moments[0].looks)
    layer = names[_choose(row, "Layer, and how many places it has", list(names), "layer", len(names) - 1)]
    heads = moments[0].looks[layer].shape[1]
    head = _choose(row, "Heads", [ALL, *(f"head {k + 1}" for k in range(heads))], "head")
    attention_animation.show(shown.reel(moments, layer, head), "looks", shown.columns[telling(shown)])
    st.caption(f"{words} {SAYS}")
    show_code(shown.code(layer, head), listening, looking, by_word, WordAttention, does="read exactly these numbers")


def _without(task, row):
    names = task.columns[1:]
    _forget("gone", lambda chosen: set(chosen) <= set(names))
    first = [task.columns[telling(task)]]
    gone = row.multiselect(
        "Without",
        names,
        first,
        key="gone",
        placeholder="Choose words to take away",
        label_visibility="collapsed",
        **BOUND,
    )
    if not gone:
        st.info("Choose at least one word to take away.", icon=":material/info:")
        return
    wanted = Unheard(task.order, task.prompt, tuple(sorted(map(names.index, gone))))
    if done := tasks.keep_up(wanted, request.get):
        _, animation, words = done
        play(animation, key=wanted.key)
        st.caption(f"{words} {WAYS}")
    show_code(wanted.code, deaf, ignoring, does="draw exactly these images")


def telling(task):
    """Choose the word that is shown first: the first long one, for short ones hold sentences together."""
    return next((at for at, word in enumerate(task.columns) if at and len(word) > 4), 1)


def _choose(row, label, options, key, first=0):
    """Ask for one of the options, which may be others than before."""
    _forget(key, options.__contains__)
    return row.selectbox(label, options, first, key=key, label_visibility="collapsed", width=150, help=label, **BOUND)


def _forget(key, fits):
    """Forget a choice that another prompt, or another model, has left behind."""
    if key in st.session_state and not fits(st.session_state[key]):
        del st.session_state[key]
