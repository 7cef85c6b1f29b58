"""`diffusion-edu sample`: from a few options to a PNG file. What is slow to import is imported when it is needed."""

import argparse
import difflib
import math
from dataclasses import replace
from pathlib import Path

from diffusion_edu.options import number, require_file

BATCH = 16  # images that are sampled together
MOST, LAST_SEED = 10_000, 2**32 - 1


def sample(words):
    """Sample images with a pretrained model and write them, side by side, as one PNG file."""
    args = options().parse_args(words)
    if args.out.suffix.lower() != ".png":
        raise ValueError(f"The images are written as PNG: end --out in .png, not in {args.out.suffix or 'nothing'!r}.")
    if args.seed + args.count - 1 > LAST_SEED:
        raise ValueError(f"The last seed would be above {LAST_SEED:,}: choose a smaller --seed or --count.")
    if not args.out.absolute().parent.is_dir():
        raise ValueError(f"There is no folder {args.out.parent}: make it first, or choose another --out.")
    require_file(args.out)  # before what takes long
    from PIL import Image

    from diffusion_edu.figures.grids import grid

    images = sampled(args)
    Image.fromarray(grid(images, columns(args.count))).save(args.out)
    last = args.seed + args.count - 1
    seeds = f"seed {last}" if args.count == 1 else f"seeds {args.seed} to {last}"
    print(f"{args.out}: {args.count} image{'s' * (args.count > 1)} by {args.model}, {seeds}.")


def options():
    """Build the parser of `diffusion-edu sample`."""
    parser = argparse.ArgumentParser(prog="diffusion-edu sample", description=sample.__doc__)
    parser.add_argument("model", metavar="MODEL", help="for example flowers_attention")
    count = steps = number(int, 1, MOST)
    seed, scale = number(int, 0, LAST_SEED), number(float, 0, 100)
    parser.add_argument("--count", type=count, default=8, help="how many images (default: %(default)s)")
    parser.add_argument("--seed", type=seed, default=0, help="the first image's; the next has the next (default: 0)")
    parser.add_argument("--steps", type=steps, help="sampling steps (default: the model's own preset)")
    parser.add_argument("--class", dest="name", metavar="NAME", help="default: a different class for each image")
    parser.add_argument("--prompt", metavar="TEXT", help="what a text-to-image model is to show")
    parser.add_argument("--guidance-scale", type=scale, help="1 is conditional (default: the model's own preset)")
    parser.add_argument("--out", type=Path, default=Path("samples.png"), help="a PNG file (default: %(default)s)")
    return parser


def columns(count):
    """Choose how many images stand side by side: a little wider than high, without a gap at the end if possible."""
    narrow = math.ceil(math.sqrt(count))
    return next((wide for wide in range(narrow, 2 * narrow) if count % wide == 0), narrow)


def sampled(args):
    """Sample what the options ask for, a batch of seeds at a time; uint8 (count, 3, height, width)."""
    import torch

    from diffusion_edu.checkpoints import load

    model = load(args.model)
    make = (of_prompt if model.card.text else of_class)(model, args)
    end = args.seed + args.count
    return torch.cat([make(range(start, min(start + BATCH, end))) for start in range(args.seed, end, BATCH)])


def of_class(model, args):
    """Build the function from seeds to images uint8 of the class that was chosen, or of a different class each."""
    from diffusion_edu.data.images import to_bytes
    from diffusion_edu.generation import generate

    card = model.card
    if not card.generates and card.prediction_type != "vae":
        raise ValueError(f"{card.name} ({card.title}) cannot sample images from noise alone: choose another model.")
    if args.prompt is not None:
        raise ValueError(f"{card.name} reads no prompts: leave out --prompt, or choose text_to_image.")
    preset, label = preset_of(card, args), label_of(card, args.name)

    def make(seeds):
        labels = card.labels_for(seeds) if label is None else [label] * len(seeds)
        *_, last = generate(model, preset, seeds, labels)
        return to_bytes(last.x).cpu()

    return make


def of_prompt(model, args):
    """Build the function from seeds to images uint8 that show what the prompt says."""
    from diffusion_edu.latent.text_to_image import load_text_to_image
    from diffusion_edu.latent.text_to_image import sample as sample_request

    card = model.card
    if args.prompt is None or args.name is not None:
        raise ValueError(f"{card.name} samples what a prompt says: add --prompt 'a volcano', and leave out --class.")
    text_model, preset = load_text_to_image(card.name), preset_of(card, args)

    def make(seeds):
        *_, last = sample_request(text_model.request(args.prompt, seeds, preset))
        return text_model.images(last.x)

    return make


def preset_of(card, args):
    """Take the model's own preset, with the options that were given in its place."""
    from diffusion_edu.generation import Preset

    chosen = {"steps": args.steps, "guidance_scale": args.guidance_scale}
    return replace(Preset(**card.sampling), **{name: value for name, value in chosen.items() if value is not None})


def label_of(card, name):
    """Look up the label of a class or an attribute, in any case; None for no name. Raises ValueError if unknown."""
    if name is None:
        return None
    known = {each.lower(): each for each in card.condition_names}
    if not known:
        raise ValueError(f"{card.name} has no classes: leave out --class.")
    if name.lower() not in known:
        near = difflib.get_close_matches(name.lower(), known, n=5, cutoff=0.5) or list(known)[:5]
        raise ValueError(
            f"{card.name} has no class {name!r}; some that it has: {', '.join(known[each] for each in near)}."
        )
    return card.label(known[name.lower()])
