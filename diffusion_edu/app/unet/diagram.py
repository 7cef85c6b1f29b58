"""The map of a network: a U drawn from the parts that ran in one real forward pass, and the facts about each part."""

from dataclasses import dataclass
from html import escape

from diffusion_edu.analysis.network_summary import NetworkSummary

PARTS = {  # class of the part: (its label on the map, its name, what it does)
    "Conv2d": ("conv", "convolution", "combines 3 x 3 positions at a time"),
    "Sequential": ("conv", "normalisation and convolution", "turns channels back into an image"),
    "ResidualBlock": (
        "res",
        "residual block",
        "two convolutions, added to their input; timestep and condition scale and shift the channels in between",
    ),
    "DoubleConv": ("conv²", "two convolutions", "timestep and condition are added to every channel in between"),
    "SelfAttention": ("attn", "self-attention", "lets every position attend to every other"),
    "Down": ("down", "downsampling", "halves height and width"),
    "Up": ("up", "upsampling", "doubles height and width"),
    "TimeEmbedding": ("timestep t", "time embedding", "turns the noise level into a vector"),
    "ClassEmbedding": ("class", "class embedding", "looks up a vector for the class"),
    "AttributeEmbedding": ("attributes", "attribute embedding", "turns the requested attributes into a vector"),
}
HEIGHTS = (84, 64, 50, 40, 32)  # pixels of a box, from the largest resolution to the smallest
SIDE, COMPACT, LARGE = 70, 46, 600  # left and right margins of a map that is at least LARGE wide, and of a smaller one
TOP, BETWEEN, FOOT = 62, 36, 22  # space for the embeddings, between two rows, below the last row

LEGEND = (
    "The large number is the number of channels; the percentage is the fraction of all arithmetic, darker for more. "
    "Rounded boxes are self-attention. Dashed arcs are skip connections: they concatenate activations of the way "
    "down to those of the way up. First, the image is folded into patches: 2 x 2 pixels (4 x 4 in large images) "
    "become one position. A GFLOP is a billion operations; a multiplication and an addition count as two."
)


def title(card, summary):
    """Write the size of a network as one line."""
    attention = sum(summary.fraction(part) for part in summary.parts if part.type_name == "SelfAttention")
    words = f", {percent(attention)} of it in attention" if attention else ", no attention"
    size = f"{count(summary.parameters)} parameters, {count(summary.flops)}FLOP per prediction"
    return f"{card.title}: {size}{words}"


def shape_text(shape):
    """Write a shape as channels×height×width."""
    return "×".join(map(str, shape))


def count(number):
    """Write a large number with two or three digits."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.{1 if number < 100 * size else 0}f} {letter}"
    return str(number)


def percent(fraction):
    """Write a fraction as a percentage; a small one is not written as 0%."""
    return f"{fraction:.0%}" if fraction >= 0.01 or fraction == 0 else "<1%"


def spatial(summary):
    """Return the parts whose output is a feature map, in the order in which they ran."""
    return [part for part in summary.parts if len(part.output_shape) == 3]


@dataclass(frozen=True)
class Box:
    """The rectangle of a part, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self):
        """The horizontal centre."""
        return self.x + self.width / 2


def boxes(parts, width):
    """Lay the parts out as a U, {name: Box}: left to right in the order of running, small resolutions below."""
    rows = sorted({part.output_shape[1] for part in parts}, reverse=True)
    heights = {size: HEIGHTS[min(k, len(HEIGHTS) - 1)] for k, size in enumerate(rows)}
    top = {size: TOP + sum(heights[larger] + BETWEEN for larger in rows[:k]) for k, size in enumerate(rows)}
    side, gap = (SIDE, 8) if width >= LARGE else (COMPACT, 3)
    slot, largest = (width - 2 * side) / len(parts), max(part.output_shape[0] for part in parts)
    found = {}
    for k, part in enumerate(parts):
        wide = (slot - gap) * (0.6 + 0.4 * (part.output_shape[0] / largest) ** 0.5)  # wider for more channels
        size = part.output_shape[1]
        found[part.name] = Box(side + slot * k + (slot - wide) / 2, top[size], wide, heights[size])
    return found


def describe(summary, part):
    """Write all facts about one part as one line of Markdown."""
    _, name, does = PARTS[part.type_name]
    facts = [
        f"{part.parameters:,} parameters ({percent(part.parameters / summary.parameters)})",
        f"{percent(summary.fraction(part))} of the arithmetic",
    ]
    if part.conditioned:
        facts.append("conditioned on timestep and class")
    facts += [f"skip connection from `{source}`" for source, target in summary.skips if target == part.name]
    facts += [f"skip connection to `{target}`" for source, target in summary.skips if source == part.name]
    shapes = f"{shape_text(part.input_shape)} → {shape_text(part.output_shape)}"
    return f"**`{part.name}`, {name}**: {does}. {shapes}, {', '.join(facts)}."


def draw(summary: NetworkSummary, size, selected, width=900):
    """Draw the U as an SVG element, for images of size (channels, height, width).

    Below LARGE pixels of width the percentages are left out.
    """
    parts, large = spatial(summary), width >= LARGE
    at = boxes(parts, width)
    height = max(box.y + box.height for box in at.values()) + FOOT
    flow = "".join(_arrow(at[a.name], at[b.name]) for a, b in zip(parts, parts[1:], strict=False))
    skips = "".join(_skip(at[source], at[target]) for source, target in summary.skips)
    largest = max(summary.fraction(part) for part in summary.parts)
    drawn = "".join(
        _part(summary, part, at[part.name], part.name == selected, summary.fraction(part) / largest, large)
        for part in parts
    )
    ends = _ends(at[parts[0].name], at[parts[-1].name], shape_text(size)) if large else ""
    alt = f"Map of the network: {len(parts)} parts from the image on the left to the prediction on the right"
    alt += f", {len(summary.skips)} skip connections"
    css = "large" if large else "compact"
    head = f'<svg viewBox="0 0 {width:.0f} {height:.0f}" class="{css}" role="group" aria-label="{escape(alt)}">'
    return f"{head}{flow}{skips}{_embeddings(summary, width)}{_rows(parts, at)}{ends}{drawn}</svg>"


def _text(x, y, words, anchor="middle", css=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{css}">{escape(str(words))}</text>'


def _ends(first, last, size):
    """Write what enters on the left and what leaves on the right."""
    sides = ((first.x - 10, "image", "end"), (last.x + last.width + 10, "prediction", "start"))
    lines = [(x, down, words, side) for x, name, side in sides for down, words in ((34, name), (48, size))]
    return "".join(_text(x, first.y + down, words, side) for x, down, words, side in lines)


def _arrow(a, b):
    start = f'x1="{a.x + a.width:.1f}" y1="{a.y + a.height / 2:.1f}"'
    return f'<line class="flow" {start} x2="{b.x:.1f}" y2="{b.y + b.height / 2:.1f}"/>'


def _skip(a, b):
    x, z, y = a.middle, b.middle, a.y
    path = f"M{x:.1f} {y:.1f} C{x:.1f} {y - 22:.1f} {x + 10:.1f} {y - 16:.1f} {x + 26:.1f} {y - 16:.1f}"
    path += f" L{z - 26:.1f} {y - 16:.1f} C{z - 10:.1f} {y - 16:.1f} {z:.1f} {y - 22:.1f} {z:.1f} {y - 2:.1f}"
    return f'<path class="skip" d="{path}"/><path class="tip" d="M{z - 4:.1f} {y - 8:.1f} l4 7 l4 -7 z"/>'


def _embeddings(summary, width):
    """Write above the U which embeddings condition the parts."""
    embeddings = [part for part in summary.parts if len(part.output_shape) == 1]
    words = " + ".join(PARTS[part.type_name][0] for part in embeddings)
    line = f"● {words} → {embeddings[0].output_shape[0]} numbers, given to every part with ●"
    return _text(width / 2, 16, line, css="embedding")


def _rows(parts, at):
    """Write the resolution beside each row."""
    first = {}
    for part in parts:
        first.setdefault(part.output_shape[1:], at[part.name])
    boxes = first.items()
    return "".join(_text(box.x - 8, box.y + box.height - 6, shape_text(size), "end", "row") for size, box in boxes)


def _part(summary, part, box, selected, strength, percentages):
    short, name, _ = PARTS[part.type_name]
    fraction = percent(summary.fraction(part))
    shapes = f"{shape_text(part.input_shape)} to {shape_text(part.output_shape)}"
    label = f"{part.name}, {name}, {shapes}, {fraction} of the arithmetic"
    radius, css = (10, " attention") if part.type_name == "SelfAttention" else (3, "")
    chosen = " chosen" if selected else ""
    head = f'<g class="part{css}{chosen}" data-part="{escape(part.name)}" tabindex="0" role="button"'
    head += f' aria-label="{escape(label)}" aria-pressed="{str(selected).lower()}"><title>{escape(label)}</title>'
    size = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{radius}"'
    inside = (
        f'<rect {size} class="ground"/><rect {size} class="fill" style="fill-opacity: {0.06 + 0.42 * strength:.2f}"/>'
    )
    middle = box.y + box.height / 2
    inside += _text(box.middle, middle + (-1 if percentages else 4), part.output_shape[0], css="channels")
    if percentages:
        inside += _text(box.middle, middle + 13, fraction, css="small")
        inside += _text(box.middle, box.y + box.height + 13, short, css="small")
    if part.conditioned:
        inside += f'<circle cx="{box.x:.1f}" cy="{box.y:.1f}" r="4" class="dot"/>'
    return f"{head}{inside}</g>"
