"""The tab "Words": cross-attention to each word, and word ablation."""

import streamlit as st

from diffusion_edu.analysis.attention import (
    by_word,
    mask_tokens,
    masking_guidance,
    record_attention,
    recording_guidance,
)
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs.task import animation_task, keep_done
from diffusion_edu.app.text_to_image import attention_animation, request
from diffusion_edu.app.text_to_image.attention_recording import ALL_HEADS, START_TOKEN, AttentionRecording
from diffusion_edu.app.text_to_image.word_ablation import WordAblation
from diffusion_edu.networks.text import CrossAttention

ATTENTION, ABLATION = "cross-attention", "word ablation"
QUESTIONS = {
    ATTENTION: "Click a word and drag the bar: **which positions attend to it, and from which timestep on?**",
    ABLATION: "Remove a word, keep the noise: **does the image change where you expected, and is masking enough?**",
}
ATTENTION_CAPTION = (
    "A position is light where the selected word gets most of its attention, and dark where it gets least; the "
    "numbers say how much. The attention of every position sums to 100% over the words, where a word of several "
    f"tokens counts as one, and the {START_TOKEN}, which is before every prompt and has read all of it. Attention to "
    "a word does not prove that the word changes the image: test that with word ablation."
)
ABLATION_CAPTION = (
    "**Masked**: the text encoder reads the whole prompt, but no position may attend to the word. What the other "
    f"tokens have read of it still has an effect, and the {START_TOKEN} conditions every part of the network. "
    "**Removed**: the prompt is read without the word, so nothing of it is left. If the masked image is nearer to "
    "the original than the other one, the neighbouring tokens carry the word."
)
NO_GUIDANCE = "A guidance scale of 0 ignores the prompt: choose a larger one"
NO_WORD = "There is no word in the prompt that the model knows: type a prompt"


def show(text_request):
    """Show the tab."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    view = control(
        row.segmented_control,
        "View",
        list(QUESTIONS),
        default=ATTENTION,
        required=True,
        key="words_view",
        label_visibility="collapsed",
    )
    text_to_image = request.load_or_stop(text_request)
    words = text_to_image.reader.read(text_request.prompt).words
    if not words or text_request.preset.guidance_scale == 0:
        reason = NO_GUIDANCE if words else NO_WORD
        st.info(f"{reason}, to see the cross-attention to its words.", icon=":material/info:")
        return
    st.markdown(QUESTIONS[view])
    request.show_notes(text_request.prompt_request(text_to_image))
    (_show_attention if view == ATTENTION else _show_ablation)(AttentionRecording(text_request, words), row)


def _show_attention(recording, row):
    finished = keep_done(animation_task(recording, request.load))
    if not finished:
        return
    shown, (frames, caption) = finished.request, finished.result
    titles = attention_animation.layer_titles(frames[0].weights)
    layer = titles[_choose(row, "Layer, with its number of positions", list(titles), "layer", len(titles) - 1)]
    heads = frames[0].weights[layer].shape[1]
    head = _choose(row, "Heads", [ALL_HEADS, *(f"head {k + 1}" for k in range(heads))], "head")
    animation = attention_animation.attention_animation(shown, frames, layer, head)
    attention_animation.show(animation, "attention", shown.words[first_content_word(shown)])
    st.caption(f"{caption} {ATTENTION_CAPTION}")
    functions = recording_guidance, record_attention, by_word, CrossAttention
    show_code(shown.code(layer, head), *functions, does="read exactly these numbers")


def _show_ablation(recording, row):
    names = recording.words[1:]
    chosen = control(
        row.multiselect,
        "Without",
        names,
        [recording.words[first_content_word(recording)]],
        key="without",
        placeholder="Choose words to remove",
        label_visibility="collapsed",
    )
    if not chosen:
        st.info("Choose at least one word to remove.", icon=":material/info:")
        return
    ablation = WordAblation(recording.request, recording.prompt_words, tuple(sorted(map(names.index, chosen))))
    if finished := keep_done(animation_task(ablation, request.load)):
        animation, caption = finished.result
        play(animation, key=ablation.key)
        st.caption(f"{caption} {ABLATION_CAPTION}")
    show_code(ablation.code, masking_guidance, mask_tokens, does="generate exactly these images")


def first_content_word(recording):
    """Return the number of the first word with more than four letters: short words are mostly function words."""
    return next((number for number, word in enumerate(recording.words) if number and len(word) > 4), 1)


def _choose(row, label, options, key, default=0):
    """Ask for one of the options; they may have changed since the last run."""
    return control(row.selectbox, label, options, default, key=key, label_visibility="collapsed", width=150, help=label)
