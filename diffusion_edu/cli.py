"""The command `diffusion-edu`: open the explorer or the lessons, sample images, train and evaluate models."""

import argparse
import ast
import difflib
import hashlib
import json
import runpy
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from diffusion_edu import __version__
from diffusion_edu.paths import EXPLORER, LESSONS, PACKAGE

BATCH = 16  # images that are sampled together
COPIED = ".copied.json"  # in a folder of lessons: what was copied there, as {path: sha-256}
NEEDED = {  # what an extra of pyproject.toml brings that its command cannot do without
    "app": ("streamlit", "matplotlib", "plotly", "imageio", "torchmetrics"),
    "lessons": ("jupyterlab", "matplotlib", "plotly"),
    "train": ("torchvision", "tqdm", "matplotlib"),
    "evaluate": ("torchvision", "tqdm", "torchmetrics"),
}


def main(words=None):
    """Run one command; a problem that a person can solve ends in one sentence (exit code 1; 2 for bad options)."""
    words = sys.argv[1:] if words is None else list(words)
    if not words or words[0] not in COMMANDS:
        words = [overview().parse_args(words or ["--help"]).command]
    try:
        COMMANDS[words[0]](words[1:])
    except (ValueError, OSError) as problem:
        sys.exit(f"diffusion-edu {words[0]}: {problem}")
    except KeyboardInterrupt:
        sys.exit("Stopped.")


def overview():
    """Build the parser that knows the commands and none of their options."""
    lines = [f"  {name:<10}{command.__doc__.splitlines()[0]}" for name, command in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog="diffusion-edu",
        description="Learn how diffusion models work.\n\ncommands:\n" + "\n".join(lines),
        epilog="'diffusion-edu COMMAND --help' lists the options of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="diffusion-edu [--version] COMMAND [options]",
    )
    parser.add_argument("--version", action="version", version=f"diffusion-edu {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    return parser


def app(words):
    """Open the explorer in a browser; options go to `streamlit run`, for example --server.port 8502."""
    require("app")
    run("streamlit", ["run", str(EXPLORER / "streamlit_app.py"), *words])  # config.toml is found beside the script


def lab(words):
    """Copy the lessons into a folder of yours and open them in JupyterLab; other options go to `jupyter lab`."""
    parser = argparse.ArgumentParser(prog="diffusion-edu lab", description=lab.__doc__)
    parser.add_argument("--folder", type=Path, default=Path("diffusion_edu_lessons"), help="default: %(default)s")
    args, others = parser.parse_known_args(words)
    require("lessons")
    for path in copy_lessons(args.folder):
        print(f"{path} is kept as you changed it; delete or rename it to get the lesson as it was.")
    run("jupyterlab", [str(args.folder), *others])


def sample(words):
    """Sample images with a pretrained model and write them, side by side, as one PNG file."""
    args = sample_options().parse_args(words)
    if args.out.suffix.lower() != ".png":
        raise ValueError(f"The images are written as PNG: end --out in .png, not in {args.out.suffix or 'nothing'!r}.")
    if not args.out.absolute().parent.is_dir():
        raise ValueError(f"There is no folder {args.out.parent}: make it first, or choose another --out.")
    from PIL import Image

    from diffusion_edu.figures.grids import grid

    images = sampled(args)
    Image.fromarray(grid(images)).save(args.out)
    last = args.seed + args.count - 1
    seeds = f"seed {last}" if args.count == 1 else f"seeds {args.seed} to {last}"
    print(f"{args.out}: {args.count} image{'s' * (args.count > 1)} by {args.model}, {seeds}.")


def train(words):
    """Train a model by one of the recipes: `diffusion-edu train RECIPE [options of the recipe]`."""
    known = recipes()
    listed = "\n".join(f"  {name:<22}{about}" for name, about in known.items())
    if words and words[0] in ("-h", "--help"):
        print(f"usage: diffusion-edu train RECIPE [options of the recipe]\n\nrecipes:\n{listed}")
    elif not words or words[0] not in known:
        problem = f"there is no recipe {words[0]!r}" if words else "name a recipe"
        print(f"diffusion-edu train: {problem}. The recipes are:\n{listed}", file=sys.stderr)
        sys.exit(2)
    else:
        require("train")
        run(f"diffusion_edu.recipes.{words[0]}", words[1:])


def evaluate(words):
    """Compare the images that a model samples with real ones: `diffusion-edu evaluate MODEL [options]`."""
    require("evaluate")
    run("diffusion_edu.evaluation", words)


COMMANDS = {"app": app, "lab": lab, "sample": sample, "train": train, "evaluate": evaluate}


def run(module, words):
    """Run a module as `python -m` does."""
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def require(extra):
    """Raise ValueError, in one sentence, if a package is missing that an extra brings."""
    if missing := [name for name in NEEDED[extra] if not find_spec(name)]:
        raise ValueError(
            f"{missing[0]} is not installed: install diffusion_edu with its extra {extra!r}, "
            f"for example with pip install '.[{extra}]' in the project's folder."
        )


def recipes():
    """List the recipes as {name: what it trains, in one sentence}."""
    found = {}
    for path in sorted((PACKAGE / "recipes").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if '\nif __name__ == "__main__":' in text:
            found[path.stem] = ast.get_docstring(ast.parse(text)).splitlines()[0].split(": `")[0]
    return found


def copy_lessons(folder):
    """Copy the lessons into a folder, new or not; files that a person changed there are kept, and returned as paths."""
    record, kept = Path(folder, COPIED), []
    copied = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    for source in sorted(LESSONS.rglob("*")):
        name = source.relative_to(LESSONS).as_posix()
        if not source.is_file() or "__pycache__" in name or ".ipynb_checkpoints" in name or source.name == "ruff.toml":
            continue
        target, ours = Path(folder, name), source.read_bytes()
        theirs = target.read_bytes() if target.exists() else ours
        if theirs != ours and fingerprint(theirs) != copied.get(name):
            kept.append(target)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(ours)
        copied[name] = fingerprint(ours)
    record.write_text(json.dumps(copied, indent=2) + "\n", encoding="utf-8")
    return kept


def fingerprint(content):
    """Compute the sha-256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def sample_options():
    """Build the parser of `diffusion-edu sample`."""
    parser = argparse.ArgumentParser(prog="diffusion-edu sample", description=sample.__doc__)
    parser.add_argument("model", metavar="MODEL", help="for example flowers_attention")
    parser.add_argument("--count", type=positive, default=8, help="how many images (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first image's; the next has the next (default: 0)")
    parser.add_argument("--steps", type=positive, help="sampling steps (default: the model's own preset)")
    parser.add_argument("--class", dest="name", metavar="NAME", help="default: a different class for each image")
    parser.add_argument("--guidance-scale", type=float, help="1 is conditional (default: the model's own preset)")
    parser.add_argument("--out", type=Path, default=Path("samples.png"), help="a PNG file (default: %(default)s)")
    return parser


def positive(text):
    """Read a whole number above 0."""
    if (number := int(text)) > 0:
        return number
    raise argparse.ArgumentTypeError(f"must be more than 0, not {text}")


def sampled(args):
    """Sample what the options ask for, a batch at a time; uint8 (count, 3, height, width)."""
    import torch

    from diffusion_edu.checkpoints import load
    from diffusion_edu.data.images import to_bytes
    from diffusion_edu.generation import Preset, generate

    model = load(args.model)
    if not model.card.draws:
        raise ValueError(f"{args.model} cannot sample images from noise alone: {model.card.title}.")
    preset = Preset(**model.card.sampling)
    chosen = {"steps": args.steps, "guidance_scale": args.guidance_scale}
    preset = replace(preset, **{name: value for name, value in chosen.items() if value is not None})
    label, images = label_of(model.card, args.name), []
    for start in range(args.seed, args.seed + args.count, BATCH):
        seeds = range(start, min(start + BATCH, args.seed + args.count))
        *_, last = generate(model, preset, seeds, model.card.mix(seeds) if label is None else [label] * len(seeds))
        images.append(to_bytes(last.x).cpu())
    return torch.cat(images)


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


if __name__ == "__main__":
    main()
