"""What a rule is, what it says, and the few words that all rules share."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """One thing that is wrong: its name, what it is, why we think so, what to do, and its number among the known mistakes, if it has one."""

    name: str
    what: str
    why: str
    remedy: str
    pitfall: int | None = None


@dataclass(frozen=True)
class Rule:
    """One mistake, and the function that finds evidence for it: Findings -> a sentence with numbers, or an empty one."""

    evidence: Callable
    name: str
    what: str
    remedy: str
    pitfall: int | None = None

    def __call__(self, findings):
        """Return a Diagnosis, or None."""
        why = self.evidence(findings)
        return Diagnosis(self.name, self.what, why, self.remedy, self.pitfall) if why else None


def finite(*values):
    """Say whether all values are known and finite."""
    return all(value is not None and math.isfinite(value) for value in values)


def number(value):
    """Write a number in three digits, without powers of ten where a person would not use them."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def percent(fraction):
    """Write a share as a percentage, never as 100 % or 0 % if it is not."""
    return f"{100 * fraction:.0f} %" if fraction in (0, 1) or 0.01 <= fraction <= 0.99 else f"{100 * fraction:.3g} %"
