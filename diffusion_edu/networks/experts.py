"""Several expert networks instead of one, each for a range of noise levels; only one of them is in memory at a time."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from torch import Tensor, nn

from diffusion_edu.networks.attention_unet import AttentionUNet
from diffusion_edu.networks.simple_unet import SimpleUNet

MEMBERS: dict[str, type[nn.Module]] = {"attention_unet": AttentionUNet, "simple_unet": SimpleUNet}


class Experts(nn.Module):
    """Map (y, noise_level, condition) like one network, with the expert of that noise level.

    Balaji et al. 2022, eDiff-I, sec. 4. borders are the rising noise levels where one range ends and the next begins (a
    border belongs to the lower range). All experts have the same architecture; load_part(prefix) loads the weights of
    another expert when it is needed.
    """

    def __init__(self, member: str, config: dict[str, Any], borders: Sequence[float]):
        super().__init__()
        self.member, self.borders = MEMBERS[member](**config), list(borders)
        self.size_multiple = self.member.size_multiple
        self.active: int | None = None
        self.load_part: Callable[[str], dict[str, Tensor]] | None = None
        self.lock = Lock()

    def expert_index(self, noise_level: float) -> int:
        """Return the index of the expert for a noise level; expert 0 has the least noise."""
        return sum(noise_level > border for border in self.borders)

    def activate(self, index: int) -> None:
        """Load the weights of an expert into memory, unless they are there."""
        if index != self.active:
            assert self.load_part, "set load_part before the experts are used"
            self.member.load_state_dict(self.load_part(f"{index}."))
            self.active = index

    def forward(self, y: Tensor, noise_level: Tensor, condition: Tensor | None = None) -> Tensor:
        index, *others = {self.expert_index(value) for value in noise_level.tolist()}
        if others:
            raise ValueError("All images of a batch must have noise levels in the range of one expert.")
        with self.lock:  # two walks may share the network at different noise levels
            self.activate(index)
            return self.member(y, noise_level, condition)
