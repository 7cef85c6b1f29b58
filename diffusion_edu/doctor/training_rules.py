"""Evidence of problems in training: every function maps Findings to a sentence with numbers, or to an empty string."""

import math

from diffusion_edu.denoisers import TARGETS
from diffusion_edu.doctor.diagnosis import finite, number, percent
from diffusion_edu.doctor.symptoms import is_noise, measured

HIGH_LR = 0.01  # a learning rate above this is too high for Adam and weights of ordinary size
LOW_LR = 1e-6  # and below this nothing changes
EARLY = 100  # training steps before which a loss says nothing yet
STALE = 0.05  # fraction of the initial weights that spoils an EMA


def data_too_large(f):
    return _range(f) if f.real and finite(f.real.high) and f.real.high > 2 else ""


def data_above_zero(f):
    if not f.real or not finite(f.real.low, f.real.high):
        return ""
    return _range(f) if f.real.low > -0.05 and 0.3 < f.real.high <= 2 else ""


def _range(f):
    high = number(f.real.high)
    values = f"between {number(f.real.low)} and {high}" if finite(f.real.low) else f"up to {high}"
    return f"The network's training data have values {values}; images belong in [-1, 1]."


def data_without_content(f):
    if not f.real or not finite(f.real.std) or f.real.std > 0.02:
        return ""
    return f"The standard deviation of the data is {number(f.real.std)}; photographs have about 0.5."


def float16_overflow(f):
    nan = measured(f, "nan")
    if f.precision != "float16" or not (nan or _loss_is_nan(f)):
        return ""
    what = f"{percent(nan)} of the sampled values" if nan else "the loss"
    return f"It computes in float16, and {what} became NaN, which is shown as black."


def _loss_is_nan(f):
    return f.last_loss is not None and not math.isfinite(f.last_loss)


def diverged(f):
    high = f.lr and f.lr > HIGH_LR
    lr = f" The learning rate is {number(f.lr)}; 0.0001 to 0.001 are usual with Adam." if high else ""
    if _loss_is_nan(f):
        return f"The loss is {f.last_loss} at the end.{lr}"
    zero = f.zero_output_loss
    if finite(f.last_loss) and zero and f.last_loss > 1.5 * zero:
        return f"The loss ends at {number(f.last_loss)}; a network that always outputs zero has {number(zero)}.{lr}"
    if finite(f.last_loss, f.first_loss) and f.last_loss > 2 * f.first_loss:
        return f"The loss ends at {number(f.last_loss)}; it began at {number(f.first_loss)}.{lr}"
    return ""


def loss_too_low(f):
    if finite(f.last_loss, f.lowest_loss) and f.last_loss < 0.9 * f.lowest_loss:
        best = number(f.lowest_loss)
        return (
            f"The loss is {number(f.last_loss)}; the best possible network, which has memorised all data, has {best}."
        )
    zero = f.zero_output_loss
    if finite(f.last_loss) and f.lowest_loss is None and zero and f.last_loss < 0.002 * zero:
        return (
            f"The loss is {number(f.last_loss)}, and that of a network that outputs zero is {zero:.3g}: "
            "real images are never so easy."
        )
    return ""


def learning_rate_too_low(f):
    if f.lr is None or f.lr >= LOW_LR:
        return ""
    lr = f"The learning rate is {number(f.lr)}; 0.0001 to 0.001 are usual with Adam."
    return f"{output_is_zero(f)} {lr}".strip()


def output_is_zero(f):
    """A network that outputs zero has a known loss, whatever its input: 1.0 for eps and MSE."""
    zero = f.zero_output_loss
    if zero is None or not finite(f.last_loss) or (f.steps is not None and f.steps < EARLY):
        return ""
    slack = 0.05 if f.prediction_type == "eps" or f.real else 0.15
    highest = 1.5 if finite(f.first_loss) else 1 + slack  # random initial weights output a little more than zero
    fell = finite(f.first_loss) and f.last_loss < 0.93 * f.first_loss
    if fell or not 1 - slack < f.last_loss / zero < highest:
        return ""
    stays = f"The loss has stayed at {f.last_loss:.2f}" + (f" for {f.steps:,} steps" if f.steps else "")
    kind = f"the target {f.prediction_type} and {f.distance.upper()}"
    return f"{stays}; a network that always outputs zero has {zero:.3g} with {kind}."


def wrong_prediction_type(f):
    if f.read_as and f.best_fit and f.best_fit != f.read_as:
        return f"On real images its predictions fit {f.best_fit} best; sampling reads them as {f.read_as}."
    if f.read_as and f.prediction_type in TARGETS and f.prediction_type != f.read_as:
        return f"It was trained to predict {f.prediction_type}; sampling reads its predictions as {f.read_as}."
    return ""


def ema_too_slow(f):
    if f.initial_fraction is None or f.initial_fraction < STALE:
        return ""
    fraction = percent(f.initial_fraction)
    return f"With a decay of {f.ema:g}, {fraction} of the EMA after {f.steps:,} steps are still the initial weights."


def too_few_training_steps(f):
    if f.steps is None or f.steps >= 2 * EARLY or not is_noise(f):
        return ""
    return f"It was trained for {f.steps:,} steps; even small images need thousands."


def memorised(f):
    near = f.nearest is not None and f.nearest < 0.4
    many_epochs = bool(f.nearest is None and f.images and f.images < 1000 and f.epochs and f.epochs > 300)
    if not (near or many_epochs or f.appearance == "copies"):
        return ""
    why = ["You see copies of training images."] if f.appearance == "copies" else []
    if near:
        why.append(
            f"The distance of a sample to the nearest training image is {number(f.nearest)} times that "
            "between training images; new images have about 1."
        )
    if f.images:
        epochs = f", for {f.epochs:,.0f} epochs" if f.epochs else ""
        why.append(f"The training set has {f.images:,} images{epochs}.")
    return " ".join(why)


def overfitted(f):
    if not finite(f.lowest_validation, f.last_validation) or f.last_validation <= 1.1 * f.lowest_validation:
        return ""
    fell = finite(f.first_loss, f.last_loss) and f.last_loss < f.first_loss
    training = f", while the training loss fell to {number(f.last_loss)}" if fell else ""
    low, last = number(f.lowest_validation), number(f.last_validation)
    return f"The validation loss rose from {low} to {last}{training}."


def guidance_scale_zero(f):
    if f.guidance_scale != 0 or f.appearance != "labels":
        return ""
    return "The guidance scale is 0; 1 is conditional, more exaggerates the label."


def labels_ignored(f):
    if f.label_gain is not None and f.label_gain <= 0:
        change = f"changes its error by {-100 * f.label_gain:+.1f} %" if f.label_gain else "does not change its output"
        return f"The right label {change}; it lowers the error of a network that uses labels."
    if f.appearance == "labels" and f.label_gain is None and f.guidance_scale != 0:
        return "You see that the samples do not follow the labels."
    return ""
