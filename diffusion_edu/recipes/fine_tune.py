"""Fine-tuning: the recipe that fits a trained network, and its weights for a network with another condition."""

from dataclasses import replace

import torch

from diffusion_edu.denoisers import TARGETS
from diffusion_edu.generation import Preset
from diffusion_edu.networks.experts import MEMBERS

CONDITIONS = ("classes", "attributes", "conditioning_channels")


def adapt_recipe(card, recipe):
    """Change a recipe so that it fine-tunes the network of a card: the same config and prediction type.

    Unless the recipe has conditioning images, preset and image size are those of the card too. Raises ValueError if the
    network or the recipe is no U-Net, or if the network reads latents or captions, which the recipe does not have.
    """
    if card.network not in MEMBERS or recipe.network not in MEMBERS:
        raise ValueError(
            f"{card.name} cannot be fine-tuned: --from takes a U-Net, and is for recipes that train a U-Net."
        )
    if card.text or card.autoencoder:
        other = "text_to_image" if card.autoencoder else "emoji"
        raise ValueError(
            f"{card.name} generates {'latents ' if card.autoencoder else ''}from captions and this recipe trains on "
            f"images without any: fine-tune it with python -m diffusion_edu.recipes.{other}."
        )
    check_channels(card, 3)
    denoisers = card.prediction_type in TARGETS and recipe.objective.prediction_type in TARGETS
    objective = replace(recipe.objective, prediction_type=card.prediction_type) if denoisers else recipe.objective
    return replace(
        recipe,
        network=card.network,
        config={name: value for name, value in card.config.items() if name not in CONDITIONS},
        size=recipe.size if recipe.conditioning_channels else card.size,
        objective=objective,
        sampling=recipe.sampling if recipe.conditioning_channels else Preset(**card.sampling),
    )


def check_channels(card, channels):
    """Raise ValueError if a model to begin with works on images, or latents, of another number of channels."""
    if card.channels != channels:
        raise ValueError(
            f"{card.name} works on {card.channels} channels and this training on {channels}: name another with --from."
        )


def check_text_model(card, autoencoder, channels):
    """Raise ValueError if a training with captions cannot begin with a model: autoencoder says whose latents it
    trains on, "" for images.
    """
    if not card.text or card.network not in MEMBERS:
        raise ValueError(f"{card.name} does not generate from captions: name a text-to-image model with --from.")
    if card.autoencoder != autoencoder:
        of = {name: f"the latents of {name}" if name else "pixels" for name in (card.autoencoder, autoencoder)}
        raise ValueError(
            f"{card.name} works on {of[card.autoencoder]} and this training on {of[autoencoder]}: "
            "name another model with --from."
        )
    check_channels(card, channels)


def transfer_weights(start, net, condition_names):
    """Return the weights of a loaded model for a network with other conditions.

    At the beginning every new condition acts like the model's null label; the network learns the differences.
    """
    weights, fresh = start.net.state_dict(), net.state_dict()
    if list(condition_names) != start.card.condition_names:
        embedding, bias = start.net.class_embedding or start.net.attribute_embedding, "time_embedding.mlp.2.bias"
        null = embedding(None, 1)[0] if embedding else torch.zeros(start.net.time_embedding.width)
        embeddings = ("class_embedding.", "attribute_embedding.")
        weights = {name: weight for name, weight in weights.items() if not name.startswith(embeddings)}
        if net.class_embedding:
            weights["class_embedding.table.weight"] = null.repeat(len(condition_names) + 1, 1)
        else:
            weights[bias] = weights[bias] + null  # the network adds up the embeddings of timestep and condition
    stem = torch.zeros_like(fresh["stem.weight"])
    known = min(weights["stem.weight"].shape[1], stem.shape[1])
    stem[:, :known] = weights["stem.weight"][:, :known]  # new input channels, of a conditioning image, have weight 0
    return fresh | {name: weight for name, weight in weights.items() if name in fresh} | {"stem.weight": stem}
