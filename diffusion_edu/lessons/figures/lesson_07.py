"""Figures of lesson 07, training: losses beside what doing nothing costs, and what the moving average forgets."""

from collections.abc import Callable

from torch import Tensor


def v_loss(net: Callable[[Tensor, Tensor], Tensor], x0: Tensor, theta: Tensor, eps: Tensor) -> Tensor:
    """Return the mean squared error of v: net(y, theta) against cos(theta) eps - sin(theta) x0, for x0 (b, ...)."""
    shape = (-1, *[1] * (x0.ndim - 1))
    c, s = theta.cos().view(shape), theta.sin().view(shape)
    return (net(c * x0 + s * eps, theta) - (c * eps - s * x0)).square().mean()
