"""How a model is to draw: the controls that every page with a sampler shows, and the Preset that comes of them."""

from functools import partial

from diffusion_edu.generation import Preset
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.spacings import SPACINGS

STEPS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250, 300, 500, 600, 1000]
TIMESTEPS = [100, 300, 600, 1000]
SAYS = {
    "DDIM": "walks straight along the prediction and needs few steps.",
    "DDPM": "adds fresh noise after every move and needs many.",
    "Heun": "predictions twice a move and corrects itself.",
    "DPM-Solver++": "carries on the line through its last two predictions.",
    "Euler ancestral": "is DDPM in the words of other programs.",
    "Multistep renoising": "forgets the noise it had and brings the prediction down with new noise.",
}


def naming(prefix=""):
    """Return a function (label, key) -> arguments that name a widget and bind it to the link; after "a_" its label begins with A, its key with a_."""
    return lambda label, key: {
        "label": f"{prefix[0].upper()} · {label}" if prefix else label,
        "key": prefix + key,
        "bind": "query-params",
    }


def ask_preset(default, places, prefix="", guiding=True, T=None):
    """Show the controls and return the Preset that they make.

    default is the Preset that stands there at first; places are three containers: for what matters most, for what depends on that,
    and for the rest. T is asked for unless it is given.
    """
    (first, second, rest), named = places, naming(prefix)
    sampler = _choice(
        first,
        SAMPLERS,
        default.sampler,
        help="\n".join(f"- **{k}** {says}" for k, says in SAYS.items()),
        **named("Sampler", "sampler"),
    )
    words = "From noise to image. Each asks the network once (Heun: twice); with guidance, twice as often."
    steps = first.select_slider(
        options=sorted({*STEPS, default.steps}), value=default.steps, help=words, **named("Steps", "steps")
    )
    options = _options(sampler, default.options, second, named)
    words = "0 ignores the kind, 1 follows it, more exaggerates it."
    guidance_scale = second.slider(
        min_value=0.0,
        max_value=8.0,
        value=default.guidance_scale,
        step=0.5,
        disabled=not guiding,
        help=words,
        **named("Guidance", "guidance_scale"),
    )
    schedule = _choice(rest, SCHEDULES, default.schedule, **named("Schedule", "schedule"))
    spacing = _choice(rest, SPACINGS, default.spacing, **named("Spacing of the timesteps", "spacing"))
    T = T or ask_timesteps(default, rest, prefix)
    words = "Stretch the schedule so that timestep T is pure noise."
    zero = rest.toggle(value=default.zero_snr, help=words, **named("No signal left at T", "zero"))
    return Preset(sampler, steps, guidance_scale, schedule, T, zero, options, spacing)


def ask_timesteps(default, place, prefix=""):
    """Ask for the number of timesteps T."""
    return place.select_slider(
        options=sorted({*TIMESTEPS, default.T}), value=default.T, **naming(prefix)("Timesteps T", "timesteps")
    )


def ask_seed(place, prefix=""):
    """Ask for the seed of the first image."""
    words = "The same seed and settings give the same images."
    return place.number_input(min_value=0, max_value=1_000_000, value=0, help=words, **naming(prefix)("Seed", "seed"))


def _options(sampler, default, place, named):
    """Ask for what only this sampler has."""
    if sampler in ("DDIM", "DPM-Solver++"):
        words, eta = "How much fresh noise each move adds: 0 none, 1 as much as DDPM.", default.get("eta", 0.0)
        return {
            "eta": place.slider(
                min_value=0.0, max_value=1.0, value=eta, step=0.1, help=words, **named("Fresh noise (eta)", "eta")
            )
        }
    if sampler != "DDPM":
        return {}
    words, variance = (
        "Small: as much as Bayes' rule asks for. Large: as much as the forward step had added.",
        default.get("variance", "small"),
    )
    pick = partial(place.segmented_control, options=["small", "large"], default=variance, required=True, help=words)
    return {"variance": pick(**named("Variance", "variance"))}


def _choice(place, known, name, **about):
    """Ask for a name out of a dict."""
    return place.selectbox(options=list(known), index=list(known).index(name), **about)
