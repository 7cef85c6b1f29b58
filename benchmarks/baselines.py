"""Noise, a VAE and diffusion, on flowers and faces, at 32x32 and 64x64: `python -m benchmarks.baselines`.

Everything is generated at 64x64; for 32x32 it is scaled down like the real images. FD is measured on the features of
the subject's feature network, the class score with its evaluation classifier. Real halves: one half of the real images
compared with the other, the smallest distance that can be expected.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from tqdm import tqdm

from diffusion_edu.checkpoints import OWN, PRETRAINED, load
from diffusion_edu.data.images import load_images, to_bytes, to_signed
from diffusion_edu.evaluation.command_line import rounded
from diffusion_edu.evaluation.distances import frechet, frechet_band
from diffusion_edu.evaluation.features import CLASSIFIERS, class_score, describe
from diffusion_edu.evaluation.report import halves, pure_noise
from diffusion_edu.evaluation.samples import conditions_for, generate_samples
from diffusion_edu.files import to_json
from diffusion_edu.generation import Preset
from diffusion_edu.options import number

MODELS = {
    "flowers": {"VAE": "flowers_vae", "diffusion": "flowers_attention"},
    "faces": {"VAE": "faces_vae", "diffusion": "faces"},
}
IMAGES, RESOLUTIONS = 2000, (32, 64)


def generate_all(subject, real, count, work):
    """Generate the images that are compared: {name: uint8 images (count, 3, 64, 64)}."""
    found = {"noise": pure_noise(count, real.images.shape[-1])}
    counts = torch.empty(0, dtype=torch.int64) if real.attributes else real.labels.bincount()
    for what, name in MODELS[subject].items():
        model = load(name)
        labels, preset = conditions_for(model.card, counts, real, count), Preset(**model.card.sampling)
        bar = lambda parts, name=name: tqdm(parts, desc=name)  # noqa: E731 - a bar with words
        found[what] = generate_samples(model, preset, count, labels, work, watch=bar)
    return found


def scaled(images, size):
    """Scale uint8 images (n, 3, h, w) down to a size, averaging the area of each pixel."""
    return images if images.shape[-1] == size else to_bytes(F.interpolate(to_signed(images), (size, size), mode="area"))


def compare(subject, real, found):
    """Score everything at every size; returns rows."""
    feature_network, classifier = (load(name) for name in CLASSIFIERS[subject])

    def row(what, size, reference, features, images):
        distances = {"FD": frechet(reference, features), "FD_band": frechet_band(reference, features)}
        scores = describe(classifier, images).scores
        row = {"what": what, "data": subject, "size": size, **distances}
        return rounded(row | {"class_score": class_score(scores, bool(classifier.card.attributes))})

    rows = []
    for size in RESOLUTIONS:
        whole = scaled(real.images, size)
        reference = describe(feature_network, whole).features
        rows.append(row("real halves", size, *halves(reference), whole))
        for what, images in found.items():
            images = scaled(images, size)
            rows.append(row(what, size, reference, describe(feature_network, images).features, images))
    return rows


def table(rows):
    """Format the rows as Markdown: a line for each thing that is compared, a column for each score and set."""
    columns = [(data, size) for data in MODELS for size in RESOLUTIONS]
    head = [f"{score}, {data} {size}x{size}" for data, size in columns for score in ("FD", "class score")]
    lines = [f"| what | {' | '.join(head)} |", "| --- |" + " --- |" * len(head)]
    for what in ("noise", "VAE", "diffusion", "real halves"):
        cells = []
        for data, size in columns:
            row = next(row for row in rows if (row["what"], row["data"], row["size"]) == (what, data, size))
            cells += [f"{row['FD']:.2f} ± {row['FD_band']:.2f}", f"{row['class_score']:.1f}"]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(words=None):
    """Generate, compare, print a table and write it to a file that the explorer shows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baselines", description=__doc__)
    parser.add_argument("--flowers", help="the real flowers (default: Oxford Flowers 102, downloaded once)")
    parser.add_argument("--faces", help="the real faces (default: CelebA, downloaded once)")
    parser.add_argument("--images", type=number(int, 2, 50_000), default=IMAGES, help="of each (default: 2000)")
    parser.add_argument("--work", type=Path, default=OWN / "evaluation")
    parser.add_argument("--out", type=Path, default=PRETRAINED / "scores.json")
    args = parser.parse_args(words)
    rows = []
    for subject, source in (("flowers", args.flowers), ("faces", args.faces)):
        real = load_images(source, 64, tqdm.write, subject)
        rows += compare(subject, real, generate_all(subject, real, args.images, args.work))
    print(table(rows))
    about = {"command": "python -m benchmarks.baselines", "images": args.images}
    args.out.write_text(to_json({"rows": rows, **about}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
