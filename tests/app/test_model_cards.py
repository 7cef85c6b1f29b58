"""The card of a model on screen: every installed model has one, and it shows what the file holds."""

import json
from dataclasses import replace
from html import unescape

import pytest

from diffusion_edu.checkpoints import PRETRAINED, available, read_card, save

pytest.importorskip("streamlit.testing.v1")
from onscreen import AppTest, healthy, name_of, opened  # noqa: E402

from diffusion_edu.app.common import model_card

SHIPPED = [path.stem for path in PRETRAINED.glob("*.safetensors")]


def script(name):
    from diffusion_edu.app.common import model_card
    from diffusion_edu.checkpoints import available, read_card

    model_card.show(read_card(available()[name]))


def shown(name):
    return healthy(AppTest.from_function(script, kwargs={"name": name}, default_timeout=60).run())


def text(app):
    return unescape(
        " ".join(
            [*(part.value for part in (*app.markdown, *app.caption)), *(part.proto.body for part in app.get("html"))]
        )
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_model_has_a_card_that_says_what_it_is(name):
    card, words = read_card(PRETRAINED / f"{name}.json"), text(shown(name))
    assert model_card.what(card) in words and card.licence in words and card.data["source"] in words
    assert f"{card.training['images_seen']:,} in all" in words and "Known weaknesses" in words
    assert all(sentence in words for sentence in model_card.weaknesses(card))


def test_scores_stand_with_their_band_floor_baseline_and_protocol():
    card, app = read_card(PRETRAINED / "flowers_attention.json"), shown("flowers_attention")
    words = text(app)
    assert (
        f"{card.scores['FD']:.3g} ± {card.scores['FD_band']:.2f}" in words and f"{card.scores['FD_floor']:.3g}" in words
    )
    assert (
        f"{card.scores['FD_noise']:.0f}" in words
        and f"{card.scores['class_accuracy_real']:.0%}" in words
        and f"{card.scores['memorised']:.1%}" in words
    )
    assert card.scores["protocol"] in words and app.code[0].value == card.scores["command"]
    assert "sampler DPM-Solver++" in words and "steps 15" in words
    assert (
        f"{available()['flowers_attention'].with_suffix('.safetensors').stat().st_size / 2e6:.1f} million weights"
        in words
    )


def test_scores_that_only_some_models_have_are_shown_too():
    card = read_card(PRETRAINED / "flowers_cold.json")
    words = text(shown("flowers_cold"))
    assert (
        f"{card.scores['restored']['blur']['60']['one prediction']['PSNR']:.1f} dB" in words
        and "generated from snow" in words
    )
    assert ("FID", "21.3", "") in model_card.scores(
        replace(card, scores={"FID": 21.3, "FID_band": 0.1, "protocol": "p", "flag": True})
    )


def test_the_download_is_the_card_itself():
    (download,) = shown("flowers_simple").get("download_button")
    assert (
        download.proto.label.endswith("(JSON)")
        and json.loads((PRETRAINED / "flowers_simple.json").read_text())["name"] == "flowers_simple"
    )


def test_every_type_of_model_is_described():
    card = read_card(PRETRAINED / "flowers_attention.json")
    assert "one of 102 classes" in model_card.what(card)
    assert "conditioned on 2 attributes" in model_card.what(replace(card, classes=[], attributes=["a", "b"]))
    assert "conditioned on a sketch" in model_card.what(replace(card, classes=[], conditioning_image="a sketch"))
    assert "autoencoder" in model_card.what(replace(card, prediction_type="vae"))
    assert "for latent diffusion" in model_card.what(replace(card, prediction_type="autoencoder", classes=[]))
    assert "undoes blur, fade" in model_card.what(
        replace(card, prediction_type="restoration", classes=["blur", "fade"])
    )
    assert "classifier" in model_card.what(replace(card, prediction_type="class")) and "attributes" in model_card.what(
        replace(card, prediction_type="attributes", classes=[], attributes=["a"])
    )


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({"FD": 1.0, "FD_floor": 0.2}, "5.0 times that"),
        ({"class_accuracy": 0.9, "class_accuracy_real": 0.6}, "more typical"),
        ({"class_accuracy": 0.3, "class_accuracy_real": 0.6}, "does not always follow"),
        ({"memorised": 0.2}, "memorises"),
        ({"FD_generated": {"blur": 45.0, "fade": 90.0}}, "45 to 90"),
        ({"validation_accuracy": 0.6}, "40% of unseen"),
        ({}, "has not been evaluated"),
    ],
)
def test_weaknesses_follow_from_the_numbers(scores, words):
    card = replace(read_card(PRETRAINED / "flowers_attention.json"), scores=scores)
    found = " ".join(model_card.weaknesses(card))
    assert words in found
    assert words not in " ".join(
        model_card.weaknesses(replace(card, scores={"FD": 0.2, "FD_floor": 0.2, "memorised": 0.01}))
    )


def test_the_caution_of_a_card_comes_first():
    card = replace(read_card(PRETRAINED / "flowers_attention.json"), caution="It bites.")
    assert model_card.weaknesses(card)[0] == "It bites."


def test_a_nearly_empty_card_is_shown_too(tiny, tmp_path, monkeypatch):
    from diffusion_edu.checkpoints import Card

    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    save(tmp_path, Card("bare", "Bare <b>", "attention_unet", {"widths": [16, 32]}, "v", 16), tiny())
    words = text(shown("bare"))
    assert "no sheet" in words and "has not been evaluated" in words and "million weights" in words


def test_unreadable_cards_are_left_out(tmp_path, monkeypatch, tiny):
    from diffusion_edu.checkpoints import Card

    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    save(tmp_path, Card("good", "Good", "attention_unet", {}, "v", 16), tiny())
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "broken.safetensors").write_bytes(b"")
    assert (
        "good" in model_card.everything()
        and "broken" not in model_card.everything()
        and set(SHIPPED) <= set(model_card.everything())
    )


@pytest.mark.parametrize("page", ["streamlit_app.py", "pages/13_Evaluate_and_debug.py"])
def test_a_click_on_a_model_opens_its_card(page):
    app = healthy(opened(page))
    assert {f"{name_of(page)}.card:{name}" for name in SHIPPED} <= {button.key for button in app.button}
    for name in ("flowers_attention", "flower_classifier"):
        healthy(app.button(key=f"{name_of(page)}.card:{name}").click().run())
        assert model_card.what(read_card(PRETRAINED / f"{name}.json")) in text(app)
    healthy(app.run())
    assert "Known weaknesses" not in text(app)


@pytest.mark.parametrize("data", [{"images": 5, "held_out": 5}, {"images": 3, "held_out": 5}, {"images": 0}])
def test_more_held_out_images_than_there_are_leave_out_a_fact(data):
    card = replace(read_card(PRETRAINED / "flowers_simple.json"), data=data)
    assert model_card.facts(card)["Images seen"] == f"{card.training['images_seen']:,} in all"


def test_a_card_that_fails_says_so_in_words(monkeypatch):
    monkeypatch.setattr(model_card, "facts", lambda card: 1 / 0)
    app = AppTest.from_function(script, kwargs={"name": "flowers_simple"}, default_timeout=60).run()
    assert not app.exception and "written to the log" in app.error[0].value
