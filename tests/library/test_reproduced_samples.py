"""Equal seeds give equal images, release after release: every shipped model and preset against values that were stored
before.

`python tests/library/test_reproduced_samples.py` writes the values anew, which is right only when a model or the
mathematics has changed on purpose.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import CPU

from diffusion_edu.checkpoints import load
from diffusion_edu.core import walk
from diffusion_edu.data.images import to_bytes
from diffusion_edu.degradations import DEGRADATIONS, Degradation
from diffusion_edu.editing.super_resolution import bicubic_downsample, enlarge
from diffusion_edu.generation import Preset, generate
from diffusion_edu.latent.text_to_image import load_text_to_image, sample
from diffusion_edu.samplers import SAMPLERS, cold_step
from diffusion_edu.schedules import SCHEDULES

STORED = Path(__file__).with_name("reproduced_samples.json")
SEEDS = (3, 14)


def last(states):
    """Return the images of the last State, uint8 (b, 3, h, w)."""
    *_, state = states
    return to_bytes(state.x)


def flowers(**changes):
    """Sample two flowers with a changed preset."""
    model = load("flowers_attention", compute=CPU)
    return last(generate(model, replace(Preset(**model.card.sampling), **changes), SEEDS, torch.tensor([73, 53])))


def model(name):
    """Sample with the preset of a model's card."""
    able = load(name, compute=CPU)
    card = able.card
    if card.conditioning_image:
        condition = (
            torch.linspace(-1, 1, 32 * 32)
            .view(1, 1, 32, 32)
            .expand(2, able.card.config["conditioning_channels"], 32, 32)
        )
    else:
        condition = card.labels_for(SEEDS)
        condition = condition and torch.tensor(condition)
    return last(generate(able, Preset(**card.sampling), SEEDS, condition))


def restored(name):
    """Undo one degradation of a smooth image in ten steps."""
    able = load("flowers_cold", compute=CPU)
    degradation = Degradation(name, SEEDS)
    x0 = torch.linspace(-1, 1, 64).view(1, 1, 1, 64).expand(2, 3, 64, 64).contiguous()
    timesteps = list(range(degradation.T, -1, -degradation.T // 10))
    return last(
        walk(
            lambda x, t, s: cold_step(able.restorer(degradation), degradation, x, t, s),
            degradation(x0, degradation.T),
            timesteps,
        )
    )


def enlarged():
    """Enlarge a small pattern."""
    able = load("super_resolution", compute=CPU)
    small = bicubic_downsample(torch.linspace(-1, 1, 64).view(1, 1, 64, 1).expand(2, 3, 64, 64))
    return last(enlarge(able, Preset(**able.card.sampling), small, SEEDS))


def words():
    """Sample from two prompts."""
    able = load_text_to_image(compute=CPU)
    generation = sample(able.request(["a volcano at night", "a red rose"], SEEDS, negative="blurred"))
    *_, state = generation
    return generation.decode(state.x)


CASES = {
    f"model {name}": (model, name)
    for name in ("flowers_attention", "flowers_simple", "flowers_experts", "flowers_128", "faces")
}
CASES |= {f"model {name}": (model, name) for name in ("flowers_vae", "faces_vae", "sketch_to_flower")}
CASES |= {f"sampler {name}": (flowers, {"sampler": name, "steps": 6}) for name in SAMPLERS}
CASES |= {f"schedule {name}": (flowers, {"schedule": name, "steps": 5}) for name in SCHEDULES}
CASES |= {
    f"spacing {name}": (flowers, {"spacing": name, "steps": 5, "zero_snr": name == "trailing"})
    for name in ("trailing", "leading", "linspace")
}
CASES |= {
    "eta one half": (flowers, {"sampler": "DDIM", "options": {"eta": 0.5}, "steps": 6}),
    "scale 4": (flowers, {"guidance_scale": 4.0, "steps": 6}),
}
CASES |= {f"restoration {name}": (restored, name) for name in DEGRADATIONS}
CASES |= {"super-resolution": (enlarged, None), "text to image": (words, None)}


def sampled(case):
    """Carry out one case: images uint8."""
    make, what = CASES[case]
    return make(**what) if isinstance(what, dict) else make(what) if what else make()


def described(images):
    """Describe images by a digest, and by 8x8 mean values, which survive another processor's rounding."""
    means = torch.nn.functional.adaptive_avg_pool2d(images.float(), 8).round().int().flatten()
    return {"sha256": hashlib.sha256(images.contiguous().numpy().tobytes()).hexdigest(), "means": means.tolist()}


@pytest.mark.parametrize("case", CASES)
def test_images_are_those_of_before(case):
    stored, now = json.loads(STORED.read_text())[case], described(sampled(case))
    if now["sha256"] != stored["sha256"]:  # another processor, or another version of torch, rounds otherwise
        assert len(now["means"]) == len(stored["means"])
        apart = (torch.tensor(now["means"]) - torch.tensor(stored["means"])).abs()
        assert apart.max() <= 3, f"{case}: up to {apart.max()} of 255 apart"


if __name__ == "__main__":
    STORED.write_text(
        "{\n"
        + ",\n".join(f'"{case}": {json.dumps(described(sampled(case)), separators=(",", ":"))}' for case in CASES)
        + "\n}\n"
    )
