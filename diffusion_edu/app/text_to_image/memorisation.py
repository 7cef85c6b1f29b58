"""The tab "Nearest training images": the memorisation scores of the model, and the nearest images to your samples."""

import streamlit as st

from diffusion_edu import checkpoints
from diffusion_edu.app.common import model_card, models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.neighbour_search import PAIRS, memorised_sentence, pairs_table
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.server_folders import ask_path
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.task import done, start, watch
from diffusion_edu.app.text_to_image import request
from diffusion_edu.app.text_to_image.nearest_images import KEY, NearestImageSearch
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.evaluation.features import CLASSIFIERS
from diffusion_edu.evaluation.training_images import find_training_latents

TRAINING_LATENTS, OWN_FILES = "training latents", "a folder or file"
QUESTION = "**Is it a new image, or a memorised one?** Compare subject, pose and place, not only the colours."
UNMEASURED = (
    "Its memorisation has not been measured yet; this command measures it: "
    "`python -m diffusion_edu.evaluation.text_to_image {} --data FILE --prompts FILE`."
)
PRIVATE = (
    "The training images belong to others and do not come with this app. If you have the folder or file that the "
    "model was trained on, or trained it on this computer, you see here which training images are nearest to your "
    "samples."
)
PREDICTION = 0.015  # seconds to read an image and compute its features, until that was measured


def show(text_request):
    """Show the tab."""
    st.markdown(QUESTION)
    search = ask(text_request)
    if not watch(KEY) and (finished := done(KEY)):
        _show_found(finished.request, finished.result)
    show_scores(text_request.card)
    _show_sheets(text_request.card)
    if search:
        show_code(search.code, *search.functions, does="find exactly these images")


def show_scores(card):
    """Show in a table how many samples were memorised when the model was evaluated."""
    scores, images = card.scores, card.data.get("images")
    trained_on = f"It was trained on {images:,} images. " if images else ""
    if "memorised" not in scores:
        st.caption(trained_on + UNMEASURED.format(card.name))
        return
    sets = {"new prompts": scores, "training captions": scores.get("training_prompts", {})}
    rows = [
        (f"Samples of {name}", _percent(row, "memorised"), _ratio(row), _percent(row, "own_image"))
        for name, row in sets.items()
        if row
    ]
    head = (
        "From the model card",
        "Memorised (baseline: 1%)",
        "Distance to the nearest",
        "Nearest is the caption's own image",
    )
    st.html(model_card.table(head, rows))
    st.caption(
        f"{trained_on}A sample counts as memorised if it is nearer to a training image than 99% of training images "
        "are to each other. The distance is a median, divided by the median distance between training images. About 1 "
        "or more means: the samples are as different from the training images as those are from each other."
    )


def _percent(row, name):
    return f"{row[name]:.1%}" if name in row else ""


def _ratio(row):
    return f"{row['nearest']:.2f} ×" if "nearest" in row else ""


def ask(text_request):
    """Ask what the samples are compared with, and offer the search; returns it, or None where there is nothing."""
    card = text_request.card
    feature_network, paths = CLASSIFIERS.get(card.subject, ("",))[0], find_training_latents(card)
    if feature_network not in checkpoints.available():
        words = f"The classifier {feature_network!r}, whose features are compared, is not installed: restore it."
        st.info(words, icon=":material/info:")
        return None
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    sources = [TRAINING_LATENTS, OWN_FILES] if paths else [OWN_FILES]
    source = control(
        row.segmented_control, "Compare with", sources, default=sources[0], required=True, key="nearest_source"
    )
    path = str(paths[0]) if source == TRAINING_LATENTS else _ask_path(row)
    count = control(row.selectbox, "Samples", [2, 4, 6, 12], 2, key="nearest_count", width=90)
    words = "Of larger sets, this many images are compared: a random choice, those with human captions first."
    limits, about = [250, 1000, 4000, 20_000], {"format_func": "{:,}".format, "help": words, "width": 110}
    limit = control(row.selectbox, "At most", limits, 1, key="nearest_limit", **about)
    search = NearestImageSearch(text_request, count, path, source == TRAINING_LATENTS, limit, feature_network)
    offer(search, row)
    return search if path else None


def _ask_path(row):
    """Ask where the training images are; "" where there are none."""
    path = ask_path(row.text_input, "Path of the images", "nearest_path", width=200)
    if not path:
        st.info(PRIVATE, icon=":material/info:")
    return path


def offer(search, row):
    """Offer the search, and say how long it takes."""
    clicked = row.button("Find nearest", type="primary", icon=":material/search:", disabled=not search.path)
    if clicked:
        start(search.task())
    try:
        text_to_image, _ = request.load(search.request.card.name), models.get(search.feature_network)
    except (Unusable, ValueError) as problem:
        st.error(plain(problem))
        return
    if not search.path:
        return
    seconds = timing.expected(text_to_image.model, search.request.preset, search.count, True)
    seconds += search.limit * (timing.SECONDS.get(search.feature_network, 0) + PREDICTION)
    words = f"Generates {search.count} images and compares each with up to {search.limit:,}"
    st.caption(f"{words}: about {max(seconds, 1):.0f} s on this machine the first time.")


def _show_found(search, found):
    """Show the samples above their nearest images, and what that means."""
    st.html(pairs_table(found, found.distances.argsort()[:PAIRS].tolist()))
    st.markdown(memorised_sentence(found))
    part = f"all {found.available:,}"
    if found.compared < found.available:
        part = f"{found.compared:,} of the {found.available:,}"
    decoded = " They are shown as the autoencoder reconstructs them." if search.latents else ""
    st.caption(
        f"Prompt “{plain(search.request.prompt)}”, seeds from {search.request.seed}; compared with {part} "
        f"images of {plain(found.source)} by features of `{search.feature_network}`. Distances of features have no "
        f"unit.{decoded}"
    )


def _show_sheets(card):
    """Show the pairs of an evaluation on this computer; they contain images of others and are not part of the app."""
    for name, words in (("unseen", "new prompts"), ("training", "training captions")):
        path = checkpoints.OWN / "evaluation" / f"{card.name}.{name}.png"
        if path.is_file():
            with st.expander(f"Pairs of the last evaluation: {words}"):
                caption = "Above a sample, below its nearest training image"
                st.image(str(path), caption=caption, alt=f"Samples of {words} and their nearest training images")
