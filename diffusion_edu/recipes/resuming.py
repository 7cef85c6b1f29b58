"""What a training began with: remembered in its state, and compared when it goes on.

Minutes, images, batch and learning rate may change. Data, classes and everything that the network depends on may not:
what differs is named.
"""

import glob
import os
from contextlib import suppress
from dataclasses import asdict, replace

from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.places import HUB, located
from diffusion_edu.generation import Preset
from diffusion_edu.training.state import digest, read_facts

NEVER_REMEMBERED = ("out", "resume", "device", "earlier")
MAY_CHANGE = ("minutes", "images", "batch", "lr", "weights")
BY_CONTENTS = ("data", "captions", "latents", "held_out")  # compared by what they hold, wherever they lie now
FLAGS = {"start": "--from"}
ADVICE = "choose another --out to begin a new training"


def earlier_training(folder, recipe, resume):
    """Return the facts of the training that --resume continues, or None for a new one.

    Raises Unusable if there is one and --resume was not given, if there is none, or if it is one of another recipe.
    """
    if not folder.state.exists():
        if resume:
            raise Unusable(
                f"There is no training to continue in {folder.out}: leave out --resume to begin one, or correct --out."
            )
        return None
    if not resume:
        raise Unusable(f"{folder.out} holds an earlier training: add --resume to continue it, or {ADVICE}.")
    facts = read_facts(folder.state)
    try:
        name, _ = facts["recipe"], facts["options"].keys() & facts["data"].keys() & facts["model"].keys()
    except (KeyError, AttributeError):
        raise Unusable(
            f"{folder.state} does not say what the training began with: it cannot go on here, so {ADVICE}."
        ) from None
    if name != recipe.name:
        raise Unusable(
            f"{folder.out} holds a training of the recipe {name}, not of {recipe.name}: "
            f"continue it with python -m diffusion_edu.recipes.{name}, or {ADVICE}."
        )
    return facts


def options_of(args):
    """List the options to remember, as JSON can hold them."""
    plain = (str, int, float, bool, list, type(None))
    options = {name: value for name, value in vars(args).items() if name not in NEVER_REMEMBERED}
    options |= {name: everywhere(options[name]) for name in BY_CONTENTS if name in options}
    return {name: value if isinstance(value, plain) else str(value) for name, value in options.items()}


def everywhere(place):
    """Write a path, or each of a list, so that it means the same in every folder; names of the hub are left alone."""
    if not place:
        return None
    if isinstance(place, list):
        return [everywhere(each) for each in place]
    text = os.path.expanduser(place)
    with suppress(ValueError):
        found = located(place)
        if str(found[0]).startswith(HUB):
            return found[0]
        if len(found) == 1 and not glob.has_magic(text):  # without quotes, file:// and the like
            return os.path.abspath(found[0])
    return os.path.join(os.getcwd(), text)


def refuse_missing_data(args):
    """Raise Unusable if data that only the earlier training names are no longer where they were."""
    remembered = args.earlier["options"] if args.earlier else {}
    for name in ("data", "captions"):
        for place in set(getattr(args, name, None) or ()) & set(remembered.get(name) or ()):
            try:
                located(place)
            except ValueError:
                raise Unusable(
                    f"The training in {args.out} remembers that its data lay in {place}, where nothing is any more: "
                    f"name with {flag(name)} where they are now."
                ) from None


def refuse_other_options(before, now, out, tell):
    """Compare options: tell which of those that may change have changed; raises Unusable for the others."""
    changed = [name for name, value in before.items() if value != now[name] and name not in BY_CONTENTS]
    for name in [name for name in changed if name in MAY_CHANGE and None not in (before[name], now[name])]:
        tell(f"It goes on with {flag(name)} {in_text(now[name])}; before, it was {in_text(before[name])}.")
    fixed = [name for name in changed if name not in MAY_CHANGE]
    if fixed:
        each = (f"with {flag(name)} {in_text(before[name])}, not {in_text(now[name])}" for name in fixed)
        raise Unusable(f"The training in {out} began {' and '.join(each)}: leave out what differs, or {ADVICE}.")


def flag(name):
    """The option of the command line with this name."""
    return FLAGS.get(name, f"--{name.replace('_', '-')}")


def in_text(value):
    """Write a value as one would type it."""
    return "nothing" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)


def describe_model(recipe):
    """Describe what the network depends on, as facts."""
    return {
        "network": recipe.network,
        "config": recipe.config,
        "size": recipe.size,
        "prediction_type": recipe.objective.prediction_type,
        "sampling": asdict(recipe.sampling),
    }


def recall(recipe, earlier):
    """Change a recipe to what an earlier training began with: a resumed fine-tuning does not need its first model."""
    model, objective = dict(earlier["model"]), recipe.objective
    prediction_type, sampling = model.pop("prediction_type"), Preset(**model.pop("sampling"))
    if objective.prediction_type != prediction_type:
        objective = replace(objective, prediction_type=prediction_type)
    return replace(recipe, objective=objective, sampling=sampling, **model)


def describe_images(dataset):
    """Describe an ImageSet as facts: names and counts for people, and a fingerprint of everything."""
    tensors = {name: getattr(dataset, name) for name in ("images", "labels", "split")}
    present = {name: tensor.cpu() for name, tensor in tensors.items() if tensor is not None}
    return {
        "images": len(dataset),
        "classes": list(dataset.classes),
        "attributes": list(dataset.attributes),
        "contents": digest(present),
    }


def refuse_other_data(before, now, out):
    """Compare the descriptions of two sets of data; raises Unusable, which names everything that differs."""
    differing = [name for name in now if now[name] != before.get(name)]
    if differing[1:]:  # whatever else differs, the contents do too
        differing = [name for name in differing if name != "contents"]
    if differing:
        each = "; ".join(difference(name, before.get(name), now[name]) for name in differing)
        raise Unusable(
            f"The training in {out} began with other data ({each}): name the same data with --data, or {ADVICE}."
        )


def difference(name, before, now):
    """Say in words what differs."""
    if isinstance(now, list) and isinstance(before, list):
        added, missing = ([each for each in a if each not in b] for a, b in ((now, before), (before, now)))
        lists = ((added, "added"), (missing, "missing"))
        words = [f"{', '.join(map(str, some))} {what}" for some, what in lists if some]
        return f"{name}: {' and '.join(words) or 'in another order'}"
    if isinstance(now, int) and isinstance(before, int):
        return f"{name}: {before} then, {now} now"
    return f"other {name}"
