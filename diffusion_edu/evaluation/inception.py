"""FID, KID and Inception score as the literature means them, on the features of the one Inception network whose weights are downloaded."""

import torch
from torchmetrics.image.inception import InceptionScore

from diffusion_edu.evaluation.distances import Given, frechet, kernel, quietly


def download():
    """Fetch the Inception network (Szegedy et al. 2015, weights as in Heusel et al. 2017); raises ValueError where it cannot be had."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    try:
        return FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"])
    except OSError as problem:  # every failure of a download is one
        raise ValueError(
            f"The Inception weights could not be fetched ({problem}): connect to the internet once, or leave out --inception."
        ) from None


@torch.no_grad()
def inception_scores(network, real, sampled, batch=32, watch=iter):
    """Compare uint8 images (n, 3, h, w) and (m, 3, h, w) by a network that maps uint8 images to features (b, width) and logits (b, classes)."""

    def seen(images):
        return tuple(
            torch.cat(rows) for rows in zip(*(network(some) for some in watch(images.split(batch))), strict=True)
        )

    (real_features, _), (features, logits) = seen(real), seen(sampled)
    score = quietly(InceptionScore, Given(logits.shape[1]))
    with torch.random.fork_rng(devices=[]):  # the splits are sampled from the global seed
        torch.manual_seed(0)
        score.update(logits)
        mean, deviation = score.compute()
    kid, band = kernel(real_features, features)
    return {
        "FID": frechet(real_features, features),
        "KID": kid,
        "KID_band": band,
        "IS": mean.item(),
        "IS_band": deviation.item(),
    }
