"""From a model and a few choices to a walk."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from diffusion_edu.checkpoints import Card, Model
from diffusion_edu.core import walk
from diffusion_edu.generation import Interpolated, Preset, generate, make_step
from diffusion_edu.randomness import Compute, SeededNoise
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.spacings import SPACINGS, spaced


class Net(torch.nn.Module):
    """Says v as if every image of class k were the constant k / 10, and -1 without a class.

    Counts how often it is asked.
    """

    def __init__(self):
        super().__init__()
        self.asked = []

    def forward(self, y, timestep, labels=None):
        self.asked.append(None if labels is None else labels.tolist())
        x0 = torch.full_like(y, -1.0) if labels is None else (labels.float() / 10).view(-1, 1, 1, 1).expand_as(y)
        c, s = torch.cos(timestep / 1000).view(-1, 1, 1, 1), torch.sin(timestep / 1000).view(-1, 1, 1, 1)
        return (c * y - x0) / s


@pytest.fixture
def model():
    card = Card("m", "M", "attention_unet", {}, "v", size=8, classes=["a", "b", "c"])
    return Model(card, Net(), Compute(torch.device("cpu")))


def test_steps_and_timesteps_are_as_asked(model):
    states = list(generate(model, Preset(steps=4), [0, 1], [0, 2]))
    assert [state.t for state in states] == [1000, 750, 500, 250, 0]
    assert states[-1].x.shape == (2, 3, 8, 8)


@pytest.mark.parametrize(
    ("guidance_scale", "asked", "sampled"), [(0.0, 3, -1.0), (1.0, 3, 0.2), (0.5, 6, -0.4), (8.0, 6, 1.0)]
)
def test_guidance_asks_twice_only_where_it_must_and_is_clipped(model, guidance_scale, asked, sampled):
    *_, last = generate(model, Preset(steps=3, guidance_scale=guidance_scale), [0], [2])
    assert len(model.net.asked) == asked
    torch.testing.assert_close(last.x, torch.full_like(last.x, sampled), atol=1e-5, rtol=0)


def test_without_labels_the_network_is_asked_for_anything(model):
    list(generate(model, Preset(steps=2), [0]))
    assert model.net.asked == [None, None]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_image_does_not_change_with_its_neighbours(model, sampler):
    both = [state.x for state in generate(model, Preset(sampler, steps=3), [5, 9], [0, 1])]
    alone = [state.x for state in generate(model, Preset(sampler, steps=3), [9], [1])]
    for pair, one in zip(both, alone, strict=True):
        torch.testing.assert_close(pair[1:], one)


@pytest.mark.parametrize("schedule", ["linear", "scaled_linear", "quadratic", "cosine", "sigmoid", "flow"])
def test_one_network_runs_on_every_schedule(model, schedule):
    *_, last = generate(model, Preset(schedule=schedule, steps=5, guidance_scale=1.0), [0], [1])
    torch.testing.assert_close(last.x, torch.full_like(last.x, 0.1), atol=1e-5, rtol=0)


def test_a_schedule_is_stretched_if_that_is_chosen():
    with pytest.warns(UserWarning, match="zero_terminal_snr"):
        assert Preset(schedule="linear", T=300, zero_snr=True).noise_schedule().signal[-1] == 0


@pytest.mark.parametrize("count", [0, 1, 3])
def test_counts_of_seeds_and_labels_that_do_not_match_are_refused(model, count):
    for labels in ([0] * count, torch.zeros(count, dtype=torch.int64), np.zeros(count, dtype=np.int64)):
        with pytest.raises(ValueError, match=f"2 images came with {count} conditions|one condition for every image"):
            generate(model, Preset(steps=2), [1, 2], labels)
        with pytest.raises(ValueError, match=f"2 images came with {count} conditions|one condition for every image"):
            generate(model, Preset(steps=2), [1, 2], [0, 0], negative=labels)


@pytest.mark.parametrize(
    "label", ["rose", [0.5, 0.5], [math.nan, 0], [-1, 0], [99, 0], [None, 0], {}, [[0], [0]], 0, [True, False], [1j, 0]]
)
def test_conditions_that_are_no_labels_are_refused_in_words(model, label):
    with pytest.raises(ValueError, match="condition"):
        generate(model, Preset(steps=2), [1, 2], label)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_class_labels_may_be_whole_numbers_of_any_length(model, dtype):
    table, asked = torch.nn.Embedding(4, 1), []
    model.net.forward = lambda y, noise_level, labels=None: asked.append(table(labels)) or 0 * y
    list(generate(model, Preset(steps=1, guidance_scale=1.0), [1, 2], torch.tensor([0, 2], dtype=dtype)))
    assert torch.equal(asked[0], table(torch.tensor([0, 2])))


@pytest.mark.parametrize("shape", [(), (1, 2), (2, 1)])
def test_conditions_are_interpolated_with_one_fraction_per_image(shape):
    with pytest.raises(ValueError, match=r"fraction of Interpolated must be a tensor \(b,\)"):
        Interpolated(torch.tensor([0, 0]), torch.tensor([1, 1]), torch.full(shape, 0.5))


@pytest.mark.parametrize("seeds", [[], 3, None, "12", [1.5], [math.nan], [None], [True], {1, 2}, np.ones(2), [2**64]])
def test_seeds_are_whole_numbers(model, seeds):
    with pytest.raises(ValueError, match="^seeds of "):
        generate(model, Preset(steps=2), seeds)


@pytest.mark.parametrize("seeds", [range(2), (0, 1), np.arange(2), torch.arange(2)])
def test_seeds_may_come_in_any_kind_of_list(model, seeds):
    *_, state = generate(model, Preset(steps=2), seeds)
    assert len(state.x) == 2


@pytest.mark.parametrize("scale", [math.nan, math.inf, "2", None, [2.0]])
def test_a_guidance_scale_is_a_finite_number(scale):
    with pytest.raises(ValueError, match="guidance_scale of Preset must be a finite number"):
        Preset(guidance_scale=scale)


@pytest.mark.parametrize(("name", "options"), [("DDIM", {"etta": 1}), ("Heun", {"eta": 1}), ("DDPM", {"randn": None})])
def test_options_that_a_sampler_does_not_have_are_refused(model, name, options):
    with pytest.raises(ValueError, match=f"{name} has the options"):
        generate(model, Preset(sampler=name, steps=2, options=options), [1])


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_steps_are_refused_before_anything_is_sampled(model, steps):
    with pytest.raises(ValueError, match="between 1 and 1000 steps|steps of Preset must be a whole number"):
        generate(model, Preset(steps=steps), [0])


@pytest.mark.parametrize("guidance_scale", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_network_is_asked_as_often_as_the_preset_says(model, sampler, guidance_scale):
    preset = Preset(sampler, steps=4, guidance_scale=guidance_scale)
    *_, last = generate(model, preset, [0, 1], [0, 2])
    assert len(model.net.asked) == preset.nfe(guiding=True)
    model.net.asked.clear()
    list(generate(model, preset, [0, 1]))
    assert len(model.net.asked) == preset.nfe(guiding=False)
    assert last.x.abs().max() <= 1


@pytest.mark.parametrize("spacing", SPACINGS)
def test_the_timesteps_of_a_walk_are_spaced_as_chosen(model, spacing):
    preset = Preset("DPM-Solver++", steps=6, schedule="flow", T=300, spacing=spacing)
    assert (
        [state.t for state in generate(model, preset, [0])]
        == preset.timesteps()
        == spaced(preset.noise_schedule(), 6, spacing)
    )


def test_two_walks_of_one_preset_do_not_fraction_a_solver(model):
    preset = Preset("DPM-Solver++", steps=5)
    alone = [state.x for state in generate(model, preset, [1], [0])]
    for _, state, x in zip(generate(model, preset, [2], [1]), generate(model, preset, [1], [0]), alone, strict=True):
        assert torch.equal(state.x, x)


@pytest.mark.parametrize(
    ("choice", "words"),
    [({"sampler": "Euler"}, "sampler of Preset must be one of DDIM"), ({"spacing": "karras"}, "one of trailing")],
)
def test_unknown_choices_are_refused_in_words_before_anything_is_sampled(model, choice, words):
    with pytest.raises(ValueError, match=words):
        generate(model, Preset(**choice), [0])


@pytest.mark.parametrize(
    ("about", "labels", "words"),
    [
        ({"classes": ["a", "b"]}, [3], "one class label of 0 to 2"),
        ({"classes": ["a", "b"]}, [-1], "one class label of 0 to 2"),
        ({"classes": ["a", "b"]}, [[1, 0]], "one class label of 0 to 2"),
        ({"attributes": ["hat", "beard"]}, [[1, 0, 1]], "2 numbers"),
        ({"attributes": ["hat", "beard"]}, [1], "2 numbers"),
        (
            {"conditioning_image": "a sketch", "config": {"conditioning_channels": 3}},
            torch.zeros(1, 4, 8, 8),
            "images of 3 channels",
        ),
        (
            {"conditioning_image": "a sketch", "config": {"conditioning_channels": 3}},
            torch.zeros(1, 3, 8, 6),
            "divisible by 4",
        ),
    ],
)
def test_a_condition_that_does_not_fit_the_network_is_refused_in_words_before_anything_is_sampled(
    model, about, labels, words
):
    model.net.size_multiple = 4
    wrong = replace(model, card=replace(model.card, **{"classes": [], **about}))
    with pytest.raises(ValueError, match=words):
        generate(wrong, Preset("DDIM", 2), [0], labels)
    assert not model.net.asked


def end(*request, **more):
    *_, last = generate(*request, **more)
    return last.x


@pytest.mark.parametrize("sampler", ["DDPM", "Euler ancestral", "Multistep renoising"])
def test_a_walk_goes_on_with_the_noise_after_its_start(model, sampler):
    preset = Preset(sampler, steps=4)
    noise = SeededNoise([3, 4])
    x = noise.sample((3, 8, 8))
    own = walk(make_step(model, preset, noise, [0, 1]), x, preset.timesteps())
    given = generate(model, preset, SeededNoise([3, 4]), [0, 1])  # noise instead of seeds
    for state, other, right in zip(generate(model, preset, [3, 4], [0, 1]), given, own, strict=True):
        assert torch.equal(state.x, right.x) and torch.equal(other.x, right.x)


def test_options_reach_the_sampler(model):
    for name, options, same in (("DDIM", {"eta": 1.0}, "DDPM"), ("DPM-Solver++", {"eta": 1.0}, "DDPM")):
        first = [state.x for state in generate(model, Preset(name, steps=2, options=options), [3])][1]
        plain = [state.x for state in generate(model, Preset(name, steps=2), [3])][1]
        right = [state.x for state in generate(model, Preset(same, steps=2), [3])][1]
        torch.testing.assert_close(first, right)
        assert not torch.allclose(plain, right)


@pytest.mark.parametrize(
    ("scale", "condition", "negative", "sampled"),
    [
        (4.0, [2], [1], 0.1 + 4 * 0.1),
        (4.0, None, [1], -1.0),  # from 0.1 away towards -1, then clipped
        (4.0, [0], None, 1.0),
        (1.0, [2], [1], 0.2),  # up to 1 a negative condition has no effect
        (0.5, [2], [1], -0.4),
        (0.0, [2], [1], -1.0),
    ],
)
def test_a_negative_condition_takes_the_place_of_the_unconditional_branch_above_scale_1(
    model, scale, condition, negative, sampled
):
    x = end(model, Preset(steps=2, guidance_scale=scale), [0], condition, negative=negative)
    torch.testing.assert_close(x, torch.full_like(x, sampled), atol=1e-5, rtol=0)


def test_a_guidance_of_ones_own_gets_both_branches_and_the_scale(model):
    asked = []

    def guidance(conditional, unconditional, guidance_scale):
        asked.append(guidance_scale)
        return lambda x, t: conditional(x, t) + 0.5 * unconditional(x, t)

    x = end(model, Preset(steps=2, guidance_scale=3.0), [0], [2], guidance)
    torch.testing.assert_close(x, torch.full_like(x, 0.2 - 0.5), atol=1e-5, rtol=0)
    assert asked == [3.0]


def test_predictions_are_interpolated_image_by_image_from_the_first_condition_to_the_second(model):
    condition = Interpolated(torch.tensor([0, 0, 1]), torch.tensor([2, 2, 2]), torch.tensor([0.0, 0.25, 1.0]))
    x = end(model, Preset(steps=2, guidance_scale=1.0), [0, 1, 2], condition)
    assert x[:, 0, 0, 0].tolist() == pytest.approx([0.0, 0.05, 0.2], abs=1e-5)


def test_images_are_clipped_and_latents_are_not(model):
    """Pitfall 21."""
    latents = replace(model, card=replace(model.card, autoencoder="some"))
    preset = Preset(steps=2, guidance_scale=8.0)
    assert end(model, preset, [0], [2]).max() == 1
    assert end(latents, preset, [0], [2]).mean().item() == pytest.approx(-1 + 8 * 1.2, abs=1e-4)


def test_the_null_label_is_a_condition_like_any_other(model):
    assert end(model, Preset(steps=2, guidance_scale=1.0), [0], [3]).mean().item() == pytest.approx(0.3, abs=1e-5)


def test_the_sample_has_height_and_width_of_its_conditioning_image(model):
    model.net.size_multiple = 4
    card = replace(model.card, classes=[], conditioning_image="a sketch", config={"conditioning_channels": 1})
    model.net.forward = lambda y, noise_level, condition=None: 0 * y
    x = end(replace(model, card=card), Preset(steps=2), [0], torch.zeros(1, 1, 12, 20))
    assert x.shape == (1, 3, 12, 20)


def test_a_preset_of_few_timesteps_has_a_schedule_of_few_timesteps():
    preset = Preset(schedule="cosine", T=100, steps=5)
    assert preset.noise_schedule().T == 100 and preset.timesteps() == [100, 80, 60, 40, 20, 0]
    assert Preset(schedule="linear").noise_schedule().signal[-1] > 0  # stretched only if that is asked for
