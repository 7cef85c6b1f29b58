"""The known weaknesses of a model, as its scores and its training data show them."""

from diffusion_edu.app.common.numbers import format_number
from diffusion_edu.app.common.plain_text import plain
from diffusion_edu.checkpoints import Card
from diffusion_edu.denoisers import TARGETS


def weaknesses(card: Card):
    """List the weaknesses of a model in sentences."""
    found = [plain(card.caution)] if card.caution else []
    found += [*_from_scores(card.scores), *_from_type(card)]
    return found if card.scores else [*found, "It has not been evaluated, or its card has no scores."]


def _from_scores(scores):
    """Yield what the scores say."""
    if (floor := scores.get("FD_floor")) and scores.get("FD", 0) > 2 * floor:
        times = scores["FD"] / floor
        yield f"Its samples differ from real images: their FD is {times:.1f} times that between real images."
    if {"class_accuracy", "class_accuracy_real"} <= scores.keys():
        if scores["class_accuracy"] > scores["class_accuracy_real"]:
            yield (
                "With the guidance scale of its preset, samples are more typical of their class than photographs are: "
                "unusual ones are rare."
            )
        else:
            yield ("It does not always follow its condition: its class accuracy is lower than that of photographs.")
    if scores.get("memorised", 0) > 0.01:
        yield "Some of its samples are nearer to training images than they would be by chance: it memorises."
    if generated := scores.get("FD_generated"):
        low, high = (format_number(pick(generated.values())) for pick in (min, max))
        yield f"It replaces lost information by averages: images generated from nothing have an FD of {low} to {high}."
    if "validation_accuracy" in scores:
        wrong = 1 - scores["validation_accuracy"]
        yield f"It is wrong about {wrong:.0%} of unseen images, so every score that uses it is relative."


def _from_type(card):
    """Yield what follows from the type and the size of the model."""
    if card.prediction_type == "vae":
        yield "Its images are blurred: the decoder averages over all images with nearly the same latent."
    if card.autoencoder:
        yield f"It cannot show what {plain(card.autoencoder)} cannot encode: hair, grass and letters are soft."
    elif card.size <= 64 and card.prediction_type in TARGETS:
        yield f"It was trained on {card.size}x{card.size} pixels, and knows no finer detail."
