"""Wrong and right answers to the exercises of lesson 07, written from the specification alone."""

import math

import numpy as np
import torch


def side(theta, x):
    return theta.reshape(-1, *[1] * (x.ndim - 1))


def pair(x0, theta, eps):
    c, s = side(theta, x0).cos(), side(theta, x0).sin()
    return c * x0 + s * eps, c * eps - s * x0


def v_loss(net, x0, theta, eps):
    y, v = pair(x0, theta, eps)
    return ((net(y, theta) - v) ** 2).mean()


def v_loss_numpy(net, x0, theta, eps):
    c, s = np.cos(theta.numpy()), np.sin(theta.numpy())
    c, s = (each.reshape(-1, *[1] * (x0.ndim - 1)) for each in (c, s))
    y = torch.as_tensor(c * x0.numpy() + s * eps.numpy(), dtype=x0.dtype)
    return float(np.mean((net(y, theta).detach().numpy() - (c * eps.numpy() - s * x0.numpy())) ** 2))


def v_loss_loop(net, x0, theta, eps):
    ys = torch.stack([t.cos() * a + t.sin() * e for a, t, e in zip(x0, theta, eps, strict=True)])
    out, total = net(ys, theta), 0.0
    for k in range(len(x0)):
        total = total + ((out[k] - theta[k].cos() * eps[k] + theta[k].sin() * x0[k]) ** 2).mean()
    return total / len(x0)


def v_loss_turned(net, x0, theta, eps):
    """v is y a quarter turn further."""
    y, _ = pair(x0, theta, eps)
    _, _ = x0, eps
    v = side(theta + math.pi / 2, x0).cos() * x0 + side(theta + math.pi / 2, x0).sin() * eps
    return torch.nn.functional.mse_loss(net(y, theta), v)


def v_loss_norm(net, x0, theta, eps):
    y, v = pair(x0, theta, eps)
    return torch.linalg.vector_norm(net(y, theta) - v) ** 2 / v.numel()


def v_loss_with(target=None, noisy=None, given=None, error=None):
    """The loss with one part exchanged: functions of (x0, theta shaped, eps), of theta, or of the difference."""

    def loss(net, x0, theta, eps):
        shaped = side(theta, x0)
        y, v = pair(x0, theta, eps)
        v = target(x0, shaped, eps) if target else v
        y = noisy(x0, shaped, eps) if noisy else y
        difference = net(y, given(theta) if given else theta) - v
        return error(difference) if error else (difference**2).mean()

    return loss


def first_angle_for_all(net, x0, theta, eps):
    return v_loss(net, x0, theta[:1].expand(len(theta)), eps)


def fresh_target(net, x0, theta, eps):
    y, _ = pair(x0, theta, eps)
    return ((net(y, theta) - pair(x0, theta, torch.randn_like(eps))[1]) ** 2).mean()


def unshaped(net, x0, theta, eps):
    y = theta.cos() * x0 + theta.sin() * eps
    return ((net(y, theta) - (theta.cos() * eps - theta.sin() * x0)) ** 2).mean()


def rate(step, decay):
    return min(decay, (1 + step) / (10 + step))


def training(
    *,
    zero="before",
    order="backward step",
    loss_of=v_loss,
    pick=lambda k, batches, angles, noises: (batches[k], angles[k], noises[k]),
    collect=lambda losses: losses,
    rounds=range,
    final=False,
):
    """A loop with one part exchanged."""

    def train(net, optimizer, batches, angles, noises):
        losses = []
        for k in rounds(len(batches)):
            x0, theta, eps = pick(k, batches, angles, noises)
            loss = loss_of(net, x0, theta, eps)
            if zero == "before":
                optimizer.zero_grad()
            if order == "step backward":
                optimizer.step()
            loss.backward()
            if zero == "between":
                optimizer.zero_grad()
            if order == "backward step" and not final:
                optimizer.step()
            losses.append(loss.item())
        if final:
            optimizer.step()
        return collect(losses)

    return train


def loss_after_the_step(net, optimizer, batches, angles, noises):
    losses = []
    for x0, theta, eps in zip(batches, angles, noises, strict=True):
        optimizer.zero_grad()
        v_loss(net, x0, theta, eps).backward()
        optimizer.step()
        losses.append(v_loss(net, x0, theta, eps).item())
    return losses


def stepped_twice(net, optimizer, batches, angles, noises):
    losses = []
    for x0, theta, eps in zip(batches, angles, noises, strict=True):
        loss = v_loss(net, x0, theta, eps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer.step()
        losses.append(loss.item())
    return losses


def running_totals(losses):
    return np.cumsum(losses).tolist()


def train_zip(net, optimizer, batches, angles, noises):
    losses = []
    for x0, theta, eps in zip(batches, angles, noises, strict=True):
        loss = v_loss(net, x0, theta, eps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def train_zero_last(net, optimizer, batches, angles, noises):
    losses = [0.0] * len(batches)
    optimizer.zero_grad()
    for k, x0 in enumerate(batches):
        loss = v_loss(net, x0, angles[k], noises[k])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses[k] = loss.item()
    return losses


def train_by_hand(net, optimizer, batches, angles, noises):
    losses = []
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for x0, theta, eps in zip(batches, angles, noises, strict=True):
        loss = v_loss(net, x0, theta, eps)
        for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p.grad = gradient
        optimizer.step()
        losses.append(loss.detach().double().numpy().item())
    return losses


def train_closure(net, optimizer, batches, angles, noises):
    def one(x0, theta, eps):
        def closure():
            optimizer.zero_grad()
            loss = v_loss_turned(net, x0, theta, eps)
            loss.backward()
            return loss

        return optimizer.step(closure).item()

    return list(map(one, batches, angles, noises))


def quarter(u):
    return u * math.pi / 2


def batch_with(angle=quarter, y=None, v=None, theta_of=None):
    def training_batch(x0, u, eps):
        theta = angle(u)
        noisy, target = pair(x0, theta, eps)
        shaped = side(theta, x0)
        return (
            y(x0, shaped, eps) if y else noisy,
            theta_of(theta, u) if theta_of else theta,
            v(x0, shaped, eps) if v else target,
        )

    return training_batch


def batch_loop(x0, u, eps):
    rows = [
        (math.cos(a) * x + math.sin(a) * e, a, math.cos(a) * e - math.sin(a) * x)
        for x, a, e in zip(x0, (u * math.pi / 2).tolist(), eps, strict=True)
    ]
    return torch.stack([r[0] for r in rows]), torch.tensor([r[1] for r in rows]), torch.stack([r[2] for r in rows])


def batch_numpy(x0, u, eps):
    theta = np.pi / 2 * u.numpy()
    s, c = (each.reshape(-1, *[1] * (x0.ndim - 1)) for each in (np.sin(theta), np.cos(theta)))
    return [c * x0.numpy() + s * eps.numpy(), theta, c * eps.numpy() - s * x0.numpy()]


def batch_rates(x0, u, eps):
    """From the sine alone: on this quarter of the circle the cosine is the root of the rest."""
    theta = math.pi * u / 2
    s = side(theta.sin(), x0)
    c = (1 - s**2).sqrt()
    return c * x0 + s * eps, theta, c * eps - s * x0


def batch_complex(x0, u, eps):
    theta = torch.acos(torch.cos(math.pi * u.double() / 2))
    turned = torch.polar(torch.ones_like(theta), theta).reshape(-1, *[1] * (x0.ndim - 1)) * torch.complex(
        x0.double(), -eps.double()
    )
    return turned.real, theta, -turned.imag


WRONG = {
    "07.1": [
        (v_loss_with(target=lambda x0, a, eps: eps), "eps as the target"),
        (v_loss_with(target=lambda x0, a, eps: x0), "x0 as the target"),
        (v_loss_with(target=lambda x0, a, eps: a.cos() * eps + a.sin() * x0), "plus in v"),
        (v_loss_with(target=lambda x0, a, eps: a.sin() * x0 - a.cos() * eps), "v with the other sign"),
        (v_loss_with(target=lambda x0, a, eps: a.cos() * x0 - a.sin() * eps), "image and noise swapped in v"),
        (v_loss_with(noisy=lambda x0, a, eps: a.sin() * x0 + a.cos() * eps), "sine and cosine swapped in y"),
        (v_loss_with(noisy=lambda x0, a, eps: x0), "network sees the clean image"),
        (v_loss_with(noisy=lambda x0, a, eps: a.cos() * x0 - a.sin() * eps), "noise subtracted"),
        (v_loss_with(given=torch.zeros_like), "network not given theta"),
        (v_loss_with(error=lambda d: (d**2).sum()), "sum"),
        (v_loss_with(error=lambda d: d.abs().mean()), "absolute error"),
        (v_loss_with(error=lambda d: (d**2).mean().sqrt()), "root of the mean"),
        (first_angle_for_all, "one angle for the batch"),
        (fresh_target, "fresh noise in the target"),
        (unshaped, "theta not reshaped"),
    ],
    "07.2": [
        (lambda kind, power: 1.0, "1 for all"),
        (lambda kind, power: power, "power for all"),
        (lambda kind, power: {"eps": 1, "x0": power, "v": 1 + power, "flow": 1 + power}[kind], "v without the half"),
        (
            lambda kind, power: {"eps": 1, "x0": power, "v": (1 + power) / 2, "flow": (1 + power) / 2}[kind],
            "flow like v",
        ),
        (
            lambda kind, power: {"eps": power, "x0": 1, "v": (1 + power) / 2, "flow": 1 + power}[kind],
            "eps and x0 swapped",
        ),
        (lambda kind, power: {"eps": 1, "x0": power, "v": (1 + power) / 2, "flow": 1 - power}[kind], "minus in flow"),
        (lambda kind, power: {"eps": 1, "x0": power, "v": (1 - power) / 2, "flow": 1 + power}[kind], "minus in v"),
        (
            lambda kind, power: {"eps": 1, "x0": power**2, "v": (1 + power**2) / 2, "flow": 1 + power**2}[kind],
            "power squared",
        ),
        (
            lambda kind, power: {"eps": 1, "x0": power**0.5, "v": (1 + power**0.5) / 2, "flow": 1 + power**0.5}[kind],
            "root of the power",
        ),
        (lambda kind, power: {"eps": 0, "x0": power, "v": (1 + power) / 2, "flow": 1 + power}[kind], "eps 0"),
        (lambda kind, power: {"eps": 1, "x0": power, "v": 1, "flow": 1 + power}[kind], "v is 1"),
        (lambda kind, power: {"eps": 1, "x0": power, "v": power**0.5, "flow": 1 + power}[kind], "geometric mean for v"),
        (lambda kind, power: {"eps": 1, "x0": 0, "v": (1 + power) / 2, "flow": 1 + power}[kind], "x0 0"),
        (
            lambda kind, power: {"eps": 1, "x0": power, "v": (1 + power) * 2 / math.pi, "flow": 1 + power}[kind],
            "two over pi for v",
        ),
        (
            lambda kind, power: {"eps": 1, "x0": power, "v": (1 + power) / 2, "flow": (1 + power**0.5) ** 2}[kind],
            "standard deviations added in flow",
        ),
    ],
    "07.3": [
        (lambda a, w, step, decay: decay * a + (1 - decay) * w, "no warm-up"),
        (
            lambda a, w, step, decay: (1 - rate(step, decay)) * a + rate(step, decay) * w,
            "decay and 1 - decay swapped",
        ),
        (
            lambda a, w, step, decay: (
                max(decay, (1 + step) / (10 + step)) * a + (1 - max(decay, (1 + step) / (10 + step))) * w
            ),
            "max for min",
        ),
        (
            lambda a, w, step, decay: (1 + step) / (10 + step) * a + (1 - (1 + step) / (10 + step)) * w,
            "warm-up only",
        ),
        (lambda a, w, step, decay: w, "the weights themselves"),
        (lambda a, w, step, decay: a, "the average unchanged"),
        (
            lambda a, w, step, decay: min(decay, step / (10 + step)) * a + (1 - min(decay, step / (10 + step))) * w,
            "step without 1 +",
        ),
        (lambda a, w, step, decay: rate(step, decay) * a + w, "weight not scaled"),
        (lambda a, w, step, decay: a + (1 - rate(step, decay)) * w, "average not scaled"),
        (lambda a, w, step, decay: rate(step, decay) * a - (1 - rate(step, decay)) * w, "minus"),
        (lambda a, w, step, decay: (a + w) / 2, "plain mean"),
        (lambda a, w, step, decay: (step * a + w) / (step + 1), "running mean"),
        (lambda a, w, step, decay: rate(step, decay) * a + (1 - decay) * w, "two different decays"),
        (
            lambda a, w, step, decay: decay**step * a + (1 - decay**step) * w,
            "decay to the power of the step",
        ),
        (
            lambda a, w, step, decay: decay * (1 + step) / (10 + step) * a + (1 - decay * (1 + step) / (10 + step)) * w,
            "decay times the warm-up",
        ),
    ],
    "07.4": [
        (training(zero="never"), "no zero_grad"),
        (training(zero="between"), "zero_grad after backward"),
        (training(loss_of=v_loss_with(target=lambda x0, a, eps: eps)), "loss of eps"),
        (training(order="step backward", zero="never"), "step before backward"),
        (training(final=True), "one step at the end"),
        (training(pick=lambda k, b, a, n: (b[0], a[k], n[k])), "first batch only"),
        (training(pick=lambda k, b, a, n: (b[k], a[0], n[k])), "first angles only"),
        (training(pick=lambda k, b, a, n: (b[k], a[k], n[0])), "first noise only"),
        (training(collect=lambda losses: losses[-1]), "last loss only"),
        (training(collect=lambda losses: sum(losses) / len(losses)), "mean of the losses"),
        (training(collect=running_totals), "running totals"),
        (training(rounds=lambda n: range(1, n)), "first batch skipped"),
        (training(rounds=lambda n: range(n - 1)), "last batch skipped"),
        (loss_after_the_step, "loss measured after the step"),
        (stepped_twice, "two steps per batch"),
    ],
    "07.5": [
        (batch_with(angle=lambda u: (quarter(u).mean()).expand(len(u))), "mean angle for the batch"),
        (batch_with(angle=lambda u: quarter(u[-1:]).expand(len(u))), "last angle for the batch"),
        (batch_with(angle=lambda u: u), "u as the angle"),
        (batch_with(angle=lambda u: u * math.pi), "half a turn"),
        (batch_with(angle=lambda u: u * 2 * math.pi), "a whole turn"),
        (batch_with(angle=lambda u: quarter(1 - u)), "from the other end"),
        (batch_with(theta_of=lambda theta, u: u), "u handed out as theta"),
        (batch_with(theta_of=lambda theta, u: theta[:1]), "one theta handed out"),
        (
            batch_with(theta_of=lambda theta, u: theta[:1].expand(len(u))),
            "right images, theta of the first for all",
        ),
        (batch_with(v=lambda x0, a, eps: a.cos() * eps + a.sin() * x0), "plus in v"),
        (batch_with(v=lambda x0, a, eps: eps), "eps as the target"),
        (
            batch_with(
                y=lambda x0, a, eps: a.sin() * x0 + a.cos() * eps, v=lambda x0, a, eps: a.sin() * eps - a.cos() * x0
            ),
            "sine and cosine swapped",
        ),
        (batch_with(y=lambda x0, a, eps: a.flatten()[0].cos() * x0 + a.flatten()[0].sin() * eps), "y still at u[0]"),
        (
            batch_with(v=lambda x0, a, eps: a.flatten()[0].cos() * eps - a.flatten()[0].sin() * x0),
            "v still at u[0]",
        ),
        (
            lambda x0, u, eps: (
                quarter(u).cos() * x0 + quarter(u).sin() * eps,
                quarter(u),
                quarter(u).cos() * eps - quarter(u).sin() * x0,
            ),
            "not reshaped",
        ),
    ],
}

RIGHT = {
    "07.1": [v_loss, v_loss_numpy, v_loss_loop, v_loss_turned, v_loss_norm],
    "07.2": [
        lambda kind, power: {"eps": 1, "x0": power, "v": (1 + power) / 2, "flow": 1 + power}[kind],
        lambda kind, power: np.dot({"eps": (1, 0), "x0": (0, 1), "v": (0.5, 0.5), "flow": (1, 1)}[kind], (1, power)),
        lambda kind, power: (
            1.0 if kind == "eps" else power if kind == "x0" else power + 1 if kind == "flow" else power / 2 + 0.5
        ),
        lambda kind, power: torch.tensor(
            [1.0, power, 0.5 * power + 0.5, power + 1.0][["eps", "x0", "v", "flow"].index(kind)]
        ),
        lambda kind, power: (
            (kind != "x0") * (0.5 if kind == "v" else 1) + (kind != "eps") * power * (0.5 if kind == "v" else 1)
        ),
    ],
    "07.3": [
        lambda a, w, step, decay: w + rate(step, decay) * (a - w),
        lambda a, w, step, decay: a - (1 - rate(step, decay)) * (a - w),
        lambda a, w, step, decay: torch.lerp(
            torch.as_tensor(a).double(), torch.as_tensor(w).double(), 1 - rate(step, decay)
        ),
        lambda a, w, step, decay: np.average(
            [np.asarray(a), np.asarray(w)], axis=0, weights=[rate(step, decay), 1 - rate(step, decay)]
        ),
        lambda a, w, step, decay: (
            decay * a + (1 - decay) * w if (1 + step) / (10 + step) > decay else (a * (1 + step) + w * 9) / (10 + step)
        ),
    ],
    "07.4": [train_zip, train_zero_last, train_by_hand, train_closure, training()],
    "07.5": [batch_with(), batch_loop, batch_numpy, batch_rates, batch_complex],
}
