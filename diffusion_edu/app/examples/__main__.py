"""Record the examples that pages show before anything runs: `python -m diffusion_edu.app.examples NAME`."""

import argparse

from diffusion_edu.app.common.request import MIXED, Request
from diffusion_edu.app.guidance import recorded as guidance
from diffusion_edu.app.steps_and_seeds import recorded as tables
from diffusion_edu.app.trajectories.recording import Recording, save_animation, state_pairs
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.generation import Preset, generate


def record_walk(name, seed=0, images=4):
    """Sample images by the preset of a model, and return the Recording of the walk."""
    model = load(name)
    request = Request(model.card, Preset(**model.card.sampling), MIXED, seed, images)
    walk = generate(model, request.preset, request.seeds, request.labels)
    return Recording(request, list(state_pairs(walk)), seconds=0.0)


def record_animation(name):
    """Write the animation of a walk, for the player and as a GIF."""
    recording = record_walk(name)
    save_animation(recording, PRETRAINED / f"{name}.animation.json")
    (PRETRAINED / f"{name}.gif").write_bytes(recording.gif())


EXAMPLES = {"animation": record_animation, "tables": tables.record, "guidance_sweep": guidance.record}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the name of an installed model")
    parser.add_argument(
        "--only", choices=EXAMPLES, nargs="+", default=list(EXAMPLES), help="which examples; default: all"
    )
    args = parser.parse_args()
    for example in args.only:
        EXAMPLES[example](args.name)
