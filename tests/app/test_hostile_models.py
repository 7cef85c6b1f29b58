"""A folder of broken models beside the shipped ones: every page stays open, and loses no other model."""

import json
import os

import pytest
from hostile_cards import NO_CARDS, hostile_cards

from diffusion_edu.cards import Unusable, read_card
from diffusion_edu.paths import PRETRAINED

pytest.importorskip("streamlit.testing.v1")
from onscreen import HOME, healthy, opened  # noqa: E402

from diffusion_edu.app.common import model_card, models, score_names  # noqa: E402
from diffusion_edu.app.common.layout import PAGES  # noqa: E402
from diffusion_edu.app.evaluation import score_rows, score_table, scores  # noqa: E402
from diffusion_edu.app.jobs import timing  # noqa: E402

SHIPPED = sorted(path.stem for path in PRETRAINED.glob("*.safetensors"))
MODELLED = ["flowers_attention", "autoencoder", "flowers_cold", "flowers_experts", "face_classifier", "text_to_image"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of about 100 broken models, and of copies of good ones under other names."""
    place = tmp_path_factory.mktemp("broken")

    def add(name, text, weights=b""):
        (place / f"{name}.json").write_bytes(text)
        (place / f"{name}.safetensors").write_bytes(weights)

    for number, text in enumerate(NO_CARDS):
        add(f"none_{number}", text)
    for name in MODELLED:
        known = json.loads((PRETRAINED / f"{name}.json").read_text(encoding="utf-8"))
        for number, (_, text) in enumerate(hostile_cards(known, fraction=0.006)):
            add(f"{name}_{number}", text.encode())
        add(f"copy_of_{name}", (PRETRAINED / f"{name}.json").read_bytes(), b"other weights")
    os.link(place / "none_0.json", place / "a*b`c` _d_ [e](f) $g$ :red[h].json")
    os.link(place / "none_0.safetensors", place / "a*b`c` _d_ [e](f) $g$ :red[h].safetensors")
    return place


@pytest.fixture
def broken(folder, monkeypatch):
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", folder)
    return folder


def readable(folder):
    """The cards of the folder that can be read, {name: Card}."""
    found = {}
    for path in folder.glob("*.json"):
        try:
            found[path.stem] = read_card(path)
        except Unusable:
            continue
    return found


QUICK = (HOME, "pages/3_Sampling.py", "pages/13_Evaluate_and_debug.py")


@pytest.mark.parametrize("page", [pytest.param(page, marks=[pytest.mark.slow] * (page not in QUICK)) for page in PAGES])
def test_every_page_opens(broken, page):
    app = healthy(opened(page))
    assert not [part.value for part in app.caption if "cannot be shown" in part.value]


def test_home_shows_every_model_that_can_be_read_and_says_how_many_cannot(broken):
    app, known = opened(HOME), readable(broken)
    assert {f"home.card:{name}" for name in (*SHIPPED, *known)} == {
        button.key for button in app.button if "card:" in str(button.key)
    }
    (warning,) = app.warning
    assert "none_0.json is not a model card" in warning.value or "is not a model card" in warning.value
    assert f"and {len([*broken.glob('*.json')]) - len(known) - models.MOST} more" in warning.value


def test_one_entry_that_fails_costs_no_other(broken, monkeypatch):
    real = model_card.button

    def fails(card):
        if card.name == "flowers_vae":
            raise RuntimeError("whatever")
        return real(card)

    monkeypatch.setattr(model_card, "button", fails)
    app = healthy(opened(HOME))
    assert "flowers_vae cannot be shown; the reason is in the log of the app." in [part.value for part in app.caption]
    assert "home.card:flowers_attention" in {button.key for button in app.button}


def test_every_card_that_can_be_read_can_be_shown(broken):
    cards = readable(broken)
    assert len(cards) > 20
    for card in cards.values():
        words = [model_card.what(card), *model_card.weaknesses(card), score_names.distance_in_words(card)]
        assert all(isinstance(part, str) for part in words)
        model_card.table(("", "", ""), model_card.scores(card))
        model_card.table(("", ""), model_card.facts(card).items())
        assert scores.guidance_charts(card.scores) + scores.steps_charts(card.scores) is not None
    tables = [*score_rows.model_tables(cards).items(), *score_rows.autoencoder_tables(cards).items()]
    for title, rows in tables:
        assert score_table.table(title, rows)
    assert all(score_table.model_sentence(rows) for rows in score_rows.model_tables(cards).values())
    assert any(map(score_table.autoencoder_sentence, score_rows.autoencoder_tables(cards).values()))


def test_models_with_one_title_have_labels_of_their_own(broken):
    cards = {name: card for name, card in readable(broken).items() if name.startswith("copy_of")}
    cards |= {name: read_card(PRETRAINED / f"{name}.json") for name in MODELLED}
    labelled = models.labelled(cards)
    assert len(labelled) == len(cards) and all(name in label for label, name in zip(labelled, cards, strict=True))


def test_a_model_with_other_weights_is_a_sentence(broken):
    app = healthy(opened("pages/3_Sampling.py", model="Flowers, attention U-Net (copy_of_flowers_attention)"))
    healthy(app.button[0].click().run())
    assert "not those of the card" in " ".join(part.value for part in app.error)


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """Make a model of the simple flower model with other fields in its card."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)

    def make(name, **fields):
        known = json.loads((PRETRAINED / "flowers_simple.json").read_text(encoding="utf-8"))
        (tmp_path / f"{name}.json").write_text(json.dumps(known | fields), encoding="utf-8")
        (tmp_path / f"{name}.safetensors").symlink_to(PRETRAINED / "flowers_simple.safetensors")

    return make


@pytest.mark.parametrize("size", [514, 1024, 4096])
def test_a_model_of_huge_images_is_not_offered_and_not_loaded(changed, size):
    changed("huge", size=size, title="Huge")
    app = healthy(opened("pages/3_Sampling.py", model="Huge"))
    assert "Huge" not in app.selectbox[0].options
    assert any(f"for images of {size}x{size}" in part.value for part in app.warning)
    with pytest.raises(Unusable, match="up to 512x512"):
        models.get("huge")


@pytest.mark.parametrize("size", [16, 64, 128, 512])
def test_the_speed_is_measured_with_few_pixels(changed, monkeypatch, size):
    changed("other", size=size)
    taken = []
    monkeypatch.setattr(timing, "_measure", lambda model, seconds, images: taken.append(images * size**2) or 1.0)
    timing.measure(models.get("other"))
    assert taken[0] <= max(timing.PIXELS, size**2)


@pytest.mark.parametrize("guidance_scale", [8.5, 50.0, 100.0])
def test_a_guidance_scale_beyond_the_slider_stays(changed, guidance_scale):
    changed("strong", title="Strong", sampling={"guidance_scale": guidance_scale, "steps": 5})
    app = healthy(opened("pages/3_Sampling.py", model="Strong"))
    for _ in range(2):
        assert next(part.value for part in app.slider if "guidance_scale" in part.key) == guidance_scale
        app = healthy(app.run())


@pytest.mark.parametrize(
    ("name", "remedy"), [("a*b", "rename its .json"), ("b?", "rename its"), ("good", "correct it")]
)
def test_a_card_with_an_impossible_name_is_to_be_renamed(tmp_path, name, remedy):
    (tmp_path / f"{name}.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Unusable, match=remedy):
        read_card(tmp_path / f"{name}.json")


@pytest.mark.parametrize(
    ("given", "chosen", "said"),
    [
        ("first", "Twins (first)", None),
        ("Twins (second)", "Twins (second)", None),
        ("An old title (second)", "Twins (second)", None),
        ("single", "Single", None),
        ("Single (single)", "Single", None),
        ("Twins", None, "title of several"),
        ("gone", None, "is not here"),
        ("", None, "is not here"),
    ],
)
def test_a_link_means_one_model_or_a_sentence_says_why_not(changed, given, chosen, said):
    for name, title in (("first", "Twins"), ("second", "Twins"), ("single", "Single")):
        changed(name, title=title)
    app = healthy(opened("pages/3_Sampling.py", model=given))
    assert app.selectbox(key="sampling.model").value == (chosen or app.selectbox(key="sampling.model").options[0])
    warnings = [part.value for part in app.warning]
    assert not warnings if said is None else said in warnings[0]
