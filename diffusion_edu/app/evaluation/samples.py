"""Look closely: a few samples beside their nearest images, with numbers that say how little a few samples say."""

from pathlib import Path

import streamlit as st

from diffusion_edu.app.common import image_picker, model_card, models
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.evaluation import sample_view
from diffusion_edu.app.evaluation.sample_check import Look
from diffusion_edu.app.jobs import session, stages, timing
from diffusion_edu.checkpoints import PRETRAINED, Unusable
from diffusion_edu.evaluation.colours import channel_histograms, wasserstein
from diffusion_edu.evaluation.sample_size import perfect_model_fd
from diffusion_edu.evaluation.neighbours import nearest

KEY = "closely"
OURS, NOW, OWN = "our image set", "sampled now", "images of your own"
PREDICTION = 0.01  # seconds that an image is looked at, until that was measured
BOUND = {"bind": "query-params"}


def show():
    """Show the controls, what was seen, and the lines that see it again."""
    look = ask()
    if look.card:
        _offer(look)
    else:
        session.keep_up(KEY, look, begin, watch, "Look again")
    done = None if look.card and session.running(KEY) else stages.done(KEY)
    if done:
        sample_view.show(*done)
    seen = done[0] if done else look
    show_code(code(seen), nearest, channel_histograms, wasserstein, perfect_model_fd, does="give these numbers")


def ask():
    """Let a person choose what is looked at, and what it is compared with; returns a Look."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    source = row.segmented_control("Samples", [OURS, NOW], default=OURS, required=True, key="samples", **BOUND)
    known = {
        card.title: card for card in model_card.everything().values() if card.generates or card.prediction_type == "vae"
    }
    card = None
    if source == NOW and known:
        card = known[row.selectbox("Model", list(known), key="closely_model", width=240, **BOUND)]
    count = row.select_slider("How many", [8, 16, 32, 64], 32, key="closely_count", width=120, **BOUND)
    seed = row.number_input(
        "Seed",
        0,
        1_000_000,
        0,
        key="closely_seed",
        width=110,
        help="Chooses the noise, or the images of our set.",
        **BOUND,
    )
    other = row.segmented_control("Compare with", [OURS, OWN], default=OURS, required=True, key="others", **BOUND)
    if other == OURS:
        return Look(card, count, seed)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    words = "A folder of images, or a parquet file with a column `image`, on the computer that runs this app. It is read, never changed."
    path = row.text_input("Path", key="closely_path", placeholder="/home/me/images", help=words, **BOUND)
    words = "Of more, so many are chosen at random."
    most = row.select_slider(
        "At most", [250, 1000, 4000, 10_000], 1000, key="closely_most", width=160, help=words, **BOUND
    )
    return Look(card, count, seed, path, most) if readable(path) else Look(card, count, seed)


def readable(path, until=" Until then, our image set is used."):
    """Whether there is something under a path that was typed in; says in one sentence if not, and what is done until then."""
    try:
        there = bool(path) and Path(path).expanduser().exists()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, or a home that nobody has
        there = False
    if not there:
        if path:
            st.error(f"There is no file or folder {path!r} on the computer that runs this app: check the path.{until}")
        else:
            st.info(f"Type the path of a folder of images or of a parquet file.{until}", icon=":material/info:")
    return there


def _offer(look):
    """Offer to draw, say how long that takes, and watch it."""
    button, cost = st.columns([1, 4], vertical_alignment="center")
    if button.button("Draw and look", type="primary", icon=":material/play_circle:", width="stretch"):
        begin(look)
    try:
        seconds = timing.PACE.get(look.feature_network, PREDICTION) * (look.count + look.most)
        if look.card.prediction_type != "vae":
            seconds += timing.expected(
                models.get(look.card.name), look.preset, look.count, bool(look.card.condition_names)
            )
        cost.caption(
            f"Draws {look.count} images as the card says and compares them: about {max(seconds, 1):.0f} s on this machine."
        )
    except Unusable as problem:
        st.error(str(problem))
    session.problem(KEY)
    if session.running(KEY):
        watch(look, quiet=True)
    elif f"done:{KEY}" not in st.session_state and (sheet := PRETRAINED / f"{look.card.name}.png").is_file():
        st.image(
            str(sheet),
            caption="Sampled by it earlier, nobody has chosen among them",
            alt=f"A sheet of images by {look.card.title}",
        )


def begin(look):
    """Start to look in the background. Shows one sentence if a model cannot be used."""
    try:
        model, feature_network = look.card and models.get(look.card.name), models.get(look.feature_network)
    except Unusable as problem:
        session.cancel(KEY)
        st.error(str(problem))
        return
    stages.begin(KEY, look, look.items(model, feature_network), look.total(0))


def watch(look, quiet):
    """Show how far it is, and the samples: those of our set at once unless quiet, others while they are under way."""
    if not quiet:
        stages.sheet(image_picker.images().images[look.chosen], "What is looked at")
    stages.watch(KEY)


def code(look):
    """The lines of Python that give the same numbers."""
    if look.card is None:
        sampled = (
            'ours = load_images(PRETRAINED / "flower_samples.parquet")\n'
            f"chosen = torch.randperm(len(ours), generator=torch.Generator().manual_seed({look.seed}))[:{look.count}]\n"
            "samples = ours.images[chosen]\n"
        )
    else:
        sampled = (
            f'model = load("{look.card.name}")\n'
            "samples = []\n"
            f"for seeds in {look.batches}:\n"
            "    *_, last = generate(model, Preset(**model.card.sampling), seeds, model.card.labels_for(seeds))\n"
            "    samples.append(to_bytes(last.x).cpu())\n"
            "samples = torch.cat(samples)\n"
        )
    if look.path:
        others = f"*_, found = survey({look.path!r}, most={look.most})\nothers = found.images.images\n"
    elif look.card is None:
        others = "others = ours.images[[row for row in range(len(ours)) if row not in chosen.tolist()]]\n"
    else:
        others = 'others = load_images(PRETRAINED / "flower_samples.parquet").images\n'
    real = (
        "Statistics.of(features)"
        if look.path
        else f'Reference.load(PRETRAINED / "{look.shipped.name}").statistics'
        if look.shipped
        else ""
    )
    compared = (
        (f'real = {real}\nprint("FD", frechet(real, sampled), "a perfect model", perfect_model_fd(real, {look.count}))\n')
        if real
        else ""
    )
    return (
        "import torch\n\n"
        "from diffusion_edu.checkpoints import PRETRAINED, load\n"
        "from diffusion_edu.data.images import load_images, to_bytes\n"
        "from diffusion_edu.data.survey import survey\n"
        "from diffusion_edu.evaluation.colours import channel_histograms, wasserstein\n"
        "from diffusion_edu.evaluation.distances import Statistics, frechet\n"
        "from diffusion_edu.evaluation.features import describe\n"
        "from diffusion_edu.evaluation.sample_size import perfect_model_fd\n"
        "from diffusion_edu.evaluation.neighbours import nearest\n"
        "from diffusion_edu.evaluation.report import Reference\n"
        "from diffusion_edu.generation import Preset, generate\n\n"
        f"{sampled}{others}"
        f'eyes = load("{look.feature_network}")\n'
        "sampled, features = (describe(eyes, images).features for images in (samples, others))\n"
        "distances, rows = nearest(sampled, features)            # of each drawing: how near, and which\n"
        f"{compared}"
        'print("W1", wasserstein(channel_histograms(samples), channel_histograms(others)))  # red, green, blue, in units of 255\n'
    )
