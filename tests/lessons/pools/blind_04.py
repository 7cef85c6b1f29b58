"""Answers to the exercises of lesson 4 (DDPM), written from their specification alone, before the checks were read.

`WRONG` are answers that students would write, each with the short name of its mistake; `RIGHT` are right answers in
other styles.
"""

import math

import numpy as np
import torch


def _kept(t, s, schedule):
    return schedule.signal[t] / schedule.signal[s]


def _added(t, s, schedule):
    return schedule.noise[t] ** 2 - _kept(t, s, schedule) ** 2 * schedule.noise[s] ** 2


def _mean(x, x0_hat, t, s, schedule, kept=_kept, added=_added):
    of_x = kept(t, s, schedule) * schedule.noise[s] ** 2 / schedule.noise[t] ** 2
    return of_x * x + schedule.signal[s] * added(t, s, schedule) / schedule.noise[t] ** 2 * x0_hat


def _std(t, s, schedule):
    return _added(t, s, schedule).sqrt() * schedule.noise[s] / schedule.noise[t]


def _ddim(x, x0_hat, t, s, schedule):
    eps_hat = (x - schedule.signal[t] * x0_hat) / schedule.noise[t]
    return schedule.signal[s] * x0_hat + schedule.noise[s] * eps_hat


# 04.1 ----------------------------------------------------------------------------------------------------------------


def _both(kept=_kept, added=None):
    """The answer with this factor; what is added follows from it unless it is stated."""

    def answer(t, s, schedule):
        k = kept(t, s, schedule)
        if added is None:
            return k, schedule.noise[t] ** 2 - k**2 * schedule.noise[s] ** 2
        return k, added(k, t, s, schedule)

    return answer


def _kept_and_added_in_numpy(t, s, schedule):
    signal, noise = schedule.signal.numpy(), schedule.noise.numpy()
    k = signal[t] / signal[s]
    return np.array([k, (noise[t] + k * noise[s]) * (noise[t] - k * noise[s])])


def _kept_and_added_in_a_loop(t, s, schedule):
    k, a = 1.0, 0.0
    for u in range(s + 1, t + 1):
        step = float(schedule.signal[u] / schedule.signal[u - 1])
        a = step**2 * a + float(schedule.noise[u]) ** 2 - step**2 * float(schedule.noise[u - 1]) ** 2
        k *= step
    return [k, a]


def _kept_and_added_in_floats(t, s, schedule):
    k = math.exp(math.log(schedule.signal[t].item()) - math.log(schedule.signal[s].item()))
    return k, schedule.noise[t].item() ** 2 - (k * schedule.noise[s].item()) ** 2


def _kept_and_added_in_float32(t, s, schedule):
    signal, noise = schedule.signal.float(), schedule.noise.float()
    k = signal[t] / signal[s]
    return torch.stack([k, noise[t].square() - k.square() * noise[s].square()])


def _kept_and_added_over_powers(t, s, schedule):
    ratio = schedule.alpha_bar[t] / schedule.alpha_bar[s]
    return torch.sqrt(ratio), schedule.noise[t].pow(2).sub(ratio * schedule.noise[s].pow(2))


# 04.2 ----------------------------------------------------------------------------------------------------------------


def _weighted(of_x=None, of_x0=None):
    """The answer with another weight for x, for x0_hat or for both, each a function of k, a, t, s and the schedule."""

    def answer(x, x0_hat, t, s, schedule):
        k, a = _kept(t, s, schedule), _added(t, s, schedule)
        left = of_x(k, a, t, s, schedule) if of_x else k * schedule.noise[s] ** 2 / schedule.noise[t] ** 2
        right = of_x0(k, a, t, s, schedule) if of_x0 else schedule.signal[s] * a / schedule.noise[t] ** 2
        return left * x + right * x0_hat

    return answer


def _exchanged(x, x0_hat, t, s, schedule):
    return _mean(x0_hat, x, t, s, schedule)


def _mean_one_timestep_down(x, x0_hat, t, s, schedule):
    return _mean(x, x0_hat, t, t - 1, schedule)


def _mean_on_squares_that_add_to_one(x, x0_hat, t, s, schedule):
    alpha_bar = schedule.alpha_bar
    alpha = alpha_bar[t] / alpha_bar[s]
    of_x = alpha.sqrt() * (1 - alpha_bar[s]) / (1 - alpha_bar[t])
    return of_x * x + alpha_bar[s].sqrt() * (1 - alpha) / (1 - alpha_bar[t]) * x0_hat


def _mean_by_precisions(x, x0_hat, t, s, schedule):
    """Two Gaussian opinions about x_s, each weighted by its precision (s = 0 apart)."""
    if s == 0:
        return x0_hat.clone()
    k, a = _kept(t, s, schedule), _added(t, s, schedule)
    one, other = k**2 / a, 1 / schedule.noise[s] ** 2
    return (one * (x / k) + other * schedule.signal[s] * x0_hat) / (one + other)


def _mean_by_noise(x, x0_hat, t, s, schedule):
    eps_hat = (x - schedule.signal[t] * x0_hat) / schedule.noise[t]
    k, noise = _kept(t, s, schedule), schedule.noise
    return schedule.signal[s] * x0_hat + k * noise[s] ** 2 / noise[t] * eps_hat


def _mean_in_numpy(x, x0_hat, t, s, schedule):
    signal, noise = schedule.signal.numpy(), schedule.noise.numpy()
    k = signal[t] / signal[s]
    a = noise[t] ** 2 - k**2 * noise[s] ** 2
    return (k * noise[s] ** 2 * x.numpy() + signal[s] * a * x0_hat.numpy()) / noise[t] ** 2


def _mean_image_by_image(x, x0_hat, t, s, schedule):
    return torch.stack([_mean(x[k], x0_hat[k], t, s, schedule) for k in range(len(x))])


def _mean_in_einsum(x, x0_hat, t, s, schedule):
    k, a = _kept(t, s, schedule), _added(t, s, schedule)
    weights = torch.stack([k * schedule.noise[s] ** 2, schedule.signal[s] * a]) / schedule.noise[t] ** 2
    return torch.einsum("k,k...->...", weights.float(), torch.stack([x, x0_hat]).float())


# 04.3 ----------------------------------------------------------------------------------------------------------------


def _deviation(form):
    """The answer that is a function of a and of both noise rates."""
    return lambda t, s, schedule: form(_added(t, s, schedule), schedule.noise[t], schedule.noise[s])


def _root_of_product(t, s, schedule):
    return torch.sqrt(_added(t, s, schedule) * schedule.noise[s] ** 2 / schedule.noise[t] ** 2)


def _std_in_floats(t, s, schedule):
    k = float(schedule.signal[t]) / float(schedule.signal[s])
    n, m = float(schedule.noise[t]), float(schedule.noise[s])
    return math.sqrt(n * n - k * k * m * m) * m / n


def _std_in_numpy(t, s, schedule):
    signal, noise = schedule.signal.numpy(), schedule.noise.numpy()
    return noise[s] * np.sqrt(1 - (signal[t] * noise[s] / (signal[s] * noise[t])) ** 2)


def _std_by_precisions(t, s, schedule):
    if s == 0:
        return 0.0
    k, a = _kept(t, s, schedule), _added(t, s, schedule)
    return (k**2 / a + 1 / schedule.noise[s] ** 2) ** -0.5


def _std_in_float32(t, s, schedule):
    return _std(t, s, schedule).float().reshape(1)


# 04.4 ----------------------------------------------------------------------------------------------------------------


def _sampled(step=None, prediction=None, steps=lambda t: list(zip(t, t[1:], strict=False)), z=lambda n, k: n[k]):
    """The loop with one of its parts exchanged."""

    def answer(denoise, x, timesteps, noises, schedule):
        start = x
        for k, (t, s) in enumerate(steps(list(timesteps))):
            x0_hat = prediction(denoise, x, t, s, start) if prediction else denoise(x, t)
            if step:
                x = step(x, x0_hat, t, s, z(noises, k), schedule)
            else:
                x = _mean(x, x0_hat, t, s, schedule) + _std(t, s, schedule) * z(noises, k)
        return x

    return answer


def _mean_from_the_first(denoise, x, timesteps, noises, schedule):
    start = x
    for k, (t, s) in enumerate(zip(timesteps, timesteps[1:], strict=False)):
        x = _mean(start, denoise(x, t), t, s, schedule) + _std(t, s, schedule) * noises[k]
    return x


def _all_states(denoise, x, timesteps, noises, schedule):
    states = [x]
    for k, (t, s) in enumerate(zip(timesteps, timesteps[1:], strict=False)):
        states.append(_mean(states[-1], denoise(states[-1], t), t, s, schedule) + _std(t, s, schedule) * noises[k])
    return torch.stack(states)


def _return_inside(denoise, x, timesteps, noises, schedule):
    """What the loop returns if `return` stands inside it: the state after the first step."""
    t, s = timesteps[:2]
    return _mean(x, denoise(x, t), t, s, schedule) + _std(t, s, schedule) * noises[0]


def _sample_over_indices(denoise, x, timesteps, noises, schedule):
    for k in range(len(timesteps) - 1):
        t, s = timesteps[k], timesteps[k + 1]
        x = _mean(x, denoise(x, t), t, s, schedule) + _std(t, s, schedule) * noises[k]
    return x


def _sample_with_while(denoise, x, timesteps, noises, schedule):
    k = 0
    while k + 1 < len(timesteps):
        t, s = int(timesteps[k]), int(timesteps[k + 1])
        step = _mean(x, denoise(x, t), t, s, schedule)
        x = step if s == 0 else step + noises[k] * _std(t, s, schedule)
        k += 1
    return x


def _sample_with_iterators(denoise, x, timesteps, noises, schedule):
    for t, s, z in zip(timesteps[:-1], timesteps[1:], noises, strict=False):
        x = _mean_by_noise(x, denoise(x, t), t, s, schedule) + _root_of_product(t, s, schedule) * z
    return x


def _sample_recursively(denoise, x, timesteps, noises, schedule):
    if len(timesteps) < 2:
        return x
    t, s = timesteps[0], timesteps[1]
    x = _mean(x, denoise(x, t), t, s, schedule) + _std(t, s, schedule) * noises[0]
    return _sample_recursively(denoise, x, timesteps[1:], noises[1:], schedule)


def _sample_keeping_a_list(denoise, x, timesteps, noises, schedule):
    return _all_states(denoise, x, timesteps, noises, schedule)[-1]


# 04.5 ----------------------------------------------------------------------------------------------------------------


def _stepped(mean=_mean, std=_std, sign=1):
    """The answer that is this mean and this standard deviation times z."""
    return lambda x, x0_hat, t, s, z, schedule: mean(x, x0_hat, t, s, schedule) + sign * std(t, s, schedule) * z


def _from_beta(beta):
    """The DDPM step as the paper writes it, with a beta of its own."""

    def answer(x, x0_hat, t, s, z, schedule):
        b, alpha_bar = beta(t, s, schedule), schedule.alpha_bar
        of_x = (1 - b).sqrt() * (1 - alpha_bar[s]) / (1 - alpha_bar[t])
        of_x0 = alpha_bar[s].sqrt() * b / (1 - alpha_bar[t])
        return of_x * x + of_x0 * x0_hat + (b * (1 - alpha_bar[s]) / (1 - alpha_bar[t])).sqrt() * z

    return answer


def _one_step(t, schedule):
    return 1 - schedule.alpha_bar[t] / schedule.alpha_bar[t - 1]


def _same_noise_on_every_image(x, x0_hat, t, s, z, schedule):
    return _mean(x, x0_hat, t, s, schedule) + _std(t, s, schedule) * z[:1]


def _noise_inside_the_mean(x, x0_hat, t, s, z, schedule):
    return _mean(x + _std(t, s, schedule) * z, x0_hat, t, s, schedule)


def _step_in_numpy(x, x0_hat, t, s, z, schedule):
    return _mean_in_numpy(x, x0_hat, t, s, schedule) + float(_std_in_numpy(t, s, schedule)) * z.numpy()


def _step_image_by_image(x, x0_hat, t, s, z, schedule):
    step = _stepped()
    return torch.cat([step(x[k : k + 1], x0_hat[k : k + 1], t, s, z[k : k + 1], schedule) for k in range(len(x))])


WRONG = {
    "04.1": [
        (_both(lambda t, s, c: c.signal[s] / c.signal[t]), "k upside down"),
        (_both(added=lambda k, t, s, c: c.noise[t] ** 2 - k * c.noise[s] ** 2), "k not squared"),
        (_both(added=lambda k, t, s, c: c.noise[t] ** 2 - c.noise[s] ** 2), "old noise not shrunk"),
        (_both(added=lambda k, t, s, c: c.noise[t] - k * c.noise[s]), "rates subtracted"),
        (_both(added=lambda k, t, s, c: (c.noise[t] - k * c.noise[s]) ** 2), "difference squared"),
        (_both(added=lambda k, t, s, c: _added(t, s, c).sqrt()), "standard deviation for variance"),
        (_both(added=lambda k, t, s, c: 1 - k**2), "squares taken to add to one"),
        (_both(added=lambda k, t, s, c: c.noise[t] ** 2 + k**2 * c.noise[s] ** 2), "plus"),
        (_both(lambda t, s, c: c.alpha_bar[t] / c.alpha_bar[s]), "alpha for its root"),
        (_both(lambda t, s, c: _kept(t, t - 1, c)), "one timestep for the stride"),
        (_both(lambda t, s, c: c.signal[t]), "kept since the clean image"),
        (lambda t, s, c: (_added(t, s, c), _kept(t, s, c)), "order of the two"),
        (lambda t, s, c: _kept(t, s, c), "k alone"),
        (_both(lambda t, s, c: c.signal[s] - c.signal[t]), "difference for ratio"),
        (lambda t, s, c: (c.signal[t - s], c.noise[t - s] ** 2), "one table entry for the stride"),
    ],
    "04.2": [
        (_exchanged, "images exchanged"),
        (_weighted(of_x=lambda k, a, t, s, c: k**2 * c.noise[s] ** 2 / c.noise[t] ** 2), "k squared"),
        (_weighted(of_x=lambda k, a, t, s, c: c.noise[s] ** 2 / c.noise[t] ** 2), "no k"),
        (_weighted(of_x=lambda k, a, t, s, c: k * c.noise[s] / c.noise[t]), "noise rates not squared at x"),
        (_weighted(of_x=lambda k, a, t, s, c: c.noise[s] ** 2 / c.noise[t] ** 2 / k), "k upside down"),
        (_weighted(of_x0=lambda k, a, t, s, c: a / c.noise[t] ** 2), "no signal rate at the prediction"),
        (_weighted(of_x0=lambda k, a, t, s, c: c.signal[t] * a / c.noise[t] ** 2), "signal rate of t"),
        (_weighted(of_x0=lambda k, a, t, s, c: c.alpha_bar[s] * a / c.noise[t] ** 2), "alpha_bar for the rate"),
        (_weighted(of_x0=lambda k, a, t, s, c: c.signal[s] * a.sqrt() / c.noise[t] ** 2), "root of a"),
        (_weighted(of_x0=lambda k, a, t, s, c: c.signal[s] * a / c.noise[t]), "divisor not squared"),
        (_weighted(of_x0=lambda k, a, t, s, c: -c.signal[s] * a / c.noise[t] ** 2), "minus"),
        (_ddim, "DDIM step"),
        (_mean_one_timestep_down, "one timestep for the stride"),
        (_mean_on_squares_that_add_to_one, "squares taken to add to one"),
        (lambda x, x0_hat, t, s, c: _mean(x[0], x0_hat[0], t, s, c), "first image alone"),
    ],
    "04.3": [
        (_deviation(lambda a, n, m: a * m**2 / n**2), "variance"),
        (_deviation(lambda a, n, m: a.sqrt()), "root of a alone"),
        (_deviation(lambda a, n, m: a.sqrt() * n / m), "ratio upside down"),
        (_deviation(lambda a, n, m: a * m / n), "no root of a"),
        (_deviation(lambda a, n, m: a.sqrt() * m**2 / n**2), "ratio squared"),
        (_deviation(lambda a, n, m: (a * m / n).sqrt()), "root over the rates too"),
        (_deviation(lambda a, n, m: m), "noise rate of s"),
        (_deviation(lambda a, n, m: a.sqrt() * m), "not divided"),
        (_deviation(lambda a, n, m: (n**2 - m**2).sqrt() * m / n), "old noise not shrunk"),
        (_deviation(lambda a, n, m: 0 * a), "always zero"),
        (_deviation(lambda a, n, m: (a * m**2 / n**2).log() / 2), "logarithm"),
        (lambda t, s, c: _std(t, t - 1, c), "one timestep for the stride"),
        (lambda t, s, c: (1 - _kept(t, s, c) ** 2).sqrt() * c.noise[s] / c.noise[t], "squares taken to add to one"),
        (lambda t, s, c: (1 - _kept(t, s, c)).sqrt() * c.noise[s] / c.noise[t], "k not squared, too"),
        (lambda t, s, c: (c.noise[t] ** 2 - _kept(t, s, c) * c.noise[s] ** 2).sqrt() * c.noise[s] / c.noise[t], "k"),
    ],
    "04.4": [
        (_sampled(z=lambda n, k: n[0]), "one noise for all steps"),
        (_sampled(z=lambda n, k: n[k - 1]), "noise of the step before"),
        (_sampled(z=lambda n, k: n[-1 - k]), "noises from the end"),
        (_sampled(z=lambda n, k: n[k + 1]), "noise of the step after: past the end"),
        (_sampled(z=lambda n, k: 0 * n[k]), "no noise"),
        (_sampled(prediction=lambda f, x, t, s, start: f(x, s)), "network asked at s"),
        (_sampled(prediction=lambda f, x, t, s, start: f(start, t)), "network sees the first x"),
        (_sampled(steps=lambda t: list(zip(t[:-1], t[1:], strict=True))[:-1]), "last step left out"),
        (_sampled(steps=lambda t: list(zip(t[1:], t[2:], strict=False))), "first step left out"),
        (_sampled(steps=lambda t: list(zip(t[1:], t[:-1], strict=True))), "t and s exchanged"),
        (_sampled(step=lambda x, x0, t, s, z, c: _mean(x, x0, t, s, c) + _std(t, s, c) ** 2 * z), "variance for std"),
        (_sampled(step=lambda x, x0, t, s, z, c: c.signal[s] * x0 + c.noise[s] * z), "all noise fresh"),
        (_mean_from_the_first, "mean of the first x"),
        (_all_states, "all states"),
        (_return_inside, "return inside the loop"),
    ],
    "04.5": [
        (_stepped(std=lambda t, s, c: _std(t, s, c) ** 2), "variance for std"),
        (_stepped(std=lambda t, s, c: _added(t, s, c).sqrt()), "root of a alone"),
        (_stepped(std=lambda t, s, c: 0), "no noise"),
        (_stepped(std=lambda t, s, c: 1), "noise at full strength"),
        (_stepped(std=lambda t, s, c: c.noise[s]), "noise rate of s"),
        (_stepped(sign=-1), "sign of z"),
        (_stepped(std=lambda t, s, c: (_one_step(t, c) * c.noise[s] ** 2).sqrt() / c.noise[t]), "one-step beta in std"),
        (_stepped(mean=_ddim), "noise on top of DDIM"),
        (_stepped(mean=_exchanged), "images exchanged"),
        (_from_beta(lambda t, s, c: (t - s) * _one_step(t, c)), "one-step beta times the stride"),
        (_from_beta(lambda t, s, c: sum(_one_step(u, c) for u in range(s + 1, t + 1))), "betas added up"),
        (_from_beta(lambda t, s, c: 1 - c.alpha_bar[s] / c.alpha_bar[t]), "ratio upside down"),
        (_from_beta(lambda t, s, c: 1 - c.alpha_bar[t] / c.alpha_bar[s]), "squares taken to add to one"),
        (_same_noise_on_every_image, "first noise on every image"),
        (_noise_inside_the_mean, "noise before the mean"),
    ],
}

RIGHT = {
    "04.1": [
        _kept_and_added_in_numpy,
        _kept_and_added_in_a_loop,
        _kept_and_added_in_floats,
        _kept_and_added_in_float32,
        _kept_and_added_over_powers,
    ],
    "04.2": [_mean_by_precisions, _mean_by_noise, _mean_in_numpy, _mean_image_by_image, _mean_in_einsum],
    "04.3": [_root_of_product, _std_in_floats, _std_in_numpy, _std_by_precisions, _std_in_float32],
    "04.4": [
        _sample_over_indices,
        _sample_with_while,
        _sample_with_iterators,
        _sample_recursively,
        _sample_keeping_a_list,
    ],
    "04.5": [
        _stepped(),
        _stepped(mean=_mean_by_noise, std=_root_of_product),
        _stepped(mean=_mean_by_precisions, std=_std_by_precisions),
        _step_in_numpy,
        _step_image_by_image,
    ],
}
