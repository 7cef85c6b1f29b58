"""Room of what is made of a network's answer, and of the network itself."""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache, partial

import torch
from torch import nn

from diffusion_edu.denoisers import TARGETS, clipped, guided, thresholded
from diffusion_edu.museum.chain import Chain
from diffusion_edu.museum.exhibit import Exhibit
from diffusion_edu.museum.moments import FEW, LINEAR, SPREAD, std_of_walk
from diffusion_edu.networks import NETWORKS
from diffusion_edu.samplers import ddim_step
from diffusion_edu.training.loop import update_ema


def read_as(x0_hat, class_name, denoise, schedule):
    """Let a denoiser say its prediction as `kind`, and read that with x0_hat (y, o, c, s): right, if both belong together."""

    def through(x, t):
        guidance_scale, theta = schedule.angle(t, x)
        y, c, s = x / guidance_scale, theta.cos(), theta.sin()
        prediction = denoise(x, t)
        return x0_hat(y, TARGETS[class_name].of(prediction, (y - c * prediction) / s, c, s), c, s)

    return through


def v_with_a_plus(y, o, c, s):
    """Pitfall 23: the prediction as read off v, with one sign turned."""
    return c * y + s * o  # the mistake: v = c * eps - s * x0, so the prediction is c * y - s * o


def stretching(denoise, fraction=0.995, most=1.0):
    """Pitfall 22: dynamic thresholding whose limit is the most that a prediction may reach, not the least."""

    def threshold(x, t):
        x0_hat = denoise(x, t)
        reach = x0_hat.abs().flatten(1).float().quantile(fraction, dim=1)
        reach = reach.clamp(max=most)  # the mistake: clamp(min=most); a prediction inside the range must stay as it is
        reach = reach.to(x0_hat).view(-1, *[1] * (x.ndim - 1))
        return torch.maximum(torch.minimum(x0_hat, reach), -reach) * (most / reach)

    return threshold


def one_more(conditional, unconditional, guidance_scale):
    """Pitfall 25: the scale of one paper in the formula of another."""
    return lambda x, t: torch.lerp(
        unconditional(x, t), conditional(x, t), 1 + guidance_scale
    )  # the mistake: here 1 means 'as asked', not 'twice'


def away_from_class_name_0(conditional, unconditional, guidance_scale):
    """Pitfall 25: where no kind is meant, label 0 is given."""
    zero = torch.zeros_like(conditional.condition)
    return guided(
        conditional, unconditional.given(zero), guidance_scale
    )  # the mistake: 0 is a kind of flower; 'anything' has a label of its own


@torch.no_grad()
def without_warm_up(ema, net, step, decay):
    """Pitfall 27: the average follows slowly from the first step on."""
    fraction = 1 - decay  # the mistake: min(decay, (1 + step) / (10 + step)) lets it forget how it began
    torch._foreach_lerp_(list(ema.parameters()), list(net.parameters()), fraction)


@cache
def fraction_left(update_ema, steps=5000, decay=0.9999):
    """How much of the weights that an average began with is left in it after some steps."""
    net, ema = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.ones_(net.weight)
    nn.init.zeros_(ema.weight)
    for step in range(steps):
        update_ema(ema, net, step, decay)
    return 1 - ema.weight.item()


def averaged(model, update_ema):
    """What the average would be if training had found the model's weights at once: part of it is still the beginning."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        beginning = NETWORKS[model.card.network](**model.card.config)
    net = deepcopy(model.net)
    for weight, first in zip(net.parameters(), beginning.parameters(), strict=True):
        weight.lerp_(first.to(weight), fraction_left(update_ema))
    return replace(model, net=net)


@dataclass(frozen=True)
class TwoKinds:
    """A denoiser that knows two kinds of image, -1 and 1 everywhere, and predictions 0 if it may be either."""

    condition: torch.Tensor | None = None

    def given(self, condition):
        """Ask for a kind."""
        return TwoKinds(condition)

    def __call__(self, x, t):
        return torch.zeros_like(x) if self.condition is None else 2.0 * self.condition - 1


def prediction_for_class_name_0(guidance):
    """The prediction for kind 0 of TwoKinds, -1, with guidance 2."""
    x = torch.zeros(1)
    return guidance(TwoKinds(x), TwoKinds(), 2.0)(x, 1).item()


def reach_of_a_half(limit):
    """The largest value of a prediction that reaches from -0.5 to 0.5."""
    return limit(lambda x, t: x)(torch.linspace(-0.5, 0.5, 1001, dtype=torch.float64).view(1, -1), 1).max().item()


def reading_step(x0_hat, denoise, schedule, x, t, s, randn):
    """DDIM's step with a prediction that was said as v and read with x0_hat."""
    return ddim_step(read_as(x0_hat, "v", denoise, schedule), schedule, x, t, s)


ROOM = [
    Exhibit(
        pitfall=22,
        title="Threshold upside down",
        question="Dynamic thresholding shrinks predictions that leave the range of images. Somebody swaps the minimum for the maximum. What is seen?",
        options=("Pale flowers", "Harsher contrast", "Nothing: no prediction leaves the range"),
        answer=1,
        why="Every prediction, however soft, is now stretched until it fills the range. Early predictions are soft, so all of them are overdone.",
        mistake="The quantile of |x0_hat| is clamped from above by 1 where it should be clamped from below.",
        where="[diffusers, pull request #3003](https://github.com/huggingface/diffusers/pull/3003)",
        test="tests/test_denoisers.py::test_thresholding_changes_nothing_inside_the_range",
        right=thresholded,
        wrong=stretching,
        chain=lambda part: Chain(20, limit=part),
        measure=reach_of_a_half,
        unit="largest value of a prediction that reaches from −0.5 to 0.5",
        good="0.5: it was inside the range",
    ),
    Exhibit(
        pitfall=23,
        title="Wrong sign in v",
        question="A v-network says cos · eps − sin · x0. The clean image is read off that with one sign wrong. What comes out?",
        options=("A negative of the flowers", "The mirror image", "Noise"),
        answer=2,
        why="At high timesteps the prediction is turned around, at low ones noise is taken for image. Each step makes it worse.",
        mistake="A plus where the conversion from v to x0 has a minus. A round trip through all conversions finds it at once.",
        where="[Salimans & Ho 2022](https://arxiv.org/abs/2202.00512), whose signs are easily mixed up",
        test="tests/test_denoisers.py::test_every_target_reads_back_as_the_clean_image",
        right=TARGETS["v"].x0_hat,
        wrong=v_with_a_plus,
        chain=lambda part: Chain(20, limit=lambda denoise: clipped(read_as(part, "v", denoise, LINEAR))),
        measure=lambda part: std_of_walk(partial(reading_step, part)),
        unit=f"{SPREAD}, DDIM in 50 steps",
        good=FEW,
        planted=(TARGETS["v"], replace(TARGETS["v"], x0_hat=v_with_a_plus)),
    ),
    Exhibit(
        pitfall=25,
        title="Guidance counted from zero",
        question="In one paper guidance 0 means 'follow the condition', in another 1 does. Somebody mixes them up and asks for 2. What is seen?",
        options=("Stronger colours and simpler shapes", "Weaker colours", "Other kinds of flower"),
        answer=0,
        why="2 is taken as 3: the condition is exaggerated more than was asked for. It looks plausible, which is why it stays unnoticed.",
        mistake="The formula (1 + w) · conditional − w · unconditional is given a scale of the other convention.",
        where="[DiT, issue #41](https://github.com/facebookresearch/DiT/issues/41) tells how long such things live",
        test="tests/test_denoisers.py::test_guidance_goes_on_in_the_direction_of_the_condition",
        right=guided,
        wrong=one_more,
        chain=lambda part: Chain(20, guidance_scale=2.0, guidance=part),
        measure=lambda part: part(lambda x, t: x + 1, lambda x, t: x, 1.0)(torch.zeros(1), 1).item(),
        unit="times that the condition counts at scale 1",
        good="1",
    ),
    Exhibit(
        pitfall=25,
        title="Kind 0 in place of anything",
        question="Guidance compares 'a rose' with 'anything'. Somebody passes label 0 for 'anything', but 0 is the pink primrose. What is seen?",
        options=(
            "Everything looks like a primrose",
            "Nothing: 0 means no label",
            "Everything is pushed away from the primrose",
        ),
        answer=2,
        why="The flowers are driven away from primroses: other colours, other backgrounds. And the primrose itself, the first image, gets"
        " no guidance at all.",
        mistake="The unconditional branch is asked for a real class instead of the null label that it was trained with.",
        where="[DiffGui, issue #5](https://github.com/QiaoyuHu89/DiffGui/issues/5)",
        test="tests/test_generation.py::test_guidance_asks_twice_only_where_it_must_and_is_clipped",
        right=guided,
        wrong=away_from_class_name_0,
        chain=lambda part: Chain(20, guidance_scale=3.0, guidance=part),
        measure=prediction_for_class_name_0,
        unit="prediction for kind 0, images of −1, beside kind 1, images of 1, at guidance 2",
        good="−2",
    ),
    Exhibit(
        pitfall=27,
        title="Average that never forgets",
        question="Images are sampled with a slow average of the weights, decay 0.9999, begun from random weights. What does it draw after 5,000 "
        "steps?",
        options=("Noise with a hint of a flower", "Flowers, somewhat blurred", "What the weights themselves draw"),
        answer=0,
        why="0.9999 to the power of 5,000 is 0.61: most of the average is still the random beginning, even if training had been done at step 1.",
        mistake="The decay is constant. With min(decay, (1 + n) / (10 + n)) the average follows quickly at first. In the thread: FID 450 in "
        "place of 76.",
        where="[diffae, issue #16](https://github.com/phizaz/diffae/issues/16)",
        test="tests/test_training.py::test_the_average_leaves_its_beginning_behind_at_once",
        right=update_ema,
        wrong=without_warm_up,
        chain=lambda part: Chain(20, weights=lambda model: averaged(model, part)),
        measure=fraction_left,
        unit="fraction of the first weights left after 5,000 steps",
        good="0",
    ),
]
