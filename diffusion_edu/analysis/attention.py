"""Attention weights: among the positions of an image (self-attention) and from them to the words of a prompt
(cross-attention).

Everything is read by the hooks of `hooks.hooked`: they exist only while a block runs and act in one thread only.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from diffusion_edu.analysis.hooks import hooked
from diffusion_edu.checks import checked
from diffusion_edu.denoisers import guided
from diffusion_edu.networks.blocks import SelfAttention
from diffusion_edu.networks.text import CrossAttention


def self_attention_layers(net):
    """Return the self-attention layers of a network, {name: module}."""
    return _layers(net, SelfAttention)


def cross_attention_layers(net):
    """Return the cross-attention layers of a network, from image positions to words, {name: module}."""
    return _layers(net, CrossAttention)


def _layers(net, module_type):
    return {name: module for name, module in net.named_modules() if isinstance(module, module_type)}


class _RecordSoftmax(TorchFunctionMode):
    """Run every operation as it is, and keep the result of the latest softmax."""

    latest = None

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function is Tensor.softmax:
            self.latest = result
        return result


@contextmanager
def record_attention(net, layers=self_attention_layers):
    """Record the attention weights of every layer while the block runs.

    Yields {name: [weights (b, heads, positions, positions) of every forward pass]}: the very tensors that the network
    uses. Rows sum to 1; positions are numbered row by row. With `cross_attention_layers` the last axis is tokens.
    """
    found, softmax = layers(net), _RecordSoftmax()
    weights = {name: [] for name in found}
    with softmax, hooked(found, after=lambda name, inputs, output: weights[name].append(softmax.latest)):
        yield weights


@contextmanager
def self_attention_off(net):
    """Replace every self-attention layer by the identity while the block runs; other threads see no change."""
    with hooked(self_attention_layers(net), after=lambda name, inputs, output: inputs[0]):
        yield


@checked
@contextmanager
def mask_tokens(net: nn.Module, tokens: Sequence[int]) -> Iterator[None]:
    """Mask these tokens of every prompt in cross-attention while the block runs; other threads see no change.

    The text encoder still mixed them into the vectors of the other tokens. Raises ValueError for token 0, the start
    token: one token must remain.
    """
    if any(token < 1 for token in tokens):
        raise ValueError("The start token, 0, cannot be masked: one token must remain. Name tokens from 1 on.")

    def before(name, inputs):
        x, words, mask = inputs
        kept = torch.tensor([position not in tokens for position in range(mask.shape[1])], device=mask.device)
        return x, words, mask & kept

    with hooked(cross_attention_layers(net) if tokens else {}, before):
        yield


def recording_guidance(net, recorded, guidance=guided):
    """Return a guidance function like `guidance` that also records the cross-attention of the conditional prediction.

    It sets recorded[t] = {layer: weights (b, heads, positions, tokens)} at every timestep t. For a condition
    interpolated between two prompts, these are the weights of the second.
    """

    @contextmanager
    def record(t):
        with record_attention(net, cross_attention_layers) as weights:
            yield
        recorded[t] = {name: passes[-1] for name, passes in weights.items()}

    return lambda conditional, unconditional, scale: guidance(_within(record, conditional), unconditional, scale)


def masking_guidance(net, tokens, guidance=guided):
    """Return a guidance function like `guidance` that masks tokens in the conditional prediction only (see
    mask_tokens).
    """
    return lambda conditional, unconditional, scale: guidance(
        _within(lambda t: mask_tokens(net, tokens), conditional), unconditional, scale
    )


def _within(context, denoise):
    def prediction(x, t):
        with context(t):
            return denoise(x, t)

    return prediction


@checked
def by_word(weights: Tensor, words: Sequence) -> Tensor:
    """Sum attention weights (..., tokens) over the tokens of each word: (..., 1 + words).

    Column 0 is the start token and all others that belong to no word. words are those of a `text.prompt.Prompt`.
    """
    spans = [list(positions) for _, positions in words]
    rest = [token for token in range(weights.shape[-1]) if not any(token in span for span in spans)]
    return torch.stack([weights[..., span].sum(dim=-1) for span in (rest, *spans)], dim=-1)


@checked
def perplexity(weights: Tensor) -> Tensor:
    """Effective number of positions that attention weights (..., positions) cover: exp of their entropy, from 1 to all,
    (...).
    """
    return torch.special.entr(weights.double()).sum(dim=-1).exp()
