"""The latents of a drawing under way: what the network sees, and what they would be as an image, timestep by timestep."""

from dataclasses import asdict, dataclass
from functools import cached_property

from torch import Tensor

from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.editing.edit_job import named
from diffusion_edu.app.text_to_image.latent_images import in_one, screen
from diffusion_edu.app.text_to_image.request import Order
from diffusion_edu.app.trajectories.animation import Animation
from diffusion_edu.app.trajectories.recording import kept
from diffusion_edu.core import State
from diffusion_edu.data.images import to_signed
from diffusion_edu.latent.text_to_image import draw

AGAIN = "A drawing has come from latents before, and so it loses little on its way back to them. A photograph of your own loses more."
IMPORTS = "from diffusion_edu.generation import Preset\nfrom diffusion_edu.latent.text_to_image import draw, load_text_to_image\n\n"


@dataclass(frozen=True)
class Moment:
    """A State of one drawing in latents, and what its latents under way and its prediction are as images, uint8 (3, h, w)."""

    state: State
    image: Tensor
    prediction: Tensor


@dataclass(frozen=True, eq=False)
class Underway:
    """One drawing of what the page asks for."""

    order: Order

    key = "latents walk"

    @cached_property
    def id(self):
        """The same for the same choices."""
        return named(self.key, self.order.settings)

    @property
    def needs(self):
        """The name of the model that draws."""
        return [self.order.card.name]

    @property
    def total(self):
        """How many moments there are."""
        return len(self.order.preset.timesteps())

    def keep(self, index):
        """Say whether a moment is kept."""
        return index in kept(self.total - 1)

    def draw(self, able):
        """Draw, and yield a Moment per timestep, without images where it would not be kept."""
        drawing = draw(self.order.ask(able))

        def moments():
            for at, state in enumerate(drawing):
                if self.keep(at):
                    images = [drawing.see(x)[0] for x in (state.x, state.x0_hat)]
                    yield Moment(State(state.t, state.x[0].cpu(), state.x0_hat[0].cpu()), *images)
                else:
                    yield Moment(state, None, None)

        return moments()

    def under_way(self, moment):
        """What to show while the walk is under way, as (images, words)."""
        return (
            []
            if moment.prediction is None
            else [(to_signed(moment.prediction[None]), f"The prediction at timestep {moment.state.t}")]
        )

    def animation(self, moments):
        """What is kept: the drawing as a Subject, and the animation of its latents, with both images, at every timestep, as a dict."""
        return self._subject(moments), self._animation(moments)

    def words(self, moments):
        """Say at how many timesteps there are images."""
        return f"Sampled and decoded at {len(moments)} timesteps."

    @property
    def code(self):
        """The lines of Python that draw the same."""
        return (
            f"{IMPORTS}{self.order.code()}"
            "drawing = draw(asked)\n"
            "for state in drawing:\n"
            "    image, prediction = drawing.see(state.x), drawing.see(state.x0_hat)  # uint8 (1, 3, h, w)\n"
            "    print(state.t, state.x.std(), state.x0_hat.std())\n"
        )

    def _subject(self, moments):
        lines = f"{IMPORTS}{self.order.code()}drawing = draw(asked)\n*_, last = drawing\nimage = drawing.see(last.x)[0]  # uint8 (3, h, w)\n"
        return Subject(moments[-1].image, "drawing", lines, (AGAIN,))

    def _animation(self, moments):
        schedule = self.order.preset.noise_schedule()
        timesteps, size = [moment.state.t for moment in moments], moments[-1].image.shape[-1]
        rates = [schedule.rates(moment.state.t, moment.state.x[None]) for moment in moments]
        says = [
            f"timestep {t} of {schedule.T} · signal {signal:.2f} · noise {noise:.2f}"
            for t, (signal, noise) in zip(timesteps, rates, strict=True)
        ]
        spreads = [f"standard deviation {moment.state.x.std():.2f}" for moment in moments]
        guessed = [f"of latents with standard deviation {moment.state.x0_hat.std():.2f}" for moment in moments]
        tracks = [
            screen(
                "maps",
                ("x", "t"),
                "latents under way",
                "x",
                [in_one(moment.state.x, size) for moment in moments],
                spreads,
            ),
            screen("x", ("x", "t"), "they, as an image", "x", [moment.image for moment in moments]),
            screen(
                "x0_hat",
                ("x\u0302", "0"),
                "the prediction, as an image",
                "x0_hat",
                [moment.prediction for moment in moments],
                guessed,
            ),
        ]
        start = round(0.6 * (len(timesteps) - 1))  # where both can be seen: what it will be, and noise
        return asdict(Animation(self.id, size, size, ["drawing"], timesteps, says, tracks, start))
