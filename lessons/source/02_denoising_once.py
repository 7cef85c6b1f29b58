# %% [markdown] id="title"
# # 2 · Denoising once
#
# A **denoiser** looks at a noisy image and predicts the clean one. Every sampler of this course repeats this one prediction again and again. At the end you can
#
# - turn any prediction (image, noise or $v$) into any other, on any schedule;
# - say what the best possible prediction is, and why it is blurred;
# - read an error correctly: a small one can mean a poor prediction.
#
# **You need** [lesson 1](01_adding_noise.ipynb) and a little trigonometry. **Time:** 45 to 60 minutes (recall and prediction 6, first look 7, image and noise 10, $v$ 10, the best prediction 12, two errors 8, quiz 6). **In the explorer:** the page [Denoise once](app:Denoise_once).

# %% id="setup"
import torch
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.denoisers import exact, exact_gaussian
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start
from diffusion_edu.lessons.figures import lesson_02 as figures
from diffusion_edu.randomness import Compute
from diffusion_edu.samplers import predicted_noise
from diffusion_edu.schedules import linear

start("02")

# %% [markdown] id="recall"
# ## Recall
#
# {question 02.r1}
#
# {question 02.r2}

# %% id="recall-1" tags=["exercise"]
quiz("02.r1", ...)  ## solution: quiz("02.r1", "a")

# %% id="recall-2" tags=["exercise"]
quiz("02.r2", ...)  ## solution: quiz("02.r2", "b")

# %% [markdown] id="predict"
# ## Predict
#
# Decide now, and write one reason. The *best* denoiser is the one with the lowest mean squared error.
#
# {question 02.p1}
#
# {question 02.p2}

# %% id="predict-1" tags=["exercise"]
predict("02.p1", ..., because=...)  ## solution: predict("02.p1", "a", because="smaller is better")

# %% id="predict-2" tags=["exercise"]
predict("02.p2", ..., because=...)  ## solution: predict("02.p2", "c", because="it cannot know")

# %% [markdown] id="first-look"
# ## 1. A first look
#
# In code a denoiser is a function `(x, t) -> x0_hat`. The hat means *predicted*. We take a flower, bring it to six timesteps, and ask two denoisers for the clean image:
#
# - `network`: a trained network, which has learned from photographs;
# - `exact`: no network, but a computation. It knows our 1,024 generated flowers. For each of them it computes how probable it is that x was made from this flower. The prediction is their mean, weighted by these probabilities. For these flowers no prediction can have a lower mean squared error.

# %% id="first-figure"
schedule = linear(1000)
cpu = Compute(torch.device("cpu"))  # there it computes in float32, so that numbers can be compared
model = load("flowers_simple", compute=cpu)
network = model.denoiser(schedule)

flowers = to_signed(load_images(PRETRAINED / "flower_samples.parquet").images[: 200 if fast() else 1024])
x0 = flowers[5:6]  # try another one
eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(2026))
denoisers = {"network": network, "exact": exact(flowers, schedule)}
figures.predictions(x0, eps, schedule, [1000, 800, 600, 400, 200, 50], denoisers)

# %% [markdown] id="first-words"
# On the left both predictions are blurred, even that of `exact`, which is the best possible one. So **the blur is not the fault of a small network**. This x could come from many flowers. The prediction with the lowest mean squared error is their weighted mean, the **posterior mean**.
#
# In the middle they differ. `exact` has to choose among 1,024 flowers only, and finds the right one at t = 600 already. The network must expect every flower that there could be.

# %% id="predicted-2"
last = schedule.corrupt(x0, 1000, eps)
distance = {
    "the mean of all flowers": figures.error(denoisers["exact"](last, 1000), flowers.mean(0)),
    "this flower": figures.error(denoisers["exact"](last, 1000), x0),
}
assert distance["the mean of all flowers"] < 0.1 * distance["this flower"]
words = ", ".join(f"{value:.3f} from {name}" for name, value in distance.items())
predicted(
    "02.p2", f"mean squared distance of the exact denoiser's prediction at timestep 1000: {words}."
)

# %% [markdown] id="two-views"
# ## 2. Image or noise: one prediction
#
# The forward process (lesson 1) makes $x = \text{signal}_t\, x_0 + \text{noise}_t\, \varepsilon$. We know $x$. So whoever predicts the image has predicted the noise as well, and whoever predicts the noise has predicted the image. The two predictions fulfil the same equation:
#
# $$x = \text{signal}_t\, \hat x_0 + \text{noise}_t\, \hat\varepsilon .$$
#
# The network of the DDPM paper predicts $\hat\varepsilon$ (its **prediction type** is *epsilon*). This equation makes a denoiser of it.
#
# ### Exercise 02.1: from the image to the noise (one blank)
#
# Solve the equation for $\hat\varepsilon$. Do **not** assume that the squares of the rates add up to one.


# %% id="exercise-1-answer" tags=["exercise"]
def eps_from_x0(x, x0_hat, t, schedule):
    """Compute eps_hat from x and x0_hat, both (b, ...), at timestep t."""
    signal, noise = schedule.signal[t], schedule.noise[t]
    # BEGIN SOLUTION
    return (x - signal * x0_hat) / noise
    # END SOLUTION
    # STUDENT return ...


check("02.1", eps_from_x0)

# %% [markdown] id="exercise-2"
# ### Exercise 02.2: from the noise to the image (free)
#
# The other way round: a network has predicted the noise. Compute the image. The rates stand in the tables `schedule.signal` and `schedule.noise`.


# %% id="exercise-2-answer" tags=["exercise"]
def x0_from_eps(x, eps_hat, t, schedule):
    """Compute x0_hat from x and eps_hat, both (b, ...), at timestep t."""
    # BEGIN SOLUTION
    return (x - schedule.noise[t] * eps_hat) / schedule.signal[t]
    # END SOLUTION
    # STUDENT ...


check("02.2", x0_from_eps)

# %% [markdown] id="v"
# ## 3. What this network really predicts: $v$
#
# At high timesteps $\text{signal}_t$ is tiny. Dividing by it makes small errors huge. **v-prediction** (Salimans & Ho 2022) avoids the division. Write the two rates as an angle $\theta$, as in lesson 1. (On schedules that are not variance preserving, first divide $x$ by $\sqrt{\text{signal}_t^2 + \text{noise}_t^2}$; the result is called $y$. On our schedule $y$ is $x$.)
#
# $$y = \cos\theta\, x_0 + \sin\theta\, \varepsilon, \qquad v = \cos\theta\, \varepsilon - \sin\theta\, x_0 .$$
#
# The pair $(y, v)$ is the pair $(x_0, \varepsilon)$, turned by the angle $\theta$. If you turn back, you get $x_0$ and $\varepsilon$. Here is the **noise**, computed by hand from the $v$ that the network returns:

# %% id="by-hand"
t = 400
x = schedule.corrupt(x0, t, eps)
c, theta = schedule.angle(t, x)  # c is 1: the linear schedule preserves the variance
y = x / c
with torch.no_grad():
    v = model.net(y, (1000 * theta).float().expand(1), None)  # the network gets the angle, times 1000
    by_hand = theta.sin() * y + theta.cos() * v
    assert torch.allclose(by_hand, predicted_noise(schedule, x, network(x, t), t), atol=1e-3)
print(f"theta = {theta:.2f}: eps_hat = {theta.sin():.2f} y + {theta.cos():.2f} v, as in the library")

# %% [markdown] id="exercise-3"
# ### Exercise 02.3: find the bug
#
# A colleague wrote this function, which computes the **image** from $y$ and $v$. It works on a batch: each image has its own angle. Run this cell and the next one, and compare the second row with the second row of the first figure. What is different at $t = 1000$, and what at $t = 50$? Repair the function, and run both cells again.


# %% id="exercise-3-answer" tags=["exercise"]
def x0_from_v(y, v, theta):
    """Compute x0 from y and v, both (b, c, h, w); theta (b,) holds the angle of each image."""
    cos = theta.cos().view(-1, 1, 1, 1)
    sin = theta.sin().view(-1, 1, 1, 1)
    # BEGIN SOLUTION
    return cos * y - sin * v
    # END SOLUTION
    # STUDENT return cos * y + sin * v


check("02.3", x0_from_v)

# %% id="from-v-figure"
timesteps = torch.tensor([1000, 800, 600, 400, 200, 50])
_, angles = schedule.angle(timesteps, x0.expand(6, -1, -1, -1))
y = schedule.corrupt(x0, timesteps, eps)
with torch.no_grad():
    outputs = model.net(y, (1000 * angles).float().flatten(), None)
figures.read_from_v(x0_from_v, y, outputs, angles.float().flatten(), x0, timesteps.tolist())

# %% [markdown] id="best"
# ## 4. The best prediction
#
# For very simple images the best prediction is one line of code. Let each number of $x_0$ be Gaussian with the mean `mean` and the standard deviation `std`, independent of the other numbers. Then $x$ has the mean $\text{signal}_t\cdot$`mean` and the variance $\text{signal}_t^2\,$`std`$^2 + \text{noise}_t^2$. The best prediction starts from `mean`. Then it takes the distance of $x$ from the mean of $x$, multiplies it by a factor, and adds it. The factor is
#
# $$\frac{\text{how } x_0 \text{ and } x \text{ vary together}}{\text{variance of } x} .$$
#
# Above the line stands the **covariance** of $x_0$ and $x$, the mean of the product of their distances from their means. The noise is independent of $x_0$. So only the image part of $x$ counts above the line: what is the covariance of $x_0$ and $\text{signal}_t\, x_0$?
#
# ### Exercise 02.4: the posterior mean (free)
#
# Two tests by hand: what must come out at timestep 0, and what must come out if x is only noise?


# %% id="exercise-4-answer" tags=["exercise"]
def best_prediction(x, t, mean, std, schedule):
    """Predict x0 from x (b, ...) with the lowest error; x0 has this mean and deviation std."""
    # BEGIN SOLUTION
    signal, noise = schedule.signal[t], schedule.noise[t]
    factor = signal * std**2 / (signal**2 * std**2 + noise**2)
    return mean + factor * (x - signal * mean)
    # END SOLUTION
    # STUDENT ...


check("02.4", best_prediction)

# %% [markdown] id="experiment"
# **Experiment.** Can another factor do better? We take 100,000 numbers with mean 0 and standard deviation 0.5, and try many predictions of the form factor · x. Change the timestep: 30, 100, 300. Where is the lowest point of the curve? How good is the prediction x / signal? In the explorer, watch the exact denoiser of [100 flowers](app:Denoise_once?denoise.denoiser=the+exact+denoiser&denoise.count=100).

# %% id="experiment-figure"
knob = 100  # the knob, a timestep: change it and run the cell again

library_best = exact_gaussian(0.0, 0.5, schedule)


def best(x):
    """Predict with your function, or with the library's as long as yours is not right."""
    return best_prediction(x, knob, 0.0, 0.5, schedule) if passed("02.4") else library_best(x, knob)


figures.error_of_factors(schedule, knob, 0.5, best)

# %% [markdown] id="exercise-5"
# ## 5. One prediction, two errors
#
# Papers train with the error in $\varepsilon$, in $x_0$ or in $v$. $\hat\varepsilon$ and $\hat x_0$ are one prediction. So if you know the error of one, you know that of the other. Write the equation of part 2 twice, once with the true $x_0$ and $\varepsilon$ and once with the predicted ones. $x$ is the same in both. Subtract them: by which factor do $\hat\varepsilon - \varepsilon$ and $\hat x_0 - x_0$ differ?
#
# ### Exercise 02.5: from one error to the other (free)


# %% id="exercise-5-answer" tags=["exercise"]
def eps_error(x0_error, signal, noise):
    """Give the mean squared error of eps_hat from that of x0_hat; all three are numbers."""
    # BEGIN SOLUTION
    return (signal / noise) ** 2 * x0_error
    # END SOLUTION
    # STUDENT ...


check("02.5", eps_error)

# %% id="errors-figure"
some, errors = flowers[:4] if fast() else flowers[:16], {}
for t in [50, 200, 400, 600, 800, 1000]:
    truth = torch.randn(some.shape, generator=torch.Generator().manual_seed(2026 + t))
    x = schedule.corrupt(some, t, truth)
    with torch.no_grad():
        x0_hat = network(x, t)
    of_x0 = figures.error(x0_hat, some)
    of_eps = figures.error(predicted_noise(schedule, x, x0_hat, t), truth)
    errors[t] = of_x0, of_eps
    print(f"t = {t}: error in x0 {of_x0:.4f}, in eps {of_eps:.6f}", end="")
    if passed("02.5"):
        yours = eps_error(of_x0, schedule.signal[t].item(), schedule.noise[t].item())
        print(f", by your function {yours:.6f}", end="")
    print()
figures.errors_over_timesteps(schedule, 0.5, errors)

# %% id="predicted-1"
lowest = {t: figures.gaussian_error(schedule, t, 0.5) for t in (900, 100)}
assert abs(lowest[900] - 0.25) < 0.001 and abs(lowest[100] - 0.079) < 0.001
predicted(
    "02.p1",
    f"the error in x0 is {lowest[900]:.3f} at 900, as large as the variance of the images, "
    f"and {lowest[100]:.3f} at 100. "
    "(These are Gaussian images with standard deviation 0.5, on the linear schedule.)",
)

# %% [markdown] id="takeaways"
# ## Takeaways
#
# - A denoiser predicts the clean image. Image, noise and $v$ are three views of one prediction: $x = \text{signal}_t\,\hat x_0 + \text{noise}_t\,\hat\varepsilon$ on every schedule (Ho et al. 2020, eq. 15, for $\hat x_0$).
# - $\hat x_0 = \cos\theta\, y - \sin\theta\, v$: turned back, without a division (Salimans & Ho 2022, section 4 and appendix D).
# - The best prediction is the posterior mean. It is blurred where many images are possible.
# - The error in $\varepsilon$ is the signal-to-noise ratio times the error in $x_0$. A small error in $\varepsilon$ at a high timestep means little.
# - **Next:** [lesson 3](03_diffusion_in_2d.ipynb) turns the prediction into a field of arrows, and starts to walk.

# %% [markdown] id="quiz"
# ## Quiz
#
# {question 02.q1}
#
# {question 02.q2}
#
# {question 02.q3}
#
# {question 02.q4}
#
# {question 02.q5}
#
# {question 02.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("02.q1", ...)  ## solution: quiz("02.q1", "b")

# %% id="quiz-2" tags=["exercise"]
quiz("02.q2", ...)  ## solution: quiz("02.q2", "c")

# %% id="quiz-3" tags=["exercise"]
quiz("02.q3", ...)  ## solution: quiz("02.q3", "a")

# %% id="quiz-4" tags=["exercise"]
quiz("02.q4", ...)  ## solution: quiz("02.q4", "b")

# %% id="quiz-5" tags=["exercise"]
quiz("02.q5", ...)  ## solution: quiz("02.q5", "c")

# %% id="quiz-6" tags=["exercise"]
quiz("02.q6", ...)  ## solution: quiz("02.q6", "a")

# %% id="report"
report()
