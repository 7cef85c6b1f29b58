"""Several specialists in the place of one network, each for a range of noise levels, and only one of them in memory at a time."""

from threading import Lock

from torch import nn

from diffusion_edu.networks.attention_unet import AttentionUNet
from diffusion_edu.networks.simple_unet import SimpleUNet

MEMBERS = {"attention_unet": AttentionUNet, "simple_unet": SimpleUNet}


class Experts(nn.Module):
    """Map (y, level, cond) like one network, by the specialist whose range the level is in (Balaji et al. 2022, eDiff-I, sec. 4).

    borders are the levels, rising, where one range ends and the next begins (in a border, the lower one answers). All
    specialists are built alike; whenever another one is needed, read(name of its part) fetches its weights.
    """

    def __init__(self, member, config, borders):
        super().__init__()
        self.member, self.borders = MEMBERS[member](**config), list(borders)
        self.size_multiple = self.member.size_multiple
        self.here, self.read, self.turn = None, None, Lock()

    def responsible(self, noise_level):
        """Number the specialist for a level, 0 where there is least noise."""
        return sum(noise_level > border for border in self.borders)

    def call(self, who):
        """Let a specialist, by number, take its place in memory."""
        if who != self.here:
            self.member.load_state_dict(self.read(f"{who}."))
            self.here = who

    def forward(self, y, noise_level, condition=None):
        who, *others = {self.responsible(value) for value in noise_level.tolist()}
        if others:
            raise ValueError("Experts answer for images at one level at a time, or at least in one expert's range.")
        with self.turn:  # two walks may share the network, and be at different levels
            self.call(who)
            return self.member(y, noise_level, condition)
