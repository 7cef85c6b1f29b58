# %% [markdown] id="title"
# # 9 · Classes and guidance
#
# So far the model decided what it generates. Now **you** ask for a class, with a label, and you decide how much the label counts. At the end you can
#
# - say how one network learns to predict with a label and without one;
# - write classifier-free guidance in one line, and translate between the two conventions of its scale;
# - say what a high guidance scale gives, what it takes away, and what it costs.
#
# **You need** [lesson 2](02_denoising_once.ipynb) and [lesson 5](05_ddim_and_fast_solvers.ipynb). **Time:** 55 minutes. **In the explorer:** the page [Guidance](app:Guidance).

# %% id="setup"
import torch
from diffusion_edu.checkpoints import load
from diffusion_edu.denoisers import exact_gaussian, exact_mixture
from diffusion_edu.denoisers import guided as library_guided
from diffusion_edu.generation import Preset, generate
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start
from diffusion_edu.lessons.figures import lesson_09 as figures
from diffusion_edu.schedules import cosine

start("09")

# %% [markdown] id="recall"
# ## Recall
#
# Put a letter in place of the dots, in quotes, and run the cell.
#
# {question 09.r1}
#
# {question 09.r2}

# %% id="recall-1" tags=["exercise"]
quiz("09.r1", ...)  ## solution: quiz("09.r1", "b")

# %% id="recall-2" tags=["exercise"]
quiz("09.r2", ...)  ## solution: quiz("09.r2", "a")

# %% [markdown] id="predict"
# ## Predict
#
# Decide before you know, and write one reason. You meet both predictions again below.
#
# {question 09.p1}
#
# {question 09.p2}

# %% id="predict-1" tags=["exercise"]
predict("09.p1", ..., because=...)  ## solution: predict("09.p1", "b", because="it goes too far")

# %% id="predict-2" tags=["exercise"]
predict("09.p2", ..., because=...)  ## solution: predict("09.p2", "c", because="variety counts, too")

# %% [markdown] id="labels"
# ## 1. A label is one more input
#
# `flowers_attention` knows 102 classes of flowers. Its inputs are the noisy image, the timestep and a **label**, a whole number from 0 to 101. The network has learned one vector for each label. It adds this vector to the time embedding (lesson 6).
#
# Label 102 is the **null label**. It means "no class is given". The prediction with a class is called **conditional**, the one with the null label **unconditional**.

# %% id="labels-figure"
model = load("flowers_attention")
null = len(model.card.classes)
seeds = [1, 2, 3] if fast() else [1, 2, 3, 4, 5]


def flowers(label, scale):
    preset = Preset(sampler="DDIM", steps=4 if fast() else 10, schedule="linear", guidance_scale=scale)
    return list(generate(model, preset, seeds, [label] * len(seeds)))[-1].x


names = ["sunflower", "water lily"] if fast() else ["sunflower", "water lily", "fire lily"]
by_class = {"null label": flowers(null, 1)} | {
    name: flowers(model.card.label(name), 1) for name in names
}
figures.flowers(
    by_class, seeds, "Each column starts from the same noise. Only the label changes from row to row."
)

# %% [markdown] id="exercise-1"
# ### Exercise 09.1: drop labels for training (free)
#
# How does one network learn both predictions? In training, some of the images lose their label: the null label takes its place. For these images the network must do without a class. `fraction` is the part of the images that lose their label, for example 0.1. `u` holds one random number between 0 and 1 for each image: an image loses its label if its number is below `fraction`. Return the new labels.


# %% id="exercise-1-answer" tags=["exercise"]
def drop_labels(labels, null, fraction, u):
    """Return labels (b,), with the null label in place of label k where u[k] < fraction; u is (b,)."""
    # BEGIN SOLUTION
    return torch.where(u < fraction, null, labels)
    # END SOLUTION
    # STUDENT ...


check("09.1", drop_labels)

# %% [markdown] id="line"
# ## 2. A line through two predictions
#
# Now the numbers of your first prediction: two classes around $-1$ and $+1$. Both exact denoisers are known here. The unconditional prediction $\hat x_0$ is a mean over both classes, the conditional one a mean over class $+1$ only.
#
# **Classifier-free guidance** draws a straight line through these two predictions. It starts at the unconditional prediction and goes in the direction of the conditional one. The **guidance scale** says how far: 0 stays at the start, 1 arrives at the conditional prediction, 2 goes twice as far. Look at the numbers for one noisy $x$.

# %% id="by-hand"
schedule = cosine(1000)
minus, plus = (exact_gaussian(mean, 0.5, schedule) for mean in (-1.0, 1.0))
both = exact_mixture(
    torch.tensor([[-1.0], [1.0]]), torch.tensor([0.5, 0.5]), torch.tensor([0.5, 0.5]), schedule
)

x, t = torch.tensor([[0.2]]), 600
unconditional, conditional = both(x, t), plus(x, t)
print(f"x = {x.item()} at t = {t}")
print(f"unconditional {unconditional.item():.2f}, conditional {conditional.item():.2f}")
for scale in (0, 1, 2, 4):
    print(f"guidance scale {scale}: {library_guided(plus, both, scale)(x, t).item():.2f}")

# %% [markdown] id="exercise-2"
# ### Exercise 09.2: guide one prediction by the other (one blank)
#
# Write the line. It must give the four numbers above, and any scale is allowed, such as 0.5 or 7.5.


# %% id="exercise-2-answer" tags=["exercise"]
def guide(unconditional, conditional, scale):
    """Return the guided prediction, shaped like both predictions (b, ...); scale is a number."""
    # BEGIN SOLUTION
    return unconditional + scale * (conditional - unconditional)
    # END SOLUTION
    # STUDENT return unconditional + ...


check("09.2", guide)

# %% id="scales-figure"
mine = guide if passed("09.2") else torch.lerp  # until yours is right: PyTorch's straight line
assert torch.allclose(mine(unconditional, conditional, 4), library_guided(plus, both, 4)(x, t))


def guided(scale, other=both, wanted=plus):
    return figures.sample_numbers(lambda x, t: mine(other(x, t), wanted(x, t), scale), schedule)


by_scale = {f"scale {scale}": guided(scale) for scale in (1, 2, 4, 8)}
figures.densities({"no guidance, no label": figures.sample_numbers(both, schedule)} | by_scale)

# %% id="predicted-1"
mean, std = by_scale["scale 4"].mean().item(), by_scale["scale 4"].std().item()
assert abs(mean - 1.68) < 0.02 and abs(std - 0.28) < 0.02
predicted(
    "09.p1",
    f"mean {mean:.2f}, standard deviation {std:.2f}; "
    f"at scale 8 the mean is {by_scale['scale 8'].mean():.2f}.",
)

# %% [markdown] id="exercise-3"
# At scale 1 the samples follow the class. Above 1 they do **not** follow it any more. It is often claimed that scale 4 samples the "sharpened" distribution, proportional to $p(x)\,p(c \mid x)^4$. It does not: that one has mean 1.06. No set of numbers has the guided predictions as its exact denoiser. At timestep $T$ the guided prediction is 4, so the mean of such a set would have to be 4; our samples have mean 1.7.
#
# ### Exercise 09.3: two conventions (free)
#
# The authors of guidance, Ho & Salimans (2022, equation 6), do not use our scale. They use a **weight** $w$ and the predicted noise $\hat\varepsilon$ (guidance works with it in the same way): $(1 + w)\,\hat\varepsilon^{\text{conditional}} - w\,\hat\varepsilon^{\text{unconditional}}$. Compare this with your line of exercise 2: which scale belongs to the weight $w$? Most software, ours and diffusers, uses the scale.


# %% id="exercise-3-answer" tags=["exercise"]
def scale_of(w):
    """Return the guidance scale that belongs to the weight w of the paper."""
    # BEGIN SOLUTION
    return 1 + w
    # END SOLUTION
    # STUDENT ...


check("09.3", scale_of)

# %% [markdown] id="exercise-4"
# ### Exercise 09.4: guide at some timesteps only (free)
#
# Guidance is not needed at every timestep (Kynkäänniemi et al. 2024). Guide (with your `guide`) only where `low <= t <= high`. At all other timesteps return the **conditional** prediction as it is: there one network evaluation is enough.


# %% id="exercise-4-answer" tags=["exercise"]
def guide_between(unconditional, conditional, scale, t, low, high):
    """Return the guided prediction if low <= t <= high, otherwise the conditional one."""
    # BEGIN SOLUTION
    if low <= t <= high:
        return guide(unconditional, conditional, scale)
    return conditional
    # END SOLUTION
    # STUDENT ...


check("09.4", guide_between)


# %% id="intervals"
def between(u, c, scale, t, low, high):
    return mine(u, c, scale) if low <= t <= high else c


chosen, means = guide_between if passed("09.4") and passed("09.2") else between, {}
for low, high in ((0, 1000), (400, 1000), (0, 400)):

    def denoise(x, t, low=low, high=high):
        return chosen(both(x, t), plus(x, t), 4, t, low, high)

    means[low, high] = figures.sample_numbers(denoise, schedule).mean().item()
    evaluations = sum(2 if low <= t <= high else 1 for t in range(20, 1001, 20))
    print(
        f"guided from t = {low} to {high}: mean {means[low, high]:.2f}, {evaluations} evaluations in 50 steps"
    )
assert means[0, 1000] - means[400, 1000] < 0.02 < 0.5 < means[0, 1000] - means[0, 400]

# %% [markdown] id="exercise-5"
# With these numbers, guidance has nearly all of its effect at high timesteps. At low ones the class is clear already, and both predictions nearly agree.
#
# ### Exercise 09.5: find the bug
#
# This function makes both predictions in one call: `net` gets all images twice, and one label for each image. (`torch.lerp` is the straight line of exercise 2.) The function runs without an error. But guidance has no effect on class 0, and it pushes all other classes away from class 0. Find the line, and repair it.


# %% id="exercise-5-answer" tags=["exercise"]
def denoise_both(net, x, labels, null, scale):
    """Guide the predictions for images x (b, c, h, w) with labels (b,); call net once."""
    # BEGIN SOLUTION
    nothing = torch.full_like(labels, null)
    # END SOLUTION
    # STUDENT nothing = torch.zeros_like(labels)  # no label
    both = net(torch.cat([x, x]), torch.cat([nothing, labels]))
    unconditional, conditional = both.chunk(2)
    return torch.lerp(unconditional, conditional, scale)


check("09.5", denoise_both)

# %% id="bug-in-numbers"
right = guided(4).mean().item()
with_class_0 = guided(4, other=minus).mean().item()
itself = guided(4, other=minus, wanted=minus)
assert abs(with_class_0 - 7.0) < 0.05 and abs(itself.std() - 0.5) < 0.02
print("The bug in numbers, at scale 4. Class -1 stands for the null label.")
print(f"class +1: mean {with_class_0:.2f} instead of {right:.2f}")
print(f"class -1: mean {itself.mean():.2f}, standard deviation {itself.std():.2f}: no guidance")

# %% [markdown] id="exercise-6"
# ### Exercise 09.6: what guidance costs (optional)
#
# How many network evaluations does one image need (NFE, lesson 5)? At two scales one of the two predictions has no effect, so one evaluation in each step is enough. All other scales need both.


# %% id="exercise-6-answer" tags=["exercise"]
def nfe(steps, scale):
    """Return the NFE of one image; without guidance the sampler needs one a step."""
    # BEGIN SOLUTION
    return steps if scale in (0, 1) else 2 * steps
    # END SOLUTION
    # STUDENT ...


check("09.6", nfe)

# %% [markdown] id="experiment"
# ## 3. An experiment: flowers at several scales
#
# Choose another class or other scales, and run the cell again. Look for three things. At which scale is the class clear? At which scale are the images of a row much alike? At which scale are the colours too strong? In the explorer: [six scales for the water lily](app:Guidance?guidance.class_name=water+lily&guidance.images=3), with class accuracy and diversity; press *Generate*.

# %% id="experiment-figure"
name = "sunflower"  # the knob: any of model.card.classes
scales = (0, 2, 8) if fast() else (0, 1, 2, 4, 8)

by_scale = {f"scale {scale}": flowers(model.card.label(name), scale) for scale in scales}
figures.flowers(
    by_scale, seeds, f"{name}: the same noise at several guidance scales. Scale 0 ignores the label."
)

# %% id="predicted-2"
low, high = (
    next(row for row in model.card.scores["by_guidance"] if row["guidance_scale"] == s) for s in (1, 3)
)
assert low["FD"] < 1.1 and high["FD"] > 2.5 and high["diversity"] < 0.7 < low["diversity"]
predicted(
    "09.p2",
    f"FD rises from {low['FD']:.2f} to {high['FD']:.2f} (1,000 samples each). The diversity, relative to "
    f"real photographs, falls from {low['diversity']:.0%} to {high['diversity']:.0%}.",
)

# %% [markdown] id="takeaways"
# ## Takeaways
#
# - A conditional network gets the label as one more input. Dropping some labels in training teaches it the unconditional prediction (Ho & Salimans 2022, algorithm 1).
# - Guidance goes from the unconditional to the conditional prediction, and on: $\hat x_0 = \hat x_0^{\text{unconditional}} + \text{scale} \cdot (\hat x_0^{\text{conditional}} - \hat x_0^{\text{unconditional}})$. For predicted noise or v it is the same line.
# - The scale of diffusers and of this project is $1 + w$, with the $w$ of Ho & Salimans (equation 6). Imagen writes the scale, and calls it $w$ (Saharia et al. 2022, equation 2).
# - More guidance: clearer class, less variety, and from scale 2 on a larger FD. Every scale except 0 and 1 costs twice as much. Before it there was classifier guidance, with a second network (Dhariwal & Nichol 2021, algorithm 1).
# - Clip after guiding, never before: with our numbers, clipped to $[-1, 1]$ before, all samples end at exactly 1.
# - Guidance is not needed at every timestep (Kynkäänniemi et al. 2024).
#
# **Next:** [lesson 10](10_editing_and_cascades.ipynb) changes images that are there already.

# %% [markdown] id="quiz"
# ## Quiz
#
# Every letter has a reply: try the wrong ones too.
#
# {question 09.q1}
#
# {question 09.q2}
#
# {question 09.q3}
#
# {question 09.q4}
#
# {question 09.q5}
#
# {question 09.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("09.q1", ...)  ## solution: quiz("09.q1", "c")

# %% id="quiz-2" tags=["exercise"]
quiz("09.q2", ...)  ## solution: quiz("09.q2", "a")

# %% id="quiz-3" tags=["exercise"]
quiz("09.q3", ...)  ## solution: quiz("09.q3", "b")

# %% id="quiz-4" tags=["exercise"]
quiz("09.q4", ...)  ## solution: quiz("09.q4", "a")

# %% id="quiz-5" tags=["exercise"]
quiz("09.q5", ...)  ## solution: quiz("09.q5", "c")

# %% id="quiz-6" tags=["exercise"]
quiz("09.q6", ...)  ## solution: quiz("09.q6", "b")

# %% id="report"
report()
