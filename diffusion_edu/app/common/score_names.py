"""The scores of a card in words: the name of each, how it is written, and which values are good."""

from diffusion_edu.app.common.numbers import format_number, format_with_band
from diffusion_edu.checkpoints import Card

_percent, _tenths, _four = "{:.0%}".format, "{:.1%}".format, "{:.4f}".format

SCORES = {  # key in a card: (name, how it is written, which values are good)
    "FD": ("Fréchet distance to real images (FD)", format_number, "lower is nearer"),
    "FD_floor": ("FD between two halves of the real images", format_number, "no model can be expected below this"),
    "FD_vae": ("FD of a variational autoencoder", format_number, "the baseline on the same images"),
    "FD_noise": ("FD of pure noise", format_number, "the baseline that every model must beat"),
    "KD": ("Kernel distance to real images (KD)", _four, "lower is nearer"),
    "KD_floor": ("KD between two halves of the real images", _four, "0 except for random variation"),
    "memorised": (
        "Memorised: samples nearer to a training image than 99% of real images are to each other",
        _tenths,
        "about 1% or less",
    ),
    "class_accuracy": ("Class accuracy of the samples, by a classifier", _percent, "as in real images, or more"),
    "class_accuracy_real": ("Class accuracy of real images", _percent, "the classifier makes errors too"),
    "subject_accuracy": ("Subject accuracy of the samples, by a classifier", _percent, "as in real images, or more"),
    "subject_accuracy_real": ("Subject accuracy of real images", _percent, "the classifier makes errors too"),
    "diversity": ("Diversity of the samples of one prompt, relative to real images", _percent, "higher is more varied"),
    "diversity_of_prompts": ("Diversity of the samples of different prompts", _percent, "100% is as real images"),
    "nearest": (
        "Distance to the nearest training image, relative to that between training images",
        "{:.2f} times".format,
        "1 or more: samples are at least as far from training images as those are from each other",
    ),
    "own_image": ("Samples whose nearest image is that of the caption", _tenths, "0% for new prompts"),
    "class_score": ("Inception-style score of the samples", format_number, "higher is clearer and more varied"),
    "class_score_real": ("Inception-style score of real images", format_number, "what to compare with"),
    "validation_accuracy": ("Accuracy on validation images", _tenths, "higher is better"),
}
QUALITIES = {  # of a reconstruction: (name, how it is written)
    "PSNR": ("PSNR", "{:.1f} dB".format),
    "SSIM": ("SSIM", "{:.2f}".format),
    "perceptual_distance": ("perceptual distance", "{:.3f}".format),
    "FD": ("FD", format_number),
}
RECONSTRUCTION = {"autoencoder": "the latents", "bicubic": "as many pixels, bicubic"}


def distance_in_words(card: Card):
    """Write the FD of a model beside that of real images and that of noise; "" if it was not measured."""
    if "FD" not in card.scores:
        return ""
    others = {"two halves of them": ("FD_floor", "{:.1f}"), "noise": ("FD_noise", "{:.0f}")}
    words = [f"{name}: {form.format(card.scores[key])}" for name, (key, form) in others.items() if key in card.scores]
    return f"FD {card.scores['FD']:.1f} to real images" + (f" ({'; '.join(words)})." if words else ".")


def scores(card: Card):
    """List the scores as rows (name, value with its band, which values are good)."""
    rows = [
        (name, format_with_band(card.scores, key, write), good)
        for key, (name, write, good) in SCORES.items()
        if key in card.scores
    ]
    for key, value in card.scores.items():  # scores that only some evaluations measure
        if key not in SCORES and type(value) in (int, float) and not key.endswith("_band"):
            rows.append((key.replace("_", " "), format_number(value), ""))
    return rows + _reconstruction(card) + _training_prompts(card) + _cold(card)


def _reconstruction(card):
    """Scores of an autoencoder: images encoded and decoded, beside images made smaller and larger again."""
    rows = []
    for key, name in RECONSTRUCTION.items():
        found = card.scores.get(key, {})
        words = [f"{label} {write(found[score])}" for score, (label, write) in QUALITIES.items() if score in found]
        if words:
            good = "high PSNR and SSIM, low perceptual distance and FD"
            rows.append((f"Reconstruction from {name}", ", ".join(words), good))
    return rows


def _training_prompts(card):
    """Scores of text to image on captions of the training set."""
    found = card.scores.get("training_prompts", {})
    return [
        (f"{SCORES[key][0]}: captions of the training set", SCORES[key][1](found[key]), "")
        for key in ("memorised", "own_image")
        if key in found
    ]


def _cold(card):
    """Scores of cold diffusion: FD of generated images, and PSNR of restored ones, per degradation."""
    rows = [
        (f"FD of images generated from {name}", format_number(value), "lower is nearer")
        for name, value in card.scores.get("FD_generated", {}).items()
    ]
    for name, timesteps in card.scores.get("restored", {}).items():
        timestep, methods = list(timesteps.items())[len(timesteps) // 2] if timesteps else (0, {})
        values = [f"{method} {scores['PSNR']:.1f} dB" for method, scores in methods.items() if "PSNR" in scores]
        if values:
            rows.append((f"PSNR after {name} up to timestep {timestep}", ", ".join(values), "higher is nearer"))
    return rows
