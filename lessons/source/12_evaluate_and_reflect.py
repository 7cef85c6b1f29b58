# %% [markdown] id="title"
# # 12 · Evaluate and reflect
#
# Is the model good? One number is easy to find and easy to fool. At the end you can
#
# - compute a Fréchet distance, and say what it sees and what it does not see;
# - compare a score with real images and with noise, say how exact it is, and find copied training images;
# - say with numbers where a model's bias and data come from, and how much energy it takes.
#
# **You need** [lesson 1](01_adding_noise.ipynb), [lesson 9](09_classes_and_guidance.ipynb), [lesson 11](11_latents_and_text.ipynb) and the idea of a covariance. **Time:** 55 minutes. **In the explorer:** the page [Evaluate and debug](app:Evaluate_and_debug). Its first tab shows all scores of our models.

# %% id="setup"
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start

start("12")

# %% [markdown] id="recall"
# ## Recall (3 min)
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
# A trained classifier, the **feature network**, turns each image into a row of numbers, its **features**. Then the FD of two sets of rows is computed. With the Inception network as feature network it is called FID (Heusel et al. 2017). Our network is smaller and knows only flowers, so we say FD. Distances from different networks cannot be compared.
#
# Is FD 2 good? Two other numbers help. The **floor** is the FD of real images to other real images: no model can be expected to do better. The **baseline** is the FD of pure noise. The samples below come from `flowers_attention`.

# %% id="scores-look"
import torch
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_images
from diffusion_edu.evaluation import distances
from diffusion_edu.evaluation.report import Reference, pure_noise
from diffusion_edu.lessons.figures import lesson_12 as figures

samples = load_images(PRETRAINED / "flower_samples.parquet", size=64).images[: 256 if fast() else 1024]
noise = pure_noise(len(samples), 64)
real = Reference.load(PRETRAINED / "flower_reference.npz")  # mean and covariance of 8,189 photographs
figures.sheet(samples, noise, real)

# %% [markdown] id="exercise-1"
# ## 2. The distance by hand (14 min)
#
# ### Exercise 12.1: the distance of numbers (free)
#
# Let each image have only one feature. Then a set of images is a set of numbers. Describe each set by its mean and its standard deviation, as if it were a normal distribution. The distance is the squared difference of the means plus the squared difference of the standard deviations. (Divide by $n - 1$ in the standard deviation, as `torch.std` does.)


# %% id="exercise-1-answer" tags=["exercise"]
def frechet_1d(real, fake):
    """Return the Fréchet distance of two sets of numbers, (n,) and (m,)."""
    # BEGIN SOLUTION
    return (real.mean() - fake.mean()) ** 2 + (real.std() - fake.std()) ** 2
    # END SOLUTION
    # STUDENT ...


check("12.1", frechet_1d)

# %% [markdown] id="exercise-2"
# ### Exercise 12.2: the distance of features (free)
#
# With $d$ features, the mean of a set is a vector $\mu$, and a covariance matrix $C$ takes the place of the variance (Heusel et al. 2017, equation 6):
#
# $$\text{FD} = |\mu_1 - \mu_2|^2 + \text{trace}\!\left(C_1 + C_2 - 2 \, (C_1 C_2)^{1/2}\right) .$$
#
# The **trace** is the sum of the diagonal. The root is a **matrix root**: multiplied by itself, it gives the matrix. You need only its trace. It is the sum of the square roots of the eigenvalues of $C_1 C_2$. `torch.cov` wants one feature in each row. `torch.linalg.eigvals` returns complex numbers: take the real parts. Rounding can make them slightly negative.


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
# With few samples FD is too large for every model (Chong & Forsyth 2020). So compare models with the same number of samples. Another distance, the kernel distance **KID**, is right on average with any number of samples (Bińkowski et al. 2018).
#
# ### Exercise 12.3: memorised samples (free)
#
# A copy is much nearer to one training image than to all others. Call a sample **memorised** if the distance to the nearest training row is less than a third of the distance to the second nearest one (Yoon et al. 2023). `torch.cdist` gives all distances.
#
# The cell after the exercise measures your second prediction. This course contains no photographs, so one half of our generated flowers plays the training images, and the other half plays the honest model.


# %% id="exercise-3-answer" tags=["exercise"]
def memorised(fake, real):
    """Return the fraction of memorised rows in fake (n, d); real (m, d) are the training rows."""
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
# Other seeds give other samples and another score. How large is the difference? Choose $n$ of the $n$ samples by chance, so that some come twice and some not at all. Compute the score, and repeat this many times (bootstrap, Efron 1979). The standard deviation of these scores is the **band**. For example, with 2,000 samples each, our attention U-Net has FD 1.23 ± 0.06 and the simple U-Net 1.61 ± 0.09: the difference is larger than the bands. Fill in the standard deviation. Of $k$ scores, it divides by $k - 1$.


# %% id="exercise-4-answer" tags=["exercise"]
def band(score, fake, draws):
    """Mean and standard deviation of score(fake[rows]); each rows in draws (k, n) holds indices."""
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
# A student compares samples with real images. The distance is large for every model, even for a good one. `features` expects images in $[-1, 1]$. The samples have this range, but the real images are bytes from 0 to 255. Which range do they have when they go into `features`?


# %% id="exercise-5-answer" tags=["exercise"]
def score_images(fake, real, features):
    """Distance of samples in [-1, 1] to real uint8 images; features turns images into (n,) numbers."""
    # BEGIN SOLUTION
    real = real.double() / 127.5 - 1
    # END SOLUTION
    # STUDENT real = real.double() / 255
    one, other = features(real), features(fake)
    return (one.mean() - other.mean()) ** 2 + (one.std() - other.std()) ** 2


check("12.5", score_images)

# %% [markdown] id="bias"
# ## 4. Reflect: who, whose, how much? (12 min)
#
# **Bias.** `faces` was trained on 9,000 images of CelebA (Liu et al. 2015). Of the 1,299 blond people in it, 68 are labelled "male": 5 %. A labelling company chose the labels by looking at the photos. We trained on faces with a rare attribute up to six times as often. So the samples follow neither the world nor the data set: **every fraction is somebody's decision.** The experiment asks for one attribute. First write down which fraction of men you expect, then run the cell. Then change the attribute. The caption gives an interval, because 32 samples are few. Is it narrow enough for your conclusion?
#
# **Consent.** CelebA holds 202,599 photos of 10,177 celebrities, collected from the web. Its authors do not say that anybody asked them. CelebA is for non-commercial research only, and we treat our model `faces` in the same way. A model can also return what it learned: over a thousand training images were extracted from large models, among them photos of individual persons (Carlini et al. 2023).
#
# Look at more samples in the explorer, with their nearest images: [64 of our samples](app:Evaluate_and_debug?evaluate.tab=Samples&evaluate.samples_count=64).

# %% id="experiment"
attribute = "blond hair"  # the knob: also "wearing earrings", "wearing hat", "eyeglasses" or "gray hair"

faces, seconds = figures.faces_with(attribute, 8 if fast() else 32)
figures.men_among(faces, attribute)

# %% [markdown] id="energy"
# **Energy** is power times time. We measured the time. The power is an assumption: two cores of a processor take about 30 watts. `faces` was trained in two parts, first on flowers, then on faces. For comparison: the model card of Stable Diffusion 1 names 150,000 hours on a GPU that takes up to 250 watts. In a test of several large models, 1,000 images took 2.9 kWh on average (Luccioni et al. 2024). How many samples cost as much as the training?

# %% id="energy-numbers"
watts = 30  # an assumption: change it

minutes = sum(load(name).card.training["minutes"] for name in ("flowers_attention", "faces"))
ours, theirs = watts * minutes / 60 / 1000, 250 * 150_000 / 1000
sample = watts * seconds / 3600 / 1000
print(f"training of `faces`: {ours:.3f} kWh in {minutes:.0f} minutes")
print(f"training of Stable Diffusion 1: about {theirs:,.0f} kWh, {theirs / ours:,.0f} times as much")
print(f"one face above, on this computer: {sample * 3_600_000:.1f} joules")
print(f"{ours / sample:,.0f} of them cost as much as the training of `faces`")

# %% [markdown] id="quiz"
# ## Takeaways
#
# - FD compares means and covariances of features (Heusel et al. 2017, equation 6). Give it together with a floor, a baseline, a band and the number of samples.
# - With few samples every FD is too large (Chong & Forsyth 2020); KID is right on average (Bińkowski et al. 2018).
# - Both sets need the same preparation: range, resize, file format (Parmar et al. 2022).
# - Copies have the best FD: count the memorised samples, too (Yoon et al. 2023).
# - Name the seeds: then everybody can check that samples were not selected.
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
