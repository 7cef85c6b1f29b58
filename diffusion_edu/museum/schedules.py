"""Room of the schedules, and of the timesteps that a walk visits."""

import math
import warnings
from functools import partial
from itertools import pairwise

import torch

from diffusion_edu.core import State, walk
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.museum.chain import Chain
from diffusion_edu.museum.exhibit import Exhibit
from diffusion_edu.museum.moments import FEW, LINEAR, SPREAD, best, final_std
from diffusion_edu.museum.predictions import read_as
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import Schedule, cosine, linear, scaled_linear, zero_terminal_snr
from diffusion_edu.spacings import spaced


def stretched(T=1000):
    """The linear schedule with its betas scaled to T."""
    return linear(T, 0.1 / T, 20 / T)


def unstretched(T=1000):
    """Pitfall 1: the betas of 1,000 timesteps on any number of them, and nobody is warned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return linear(T, 1e-4, 0.02)  # the mistake: at T = 50 most of the image is left at the last timestep


def uncapped(T=1000, offset=0.008):
    """Pitfall 3: the cosine as in the paper's equation, without the cap in the paper's text."""
    turn = (torch.linspace(0, 1, T + 1, dtype=torch.float64) + offset) / (1 + offset) * math.pi / 2
    signal = (
        turn.cos() / turn[0].cos()
    )  # the mistake: signal[T] is 6e-17, where no beta above 0.999 would keep it near 5e-5
    return Schedule("cosine", signal, (1 - signal**2).clamp(min=0).sqrt())


def left_as_it_is(schedule):
    """Pitfall 5: some of the image is left at T, and the walk starts from noise without any."""
    return schedule  # the mistake: nothing was stretched


def leading(schedule, steps, spacing="trailing", top=None):
    """Pitfall 7: whole strides counted from timestep 1, so that the highest timestep is never visited."""
    stride = (top or schedule.T) // steps
    return [
        *range(1 + stride * (steps - 1), 0, -stride),
        0,
    ]  # the mistake: begins below the top, with noise that belongs to the top


@torch.no_grad()
def walk_by_division(step, x, timesteps, constrain=lambda x, t: x):
    """Pitfall 8: where a step ends is computed, not looked up."""
    stride = timesteps[0] // (len(timesteps) - 1)
    x = constrain(x, timesteps[0])
    for t, s in pairwise(timesteps):
        x_s, x0_hat = step(x, t, max(t - stride, 0))  # the mistake: the next timestep on the list is s
        yield State(t, x, x0_hat)
        x = constrain(x_s, s)
    yield State(timesteps[-1], x, x)


def error_at_the_top(make):
    """How many times larger an error in eps becomes in x0_hat at timestep T."""
    schedule = make()
    return (schedule.noise[-1] / schedule.signal[-1]).item()


def spread_of_brightness(stretch, std=0.5, values=3 * 64 * 64):
    """How much the brightness of images differs that DDIM-50 draws, if all are of one grey and those greys are N(0, std^2).

    The mean over all values of such an image says everything, and averaging makes the noise weaker by their root.
    """
    schedule = stretch(scaled_linear())
    averaged = Schedule("averaged", schedule.signal, schedule.noise / values**0.5)
    return final_std(partial(ddim_step, best(std, averaged), averaged), spaced(averaged, 50), averaged.noise[-1].item())


def spread_of_walk(go, steps=10):
    """The final standard deviation of a walk whose steps do not divide T evenly."""
    *_, last = go(
        partial(ddim_step, best(), LINEAR), torch.ones(1, dtype=torch.float64), spaced(LINEAR, steps, "linspace")
    )
    return last.x.abs().item()


ROOM = [
    Exhibit(
        pitfall=1,
        title="Betas for 1000 timesteps on 50",
        question="The betas from 0.0001 to 0.02 are meant for T = 1000. Somebody sets T = 50 and leaves them. What does the model draw from pure"
        " noise?",
        options=("Flowers, only coarser", "Noise", "Grey"),
        answer=1,
        why="At T = 50 such a schedule still holds 78 % of the signal: timestep 50 is an image with light grain. Pure noise is no such "
        "image, and the walk can only clean it a little.",
        mistake="The range of betas is not scaled with 1000 / T.",
        where="[tiny-diffusion](https://github.com/tanelp/tiny-diffusion) (its default) and [DenoisingDiffusionProbabilityModel-ddpm-, issue "
        "#14](https://github.com/zoubohao/DenoisingDiffusionProbabilityModel-ddpm-/issues/14)",
        test="tests/test_schedules.py::test_betas_meant_for_1000_timesteps_warn_at_fewer",
        right=stretched,
        wrong=unstretched,
        chain=lambda part: Chain(50, part(50)),
        measure=lambda part: part(50).signal[-1].item(),
        unit="signal left at the last timestep, where walks begin with none",
        good="0, or nearly",
        planted=(linear, unstretched),
    ),
    Exhibit(
        pitfall=3,
        title="Cosine without its cap",
        question="The cosine schedule ends at signal 0. The paper caps every beta at 0.999; somebody does not. The network predicts noise. What "
        "comes out?",
        options=("More contrast", "Nothing to see", "The first prediction is lost: greyer flowers"),
        answer=2,
        why="x0_hat = (x − noise · eps_hat) / signal, and signal is 6e-17 at T: in float32 the prediction is rounded away, here to mid grey. A "
        "network that errs in its third digit would get billions. (Ours predicts v, which is safe; here its answer is read as eps.)",
        mistake="Without the cap the last beta rounds to 1, and reading an image off eps divides by almost nothing.",
        where="[guided-diffusion, issue #42](https://github.com/openai/guided-diffusion/issues/42)",
        test="tests/test_schedules.py::test_curved_schedules_follow_the_papers_until_the_cap",
        right=cosine,
        wrong=uncapped,
        chain=lambda part: Chain(
            20, part(), limit=lambda denoise: read_as(TARGETS["eps"].x0_hat, "eps", denoise, part())
        ),
        measure=error_at_the_top,
        unit="times that an error in eps grows on its way to the prediction at timestep T",
        good="some 20,000, which float32 bears",
    ),
    Exhibit(
        pitfall=5,
        title="Something left at T",
        question="Stable Diffusion's schedule holds 6.8 % of the signal at T, yet walks start from pure noise. What happens to very dark or "
        "bright images?",
        options=("They drift towards mid grey", "They become darker", "Nothing, 6.8 % is too little"),
        answer=0,
        why="At T the network has learned to read the mean brightness off the 6.8 %. Pure noise has mean 0 there, so every image is told "
        "to be of medium brightness.",
        mistake="The schedule does not end in noise. Stretching it to signal 0 at T needs a network that predicts v or x0, as ours does.",
        where="[Lin et al. 2023](https://arxiv.org/abs/2305.08891) and [diffusers, pull request "
        "#3664](https://github.com/huggingface/diffusers/pull/3664)",
        test="tests/test_schedules.py::test_zero_terminal_snr_leaves_exactly_nothing_at_T_and_timestep_0_clean",
        right=zero_terminal_snr,
        wrong=left_as_it_is,
        chain=lambda part: Chain(20, part(scaled_linear())),
        measure=spread_of_brightness,
        unit="spread of the brightness of sampled images, plain greys from N(0, 0.5²)",
        good="0.5, the data's own",
    ),
    Exhibit(
        pitfall=7,
        title="Leading spacing misses the top",
        question="Ten steps on the timesteps 901, 801, ... 1, 0, the default of many programs: timestep 1000 is never visited. What is sampled on the "
        "cosine schedule?",
        options=(
            "The same: 901 is noise anyway",
            "Flatter flowers, drifting to grey",
            "Sharper flowers: no step is wasted",
        ),
        answer=1,
        why="On the cosine schedule 15 % of the signal is left at timestep 901. The walk starts from noise without any and calls it timestep 901.",
        mistake="Timesteps are counted upwards from 1 in whole strides. With T = 500 and 300 steps the walk even starts at 299.",
        where="[diffusers, issue #12588](https://github.com/huggingface/diffusers/issues/12588)",
        test="tests/test_spacings.py::test_spaced_timesteps_fall_strictly_from_T_to_0_for_every_possible_number_of_steps",
        right=spaced,
        wrong=leading,
        chain=lambda part: Chain(10, cosine(), part),
        measure=lambda part: final_std(partial(ddim_step, best(), LINEAR), part(LINEAR, 50)),
        unit=f"{SPREAD}, DDIM in 50 steps",
        good=FEW,
    ),
    Exhibit(
        pitfall=8,
        title="Next timestep by division",
        question="Ten timesteps are spread evenly, 111 apart. Each step computes its end as t - 1000 // 10, so it goes 100 down. What is seen?",
        options=("Grain", "Nothing by eye", "A flower that is not finished"),
        answer=0,
        why="Every step leaves a tenth of its noise behind, and the network is told a timestep that is too low: it takes the rest for texture.",
        mistake="The previous timestep is computed by integer division instead of being read off the list that the walk follows.",
        where="[diffusers, issue #9261](https://github.com/huggingface/diffusers/issues/9261)",
        test="tests/test_core.py::test_a_walk_computes_nothing_before_it_is_asked_and_one_step_per_state",
        right=walk,
        wrong=walk_by_division,
        chain=lambda part: Chain(10, walk=part, timesteps=partial(spaced, spacing="linspace")),
        measure=spread_of_walk,
        unit=f"{SPREAD}, DDIM in 10 steps",
        good=FEW,
    ),
]
