"""Train the attention U-Net that draws 64x64 faces with the attributes one asks for: `python -m diffusion_edu.recipes.faces`."""

import torch

from diffusion_edu.generation import Preset
from diffusion_edu.recipes.command_line import main
from diffusion_edu.recipes.run import Recipe

COMMON, MOST_OFTEN = 0.3, 6.0  # the fraction of faces that is common enough; how much more often the rarest come


def some_left_open(x0, labels, generator):
    """Leave some attributes (b, attributes) of every face open, 0: in one face few, in another all, so that any number of them may be asked for.

    Labels of another form, those of a person's own images, stay as they are.
    """
    if labels is None or labels.ndim == 1:
        return x0, labels
    kept = torch.rand(len(labels), 1, generator=generator, device=labels.device)
    told = torch.rand(labels.shape, generator=generator, device=labels.device) < kept
    return x0, labels * told


def rare_ones_more(images):
    """Weigh every face by the rarest attribute that it has, 1 to MOST_OFTEN: what only one in twenty wears is not learned in passing."""
    if not images.attributes:
        return None
    has = (images.labels > 0).float()
    return (has * (COMMON / has.mean(0).clamp_min(1e-9))).amax(1).clamp(1, MOST_OFTEN)


RECIPE = Recipe(
    name="faces",
    title="Faces, attention U-Net",
    network="attention_unet",
    config={"widths": [64, 128, 256], "blocks": 1, "attention": [False, False, True], "patch": 2, "embedding": 256},
    public="faces",
    sampling=Preset("DPM-Solver++", steps=15, guidance_scale=2.0, schedule="linear"),
    licence="Weights: MIT. Trained on CelebA (Liu et al. 2015), images for non-commercial research.",
    caution="CelebA shows celebrities: most are young, light-skinned, made up and smiling. Its attributes are one person's judgement at a glance, "
    "and some say more about stereotypes than about faces. What is rare in it (hats, glasses, old age, dark skin) is sampled worse. "
    "While it learned, faces with a rare attribute came up to six times as often: who asks for nothing gets more of them than there are.",
    prepare=some_left_open,
    often=rare_ones_more,
)

if __name__ == "__main__":
    main(RECIPE)
