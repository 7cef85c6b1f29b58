# %% [markdown] id="title"
# # 6 · U-Nets
#
# So far the denoiser was a function that somebody gave you. Now you look inside. It is a **U-Net**: a network that makes the image smaller step by step, and then larger again. At the end you can
#
# - turn a timestep into a vector that a network can use, and say why one number is not enough;
# - write self-attention, and say which positions of an image read from each other;
# - run a trained U-Net part by part, and say what its skip connections carry.
#
# **You need** lessons 2 and 5, and tensors with shapes like (b, c, height, width). **Time:** 55 minutes (recall and predict 6, the parts 8, timestep 14, attention 12, the U 8, quiz 7). **In the explorer:** [Inside the U-Net](app:Inside_the_U-Net).

# %% id="setup"
import torch
import torch.nn.functional as F
from diffusion_edu.analysis.attention import self_attention_off
from diffusion_edu.analysis.network_summary import summarize
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.generation import Preset
from diffusion_edu.lessons import check, fast, passed, predict, predicted, quiz, report, start
from diffusion_edu.lessons.figures import lesson_06 as figures
from diffusion_edu.networks import blocks
from diffusion_edu.schedules import cosine

start("06")

# %% [markdown] id="recall"
# ## Recall
#
# {question 06.r1}
#
# {question 06.r2}

# %% id="recall-1" tags=["exercise"]
quiz("06.r1", ...)  ## solution: quiz("06.r1", "b")

# %% id="recall-2" tags=["exercise"]
quiz("06.r2", ...)  ## solution: quiz("06.r2", "a")

# %% [markdown] id="predict"
# ## Predict
#
# Answer before you know, with one reason. You meet your answers again below.
#
# {question 06.p1}
#
# {question 06.p2}

# %% id="predict-1" tags=["exercise"]
predict("06.p1", ..., because=...)  ## solution: predict("06.p1", "a", because="the rest still works")

# %% id="predict-2" tags=["exercise"]
predict("06.p2", ..., because=...)  ## solution: predict("06.p2", "a", because="detail is only there")

# %% [markdown] id="parts"
# ## 1. The parts
#
# The network `flowers_attention` takes a noisy image, the noise level and a class (which kind of flower). It predicts $v$. The cell sends one flower through it and lists every part in the order in which it runs.
#
# Inside the network an image has many channels, not three. Each channel is a **map** of numbers, and these numbers are called **features**. A `ResidualBlock` is two convolutions whose result is added to their input.
#
# Read the shapes (channels, height, width) from top to bottom: 32x32, 16x16, 8x8, and up again. (First, 2x2 pixels are folded into one position, so 64x64 pixels become 32x32.) On the way down the maps get smaller and the channels get more: this is the U.

# %% id="list-parts"
model, schedule = load("flowers_attention"), cosine()
flowers = load_images(PRETRAINED / "flower_samples.parquet").take(torch.arange(4 if fast() else 32))
x0, labels = to_signed(flowers.images), flowers.labels
eps = torch.randn(x0.shape, generator=torch.Generator().manual_seed(0))
t = 500
x = schedule.corrupt(x0, t, eps)

summary = summarize(model.denoiser(schedule, labels[:1]), x[:1], t)
for part in summary.parts:
    print(f"{part.name:24}{part.type_name:16}{part.output_shape!s:16}{part.parameters:>10,} parameters")
skips = ", ".join(f"{source} -> {end}" for source, end in summary.skips)
print(f"{summary.parameters:,} parameters. Skip connections: {skips}")

# %% [markdown] id="time"
# ## 2. The timestep as a vector
#
# The same network removes a little noise at a low timestep and nearly everything at a high one. So it needs the timestep. One number between 0 and 1000 is a poor input: the network should tell 500 from 501, and also 0 from 1000. A clock has the same problem and uses three hands: the fast one shows the seconds, the slow one the hours. A **time embedding** has fast and slow waves. It is a vector of `width` numbers, made with the frequencies
#
# $$f_i = 10000^{-i / (\text{width}/2)}, \qquad i = 0, 1, \dots, \text{width}/2 - 1 .$$
#
# The vector of a timestep $t$ holds first all cosines $\cos(t f_i)$, then all sines $\sin(t f_i)$.
#
# ### Exercise 06.1: a timestep as waves (free)
#
# Write this as a function. `t` holds one timestep for each image, and each of them becomes one row of the result. Note that every timestep meets every frequency.


# %% id="exercise-1-answer" tags=["exercise"]
def sinusoid(t, width):
    """Turn timesteps t (b,) into rows of cosines and sines (b, width); width is even."""
    # BEGIN SOLUTION
    i = torch.arange(width // 2)
    phase = t[:, None] * 10000 ** (-i / (width // 2))
    return torch.cat([phase.cos(), phase.sin()], dim=1)
    # END SOLUTION
    # STUDENT ...


check("06.1", sinusoid)

# %% [markdown] id="waves"
# The library writes the sines first; a network can learn with both orders. Whatever $t$ is, the squares of a row add up to half the width.
#
# What if $t$ runs from 0 to 1 instead of 0 to 1000? The figure compares timestep 500 with all others.

# %% id="waves-compared"
rows = blocks.sinusoid(torch.tensor([0.0, 1.0, 1000.0]), 256)
assert torch.allclose(rows.square().sum(1), torch.full((3,), 128.0))
near, far = F.cosine_similarity(rows[0], rows[1], dim=0), F.cosine_similarity(rows[0], rows[2], dim=0)
print(f"similarity of t = 0 and t = 1: {near:.2f}, of t = 0 and t = 1000: {far:.2f}")
figures.similarity(blocks.sinusoid, 256)

# %% [markdown] id="exercise-2"
# With $t$ between 0 and 1, a clean image and pure noise have nearly the same embedding. Our networks are given $1000\,\theta$, the angle of lesson 1.
#
# ### Exercise 06.2: scale and shift every channel (one blank)
#
# Next, a small layer turns the vector into two numbers for each channel: a **scale** and a **shift**. First the scale stretches the features $h$ of the channel: with scale 0 they stay as they are, with scale 1 they double, with scale -1 they become 0. Then the shift is added.


# %% id="exercise-2-answer" tags=["exercise"]
def modulate(h, scale, shift):
    """Scale and shift the features h (b, c, height, width) with scale and shift (b, c)."""
    scale, shift = scale[:, :, None, None], shift[:, :, None, None]  # now (b, c, 1, 1)
    # BEGIN SOLUTION
    return h * (1 + scale) + shift
    # END SOLUTION
    # STUDENT return ...


check("06.2", modulate)

# %% [markdown] id="exercise-3"
# ### Exercise 06.3: self-attention (free)
#
# A convolution sees 3x3 neighbours. In **self-attention** every position may read from all others. Each position has three vectors: a query $q$ ("what do I look for?"), a key $k$ ("what do I have?") and a value $v$ ("what do I give?"). With $d$ features,
#
# $$\text{result} = \text{softmax}\!\left(\frac{q\,k^\top}{\sqrt d}\right) v .$$
#
# One row of the softmax belongs to one query, and its weights add up to 1. (This $v$ is not the $v$ that the network predicts.)


# %% id="exercise-3-answer" tags=["exercise"]
def attend(q, k, v):
    """Mix the values v (b, n, d) of n positions with the weights of queries q and keys k, both (b, n, d)."""
    # BEGIN SOLUTION
    scores = q @ k.transpose(1, 2) / q.shape[2] ** 0.5
    return scores.softmax(dim=2) @ v
    # END SOLUTION
    # STUDENT ...


check("06.3", attend)

# %% [markdown] id="attention"
# Does your function do what the trained network does? The cell puts it into a layer of the network, and the `assert` compares the results. The layer has 8 **heads**: groups of channels that attend on their own. For your function a head is just one more image of the batch.

# %% id="attention-by-hand"
layer = model.net.up[2][0].self_attention
h = torch.randn(2, 256, 8, 8, generator=torch.Generator().manual_seed(1))  # any features
q, k, v = layer.qkv(layer.norm(h)).view(2, 3, 8, 32, 64).permute(1, 0, 2, 4, 3).flatten(1, 2)

mix = attend if passed("06.3") else F.scaled_dot_product_attention
mixed = mix(q, k, v).view(2, 8, 64, 32).transpose(2, 3).reshape(2, 256, 8, 8)
assert torch.allclose(h + layer.out(mixed), layer(h), atol=1e-4)
figures.attention_map(model, schedule, x[2:3], labels[2:3], t, row=4, column=4)

# %% [markdown] id="exercise-4"
# ## 3. Down, across and up
#
# On the way down every stage loses detail. So its result is kept, and on the way up it is handed across: a **skip connection** (Ronneberger et al. 2015). The stage that ran last on the way down is needed first on the way up.
#
# ### Exercise 06.4: the way through a U-Net (fill in the loop)
#
# `down` and `up` are lists of equally many functions. Each `layer` in `down` is called as `layer(x)`, each `layer` in `up` as `layer(x, skip)`. Write something in place of each `...`.


# %% id="exercise-4-answer" tags=["exercise"]
def forward(x, down, up):
    """Send x through all layers of down, then of up, with skip connections; give the last x."""
    skips = []
    for layer in down:
        # BEGIN SOLUTION
        x = layer(x)
        skips.append(x)
        # END SOLUTION
        # STUDENT x = ...
        # STUDENT skips.append(...)
    for layer in up:
        # BEGIN SOLUTION
        skip = skips.pop()
        x = layer(x, skip)
        # END SOLUTION
        # STUDENT skip = ...
        # STUDENT x = ...
    return x


check("06.4", forward)

# %% id="network-by-hand"
# Your loop runs the trained network: here are its parts, in two lists.
net, theta = model.net, schedule.angle(t, x)[1]
noise_level = (1000 * theta).float().expand(2)
embedded = net.time_embedding(noise_level) + net.class_embedding(labels[:2], 2)


def joined(h, skip):
    return torch.cat([h, skip], dim=1)


down = [
    lambda x: net.down[0][0](net.stem(F.pixel_unshuffle(x, 2)), embedded),
    lambda x: net.down[1][0](net.downsample[0](x), embedded),
    lambda x: net.down[2][0](net.downsample[1](x), embedded),
]
up = [
    lambda x, skip: net.up[2][0](joined(net.middle(x, embedded), skip), embedded),
    lambda x, skip: net.up[1][0](joined(net.upsample[2](x), skip), embedded),
    lambda x, skip: net.up[0][0](joined(net.upsample[1](x), skip), embedded),
]
v = net(x[:2], noise_level, labels[:2])
if passed("06.4"):
    by_hand = F.pixel_shuffle(net.out(forward(x[:2], down, up)), 2)
    assert torch.allclose(by_hand, v, atol=1e-4)
    print(f"largest difference to the network: {(by_hand - v).abs().max():.0e}")

# %% [markdown] id="exercise-5"
# ### Exercise 06.5: find the bug
#
# Some U-Nets only add the embedding (Ho et al. 2020). This code was tested with maps that are as wide as there are channels, and it ran. It is wrong all the same. Repair it.


# %% id="exercise-5-answer" tags=["exercise"]
def add_embedding(h, emb):
    """Add to each channel of h (b, c, height, width) its number in emb (b, c)."""
    return h + emb[:, None, None, :]  ## solution:     return h + emb[:, :, None, None]


check("06.5", add_embedding)

# %% [markdown] id="experiment"
# ## 4. Experiment: cut a wire
#
# One skip connection at a time is filled with zeros. Then the network predicts. Change `t_cut` and run the cell again: which cut is the worst at 100, which at 900?

# %% id="cut-skips"
t_cut = 500
cut, errors = figures.cut_skips(model, schedule, x0, eps, labels, t_cut)
cut

# %% id="predicted-2"
happened = ", ".join(f"{name}: {error:.3f}" for name, error in errors.items())
predicted("06.p2", f"errors at t = {t_cut} by the skip that is cut: {happened} (all: nothing is cut).")

# %% [markdown] id="off"
# At t = 500 and without the 32x32 skip, the noise stays in the image: to take it away, the network has to know it pixel by pixel. Now we switch self-attention off, in all layers.

# %% id="attention-off"
classes = torch.tensor([53, 73, 3, 0, 87, 76][: 2 if fast() else 6])
figures.without_attention(model, Preset(steps=4 if fast() else 20), classes)


# %% id="predicted-1"
def error(x0_hat):
    return (x0_hat - x0).square().mean().item()


denoise, x = model.denoiser(schedule, labels), schedule.corrupt(x0, 500, eps)
with_attention = error(denoise(x, 500))
with self_attention_off(model.net):
    without = error(denoise(x, 500))
said = f"one prediction at t = 500: error {with_attention:.3f} with attention, {without:.3f} without."
predicted("06.p1", f"{said} FD of 2,000 samples, from `python -m benchmarks.attention`: 21.6.")

# %% [markdown] id="takeaways"
# Some colours are still right, but the petals do not fit together. Click into an image and see what a position reads: [attention in the explorer](app:Inside_the_U-Net?unet.view=attention).
#
# ## Takeaways
#
# - **U-Net** with **skip connections**: Ronneberger et al. 2015, figure 1; for diffusion Ho et al. 2020, appendix B.
# - **Time embedding**: Vaswani et al. 2017, section 3.5. **Scale and shift**: adaptive group normalisation (AdaGN), Dhariwal & Nichol 2021.
# - **Self-attention**: Vaswani et al. 2017, equation 1. Its cost grows with the square of the number of positions, so it runs at low resolutions only.
# - Parts that were trained together cannot simply be switched off.

# %% [markdown] id="quiz"
# ## Quiz
#
# {question 06.q1}
#
# {question 06.q2}
#
# {question 06.q3}
#
# {question 06.q4}
#
# {question 06.q5}
#
# {question 06.q6}

# %% id="quiz-1" tags=["exercise"]
quiz("06.q1", ...)  ## solution: quiz("06.q1", "b")

# %% id="quiz-2" tags=["exercise"]
quiz("06.q2", ...)  ## solution: quiz("06.q2", "c")

# %% id="quiz-3" tags=["exercise"]
quiz("06.q3", ...)  ## solution: quiz("06.q3", "a")

# %% id="quiz-4" tags=["exercise"]
quiz("06.q4", ...)  ## solution: quiz("06.q4", "b")

# %% id="quiz-5" tags=["exercise"]
quiz("06.q5", ...)  ## solution: quiz("06.q5", "a")

# %% id="quiz-6" tags=["exercise"]
quiz("06.q6", ...)  ## solution: quiz("06.q6", "c")

# %% id="report"
report()
