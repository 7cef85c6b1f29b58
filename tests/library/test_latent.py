"""Text to image: sample, image-to-image, inpaint and interpolate, with a lossless autoencoder and a network whose
predictions are known.
"""

from dataclasses import replace

import pytest
import torch
from einops import rearrange
from helpers import CPU
from torch import nn

from diffusion_edu.checkpoints import Card, Model, Unusable, save, vocabulary
from diffusion_edu.data.images import to_bytes
from diffusion_edu.denoisers import record_guidance
from diffusion_edu.generation import Preset, generate
from diffusion_edu.latent.codec import make_codec
from diffusion_edu.latent.inputs import latent_mask
from diffusion_edu.latent.interpolation import interpolate
from diffusion_edu.latent.text_to_image import TextToImage, image_to_image, inpaint, load_text_to_image, sample
from diffusion_edu.networks import NETWORKS
from diffusion_edu.networks.autoencoder import Autoencoder
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.text import tokenizer

READER = tokenizer.Tokenizer(tokenizer.learn_vocabulary(["red fox", "red fox", "blue owl", "blue owl", "fox", "owl"]))
VALUE = {
    READER.read(word).condition[1].item(): value
    for word, value in {"red": 0.8, "blue": -0.6, "fox": 0.4, "owl": -0.2}.items()
}
UNCONDITIONAL = 0.1  # the value of the unconditional prediction
PRESET = Preset("DDIM", steps=4, guidance_scale=1.0)


class Lossless(nn.Module):
    """A lossless autoencoder: 8 x 8 pixels of three colours are one position of 192 channels."""

    def encode(self, x):
        z = rearrange(x, "b c (h i) (w j) -> b (c i j) h w", i=8, j=8)
        return z, torch.zeros_like(z)

    def decode(self, z):
        return rearrange(z, "b (c i j) h w -> b c (h i) (w j)", i=8, j=8)


class FlatNetwork(nn.Module):
    """Predicts v as if the image of a prompt had one value everywhere, the sum of the values of its words; records the
    token ids of every call.
    """

    size_multiple = 1

    def __init__(self):
        super().__init__()
        self.calls = []

    def forward(self, y, noise_level, ids=None):
        self.calls.append(None if ids is None else ids.tolist())
        if ids is None or not ids.any():
            x0 = torch.full((len(y),), UNCONDITIONAL)
        else:
            x0 = torch.tensor([sum(VALUE.get(number, 0.0) for number in row) for row in ids.tolist()])
        c, s = (f(noise_level / 1000).view(-1, 1, 1, 1) for f in (torch.cos, torch.sin))
        return (c * y - x0.view(-1, 1, 1, 1)) / s


@pytest.fixture
def flat():
    """A model that generates one flat colour for every prompt, with a lossless autoencoder."""
    card = Card(
        "m", "M", "attention_unet", {"text": {}}, "v", 4, 192, autoencoder="a", text=READER.card, sampling=vars(PRESET)
    )
    return TextToImage(
        Model(card, FlatNetwork(), CPU), make_codec(Lossless(), CPU, [0.2] * 192, [0.5] * 192, 8), READER
    )


@pytest.fixture
def real(tiny):
    """A network with no weight at zero, so that noise and words both matter, and the same autoencoder."""
    net = tiny(channels=192, patch=1, text={"width": 16, "depth": 1, "head_width": 8, **READER.config}).eval()
    card = Card(
        "m", "M", "attention_unet", {"text": {}}, "v", 4, 192, autoencoder="a", text=READER.card, sampling=vars(PRESET)
    )
    return TextToImage(Model(card, net, CPU), make_codec(Lossless(), CPU, [0.0] * 192, [1.0] * 192, 8), READER)


def image(h=32, w=32, b=None, seed=0):
    return torch.randint(
        0, 256, (*([b] if b else []), 3, h, w), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8
    )


def end(generation):
    *_, state = generation
    return state


def decoded(generation):
    return generation.decode(end(generation).x)


def colour(value):
    """The byte that a latent of this value decodes to, in the flat model."""
    return to_bytes(torch.tensor(0.5 * value + 0.2)).item()


# Sampling


@pytest.mark.parametrize("steps", [1, 3, 12])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_generates_what_the_prompt_says_in_any_number_of_steps(flat, sampler, steps):
    request = flat.request(["red fox", "blue owl", ""], [0, 1, 2], Preset(sampler, steps))
    generation = sample(replace(request, preset=replace(request.preset, guidance_scale=1.0)))
    states = list(generation)
    assert [state.t for state in states] == request.preset.timesteps() and states[0].x.shape == (3, 192, 4, 4)
    images = generation.decode(states[-1].x)
    assert images.shape == (3, 3, 32, 32) and images.dtype == torch.uint8
    for found, value in zip(images, (1.2, -0.8, 0.0), strict=True):
        # an empty prompt in a batch with other prompts: its token ids are zeros
        assert (found.int() - colour(value)).abs().max() <= 1
    assert (generation.decode(states[0].x0_hat)[0].int() - colour(1.2)).abs().max() <= 1


def test_one_prompt_serves_all_seeds_and_the_card_has_the_preset(flat):
    request = flat.request("red fox", range(3))
    assert request.preset == PRESET and request.count == 3 and request.notes == ()
    assert request.condition.shape == (3, 3) and torch.equal(request.condition[0], READER(["red fox"])[0, :3])
    assert torch.equal(end(sample(request)).x, end(sample(flat.request(["red fox"] * 3, range(3)))).x)
    assert torch.equal(end(sample(request)).x, end(generate(flat.model, PRESET, range(3), READER(["red fox"] * 3))).x)


@pytest.mark.parametrize("sampler", ["DDIM", "DDPM", "DPM-Solver++"])
def test_an_image_depends_on_its_own_seed_and_prompt_only(real, sampler):
    preset = Preset(sampler, 3, guidance_scale=3.0)
    both = end(sample(real.request(["blue owl", "red fox red fox"], [5, 9], preset, "owl"))).x
    alone = end(sample(real.request("red fox red fox", [9], preset, "owl"))).x
    torch.testing.assert_close(both[1:], alone, rtol=1e-4, atol=1e-4)
    assert torch.equal(end(sample(real.request("red fox red fox", [9], preset, "owl"))).x, alone)
    for other in (
        real.request("red fox red fox", [10], preset, "owl"),
        real.request("red", [9], preset, "owl"),
        real.request("red fox red fox", [9], preset),
    ):
        assert not torch.allclose(end(sample(other)).x, alone, atol=1e-3)


def test_latents_are_not_clipped(flat):
    far = end(sample(flat.request("red fox red fox red fox", [0])))
    torch.testing.assert_close(far.x, torch.full_like(far.x, 3.6), atol=1e-4, rtol=0)


# The negative prompt


@pytest.mark.parametrize(
    ("scale", "sampled", "times"),
    [(0.0, UNCONDITIONAL, 1), (0.5, (UNCONDITIONAL + 1.2) / 2, 2), (1.0, 1.2, 1), (3.0, 1.2 + 2 * (1.2 + 0.6), 2)],
)
def test_guidance_leads_away_from_the_negative_prompt_and_without_guidance_it_has_no_effect(
    flat, scale, sampled, times
):
    request = flat.request("red fox", [0, 1], replace(PRESET, guidance_scale=scale), negative="blue")
    last = end(sample(request))
    torch.testing.assert_close(last.x, torch.full_like(last.x, sampled), atol=1e-4, rtol=0)
    assert len(flat.model.net.calls) == times * 4
    assert any("guidance scale above 1" in note for note in request.notes) == (scale <= 1)


def test_a_negative_prompt_alone_leads_away_from_it(flat):
    last = end(sample(flat.request("", [0], replace(PRESET, guidance_scale=3.0), negative="blue")))
    torch.testing.assert_close(
        last.x, torch.full_like(last.x, UNCONDITIONAL + 2 * (UNCONDITIONAL + 0.6)), atol=1e-4, rtol=0
    )


def test_a_negative_prompt_equal_to_the_prompt_cancels_and_a_note_says_so(real):
    request = real.request(["red fox", "owl"], [0, 1], replace(PRESET, guidance_scale=4.0), negative="Red  FOX")
    assert "they cancel" in request.notes[0]
    plain = real.request(["red fox", "owl"], [0, 1])
    torch.testing.assert_close(end(sample(request)).x[0], end(sample(plain)).x[0], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(end(sample(request)).x[1], end(sample(plain)).x[1], atol=1e-2)


def test_classes_and_attributes_can_be_negative_conditions_too():
    class Classes(nn.Module):
        def forward(self, y, noise_level, labels=None):
            x0 = torch.zeros(len(y)) if labels is None else labels.float().view(len(y), -1)[:, 0] / 10
            c, s = (f(noise_level / 1000).view(-1, 1, 1, 1) for f in (torch.cos, torch.sin))
            return (c * y - x0.view(-1, 1, 1, 1)) / s

    for card_entry, condition, negative in (
        ({"classes": ["a", "b", "c"]}, [2], [1]),
        ({"attributes": ["hat", "red"]}, [[2, 0]], [[1, 0]]),
    ):
        model = Model(Card("m", "M", "attention_unet", {}, "v", 8, **card_entry), Classes(), CPU)
        *_, last = generate(model, Preset(steps=3, guidance_scale=3.0), [0], condition, negative=negative)
        torch.testing.assert_close(last.x, torch.full_like(last.x, 0.4), atol=1e-5, rtol=0)
        with pytest.raises(ValueError, match="is conditioned on"):
            generate(model, Preset(steps=3, guidance_scale=3.0), [0], condition, negative=[[9, 9, 9]])


def test_the_guidance_of_a_walk_can_be_recorded(flat):
    recorded = {}
    request = replace(
        flat.request("red fox", [0], replace(PRESET, guidance_scale=3.0), negative="blue"),
        guidance=record_guidance(recorded),
    )
    states = list(sample(request))
    assert sorted(recorded, reverse=True) == [state.t for state in states[:-1]]
    for part, value in zip(recorded[500], (-0.6, 1.2, 4.8), strict=True):
        torch.testing.assert_close(part, torch.full_like(part, value), atol=1e-4, rtol=0)


# Image-to-image


def test_strength_0_returns_the_image_itself_not_its_reconstruction(flat):
    lossy = replace(flat, codec=make_codec(Lossy(), CPU, [0.2] * 192, [0.5] * 192, 8))
    generation = image_to_image(lossy.request("red fox", [0, 1]), image(), 0)
    assert not torch.equal(lossy.images(end(generation).x)[0], image())
    generation = image_to_image(lossy.request("red fox", [0, 1]), image(), 0)
    assert torch.equal(decoded(generation), image().expand(2, -1, -1, -1)) and not lossy.model.net.calls


class Lossy(Lossless):
    """Decodes nine tenths of every value."""

    def decode(self, z):
        return 0.9 * super().decode(z)


@pytest.mark.parametrize("sampler", ["DDIM", "DDPM"])
def test_strength_1_is_sampling_from_noise(real, sampler):
    request = real.request(["red fox", "owl"], [3, 4], Preset(sampler, 4, 2.0))
    for ours, theirs in zip(image_to_image(request, image(), 1), sample(request), strict=True):
        assert ours.t == theirs.t and torch.equal(ours.x, theirs.x)


def test_a_walk_of_medium_strength_starts_from_the_noised_image_and_ends_with_the_prompt(flat):
    images, request = image(b=2), flat.request("red fox", [3, 4])
    generation = image_to_image(request, images, 0.5)
    states = list(generation)
    schedule, x0 = PRESET.noise_schedule(), flat.codec.encode(images.float() / 127.5 - 1)
    assert [state.t for state in states] == [500, 375, 250, 125, 0]
    torch.testing.assert_close(states[0].x, schedule.corrupt(x0, 500, SeededNoise([3, 4]).sample((192, 4, 4))))
    assert (generation.decode(states[-1].x).int() - colour(1.2)).abs().max() <= 1
    bare = next(iter(image_to_image(request, images, 0.5, noisy=False)))
    torch.testing.assert_close(bare.x, schedule.signal[500].float() * x0)


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan")])
def test_a_strength_outside_0_to_1_is_refused_in_one_sentence(flat, strength):
    with pytest.raises(ValueError, match="strength of image_to_image must be a number from 0 to 1"):
        image_to_image(flat.request("fox", [0]), image(), strength)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (image(30, 32), "divisible by 8, not 30 x 32"),
        (image(0, 32), "not empty"),
        (image().float(), "uint8 .3, h, w., not float32"),
        (image()[:1], "uint8"),
        (image(b=3), "Give one image, or 2"),
        (image()[0], "uint8"),
    ],
)
def test_images_that_do_not_fit_are_refused_in_one_sentence(flat, wrong, words):
    request = flat.request("fox", [0, 1])
    for function in (
        lambda: image_to_image(request, wrong, 0.5),
        lambda: inpaint(request, wrong, torch.ones(wrong.shape[-2:])),
    ):
        with pytest.raises(ValueError, match=words) as problem:
            function()
        assert "\n" not in str(problem.value)


def test_image_to_image_and_inpainting_work_at_other_sizes_than_the_models(flat):
    hole = torch.zeros(16, 40, dtype=torch.bool)
    hole[3, 5] = True
    request = flat.request("red fox", [0])
    assert (
        decoded(image_to_image(request, image(16, 40), 0.7)).shape
        == decoded(inpaint(request, image(16, 40), hole)).shape
        == (1, 3, 16, 40)
    )


# Inpainting


def spot():
    hole = torch.zeros(32, 32, dtype=torch.bool)
    hole[7:10, 17] = True  # three pixels, in two latent positions
    return hole


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("sampler", ["DDIM", "DDPM", "DPM-Solver++"])
def test_outside_the_mask_nothing_changes_and_inside_is_what_the_prompt_says(flat, sampler, repeats):
    lossy = replace(flat, codec=make_codec(Lossy(), CPU, [0.2] * 192, [0.5] * 192, 8))
    generation = inpaint(
        lossy.request(["red fox", "blue owl"], [0, 1], Preset(sampler, 6, 1.0)), image(), spot(), repeats, jump=2
    )
    states = list(generation)
    assert len(states) - 1 == (6 if repeats == 1 else 6 * repeats + 3 * (repeats - 1))
    for state in states[1], states[-1]:  # on the way too
        shown = generation.decode(state.x0_hat)
        assert shown.dtype == torch.uint8 and torch.equal(
            shown[..., ~spot()], image().expand(2, -1, -1, -1)[..., ~spot()]
        )
    for row, value in enumerate((1.2, -0.8)):
        expected = to_bytes(torch.tensor(0.9 * (0.5 * value + 0.2))).int()
        assert (generation.decode(states[-1].x)[row][..., spot()].int() - expected).abs().max() <= 1


@pytest.mark.parametrize("repeats", [1, 2])
def test_known_latents_have_the_noise_of_their_timestep_all_the_way(real, repeats):
    request, schedule = real.request("red fox", [3], Preset("DDPM", 5)), Preset().noise_schedule()
    known = real.codec.encode(image()[None].float() / 127.5 - 1)
    hole = latent_mask(spot(), 8)
    assert hole.nonzero().tolist() == [[0, 2], [1, 2]]
    eps, before = SeededNoise([3]).sample((192, 4, 4)), []
    for state in inpaint(request, image(), spot(), repeats, jump=2):
        x, clean = (each[..., ~hole] for each in (state.x, known))
        if repeats == 1:
            torch.testing.assert_close(x, schedule.corrupt(known, state.t, eps)[..., ~hole])
        else:
            left = (x - schedule.signal[state.t].float() * clean) / max(
                schedule.noise[state.t].float(), torch.tensor(1e-9)
            )
            assert state.t == 0 or (
                0.9 < left.std() < 1.1 and not any(torch.allclose(left, other, atol=1e-2) for other in before)
            )
            before.append(left)
    assert torch.equal(state.x[..., ~hole], known[..., ~hole])


def test_a_single_pixel_marks_exactly_its_own_latent():
    for row, column in ((0, 0), (7, 8), (31, 31), (16, 15)):
        hole = torch.zeros(32, 32, dtype=torch.bool)
        hole[row, column] = True
        assert latent_mask(hole, 8).nonzero().tolist() == [[row // 8, column // 8]]


def test_a_full_mask_is_sampling_from_noise(real):
    request = real.request("red fox", [3, 4])
    generation = inpaint(request, image(), torch.full((32, 32), 255))
    torch.testing.assert_close(decoded(generation), decoded(sample(request)))


@pytest.mark.parametrize(
    ("hole", "words"),
    [
        (torch.ones(16, 32), r"shape \(16, 32\), and the image \(32, 32\): scale"),
        (torch.ones(1, 32, 32), "scale the mask"),
        (torch.zeros(32, 32), "Nothing is marked in the mask: paint"),
    ],
)
def test_impossible_masks_are_refused_in_one_sentence(flat, hole, words):
    with pytest.raises(ValueError, match=words):
        inpaint(flat.request("fox", [0]), image(), hole)


# Interpolation


def test_between_two_prompts_every_prediction_is_interpolated(flat):
    fractions = [0.0, 0.25, 1.0]
    request = interpolate(flat.request("red fox", [7]), flat.request("blue owl owl", [7]), fractions)
    last = end(sample(request))
    for x, fraction in zip(last.x, fractions, strict=True):
        torch.testing.assert_close(x, torch.full_like(x, 1.2 - fraction * 2.2), atol=1e-4, rtol=0)


def test_the_ends_are_the_two_requests_and_guidance_leads_away_from_both_negative_prompts(real):
    preset = Preset("DDPM", 3, 3.0)
    first, second = real.request("red fox", [7], preset, "owl"), real.request("blue owl owl", [8], preset)
    states = list(sample(interpolate(first, second, [0.0, 0.5, 1.0])))
    ends = [list(sample(request)) for request in (first, second)]
    for k, state in enumerate(states):
        assert torch.equal(states[0].x[[0]], ends[0][0].x) and torch.equal(states[0].x[[2]], ends[1][0].x)
        torch.testing.assert_close(state.x[[0, 2]], torch.cat([each[k].x for each in ends]), rtol=1e-3, atol=1e-3)
    assert (states[-1].x[1] - states[-1].x[[0, 2]]).abs().mean((1, 2, 3)).min() > 0.05


def test_between_two_seeds_noise_keeps_its_strength_and_equal_prompts_are_not_interpolated(real):
    fractions = torch.linspace(0, 1, 5).tolist()
    request = interpolate(real.request("red fox", [7]), real.request("red fox", [8]), fractions)
    first = next(iter(sample(request)))
    assert (
        first.x.std((1, 2, 3)).sub(1).abs().max() < 0.05
        and isinstance(request.condition, torch.Tensor)
        and request.condition.shape[0] == 5
    )
    steps = [(b - a).square().mean().sqrt() for a, b in zip(first.x, first.x[1:], strict=False)]
    assert max(steps) / min(steps) < 1.01
    generation = image_to_image(request, image(), 0.5)
    assert decoded(generation).shape == (5, 3, 32, 32)


def test_requests_that_cannot_be_interpolated_are_refused_in_one_sentence(flat):
    one, three = flat.request("fox", [0]), flat.request("owl", [1, 2, 3])
    assert interpolate(one, three, [0, 0.5, 1]).count == 3
    for first, second, fractions in ((one, three, [0, 1]), (one, one, [0, 1.1]), (one, one, [])):
        with pytest.raises(ValueError, match="Give fractions of 0 to 1"):
            interpolate(first, second, fractions)
    with pytest.raises(ValueError, match="same model and the same preset"):
        interpolate(one, replace(one, preset=Preset()), [0.5])


# Unusual prompts


@pytest.mark.parametrize(
    ("prompt", "note"),
    [
        ("", "unconditional"),
        ("   ", "unconditional"),
        ("тигр", "left out"),
        ("red 老虎", "left out"),
        ("red fox " * 1250, "prompt is long"),
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_any_prompt_is_sampled_and_a_note_says_once_what_has_no_effect(flat, prompt, note):
    request = flat.request([prompt, prompt], [0, 1], replace(PRESET, guidance_scale=3.0))
    assert len(request.notes) == 1 and note in request.notes[0] and "\n" not in request.notes[0]
    assert end(sample(request)).x.isfinite().all()
    in_negative = flat.request("red", [0], replace(PRESET, guidance_scale=3.0), negative=prompt)
    assert end(sample(in_negative)).x.isfinite().all() and any(note in each for each in in_negative.notes) == bool(
        prompt.strip()
    )
    if not prompt.strip():
        assert request.condition is None and in_negative.negative is None and flat.model.net.calls[0] is None


@pytest.mark.parametrize(("prompts", "seeds"), [("fox", []), (["fox", "owl"], [1]), ([], [1]), (["fox"] * 3, [1, 2])])
def test_numbers_of_prompts_and_seeds_that_do_not_match_are_refused(flat, prompts, seeds):
    with pytest.raises(
        ValueError, match="Give one prompt, or one per seed, and at least one seed|seeds of TextToImage.request"
    ):
        flat.request(prompts, seeds)


# Loading


@pytest.fixture
def folder(tmp_path):
    """A folder with a tiny model, its autoencoder and its vocabulary."""
    config = {"channels": 4, "widths": [16], "attention": [False], "patch": 1, "embedding": 16}
    config["text"] = {"width": 16, "depth": 1, "head_width": 8, **READER.config}
    coder = {"widths": [8, 16], "blocks": [1, 1], "patch": 4}
    latents = {"mean": [0.1, 0.0, 0.0, 0.0], "std": [0.5, 1.0, 1.0, 1.0]}
    made = save(
        tmp_path, Card("a", "A", "autoencoder", coder, "autoencoder", 16, latents=latents), Autoencoder(**coder)
    )
    training = {"scale": made.latents}
    card = Card(
        "m",
        "M",
        "attention_unet",
        config,
        "v",
        2,
        4,
        autoencoder="a",
        text=READER.card,
        training=training,
        sampling=vars(PRESET),
    )
    save(tmp_path, card, NETWORKS["attention_unet"](**config))
    vocabulary(tmp_path, "m").write_text(READER.text)
    return tmp_path


def test_all_parts_are_loaded_by_one_name_and_generate(folder):
    model = load_text_to_image("m", [folder], CPU)
    images = decoded(sample(model.request("red fox", [0, 1], negative="owl")))
    assert images.shape == (2, 3, 16, 16) and model.preset == PRESET and model.multiple == 8


def test_a_missing_or_exchanged_part_is_named_in_one_sentence(folder):
    def refused(words):
        with pytest.raises(Unusable, match=words) as problem:
            load_text_to_image("m", [folder], CPU)
        assert "\n" not in str(problem.value)

    config = {"widths": [8, 16], "blocks": [1, 1], "patch": 4}
    save(
        folder,
        Card("a", "A", "autoencoder", config, "autoencoder", 16, latents={"mean": [0.0] * 4, "std": [1.0] * 4}),
        Autoencoder(**config),
    )
    refused("was trained on latents of another 'a' than the one installed: restore")
    (folder / "a.safetensors").unlink()
    refused("no model 'a'")
    vocabulary(folder, "m").unlink()
    refused("vocabulary .* is missing")
    (folder / "m.safetensors").unlink()
    refused("no text-to-image model 'm'")
