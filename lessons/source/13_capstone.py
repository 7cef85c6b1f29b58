# %% [markdown] id="title"
# # 13 · Capstone
#
# Choose **one** project (or more). At its end you have something of your own to show.
#
# | project | you build | minutes |
# | --- | --- | --- |
# | A. Flow matching | the method of many image models since 2024, in three functions | 30 |
# | B. Bugs | a test that finds ten bugs, eight of them from public code | 30 |
# | C. Misprints | a property that tells right formulas from wrong ones | 25 |
# | D. Your own data | a model of your images, and an honest report | 60 or more |
#
# Everybody does the recall, the predictions and the quiz (15 minutes): **45 minutes** with one project of A, B and C. At the end you can
#
# - read a paper's sampler and say which one you know already;
# - say how you know that your code is right;
# - evaluate a model on your own data (project D).
#
# **You need** lessons [4](04_ddpm.ipynb), [5](05_ddim_and_fast_solvers.ipynb) and [12](12_evaluate_and_reflect.ipynb). **In the explorer:** the [bug museum](app:Evaluate_and_debug?evaluate.exhibit=16-one-step-beta-in-long-steps) and [sampling on the flow schedule](app:Sampling?sampling.schedule=flow&sampling.steps=2).

# %% id="setup"
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start

start("13")

# %% [markdown] id="recall"
# ## Recall (3 min)
#
# {question 13.r1}
#
# {question 13.r2}

# %% id="recall-1" tags=["exercise"]
quiz("13.r1", ...)  ## solution: quiz("13.r1", "a")

# %% id="recall-2" tags=["exercise"]
quiz("13.r2", ...)  ## solution: quiz("13.r2", "c")

# %% [markdown] id="predict"
# ## Predict (4 min)
#
# {question 13.p1}
#
# {question 13.p2}

# %% id="predict-1" tags=["exercise"]
predict("13.p1", ..., because=...)  ## solution: predict("13.p1", "a", because="the line is straight")

# %% id="predict-2" tags=["exercise"]
predict("13.p2", ..., because=...)  ## solution: predict("13.p2", "a", because="samples show everything")

# %% [markdown] id="flow"
# ## A. Flow matching (30 min)
#
# Until now the squares of signal rate and noise rate added up to one. Flow matching, also called rectified flow, mixes image and noise on a straight line, the **linear interpolation path** (Lipman et al. 2023; Liu et al. 2023):
#
# $$x = (1 - \tau)\, x_0 + \tau\, \varepsilon, \qquad \tau \text{ from } 0 \text{ (image) to } 1 \text{ (noise)}.$$
#
# The network learns the **velocity** $u$, the derivative of $x$ with respect to $\tau$.
#
# ### Exercise 13.1: the training pair (free)


# %% id="exercise-1-answer" tags=["exercise"]
def flow_pair(x0, eps, tau):
    """x and u, both (b, c, h, w), for images x0, noise eps and taus (b,), one for each image."""
    # BEGIN SOLUTION
    tau = tau[:, None, None, None]
    return (1 - tau) * x0 + tau * eps, eps - x0
    # END SOLUTION


check("13.1", flow_pair)

# %% [markdown] id="exercise-2"
# ### Exercise 13.2: the velocity of a prediction (one blank)
#
# Our denoisers predict the clean image $\hat x_0$. Which constant velocity leads from $\hat x_0$ at time 0 to $x$ at time $\tau$?


# %% id="exercise-2-answer" tags=["exercise"]
def velocity(x, x0_hat, tau):
    """The velocity (b, ...) from x0_hat (b, ...) to x (b, ...); tau is one number above 0."""
    # BEGIN SOLUTION
    return (x - x0_hat) / tau
    # END SOLUTION
    # STUDENT return ... / tau


check("13.2", velocity)

# %% [markdown] id="exercise-3"
# ### Exercise 13.3: Euler's walk (free)
#
# Generation starts with noise at $\tau = 1$ and ends at $\tau = 0$. Euler's method goes from one $\tau$ of the list to the next: it moves $x$ with the velocity at $\tau$, for the time $\tau_\text{next} - \tau$ (a negative number). You may call `velocity`, once that is right.


# %% id="exercise-3-answer" tags=["exercise"]
def euler(denoise, x, taus):
    """Walk from noise x at taus[0] = 1 to taus[-1] = 0 and return the last x.

    denoise(x, tau) predicts the clean image.
    """
    # BEGIN SOLUTION
    for tau, after in zip(taus, taus[1:], strict=False):
        x = x + (after - tau) * velocity(x, denoise(x, tau), tau)
    return x
    # END SOLUTION


check("13.3", euler)

# %% [markdown] id="library"
# **By hand, and the library.** On the library's `flow` schedule, signal is $1 - \tau$ and noise is $\tau$. Your walk must equal DDIM there. With one step it also answers your first prediction.

# %% id="library-compare"
import torch
from diffusion_edu.core import walk
from diffusion_edu.data.points import two_moons
from diffusion_edu.denoisers import exact
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import flow, linear
from diffusion_edu.spacings import spaced

schedule = flow(1000)  # timestep t is tau = t / 1000


def walked(denoise, x, steps):
    """Generate with your walk, or with the library's DDIM until yours is right."""
    timesteps = spaced(schedule, steps)
    if passed("13.2") and passed("13.3"):
        return euler(lambda x, tau: denoise(x, round(1000 * tau)), x, [t / 1000 for t in timesteps])
    *_, last = walk(lambda x, t, s: ddim_step(denoise, schedule, x, t, s), x, timesteps)
    return last.x


moons = two_moons(200, torch.Generator().manual_seed(0)).x
eps = torch.randn(2000, 2, generator=torch.Generator().manual_seed(1))
denoise = exact(moons, schedule)
*_, last = walk(lambda x, t, s: ddim_step(denoise, schedule, x, t, s), eps, spaced(schedule, 10))
assert torch.allclose(walked(denoise, eps, 10), last.x, atol=1e-4)

# %% id="one-step"
stds = {n: (walked(denoise, eps, n).std() / moons.std()).item() for n in (1, 2, 10)}
shown = ", ".join(f"{std:.2f} with n = {n}" for n, std in stds.items())
predicted("13.p1", f"after n steps, the standard deviation is that of the data times {shown}.")

# %% [markdown] id="experiment"
# **An experiment.** Now with flowers and a real network. It was trained on another path, to predict $v$. It works here without new training: the library multiplies $x$ by a number so that the squares of the rates add up to one, as in training, and the network needs only the ratio of noise to signal. `counts` is your knob.

# %% id="flowers"
from diffusion_edu.checkpoints import load
from diffusion_edu.lessons.figures import lesson_13 as figures

counts = (1, 2, 10) if fast() else (1, 2, 5, 10, 50)  # Euler steps
model = load("flowers_simple")
flowers = model.denoiser(schedule, torch.tensor(figures.LABELS))


def generate(eps, steps):
    with torch.no_grad():
        return walked(flowers, eps, steps)


figures.flow_steps(generate, counts)

# %% [markdown] id="bugs"
# ## B. A test that finds bugs (30 min)
#
# Our bug museum shows bugs that were in public code. Here are three of them, with the network of project A: a step that uses the beta of one timestep in long steps, one that adds too large a variance, and one that takes all the noise of timestep $t$ as new noise.

# %% id="bugs-look"
figures.bugs(model, 8 if fast() else 20)

# %% [markdown] id="sample-test"
# How would you find such bugs without looking at images? One way is to compare **samples** with a known distribution. The next cell does this, and counts how many of ten wrong DDPM steps such a test finds. The fraction of planted bugs that a test finds is its **mutation score**.

# %% id="sample-test-score"
from diffusion_edu.lessons.exercises.lesson_13 import BUGS, by_samples, right_step

spread = by_samples(right_step)
missed = [name for name, step in BUGS.items() if abs(by_samples(step) / spread - 1) < 0.05]
found = len(BUGS) - len(missed)
predicted("13.p2", f"it finds {found} of {len(BUGS)}. It accepts a step that {'; '.join(missed)}.")

# %% [markdown] id="exercise-4"
# ### Exercise 13.4: your own test (free, harder)
#
# Write a test of **one step**. The function `step(x, x0_hat, t, s, z, schedule)` goes from timestep t to s < t and returns x at s. `x`, the prediction `x0_hat` and the normal noise `z` are tensors of one shape (b, ...), and z is used for the new noise. Your test must accept a right DDPM step and raise `AssertionError` for ten wrong ones. There are two ways. Compare with the formula of lesson 4. Or put in numbers that you know, and look at signal and noise at s. Which (t, s), how many images and which z make a bug visible? Use float64 and the schedules `linear(1000)` and `flow(1000)`.


# %% id="exercise-4-answer" tags=["exercise"]
def test_mine(step):
    """Do nothing if step is a right DDPM step; raise AssertionError if it is wrong."""
    # BEGIN SOLUTION
    one = torch.ones(2, 1, dtype=torch.float64)
    z = torch.tensor([[1.0], [2.0]], dtype=torch.float64)  # two images with different noise
    for schedule in (linear(1000), flow(1000)):
        for t, s in ((1, 0), (300, 0), (600, 300), (1000, 999)):
            signal = step(schedule.signal[t] * one, one, t, s, 0 * z, schedule)
            kept = step(schedule.noise[t] * one, 0 * one, t, s, 0 * z, schedule)  # old noise
            new = step(0 * one, 0 * one, t, s, z, schedule) / z
            assert torch.allclose(signal, schedule.signal[s] * one, atol=1e-9)
            assert torch.allclose(kept**2 + new**2, schedule.noise[s] ** 2 * one, atol=1e-9)
    # END SOLUTION


check("13.4", test_mine)

# %% [markdown] id="exercise-5"
# ## C. Misprints (25 min)
#
# Printed formulas contain mistakes: a variance in place of a standard deviation, a forgotten root, the formula of a short step for a long one. You can find them without a second source. Every sampling step of lessons 4 and 5 can be written as
#
# $$x_s = a\, x_t + b\, \hat x_0 + c\, z .$$
#
# Here $z$ is new noise. Put in $x_t = \text{signal}_t\, x_0 + \text{noise}_t\, \varepsilon$ and a right prediction, $\hat x_0 = x_0$. Which two equations must $a$, $b$ and $c$ fulfil, so that $x_s$ has the signal and the noise of timestep $s$?
#
# ### Exercise 13.5: find the misprints (free)
#
# You get a list of formulas. Each is a function `formula(t, s, schedule)` that returns the numbers (a, b, c). More than one formula is right. Choose yourself for which t, s and schedules you try them: `linear(1000)` and `flow(1000)` are imported.


# %% id="exercise-5-answer" tags=["exercise"]
def choose(formulas):
    """A list with True or False for each formula: True if it is right for every t, s and schedule."""

    # BEGIN SOLUTION
    def right(formula, t, s, schedule):
        a, b, c = formula(t, s, schedule)
        signal = a * schedule.signal[t] + b - schedule.signal[s]
        noise = (a * schedule.noise[t]) ** 2 + c**2 - schedule.noise[s] ** 2
        return abs(signal) < 1e-6 and abs(noise) < 1e-6

    cases = [(t, s, each) for t, s in ((300, 0), (600, 300)) for each in (linear(1000), flow(1000))]
    return [all(right(formula, *case) for case in cases) for formula in formulas]
    # END SOLUTION


check("13.5", choose)

# %% [markdown] id="own-data"
# ## D. Your own data (60 minutes or more)
#
# Put at least 200 images that you are allowed to use into a folder. Then do five steps. Each gives one paragraph or one figure of your report.
#
# 1. **Survey** (the next cell): how many images, how varied, any duplicates? Whose images are they, and did the people in them consent?
# 2. **Baseline**: the loss of a network that always returns zero (the next cell). Yours must be lower.
# 3. **Train** for ten minutes, in a terminal: `diffusion-edu train flowers_attention --from flowers_attention --data my_images/ --minutes 10 --out runs/mine`
# 4. **Copies**: 16 samples with the seeds 0 to 15, each beside its nearest training image.
# 5. **Score with a band**: one score with its band, the standard deviation over repeated draws ([lesson 12](12_evaluate_and_reflect.ipynb)), and the same score for real images.
#
# The explorer helps with 1, 4 and 5: [Dataset](app:Evaluate_and_debug?evaluate.tab=Dataset). **Rubric**, two points each: survey; baseline and loss; samples with their seeds, not selected; copies; band. A weak model with an honest report gets full marks.

# %% id="own-data-survey"
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.paths import PRETRAINED

source = PRETRAINED / "flower_samples.parquet"  # your folder: Path("my_images")
mine = to_signed(load_images(source, size=64).images)
learned, held_out = mine[::2].flatten(1)[:200], mine[1::2].flatten(1)[:200]
power = mine.square().mean().item()
inside = torch.cdist(learned, learned).fill_diagonal_(torch.inf).amin(1).median().item()
across = torch.cdist(held_out, learned).amin(1).median().item()
print(f"{len(mine)} images, mean {mine.mean():.2f}, standard deviation {mine.std():.2f}")
print(f"loss of v to beat: {(1 + power) / 2:.2f} (a network that always returns zero)")
print(f"nearest neighbour, median: {inside:.0f} among 200 images, {across:.0f} from others to them")

# %% [markdown] id="takeaways"
# ## Takeaways
#
# - Flow matching (Lipman et al. 2023; rectified flow: Liu et al. 2023) is diffusion on another schedule, the linear path. Euler's method on it is DDIM (Song et al. 2021, eq. 12).
# - The paths of training pairs are straight, but the paths of samples are not. One step gives the mean.
# - A test that compares samples misses bugs. A test of one step, with numbers that you know, finds them.
# - Signal and noise of timestep s are two equations. DDPM (Ho et al. 2020), DDIM and multistep renoising fulfil both.
# - Look for copies before you look at scores.

# %% [markdown] id="quiz"
# ## Quiz (6 min)
#
# {question 13.q1}
#
# {question 13.q2}
#
# {question 13.q3}
#
# {question 13.q4}
#
# {question 13.q5}
#
# {question 13.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("13.q1", ...)  ## solution: quiz("13.q1", "b")

# %% id="quiz-2" tags=["exercise"]
quiz("13.q2", ...)  ## solution: quiz("13.q2", "a")

# %% id="quiz-3" tags=["exercise"]
quiz("13.q3", ...)  ## solution: quiz("13.q3", "c")

# %% id="quiz-4" tags=["exercise"]
quiz("13.q4", ...)  ## solution: quiz("13.q4", "b")

# %% id="quiz-5" tags=["exercise"]
quiz("13.q5", ...)  ## solution: quiz("13.q5", "a")

# %% id="quiz-6" tags=["exercise"]
quiz("13.q6", ...)  ## solution: quiz("13.q6", "c")

# %% id="report"
report()
