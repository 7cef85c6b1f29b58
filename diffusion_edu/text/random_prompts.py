"""Random prompts: a Markov chain of words (Shannon 1948, sec. 3), learned from a model's training captions and kept
beside its weights.

The next word is sampled from those that follow the last 1 to 5 words in captions. The file holds counts of word
sequences that occur in at least two captions. So no single caption can be read out of it, and sampled prompts are new.
"""

import json
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from diffusion_edu.checkpoints import Unusable, available, write_safely
from diffusion_edu.data.prompts import Said, pick
from diffusion_edu.files import to_json

ORDER, MIN_CAPTIONS = 5, 2  # the longest context, in words; captions that must share a sequence
MAX_WORDS, TRIES = 60, 50  # words of a prompt; attempts until a prompt is complete and names its subject
END = ""  # the token before the first and after the last word


@dataclass(frozen=True)
class MarkovChain:
    """A Markov chain over words, conditioned on the class of the caption: (subject, category).

    rows: one per sequence of 1 to 6 words, as a tree: the length of the sequence, the index of its last word, then
    counts. The words before the last are those of the rows above. A count is stored as class + (count - 1) * classes,
    one integer for each class in which the sequence occurs.
    """

    words: tuple[str, ...]
    class_names: tuple[tuple[str, str], ...]
    rows: tuple[tuple[int, ...], ...]

    @property
    def categories(self):
        """The category of every subject, {subject: category}."""
        return dict(self.class_names)

    @property
    def facts(self):
        """The chain as a dict for JSON."""
        return {
            "words": list(self.words),
            "class_names": list(map(list, self.class_names)),
            "rows": list(map(list, self.rows)),
        }

    @cached_property
    def follows(self):
        """The words that follow each sequence, with their counts per class: {words: {word: {class: count}}}."""
        follows, path = defaultdict(dict), []
        for length, word, *counts in self.rows:
            path[length - 1 :] = [self.words[word]]
            follows[tuple(path[:-1])][path[-1]] = {
                number % len(self.class_names): 1 + number // len(self.class_names) for number in counts
            }
        return dict(follows)

    def sample(self, seed, order=2, categories=(), subjects=()):
        """Sample a prompt (Said) of one of these categories and subjects, () for all; the context is `order` words,
        1..5.

        It has at most 60 words and begins and ends as captions do. Raises ValueError for another order, or if no
        caption was of such a category and subject.
        """
        if order not in range(1, ORDER + 1):
            raise ValueError(f"The context of the Markov chain is 1 to {ORDER} words, not {order}.")
        rng = random.Random(int(seed))
        known = [Said("", *class_name) for class_name in self.class_names]
        chosen = pick(known, rng.getrandbits(32), categories, subjects)
        label = self.class_names.index((chosen.subject, chosen.category))
        for _ in range(TRIES):
            text, complete = self._sample_text(rng, order, label)
            if complete and chosen.subject.lower() in text.lower():
                break
        return Said(text, chosen.subject, chosen.category)

    def _sample_text(self, rng, order, label):
        words = [END]
        while len(words) <= MAX_WORDS and (word := self._next_word(rng, words, order, label)) != END:
            words.append(word)
        return " ".join(words[1:]), len(words) <= MAX_WORDS

    def _next_word(self, rng, words, order, label):
        for length in range(min(order, len(words)), 0, -1):
            following = self.follows.get(tuple(words[-length:]), {})
            if weights := {word: counts[label] for word, counts in following.items() if label in counts}:
                break
        else:  # nothing follows in captions of this class: use the counts of all classes
            weights = {word: sum(counts.values()) for word, counts in self.follows[words[-1],].items()}
        return rng.choices(list(weights), list(weights.values()))[0]


def learn_chain(captions, subjects, categories):
    """Learn a MarkovChain from captions, their subjects and categories; None if they share too little for a sentence.

    Equal captions count once.
    """
    unique = dict.fromkeys(zip(captions, subjects, categories, strict=True))
    labels = {class_name: label for label, class_name in enumerate(sorted({row[1:] for row in unique}))}
    having, counts = defaultdict(set), defaultdict(Counter)
    for caption, subject, category in unique:
        for sequence in sequences(caption):
            having[sequence].add(caption)
            counts[sequence][labels[subject, category]] += 1
    shared = {sequence: counts[sequence] for sequence, found in having.items() if len(found) >= MIN_CAPTIONS}
    return build_chain(shared, tuple(labels))


def sequences(caption):
    """Return the set of sequences of 1 to 6 words of a caption, with END before and after it."""
    words = [END, *caption.split(), END]
    return {tuple(words[at : at + n]) for n in range(1, ORDER + 2) for at in range(len(words) - n + 1)}


def build_chain(counts, class_names):
    """Build a MarkovChain from {sequence: {label: count}}, without words from which the end cannot be reached."""
    pairs, ending = [each for each in counts if len(each) == 2], {END}
    while more := {first for first, second in pairs if second in ending} - ending:
        ending |= more
    kept = sorted(each for each in counts if ending.issuperset(each))  # a sequence follows its own beginnings
    words = sorted({each[-1] for each in kept})
    index, classes = {word: at for at, word in enumerate(words)}, len(class_names)
    rows = [
        (
            len(each),
            index[each[-1]],
            *(label + (count - 1) * classes for label, count in sorted(counts[each].items())),
        )
        for each in kept
    ]
    begins = any(first == END and second in ending for first, second in pairs)
    return MarkovChain(tuple(words), class_names, tuple(rows)) if begins else None


def chain_path(folder, name):
    """Return the path of a text-to-image model's Markov chain, beside its weights."""
    return Path(folder) / f"{name}.prompts.json"


def write_chain(folder, name, facts):
    """Write the facts of a MarkovChain beside the weights of the model of this name."""
    text = to_json(facts, separators=(",", ":"))
    write_safely(chain_path(folder, name), lambda path: path.write_text(text, encoding="utf-8"))


def from_facts(facts):
    """Build a MarkovChain from its facts."""
    return MarkovChain(tuple(facts["words"]), tuple(map(tuple, facts["class_names"])), tuple(map(tuple, facts["rows"])))


def load_chain(name, folders=None):
    """Load the MarkovChain beside the model of this name; raises Unusable, in one sentence, if it is
    missing or broken.
    """
    known = available(folders)
    path = chain_path(known[name].parent if name in known else ".", name)
    try:
        chain = from_facts(json.loads(path.read_text(encoding="utf-8")))
        chain.sample(0)
    except (OSError, ValueError, TypeError, LookupError):
        raise Unusable(
            f"{path} has no random prompts: restore the file, train the model again, or bring a file with prompts."
        ) from None
    return chain
