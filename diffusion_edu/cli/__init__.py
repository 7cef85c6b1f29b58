"""The command `diffusion-edu`: open the explorer or the lessons, sample images, train and evaluate models."""

import argparse
import ast
import runpy
import sys
from pathlib import Path

from diffusion_edu import __version__
from diffusion_edu.cli.lessons import copy_lessons
from diffusion_edu.cli.sampling import sample
from diffusion_edu.options import require
from diffusion_edu.paths import PACKAGE


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
    lines = [f"  {name:<10}{str(command.__doc__).splitlines()[0]}" for name, command in COMMANDS.items()]
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
    """Open the explorer in a browser; with --address 0.0.0.0, serve it to others."""
    require("app")
    run("diffusion_edu.app.server", words)


def lab(words):
    """Copy the lessons into a folder of yours and open them in JupyterLab; other options go to `jupyter lab`."""
    parser = argparse.ArgumentParser(prog="diffusion-edu lab", description=lab.__doc__)
    parser.add_argument("--folder", type=Path, default=Path("diffusion_edu_lessons"), help="default: %(default)s")
    args, others = parser.parse_known_args(words)
    require("lessons")
    for path in copy_lessons(args.folder):
        print(f"{path} is kept as you changed it; delete or rename it to get the lesson as it was.")
    run("jupyterlab", [str(args.folder), *others])


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


def teach(words):
    """For teachers: copies for students, the table of a class, exports to other graders, links."""
    require("lessons")
    from diffusion_edu.lessons.teaching import command_line  # brings torch, which the other commands do without

    command_line.main(words)


COMMANDS = {"app": app, "lab": lab, "lessons": teach, "sample": sample, "train": train, "evaluate": evaluate}


def run(module, words):
    """Run a module as `python -m` does."""
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def recipes():
    """List the recipes as {name: what it trains, in one sentence}."""
    found = {}
    for path in sorted((PACKAGE / "recipes").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if '\nif __name__ == "__main__":' in text:
            found[path.stem] = str(ast.get_docstring(ast.parse(text))).splitlines()[0].split(": `")[0]
    return found
