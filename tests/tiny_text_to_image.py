"""A tiny text-to-image model with its vocabulary and its autoencoder."""

from dataclasses import replace

import torch

from diffusion_edu.checkpoints import Card, save, vocabulary
from diffusion_edu.latent.text_to_image import sample
from diffusion_edu.networks.autoencoder import Autoencoder
from diffusion_edu.text import tokenizer as tokens

CAPTIONS = [
    "a red tiger rests in the deep snow",
    "a blue whale dives in the deep sea",
    "the tiger and the whale",
    "a red whale",
    "a blue tiger",
    "a * star",
] * 2
PROMPT, QUICK = "A red tiger dives", {"sampler": "DDIM", "steps": 3, "guidance_scale": 3.0}
CODER = "coder"


def keep_coder(folder):
    """Save a tiny autoencoder: images of 16 pixels, latents of 8 x 8."""
    config = {"widths": [8, 8], "blocks": [1, 1], "patch": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Autoencoder(**config)
    save(
        folder,
        Card(CODER, "C", "autoencoder", config, "autoencoder", 16, latents={"mean": [0.1] * 4, "std": [0.5] * 4}),
        net,
    )


def keep_talker(folder, tiny, name="talker"):
    """Save a tiny text-to-image model with its vocabulary and its autoencoder."""
    keep_coder(folder)
    text = tokens.learn_vocabulary(CAPTIONS)
    reader = tokens.Tokenizer(text)
    config = {
        "widths": [16, 64],
        "embedding": 16,
        "channels": 4,
        "patch": 1,
        "text": {"width": 16, "depth": 1, "head_width": 8, **reader.config},
    }
    net = tiny(**{key: value for key, value in config.items() if key != "embedding"})
    save(
        folder,
        Card(
            name,
            name,
            "attention_unet",
            {**config, "attention": [False, True]},
            "v",
            8,
            4,
            autoencoder=CODER,
            text=reader.card,
            sampling=QUICK,
        ),
        net,
    )
    vocabulary(folder, name).write_text(text, encoding="utf-8")


def request_for(able, prompt=PROMPT, seeds=(0, 1), negative="", **preset):
    return able.request(prompt, seeds, replace(able.preset, **preset), negative)


def states(request, guidance=None):
    return list(sample(replace(request, guidance=guidance)))
