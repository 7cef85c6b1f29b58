"""The 2-D playground: its controls, its tasks, and the networks that a session keeps."""

import streamlit as st

from diffusion_edu.app.common.controls import control
from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.common.state import own
from diffusion_edu.app.components.point_cloud import widget
from diffusion_edu.app.jobs.task import Task, cancel, keep_done, running, start
from diffusion_edu.app.playground import training_job
from diffusion_edu.app.playground.dataset_picker import ask as ask_dataset
from diffusion_edu.app.playground.training_job import TURN, Settings, compare
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.generation import Preset
from diffusion_edu.toy2d import ExactNetwork

TRAIN, COMPARE = "playground training", "playground comparison"  # keys of the tasks
NETWORKS = "playground networks"  # session key
MAX_NETWORKS = 4  # that one session keeps
ANY = "any class"
PER_STEP = 0.03  # seconds that a sampling step of 400 points takes, both walks and both fields, about
PATIENCE = 0.8  # seconds that the page waits for a walk before it shows a progress bar
PREDICTION_TYPES = {
    "eps": "the noise",
    "x0": "the clean point",
    "v": "a mixture of both, good at every timestep",
    "flow": "noise minus clean point",
}


def ask():
    """Show the controls in the sidebar and return the Settings, or None while a person is drawing."""
    dataset = ask_dataset()
    classes = dataset.points.classes if dataset else ()
    with st.sidebar:
        words = "Train again after a change; networks trained before are kept.\n" + "\n".join(
            f"- **{name}**: {what}" for name, what in PREDICTION_TYPES.items()
        )
        names = list(TARGETS)
        prediction_type = control(
            st.selectbox, "Prediction type", names, names.index("v"), key="prediction_type", help=words
        )
        main = st.container()
        condition = control(st.selectbox, "Class", [ANY, *classes], key="class") if classes else ANY
        depends, more = st.container(), st.expander("More choices")
    preset = ask_preset(Preset(guidance_scale=1.0), (main, depends, more), guiding=condition != ANY)
    seed = ask_seed(more)
    count = control(more.select_slider, "Samples", [100, 200, 400, 800], 400, key="samples")
    seconds = control(more.select_slider, "Seconds of training", [3, 5, 10, 15, 30], 10, key="seconds")
    label = None if condition == ANY else classes.index(condition)
    return dataset and Settings(dataset, prediction_type, preset, label, seed, count, float(seconds))


def problem(settings):
    """Say in one sentence why these choices do not go together, or nothing."""
    try:
        settings.preset.timesteps()
        settings.denoiser(ExactNetwork(settings.points), settings.prediction_type)
    except ValueError as why:
        return str(why)
    return ""


def trained_network(settings):
    """Return the network that was trained for these settings, if there is one."""
    return st.session_state.get(own(NETWORKS), {}).get(settings.training_id)


def train(settings):
    """Start to train a network in the background."""

    def result(job):
        networks = {**st.session_state.get(own(NETWORKS), {}), settings.training_id: job.latest[1]}
        st.session_state[own(NETWORKS)] = dict(list(networks.items())[-MAX_NETWORKS:])

    start(
        Task(
            TRAIN,
            settings.training_id,
            lambda: training_job.train(settings),
            3 + round(settings.seconds / (1.2 * TURN)),
            settings,
            progress=lambda job: _training_progress(job, settings.seconds),
            preview=_show_preview,
            result=result,
            keep=lambda index: False,
        )
    )


def _training_progress(job, seconds):
    trained = job.latest and job.latest[1]
    if trained is None:
        return "Preparing the training"
    # turns differ in length: the clock gives a better estimate of their number
    job.total = max(job.done + 1, round(job.done * seconds / trained.seconds))
    return f"Step {trained.steps:,}, {min(trained.seconds, seconds):.1f} of {seconds:.0f} s of training"


def _show_preview(latest):
    animation, _ = latest
    if animation:
        widget.show({**animation, "opening": "training"}, key="training preview")


def cancel_other_training(settings):
    """Cancel the training that runs if it is for other points or another prediction type."""
    task = running(TRAIN)
    if task and task.id != settings.training_id:
        cancel(TRAIN)


def keep_animation(settings):
    """Return the animation of these settings, or None while it is computed or after it was cancelled."""
    net, preset = trained_network(settings), settings.preset
    state = net and (net.steps, net.seconds)
    task = Task(
        COMPARE,
        settings_id(settings.training_id, preset, settings.label, settings.seed, settings.count, state),
        lambda: compare(settings, net),
        1 + round(preset.steps * PER_STEP * settings.count / 400 / TURN),
        settings,
        progress=lambda job: "Sampling the points",
        preview=lambda item: None,
        keep=lambda index: False,
    )
    finished = keep_done(task, patience=PATIENCE)
    return finished.result if finished and finished.id == task.id else None


def code(settings):
    """Return Python code that makes the same points, the same network and the same walks."""
    net = trained_network(settings)
    return snippet(
        __file__,
        "playground",
        points=settings.dataset.code,
        preset=settings.preset,
        prediction_type=repr(settings.prediction_type),
        steps=net and net.steps,
        seconds=net and f"{net.seconds:.1f}",
        label=repr(settings.label),
        target="points.x" if settings.label is None else f"points.x[points.labels == {settings.label}]",
        seeds=settings.seeds,
        trained=net and "network",
    )
