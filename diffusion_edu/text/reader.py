"""Load the tokenizer or text encoder that belongs to a model, by the model's card."""

from diffusion_edu.checkpoints import Unusable, available, read_card, sha256_of, vocabulary
from diffusion_edu.text.tokenizer import Tokenizer


def load_reader(name, folders=None):
    """Load the `Tokenizer` or the CLIP text encoder of the model of this name, by its card.

    Both turn prompts into conditions when called, and one prompt into a `Prompt` with `.read`.
    Raises Unusable, in one sentence, if the model or its vocabulary is missing or altered.
    """
    known = available(folders)
    card = read_card(known[name]) if name in known else None
    if card is None or not card.text:
        raise Unusable(f"There is no text-to-image model {name!r}: train one with 'diffusion-edu train text_to_image'.")
    if "clip" in card.text:
        from diffusion_edu.text.clip import load_clip  # transformers is optional

        return load_clip(card.text["clip"])
    path = vocabulary(known[name].parent, name)
    try:
        if sha256_of(path) == card.text["sha256"]:
            return Tokenizer(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass
    raise Unusable(f"The vocabulary {path} is missing or not the one that the card describes: restore the file.")
