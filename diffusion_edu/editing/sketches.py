"""Sketches made from images, in many styles.

They are the conditioning images of a network that will get what a person draws with a mouse. A sketch is an image (b,
3, h, w) in [-1, 1] on white paper. All zeros in its place mean unconditional.
"""

import math
from collections.abc import Callable, Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion_edu.checks import Fractions, Maps, Rule, checked

SOBEL = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
PAPER = 1.0
STYLES: dict[str, Callable[..., Tensor]] = {}  # functions (x0, subject, generator) -> sketch, below
Styles = Annotated[Sequence[str], Rule("names of styles", lambda names: names and set(names) <= STYLES.keys())]
Pixels = Annotated[float, Rule("a number of pixels above 0, up to 1000", lambda sigma: 0 < sigma <= 1000)]
FAINT = 0.005  # smaller differences of colour are rounding errors, not lines


@checked
def sketch(
    x0: Maps, generator: torch.Generator | None, styles: Styles = ("edges", "contours", "colours", "outlined colours")
) -> Tensor:
    """Draw a sketch (b, 3, h, w) of each image x0 (b, 3, h, w) with random style, pen, ink, detail and gaps."""
    if x0.shape[1] != 3:
        raise ValueError(f"Sketches are made of images of three channels, not {x0.shape[1]}.")
    style = torch.randint(len(styles), (len(x0),), generator=generator, device=x0.device)
    drawn = torch.empty_like(x0)
    for k, name in enumerate(styles):
        if (rows := style == k).any():
            drawn[rows] = STYLES[name](x0[rows], subject_mask(x0[rows]), generator)
    return random_affine(drawn, generator)


@checked
def uniform(x: Maps, generator: torch.Generator | None) -> Tensor:
    """Sample one number in 0..1 per image, (b, 1, 1, 1)."""
    return torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device)


@checked
def gaussian_blur(x: Maps, sigma: Pixels) -> Tensor:
    """Blur images (b, c, h, w) with a Gaussian of sigma pixels."""
    reach = math.ceil(2 * sigma)
    weights = torch.exp(-(torch.arange(-reach, reach + 1, device=x.device) ** 2) / (2 * sigma**2)).to(x)
    weights = (weights / weights.sum()).expand(x.shape[1], 1, -1)
    x = F.pad(x, [reach] * 4, mode="replicate")
    return F.conv2d(F.conv2d(x, weights[:, :, None], groups=x.shape[1]), weights[..., None], groups=x.shape[1])


@checked
def subject_mask(x: Maps) -> Tensor:
    """Estimate where the subject of each image is, (b, 1, h, w) of 0 and 1: where the colour differs from
    the border's.
    """
    soft = gaussian_blur(x, 2.0)
    border = torch.cat([soft[..., 0, :], soft[..., -1, :], soft[..., 0], soft[..., -1]], dim=-1).mean(-1)
    difference = (soft - border[..., None, None]).square().sum(1, keepdim=True).sqrt()
    mask = (difference > difference.mean((2, 3), keepdim=True).clamp(min=FAINT)).to(x)
    return (gaussian_blur(mask, 1.5) > 0.5).to(x)


@checked
def edges(x0: Maps, subject: Maps, generator: torch.Generator | None) -> Tensor:
    """Draw lines where colours change most."""
    return draw_lines(x0, edge_lines(gaussian_blur(x0, 1.2), 0.05 + 0.09 * uniform(x0, generator)), subject, generator)


@checked
def contours(x0: Maps, subject: Maps, generator: torch.Generator | None) -> Tensor:
    """Draw the borders between areas of similar brightness, as coarse as a child draws."""
    weights = torch.rand(len(x0), 3, 1, 1, generator=generator, device=x0.device)
    brightness = gaussian_blur((x0 * weights).sum(1, keepdim=True), 2.0)
    low, high = brightness.amin((2, 3), keepdim=True), brightness.amax((2, 3), keepdim=True)
    areas = ((brightness - low) / (high - low + 1e-6) * (2 + 2 * uniform(x0, generator))).floor()
    return draw_lines(x0, borders(areas).to(x0), subject, generator)


@checked
def edge_lines(x: Maps, fraction: Fractions) -> Tensor:
    """Mark the fraction (b, 1, 1, 1) of pixels (b, 1, h, w) where colours change most, thinned to lines."""
    slopes = [
        F.conv2d(F.pad(x, [1] * 4, mode="replicate"), kernel.to(x).expand(3, 1, 3, 3), groups=3)
        for kernel in (SOBEL, SOBEL.T)
    ]
    steep = sum(slope.square() for slope in slopes).sqrt().amax(1, keepdim=True)
    ridge = steep - F.avg_pool2d(steep, 5, stride=1, padding=2, count_include_pad=False)
    ranked = ridge.flatten(1).sort(dim=1, descending=True).values
    limit = ranked.gather(1, (fraction.view(-1, 1) * ranked.shape[1]).long()).clamp(min=FAINT)
    return (ridge > limit.view(-1, 1, 1, 1)).to(x)


@checked
def borders(areas: Maps) -> Tensor:
    """Mark pixels, bool (b, 1, h, w), whose neighbour to the right or below belongs to another area."""
    right, below = areas.roll(-1, 3) != areas, areas.roll(-1, 2) != areas
    right[..., -1], below[..., -1, :] = False, False
    return right | below


@checked
def draw_lines(x0: Maps, lines: Maps, subject: Maps, generator: torch.Generator | None) -> Tensor:
    """Draw lines (b, 1, h, w) with a random pen: thin or thick, black or coloured, everywhere or only around the
    subject.
    """
    near = F.max_pool2d(subject, 5, stride=1, padding=2)
    lines = torch.where(uniform(x0, generator) < 0.6, lines * near, lines)
    lines = torch.where(uniform(x0, generator) < 0.5, F.max_pool2d(F.pad(lines, [1, 0, 1, 0]), 2, stride=1), lines)
    lines = torch.where(uniform(x0, generator) < 0.5, gaussian_blur(lines, 0.6), lines) * random_gaps(x0, generator)
    ink = torch.where(uniform(x0, generator) < 0.35, saturate(gaussian_blur(x0, 1.0)), -0.9 * torch.ones_like(x0))
    return torch.lerp(torch.full_like(x0, PAPER), ink, lines)


@checked
def random_gaps(x0: Maps, generator: torch.Generator | None) -> Tensor:
    """Return a random mask (b, 1, h, w): 0 in patches where the sketch is left out, 1 elsewhere."""
    patches = torch.rand(len(x0), 1, 6, 6, generator=generator, device=x0.device)
    return F.interpolate((patches > 0.3 * uniform(x0, generator)).to(x0), x0.shape[2:], mode="nearest")


@checked
def saturate(x: Maps) -> Tensor:
    """Increase the saturation of colours by half, as of felt pens."""
    grey = x.mean(1, keepdim=True)
    return (grey + 1.5 * (x - grey)).clamp(-1, 1)


@checked
def flat_colours(x0: Maps, subject: Maps, generator: torch.Generator | None) -> Tensor:
    """Paint areas of few flat colours, in the whole image or only in its subject."""
    steps = 2 + (4 * uniform(x0, generator)).floor()
    soft = F.interpolate(F.avg_pool2d(x0, 4), x0.shape[2:], mode="bilinear")
    painted = ((saturate(soft) + 1) / 2 * steps).round() / steps * 2 - 1
    return torch.where((uniform(x0, generator) < 0.6) & (subject == 0), PAPER, painted)


@checked
def outlined_colours(x0: Maps, subject: Maps, generator: torch.Generator | None) -> Tensor:
    """Fill the subject with one colour or a few, and draw its outline."""
    fraction = subject.mean((2, 3), keepdim=True) + 1e-3
    mean = (x0 * subject).mean((2, 3), keepdim=True) / fraction
    one_colour = uniform(x0, generator) < 0.5
    filled = torch.where(
        one_colour, saturate(mean).expand_as(x0), flat_colours(x0, torch.ones_like(subject), generator)
    )
    x = torch.where(subject == 1, filled, PAPER)
    return torch.where(borders(subject) & (uniform(x0, generator) < 0.7), -0.9, x)


@checked
def random_affine(drawn: Maps, generator: torch.Generator | None) -> Tensor:
    """Shift and stretch sketches (b, 3, h, w) by up to 4 %, as a hand is not exact."""

    def small():
        return 0.04 * (2 * torch.rand(len(drawn), generator=generator, device=drawn.device) - 1)

    zero = torch.zeros(len(drawn), device=drawn.device)
    matrix = torch.stack([1 + small(), zero, small(), zero, 1 + small(), small()], dim=1).view(-1, 2, 3).to(drawn)
    grid = F.affine_grid(matrix, drawn.shape, align_corners=False)
    return F.grid_sample(drawn - PAPER, grid, align_corners=False) + PAPER


@checked
def drawn_shape(drawn: Maps) -> Tensor:
    """Find the shape in a sketch (b, 3, h, w), (b, 1, h, w) of 0 and 1: its ink and the paper that ink encloses.

    Gaps of up to four pixels in the ink are closed. If hardly any paper is left, the shape is what differs from the
    border.
    """
    ink = (drawn < PAPER - 0.1).any(1, keepdim=True).to(drawn)
    closed = -F.max_pool2d(-F.max_pool2d(F.pad(ink, [4] * 4), 5, stride=1), 5, stride=1)
    free = F.pad(1 - torch.maximum(ink, closed), [1] * 4, value=1)
    outside = F.pad(torch.zeros_like(ink), [1] * 4, value=1)
    while (more := torch.minimum(grow(outside), free)).sum() > outside.sum():
        outside = more
    inside = 1 - outside[..., 1:-1, 1:-1]
    return torch.where(inside.mean((2, 3), keepdim=True) > 0.9, subject_mask(drawn), inside)


@checked
def grow(areas: Maps) -> Tensor:
    """Grow areas (b, 1, h, w) of 0 and 1 by one pixel to the left, right, top and bottom, but not diagonally."""
    return torch.maximum(
        F.max_pool2d(areas, (3, 1), stride=1, padding=(1, 0)), F.max_pool2d(areas, (1, 3), stride=1, padding=(0, 1))
    )


@checked
def shape_correlation(drawn: Maps, x: Maps) -> Tensor:
    """Return how well images x (b, 3, h, w) follow sketches (b, 3, h, w): the correlation of their shapes, (b,) in
    -1..1.

    The shapes are drawn_shape and subject_mask. 0 if one of them is empty or covers everything.
    """
    shapes = drawn_shape(drawn), subject_mask(x)
    a, b = (areas.flatten(1) - areas.flatten(1).mean(1, keepdim=True) for areas in shapes)
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-6)


STYLES |= {
    "edges": edges,
    "contours": contours,
    "colours": flat_colours,
    "outlined colours": outlined_colours,
}
