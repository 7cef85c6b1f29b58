"""Evidence of what goes wrong while a network learns: every function reads the findings and returns a sentence with numbers, or an empty one."""

import math

from diffusion_edu.denoisers import TARGETS
from diffusion_edu.doctor.diagnosis import finite, number, percent
from diffusion_edu.doctor.seeing import measured, noisy

BOLD = 0.01  # a learning rate above this is too much for Adam and weights of ordinary size
TIMID = 1e-6  # and below this nothing sampling_steps
EARLY = 100  # steps before which a loss says nothing yet
STALE = 0.05  # fraction of the beginning in an average that spoils it


def data_too_large(f):
    return _range(f) if f.real and finite(f.real.high) and f.real.high > 2 else ""


def data_above_zero(f):
    return (
        _range(f)
        if f.real and finite(f.real.low, f.real.high) and f.real.low > -0.05 and 0.3 < f.real.high <= 2
        else ""
    )


def _range(f):
    low = (
        f"between {number(f.real.low)} and {number(f.real.high)}"
        if finite(f.real.low)
        else f"up to {number(f.real.high)}"
    )
    return f"The values that the network was fed go {low}; images belong in [-1, 1]."


def data_without_content(f):
    if not f.real or not finite(f.real.std) or f.real.std > 0.02:
        return ""
    return f"The standard deviation of the data is {number(f.real.std)}; photographs have about 0.5."


def float16_overflow(f):
    broken = measured(f, "broken")
    if f.precision != "float16" or not (broken or _lost(f)):
        return ""
    return f"It computes in float16, and {f'{percent(broken)} of the sampled values' if broken else 'the loss'} became NaN, which is shown as black."


def _lost(f):
    return f.last_loss is not None and not math.isfinite(f.last_loss)


def fell_apart(f):
    lr = f" The learning rate is {number(f.lr)}; 0.0001 to 0.001 are usual with Adam." if f.lr and f.lr > BOLD else ""
    if _lost(f):
        return f"The loss is {f.last_loss} at the end.{lr}"
    if finite(f.last_loss) and f.silence and f.last_loss > 1.5 * f.silence:
        return (
            f"The loss ends at {number(f.last_loss)}; a network that says nothing but zero has {number(f.silence)}.{lr}"
        )
    if finite(f.last_loss, f.first_loss) and f.last_loss > 2 * f.first_loss:
        return f"The loss ends at {number(f.last_loss)}; it began at {number(f.first_loss)}.{lr}"
    return ""


def lower_than_possible(f):
    if finite(f.last_loss, f.floor) and f.last_loss < 0.9 * f.floor:
        return f"The loss is {number(f.last_loss)}; the best possible network, which knows all the data by heart, has {number(f.floor)}."
    if finite(f.last_loss) and f.floor is None and f.silence and f.last_loss < 0.002 * f.silence:
        return f"The loss is {number(f.last_loss)}, while saying nothing costs {f.silence:.3g}: images never become so easy."
    return ""


def frozen(f):
    if f.lr is None or f.lr >= TIMID:
        return ""
    return (
        _silence(f) + " " if _silence(f) else ""
    ) + f"The learning rate is {number(f.lr)}; 0.0001 to 0.001 are usual with Adam."


def silent(f):
    return _silence(f)


def _silence(f):
    """A network that says zero has one known loss, whatever it is shown: 1.0 for eps and MSE."""
    if f.silence is None or not finite(f.last_loss) or (f.steps is not None and f.steps < EARLY):
        return ""
    slack = 0.05 if f.prediction_type == "eps" or f.real else 0.15
    highest = 1.5 if finite(f.first_loss) else 1 + slack  # fresh weights say a little more than zero, at random
    fell = finite(f.first_loss) and f.last_loss < 0.93 * f.first_loss
    if fell or not 1 - slack < f.last_loss / f.silence < highest:
        return ""
    still = f"The loss has stayed at {f.last_loss:.2f}" + (f" for {f.steps:,} steps" if f.steps else "")
    return f"{still}; a network that always says zero has {f.silence:.3g} with the target {f.prediction_type} and {f.distance.upper()}."


def misread(f):
    if f.asked and f.fits and f.fits != f.asked:
        return (
            f"Asked about real images, its answers come nearest to {f.fits}; while drawing they are read as {f.asked}."
        )
    if f.asked and f.prediction_type in TARGETS and f.prediction_type != f.asked:
        return f"It was trained to say {f.prediction_type}; while drawing its answers are read as {f.asked}."
    return ""


def average_too_slow(f):
    if f.stale is None or f.stale < STALE:
        return ""
    return f"With a decay of {f.ema:g}, {percent(f.stale)} of the average after {f.steps:,} steps are still the weights it began with."


def barely_begun(f):
    return (
        f"It has made {f.steps:,} steps; even small images need thousands."
        if f.steps is not None and f.steps < 2 * EARLY and noisy(f)
        else ""
    )


def learned_by_heart(f):
    copied = f.nearest is not None and f.nearest < 0.4
    drilled = bool(f.nearest is None and f.images and f.images < 1000 and f.passes and f.passes > 300)
    if not (copied or drilled or f.look == "copies"):
        return ""
    why = ["You see copies of training images."] if f.look == "copies" else []
    if copied:
        why.append(
            f"A drawing is {number(f.nearest)} times as far from the nearest training image as those are from each other; new ones have about 1."
        )
    if f.images:
        why.append(
            f"It learns from {f.images:,} images" + (f", each of them seen {f.passes:,.0f} times." if f.passes else ".")
        )
    return " ".join(why)


def overfitted(f):
    if not finite(f.lowest_validation, f.last_validation) or f.last_validation <= 1.1 * f.lowest_validation:
        return ""
    fell = (
        f" while that of the training fell to {number(f.last_loss)}"
        if finite(f.first_loss, f.last_loss) and f.last_loss < f.first_loss
        else ""
    )
    return f"The loss on held-out images rose from {number(f.lowest_validation)} to {number(f.last_validation)}{fell}."


def guidance_off(f):
    return (
        "The guidance scale is 0; 1 follows the label, more exaggerates it."
        if f.guidance_scale == 0 and f.look == "labels"
        else ""
    )


def deaf_to_labels(f):
    if f.label_gain is not None and f.label_gain <= 0:
        change = (
            f"changes its error by {-100 * f.label_gain:+.1f} %"
            if f.label_gain
            else "does not change its answers at all"
        )
        return f"Telling it the right label {change}; a network that listens gains from it."
    return (
        "You see that the samples do not follow the labels."
        if f.look == "labels" and f.label_gain is None and f.guidance_scale != 0
        else ""
    )
