"""Image-to-image (SDEdit, Meng et al. 2022): add noise to an image up to some timestep, and sample from there."""

from diffusion_edu.spacings import spaced


def start_from_image(schedule, x0, strength, steps, eps, spacing="trailing"):
    """Return the start x (b, ...) and the timesteps of a walk that changes images x0 (b, ...) (SDEdit, alg. 1).

    strength 0 returns x0 itself, bit for bit, and no step; strength 1 starts from pure noise eps. The number of steps
    is reduced where there are fewer timesteps. Raises ValueError for a strength outside 0..1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"The strength lies between 0, the image as it is, and 1, nothing of it, not at {strength}.")
    top = round(strength * schedule.T)
    if top == 0:
        return x0, [0]
    x = eps if strength == 1 else schedule.corrupt(x0, top, eps)
    return x, spaced(schedule, min(steps, top), spacing, top)
