"""The guidance scale sweep: the same noise at several guidance scales, with condition fidelity and diversity."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from diffusion_edu.app.common.condition_picker import ConditionChoice
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.guidance.sweep_results import measure
from diffusion_edu.checkpoints import Card
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import guided, interval_guidance
from diffusion_edu.generation import Preset, generate

SCALES = (0.0, 1.0, 2.0, 3.0, 5.0, 8.0)


@dataclass(frozen=True)
class Sweep:
    """One noise per image, sampled at every guidance scale.

    Guidance acts at the timesteps of the interval (low, high); at the others the prediction is the conditional one.
    classifier is the card of the evaluation classifier, feature_network the name of the network for features, or None.
    """

    card: Card
    preset: Preset
    condition: ConditionChoice
    seed: int
    images: int
    guidance_scales: tuple[float, ...] = SCALES
    interval: tuple[int, int] = (0, 1000)
    classifier: Card | None = None
    feature_network: str | None = None

    key = "guidance_sweep"

    @property
    def id(self):
        """The same for the same settings."""
        names = self.card.name, self.classifier and self.classifier.name, self.feature_network
        settings = self.preset, self.condition, self.seed, self.images, self.guidance_scales, self.interval
        return settings_id(names, settings)

    @property
    def models(self):
        """The names of the model, the classifier and the feature network; None for those that are missing."""
        return [self.card.name, self.classifier and self.classifier.name, self.feature_network]

    @property
    def seeds(self):
        """One seed per image."""
        return list(range(self.seed, self.seed + self.images))

    @property
    def labels(self):
        """The same label for every image."""
        return [self.condition.label(self.card)] * self.images

    @property
    def all_timesteps(self):
        """Whether all timesteps are guided."""
        return self.interval[0] <= 0 and self.interval[1] >= self.preset.T

    @property
    def total(self):
        """The number of items that run yields."""
        return len(self.guidance_scales) * (self.preset.steps + 2)

    def nfe(self, guidance_scale, all_timesteps=False):
        """Count the network evaluations per image: two at a guided timestep, else one; one at guidance scale 0 or 1."""
        low, high = (0, self.preset.T) if all_timesteps else self.interval
        timesteps = self.preset.timesteps()
        evaluated = timesteps[:-1] + (timesteps[1:-1] if self.preset.sampler == "Heun" else [])
        return sum(2 if guidance_scale not in (0, 1) and low <= t <= high else 1 for t in evaluated)

    def run(self, model, classifier=None, feature_network=None) -> Iterator[tuple]:
        """Sample one guidance scale after the other; yields an item per timestep, and one more per scale.

        An item is ({guidance scale: ScaleResult} of the finished scales, the current scale, its predictions uint8);
        the last two are None when a scale is finished.
        """
        finished = {}
        for guidance_scale in self.guidance_scales:
            evaluated, seconds, states = [], 0.0, None
            while True:
                start = time.perf_counter()
                states = states or self.walk(model, guidance_scale, evaluated)
                state = next(states, None)
                seconds += time.perf_counter() - start
                if state is None:
                    break
                last = state
                yield finished, guidance_scale, to_bytes(state.x0_hat.cpu())
            images = to_bytes(last.x.cpu())
            result = measure(images, seconds, len(evaluated), self.condition, classifier, feature_network)
            finished = {**finished, guidance_scale: result}
            yield finished, None, None

    def walk(self, model, guidance_scale, evaluated):
        """Start the walk of one guidance scale; every network evaluation appends its timestep to the list evaluated."""
        low, high = self.interval
        guidance = _counting(partial(interval_guidance, low=low, high=high), evaluated)
        return generate(model, replace(self.preset, guidance_scale=guidance_scale), self.seeds, self.labels, guidance)

    def progress(self, job):
        """The text of the progress bar."""
        finished, guidance_scale, _ = job.latest or ({}, self.guidance_scales[0], None)
        current = "" if guidance_scale is None else f", now guidance scale {guidance_scale:g}"
        return f"{len(finished)} of {len(self.guidance_scales)} guidance scales sampled{current}"

    @property
    def cost(self):
        """The number of network evaluations, and how many the interval saves."""
        nfe, full = (
            self.images * sum(self.nfe(guidance_scale, wide) for guidance_scale in self.guidance_scales)
            for wide in (False, True)
        )
        saved = "" if self.all_timesteps else f", {full - nfe:,} fewer than with guidance at all timesteps"
        return f"{nfe:,} network evaluations{saved}"

    @property
    def code(self):
        """Python code that samples the same images and measures the same numbers."""
        low, high = self.interval
        return snippet(
            __file__,
            "scale_sweep" if self.all_timesteps else "interval_sweep",
            model=repr(self.card.name),
            preset=self.preset,
            seeds=self.seeds,
            condition=self.labels,
            words=self.condition.words,
            guidance_scales=list(self.guidance_scales),
            low=low,
            high=high,
        ) + snippet(__file__, "sweep_scores", words=self.condition.words, **self._evaluation())

    def _evaluation(self):
        """The values of the template for the measurements; None leaves a line out."""
        label = self.condition.label(self.classifier) if self.classifier else None
        chosen = [k for k, sign in enumerate(label) if sign] if isinstance(label, list) else None
        return {
            "feature_network": self.feature_network and repr(self.feature_network),
            "classifier": self.classifier and repr(self.classifier.name),
            "label": None if isinstance(label, list) else label,
            "positions": chosen,
            "signs": chosen and [label[k] for k in chosen],
        }

    @property
    def functions(self):
        """The functions behind the images."""
        return [guided, generate] if self.all_timesteps else [interval_guidance, guided, generate]


def _counting(guidance, evaluated):
    """Wrap guidance so that the timestep of every network evaluation is appended to the list evaluated."""

    def counting(denoise):
        return lambda x, t: evaluated.append(t) or denoise(x, t)

    return lambda conditional, unconditional, guidance_scale: guidance(
        counting(conditional), counting(unconditional), guidance_scale
    )
