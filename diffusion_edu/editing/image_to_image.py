"""Image-to-image (SDEdit, Meng et al. 2022): add noise to an image up to some timestep, and sample from there."""

from torch import Tensor

from diffusion_edu.checks import Count, Fraction, Numbers, checked
from diffusion_edu.schedules import Schedule
from diffusion_edu.spacings import spaced


@checked
def start_from_image(
    schedule: Schedule, x0: Numbers, strength: Fraction, steps: Count, eps: Tensor, spacing: str = "trailing"
) -> tuple[Tensor, list[int]]:
    """Return the start x (b, ...) and the timesteps of a walk that changes images x0 (b, ...) (SDEdit, alg. 1).

    strength 0 returns x0 itself, bit for bit, and no step; strength 1 starts from pure noise eps. The number of steps
    is reduced where there are fewer timesteps. Raises ValueError for a strength outside 0..1.
    """
    if x0.shape != eps.shape:
        raise ValueError(f"The noise must be shaped like the images, {tuple(x0.shape)}, not {tuple(eps.shape)}.")
    top = round(strength * schedule.T)
    if top == 0:
        return x0, [0]
    x = eps if strength == 1 else schedule.corrupt(x0, top, eps)
    return x, spaced(schedule, min(steps, top), spacing, top)
