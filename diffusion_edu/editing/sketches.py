"""Sketches made from images, in many hands: what a network learns from that is later shown drawings made with a mouse.

A sketch is an image (b, 3, h, w) in [-1, 1] on white paper. Where a network is given zeros in its place, it may draw anything.
"""

import math

import torch
import torch.nn.functional as F

SOBEL = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
PAPER = 1.0
FAINT = 0.005  # a change of colour that is rounding, and no line or subject


def sketch(x0, generator, styles=("edges", "contours", "colours", "outlined colours")):
    """Draw a sketch (b, 3, h, w) of each image x0 (b, 3, h, w): style, width, ink, detail and what is left out are chosen at random."""
    style = torch.randint(len(styles), (len(x0),), generator=generator, device=x0.device)
    drawn = torch.empty_like(x0)
    for k, name in enumerate(styles):
        if (rows := style == k).any():
            drawn[rows] = STYLES[name](x0[rows], foreground(x0[rows]), generator)
    return shaken(drawn, generator)


def chance(x, generator):
    """Draw one number in 0..1 per image, (b, 1, 1, 1)."""
    return torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device)


def blurred(x, sigma):
    """Blur images (b, c, h, w) with a Gaussian of sigma pixels."""
    reach = math.ceil(2 * sigma)
    weights = torch.exp(-(torch.arange(-reach, reach + 1, device=x.device) ** 2) / (2 * sigma**2)).to(x)
    weights = (weights / weights.sum()).expand(x.shape[1], 1, -1)
    x = F.pad(x, [reach] * 4, mode="replicate")
    return F.conv2d(F.conv2d(x, weights[:, :, None], groups=x.shape[1]), weights[..., None], groups=x.shape[1])


def foreground(x):
    """Prediction where the subject of each image is, (b, 1, h, w) of 0 and 1: where its colour is unlike that of the rim."""
    soft = blurred(x, 2.0)
    rim = torch.cat([soft[..., 0, :], soft[..., -1, :], soft[..., 0], soft[..., -1]], dim=-1).mean(-1)
    unlike = (soft - rim[..., None, None]).square().sum(1, keepdim=True).sqrt()
    return (blurred((unlike > unlike.mean((2, 3), keepdim=True).clamp(min=FAINT)).to(x), 1.5) > 0.5).to(x)


def edges(x0, subject, generator):
    """Draw the places where colours change most."""
    return inked(x0, ridges(blurred(x0, 1.2), 0.05 + 0.09 * chance(x0, generator)), subject, generator)


def contours(x0, subject, generator):
    """Draw the borders between areas of light and shade, or of one colour and another, as coarse as a child would."""
    light = blurred(
        (x0 * torch.rand(len(x0), 3, 1, 1, generator=generator, device=x0.device)).sum(1, keepdim=True), 2.0
    )
    low, high = light.amin((2, 3), keepdim=True), light.amax((2, 3), keepdim=True)
    steps = ((light - low) / (high - low + 1e-6) * (2 + 2 * chance(x0, generator))).floor()
    return inked(x0, border(steps).to(x0), subject, generator)


def ridges(x, fraction):
    """Find the share (b, 1, 1, 1) of places (b, 1, h, w) where colours change most, thinned to lines."""
    slopes = [
        F.conv2d(F.pad(x, [1] * 4, mode="replicate"), kernel.to(x).expand(3, 1, 3, 3), groups=3)
        for kernel in (SOBEL, SOBEL.T)
    ]
    steep = sum(slope.square() for slope in slopes).sqrt().amax(1, keepdim=True)
    ridge = steep - F.avg_pool2d(steep, 5, stride=1, padding=2, count_include_pad=False)
    ranked = ridge.flatten(1).sort(dim=1, descending=True).values
    limit = ranked.gather(1, (fraction.view(-1, 1) * ranked.shape[1]).long()).clamp(min=FAINT)
    return (ridge > limit.view(-1, 1, 1, 1)).to(x)


def border(areas):
    """Mark the places, bool (b, 1, h, w), whose neighbour to the right or below belongs to another area."""
    right, below = areas.roll(-1, 3) != areas, areas.roll(-1, 2) != areas
    right[..., -1], below[..., -1, :] = False, False
    return right | below


def inked(x0, lines, subject, generator):
    """Draw lines (b, 1, h, w) with a thin or thick pen, black or in the colours of the image, everywhere or only about the subject."""
    near = F.max_pool2d(subject, 5, stride=1, padding=2)
    lines = torch.where(chance(x0, generator) < 0.6, lines * near, lines)
    lines = torch.where(chance(x0, generator) < 0.5, F.max_pool2d(F.pad(lines, [1, 0, 1, 0]), 2, stride=1), lines)
    lines = torch.where(chance(x0, generator) < 0.5, blurred(lines, 0.6), lines) * forgotten(x0, generator)
    ink = torch.where(chance(x0, generator) < 0.35, vivid(blurred(x0, 1.0)), -0.9 * torch.ones_like(x0))
    return torch.lerp(torch.full_like(x0, PAPER), ink, lines)


def forgotten(x0, generator):
    """Leave out some parts of a drawing: 1 where it stays, 0 where it does not (b, 1, h, w)."""
    patches = torch.rand(len(x0), 1, 6, 6, generator=generator, device=x0.device)
    return F.interpolate((patches > 0.3 * chance(x0, generator)).to(x0), x0.shape[2:], mode="nearest")


def vivid(x):
    """Make colours purer, as felt pens are: away from grey by half."""
    grey = x.mean(1, keepdim=True)
    return (grey + 1.5 * (x - grey)).clamp(-1, 1)


def flat(x0, subject, generator):
    """Paint areas of few flat colours, the whole image or only its subject."""
    steps = 2 + (4 * chance(x0, generator)).floor()
    soft = F.interpolate(F.avg_pool2d(x0, 4), x0.shape[2:], mode="bilinear")
    painted = ((vivid(soft) + 1) / 2 * steps).round() / steps * 2 - 1
    return torch.where((chance(x0, generator) < 0.6) & (subject == 0), PAPER, painted)


def outlined(x0, subject, generator):
    """Fill the subject with one colour or a few and draw its outline."""
    fraction = subject.mean((2, 3), keepdim=True) + 1e-3
    mean = (x0 * subject).mean((2, 3), keepdim=True) / fraction
    filled = torch.where(
        chance(x0, generator) < 0.5, vivid(mean).expand_as(x0), flat(x0, torch.ones_like(subject), generator)
    )
    x = torch.where(subject == 1, filled, PAPER)
    return torch.where(border(subject) & (chance(x0, generator) < 0.7), -0.9, x)


def shaken(drawing, generator):
    """Shift and stretch a drawing (b, 3, h, w) a little, for no hand meets every line."""

    def std(most):
        return most * (2 * torch.rand(len(drawing), generator=generator, device=drawing.device) - 1)

    none = torch.zeros(len(drawing), device=drawing.device)
    steps = (
        torch.stack([1 + std(0.04), none, std(0.04), none, 1 + std(0.04), std(0.04)], dim=1).view(-1, 2, 3).to(drawing)
    )
    grid = F.affine_grid(steps, drawing.shape, align_corners=False)
    return F.grid_sample(drawing - PAPER, grid, align_corners=False) + PAPER


def shape(drawing):
    """Find what a drawing (b, 3, h, w) is of, (b, 1, h, w) of 0 and 1: its ink, and the paper that ink encloses, small gaps closed.

    Where hardly any paper is left, what is unlike the rim.
    """
    ink = (drawing < PAPER - 0.1).any(1, keepdim=True).to(drawing)
    wall = -F.max_pool2d(
        -F.max_pool2d(F.pad(ink, [4] * 4), 5, stride=1), 5, stride=1
    )  # gaps of up to four pixels are closed
    room = F.pad(1 - torch.maximum(ink, wall), [1] * 4, value=1)
    outside = F.pad(torch.zeros_like(ink), [1] * 4, value=1)
    while (more := torch.minimum(beside(outside), room)).sum() > outside.sum():
        outside = more
    inside = 1 - outside[..., 1:-1, 1:-1]
    return torch.where(inside.mean((2, 3), keepdim=True) > 0.9, foreground(drawing), inside)


def beside(areas):
    """Let areas (b, 1, h, w) of 0 and 1 grow by one place to the left, right, above and below, but not past a line through a corner."""
    return torch.maximum(
        F.max_pool2d(areas, (3, 1), stride=1, padding=(1, 0)), F.max_pool2d(areas, (1, 3), stride=1, padding=(0, 1))
    )


def likeness(drawing, x):
    """Say how well images x (b, 3, h, w) follow drawings (b, 3, h, w): the correlation of the shape that is drawn and the subject, (b,) in -1..1.

    0 where either of them is nowhere or everywhere.
    """
    a, b = (areas.flatten(1) - areas.flatten(1).mean(1, keepdim=True) for areas in (shape(drawing), foreground(x)))
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-6)


STYLES = {
    "edges": edges,
    "contours": contours,
    "colours": flat,
    "outlined colours": outlined,
}  # functions (x0, subject, generator) -> sketch
