"""A request: model, preset, condition, seed and number of images, in the forms that the library, pages and downloads
need.
"""

from collections import Counter
from dataclasses import dataclass

from diffusion_edu.app.common.numbers import counted
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.checkpoints import Card
from diffusion_edu.generation import Preset

MIXED, MIXED_ATTRIBUTES, ANY = "a mix of classes", "a mix of attributes", "anything (no guidance)"


@dataclass(frozen=True)
class Request:
    """What a person has chosen; class_name is a class, an attribute, MIXED, MIXED_ATTRIBUTES or ANY (unconditional)."""

    card: Card
    preset: Preset
    class_name: str
    seed: int
    images: int

    @property
    def seeds(self):
        """One seed per image."""
        return list(range(self.seed, self.seed + self.images))

    @property
    def labels(self):
        """The condition: one label per image, or None for unconditional sampling."""
        return [self.card.label(class_name) for class_name in self.class_names] if self._conditional else None

    @property
    def class_names(self):
        """The class name of each image; "anything" if it is unconditional."""
        if not self._conditional:
            return ["anything"] * self.images
        if self.class_name in (MIXED, MIXED_ATTRIBUTES):
            return [self.card.name_for(seed) for seed in self.seeds]
        return [self.class_name] * self.images

    @property
    def _conditional(self):
        return bool(self.card.condition_names) and self.class_name != ANY

    @property
    def class_names_in_words(self):
        """The class names in one line; repetitions are counted."""
        counts = Counter(self.class_names)
        return ", ".join(name if count == 1 else f"{count} × {name}" for name, count in counts.items())

    @property
    def settings(self):
        """All choices as a dict for JSON."""
        return {"model": self.card.name, "seeds": self.seeds, "class_names": self.class_names, **vars(self.preset)}

    @property
    def summary(self):
        """All choices in one line."""
        p, options = self.preset, ", ".join(f"{name} {value}" for name, value in self.preset.options.items())
        guidance = "no guidance" if self.labels is None else f"guidance scale {p.guidance_scale:g}"
        schedule = f"{p.schedule} schedule{' with zero terminal SNR' if p.zero_snr else ''}, T = {p.T}"
        sampler = f"{p.sampler} ({options})" if options else p.sampler
        return f"{sampler}, {counted(p.steps, 'step')} ({p.spacing}), {schedule}, {guidance}, seeds from {self.seed}."

    @property
    def code(self):
        """The Python that samples the same images."""
        values = {"preset": self.preset, "seeds": self.seeds, "condition": self.labels or "None"}
        return snippet(__file__, "generate", model=self.card.name, **values)
