"""The studio's fourth part: a small image is made larger by a network that draws what could have been in it."""

import io

import streamlit as st
from PIL import Image

from diffusion_edu.app.common import image_picker, models
from diffusion_edu.app.common.image_picker import FILE, OURS, UNLINKED, Subject
from diffusion_edu.app.common.layout import show_code
from diffusion_edu.app.common.request import ANY, Request
from diffusion_edu.app.components.zoom.widget import magnify
from diffusion_edu.app.editing import edit_job
from diffusion_edu.app.editing.super_resolution_job import Enlarging
from diffusion_edu.app.jobs import session
from diffusion_edu.checkpoints import Unusable, available, read_card
from diffusion_edu.data.images import to_bytes
from diffusion_edu.data.uploads import fitting, read_upload
from diffusion_edu.editing.super_resolution import FACTOR, enlarges
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES

ENLARGER, DRAW = "super_resolution", "draw"
SMALL, WIDEST, MULTIPLE = 64, 128, 8
STEPS = [1, 2, 4, 6, 8, 10, 12, 15, 20, 30, 50]
TIMES = {"2 ×": 1, "4 ×": 2}
MISSING = (
    "The model that makes images larger is not installed: train it with `python -m diffusion_edu.recipes.super_resolution`. "
    "Until then there is only what needs no network."
)
LOOK = (
    "**Which details are true?** Repeated pixels and bicubic add nothing; the network draws what could have been there. Take other seeds: "
    "what differs between them was never in the small image."
)


def show():
    """Show this part of the page."""
    card = enlarger()
    begun = _ask_begun(card)
    task = _ask_how(begun, card)
    st.markdown(" ".join([LOOK, *getattr(begun, "notes", ())]))
    if not card:
        st.info(MISSING, icon=":material/info:")
    stage = st.container()
    done = session.keep_up(task.key, task, _begin, _watch, "Go on")
    if done:
        shown, finished = done
        with stage:
            magnify(shown.panes(finished), _class_name(shown).capitalize(), shown.key)
            st.caption(shown.words(finished))
            _downloads(shown, finished)
    show_code(task.code, *task.functions)


def enlarger():
    """The card of the network that makes images larger: the shipped one, else one that a person has trained, else None."""
    found = {}
    for name, path in available().items():
        try:
            card = read_card(path)
        except Unusable:
            continue
        if enlarges(card):
            found[name] = card
    return found.get(ENLARGER) or next(iter(found.values()), None)


def _ask_begun(card):
    """Ask for the small image: a Request for one that is sampled first, or the Subject of one that is there."""
    with st.sidebar:
        words = "Sampled by a model in 64 × 64, one of our samples, or an image of yours."
        source = st.segmented_control(
            "Small image", [DRAW, OURS, FILE], default=DRAW, required=True, key="small", help=words, **edit_job.BOUND
        )
    if source == DRAW:
        drawer = edit_job.ask_card("Model that draws it", SMALL)
        with st.sidebar:
            class_name, class_names = ANY, [ANY, *drawer.class_names]
            if drawer.class_names:
                class_name = st.selectbox(
                    "What to draw",
                    class_names,
                    class_names.index("sunflower") if "sunflower" in class_names else 0,
                    key="wanted",
                    **edit_job.BOUND,
                )
            seed = st.number_input(
                "Seed of the small image",
                0,
                1_000_000,
                1,
                key="seed",
                help="Another seed is another image.",
                **edit_job.BOUND,
            )
        return Request(drawer, Preset(**drawer.sampling), class_name, seed, 1)
    given = _uploaded(card) if source == FILE else None
    try:
        with st.sidebar:
            return given or image_picker.ours(SMALL)
    except ValueError as problem:  # our own images are missing
        session.cancel(Enlarging.key)
        st.error(f"{problem} Restore it, or choose a file of your own.")
        st.stop()


def _uploaded(card):
    """Let a person hand in an image; None if there is none, or, after one sentence, if it cannot be used."""
    words = f"Used at {WIDEST} pixels at most. {UNLINKED}"
    given = st.sidebar.file_uploader("Your image", key="small file", help=words)
    if given is None:
        return None
    try:
        multiple = models.get(card.name).net.size_multiple // FACTOR if card else MULTIPLE
        image, notes = read_upload(given.getvalue(), fitting(WIDEST, multiple))
    except ValueError as problem:  # Unusable is one too
        st.error(str(problem))
        return None
    height, width = image.shape[1:]
    notes = [
        f"Your image is used at {width} × {height}: at most {WIDEST}, both sides divisible by {multiple}, cut at the edges.",
        *notes,
    ]
    code = (
        "from pathlib import Path\nfrom diffusion_edu.data.uploads import fitting, read_upload\n\n"
        f'image, notes = read_upload(Path("my_image.jpg").read_bytes(), fitting({WIDEST}, {multiple}))  # your own file\n'
    )
    return Subject(image, "your image", code, tuple(notes))


def _ask_how(begun, card):
    """Ask how much larger, and how it is sampled; returns the Enlarging."""
    default = Preset(**card.sampling) if card else Preset()
    with st.sidebar:
        times = st.segmented_control(
            "Larger by", list(TIMES), default="4 ×", required=True, key="larger", **edit_job.BOUND
        )
        words = "How much noise hides the small image from the network: with more it forgives flaws of the small image, and invents more."
        fraction = st.slider(
            "Noise on the small image",
            0.0,
            0.4,
            0.1,
            0.05,
            key="fraction",
            help=words,
            disabled=not card,
            **edit_job.BOUND,
        )
        words = "Different details for the same small image."
        seeds = st.segmented_control(
            "Seeds side by side", [1, 4], default=1, required=True, key="variants", help=words, **edit_job.BOUND
        )
        more = st.expander("More choices")
    first = more.number_input("First seed of the details", 0, 1_000_000, 0, key="details", **edit_job.BOUND)
    names = list(SAMPLERS)
    sampler = more.selectbox("Sampler", names, names.index(default.sampler), key="large_sampler", **edit_job.BOUND)
    words = "From noise to image, for every doubling; each asks the network once (Heun: twice); with guidance, twice as often."
    steps = more.select_slider(
        "Steps", sorted({*STEPS, default.steps}), default.steps, key="large_steps", help=words, **edit_job.BOUND
    )
    names = list(SCHEDULES)
    schedule = more.selectbox("Schedule", names, names.index(default.schedule), key="large_schedule", **edit_job.BOUND)
    words = "1 follows what the network is told, more exaggerates it: sharper, and further from the truth. Anything but 0 and 1 asks the network twice."
    guidance_scale = more.slider(
        "Guidance", 0.0, 8.0, default.guidance_scale, 0.1, key="large_scale", help=words, **edit_job.BOUND
    )
    options = default.options if sampler == default.sampler else {}
    preset = Preset(sampler, steps, guidance_scale, schedule, default.T, default.zero_snr, options, default.spacing)
    words = "Correct every prediction so that, shrunk, it is the small image: then the network decides only what shrinking loses."
    hold = more.toggle("Hold on to the small image", True, key="hold", help=words, disabled=not card, **edit_job.BOUND)
    return Enlarging(
        begun, card, preset, TIMES[times], tuple(range(first, first + seeds)), {"fraction": fraction, "hold": hold}
    )


def _class_name(task):
    return task.begun.class_name


def _begin(task):
    """Start in the background. Shows one sentence if the choices do not go together or a model cannot be used."""
    try:
        needed = [models.get(name) for name in task.needs]
        for model in needed:
            model.denoiser(task.preset.noise_schedule())  # a network that this schedule is not for says so at once
        lengths = task.lengths
        ends = {sum(lengths[: k + 1]) - 1 for k in range(len(lengths))}
        session.begin(task.key, task.states(*needed), sum(lengths), ends.__contains__, wanted=task.id)
    except (Unusable, ValueError) as problem:
        session.cancel(task.key)
        st.error(str(problem))


def _watch(task, quiet):
    """Show how far it is, and unless quiet what the network thinks it will be; when it is over, keep it and show the page anew."""

    def says(job):
        if not job.latest:
            return "Waiting for a turn"
        height, width = job.latest[0].x.shape[2:]
        return f"{width} × {height}, timestep {job.latest[0].t}"

    def look(item):
        x0_hat = to_bytes(item[0].x0_hat.cpu())
        page = grid(x0_hat, zoom=max(1, 256 // x0_hat.shape[-1]))
        st.image(page, caption="What the network thinks it will be", alt="The prediction under way")

    def over(job):
        st.session_state[f"done:{task.key}"] = task, task.finished(job.kept)

    session.watch(task.key, says, (lambda item: None) if quiet else look, over)


def _downloads(task, finished):
    """Offer the small image and every large one as a PNG without loss."""
    files = {"small": finished.small[0]} | {pane.name: pane.image for pane in task.panes(finished)}
    with st.popover("Download", icon=":material/download:"), st.container(horizontal=True, gap="small"):
        for name, image in files.items():
            file = io.BytesIO()
            Image.fromarray(grid(image[None])).save(file, "PNG")
            st.download_button(
                name, file.getvalue(), f"{name}.png", "image/png", on_click="ignore", key=f"save:{task.key}:{name}"
            )
