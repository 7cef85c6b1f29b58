# %% [markdown] id="title"
# # 3 · Diffusion in 2-D
#
# An image has thousands of pixels, and nobody can draw a space of so many dimensions. Here an image has two pixels. So it is a **point in the plane**, and you can see everything. At the end you can
#
# - build the best denoiser of a data set by hand, and draw it as a field of arrows;
# - turn a predicted clean image into the **score**, and back;
# - say why a perfect denoiser generates nothing new, and why networks do.
#
# **You need** [lesson 1](01_adding_noise.ipynb), [lesson 2](02_denoising_once.ipynb) and the density of a normal distribution. A small network is trained here, on your computer, in seconds. **Time:** 60 minutes. **In the explorer:** the page [2-D playground](app:Playground_2D).

# %% id="setup"
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start

start("03")

# %% [markdown] id="recall"
# ## Recall (3 min)
#
# {question 03.r1}
#
# {question 03.r2}

# %% id="recall-1" tags=["exercise"]
quiz("03.r1", ...)  ## solution: quiz("03.r1", "c")

# %% id="recall-2" tags=["exercise"]
quiz("03.r2", ...)  ## solution: quiz("03.r2", "a")

# %% [markdown] id="predict"
# ## Predict (4 min)
#
# {question 03.p1}
#
# {question 03.p2}

# %% id="predict-1" tags=["exercise"]
predict("03.p1", ..., because=...)  ## solution: predict("03.p1", "a", because="it knows the moons")

# %% id="predict-2" tags=["exercise"]
predict("03.p2", ..., because=...)  ## solution: predict("03.p2", "c", because="it learns them by heart")

# %% [markdown] id="points"
# ## 1. The data: 200 points (3 min)
#
# Our data set is a set of 200 points, called *two moons*. The forward process is the one of lesson 1, $x = \text{signal}_t\, x_0 + \text{noise}_t\, \varepsilon$, with the cosine schedule.

# %% id="points-look"
import torch
from diffusion_edu.core import walk
from diffusion_edu.data.points import Points, two_moons
from diffusion_edu.denoisers import NeuralDenoiser, exact
from diffusion_edu.lessons.figures import lesson_03 as figures
from diffusion_edu.samplers import ddim_step
from diffusion_edu.schedules import cosine
from diffusion_edu.spacings import spaced
from diffusion_edu.toy2d import evaluate_loss, train_mlp

points = two_moons(200, torch.Generator().manual_seed(0)).x  # (n, 2): what we learn from
fresh = two_moons(1000, torch.Generator().manual_seed(5)).x  # (m, 2): real, but never learned from
schedule = cosine()
figures.noised(points, schedule)

# %% [markdown] id="exercise-1"
# ## 2. The exact denoiser (15 min)
#
# You see one noisy point $x$. From which of the 200 clean points was it made? The forward process moves a point $p$ to $\text{signal}_t\, p$ and adds noise. So the **squared distance** $\lVert x - \text{signal}_t\, p \rVert^2$ says how much noise this point would need.
#
# In the code, `b` noisy points are compared with `n` clean points, each with `d` coordinates.
#
# ### Exercise 03.1: from every x to every point (one blank)


# %% id="exercise-1-answer" tags=["exercise"]
def squared_distances(x, points, t, schedule):
    """Squared distance (b, n) from each x (b, d) to each point (n, d) moved to timestep t."""
    # BEGIN SOLUTION
    away = x[:, None, :] - schedule.signal[t] * points[None, :, :]
    # END SOLUTION
    # STUDENT away = ...  # the differences (b, n, d)
    return away.square().sum(dim=2)


check("03.1", squared_distances)

# %% [markdown] id="exercise-2"
# ### Exercise 03.2: how much each point explains x (free)
#
# With Gaussian noise, small distances are likely and large ones unlikely. Point $p$ leads to this $x$ with a density proportional to $\exp\left(-\lVert x - \text{signal}_t\, p\rVert^2 / (2\,\text{noise}_t^2)\right)$. Divide it by the sum over all points. The result is one **weight** for each point: the probability that $x$ was made from it. Your function must also work at very low noise, and for an $x$ far from all points. It may call `squared_distances`, once that is right.


# %% id="exercise-2-answer" tags=["exercise"]
def closeness(x, points, t, schedule):
    """The weights (b, n) of points (n, d) for each x (b, d) at timestep t; rows sum to one."""
    # BEGIN SOLUTION
    exponent = -squared_distances(x, points, t, schedule) / (2 * schedule.noise[t] ** 2)
    return exponent.softmax(dim=1)
    # END SOLUTION


check("03.2", closeness)

# %% [markdown] id="exercise-3"
# ### Exercise 03.3: the exact denoiser (free)
#
# Lesson 2: the best prediction is a weighted mean of the clean points. These are the weights. The mean is called the **posterior mean**, and a denoiser that returns it is the **exact denoiser** of this data set. You may call `closeness`, once that is right.


# %% id="exercise-3-answer" tags=["exercise"]
def exact_prediction(x, points, t, schedule):
    """The predicted clean point (b, d) for each x (b, d) at timestep t."""
    # BEGIN SOLUTION
    return closeness(x, points, t, schedule) @ points
    # END SOLUTION


check("03.3", exact_prediction)

# %% [markdown] id="exercise-4"
# ## 3. A field of arrows (12 min)
#
# At timestep $t$ and without noise, the predicted point $\hat x_0$ lies at $\text{signal}_t\, \hat x_0$. Draw an arrow from $x$ to this place, and divide it by the variance of the noise. The result is the **score**: the gradient of the log density of all noisy points at $t$ (Song et al. 2021). It points to places where noisy points are more frequent.
#
# ### Exercise 03.4: the arrow at x (free)


# %% id="exercise-4-answer" tags=["exercise"]
def score(x, x0_hat, t, schedule):
    """The score (b, d) at x (b, d), from the predicted clean point x0_hat (b, d)."""
    # BEGIN SOLUTION
    return (schedule.signal[t] * x0_hat - x) / schedule.noise[t] ** 2
    # END SOLUTION


check("03.4", score)

# %% [markdown] id="library"
# **By hand, and the library.** Is the score really a gradient? Torch can differentiate the log density itself. This cell compares both, and your denoiser with the library's.

# %% id="library-compare"
t, data = 300, points.double()
x = torch.randn(6, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64).requires_grad_()
away = (x[:, None] - schedule.signal[t] * data).square().sum(2)
log_density = (-away / (2 * schedule.noise[t] ** 2)).logsumexp(1)  # up to a constant
(gradient,) = torch.autograd.grad(log_density.sum(), x)
denoise = exact(data, schedule)
with torch.no_grad():
    x = x.detach()
    if passed("03.3"):
        mine = torch.as_tensor(exact_prediction(x, data, t, schedule))
        assert torch.allclose(mine.double(), denoise(x, t), atol=1e-4)
    if passed("03.4"):
        mine = torch.as_tensor(score(x, denoise(x, t), t, schedule))
        assert torch.allclose(mine.double(), gradient, atol=1e-4)
        print("Your score is the gradient of the log density.")

# %% id="arrows"
figures.arrows(denoise, data, schedule)

# %% [markdown] id="generate"
# ## 4. Generate (10 min)
#
# Start 1,000 walks from pure noise and follow the arrows in 50 steps, as the explorer does. (The sampler is DDIM, the topic of [lesson 5](05_ddim_and_fast_solvers.ipynb). The last steps are very small: that is what `"log-SNR"` is for.) Two neighbouring training points are about 0.03 apart. We call a sample **new** if it is farther than 0.01 from every training point.


# %% id="generate-exact"
def generate(denoise):
    """Generate points (n, 2) with a denoiser, in 50 steps."""
    eps = torch.randn(250 if fast() else 1000, 2, generator=torch.Generator().manual_seed(1))
    timesteps = spaced(schedule, 50, "log-SNR")
    *_, last = walk(lambda x, t, s: ddim_step(denoise, schedule, x, t, s), eps, timesteps)
    return last.x


NEAR = 0.01
copies = generate(exact(points, schedule))
new = (torch.cdist(copies, points).amin(dim=1) > NEAR).float().mean()
assert new < 0.03
predicted(
    "03.p1",
    f"{new:.1%} of {len(copies):,} samples are new. The others are nearer than {NEAR} to a point.",
)

# %% [markdown] id="exercise-5"
# ### Exercise 03.5: find the bug
#
# How far is a set of samples from a set of real points? The **energy distance** compares three mean distances: from the points of `a` to those of `b`, among the points of `a`, and among the points of `b`. (Pairs of a point with itself count.) The code below has one mistake. Try it with `a = b`: what should the result be?


# %% id="exercise-5-answer" tags=["exercise"]
def energy_distance(a, b):
    """The energy distance of two sets of points, a (n, d) and b (m, d): zero if they are equal."""
    between, in_a, in_b = torch.cdist(a, b).mean(), torch.cdist(a, a).mean(), torch.cdist(b, b).mean()
    # BEGIN SOLUTION
    return 2 * between - in_a - in_b
    # END SOLUTION
    # STUDENT return between - in_a - in_b


check("03.5", energy_distance)

# %% [markdown] id="network"
# ## 5. A network (8 min)
#
# Now a small network learns from the same 200 points. Then three sets are compared with 1,000 fresh points, from which nobody has learned: other real points, the samples of the exact denoiser, and the samples of the network.


# %% id="network-train"
def trained(data, steps):
    """Train a new network on points (n, 2); return it and its losses on them and on fresh points."""
    network = next(state.ema for state in train_mlp(Points(data)) if state.step == steps)
    return network, [evaluate_loss(network, Points(each)) for each in (data, fresh)]


network, _ = trained(points, 200 if fast() else 1000)
with torch.no_grad():
    samples = generate(NeuralDenoiser(network, schedule, "v"))
others = two_moons(1000, torch.Generator().manual_seed(6)).x
figures.compared(points, fresh, NEAR, real_points=others, exact_denoiser=copies, network=samples)

# %% [markdown] id="experiment"
# ## 6. An experiment: few points, long training (6 min)
#
# `count` is your knob: how many points the network learns from. Try 20, then 200: does the loss on fresh points still rise? In the explorer, train on another set and watch both denoisers side by side: [spirals, 5 seconds](app:Playground_2D?points.points=spirals&points.seconds=5).

# %% id="experiment-run"
count = 20  # 3 to 200

short, long = (60, 300) if fast() else (200, 1000)
(_, early), (_, late) = (trained(points[:count], steps) for steps in (short, long))
predicted(
    "03.p2",
    f"with {count} points, from step {short} to step {long:,}, the loss on these points went from "
    f"{early[0]:.2f} to {late[0]:.2f}, and the loss on fresh points from {early[1]:.2f} to {late[1]:.2f}.",
)

# %% [markdown] id="exercise-6"
# ### Exercise 03.6: what a network is trained on (optional)
#
# The network above never sees a walk. It is trained on pairs of an input and a target. The noise level is an angle $\theta$ (lesson 2). The input is $y = \cos\theta\, x_0 + \sin\theta\, \varepsilon$. The target is $v$, the derivative of $y$ with respect to $\theta$ (Salimans & Ho 2022). Each point has its own angle. Return both.


# %% id="exercise-6-answer" tags=["exercise"]
def training_pair(x0, eps, theta):
    """Input y and target v, both (b, d), for points x0, noise eps (b, d) and angles theta (b,)."""
    # BEGIN SOLUTION
    c, s = theta.cos()[:, None], theta.sin()[:, None]
    return c * x0 + s * eps, c * eps - s * x0
    # END SOLUTION


check("03.6", training_pair)

# %% [markdown] id="takeaways"
# ## Takeaways
#
# - The exact denoiser of a data set is a mean of its points. The weights say how well each point explains $x$ (the posterior mean under Ho et al. 2020, eq. 4).
# - At high noise every $x$ has nearly the same prediction, the mean. At low noise it is the nearest point.
# - The score is $(\text{signal}_t\, \hat x_0 - x) / \text{noise}_t^2 = -\hat\varepsilon / \text{noise}_t$ (Song et al. 2021, score-based SDE; the link between mean and score is Tweedie's formula, Efron 2011). A denoiser, a network that predicts noise and a field of arrows say the same in three ways.
# - A perfect denoiser repeats its training points. Such samples are **memorised**. New samples come from a smooth network that does not fit its points perfectly.
# - The energy distance (Szekely & Rizzo 2013) compares whole sets. It does not see copies.

# %% [markdown] id="quiz"
# ## Quiz (6 min)
#
# {question 03.q1}
#
# {question 03.q2}
#
# {question 03.q3}
#
# {question 03.q4}
#
# {question 03.q5}
#
# {question 03.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("03.q1", ...)  ## solution: quiz("03.q1", "b")

# %% id="quiz-2" tags=["exercise"]
quiz("03.q2", ...)  ## solution: quiz("03.q2", "a")

# %% id="quiz-3" tags=["exercise"]
quiz("03.q3", ...)  ## solution: quiz("03.q3", "c")

# %% id="quiz-4" tags=["exercise"]
quiz("03.q4", ...)  ## solution: quiz("03.q4", "b")

# %% id="quiz-5" tags=["exercise"]
quiz("03.q5", ...)  ## solution: quiz("03.q5", "a")

# %% id="quiz-6" tags=["exercise"]
quiz("03.q6", ...)  ## solution: quiz("03.q6", "c")

# %% id="report"
report()
