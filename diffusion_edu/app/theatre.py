"""The stage of the sampling theatre: what it asks, what it runs, what it keeps."""

import streamlit as st

from diffusion_edu.app import background, models, pace
from diffusion_edu.app.recording import GUESS, UNDER_WAY, Recording, kept, moments
from diffusion_edu.app.wish import ANY, MIXED, Wish
from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.grids import grid
from diffusion_edu.generation import Preset, generate
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.spacings import SPACINGS

KEY = "theatre"
MOVES = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250, 300, 500, 600, 1000]
SAYS = {
    "DDIM": "DDIM walks straight along the guess and needs few moves.",
    "DDPM": "DDPM adds fresh noise after every move and needs many.",
    "Heun": "Heun guesses twice a move and corrects itself.",
    "DPM-Solver++": "DPM-Solver++ carries on the line through its last two guesses.",
    "Euler ancestral": "Euler ancestral is DDPM in the words of other programs.",
    "Renoise": "Renoise forgets the noise it had and brings the guess down with new noise.",
}


def ask():
    """Show the controls in the sidebar and return the Wish."""
    with st.sidebar:
        card = models.pick()
        default = Preset(**card.sampling)
        kind = MIXED
        if card.classes:
            kind = st.selectbox("What to draw", [MIXED, ANY, *card.classes], key="kind", bind="query-params")
        sampler = st.selectbox(
            "Sampler", list(SAMPLERS), list(SAMPLERS).index(default.sampler), key="sampler", bind="query-params", help=" ".join(SAYS.values()),
        )  # fmt: skip
        moves = st.select_slider("Moves from noise to picture", sorted({*MOVES, default.moves}), default.moves, key="moves", bind="query-params")
        options = _options(sampler)
        scale = st.slider(
            "Guidance", 0.0, 8.0, default.scale, 0.5, key="scale", bind="query-params", disabled=not card.classes or kind == ANY,
            help="0 ignores the kind, 1 follows it, more exaggerates it.",
        )  # fmt: skip
        seed = st.number_input("Seed", 0, 1_000_000, 0, key="seed", bind="query-params", help="The same seed and settings give the same pictures.")
        with st.expander("More choices"):
            schedule = st.selectbox("Schedule", list(SCHEDULES), list(SCHEDULES).index(default.schedule), key="schedule", bind="query-params")
            spacing = st.selectbox("Spacing of the levels", list(SPACINGS), list(SPACINGS).index(default.spacing), key="spacing", bind="query-params")
            T = st.select_slider("Levels T", sorted({100, 300, 600, 1000, default.T}), default.T, key="levels", bind="query-params")
            zero = st.toggle("No signal left at T", key="zero", bind="query-params", help="Stretch the schedule so that level T is pure noise.")
            pictures = st.slider("Pictures", 1, 9, 4, key="pictures", bind="query-params")
    return Wish(card, Preset(sampler, moves, scale, schedule, T, zero, options, spacing), kind, seed, pictures)


def _options(sampler):
    bound = {"bind": "query-params"}
    if sampler == "DDIM":
        words = "How much fresh noise each move adds: 0 none, 1 as much as DDPM."
        return {"eta": st.slider("Fresh noise (eta)", 0.0, 1.0, 0.0, 0.1, key="eta", help=words, **bound)}
    if sampler != "DDPM":
        return {}
    words = "Small: as much as Bayes' rule asks for. Large: as much as the forward move had added."
    return {"variance": st.segmented_control("Variance", ["small", "large"], default="small", required=True, key="variance", help=words, **bound)}


def begin(wish):
    """Start to draw in the background; a walk still under way is cancelled. Shows one sentence if the choices do not go together."""
    try:
        walk = generate(models.get(wish.card.name), wish.preset, wish.seeds, wish.labels)
    except (Unusable, ValueError) as problem:
        background.cancel(KEY)
        st.error(str(problem))
        return
    background.begin(KEY, moments(walk), wish.preset.moves + 1, kept(wish.preset.moves).__contains__)
    st.session_state.job_wish = wish


def watch():
    """Show the walk while it is under way; when it is over, keep it and show the page anew."""
    wish = st.session_state.job_wish

    def says(job):
        where = f"level {job.latest[0].t} of {wish.preset.T}" if job.latest else "waiting for a turn"
        return f"Move {min(job.done, wish.preset.moves)} of {wish.preset.moves}: {where}"

    def show(moment):
        state = moment[0]
        with st.container(horizontal=True, gap="medium"):
            for images, name in ((state.x, UNDER_WAY), (state.x0_hat, GUESS)):
                page = grid(to_bytes(images), zoom=3 if wish.pictures <= 4 else 2)
                st.image(page, caption=f"Level {state.t}: {name}", alt=f"{name} at level {state.t}", width=page.shape[1])

    def over(job):
        pace.learn(wish.card.name, wish.preset, wish.pictures, wish.labels is not None, job.seconds)
        st.session_state.recording = Recording(wish, job.kept, job.seconds)

    background.watch(KEY, says, show, over)
