"""What recipes of references do on the command line: describe real images once, for places where they are not at hand."""

import argparse

from tqdm import tqdm

from diffusion_edu.checkpoints import load
from diffusion_edu.data.images import load_images
from diffusion_edu.evaluation.report import real_reference

SAMPLES = 5000  # of pure noise


def main(name, features, public, out, words=None):
    """Write mean and covariance of the features of all images of a public set, with the distances of their halves and of noise."""
    parser = argparse.ArgumentParser(prog=f"python -m diffusion_edu.recipes.{name}", description=main.__doc__)
    parser.add_argument("--data", help=f"a parquet file or a folder (default: the public {public}, downloaded once)")
    parser.add_argument("--out", default=out)
    args = parser.parse_args(words)
    feature_network = load(features)
    real_reference(
        feature_network, load_images(args.data, feature_network.card.size, tqdm.write, public), SAMPLES, watch=tqdm
    ).save(args.out)
