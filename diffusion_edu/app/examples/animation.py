"""Record the example that pages show before anything is computed: `python -m diffusion_edu.app.examples.animation NAME`."""

import argparse

from diffusion_edu.app.common.request import MIXED, Request
from diffusion_edu.app.trajectories.recording import Recording, moments, save_animation
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.generation import Preset, generate


def record(name, seed=0, images=4):
    """Let a model draw by its own preset and keep everything."""
    model = load(name)
    request = Request(model.card, Preset(**model.card.sampling), MIXED, seed, images)
    return Recording(
        request, list(moments(generate(model, request.preset, request.seeds, request.labels))), seconds=0.0
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    recording = record(args.name, args.seed)
    save_animation(recording, PRETRAINED / f"{args.name}.animation.json")
    (PRETRAINED / f"{args.name}.gif").write_bytes(recording.gif())
