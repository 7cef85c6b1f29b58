# %% [markdown] id="title"
# # 7 · Training
#
# You have a network (lesson 6) and you know what it must predict (lesson 2). Now you train one, in seconds, on points in the plane. At the end you can
#
# - write the loss and the loop of a diffusion model, and find a common bug in a batch;
# - say whether a loss is good, and which losses must not be compared;
# - average weights over time (EMA), and say why the average needs a warm-up.
#
# **You need** lessons 2 and 6, and gradients as in PyTorch (`backward`, `step`). **Time:** 55 minutes (recall and predict 6, the loss 10, good or bad 10, the loop 14, the average 8, quiz 7). **In the explorer:** [2-D playground](app:Playground_2D).

# %% id="setup"
import math

import torch
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.data.points import two_moons
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start
from diffusion_edu.lessons.figures import lesson_07 as figures
from diffusion_edu.training.loop import update_ema

start("07")

# %% [markdown] id="recall"
# ## Recall
#
# {question 07.r1}
#
# {question 07.r2}

# %% id="recall-1" tags=["exercise"]
quiz("07.r1", ...)  ## solution: quiz("07.r1", "a")

# %% id="recall-2" tags=["exercise"]
quiz("07.r2", ...)  ## solution: quiz("07.r2", "c")

# %% [markdown] id="predict"
# ## Predict
#
# Answer before you know, with one reason. You meet your answers again below.
#
# {question 07.p1}
#
# {question 07.p2}

# %% id="predict-1" tags=["exercise"]
predict("07.p1", ..., because=...)  ## solution: predict("07.p1", "b", because="5,000 steps are many")

# %% id="predict-2" tags=["exercise"]
predict("07.p2", ..., because=...)  ## solution: predict("07.p2", "b", because="ten are easy")

# %% [markdown] id="loss"
# ## 1. The loss
#
# Training repeats one small task. Take a clean image $x_0$, draw an angle $\theta$ (the noise level, from 0 to 90 degrees) and noise $\varepsilon$, and mix them:
#
# $$y = \cos\theta\; x_0 + \sin\theta\; \varepsilon, \qquad v = \cos\theta\; \varepsilon - \sin\theta\; x_0 .$$
#
# The network gets $y$ and $\theta$ and must predict $v$. The loss is the mean squared error, over all images and pixels. Training does not go through the timesteps one after the other: each image of a batch has a random angle of its own.

# %% id="mixtures"
flowers = load_images(PRETRAINED / "flower_samples.parquet").take(torch.arange(4 if fast() else 16))
x0 = to_signed(flowers.images)
eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
figures.mixtures(x0[3:4], eps[3:4])

# %% [markdown] id="exercise-1"
# ### Exercise 07.1: the loss of v-prediction (free)
#
# `net(y, theta)` is the network; it gets `theta` as it is, one angle for each image. For the mixture, bring the cosines and sines into a shape that multiplies images. Give one number.


# %% id="exercise-1-answer" tags=["exercise"]
def v_loss(net, x0, theta, eps):
    """Give the loss of net for images x0 (b, c, height, width), angles theta (b,) and noise eps."""
    # BEGIN SOLUTION
    cos, sin = theta.cos()[:, None, None, None], theta.sin()[:, None, None, None]
    y = cos * x0 + sin * eps
    v = cos * eps - sin * x0
    return (net(y, theta) - v).square().mean()
    # END SOLUTION
    # STUDENT ...


check("07.1", v_loss)

# %% [markdown] id="exercise-2"
# ## 2. Is this loss good?
#
# A loss of 0.5 means nothing by itself. Compare it with the simplest network: it gives 0 for every input. Its loss is the mean square of the target. The noise has the mean square 1 and the images have the mean square `power`. Image and noise are independent with mean 0, so the mean of their product is 0. For $v$, also average over all angles: on average $\cos^2\theta$ is one half, and so is $\sin^2\theta$.
#
# ### Exercise 07.2: the loss of doing nothing (free)
#
# Give one number for each prediction type. The target of `"eps"` is $\varepsilon$, that of `"x0"` is $x_0$, that of `"v"` is as above, and that of `"flow"` is $\varepsilon - x_0$.


# %% id="exercise-2-answer" tags=["exercise"]
def baseline(prediction_type, power):
    """Give the loss of a network that always gives 0, for images with the mean square power."""
    # BEGIN SOLUTION
    return {"eps": 1, "x0": power, "v": (1 + power) / 2, "flow": 1 + power}[prediction_type]
    # END SOLUTION
    # STUDENT ...


check("07.2", baseline)

# %% id="baseline-measured"
# Measured: the loss of a network that always gives 0, on flowers at random angles.
theta = torch.rand(len(x0), generator=torch.Generator().manual_seed(1)) * math.pi / 2
nothing = figures.v_loss(lambda y, theta: 0 * y, x0, theta, eps).item()
power = x0.square().mean().item()
print(f"power of the flowers: {power:.3f}. Loss of doing nothing: {nothing:.3f}")
if passed("07.2"):
    print(
        f"your baseline for v: {baseline('v', power):.3f} (the measured one has only {len(x0)} angles)"
    )

# %% [markdown] id="three"
# Now the trained network `flowers_attention`. It predicts $v$. Lesson 2 turned $v$ into $x_0$ and $\varepsilon$. So the same prediction has three errors.

# %% id="three-losses"
figure, means = figures.three_losses(load("flowers_attention"), x0, flowers.labels)
figure

# %% [markdown] id="exercise-4"
# One network, three losses: so losses of different prediction types must not be compared.
#
# ## 3. The loop
#
# ### Exercise 07.4: train (fill in the loop)
#
# (Exercise 07.3 comes in section 4.) Write something in place of each `...`. A step: compute the loss, forget the old gradients, compute the new ones, change the weights. `figures.v_loss` is the loss of exercise 07.1, with the same arguments, for images and for points.


# %% id="exercise-4-answer" tags=["exercise"]
def train(net, optimizer, batches, angles, noises):
    """Train net with one step for each batch; give the list of losses, as floats."""
    losses = []
    for x0, theta, eps in zip(batches, angles, noises, strict=True):
        # BEGIN SOLUTION
        loss = figures.v_loss(net, x0, theta, eps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        # END SOLUTION
        # STUDENT loss = figures.v_loss(...)
        # STUDENT optimizer.zero_grad()
        # STUDENT ...
        # STUDENT optimizer.step()
        # STUDENT losses.append(...)
    return losses


check("07.4", train)

# %% id="train-points"
# Your loop trains network B on 2,000 points (until exercise 07.4 is right, the loop of the library does it).
mixed = torch.randperm(3000, generator=torch.Generator().manual_seed(1))
points = two_moons(3000, torch.Generator().manual_seed(0)).x[mixed]
many, few, new = points[:2000], points[:10], points[2000:]
steps = 30 if fast() else 1200

fit = train if passed("07.4") else figures.train
net_b = figures.PointNetwork()
losses_b = fit(net_b, figures.optimizer(net_b), *figures.drawn(many, steps))
figures.loss_curve(losses_b, nothing=(1 + points.square().mean().item()) / 2)

# %% id="train-few"
net_a = figures.PointNetwork()  # the same random start
losses_a = fit(net_a, figures.optimizer(net_a), *figures.drawn(few, steps))


def last(losses):
    return sum(losses[-200:]) / len(losses[-200:])


new_a, new_b = figures.held_out(net_a, new), figures.held_out(net_b, new)
said = f"training loss {last(losses_a):.3f} (A, 10 points) and {last(losses_b):.3f} (B, 2,000 points)."
predicted("07.p2", f"{said} On {len(new)} new points: {new_a:.3f} (A) and {new_b:.3f} (B).")

# %% [markdown] id="exercise-5"
# Network A has the lower training loss, and it is the worse one. Only new points, **held out** of the training, show what A has learned: ten points by heart.
#
# ### Exercise 07.5: find the bug
#
# This function makes a batch for training from random numbers `u` between 0 and 1. It runs, and the network even learns. But something is wrong with the angles. Repair it. Then the next cell measures what the bug does.


# %% id="exercise-5-answer" tags=["exercise"]
def training_batch(x0, u, eps):
    """Give the noisy images, one angle for each image (b,), and the targets, for x0 (b, c, height, width)."""
    theta = (u[0] * math.pi / 2).expand(len(u))  ## solution:     theta = u * math.pi / 2
    cos, sin = theta.cos()[:, None, None, None], theta.sin()[:, None, None, None]
    return cos * x0 + sin * eps, theta, cos * eps - sin * x0


check("07.5", training_batch)

# %% id="jumps-measured"
# How much does the loss of network B jump from batch to batch?
each, one = figures.jumps(net_b, many, 20 if fast() else 200)
print(f"standard deviation of the loss: {each:.3f} (an angle for each), {one:.3f} (one for all)")

# %% [markdown] id="exercise-3"
# ## 4. The average of the weights
#
# The batches are random, so the weights jump a little at each step. A second copy of the weights is calmer: their **exponential moving average** (EMA). At each step the average keeps the fraction $d$ of itself and takes the rest from the new weights. Samples are drawn with the average. The average begins with random weights, and it should forget them soon. So $d$ is small at first; this is the **warm-up**:
#
# $$d = \min\!\left(\text{decay},\; \frac{1 + \text{step}}{10 + \text{step}}\right).$$
#
# ### Exercise 07.3: a moving average (one blank)


# %% id="exercise-3-answer" tags=["exercise"]
def ema(average, weight, step, decay):
    """Pull the average a little towards the weight; step counts from 0."""
    d = min(decay, (1 + step) / (10 + step))  # how much of the average is kept
    # BEGIN SOLUTION
    return d * average + (1 - d) * weight
    # END SOLUTION
    # STUDENT return ...


check("07.3", ema)

# %% id="ema-by-hand"
a, b = figures.PointNetwork(seed=1), figures.PointNetwork(seed=2)
if passed("07.3"):
    by_hand = ema(a.mlp.out.weight.detach().clone(), b.mlp.out.weight.detach(), 3, 0.9999)
    update_ema(a, b, 3, 0.9999)  # the library's EMA, of all weights at once
    assert torch.allclose(by_hand, a.mlp.out.weight, atol=1e-6)
figure, without, with_it = figures.forgotten(0.9999, 5000)
figure

# %% id="predicted-1"
predicted("07.p1", f"{without:.0%} without a warm-up, practically nothing ({with_it:.0e}) with it")

# %% [markdown] id="experiment"
# ## 5. Experiment: with and without warm-up
#
# The cell trains again and averages the weights. First run it as it is. Then set `warm_up = True`. Then try `decay = 0.99`, with and without the warm-up: does it still need one? In the explorer you can watch points while a network learns: [spirals, 15 seconds](app:Playground_2D?points.points=spirals&points.seconds=15).

# %% id="warm-up"
decay, warm_up = 0.9999, False  # change these two

update = ema if passed("07.3") else figures.ema
net, average = figures.averaged(update, many, steps, decay, warm_up)
sets = {"real": points[2500:], "weights": figures.sampled(net), "average": figures.sampled(average)}
figures.clouds(sets, fresh=points[2000:2500])

# %% [markdown] id="takeaways"
# ## Takeaways
#
# - **Training**: Ho et al. 2020, algorithm 1, with one timestep for each image. **v-prediction** with angles: Salimans & Ho 2022, appendix D.
# - **A loss needs a baseline**: compare it with the loss of doing nothing, for the same prediction type and the same images.
# - **Held-out images** show learning by heart; the training loss does not.
# - **EMA** of the weights: Ho et al. 2020, appendix B. The warm-up is in the code of Song et al. 2021 (score-based SDE). The average helps only when it has forgotten its random start.
# - Most of the loss is noise that nobody can predict: on the new points network B has 0.457, and an exact denoiser (lesson 2) that knows 20,000 such points has 0.454. So look at samples, too.

# %% [markdown] id="quiz"
# ## Quiz
#
# {question 07.q1}
#
# {question 07.q2}
#
# {question 07.q3}
#
# {question 07.q4}
#
# {question 07.q5}
#
# {question 07.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("07.q1", ...)  ## solution: quiz("07.q1", "c")

# %% id="quiz-2" tags=["exercise"]
quiz("07.q2", ...)  ## solution: quiz("07.q2", "b")

# %% id="quiz-3" tags=["exercise"]
quiz("07.q3", ...)  ## solution: quiz("07.q3", "a")

# %% id="quiz-4" tags=["exercise"]
quiz("07.q4", ...)  ## solution: quiz("07.q4", "b")

# %% id="quiz-5" tags=["exercise"]
quiz("07.q5", ...)  ## solution: quiz("07.q5", "c")

# %% id="quiz-6" tags=["exercise"]
quiz("07.q6", ...)  ## solution: quiz("07.q6", "a")

# %% id="report"
report()
