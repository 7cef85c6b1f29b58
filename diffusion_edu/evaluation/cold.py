"""Scores of a restoration model (cold diffusion): how well it restores images, and what it generates."""

import json
from functools import partial
from itertools import product

import torch
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from diffusion_edu.core import walk
from diffusion_edu.data.images import mean_colours, to_bytes, to_signed
from diffusion_edu.degradations import TO_ONE_COLOUR, ColourDistribution, Degradation, fully_degraded
from diffusion_edu.denoisers import clipped
from diffusion_edu.evaluation.samples import cached_batches
from diffusion_edu.files import to_json, write_safely
from diffusion_edu.samplers import cold_step, naive_cold_step
from diffusion_edu.spacings import spaced

STEPS, TIMESTEPS, T = 20, (20, 40, 60, 80, 100), 100
HIGHEST_PSNR = 100.0  # dB
ALGORITHMS = {"algorithm 1": naive_cold_step, "algorithm 2": cold_step}


def restore(model, degrade, x, start, step):
    """Bring x (b, 3, h, w) from timestep start to 0 in STEPS steps; returns the first x0_hat, and the result."""
    denoise = clipped(model.restorer(degrade))
    first, *_, last = walk(partial(step, denoise, degrade), x, spaced(degrade, STEPS, top=start))
    return first.x0_hat, last.x


def degrade_and_restore(model, x0, name, start, batch=32):
    """Degrade images x0 (n, 3, h, w) to timestep start and restore them in every way: {way: images (n, 3, h, w)}."""
    ways = {"input": [], "one prediction": [], **{name: [] for name in ALGORITHMS}}
    for seeds in torch.arange(len(x0)).split(batch):
        degrade = Degradation(name, tuple(seeds.tolist()), T)
        x = model.compute.place(degrade(x0[seeds], start))
        ways["input"].append(x)
        for algorithm, step in ALGORITHMS.items():
            prediction, end = restore(model, degrade, x, start, step)
            ways[algorithm].append(end)
        ways["one prediction"].append(prediction)  # the first one, and so the same in all of them
    return {way: torch.cat(parts).cpu() for way, parts in ways.items()}


def psnr_and_ssim(x, x0):
    """Compare images x (n, 3, h, w) with the true ones x0: PSNR of their mean squared error in dB, and mean SSIM.

    SSIM is at most 1 (Wang et al. 2004). The PSNR of equal images, which is infinite, is given as HIGHEST_PSNR.
    """
    whole = {"data_range": (-1.0, 1.0)}
    measured = {
        "PSNR": peak_signal_noise_ratio(x, x0, **whole),
        "SSIM": structural_similarity_index_measure(x, x0, **whole),
    }
    return {name: min(float(f"{value:.4g}"), HIGHEST_PSNR) for name, value in measured.items()}


def restoration_scores(model, x0, folder, watch=iter):
    """Measure every degradation at TIMESTEPS on images x0 (n, 3, h, w): {degradation: {timestep: {way: {score:
    number}}}}.

    The scores are PSNR in dB and SSIM. Every timestep is saved in the folder and read from there the next time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scores = {name: {} for name in model.card.classes}
    for name, start in watch(list(product(model.card.classes, TIMESTEPS))):
        path = folder / f"{name}-{start}.json"
        found = _read(path)
        if found is None:
            found = {way: psnr_and_ssim(x, x0) for way, x in degrade_and_restore(model, x0, name, start).items()}
            write_safely(path, lambda file, found=found: file.write_text(to_json(found), encoding="utf-8"))
        scores[name][str(start)] = found
    return scores


def generate_from_degraded(model, name, dataset, count, folder, watch=iter):
    """Generate images with algorithm 2 from a complete degradation, seeds 0, 1, ...; uint8 (count, 3, size, size).

    Where the degradation leaves one colour, it is sampled from the distribution of the mean colours of real images;
    otherwise the walk starts from a completely degraded real image.
    """
    size, colours = model.card.size, ColourDistribution.of(mean_colours(dataset.images))
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))

    def make(seeds):
        some = order[[seed % len(order) for seed in seeds]]
        x0 = colours.sample(seeds, size) if name in TO_ONE_COLOUR else to_signed(dataset.images[some])
        degrade = Degradation(name, tuple(seeds), T)
        _, x = restore(model, degrade, model.compute.place(fully_degraded(degrade, x0)), T, ALGORITHMS["algorithm 2"])
        return to_bytes(x).cpu()

    return cached_batches(folder / name, model.card, count, make, watch=watch)


def _read(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
