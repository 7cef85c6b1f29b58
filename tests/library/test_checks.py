"""What a library call refuses: every public function of the core, of editing, latents and analysis against bad values.

A bad value raises ValueError in one sentence, or it makes no difference that a person would notice: no NaN comes out.
"""

import inspect
import math
import re

import numpy as np
import pytest
import torch
from helpers import CPU, seeded_noise

from diffusion_edu import core, degradations, denoisers, generation, randomness, samplers, schedules, spacings, toy2d
from diffusion_edu.analysis import measures
from diffusion_edu.checks import Count, Fraction, Index, NotNegative, Positive, checked, same_count
from diffusion_edu.editing import image_to_image, inpainting, interpolation, inversion, sketches, super_resolution
from diffusion_edu.latent import codec, inputs

SCHEDULE, X, EPS = schedules.cosine(10), seeded_noise(2, 3, 8, 8).clamp(-1, 1), seeded_noise(2, 3, 8, 8, seed=1)
SMALL, PLANE, SEVERITY = seeded_noise(2, 3, 4, 4).clamp(-1, 1), seeded_noise(6, 2), torch.full((2, 1, 1, 1), 0.5)
MASK, WIDE = (X[:, :1] > 0).float(), seeded_noise(2, 3, 16, 16).clamp(-1, 1)


def denoise(x, t):
    return 0.5 * x


def step(x, t, s):
    return 0.9 * x, 0.5 * x


STEP = {"denoise": denoise, "schedule": SCHEDULE, "x": X, "t": 5, "s": 3}
DEGRADED = {"x0": X, "severity": SEVERITY, "noise": EPS[:, :1]}
CALLS = {  # every call is right; one argument at a time is made wrong
    core.walk: {"step": step, "x": X, "timesteps": [4, 2, 0], "constrain": lambda x, t: x},
    **{getattr(schedules, name): {"T": 10} for name in schedules.SCHEDULES},
    schedules.from_betas: {"name": "mine", "betas": torch.tensor([0.1, 0.2])},
    schedules.zero_terminal_snr: {"schedule": SCHEDULE},
    SCHEDULE.rates: {"t": 3, "x": X},
    SCHEDULE.angle: {"t": 3, "x": X},
    SCHEDULE.corrupt: {"x0": X, "t": 3, "eps": EPS},
    spacings.spaced: {"schedule": SCHEDULE, "steps": 4, "spacing": "leading", "top": 8},
    denoisers.NeuralDenoiser: {"net": denoise, "schedule": SCHEDULE, "prediction_type": "v"},
    denoisers.guided: {"conditional": denoise, "unconditional": denoise, "guidance_scale": 2.0},
    denoisers.interval_guidance: {
        "conditional": denoise,
        "unconditional": denoise,
        "guidance_scale": 2.0,
        "low": 2,
        "high": 8,
    },
    denoisers.record_guidance: {"recorded": {}},
    denoisers.clipped: {"denoise": denoise, "low": -1.0, "high": 1.0},
    denoisers.thresholded: {"denoise": denoise, "fraction": 0.9, "most": 1.0},
    denoisers.exact: {"data": X, "schedule": SCHEDULE},
    denoisers.exact_gaussian: {"mean": 0.1, "std": 0.5, "schedule": SCHEDULE},
    denoisers.exact_mixture: {
        "means": X,
        "stds": torch.tensor([0.5, 1.0]),
        "weights": torch.tensor([0.3, 0.7]),
        "schedule": SCHEDULE,
    },
    samplers.predicted_noise: {"schedule": SCHEDULE, "x": X, "x0_hat": EPS, "t": 3},
    samplers.ddpm_step: {**STEP, "variance": "large"},
    samplers.ddim_step: {**STEP, "eta": 0.5},
    samplers.euler_ancestral_step: STEP,
    samplers.heun_step: STEP,
    samplers.DpmSolver(): {**STEP, "eta": 0.5},
    samplers.multistep_renoising_step: STEP,
    samplers.cold_step: {"restore": denoise, "degrade": denoise, "x": X, "t": 5, "s": 3},
    samplers.naive_cold_step: {"restore": denoise, "degrade": denoise, "x": X, "t": 5, "s": 3},
    samplers.sampler: {"name": "DDIM"},
    samplers.nfe: {"name": "Heun", "steps": 4},
    generation.Preset: {"sampler": "DDIM", "steps": 4, "guidance_scale": 2.0, "schedule": "cosine", "T": 10},
    randomness.SeededNoise: {"seeds": [1, 2]},
    randomness.SeededNoise([1, 2]): {"x": X},
    randomness.SeededNoise([1, 2]).sample: {"shape": [3, 4]},
    randomness.choose: {"device": "cpu"},
    **dict.fromkeys(degradations.DEGRADATIONS.values(), DEGRADED),
    degradations.degrade_each: {
        "x0": X,
        "index": torch.tensor([0, 5]),
        "severity": SEVERITY[:, 0, 0, 0],
        "noise": MASK,
    },
    degradations.Degradation: {"name": "blur", "seeds": (1, 2), "T": 10},
    degradations.Degradation("snow", (1, 2), 10): {"x0": X, "t": 3},
    degradations.oracle: {"x0": X},
    degradations.flawed: {"restore": denoise, "error": 0.1, "seeds": [1, 2]},
    degradations.ColourDistribution.of: {"colours": seeded_noise(8, 3)},
    degradations.fully_degraded: {"degrade": degradations.Degradation("snow", (1, 2), 10), "x0": X},
    toy2d.inverse_sqrt: {"peak": 0.1, "steady": 10, "warm_up": 5},
    toy2d.subset: {"x": PLANE},
    toy2d.mean_distance: {"x": PLANE, "y": PLANE},
    toy2d.energy_distance: {"x": PLANE, "y": PLANE},
    image_to_image.start_from_image: {"schedule": SCHEDULE, "x0": X, "strength": 0.5, "steps": 3, "eps": EPS},
    inpainting.keep_known: {"known": X, "mask": MASK, "schedule": SCHEDULE, "eps": EPS},
    inpainting.keep_known_with_new_noise: {"known": X, "mask": MASK, "schedule": SCHEDULE, "randn": torch.ones_like},
    inpainting.resampling_timesteps: {"timesteps": [5, 3, 0], "jump": 1, "repeats": 2},
    inpainting.resampling_step: {"step": step, **STEP, "s": 7},
    interpolation.slerp: {"a": X, "b": EPS, "fraction": 0.5},
    inversion.inversion_step: {**STEP, "s": 7},
    sketches.gaussian_blur: {"x": X, "sigma": 1.0},
    sketches.subject_mask: {"x": X},
    sketches.drawn_shape: {"drawn": X},
    sketches.shape_correlation: {"drawn": X, "x": X},
    super_resolution.bicubic_upsample: {"small": SMALL},
    super_resolution.bicubic_downsample: {"x": X},
    super_resolution.conditioning_image: {"small": SMALL, "fraction": torch.tensor([0.1, 0.2]), "eps": SMALL},
    super_resolution.back_projected: {"denoise": denoise, "small": SMALL},
    super_resolution.project: {"x": X, "small": SMALL},
    codec.scale_channel: {"latents": X, "channel": 1, "times": 2.0, "plus": 0.5},
    codec.swap_positions: {"latents": X, "one": [0, 1], "other": [2, 3]},
    codec.make_codec: {"net": torch.nn.Identity(), "compute": CPU, "mean": [0.0], "std": [1.0], "factor": 8},
    inputs.trim_padding: {"condition": torch.tensor([[0, 5, 0]])},
    inputs.check_images: {"images": torch.zeros(3, 8, 8, dtype=torch.uint8), "count": 2, "multiple": 8},
    inputs.latent_mask: {"mask": MASK[0, 0], "factor": 4},
    measures.psnr: {"x": X, "x0": EPS},
    measures.histogram: {"x": X, "bins": 6, "low": -1.0, "high": 1.0},
    measures.spectrum: {"x": X},
    measures.gradient_energy: {"x": X},
    measures.error_by_timestep: {"denoise": denoise, "schedule": SCHEDULE, "x0": X, "eps": EPS, "timesteps": [2, 5]},
    measures.distance: {"a": X, "b": EPS},
    measures.mean_distance: {"samples": X},
    measures.angle: {"a": X, "b": EPS},
    measures.wilson_interval: {"hits": 3, "tries": 9},
    measures.principal_plane: {"points": PLANE},
}
HUGE = 10**400
BAD = {  # by the type of the right value
    torch.Tensor: [[1.0, 2.0], np.ones((2, 3, 8, 8)), torch.empty(0, 3, 8, 8), torch.empty(0), "x", {}],
    float: [math.nan, math.inf, -math.inf, HUGE, "1", [0.5], np.ones(2), True, None, torch.tensor(math.nan)],
    int: [math.nan, math.inf, 1.5, "3", [1], np.ones(2), True, None, np.float64(2.5), torch.tensor(2.5)],
    str: ["nobody", "", 3, math.nan, None, ["DDIM"], {}],
    list: [3, math.nan, "12", [math.nan], [None], ["1"], None, {}, {1, 2}],
    object: [3, math.nan, "word", [1], None, np.ones(2), X],
}
DOUBTFUL = {float: [-1.0, 0.0, 1e9, np.float32(0.5)], int: [-1, 0, 3, HUGE, np.int64(4)], list: [[], [-1, 0]]}
FREE = [(schedules.from_betas, "name")]  # any word


SENTENCE = re.compile(r"[A-Za-z][^\n]{10,400}\.")


def kind_of(value):
    """The type by which BAD is chosen: functions, schedules and the like are objects."""
    return list if isinstance(value, (list, tuple)) else type(value) if type(value) in BAD else object


def name_of(function):
    return getattr(function, "__qualname__", type(function).__name__)


ARGUMENTS = [
    pytest.param(function, name, id=f"{name_of(function)}-{name}")
    for function, right in CALLS.items()
    for name, value in right.items()
    if not isinstance(value, dict) and (function, name) not in FREE
]


def wrong(function, name, values):
    """The arguments of a call, with one bad value after the other for the argument of this name."""
    may_be_none = inspect.signature(function).parameters[name].default is None
    for bad in values.get(kind_of(CALLS[function][name]), []):
        if bad is not None or not may_be_none:
            yield {**CALLS[function], name: bad}


def numbers_of(result):
    """All tensors and numbers that a call leads to: functions that it returns are called, walks are walked."""
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, (int, float)):
        return [torch.tensor(float(result))]
    if inspect.isgenerator(result):
        return [tensor for state in result for tensor in (state.x, state.x0_hat)]
    if isinstance(result, schedules.Schedule):
        return [result.signal, result.noise]
    if (
        callable(result)
        and result not in samplers.SAMPLERS.values()
        and not isinstance(result, (type, generation.Preset, torch.nn.Module))
    ):
        try:
            return numbers_of(result(X, 3))
        except TypeError:  # it takes other arguments
            return []
    return [tensor for each in result for tensor in numbers_of(each)] if isinstance(result, (tuple, list)) else []


def call(function, arguments):
    with torch.random.fork_rng(devices=[]):
        return numbers_of(function(**arguments))


@pytest.mark.parametrize("function", [pytest.param(each, id=name_of(each)) for each in CALLS])
def test_the_right_values_are_accepted(function):
    assert all(tensor.isfinite().all() for tensor in call(function, CALLS[function]))


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_a_bad_value_is_refused_in_one_sentence(function, name):
    for arguments in wrong(function, name, BAD):
        with pytest.raises(ValueError) as problem:
            call(function, arguments)
        assert SENTENCE.fullmatch(str(problem.value)), arguments[name]


@pytest.mark.filterwarnings("ignore:The .* schedule")
@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_a_doubtful_number_is_refused_in_words_or_gives_numbers(function, name):
    for arguments in wrong(function, name, DOUBTFUL):
        try:
            found = call(function, arguments)
        except (ValueError, IndexError) as problem:  # IndexError: a timestep that is not there
            assert SENTENCE.fullmatch(str(problem)), arguments[name]
        else:
            assert all(tensor.isfinite().all() for tensor in found), arguments[name]


@pytest.mark.parametrize("name", schedules.SCHEDULES)
@pytest.mark.filterwarnings("ignore:The .* schedule")
@pytest.mark.parametrize("T", [np.int64(10), np.int32(10), np.uint8(10), torch.tensor(10)], ids=repr)
def test_numbers_of_numpy_are_numbers(name, T):
    assert schedules.SCHEDULES[name](T).T == 10
    assert spacings.spaced(SCHEDULE, T) == list(range(10, -1, -1))
    assert type(generation.Preset(steps=T, guidance_scale=np.float32(2)).steps) is int


@checked
def example(n: Count = 1, fraction: Fraction = 0.5, x: torch.Tensor | None = None, *rest, **more):
    """Say what arrived."""
    return n, fraction, x, rest, more


def test_the_sentence_names_argument_function_rule_and_value():
    with pytest.raises(ValueError, match=r"^n of example must be a whole number from 1 to 1,000,000, not 0\.$"):
        example(0)
    with pytest.raises(ValueError, match=r"^fraction of example must be a number from 0 to 1, not nan\.$"):
        example(fraction=math.nan)
    with pytest.raises(ValueError, match=r"^x of example must be .* or None, not a list of 2\.$"):
        example(x=[1, 2])


@pytest.mark.parametrize(("rule", "most"), [(Count, 0), (Positive, 0.0), (Index, -1), (NotNegative, -0.001)])
def test_the_nearest_value_outside_a_rule_is_refused(rule, most):
    @checked
    def function(value: rule):
        return value

    assert function(most + 1) == most + 1
    with pytest.raises(ValueError, match="^value of "):
        function(most)


def test_a_checked_function_stays_itself():
    assert example(np.int64(3), 1, X, 4, other=5)[:2] == (3, 1) and example(1, 0.5, None, 4, a=5)[3:] == (
        (4,),
        {"a": 5},
    )
    assert example.__name__ == "example" and example.__doc__ == "Say what arrived."
    assert list(inspect.signature(example).parameters) == ["n", "fraction", "x", "rest", "more"]
    assert inspect.getsource(samplers.ddim_step).startswith("@checked\ndef ddim_step")
    with pytest.raises(TypeError):
        samplers.ddim_step(eta=1)


def test_batches_of_different_length_are_named():
    same_count(image=X, seed=[1, 2])
    with pytest.raises(ValueError, match=r"^Every image needs a seed of its own: 2 images came with 1 seeds\.$"):
        same_count(image=X, label=[1, 2], seed=[1])
