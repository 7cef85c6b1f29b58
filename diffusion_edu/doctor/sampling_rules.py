"""Evidence of problems in sampling: first wrong settings, then symptoms whose cause is unknown.

Every function maps Findings to a sentence with numbers, or to an empty string.
"""

from diffusion_edu.doctor.diagnosis import finite, number, percent
from diffusion_edu.doctor.symptoms import is_faded, is_grainy, is_noise, is_saturated, measured, usual
from diffusion_edu.schedules import SIGNAL_LEFT

COLOUR_SHIFT = 0.15  # mean difference of the channels that is clearly visible


def same_noise(f):
    if not f.start or not finite(f.start.distance) or f.start.distance > 0.1:
        return ""
    return f"Two initial noises differ by {number(f.start.distance)} on average; independent ones differ by 1.41."


def wrong_initial_std(f):
    if not f.start or not finite(f.start.std) or abs(f.start.std - 1) < 0.1:
        return ""
    return f"Sampling starts from noise of standard deviation {f.start.std:.2f}; the network was trained with 1.00."


def betas_for_more_timesteps(f):
    return _terminal_signal(f) if f.schedule and f.schedule != "cosine" and f.T and f.T < 1000 else ""


def nonzero_terminal_snr(f):
    return _terminal_signal(f) if not betas_for_more_timesteps(f) else ""


def _terminal_signal(f):
    left = f.terminal_alpha_bar
    if left is None or left <= SIGNAL_LEFT:
        return ""
    return (
        f"The {f.schedule} schedule with T = {f.T} leaves {percent(left)} of an image's power at timestep T; "
        f"{percent(SIGNAL_LEFT)} does no harm."
    )


def starts_below_T(f):
    return f"The highest timestep of the walk is {f.top} of {f.T}." if f.top is not None and f.T and f.top < f.T else ""


def stops_above_0(f):
    return f"The last timestep of the walk is {f.bottom}, not 0." if f.bottom else ""


def large_variance(f):
    if f.variance != "large" or not f.sampling_steps or not f.T or f.sampling_steps > f.T / 5:
        return ""
    steps = f"It takes {f.sampling_steps} sampling steps over {f.T:,} timesteps with the large variance."
    return f"{steps} {_grain(f)}".strip()


def _grain(f):
    grain = measured(f, "grain")
    if not grain:
        return ""
    return f"The grain on the samples is {number(grain)}; real images have about {number(usual(f, 'grain'))}."


def _extreme(f):
    extreme = measured(f, "extreme")
    if not extreme:
        return ""
    real = percent(usual(f, "extreme"))
    return f"{percent(extreme)} of the sampled values are black or white; real images have about {real}."


def not_clipped(f):
    low, high = measured(f, "low"), measured(f, "high")
    outside = finite(low, high) and max(-low, high) > 1.3
    if f.clip is not False or not (outside or is_saturated(f)):
        return ""
    values = f"the sampled values reach from {number(low)} to {number(high)}" if outside else ""
    found = f"{values}; images end at -1 and 1" if outside else "the samples are black and white"
    guided = f.guidance_scale and f.guidance_scale > 2
    guidance = f" The guidance scale {f.guidance_scale:g} pushes them further." if guided else ""
    return f"Clipping is off, and {found}.{guidance}"


def guidance_too_strong(f):
    if not f.guidance_scale or f.guidance_scale < 4 or not (is_saturated(f) or is_grainy(f) or is_noise(f)):
        return ""
    return f"The guidance scale is {f.guidance_scale:g}. {_extreme(f)} {_grain(f)}".replace("  ", " ").strip()


def bytes_wrapped(f):
    jumps, allowed = measured(f, "jumps"), 0.003 + 2 * ((f.real and f.real.jumps) or 0)
    if not jumps or jumps < allowed or measured(f, "correlation") < 0.5:
        return ""
    return (
        f"{percent(jumps)} of neighbouring values jump from nearly black to nearly white; "
        "in photographs almost none do."
    )


def too_few_sampling_steps(f):
    if not f.sampling_steps or f.sampling_steps > 3 or f.appearance == "fine":
        return ""
    steps = f"{f.sampling_steps} sampling step{'s' if f.sampling_steps > 1 else ''}"
    return f"It takes {steps}; 20 are enough for most images."


def red_is_blue(f):
    sampled, real = measured(f, "colours"), f.real.colours if f.real else None
    if not sampled or not real or len(sampled) != 3 or len(real) != 3:
        return "You see red where blue should be." if f.appearance == "colours" else ""
    same, swapped = (sum(abs(a - b) for a, b in zip(sampled, way, strict=True)) / 3 for way in (real, real[::-1]))
    if same < COLOUR_SHIFT or swapped > same / 2:
        return ""
    own, data = (", ".join(f"{value:+.2f}" for value in means) for means in (sampled, real))
    return f"The channels of the samples have the means {own}, those of real images {data}: in reverse order."


def checkerboard(f):
    amplitude, allowed = measured(f, "checkerboard"), 2 * ((f.real and f.real.checkerboard) or 0)
    if amplitude is None:
        return "You see a checkerboard." if f.appearance == "checker" else ""
    if amplitude <= max(0.03, allowed):
        return ""
    size = f"A pattern that repeats every two pixels has an amplitude of {number(amplitude)}"
    return f"{size}; photographs have less than 0.01."


def not_numbers(f):
    nan = measured(f, "nan")
    if nan:
        return f"{percent(nan)} of the sampled values are NaN, which is shown as black."
    return "You see black." if f.appearance == "black" else ""


def samples_are_noise(f):
    if not is_noise(f):
        return ""
    found, real = measured(f, "correlation"), usual(f, "correlation")
    why = (
        "The samples are noise."
        if found is None
        else f"The correlation of neighbouring values is {found:.2f}; in images it is {real:.2f}."
    )
    learned = finite(f.last_loss, f.first_loss) and f.last_loss < 0.93 * f.first_loss
    losses = f"fell from {number(f.first_loss)} to {number(f.last_loss)}" if learned else ""
    return why + (f" But the loss {losses}, so the network did learn." if learned else "")


def saturated(f):
    return (_extreme(f) or "You see glaring colours.") if is_saturated(f) and not is_noise(f) else ""


def grain_left(f):
    return (_grain(f) or "You see fine grain.") if is_grainy(f) else ""


def washed_out(f):
    std = measured(f, "std")
    if is_faded(f) and std is not None:
        real = number(usual(f, "std"))
        return f"The standard deviation of the samples is {number(std)}; real images have about {real}."
    if f.appearance not in ("grey", "blurred"):
        return ""
    return f"You see {f.appearance} samples."


def all_alike(f):
    distance, real = measured(f, "distance"), (f.real and f.real.distance) or 0.7
    if distance is None:
        return "You see samples that are alike." if f.appearance == "alike" else ""
    if distance >= 0.15 * real:
        return ""
    return f"Two samples differ by {number(distance)} on average; real images by {number(real)}."
