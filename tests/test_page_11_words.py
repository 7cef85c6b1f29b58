"""The parts Words, Two prompts and Guidance of the text-to-image page under Streamlit's own test, with a tiny model."""

import base64
import io
import json
import time

import numpy as np
import pytest
import torch
from PIL import Image
from test_words import PROMPT, asked, keep_talker, states

from diffusion_edu.analysis.attention import by_word, masking_guidance, recording_guidance
from diffusion_edu.analysis.measures import angle, distance
from diffusion_edu.denoisers import record_guidance
from diffusion_edu.latent.interpolation import interpolate
from diffusion_edu.latent.text_to_image import load_text_to_image

pytest.importorskip("streamlit.testing.v1")
from onscreen import finished, healthy, opened  # noqa: E402

PAGE = "pages/11_Text_to_image.py"
WORDS, WITHOUT = {"tab": "Words"}, {"tab": "Words", "words": "without a word", "gone": "tiger"}
TWO = {"tab": "Two prompts", "other": "a blue whale in the sea"}
VECTORS, SCALES = {"tab": "Guidance"}, {"tab": "Guidance", "pull": "four scales"}
KEYS = {
    "words heard": WORDS,
    "words gone": WITHOUT,
    "two prompts": TWO,
    "prompt vectors": VECTORS,
    "prompt scales": SCALES,
}
PARTS = pytest.mark.parametrize(("key", "link"), KEYS.items(), ids=list(KEYS))


@pytest.fixture(autouse=True)
def talker(monkeypatch, tmp_path, tiny):
    """A tiny model that is told captions in the place of the large one."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    keep_talker(tmp_path, tiny)


@pytest.fixture
def able():
    return load_text_to_image("talker")


def at(link, **more):
    return finished(opened(PAGE, **{"model": "talker", "prompt": PROMPT, "seed": "0", **link, **more}))


def done(app, key):
    return app.session_state[f"done:{key}"]


def animation(app):
    """What the browser was given."""
    (part,) = app.get("bidi_component")
    return json.loads(part.proto.json)


def rows(sprite, size=16):
    """The images of a sprite, one under the other, uint8 (n, 3, size, size)."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(sprite.split(",")[1]))))
    return torch.from_numpy(pixels.copy()).view(-1, size, size, 3).permute(0, 3, 1, 2)


def told(app, words):
    """Whether the page says this."""
    return any(words in info.value for info in app.info)


def executed(app):
    """What the lines that are shown make and print."""
    printed = []
    names = {"print": lambda *words: printed.append(words)}
    exec(next(code.value for code in app.code if "load_text_to_image(" in code.value), names)
    return names, printed


@PARTS
def test_every_part_opens_with_its_image_and_runs_again_without_drawing_again(key, link):
    app = at(link)
    shown = animation(app)
    assert shown["id"] and "Computed in" in done(app, key)[2] and app.tabs[0].label == "Draw"
    assert animation(healthy(app.run()))["id"] == shown["id"] and f"job:{key}" not in app.session_state


# Where it looks


def test_the_fractions_on_screen_are_those_of_the_drawing(able):
    app, heard = at(WORDS), {}
    walk = states(asked(able, seeds=[0]), recording_guidance(able.model.net, heard))
    shown, words = animation(app), able.reader.read(PROMPT).words
    assert shown["said"] == ["the start", "A", "red", "tiger", "dives"] and shown["timesteps"] == [
        state.t for state in walk if state.t
    ]
    assert torch.equal(rows(shown["sprite"]), torch.cat([able.images(state.x0_hat) for state in walk if state.t]))
    packed = np.frombuffer(base64.b64decode(shown["looks"]), "<u2").reshape(3, 5, 64) / 65535
    for t, fraction, looks in zip(shown["timesteps"], shown["fractions"], packed, strict=True):
        wanted = by_word(heard[t]["up.0.0.listen"][0].double(), words).mean(0)
        assert fraction == pytest.approx(wanted.mean(0).tolist()) and sum(fraction) == pytest.approx(1, abs=5e-3)
        np.testing.assert_allclose(looks, wanted.T, atol=1e-5)


def test_a_layer_and_a_head_may_be_chosen_and_nothing_is_sampled_again(able):
    app, heard = at(WORDS), {}
    states(asked(able, seeds=[0]), recording_guidance(able.model.net, heard))
    before = done(app, "words heard")
    assert app.selectbox(key="layer").options == [
        "down · 8 × 8",
        "down · 4 × 4",
        "middle · 4 × 4",
        "up · 4 × 4",
        "up · 8 × 8",
    ]
    healthy(app.selectbox(key="layer").set_value("middle · 4 × 4").run())
    healthy(app.selectbox(key="head").set_value("head 2").run())
    shown, words = animation(app), able.reader.read(PROMPT).words
    assert done(app, "words heard") is before and shown["rows"] == 4
    for t, fraction in zip(shown["timesteps"], shown["fractions"], strict=True):
        assert fraction == pytest.approx(by_word(heard[t]["middle.listen"][0, 1].double(), words).mean(0).tolist())
    healthy(app.selectbox(key="layer").set_value("up · 8 × 8").run())  # which has one head
    assert app.selectbox(key="head").value == "all heads" and animation(app)["rows"] == 8


def test_the_word_of_the_link_is_lit_and_one_that_is_gone_is_not_missed():
    assert animation(at(WORDS, word="red"))["word"] == 2
    app = at(WORDS, word="dives")
    assert animation(app)["word"] == 4
    finished(app.text_area(key="prompt").set_value("a whale and a whale").run())
    shown = animation(app)
    assert shown["said"] == ["the start", "a", "whale", "and", "a (2)", "whale (2)"] and shown["word"] == 2


# Without a word


def test_images_without_a_word_are_those_of_the_library(able):
    app = at(WITHOUT)
    places = dict(able.reader.read(PROMPT).words)["tiger"]
    whole = asked(able, seeds=[0])
    walks = [states(whole), states(whole, masking_guidance(able.model.net, places)), states(asked(able, "A red dives", [0]))]
    shown = animation(app)
    assert [screen["name"] for screen in shown["tracks"]] == ["all words", "not looked at", "left out"]
    for screen, walk in zip(shown["tracks"], walks, strict=True):
        assert torch.equal(rows(screen["sprite"]), torch.cat([able.images(state.x0_hat) for state in walk]))
    (chart,) = shown["charts"]
    for series, walk in zip(chart["series"], walks[1:], strict=True):
        assert (
            series["y"] == pytest.approx([distance(a.x0_hat, b.x0_hat) for a, b in zip(walks[0], walk, strict=True)])
            and series["y"][-1] > 0.01
        )
    pixels = distance(able.images(walks[1][-1].x).float(), able.images(walks[0][-1].x).float())
    assert f"{pixels:.0f} of 255 in pixels" in done(app, "words gone")[2]


def test_several_words_may_go_even_all_and_none_is_asked_for():
    app = at(WITHOUT)
    finished(app.multiselect(key="gone").set_value(["A", "red", "tiger", "dives"]).run())
    assert done(app, "words gone")[0].rest == "" and done(app, "words gone")[0].tokens == (1, 2, 3, 4)
    healthy(app.multiselect(key="gone").set_value([]).run())
    assert told(app, "Choose at least one word")
    finished(app.text_area(key="prompt").set_value("a blue whale").run())
    assert app.multiselect(key="gone").options == ["a", "blue", "whale"]


# Two prompts


def test_two_prompts_and_what_lies_between_them_begin_with_the_same_noise(able):
    app = at(TWO)
    a, b = asked(able, seeds=[0]), asked(able, TWO["other"], [0])
    walks = [states(a), *(states(interpolate(a, b, [fraction])) for fraction in (0.25, 0.5, 0.75)), states(b)]
    shown = animation(app)
    assert [screen["name"] for screen in shown["tracks"]] == ["A", "25%", "50%", "75%", "B"]
    assert all(torch.equal(walk[0].x, walks[0][0].x) for walk in walks)
    for screen, walk in zip(shown["tracks"], walks, strict=True):
        assert torch.equal(rows(screen["sprite"]), torch.cat([able.images(state.x0_hat) for state in walk]))
    far = [series["y"] for series in shown["charts"][0]["series"]]
    assert all(near[0] < further[0] for near, further in zip(far, far[1:], strict=False))


def test_swap_makes_of_a_b_and_of_b_a():
    app = at(TWO)
    first = animation(app)["tracks"]
    finished(next(button for button in app.button if button.label == "Swap").click().run())
    assert (app.text_area(key="prompt").value, app.text_input(key="other").value) == (TWO["other"], PROMPT)
    second = animation(app)["tracks"]
    assert second[0]["sprite"] == first[-1]["sprite"] and second[-1]["sprite"] == first[0]["sprite"]


def test_without_images_between_there_are_two():
    app = at(TWO, between="0")
    assert [screen["name"] for screen in animation(app)["tracks"]] == ["A", "B"]
    finished(app.text_input(key="other").set_value(PROMPT).run())
    assert "the same image" in done(app, "two prompts")[2]


# Guidance


def test_the_three_predictions_are_those_of_the_walk(able):
    app, noted = at(VECTORS), {}
    walk = states(asked(able, seeds=[0]), record_guidance(noted))
    shown = animation(app)
    assert [screen["name"] for screen in shown["tracks"]] == ["xt", "x̂∅", "x̂c", "c − ∅", "x̂g"]
    for k, state in enumerate(state for state in walk if state.t):
        u, c, g = noted[state.t]
        assert (
            torch.equal(g, state.x0_hat)
            and f"{distance(c, u):.3f} from ∅, at an angle of {angle(u, c):.1f}°" in shown["says"][k]
        )
        images = able.images(torch.cat([state.x, u, c, g]))
        for screen, image in zip([*shown["tracks"][:3], shown["tracks"][4]], images, strict=True):
            assert (rows(screen["sprite"])[k].int() - image.int()).abs().max() <= 1  # four decoded at once
    assert "the mean of all latents" in done(app, "prompt vectors")[2] and "clipped" not in json.dumps(
        shown["tracks"][4]["says"]
    )


def test_with_a_negative_prompt_guidance_leads_away_from_it():
    app = at(VECTORS, negative="the deep sea")
    assert (
        animation(app)["tracks"][1]["words"] == "“the deep sea”"
        and "for “the deep sea” (∅)" in done(app, "prompt vectors")[2]
    )
    app = at(VECTORS, negative="the deep sea", guidance_scale="1.0")
    assert animation(app)["tracks"][1]["words"] == "anything"


def test_four_scales_are_sampled_from_one_noise(able):
    shown = animation(at(SCALES))
    assert [screen["name"] for screen in shown["tracks"]] == ["guidance 1", "guidance 2", "guidance 4", "guidance 8"]
    for screen, guidance_scale in zip(shown["tracks"], (1.0, 2.0, 4.0, 8.0), strict=True):
        assert torch.equal(
            rows(screen["sprite"])[-1:],
            able.images(states(asked(able, seeds=[0], guidance_scale=guidance_scale))[-1].x),
        )


# The code


def test_the_code_reads_the_same_fractions():
    app = at(WORDS, head="head 1", layer="up · 4 × 4")
    _, printed = executed(app)
    assert [words[0] for words in printed] == animation(app)["timesteps"]
    assert [words[1] for words in printed] == [pytest.approx(fraction) for fraction in animation(app)["fractions"]]


@pytest.mark.parametrize("link", [WITHOUT, TWO, SCALES], ids=["without", "two", "scales"])
def test_the_code_draws_the_same_images_and_measures_the_same(link):
    app = at(link)
    names, printed = executed(app)
    shown = animation(app)
    assert [words[0] for words in printed] == shown["timesteps"]
    for k, series in enumerate(shown["charts"][0]["series"]):
        assert [words[1][k] for words in printed] == pytest.approx(series["y"])
    for image, screen in zip(names["images"], shown["tracks"], strict=True):
        assert torch.equal(image, rows(screen["sprite"])[-1:])


def test_the_code_makes_the_same_predictions():
    app = at(VECTORS)
    names, printed = executed(app)
    shown = animation(app)
    lengths = shown["charts"][1]["series"]
    for k, (t, values, turned) in enumerate(printed):
        assert t == shown["timesteps"][k] and f"angle of {turned:.1f}°" in shown["says"][k]
        assert values == [pytest.approx(series["y"][k]) for series in lengths]
    assert len(names["images"]) == 4


# Bad input


@pytest.mark.parametrize(
    ("prompt", "link"), [("", WORDS), ("тигр", WORDS), ("🐯", VECTORS), ("  ", WITHOUT)], ids=ascii
)
def test_without_a_word_that_is_known_there_is_nothing_to_look_into_and_the_part_says_so(prompt, link):
    app = at(link)
    finished(app.text_area(key="prompt").set_value(prompt).run())
    assert told(app, "no word in the prompt") and not app.get("bidi_component") and not app.error


def test_two_prompts_may_say_nothing():
    app = at(TWO)
    finished(app.text_area(key="prompt").set_value("").run())
    assert animation(app)["tracks"][0]["words"] == "anything"
    finished(app.text_input(key="other").set_value("").run())
    assert "the same image" in done(app, "two prompts")[2]


def test_a_prompt_of_ten_thousand_characters_is_cut_and_looked_into():
    app = at(WORDS, prompt="deep sea, " * 1000)
    shown = animation(app)
    assert 50 < len(shown["said"]) <= 77 and len(set(shown["said"])) == len(shown["said"])
    assert any("The prompt is long" in caption.value for caption in app.caption)


def test_what_was_typed_is_no_markdown():
    assert "most of the others to \\* " in done(at(WORDS, prompt="* *"), "words heard")[2]


def test_guidance_0_hears_no_words_and_the_part_says_so():
    app = at(WORDS, guidance_scale="0.0")
    assert told(app, "Guidance 0 does not listen") and not app.get("bidi_component")
    assert animation(at(VECTORS, guidance_scale="0.0"))["tracks"]  # both predictions are made all the same


@PARTS
def test_a_link_with_nonsense_in_it_opens_all_the_same(key, link):
    nonsense = dict.fromkeys(("words", "layer", "head", "word", "gone", "between", "pull", "other"), "x y") | {
        "tab": link["tab"]
    }
    assert animation(at(nonsense))["id"]


@PARTS
def test_altered_weights_are_told_in_one_sentence(key, link, tmp_path):
    with (tmp_path / "talker.safetensors").open("r+b") as file:
        file.seek(20_000)
        file.write(b"altered")
    app = at(link)
    assert "talker.safetensors" in app.error[0].value and not app.get("bidi_component")


def test_what_was_cancelled_waits_until_it_is_asked_for_again(monkeypatch):
    from diffusion_edu.app.text_to_image.attention_animation import Heard

    plain = Heard.draw

    def slowly(self, able):
        for moment in plain(self, able):
            time.sleep(0.4)
            yield moment

    monkeypatch.setattr(Heard, "draw", slowly)
    app = opened(PAGE, model="talker", prompt=PROMPT, **WORDS)
    job = app.session_state["job:words heard"]
    healthy(next(button for button in app.button if button.label == "Cancel").click().run())
    assert job.cancelled and not app.get("bidi_component")
    monkeypatch.setattr(Heard, "draw", plain)
    finished(next(button for button in app.button if button.label == "Go on").click().run())
    assert animation(app)["said"][0] == "the start"


def test_long_walks_keep_some_timesteps_only(able):
    app = at(WORDS, steps="100")
    assert len(animation(app)["timesteps"]) <= 41 and animation(app)["timesteps"][0] == 1000
    app = at(VECTORS, steps="100")
    assert len(animation(app)["timesteps"]) <= 41
    app = at(WITHOUT, steps="100")
    shown = animation(app)
    assert len(shown["timesteps"]) == 41 and shown["timesteps"][-1] == 0
    assert torch.equal(
        rows(shown["tracks"][0]["sprite"])[-1:], able.images(states(asked(able, seeds=[0], steps=100))[-1].x)
    )
