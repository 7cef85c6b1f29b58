"""The part of the text-to-image page that asks whether the model copies: its scores, and the nearest training images of your prompt."""

import streamlit as st

from diffusion_edu import checkpoints
from diffusion_edu.app.common import model_card, models
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.evaluation import sample_view
from diffusion_edu.app.evaluation.samples import readable
from diffusion_edu.app.jobs import session, stages, timing
from diffusion_edu.app.text_to_image import request
from diffusion_edu.app.text_to_image.nearest_images import Copying
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.evaluation.features import CLASSIFIERS
from diffusion_edu.evaluation.learned import kept

KEY = "nearest"
KEPT, OWN = "kept by its training", "a folder or file"
LOOK = (
    "**Is it a new image, or one that it has learned by heart?** Compare subject, pose and place, not only the colours."
)
UNMEASURED = (
    "Nobody has measured it yet: `python -m diffusion_edu.evaluation.prompting {} --data FILE --prompts FILE` does."
)
PRIVATE = (
    "The training images belong to others and do not come with this app. With the folder or file that it was trained on, or where it was trained "
    "on this computer, you see here which of them lies nearest to what your prompt draws."
)
PREDICTION = 0.015  # seconds that an image is read and looked at, until that was measured


def show(order):
    """Show this part of the page."""
    st.markdown(LOOK)
    copying = ask(order)
    if session.running(KEY):
        stages.watch(KEY)
    elif done := stages.done(KEY):
        _found(*done)
    measured(order.card)
    _sheets(order.card)
    if copying:
        show_code(copying.code, *copying.functions, does="find exactly these images")


def measured(card):
    """Show in a table how often samples were copies when the model was judged."""
    scores, of = (
        card.scores,
        f"It has learned from {card.data['images']:,} images. " if card.data.get("images") else "",
    )
    if "memorised" not in scores:
        st.caption(of + UNMEASURED.format(card.name))
        return
    told = {
        "prompts that no image goes with": scores,
        "captions that it has learned from": scores.get("training_prompts", {}),
    }
    rows = [
        (f"Samples of {name}", _fraction(row, "memorised"), _times(row), _fraction(row, "own_image"))
        for name, row in told.items()
        if row
    ]
    head = (
        "In general, as its card says",
        "Copies (chance: 1%)",
        "Distance to the nearest",
        "Nearest is the caption's own image",
    )
    st.html(model_card.table(head, rows))
    st.caption(
        f"{of}A drawing counts as a copy if it lies nearer to a training image than 99% of training images lie to each other; the distance is in "
        "the middle, relative to that of training images to each other: about 1 and more is as new as these are."
    )


def _fraction(row, name):
    return f"{row[name]:.1%}" if name in row else ""


def _times(row):
    return f"{row['nearest']:.2f} ×" if "nearest" in row else ""


def ask(order):
    """Ask what samples are compared with, and offer to do it; returns a Copying, or None where there is nothing."""
    feature_network, paths = CLASSIFIERS.get(order.card.subject, ("",))[0], kept(order.card)
    if feature_network not in checkpoints.available():
        st.info(
            f"The classifier {feature_network!r}, by whose features images are compared, is not installed: restore it.",
            icon=":material/info:",
        )
        return None
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    sources = [KEPT, OWN] if paths else [OWN]
    source = row.segmented_control(
        "Compare with", sources, default=sources[0], required=True, key="nearest_of", **request.BOUND
    )
    path = str(paths[0]) if source == KEPT else _ask_path(row)
    count = row.selectbox("Samples", [2, 4, 6, 12], 2, key="nearest_count", width=90, **request.BOUND)
    words = "Of more, so many are chosen by chance, those with written captions first: a copy of one of the others is not found."
    most = row.selectbox(
        "At most",
        [250, 1000, 4000, 20_000],
        1,
        format_func="{:,}".format,
        key="nearest_most",
        help=words,
        width=110,
        **request.BOUND,
    )
    copying = Copying(order, count, path, source == KEPT, most, feature_network)
    offer(copying, row)
    return copying if path else None


def _ask_path(row):
    """Ask where the training images are; "" where there are none."""
    words = "A folder of images, or a parquet file with a column `image`, on the computer that runs this app. It is read, never changed."
    path = row.text_input(
        "Their path", key="nearest_path", placeholder="/home/me/images", help=words, width=200, **request.BOUND
    )
    if not path:
        st.info(PRIVATE, icon=":material/info:")
    return path if path and readable(path, "") else ""


def offer(copying, row):
    """Offer to draw and compare, and say how long that takes."""
    wanted = row.button("Find them", type="primary", icon=":material/search:", disabled=not copying.path)
    try:
        able, feature_network = request.get(copying.order.card.name), models.get(copying.feature_network)
        if wanted:
            stages.begin(KEY, copying, copying.items(able, feature_network), copying.total)
        if copying.path:
            seconds = timing.expected(able.model, copying.order.preset, copying.count, True) + copying.most * (
                timing.PACE.get(copying.feature_network, 0) + PREDICTION
            )
            words = f"Draws {copying.count} images and compares each with up to {copying.most:,}"
            st.caption(f"{words}: about {max(seconds, 1):.0f} s on this machine the first time.")
    except (Unusable, ValueError) as problem:
        st.error(str(problem))
    session.problem(KEY)


def _found(copying, found):
    """Show the samples above their nearest images, and say what that means."""
    st.html(sample_view.pairs(found, found.distances.argsort()[: sample_view.SHOWN].tolist()))
    st.markdown(sample_view.copies(found))
    some = f"{found.among:,} of the {found.of:,}" if found.among < found.of else f"all {found.of:,}"
    decoded = " They are shown as the autoencoder gives them back." if copying.latents else ""
    st.caption(
        f"Sampled for “{request.escaped(copying.order.prompt)}”, seeds from {copying.order.seed}; compared with {some} images of {found.source} by "
        f"features of `{copying.feature_network}`, in which distances have no unit.{decoded}"
    )


def _sheets(card):
    """Show the pairs that an evaluation on this computer has left; they hold images of others and are not part of the app."""
    for which, words in (("unseen", "new prompts"), ("training", "captions that it has learned from")):
        path = checkpoints.OWN / "evaluation" / f"{card.name}.{which}.png"
        if path.is_file():
            with st.expander(f"Pairs of the last evaluation: {words}"):
                st.image(
                    str(path),
                    caption="Above a drawing, below its nearest training image",
                    alt=f"Samples of {words} and their nearest images",
                )
