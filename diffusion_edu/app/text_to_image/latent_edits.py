"""The edits of latents that the page offers, and their controls."""

from dataclasses import dataclass

from diffusion_edu.app.common.controls import control
from diffusion_edu.latent.codec import scale_channel, swap_positions
from diffusion_edu.randomness import SeededNoise

MULTIPLY, ADD, SWAP, NOISE = "multiply", "add", "swap", "noise"
VALUES = {  # the values of the bar, and the one where it opens
    MULTIPLY: ([k / 4 for k in range(-4, 13)], 2.0),
    ADD: ([k / 4 for k in range(-12, 13)], 1.5),
    SWAP: ([0, 1], 1),
    NOISE: ([k / 8 for k in range(17)], 0.5),
}
CHANNEL_QUESTION = "**Does a channel hold brightness, colour or texture?**"
QUESTIONS = {
    MULTIPLY: f"{CHANNEL_QUESTION} Drag the bar: 0 removes the channel, below 0 inverts it.",
    ADD: f"{CHANNEL_QUESTION} Drag the bar: it adds the same number at all positions.",
    SWAP: "**How far does one position reach?** It stands for a few pixels, and yet more of them change.",
    NOISE: "**How much noise can latents bear?** Noise of strength 1 has the same standard deviation as the latents.",
}


@dataclass(frozen=True)
class LatentEdit:
    """An edit of latents: its operation, a channel (from 0), two positions (row, column), or the seed of the noise."""

    operation: str
    channel: int = 0
    first: tuple = (0, 0)
    second: tuple = (0, 0)
    seed: int = 0

    @property
    def question(self):
        """What to look for."""
        return QUESTIONS[self.operation]

    def apply(self, latents, value):
        """Apply the edit with this value to latents (1, c, h, w)."""
        if self.operation == MULTIPLY:
            return scale_channel(latents, self.channel, times=value)
        if self.operation == ADD:
            return scale_channel(latents, self.channel, plus=value)
        if self.operation == SWAP:
            return swap_positions(latents, self.first, self.second) if value else latents
        return latents + value * SeededNoise([self.seed])(latents)

    def describe(self, value):
        """Write the edit with this value in words."""
        number, channel = _number(value), self.channel + 1
        positions = " and ".join(f"row {row + 1}, column {column + 1}" for row, column in (self.first, self.second))
        return {
            MULTIPLY: f"channel {channel} × {number}",
            ADD: f"channel {channel} {'+' if value >= 0 else '−'} {abs(value):g}",
            SWAP: f"{positions} {'swapped' if value else 'not swapped'}",
            NOISE: f"latents + {number} × noise",
        }[self.operation]

    @property
    def ends(self):
        """The labels at both ends of the bar."""
        values = VALUES[self.operation][0]
        first, last = _number(values[0]), _number(values[-1])
        return {
            MULTIPLY: (f"× {first}", f"× {last}"),
            ADD: (first, f"+{last}"),
            SWAP: ("unedited", "swapped"),
            NOISE: ("none", f"× {last}"),
        }[self.operation]

    @property
    def code(self):
        """The Python expression that applies the edit with `value`."""
        return {
            MULTIPLY: f"scale_channel(latents, {self.channel}, times=value)",
            ADD: f"scale_channel(latents, {self.channel}, plus=value)",
            SWAP: f"swap_positions(latents, {self.first}, {self.second}) if value else latents",
            NOISE: f"latents + value * SeededNoise([{self.seed}])(latents)",
        }[self.operation]


def _number(value):
    return f"{value:g}".replace("-", "−")


def ask(operation, row, text_to_image, seed):
    """Ask, in a row of the page, for the settings of a LatentEdit; the noise has the seed of the page."""
    if operation in (MULTIPLY, ADD):
        names = [f"channel {k + 1}" if k == 0 else f"{k + 1}" for k in range(text_to_image.codec.channels)]
        about = {"label_visibility": "collapsed"}
        name = control(row.segmented_control, "Channel", names, default=names[0], required=True, key="channel", **about)
        return LatentEdit(operation, names.index(name))
    if operation == NOISE:
        return LatentEdit(operation, seed=seed)
    size, at, popover = text_to_image.model.card.size, [], row.popover("Positions", icon=":material/grid_on:")
    for name, fraction in {"Row": 0.5, "Column": 0.5, "Second row": 0.2, "Second column": 0.2}.items():
        key, default = name.lower().replace(" ", "_"), max(1, round(fraction * size))
        at.append(control(popover.number_input, name, 1, size, default, key=key) - 1)
    return LatentEdit(operation, first=(at[0], at[1]), second=(at[2], at[3]))
