"""Train the attention U-Net for faces with attributes: `python -m diffusion_edu.recipes.faces`."""

import torch

from diffusion_edu.generation import Preset
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.recipe import Recipe

COMMON, MAX_WEIGHT = 0.3, 6.0  # an attribute of this fraction of faces is not rare; the weight of the rarest


def drop_attributes(x0, labels, generator):
    """Set a random number of the attributes (b, attributes) of every face to 0 (any), so that any of them can be left
    out.

    Labels of another form, those of a person's own images, stay as they are.
    """
    if labels is None or labels.ndim == 1:
        return x0, labels
    fraction = torch.rand(len(labels), 1, generator=generator, device=labels.device)
    kept = torch.rand(labels.shape, generator=generator, device=labels.device) < fraction
    return x0, labels * kept


def rare_attribute_weights(dataset):
    """Weight every face by its rarest attribute, 1 to MAX_WEIGHT, so that rare attributes are learned too."""
    if not dataset.attributes:
        return None
    has = (dataset.labels > 0).float()
    return (has * (COMMON / has.mean(0).clamp_min(1e-9))).amax(1).clamp(1, MAX_WEIGHT)


RECIPE = Recipe(
    name="faces",
    title="Faces, attention U-Net",
    network="attention_unet",
    config={"widths": [64, 128, 256], "blocks": 1, "attention": [False, False, True], "patch": 2, "embedding": 256},
    public="faces",
    sampling=Preset("DPM-Solver++", steps=15, guidance_scale=2.0, schedule="linear"),
    licence="Weights: MIT. Trained on CelebA (Liu et al. 2015), images for non-commercial research.",
    caution="CelebA shows celebrities: most are young, light-skinned, made up and smiling. Its attributes are one "
    "person's judgement at a glance, and some say more about stereotypes than about faces. What is rare in it (hats, "
    "glasses, old age, dark skin) is generated worse. During training, faces with a rare attribute came up to six "
    "times as often: unconditional samples have more of them than real faces have.",
    prepare=drop_attributes,
    image_weights=rare_attribute_weights,
)

if __name__ == "__main__":
    main(RECIPE)
