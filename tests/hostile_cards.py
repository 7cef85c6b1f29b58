"""Model cards that somebody broke: every field replaced by every wrong value, and files that are no JSON."""

import json
import math
import random

WRONG = (
    *(None, True, False, 0, -1, 3, 1.5, -0.5, 10**7, 10**30, 10**400, 1e308, 5e-324, math.nan, math.inf, -math.inf),
    *("", " ", "x", "0.5", "NaN", "../../evil", "a\0b", "\ud800", "<b>*`$x$`*</b>\n# :red[x]", "long " * 1000),
    *([], [None], [1], ["a", "a"], ["x", None], [[]], [1e9] * 1000, list("abc") * 1000),
    *({}, {"": None}, {"FD": "low"}, {"FD": 0}, {"a": {"b": {"c": []}}}, {"PSNR": None}),
)
NO_CARDS = (
    *(b"", b"{", b"[]", b"3", b"null", b'"card"', b"{}", b'{"name": "x"}', b"\xff\xfe\x00", b"\x80\x04garbage"),
    *(b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000, b"\xef\xbb\xbf", b"9" * 100_000),
    *(b'{"size": 1e9999}', b'{"title": "\\ud800"}', b"NaN", b"{'title': 'x'}", bytes(1000), b" " * 20_000_000),
)


def hostile_cards(card, fraction=1.0, seed=0):
    """Yield (what, text) for a card as a dict: each field, however deep, removed and replaced by each wrong value.

    Of all these a random fraction.
    """
    chosen = random.Random(seed)
    for path in places(card):
        for new in [(), *((value,) for value in WRONG)]:
            if chosen.random() < fraction:
                yield f"{'.'.join(map(str, path))} = {new!r:.40}", json.dumps(changed(card, path, *new))


def places(value, path=()):
    """Yield the path of every field; of a list or a dict of many equal parts only the first."""
    if path:
        yield path
    if isinstance(value, dict):
        inner = list(value.items())
        for name, each in inner[:1] if len({type(each) for each in value.values()}) == 1 else inner:
            yield from places(each, (*path, name))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*path, 0))


def changed(value, path, *new):
    """Copy nested dicts and lists with one part replaced, or removed."""
    if not path:
        return new[0]
    copy, (first, *rest) = value.copy(), path
    if rest or new:
        copy[first] = changed(value[first], rest, *new)
    else:
        del copy[first]
    return copy
