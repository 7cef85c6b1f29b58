"""Which levels a walk visits: whole levels, strictly falling from the top to 0, exactly as many moves as asked for.

Every spacing is a wish, a list of moves + 1 levels that need not be whole; `spaced` makes the nearest possible path of it.
"""

import torch


def _trailing(schedule, top, moves):
    """Even strides, counted from the top (Lin et al. 2023, table 2)."""
    return [(2 * top * i + moves) // (2 * moves) for i in range(moves, -1, -1)]


def _leading(schedule, top, moves):
    """Even whole strides, counted from level 1; what is left over makes the first move longer, since a walk starts at the top."""
    stride = top // moves
    return [top, *(1 + stride * i for i in range(moves - 2, -1, -1)), 0]


def _linspace(schedule, top, moves):
    """Even strides from the top to level 1, then one move of a single level (Nichol & Dhariwal 2021, sec. 4)."""
    return [*torch.linspace(top, 1, moves).tolist(), 0]


def _nearest(table, wanted):
    """The level at which a monotone table comes nearest to each wanted reading."""
    return (table[None] - wanted[:, None]).abs().argmin(dim=1).tolist()


def _log_snr(schedule, top, moves):
    """Even strides of log(signal / noise) from the top to level 1, then to 0 (Lu et al. 2022, sec. 4.1).

    A top without any signal is left in a move of its own, to the last level that has some.
    """
    ratio = (schedule.signal / schedule.noise).log()
    alone = [] if ratio[top].isfinite() else [top]
    wanted = torch.linspace(ratio[top - len(alone)], ratio[1], max(moves - len(alone), 1), dtype=torch.float64)
    return [*alone, *_nearest(ratio, wanted)][:moves] + [0]


def _angle(schedule, top, moves):
    """Even strides of theta = atan2(noise, signal) from the top to 0."""
    theta = torch.atan2(schedule.noise, schedule.signal)
    return _nearest(theta, torch.linspace(theta[top], 0, moves + 1, dtype=torch.float64))


SPACINGS = {"trailing": _trailing, "leading": _leading, "linspace": _linspace, "log-SNR": _log_snr, "angle": _angle}


def spaced(schedule, moves, spacing="trailing", top=None):
    """Choose moves + 1 whole levels that fall strictly from the top (T, if None) to 0; spacing is a name in SPACINGS.

    Raises ValueError unless 1 <= moves <= top <= T, and for an unknown spacing.
    """
    top = schedule.T if top is None else top
    if spacing not in SPACINGS:
        raise ValueError(f"The levels can be spaced in one of these ways: {', '.join(SPACINGS)}; not {spacing!r}.")
    if not 1 <= top <= schedule.T:
        raise ValueError(f"A walk starts between the levels 1 and {schedule.T}, not at {top}.")
    if not 1 <= moves <= top:
        raise ValueError(f"A walk from level {top} to 0 takes between 1 and {top} moves, not {moves}.")
    levels = [top, *(round(level) for level in SPACINGS[spacing](schedule, top, moves)[1:-1]), 0]
    for i in range(1, moves):  # two wishes for one level: the later one gives way downwards ...
        levels[i] = min(levels[i], levels[i - 1] - 1)
    for i in range(moves - 1, 0, -1):  # ... and where there is no room left below, upwards
        levels[i] = max(levels[i], levels[i + 1] + 1)
    return levels
