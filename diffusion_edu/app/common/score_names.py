"""The scores of a card, for a person to read: what each is called, how it is written, and what is good."""

from diffusion_edu.app.trajectories.chart_axes import in_words, with_band
from diffusion_edu.checkpoints import Card

SCORES = {  # key in a card: what it is called, how it is written, and what is good
    "FD": ("Distance to real images (FD)", in_words, "lower is nearer"),
    "FD_floor": ("FD of one half of the real images to the other", in_words, "no model can be expected below this"),
    "FD_vae": ("FD of a variational autoencoder", in_words, "the baseline of the same images"),
    "FD_noise": ("FD of pure noise", in_words, "the baseline that everyone must beat"),
    "KD": ("Kernel distance (KD)", "{:.4f}".format, "lower is nearer"),
    "KD_floor": ("KD of both halves of the real images", "{:.4f}".format, "0 but for chance"),
    "memorised": (
        "Copies: samples nearer to a training image than 99% of real ones to each other",
        "{:.1%}".format,
        "about 1% or less",
    ),
    "class_accuracy": (
        "Samples in which a judge sees what was asked for",
        "{:.0%}".format,
        "as in real images, or more",
    ),
    "class_accuracy_real": ("Real images in which the judge sees what they are", "{:.0%}".format, "the judge errs too"),
    "subject_accuracy": (
        "Samples in which the judge sees the very subject",
        "{:.0%}".format,
        "as in real images, or more",
    ),
    "subject_accuracy_real": (
        "Real images in which the judge sees their subject",
        "{:.0%}".format,
        "the judge errs too",
    ),
    "diversity": (
        "How varied samples of one prompt are, beside real images",
        "{:.0%}".format,
        "higher is more varied",
    ),
    "diversity_of_prompts": (
        "How varied samples of different prompts are",
        "{:.0%}".format,
        "100% is as real images",
    ),
    "nearest": (
        "Distance to the nearest training image, beside that between these",
        "{:.2f} times".format,
        "1 or more: as new as they are to each other",
    ),
    "own_image": (
        "Samples whose nearest image is the one the caption belongs to",
        "{:.1%}".format,
        "0% for new prompts",
    ),
    "class_score": ("Kinds told apart in samples", in_words, "higher is clearer and more varied"),
    "class_score_real": ("Kinds told apart in real images", in_words, "what to compare with"),
    "validation_accuracy": ("Accuracy on images it has not learned from", "{:.1%}".format, "higher is better"),
}


def scores(card: Card):
    """The scores as rows of (what, value with its band, what is good)."""
    rows = []
    for name, (words, write, good) in SCORES.items():
        if name in card.scores:
            rows.append((words, with_band(card.scores, name, write), good))
    for name, value in card.scores.items():  # what only some evaluations measure
        if name not in SCORES and type(value) in (int, float) and not name.endswith("_band"):
            rows.append((name.replace("_", " "), in_words(value), ""))
    for way in ("autoencoder", "bicubic"):
        if told := card.scores.get(way):
            said = f"PSNR {told['PSNR']:.1f} dB, SSIM {told['SSIM']:.2f}; perceptual distance {told['perceptual_distance']:.3f}, FD {in_words(told['FD'])}"
            rows.append(
                (
                    f"There and back by {'the latents' if way == 'autoencoder' else 'as many pixels, bicubic'}",
                    said,
                    "high PSNR and SSIM, low perceptual distance and FD",
                )
            )
    for name in ("memorised", "own_image"):
        if name in (told := card.scores.get("training_prompts", {})):
            rows.append((f"{SCORES[name][0]}: captions that it has learned from", SCORES[name][1](told[name]), ""))
    for name, value in card.scores.get("FD_grown", {}).items():
        rows.append((f"FD of images grown from what {name} leaves", in_words(value), "lower is nearer"))
    for name, timesteps in card.scores.get("restored", {}).items():
        timestep, ways = list(timesteps.items())[len(timesteps) // 2]
        said = ", ".join(f"{way} {measured['PSNR']:.1f} dB" for way, measured in ways.items())
        rows.append((f"PSNR after {name} up to timestep {timestep}", said, "higher is nearer"))
    return rows
