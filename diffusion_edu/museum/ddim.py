"""Mistakes in the DDIM step."""

from functools import partial

import torch

from diffusion_edu.denoisers import clipped
from diffusion_edu.museum.chain import Chain
from diffusion_edu.museum.exhibit import Exhibit
from diffusion_edu.museum.moments import AS_RIGHT, FINAL_STD, LINEAR, std_of_walk
from diffusion_edu.samplers import ddim_step, predicted_noise


def ends_at_timestep_1(denoise, schedule, x, t, s, eta=0.0, randn=torch.randn_like):
    """Pitfall 11: the schedule has no entry for the clean image, so the walk ends one timestep early."""
    s = max(s, 1)  # the mistake: timestep 0 is read as timestep 1
    return ddim_step(denoise, schedule, x, t, s, eta, randn)


def whole_noise_as_sigma(denoise, schedule, x, t, s, eta=0.0, randn=torch.randn_like):
    """Pitfall 12: the new noise is as strong as all the noise at timestep t."""
    (_, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    x0_hat = denoise(x, t)
    eps_hat = predicted_noise(schedule, x, x0_hat, t)
    sigma = eta * noise_t  # the mistake: eq. 16 has noise_s / noise_t * sqrt(1 - alpha_bar_t / alpha_bar_s)
    return signal_s * x0_hat + (noise_s**2 - sigma**2).clamp(min=0).sqrt() * eps_hat + sigma * randn(x), x0_hat


def clips_too_late(denoise, schedule, x, t, s, eta=0.0, randn=torch.randn_like):
    """Pitfall 14: the prediction is clipped inside the step, but the noise belongs to the prediction before
    clipping.
    """
    signal_s, noise_s = schedule.rates(s, x)
    x0_hat = denoise(x, t)
    eps_hat = predicted_noise(schedule, x, x0_hat, t)
    x0_hat = x0_hat.clamp(-1, 1)  # the mistake: after eps_hat was derived, not before
    return signal_s * x0_hat + noise_s * eps_hat, x0_hat


def prediction_in_place_of_noise(denoise, schedule, x, t, s, eta=0.0, randn=torch.randn_like):
    """Pitfall 15: the output of the network is used as noise, whatever it was trained to predict."""
    signal_s, noise_s = schedule.rates(s, x)
    x0_hat = eps_hat = denoise(x, t)  # the mistake: the noise is predicted_noise(schedule, x, x0_hat, t)
    return signal_s * x0_hat + noise_s * eps_hat, x0_hat


def unclipped(denoise):
    """Return the denoiser unchanged."""
    return denoise


def unaccounted(step, prediction=1.5, t=500, s=400):
    """Return how far signal * x0_hat + noise * eps_hat is from x, for the x0_hat and eps_hat of a step."""
    x = torch.zeros(1, dtype=torch.float64)
    (signal_t, noise_t), (signal_s, noise_s) = LINEAR.rates(t, x), LINEAR.rates(s, x)
    x_s, x0_hat = step(lambda x, t: x + prediction, LINEAR, x, t, s)
    return (signal_t * x0_hat + noise_t * (x_s - signal_s * x0_hat) / noise_s - x).abs().item()


EXHIBITS = [
    Exhibit(
        pitfall=11,
        title="Walk that ends at timestep 1",
        question="The table of a schedule starts with the first noisy timestep. It has no entry for the clean "
        "image, so the last step ends at timestep 1. What do you see?",
        options=("Heavy grain", "A blurred flower", "Nothing with the eye, but the number shows grain of 0.01"),
        answer=2,
        why="Timestep 1 of the linear schedule holds 1 % noise, about one step of brightness in 255. In latents, "
        "before a decoder, it looked 'smudgy'.",
        mistake="The last step lands on the first entry of the table instead of on signal 1, noise 0.",
        source="[diffusers, issue #6068](https://github.com/huggingface/diffusers/issues/6068) and [pull request "
        "#14216](https://github.com/huggingface/diffusers/pull/14216)",
        test="tests/library/test_samplers.py::test_the_last_step_returns_the_prediction_exactly",
        right=ddim_step,
        wrong=ends_at_timestep_1,
        chain=lambda part: Chain(20, step=part),
        measure=std_of_walk,
        unit=f"{FINAL_STD}, DDIM in 50 steps",
        expected=AS_RIGHT,
    ),
    Exhibit(
        pitfall=12,
        title="Wrong sigma for eta",
        question="With eta = 1, DDIM adds new noise. Its standard deviation is a formula with three roots, but "
        "somebody takes that of all the noise at timestep t. What comes out?",
        options=("The same flowers as with DDPM", "Washed-out flowers under grain", "Sharper flowers"),
        answer=1,
        why="Each step adds the noise of the timestep it comes from to an image of the timestep it goes to. The "
        "image is noisier than the timestep that the network gets.",
        mistake="The new noise has the standard deviation of all the noise at timestep t, not of the part that a "
        "step may replace. In the thread one of ten classes survived.",
        source="[CoursIA, pull request #16158](https://github.com/jsboige/CoursIA/pull/16158)",
        test="tests/library/test_samplers.py::test_ddim_with_eta_1_is_ddpm_for_every_pair_of_timesteps",
        right=ddim_step,
        wrong=whole_noise_as_sigma,
        chain=lambda part: Chain(50, step=partial(part, eta=1.0)),
        measure=partial(std_of_walk, eta=1.0),
        unit=f"{FINAL_STD}, DDIM (eta 1) in 50 steps",
        expected=AS_RIGHT,
    ),
    Exhibit(
        pitfall=14,
        title="Clipped too late",
        question="Guidance pushes the prediction out of the range of images, and the step clips it. The noise was "
        "derived before that. What do you see?",
        options=("Distorted flowers", "Nothing: clipping is clipping", "Noise"),
        answer=0,
        why="Image and noise no longer add up to x. What was clipped from the prediction is still in the noise, so "
        "every step pushes in the same direction again, and the walk ends at another image.",
        mistake="x0_hat is clipped after eps_hat was derived from it. In this library no step clips: `clipped` "
        "wraps the denoiser, so both follow from the same prediction.",
        source="[denoising-diffusion-pytorch, pull request "
        "#84](https://github.com/lucidrains/denoising-diffusion-pytorch/pull/84) and [improved-diffusion, issue "
        "#110](https://github.com/openai/improved-diffusion/issues/110)",
        test="tests/library/test_samplers.py::test_no_step_clips_by_itself",
        right=ddim_step,
        wrong=clips_too_late,
        chain=lambda part: Chain(20, step=part, guidance_scale=6.0, clip=clipped if part is ddim_step else unclipped),
        measure=unaccounted,
        unit="part of x that image and noise do not account for, prediction 1.5",
        expected="0, to the last digit",
    ),
    Exhibit(
        pitfall=15,
        title="Prediction in place of noise",
        question="A network predicts the clean image. The sampler was written for networks that predict noise, and "
        "uses its output as noise. What comes out?",
        options=(
            "Flowers in the colours of a negative",
            "Flowers with a faint second flower",
            "Blobs of black and white",
        ),
        answer=2,
        why="The prediction is added to itself at every step, once as image and once as noise: it grows until only "
        "the sign of each pixel is left.",
        mistake="In the branch for x0-prediction the line that derives the noise from x and x0_hat is missing.",
        source="[diffusers, issue #1486](https://github.com/huggingface/diffusers/issues/1486)",
        test="tests/library/test_samplers.py::test_a_ddim_walk_is_the_papers_formula_step_by_step",
        right=ddim_step,
        wrong=prediction_in_place_of_noise,
        chain=lambda part: Chain(20, step=part),
        measure=partial(unaccounted, prediction=0.5),
        unit="part of x that image and noise do not account for, prediction 0.5",
        expected="0, to the last digit",
    ),
]
