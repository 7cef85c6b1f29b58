"""The controls of the sampler, which every page with sampling shows, and the Preset they make."""

from diffusion_edu.app.common.controls import control
from diffusion_edu.generation import Preset
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.spacings import SPACINGS

STEPS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250, 300, 500, 600, 1000]
TIMESTEPS = [100, 300, 600, 1000]
SAYS = {  # a sentence about each sampler, after its name
    "DDIM": "is deterministic at eta 0 and needs few steps.",
    "DDPM": "is ancestral sampling: it adds new noise after every step, and needs many steps.",
    "Heun": "predicts twice per step, and corrects itself.",
    "DPM-Solver++": "extrapolates from its last two predictions.",
    "Euler ancestral": "is an ancestral sampler much like DDPM; other programs use it under this name.",
    "Multistep renoising": "drops the old noise and adds new noise to the prediction.",
}
GUIDANCE = "0 is unconditional, 1 follows the condition, more exaggerates it (classifier-free guidance)."
ZERO_SNR = "Rescale the schedule so that timestep T is pure noise."


def naming(prefix=""):
    """Return a function (label, key) -> arguments of a widget that is part of the link.

    A prefix "a_" marks label and key of side A.
    """
    return lambda label, key: {
        "label": f"{prefix[0].upper()} · {label}" if prefix else label,
        "key": prefix + key,
    }


def ask_preset(default, places, prefix="", guiding=True, T=None):
    """Show the controls and return their Preset, which is `default` at first.

    places are three containers: for sampler and steps, for what depends on the sampler, and for the rest. T is a
    control too unless it is given.
    """
    (first, second, rest), named = places, naming(prefix)
    sampler = _choice(
        first,
        SAMPLERS,
        default.sampler,
        help="\n".join(f"- **{name}** {says}" for name, says in SAYS.items()),
        **named("Sampler", "sampler"),
    )
    words = "From noise to image. Each step needs one network evaluation (Heun: two), with guidance twice as many."
    steps = control(
        first.select_slider,
        options=sorted({*STEPS, default.steps}),
        value=default.steps,
        help=words,
        **named("Steps", "steps"),
    )
    options = _options(sampler, default.options, second, named)
    guidance_scale = control(
        second.slider,
        min_value=0.0,
        max_value=8.0,
        value=default.guidance_scale,
        step=0.5,
        disabled=not guiding,
        help=GUIDANCE,
        **named("Guidance scale", "guidance_scale"),
    )
    schedule = _choice(rest, SCHEDULES, default.schedule, **named("Noise schedule", "schedule"))
    spacing = _choice(rest, SPACINGS, default.spacing, **named("Spacing of the timesteps", "spacing"))
    T = T or ask_timesteps(default, rest, prefix)
    zero_snr = control(rest.toggle, value=default.zero_snr, help=ZERO_SNR, **named("Zero terminal SNR", "zero_snr"))
    return Preset(sampler, steps, guidance_scale, schedule, T, zero_snr, options, spacing)


def ask_timesteps(default, place, prefix=""):
    """Ask for the number of timesteps T."""
    named = naming(prefix)("Timesteps T", "timesteps")
    return control(place.select_slider, options=sorted({*TIMESTEPS, default.T}), value=default.T, **named)


def ask_seed(place, prefix=""):
    """Ask for the seed of the first image."""
    words = "The same seed and settings give the same images."
    return control(
        place.number_input, min_value=0, max_value=1_000_000, value=0, help=words, **naming(prefix)("Seed", "seed")
    )


def _options(sampler, default, place, named):
    """Ask for the options that only this sampler has."""
    if sampler in ("DDIM", "DPM-Solver++"):
        words, eta = "How much new noise each step adds: 0 none, 1 as much as DDPM.", default.get("eta", 0.0)
        named = named("Eta (stochasticity)", "eta")
        return {"eta": control(place.slider, min_value=0.0, max_value=1.0, value=eta, step=0.1, help=words, **named)}
    if sampler != "DDPM":
        return {}
    words = "Small: that of the posterior (Bayes' rule). Large: that of the forward step."
    variance = default.get("variance", "small")
    choices = {"options": ["small", "large"], "default": variance, "required": True, "help": words}
    return {"variance": control(place.segmented_control, **choices, **named("Variance", "variance"))}


def _choice(place, known, name, **arguments):
    """Ask for a name out of a dict."""
    return control(place.selectbox, options=list(known), index=list(known).index(name), **arguments)
