"""What does condition fidelity cost? The same seeds at several guidance scales, how many are recognised, and how much they come to resemble each other."""

import time
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from diffusion_edu.analysis.measures import mean_distance, plausible
from diffusion_edu.app.common.condition_picker import Asked
from diffusion_edu.checkpoints import Card
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import guided, interval_guidance
from diffusion_edu.evaluation.features import describe
from diffusion_edu.generation import Preset, generate, make_step
from diffusion_edu.randomness import SeededNoise

SCALES = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0)


@dataclass(frozen=True)
class Sampled:
    """The images of one scale, uint8 (n, 3, h, w), and what was found on them; None where there is nobody to look.

    evaluations: how often the network was asked for each image; right: which ones show what was asked for; apart, unlike: how far two
    of them are from each other, in pixels and in features.
    """

    images: Tensor
    seconds: float
    nfe: int
    apart: float
    right: list[bool] | None = None
    unlike: float | None = None


@dataclass(frozen=True)
class Sweep:
    """The same noises, one per image, sampled at every scale; guided at timesteps from low to high, elsewhere only told what is asked for.

    judge, eyes: the classifier that says what an image shows, by its card, and the one that describes it by features, by its name, or None.
    """

    card: Card
    preset: Preset
    asked: Asked
    seed: int
    images: int
    guidance_scales: tuple[float, ...] = SCALES
    between: tuple[int, int] = (0, 1000)
    judge: Card | None = None
    feature_network: str | None = None

    @property
    def seeds(self):
        """One seed per image."""
        return list(range(self.seed, self.seed + self.images))

    @property
    def labels(self):
        """The same label for every image."""
        return [self.asked.label(self.card)] * self.images

    @property
    def everywhere(self):
        """Whether all timesteps are guided."""
        return self.between[0] <= 0 and self.between[1] >= self.preset.T

    @property
    def total(self):
        """How many items draw yields."""
        return len(self.guidance_scales) * (self.preset.steps + 2)

    def nfe(self, guidance_scale, everywhere=False):
        """Count how often the network will be asked for one image: twice at timesteps that are guided, unless the scale is 0 or 1."""
        low, high = (0, self.preset.T) if everywhere else self.between
        timesteps = self.preset.timesteps()
        asks = timesteps[:-1] + (timesteps[1:-1] if self.preset.sampler == "Heun" else [])
        return sum(2 if guidance_scale not in (0, 1) and low <= t <= high else 1 for t in asks)

    def draw(self, model, judge=None, feature_network=None):
        """Draw one scale after the other; yields ({scale: Sampled} of the finished ones, the scale under way, its predictions uint8) at every timestep."""
        finished = {}
        for guidance_scale in self.guidance_scales:
            asks, seconds, states = [], 0.0, None
            while True:
                begun = time.perf_counter()
                states = states or self.walk(model, guidance_scale, asks)
                state = next(states, None)
                seconds += time.perf_counter() - begun
                if state is None:
                    break
                last = state
                yield finished, guidance_scale, to_bytes(state.x0_hat.cpu())
            finished = {
                **finished,
                guidance_scale: self._looked_at(to_bytes(last.x.cpu()), seconds, len(asks), judge, feature_network),
            }
            yield finished, None, None

    def walk(self, model, guidance_scale, asks):
        """Walk from the noises to the images of one scale; the timestep of every question to the network is put into the list asks."""
        noise = SeededNoise(self.seeds)
        x = model.compute.place(noise.sample((self.card.channels, self.card.size, self.card.size)))
        low, high = self.between
        step = make_step(
            model,
            replace(self.preset, guidance_scale=guidance_scale),
            noise,
            self.labels,
            _counted(partial(interval_guidance, low=low, high=high), asks),
        )
        return walk(step, x, self.preset.timesteps())

    def _looked_at(self, images, seconds, nfe, judge, feature_network):
        right = judge and _shows(describe(judge, images).scores, self.asked.label(judge.card)).tolist()
        apart, unlike = (
            mean_distance(images / 127.5),
            feature_network and mean_distance(describe(feature_network, images).features),
        )
        return Sampled(images, seconds, nfe, apart, right, unlike)

    def says(self, job):
        """Say what is being sampled."""
        finished, guidance_scale, _ = job.latest or ({}, self.guidance_scales[0], None)
        return f"{len(finished)} of {len(self.guidance_scales)} scales sampled" + (
            "" if guidance_scale is None else f", now guidance {guidance_scale:g}"
        )

    @property
    def cost(self):
        """Say how often the network is asked, and how many of the questions the interval saves."""
        asked, always = (
            self.images * sum(self.nfe(guidance_scale, wide) for guidance_scale in self.guidance_scales)
            for wide in (False, True)
        )
        saved = "" if self.everywhere else f", {always - asked:,} fewer than with guidance at all timesteps"
        return f"{asked:,} questions to the network{saved}"

    @property
    def code(self):
        """The lines of Python that draw the same images and measure the same numbers."""
        part, needs_torch = not self.everywhere, self.judge and self.card.attributes
        imports = {
            "from dataclasses import replace\n": True,
            "from functools import partial\n": part,
            "\nimport torch\n": needs_torch,
            "\nfrom diffusion_edu.checkpoints import load\n": True,
            "from diffusion_edu.core import walk\n": part,
            "from diffusion_edu.data.images import to_bytes\n": True,
            "from diffusion_edu.denoisers import interval_guidance\n": part,
            "from diffusion_edu.evaluation.features import describe\n": self.judge or self.feature_network,
            f"from diffusion_edu.generation import Preset, {'make_step' if part else 'generate'}\n": True,
            "from diffusion_edu.analysis.measures import mean_distance\n": True,
            "from diffusion_edu.randomness import SeededNoise\n": part,
        }
        return (
            f"{''.join(line for line, needed in imports.items() if needed)}\n"
            f'model = load("{self.card.name}")\n'
            f"preset = {self.preset}\n"
            f"seeds, labels = {self.seeds}, {self.labels}  # {self.asked.words}\n"
            f"for scale in {list(self.guidance_scales)}:\n"
            f"{self._code_of_a_scale}"
            "    images = to_bytes(last.x.cpu())  # uint8 (images, 3, height, width)\n"
            "    print(scale, mean_distance(images / 127.5))\n"
            f"{self._code_of_looking}"
        )

    @property
    def _code_of_a_scale(self):
        if self.everywhere:
            return "    *_, last = generate(model, replace(preset, guidance_scale=scale), seeds, labels)\n"
        shape, (low, high) = (self.card.channels, self.card.size, self.card.size), self.between
        return (
            "    noise = SeededNoise(seeds)\n"
            f"    guidance = partial(interval_guidance, low={low}, high={high})\n"
            "    step = make_step(model, replace(preset, guidance_scale=scale), noise, labels, guidance)\n"
            f"    *_, last = walk(step, model.compute.place(noise.sample({shape})), preset.timesteps())\n"
        )

    @property
    def _code_of_looking(self):
        lines = (
            f'    print(mean_distance(describe(load("{self.feature_network}"), images).features))\n'
            if self.feature_network
            else ""
        )
        if not self.judge:
            return lines
        lines += (
            f'    scores, wanted = describe(load("{self.judge.name}"), images).scores, {self.asked.label(self.judge)}\n'
        )
        if self.judge.attributes:
            return (
                lines
                + "    wanted = torch.tensor(wanted)\n    print((scores * wanted > 0)[:, wanted != 0].all(1).tolist())  # is every request fulfilled?\n"
            )
        return lines + f"    print((scores.argmax(1) == wanted).tolist())  # which are taken for: {self.asked.words}?\n"

    @property
    def functions(self):
        """What did it."""
        return [guided, generate] if self.everywhere else [interval_guidance, guided, make_step]


def _shows(scores, wanted):
    """Say which images, by their scores (n, classes), show what was asked for, bool (n,): the right class, or all attributes as wished."""
    if isinstance(wanted, int):
        return scores.argmax(1) == wanted
    wanted = torch.tensor(wanted)
    return (scores * wanted > 0)[:, wanted != 0].all(1)


def _counted(guidance, asks):
    """Guide as before, and put the timestep of every question to the network into the list asks."""

    def count(denoise):
        return lambda x, t: asks.append(t) or denoise(x, t)

    return lambda conditional, unconditional, guidance_scale: guidance(
        count(conditional), count(unconditional), guidance_scale
    )


def fractions(finished):
    """Say for every finished scale which share was recognised, and between which limits the true share lies; [] if nobody looked."""
    counted = [(sum(sampled.right), len(sampled.right)) for sampled in finished.values() if sampled.right is not None]
    return [(hits / tries, plausible(hits, tries)) for hits, tries in counted]
