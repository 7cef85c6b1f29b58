"""Wrong and right answers to the exercises of lesson 06, written from the specification alone."""

import math

import numpy as np
import torch

SIDE = (slice(None), slice(None), None, None)


def frequencies(width):
    return 10000 ** (-torch.arange(width // 2, dtype=torch.float64) / (width / 2))


def waves(t, f):
    return torch.as_tensor(t).double()[:, None] * f


def cos_sin(angles):
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def sinusoid_loop(t, width):
    rows = []
    for each in torch.as_tensor(t).tolist():
        angles = [each / 10000 ** (i / (width / 2)) for i in range(width // 2)]
        rows.append([math.cos(a) for a in angles] + [math.sin(a) for a in angles])
    return rows


def sinusoid_numpy(t, width):
    half = width // 2
    angles = np.outer(np.asarray(t, dtype=float), np.exp(-np.log(10000) * np.arange(half) / half))
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=-1)


def sinusoid_shifted(t, width):
    """The sine is the cosine a quarter turn later."""
    angles = waves(t, frequencies(width))
    return torch.cat([angles.cos(), (angles - math.pi / 2).cos()], 1)


def sinusoid_complex(t, width):
    turned = torch.exp(1j * torch.einsum("b,i->bi", torch.as_tensor(t).double(), frequencies(width)))
    return torch.cat([turned.real, turned.imag], 1)


def sinusoid_columns(t, width):
    t = torch.as_tensor(t).double()
    out = torch.empty(len(t), width, dtype=torch.float64)
    for i in range(width // 2):
        out[:, i] = torch.cos(t * 10000 ** (-2 * i / width))
        out[:, width // 2 + i] = torch.sin(t * 10000 ** (-2 * i / width))
    return out


def interleaved(t, width):
    angles = waves(t, frequencies(width))
    return torch.stack([angles.cos(), angles.sin()], 2).flatten(1)


def scores(q, k):
    return q @ k.transpose(1, 2) / q.shape[-1] ** 0.5


def attend_loop(q, k, v):
    out = torch.zeros(q.shape[0], q.shape[1], v.shape[2], dtype=torch.float64)
    for b in range(q.shape[0]):
        for n in range(q.shape[1]):
            weight = [math.exp(float(q[b, n] @ k[b, m]) / math.sqrt(q.shape[2])) for m in range(k.shape[1])]
            for m, each in enumerate(weight):
                out[b, n] += each / sum(weight) * v[b, m].double()
    return out


def attend_numpy(q, k, v):
    q, k, v = (np.asarray(each, dtype=float) for each in (q, k, v))
    a = np.einsum("bnd,bmd->bnm", q, k) / np.sqrt(q.shape[-1])
    a = np.exp(a - a.max(-1, keepdims=True))
    return (a / a.sum(-1, keepdims=True)) @ v


def skips_of(x, down):
    kept = []
    for each in down:
        x = each(x)
        kept.append(x)
    return x, kept


def with_pop(x, down, up):
    x, kept = skips_of(x, down)
    for each in up:
        x = each(x, kept.pop())
    return x


def with_zip(x, down, up):
    x, kept = skips_of(x, down)
    for each, skip in zip(up, reversed(kept), strict=True):
        x = each(x, skip)
    return x


def with_index(x, down, up):
    x, kept = skips_of(x, down)
    for i in range(len(up)):
        x = up[i](x, kept[-1 - i])
    return x


def with_recursion(x, down, up):
    if not down:
        return x
    here = down[0](x)
    return up[-1](with_recursion(here, down[1:], up[:-1]), here)


def with_insert(x, down, up):
    kept = []
    for each in down:
        x = each(x)
        kept.insert(0, x)
    for i, each in enumerate(up):
        x = each(x, kept[i])
    return x


def first_in_first_out(x, down, up):
    x, kept = skips_of(x, down)
    for each, skip in zip(up, kept, strict=True):
        x = each(x, skip)
    return x


def inputs_kept(x, down, up):
    kept = []
    for each in down:
        kept.append(x)
        x = each(x)
    for each in up:
        x = each(x, kept.pop())
    return x


def last_skip_for_all(x, down, up):
    x, kept = skips_of(x, down)
    for each in up:
        x = each(x, kept[-1])
    return x


def first_skip_for_all(x, down, up):
    x, kept = skips_of(x, down)
    for each in up:
        x = each(x, kept[0])
    return x


def ups_backwards(x, down, up):
    x, kept = skips_of(x, down)
    for each in reversed(up):
        x = each(x, kept.pop())
    return x


def all_backwards(x, down, up):
    x, kept = skips_of(x, down)
    for each, skip in zip(reversed(up), kept, strict=True):
        x = each(x, skip)
    return x


def arguments_swapped(x, down, up):
    x, kept = skips_of(x, down)
    for each in up:
        x = each(kept.pop(), x)
    return x


def downs_forgotten(x, down, up):
    start = x
    _, kept = skips_of(x, down)
    x = start
    for each in up:
        x = each(x, kept.pop())
    return x


def downs_side_by_side(x, down, up):
    kept = [each(x) for each in down]
    x = kept[-1]
    for each in up:
        x = each(x, kept.pop())
    return x


def skip_only(x, down, up):
    x, kept = skips_of(x, down)
    for each in up:
        skip = kept.pop()
        x = each(skip, skip)
    return x


def skip_added(x, down, up):
    x, kept = skips_of(x, down)
    for each in up:
        skip = kept.pop()
        x = each(x + skip, skip)
    return x


def ups_from_the_bottom(x, down, up):
    """x is not carried on: every up starts at the bottom."""
    bottom, kept = skips_of(x, down)
    for each in up:
        x = each(bottom, kept.pop())
    return x


def empty_skips(x, down, up):
    x, kept = skips_of(x, down)
    for each in up:
        x = each(x, torch.zeros_like(kept.pop()))
    return x


def last_up_missing(x, down, up):
    x, kept = skips_of(x, down)
    for each in up[:-1]:
        x = each(x, kept.pop())
    return x


def x_as_its_own_skip(x, down, up):
    x, _ = skips_of(x, down)
    for each in up:
        x = each(x, x)
    return x


WRONG = {
    "06.1": [
        (lambda t, width: cos_sin(waves(t, frequencies(width))).roll(width // 2, 1), "sine first"),
        (interleaved, "cosine and sine in turn"),
        (
            lambda t, width: cos_sin(waves(t, 10000 ** (-torch.arange(width // 2).double() / width))),
            "divided by width, not by its half",
        ),
        (
            lambda t, width: cos_sin(waves(t, 10000 ** (torch.arange(width // 2).double() / (width / 2)))),
            "frequencies rise: minus forgotten",
        ),
        (lambda t, width: cos_sin(waves(t, frequencies(width)) / 1000), "t divided by 1000"),
        (
            lambda t, width: cos_sin(waves(t, 1000 ** (-torch.arange(width // 2).double() / (width / 2)))),
            "base 1000",
        ),
        (
            lambda t, width: cos_sin(waves(t, 10000 ** (-torch.arange(1, width // 2 + 1).double() / (width / 2)))),
            "counted from 1",
        ),
        (
            lambda t, width: cos_sin(waves(t, 10000 ** (-torch.arange(width // 2).double() / (width / 2 - 1)))),
            "divided by one less than the half",
        ),
        (lambda t, width: cos_sin(2 * math.pi * waves(t, frequencies(width))), "two pi in front"),
        (lambda t, width: cos_sin(waves(t, frequencies(width)))[:1], "the first timestep only"),
        (lambda t, width: cos_sin(waves(t, frequencies(width))).T, "transposed"),
        (lambda t, width: waves(t, frequencies(width)).cos(), "cosines only"),
        (lambda t, width: cos_sin(waves(t, frequencies(width) * 0 + 1)), "one frequency"),
        (
            lambda t, width: torch.cat(
                [waves(t, frequencies(width) * 0 + 1).cos() * frequencies(width), waves(t, frequencies(width)).sin()], 1
            ),
            "frequency outside the cosine",
        ),
        (lambda t, width: cos_sin(waves(t, torch.exp(-torch.arange(width // 2).double() / (width / 2)))), "base e"),
    ],
    "06.2": [
        (lambda h, scale, shift: h * scale[SIDE] + shift[SIDE], "missing 1 +"),
        (lambda h, scale, shift: h * (1 + shift[SIDE]) + scale[SIDE], "scale and shift swapped"),
        (lambda h, scale, shift: (h + shift[SIDE]) * (1 + scale[SIDE]), "shifted before scaling"),
        (lambda h, scale, shift: h * (1 + scale[SIDE]), "no shift"),
        (lambda h, scale, shift: h + shift[SIDE], "no scale"),
        (lambda h, scale, shift: h * (1 + scale[SIDE]) - shift[SIDE], "shift subtracted"),
        (lambda h, scale, shift: h * (1 - scale[SIDE]) + shift[SIDE], "one minus scale"),
        (lambda h, scale, shift: h + scale[SIDE] + shift[SIDE], "scale added"),
        (lambda h, scale, shift: h * (1 + scale) + shift, "unshaped"),
        (lambda h, scale, shift: h * (1 + scale[:1, :, None, None]) + shift[:1, :, None, None], "first image's"),
        (
            lambda h, scale, shift: h * (1 + scale.mean(1)[:, None, None, None]) + shift.mean(1)[:, None, None, None],
            "one number for all channels",
        ),
        (lambda h, scale, shift: (1 + scale[SIDE]) * shift[SIDE], "without h"),
        (lambda h, scale, shift: h * (1 + scale[SIDE]) + shift[SIDE] + h, "h twice"),
        (lambda h, scale, shift: h * scale[SIDE].exp() + shift[SIDE], "exponential of the scale"),
        (lambda h, scale, shift: h / (1 + scale[SIDE]) + shift[SIDE], "divided"),
    ],
    "06.3": [
        (lambda q, k, v: scores(q, k).softmax(1) @ v, "softmax over the queries"),
        (lambda q, k, v: scores(q, k).softmax(0) @ v, "softmax over the batch"),
        (lambda q, k, v: (q @ k.transpose(1, 2)).softmax(2) @ v, "no root of d"),
        (lambda q, k, v: (q @ k.transpose(1, 2) / q.shape[2]).softmax(2) @ v, "divided by d"),
        (lambda q, k, v: (q @ k.transpose(1, 2) / q.shape[1] ** 0.5).softmax(2) @ v, "root of n"),
        (lambda q, k, v: (q @ k.transpose(1, 2) * q.shape[2] ** 0.5).softmax(2) @ v, "times the root"),
        (lambda q, k, v: scores(k, q).softmax(2) @ v, "query and key swapped"),
        (lambda q, k, v: scores(q, v).softmax(2) @ k, "key and value swapped"),
        (lambda q, k, v: scores(q, k) @ v, "no softmax"),
        (lambda q, k, v: scores(q, k).softmax(2), "weights only"),
        (lambda q, k, v: scores(q, k).exp() @ v, "not normalised"),
        (lambda q, k, v: (q @ k.transpose(1, 2)).softmax(2) / q.shape[2] ** 0.5 @ v, "root after the softmax"),
        (lambda q, k, v: scores(q, k).sigmoid() @ v, "sigmoid"),
        (lambda q, k, v: v[:, scores(q, k).argmax(2)[0]], "hard choice of the first image"),
        (lambda q, k, v: (q.transpose(1, 2) @ k / q.shape[2] ** 0.5).softmax(2) @ v.transpose(1, 2), "over channels"),
    ],
    "06.4": [
        (first_in_first_out, "first in first out"),
        (inputs_kept, "kept before the down"),
        (last_skip_for_all, "last skip for all"),
        (first_skip_for_all, "first skip for all"),
        (ups_backwards, "ups backwards"),
        (all_backwards, "ups backwards and first in first out"),
        (arguments_swapped, "x and skip swapped"),
        (downs_forgotten, "ups start from the input"),
        (downs_side_by_side, "every down gets the input"),
        (skip_only, "the skip in place of x"),
        (skip_added, "skip added to x as well"),
        (ups_from_the_bottom, "x not carried on"),
        (empty_skips, "skips of zeros"),
        (last_up_missing, "last up missing"),
        (x_as_its_own_skip, "x as its own skip"),
    ],
    "06.5": [
        (lambda h, emb: h + emb[:, None, :, None], "along the height"),
        (lambda h, emb: h + emb, "unshaped"),
        (lambda h, emb: h + emb[:1, :, None, None], "embedding of the first image"),
        (lambda h, emb: h + emb.mean(1)[:, None, None, None], "mean over the channels"),
        (lambda h, emb: h + emb.mean(0)[None, :, None, None], "mean over the batch"),
        (lambda h, emb: h * emb[SIDE], "multiplied"),
        (lambda h, emb: h * (1 + emb[SIDE]), "used as a scale"),
        (lambda h, emb: h - emb[SIDE], "subtracted"),
        (lambda h, emb: h + emb.flip(1)[SIDE], "channels in reverse"),
        (lambda h, emb: h + emb.flip(0)[SIDE], "images in reverse"),
        (lambda h, emb: h + 2 * emb[SIDE], "added twice"),
        (lambda h, emb: h, "not added"),
        (lambda h, emb: emb[SIDE].expand_as(h), "without h"),
        (lambda h, emb: torch.cat([h, emb[SIDE].expand_as(h)], 1), "concatenated"),
        (lambda h, emb: h + emb.sum(1)[:, None, None, None], "sum over the channels"),
    ],
}

RIGHT = {
    "06.1": [sinusoid_loop, sinusoid_numpy, sinusoid_shifted, sinusoid_complex, sinusoid_columns],
    "06.2": [
        lambda h, scale, shift: torch.addcmul(h + shift[SIDE], h, scale[SIDE]),
        lambda h, scale, shift: h.numpy() * (1 + scale.numpy()[..., None, None]) + shift.numpy()[..., None, None],
        lambda h, scale, shift: (h.permute(2, 3, 0, 1) * (1 + scale.unsqueeze(0)) + shift.unsqueeze(0)).permute(
            2, 3, 0, 1
        ),
        lambda h, scale, shift: torch.stack(
            [torch.stack([h[b, c] * (1 + scale[b, c]) + shift[b, c] for c in range(h.shape[1])]) for b in range(len(h))]
        ),
        lambda h, scale, shift: (
            h + torch.einsum("bcij,bc->bcij", h, scale) + shift.reshape(*shift.shape, 1, 1).expand_as(h)
        ),
    ],
    "06.3": [
        torch.nn.functional.scaled_dot_product_attention,
        attend_loop,
        attend_numpy,
        lambda q, k, v: torch.bmm(torch.softmax(torch.bmm(q / math.sqrt(q.size(-1)), k.mT), dim=-1), v),
        lambda q, k, v: torch.einsum(
            "bnm,bmd->bnd", torch.exp(scores(q, k)) / torch.exp(scores(q, k)).sum(-1, keepdim=True), v
        ),
    ],
    "06.4": [with_pop, with_zip, with_index, with_recursion, with_insert],
    "06.5": [
        lambda h, emb: h + emb[:, :, None, None],
        lambda h, emb: h + emb.reshape(*emb.shape, 1, 1),
        lambda h, emb: h.numpy() + emb.numpy()[..., np.newaxis, np.newaxis],
        lambda h, emb: (h.permute(2, 3, 0, 1) + emb).permute(2, 3, 0, 1),
        lambda h, emb: torch.stack(
            [torch.stack([h[b, c] + emb[b, c] for c in range(h.shape[1])]) for b in range(h.shape[0])]
        ),
    ],
}
