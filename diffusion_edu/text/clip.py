"""CLIP's frozen text encoder (Radford et al. 2021), loaded through transformers: one vector per token of a prompt."""

from functools import cache

import torch

from diffusion_edu.checkpoints import Unusable
from diffusion_edu.text.prompt import LENGTH, Prompt, clean

CLIP = "openai/clip-vit-base-patch32"


class ClipTextEncoder:
    """A text encoder with its tokenizer, both of transformers, and the name under which they are loaded."""

    def __init__(self, tokenizer, encoder, name=CLIP):
        self.tokenizer, self.encoder, self.name = tokenizer, encoder.requires_grad_(False).eval(), name
        self.text = ""  # no vocabulary file is kept beside a model: CLIP is loaded by name
        self.length = min(LENGTH, encoder.config.max_position_embeddings)

    @property
    def card(self):
        """The entry of a model's card that identifies this text encoder."""
        return {"clip": self.name}

    @property
    def config(self):
        """The arguments of the network's text encoder that depend on this one."""
        return {"features": self.encoder.config.hidden_size}

    @torch.no_grad()
    def __call__(self, prompts):
        """Turn prompts into vectors (n, 77, d): one per token, then zeros; an empty prompt is all zeros."""
        prompts = [clean(prompt).strip() for prompt in prompts]
        tokens = self.tokenizer(
            prompts, padding="max_length", truncation=True, max_length=self.length, return_tensors="pt"
        )
        output = self.encoder(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask)
        mask = tokens.attention_mask.bool() & torch.tensor([bool(prompt) for prompt in prompts])[:, None]
        return torch.where(mask[..., None], output.last_hidden_state.float(), 0)

    def read(self, prompt):
        """Turn one prompt into a `Prompt`; its words are CLIP's tokens."""
        tokens = self.tokenizer.tokenize(clean(prompt).strip())
        kept = tokens[: self.length - 2]  # one token starts and one ends the prompt
        words = tuple((token.removesuffix("</w>"), range(at, at + 1)) for at, token in enumerate(kept, start=1))
        note = f"The prompt is long, {len(tokens):,} tokens: the model is conditioned on the first {len(kept)}."
        return Prompt(self([prompt])[0], words, (note,) if len(kept) < len(tokens) else ())


@cache
def load_clip(name=CLIP):
    """Load a CLIP text encoder by its name on the hub (downloaded once) or from a folder; raises Unusable, in one
    sentence.
    """
    try:
        from transformers import AutoTokenizer, CLIPTextModel

        return ClipTextEncoder(
            AutoTokenizer.from_pretrained(name), CLIPTextModel.from_pretrained(name, use_safetensors=True), name
        )
    except ImportError:
        raise Unusable(
            "CLIP needs transformers: 'pip install transformers', "
            "or leave out --text-encoder to train a text encoder with the model."
        ) from None
    except Exception as problem:  # the download fails in ways of its own
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        raise Unusable(
            f"CLIP could not be loaded ({reason}): connect to the internet once, or name a folder that holds it."
        ) from None
