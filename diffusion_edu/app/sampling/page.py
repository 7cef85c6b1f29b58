"""The page of sampling: its controls, the walk while it runs, its recording, one step in numbers, and downloads."""

import streamlit as st

from diffusion_edu.app.common import models
from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.layout import show_code, show_images
from diffusion_edu.app.common.numbers import counted
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.app.common.request import ANY, MIXED, MIXED_ATTRIBUTES, Request
from diffusion_edu.app.common.sampler_controls import SAYS, ask_preset, ask_seed
from diffusion_edu.app.components.player.widget import play
from diffusion_edu.app.jobs import timing
from diffusion_edu.app.jobs.progress import WAITING
from diffusion_edu.app.jobs.task import Task, done, start, watch
from diffusion_edu.app.sampling.step_inspector import inspect_step
from diffusion_edu.app.trajectories.animation import X0_HAT, X_T
from diffusion_edu.app.trajectories.recording import Recording, kept, load_animation, state_pairs
from diffusion_edu.checkpoints import PRETRAINED, Unusable
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate
from diffusion_edu.samplers import SAMPLERS

KEY = "sampling"


def show():
    """Show the whole page below its title."""
    request = ask()
    button, estimate = st.columns([1, 4], vertical_alignment="center")
    if button.button("Generate", type="primary", icon=":material/play_circle:", width="stretch"):
        start(sampling_task(request))
    try:
        estimate.caption(estimate_time(request))
    except Unusable as problem:
        st.error(plain(problem))
    if note := request.preset.noise_schedule().terminal_snr_note:
        st.info(note, icon=":material/info:")
    finished, task = done(KEY), watch(KEY)
    if task is None:
        _show_result(finished)
    shown = finished.request if finished else request
    show_code(shown.code, SAMPLERS[shown.preset.sampler], walk, generate)


def ask():
    """Show the controls in the sidebar and return the Request."""
    with st.sidebar:
        card = models.pick()
        class_name = MIXED
        if card.condition_names:
            names = [MIXED_ATTRIBUTES if card.attributes else MIXED, ANY, *card.condition_names]
            class_name = control(st.selectbox, "What to generate", names, key="class_name")
        main, more = st.container(), st.expander("More choices")
    guiding = bool(card.condition_names) and class_name != ANY
    preset = ask_preset(Preset(**card.sampling), (main, main, more), guiding=guiding)
    seed = ask_seed(main)
    images = control(more.slider, "Images", 1, 9, 4, key="images")
    return Request(card, preset, class_name, seed, images)


def estimate_time(request):
    """Write how long the request takes, and what its sampler does; raises Unusable."""
    preset = request.preset
    seconds = timing.expected(models.get(request.card.name), preset, request.images, request.labels is not None)
    amount = f"{counted(request.images, 'image')} in {counted(preset.steps, 'step')}"
    return f"{amount}: about {max(seconds, 0.1):.1f} s on this machine. {preset.sampler} {SAYS[preset.sampler]}"


def sampling_task(request):
    """Make the Task whose result is the Recording of a walk."""
    steps = request.preset.steps

    def progress(job):
        where = f"timestep {job.latest[0].t} of {request.preset.T}" if job.latest else WAITING.lower()
        return f"Step {min(job.done, steps)} of {steps}: {where}"

    def preview(pair):
        state, zoom = pair[0], 3 if request.images <= 4 else 2
        show_images(
            (grid(to_bytes(images), zoom=zoom), f"Timestep {state.t}: {name}", f"{name} at timestep {state.t}")
            for images, name in ((state.x, X_T), (state.x0_hat, X0_HAT))
        )

    def result(job):
        timing.learn(request.card.name, request.preset, request.images, request.labels is not None, job.seconds)
        return Recording(request, job.kept, job.seconds)

    return Task(
        KEY,
        request.settings,
        lambda model: state_pairs(generate(model, request.preset, request.seeds, request.labels)),
        steps + 1,
        request,
        [request.card.name],
        progress,
        preview,
        result,
        kept(steps).__contains__,
    )


def _show_result(finished):
    """Show the last recording; if there is none yet, show the recorded example."""
    if finished:
        recording = finished.result
        play(recording.animation, key="player", autoplay=True)
        names, summary = recording.request.class_names_in_words, recording.request.summary
        st.caption(f"{plain(names)}. Sampled in {recording.seconds:.1f} s of computing. {summary}")
        step, download = st.tabs(["One step in numbers", "Download"])
        with step:
            inspect_step(recording)
        with download:
            _show_downloads(recording)
    elif animation := load_animation(PRETRAINED / "flowers_attention.animation.json"):
        play(animation, key="player", autoplay=True)
        names = ", ".join(animation["class_names"])
        st.caption(f"A recorded example of the flower model: {plain(names)}. Press Generate to sample your own.")


def _show_downloads(recording):
    st.markdown("The PNG of the finished images carries their settings; GIF and MP4 show every recorded timestep.")
    files = (
        ("PNG", recording.png, "image/png"),
        ("GIF", recording.gif, "image/gif"),
        ("MP4", recording.mp4, "video/mp4"),
    )
    for (name, encode, mime), column in zip(files, st.columns([1, 1, 1, 3]), strict=False):
        file = f"{recording.request.card.subject.replace(' ', '_')}.{name.lower()}"
        column.download_button(name, encode, file, mime, on_click="ignore", width="stretch")
