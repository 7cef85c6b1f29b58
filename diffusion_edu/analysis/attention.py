"""Where attention looks, among the places of an image and among the words of a prompt, and what is sampled when it may not look.

All of it is heard by the hooks of `insides`: there only while a block runs, in one thread, and free where nobody listens.
"""

from contextlib import contextmanager

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from diffusion_edu.analysis.activations import hooked
from diffusion_edu.denoisers import guided
from diffusion_edu.networks.blocks import Attention
from diffusion_edu.networks.text import WordAttention


def attention_layers(net):
    """List the layers of a network by which places look at each other, as {name: module}."""
    return _layers(net, Attention)


def word_layers(net):
    """List the layers of a network by which places look at words, as {name: module}."""
    return _layers(net, WordAttention)


def _layers(net, class_name):
    return {name: module for name, module in net.named_modules() if isinstance(module, class_name)}


class _Softmax(TorchFunctionMode):
    """Let every operation do what it does, and keep what the latest softmax gave."""

    latest = None

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function is Tensor.softmax:
            self.latest = result
        return result


@contextmanager
def looking(net, layers=attention_layers):
    """Keep where every attention layer looks while the block runs: {name: [(b, heads, places, places) of every forward pass]}.

    These are the very tensors that the pass multiplies its values by; rows sum to 1, places are numbered row by row. With `word_layers`
    it is where places look among words, (b, heads, places, tokens).
    """
    found, softmax = layers(net), _Softmax()
    looks = {name: [] for name in found}
    with softmax, hooked(found, after=lambda name, given, said: looks[name].append(softmax.latest)):
        yield looks


@contextmanager
def attention_off(net):
    """Make every attention layer let its input through while the block runs; the same weights, and for other threads nothing changes."""
    with hooked(attention_layers(net), after=lambda name, given, said: given[0]):
        yield


@contextmanager
def ignoring(net, tokens):
    """Let no place look at these tokens of any prompt while the block runs; for other threads nothing changes.

    What their neighbours and the start have heard of them is heard all the same. Raises ValueError for the start, token 0: there must
    be something to look at.
    """
    if any(token < 1 for token in tokens):
        raise ValueError(
            "The start of a prompt cannot be ignored: there must be something to look at. Name tokens from 1 on."
        )

    def before(name, given):
        x, words, there = given
        kept = torch.tensor([place not in tokens for place in range(there.shape[1])], device=there.device)
        return x, words, there & kept

    with hooked(word_layers(net) if tokens else {}, before):
        yield


def listening(net, heard, guidance=guided):
    """Guide as `guidance` does, and note where the prediction that is told the prompt looks: heard[t] = {layer: (b, heads, places, tokens)} at every timestep t.

    Where that prediction lies between two prompts, it is the second that is noted.
    """

    @contextmanager
    def listen(t):
        with looking(net, word_layers) as looks:
            yield
        heard[t] = {name: passes[-1] for name, passes in looks.items()}

    return lambda conditional, unconditional, scale: guidance(_within(listen, conditional), unconditional, scale)


def deaf(net, tokens, guidance=guided):
    """Guide as `guidance` does, but in the prediction that is told the prompt no place looks at these tokens, see `ignoring`; the other is left alone."""
    return lambda conditional, unconditional, scale: guidance(
        _within(lambda t: ignoring(net, tokens), conditional), unconditional, scale
    )


def _within(opened, denoise):
    def answer(x, t):
        with opened(t):
            return denoise(x, t)

    return answer


def by_word(looks, words):
    """Add up what goes to each word of looks (..., tokens): (..., 1 + words), and first what goes to no word, which is the start.

    words are those of a `tokens.Prompt`: (word, its places among the tokens).
    """
    spans = [list(places) for _, places in words]
    none = [place for place in range(looks.shape[-1]) if not any(place in span for span in spans)]
    return torch.stack([looks[..., span].sum(dim=-1) for span in (none, *spans)], dim=-1)


def perplexity(looks):
    """Over how many places each look of looks (..., places) spreads: the exponential of its entropy, from 1 to all of them, (...)."""
    return torch.special.entr(looks.double()).sum(dim=-1).exp()
