"""An image that was degraded, and two algorithms that undo it side by side, as an animation."""

import hashlib
from dataclasses import asdict, dataclass
from functools import partial

from torch import Tensor

from diffusion_edu.analysis.measures import psnr
from diffusion_edu.app.cold.animation import NAMES, T, in_words, side_by_side
from diffusion_edu.app.common.image_picker import Subject
from diffusion_edu.app.trajectories.animation import COLOUR
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_signed
from diffusion_edu.degradations import Degradation, flawed, oracle
from diffusion_edu.denoisers import clipped
from diffusion_edu.randomness import SeededNoise, choose
from diffusion_edu.samplers import cold_step, ddim_step, multistep_renoising_step, naive_cold_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced

NOISE = "noise"
WHY = (  # two algorithms differ: without noise, and with it
    "Algorithm 2 changes the image only by the difference of two degradations of one prediction, and what is wrong in both cancels; algorithm 1 "
    "takes the prediction for the image, with all that is wrong in it.",
    "Noise is a degradation like others: algorithm 2, which keeps the noise that the prediction leaves over, is DDIM; algorithm 1 adds new noise to the "
    "prediction, and with the old noise it forgets what was seen.",
)


@dataclass(frozen=True, eq=False)
class Undoing:
    """An image, what is done to it (a name in DEGRADATIONS, or NOISE) up to timestep start, and how it is undone.

    restorer is the name of the model that is asked, None for one that knows the answer; error is what is added to its predictions.
    """

    subject: Subject
    way: str
    start: int
    steps: int
    restorer: str | None
    error: float
    seed: int

    names = NAMES

    @property
    def id(self):
        """The same for the same choices."""
        about = repr((self.way, self.start, self.steps, self.restorer, self.error, self.seed, self.subject.class_name))
        return hashlib.sha256(about.encode() + self.subject.image.numpy().tobytes()).hexdigest()

    @property
    def needs(self):
        """The names of the models that are asked."""
        return [self.restorer] if self.restorer else []

    @property
    def x0(self) -> Tensor:
        """The true image, (1, 3, h, w) in [-1, 1]."""
        return choose().place(to_signed(self.subject.image)[None])

    @property
    def timesteps(self):
        """The timesteps that both walks visit."""
        return spaced(cosine(T), self.steps, top=self.start)

    def states(self, model=None):
        """Walk by both algorithms from the same degraded image, and yield a pair of States per timestep."""
        degrade, *steps = (self._hot if self.way == NOISE else self._cold)(model)
        x = degrade(self.x0, self.start)
        return zip(*(walk(step, x, self.timesteps) for step in steps), strict=True)

    def _cold(self, model=None):
        degrade = Degradation(self.way, (self.seed,), T)
        restore = self._asked(model and model.restorer(degrade))
        return degrade, partial(cold_step, restore, degrade), partial(naive_cold_step, restore, degrade)

    def _hot(self, model=None):
        """Noise is a degradation too: algorithm 2, which finds the noise in the image and keeps it, is DDIM; algorithm 1 adds new noise."""
        schedule, noise = cosine(T), SeededNoise([self.seed])
        eps = noise(self.x0)
        restore = self._asked(model and model.denoiser(schedule))
        steps = partial(ddim_step, restore, schedule), partial(multistep_renoising_step, restore, schedule, randn=noise)
        return (lambda x0, t: schedule.corrupt(x0, t, eps)), *steps

    def _asked(self, restore):
        restore = restore or oracle(self.x0)
        return clipped(flawed(restore, self.error, [self.seed]) if self.error else restore)

    def animation(self, pairs):
        """What the player shows of all pairs of States, as a dict; it opens at the end."""
        degrade, *_ = (self._hot if self.way == NOISE else self._cold)()
        hand = [degrade(self.x0, state.t) for state, _ in pairs]
        return asdict(side_by_side(self.id, self.subject.class_name, self.x0, hand, *zip(*pairs, strict=True)))

    def words(self, pairs):
        """Say how near each way to undo it comes to the true image, why the algorithms differ, and what the number means."""
        (first, _), (two, one) = pairs[0], pairs[-1]
        begun, prediction, second, naive = (
            in_words(psnr(x.clamp(-1, 1), self.x0)) for x in (first.x, first.x0_hat, two.x, one.x)
        )
        return (
            f"**Nearness to the true image (PSNR): nothing done {begun}, one prediction {prediction}, {len(pairs) - 1} steps by algorithm 2 {second}, "
            f"by algorithm 1 {naive}.** {WHY[self.way == NOISE]} Higher is better: 20 dB is an error of a tenth of the range from black to white. "
            "One prediction is an average of all that the image could have been: often near in numbers, and soft to look at. "
            f"{' '.join(self.subject.notes)}"
        )

    @property
    def equations(self):
        """The steps of algorithm 2 and of algorithm 1, in the letters of the tracks."""
        x0_hat, x_t = (
            rf"\textcolor{{{COLOUR[class_name]}}}{{{symbol}}}"
            for class_name, symbol in (("x0_hat", r"\hat x_0"), ("x", "x_t"))
        )
        steps = rf"{x_t}-D({x0_hat},t)+D({x0_hat},s)", rf"D({x0_hat},s)"
        if self.way == NOISE:
            steps = (
                rf"\text{{signal}}_s\,{x0_hat}+\text{{noise}}_s\,\epsilon_\text{{{which}}}"
                for which in ("found in x", "new")
            )
        return [rf"\text{{{name}:}}\quad x_s={move}" for name, move in zip(self.names, steps, strict=True)]

    @property
    def code(self):
        """The lines of Python that make the same images and numbers."""
        if self.way == NOISE:
            made = f"schedule, noise = cosine({T}), SeededNoise([{self.seed}])\neps = noise(x0)\nx = schedule.corrupt(x0, {self.start}, eps)\n"
            asked, rest = f'load("{self.restorer}").denoiser(schedule)', "schedule"
            steps = "ddim_step, partial(renoise_step, randn=noise)"
        else:
            made = f'degrade = Degradation("{self.way}", seeds=({self.seed},))\nx = degrade(x0, {self.start})\n'
            asked, rest, steps = f'load("{self.restorer}").restorer(degrade)', "degrade", "cold_step, naive_cold_step"
        flaw = f"restore = flawed(restore, error={self.error}, seeds=[{self.seed}])\n" if self.error else ""
        return (
            "from functools import partial\n\n"
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.core import walk\n"
            "from diffusion_edu.data.images import to_bytes, to_signed\n"
            "from diffusion_edu.degradations import Degradation, flawed, oracle\n"
            "from diffusion_edu.denoisers import clipped\n"
            "from diffusion_edu.analysis.measures import psnr\n"
            "from diffusion_edu.randomness import SeededNoise, choose\n"
            "from diffusion_edu.samplers import cold_step, ddim_step, naive_cold_step, renoise_step\n"
            "from diffusion_edu.schedules import cosine\n"
            "from diffusion_edu.spacings import spaced\n"
            f"{self.subject.code}"
            "x0 = choose().place(to_signed(image)[None])  # (1, 3, 64, 64) in [-1, 1]\n"
            f"{made}"
            f"restore = {asked if self.restorer else 'oracle(x0)'}\n"
            f"{flaw}"
            f"for step in ({steps}):                      # algorithm 2, algorithm 1\n"
            f"    for state in walk(partial(step, clipped(restore), {rest}), x, spaced(cosine({T}), {self.steps}, top={self.start})):\n"
            "        print(state.t, psnr(state.x0_hat, x0))\n"
            "    image = to_bytes(state.x)              # uint8 (1, 3, 64, 64)\n"
        )
