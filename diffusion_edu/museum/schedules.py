"""Mistakes in noise schedules and in the timesteps of a walk."""

import math
import warnings
from functools import partial
from itertools import pairwise

import torch

from diffusion_edu.core import State, walk
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.museum.chain import Chain
from diffusion_edu.museum.exhibit import Exhibit
from diffusion_edu.museum.moments import AS_RIGHT, FINAL_STD, LINEAR, final_std, optimal_denoiser
from diffusion_edu.museum.predictions import read_as
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import Schedule, cosine, linear, scaled_linear, zero_terminal_snr
from diffusion_edu.spacings import spaced


def stretched(T=1000):
    """Return the linear schedule with its betas scaled to T."""
    return linear(T, 0.1 / T, 20 / T)


def unstretched(T=1000):
    """Pitfall 1: the betas of 1,000 timesteps with any number of timesteps, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return linear(T, 1e-4, 0.02)  # the mistake: at T = 50 most of the image is left at the last timestep


def uncapped(T=1000, offset=0.008):
    """Pitfall 3: the cosine schedule of the paper's equation, without the cap of the paper's text."""
    turn = (torch.linspace(0, 1, T + 1, dtype=torch.float64) + offset) / (1 + offset) * math.pi / 2
    signal = turn.cos() / turn[0].cos()  # the mistake: signal[T] is 6e-17; with betas up to 0.999 it is near 5e-5
    return Schedule("cosine", signal, (1 - signal**2).clamp(min=0).sqrt())


def unchanged(schedule):
    """Pitfall 5: the schedule leaves some of the image at T, but the walk starts from pure noise."""
    return schedule  # the mistake: not stretched to zero terminal SNR


def leading(schedule, steps, spacing="trailing", top=None):
    """Pitfall 7: equal strides from timestep 1 up, so that the walk never visits timestep T."""
    stride = (top or schedule.T) // steps
    highest = 1 + stride * (steps - 1)  # the mistake: the walk starts below T, from the noise of T
    return [*range(highest, 0, -stride), 0]


@torch.no_grad()
def walk_by_division(step, x, timesteps, constrain=lambda x, t: x):
    """Pitfall 8: the next timestep is computed, not taken from the list."""
    stride = timesteps[0] // (len(timesteps) - 1)
    x = constrain(x, timesteps[0])
    for t, s in pairwise(timesteps):
        x_s, x0_hat = step(x, t, max(t - stride, 0))  # the mistake: the next timestep on the list is s
        yield State(t, x, x0_hat)
        x = constrain(x_s, s)
    yield State(timesteps[-1], x, x)


def error_at_the_top(make):
    """Return the factor by which an error in eps grows in x0_hat at timestep T."""
    schedule = make()
    return (schedule.noise[-1] / schedule.signal[-1]).item()


def std_of_brightness(stretch, std=0.5, values=3 * 64 * 64):
    """Return the standard deviation of the brightness of samples (DDIM-50) for data that are plain greys N(0, std^2).

    Such an image is given by the mean of its values, and in the mean the noise is smaller by the root of their number.
    """
    schedule = stretch(scaled_linear())
    averaged = Schedule("averaged", schedule.signal, schedule.noise / values**0.5)
    return final_std(
        partial(ddim_step, optimal_denoiser(std, averaged), averaged), spaced(averaged, 50), averaged.noise[-1].item()
    )


def std_of_uneven_walk(walk, steps=10):
    """Return the final standard deviation of a walk whose number of steps does not divide T evenly."""
    *_, last = walk(
        partial(ddim_step, optimal_denoiser(), LINEAR),
        torch.ones(1, dtype=torch.float64),
        spaced(LINEAR, steps, "linspace"),
    )
    return last.x.abs().item()


EXHIBITS = [
    Exhibit(
        pitfall=1,
        title="Betas for 1000 timesteps on 50",
        question="The betas from 0.0001 to 0.02 are meant for T = 1000. Somebody sets T = 50 and keeps them. What "
        "does the model generate from pure noise?",
        options=("Flowers, only coarser", "Noise", "Grey"),
        answer=1,
        why="At T = 50 such a schedule still holds 78 % of the signal: timestep 50 is an image with light grain. "
        "Pure noise is no such image, and the walk removes only a little of it.",
        mistake="The range of betas is not scaled with 1000 / T.",
        source="[tiny-diffusion](https://github.com/tanelp/tiny-diffusion) (its default) and "
        "[DenoisingDiffusionProbabilityModel-ddpm-, issue "
        "#14](https://github.com/zoubohao/DenoisingDiffusionProbabilityModel-ddpm-/issues/14)",
        test="tests/library/test_schedules.py::test_betas_meant_for_1000_timesteps_warn_at_fewer",
        right=stretched,
        wrong=unstretched,
        chain=lambda part: Chain(50, part(50)),
        measure=lambda part: part(50).signal[-1].item(),
        unit="signal left at the last timestep, where walks begin with none",
        expected="0, or nearly",
        planted=(linear, unstretched),
    ),
    Exhibit(
        pitfall=3,
        title="Cosine without its cap",
        question="The cosine schedule ends at signal 0. The paper caps every beta at 0.999; somebody does not. The "
        "network predicts noise. What comes out?",
        options=("More contrast", "Nothing to see", "The first prediction is lost: greyer flowers"),
        answer=2,
        why="x0_hat = (x − noise · eps_hat) / signal, and signal is 6e-17 at T: in float32 rounding loses the "
        "prediction, here to mid grey. A network with an error in its third digit would get billions. (Ours "
        "predicts v, which is safe; here its prediction is converted to eps.)",
        mistake="Without the cap the last beta rounds to 1, and computing the image from eps divides by almost zero.",
        source="[guided-diffusion, issue #42](https://github.com/openai/guided-diffusion/issues/42)",
        test="tests/library/test_schedules.py::test_curved_schedules_follow_the_papers_until_the_cap",
        right=cosine,
        wrong=uncapped,
        chain=lambda part: Chain(
            20, part(), clip=lambda denoise: read_as(TARGETS["eps"].x0_hat, "eps", denoise, part())
        ),
        measure=error_at_the_top,
        unit="factor by which an error in eps grows in the predicted clean image at timestep T",
        expected="about 20,000, which float32 can represent",
    ),
    Exhibit(
        pitfall=5,
        title="Non-zero terminal SNR",
        question="Stable Diffusion's schedule holds 6.8 % of the signal at T, yet walks start from pure noise. What "
        "happens to very dark or bright images?",
        options=("They drift towards mid grey", "They become darker", "Nothing, 6.8 % is too little"),
        answer=0,
        why="At T the network has learned to estimate the mean brightness from the 6.8 %. Pure noise has mean 0, so "
        "every image starts with medium brightness.",
        mistake="The schedule does not end in noise. Stretching it to signal 0 at T needs a network that predicts v "
        "or x0, as ours does.",
        source="[Lin et al. 2023](https://arxiv.org/abs/2305.08891) and [diffusers, pull request "
        "#3664](https://github.com/huggingface/diffusers/pull/3664)",
        test="tests/library/test_schedules.py::test_zero_terminal_snr_leaves_exactly_nothing_at_T_and_timestep_0_clean",
        right=zero_terminal_snr,
        wrong=unchanged,
        chain=lambda part: Chain(20, part(scaled_linear())),
        measure=std_of_brightness,
        unit="standard deviation of the brightness of samples, for plain greys from N(0, 0.5²)",
        expected="0.5, the data's own",
    ),
    Exhibit(
        pitfall=7,
        title="Leading spacing misses timestep T",
        question="Ten steps on the timesteps 901, 801, ... 1, 0, the default of many programs: timestep 1000 is "
        "never visited. What is sampled with the cosine schedule?",
        options=(
            "The same: 901 is noise anyway",
            "Flatter flowers, drifting to grey",
            "Sharper flowers: no step is wasted",
        ),
        answer=1,
        why="On the cosine schedule 15 % of the signal is left at timestep 901. The walk starts from pure noise and "
        "treats it as timestep 901.",
        mistake="Timesteps are counted upwards from 1 in equal strides. With T = 500 and 300 steps the walk even "
        "starts at 299.",
        source="[diffusers, issue #12588](https://github.com/huggingface/diffusers/issues/12588)",
        test="tests/library/test_spacings.py::test_spaced_timesteps_fall_strictly_from_T_to_0_for_every_possible_number_of_steps",
        right=spaced,
        wrong=leading,
        chain=lambda part: Chain(10, cosine(), part),
        measure=lambda part: final_std(partial(ddim_step, optimal_denoiser(), LINEAR), part(LINEAR, 50)),
        unit=f"{FINAL_STD}, DDIM in 50 steps",
        expected=AS_RIGHT,
    ),
    Exhibit(
        pitfall=8,
        title="Next timestep by division",
        question="Ten timesteps are spread evenly, 111 apart. Each step computes its end as t - 1000 // 10, which "
        "is 100 lower. What do you see?",
        options=("Grain", "Nothing by eye", "An unfinished flower"),
        answer=0,
        why="Every step leaves a tenth of its noise, and the timestep that the network gets is too low: it takes "
        "the rest for texture.",
        mistake="The previous timestep is computed by integer division instead of being taken from the list of "
        "timesteps.",
        source="[diffusers, issue #9261](https://github.com/huggingface/diffusers/issues/9261)",
        test="tests/library/test_core.py::test_a_walk_computes_nothing_before_it_is_asked_and_one_step_per_state",
        right=walk,
        wrong=walk_by_division,
        chain=lambda part: Chain(10, walk=part, timesteps=partial(spaced, spacing="linspace")),
        measure=std_of_uneven_walk,
        unit=f"{FINAL_STD}, DDIM in 10 steps",
        expected=AS_RIGHT,
    ),
]
