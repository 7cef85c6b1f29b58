"""Lesson 11: cross-attention from the positions of an image to the tokens of a prompt (11.4)."""

import math

import torch
from torch import Tensor

from diffusion_edu.lessons.checks import inputs
from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, chosen, combined, named, one_wrong


def _prompts(random):
    """Queries of n positions, keys and values of m tokens; each prompt of the batch has another length."""
    b, n, m, d = 3, 6, 5, 4
    first = inputs.whole(random, 0, 3)
    lengths = torch.tensor([1 + (first + 2 * k) % m for k in range(b)])
    padding = torch.arange(m) >= lengths[:, None]
    return *(inputs.noise(random, b, size, d) for size in (n, m, m)), padding


SCORES: Parts = {
    "": lambda q, k: q @ k.mT / math.sqrt(q.shape[-1]),
    "The scores are not divided: with many channels the softmax would see one token only.": lambda q, k: q @ k.mT,
    "You divide by the width itself. Scores grow with its root.": lambda q, k: q @ k.mT / q.shape[-1],
    "You divide by the root of the number of tokens. The scores grow with the number of channels.": (
        lambda q, k: q @ k.mT / math.sqrt(k.shape[1])
    ),
    "You divide by the root of the number of positions. The scores grow with the number of channels.": (
        lambda q, k: q @ k.mT / math.sqrt(q.shape[1])
    ),
    "You multiply where you should divide.": lambda q, k: q @ k.mT * math.sqrt(q.shape[-1]),
    "The scores have the wrong sign: positions read what fits least.": lambda q, k: -q @ k.mT / math.sqrt(q.shape[-1]),
    "You divide by the size of the batch.": lambda q, k: q @ k.mT / math.sqrt(q.shape[0]),
    "You compare distances. Attention compares with products.": lambda q, k: -torch.cdist(q, k),
    "The lengths of the vectors do not count in your scores: they should.": lambda q, k: (
        q / q.norm(dim=-1, keepdim=True) @ (k / k.norm(dim=-1, keepdim=True)).mT
    ),
}


def _masked(value):
    """Softmax over the tokens after padding has got this score."""
    return lambda scores, padding: scores.masked_fill(padding[:, None], value).softmax(-1)


def _inverted(scores, padding):
    return scores.masked_fill(~padding[:, None], -torch.inf).softmax(-1)


def _over(dim):
    return lambda scores, padding: (
        scores.masked_fill(padding[:, None], -1e9).softmax(dim).masked_fill(padding[:, None], 0)
    )


WEIGHTS: Parts = {
    "": _masked(-torch.inf),
    "Padding is still read: it has weights above 0.": lambda scores, padding: scores.softmax(-1),
    "A score of 0 is not a weight of 0: the softmax still gives padding something.": _masked(0.0),
    "The padding has weight 0, and the others no longer add up to 1: mask before the softmax.": (
        lambda scores, padding: scores.softmax(-1) * ~padding[:, None]
    ),
    "The mask is inverted: only padding is read.": _inverted,
    "The mask is inverted, and its score is a large negative number: only padding is read.": (
        lambda scores, padding: _masked(-1e9)(scores, ~padding)
    ),
    "The softmax runs over the positions. Each position distributes its attention over the tokens.": _over(1),
    "The softmax runs over the positions, and padding is read.": lambda scores, padding: scores.softmax(1),
    "The softmax runs over the batch. Each position distributes its attention over the tokens.": _over(0),
    "The softmax runs over the positions, so nothing is left to divide where a token is padding.": (
        lambda scores, padding: scores.masked_fill(padding[:, None], -torch.inf).softmax(1)
    ),
    "There is no softmax: weights must be positive and add up to 1.": (
        lambda scores, padding: scores.masked_fill(padding[:, None], 0)
    ),
    "There is no softmax, and padding is read.": lambda scores, padding: scores,
    "All real tokens count alike: the scores have no effect.": lambda scores, padding: _masked(-torch.inf)(
        0 * scores, padding
    ),
    "Only the best token is read. The softmax weighs all real tokens.": lambda scores, padding: (
        torch.nn.functional.one_hot(
            scores.masked_fill(padding[:, None], -torch.inf).argmax(-1), scores.shape[-1]
        ).double()
    ),
    "The padding of the first prompt is used for all prompts.": lambda scores, padding: _masked(-torch.inf)(
        scores, padding[:1].expand_as(padding)
    ),
    "A token is padding for one prompt, and you leave it out in all prompts.": lambda scores, padding: _masked(
        -torch.inf
    )(scores, padding.any(0).expand_as(padding)),
    "The mask is added with the wrong sign, or it is too weak: padding still has weight.": (
        lambda scores, padding: (scores - padding[:, None].double()).softmax(-1)
    ),
    "The mask makes padding more likely.": lambda scores, padding: (scores + padding[:, None].double()).softmax(-1),
    "Only the last token is masked. `padding` says which tokens are.": lambda scores, padding: scores.masked_fill(
        torch.arange(scores.shape[-1]) == scores.shape[-1] - 1, -torch.inf
    ).softmax(-1),
    "The score becomes 1 where padding is. It needs a score that the softmax turns into weight 0.": _masked(1.0),
    "The scores are multiplied by the mask: padding gets score 0, and the softmax still gives it weight.": (
        lambda scores, padding: (scores * padding[:, None]).softmax(-1)
    ),
    "The exponentials are not divided by their sum.": lambda scores, padding: scores.exp() * ~padding[:, None],
    "You apply the softmax twice.": lambda scores, padding: _masked(-torch.inf)(
        _masked(-torch.inf)(scores, padding), padding
    ),
}
VALUES: Parts = {
    "": lambda weights, k, v: weights @ v,
    "You average the keys. Keys are for comparing, values are what is read.": lambda weights, k, v: weights @ k,
    "These are the weights. They still have to average the values.": lambda weights, k, v: weights,
    "The result is divided by the number of tokens, and the weights add up to 1 already.": (
        lambda weights, k, v: weights @ v / v.shape[1]
    ),
    "You average over the positions as well. Each position has a result of its own.": lambda weights, k, v: (
        weights @ v
    ).mean(1),
    "You add up over the positions as well. Each position has a result of its own.": lambda weights, k, v: (
        weights @ v
    ).sum(1),
    "Rows and columns of the result are exchanged.": lambda weights, k, v: (weights @ v).mT,
}


def _attended(scores, weights, values):
    return lambda q, k, v, padding: values(weights(scores(q, k), padding), k, v)


def _is_average(result: Tensor, v: Tensor) -> bool:
    """Whether no value of the result lies outside the values that can be read."""
    low, high = v.amin(1, keepdim=True), v.amax(1, keepdim=True)
    return bool(((result >= low - 1e-6) & (result <= high + 1e-6)).all())


CROSS_ATTEND = Exercise(
    title="Cross-attention with padding",
    draw=_prompts,
    answer=_attended(SCORES[""], WEIGHTS[""], VALUES[""]),
    means="Every position of the image reads an average of the words. The padding of a short prompt has no effect.",
    mistakes=(
        *one_wrong(_attended, SCORES, WEIGHTS, VALUES),
        *combined(_attended, chosen(SCORES, 1, 2), chosen(WEIGHTS, 1, 2, 3, 4, 5, 6), chosen(VALUES)),
        *named(
            {
                "Queries and keys have changed places: the image must ask, the words answer.": (
                    lambda q, k, v, padding: (k @ q.mT / math.sqrt(q.shape[-1])).softmax(-1) @ q,
                ),
                "The positions read each other. They must read the words.": (
                    lambda q, k, v, padding: (q @ q.mT / math.sqrt(q.shape[-1])).softmax(-1) @ q
                ),
                "The words read each other. The positions of the image must read.": (
                    lambda q, k, v, padding: _attended(SCORES[""], WEIGHTS[""], VALUES[""])(k, k, v, padding)
                ),
                "Keys and values have changed places.": lambda q, k, v, padding: _attended(
                    SCORES[""], WEIGHTS[""], VALUES[""]
                )(q, v, k, padding),
                "The mask is inverted. In PyTorch's function True means that a token is read.": (
                    lambda q, k, v, padding: torch.nn.functional.scaled_dot_product_attention(q, k, v, padding[:, None])
                ),
                "The score of the padding is low, but not low enough: its weight must be 0.": (
                    _attended(SCORES[""], _masked(-1.0), VALUES[""]),
                    _attended(SCORES[""], _masked(-10.0), VALUES[""]),
                ),
                "You set keys and values of the padding to 0. Its score is then 0, and it still takes weight.": (
                    lambda q, k, v, padding: (
                        WEIGHTS["Padding is still read: it has weights above 0."](
                            SCORES[""](q, k * ~padding[..., None]), padding
                        )
                        @ (v * ~padding[..., None])
                    )
                ),
                "Divide before the softmax: afterwards the weights no longer add up to 1.": (
                    lambda q, k, v, padding: WEIGHTS[""](q @ k.mT, padding) / math.sqrt(q.shape[-1]) @ v
                ),
                "All images read the words of the first prompt.": lambda q, k, v, padding: _attended(
                    SCORES[""], WEIGHTS[""], VALUES[""]
                )(q, k[:1].expand_as(k), v[:1].expand_as(v), padding[:1].expand_as(padding)),
            }
        ),
    ),
    properties=(
        Property(
            "What a position reads is an average of the values: no number may lie outside of theirs.",
            lambda result, q, k, v, padding: result.shape != q.shape or _is_average(result, v),
        ),
        Property(
            "An image whose prompt has one real token reads exactly the value of this token.",
            lambda result, q, k, v, padding: all(
                torch.allclose(result[i], v[i, :1].expand_as(result[i]))
                for i in range(len(q))
                if result.shape == q.shape and (~padding[i]).sum() == 1
            ),
        ),
    ),
    example=lambda: (
        torch.tensor([[[1.0]]]),
        torch.tensor([[[0.0], [5.0]]]),
        torch.tensor([[[2.0], [8.0]]]),
        torch.tensor([[False, True]]),
    ),
    where=lambda q, k, v, padding: (
        "one position asks with 1, the keys are 0 and 5, the values 2 and 8, and the second token is padding"
        if q.numel() == 1
        else f"there are {q.shape[1]} positions, {k.shape[1]} tokens and {q.shape[2]} channels"
    ),
    line="Look at the axis of the softmax, and at the scores of the padding before it.",
)
