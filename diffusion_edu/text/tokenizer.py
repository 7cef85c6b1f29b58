"""From a prompt to the numbers that a network is told, and back to the words they stand for; nothing that a person types makes it fail.

The vocabulary is byte pair encoding (Sennrich et al. 2016), learned from the captions that the network learns from: pieces
that hardly occur there are spelled with smaller ones, so that no row of the network's table stays as chance has made it.
"""

import hashlib
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

from diffusion_edu.checkpoints import Unusable, available, fingerprint, read_card, vocabulary

LENGTH, PIECES, RARE = 77, 4000, 2
NONE, START, UNKNOWN = SPECIAL = "<none>", "<start>", "<unknown>"
SHOWN = 10  # things that were left out, in a note


@dataclass(frozen=True)
class Prompt:
    """A prompt as a network is told it: the condition, ids (77,) or vectors (77, d); every word and where in it; one sentence for what was lost."""

    told: Tensor
    words: tuple[tuple[str, range], ...]
    notes: tuple[str, ...] = ()


class Tokens:
    """A learned vocabulary, made of the text of a tokenizer file; raises ValueError if it is none."""

    def __init__(self, text):
        try:
            self.library = Tokenizer.from_str(text)
            self.start, self.unknown = map(self.library.get_vocab().__getitem__, (START, UNKNOWN))
        except Exception as problem:  # the library raises nothing more precise
            raise ValueError(f"it is no vocabulary ({type(problem).__name__})") from None
        self.text = text

    @property
    def card(self):
        """What a model's card says of it."""
        return {"sha256": hashlib.sha256(self.text.encode()).hexdigest()}

    @property
    def config(self):
        """What a network must know to be told by it."""
        return {"vocabulary": self.library.get_vocab_size()}

    def __call__(self, prompts):
        """Turn prompts into ids int64 (n, 77): a start and the pieces of the words, then zeros; zeros alone if a prompt says nothing."""
        return torch.stack([self.read(prompt).told for prompt in prompts])

    def read(self, prompt):
        """Turn one prompt into a Prompt: what nobody has taught is left out, and what is too long is cut after a whole word."""
        prompt = (prompt or "").encode("utf-8", "replace").decode()
        read = self.library.encode(prompt)
        pieces = list(zip(read.ids, read.word_ids, read.offsets, strict=True))
        known = [piece for piece in pieces if piece[0] != self.unknown]
        strange = dict.fromkeys(prompt[slice(*offsets)] for number, _, offsets in pieces if number == self.unknown)
        kept = whole(known, LENGTH - 1)
        told = torch.zeros(LENGTH, dtype=torch.int64)
        if kept:
            told[: len(kept) + 1] = torch.tensor([self.start, *(number for number, _, _ in kept)])
        spans = [(word, offsets) for _, word, offsets in kept]
        return Prompt(told, named(prompt, spans), (*left_out(strange), *cut_off(prompt, known, kept)))


def whole(pieces, most):
    """Keep so many of the pieces (id, word, offsets), and no word that would be cut in two unless it is the first."""
    kept = pieces[:most]
    if len(pieces) > most and pieces[most][1] == kept[-1][1] != kept[0][1]:
        kept = [piece for piece in kept if piece[1] != kept[-1][1]]
    return kept


def named(prompt, spans):
    """List every word of a prompt with its places among the tokens: spans are (word, offsets) of the tokens after the start."""
    words = {}
    for place, (word, offsets) in enumerate(spans, start=1):
        begun, _, places = words.get(word, (offsets[0], 0, []))
        words[word] = begun, offsets[1], [*places, place]
    return tuple((prompt[begun:ended], range(places[0], places[-1] + 1)) for begun, ended, places in words.values())


def left_out(strange):
    """Say what was left out because no caption had it."""
    if strange:
        yield f"No caption that the model learned from has {' '.join(list(strange)[:SHOWN])}{' ...' * (len(strange) > SHOWN)}: left out."


def cut_off(prompt, known, kept):
    """Say where a prompt was cut."""
    if len(kept) < len(known):
        last = prompt[: kept[-1][2][1]][-40:]
        yield f"The prompt is long, {len(known):,} pieces of words: the model was told the first {len(kept)}, up to '{last}'."


def learned(captions):
    """Learn a vocabulary from captions; returns the text of its file, the same for the same captions."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer()  # lower case, no accents
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # words and marks
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, min_frequency=RARE, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(captions, trainer)
    return tokenizer.to_str()


def reader(name, folders=None):
    """Find what turns prompts into what the model of this name is told; raises Unusable, in one sentence, if it is missing or altered."""
    known = available(folders)
    card = read_card(known[name]) if name in known else None
    if card is None or not card.text:
        raise Unusable(
            f"There is no model {name!r} that draws what a text says: train one with 'python -m diffusion_edu.recipes.text_to_image'."
        )
    if "clip" in card.text:
        from diffusion_edu.text.clip import clip  # not needed by those who do without

        return clip(card.text["clip"])
    path = vocabulary(known[name].parent, name)
    try:
        if fingerprint(path) == card.text["sha256"]:
            return Tokens(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass
    raise Unusable(f"The vocabulary {path} is missing or not the one that the card describes: restore the file.")
