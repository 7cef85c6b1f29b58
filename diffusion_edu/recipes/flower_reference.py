"""Describe the real flowers once, for places where they are not at hand: `python -m diffusion_edu.recipes.flower_reference`."""

import argparse

from tqdm import tqdm

from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_pictures
from diffusion_edu.evaluation.report import real_reference

SAMPLES = 5000  # of pure noise


def main(words=None):
    """Write mean and covariance of the features of all flowers, with the distances of their halves and of noise."""
    parser = argparse.ArgumentParser(prog="python -m diffusion_edu.recipes.flower_reference", description=__doc__)
    parser.add_argument("--data", help="a parquet file or a folder (default: Oxford Flowers 102, downloaded once)")
    parser.add_argument("--out", default=PRETRAINED / "flower_reference.npz")
    args = parser.parse_args(words)
    eyes = load("flower_features")
    real_reference(eyes, load_pictures(args.data, eyes.card.size), SAMPLES, watch=tqdm).save(args.out)


if __name__ == "__main__":
    main()
