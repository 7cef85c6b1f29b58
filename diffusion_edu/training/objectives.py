"""What a network learns by: one loss per image, at noise levels that are sampled anew for every image.

The noise level is an angle theta sampled continuously over (0, pi/2], pure noise included, never from one schedule's table:
that is why one trained network serves them all.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from diffusion_edu.degradations import DEGRADATIONS, degrade_each
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.training.perceptual import feature_network, painter, perceptual_distance

DISTANCES = {"mse": F.mse_loss, "l1": F.l1_loss, "huber": F.smooth_l1_loss}


@dataclass(frozen=True)
class Objective:
    """What is minimised: the target, the distance to it, the fraction of conditions dropped, and the cap of the min-SNR weights (None: no weights).

    null is the condition that asks for anything, in every place of a dropped one. angles is the range of theta that is
    learned, its upper end included: all of it, or an expert's part.
    """

    prediction_type: str = "v"
    distance: str = "mse"
    null: int | None = None
    drop: float = 0.1
    min_snr: float | None = None
    angles: tuple[float, float] = (0.0, math.pi / 2)

    def __call__(self, net, x0, condition, generator):
        """Return one loss per image (b,) for clean images x0 (b, c, h, w), or points (b, d), and conditions (b, ...) or None, at random angles."""
        return self.at(net, x0, drop_conditions(condition, self.null, self.drop, generator), *draw(x0, generator))

    def at(self, net, x0, condition, theta, eps):
        """Return one loss per image (b,) at angles theta (b,), of 0..pi/2 brought into the range, and noise eps shaped like x0."""
        theta, c, s = self.rates(x0, theta)
        return self.error(net(c * x0 + s * eps, 1000 * theta, condition).float(), x0, eps, theta)

    def rates(self, x0, theta):
        """Bring angles theta (b,) of 0..pi/2 into the range that is learned: theta, and its cosine and sine, shaped to multiply x0."""
        low, high = self.angles
        theta = low + theta * ((high - low) / (math.pi / 2))
        return theta, *(f(theta).view(-1, *[1] * (x0.ndim - 1)) for f in (torch.cos, torch.sin))

    def error(self, said, x0, eps, theta):
        """Return the loss per image (b,) of what the network said at angles theta (b,) of the range."""
        wanted = TARGETS[self.prediction_type].of(
            x0, eps, *(f(theta).view(-1, *[1] * (x0.ndim - 1)) for f in (torch.cos, torch.sin))
        )
        loss = DISTANCES[self.distance](said, wanted, reduction="none").flatten(1).mean(1)
        return loss if self.min_snr is None else loss * min_snr_weight(self.prediction_type, theta, self.min_snr)


@dataclass(frozen=True)
class Hybrid(Objective):
    """What a latent model may minimise besides: plain times its error, and perception times how different the prediction looks from the truth.

    Both are looked at as an autoencoder's decoder sees them when it begins to paint (`perception.painter`), not painted in
    full, which would take several times as long. That counts by cos(theta)^2: where there is hardly any signal, the right prediction is an
    average of many images and ought to look like none.
    """

    plain: float = 1.0
    perception: float = 0.25
    autoencoder: str = "autoencoder"

    def at(self, net, x0, condition, theta, eps):
        """Return one loss per image (b,), as in Objective."""
        theta, c, s = self.rates(x0, theta)
        y = c * x0 + s * eps
        said = net(y, 1000 * theta, condition).float()
        x0_hat = TARGETS[self.prediction_type].x0_hat(y, said, c, s)
        looks = perceptual_distance(painter(self.autoencoder, x0.device), x0_hat, x0)
        return self.plain * self.error(said, x0, eps, theta) + self.perception * c.flatten() ** 2 * looks


@dataclass(frozen=True)
class Restoration:
    """What a restorer minimises: |x0_hat - x0| over all degradations, evenly over how far they have gone (Bansal et al. 2022, eq. 3).

    With probability drop the network is not told which degradation it is (the label null). A little grain on what it sees
    prepares it for its own earlier mistakes.
    """

    prediction_type: str = "restoration"
    null: int | None = None
    drop: float = 0.1
    grain: float = 0.02

    def __call__(self, net, x0, condition, generator):
        """Return one loss per image (b,) for clean images x0 (b, c, h, w); cond is not used."""
        return self.at(
            net, x0, None, *draw(x0, generator), drop_conditions(self._which(x0), self.null, self.drop, generator)
        )

    def at(self, net, x0, condition, theta, eps, told=None):
        """Return one loss per image (b,), degraded by the share theta (b,) of pi / 2, with eps (b, c, h, w) in the place of chance."""
        which = self._which(x0)
        x = degrade_each(x0, which, theta * (2 / math.pi), eps[:, :1]) + self.grain * eps.flip(0)
        missing = net(x, 1000 * theta, which if told is None else told).float()
        return (x + missing - x0).abs().flatten(1).mean(1)

    def _which(self, x0):
        return torch.arange(len(x0), device=x0.device) % len(DEGRADATIONS)


@dataclass(frozen=True)
class Variational:
    """What a VAE minimises: the negative ELBO (Kingma & Welling 2014, eq. 8) for normal errors of a given spread, in units of a squared error.

    That is times 2 spread^2, per number in an image, and less what is the same for all networks.
    """

    prediction_type: str = "vae"
    null: int | None = None
    std: float = 0.2

    def __call__(self, net, x0, condition, generator):
        """Return one loss per image (b,) for clean images x0 (b, c, h, w); cond is not used."""
        return self.at(net, x0, None, *draw(x0, generator))

    def at(self, net, x0, condition, theta, eps):
        """Return one loss per image (b,), with the first numbers of eps (b, c, h, w) for the chance in the codes; theta is not used."""
        x0_hat, mean, log_variance = (said.float() for said in net(x0, eps.flatten(1)[:, : net.code]))
        error = (x0_hat - x0).square().flatten(1).mean(1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return error + 2 * self.std**2 * divergence / x0[0].numel()


@dataclass(frozen=True)
class Reconstruction:
    """What an autoencoder for latent diffusion minimises: |x0_hat - x0|, how different both look, and a little of a VAE's divergence.

    perception weighs the looks, as `perceptual distance` measures them in the network that eyes names; divergence weighs that of a latent
    number from normal noise (Rombach et al. 2022, sec. 3.1 and appendix G, without the adversary).
    """

    prediction_type: str = "autoencoder"
    null: int | None = None
    perception: float = 0.2
    divergence: float = 3e-4
    feature_network: str = "flower_features"

    def __call__(self, net, x0, condition, generator):
        """Return one loss per image (b,) for clean images x0 (b, 3, h, w); cond is not used."""
        return self.at(net, x0, None, *draw(x0, generator))

    def at(self, net, x0, condition, theta, eps):
        """Return one loss per image (b,), with the first numbers of each patch of eps (b, 3, h, w) for the chance in the latents.

        theta (b,) of 0..pi/2 says from where the images are looked at.
        """
        chance = F.pixel_unshuffle(eps, net.size_multiple)[:, : net.latent]
        x0_hat, mean, log_variance = (said.float() for said in net(x0, chance))
        error = (x0_hat - x0).abs().flatten(1).mean(1)
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).mean(1) / 2
        loss = error + self.divergence * divergence
        if not self.perception:
            return loss
        return loss + self.perception * perceptual_distance(
            feature_network(self.feature_network, x0.device), moved(x0_hat, theta), moved(x0, theta)
        )


@dataclass(frozen=True)
class Sharpness(Reconstruction):
    """What a decoder minimises that is judged as well: |x0_hat - x0|, how different both look, and how little a critic takes it for true.

    Of all images that the latents could stand for, the mean is nearest in every pixel, and a blur; what a critic takes for true is one
    of them (Esser, Rombach & Ommer 2021, sec. 3.1). What the critic itself minimises is part of the sum: see networks.critic.Judged.
    """

    perception: float = 0.3
    divergence: float = 0.0  # the latents stay as they are
    adversary: float = 0.05

    def at(self, net, x0, condition, theta, eps):
        """Return one loss per image (b,) of a Judged network, for clean images x0 (b, 3, h, w)."""
        x0_hat, pleased, made, true = (said.float() for said in net(x0))
        loss = (x0_hat - x0).abs().flatten(1).mean(1) - self.adversary * pleased.flatten(1).mean(1) + hinge(made, true)
        return loss + self.perception * perceptual_distance(
            feature_network(self.feature_network, x0.device), moved(x0_hat, theta), moved(x0, theta)
        )


def hinge(made, true):
    """What a critic minimises, (b,): nothing is left to learn where it says at least 1 of true images, and at most -1 of made ones."""
    return (F.relu(1 + made) + F.relu(1 - true)).flatten(1).mean(1)


def moved(x, theta, most=16):
    """Move each image x (b, c, h, w) down and to the right by 0 to most - 1 pixels, as theta (b,) of 0..pi/2 has it; what leaves comes in again.

    Networks that halve images see them in patches: what they miss at every second pixel would else become a pattern.
    """
    steps = (theta * (2 / math.pi) * most**2).long().clamp(0, most**2 - 1).tolist()
    return torch.stack([image.roll((n // most, n % most), dims=(1, 2)) for image, n in zip(x, steps, strict=True)])


def draw(x0, generator):
    """Draw angles theta (b,), spread evenly over (0, pi/2], and noise shaped like x0."""
    even = torch.rand(len(x0), generator=generator, device=x0.device)  # [0, 1)
    return (1 - even) * (math.pi / 2), torch.randn(x0.shape, generator=generator, device=x0.device)


def drop_conditions(condition, null, fraction, generator):
    """Replace each condition (b, ...) by null with probability share, image by image, so that the network also learns to draw without one."""
    if condition is None or null is None or not fraction:
        return condition
    dropped = torch.rand(len(condition), generator=generator, device=condition.device) < fraction
    return torch.where(dropped.view(-1, *[1] * (condition.ndim - 1)), null, condition)


def min_snr_weight(prediction_type, theta, gamma=5.0):
    """Weigh every angle as an x0 loss with weight min(SNR, gamma) would (Hang et al. 2023, eq. 8), SNR = cot^2 theta; finite at pure noise."""
    theta = theta.double()
    c, s = theta.cos(), theta.sin()
    return (torch.minimum(c**2, gamma * s**2) * (TARGETS[prediction_type].slope(c, s) / s) ** 2).float()
