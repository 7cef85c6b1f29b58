"""The tab on samples: a few samples, their nearest images, and numbers that show how little a few samples say."""

import streamlit as st

from diffusion_edu.app.common import image_picker, model_card, models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.server_folders import UNTIL_THEN, ask_path
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.evaluation import sample_view
from diffusion_edu.app.evaluation.sample_check import SampleRequest
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.progress import Progress, show_sheet
from diffusion_edu.app.jobs.task import Task, done, keep_done, running, start, watch
from diffusion_edu.checkpoints import PRETRAINED, Unusable
from diffusion_edu.evaluation.colours import channel_histograms, wasserstein
from diffusion_edu.evaluation.neighbours import nearest
from diffusion_edu.evaluation.sample_size import perfect_model_fd

KEY = "samples"
OURS, GENERATED, OWN = "our image set", "generated now", "your own images"
SECONDS_PER_IMAGE = 0.01  # for the features of an image, until it is measured


def show():
    """Show the controls, the report, and the code behind it."""
    request = ask()
    if request.card:
        _offer(request)
        finished = None if running(KEY) else done(KEY)
    else:
        finished = keep_done(_task(request), again="Check again")
    if finished:
        sample_view.show(finished.request, finished.result)
    shown = finished.request if finished else request
    functions = nearest, channel_histograms, wasserstein, perfect_model_fd
    show_code(code(shown), *functions, does="give these numbers")


def ask():
    """Let a person choose the samples and the reference images; returns a SampleRequest."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    source = control(row.segmented_control, "Samples", [OURS, GENERATED], default=OURS, required=True, key="samples")
    cards = model_card.everything()
    known = models.labelled({n: card for n, card in cards.items() if card.generates or card.prediction_type == "vae"})
    card = None
    if source == GENERATED and known:
        card = models.choose(known, row.selectbox, key="samples_model", width=240)
    count = control(row.select_slider, "Number", [8, 16, 32, 64], 32, key="samples_count", width=120)
    words = "Chooses the noise, or the images of our set."
    seed = control(row.number_input, "Seed", 0, 1_000_000, 0, key="samples_seed", width=110, help=words)
    other = control(row.segmented_control, "Compare with", [OURS, OWN], default=OURS, required=True, key="reference")
    if other == OURS:
        return SampleRequest(card, count, seed)
    return _ask_path(card, count, seed)


def _ask_path(card, count, seed):
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    path = ask_path(row.text_input, "Path", "reference_path", meanwhile=UNTIL_THEN)
    words = "If there are more images, this many are chosen at random."
    counts = [250, 1000, 4000, 10_000]
    most = control(row.select_slider, "At most", counts, 1000, key="reference_count", width=160, help=words)
    return SampleRequest(card, count, seed, path, most) if path else SampleRequest(card, count, seed)


def _offer(request):
    """Offer to generate, say how long that takes, and watch it."""
    button, cost = st.columns([1, 4], vertical_alignment="center")
    if button.button("Generate and check", type="primary", icon=":material/play_circle:", width="stretch"):
        start(_task(request))
    try:
        cost.caption(
            f"Generates {request.count} images by the preset of the card and compares them: "
            f"about {max(_seconds(request), 1):.0f} s on this machine."
        )
    except Unusable as problem:
        st.error(plain(problem))
    sheet = PRETRAINED / f"{request.card.name}.png"
    if not watch(KEY) and not done(KEY) and sheet.is_file():
        words = "Samples made earlier, not selected by anybody"
        st.image(str(sheet), caption=words, alt=f"A sheet of images by {request.card.title}")


def _seconds(request):
    """Estimate the seconds for a SampleRequest; raises Unusable."""
    features = timing.SECONDS.get(request.feature_network, SECONDS_PER_IMAGE) * (request.count + request.max_images)
    if request.card.prediction_type == "vae":
        return features
    model, guided = models.get(request.card.name), bool(request.card.condition_names)
    return features + timing.expected(model, request.preset, request.count, guided)


def _task(request):
    """Make the Task of a SampleRequest; its preview shows the samples."""

    def preview(item):
        if request.card is None:
            show_sheet(image_picker.images().images[request.rows], "The samples")
        elif isinstance(item, Progress) and item.images is not None:
            show_sheet(item.images, "The samples so far")

    return Task(KEY, request.id, request.run, request.total(0), request, request.models, preview=preview)


def code(request):
    """Python code that gives the same numbers."""
    if request.card is None:
        samples = snippet(__file__, "samples_ours", seed=request.seed, count=request.count)
        reference = "ours.images[[row for row in range(len(ours)) if row not in chosen.tolist()]]"
    else:
        name, batches = repr(request.card.name), request.batches
        samples = snippet(__file__, "samples_generated", model=name, batches=batches)
        reference = 'load_images(PRETRAINED / "flower_samples.parquet").images'
    statistics = None
    if request.path:
        samples += snippet(__file__, "samples_own", path=repr(request.path), max_images=request.max_images)
        reference, statistics = None, "Statistics.of(features)"
    elif request.statistics_path:
        statistics = f'Reference.load(PRETRAINED / "{request.statistics_path.name}").statistics'
    compared = snippet(
        __file__,
        "samples_compared",
        reference=reference,
        feature_network=repr(request.feature_network),
        statistics=statistics,
        fd_count=request.count if statistics else None,
    )
    return snippet(__file__, "samples_start") + samples + compared
