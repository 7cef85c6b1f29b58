"""The latents of a drawing under way: what the network sees, and what they would be as a picture, level by level."""

from dataclasses import asdict, dataclass
from functools import cached_property

import streamlit as st
from torch import Tensor

from diffusion_edu.app import background, prompted, studio
from diffusion_edu.app.darkroom import Subject
from diffusion_edu.app.footage import Film
from diffusion_edu.app.maps import LEGEND, in_one, screen
from diffusion_edu.app.player import play
from diffusion_edu.app.prompted import Order
from diffusion_edu.app.recording import kept
from diffusion_edu.core import State, walk
from diffusion_edu.figures.grids import grid
from diffusion_edu.latent import Codec
from diffusion_edu.text_to_image import TextToImage, draw

KEY = "latents walk"
LOOK = "**The network never sees a picture: this is its whole world.** From which level on do the maps show what it will be?"
AGAIN = "A drawing has come from latents before, and so it loses little on its way back to them. A photograph of your own loses more."
IMPORTS = "from diffusion_edu.generation import Preset\nfrom diffusion_edu.text_to_image import draw, load_text_to_image\n\n"


@dataclass(frozen=True)
class Moment:
    """A State of one drawing in latents, and what its latents under way and its guess are as pictures, uint8 (3, h, w)."""

    state: State
    picture: Tensor
    guess: Tensor


@dataclass(frozen=True, eq=False)
class Underway:
    """One drawing of what the page asks for, and who draws it."""

    order: Order
    able: TextToImage

    functions = (draw, walk, Codec.decode)

    @property
    def id(self):
        """The same for the same choices."""
        return studio.named(self.order.settings, self.able.codec.mean)

    @property
    def total(self):
        """How many moments there are."""
        return len(self.order.preset.levels())

    def items(self):
        """Draw, and yield a Moment at each level whose pictures are kept, else None."""
        drawing, chosen = draw(self.order.ask(self.able)), kept(self.total - 1)

        def moments():
            for at, state in enumerate(drawing):
                if at in chosen:
                    pictures = [drawing.see(x)[0] for x in (state.x, state.x0_hat)]
                    yield Moment(State(state.t, state.x[0].cpu(), state.x0_hat[0].cpu()), *pictures)
                else:
                    yield Moment(state, None, None)

        return moments()

    @property
    def code(self):
        """The lines of Python that draw the same."""
        return (
            f"{IMPORTS}{self.order.code()}"
            "drawing = draw(asked)\n"
            "for state in drawing:\n"
            "    picture, guess = drawing.see(state.x), drawing.see(state.x0_hat)  # uint8 (1, 3, h, w)\n"
            "    print(state.t, state.x.std(), state.x0_hat.std())\n"
        )


@dataclass(frozen=True, eq=False)
class Gone:
    """What became of a drawing: its moments, and the seconds of computing."""

    underway: Underway
    moments: list[Moment]
    seconds: float

    @property
    def functions(self):
        """What did it."""
        return self.underway.functions

    @property
    def code(self):
        """The lines of Python that draw the same."""
        return self.underway.code

    @property
    def subject(self):
        """The drawing as a picture to begin with."""
        lines = f"{IMPORTS}{self.underway.order.code()}drawing = draw(asked)\n*_, last = drawing\nimage = drawing.see(last.x)[0]  # uint8 (3, h, w)\n"
        return Subject(self.moments[-1].picture, "drawing", lines, (AGAIN,))

    @cached_property
    def film(self):
        """Latents under way, and both pictures, at every level, as a dict."""
        schedule, moments = self.underway.order.preset.noising(), self.moments
        levels, size = [moment.state.t for moment in moments], moments[-1].picture.shape[-1]
        rates = [schedule.rates(moment.state.t, moment.state.x[None]) for moment in moments]
        says = [f"level {t} of {schedule.T} · signal {signal:.2f} · noise {noise:.2f}" for t, (signal, noise) in zip(levels, rates, strict=True)]
        spreads = [f"standard deviation {moment.state.x.std():.2f}" for moment in moments]
        guessed = [f"of latents with standard deviation {moment.state.x0_hat.std():.2f}" for moment in moments]
        screens = [
            screen("maps", ("x", "t"), "latents under way", "x", [in_one(moment.state.x, size) for moment in moments], spreads),
            screen("x", ("x", "t"), "they, as a picture", "x", [moment.picture for moment in moments]),
            screen("x0_hat", ("x\u0302", "0"), "the guess, as a picture", "x0_hat", [moment.guess for moment in moments], guessed),
        ]
        start = round(0.6 * (len(levels) - 1))  # where both can be seen: what it will be, and noise
        return asdict(Film(self.underway.id, size, size, ["drawing"], levels, says, screens, start))

    def show(self, key):
        """Show the film."""
        st.markdown(LOOK)
        play(self.film, key=key)
        words = "Noise of latents is no noise of pixels: decoded it is a mess of colours, for the decoder has only learned from latents of pictures."
        prompted.tell(self.underway.order.ask(self.underway.able))
        st.caption(f"{LEGEND} {words} Drawn and decoded at {len(self.moments)} levels in {self.seconds:.1f} s of computing.")


def keep_up(wanted):
    """See to it that a drawing is drawn; returns the Gone of the last that was, or None."""
    done = background.keep_up(KEY, wanted, _begin, _watch, "Draw")
    return done and done[1]


def _begin(wanted):
    """Start to draw in the background. Shows one sentence if the choices do not go together."""
    try:
        background.begin(KEY, wanted.items(), wanted.total, kept(wanted.total - 1).__contains__, wanted=wanted.id)
    except ValueError as problem:
        background.cancel(KEY)
        st.error(str(problem))


def _watch(wanted, quiet):
    """Show how far it is, and unless quiet the guess; when it is over, keep it and show the page anew."""

    def says(job):
        where = f"level {job.latest.state.t}" if job.latest else "waiting for a turn"
        return f"Move {min(job.done, wanted.total - 1)} of {wanted.total - 1}: {where}"

    def look(moment):
        if moment.guess is not None:
            page = grid(moment.guess[None], zoom=2)
            st.image(page, caption=f"Level {moment.state.t}: the guess", alt=f"The guess at level {moment.state.t}", width=page.shape[1])

    def over(job):
        st.session_state[f"done:{KEY}"] = wanted, Gone(wanted, job.kept, job.seconds)

    background.watch(KEY, says, (lambda item: None) if quiet else look, over)
