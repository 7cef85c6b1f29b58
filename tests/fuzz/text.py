"""Random text such as people and programs produce by accident or on purpose."""

ODD = [
    "", " ", "\0", "\ud800", "nan", "inf", "-inf", "1e400", "-1", "0", "1e9", "99999999999999999999", "null", "None",
    "true", "[]", "{}", "../..", "~nobody/x", "C:\\x\\y", "/", "/dev/zero", "\u202eabc", "e\u0301", "\u00e9",
    "日本" * 50, "x" * 300, "*a*_b_`c`", "$x^2$", ":smile:", "<b>bold</b><script>alert(1)</script>", "[a](http://b)",
    "%00", "%s%d{}", "a,b,\"c", "\r\n", "🌻" * 20, "1;2;3", "1,2,3", "0x10", "１２", "+5", "5.0", "5,0",
]  # fmt: skip
WORDS = ["a", "photo", "of", "the", "red", "blue", "flower", "with", "petals", "woman", "not", "two", "(deep: 1.2)"]


def odd_text(random):
    """Return one odd text, or some mixed with words."""
    return random.choice(ODD) if random.random() < 0.5 else sentence(random)


def sentence(random, most=40):
    """Return words, odd texts and random characters in a row."""
    return " ".join(
        random.choice([random.choice(WORDS), random.choice(ODD), characters(random)])
        for _ in range(random.randrange(most))
    )


def characters(random, most=12):
    """Return random characters of all of Unicode, lone surrogates included."""
    return "".join(chr(random.choice([random.randrange(128), random.randrange(0x110000)])) for _ in range(most))


def damaged(data, random):
    """Return bytes with some of them changed, cut out, doubled or cut off."""
    data = bytearray(data)
    for _ in range(random.randrange(1, 6)):
        at, length = random.randrange(len(data) + 1), random.randrange(1, 40)
        change = random.randrange(4)
        if change == 0:
            data[at : at + length] = random.randbytes(length)
        elif change == 1:
            del data[at : at + length]
        elif change == 2:
            data[at:at] = data[at : at + length]
        else:
            del data[max(1, at) :]
    return bytes(data)


def odd_value(random, depth=2):
    """Return a random value that JSON can hold: small and huge numbers, texts, lists, dicts, null."""
    number = random.choice([0, -1, 1, 2.5, 1e400, -1e400, float("nan"), 10**30, 7, 64, 1000])
    if depth == 0 or random.random() < 0.6:
        return random.choice([number, number, odd_text(random), None, True, False])
    some = [odd_value(random, depth - 1) for _ in range(random.randrange(4))]
    return some if random.random() < 0.5 else {odd_text(random): value for value in some}
