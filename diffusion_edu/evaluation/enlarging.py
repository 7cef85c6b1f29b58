"""Judge a model that enlarges and write the scores into its card: `python -m diffusion_edu.evaluation.enlarging super_resolution --data FILE`."""

import hashlib
import shlex
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from diffusion_edu.cascades import CHANNELS, FACTOR, enlarge, enlarged, shrunk
from diffusion_edu.checkpoints import available, load, save_card
from diffusion_edu.data.images import held_out, load_pictures, to_bytes, to_signed
from diffusion_edu.evaluation.cold import likeness
from diffusion_edu.evaluation.command import carry_out, parser
from diffusion_edu.evaluation.detail import detail, faithful, finest, patch_features
from diffusion_edu.evaluation.distances import frechet
from diffusion_edu.evaluation.report import halves
from diffusion_edu.evaluation.samples import digest, in_parts
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import choose

SHARES = (0.0, 0.1, 0.2)  # of noise on the small pictures


def arguments(words=None):
    """Read the command line."""
    return parser("diffusion_edu.evaluation.enlarging", __doc__, samples=128, example="super_resolution").parse_args(words)


def main(words=None):
    """Judge one model from the command line."""
    carry_out(judge, arguments(words))


def judge(args, watch):
    """Enlarge what was held out, at three scales, and write the scores into the card; returns them as a dict that JSON can hold."""
    compute = choose(args.device)
    model, eyes = (load(name, compute=compute) for name in (args.name, args.features))
    if not enlarges(model):
        raise ValueError(f"{args.name} does not enlarge pictures: name a model that is told small ones, for example super_resolution.")
    pictures = load_pictures(args.data, model.card.size, tell=tqdm.write, public="five flowers")
    held = held_out(pictures)
    if not held.any():
        raise ValueError(f"{len(pictures)} pictures are too few to hold some of them out: 64 or more are needed.")
    real, known = pictures.images[held][: args.samples], pictures.images[~held]
    known_features = patch_features(eyes, known, partial(watch, words="features"))
    content = hashlib.sha256(real.numpy().tobytes()).hexdigest()
    ways = Ways(model, args.work / f"{args.name}-{digest(model.card.sha256, content, model.card.sampling)}", watch)
    scores = protocol(args, eyes, pictures, len(real)) | {
        "FD_floor": frechet(known_features, patch_features(eyes, real)),
        "FD_halves": frechet(*halves(known_features)),
    }
