"""The map of a network: a U drawn from the parts that ran in one real forward pass, and what there is to know about each of them."""

from dataclasses import dataclass
from html import escape

from diffusion_edu.analysis.activations import Anatomy

CLASS_NAMES = {  # class: (on the map, in words, what it does)
    "Conv2d": ("conv", "convolution", "looks at 3 x 3 places at a time"),
    "Sequential": ("conv", "normalisation and convolution", "turns channels back into an image"),
    "ResidualBlock": (
        "res",
        "residual block",
        "two convolutions, added to what came in; level and kind scale and shift the channels in between",
    ),
    "Convolutions": ("conv²", "two convolutions", "with level and kind added to every channel in between"),
    "Attention": ("attn", "attention", "lets every place look at every other"),
    "Down": ("half", "halving", "makes one place out of every 2 x 2"),
    "Up": ("twice", "doubling", "changes the channels and repeats every place 2 x 2"),
    "TimeEmbedding": ("level t", "embedding of the level", "turns the noise level into numbers"),
    "ClassEmbedding": ("class_name", "embedding of the kind", "looks up numbers for what is asked for"),
    "AttributeEmbedding": ("requests", "embedding of the attributes", "turns requests into numbers"),
}
TALL = (84, 64, 50, 40, 32)  # pixels of a box, from the largest images to the smallest
SIDE, COMPACT, LARGE = 70, 46, 600  # margins left and right, in a map at least LARGE wide and in a smaller one
TOP, BETWEEN, FOOT = 62, 36, 22  # room for what tells, between two rows, below the last


LEGEND = (
    "The large number is the channels, the share is of all arithmetic, the darker the more. Rounded boxes are attention; dashed arcs are skips, "
    "which lay what was known on the way down beside what comes up. The image is folded first, 2 x 2 pixels (4 x 4 in large ones) into one place. "
    "A GFLOP is a billion operations; multiplying and adding are two."
)


def title(card, anatomy):
    """Say what a network is, in all."""
    attention = sum(anatomy.fraction(part) for part in anatomy.parts if part.class_name == "Attention")
    looks = f", {percent(attention)} of it attention" if attention else ", no attention"
    return f"{card.title}: {count(anatomy.parameters)} parameters, {count(anatomy.flops)}FLOP for one prediction{looks}"


def times(shape):
    """Write a shape as channels x height x width."""
    return "×".join(map(str, shape))


def count(number):
    """Write a large number with two or three figures."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.{1 if number < 100 * size else 0}f} {letter}"
    return str(number)


def percent(fraction):
    """Write a share so that little is told from nothing."""
    return f"{fraction:.0%}" if fraction >= 0.01 or fraction == 0 else "<1%"


def spatial(anatomy):
    """The parts that work on maps, in the order in which they ran."""
    return [part for part in anatomy.parts if len(part.gives) == 3]


@dataclass(frozen=True)
class Box:
    """Where a part is drawn."""

    x: float
    y: float
    wide: float
    tall: float

    @property
    def middle(self):
        """Its middle from left to right."""
        return self.x + self.wide / 2


def boxes(parts, width):
    """Lay the parts out as a U, {name: Box}: from left to right in the order in which they ran, the smaller the image the lower."""
    rows = sorted({part.gives[1] for part in parts}, reverse=True)
    tall = {size: TALL[min(k, len(TALL) - 1)] for k, size in enumerate(rows)}
    top = {size: TOP + sum(tall[larger] + BETWEEN for larger in rows[:k]) for k, size in enumerate(rows)}
    side = SIDE if width >= LARGE else COMPACT
    slot, most = (width - 2 * side) / len(parts), max(part.gives[0] for part in parts)
    found = {}
    for k, part in enumerate(parts):
        wide = (slot - (8 if width >= LARGE else 3)) * (
            0.6 + 0.4 * (part.gives[0] / most) ** 0.5
        )  # more channels, thicker
        size = part.gives[1]
        found[part.name] = Box(side + slot * k + (slot - wide) / 2, top[size], wide, tall[size])
    return found


def describe(anatomy, part):
    """Say everything about one part in one line of Markdown."""
    _, words, does = CLASS_NAMES[part.class_name]
    facts = [
        f"{part.parameters:,} parameters ({percent(part.parameters / anatomy.parameters)})",
        f"{percent(anatomy.fraction(part))} of the arithmetic",
    ]
    if part.told:
        facts.append("told the level and the kind")
    facts += [f"skip from `{source}`" for source, target in anatomy.skips if target == part.name]
    facts += [f"skip to `{target}`" for source, target in anatomy.skips if source == part.name]
    return f"**`{part.name}`, {words}**: {does}. {times(part.given)} → {times(part.gives)}, {', '.join(facts)}."


def draw(anatomy: Anatomy, size, chosen, width=900):
    """Draw the U as an SVG element, for images of size (channels, height, width); below LARGE wide it leaves the shares out."""
    parts = spatial(anatomy)
    at = boxes(parts, width)
    height = max(box.y + box.tall for box in at.values()) + FOOT
    flow = "".join(_flow(at[a.name], at[b.name]) for a, b in zip(parts, parts[1:], strict=False))
    skips = "".join(_skip(at[source], at[target]) for source, target in anatomy.skips)
    most = max(anatomy.fraction(part) for part in anatomy.parts)
    drawn = "".join(
        _part(anatomy, part, at[part.name], part.name == chosen, anatomy.fraction(part) / most, width >= LARGE)
        for part in parts
    )
    first, last = at[parts[0].name], at[parts[-1].name]
    ends = "" if width < LARGE else _ends(first, last, times(size))
    alt = f"Map of the network: {len(parts)} parts from the image on the left to the answer on the right, {len(anatomy.skips)} skips"
    css = "large" if width >= LARGE else "compact"
    head = f'<svg viewBox="0 0 {width:.0f} {height:.0f}" class="{css}" role="group" aria-label="{escape(alt)}">'
    return f"{head}{flow}{skips}{_tellers(anatomy, width)}{_rows(parts, at)}{ends}{drawn}</svg>"


def _text(x, y, words, anchor="middle", css=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">{escape(str(words))}</text>'


def _ends(first, last, size):
    """Say what comes in on the left and goes out on the right."""
    sides = ((first.x - 10, "image", "end"), (last.x + last.wide + 10, "answer", "start"))
    return "".join(
        _text(x, first.y + down, words, anchor) for x, name, anchor in sides for down, words in ((34, name), (48, size))
    )


def _flow(a, b):
    return f'<line class="flow" x1="{a.x + a.wide:.1f}" y1="{a.y + a.tall / 2:.1f}" x2="{b.x:.1f}" y2="{b.y + b.tall / 2:.1f}"/>'


def _skip(a, b):
    x, z, y = a.middle, b.middle, a.y
    path = f"M{x:.1f} {y:.1f} C{x:.1f} {y - 22:.1f} {x + 10:.1f} {y - 16:.1f} {x + 26:.1f} {y - 16:.1f}"
    path += f" L{z - 26:.1f} {y - 16:.1f} C{z - 10:.1f} {y - 16:.1f} {z:.1f} {y - 22:.1f} {z:.1f} {y - 2:.1f}"
    return f'<path class="skip" d="{path}"/><path class="tip" d="M{z - 4:.1f} {y - 8:.1f} l4 7 l4 -7 z"/>'


def _tellers(anatomy, width):
    """Draw what is told the level and the kind, above the U."""
    tellers = [part for part in anatomy.parts if len(part.gives) == 1]
    words = " + ".join(CLASS_NAMES[part.class_name][0] for part in tellers)
    return _text(width / 2, 16, f"● {words} → {tellers[0].gives[0]} numbers, told to every part with ●", css="told")


def _rows(parts, at):
    """Say beside each row how large its maps are."""
    first = {}
    for part in parts:
        first.setdefault(part.gives[1:], at[part.name])
    return "".join(_text(box.x - 8, box.y + box.tall - 6, times(size), "end", "row") for size, box in first.items())


def _part(anatomy, part, box, chosen, strength, fractions):
    short, words, _ = CLASS_NAMES[part.class_name]
    label = f"{part.name}, {words}, {times(part.given)} to {times(part.gives)}, {percent(anatomy.fraction(part))} of the arithmetic"
    round_, css = (10, " attention") if part.class_name == "Attention" else (3, "")
    head = f'<g class="part{css}{" chosen" if chosen else ""}" data-part="{escape(part.name)}" tabindex="0" role="button" aria-label="{escape(label)}"'
    head += f' aria-pressed="{str(chosen).lower()}"><title>{escape(label)}</title>'
    inside = f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.wide:.1f}" height="{box.tall:.1f}" rx="{round_}" class="ground"/>'
    inside += inside.replace('class="ground"', f'class="fill" style="fill-opacity: {0.06 + 0.42 * strength:.2f}"')
    middle = box.y + box.tall / 2
    inside += _text(box.middle, middle + (-1 if fractions else 4), part.gives[0], css="channels")
    if fractions:
        inside += _text(box.middle, middle + 13, percent(anatomy.fraction(part)), css="small")
        inside += _text(box.middle, box.y + box.tall + 13, short, css="small")
    if part.told:
        inside += f'<circle cx="{box.x:.1f}" cy="{box.y:.1f}" r="4" class="dot"/>'
    return f"{head}{inside}</g>"
