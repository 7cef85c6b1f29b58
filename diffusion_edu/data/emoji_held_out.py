"""Held-out emoji, to measure how a model generalises to new combinations and new concepts."""

import json
from itertools import cycle, zip_longest
from pathlib import Path
from random import Random

import torch

from diffusion_edu.data.emoji import TONES

WHY = {
    "concepts": "In no style and no skin tone trained on: what does the model make of words it knows from elsewhere?",
    "styles": "Trained on in the other styles only: can the model combine a known concept with a known style?",
    "professions": "Trained on in other genders and skin tones only: can the model combine what it knows of all three?",
    "validation": "Single images, left out only for the validation loss.",
}


def choose_held_out(emoji, seed=0, concepts=12, styles=60, professions=20, validation=64):
    """Choose held-out emoji from a list of Emoji, the same for the same Emoji and seed: {name in WHY: list}.

    Each list covers the groups, styles, genders and skin tones evenly. From a small set at most a tenth of the bases
    goes into each list.
    """
    random, emoji = Random(seed), sorted(emoji, key=lambda each: (each.name, each.style))
    jobs, styles_there = jobs_in(emoji), sorted({each.style for each in emoji})
    groups = {each.base: each.group for each in emoji}
    most = max(1, len(groups) // 10)
    complete = [base for base in in_all_styles(emoji, styles_there) if not is_about(base, jobs)]
    described = [base for base in complete if groups[base] != "flags"]  # a name does not describe an unknown flag
    unknown = by_turns(described, groups, random)[: min(concepts, most)]
    partly = by_turns([base for base in complete if base not in unknown], groups, random)[: min(styles, most)]
    turns = zip(partly, cycle(shuffled(styles_there, random)), strict=False)
    lists = {
        "concepts": [{"base": base, "group": groups[base]} for base in unknown],
        "styles": [{"base": base, "style": style, "group": groups[base]} for base, style in turns],
        "professions": combinations(shuffled(jobs, random)[: min(professions, most)], random),
    }
    return lists | {"validation": singles(emoji, lists, random)[: min(validation, most)]}


def singles(emoji, lists, random):
    """List one image of every base that is in none of the lists, from the groups in turn."""
    used = {entry["base"] for name in lists for entry in lists[name]}
    rest = {each.base: each for each in shuffled(emoji, random) if each.base not in used and each.group != "components"}
    chosen = [rest[base] for base in by_turns(list(rest), {base: rest[base].group for base in rest}, random)]
    return [{"name": each.name, "style": each.style, "group": each.group} for each in chosen]


def in_all_styles(emoji, styles):
    """List the bases, except components, that exist in all styles."""
    found = {}
    for each in emoji:
        if each.group != "components":
            found.setdefault(each.base, set()).add(each.style)
    return [base for base in found if found[base] == set(styles)]


def is_about(base, jobs):
    """Say whether a base is one of these professions, in any gender."""
    return base.removeprefix("wo").removeprefix("man ") in jobs


def jobs_in(emoji):
    """List the professions that exist for a person, a man and a woman."""
    bases = {each.base for each in emoji if each.subgroup == "roles & careers" and each.toned}
    return sorted(base for base in bases if {f"man {base}", f"woman {base}"} <= bases)


def combinations(jobs, random):
    """Choose one gender and one skin tone for each profession; all ten combinations come in turn."""
    pairs = shuffled([(gender, tone) for gender in ("man", "woman") for tone in TONES], random)
    return [
        {"base": f"{gender} {job}", "skin_tone": tone, "group": "people & body"}
        for job, (gender, tone) in zip(jobs, cycle(pairs), strict=False)
    ]


def by_turns(things, groups, random):
    """List things in random order, from the groups in turn: one of each, then a second one of each."""
    names = sorted({groups[thing] for thing in things})
    lanes = [shuffled([thing for thing in things if groups[thing] == name], random) for name in names]
    return [thing for turn in zip_longest(*lanes) for thing in turn if thing is not None]


def shuffled(things, random):
    """Return things in random order."""
    return random.sample(things, len(things))


def held_out_mask(lists, emoji):
    """Mark the held-out Emoji, bool (n,): those that match all fields of an entry in one of the lists."""
    keys = ("base", "style", "skin_tone", "name")
    entries = [{key: entry[key] for key in keys if key in entry} for name in lists for entry in lists[name]]
    by_key = {}
    for entry in entries:
        by_key.setdefault(tuple(entry), set()).add(tuple(entry.values()))
    held = [
        any(tuple(getattr(each, key) for key in keys) in values for keys, values in by_key.items()) for each in emoji
    ]
    return torch.tensor(held, dtype=torch.bool)


def read_held_out(path):
    """Read the lists of held-out emoji; raises ValueError, in one sentence, if the file is not such a list."""
    try:
        lists = json.loads(Path(path).read_text(encoding="utf-8"))
        return {name: lists[name]["emoji"] for name in WHY}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ValueError(
            f"{path} does not list held-out emoji ({type(problem).__name__}): restore it, or name a new file."
        ) from None


def held_out_text(lists):
    """Format the lists of held-out emoji as JSON, each with the reason, one emoji per line."""
    parts = [
        f'  {json.dumps(name)}: {{\n    "why": {json.dumps(WHY[name])},\n    "emoji": [\n'
        + ",\n".join(f"      {json.dumps(entry, ensure_ascii=False)}" for entry in lists[name])
        + "\n    ]\n  }"
        for name in WHY
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"
