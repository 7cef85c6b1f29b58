"""Expert denoisers: one network for all timesteps beside networks that share the timesteps, from the same noise."""

from dataclasses import asdict, dataclass

import torch

from diffusion_edu.app.common.condition_picker import ConditionChoice
from diffusion_edu.app.common.request import Request
from diffusion_edu.app.common.settings_id import settings_id
from diffusion_edu.app.common.snippets import snippet
from diffusion_edu.app.trajectories.animation import COLOUR, DASHES
from diffusion_edu.app.trajectories.comparison import Comparison
from diffusion_edu.app.trajectories.interleaved import InterleavedWalks
from diffusion_edu.checkpoints import Card
from diffusion_edu.figures.charts import Axis, Chart, Series, timestep_axis
from diffusion_edu.generation import Preset

SINGLE, EXPERTS = "flowers_simple", "flowers_experts"  # the same network, once for all timesteps and once per range
NOISY, PREDICTIONS = "noisy images", "predictions"
MISSING = (
    "No experts are installed: train one for each half of the timesteps with "
    "`diffusion-edu train flowers_expert_noise` and `diffusion-edu train flowers_expert_detail`, then join them with "
    "`diffusion-edu train flowers_experts`."
)


def expert_names(count):
    """Name the experts, from the one for the least noise to the one for the most noise."""
    return ["detail", "noise"] if count == 2 else [f"no. {k + 1}" for k in range(count)]


def expert_index(card, schedule, t):
    """Return the index of the expert for timestep t (0: least noise), computed from the angle as in the network."""
    _, theta = schedule.angle(t, torch.zeros(1))
    return sum(1000 * theta.item() > border for border in card.config["borders"])


@dataclass(frozen=True)
class ExpertComparison:
    """Images sampled by the single network and by the experts; cards: of the single network and of the experts."""

    cards: tuple[Card, Card]
    preset: Preset
    condition: ConditionChoice
    seed: int
    images: int
    view: str = NOISY

    key = "experts"
    look_for = "**When does an expert take over?**"
    equations = ()

    @property
    def id(self):
        """The same for the same settings."""
        return settings_id(self.models, self.preset, self.condition, self.seed, self.images, self.view)

    @property
    def models(self):
        """The names of the models that are needed."""
        return [card.name for card in self.cards]

    @property
    def requests(self):
        """The Request to each model."""
        class_name = self.condition.terms[0][0]
        return tuple(Request(card, self.preset, class_name, self.seed, self.images) for card in self.cards)

    @property
    def total(self):
        """The number of items that run yields."""
        return 2 * (self.preset.steps + 1)

    def run(self, *models):
        """Sample with both in turns; yields (side, State), side 0 is the single network."""
        return InterleavedWalks(models, self.requests).states()

    def preview(self, item):
        """The predictions to show while sampling, as (images, words)."""
        side, state = item
        return [(state.x0_hat, f"prediction of {('one network', 'the experts')[side]} at timestep {state.t}")]

    def animation(self, items):
        """The animation for the player, as a dict: both walks, their difference, and which expert was used."""
        chains = tuple([state for owner, state in items if owner == side] for side in range(2))
        field = "x0_hat" if self.view == PREDICTIONS else "x"
        animation = Comparison(self.requests, chains, (0.0, 0.0)).animation(field)
        used, timesteps = self.used_experts, animation["timesteps"]
        lines = [
            f"{line} · predicted by the {used[t]} expert" if t else line
            for t, line in zip(timesteps, animation["says"], strict=True)
        ]
        charts = [asdict(self._expert_chart(timesteps)), animation["charts"][0]]
        return {**animation, "id": self.id, "says": lines, "charts": charts}

    @property
    def used_experts(self):
        """The name of the expert that is used at each timestep of the walk, {t: name}."""
        schedule, names = self.preset.noise_schedule(), expert_names(len(self.cards[1].config["borders"]) + 1)
        return {t: names[expert_index(self.cards[1], schedule, t)] for t in self.preset.timesteps()[:-1]}

    def _expert_chart(self, timesteps):
        """Draw one line per expert, over the timesteps at which it is used."""
        used, names = self.used_experts, expert_names(len(self.cards[1].config["borders"]) + 1)
        series = []
        for k, name in enumerate(names):
            x, y = [], []
            for t, s in zip(timesteps, timesteps[1:], strict=False):
                x += [t, s]
                y += [k, k] if used[t] == name else [None, None]
            series.append(Series(f"{name} expert", COLOUR["x0_hat"], y, DASHES[k % 2], x))
        y = Axis("", -0.6, len(names) - 0.4, {name: k for k, name in enumerate(names)})
        T = self.preset.T
        x = timestep_axis(T)
        alt = f"The expert used at each timestep, from noise at timestep {T}, left"
        return Chart("Expert used", alt, x, y, timesteps, series, cursor=True)

    def caption(self, items):
        """Explain what an expert denoiser is, and what it costs."""
        single, experts = self.cards
        seen = " and ".join(
            f"{card.training.get('images_seen', 0):,} for {who}"
            for card, who in ((single, "the single network"), (experts, "the experts"))
        )
        count = len(experts.config["borders"]) + 1
        return (
            "**An expert denoiser is a network trained for some of the timesteps only.** At noisy timesteps the "
            "question is where things are, at the last ones what their edges look like. A single network must learn "
            f"both; {count} experts divide the work (Balaji et al. 2022). An image needs as many network evaluations "
            "(NFE) as before, because only one expert is used at a timestep, and only that one is in memory; on disk "
            f"there are {count} networks instead of one. Images seen in training: {seen}."
        )

    @property
    def code(self):
        """Python code that samples the same images."""
        single, experts = self.requests
        return snippet(
            __file__,
            "experts",
            preset=self.preset,
            seeds=single.seeds,
            condition=single.labels,
            single=repr(single.card.name),
            experts=repr(experts.card.name),
        )
