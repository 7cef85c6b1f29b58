"""CLIP's text encoder (Radford et al. 2021), frozen, through transformers: words as vectors for a network that has none of its own."""

from functools import cache

import torch

from diffusion_edu.checkpoints import Unusable
from diffusion_edu.text.tokenizer import LENGTH, Prompt

CLIP = "openai/clip-vit-base-patch32"


class Clip:
    """A text encoder with its tokenizer, both of transformers, by the name they were loaded by."""

    def __init__(self, tokenizer, encoder, name=CLIP):
        self.tokenizer, self.encoder, self.name = tokenizer, encoder.requires_grad_(False).eval(), name
        self.text = ""  # nothing to keep beside a model: it is loaded by name
        self.length = min(LENGTH, encoder.config.max_position_embeddings)

    @property
    def card(self):
        """What a model's card says of it."""
        return {"clip": self.name}

    @property
    def config(self):
        """What a network must know to be told by it."""
        return {"features": self.encoder.config.hidden_size}

    @torch.no_grad()
    def __call__(self, prompts):
        """Turn prompts into vectors (n, 77, d): one per token, then zeros; zeros alone if a prompt says nothing."""
        prompts = [clean(prompt) for prompt in prompts]
        read = self.tokenizer(
            prompts, padding="max_length", truncation=True, max_length=self.length, return_tensors="pt"
        )
        said = self.encoder(input_ids=read.input_ids, attention_mask=read.attention_mask).last_hidden_state.float()
        there = read.attention_mask.bool() & torch.tensor([bool(prompt) for prompt in prompts])[:, None]
        return torch.where(there[..., None], said, 0)

    def read(self, prompt):
        """Turn one prompt into a Prompt; its words are the pieces that CLIP cuts it into."""
        pieces = self.tokenizer.tokenize(clean(prompt))
        kept = pieces[: self.length - 2]  # one begins and one ends the prompt
        words = tuple(
            (piece.removesuffix("</w>"), range(place, place + 1)) for place, piece in enumerate(kept, start=1)
        )
        long = f"The prompt is long, {len(pieces):,} pieces of words: the model was told the first {len(kept)}."
        return Prompt(self([prompt])[0], words, (long,) if len(kept) < len(pieces) else ())


def clean(prompt):
    """Bring a prompt to text that can be written, without space around it."""
    return (prompt or "").encode("utf-8", "replace").decode().strip()


@cache
def clip(name=CLIP):
    """Load a text encoder by its name on the hub, downloaded once, or from a folder; raises Unusable, in one sentence, if that is not possible."""
    try:
        from transformers import AutoTokenizer, CLIPTextModel

        return Clip(
            AutoTokenizer.from_pretrained(name), CLIPTextModel.from_pretrained(name, use_safetensors=True), name
        )
    except ImportError:
        raise Unusable(
            "CLIP needs transformers: 'pip install transformers', or leave --text-encoder away to train an encoder of your own."
        ) from None
    except Exception as problem:  # what it downloads with fails in ways of its own
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        raise Unusable(
            f"CLIP could not be loaded ({reason}): connect to the internet once, or name a folder that holds it."
        ) from None
