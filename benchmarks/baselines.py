"""Noise, a VAE and diffusion, on flowers and faces, at 32x32 and 64x64: `python -m benchmarks.baselines --flowers FILE --faces FILE`.

Everything is sampled at 64x64 and, for 32x32, brought to half of that like the real images; the distance is that on the features of
the classifier of its subject, the class score that of the second classifier. Real halves: one half of the real images
against the other, the best that a distance can be.
"""

import argparse
import json
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
from diffusion_edu.evaluation.samples import asked, draw
from diffusion_edu.generation import Preset

MODELS = {
    "flowers": {"VAE": "flowers_vae", "diffusion": "flowers_attention"},
    "faces": {"VAE": "faces_vae", "diffusion": "faces"},
}
IMAGES, SIZES = 2000, (32, 64)


def sampled(subject, real, count, work):
    """Draw what is compared, as {name: uint8 images (count, 3, 64, 64)}."""
    found = {"noise": pure_noise(count, real.images.shape[-1])}
    class_names = torch.empty(0, dtype=torch.int64) if real.attributes else real.labels.bincount()
    for what, name in MODELS[subject].items():
        model = load(name)
        labels = asked(model.card, class_names, real, count)
        found[what] = draw(
            model,
            Preset(**model.card.sampling),
            count,
            labels,
            work,
            watch=lambda parts, name=name: tqdm(parts, desc=name),
        )
    return found


def at(images, size):
    """Bring uint8 images (n, 3, h, w) to a size, averaging what lies under each pixel."""
    return images if images.shape[-1] == size else to_bytes(F.interpolate(to_signed(images), (size, size), mode="area"))


def compare(subject, real, found):
    """Score everything at every size; returns rows."""
    feature_network, judge = (load(name) for name in CLASSIFIERS[subject])
    rows = []
    for size in SIZES:
        features = describe(feature_network, at(real.images, size)).features
        first, second = halves(features)
        rows.append(
            {
                "what": "real halves",
                "data": subject,
                "size": size,
                "FD": frechet(first, second),
                "FD_band": frechet_band(first, second),
            }
        )
        rows[-1]["class_score"] = class_score(
            describe(judge, at(real.images, size)).scores, bool(judge.card.attributes)
        )
        for what, images in found.items():
            seen = describe(feature_network, at(images, size)).features
            score = class_score(describe(judge, at(images, size)).scores, bool(judge.card.attributes))
            distances = {"FD": frechet(features, seen), "FD_band": frechet_band(features, seen)}
            rows.append({"what": what, "data": subject, "size": size, **distances, "class_score": score})
    return [rounded(row) for row in rows]


def table(rows):
    """Format the rows as Markdown: a line for each thing that is compared, a column for each number and set."""
    columns = [(data, size) for data in MODELS for size in SIZES]
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
    """Draw, compare, print a table and write it to a file that the explorer shows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baselines", description=__doc__)
    parser.add_argument("--flowers", help="the real flowers (default: Oxford Flowers 102, downloaded once)")
    parser.add_argument("--faces", help="the real faces (default: CelebA, downloaded once)")
    parser.add_argument("--images", type=int, default=IMAGES, help="how many to draw of each (default: 2000)")
    parser.add_argument("--work", type=Path, default=OWN / "evaluation")
    parser.add_argument("--out", type=Path, default=PRETRAINED / "scores.json")
    args = parser.parse_args(words)
    rows = []
    for subject, source in (("flowers", args.flowers), ("faces", args.faces)):
        real = load_images(source, 64, tqdm.write, subject)
        rows += compare(subject, real, sampled(subject, real, args.images, args.work))
    print(table(rows))
    about = {"command": "python -m benchmarks.baselines", "images": args.images}
    args.out.write_text(json.dumps({"rows": rows, **about}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
