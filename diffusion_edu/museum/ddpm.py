"""Mistakes in the DDPM step."""

from functools import partial

import torch

from diffusion_edu.museum.chain import Chain
from diffusion_edu.museum.exhibit import Exhibit
from diffusion_edu.museum.moments import AS_RIGHT, FINAL_STD, LINEAR, STD, final_std, optimal_denoiser, std_of_walk
from diffusion_edu.samplers import ddpm_step
from diffusion_edu.spacings import spaced


def posterior(schedule, x, x0_hat, t, s):
    """Return the right mean of x_s given x and x0_hat, and DDPM's two variances, small and large."""
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    kept = signal_t / signal_s
    added = noise_t**2 - (kept * noise_s) ** 2
    mean = (kept * noise_s**2 / noise_t**2) * x + (signal_s * added / noise_t**2) * x0_hat
    return mean, {"small": added * noise_s**2 / noise_t**2, "large": added}


def one_step_beta(denoise, schedule, x, t, s, variance="small", randn=torch.randn_like):
    """Pitfall 16: the walk continues from timestep s, but x is only at t - 1."""
    s = t - 1  # the mistake: the coefficients of one timestep, whatever s is
    return ddpm_step(denoise, schedule, x, t, s, variance, randn)


def noise_at_the_end(denoise, schedule, x, t, s, variance="small", randn=torch.randn_like):
    """Pitfall 17: the last step adds noise like any other."""
    x0_hat = denoise(x, t)
    mean, variances = posterior(schedule, x, x0_hat, t, s)
    return mean + variances[variance].sqrt() * randn(x), x0_hat  # the mistake: no exception for s = 0


def root_of_a_logarithm(denoise, schedule, x, t, s, variance="small", randn=torch.randn_like):
    """Pitfall 19: the table holds log(variance), but the step takes its square root."""
    x0_hat = denoise(x, t)
    mean, variances = posterior(schedule, x, x0_hat, t, s)
    log_variance = variances[variance].log()
    std = log_variance.sqrt()  # the mistake: a standard deviation is exp(log_variance / 2)
    return mean + (std * randn(x) if s else 0), x0_hat


def always_large(denoise, schedule, x, t, s, variance="small", randn=torch.randn_like):
    """Pitfall 20: as much noise as the forward step adds, although the prediction already determines much of it."""
    return ddpm_step(denoise, schedule, x, t, s, "large", randn)  # the mistake: right for 1,000 steps, not for 20


def short_tables(denoise, schedule, x, t, s, variance="small", randn=torch.randn_like):
    """Pitfall 40: the whole sampler computes in bfloat16, which has 3 digits."""
    rates = [rate for timestep in (t, s) for rate in schedule.rates(timestep, x)]
    rates = [rate.bfloat16() for rate in rates]  # the mistake: precision is lost before the difference
    signal_t, noise_t, signal_s, noise_s = rates
    x0_hat = denoise(x, t)
    kept = signal_t / signal_s
    added = (noise_t**2 - (kept * noise_s) ** 2).clamp(min=0)
    mean = (kept * noise_s**2 / noise_t**2) * x + (signal_s * added / noise_t**2) * x0_hat
    return mean + added.sqrt() * noise_s / noise_t * randn(x), x0_hat


def noise_before_the_end(step, steps=20):
    """Return the standard deviation of x before the last step, divided by what it should be at that timestep."""
    *timesteps, _ = spaced(LINEAR, steps)
    signal, noise = LINEAR.rates(timesteps[-1], torch.ones(1, dtype=torch.float64))
    return (final_std(partial(step, optimal_denoiser(), LINEAR), timesteps) / torch.hypot(signal * STD, noise)).item()


def silent_steps(step):
    """Count the steps from t to t - 1, T = 1000, that add no noise, without the last one."""
    x = torch.zeros(1, dtype=torch.float64)
    return sum(step(lambda x, t: x, LINEAR, x, t, t - 1, randn=torch.ones_like)[0].item() == 0 for t in range(2, 1001))


EXHIBITS = [
    Exhibit(
        pitfall=16,
        title="One-step beta in long steps",
        question="A model has 1,000 timesteps and samples in 50 steps. Every step uses the beta of one single "
        "timestep. What comes out?",
        options=("A flower, a little blurred", "Noise", "A flower with too much contrast"),
        answer=1,
        why="Each step removes the noise of 1 timestep, but the next one assumes that of 20 is gone. After 50 steps "
        "the noise of 950 timesteps is still there.",
        mistake="The step computes its coefficients for a step from t to t - 1, although the next timestep on the "
        "list is 20 lower.",
        source="[diffusers, pull request #2076](https://github.com/huggingface/diffusers/pull/2076) and "
        "[#3006](https://github.com/huggingface/diffusers/pull/3006)",
        test="tests/library/test_moments.py::test_mean_and_variance_are_right_for_any_number_of_steps",
        right=ddpm_step,
        wrong=one_step_beta,
        chain=lambda part: Chain(50, step=part),
        measure=std_of_walk,
        unit=f"{FINAL_STD}, DDPM in 50 steps",
        expected=AS_RIGHT,
    ),
    Exhibit(
        pitfall=17,
        title="Noise on the last step",
        question="DDPM adds new noise in every step. What if it also does so in the very last one?",
        options=("Fine grain over the whole image", "Another flower", "Nothing, the noise averages out"),
        answer=0,
        why="Nothing removes what the last step adds. The flower is the same, under grain.",
        mistake="The loop has no exception for the step to timestep 0. With 1,000 steps the grain is a hundredth of "
        "the range and easily missed; with 50 it is not.",
        source="[labml's annotated DDPM](https://github.com/labmlai/annotated_deep_learning_paper_implementations) and "
        "[dome272/Diffusion-Models-pytorch](https://github.com/dome272/Diffusion-Models-pytorch)",
        test="tests/library/test_moments.py::test_the_chain_ends_with_its_known_std",
        right=ddpm_step,
        wrong=noise_at_the_end,
        chain=lambda part: Chain(50, step=partial(part, variance="large")),
        measure=partial(std_of_walk, steps=1000, variance="large"),
        unit=f"{FINAL_STD}, DDPM (large variance) in 1,000 steps",
        expected="0.02, the data's own",
    ),
    Exhibit(
        pitfall=19,
        title="Root of a logarithm",
        question="A table holds the logarithm of every variance. The step takes its square root, as if it were the "
        "variance. What comes out?",
        options=("Too little noise: blurred flowers", "Too much noise: grainy flowers", "Black images"),
        answer=2,
        why="A variance below 1 has a negative logarithm, and the root of a negative number is NaN, 'not a number'. "
        "Every result with NaN is NaN; most programs show it as black.",
        mistake="The table of one variance holds logarithms, and the step treats it like the others.",
        source="[diffusers, issue #14569](https://github.com/huggingface/diffusers/issues/14569)",
        test="tests/library/test_samplers.py::test_the_small_variance_is_below_the_large_one_and_both_are_finite",
        right=ddpm_step,
        wrong=root_of_a_logarithm,
        chain=lambda part: Chain(20, step=partial(part, variance="large")),
        measure=partial(std_of_walk, steps=1000, variance="large"),
        unit=f"{FINAL_STD}, DDPM (large variance) in 1,000 steps",
        expected="0.02, the data's own",
    ),
    Exhibit(
        pitfall=20,
        title="Large variance in few steps",
        question="DDPM has two textbook variances, small and large. With 1,000 steps their samples look alike. And "
        "with 20 steps?",
        options=("The large one leaves grain", "Still alike", "The large one draws more colourful flowers"),
        answer=0,
        why="The large variance is what a forward step adds. In a long step the prediction already determines much "
        "of that, so the additional noise stays as grain.",
        mistake="The large variance, right in the limit of many steps, is used with few. The small one is Bayes' "
        "rule for a step of any length.",
        source="[DDIM, the rows of sigma-hat in table 1](https://arxiv.org/abs/2010.02502)",
        test="tests/library/test_moments.py::test_the_large_variance_needs_many_steps",
        right=ddpm_step,
        wrong=always_large,
        chain=lambda part: Chain(20, step=part),
        measure=noise_before_the_end,
        unit="noise before the last of 20 steps, divided by the right amount",
        expected="1",
    ),
    Exhibit(
        pitfall=40,
        title="Tables in bfloat16",
        question="Networks run well in bfloat16, a format with three digits. What if the sampler's own arithmetic "
        "does, too?",
        options=("Nothing to see, but the noise it adds is wrong", "Bands of colour, as in a GIF", "Black images"),
        answer=0,
        why="How much noise a step adds is the small difference of two numbers near 1. Three digits lose most of "
        "it. With 50 steps you see nothing. With 1,000 steps the difference is smaller still: look at the number.",
        mistake="The rates are cast to bfloat16 before they are subtracted. Coefficients must be computed in high "
        "precision and cast last.",
        source="[denoising-diffusion-pytorch, issue "
        "#101](https://github.com/lucidrains/denoising-diffusion-pytorch/issues/101)",
        test="tests/library/test_samplers.py::test_a_ddpm_unit_step_is_the_papers_algorithm_2",
        right=ddpm_step,
        wrong=short_tables,
        chain=lambda part: Chain(50, step=part),
        measure=silent_steps,
        unit="steps of 1,000 that add no noise although they should",
        expected="0",
    ),
]
