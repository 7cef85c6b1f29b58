"""What does obedience cost? The same seeds at several guidance scales, how many are recognised, and how much they come to resemble each other."""

import time
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from diffusion_edu.analysis.measures import plausible, spread
from diffusion_edu.app.common.condition_picker import Asked
from diffusion_edu.checkpoints import Card
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import guided, guided_between
from diffusion_edu.evaluation.features import describe
from diffusion_edu.generation import Preset, generate, step_of
from diffusion_edu.randomness import SeededNoise

SCALES = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0)


@dataclass(frozen=True)
class Drawn:
    """The pictures of one scale, uint8 (n, 3, h, w), and what was found on them; None where there is nobody to look.

    evaluations: how often the network was asked for each picture; right: which ones show what was asked for; apart, unlike: how far two
    of them are from each other, in pixels and in features.
    """

    images: Tensor
    seconds: float
    evaluations: int
    apart: float
    right: list[bool] | None = None
    unlike: float | None = None


@dataclass(frozen=True)
class Sweep:
    """The same noises, one per picture, drawn at every scale; guided at levels from low to high, elsewhere only told what is asked for.

    judge, eyes: the classifier that says what a picture shows, by its card, and the one that describes it by features, by its name, or None.
    """

    card: Card
    preset: Preset
    asked: Asked
    seed: int
    pictures: int
    scales: tuple[float, ...] = SCALES
    between: tuple[int, int] = (0, 1000)
    judge: Card | None = None
    eyes: str | None = None

    @property
    def seeds(self):
        """One seed per picture."""
        return list(range(self.seed, self.seed + self.pictures))

    @property
    def labels(self):
        """The same label for every picture."""
        return [self.asked.label(self.card)] * self.pictures

    @property
    def everywhere(self):
        """Whether all levels are guided."""
        return self.between[0] <= 0 and self.between[1] >= self.preset.T

    @property
    def total(self):
        """How many items draw yields."""
        return len(self.scales) * (self.preset.moves + 2)

    def evaluations(self, scale, everywhere=False):
        """Count how often the network will be asked for one picture: twice at levels that are guided, unless the scale is 0 or 1."""
        low, high = (0, self.preset.T) if everywhere else self.between
        levels = self.preset.levels()
        asks = levels[:-1] + (levels[1:-1] if self.preset.sampler == "Heun" else [])
        return sum(2 if scale not in (0, 1) and low <= t <= high else 1 for t in asks)

    def draw(self, model, judge=None, eyes=None):
        """Draw one scale after the other; yields ({scale: Drawn} of the finished ones, the scale under way, its guesses uint8) at every level."""
        finished = {}
        for scale in self.scales:
            asks, seconds, states = [], 0.0, None
            while True:
                begun = time.perf_counter()
                states = states or self.walk(model, scale, asks)
                state = next(states, None)
                seconds += time.perf_counter() - begun
                if state is None:
                    break
                last = state
                yield finished, scale, to_bytes(state.x0_hat.cpu())
            finished = {**finished, scale: self._looked_at(to_bytes(last.x.cpu()), seconds, len(asks), judge, eyes)}
            yield finished, None, None

    def walk(self, model, scale, asks):
        """Walk from the noises to the pictures of one scale; the level of every question to the network is put into the list asks."""
        noise = SeededNoise(self.seeds)
        x = model.compute.place(noise.draw((self.card.channels, self.card.size, self.card.size)))
        low, high = self.between
        step = step_of(
            model,
            replace(self.preset, scale=scale),
            noise,
            self.labels,
            _counted(partial(guided_between, low=low, high=high), asks),
        )
        return walk(step, x, self.preset.levels())

    def _looked_at(self, images, seconds, evaluations, judge, eyes):
        right = judge and _shows(describe(judge, images).scores, self.asked.label(judge.card)).tolist()
        apart, unlike = spread(images / 127.5), eyes and spread(describe(eyes, images).features)
        return Drawn(images, seconds, evaluations, apart, right, unlike)

    def says(self, job):
        """Say what is being drawn."""
        finished, scale, _ = job.latest or ({}, self.scales[0], None)
        return f"{len(finished)} of {len(self.scales)} scales drawn" + (
            "" if scale is None else f", now guidance {scale:g}"
        )

    @property
    def cost(self):
        """Say how often the network is asked, and how many of the questions the interval saves."""
        asked, always = (
            self.pictures * sum(self.evaluations(scale, wide) for scale in self.scales) for wide in (False, True)
        )
        saved = "" if self.everywhere else f", {always - asked:,} fewer than with guidance at all levels"
        return f"{asked:,} questions to the network{saved}"

    @property
    def code(self):
        """The lines of Python that draw the same pictures and measure the same numbers."""
        part, needs_torch = not self.everywhere, self.judge and self.card.attributes
        imports = {
            "from dataclasses import replace\n": True,
            "from functools import partial\n": part,
            "\nimport torch\n": needs_torch,
            "\nfrom diffusion_edu.checkpoints import load\n": True,
            "from diffusion_edu.core import walk\n": part,
            "from diffusion_edu.data.images import to_bytes\n": True,
            "from diffusion_edu.denoisers import guided_between\n": part,
            "from diffusion_edu.evaluation.features import describe\n": self.judge or self.eyes,
            f"from diffusion_edu.generation import Preset, {'step_of' if part else 'generate'}\n": True,
            "from diffusion_edu.analysis.measures import spread\n": True,
            "from diffusion_edu.randomness import SeededNoise\n": part,
        }
        return (
            f"{''.join(line for line, needed in imports.items() if needed)}\n"
            f'model = load("{self.card.name}")\n'
            f"preset = {self.preset}\n"
            f"seeds, labels = {self.seeds}, {self.labels}  # {self.asked.words}\n"
            f"for scale in {list(self.scales)}:\n"
            f"{self._code_of_a_scale}"
            "    pictures = to_bytes(last.x.cpu())  # uint8 (pictures, 3, height, width)\n"
            "    print(scale, spread(pictures / 127.5))\n"
            f"{self._code_of_looking}"
        )

    @property
    def _code_of_a_scale(self):
        if self.everywhere:
            return "    *_, last = generate(model, replace(preset, scale=scale), seeds, labels)\n"
        shape, (low, high) = (self.card.channels, self.card.size, self.card.size), self.between
        return (
            "    noise = SeededNoise(seeds)\n"
            f"    steer = partial(guided_between, low={low}, high={high})\n"
            "    step = step_of(model, replace(preset, scale=scale), noise, labels, steer)\n"
            f"    *_, last = walk(step, model.compute.place(noise.draw({shape})), preset.levels())\n"
        )

    @property
    def _code_of_looking(self):
        lines = f'    print(spread(describe(load("{self.eyes}"), pictures).features))\n' if self.eyes else ""
        if not self.judge:
            return lines
        lines += f'    scores, wanted = describe(load("{self.judge.name}"), pictures).scores, {self.asked.label(self.judge)}\n'
        if self.judge.attributes:
            return (
                lines
                + "    wanted = torch.tensor(wanted)\n    print((scores * wanted > 0)[:, wanted != 0].all(1).tolist())  # is every wish fulfilled?\n"
            )
        return lines + f"    print((scores.argmax(1) == wanted).tolist())  # which are taken for: {self.asked.words}?\n"

    @property
    def functions(self):
        """What did it."""
        return [guided, generate] if self.everywhere else [guided_between, guided, step_of]


def _shows(scores, wanted):
    """Say which pictures, by their scores (n, classes), show what was asked for, bool (n,): the right class, or all attributes as wished."""
    if isinstance(wanted, int):
        return scores.argmax(1) == wanted
    wanted = torch.tensor(wanted)
    return (scores * wanted > 0)[:, wanted != 0].all(1)


def _counted(steer, asks):
    """Steer as before, and put the level of every question to the network into the list asks."""

    def count(denoise):
        return lambda x, t: asks.append(t) or denoise(x, t)

    return lambda conditional, unconditional, scale: steer(count(conditional), count(unconditional), scale)


def shares(finished):
    """Say for every finished scale which share was recognised, and between which limits the true share lies; [] if nobody looked."""
    counted = [(sum(drawn.right), len(drawn.right)) for drawn in finished.values() if drawn.right is not None]
    return [(hits / tries, plausible(hits, tries)) for hits, tries in counted]
