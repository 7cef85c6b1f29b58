"""Evidence of what goes wrong on the way from noise to images: first the settings, then what is seen without knowing why."""

from diffusion_edu.doctor.diagnosis import finite, number, percent
from diffusion_edu.doctor.seeing import faded, glaring, grainy, measured, noisy, normal
from diffusion_edu.schedules import SIGNAL_LEFT

COLOUR_SHIFT = 0.15  # mean difference of the channels that a person sees at once


def same_noise(f):
    if not f.start or not finite(f.start.spread) or f.start.spread > 0.1:
        return ""
    return f"Two of the first noises differ by {number(f.start.spread)} on average; different ones differ by 1.41."


def wrong_strength(f):
    if not f.start or not finite(f.start.std) or abs(f.start.std - 1) < 0.1:
        return ""
    return f"Drawing begins with noise of standard deviation {f.start.std:.2f}; the network knows 1.00."


def betas_for_more_timesteps(f):
    return _left(f) if f.schedule and f.schedule != "cosine" and f.T and f.T < 1000 else ""


def image_left_at_the_top(f):
    return _left(f) if not betas_for_more_timesteps(f) else ""


def _left(f):
    if f.terminal_snr_note is None or f.terminal_snr_note <= SIGNAL_LEFT:
        return ""
    return f"The {f.schedule} schedule with T = {f.T} leaves {percent(f.terminal_snr_note)} of an image's power at timestep T; {percent(SIGNAL_LEFT)} does no harm."


def starts_below_the_top(f):
    return (
        f"The highest timestep that is visited is {f.top} of {f.T}."
        if f.top is not None and f.T and f.top < f.T
        else ""
    )


def stops_above_zero(f):
    return f"The last timestep that is visited is {f.bottom}, not 0." if f.bottom else ""


def large_variance(f):
    if f.variance != "large" or not f.sampling_steps or not f.T or f.sampling_steps > f.T / 5:
        return ""
    return f"It makes {f.sampling_steps} sampling_steps over {f.T:,} timesteps with the large variance. {_grain(f)}".strip()


def _grain(f):
    grain = measured(f, "grain")
    return (
        f"The grain on the samples is {number(grain)}; real images have about {number(normal(f, 'grain'))}."
        if grain
        else ""
    )


def _edges(f):
    edges = measured(f, "edges")
    return (
        f"{percent(edges)} of the sampled values are black or white; real images have about {percent(normal(f, 'edges'))}."
        if edges
        else ""
    )


def unclipped(f):
    low, high = measured(f, "low"), measured(f, "high")
    far = finite(low, high) and max(-low, high) > 1.3
    if f.clip is not False or not (far or glaring(f)):
        return ""
    reach = (
        f"the sampled values reach from {number(low)} to {number(high)}; images end at -1 and 1"
        if far
        else "the samples are black and white"
    )
    guided = (
        f" Guidance of {f.guidance_scale:g} pushes them further." if f.guidance_scale and f.guidance_scale > 2 else ""
    )
    return f"Clipping is off, and {reach}.{guided}"


def guided_too_hard(f):
    if not f.guidance_scale or f.guidance_scale < 4 or not (glaring(f) or grainy(f) or noisy(f)):
        return ""
    return f"The guidance scale is {f.guidance_scale:g}. {_edges(f)} {_grain(f)}".replace("  ", " ").strip()


def wrapped(f):
    jumps, allowed = measured(f, "jumps"), 0.003 + 2 * ((f.real and f.real.jumps) or 0)
    if not jumps or jumps < allowed or measured(f, "neighbours") < 0.5:
        return ""
    return f"{percent(jumps)} of neighbouring values jump from nearly black to nearly white; in photographs almost none do."


def too_few_sampling_steps(f):
    if not f.sampling_steps or f.sampling_steps > 3 or f.look == "fine":
        return ""
    return f"It makes {f.sampling_steps} move{'s' if f.sampling_steps > 1 else ''}; 20 are enough for most images."


def red_is_blue(f):
    sampled, real = measured(f, "colours"), f.real.colours if f.real else None
    if not sampled or not real or len(sampled) != 3 or len(real) != 3:
        return "You see red where blue should be." if f.look == "colours" else ""
    away, turned = (sum(abs(a - b) for a, b in zip(sampled, way, strict=True)) / 3 for way in (real, real[::-1]))
    if away < COLOUR_SHIFT or turned > away / 2:
        return ""
    shown = [", ".join(f"{value:+.2f}" for value in means) for means in (sampled, real)]
    return (
        f"The channels of the samples have the means {shown[0]}, those of real images {shown[1]}: the other way round."
    )


def checkerboard(f):
    checker, usual = measured(f, "checker"), 2 * ((f.real and f.real.checker) or 0)
    if checker is None:
        return "You see a checkerboard." if f.look == "checker" else ""
    return (
        f"A pattern that repeats every two pixels has an amplitude of {number(checker)}; photographs have less than 0.01."
        * (checker > max(0.03, usual))
    )


def not_numbers(f):
    broken = measured(f, "broken")
    return (
        f"{percent(broken)} of the sampled values are NaN, which is shown as black."
        if broken
        else "You see black."
        if f.look == "black"
        else ""
    )


def still_noise(f):
    if not noisy(f):
        return ""
    seen = measured(f, "neighbours")
    why = (
        f"Neighbouring values agree to {seen:.2f} only; in images to {normal(f, 'neighbours'):.2f}."
        if seen is not None
        else "The samples are noise."
    )
    learned = finite(f.last_loss, f.first_loss) and f.last_loss < 0.93 * f.first_loss
    return why + (
        f" But the loss fell from {number(f.first_loss)} to {number(f.last_loss)}, so the network did learn."
        if learned
        else ""
    )


def glaring_colours(f):
    return (_edges(f) or "You see glaring colours.") if glaring(f) and not noisy(f) else ""


def grain_left(f):
    return (_grain(f) or "You see fine grain.") if grainy(f) else ""


def washed_out(f):
    std = measured(f, "std")
    if faded(f) and std is not None:
        return f"The standard deviation of the samples is {number(std)}; real images have about {number(normal(f, 'std'))}."
    return f"You see {'grey' if f.look == 'grey' else 'blurred'} samples." if f.look in ("grey", "blurred") else ""


def all_alike(f):
    spread, usual = measured(f, "spread"), (f.real and f.real.spread) or 0.7
    if spread is None:
        return "You see samples that are alike." if f.look == "alike" else ""
    return (
        f"Two samples differ by {number(spread)} on average; real images by {number(usual)}."
        if spread < 0.15 * usual
        else ""
    )
