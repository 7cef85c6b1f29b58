"""What a rule and a diagnosis are, and how rules write numbers."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """One problem: its name, what it means, the evidence, the remedy, and its number among the known
    pitfalls, if any.
    """

    name: str
    what: str
    why: str
    remedy: str
    pitfall: int | None = None


@dataclass(frozen=True)
class Rule:
    """One problem and the function that looks for evidence: Findings -> a sentence with numbers, or an empty string."""

    evidence: Callable
    name: str
    what: str
    remedy: str
    pitfall: int | None = None

    def __call__(self, findings):
        """Return a Diagnosis, or None if there is no evidence."""
        why = self.evidence(findings)
        return Diagnosis(self.name, self.what, why, self.remedy, self.pitfall) if why else None


def finite(*values):
    """Return whether all values are known (not None) and finite."""
    return all(value is not None and math.isfinite(value) for value in values)


def number(value):
    """Write a number with three digits, without an exponent below 1e9."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def percent(fraction):
    """Write a fraction as a percentage; only exactly 0 and 1 become 0 % and 100 %."""
    return f"{100 * fraction:.0f} %" if fraction in (0, 1) or 0.01 <= fraction <= 0.99 else f"{100 * fraction:.3g} %"
