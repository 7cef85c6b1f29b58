"""Figures of lesson 06, U-Nets: embeddings of timesteps, attention weights, and a network without some of its parts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.analysis.attention import record_attention, self_attention_off
from diffusion_edu.analysis.hooks import hooked
from diffusion_edu.checkpoints import Model
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.still import NOISE, SIGNAL, Captioned, Curve, chart, images
from diffusion_edu.generation import Preset, generate
from diffusion_edu.schedules import Schedule

RESOLUTIONS = {"up.0.0": "32x32", "up.1.0": "16x16", "up.2.0": "8x8"}  # the layers that get a skip connection
LAYER = "up.2.0.self_attention"


@contextmanager
def skip_off(net: torch.nn.Module, *names: str) -> Iterator[None]:
    """Fill the skip connections of these layers with zeros while the block runs."""

    def before(name, inputs):
        h = inputs[0].clone()
        h[:, h.shape[1] // 2 :] = 0  # the first half comes from below, the second half is the skip
        return h, *inputs[1:]

    with hooked({name: net.get_submodule(name) for name in names}, before):
        yield


def similarity(embed: Callable[[Tensor, int], Tensor], width: int) -> Captioned:
    """Draw how similar the embedding of timestep 500 is to those of all others, for t as it is and divided by 1000."""
    t = torch.arange(0, 1001, 5).float()
    near, far = (F.cosine_similarity(embed(t / scale, width), embed(t[100:101] / scale, width)) for scale in (1, 1000))
    figure = chart(
        [
            Curve(t.tolist(), near.tolist(), "t from 0 to 1000", SIGNAL),
            Curve(t.tolist(), far.tolist(), "t from 0 to 1", NOISE, "--"),
        ],
        x="timestep t",
        y="cosine similarity to t = 500",
        ylim=(0, 1.05),
    )
    one = near[101].item(), near[0].item()
    caption = (
        f"Two embeddings of width {width} that are equal have the similarity 1. With t from 0 to 1000, timestep 505 is "
        f"close to 500 ({one[0]:.2f}) and timestep 0 is far away ({one[1]:.2f}). With t from 0 to 1, all look alike."
    )
    alt = (
        f"Two curves over the timestep. The first has a peak of 1 at 500 and falls to {near.min():.2f}. "
        f"The second never falls below {far.min():.2f}."
    )
    return Captioned(figure, caption, alt)


def attention_map(model: Model, schedule: Schedule, x: Tensor, labels: Tensor, t: int, row: int, column: int):
    """Show what the position (row, column) of the 8x8 map reads from, in one noisy image x (1, 3, 64, 64)."""
    with record_attention(model.net) as weights:
        x0_hat = model.denoiser(schedule, labels)(x, t)
    mean = weights[LAYER][0][0].mean(0)[row * 8 + column].view(8, 8)
    large = (mean / mean.max()).repeat_interleave(8, 0).repeat_interleave(8, 1)
    marked = to_bytes(x0_hat[0])
    frame = torch.zeros(64, 64, dtype=torch.bool)
    frame[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = True
    frame[8 * row + 1 : 8 * row + 7, 8 * column + 1 : 8 * column + 7] = False
    marked[:, frame] = 255
    shown = torch.stack([to_bytes(x[0]), marked, to_bytes(2 * large - 1).expand(3, 64, 64)])
    top = mean.flatten().topk(8).values.sum().item()
    place = divmod(int(mean.argmax()), 8)
    return Captioned(
        images(shown, [f"x at t = {t}", "prediction", "reads from"], zoom=3),
        "The white square is the position that asks. On the right: the brighter a position, the more is read from it "
        f"(mean of all heads). The brightest eight of the 64 positions get {top:.0%} of the attention.",
        f"A noisy flower, the predicted flower with a white square in row {row + 1}, column {column + 1} of 8, and a "
        f"map of 8 by 8 grey squares, brightest in row {place[0] + 1}, column {place[1] + 1}.",
    )


def cut_skips(model: Model, schedule: Schedule, x0: Tensor, eps: Tensor, labels: Tensor, t: int) -> tuple:
    """Show predictions with each of the three skip connections cut; returns the figure and the errors by resolution."""
    x = schedule.corrupt(x0, t, eps)
    denoise = model.denoiser(schedule, labels)
    shown, errors = [x[:3]], {}
    for name, resolution in {**RESOLUTIONS, "": "all"}.items():
        with skip_off(model.net, *[name] * bool(name)):
            x0_hat = denoise(x, t)
        shown.append(x0_hat[:3])
        errors[resolution] = (x0_hat - x0).square().mean().item()
    columns = [f"t = {t}", *(f"no {resolution}" for resolution in RESOLUTIONS.values()), "all skips", "clean"]
    rows = torch.stack([to_bytes(each) for each in (*shown, x0[:3])], dim=1).flatten(0, 1)
    order = ", ".join(f"{name}: {error:.3f}" for name, error in errors.items())
    worst = max(errors, key=errors.__getitem__)
    figure = Captioned(
        images(rows, columns, [""] * 3),
        f"Mean squared error of {len(x0)} predictions, with all skips and with one cut: {order}.",
        f"Three flowers in six columns: noisy, predicted with one of three skips cut, with all skips, and clean. "
        f"The prediction without the {worst} skip is the worst.",
    )
    return figure, errors


def without_attention(model: Model, preset: Preset, labels: Tensor) -> Captioned:
    """Sample the same seeds with self-attention and with all its layers switched off."""
    seeds = range(len(labels))
    *_, last = generate(model, preset, seeds, labels)
    with self_attention_off(model.net):
        *_, other = generate(model, preset, seeds, labels)
    with_it, without = last.x, other.x
    apart = (with_it - without).square().mean().sqrt().item()
    names = [model.card.classes[label] for label in labels]
    return Captioned(
        images(to_bytes(torch.cat([with_it, without])), [""] * len(labels), ["with", "without"]),
        f"The same seeds and classes, {preset.steps} steps, with and without self-attention. The two rows differ by "
        f"{apart:.2f} (root mean squared difference; from black to white it is 2).",
        f"Two rows of {len(labels)} images of the classes {', '.join(names)}. The lower row, without self-attention, "
        f"differs from the upper one by {apart:.2f}.",
    )
