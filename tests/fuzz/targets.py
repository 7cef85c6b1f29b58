"""What is fuzzed: uploads, links, prompts, captions, cards; each with inputs that are nearly right."""

import io
import json
import zipfile
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from onscreen import healthy, name_of, opened, running_jobs
from PIL import Image
from uploads import hostile

from diffusion_edu.app.common.layout import PAGES
from diffusion_edu.checkpoints import PRETRAINED, load, read_card
from diffusion_edu.data.captions import load_captioned
from diffusion_edu.data.images import load_images
from diffusion_edu.data.notes import read_note
from diffusion_edu.data.uploads import read_upload
from diffusion_edu.text.reader import load_reader
from fuzz.harness import Target
from fuzz.text import characters, damaged, odd_text, odd_value, sentence

TEXT_MODEL = "text_to_image"


def read_uploads(data):
    """Read an upload in both ways that the app reads one: as an image, and as an image that carries settings."""
    both(lambda: read_upload(data, 64), lambda: read_note(data))


def both(*calls):
    """Make both calls, whatever the first refuses."""
    for call in calls[:-1]:
        with suppress(ValueError):
            call()
    calls[-1]()


def link(random):
    """Return a page and a link to it with odd values of its own parameters and of others."""
    page = random.choice(list(PAGES))
    names = random.choices(parameters(page), k=random.randrange(1, 8))
    return page, {name: odd_text(random)[:200].encode("utf-8", "replace").decode() for name in names}


@cache
def parameters(page):
    """List the parameters in the link of a page, found by opening it: the keys of its controls."""
    start = f"{name_of(page)}."
    known = [key.removeprefix(start) for key, _ in opened(page).session_state.items() if key.startswith(start)]
    return [*known, "source", "model", "unknown"]


def open_link(made):
    """Open a page by a link; a failure, shown or logged, is one."""
    page, values = made
    app = opened(page, **values)
    for job in running_jobs(app):
        job.cancel()
    healthy(app)


def captions(random):
    """Return the files of a folder with captions, {name: bytes}, or the bytes of a zip of it."""
    names = [f"{random.choice(['', 'train/', 'a*b/', 'Ünter/'])}p{k}.jpg" for k in range(random.randrange(1, 5))]
    files = {name: jpeg(random.randrange(8)) for name in names}
    place = random.choice(["", "", "train/"])
    rows = [
        {"file_name": random.choice(names), random.choice(["text", "caption", "x"]): sentence(random)} for _ in names
    ]
    lines = "\n".join(json.dumps(row) for row in rows).encode("utf-8", "replace")
    table = "\n".join(["file_name,text", *(",".join(row.values()) for row in rows)]).encode("utf-8", "replace")
    beside = {name.replace(".jpg", ".txt"): sentence(random).encode("utf-8", "replace") for name in names}
    files |= random.choice([{f"{place}metadata.jsonl": lines}, {f"{place}metadata.csv": table}, beside])
    if random.random() < 0.5:
        odd = random.choice(list(files))
        files[odd] = damaged(files[odd] or b"x", random)
    return files


@cache
def jpeg(number):
    """Return one of eight small images as JPEG."""
    file = io.BytesIO()
    Image.new("RGB", (20 + number, 20), (30 * number, 100, 50)).save(file, "JPEG")
    return file.getvalue()


def read_captions(files):
    """Write a folder with captions and read it, without and with its captions, from the folder or from a zip."""
    with TemporaryDirectory() as place:
        folder = Path(place, "set")
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if len(files) % 2:
            with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as packed:
                for path in sorted(folder.rglob("*.*")):
                    packed.write(path, path.relative_to(folder))
            folder = folder.with_suffix(".zip")
        both(*(partial(read, folder, 32, lambda sentence: None) for read in (load_images, load_captioned)))


def card(random):
    """Return the name of a shipped model and its card with odd values, as text."""
    name = random.choice([path.stem for path in sorted(PRETRAINED.glob("*.safetensors"))])
    text = (PRETRAINED / f"{name}.json").read_text(encoding="utf-8")
    if random.random() < 0.2:
        return name, damaged(text.encode(), random)
    written = json.loads(text)
    for _ in range(random.randrange(1, 4)):
        place = written
        while True:
            key = random.choice(list(written)) if place is written else random.choice(list(place))
            inner = place[key]
            if not (isinstance(inner, dict) and inner and random.random() < 0.7):
                break
            place = inner
        place[key] = odd_value(random)
    return name, json.dumps(written).encode("utf-8", "replace")


def read_cards(made):
    """Read a card from a folder of models, and load the model."""
    name, text = made
    with TemporaryDirectory() as place:
        Path(place, f"{name}.json").write_bytes(text)
        Path(place, f"{name}.safetensors").symlink_to(PRETRAINED / f"{name}.safetensors")
        read_card(Path(place, f"{name}.json"))
        load(name, [place])


@cache
def reader():
    """Load the tokenizer of the text model that is shipped."""
    return load_reader(TEXT_MODEL)


def read_prompt(prompt):
    """Read a prompt, alone and in a batch."""
    reader().read(prompt)
    reader()([prompt, ""])


TARGETS = (
    Target("uploads", 0.4, hostile, read_uploads, lambda data: f"{len(data):,} bytes: {data[:60]!r}"),
    Target("links", 0.04, link, open_link),
    Target("prompts", 0.2, lambda random: random.choice([sentence, odd_text, characters])(random), read_prompt),
    Target("captions", 0.16, captions, read_captions),
    Target("cards", 0.2, card, read_cards, lambda made: f"{made[0]}: {made[1][:3000]!r}"),
)
