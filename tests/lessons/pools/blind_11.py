"""Answers to the exercises of lesson 11 as students might write them; whoever wrote its checks had not seen them."""

import math

import numpy as np
import torch
import torch.nn.functional as F


def _each(values):
    """Shape numbers (c,) so that they meet the channels of z (b, c, h, w)."""
    return values.reshape(1, -1, 1, 1)


def _attend(q, k, v, padding, *, dim=-1, scale=None, keep=False, blank=-math.inf, transpose=False):
    """Attention with the choices that a student gets wrong."""
    scores = torch.einsum("bnd,bmd->bnm", q, k) / (math.sqrt(q.shape[-1]) if scale is None else scale)
    hidden = ~padding if keep else padding
    scores = scores.masked_fill(hidden[:, None, :], blank)
    weights = scores.softmax(dim)
    return weights if transpose else weights @ v


def _weights_after(q, k, v, padding):
    weights = ((q @ k.mT) / math.sqrt(q.shape[-1])).softmax(-1)
    return (weights * ~padding[:, None, :]) @ v


def _scores_times(q, k, v, padding):
    scores = (q @ k.mT) / math.sqrt(q.shape[-1]) * ~padding[:, None, :]
    return scores.softmax(-1) @ v


def _first_padding(q, k, v, padding):
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(padding[:1, None, :], -math.inf)
    return scores.softmax(-1) @ v


def _no_softmax(q, k, v, padding):
    scores = (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(padding[:, None, :], 0)
    return scores / scores.sum(-1, keepdim=True) @ v


WRONG = {
    "11.1": [
        (lambda z, mean, std: z * _each(std) + _each(mean), "back, not there"),
        (lambda z, mean, std: (z - _each(mean)) * _each(std), "multiplies"),
        (lambda z, mean, std: z - _each(mean) / _each(std), "bracket"),
        (lambda z, mean, std: (z + _each(mean)) / _each(std), "adds the mean"),
        (lambda z, mean, std: z / _each(std), "mean forgotten"),
        (lambda z, mean, std: z - _each(mean), "std forgotten"),
        (lambda z, mean, std: (z - _each(mean)) / _each(std) ** 2, "variance for std"),
        (lambda z, mean, std: (z - _each(mean)) / _each(std).sqrt(), "root of std"),
        (lambda z, mean, std: (z - mean.mean()) / std.mean(), "one number for all channels"),
        (lambda z, mean, std: (z - mean[0]) / std[0], "first channel for all"),
        (lambda z, mean, std: (z - z.mean()) / z.std(), "the batch's own mean and std"),
        (
            lambda z, mean, std: (z - z.mean((0, 2, 3), keepdim=True)) / z.std((0, 2, 3), keepdim=True),
            "the batch's own mean and std per channel",
        ),
        (lambda z, mean, std: (_each(mean) - z) / _each(std), "sign"),
        (lambda z, mean, std: (z - mean) / std, "not reshaped"),
        (lambda z, mean, std: ((z - _each(mean)) / _each(std)).clamp(-1, 1), "clipped like an image"),
        (lambda z, mean, std: (z - _each(std)) / _each(mean), "mean and std exchanged"),
    ],
    "11.2": [
        (lambda height, width, channels, factor: 3 * factor**2, "channels forgotten"),
        (lambda height, width, channels, factor: factor**2, "pixels only"),
        (lambda height, width, channels, factor: 3 * factor / channels, "one side only"),
        (lambda height, width, channels, factor: factor**2 / channels, "RGB forgotten"),
        (lambda height, width, channels, factor: channels / (3 * factor**2), "upside down"),
        (lambda height, width, channels, factor: 3 / channels, "factor forgotten"),
        (lambda height, width, channels, factor: 3 * height * width / (channels * factor), "divided by factor"),
        (lambda height, width, channels, factor: 3 * height * width / channels / factor * width / factor, "bracket"),
        (
            lambda height, width, channels, factor: 3 * height * width - channels * height * width / factor**2,
            "difference",
        ),
        (
            lambda height, width, channels, factor: 1 - channels / (3 * factor**2),
            "the fraction that is saved",
        ),
        (lambda height, width, channels, factor: channels * height * width / factor**2, "numbers of the latent"),
        (lambda height, width, channels, factor: 3 * height * width, "numbers of the image"),
        (lambda height, width, channels, factor: 3 * channels * factor**2, "channels multiplied"),
        (lambda height, width, channels, factor: 3 * factor**3 / channels, "cubed"),
        (lambda height, width, channels, factor: 3 * height / (channels * factor), "height only"),
        (lambda height, width, channels, factor: 3 * 4**factor / channels, "factor taken for a number of halvings"),
    ],
    "11.3": [
        (lambda mean, lv: (mean**2 + lv.exp() - 1 - lv).flatten(1).sum(1), "half forgotten"),
        (lambda mean, lv: ((mean**2 + lv.exp() - 1 - lv) / 2).flatten(1).mean(1), "mean for sum"),
        (lambda mean, lv: ((mean**2 + lv.exp() - 1 - lv) / 2).sum(), "sum over the batch too"),
        (lambda mean, lv: ((mean**2 + lv - 1 - lv.log()) / 2).flatten(1).sum(1), "log variance taken for variance"),
        (
            lambda mean, lv: ((mean**2 + lv**2 - 1 - 2 * lv.abs().log()) / 2).flatten(1).sum(1),
            "log variance taken for std",
        ),
        (lambda mean, lv: ((mean**2 + lv.exp() - lv) / 2).flatten(1).sum(1), "1 forgotten"),
        (lambda mean, lv: ((mean**2 + lv.exp() - 1 + lv) / 2).flatten(1).sum(1), "sign of the log variance"),
        (lambda mean, lv: (-(mean**2 + lv.exp() - 1 - lv) / 2).flatten(1).sum(1), "negative"),
        (lambda mean, lv: ((mean + lv.exp() - 1 - lv) / 2).flatten(1).sum(1), "mean not squared"),
        (lambda mean, lv: ((mean**2 + (2 * lv).exp() - 1 - lv) / 2).flatten(1).sum(1), "variance squared"),
        (lambda mean, lv: ((mean**2 + (lv / 2).exp() - 1 - lv / 2) / 2).flatten(1).sum(1), "std for variance"),
        (lambda mean, lv: ((mean**2 + lv.exp() - 1 - lv) / 2).sum(1), "sum over one axis"),
        (lambda mean, lv: (mean**2 / 2).flatten(1).sum(1), "only the mean"),
        (lambda mean, lv: ((lv.exp() - 1 - lv) / 2).flatten(1).sum(1), "mean forgotten"),
        (lambda mean, lv: (mean**2 / 2 + lv.exp() - 1 - lv).flatten(1).sum(1), "half of the first term only"),
        (lambda mean, lv: (mean**2 + lv.exp() - 1 - lv) / 2, "no sum"),
    ],
    "11.4": [
        (lambda q, k, v, padding: F.scaled_dot_product_attention(q, k, v), "padding ignored"),
        (lambda q, k, v, padding: _attend(q, k, v, padding, keep=True), "only padding gets weight"),
        (lambda q, k, v, padding: _attend(q, k, v, padding, scale=1), "no root of d"),
        (lambda q, k, v, padding: _attend(q, k, v, padding, scale=q.shape[-1]), "d for its root"),
        (lambda q, k, v, padding: _attend(q, k, v, padding, scale=math.sqrt(k.shape[1])), "root of m"),
        (lambda q, k, v, padding: _attend(q, k, v, padding, dim=1, blank=-1e9), "softmax over the positions"),
        (lambda q, k, v, padding: _attend(q, k, v, padding, dim=0, blank=-1e9), "softmax over the batch"),
        (_weights_after, "weights set to 0 after the softmax: rows below one"),
        (_scores_times, "scores times the mask: exp(0) is 1"),
        (_first_padding, "the first prompt's padding for all"),
        (_no_softmax, "no softmax"),
        (lambda q, k, v, padding: _attend(q, v, k, padding), "k and v exchanged"),
        (lambda q, k, v, padding: _attend(q, k, v, padding, transpose=True), "returns the weights"),
        (lambda q, k, v, padding: _attend(q, k, v, padding, blank=-1), "score -1 for padding"),
        (lambda q, k, v, padding: _attend(q, k, v, padding) + q, "adds q as a residual"),
    ],
    "11.5": [
        (lambda decoder, z, mean, std: decoder(z), "as handed out"),
        (lambda decoder, z, mean, std: decoder((z - _each(mean)) / _each(std)), "standardised once more"),
        (lambda decoder, z, mean, std: decoder(z * _each(std)), "mean forgotten"),
        (lambda decoder, z, mean, std: decoder(z + _each(mean)), "std forgotten"),
        (lambda decoder, z, mean, std: decoder((z + _each(mean)) * _each(std)), "order"),
        (lambda decoder, z, mean, std: decoder(z) * _each(std)[:, :1] + _each(mean)[:, :1], "after the decoder"),
        (lambda decoder, z, mean, std: decoder(z * std.mean() + mean.mean()), "one number for all channels"),
        (lambda decoder, z, mean, std: decoder(z * std[0] + mean[0]), "first channel for all"),
        (lambda decoder, z, mean, std: decoder(z * _each(std) - _each(mean)), "sign"),
        (lambda decoder, z, mean, std: decoder(z / _each(std) + _each(mean)), "divides"),
        (lambda decoder, z, mean, std: decoder(z * _each(std) ** 2 + _each(mean)), "variance"),
        (lambda decoder, z, mean, std: decoder(z.clamp(-1, 1) * _each(std) + _each(mean)), "clipped before"),
        (lambda decoder, z, mean, std: decoder((z * _each(std) + _each(mean)).clamp(-1, 1)), "clipped latents"),
        (lambda decoder, z, mean, std: decoder(z * std + mean), "not reshaped"),
        (lambda decoder, z, mean, std: z * _each(std) + _each(mean), "decoder forgotten"),
        (lambda decoder, z, mean, std: decoder(z * _each(mean) + _each(std)), "mean and std exchanged"),
    ],
}


def _loop_standardise(z, mean, std):
    return torch.stack([(z[:, c] - mean[c]) / std[c] for c in range(len(mean))], 1)


def _loop_kl(mean, log_variance):
    total = []
    for m, lv in zip(mean, log_variance, strict=True):
        total.append(float(0.5 * (m**2).sum() + 0.5 * (lv.exp().sum() - lv.sum() - m.numel())))
    return total


def _torch_kl(mean, log_variance):
    given = torch.distributions.Normal(mean, (log_variance / 2).exp())
    standard = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    return torch.distributions.kl_divergence(given, standard).flatten(1).sum(1)


def _numpy_attend(q, k, v, padding):
    q, k, v, padding = (each.numpy() for each in (q, k, v, padding))
    scores = np.einsum("bnd,bmd->bnm", q, k) / np.sqrt(q.shape[-1])
    scores = np.where(padding[:, None, :], -1e30, scores)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


def _attend_without_padding(q, k, v, padding):
    rows = []
    for each in range(len(q)):
        kept = ~padding[each]
        scores = q[each] @ k[each][kept].T / q.shape[-1] ** 0.5
        rows.append(scores.softmax(-1) @ v[each][kept])
    return torch.stack(rows)


def _renormalised(q, k, v, padding):
    weights = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).softmax(-1) * (~padding).unsqueeze(1)
    return weights / weights.sum(-1, keepdim=True) @ v


def _loop_decode(decoder, z, mean, std):
    raw = z.clone()
    for channel in range(len(mean)):
        raw[:, channel] = raw[:, channel] * std[channel] + mean[channel]
    return decoder(raw)


RIGHT = {
    "11.1": [
        _loop_standardise,
        lambda z, mean, std: (z - mean[:, None, None]) / std[:, None, None],
        lambda z, mean, std: ((z.movedim(1, -1) - mean) / std).movedim(-1, 1),
        lambda z, mean, std: (z.numpy() - mean.numpy().reshape(-1, 1, 1)) / std.numpy().reshape(-1, 1, 1),
        lambda z, mean, std: z / _each(std) - _each(mean) / _each(std),
        lambda z, mean, std: torch.einsum("bchw,c->bchw", z - _each(mean), 1 / std),
    ],
    "11.2": [
        lambda height, width, channels, factor: 3 * factor**2 / channels,
        lambda height, width, channels, factor: (
            3 * height * width / (channels * (height // factor) * (width // factor))
        ),
        lambda height, width, channels, factor: (
            torch.zeros(3, height, width).numel() / torch.zeros(channels, height // factor, width // factor).numel()
        ),
        lambda height, width, channels, factor: np.divide(3.0, channels) * factor * factor,
        lambda height, width, channels, factor: (
            math.prod((3, height, width)) / math.prod((channels, height / factor, width / factor))
        ),
    ],
    "11.3": [
        lambda mean, lv: ((mean**2 + lv.exp() - 1 - lv) / 2).flatten(1).sum(1),
        _loop_kl,
        _torch_kl,
        lambda mean, lv: -0.5 * (1 + lv - mean.square() - lv.exp()).sum(dim=tuple(range(1, mean.ndim))),
        lambda mean, lv: np.array(
            [0.5 * np.sum(m.numpy() ** 2 + np.expm1(v.numpy()) - v.numpy()) for m, v in zip(mean, lv, strict=True)]
        ),
    ],
    "11.4": [
        _numpy_attend,
        _attend_without_padding,
        _renormalised,
        lambda q, k, v, padding: F.scaled_dot_product_attention(q, k, v, attn_mask=~padding[:, None, :]),
        lambda q, k, v, padding: _attend(q, k, v, padding, blank=-1e9),
    ],
    "11.5": [
        _loop_decode,
        lambda decoder, z, mean, std: decoder(z * _each(std) + _each(mean)),
        lambda decoder, z, mean, std: decoder(torch.addcmul(mean[:, None, None], z, std[:, None, None])),
        lambda decoder, z, mean, std: decoder((z.movedim(1, -1) * std + mean).movedim(-1, 1)),
        lambda decoder, z, mean, std: decoder((z + _each(mean / std)) * _each(std)),
    ],
}
