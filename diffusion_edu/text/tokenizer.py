"""The tokenizer: from a prompt to token ids, and from tokens back to words. No input makes it fail.

The vocabulary is byte pair encoding (Sennrich et al. 2016), learned from the training captions. Pieces that occur there
only once are spelled with smaller ones, so that every row of the network's embedding table is trained.
"""

import hashlib

import tokenizers
import torch
from tokenizers import models, normalizers, pre_tokenizers, trainers

from diffusion_edu.text.prompt import LENGTH, Prompt, clean

VOCABULARY_SIZE, MIN_FREQUENCY = 4000, 2
PAD, START, UNKNOWN = SPECIAL = "<none>", "<start>", "<unknown>"
MAX_LISTED = 10  # unknown characters that a note lists


class Tokenizer:
    """A byte-pair tokenizer, made of the text of a tokenizer file; raises ValueError if the text is not one."""

    def __init__(self, text):
        try:
            self.library = tokenizers.Tokenizer.from_str(text)
            self.start, self.unknown = map(self.library.get_vocab().__getitem__, (START, UNKNOWN))
        except Exception as problem:  # the library raises nothing more precise
            raise ValueError(f"it is no vocabulary ({type(problem).__name__})") from None
        self.text = text

    @property
    def card(self):
        """The entry of a model's card that identifies this tokenizer."""
        return {"sha256": hashlib.sha256(self.text.encode()).hexdigest()}

    @property
    def config(self):
        """The arguments of the network's text encoder that depend on this tokenizer."""
        return {"vocabulary": self.library.get_vocab_size()}

    def __call__(self, prompts):
        """Turn prompts into token ids int64 (n, 77): the start token, the words, zero padding; an empty prompt is all
        zeros.
        """
        return torch.stack([self.read(prompt).condition for prompt in prompts])

    def read(self, prompt):
        """Turn one prompt into a `Prompt`: unknown characters are left out; a long prompt is cut after a whole word."""
        prompt = clean(prompt)
        encoded = self.library.encode(prompt)
        tokens = list(zip(encoded.ids, encoded.word_ids, encoded.offsets, strict=True))
        known = [token for token in tokens if token[0] != self.unknown]
        unknown = dict.fromkeys(prompt[slice(*offsets)] for token_id, _, offsets in tokens if token_id == self.unknown)
        kept = truncate(known, LENGTH - 1)
        ids = torch.zeros(LENGTH, dtype=torch.int64)
        if kept:
            ids[: len(kept) + 1] = torch.tensor([self.start, *(token_id for token_id, _, _ in kept)])
        return Prompt(ids, words_of(prompt, kept), (*unknown_note(unknown), *truncation_note(prompt, known, kept)))


def truncate(tokens, length):
    """Keep at most `length` of the tokens (id, word, offsets), and no part of a word, unless it is the first word."""
    kept = tokens[:length]
    if len(tokens) > length and tokens[length][1] == kept[-1][1] != kept[0][1]:
        kept = [token for token in kept if token[1] != kept[-1][1]]
    return kept


def words_of(prompt, tokens):
    """List every word of a prompt with its token positions; tokens are (id, word, offsets), after the start token."""
    words = {}
    for position, (_, word, offsets) in enumerate(tokens, start=1):
        begin, _, positions = words.get(word, (offsets[0], 0, []))
        words[word] = begin, offsets[1], [*positions, position]
    return tuple(
        (prompt[begin:end], range(positions[0], positions[-1] + 1)) for begin, end, positions in words.values()
    )


def unknown_note(unknown):
    """Yield a sentence on the characters that were left out because no training caption has them."""
    if unknown:
        listed = " ".join(list(unknown)[:MAX_LISTED]) + " ..." * (len(unknown) > MAX_LISTED)
        yield f"No caption that the model learned from has {listed}: left out."


def truncation_note(prompt, known, kept):
    """Yield a sentence on where a prompt was cut."""
    if len(kept) < len(known):
        last = prompt[: kept[-1][2][1]][-40:]
        yield (
            f"The prompt is long, {len(known):,} tokens: the model is conditioned on the first {len(kept)}, "
            f"up to '{last}'."
        )


def learn_vocabulary(captions):
    """Learn a vocabulary from captions; returns the text of its tokenizer file, the same for the same captions."""
    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer()  # lower case, no accents
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # words and punctuation marks
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE, min_frequency=MIN_FREQUENCY, special_tokens=list(SPECIAL), show_progress=False
    )
    tokenizer.train_from_iterator(captions, trainer)
    return tokenizer.to_str()
