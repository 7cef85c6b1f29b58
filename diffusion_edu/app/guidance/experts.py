"""One network for all levels beside experts that share them: the same noise, and which expert answered when."""

import hashlib
from dataclasses import asdict, dataclass

import torch

from diffusion_edu.app.common.condition_picker import Asked
from diffusion_edu.app.common.request import Wish
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES, Axis, Chart, Series
from diffusion_edu.app.trajectories.comparison import Comparison
from diffusion_edu.app.trajectories.interleaved import Race
from diffusion_edu.checkpoints import Card
from diffusion_edu.generation import Preset

SINGLE, EXPERTS = "flowers_simple", "flowers_experts"  # the same network, once for all levels and once per range
UNDER_WAY, GUESS = "pictures under way", "guesses"
MISSING = (
    "No experts are installed: train one for each half of the levels with `python -m diffusion_edu.recipes.flowers_expert_noise` and "
    "`…flowers_expert_detail`, then join them with `python -m diffusion_edu.recipes.flowers_experts`."
)


def ranks(count):
    """Name the experts, from the one for least noise to the one for most."""
    return ["detail", "noise"] if count == 2 else [f"no. {k + 1}" for k in range(count)]


def responsible(card, schedule, t):
    """Number the expert that answers at level t (0: least noise), as the network itself does from the angle that it is told."""
    _, theta = schedule.angle(t, torch.zeros(1))
    return sum(1000 * theta.item() > border for border in card.sizes["borders"])


@dataclass(frozen=True)
class Specialists:
    """What both are asked to draw; cards: of the single network and of the experts."""

    cards: tuple[Card, Card]
    preset: Preset
    asked: Asked
    seed: int
    pictures: int
    look: str = UNDER_WAY

    key = "experts"
    look_for = "One expert hands over to the other: **at which level, and can you see it?**"
    equations = ()

    @property
    def id(self):
        """The same for the same choices."""
        names = [card.name for card in self.cards]
        return hashlib.sha256(
            repr((names, self.preset, self.asked, self.seed, self.pictures, self.look)).encode()
        ).hexdigest()

    @property
    def needs(self):
        """The names of the models that are asked."""
        return [card.name for card in self.cards]

    @property
    def wishes(self):
        """What each is asked for."""
        kind = self.asked.wishes[0][0]
        return tuple(Wish(card, self.preset, kind, self.seed, self.pictures) for card in self.cards)

    @property
    def total(self):
        """How many items draw yields."""
        return 2 * (self.preset.moves + 1)

    def draw(self, *models):
        """Draw both in turns; yields (side, State), side 0 is the single network."""
        return Race(models, self.wishes).states()

    def under_way(self, item):
        """What to show while the walks are under way, as (images, words)."""
        side, state = item
        return [(state.x0_hat, f"guess of {('one network', 'the experts')[side]} at level {state.t}")]

    def film(self, items):
        """What the player shows, as a dict: both walks, their difference, which expert answered, and how far they part."""
        chains = tuple([state for owner, state in items if owner == side] for side in range(2))
        film = Comparison(self.wishes, chains, (0.0, 0.0)).film("x0_hat" if self.look == GUESS else "x")
        answered, levels = self.answered, film["levels"]
        says = [
            f"{words} · answered by the {answered[t]} expert" if t else words
            for t, words in zip(levels, film["says"], strict=True)
        ]
        return {**film, "id": self.id, "says": says, "charts": [asdict(self._lanes(levels)), film["charts"][0]]}

    @property
    def answered(self):
        """The name of the expert that is asked at each level of the walk, {t: name}."""
        schedule, names = self.preset.noising(), ranks(len(self.cards[1].sizes["borders"]) + 1)
        return {t: names[responsible(self.cards[1], schedule, t)] for t in self.preset.levels()[:-1]}

    def _lanes(self, levels):
        """Draw a lane per expert, and in it the moves that it answered for."""
        answered, names = self.answered, ranks(len(self.cards[1].sizes["borders"]) + 1)
        series = []
        for k, name in enumerate(names):
            x, y = [], []
            for t, s in zip(levels, levels[1:], strict=False):
                x += [t, s]
                y += [k, k] if answered[t] == name else [None, None]
            series.append(Series(f"{name} expert", COLOUR["x0_hat"], y, DASHES[k % 2], x))
        lanes = Axis("", -0.6, len(names) - 0.4, {name: k for k, name in enumerate(names)})
        T = self.preset.T
        level = Axis("level t", T, 0, {str(t): t for t in (T, T // 2, 0)})
        return Chart(
            "Who answered",
            f"The expert that answered, over all levels, from noise at level {T}, left",
            level,
            lanes,
            levels,
            series,
            cursor=True,
        )

    def words(self, items):
        """Say what an expert is, and what it costs."""
        single, experts = self.cards
        seen = " and ".join(
            f"{card.training.get('pictures_seen', 0):,} for {who}"
            for card, who in ((single, "the single network"), (experts, "the experts"))
        )
        count = len(experts.sizes["borders"]) + 1
        return (
            "**An expert is a network that was trained for a part of the levels only.** At noisy levels the question is where things are, at the "
            f"last ones what their edges look like; one network must learn both, {count} experts share the work (Balaji et al. 2022). A picture "
            "costs as many questions as before, because only one of them answers at a level, and only that one is in memory; on disk there are "
            f"{count} networks instead of one. Pictures seen in training: {seen}."
        )

    @property
    def code(self):
        """The lines of Python that draw the same pictures."""
        a, b = self.wishes
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
            "pictures = to_bytes(alone.x.cpu()), to_bytes(state.x.cpu())  # uint8 (pictures, 3, height, width) each\n"
        )
