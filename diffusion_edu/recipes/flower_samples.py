"""Generate the 1,024 flowers for pages and lessons: `python -m diffusion_edu.recipes.flower_samples`."""

import argparse

import torch
from tqdm import tqdm

from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import ImageSet, save_images
from diffusion_edu.recipes.sample_sheet import generate_samples

IMAGES, BATCH = 1024, 32


def main(words=None):
    """Generate seeds 0 to 1023 with the model's own preset, the classes in turn, and write them as one parquet file."""
    parser = argparse.ArgumentParser(prog="python -m diffusion_edu.recipes.flower_samples", description=__doc__)
    parser.add_argument("--model", default="flowers_attention")
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--out", default=PRETRAINED / "flower_samples.parquet")
    args = parser.parse_args(words)
    model, seeds = load(args.model), range(args.images)
    images = torch.cat([generate_samples(model, seeds[at : at + BATCH]) for at in tqdm(seeds[::BATCH])])
    labels = torch.tensor(model.card.labels_for(seeds))
    save_images(args.out, ImageSet(images, labels, tuple(model.card.classes)))


if __name__ == "__main__":
    main()
