"""Numbers as a page writes them: three digits, decibels, a score with its band, a count with its noun."""

import math

import numpy as np


def counted(number, noun):
    """Write a number with its noun, which gets an s unless the number is 1."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_number(number):
    """Write a number with three significant digits, and whole from 100 on."""
    return (f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}").replace("-", "−")


def format_decibels(decibels):
    """Write decibels with their sign and one decimal; infinity has a symbol."""
    if math.isinf(decibels):
        return "+∞ dB" if decibels > 0 else "−∞ dB"
    return f"{decibels:+.1f} dB".replace("-", "−")


def format_error(error):
    """Write an error, 0 or more, with two significant digits and no exponent."""
    return np.format_float_positional(float(f"{error:.2g}"), trim="-")


def format_with_band(scores, name, write=format_number):
    """Write the score of a card and its band, if it has one.

    The band has as many decimals as the score, or more where it would be rounded to 0.
    """
    written, band = write(scores[name]).replace("-", "−"), scores.get(f"{name}_band")
    if band is None:
        return written
    digits = len(written.partition(".")[2])
    if band and not float(f"{band:.{digits}f}"):
        digits = 1 - math.floor(math.log10(band))
    return f"{written} ± {band:.{digits}f}"
