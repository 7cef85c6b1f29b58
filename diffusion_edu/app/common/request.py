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
class Wish:
    """Everything that a person chose."""

    card: Card
    preset: Preset
    kind: str
    seed: int
    pictures: int

    @property
    def seeds(self):
        """One seed per picture."""
        return list(range(self.seed, self.seed + self.pictures))

    @property
    def labels(self):
        """One label per picture, or None if anything may be drawn."""
        return [self.card.label(kind) for kind in self.kinds] if self._guided else None

    @property
    def kinds(self):
        """What each picture was asked to be, in words."""
        if not self._guided:
            return ["anything"] * self.pictures
        return [self.card.turn(seed) if self.kind == MIXED else self.kind for seed in self.seeds]

    @property
    def _guided(self):
        return bool(self.card.kinds) and self.kind != ANY

    @property
    def kinds_in_words(self):
        """The kinds in one line, each repetition counted instead of repeated."""
        counts = Counter(self.kinds)
        return ", ".join(kind if count == 1 else f"{count} × {kind}" for kind, count in counts.items())

    @property
    def settings(self):
        """All choices as a dict that JSON can hold."""
        return {"model": self.card.name, "seeds": self.seeds, "kinds": self.kinds, **vars(self.preset)}

    @property
    def summary(self):
        """All choices in one line."""
        p, options = self.preset, ", ".join(f"{name} {value}" for name, value in self.preset.options.items())
        guidance = "no guidance" if self.labels is None else f"guidance {p.scale:g}"
        schedule = f"{p.schedule} schedule{' with no signal left at T' if p.zero_snr else ''}, T = {p.T}"
        sampler = f"{p.sampler} ({options})" if options else p.sampler
        return f"{sampler}, {counted(p.moves, 'move')} ({p.spacing}), {schedule}, {guidance}, seeds from {self.seed}."

    @property
    def code(self):
        """The lines of Python that draw the same pictures."""
        return (
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.data.images import to_bytes\n"
            "from diffusion_edu.generation import Preset, generate\n\n"
            f'model = load("{self.card.name}")\n'
            f"preset = {self.preset}\n"
            f"for state in generate(model, preset, seeds={self.seeds}, labels={self.labels}):\n"
            "    print(state.t)                # from T, pure noise, down to 0\n"
            "pictures = to_bytes(state.x)      # uint8 (pictures, 3, height, width)\n"
        )
