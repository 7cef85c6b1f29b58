# %% [markdown] id="title"
# # 4 · DDPM
#
# A network predicts a clean image, but a blurred one. A sharp image needs many small steps from noise to image: the **reverse process**. You build its most famous step, that of **DDPM** (denoising diffusion probabilistic models, Ho et al. 2020). At the end you can
#
# - go from any timestep $t$ to any lower timestep $s$, and say where every number in the step comes from;
# - write the loop that turns noise into images;
# - find a bug in a sampler with two equations, without looking at images.
#
# You need [lesson 1](01_adding_noise.ipynb) and [lesson 2](02_denoising_once.ipynb). It takes **60 minutes**.
#
# The page of the explorer: [Sampling with DDPM, 50 steps](app:Sampling?sampling.sampler=DDPM&sampling.steps=50).

# %% id="setup"
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start

start("04")

# %% [markdown] id="recall"
# ## Recall (3 min)
#
# Put a letter in place of the dots, in quotes, and run the cell.
#
# {question 04.r1}
#
# {question 04.r2}

# %% id="recall-1" tags=["exercise"]
quiz("04.r1", ...)  ## solution: quiz("04.r1", "c")

# %% id="recall-2" tags=["exercise"]
quiz("04.r2", ...)  ## solution: quiz("04.r2", "a")

# %% [markdown] id="predict"
# ## Predict (3 min)
#
# Decide before you know, and say why in a few words.
#
# {question 04.p1}

# %% id="predict-1" tags=["exercise"]
predict("04.p1", ..., because=...)  ## solution: predict("04.p1", "b", because="a mean varies less")

# %% [markdown] id="question"
# ## 1. Where was it? (8 min)
#
# The forward process went from the clean image $x_0$ to $x_s$, and on to $x_t$. You see $x_t$, and you know $x_0$ (later the network predicts it). **Where was $x_s$?** With the answer you can go back from $t$ to $s$.
#
# Let us ask with one number in place of an image. Half a million walks start at the clean value $-0.5$. In the end we look only at those walks that arrive at $x_t = 0.6$, and ask where they were at timestep $s$.

# %% id="question-look"
import torch
from diffusion_edu import samplers
from diffusion_edu.lessons.figures import lesson_04 as figures
from diffusion_edu.schedules import linear

T, s, t = 1000, 100, 200
schedule = linear(T)
betas = torch.linspace(1e-4, 0.02, T, dtype=torch.float64)[s:t].tolist()  # of the 100 steps from s to t
clean, x = -0.5, 0.6  # the clean number, and what we see at timestep t

random = torch.Generator().manual_seed(2026)
n = 100_000 if fast() else 500_000
x_s = schedule.signal[s] * clean + schedule.noise[s] * torch.randn(n, generator=random)
x_t = x_s
for beta in betas:
    x_t = (1 - beta) ** 0.5 * x_t + beta**0.5 * torch.randn(n, generator=random)
fitting = x_s[(x_t - x).abs() < 0.04]
print(f"{len(fitting)} walks arrive near {x}.")
print(f"They were at timestep {s}: mean {fitting.mean():.2f}, std {fitting.std():.2f}")
figures.where_it_was(x_s, fitting, s)

# %% [markdown] id="by-hand"
# ## 2. Two clues (7 min)
#
# The solid bell is the **posterior** of $x_s$: what is known about it once $x_0$ and $x_t$ are known. It is Gaussian again, so a mean and a standard deviation are enough. Two clues lead to it:
#
# 1. **The clean image** says: $x_s$ lies near $\text{signal}_s \, x_0$, with the standard deviation $\text{noise}_s$.
# 2. **What we see** says: from $s$ to $t$, $x_s$ was multiplied by a factor $k$, and noise of variance $a$ was added. So $x_s$ lies near $x_t / k$, with the standard deviation $\sqrt{a} / k$.
#
# The best estimate is a weighted mean. A clue with a small variance counts more: its weight is one divided by its variance. The variance of the estimate is one divided by the sum of the weights: two clues know more than one (Bayes' rule for Gaussians).

# %% id="by-hand-clues"
k, a = 1.0, 0.0  # through the 100 steps: what is kept, and what variance is added
for beta in betas:
    k, a = (1 - beta) ** 0.5 * k, (1 - beta) * a + beta

weights = 1 / schedule.noise[s] ** 2, k**2 / a
mean = (weights[0] * schedule.signal[s] * clean + weights[1] * x / k) / sum(weights)
std = sum(weights) ** -0.5


def posterior(x, x0_hat, t, s, schedule):
    """Return mean and standard deviation of x_s, read off the library's step."""
    mean, _ = samplers.ddpm_step(lambda x, t: x0_hat, schedule, x, t, s, randn=torch.zeros_like)
    one_more, _ = samplers.ddpm_step(lambda x, t: 0 * x, schedule, 0 * x, t, s, randn=torch.ones_like)
    return mean, one_more.mean()


theirs = posterior(torch.tensor([x]).double(), torch.tensor([clean]).double(), t, s, schedule)
assert torch.isclose(mean, theirs[0][0]) and torch.isclose(std, theirs[1])  # the same as the library's
assert abs(fitting.mean() - mean) < 0.05 and abs(fitting.std() - std) < 0.05  # and as counted above
print(f"two clues: mean {mean:.3f}, std {std:.3f}; k = {k:.3f}, a = {a:.3f}")

# %% [markdown] id="exercise-1"
# ### Exercise 04.1: what is kept and what is added (free)
#
# The loop above found $k$ and $a$ in 100 steps. Find both **without a loop**, from the rates at $s$ and $t$ alone. The image had the rate $\text{signal}_s$ and must have $\text{signal}_t$. Its noise shrinks with it; how much variance is then missing? `schedule.signal` and `schedule.noise` are the tables of the rates. Do not assume that the squares of the two rates add up to one.


# %% id="exercise-1-answer" tags=["exercise"]
def kept_and_added(t, s, schedule):
    """Return the two numbers k and a for the way from timestep s up to t."""
    # BEGIN SOLUTION
    k = schedule.signal[t] / schedule.signal[s]
    return k, schedule.noise[t] ** 2 - (k * schedule.noise[s]) ** 2
    # END SOLUTION
    # STUDENT ...


check("04.1", kept_and_added)

# %% [markdown] id="exercise-2"
# ### Exercise 04.2: the mean (one blank)
#
# Multiplied out, the weighted mean is a factor times $x$ plus a factor times $\hat x_0$, the prediction (Ho et al. 2020, equation 7). The first factor is given. The second one is yours, and you need no long algebra: suppose that the prediction is right. Then $x$ holds the image at rate $\text{signal}_t$. At which rate must the *result* hold it? The prediction must bring what is missing. (This function calls your `kept_and_added`, so solve 04.1 first.)


# %% id="exercise-2-answer" tags=["exercise"]
def posterior_mean(x, x0_hat, t, s, schedule):
    """Return the mean of x_s, shaped like x and the prediction x0_hat (b, c, h, w)."""
    k, a = kept_and_added(t, s, schedule)
    of_x = k * schedule.noise[s] ** 2 / schedule.noise[t] ** 2
    # BEGIN SOLUTION
    of_x0_hat = schedule.signal[s] - of_x * schedule.signal[t]
    # END SOLUTION
    # STUDENT of_x0_hat = ...
    return of_x * x + of_x0_hat * x0_hat


check("04.2", posterior_mean)

# %% [markdown] id="exercise-3"
# ### Exercise 04.3: what stays open (free)
#
# The mean keeps a part of the noise in $x$: its rate is now `of_x` times $\text{noise}_t$. At timestep $s$ the noise must have the rate $\text{noise}_s$. Fresh noise fills the rest. How strong is it? Remember that variances add, not rates. (The shortest form uses $a$ and the two noise rates; any right form passes. Test your answer in your head: what must come out at $s = 0$?)


# %% id="exercise-3-answer" tags=["exercise"]
def posterior_std(t, s, schedule):
    """Return the standard deviation of x_s around its mean."""
    # BEGIN SOLUTION
    k, a = kept_and_added(t, s, schedule)
    return a**0.5 * schedule.noise[s] / schedule.noise[t]
    # END SOLUTION
    # STUDENT ...


check("04.3", posterior_std)

# %% [markdown] id="exercise-4"
# ## 3. From noise to image (12 min)
#
# Now the whole walk. It starts at pure noise, and each step does three things: **predict** the clean image, compute the posterior **mean**, add fresh **noise**. This is **ancestral sampling**. (The loop calls `posterior` from above, so it works even if 04.2 is still open.)
#
# ### Exercise 04.4: the sampling loop (fill in the blanks)
#
# `timesteps` falls, for example `[1000, 500, 0]`: two steps. `noises[i]` is the fresh noise of step `i`, shaped like `x`. `denoise(x, t)` predicts the clean image.


# %% id="exercise-4-answer" tags=["exercise"]
def sample(denoise, x, timesteps, noises, schedule):
    """Take x (b, c, h, w) through all timesteps and return the last x."""
    for i in range(len(timesteps) - 1):
        # BEGIN SOLUTION
        t, s = timesteps[i], timesteps[i + 1]
        x0_hat = denoise(x, t)
        mean, std = posterior(x, x0_hat, t, s, schedule)
        x = mean + std * noises[i]
        # END SOLUTION
        # STUDENT t, s = ...
        # STUDENT x0_hat = denoise(...)
        # STUDENT mean, std = posterior(x, x0_hat, t, s, schedule)
        # STUDENT x = ...
    return x


check("04.4", sample)

# %% [markdown] id="flowers"
# Here is a real network. It was trained on photographs of flowers, and it generated all images below. `labels` says which four flowers we ask for (lesson 9). Your loop makes them if it has passed the check, the library's loop otherwise.

# %% id="flowers-sample"
from diffusion_edu.checkpoints import load
from diffusion_edu.generation import Preset, guided_denoiser
from diffusion_edu.spacings import spaced

model, steps = load("flowers_simple"), 10 if fast() else 50
names, labels = ["dandelion", "protea", "magnolia", "pincushion"], torch.tensor([49, 12, 86, 21])
denoise = guided_denoiser(model, Preset(schedule="linear"), labels)
timesteps = spaced(schedule, steps)  # steps + 1 timesteps from 1000 to 0

random = torch.Generator().manual_seed(1)
eps = torch.randn(4, 3, 64, 64, generator=random)
noises = torch.randn(steps, 4, 3, 64, 64, generator=random)
seen = []  # t, x and the prediction of every step
yours = sample if passed("04.4") else figures.library_sample
last = yours(figures.recorded(denoise, seen), eps, timesteps, noises, schedule)
figures.walk_strip(seen, last)

# %% [markdown] id="exercise-5"
# ### Exercise 04.5: a step that forgets its stride (find the bug)
#
# This step was written for 1,000 steps, and then somebody took 20. No error is raised, but with the code as it is handed out, our four flowers are plain grey. The mistake is real: a widely used library had it (diffusers, pull request 2076). Ask the question of 04.2: at which rate does the mean hold the image, above all in the last step? Then repair **two lines**.


# %% id="exercise-5-answer" tags=["exercise"]
def ddpm_step(x, x0_hat, t, s, z, schedule):
    """Take x from timestep t to s with the prediction x0_hat and the fresh noise z, all (b, c, h, w)."""
    # BEGIN SOLUTION
    kept = schedule.signal[t] / schedule.signal[s]
    added = schedule.noise[t] ** 2 - (kept * schedule.noise[s]) ** 2
    # END SOLUTION
    # STUDENT kept = schedule.signal[t] / schedule.signal[t - 1]
    # STUDENT added = 1 - schedule.alpha_bar[t] / schedule.alpha_bar[t - 1]
    noise_t, noise_s = schedule.noise[t], schedule.noise[s]
    mean = (kept * noise_s**2 / noise_t**2) * x + (schedule.signal[s] * added / noise_t**2) * x0_hat
    return mean + added**0.5 * noise_s / noise_t * z


strided = figures.strided(ddpm_step, denoise, eps, spaced(schedule, 5 if fast() else 20), noises)
display(figures.flowers({"yours": strided}, names, "Your step, 20 of them, each 50 timesteps long."))
check("04.5", ddpm_step)

# %% [markdown] id="experiment"
# ## 4. Experiment: why not simply fresh noise? (8 min)
#
# DDPM keeps a part of the old noise. A simpler sampler drops it and noises the prediction anew at every step (**multistep renoising**). We compare both with a perfect denoiser: for Gaussian data, its formula is known (lesson 2), and the standard deviation of the samples can be computed without any random numbers. Change the number of steps: which sampler profits from many?
#
# In the explorer: [the same seeds, DDPM beside multistep renoising](app:Compare?compare.a_sampler=DDPM&compare.a_steps=50&compare.b_sampler=Multistep+renoising&compare.b_steps=50).

# %% id="experiment-spread"
sampling_steps = 1000  # the knob: try 10, 50, 200

ddpm = figures.relative_std(samplers.ddpm_step, sampling_steps)
fresh = figures.relative_std(samplers.multistep_renoising_step, sampling_steps)
print(f"{sampling_steps} steps. Standard deviation of the samples / of the data:")
print(f"DDPM {ddpm:.3f}, entirely fresh noise {fresh:.3f}")
figures.spread()

# %% id="predicted-1"
at_1000 = figures.relative_std(samplers.multistep_renoising_step, 1000)
assert 0.69 < at_1000 < 0.71
predicted(
    "04.p1",
    f"with entirely fresh noise, the samples have {at_1000:.2f} of the data's standard deviation.",
)

# %% [markdown] id="fresh"
# A prediction is a mean of all images that fit, so it varies less than images do. The noise in $x$ remembers which image was meant. DDPM keeps a part of this noise; multistep renoising keeps nothing of it. In images, fine detail is lost. Below: the same network, the same start, the same number of steps.

# %% id="fresh-flowers"
fresh_noise = samplers.multistep_renoising_step
smooth = figures.library_sample(denoise, eps, timesteps, noises, schedule, fresh_noise)
assert figures.fine_detail(smooth) < 0.7 * figures.fine_detail(last)
figures.flowers(
    {"DDPM": last, "fresh": smooth},
    names,
    "Above, DDPM. Below, entirely fresh noise: smooth flowers, and one is hardly visible.",
)

# %% [markdown] id="quiz"
# ## Takeaways
#
# - A DDPM step samples $x_s$ from the **posterior** $q(x_s \mid x_t, \hat x_0)$ (Ho et al. 2020, equations 6 and 7). It weighs two clues, each by one over its variance.
# - It works for every $s < t$ if $k$ and $a$ belong to that stride (Nichol & Dhariwal 2021, section 4). For $s = t - 1$, $a$ is $\beta_t$ on a variance preserving schedule.
# - Two equations test any such step: the image must have the rate of $s$, and old and fresh noise together the variance of $s$.
# - The last step adds no noise. Code often calls our standard deviation *fixed small*; *fixed large* is $\sqrt{a}$.
# - A perfect denoiser is not a perfect sampler.
#
# ## Quiz (6 min)
#
# {question 04.q1}
#
# {question 04.q2}
#
# {question 04.q3}
#
# {question 04.q4}
#
# {question 04.q5}
#
# {question 04.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("04.q1", ...)  ## solution: quiz("04.q1", "c")

# %% id="quiz-2" tags=["exercise"]
quiz("04.q2", ...)  ## solution: quiz("04.q2", "b")

# %% id="quiz-3" tags=["exercise"]
quiz("04.q3", ...)  ## solution: quiz("04.q3", "a")

# %% id="quiz-4" tags=["exercise"]
quiz("04.q4", ...)  ## solution: quiz("04.q4", "b")

# %% id="quiz-5" tags=["exercise"]
quiz("04.q5", ...)  ## solution: quiz("04.q5", "c")

# %% id="quiz-6" tags=["exercise"]
quiz("04.q6", ...)  ## solution: quiz("04.q6", "a")

# %% id="report"
report()
