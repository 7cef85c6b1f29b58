# %% [markdown] id="title"
# # 10 · Editing and cascades
#
# To generate an image, a walk begins with pure noise. To edit an image, the walk begins with that image, or it keeps a part of it. Nothing is trained in this lesson: you choose where a walk starts and what it must keep. At the end you can
#
# - change an image a little or a lot (**image-to-image**), and say what its strength means;
# - fill a hole in an image (**inpainting**), and find the most common bug in it;
# - walk from one image to another, and enlarge an image without changing what is known.
#
# **You need** [lesson 1](01_adding_noise.ipynb), [lesson 5](05_ddim_and_fast_solvers.ipynb) and [lesson 8](08_cold_diffusion.ipynb). **Time:** 60 minutes (recall and predict 6, image-to-image 10, known pixels 6, between two images 10, inpainting 12, cascade 10, quiz 6). **In the explorer:** the page [Editing](app:Editing).

# %% id="setup"
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from diffusion_edu import samplers
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.core import walk
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.denoisers import clipped
from diffusion_edu.editing import inpainting
from diffusion_edu.editing.image_to_image import start_from_image
from diffusion_edu.editing.interpolation import slerp as on_sphere
from diffusion_edu.generation import Preset
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start
from diffusion_edu.lessons.figures import lesson_10 as figures
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.schedules import cosine, linear
from diffusion_edu.spacings import spaced

start("10")

# %% [markdown] id="recall"
# ## Recall
#
# Put a letter in place of the dots, in quotes.
#
# {question 10.r1}
#
# {question 10.r2}

# %% id="recall-1" tags=["exercise"]
quiz("10.r1", ...)  ## solution: quiz("10.r1", "b")

# %% id="recall-2" tags=["exercise"]
quiz("10.r2", ...)  ## solution: quiz("10.r2", "c")

# %% [markdown] id="predict"
# ## Predict
#
# Decide before you know, and say why in a few words. You will meet both predictions again.
#
# {question 10.p1}
#
# {question 10.p2}

# %% id="predict-1" tags=["exercise"]
predict("10.p1", ..., because=...)  ## solution: predict("10.p1", "a", because="500 is half of 1,000")

# %% id="predict-2" tags=["exercise"]
predict("10.p2", ..., because=...)  ## solution: predict("10.p2", "b", because="it is noise, too")

# %% [markdown] id="exercise-1"
# ## 1. Image-to-image
#
# Add noise to an image, up to a timestep $t$, then sample from there (SDEdit, Meng et al. 2022). The **strength** says how far up: it is a fraction of all timesteps. Strength 0 changes nothing; strength 1 starts at the last timestep, `schedule.T`.
#
# ### Exercise 10.1: where the walk starts (one blank)
#
# A timestep is a whole number: take the nearest one.


# %% id="exercise-1-answer" tags=["exercise"]
def start_from(x0, strength, eps, schedule):
    """Return the timestep of this strength (0..1), and x0 (b, c, h, w) noised to it with eps."""
    # BEGIN SOLUTION
    t = round(strength * schedule.T)
    # END SOLUTION
    # STUDENT t = ...
    signal, noise = schedule.rates(t, x0)
    return t, signal * x0 + noise * eps


check("10.1", start_from)

# %% [markdown] id="strengths"
# The cell edits four generated flowers, each with its own class, with four strengths. Compare each column with the input at the right: at 0.25 a flower keeps its shape and its colours, at 1.00 nothing of it is left but the class. Then try other strengths; in the explorer you can [paint on the image first](app:Editing?editing.strength=0.5).

# %% id="strengths-edited"
steps = 5 if fast() else 20
model, schedule = load("flowers_simple"), linear()
flowers = load_images(PRETRAINED / "flower_samples.parquet").take(torch.arange(2 if fast() else 4))
x0, labels = to_signed(flowers.images), flowers.labels
eps = SeededNoise(range(5000, 5000 + len(x0)))(x0)  # none of these flowers was made from this noise

denoise = clipped(model.denoiser(schedule, labels))
step = partial(samplers.ddim_step, denoise, schedule)
results = {}
for strength in (1.0, 0.75, 0.5, 0.25):  # your knob
    x, timesteps = start_from_image(schedule, x0, strength, steps, eps)
    *_, end = walk(step, x, timesteps)
    results[f"{strength:.2f}"] = end.x
figures.edits(x0, results)

# %% id="predicted-1"
left = {each.name: each.alpha_bar[500].item() for each in (linear(), cosine())}
predicted("10.p1", ", ".join(f"{power:.1%} on the {name} schedule" for name, power in left.items()))

# %% [markdown] id="exercise-2"
# ## 2. Keep what is known
#
# **Inpainting** fills a hole in an image. The pixels around the hole are known. A step of the walk changes them, too, so we put them back after every step. A **mask** is 1 where a pixel is known and 0 in the hole.
#
# During the walk, `x` is at timestep $t$, and the network expects the same noise everywhere. So the known image is brought to timestep $t$ before it is put in.
#
# ### Exercise 10.2: keep the known pixels (free)
#
# Return an image shaped like `x`: the known pixels at timestep $t$ where the mask is 1, and `x` as it is in the hole. `schedule.rates(t, x)` gives both rates. Section 4 makes a whole walk of this.


# %% id="exercise-2-answer" tags=["exercise"]
def keep_known(x, known, mask, eps, t, schedule):
    """x, known, eps: (b, c, h, w), mask: (1, 1, h, w); return x with the known pixels at timestep t."""
    # BEGIN SOLUTION
    signal, noise = schedule.rates(t, x)
    return mask * (signal * known + noise * eps) + (1 - mask) * x
    # END SOLUTION
    # STUDENT ...


check("10.2", keep_known)

# %% [markdown] id="exercise-3"
# ## 3. Between two images
#
# A DDIM walk (eta = 0) turns each noise into one image. So if you move from one noise to another in small steps, the image changes from one image to another. Which way should the noise take?
#
# Noise of 3 x 64 x 64 pixels is a list of 12,288 numbers: an arrow (vector) in a space of 12,288 dimensions. All such arrows have nearly the same length, so they end on a **sphere**. A straight line between two of them leaves the sphere: its middle is too short. **Spherical interpolation** (slerp) stays on the sphere. Let $\omega$ be the angle between $a$ and $b$, and $f$ the fraction of the way:
#
# $$\text{slerp}(a, b, f) = \frac{\sin((1 - f)\,\omega)}{\sin\omega}\, a + \frac{\sin(f\,\omega)}{\sin\omega}\, b, \qquad \cos\omega = \frac{a \cdot b}{\lVert a\rVert\, \lVert b\rVert} .$$
#
# Here $a \cdot b$ is the sum of all products of their numbers, and $\lVert a\rVert$ is the length of $a$.
#
# ### Exercise 10.3: on the sphere (free)
#
# `a` and `b` are batches of noise. Each pair in the batch has its own angle, over all its numbers. `torch.acos` turns a cosine into an angle.


# %% id="exercise-3-answer" tags=["exercise"]
def slerp(a, b, fraction):
    """From noise a (b, c, h, w) go a fraction (0..1) of the way to b on the sphere; return (b, c, h, w)."""
    # BEGIN SOLUTION
    u, v = a.flatten(1), b.flatten(1)
    angle = torch.acos((u * v).sum(1) / (u.norm(dim=1) * v.norm(dim=1)))
    angle = angle.view(-1, *[1] * (a.ndim - 1))
    return (torch.sin((1 - fraction) * angle) * a + torch.sin(fraction * angle) * b) / angle.sin()
    # END SOLUTION
    # STUDENT ...


check("10.3", slerp)

# %% id="between"
a, b = SeededNoise([3]).sample((3, 64, 64)), SeededNoise([5]).sample((3, 64, 64))
fractions = torch.linspace(0, 1, 3 if fast() else 5).tolist()
noises = {
    "on the sphere": torch.cat([on_sphere(a, b, fraction) for fraction in fractions]),
    "straight": torch.cat([(1 - fraction) * a + fraction * b for fraction in fractions]),
}
primrose = clipped(model.denoiser(schedule, torch.zeros(len(fractions), dtype=torch.long)))
rows = {}
for name, x in noises.items():
    *_, end = walk(partial(samplers.ddim_step, primrose, schedule), x, spaced(schedule, steps))
    rows[name] = end.x
figures.between(rows, noises)

# %% id="predicted-2"
halfway = (a + b) / 2
predicted(
    "10.p2",
    f"halfway on the straight line the standard deviation is {halfway.std():.2f}, on the sphere "
    f"{on_sphere(a, b, 0.5).std():.2f}. Weak noise gives flat flowers without detail: the lower row above.",
)

# %% [markdown] id="exercise-4"
# ## 4. The whole inpainting step
#
# Here is one step of inpainting, from timestep $t$ to timestep $s$. It runs, and the holes are filled. But the finished images are grainy outside the hole, where every pixel is known. Nothing fails, so public programs have had this bug, too.
#
# ### Exercise 10.4: grain on the known pixels (find the bug)
#
# `schedule.corrupt(known, t, eps)` is the known image at timestep $t$, with the noise `eps`.


# %% id="exercise-4-answer" tags=["exercise"]
def inpaint_step(step, x, known, mask, eps, t, s, schedule):
    """Go from x (b, c, h, w) at timestep t to s, and keep the known pixels; step(x, t, s) returns x at s."""
    x = step(x, t, s)
    # BEGIN SOLUTION
    there = schedule.corrupt(known, s, eps)
    # END SOLUTION
    # STUDENT there = schedule.corrupt(known, t, eps)
    return torch.where(mask.bool(), there, x)


check("10.4", inpaint_step)

# %% [markdown] id="by-hand"
# Now the whole walk by hand, in three versions: `x` is right, `late` has the bug, and `clean` puts the known pixels in without noise. Then the library does the same as `x`.

# %% id="by-hand-inpainted"
mask = torch.ones(1, 1, 64, 64)
mask[..., 16:48, 24:56] = 0  # the hole


def keep(x, t):
    """Put the known pixels, noised to timestep t, into x."""
    return torch.where(mask.bool(), schedule.corrupt(x0, t, eps), x)


timesteps = spaced(schedule, steps)
x, late, clean = keep(eps, timesteps[0]), eps, eps
for t, s in pairwise(timesteps):  # this step returns two things: x at s, and its prediction
    x = keep(step(x, t, s)[0], s)
    late = keep(step(late, t, s)[0], t)
    clean = keep(step(clean, t, s)[0], 0)

*_, end = walk(step, eps, timesteps, inpainting.keep_known(x0, mask, schedule, eps))
assert torch.allclose(x, end.x, atol=1e-4) and figures.known_error(x, x0, mask) == 0
print("by hand and by the library: the same, and every known pixel is exact")

# %% [markdown] id="repaint"
# One weakness is left: the border of the hole. A step changes the whole image, but then we replace the pixels around the hole, so the two parts do not fit exactly. **RePaint** (Lugmayr et al. 2022) lets them agree (**resampling**): it walks a few steps, adds noise again to go back up, and walks the same steps once more, several times. Here that takes five times as many steps.
#
# In the figure, `late` has grain on the known pixels. `clean` has none, but the network never saw a clean frame around a noisy hole: what it paints there does not fit. `right` shows the border of the hole, RePaint hides it.

# %% id="repainted"
path = inpainting.resampling_timesteps(timesteps, jump=3, repeats=4)
fresh, again = (SeededNoise(range(first, first + len(x0))) for first in (100, 200))
resample = partial(inpainting.resampling_step, step, denoise, schedule, randn=fresh)
constrain = inpainting.keep_known_with_new_noise(x0, mask, schedule, again)
*_, repainted = walk(lambda x, t, s: resample(x, t, s), eps, path, constrain)

print(f"{len(timesteps) - 1} steps without resampling, {len(path) - 1} with it")
figures.inpainted(x0, mask, {"late": late, "clean": clean, "right": x, "RePaint": repainted.x})

# %% [markdown] id="exercise-5"
# Try masks of your own in [the explorer](app:Editing?editing.tab=Inpainting).
#
# ## 5. A cascade that holds the small image
#
# In a **cascade** (Ho et al. 2022) one model makes a small image, and a second model enlarges it. The second model invents detail. If we shrink its result again, we should get the small image back. The network does that only roughly.
#
# We can force it. At every step, correct the predicted clean image $\hat x_0$: the mean of each block of 2 x 2 pixels must be the pixel of the small image, and the detail inside a block must stay. (This is a simple case of ILVR, Choi et al. 2021, and DDNM, Wang et al. 2023.)
#
# ### Exercise 10.5: hold the small image (free)
#
# Shift all four pixels of a block by the same amount.


# %% id="exercise-5-answer" tags=["exercise"]
def hold(x0_hat, small):
    """Return x0_hat (b, c, 2h, 2w), corrected so that its 2 x 2 means equal small (b, c, h, w)."""
    # BEGIN SOLUTION
    missing = small - F.avg_pool2d(x0_hat, 2)
    return x0_hat + missing.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    # END SOLUTION
    # STUDENT ...


check("10.5", hold)

# %% id="cascade"
upscaler = load("super_resolution")
preset = Preset("DPM-Solver++", 3 if fast() else 10, schedule="flow", options={"eta": 1.0})
small = F.avg_pool2d(x0[:1], 2)
held = hold if passed("10.5") else figures.hold_means

results = {}
for seed in (1, 2):  # free: as the network says; held: every prediction is corrected
    results[f"free, seed {seed}"] = figures.enlarged(
        upscaler, preset, small, seed, lambda x0_hat: x0_hat
    )
    results[f"held, seed {seed}"] = figures.enlarged(
        upscaler, preset, small, seed, lambda x0_hat: held(x0_hat, small)
    )
figures.cascade(small, results)

# %% [markdown] id="exercise-6"
# The two held images differ in their detail, and both shrink to the same small image. Which one is true? The small image cannot tell.
#
# ### Exercise 10.6: RePaint's path (optional)
#
# Cut the timesteps of a walk into stretches of `jump` steps; the last stretch may be shorter. Walk each stretch `repeats` times before the next one begins. Between two times the path goes back up to the start of the stretch at once. Two examples:
#
# - timesteps 3, 2, 1, 0 with `jump` 1 and `repeats` 2: 3, 2, 3, 2, 1, 2, 1, 0, 1, 0
# - timesteps 4, 3, 2, 1, 0 with `jump` 2 and `repeats` 2: 4, 3, 2, 4, 3, 2, 1, 0, 2, 1, 0


# %% id="exercise-6-answer" tags=["exercise"]
def resample_path(timesteps, jump, repeats):
    """Return the list of all timesteps that RePaint visits; timesteps is a falling list."""
    # BEGIN SOLUTION
    path = list(timesteps[:1])
    for at in range(0, len(timesteps) - 1, jump):
        stretch = list(timesteps[at : at + jump + 1])
        path += (stretch[1:] + stretch[:1]) * (repeats - 1) + stretch[1:]
    return path
    # END SOLUTION
    # STUDENT ...


check("10.6", resample_path)

# %% [markdown] id="takeaways"
# ## Takeaways
#
# - **Image-to-image** (SDEdit, Meng et al. 2022, algorithm 1): add noise up to timestep `strength * T`, then sample. What a strength leaves depends on the schedule.
# - **Inpainting** (RePaint, Lugmayr et al. 2022, equation 8): after each step, put the known pixels back, with the noise of the timestep that was *reached*. Resampling hides the border.
# - **Slerp** (Shoemake 1985): between two noises, stay on the sphere. The straight line gives noise that is too weak.
# - **Cascades** (Ho et al. 2022) invent detail. Holding the small image (ILVR, DDNM) keeps what is known. It does not make the detail true.

# %% [markdown] id="quiz"
# ## Quiz
#
# {question 10.q1}
#
# {question 10.q2}
#
# {question 10.q3}
#
# {question 10.q4}
#
# {question 10.q5}
#
# {question 10.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("10.q1", ...)  ## solution: quiz("10.q1", "b")

# %% id="quiz-2" tags=["exercise"]
quiz("10.q2", ...)  ## solution: quiz("10.q2", "a")

# %% id="quiz-3" tags=["exercise"]
quiz("10.q3", ...)  ## solution: quiz("10.q3", "b")

# %% id="quiz-4" tags=["exercise"]
quiz("10.q4", ...)  ## solution: quiz("10.q4", "c")

# %% id="quiz-5" tags=["exercise"]
quiz("10.q5", ...)  ## solution: quiz("10.q5", "b")

# %% id="quiz-6" tags=["exercise"]
quiz("10.q6", ...)  ## solution: quiz("10.q6", "a")

# %% id="report"
report()
