"""Verbs on images that are there already: start from one, go back to its noise, fill a hole in it, blend two noises.

Each is made of the same parts as drawing: timesteps for `walk`, a step, or a `constrain` that holds on to what is known.
"""

import torch

from diffusion_edu.spacings import spaced


def image_to_image(schedule, x0, strength, steps, eps, spacing="trailing"):
    """Choose where a walk that changes an image x0 (b, ...) begins: returns x (b, ...) and timesteps (Meng et al. 2022, SDEdit, alg. 1).

    strength 0 is the image itself, bit for bit, and no step; 1 is pure noise and a whole walk. Fewer steps are made where
    there are not as many timesteps. Raises ValueError for a strength outside 0..1.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"The strength lies between 0, the image as it is, and 1, nothing of it, not at {strength}.")
    top = round(strength * schedule.T)
    if top == 0:
        return x0, [0]
    x = eps if strength == 1 else schedule.corrupt(x0, top, eps)
    return x, spaced(schedule, min(steps, top), spacing, top)


def inversion_step(denoise, schedule, x, t, s):
    """Move up, from timestep t to a higher timestep s, to the noise that DDIM would draw this image from (Song et al. 2021, DDIM, sec. 4.3).

    The denoiser is asked at the higher timestep: timestep 0 has no noise to prediction.
    """
    (scale_t, theta_t), (scale_s, theta_s) = schedule.angle(t, x), schedule.angle(s, x)
    y, turn = x / scale_t, theta_s - theta_t
    x0_hat = denoise(y * scale_s, s)
    velocity = (theta_s.cos() * y - x0_hat) / theta_s.sin()  # dy / dtheta up there, taken for the one down here
    return scale_s * (turn.cos() * y + turn.sin() * velocity), x0_hat


def slerp(a, b, fraction):
    """Turn noise a (b, ...) towards noise b (b, ...) by a fraction of the angle between them, so that it stays as strong as noise is (Shoemake 1985)."""
    u, v = a.flatten(1).double(), b.flatten(1).double()
    lengths = u.norm(dim=1, keepdim=True), v.norm(dim=1, keepdim=True)
    angle = torch.acos(((u / lengths[0]) * (v / lengths[1])).sum(1, keepdim=True).clamp(-1, 1))
    alike = angle.sin().abs() < 1e-6
    first, second = torch.sin((1 - fraction) * angle) / angle.sin(), torch.sin(fraction * angle) / angle.sin()
    mixed = torch.where(alike, (1 - fraction) * u + fraction * v, first * u + second * v)
    return mixed.view_as(a).to(a.dtype)


def keep_known(known, mask, schedule, eps):
    """Inpaint: wherever mask is 1, x is the known image at the timestep that x has reached, always with the same noise eps; a `constrain` for walk."""
    return lambda x, t: torch.where(mask.bool(), schedule.corrupt(known, t, eps), x)


def keep_known_freshly(known, mask, schedule, randn):
    """Inpaint like keep_known, with new noise at every timestep (Lugmayr et al. 2022, RePaint, eq. 8a)."""
    return lambda x, t: torch.where(mask.bool(), schedule.corrupt(known, t, randn(x)), x)


def resampled(timesteps, jump, repeats):
    """Let a path go back up: after every `jump` steps, return to where they began and do them again, `repeats` times in all (RePaint, fig. 3).

    The path still begins and ends as it did. Raises ValueError unless both are whole numbers of 1 or more.
    """
    if jump < 1 or repeats < 1:
        raise ValueError(f"Resampling jumps back 1 or more steps, 1 or more times, not {jump} steps {repeats} times.")
    path = list(timesteps[:1])
    for at in range(0, len(timesteps) - 1, jump):
        stretch = list(timesteps[at : at + jump + 1])
        path += (stretch[1:] + stretch[:1]) * (repeats - 1) + stretch[1:]
    return path


def resampling_step(step, denoise, schedule, x, t, s, randn=torch.randn_like):
    """Move down like `step`, and up by adding the noise that lies between (RePaint, alg. 1, line 11); timestep 0 is its own prediction."""
    if s < t:
        return step(x, t, s)
    (signal_t, noise_t), (signal_s, noise_s) = schedule.rates(t, x), schedule.rates(s, x)
    kept = signal_s / signal_t
    added = (noise_s**2 - (kept * noise_t) ** 2).sqrt()
    return kept * x + added * randn(x), denoise(x, t) if t else x
