"""Lesson 11: wrong answers get the hint for their mistake, right ones pass in any form, and its figures hold."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pool
import pytest
import torch
import torch.nn.functional as F

from diffusion_edu.analysis.attention import by_word, cross_attention_layers, record_attention
from diffusion_edu.analysis.measures import psnr
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.latent.codec import load_codec
from diffusion_edu.latent.text_to_image import load_text_to_image, sample
from diffusion_edu.lessons.checks.grading import grade
from diffusion_edu.lessons.exercises.lesson_11 import EXERCISES
from diffusion_edu.lessons.figures.lesson_11 import latent_maps, rms, side_by_side, without_words


def each(numbers):
    return numbers.view(1, -1, 1, 1)


def by_channel(z, mean, std):
    return torch.stack([(z[:, c] - mean[c]) / std[c] for c in range(z.shape[1])], dim=1)


def attention_loop(q, k, v, padding):
    rows = []
    for b in range(len(q)):
        real = ~padding[b]
        rows.append((q[b] @ k[b, real].T / math.sqrt(q.shape[-1])).softmax(-1) @ v[b, real])
    return torch.stack(rows)


def attention_in_numpy(q, k, v, padding):
    scores = np.einsum("bnd,bmd->bnm", q.numpy(), k.numpy()) / np.sqrt(q.shape[-1])
    weights = np.exp(scores) * ~padding.numpy()[:, None]
    return weights / weights.sum(-1, keepdims=True) @ v.numpy()


def attention(scale=True, fill=-math.inf, dim=-1, mask=lambda padding: padding):
    def answer(q, k, v, padding):
        scores = q @ k.mT / (math.sqrt(q.shape[-1]) if scale else 1)
        return scores.masked_fill(mask(padding)[:, None], fill).softmax(dim) @ v

    return answer


def terms(mean, log_variance):
    return (mean**2 + log_variance.exp() - 1 - log_variance) / 2


def as_distributions(mean, log_variance):
    code = torch.distributions.Normal(mean, (log_variance / 2).exp())
    return torch.distributions.kl_divergence(code, torch.distributions.Normal(0.0, 1.0)).flatten(1).sum(1)


RIGHT = {
    "11.1": [
        lambda z, mean, std: (z - each(mean)) / each(std),
        by_channel,
        lambda z, mean, std: ((z.permute(0, 2, 3, 1) - mean) / std).permute(0, 3, 1, 2),
        lambda z, mean, std: z / each(std) - each(mean / std),
        lambda z, mean, std: (z.numpy() - mean.numpy()[:, None, None]) / std.numpy()[:, None, None],
        lambda z, mean, std: torch.einsum("bchw,c->bchw", z - each(mean), 1 / std).float(),
    ],
    "11.2": [
        lambda h, w, c, f: 3 * f**2 / c,
        lambda h, w, c, f: 3 * h * w / (c * (h // f) * (w // f)),
        lambda h, w, c, f: torch.ones(3, h, w).sum() / torch.ones(c, h // f, w // f).sum(),
        lambda h, w, c, f: 1 / (c / 3 / f / f),
        lambda h, w, c, f: np.prod([3, h, w]) / np.prod([c, h / f, w / f]),
    ],
    "11.3": [
        lambda m, lv: terms(m, lv).flatten(1).sum(1),
        as_distributions,
        lambda m, lv: -0.5 * (1 + lv - m**2 - lv.exp()).sum((1, 2, 3)),
        lambda m, lv: [terms(m[k], lv[k]).sum() for k in range(len(m))],
        lambda m, lv: torch.stack([terms(one, other).sum() for one, other in zip(m, lv, strict=True)]).float(),
    ],
    "11.4": [
        attention(),
        attention(fill=-1e9),
        lambda q, k, v, padding: F.scaled_dot_product_attention(q, k, v, ~padding[:, None]),
        attention_loop,
        attention_in_numpy,
    ],
    "11.5": [
        lambda decoder, z, mean, std: decoder(z * each(std) + each(mean)),
        lambda decoder, z, mean, std: decoder(torch.addcmul(each(mean), z, each(std))),
        lambda decoder, z, mean, std: decoder((z + each(mean / std)) * each(std)),
        lambda decoder, z, mean, std: decoder((z.permute(0, 2, 3, 1) * std + mean).permute(0, 3, 1, 2)),
        lambda decoder, z, mean, std: torch.cat([decoder(row[None] * each(std) + each(mean)) for row in z]),
    ],
}

WRONG = {
    "11.1": [
        (lambda z, mean, std: (z - mean) / std, "along the last axis"),
        (lambda z, mean, std: (z - each(mean)) * each(std), "multiply by the standard deviation"),
        (lambda z, mean, std: z * each(std) + each(mean), "way back"),
        (lambda z, mean, std: z / each(std) - each(mean), "belongs to the raw latents"),
        (lambda z, mean, std: z - each(mean) / each(std), "brackets"),
        (lambda z, mean, std: (z - each(mean)) / each(std) ** 2, "variance"),
        (lambda z, mean, std: (z - mean.mean()) / std.mean(), "one number for all channels"),
        (lambda z, mean, std: (z - z.mean()) / z.std(), "belong to all data"),
        (lambda z, mean, std: ((z - each(mean)) / each(std)).clamp(-1, 1), "latents have none"),
        (lambda z, mean, std: (z - each(mean)) / std, "one of them has a wrong axis"),
        (lambda z, mean, std: (z - mean[:, None]) / std[:, None], "along the rows"),
    ],
    "11.2": [
        (lambda h, w, c, f: f**2 / c, "three numbers for each pixel"),
        (lambda h, w, c, f: 3 * f / c, "height and in width"),
        (lambda h, w, c, f: c / (3 * f**2), "upside down"),
        (lambda h, w, c, f: 3 * f**2, "has channels, too"),
        (lambda h, w, c, f: 3 * c * f**2, "channels make the latent larger"),
        (lambda h, w, c, f: 3 / c, "fewer positions"),
        (lambda h, w, c, f: int(3 * f**2 / c), "round"),
        (lambda h, w, c, f: 3 * h * w / (c * f**2), "cancel"),
        (lambda h, w, c, f: 3 * 4**f / c, "number of halvings"),
    ],
    "11.3": [
        (lambda m, lv: 2 * terms(m, lv).flatten(1).sum(1), "factor is missing"),
        (lambda m, lv: terms(m, lv).flatten(1).mean(1), "average over the numbers"),
        (lambda m, lv: terms(m, lv).sum(), "over the batch as well"),
        (terms, "Nothing is added up"),
        (lambda m, lv: ((m**2 + lv**2 - 1 - lv) / 2).flatten(1).sum(1), "as a standard deviation"),
        (lambda m, lv: ((m**2 + lv - 1 - lv.log()) / 2).flatten(1).sum(1), "Undo the logarithm"),
        (lambda m, lv: -terms(m, lv).flatten(1).sum(1), "never negative"),
        (lambda m, lv: ((m + lv.exp() - 1 - lv) / 2).flatten(1).sum(1), "not squared"),
        (lambda m, lv: ((m**2 + lv.exp() - 1 + lv) / 2).flatten(1).sum(1), "wrong sign"),
        (lambda m, lv: ((m**2 + lv.exp() - lv) / 2).flatten(1).sum(1), "term with the 1"),
    ],
    "11.4": [
        (attention(scale=False), "not divided"),
        (lambda q, k, v, padding: attention()(q, k, v, padding & False), "still read"),
        (attention(fill=0.0), "score of 0"),
        (attention(dim=1), "over the positions"),
        (lambda q, k, v, padding: attention()(q, k, v, ~padding), "inverted"),
        (lambda q, k, v, padding: attention()(q, v, k, padding), "Keys and values have changed places"),
        (lambda q, k, v, padding: attention()(q, k, k, padding), "average the keys"),
        (lambda q, k, v, padding: attention()(q, k, v * ~padding[..., None], padding & False), "no longer add up"),
        (attention(mask=lambda padding: padding[:1].expand_as(padding)), "padding of the first prompt"),
        (lambda q, k, v, padding: attention_loop(q, k, v, padding).mean(1), "over the positions as well"),
    ],
    "11.5": [
        (lambda decoder, z, mean, std: decoder(z * each(std)), "mean is still missing"),
        (lambda decoder, z, mean, std: decoder(z + each(mean)), "standard deviation is still missing"),
        (lambda decoder, z, mean, std: decoder((z + each(mean)) * each(std)), "Undo the last operation first"),
        (lambda decoder, z, mean, std: decoder((z - each(mean)) / each(std)), "standardise once more"),
        (lambda decoder, z, mean, std: decoder(z) * each(std) + each(mean), "before the decoder"),
        (lambda decoder, z, mean, std: decoder(z * std + mean), "along the last axis"),
        (lambda decoder, z, mean, std: z * each(std) + each(mean), "not used"),
        (lambda decoder, z, mean, std: decoder(z * std.mean() + mean.mean()), "one number for all channels"),
        (lambda decoder, z, mean, std: decoder(z.clamp(-1, 1) * each(std) + each(mean)), "latents have none"),
    ],
}


(
    test_the_pool_is_large_enough,
    test_a_wrong_answer_gets_the_hint_for_its_mistake,
    test_a_right_answer_passes_in_any_form,
    test_mistakes_differ_and_hints_hide_the_solution,
) = pool.tests(EXERCISES, WRONG, RIGHT)


def test_handed_out_code_counts_as_open():
    assert grade(EXERCISES["11.5"], lambda decoder, z, mean, std: decoder(z)).status == "open"


def test_the_probe_tells_a_case_to_do_by_hand():
    hints = grade(EXERCISES["11.3"], lambda m, lv: 2 * terms(m, lv).flatten(1).sum(1)).hints
    assert "mean = 1, log_variance = 0, you return [1]" in hints[1]


# what the lesson says in numbers -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flowers():
    return to_signed(load_images(PRETRAINED / "flower_samples.parquet").images[:8])


@pytest.fixture(scope="module")
def model():
    return load_text_to_image("text_to_image")


def test_a_latent_keeps_more_than_a_thumbnail_and_the_bug_loses_most(flowers):
    codec = load_codec()
    x = F.interpolate(flowers, scale_factor=2, mode="bicubic").clamp(-1, 1)
    z = codec.encode(x)
    thumbnail = F.interpolate(F.interpolate(x, scale_factor=1 / 8, mode="area"), scale_factor=8, mode="bicubic")
    bug = codec.decode((z - codec.mean) / codec.std)  # the codec undoes this: its decoder gets z
    found = [psnr(each, x).mean().item() for each in (codec.decode(z), thumbnail.clamp(-1, 1), bug)]
    assert found == pytest.approx([25.9, 23.4, 17.1], abs=0.2)
    assert [round(each, 1) for each in codec.std.flatten().tolist()] == [1.1, 2.0, 1.6, 1.6]


def test_codes_of_a_vae_are_near_noise_and_latents_are_not(flowers):
    x = F.interpolate(flowers, scale_factor=2, mode="bicubic").clamp(-1, 1)
    kl = EXERCISES["11.3"].answer
    with torch.no_grad():
        (code, raw) = (load(name).net.encode(each) for name, each in (("flowers_vae", flowers), ("autoencoder", x)))
    assert kl(*code).mean().item() == pytest.approx(321, abs=10)
    assert kl(*raw).mean().item() == pytest.approx(5015, abs=150)
    assert (raw[1] / 2).exp().mean().item() == pytest.approx(0.016, abs=0.002)


def test_a_word_with_much_attention_may_have_no_effect(model):
    preset, seeds = replace(model.preset, steps=8), [1, 2, 3]

    def images(prompt):
        return model.images(list(sample(model.request(prompt, seeds, preset)))[-1].x)

    whole = images("a photo of a red rose")
    changes = {
        word: rms(images(rest), whole)
        for word, rest in {
            "a": "photo of a red rose",
            "photo": "a of a red rose",
            "red": "a photo of a rose",
            "rose": "a photo of a red",
        }.items()
    }
    assert changes["red"] > 2 * changes["rose"] > 4 * changes["photo"] and changes["a"] < 0.1, changes
    words = model.reader.read("a photo of a red rose").words
    with record_attention(model.model.net, cross_attention_layers) as recorded:
        list(sample(model.request("a photo of a red rose", seeds, replace(preset, guidance_scale=1.0))))
    layers = [torch.stack([by_word(w.float(), words).mean((0, 1, 2)) for w in found]) for found in recorded.values()]
    weights = torch.stack(layers).mean((0, 1)).tolist()[1:]
    assert weights[0] > 1.6 * weights[-1], weights  # "a" and "rose"


def test_twice_the_training_was_measured(model):
    results = (Path(__file__).parents[2] / "docs" / "results.md").read_text(encoding="utf-8").replace("\n", " ")
    assert "fraction was 79 %; for new prompts FD was 5.4 ± 0.4" in results and "0.595 instead of 0.589" in results
    scores = model.model.card.scores
    assert (scores["training_prompts"]["own_image"], scores["FD"]) == pytest.approx((0.44, 5.2), abs=0.05)


def test_figures_tell_their_numbers():
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    assert (
        "27" not in latent_maps(x, torch.zeros(2, 4, 4, 4), x).alt and "inf" in latent_maps(x, x[:, :, ::4, ::4], x).alt
    )
    assert (
        "other: 6.0 dB" in side_by_side({"one": torch.ones(1, 3, 8, 8), "other": torch.zeros(1, 3, 8, 8)}, "words").alt
    )
    black, white = torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    assert "no red: 2.00" in without_words({"whole": black, "no red": white}, [1]).alt
