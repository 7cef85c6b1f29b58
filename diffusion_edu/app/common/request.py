"""What a person asks a model to draw: their choices, in the forms that the library, the page and the downloads need."""

from collections import Counter
from dataclasses import dataclass

from diffusion_edu.checkpoints import Card
from diffusion_edu.generation import Preset

MIXED, ANY = "a mix of kinds", "anything (no guidance)"


def counted(number, thing):
    """Write a number of things, one or more."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


@dataclass(frozen=True)
class Request:
    """Everything that a person chose."""

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
        """One label per image, or None if anything may be sampled."""
        return [self.card.label(class_name) for class_name in self.class_names] if self._guided else None

    @property
    def class_names(self):
        """What each image was asked to be, in words."""
        if not self._guided:
            return ["anything"] * self.images
        return [self.card.name_for(seed) if self.class_name == MIXED else self.class_name for seed in self.seeds]

    @property
    def _guided(self):
        return bool(self.card.condition_names) and self.class_name != ANY

    @property
    def class_names_in_words(self):
        """The kinds in one line, each repetition counted instead of repeated."""
        counts = Counter(self.class_names)
        return ", ".join(
            class_name if count == 1 else f"{count} × {class_name}" for class_name, count in counts.items()
        )

    @property
    def settings(self):
        """All choices as a dict that JSON can hold."""
        return {"model": self.card.name, "seeds": self.seeds, "class_names": self.class_names, **vars(self.preset)}

    @property
    def summary(self):
        """All choices in one line."""
        p, options = self.preset, ", ".join(f"{name} {value}" for name, value in self.preset.options.items())
        guidance = "no guidance" if self.labels is None else f"guidance {p.guidance_scale:g}"
        schedule = f"{p.schedule} schedule{' with no signal left at T' if p.zero_snr else ''}, T = {p.T}"
        sampler = f"{p.sampler} ({options})" if options else p.sampler
        return f"{sampler}, {counted(p.steps, 'move')} ({p.spacing}), {schedule}, {guidance}, seeds from {self.seed}."

    @property
    def code(self):
        """The lines of Python that draw the same images."""
        return (
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.data.images import to_bytes\n"
            "from diffusion_edu.generation import Preset, generate\n\n"
            f'model = load("{self.card.name}")\n'
            f"preset = {self.preset}\n"
            f"for state in generate(model, preset, seeds={self.seeds}, condition={self.labels}):\n"
            "    print(state.t)                # from T, pure noise, down to 0\n"
            "images = to_bytes(state.x)      # uint8 (images, 3, height, width)\n"
        )
