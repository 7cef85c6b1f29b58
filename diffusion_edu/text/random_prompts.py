"""Random prompts: a chain of words, learned from the captions that a model learns from, and kept beside its weights (Shannon 1948, sec. 3).

The next word is sampled from those that follow the last 1 to 5 words in captions. What is kept are counts of word sequences that
several captions share, never what only one of them says: so no caption can be read out of the file, and what is sampled is new.
"""

import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from diffusion_edu.checkpoints import Unusable, available, write_safely
from diffusion_edu.data.prompts import Said, pick

ORDER, SHARED = 5, 2  # words that are looked back at, at most; captions that must have a sequence
MOST, TRIES = 60, 50  # words of a prompt; how often one is begun until it is a whole caption that names its subject
END = ""  # the word before the first and after the last


@dataclass(frozen=True)
class Chain:
    """What follows what: words, the kinds of captions (subject, category), and a row of numbers for each sequence of 1 to 6 words.

    A row holds how long the sequence is, the number of its last word, and counts; the words before are those of the rows above it,
    as in a tree. A count is one number too, kind + (count - 1) * kinds: so the file is small.
    """

    words: tuple[str, ...]
    class_names: tuple[tuple[str, str], ...]
    rows: tuple[tuple[int, ...], ...]

    @property
    def categories(self):
        """The category of every subject."""
        return dict(self.class_names)

    @property
    def facts(self):
        """All of it as JSON can hold it."""
        return {
            "words": list(self.words),
            "class_names": list(map(list, self.class_names)),
            "rows": list(map(list, self.rows)),
        }

    @cached_property
    def follows(self):
        """What follows each sequence of words, how often in captions of each kind: {words: {word: {kind: count}}}."""
        follows, path = defaultdict(dict), []
        for length, word, *counts in self.rows:
            path[length - 1 :] = [self.words[word]]
            follows[tuple(path[:-1])][path[-1]] = {
                number % len(self.class_names): 1 + number // len(self.class_names) for number in counts
            }
        return dict(follows)

    def draw(self, seed, order=2, categories=(), subjects=()):
        """Draw a prompt, Said, of one of these categories and subjects, none for all, looking back at `order` words, 1..5.

        It begins and ends as captions do and has at most 60 words. Raises ValueError if no caption was of such a kind.
        """
        if order not in range(1, ORDER + 1):
            raise ValueError(f"A chain looks back at 1 to {ORDER} words, not at {order}.")
        chance = random.Random(int(seed))
        class_name = pick(
            [Said("", *class_name) for class_name in self.class_names], chance.getrandbits(32), categories, subjects
        )
        number = self.class_names.index((class_name.subject, class_name.category))
        for _ in range(TRIES):
            text, whole = self._said(chance, order, number)
            if whole and class_name.subject.lower() in text.lower():
                break
        return Said(text, class_name.subject, class_name.category)

    def _said(self, chance, order, class_name):
        said = [END]
        while len(said) <= MOST and (word := self._next(chance, said, order, class_name)) != END:
            said.append(word)
        return " ".join(said[1:]), len(said) <= MOST

    def _next(self, chance, said, order, class_name):
        for back in range(min(order, len(said)), 0, -1):
            after = self.follows.get(tuple(said[-back:]), {})
            if fits := {word: counts[class_name] for word, counts in after.items() if class_name in counts}:
                break
        else:  # nothing follows in captions of this kind: go on as any
            fits = {word: sum(counts.values()) for word, counts in self.follows[said[-1],].items()}
        return chance.choices(list(fits), list(fits.values()))[0]


def learned(captions, subjects, categories):
    """Learn a Chain from captions and what they are of; None if they share too little to make one sentence of. A caption counts once."""
    told = dict.fromkeys(zip(captions, subjects, categories, strict=True))
    class_names = {class_name: at for at, class_name in enumerate(sorted({class_name[1:] for class_name in told}))}
    having, counts = defaultdict(set), defaultdict(Counter)
    for caption, subject, category in told:
        for sequence in sequences(caption):
            having[sequence].add(caption)
            counts[sequence][class_names[subject, category]] += 1
    return built(
        {sequence: counts[sequence] for sequence, found in having.items() if len(found) >= SHARED}, tuple(class_names)
    )


def sequences(caption):
    """List the different sequences of 1 to 6 words of a caption, its ends included."""
    words = [END, *caption.split(), END]
    return {tuple(words[at : at + n]) for n in range(1, ORDER + 2) for at in range(len(words) - n + 1)}


def built(counts, class_names):
    """Make a Chain of {sequence: {kind: count}}, without the words that no path leads on from to an end."""
    pairs, ending = [each for each in counts if len(each) == 2], {END}
    while more := {first for first, second in pairs if second in ending} - ending:
        ending |= more
    kept = sorted(
        each for each in counts if ending.issuperset(each)
    )  # a sequence stands behind those that it begins with
    words = sorted({each[-1] for each in kept})
    number = {word: at for at, word in enumerate(words)}
    rows = [
        (
            len(each),
            number[each[-1]],
            *(class_name + (count - 1) * len(class_names) for class_name, count in sorted(counts[each].items())),
        )
        for each in kept
    ]
    begins = any(first == END and second in ending for first, second in pairs)
    return Chain(tuple(words), class_names, tuple(rows)) if begins else None


def place(folder, name):
    """Say where the chain of a model that is told captions lies: beside its weights."""
    return Path(folder) / f"{name}.prompts.json"


def write_chain(folder, name, facts):
    """Write the facts of a Chain beside the weights of the model of this name."""
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    write_safely(place(folder, name), lambda path: path.write_text(text, encoding="utf-8"))


def from_facts(facts):
    """Make a Chain of its facts."""
    return Chain(tuple(facts["words"]), tuple(map(tuple, facts["class_names"])), tuple(map(tuple, facts["rows"])))


def chain(name, folders=None):
    """Load the chain that lies beside the model of this name; raises Unusable, in one sentence, if it is missing or broken."""
    known = available(folders)
    path = place(known[name].parent if name in known else ".", name)
    try:
        found = from_facts(json.loads(path.read_text(encoding="utf-8")))
        found.draw(0)
    except (OSError, ValueError, TypeError, LookupError):
        raise Unusable(
            f"{path} has no random prompts: restore the file, train the model again, or bring a file with prompts."
        ) from None
    return found
