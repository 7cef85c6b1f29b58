"""DDIM inversion: from an image back to the noise that DDIM generates it from."""

from torch import Tensor

from diffusion_edu.checks import checked
from diffusion_edu.core import Denoiser
from diffusion_edu.samplers import Stepped
from diffusion_edu.schedules import Schedule


@checked
def inversion_step(denoise: Denoiser, schedule: Schedule, x: Tensor, t: int, s: int) -> Stepped:
    """Step up from timestep t to a higher timestep s (Song et al. 2021, DDIM, sec. 4.3).

    The denoiser is evaluated at the higher timestep: at timestep 0 there is no noise to predict.
    """
    if s <= t:
        raise ValueError(f"Inversion steps up from a timestep to a higher one, not from {t} to {s}.")
    (scale_t, theta_t), (scale_s, theta_s) = schedule.angle(t, x), schedule.angle(s, x)
    y, turn = x / scale_t, theta_s - theta_t
    x0_hat = denoise(y * scale_s, s)
    velocity = (theta_s.cos() * y - x0_hat) / theta_s.sin()  # dy / dtheta at s, used for t too
    return scale_s * (turn.cos() * y + turn.sin() * velocity), x0_hat
