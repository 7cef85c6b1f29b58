# %% [markdown] id="title"
# # 8 · Cold diffusion
#
# A diffusion model removes noise, step by step. Must it be noise? **Cold diffusion** repairs blur, missing pixels or lost colours in the same way. At the end you can
#
# - write both algorithms of cold diffusion, and say why one of them fails;
# - measure a restored image in decibels (PSNR), and say what this number rewards;
# - say what noise is needed for, and what works without it.
#
# **You need** [lesson 2](02_denoising_once.ipynb) and [lesson 5](05_ddim_and_fast_solvers.ipynb). **Time:** 50 minutes (recall and predict 6, degradations 8, two algorithms 14, PSNR 8, experiment 8, quiz 6). **In the explorer:** the page [Cold diffusion](app:Cold_diffusion).

# %% id="setup"
from functools import partial
from itertools import pairwise

import torch
from diffusion_edu import samplers
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.core import walk
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.degradations import Degradation
from diffusion_edu.denoisers import exact_gaussian
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start
from diffusion_edu.lessons.figures import lesson_08 as figures
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced

start("08")

# %% [markdown] id="recall"
# ## Recall
#
# Put a letter in place of the dots, in quotes, and run the cell.
#
# {question 08.r1}
#
# {question 08.r2}

# %% id="recall-1" tags=["exercise"]
quiz("08.r1", ...)  ## solution: quiz("08.r1", "a")

# %% id="recall-2" tags=["exercise"]
quiz("08.r2", ...)  ## solution: quiz("08.r2", "c")

# %% [markdown] id="predict"
# ## Predict
#
# Decide before you know, and write one reason. You meet both predictions again below.
#
# **PSNR** says how close an image is to the true one, in decibels (dB). More is closer: 10 dB more means a squared error that is ten times smaller.
#
# {question 08.p1}
#
# {question 08.p2}

# %% id="predict-1" tags=["exercise"]
predict("08.p1", ..., because=...)  ## solution: predict("08.p1", "a", because="small steps are safer")

# %% id="predict-2" tags=["exercise"]
predict("08.p2", ..., because=...)  ## solution: predict("08.p2", "a", because="it knows nothing else")

# %% [markdown] id="ways"
# ## 1. Six ways to lose an image
#
# A **degradation** $D(x_0, t)$ makes an image worse, timestep by timestep. Here are six of them; none uses noise. The timesteps count as in a noise schedule: $D(x_0, 0)$ is the image itself, and at timestep $T = 100$ the image is lost. Only one colour is left. (`desaturate` is the exception: it loses the colours and keeps the grey image.)

# %% id="six-ways"
flowers = load_images(PRETRAINED / "flower_samples.parquet").images  # generated, no photographs
x0 = to_signed(flowers[: 2 if fast() else 8])
figures.six_ways(x0[:1])

# %% [markdown] id="exercise-1"
# ### Exercise 08.1: fade to a colour (one blank)
#
# The third row, `fade`, is the simplest degradation: the image fades to grey, which is 0. Write it for any colour. `kept` is the fraction of the image that is kept: all of it at timestep 0, nothing at timestep $T$, and in between it falls in equal steps.


# %% id="exercise-1-answer" tags=["exercise"]
def fade_to(x0, t, T, color):
    """Fade images x0 (b, c, h, w) to color, one number; t goes from 0 (image) to T (color)."""
    # BEGIN SOLUTION
    kept = 1 - t / T
    # END SOLUTION
    # STUDENT kept = ...
    return kept * x0 + (1 - kept) * color


check("08.1", fade_to)

# %% [markdown] id="exercise-2"
# ## 2. Two ways back
#
# A **restorer** does for a degradation what a denoiser does for noise: `restore(x, t)` predicts the clean image from $x$, which is at timestep $t$. It is a network that was trained on pairs of degraded and clean images. As in lesson 2, its prediction is the mean of many possible images, so it is blurred. So we try to go back in small steps.
#
# **Algorithm 1** is the obvious way: predict the clean image, then degrade this prediction again, but only to the lower timestep $s$.
#
# ### Exercise 08.2: restore, then degrade less (free)


# %% id="exercise-2-answer" tags=["exercise"]
def naive_step(restore, degrade, x, t, s):
    """Go from x (b, c, h, w) at t to s by algorithm 1; call restore(x, t) and degrade(x0, t)."""
    # BEGIN SOLUTION
    return degrade(restore(x, t), s)
    # END SOLUTION
    # STUDENT ...


check("08.2", naive_step)

# %% [markdown] id="exercise-3"
# **Algorithm 2** starts from $x$ itself and changes it only a little. Degrade one and the same prediction twice. Take away what it looks like at timestep $t$, and add what it looks like at timestep $s$. If the prediction is perfect, both algorithms agree. If it is not, their results can be very different.
#
# ### Exercise 08.3: the careful step (free)


# %% id="exercise-3-answer" tags=["exercise"]
def cold_step(restore, degrade, x, t, s):
    """Go from x (b, c, h, w) at t to s by algorithm 2, with one prediction."""
    # BEGIN SOLUTION
    x0_hat = restore(x, t)
    return x - degrade(x0_hat, t) + degrade(x0_hat, s)
    # END SOLUTION
    # STUDENT ...


check("08.3", cold_step)

# %% [markdown] id="stripes"
# ## 3. A restorer that knows nothing
#
# Now the second prediction. The degradation adds stripes, and the restorer always answers mid grey. The cell takes 20 steps with your `cold_step` (with the library's until yours is right), and compares the end with the library's walk.

# %% id="stripes-removed"
mine = cold_step if passed("08.3") else lambda *inputs: samplers.cold_step(*inputs)[0]
stripes = torch.sin(torch.arange(64.0)).expand(1, 3, 64, 64)
timesteps = spaced(cosine(100), 20)


def add_stripes(x0, t):
    return x0 + t / 100 * stripes


def know_nothing(x, t):
    return torch.zeros_like(x)


x = striped = add_stripes(x0, 100)
for t, s in pairwise(timesteps):
    x = mine(know_nothing, add_stripes, x, t, s)

*_, end = walk(partial(samplers.cold_step, know_nothing, add_stripes), striped, timesteps)
assert torch.allclose(x, end.x) and torch.allclose(x, x0, atol=1e-5)
grey = know_nothing(striped, 100)
figures.side_by_side(x0[:1], {"input": striped[:1], "1 prediction": grey[:1], "20 steps": x[:1]})

# %% id="predicted-2"
far = (x - x0).abs().max()
predicted("08.p2", f"the largest error of a pixel is {far:.0e}, only rounding: the flower is back.")

# %% [markdown] id="why"
# Why? This degradation has the form $D(x_0, t) = x_0 + t\, e$ with a pattern $e$. So $D(\hat x_0, t)$ and $D(\hat x_0, s)$ differ by $(t - s)\, e$, whatever the prediction $\hat x_0$ is. The prediction cancels; only stripes are taken away.
#
# Blur does not have this form. But two timesteps that are close blur the prediction nearly alike, and most of its error cancels.
#
# **And noise?** Adding noise is a degradation, too: $D(x_0, t) = \text{signal}_t\, x_0 + \text{noise}_t\, \hat\varepsilon$. Here $\hat\varepsilon$ is the noise that the denoiser finds in $x$. With this degradation algorithm 2 is a step that you know.

# %% id="ddim"
schedule = cosine()
eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(2026))
x, denoise = schedule.corrupt(x0, 600, eps), exact_gaussian(0.0, 0.5, schedule)

eps_hat = samplers.predicted_noise(schedule, x, denoise(x, 600), 600)


def add_noise(x0, t):
    return schedule.corrupt(x0, t, eps_hat)


cold, _ = samplers.cold_step(denoise, add_noise, x, 600, 400)
ddim, _ = samplers.ddim_step(denoise, schedule, x, 600, 400)
assert torch.allclose(cold, ddim, atol=1e-5)
print("Algorithm 2 with the noise found in x is a DDIM step.")

# %% [markdown] id="exercise-4"
# ## 4. How close is close?
#
# **PSNR** (peak signal-to-noise ratio) compares two numbers. The *peak* is the distance from black to white. The *mse* (mean squared error) of an image is the mean of the squared differences from the true image, over all its pixels and channels.
#
# $$\text{PSNR} = 10\, \log_{10} \frac{\text{peak}^2}{\text{mse}} .$$
#
# The unit is the decibel (dB). Our images lie in $[-1, 1]$.
#
# ### Exercise 08.4: PSNR (free)


# %% id="exercise-4-answer" tags=["exercise"]
def psnr(x, reference):
    """Return the PSNR (b,) of images x (b, c, h, w); reference holds the true images (b, c, h, w)."""
    # BEGIN SOLUTION
    mse = (x - reference).square().mean(dim=(1, 2, 3))
    return 10 * torch.log10(2**2 / mse)
    # END SOLUTION
    # STUDENT ...


check("08.4", psnr)

# %% [markdown] id="experiment"
# ## 5. The experiment
#
# `flowers_cold` is one restorer for all six degradations, trained on photographs of flowers. The cell restores blurred flowers in three ways. `steps` is your knob: try 2 and 50. Then try another `name` from the figure of section 1, or look at [the same walk in the explorer](app:Cold_diffusion?cold.start=60), step by step.

# %% id="restored"
name, top, steps = "blur", 60, 5 if fast() else 20  # your knobs

degrade = Degradation(name, tuple(range(len(x0))))
restore = load("flowers_cold").restorer(degrade)
x = degrade(x0, top)


def restored(step, steps):
    """Walk from x down to timestep 0 with one of the two algorithms."""
    *_, end = walk(partial(step, restore, degrade), x, spaced(cosine(100), steps, top=top))
    return end.x


with torch.no_grad():
    results = {"input": x, "1 prediction": restore(x, top)}
results["algorithm 1"] = restored(samplers.naive_cold_step, steps)
results["algorithm 2"] = restored(samplers.cold_step, steps)
for k in range(len(x0))[:3]:
    display(figures.side_by_side(x0[k, None], {key: value[k, None] for key, value in results.items()}))

# %% id="predicted-1"
reached = {key: figures.decibels(value, x0) for key, value in results.items()}
predicted(
    "08.p1",
    f"{name}, {steps} steps, mean of {len(x0)} flowers: "
    + ", ".join(f"{key} {value:.1f} dB" for key, value in reached.items()),
)

# %% [markdown] id="steps"
# Compare the columns for blur. The single prediction is smooth: it is a mean. Algorithm 2 is sharper and has about the same PSNR. Algorithm 1 is sharp and *wrong*: look at its colours. What does the number of steps do?

# %% id="over-steps"
counts = [2, 5] if fast() else [2, 5, 10, 20, 50]
curves = {
    "algorithm 1": [figures.decibels(restored(samplers.naive_cold_step, n), x0) for n in counts],
    "algorithm 2": [figures.decibels(restored(samplers.cold_step, n), x0) for n in counts],
}
figures.psnr_over_steps(counts, curves, reached["input"])

# %% [markdown] id="exercise-5"
# Each step of algorithm 1 adds the error of one more prediction, and nothing takes it away again. Nothing here is random: run the cells again, and every pixel is the same.
#
# ### Exercise 08.5: pixels vanish one after another (find the bug)
#
# A colleague writes a seventh degradation. Pixels vanish one after another: from its timestep on a pixel is 0. `order` holds this timestep for each pixel. She seeds the generator, so the same call gives the same result. But of the pixels that are gone at timestep 30, two in five are back at timestep 60. Repair the function.


# %% id="exercise-5-answer" tags=["exercise"]
def mask_pixels(x0, t, order):
    """Let pixels of x0 (b, c, h, w) vanish; order (h, w) holds the timestep of each pixel."""
    # BEGIN SOLUTION
    kept = order > t
    # END SOLUTION
    # STUDENT random = torch.Generator().manual_seed(t)
    # STUDENT kept = torch.rand(order.shape, generator=random) > t / order.max()
    return torch.where(kept, x0, 0.0)


check("08.5", mask_pixels)

# %% [markdown] id="takeaways"
# ## Takeaways
#
# - **Cold diffusion** (Bansal et al. 2022): every degradation with $D(x_0, 0) = x_0$ has a way back in steps, without any noise.
# - **Algorithm 1**, $x_s = D(\hat x_0, s)$, keeps every error of the prediction. **Algorithm 2**, $x_s = x_t - D(\hat x_0, t) + D(\hat x_0, s)$, cancels most of them (their section 3).
# - With the noise found in $x$, algorithm 2 is **DDIM** (Song et al. 2021, equation 12).
# - All timesteps must share one mask, one kernel, one noise: if the degradation changes from step to step, the difference takes away the wrong thing.
# - **PSNR** rewards the mean. A sharp image with invented detail scores lower.
# - Without noise there is no variety: one input, one result. Blur together with a little noise can generate images, too (Rissanen et al. 2023).

# %% [markdown] id="quiz"
# ## Quiz
#
# {question 08.q1}
#
# {question 08.q2}
#
# {question 08.q3}
#
# {question 08.q4}
#
# {question 08.q5}
#
# {question 08.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("08.q1", ...)  ## solution: quiz("08.q1", "b")

# %% id="quiz-2" tags=["exercise"]
quiz("08.q2", ...)  ## solution: quiz("08.q2", "a")

# %% id="quiz-3" tags=["exercise"]
quiz("08.q3", ...)  ## solution: quiz("08.q3", "c")

# %% id="quiz-4" tags=["exercise"]
quiz("08.q4", ...)  ## solution: quiz("08.q4", "b")

# %% id="quiz-5" tags=["exercise"]
quiz("08.q5", ...)  ## solution: quiz("08.q5", "c")

# %% id="quiz-6" tags=["exercise"]
quiz("08.q6", ...)  ## solution: quiz("08.q6", "a")

# %% [markdown] id="report-words"
# ## Your report
#
# The next cell writes your predictions, answers and attempts into one file. **Next:** [lesson 9](09_classes_and_guidance.ipynb) asks the model for a class.

# %% id="report"
report()
