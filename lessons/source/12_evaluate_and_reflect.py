# %% [markdown] id="title"
# # 12 · Evaluate and reflect
#
# Is the model good? One number is easy to find and easy to fool. At the end you can
#
# - compute a Fréchet distance, and say what it sees and what it does not see;
# - give every score a floor, a baseline and a band, and find copied training images;
# - say where a model's bias, data and energy come from, with numbers.
#
# You need [lesson 1](01_adding_noise.ipynb), [lesson 9](09_classes_and_guidance.ipynb) and [lesson 11](11_latents_and_text.ipynb), and the idea of a covariance. It takes **55 minutes**.
#
# The page of the explorer: [Evaluate and debug](app:Evaluate_and_debug). Its first tab shows all scores of our models.

# %% id="setup"
from diffusion_edu.lessons import check, fast, predict, predicted, quiz, report, start

start("12")

# %% [markdown] id="recall"
# ## Recall
#
# {question 12.r1}
#
# {question 12.r2}

# %% id="recall-1" tags=["exercise"]
quiz("12.r1", ...)  ## solution: quiz("12.r1", "b")

# %% id="recall-2" tags=["exercise"]
quiz("12.r2", ...)  ## solution: quiz("12.r2", "a")

# %% [markdown] id="predict"
# ## Predict (3 min)
#
# The **Fréchet distance** (FD) compares two sets: 0 means that their means and covariances are equal, and a larger number means that they differ more.
#
# {question 12.p1}
#
# {question 12.p2}

# %% id="predict-1" tags=["exercise"]
predict("12.p1", ..., because=...)  ## solution: predict("12.p1", "a", because="the sets are equal")

# %% id="predict-2" tags=["exercise"]
predict("12.p2", ..., because=...)  ## solution: predict("12.p2", "b", because="copies are near")

# %% [markdown] id="scores"
# ## 1. Never a number alone (6 min)
#
# To compare images, a trained classifier, the **feature network**, turns each image into a row of numbers, its **features**. Then the rows of both sets are compared. With the Inception network this is called FID (Heusel et al. 2017). Ours is smaller and knows flowers, so we say FD. Distances with different networks cannot be compared.
#
# Is FD 2 good? A **floor** tells: real images against other real images. A **baseline** tells, too: pure noise.

# %% id="scores-look"
import torch
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_images
from diffusion_edu.evaluation import distances
from diffusion_edu.evaluation.report import Reference, pure_noise
from diffusion_edu.lessons import passed
from diffusion_edu.lessons.figures import lesson_12 as figures

samples = load_images(PRETRAINED / "flower_samples.parquet", size=64).images[: 256 if fast() else 1024]
noise = pure_noise(len(samples), 64)
real = Reference.load(PRETRAINED / "flower_reference.npz")  # mean and covariance of 8,189 photographs
figures.sheet(samples, noise, real)

# %% [markdown] id="exercise-1"
# ## 2. The distance by hand (14 min)
#
# ### Exercise 12.1: for numbers
#
# Let each image have one feature only. Describe each set by its mean and its standard deviation, as if it were a normal distribution. The distance is the squared difference of the means plus the squared difference of the standard deviations. (Divide by $n - 1$ in the standard deviation, as `torch.std` does.)


# %% id="exercise-1-answer" tags=["exercise"]
def frechet_1d(real, fake):
    """Return the Fréchet distance of two sets of numbers, (n,) and (m,)."""
    # BEGIN SOLUTION
    return (real.mean() - fake.mean()) ** 2 + (real.std() - fake.std()) ** 2
    # END SOLUTION
    # STUDENT ...


check("12.1", frechet_1d)

# %% [markdown] id="exercise-2"
# ### Exercise 12.2: for features
#
# With many features, the standard deviation becomes a covariance matrix $C$ (Heusel et al. 2017, equation 6):
#
# $$\text{FD} = |\mu_1 - \mu_2|^2 + \text{trace}\!\left(C_1 + C_2 - 2 \, (C_1 C_2)^{1/2}\right) .$$
#
# The root is a **matrix root**: multiplied by itself, it gives the matrix. You need only its trace, and this is the sum of the roots of the eigenvalues of $C_1 C_2$. `torch.linalg.eigvals` gives complex numbers; their real parts are never negative, except for rounding.


# %% id="exercise-2-answer" tags=["exercise"]
def frechet(real, fake):
    """Return the Fréchet distance of two sets of features, (n, d) and (m, d)."""
    # BEGIN SOLUTION
    one, other = torch.cov(real.T), torch.cov(fake.T)
    roots = torch.linalg.eigvals(one @ other).real.clamp(min=0).sqrt()
    return (real.mean(0) - fake.mean(0)).square().sum() + (one + other).trace() - 2 * roots.sum()
    # END SOLUTION
    # STUDENT ...


check("12.2", frechet)

# %% [markdown] id="by-hand"
# Does the library return the same? It calls `torchmetrics`. If your answer is right, the next cell compares both on features of flowers. Then it measures what you predicted.

# %% id="predicted-1"
half = figures.features(samples).chunk(2)
if passed("12.2"):
    assert abs(frechet(*half) - distances.frechet(*half)) < 1e-3 * distances.frechet(*half)

few, many = (figures.same_distribution(count) for count in (100, 2000))
assert 21 < few < 24 and 1 < many < 1.3
display(figures.few_samples())
predicted("12.p1", f"Two sets of 100 rows: {few:.1f}. Two sets of 2,000 rows: {many:.1f}.")

# %% [markdown] id="exercise-3"
# ## 3. Few samples, copies, bands (12 min)
#
# With few samples FD is too large for every model (Chong & Forsyth 2020). So compare models with the same number of samples. The kernel distance KID is right on average with any number (Bińkowski et al. 2018).
#
# ### Exercise 12.3: memorised samples
#
# A copy is much nearer to one training image than to all others. Call a sample **memorised** if its nearest real row is nearer than a third of the distance to the second nearest (Yoon et al. 2023). `torch.cdist` gives all distances.


# %% id="exercise-3-answer" tags=["exercise"]
def memorised(fake, real):
    """Return the fraction of the rows of fake (n, d) that are memorised; real (m, d) are the training rows."""
    # BEGIN SOLUTION
    nearest = torch.cdist(fake, real).topk(2, dim=1, largest=False).values
    return (nearest[:, 0] < nearest[:, 1] / 3).double().mean()
    # END SOLUTION
    # STUDENT ...


check("12.3", memorised)

# %% id="predicted-2"
training, honest = samples.chunk(2)
cheater = figures.noised(training)
found = memorised if passed("12.3") else figures.fraction_memorised
figure, of_cheater, of_honest = figures.two_models(training, cheater, honest, found)
assert of_cheater < 0.1 * of_honest
display(figure)
predicted("12.p2", f"FD of the cheater: {of_cheater:.3f}. FD of the honest model: {of_honest:.2f}.")

# %% [markdown] id="exercise-4"
# ### Exercise 12.4: the band of a score (one blank)
#
# How much does a score change with the luck of the samples? Take the samples again and again, each time with replacement: some come twice, some not at all (bootstrap, Efron 1979). The standard deviation of the scores is the **band**. Our attention U-Net has FD 1.23 ± 0.06 and the simple U-Net 1.61 ± 0.09: this difference is larger than the bands. Fill in the standard deviation, with $n - 1$.


# %% id="exercise-4-answer" tags=["exercise"]
def band(score, fake, draws):
    """Return mean and standard deviation of score(fake[rows]) over the draws (k, n), each a row of indices."""
    scores = torch.stack([score(fake[rows]) for rows in draws])
    mean = scores.mean()
    # BEGIN SOLUTION
    deviation = scores.std()
    # END SOLUTION
    # STUDENT deviation = ...
    return mean, deviation


check("12.4", band)

# %% [markdown] id="exercise-5"
# ### Exercise 12.5: a distance that is always large (find the bug)
#
# A student compares good samples with real images, and the distance is large for every model. `features` expects images in $[-1, 1]$. The samples have this range, the real images are bytes. What goes into `features`?


# %% id="exercise-5-answer" tags=["exercise"]
def score_images(fake, real, features):
    """Return the distance of samples in [-1, 1] to real images uint8; features turns images into (n,) numbers."""
    # BEGIN SOLUTION
    real = real.double() / 127.5 - 1
    # END SOLUTION
    # STUDENT real = real.double() / 255
    one, other = features(real), features(fake)
    return (one.mean() - other.mean()) ** 2 + (one.std() - other.std()) ** 2


check("12.5", score_images)

# %% [markdown] id="bias"
# ## 4. Reflect: who, whose, how much? (14 min)
#
# **Bias.** `faces` was trained on 9,000 images of CelebA (Liu et al. 2015). Of the 1,299 blond people in it, 68 are labelled "male": 5 %. All labels are one person's judgement at a glance. In training, faces with a rare attribute came up to six times as often. So the samples follow neither the world nor the data set: **every fraction is somebody's decision.** The experiment asks for one attribute. Predict the fraction of men first, then change the attribute. Is the interval narrow enough for your conclusion?
#
# **Consent.** CelebA holds 202,599 photos of 10,177 celebrities, collected from the web. They were not asked. It is for non-commercial research only, and so are models that learned from it. A model can also give back what it learned: over a thousand training images were extracted from large models, photos of private persons among them (Carlini et al. 2023).
#
# Look at more samples in the explorer, with their nearest images: [64 of our samples](app:Evaluate_and_debug?evaluate.tab=Samples&evaluate.samples_count=64).

# %% id="experiment"
attribute = "blond hair"  # the knob: also "wearing earrings", "wearing hat", "eyeglasses" or "gray hair"

faces, seconds = figures.faces_with(attribute, 8 if fast() else 32)
figures.men_among(faces, attribute)

# %% [markdown] id="energy"
# **Energy.** Power times time. The time is measured, the power is an assumption: two cores of a processor take about 30 watts. For comparison: the card of Stable Diffusion 1 names 150,000 hours on a GPU that takes up to 250 watts. And in a test of several large models, 1,000 images took 2.9 kWh on average (Luccioni et al. 2024). How many samples cost as much as the training?

# %% id="energy-numbers"
watts = 30  # an assumption: change it

minutes = load("flowers_attention").card.training["minutes"]
ours, theirs = watts * minutes / 60 / 1000, 250 * 150_000 / 1000
sample = watts * seconds / 3600 / 1000
print(f"training of our flowers: {ours:.3f} kWh in {minutes:.0f} minutes")
print(f"training of Stable Diffusion 1: about {theirs:,.0f} kWh, {theirs / ours:,.0f} times as much")
print(
    f"one face above: {sample * 3_600_000:.1f} joules; {ours / sample:,.0f} of them cost as much as the training"
)

# %% [markdown] id="quiz"
# ## Takeaways
#
# - FD compares means and covariances of features (Heusel et al. 2017, equation 6). It needs a floor, a baseline, a band and the number of samples.
# - With few samples every FD is too large (Chong & Forsyth 2020); KID is right on average (Bińkowski et al. 2018).
# - Both sets need the same preparation: range, resize, file format (Parmar et al. 2022).
# - Copies have the best FD: count the memorised samples, too.
# - "Not selected" can be checked with the seeds.
# - A model card (Mitchell et al. 2019) says what the data are, whom they show, and what the model must not be used for.
#
# ## Quiz (5 min)
#
# {question 12.q1}
#
# {question 12.q2}
#
# {question 12.q3}
#
# {question 12.q4}
#
# {question 12.q5}
#
# {question 12.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("12.q1", ...)  ## solution: quiz("12.q1", "a")

# %% id="quiz-2" tags=["exercise"]
quiz("12.q2", ...)  ## solution: quiz("12.q2", "c")

# %% id="quiz-3" tags=["exercise"]
quiz("12.q3", ...)  ## solution: quiz("12.q3", "c")

# %% id="quiz-4" tags=["exercise"]
quiz("12.q4", ...)  ## solution: quiz("12.q4", "a")

# %% id="quiz-5" tags=["exercise"]
quiz("12.q5", ...)  ## solution: quiz("12.q5", "b")

# %% id="quiz-6" tags=["exercise"]
quiz("12.q6", ...)  ## solution: quiz("12.q6", "a")

# %% id="report"
report()
