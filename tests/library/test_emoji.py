"""Emoji: reading, sampling weights, captions, held-out emoji, the recipe and its model, and the file from packages."""

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
import torch
from helpers import CPU
from PIL import Image

from diffusion_edu.checkpoints import PRETRAINED, available, load, sha256_of
from diffusion_edu.data.emoji import STYLES, TONES, Emoji, load_emoji
from diffusion_edu.data.emoji_captions import caption, namings, standard_caption, with_article
from diffusion_edu.data.emoji_held_out import WHY, choose_held_out, held_out_mask, held_out_text, read_held_out
from diffusion_edu.data.emoji_packages import NAMES, PACKAGES, folder_of, key_of, write_emoji
from diffusion_edu.generation import Preset, generate
from diffusion_edu.recipes import command_line, emoji_data
from diffusion_edu.recipes import emoji as recipe
from diffusion_edu.text.reader import load_reader

TEXT = {"width": 16, "depth": 1, "head_width": 8}
CONFIG = {"widths": [16, 32], "blocks": 1, "attention": [False, True], "patch": 2, "embedding": 16, "text": TEXT}
TINY = replace(
    recipe.RECIPE, config=CONFIG, size=16, batch=8, lr=2e-3, ema=0.9, sampling=Preset(steps=2, guidance_scale=2.0)
)
THINGS = {
    "animals & nature": ("bear", "cat", "dog", "fox", "owl", "whale", "ant", "bee"),
    "food & drink": ("apple", "bread", "cake", "pie", "pear", "soup", "taco", "tea"),
    "flags": ("flag: Chad", "flag: Côte d’Ivoire", "flag: Peru", "flag: Mali"),
}
JOBS = ("firefighter", "chef", "pilot")


def png(colour, size=16):
    file = io.BytesIO()
    Image.new("RGBA", (size, size), colour).save(file, "PNG")
    return file.getvalue()


def row(name, base, group, style, tone=""):
    subgroup = "roles & careers" if group == "people & body" else "things"
    colour = (50 * STYLES.index(style), len(name) * 5 % 255, 40 * (1 + TONES.index(tone)) if tone else 0)
    facts = {
        "name": name,
        "base": base,
        "tags": [base.split()[-1].lower(), group.split()[0]],
        "group": group,
        "subgroup": subgroup,
    }
    about = {"style": style, "skin_tone": tone, "codepoint": "1F600", "license": "MIT"}
    return {"image": {"bytes": png(colour), "path": None}, **facts, **about}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder to work in, with a parquet file of emoji."""
    home, rows = tmp_path_factory.mktemp("home"), []
    for style in STYLES:
        rows += [row(name, name, group, style) for group, names in THINGS.items() for name in names]
        for base in (gender + job for job in JOBS for gender in ("", "man ", "woman ")):
            rows += [row(base, base, "people & body", style)]
            rows += [row(f"{base}: {tone}", base, "people & body", style, tone) for tone in TONES]
    write_emoji(home / "emoji.parquet", rows)
    return home


@pytest.fixture(autouse=True)
def at_home(home, monkeypatch):
    monkeypatch.chdir(home)


@pytest.fixture(scope="module")
def known(home):
    return load_emoji(home / "emoji.parquet", 16)


@pytest.fixture(scope="module")
def held(known):
    return choose_held_out(known.emoji)


def run(out, *words):
    words = [
        "--data",
        "emoji.parquet",
        "--held-out",
        "held.json",
        "--device",
        "cpu",
        "--out",
        str(out),
        *map(str, words),
    ]
    recipe.main(words, TINY)


@pytest.fixture(scope="module")
def trained(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        run(home / "runs" / "mine", "--images", 24)
    return home / "runs" / "mine"


FIREFIGHTER = Emoji(
    "woman firefighter: dark skin tone",
    "woman firefighter",
    ("fire", "truck"),
    "people & body",
    "roles & careers",
    "noto",
    "dark skin tone",
    True,
)
VOLCANO = Emoji("volcano", "volcano", ("eruption", "mountain"), "travel & places", "geographic", "openmoji")


# Reading and sampling weights


def test_emoji_are_read_with_all_their_columns(known):
    assert known.images.shape == (4 * (20 + 9 * 6), 3, 16, 16) and known.images.dtype == torch.uint8
    chef = known.emoji[[each.name for each in known.emoji].index("man chef: light skin tone")]
    assert (chef.base, chef.tags, chef.toned, chef.style) == ("man chef", ("chef", "people"), True, "noto")
    assert {each.group for each in known.emoji if not each.toned} == set(THINGS)


def test_skin_tones_do_not_dominate_the_weights_and_held_out_images_have_weight_0(known, held):
    mask = held_out_mask(held, known.emoji)
    weights = replace(known, held=mask).weights()
    assert (weights[mask] == 0).all() and (weights[~mask] > 0).all()
    plain = known.weights()
    people = torch.tensor([each.group == "people & body" for each in known.emoji])
    assert people.float().mean() > 0.7 and plain[people].sum() / plain.sum() < 0.55
    of = {each.name: weight for each, weight in zip(known.emoji, plain.tolist(), strict=True)}
    assert of["bear"] == 1 and of["chef"] == pytest.approx(6**-0.5)


def test_another_file_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "no.parquet").write_text("no")
    with pytest.raises(ValueError, match="is not a parquet file of emoji"):
        load_emoji(tmp_path / "no.parquet")


# Captions


def test_captions_are_phrased_in_many_ways_and_sometimes_omit_style_or_skin_tone():
    captions = [caption(FIREFIGHTER, Random(seed)) for seed in range(1000)]
    assert len(set(captions)) > 100
    assert 0.75 < sum("noto" in each or "google" in each for each in captions) / 1000 < 0.85
    assert 0.8 < sum("dark" in each for each in captions) / 1000 < 0.9
    assert sum("dark-skinned woman firefighter" in each for each in captions) > 10
    assert sum("woman firefighter with dark skin" in each for each in captions) > 50
    assert sum("female firefighter" in each for each in captions) > 50
    assert not any("medium" in each or "light" in each or "{" in each for each in captions)
    named = sum("firefighter" in each for each in captions) / 1000
    assert 0.88 < named < 0.96  # the others have tags only: "fire, truck"


def test_only_captions_of_emoji_with_skin_tones_say_yellow():
    plain = replace(FIREFIGHTER, name="woman firefighter", skin_tone="")
    yellow = sum("yellow" in caption(plain, Random(seed)) for seed in range(300))
    assert 50 < yellow < 130
    assert not any("yellow" in caption(VOLCANO, Random(seed)) for seed in range(300))


def test_a_caption_depends_on_the_random_generator_alone():
    assert caption(VOLCANO, Random(5)) == caption(VOLCANO, Random(5))
    assert "openmoji emoji of a volcano" in {caption(VOLCANO, Random(seed)) for seed in range(300)}


@pytest.mark.parametrize(
    ("base", "way"),
    [
        ("flag: Chad", "flag of Chad"),
        ("keycap: 7", "keycap 7"),
        ("man: bald", "bald man"),
        ("woman: beard", "woman with a beard"),
        ("person: white hair", "person with white hair"),
        ("man running: facing right", "man running facing right"),
        ("family: man, woman, boy", "family of man, woman and boy"),
        ("woman chef", "female chef"),
        ("man in tuxedo", "man in tuxedo"),
        ("woman and man holding hands", "woman and man holding hands"),
    ],
)
def test_names_have_natural_forms(base, way):
    assert base in namings(base) and way in namings(base)


def test_articles_and_quotation_marks():
    assert [with_article(each) for each in ("owl", "bear", "grapes", "1st place medal")] == [
        "an owl",
        "a bear",
        "grapes",
        "1st place medal",
    ]
    assert standard_caption(replace(VOLCANO, name="flag: Côte d’Ivoire")) == "flag: Côte d'Ivoire, openmoji style"


# Held-out emoji


def test_held_out_emoji_do_not_depend_on_the_order(known, held):
    assert choose_held_out(known.emoji) == choose_held_out(known.emoji[::-1]) == held
    assert choose_held_out(known.emoji, seed=1) != held


def test_only_the_listed_combinations_and_concepts_are_held_out(known, held):
    mask = held_out_mask(held, known.emoji).tolist()
    out = [each for each, held in zip(known.emoji, mask, strict=True) if held]
    kept = [each for each, held in zip(known.emoji, mask, strict=True) if not held]
    for entry in held["concepts"]:
        assert entry["base"] not in {each.base for each in kept} and entry["group"] != "flags"
    for entry in held["styles"]:
        styles = {each.style for each in kept if each.base == entry["base"]}
        assert entry["style"] not in styles and styles
    for entry in held["professions"]:
        left = {each.skin_tone for each in kept if each.base == entry["base"]}
        assert left == {"", *TONES} - {entry["skin_tone"]}
    named = {entry["base"] for name in ("concepts", "styles", "professions") for entry in held[name]}
    assert len([each for each in out if each.base not in named]) == len(held["validation"])


def test_the_shipped_list_covers_groups_styles_and_skin_tones():
    lists = read_held_out(PRETRAINED / "emoji.held_out.json")
    assert [len(lists[name]) for name in WHY] == [12, 60, 20, 64]
    counts = [
        Counter(entry["style"] for entry in lists["styles"]),
        Counter(entry["skin_tone"] for entry in lists["professions"]),
    ]
    assert set(counts[0]) == set(STYLES) and set(counts[0].values()) == {15}
    assert set(counts[1]) == set(TONES) and set(counts[1].values()) == {4}
    assert Counter(entry["base"].split()[0] for entry in lists["professions"]) == {"man": 10, "woman": 10}
    assert (
        len({entry["group"] for entry in lists["styles"]}) == 9
        and len({entry["group"] for entry in lists["concepts"]}) == 8
    )


def test_the_list_is_written_and_read_and_a_broken_one_is_refused(tmp_path, held):
    (tmp_path / "held.json").write_text(held_out_text(held), encoding="utf-8")
    assert read_held_out(tmp_path / "held.json") == held
    assert json.loads(held_out_text(held))["styles"]["why"] == WHY["styles"]
    (tmp_path / "held.json").write_text("{}")
    with pytest.raises(ValueError, match="does not list held-out emoji"):
        read_held_out(tmp_path / "held.json")


# The recipe


def test_the_card_describes_the_conditioning(trained):
    card = load("mine", compute=CPU).card
    assert (card.prediction_type, card.size, card.channels, card.autoencoder, card.conditional) == (
        "v",
        16,
        3,
        "",
        True,
    )
    assert card.text == {"sha256": sha256_of(trained / "mine.tokenizer.json")}
    assert card.config["text"] == {**TEXT, **load_reader("mine").config}
    assert (
        card.data["held_out"]
        == int(held_out_mask(read_held_out("held.json"), load_emoji("emoji.parquet", 16).emoji).sum())
        > 0
    )
    assert all(name in card.licence for name in ("Noto", "Twemoji", "Fluent", "OpenMoji", "emojibase"))
    assert 0 < card.training["validation_loss"] < 3 and "mine" in available()


def test_the_model_samples_images_by_prompt(trained):
    model, read = load("mine", compute=CPU), load_reader("mine")
    *_, prompted = generate(
        model, Preset(steps=3, guidance_scale=3.0), [5, 6], read(["noto emoji of a bear", "woman chef with dark skin"])
    )
    *_, other = generate(model, Preset(steps=3, guidance_scale=3.0), [5, 6], read(["", ""]))
    *_, free = generate(model, Preset(steps=3), [5, 6])
    assert prompted.x.shape == (2, 3, 16, 16) and prompted.x0_hat.abs().max() <= 1
    assert not torch.allclose(prompted.x, free.x, atol=1e-4)
    torch.testing.assert_close(other.x, free.x, rtol=1e-3, atol=1e-4)


def test_sheets_show_training_prompts_and_held_out_prompts(trained):
    prompts = (trained / "training" / "prompts.txt").read_text(encoding="utf-8").splitlines()
    lists, emoji = read_held_out("held.json"), load_emoji("emoji.parquet", 16).emoji
    out = {
        standard_caption(each) for each, held in zip(emoji, held_out_mask(lists, emoji).tolist(), strict=True) if held
    }
    assert prompts[:8] == list(recipe.PROMPTS) and set(prompts[8:11]) <= out
    with Image.open(trained / "mine.png") as page:
        assert page.size[0] == 8 * 16 and page.size[1] >= 2 * 16


def test_a_training_is_resumed_with_the_same_vocabulary(trained, tmp_path):
    out = tmp_path / "again"
    run(out, "--images", 16)
    before = sha256_of(out / "again.tokenizer.json")
    run(out, "--images", 32, "--resume")
    assert sha256_of(out / "again.tokenizer.json") == before == sha256_of(trained / "mine.tokenizer.json")
    rows = list(csv.DictReader((out / "training" / "log.csv").open()))
    assert [int(each["images"]) for each in rows] == [16, 32]
    assert load("again", [out], CPU).card.training["images_seen"] == 32


def test_batches_never_contain_held_out_emoji_and_resume_exactly(trained, monkeypatch):
    seen = []
    monkeypatch.setattr(recipe, "caption", lambda each, random: seen.append(each) or caption(each, random))
    args = command_line.parse_arguments(
        TINY,
        ["--data", "emoji.parquet", "--held-out", "held.json", "--out", str(trained), "--resume"],
        [recipe.options()],
    )
    first, second = recipe.begin(TINY, args).stream(), recipe.begin(TINY, args).stream()
    for _ in range(3):
        (x0, ids), (x0_again, ids_again) = next(first), next(second)
        assert torch.equal(x0, x0_again) and torch.equal(ids, ids_again)
        assert x0.shape == (8, 3, 16, 16) and ids.shape[1] % recipe.STEP == 0 and (ids[:, 0] != 0).all()
    for _ in range(80):
        next(first)
    emoji = load_emoji("emoji.parquet", 16).emoji
    assert len(seen) > 600 and not held_out_mask(read_held_out("held.json"), seen).any()
    assert len({(each.name, each.style) for each in seen}) > len(emoji) / 2


def test_a_training_begins_with_the_weights_and_the_vocabulary_of_another(trained, tmp_path):
    run(tmp_path / "tuned", "--images", 8, "--from", "mine")
    card = load("tuned", [tmp_path / "tuned"], CPU).card
    assert card.training["from"] == "mine" and card.text == load("mine", compute=CPU).card.text


def test_without_a_file_the_recipe_explains_how_to_build_one(tmp_path):
    with pytest.raises(SystemExit, match="emoji_data"):
        recipe.main(["--out", str(tmp_path / "none")], TINY)


# The file built from npm packages


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())


@pytest.fixture
def packages(tmp_path):
    """Stand-ins for the packages: three emoji, one with skin tones and one with two at once."""
    place = tmp_path / "node_modules"
    names = folder_of(place, NAMES) / "en"
    messages = {
        "groups": [{"order": 1, "message": "people & body"}],
        "subgroups": [{"order": 25, "message": "roles & careers"}],
    }
    of = {"group": 1, "subgroup": 25, "tags": ["x"]}
    skins = [
        {"label": "chef: dark skin tone", "hexcode": "1F9D1-1F3FF-200D-2696-FE0F", "tone": 5},
        {"label": "chef: two", "hexcode": "1F9D1-1F3FE", "tone": [4, 5]},
    ]
    listed = [
        {"label": "regional indicator A", "hexcode": "1F1E6"},
        {"label": "chef", "hexcode": "1F9D1-200D-2696-FE0F", **of, "skins": skins},
    ]
    write(names / "data.json", [*listed, {"label": "heart", "hexcode": "2764", **of}])
    write(names / "messages.json", messages)
    for style, suffix in (("noto", "png"), ("twemoji", "png"), ("fluent", "webp"), ("openmoji", "png")):
        images = folder_of(place, PACKAGES[style].spec) / PACKAGES[style].images
        for stem in ("1f9d1-200d-2696-fe0f", "1f9d1-1f3ff-200d-2696-fe0f", "1f9d1-1f3fe", "2764-fe0f"):
            write(images / f"{stem.upper() if style == 'openmoji' else stem}.{suffix}", png((200, 0, 0, 0), 72))
    return place


def test_the_file_is_built_from_packages_on_white(packages, tmp_path):
    emoji_data.main(["--packages", str(packages), "--out", str(tmp_path / "all.parquet")])
    known = load_emoji(tmp_path / "all.parquet")
    assert Counter(each.style for each in known.emoji) == dict.fromkeys(STYLES, 3)
    assert [each.name for each in known.emoji[:3]] == ["chef", "chef: dark skin tone", "heart"]
    dark = known.emoji[1]
    assert (dark.base, dark.skin_tone, dark.group, dark.subgroup) == (
        "chef",
        "dark skin tone",
        "people & body",
        "roles & careers",
    )
    assert known.images.shape == (12, 3, 64, 64) and (known.images == 255).all()  # transparent everywhere


def test_packages_that_cannot_be_fetched_end_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit) as end:
        emoji_data.main(["--packages", str(tmp_path / "none"), "--styles", "noto"])
    assert "could not be fetched" in end.value.code and "\n" not in end.value.code


def test_codepoints_are_compared_without_the_variation_selector():
    assert key_of("2764-FE0F") == key_of("2764") == "2764"
