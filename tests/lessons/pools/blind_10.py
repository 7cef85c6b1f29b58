"""Answers to the exercises of lesson 10 that were written without a look at its checks: WRONG ones and RIGHT ones."""

import math

import numpy as np
import torch
import torch.nn.functional as F

# 10.1 ---------------------------------------------------------------------------------------------------------------


def _start(choose, mix=lambda x0, eps, t, schedule: schedule.signal[t] * x0 + schedule.noise[t] * eps):
    def start_from(x0, strength, eps, schedule):
        t = choose(strength, schedule.T)
        return t, mix(x0, eps, t, schedule)

    return start_from


def _nearest(strength, T):
    return round(strength * T)


def _start_numpy(x0, strength, eps, schedule):
    t = int(np.rint(strength * schedule.T))
    return t, schedule.signal.numpy()[t] * x0.numpy() + schedule.noise.numpy()[t] * eps.numpy()


def _start_rates(x0, strength, eps, schedule):
    t = round(strength * schedule.T)
    signal, noise = schedule.rates(t, x0)
    return [t, (signal * x0 + noise * eps).to(x0.dtype)]


def _start_tensor(x0, strength, eps, schedule):
    t = torch.round(torch.tensor(strength * schedule.T, dtype=torch.float64)).long()
    return t, x0 * schedule.signal[t].item() + eps * schedule.noise[t].item()


def _start_early(x0, strength, eps, schedule):
    t = round(strength * (len(schedule.signal) - 1))
    return (0, x0) if t == 0 else (t, schedule.corrupt(x0, t, eps))


# 10.2 ---------------------------------------------------------------------------------------------------------------


def _noised(known, eps, t, schedule):
    return schedule.signal[t] * known + schedule.noise[t] * eps


def _keep_where(x, known, mask, eps, t, schedule):
    return torch.where(mask.expand_as(x) > 0.5, _noised(known, eps, t, schedule).to(x.dtype), x)


def _keep_numpy(x, known, mask, eps, t, schedule):
    x, known, mask, eps = (np.asarray(each, dtype=np.float64) for each in (x, known, mask, eps))
    return x + mask * (float(schedule.signal[t]) * known + float(schedule.noise[t]) * eps - x)


def _keep_loop(x, known, mask, eps, t, schedule):
    noised = _noised(known, eps, t, schedule)
    mask = mask.expand_as(x)
    return torch.stack([mask[k] * noised[k] + (1 - mask[k]) * x[k] for k in range(len(x))])


def _keep_two_cases(x, known, mask, eps, t, schedule):
    if t == 0:
        return mask * known + (1 - mask) * x
    return (1 - mask) * x + mask * schedule.signal[t] * known + mask * schedule.noise[t] * eps


# 10.3 ---------------------------------------------------------------------------------------------------------------


def _cosine(a, b):
    a, b = a.flatten(1), b.flatten(1)
    return ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).view(-1, *[1] * 3)[:, :1]


def _wide(x, like):
    return x.reshape(-1, *[1] * (like.ndim - 1))


def _angle(a, b):
    return _wide(_cosine(a, b).flatten(), a).clamp(-1, 1).acos()


def _blend(a, b, f, w):
    return (((1 - f) * w).sin() * a + (f * w).sin() * b) / w.sin()


def _slerp_loop(a, b, fraction):
    out = []
    for p, q in zip(a.double(), b.double(), strict=True):
        w = math.acos(float((p * q).sum() / (p.norm() * q.norm())))
        out.append(math.sin((1 - fraction) * w) / math.sin(w) * p + math.sin(fraction * w) / math.sin(w) * q)
    return torch.stack(out)


def _slerp_numpy(a, b, fraction):
    p, q = (np.asarray(each, dtype=np.float64).reshape(len(a), -1) for each in (a, b))
    w = np.arccos((p * q).sum(1) / np.linalg.norm(p, axis=1) / np.linalg.norm(q, axis=1))[:, None]
    return ((np.sin((1 - fraction) * w) * p + np.sin(fraction * w) * q) / np.sin(w)).reshape(a.shape)


def _slerp_library(a, b, fraction):
    w = _wide(F.cosine_similarity(a.flatten(1), b.flatten(1), dim=1).acos(), a)
    return _blend(a, b, fraction, w)


def _slerp_einsum(a, b, fraction):
    p, q = (each.flatten(1) / each.flatten(1).norm(dim=1, keepdim=True) for each in (a, b))
    w = _wide(torch.einsum("bi,bi->b", p, q).arccos(), a)
    return torch.sin(w - fraction * w) / torch.sin(w) * a + torch.sin(fraction * w) / torch.sin(w) * b


def _slerp_cotangent(a, b, fraction):
    w = _angle(a.double(), b.double())
    return (torch.cos(fraction * w) - torch.sin(fraction * w) / torch.tan(w)) * a + (fraction * w).sin() / w.sin() * b


def _slerp_batch(a, b, fraction):
    w = ((a * b).sum() / (a.norm() * b.norm())).acos()
    return _blend(a, b, fraction, w)


def _slerp_rows(a, b, fraction):
    w = F.cosine_similarity(a, b, dim=1).clamp(-1, 1).acos().unsqueeze(1)
    return _blend(a, b, fraction, w)


def _slerp_degrees(a, b, fraction):
    return _blend(a, b, fraction, torch.rad2deg(_angle(a, b)))


def _slerp_unit(a, b, fraction):
    p, q = (each / _wide(each.flatten(1).norm(dim=1), each) for each in (a, b))
    return _blend(p, q, fraction, _angle(a, b))


def _lerp_normed(a, b, fraction):
    mixed = (1 - fraction) * a + fraction * b
    return mixed * _wide(a.flatten(1).norm(dim=1) / mixed.flatten(1).norm(dim=1), a)


# 10.4 ---------------------------------------------------------------------------------------------------------------


def _inpaint(noise_to, first=lambda step, x, t, s: step(x, t, s)):
    def inpaint_step(step, x, known, mask, eps, t, s, schedule):
        x = first(step, x, t, s)
        return mask * _noised(known, eps, noise_to(t, s), schedule) + (1 - mask) * x

    return inpaint_step


def _known_before(timestep):
    def inpaint_step(step, x, known, mask, eps, t, s, schedule):
        return step(mask * _noised(known, eps, timestep(t, s), schedule) + (1 - mask) * x, t, s)

    return inpaint_step


def _inpaint_by(keep):
    return lambda step, x, known, mask, eps, t, s, schedule: keep(step(x, t, s), known, mask, eps, s, schedule)


# 10.5 ---------------------------------------------------------------------------------------------------------------


def _up(x):
    return x.repeat_interleave(2, -1).repeat_interleave(2, -2)


def _down(x):
    return F.avg_pool2d(x, 2)


def _hold_loop(x0_hat, small):
    out = x0_hat.clone()
    for i in range(small.shape[-2]):
        for j in range(small.shape[-1]):
            block = out[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            block += (small[:, :, i, j] - block.mean((2, 3)))[:, :, None, None]
    return out


def _hold_numpy(x0_hat, small):
    x, y = np.array(x0_hat, dtype=np.float64), np.asarray(small, dtype=np.float64)
    b, c, h, w = y.shape
    blocks = x.reshape(b, c, h, 2, w, 2)
    return (blocks - blocks.mean((3, 5), keepdims=True) + y[:, :, :, None, :, None]).reshape(x.shape)


def _hold_slices(x0_hat, small):
    corners = [x0_hat[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    missing = small - sum(corners) / 4
    return x0_hat + F.interpolate(missing, scale_factor=2, mode="nearest")


def _hold_kron(x0_hat, small):
    missing = small - F.interpolate(x0_hat, scale_factor=0.5, mode="area")
    return x0_hat + torch.kron(missing, torch.ones(2, 2, dtype=missing.dtype))


def _tiled(x):
    return x.repeat(1, 1, 2, 2)


# 10.6 ---------------------------------------------------------------------------------------------------------------


def _path(timesteps, jump, repeats):
    path, k = [timesteps[0]], 0
    while k < len(timesteps) - 1:
        stretch = timesteps[k + 1 : k + 1 + jump]
        for r in range(repeats):
            if r:
                path.append(timesteps[k])
            path += stretch
        k += jump
    return path


def _path_sum(timesteps, jump, repeats):
    pieces = [list(timesteps[k : k + jump + 1]) * repeats for k in range(0, len(timesteps) - 1, jump)]
    return pieces[0] + [t for piece in pieces[1:] for t in piece[1:]]


def _path_recursive(timesteps, jump, repeats):
    timesteps = list(timesteps)
    if len(timesteps) <= 1:
        return timesteps
    here = timesteps[: jump + 1] * repeats
    rest = _path_recursive(timesteps[jump:], jump, repeats)
    return here + rest[1:]


def _path_tensor(timesteps, jump, repeats):
    return torch.tensor(_path(list(timesteps), jump, repeats))


def _path_walker(timesteps, jump, repeats):
    last = len(timesteps) - 1
    at, path = 0, [0]
    while at < last:
        low = min(at + jump, last)
        for _ in range(repeats - 1):
            path.extend(range(at + 1, low + 1))
            path.append(at)
        path.extend(range(at + 1, low + 1))
        at = low
    return [timesteps[k] for k in path]


def _path_double(timesteps, jump, repeats):
    pieces = [list(timesteps[k : k + jump + 1]) * repeats for k in range(0, len(timesteps) - 1, jump)]
    return [t for piece in pieces for t in piece]


def _path_overlap(timesteps, jump, repeats):
    pieces = [list(timesteps[k : k + jump]) * repeats for k in range(0, len(timesteps), jump)]
    return [t for piece in pieces for t in piece]


WRONG = {
    "10.1": [
        (_start(lambda strength, T: round((1 - strength) * T)), "strength reversed"),
        (_start(lambda strength, T: round(strength * T) + 1 if strength < 1 else T), "one timestep too high"),
        (_start(lambda strength, T: max(round(strength * T) - 1, 0)), "one timestep too low"),
        (_start(lambda strength, T: T), "always from pure noise"),
        (_start(_nearest, lambda x0, eps, t, schedule: x0), "the image is not noised"),
        (_start(_nearest, lambda x0, eps, t, schedule: eps), "pure noise, the image is lost"),
        (_start(_nearest, lambda x0, eps, t, schedule: x0 + schedule.noise[t] * eps), "the image does not shrink"),
        (
            _start(_nearest, lambda x0, eps, t, schedule: schedule.alpha_bar[t] * x0 + schedule.noise[t] * eps),
            "alpha_bar for the signal rate",
        ),
        (
            _start(_nearest, lambda x0, eps, t, schedule: schedule.signal[t] * x0 + schedule.noise[t] ** 2 * eps),
            "variance for the noise rate",
        ),
        (
            _start(_nearest, lambda x0, eps, t, schedule: schedule.noise[t] * x0 + schedule.signal[t] * eps),
            "rates exchanged",
        ),
        (
            lambda x0, strength, eps, schedule: (
                round(strength * schedule.T),
                (1 - strength) * x0 + strength * eps,
            ),
            "strength taken for a rate",
        ),
        (lambda *a: _start_rates(*a)[1], "t is not returned"),
        (
            lambda x0, strength, eps, schedule: (
                strength * schedule.T,
                _noised(x0, eps, round(strength * schedule.T), schedule),
            ),
            "t is no whole number",
        ),
        (
            lambda x0, strength, eps, schedule: (
                strength,
                _noised(x0, eps, round(strength * schedule.T), schedule),
            ),
            "returns the strength for t",
        ),
        (
            lambda x0, strength, eps, schedule: (
                round(strength * schedule.T),
                _noised(x0, eps, schedule.T - round(strength * schedule.T), schedule),
            ),
            "noised to T - t",
        ),
    ],
    "10.2": [
        (
            lambda x, known, mask, eps, t, sch: mask * x + (1 - mask) * _noised(known, eps, t, sch),
            "mask inverted",
        ),
        (lambda x, known, mask, eps, t, sch: mask * known + (1 - mask) * x, "known part stays clean"),
        (lambda x, known, mask, eps, t, sch: _noised(known, eps, t, sch), "mask not used"),
        (
            lambda x, known, mask, eps, t, sch: mask * _noised(known, eps, max(t - 1, 0), sch) + (1 - mask) * x,
            "one timestep too low",
        ),
        (
            lambda x, known, mask, eps, t, sch: mask * _noised(known, eps, min(t + 1, sch.T), sch) + (1 - mask) * x,
            "one timestep too high",
        ),
        (lambda x, known, mask, eps, t, sch: mask * _noised(known, eps, t, sch) + x, "x is added everywhere"),
        (lambda x, known, mask, eps, t, sch: mask * _noised(known, eps, t, sch), "the unknown part is zero"),
        (
            lambda x, known, mask, eps, t, sch: (
                mask * (sch.signal[t] * known + sch.noise[t] ** 2 * eps) + (1 - mask) * x
            ),
            "variance for the noise rate",
        ),
        (
            lambda x, known, mask, eps, t, sch: mask * (sch.alpha_bar[t] * known + sch.noise[t] * eps) + (1 - mask) * x,
            "alpha_bar for the signal rate",
        ),
        (
            lambda x, known, mask, eps, t, sch: mask * (known + sch.noise[t] * eps) + (1 - mask) * x,
            "known part does not shrink",
        ),
        (
            lambda x, known, mask, eps, t, sch: mask * (sch.noise[t] * known + sch.signal[t] * eps) + (1 - mask) * x,
            "rates exchanged",
        ),
        (
            lambda x, known, mask, eps, t, sch: mask * sch.signal[t] * known + sch.noise[t] * eps + (1 - mask) * x,
            "noise also on the unknown part",
        ),
        (
            lambda x, known, mask, eps, t, sch: mask * (sch.signal[t] * known) + (1 - mask) * x,
            "known part without noise",
        ),
        (
            lambda x, known, mask, eps, t, sch: mask * (sch.signal[t] * known + eps) + (1 - mask) * x,
            "noise at full strength",
        ),
        (
            lambda x, known, mask, eps, t, sch: mask * (sch.signal[t] * x + sch.noise[t] * eps) + (1 - mask) * x,
            "noises x, the known image is not used",
        ),
    ],
    "10.3": [
        (lambda a, b, f: (1 - f) * a + f * b, "straight line"),
        (lambda a, b, f: _blend(b, a, f, _angle(a, b)), "the ends exchanged"),
        (_slerp_batch, "one angle for the batch"),
        (_slerp_rows, "angle along the channels"),
        (lambda a, b, f: ((1 - f) * _angle(a, b)).sin() * a + (f * _angle(a, b)).sin() * b, "sin w missing"),
        (_slerp_unit, "ends of length one"),
        (lambda a, b, f: _blend(a, b, f, _cosine(a, b).flatten().view(-1, *[1] * (a.ndim - 1))), "acos forgotten"),
        (_slerp_degrees, "angle in degrees"),
        (
            lambda a, b, f: ((1 - f) * math.pi / 2 * torch.ones(1)).sin() * a + math.sin(f * math.pi / 2) * b,
            "a right angle assumed",
        ),
        (
            lambda a, b, f: (((1 - f) * _angle(a, b)).cos() * a + (f * _angle(a, b)).cos() * b) / _angle(a, b).sin(),
            "cos for sin",
        ),
        (lambda a, b, f: ((1 - f) * a + f * b) / math.sqrt((1 - f) ** 2 + f**2), "straight line, rescaled on average"),
        (_lerp_normed, "straight line, rescaled to a's norm"),
        (lambda a, b, f: _blend(a, -b, f, _angle(a, b)), "sign of b"),
        (lambda a, b, f: math.sqrt(1 - f) * a + math.sqrt(f) * b, "roots as weights"),
        (lambda a, b, f: _blend(a, b, f, _angle(a, b)).flatten(1), "shape lost"),
    ],
    "10.4": [
        (_inpaint(lambda t, s: 0), "known pixels stay clean"),
        (_inpaint(lambda t, s: max(s - 1, 0)), "one timestep too low"),
        (_inpaint(lambda t, s: s + 1 if s + 1 < t else t - 1), "one timestep too high"),
        (_inpaint(lambda t, s: t - s), "noised to the difference"),
        (_known_before(lambda t, s: t), "known pixels first, then the step"),
        (_known_before(lambda t, s: s), "known pixels at s first, then the step"),
        (_inpaint(lambda t, s: s, lambda step, x, t, s: x), "no step"),
        (_inpaint(lambda t, s: s, lambda step, x, t, s: step(x, s, t)), "the step goes the wrong way"),
        (_inpaint(lambda t, s: s, lambda step, x, t, s: step(step(x, t, s), t, s)), "two steps"),
        (lambda step, x, known, mask, eps, t, s, sch: step(x, t, s), "known pixels forgotten"),
        (
            lambda step, x, known, mask, eps, t, s, sch: (
                (1 - mask) * _noised(known, eps, s, sch) + mask * step(x, t, s)
            ),
            "mask inverted",
        ),
        (
            lambda step, x, known, mask, eps, t, s, sch: mask * _noised(known, eps, s, sch) + step(x, t, s),
            "the step is added everywhere",
        ),
        (
            lambda step, x, known, mask, eps, t, s, sch: (
                mask * (sch.signal[s] * known + sch.noise[t] * eps) + (1 - mask) * step(x, t, s)
            ),
            "signal of s, noise of t",
        ),
        (
            lambda step, x, known, mask, eps, t, s, sch: (
                mask * (sch.signal[t] * known + sch.noise[s] * eps) + (1 - mask) * step(x, t, s)
            ),
            "signal of t, noise of s",
        ),
        (
            lambda step, x, known, mask, eps, t, s, sch: mask * sch.signal[s] * known + (1 - mask) * step(x, t, s),
            "known pixels without noise",
        ),
    ],
    "10.5": [
        (lambda x, small: _up(small), "only the small image"),
        (lambda x, small: x - _up(small - _down(x)), "sign"),
        (lambda x, small: x + _up(small), "the mean is not taken away"),
        (lambda x, small: x - _up(_down(x)), "the small image is not added"),
        (lambda x, small: x + _tiled(small - _down(x)), "tiled instead of enlarged"),
        (lambda x, small: x + _up(small - x[:, :, ::2, ::2]), "one pixel for the mean"),
        (lambda x, small: x + _up(small - 4 * _down(x)), "sum for the mean"),
        (lambda x, small: x + _up(small - F.max_pool2d(x, 2)), "maximum for the mean"),
        (lambda x, small: x + _up(small - x.mean((2, 3), keepdim=True)), "mean of the whole image"),
        (lambda x, small: x + _up(small - _down(x)) / 4, "divided by four"),
        (lambda x, small: (x + _up(small)) / 2, "average of the two"),
        (
            lambda x, small: x + F.interpolate(small - _down(x), scale_factor=2, mode="bilinear"),
            "enlarged smoothly",
        ),
        (lambda x, small: small - _down(x), "only the difference, small"),
        (lambda x, small: x + _up(small - _down(x).mean(1, keepdim=True)), "mean over the channels, too"),
        (lambda x, small: x + small - _down(x), "not enlarged: raises"),
    ],
    "10.6": [
        (lambda timesteps, jump, repeats: list(timesteps), "no repetition"),
        (lambda timesteps, jump, repeats: _path(timesteps, jump, repeats + 1), "once too often"),
        (lambda timesteps, jump, repeats: list(timesteps) * repeats, "the whole walk repeated"),
        (lambda timesteps, jump, repeats: list(timesteps) + list(timesteps)[1:] * (repeats - 1), "repeated at the end"),
        (_path_double, "the ends of a stretch twice"),
        (_path_overlap, "blocks of jump timesteps, ends not shared"),
        (lambda timesteps, jump, repeats: [t for t in timesteps for _ in range(repeats)], "each timestep repeated"),
        (lambda timesteps, jump, repeats: _path(timesteps, repeats, jump), "jump and repeats exchanged"),
        (lambda timesteps, jump, repeats: _path(timesteps, jump, repeats)[1:], "the start is missing"),
        (lambda timesteps, jump, repeats: _path(timesteps, jump, repeats)[:-1], "the end is missing"),
        (lambda timesteps, jump, repeats: _path(timesteps, jump, repeats)[::-1], "upside down"),
        (lambda timesteps, jump, repeats: _path(timesteps, jump + 1, repeats), "stretches one step too long"),
        (lambda timesteps, jump, repeats: len(_path(timesteps, jump, repeats)), "returns a number of steps"),
        (
            lambda timesteps, jump, repeats: _path(timesteps[: jump + 1], jump, repeats) + list(timesteps[jump + 1 :]),
            "only the first stretch repeated",
        ),
    ],
}

RIGHT = {
    "10.1": [_start(_nearest), _start_numpy, _start_rates, _start_tensor, _start_early],
    "10.2": [
        lambda x, known, mask, eps, t, schedule: mask * _noised(known, eps, t, schedule) + (1 - mask) * x,
        _keep_where,
        _keep_numpy,
        _keep_loop,
        _keep_two_cases,
    ],
    "10.3": [_slerp_loop, _slerp_numpy, _slerp_library, _slerp_einsum, _slerp_cotangent],
    "10.4": [
        _inpaint(lambda t, s: s),
        _inpaint_by(_keep_where),
        _inpaint_by(_keep_numpy),
        _inpaint_by(_keep_loop),
        _inpaint_by(_keep_two_cases),
    ],
    "10.5": [
        lambda x0_hat, small: x0_hat + _up(small - _down(x0_hat)),
        _hold_loop,
        _hold_numpy,
        _hold_slices,
        _hold_kron,
    ],
    "10.6": [_path, _path_sum, _path_recursive, _path_tensor, _path_walker],
}
