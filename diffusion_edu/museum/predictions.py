"""Mistakes in reading a network's prediction, in guidance, and in the EMA of the weights."""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache, partial

import torch
from torch import nn

from diffusion_edu.denoisers import TARGETS, clipped, guided, thresholded
from diffusion_edu.museum.chain import Chain
from diffusion_edu.museum.exhibit import Exhibit
from diffusion_edu.museum.moments import AS_RIGHT, FINAL_STD, LINEAR, std_of_walk
from diffusion_edu.networks import NETWORKS
from diffusion_edu.samplers import ddim_step
from diffusion_edu.training.loop import update_ema


def read_as(x0_hat, prediction_type, denoise, schedule):
    """Express the prediction of a denoiser as `prediction_type`, and convert it back with x0_hat(y, o, c, s).

    The result is unchanged if both belong together.
    """

    def converted(x, t):
        scale, theta = schedule.angle(t, x)
        y, c, s = x / scale, theta.cos(), theta.sin()
        prediction = denoise(x, t)
        return x0_hat(y, TARGETS[prediction_type].of(prediction, (y - c * prediction) / s, c, s), c, s)

    return converted


def v_with_a_plus(y, o, c, s):
    """Pitfall 23: the clean image from v, with one wrong sign."""
    return c * y + s * o  # the mistake: v = c * eps - s * x0, so the prediction is c * y - s * o


def stretching(denoise, fraction=0.995, most=1.0):
    """Pitfall 22: dynamic thresholding with a maximum in place of the minimum."""

    def threshold(x, t):
        x0_hat = denoise(x, t)
        reach = x0_hat.abs().flatten(1).float().quantile(fraction, dim=1)
        reach = reach.clamp(max=most)  # the mistake: clamp(min=most); a prediction inside the range must not change
        reach = reach.to(x0_hat).view(-1, *[1] * (x.ndim - 1))
        return torch.maximum(torch.minimum(x0_hat, reach), -reach) * (most / reach)

    return threshold


def one_more(conditional, unconditional, guidance_scale):
    """Pitfall 25: the guidance scale of one paper in the formula of another."""
    scale = 1 + guidance_scale  # the mistake: scale 1 is already the conditional prediction
    return lambda x, t: torch.lerp(unconditional(x, t), conditional(x, t), scale)


def away_from_class_0(conditional, unconditional, guidance_scale):
    """Pitfall 25: the unconditional branch gets label 0."""
    zero = torch.zeros_like(conditional.condition)  # the mistake: 0 is a class; the null label means unconditional
    return guided(conditional, unconditional.given(zero), guidance_scale)


@torch.no_grad()
def without_warm_up(ema, net, step, decay):
    """Pitfall 27: the EMA has its slow decay from the first step on."""
    fraction = 1 - decay  # the mistake: min(decay, (1 + step) / (10 + step)) lets it forget the initial weights
    torch._foreach_lerp_(list(ema.parameters()), list(net.parameters()), fraction)


@cache
def initial_fraction(update_ema, steps=5000, decay=0.9999):
    """Return the fraction of the initial weights in an EMA after some steps."""
    net, ema = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.ones_(net.weight)
    nn.init.zeros_(ema.weight)
    for step in range(steps):
        update_ema(ema, net, step, decay)
    return 1 - ema.weight.item()


def with_ema(model, update_ema):
    """Return the model with the EMA that training would give if it found the model's weights in the first step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        initial = NETWORKS[model.card.network](**model.card.config)
    net = deepcopy(model.net)
    for weight, first in zip(net.parameters(), initial.parameters(), strict=True):
        weight.lerp_(first.to(weight), initial_fraction(update_ema))
    return replace(model, net=net)


@dataclass(frozen=True)
class TwoClasses:
    """A denoiser for two classes of images, -1 and 1 everywhere; its unconditional prediction is 0."""

    condition: torch.Tensor | None = None

    def given(self, condition):
        """Return the denoiser with this label."""
        return TwoClasses(condition)

    def __call__(self, x, t):
        return torch.zeros_like(x) if self.condition is None else 2.0 * self.condition - 1


def prediction_for_class_0(guidance):
    """Return the prediction for class 0 of TwoClasses, -1, with guidance scale 2."""
    x = torch.zeros(1)
    return guidance(TwoClasses(x), TwoClasses(), 2.0)(x, 1).item()


def largest_value(clip):
    """Return the largest value of a prediction with values from -0.5 to 0.5."""
    return clip(lambda x, t: x)(torch.linspace(-0.5, 0.5, 1001, dtype=torch.float64).view(1, -1), 1).max().item()


def reading_step(x0_hat, denoise, schedule, x, t, s, randn):
    """Do the DDIM step with a prediction that is expressed as v and converted back with x0_hat."""
    return ddim_step(read_as(x0_hat, "v", denoise, schedule), schedule, x, t, s)


EXHIBITS = [
    Exhibit(
        pitfall=22,
        title="Threshold upside down",
        question="Dynamic thresholding shrinks predictions that leave the range of images. Somebody swaps the "
        "minimum for the maximum. What do you see?",
        options=("Pale flowers", "Harsher contrast", "Nothing: no prediction leaves the range"),
        answer=1,
        why="Every prediction, however low its contrast, is now stretched until it fills the range. Early "
        "predictions have low contrast, so all of them are exaggerated.",
        mistake="The quantile of |x0_hat| is clamped from above by 1 where it should be clamped from below.",
        source="[diffusers, pull request #3003](https://github.com/huggingface/diffusers/pull/3003)",
        test="tests/library/test_denoisers.py::test_thresholding_changes_nothing_inside_the_range",
        right=thresholded,
        wrong=stretching,
        chain=lambda part: Chain(20, clip=part),
        measure=largest_value,
        unit="largest value of a prediction with values from −0.5 to 0.5",
        expected="0.5: it was inside the range",
    ),
    Exhibit(
        pitfall=23,
        title="Wrong sign in v",
        question="A network predicts v = cos · eps − sin · x0. The clean image is computed from v with one wrong "
        "sign. What comes out?",
        options=("A negative of the flowers", "The mirror image", "Noise"),
        answer=2,
        why="At high timesteps the prediction has the wrong sign, at low ones it contains noise. Each step makes it "
        "worse.",
        mistake="A plus where the conversion from v to x0 has a minus. A round trip through all conversions finds "
        "it at once.",
        source="[Salimans & Ho 2022](https://arxiv.org/abs/2202.00512), whose signs are easily mixed up",
        test="tests/library/test_denoisers.py::test_every_target_reads_back_as_the_clean_image",
        right=TARGETS["v"].x0_hat,
        wrong=v_with_a_plus,
        chain=lambda part: Chain(20, clip=lambda denoise: clipped(read_as(part, "v", denoise, LINEAR))),
        measure=lambda part: std_of_walk(partial(reading_step, part)),
        unit=f"{FINAL_STD}, DDIM in 50 steps",
        expected=AS_RIGHT,
        planted=(TARGETS["v"], replace(TARGETS["v"], x0_hat=v_with_a_plus)),
    ),
    Exhibit(
        pitfall=25,
        title="Guidance counted from zero",
        question="In one paper guidance 0 means 'follow the condition', in another 1 does. Somebody mixes them up "
        "and sets 2. What do you see?",
        options=("Stronger colours and simpler shapes", "Weaker colours", "Other classes of flowers"),
        answer=0,
        why="2 is used as 3: the condition is exaggerated more than intended. It looks plausible, so nobody notices.",
        mistake="The formula (1 + w) · conditional − w · unconditional gets a guidance scale of the other convention.",
        source="[DiT, issue #41](https://github.com/facebookresearch/DiT/issues/41) shows how long such mistakes stay",
        test="tests/library/test_denoisers.py::test_guidance_goes_on_in_the_direction_of_the_condition",
        right=guided,
        wrong=one_more,
        chain=lambda part: Chain(20, guidance_scale=2.0, guidance=part),
        measure=lambda part: part(lambda x, t: x + 1, lambda x, t: x, 1.0)(torch.zeros(1), 1).item(),
        unit="weight of the condition at guidance scale 1",
        expected="1",
    ),
    Exhibit(
        pitfall=25,
        title="Class 0 in place of the null label",
        question="Guidance compares the conditional with the unconditional prediction. Somebody passes label 0 for "
        "unconditional, but 0 is the pink primrose. What do you see?",
        options=(
            "Everything looks like a primrose",
            "Nothing: 0 means unconditional",
            "Everything is pushed away from the primrose",
        ),
        answer=2,
        why="Guidance leads away from primroses: other colours, other backgrounds. And the primrose itself, the "
        "first image, gets no guidance at all.",
        mistake="The unconditional branch gets the label of a real class instead of the null label that it was "
        "trained with.",
        source="[DiffGui, issue #5](https://github.com/QiaoyuHu89/DiffGui/issues/5)",
        test="tests/library/test_generation.py::test_guidance_asks_twice_only_where_it_must_and_is_clipped",
        right=guided,
        wrong=away_from_class_0,
        chain=lambda part: Chain(20, guidance_scale=3.0, guidance=part),
        measure=prediction_for_class_0,
        unit="prediction for class 0, images of −1, beside class 1, images of 1, at guidance scale 2",
        expected="−2",
    ),
    Exhibit(
        pitfall=27,
        title="EMA without warm-up",
        question="Images are sampled with a slow EMA of the weights, decay 0.9999, that started from random "
        "weights. What does it generate after 5,000 steps?",
        options=("Noise with a hint of a flower", "Flowers, somewhat blurred", "The same as the raw weights"),
        answer=0,
        why="0.9999 to the power of 5,000 is 0.61: most of the EMA is still the random initial weights, even if "
        "training had been done at step 1.",
        mistake="The decay is constant. With min(decay, (1 + n) / (10 + n)) the EMA decays faster at first. In the "
        "thread: FID 450 in place of 76.",
        source="[diffae, issue #16](https://github.com/phizaz/diffae/issues/16)",
        test="tests/library/test_training.py::test_the_average_leaves_its_beginning_behind_at_once",
        right=update_ema,
        wrong=without_warm_up,
        chain=lambda part: Chain(20, weights=lambda model: with_ema(model, part)),
        measure=initial_fraction,
        unit="fraction of the initial weights left after 5,000 steps",
        expected="0",
    ),
]
