"""One network for all timesteps beside experts that share them: the same noise, and which expert answered when."""

import hashlib
from dataclasses import asdict, dataclass

import torch

from diffusion_edu.app.common.condition_picker import Asked
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Axis, Chart, Series
from diffusion_edu.app.trajectories.comparison import Comparison
from diffusion_edu.app.trajectories.interleaved import Race
from diffusion_edu.checkpoints import Card
from diffusion_edu.generation import Preset

SINGLE, EXPERTS = "flowers_simple", "flowers_experts"  # the same network, once for all timesteps and once per range
UNDER_WAY, PREDICTION = "images under way", "predictions"
MISSING = (
    "No experts are installed: train one for each half of the timesteps with `python -m diffusion_edu.recipes.flowers_expert_noise` and "
    "`…flowers_expert_detail`, then join them with `python -m diffusion_edu.recipes.flowers_experts`."
)


def ranks(count):
    """Name the experts, from the one for least noise to the one for most."""
    return ["detail", "noise"] if count == 2 else [f"no. {k + 1}" for k in range(count)]


def responsible(card, schedule, t):
    """Number the expert that answers at timestep t (0: least noise), as the network itself does from the angle that it is told."""
    _, theta = schedule.angle(t, torch.zeros(1))
    return sum(1000 * theta.item() > border for border in card.config["borders"])


@dataclass(frozen=True)
class Specialists:
    """What both are asked to draw; cards: of the single network and of the experts."""

    cards: tuple[Card, Card]
    preset: Preset
    asked: Asked
    seed: int
    images: int
    look: str = UNDER_WAY

    key = "experts"
    look_for = "One expert hands over to the other: **at which timestep, and can you see it?**"
    equations = ()

    @property
    def id(self):
        """The same for the same choices."""
        names = [card.name for card in self.cards]
        return hashlib.sha256(
            repr((names, self.preset, self.asked, self.seed, self.images, self.look)).encode()
        ).hexdigest()

    @property
    def needs(self):
        """The names of the models that are asked."""
        return [card.name for card in self.cards]

    @property
    def requests(self):
        """What each is asked for."""
        class_name = self.asked.requests[0][0]
        return tuple(Request(card, self.preset, class_name, self.seed, self.images) for card in self.cards)

    @property
    def total(self):
        """How many items draw yields."""
        return 2 * (self.preset.steps + 1)

    def draw(self, *models):
        """Draw both in turns; yields (side, State), side 0 is the single network."""
        return Race(models, self.requests).states()

    def under_way(self, item):
        """What to show while the walks are under way, as (images, words)."""
        side, state = item
        return [(state.x0_hat, f"prediction of {('one network', 'the experts')[side]} at timestep {state.t}")]

    def animation(self, items):
        """What the player shows, as a dict: both walks, their difference, which expert answered, and how far they part."""
        chains = tuple([state for owner, state in items if owner == side] for side in range(2))
        animation = Comparison(self.requests, chains, (0.0, 0.0)).animation(
            "x0_hat" if self.look == PREDICTION else "x"
        )
        answered, timesteps = self.answered, animation["timesteps"]
        says = [
            f"{words} · answered by the {answered[t]} expert" if t else words
            for t, words in zip(timesteps, animation["says"], strict=True)
        ]
        return {
            **animation,
            "id": self.id,
            "says": says,
            "charts": [asdict(self._lanes(timesteps)), animation["charts"][0]],
        }

    @property
    def answered(self):
        """The name of the expert that is asked at each timestep of the walk, {t: name}."""
        schedule, names = self.preset.noise_schedule(), ranks(len(self.cards[1].config["borders"]) + 1)
        return {t: names[responsible(self.cards[1], schedule, t)] for t in self.preset.timesteps()[:-1]}

    def _lanes(self, timesteps):
        """Draw a lane per expert, and in it the steps that it answered for."""
        answered, names = self.answered, ranks(len(self.cards[1].config["borders"]) + 1)
        series = []
        for k, name in enumerate(names):
            x, y = [], []
            for t, s in zip(timesteps, timesteps[1:], strict=False):
                x += [t, s]
                y += [k, k] if answered[t] == name else [None, None]
            series.append(Series(f"{name} expert", COLOUR["x0_hat"], y, DASHES[k % 2], x))
        lanes = Axis("", -0.6, len(names) - 0.4, {name: k for k, name in enumerate(names)})
        T = self.preset.T
        timestep = Axis("timestep t", T, 0, {str(t): t for t in (T, T // 2, 0)})
        return Chart(
            "Who answered",
            f"The expert that answered, over all timesteps, from noise at timestep {T}, left",
            timestep,
            lanes,
            timesteps,
            series,
            cursor=True,
        )

    def words(self, items):
        """Say what an expert is, and what it costs."""
        single, experts = self.cards
        seen = " and ".join(
            f"{card.training.get('images_seen', 0):,} for {who}"
            for card, who in ((single, "the single network"), (experts, "the experts"))
        )
        count = len(experts.config["borders"]) + 1
        return (
            "**An expert is a network that was trained for a part of the timesteps only.** At noisy timesteps the question is where things are, at the "
            f"last ones what their edges look like; one network must learn both, {count} experts share the work (Balaji et al. 2022). An image "
            "costs as many questions as before, because only one of them answers at a timestep, and only that one is in memory; on disk there are "
            f"{count} networks instead of one. Images seen in training: {seen}."
        )

    @property
    def code(self):
        """The lines of Python that draw the same images."""
        a, b = self.requests
        return (
            "from diffusion_edu.checkpoints import load\n"
            "from diffusion_edu.data.images import to_bytes\n"
            "from diffusion_edu.generation import Preset, generate\n\n"
            f"preset, seeds, labels = {self.preset}, {a.seeds}, {a.labels}\n"
            f'one, experts = load("{a.card.name}"), load("{b.card.name}")\n'
            "schedule = preset.noising()\n"
            "for state in generate(experts, preset, seeds, labels):\n"
            "    if state.t:\n"
            "        _, theta = schedule.angle(state.t, state.x)\n"
            "        print(state.t, experts.net.responsible(1000 * theta.item()))  # 0: the one for least noise\n"
            "*_, alone = generate(one, preset, seeds, labels)\n"
            "images = to_bytes(alone.x.cpu()), to_bytes(state.x.cpu())  # uint8 (images, 3, height, width) each\n"
        )
