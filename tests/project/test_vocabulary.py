"""The words of the field: no retired word is left in identifiers, docstrings, texts on pages, lessons, README or docs.

The published glossary is `docs/glossary.md`. `python tests/project/test_vocabulary.py` lists where retired words stand.
"""

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Each retired word, the word that took its place, and the contexts in which it means something else and may stay.
RETIRED = {
    "moves?": (
        "step, sampling steps",
        r"mouse\.move|mouse moves?|\b(?:to|that|which|it|slider|cursor|never|and|or|not|must) moves?\b"
        r"|moves? (?:the|a|an|it|x|with|to|from|up|down|together|all|when|away|along|on|by|while|as|only|one|in)\b"
        r"|[\"']move[\"']|pointer",
    ),
    "guess(?:es|ed|er|ing)?": ("prediction", ""),
    "told": ("condition, conditioned on", r"told apart"),
    "wish(?:es)?": ("request, condition", ""),
    "kinds": ("classes", r"kinds of (?!flower)"),
    "drawings?": (
        "sample, sampling",
        r"mouse|sketch|canvas|pad|person|drawing surface|your (?:own )?drawing|the drawing|\ba drawing\b|drawn by"
        r"|matplotlib|svg|tech",
    ),
    "pictures?": ("image", ""),
    "levels?": (
        "timestep",
        r"noise.levels?|levels? of noise|level=|levelname|log(?:ging)?.level|grey levels?|levels? of grey|top-level"
        r"|caplog",
    ),
    "obedience": ("condition fidelity", ""),
    "unlikeness": ("perceptual distance", ""),
    "agreement": ("class accuracy", ""),
    "eyes": ("feature network", r"colour-blind eyes|eyes? (?:of|are|and)|two eyes|yellow eyes|with .*eyes"),
    "judges?|judged|judging": ("evaluation classifier, evaluate", r"judge\b.*(?:skin|woman|man)|woman judge|man judge"),
    "films?": ("animation", r"GIF|MP4"),
    "reels?|footage|darkroom|clinic": ("animation, image picker, doctor page", ""),
    "leftovers?": ("non-zero terminal SNR", ""),
    "guesser|renoise|linear_low|unheard|deaf": ("see the glossary", ""),
    "shares?": (
        "fraction, percent",
        r"share (?:a|the|this|one|it|some|their|with|no|what|only|all|its)\b|shares? (?:nothing|code|data|memory)"
        r"|\b(?:to|that|which|who|can|they|pages|two|and|not|may|all|files|classes|we|people|three|must|tests|both|it"
        r"|several) shares?\b|share link|[Ss]hare and",
    ),
    "obey(?:s|ed)?": ("follow the condition", ""),
    "sizes": (
        "config",
        r"sizes? of|other sizes|brush|(?:image|file|group|batch|set|split|part|paper|font|screen|window)s?[ _]sizes"
        r"|sizes (?:are|in|differ|and)|\bsizes\b(?=[^.]*(?:images?|photos?|pixels|parts?|splits?))|\.sizes\b"
        r"|sizes that a network",
    ),
    "chance": (
        "random generator, noise",
        r"by chance|chances? of|the chance (?:that|of)|better than chance|chance level",
    ),
    "pace": ("timing, speed", ""),
}
WHOLE_FILES = {"tests/project/test_vocabulary.py", "CHANGELOG.md"}  # they name what was retired
PATTERNS = {word: re.compile(rf"(?<![A-Za-z])(?:{word})(?![A-Za-z])", re.IGNORECASE) for word in RETIRED}


@cache
def tracked():
    """List the files of the project that hold words: those that git knows, or all below the root."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split("\n") if listed.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.rglob("*")]
    endings = (".py", ".md", ".ipynb", ".js", ".css", ".html", ".py.txt")
    return sorted(
        n for n in names if n.endswith(endings) and n not in WHOLE_FILES and (ROOT / n).is_file() and "venv" not in n
    )


def texts(path):
    """Yield (line, text) of everything in a file that a person reads: of Python its names, strings and comments."""
    source = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".py"):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in (tokenize.STRING, tokenize.COMMENT):
                for number, line in enumerate(token.string.split("\n")):
                    yield token.start[0] + number, line
            elif token.type == tokenize.NAME:  # with what stands before its dot, for example mouse.move
                before = re.search(r"\w+\.$", token.line[: token.start[1]])
                yield token.start[0], f"{before[0] if before else ''}{token.string}"
    elif path.endswith(".ipynb"):
        for number, cell in enumerate(json.loads(source)["cells"]):
            for line in "".join(cell["source"]).split("\n"):
                yield number, line
    else:
        yield from enumerate(source.split("\n"), 1)


@cache
def retired(path):
    """List the retired words in a file: (line, word found, the word to use, the text around it)."""
    found = []
    for number, text in texts(path):
        spaced = text.replace("_", " ") if " " not in text else text
        for word, pattern in PATTERNS.items():
            for match in pattern.finditer(spaced):
                instead, allowed = RETIRED[word]
                if not (allowed and re.search(allowed, spaced)):
                    found.append((number, match[0], instead, text.strip()[:110]))
    return found


@pytest.mark.parametrize("path", tracked())
def test_no_retired_word_is_left(path):
    assert not retired(path), "\n".join(
        f"{path}:{n}: {word!r} -> {new}: {text}" for n, word, new, text in retired(path)
    )


@pytest.mark.parametrize(
    "text, count",
    [("the guess at t", 1), ("told_what", 1), ("Preset(moves=20)", 1), ("noise levels", 0), ("a prediction", 0)],
)
def test_a_retired_word_is_found_in_names_and_sentences(text, count, tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "words.md").write_text(text)
    retired.cache_clear()
    assert len(retired("words.md")) == count
    retired.cache_clear()


TERMS = [
    "forward process",
    "reverse process",
    "timestep",
    "Gaussian noise",
    "noise schedule",
    "variance preserving",
    "posterior",
    "score",
    "ancestral sampling",
    "classifier-free guidance",
    "null label",
    "skip connection",
    "residual block",
    "time embedding",
    "self-attention",
    "cross-attention",
    "EMA",
    "latent",
    "VAE",
    "KL",
    "LPIPS",
    "discriminator",
    "FID",
    "KID",
    "Inception score",
    "precision",
    "recall",
    "memorised",
    "NFE",
    "distillation",
    "flow matching",
]


@pytest.mark.parametrize("term", TERMS)
def test_the_glossary_has_every_term_of_the_field(term):
    assert term in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+)\(", (ROOT / "docs/glossary.md").read_text()))))
def test_every_function_that_the_glossary_names_is_there(name):
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "diffusion_edu").rglob("*.py"))
    names = {node.name for source in sources for node in ast.walk(ast.parse(source)) if hasattr(node, "name")}
    assert name in names


if __name__ == "__main__":
    for path in sys.argv[1:] or tracked():
        for number, word, instead, text in retired(path):
            print(f"{path}:{number}: {word} -> {instead}: {text}")
