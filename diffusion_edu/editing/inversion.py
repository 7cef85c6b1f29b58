"""DDIM inversion: from an image back to the noise that DDIM generates it from."""


def inversion_step(denoise, schedule, x, t, s):
    """Step up from timestep t to a higher timestep s (Song et al. 2021, DDIM, sec. 4.3).

    The denoiser is evaluated at the higher timestep: at timestep 0 there is no noise to predict.
    """
    (scale_t, theta_t), (scale_s, theta_s) = schedule.angle(t, x), schedule.angle(s, x)
    y, turn = x / scale_t, theta_s - theta_t
    x0_hat = denoise(y * scale_s, s)
    velocity = (theta_s.cos() * y - x0_hat) / theta_s.sin()  # dy / dtheta at s, used for t too
    return scale_s * (turn.cos() * y + turn.sin() * velocity), x0_hat
