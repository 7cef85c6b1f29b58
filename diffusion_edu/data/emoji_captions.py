"""Captions of emoji, phrased anew every time from the name, the tags, the skin tone and the style."""

from random import Random

from diffusion_edu.data.emoji import Emoji

STYLE, TONE, YELLOW = 0.8, 0.85, 0.3  # probabilities that a caption has the style, the skin tone, "yellow skin"
TAGS_ONLY, TAGS_TOO = 0.08, 0.3  # probabilities of tags instead of the name, and after it
MAIN_NAME = 0.85  # the probability of the first name of a style
STYLE_NAMES = {
    "noto": ("noto", "google"),
    "twemoji": ("twemoji", "twitter"),
    "fluent": ("fluent", "microsoft", "fluent 3d"),
    "openmoji": ("openmoji", "open moji"),
}
WITH_STYLE = (
    "{subject}, {style} style",
    "{subject} in {style} style",
    "{subject}, {style}",
    "{style} emoji of {a_subject}",
    "{style} {subject}",
    "{subject} ({style})",
    "{a_subject} in the style of {style}",
    "emoji of {a_subject}, {style} style",
)
WITHOUT_STYLE = (
    "{subject}",
    "{subject}",
    "{a_subject}",
    "emoji of {a_subject}",
    "an emoji of {a_subject}",
    "{subject} emoji",
)
PLAIN_MARKS = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})


def caption(emoji: Emoji, random: Random):
    """Phrase one caption, "woman firefighter with dark skin, noto style"; some omit style, skin tone or name."""
    draw, tags = random.random(), emoji.tags
    if draw < TAGS_ONLY and len(tags) > 1:
        subject = ", ".join(random.sample(tags, min(len(tags), random.randint(2, 4))))
    else:
        subject = random.choice(namings(emoji.base))
    subject = with_tone(subject, emoji, random)
    if TAGS_ONLY <= draw < TAGS_ONLY + TAGS_TOO and tags:
        subject = ", ".join([subject, *random.sample(tags, min(len(tags), random.randint(1, 2)))])
    styled = random.random() < STYLE
    text = random.choice(WITH_STYLE if styled else WITHOUT_STYLE)
    return plain(text.format(subject=subject, a_subject=with_article(subject), style=style_name(emoji.style, random)))


def standard_caption(emoji: Emoji):
    """Phrase the standard caption, name and style: "woman firefighter: dark skin tone, noto style"."""
    return plain(f"{emoji.name}, {emoji.style} style")


def namings(base):
    """List forms of a name without its skin tone: "flag: Chad", "flag of Chad" and "Chad flag"."""
    head, _, rest = base.partition(": ")
    if not rest:
        return (base, base, base.replace("woman ", "female ").replace("man ", "male ") if gendered(base) else base)
    if head == "flag":
        return base, f"flag of {rest}", f"{rest} flag"
    if head == "keycap":
        return base, f"keycap {rest}", f"key {rest}"
    if rest.startswith("facing"):
        return base, f"{head} {rest}"
    if rest == "bald":
        return base, f"bald {head}"
    if head in ("person", "man", "woman"):
        return base, f"{head} with {'a ' * (rest == 'beard')}{rest}"
    members = " and ".join(rest.rsplit(", ", 1))
    return base, f"{head} of {members}", f"{head} with {members}"


def gendered(base):
    """Say whether a name begins with "man" or "woman" and mentions no other person."""
    return base.split()[0] in ("man", "woman") and " and " not in base and base.split()[1:2] not in (["in"], ["with"])


def with_tone(subject, emoji, random):
    """Add the skin tone to a subject, most of the time; only few captions mention the default yellow skin."""
    skin = emoji.skin_tone.removesuffix(" tone") or "yellow skin" * emoji.toned
    if not skin or random.random() >= (TONE if emoji.skin_tone else YELLOW):
        return subject
    forms = [
        f"{subject}: {skin} tone",
        f"{subject}, {skin}",
        f"{subject}, {skin} tone",
        f"{skin.replace(' skin', '-skinned')} {subject}",
    ]
    if " with " not in subject:
        forms += [f"{subject} with {skin}", f"{subject} with {skin}", f"{subject} with {skin} tone"]
    return random.choice(forms)


def with_article(subject):
    """Put "a" or "an" before a subject, unless it is a plural, a number or a list."""
    first = subject.split(",")[0].split(":")[0].split(" with ")[0]
    if first.endswith("s") or not first[:1].isalpha():
        return subject
    return f"{'an' if first[0].lower() in 'aeiou' else 'a'} {subject}"


def style_name(style, random):
    """Choose a name of a style, usually its first one."""
    names = STYLE_NAMES.get(style, (style,))
    return names[0] if random.random() < MAIN_NAME else random.choice(names)


def plain(text):
    """Use the quotation marks and apostrophes of a keyboard."""
    return text.translate(PLAIN_MARKS)
