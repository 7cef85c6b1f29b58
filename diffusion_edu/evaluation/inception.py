"""FID, KID and Inception Score as the literature defines them, on the features of the Inception network."""

from pathlib import Path

import torch
from torchmetrics.image.inception import InceptionScore

from diffusion_edu.data.checksums import verify
from diffusion_edu.evaluation.distances import PrecomputedFeatures, frechet, kernel, quietly


def download():
    """Fetch the Inception network (Szegedy et al. 2015; weights of Heusel et al. 2017); ValueError if that fails."""
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

    weights = Path(torch.hub.get_dir(), "checkpoints", URL_INCEPTION_V3.rsplit("/", 1)[1])
    try:
        if not weights.is_file():
            weights.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(URL_INCEPTION_V3, str(weights))
        return FeatureExtractorInceptionV3("inception-v3-compat", ["2048", "logits_unbiased"], str(verify(weights)))
    except OSError as problem:  # every failure of a download is one
        raise ValueError(
            f"The Inception weights could not be fetched ({problem}): "
            "connect to the internet once, or leave out --inception."
        ) from None


@torch.no_grad()
def inception_scores(network, real, generated, batch=32, watch=iter):
    """Compare uint8 images (n, 3, h, w) and (m, 3, h, w): FID, KID and Inception Score, with standard deviations
    (_band).

    The network maps uint8 images to features (b, width) and logits (b, classes).
    """

    def compute(images):
        rows = zip(*(network(some) for some in watch(images.split(batch))), strict=True)
        return tuple(torch.cat(parts) for parts in rows)

    (real_features, _), (features, logits) = compute(real), compute(generated)
    score = quietly(InceptionScore, PrecomputedFeatures(logits.shape[1]))
    with torch.random.fork_rng(devices=[]):  # torchmetrics chooses the splits with the global seed
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
