"""The stage of the 2-D playground: what it asks, what it runs in the background, what it keeps."""

import time

import streamlit as st

from diffusion_edu.app.common.sampler_controls import ask_preset, ask_seed
from diffusion_edu.app.components.point_cloud import widget
from diffusion_edu.app.jobs import session
from diffusion_edu.app.playground import dataset_picker
from diffusion_edu.app.playground.training_job import TURN, Study, compare, practise
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.generation import Preset
from diffusion_edu.toy2d import Exact

TRAIN, WALK = "playground", "playground walk"  # names of background work
TAUGHT, ANIMATION, ASKED, LEARNING = (
    "playground taught",
    "playground animation",
    "playground asked",
    "playground learning",
)  # session keys
KEPT = 4  # networks that one session keeps
ANY = "any class"
PER_STEP = 0.03  # seconds that a step of 400 points takes, both walks and both fields, about
PATIENCE = 0.8  # seconds that a page may stand still for a walk before it shows a bar
CLASS_NAMES = {
    "eps": "the noise",
    "x0": "the clean point",
    "v": "a mix of both, good at every timestep",
    "flow": "the noise less the clean point",
}


def ask():
    """Show the controls in the sidebar and return the Study, or None while a person is drawing."""
    subject = dataset_picker.ask()
    classes = subject.points.classes if subject else ()
    with st.sidebar:
        words = "Train again after a change; what was learnt before is kept.\n" + "\n".join(
            f"- **{name}**: {what}" for name, what in CLASS_NAMES.items()
        )
        class_name = st.selectbox(
            "The network learns to say",
            list(TARGETS),
            list(TARGETS).index("v"),
            key="target",
            bind="query-params",
            help=words,
        )
        main = st.container()
        asked = st.selectbox("Class to draw", [ANY, *classes], key="class", bind="query-params") if classes else ANY
        depends, more = st.container(), st.expander("More choices")
    preset = ask_preset(Preset(guidance_scale=1.0), (main, depends, more), guiding=asked != ANY)
    seed = ask_seed(more)
    count = more.select_slider("Points of noise", [100, 200, 400, 800], 400, key="count", bind="query-params")
    seconds = more.select_slider("Seconds of training", [3, 5, 10, 15, 30], 10, key="seconds", bind="query-params")
    label = None if asked == ANY else classes.index(asked)
    return subject and Study(subject, class_name, preset, label, seed, count, float(seconds))


def problem(study):
    """Say in one sentence why these choices do not go together, or nothing."""
    try:
        study.preset.timesteps()
        study.of(Exact(study.points), study.class_name)
    except ValueError as why:
        return str(why)
    return ""


def taught(study):
    """Return the network that has learnt these points, if there is one."""
    return st.session_state.get(TAUGHT, {}).get(study.lesson)


def train(study):
    """Begin to teach a network in the background."""
    session.cancel(WALK)
    session.begin(TRAIN, practise(study), 3 + round(study.seconds / (1.2 * TURN)), keep=lambda index: False)
    st.session_state[LEARNING] = study
    st.session_state.pop(ASKED, None)


def training(study):
    """Tell whether a network is learning; one that learns other points than are shown now is stopped."""
    if session.running(TRAIN) and st.session_state[LEARNING].lesson != study.lesson:
        session.cancel(TRAIN)
    return session.running(TRAIN) is not None


def watch_training():
    """Show what the network can do so far; when it is over, keep the network."""
    study = st.session_state[LEARNING]

    def says(job):
        now = job.latest and job.latest[1]
        if now is None:
            return "Getting ready"
        job.total = max(
            job.done + 1, round(job.done * study.seconds / now.seconds)
        )  # turns differ in length: foresee their number by the clock
        return f"Step {now.steps:,}, {min(now.seconds, study.seconds):.1f} of {study.seconds:.0f} s of training"

    def over(job):
        known = {**st.session_state.get(TAUGHT, {}), study.lesson: job.latest[1]}
        st.session_state[TAUGHT] = dict(list(known.items())[-KEPT:])

    def show(latest):
        if latest[0]:
            widget.show({**latest[0], "opening": "live"}, key="live")

    session.watch(TRAIN, says, show, over)


def animation(study):
    """Return the animation of this study, or None while it is being computed or after it was cancelled; begins to compute it where nobody has."""
    net = taught(study)
    wanted = repr((study.lesson, study.preset, study.label, study.seed, study.count, net and (net.steps, net.seconds)))
    if st.session_state.get(ASKED) != wanted:
        st.session_state[ASKED] = wanted
        st.session_state.pop(ANIMATION, None)
        turns = 1 + round(study.preset.steps * PER_STEP * study.count / 400 / TURN)
        session.begin(WALK, compare(study, net), turns, keep=lambda index: False)
        _wait(session.running(WALK))
    return st.session_state.get(ANIMATION)


def _wait(job):
    """Give a short walk the time to end within this run of the page."""
    end = time.monotonic() + PATIENCE
    while not job.finished and time.monotonic() < end:
        time.sleep(0.01)
    if job.finished and not job.problem:
        _keep(job)
        session.cancel(WALK)


def _keep(job):
    st.session_state[ANIMATION] = job.latest


def watch_walk():
    """Show a bar while a long walk is computed."""
    session.watch(WALK, lambda job: "Moving the points", lambda latest: None, _keep)


def code(study):
    """Write the lines of Python that make the same points, the same network and the same walks."""
    net, preset, class_name = taught(study), study.preset, study.class_name
    lines = [
        "import torch",
        "from itertools import islice",
        "from pathlib import Path",
        "from diffusion_edu.data.points import POINT_SETS, from_coordinates, read_points",
        "from diffusion_edu.generation import Preset",
        "from diffusion_edu.toy2d import Exact, denoiser, energy_distance, exam, learn, some_of, wander",
        "",
        study.subject.code,
        f"preset = {preset}",
        'answers = {"exact": (Exact(points), "x0")}',
    ]
    if net:
        lines += [
            f'*_, pupil = islice(learn(points, "{class_name}"), {net.steps})  # as many steps as fitted into {net.seconds:.1f} seconds here',
            f'answers["network"] = pupil.ema, "{class_name}"',
            f'print("loss", exam(pupil.ema, points, "{class_name}"), "floor", exam(Exact(points, "{class_name}"), points, "{class_name}"))',
        ]
    wanted = "points.x" if study.label is None else f"points.x[points.labels == {study.label}]"
    return "\n".join([
        *lines,
        "walks = {}",
        "for name, (net, kind) in answers.items():",
        f"    denoise = denoiser(net, kind, points, preset, label={study.label})",
        f"    walks[name] = list(wander(denoise, preset, seeds={study.seeds}))  # States, pure noise first",
        f"    print(name, energy_distance(walks[name][-1].x, some_of({wanted})))",
    ])  # fmt: skip
