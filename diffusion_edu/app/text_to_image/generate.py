"""The tab "Generate": images of a prompt, from noise, from an image, or inside a mask, and upscaled."""

from functools import partial

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.edit_controls import (
    COLUMNS,
    ask_add_noise,
    ask_image_or_stop,
    ask_mask,
    ask_strength,
    painted_over,
)
from diffusion_edu.app.common.layout import show_code, show_images
from diffusion_edu.app.common.numbers import counted
from diffusion_edu.app.common.state import own
from diffusion_edu.app.components.canvas import widget
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.progress import WAITING
from diffusion_edu.app.jobs.task import Task, done, start, started, watch
from diffusion_edu.app.text_to_image import request, result_view, upscale
from diffusion_edu.app.text_to_image.job import GenerationJob
from diffusion_edu.app.text_to_image.result import TRACKS, GenerationResult
from diffusion_edu.app.text_to_image.result_view import IMAGE_TO_IMAGE, START_IMAGE
from diffusion_edu.app.text_to_image.start import FromImage, FromMask, FromNoise
from diffusion_edu.core import walk
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent.text_to_image import TextToImage

KEY = "generation"
NOISE, INPAINTING = "noise", "inpainting"
UNLABELLED = {"label_visibility": "collapsed"}  # their options explain themselves
MAX_IMAGES = 8


def show(text_request):
    """Show the tab."""
    text_to_image = request.load_or_stop(text_request)
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    kind = control(
        row.segmented_control,
        "Start from",
        [NOISE, IMAGE_TO_IMAGE, INPAINTING],
        default=NOISE,
        required=True,
        key="start",
        **UNLABELLED,
    )
    wording = partial(counted, noun="image")
    count = control(
        row.selectbox, "Images", range(1, MAX_IMAGES + 1), key="images", format_func=wording, width=130, **UNLABELLED
    )
    if kind == NOISE:
        (stage, side), beginning, columns = st.columns([67, 33], gap="small"), FromNoise(), 2
    else:
        (controls, stage), columns = st.columns(**COLUMNS), 4
        stage, side = stage.container(), stage.container()
        with controls:
            beginning = _ask_start(kind, text_to_image.size)
    job = GenerationJob(text_request, count, beginning) if beginning else None
    with stage:
        clicked = row.button("Generate", type="primary", icon=":material/brush:", disabled=not job)
        if job and (clicked or started(KEY) is None):  # the first time without a click
            start(_task(job))
        number = _show_result(job, text_to_image, row, side, columns)
    if number is not None:
        shown = done(KEY).result
        code = shown.job.code + upscale.show(shown, number)
        show_code(code, shown.job.start.function, TextToImage.request, walk)


def _show_result(job, text_to_image, row, side, columns):
    """Show the progress, or the latest result; returns the number of the image shown, or None."""
    if watch(KEY):
        return None
    finished = done(KEY)
    if job:
        row.caption(_cost(job, text_to_image, finished), width=220)
    return result_view.show(finished.result, st.container(), side, columns) if finished else None


def _ask_start(kind, size):
    """Ask for the image to start from and how; returns FromImage or FromMask, or None while the mask is empty."""
    label = "Input image" if kind == IMAGE_TO_IMAGE else "Input image and mask"
    place = st.popover(label, icon=":material/image:", width="stretch")
    subject = ask_image_or_stop(size, place, st.session_state.get(own(START_IMAGE)))
    if kind == IMAGE_TO_IMAGE:
        strength = ask_strength()
        layer = widget.paint("text_to_image input", subject.image, label="The input image; paint over it")
        st.caption(" ".join(["Paint over it if you like.", *subject.notes]))
        return FromImage(painted_over(subject, layer), strength, ask_add_noise())
    with place:
        mask = ask_mask(size)
    label = "The input image with its mask; paint the mask"
    mask = widget.paint_mask("text_to_image mask", subject.image, mask, label=label)
    repeats, jump = _ask_repeats()
    if mask.any():
        words = f"{mask.float().mean():.0%} is generated, all other pixels stay as they are, bit for bit."
        st.caption(" ".join([words, *subject.notes]))
        return FromMask(subject, mask, repeats, jump)
    st.info("The mask is empty: paint over what is to be generated.", icon=":material/info:")
    return None


def _ask_repeats():
    """Ask for the settings of RePaint."""
    with st.expander("RePaint: repeat sampling steps"):
        words = "Repeated steps make the filled part and the rest agree. 1: plain sampling, without repetition."
        repeats = control(st.slider, "Repeats", 1, 10, 1, key="repeats", help=words)
        words = "The number of sampling steps that are repeated together."
        return repeats, control(st.slider, "Jump length", 1, 20, 3, key="jump", help=words)


def _task(job):
    """Make the Task of a GenerationJob."""

    def result(worker_job):
        sampling, decoding = worker_job.latest.seconds
        card = job.request.card
        timing.learn(card.name, job.request.preset, job.count * job.work, True, sampling)
        timing.SECONDS[_decoding(job)] = decoding / job.count / len(job.decoded)
        notes = job.request.prompt_request(request.load(card.name), job.count).notes
        return GenerationResult(job, worker_job.kept, notes)

    return Task(
        KEY,
        job.id,
        job.run,
        len(job.timesteps),
        request=job,
        models=[job.request.card.name],
        progress=partial(_progress, job),
        preview=partial(_preview, job),
        result=result,
        keep=job.decoded.__contains__,
        load=request.load,
    )


def _progress(job, worker_job):
    if worker_job.latest is None:
        return WAITING
    steps = len(job.timesteps) - 1
    t, T = worker_job.latest.t, job.request.preset.T
    return f"Step {min(worker_job.done, steps)} of {steps}: timestep {t} of {T}"


def _preview(job, frame):
    """Show the images of a Frame while sampling goes on."""
    zoom, columns = 2 if job.count < 3 else 1, min(4, job.count)
    show_images(
        (grid(images, columns=columns, zoom=zoom), f"Timestep {frame.t}: {words}", f"{alt} at timestep {frame.t}")
        for (name, _, words, alt), images in zip(TRACKS, frame.pair, strict=True)
        if name == "x0_hat" or job.count == 1
    )


def _decoding(job):
    return f"{job.request.card.name}, decoding"


def _cost(job, text_to_image, finished):
    """Say how long the generation takes, and whether the result below has other settings."""
    seconds = timing.expected(text_to_image.model, job.request.preset, job.count * job.work, True)
    seconds += timing.SECONDS.get(_decoding(job), 0) * job.count * len(job.decoded)
    words = f"{counted(len(job.timesteps) - 1, 'step')}: about {max(seconds, 0.1):.1f} s."
    return words if not finished or finished.id == job.id else f"{words} **Below: generated with other settings.**"
