# %% [markdown] id="title"
# # 5 · DDIM and fast solvers
#
# DDPM needs many steps. **DDIM** (denoising diffusion implicit models, Song et al. 2021) uses the same network, adds no noise on the way, and needs far fewer. At the end you can
#
# - take a step without fresh noise, and turn one knob from DDIM to DDPM;
# - choose timesteps, and compare samplers fairly: by network evaluations, not by steps;
# - find a bug that turns a yellow flower white, and walk back from an image to its noise.
#
# You need [lesson 4](04_ddpm.ipynb). It takes **60 minutes**.
#
# The page of the explorer: [Steps and seeds](app:Steps_and_seeds). It shows one seed with several samplers and numbers of steps.

# %% id="setup"
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start

start("05")

# %% [markdown] id="recall"
# ## Recall (3 min)
#
# Put a letter in place of the dots, in quotes, and run the cell.
#
# {question 05.r1}
#
# {question 05.r2}

# %% id="recall-1" tags=["exercise"]
quiz("05.r1", ...)  ## solution: quiz("05.r1", "a")

# %% id="recall-2" tags=["exercise"]
quiz("05.r2", ...)  ## solution: quiz("05.r2", "b")

# %% [markdown] id="predict"
# ## Predict (3 min)
#
# Decide before you know, and say why in a few words.
#
# {question 05.p1}

# %% id="predict-1" tags=["exercise"]
predict("05.p1", ..., because=...)  ## solution: predict("05.p1", "c", because="none is lost")

# %% [markdown] id="split"
# ## 1. Split and join (10 min)
#
# From $x$ and a predicted image $\hat x_0$ you can compute a **predicted noise** $\hat\varepsilon$, because $x = \text{signal}_t \, \hat x_0 + \text{noise}_t \, \hat\varepsilon$. DDIM's idea: split $x$ into these two parts, and join the same two parts again with the rates of a lower timestep $s$.

# %% id="split-look"
import torch
from diffusion_edu.checkpoints import load
from diffusion_edu.generation import Preset, guided_denoiser
from diffusion_edu.lessons.figures import lesson_05 as figures
from diffusion_edu.schedules import linear
from diffusion_edu.spacings import spaced

schedule, model = linear(), load("flowers_simple")
names, labels = ["dandelion", "protea", "magnolia", "pincushion"], torch.tensor([49, 12, 86, 21])
denoise = guided_denoiser(model, Preset(schedule="linear"), labels)
one = guided_denoiser(model, Preset(guidance_scale=1.0, schedule="linear"), labels[:1])  # the dandelion

eps = figures.noise_from(1)(torch.empty(4, 3, 64, 64))
steps = 5 if fast() else 20
flower = figures.sampled(one, eps[:1], spaced(schedule, steps), schedule)  # (1, 3, 64, 64)
x = schedule.corrupt(flower, 350, eps[1:2])
with torch.no_grad():
    x0_hat = one(x, 350)
figures.split(x, x0_hat, schedule, 350, 150)

# %% [markdown] id="exercise-1"
# ### Exercise 05.1: a DDIM step (one blank)
#
# Fill in the predicted noise. (Check yourself: what must the step return at $s = 0$?)


# %% id="exercise-1-answer" tags=["exercise"]
def ddim_step(x, x0_hat, t, s, schedule):
    """Take x from timestep t to s with the prediction x0_hat, both (b, c, h, w)."""
    signal, noise = schedule.signal, schedule.noise
    # BEGIN SOLUTION
    eps_hat = (x - signal[t] * x0_hat) / noise[t]
    # END SOLUTION
    # STUDENT eps_hat = ...
    return signal[s] * x0_hat + noise[s] * eps_hat


check("05.1", ddim_step)

# %% [markdown] id="by-hand"
# ## 2. Two steps are one (6 min)
#
# Now with one number in place of an image. Suppose that the prediction is always $0.8$. Walk from 900 down to 0 with two stops, and jump from 900 directly to each stop: the numbers must agree, because the split finds the same two parts again. (The cell uses your step if it has passed the check.) So **only a prediction that changes makes short steps necessary.**

# %% id="by-hand-walk"
from diffusion_edu import samplers


def library_step(x, x0_hat, t, s, schedule):
    """Take x from timestep t to s with the library's step."""
    return samplers.ddim_step(lambda x, t: x0_hat, schedule, x, t, s)[0]


mine = ddim_step if passed("05.1") else library_step
x, x0_hat = torch.tensor([-1.1]).double(), torch.tensor([0.8]).double()
stops = [900, 600, 300, 0]
walked = [x]
for t, s in zip(stops, stops[1:], strict=False):
    walked.append(torch.as_tensor(mine(walked[-1], x0_hat, t, s, schedule)))
    direct = library_step(x, x0_hat, 900, s, schedule)  # in one step from 900
    assert torch.allclose(walked[-1], direct)
print(", ".join(f"t = {t}: {each.item():.3f}" for t, each in zip(stops, walked, strict=True)))

# %% [markdown] id="exercise-2"
# ### Exercise 05.2: one knob (free)
#
# Between DDIM and DDPM there is a knob, $\eta$ (eta, stochasticity). A part of the old noise is replaced by fresh noise, $\sigma$ times $z$:
#
# - $\sigma$ is $\eta$ times the standard deviation of the DDPM step (exercise 04.3: $\sqrt{a}$ times the ratio of the two noise rates);
# - the factor of $\hat\varepsilon$ becomes smaller, so that old and fresh noise **together** have the noise rate of $s$ (variances add).


# %% id="exercise-2-answer" tags=["exercise"]
def ddim_eta(x, x0_hat, t, s, eta, z, schedule):
    """Take x from timestep t to s; x, x0_hat and the fresh noise z are (b, c, h, w)."""
    # BEGIN SOLUTION
    signal, noise = schedule.signal, schedule.noise
    added = noise[t] ** 2 - (signal[t] / signal[s] * noise[s]) ** 2
    sigma = eta * added**0.5 * noise[s] / noise[t]
    eps_hat = (x - signal[t] * x0_hat) / noise[t]
    return signal[s] * x0_hat + (noise[s] ** 2 - sigma**2) ** 0.5 * eps_hat + sigma * z
    # END SOLUTION
    # STUDENT ...


check("05.2", ddim_eta)

# %% [markdown] id="eta"
# What does the knob do? Each flower is generated twice from the **same start**. Only the noise on the way differs, A or B. Try 0.3 and 0.6.

# %% id="eta-look"
eta = 1.0  # the knob

two = guided_denoiser(model, Preset(schedule="linear"), labels[:2])
walks = {
    f"{name}, noise {letter}": figures.sampled(
        two, eps[:2], spaced(schedule, steps), schedule, eta=value, randn=figures.noise_from(seed)
    )
    for name, value in (("DDIM", 0.0), (f"eta {eta:g}", eta))
    for seed, letter in enumerate("AB", start=10)
}
a, b, c, d = walks.values()
assert torch.equal(a, b)  # with eta = 0 the noise on the way is not used
figures.rows(
    walks,
    names[:2],
    f"DDIM: the start decides everything. Eta {eta:g}: A and B differ by {figures.rms(c, d):.2f} (root mean square).",
)

# %% [markdown] id="exercise-3"
# ## 3. Which timesteps? (6 min)
#
# ### Exercise 05.3: evenly spaced (free)
#
# A walk of `steps` steps visits `steps + 1` timesteps. They fall from $T$ (pure noise) to 0 (the clean image), evenly spaced, each rounded to a whole number. Many programs make this simple list wrong: $T$ is missing, 0 is missing, or the steps are cut to whole numbers first. Test yours with `T = 10` and `steps = 3`.


# %% id="exercise-3-answer" tags=["exercise"]
def timesteps(T, steps):
    """Return a list of steps + 1 whole numbers, from T to 0."""
    # BEGIN SOLUTION
    return [round(T * (1 - k / steps)) for k in range(steps + 1)]
    # END SOLUTION
    # STUDENT ...


check("05.3", timesteps)

# %% [markdown] id="solvers"
# ## 4. Fast solvers: what does a step cost? (10 min)
#
# Time is spent in the network, so samplers are compared by **NFE**, the number of function evaluations (of the network). **Heun's** method predicts twice in a step: it takes a DDIM step, looks at the prediction where it lands, and corrects itself (Karras et al. 2022). Its last step is a DDIM step.
#
# We measure as in lesson 4: a perfect denoiser for Gaussian data, and the standard deviation of the samples without random numbers. Change the number of steps. In the explorer: [DDIM with 20 and Heun with 19 evaluations](app:Compare?compare.b_sampler=Heun&compare.b_steps=10).

# %% id="solvers-look"
from diffusion_edu.lessons.figures.lesson_04 import relative_std

sampling_steps = 20  # the knob

for name in ("DDPM", "DDIM", "Heun"):
    spread = relative_std(samplers.SAMPLERS[name], sampling_steps)
    nfe = samplers.nfe(name, sampling_steps)
    print(f"{name}, {sampling_steps} steps, {nfe} NFE: {spread:.2f} of the data's std")
figures.solvers()

# %% id="predicted-1"
ddpm, ddim, heun = (relative_std(samplers.SAMPLERS[name], 20) for name in ("DDPM", "DDIM", "Heun"))
assert round(ddpm, 2) == 0.72 and round(ddim, 2) == 0.79 and round(heun, 2) == 0.88
predicted(
    "05.p1",
    f"With 20 steps, the samples of DDIM have {ddim:.2f} of the data's standard deviation, "
    f"those of DDPM {ddpm:.2f} (and Heun {heun:.2f}, with 39 evaluations).",
)

# %% [markdown] id="fewer"
# Now real flowers, all from the same start. DDIM follows **one path**: with fewer steps nearly the same flower comes out. DDPM ends with another flower when the number of steps changes.

# %% id="fewer-look"
few, many = (3, 6) if fast() else (10, 50)
table = {
    f"{name}, {n}": figures.sampled(
        denoise, eps, spaced(schedule, n), schedule, eta=value, randn=figures.noise_from(5)
    )
    for name, value in (("DDIM", 0.0), ("DDPM", 1.0))
    for n in (few, many)
}
ddim_few, ddim_many, ddpm_few, ddpm_many = table.values()
assert figures.rms(ddim_few, ddim_many) < figures.rms(ddpm_few, ddpm_many)
figures.rows(
    table, names, f"DDIM and DDPM (eta = 1), with {few} and with {many} steps.", against=f"DDIM, {many}"
)

# %% [markdown] id="exercise-4"
# ## 5. Clipped too late (6 min)
#
# ### Exercise 05.4: the white dandelion (find the bug)
#
# Strong guidance (lesson 9) pushes a prediction out of the range of images, $[-1, 1]$. So this step clips it. But with the code as it is handed out, the dandelion is white, and dandelions are yellow. The same mistake was in public code (denoising-diffusion-pytorch, pull request 84). Do the image and the noise of the step still add up to $x$?


# %% id="exercise-4-answer" tags=["exercise"]
def ddim_clipped(x, x0_hat, t, s, schedule):
    """Take x from timestep t to s with the prediction x0_hat, clipped to [-1, 1]; both (b, c, h, w)."""
    # BEGIN SOLUTION
    x0_hat = x0_hat.clamp(-1, 1)
    eps_hat = (x - schedule.signal[t] * x0_hat) / schedule.noise[t]
    # END SOLUTION
    # STUDENT eps_hat = (x - schedule.signal[t] * x0_hat) / schedule.noise[t]
    # STUDENT x0_hat = x0_hat.clamp(-1, 1)
    return schedule.signal[s] * x0_hat + schedule.noise[s] * eps_hat


strong = figures.unclipped(model, schedule, labels, guidance_scale=6.0)
wide = figures.walked(ddim_clipped, strong, eps, spaced(schedule, steps), schedule)
display(figures.rows({"yours": wide}, names, "Your step, with guidance scale 6."))
check("05.4", ddim_clipped)

# %% [markdown] id="exercise-5"
# ## 6. Upwards (6 min)
#
# ### Exercise 05.5: from image to noise (optional)
#
# A path without randomness can be walked in both directions (**inversion**, DDIM section 4.3). Write the step from $s$ **up** to the higher timestep $t$, with a given prediction. ($s$ is 1 or more: at 0 there is no noise to find.)


# %% id="exercise-5-answer" tags=["exercise"]
def invert(x, x0_hat, s, t, schedule):
    """Take x from timestep s up to t > s with the prediction x0_hat, both (b, c, h, w)."""
    # BEGIN SOLUTION
    eps_hat = (x - schedule.signal[s] * x0_hat) / schedule.noise[s]
    return schedule.signal[t] * x0_hat + schedule.noise[t] * eps_hat
    # END SOLUTION
    # STUDENT ...


check("05.5", invert)

# %% id="inversion-look"
figures.there_and_back(one, flower, schedule, [3, 6] if fast() else [10, 50])

# %% [markdown] id="quiz"
# With a real network the prediction changes on the way, so the image comes back only if the steps are short. Lesson 10 edits images with this.
#
# ## Takeaways
#
# - A DDIM step splits $x$ into predicted image and predicted noise and joins them at $s$ (Song et al. 2021, DDIM, equation 12). The network stays as it is.
# - $\eta$ (equation 16) replaces old noise by fresh noise: 0 is DDIM, 1 is DDPM.
# - With a constant prediction two steps are one. On the path of flow matching, a DDIM step is Euler's step (lesson 13).
# - Compare samplers by NFE. In our measurement, Heun (Karras et al. 2022) beats DDIM only from 43 evaluations on.
# - Clip the prediction before the noise is computed from it.
#
# ## Quiz (6 min)
#
# {question 05.q1}
#
# {question 05.q2}
#
# {question 05.q3}
#
# {question 05.q4}
#
# {question 05.q5}
#
# {question 05.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("05.q1", ...)  ## solution: quiz("05.q1", "c")

# %% id="quiz-2" tags=["exercise"]
quiz("05.q2", ...)  ## solution: quiz("05.q2", "a")

# %% id="quiz-3" tags=["exercise"]
quiz("05.q3", ...)  ## solution: quiz("05.q3", "b")

# %% id="quiz-4" tags=["exercise"]
quiz("05.q4", ...)  ## solution: quiz("05.q4", "b")

# %% id="quiz-5" tags=["exercise"]
quiz("05.q5", ...)  ## solution: quiz("05.q5", "c")

# %% id="quiz-6" tags=["exercise"]
quiz("05.q6", ...)  ## solution: quiz("05.q6", "a")

# %% id="report"
report()
