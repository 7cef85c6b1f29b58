"""The command line of recipes of references: statistics of the features of real images, computed once and shipped."""

import argparse

from tqdm import tqdm

from diffusion_edu.checkpoints import load
from diffusion_edu.data.images import load_images
from diffusion_edu.evaluation.report import real_reference

SAMPLES = 5000  # of pure noise


def main(name, features, public, out, words=None):
    """Write mean and covariance of the features of a public data set, its floor and the FD of pure noise."""
    parser = argparse.ArgumentParser(prog=f"python -m diffusion_edu.recipes.{name}", description=main.__doc__)
    parser.add_argument("--data", help=f"a parquet file or a folder (default: the public {public}, downloaded once)")
    parser.add_argument("--out", default=out)
    args = parser.parse_args(words)
    feature_network = load(features)
    dataset = load_images(args.data, feature_network.card.size, tqdm.write, public)
    real_reference(feature_network, dataset, SAMPLES, watch=tqdm).save(args.out)
