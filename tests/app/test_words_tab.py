"""The tabs Words, Prompt interpolation and Guidance of the text-to-image page, with a tiny model."""

import base64
import io
import json
import time

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_text_to_image import PROMPT, keep_talker, request_for, states

from diffusion_edu.analysis.attention import by_word, masking_guidance, recording_guidance
from diffusion_edu.analysis.measures import angle, distance
from diffusion_edu.denoisers import record_guidance
from diffusion_edu.latent.interpolation import interpolate
from diffusion_edu.latent.text_to_image import load_text_to_image

pytest.importorskip("streamlit.testing.v1")
from onscreen import finished, healthy, opened  # noqa: E402

from diffusion_edu.app.jobs.task import done_key  # noqa: E402

PAGE = "pages/11_Text_to_image.py"
WORDS, ABLATION = {"tab": "Words"}, {"tab": "Words", "words_view": "word ablation", "without": "tiger"}
INTERPOLATION = {"tab": "Prompt interpolation", "second_prompt": "a blue whale in the sea"}
VECTORS, SCALES = {"tab": "Guidance"}, {"tab": "Guidance", "guidance_view": "guidance scales"}
KEYS = {
    "cross-attention": WORDS,
    "word ablation": ABLATION,
    "prompt interpolation": INTERPOLATION,
    "prompt guidance vectors": VECTORS,
    "prompt guidance scales": SCALES,
}
PARTS = pytest.mark.parametrize(("key", "link"), KEYS.items(), ids=list(KEYS))


@pytest.fixture(autouse=True)
def talker(monkeypatch, tmp_path, tiny):
    """A tiny text-to-image model instead of the large one."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    keep_talker(tmp_path, tiny)


@pytest.fixture
def text_to_image():
    return load_text_to_image("talker")


def at(link, **more):
    return finished(opened(PAGE, **{"model": "talker", "prompt": PROMPT, "seed": "0", **link, **more}))


def done(app, key):
    return app.session_state["text." + done_key(key)]


def caption(app, key):
    return done(app, key).result[1]


def animation(app):
    """What the browser was given."""
    (part,) = app.get("bidi_component")
    return json.loads(part.proto.json)


def rows(sprite, size=16):
    """The images of a sprite, one under the other, uint8 (n, 3, size, size)."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(sprite.split(",")[1]))))
    return torch.from_numpy(pixels.copy()).view(-1, size, size, 3).permute(0, 3, 1, 2)


def has_info(app, words):
    """Whether the page shows this information."""
    return any(words in info.value for info in app.info)


def executed(app):
    """Run the code on the page; returns its variables and what it prints."""
    printed = []
    names = {"print": lambda *words: printed.append(words)}
    exec(next(code.value for code in app.code if "load_text_to_image(" in code.value), names)
    return names, printed


@PARTS
def test_every_tab_opens_with_its_result_and_a_rerun_computes_nothing(key, link):
    app = at(link)
    shown = animation(app)
    assert shown["id"] and "Computed in" in caption(app, key) and app.tabs[0].label == "Generate"
    assert animation(healthy(app.run()))["id"] == shown["id"] and f"text.job:{key}" not in app.session_state


# Cross-attention


def test_the_attention_fractions_on_screen_are_those_of_the_generation(text_to_image):
    app, recorded = at(WORDS), {}
    walk = states(request_for(text_to_image, seeds=[0]), recording_guidance(text_to_image.model.net, recorded))
    shown, words = animation(app), text_to_image.reader.read(PROMPT).words
    assert shown["words"] == ["start token", "A", "red", "tiger", "dives"] and shown["timesteps"] == [
        state.t for state in walk if state.t
    ]
    assert torch.equal(
        rows(shown["sprite"]), torch.cat([text_to_image.images(state.x0_hat) for state in walk if state.t])
    )
    packed = np.frombuffer(base64.b64decode(shown["weights"]), "<u2").reshape(3, 5, 64) / 65535
    for t, fraction, weights in zip(shown["timesteps"], shown["fractions"], packed, strict=True):
        wanted = by_word(recorded[t]["up.0.0.cross_attention"][0].double(), words).mean(0)
        assert fraction == pytest.approx(wanted.mean(0).tolist()) and sum(fraction) == pytest.approx(1, abs=5e-3)
        np.testing.assert_allclose(weights, wanted.T, atol=1e-5)


def test_layer_and_head_can_be_chosen_without_a_new_generation(text_to_image):
    app, recorded = at(WORDS), {}
    states(request_for(text_to_image, seeds=[0]), recording_guidance(text_to_image.model.net, recorded))
    before = done(app, "cross-attention")
    assert app.selectbox(key="text.layer").options == [
        "down · 8 × 8",
        "down · 4 × 4",
        "middle · 4 × 4",
        "up · 4 × 4",
        "up · 8 × 8",
    ]
    healthy(app.selectbox(key="text.layer").set_value("middle · 4 × 4").run())
    healthy(app.selectbox(key="text.head").set_value("head 2").run())
    shown, words = animation(app), text_to_image.reader.read(PROMPT).words
    assert done(app, "cross-attention") is before and shown["rows"] == 4
    for t, fraction in zip(shown["timesteps"], shown["fractions"], strict=True):
        assert fraction == pytest.approx(
            by_word(recorded[t]["middle.cross_attention"][0, 1].double(), words).mean(0).tolist()
        )
    healthy(app.selectbox(key="text.layer").set_value("up · 8 × 8").run())  # which has one head
    assert app.selectbox(key="text.head").value == "all heads" and animation(app)["rows"] == 8


def test_the_word_of_the_link_is_selected_if_it_is_in_the_prompt():
    assert animation(at(WORDS, word="red"))["word"] == 2
    app = at(WORDS, word="dives")
    assert animation(app)["word"] == 4
    finished(app.text_area(key="text.prompt").set_value("a whale and a whale").run())
    shown = animation(app)
    assert shown["words"] == ["start token", "a", "whale", "and", "a (2)", "whale (2)"] and shown["word"] == 2


# Word ablation


def test_images_of_word_ablation_are_those_of_the_library(text_to_image):
    app = at(ABLATION)
    tokens = dict(text_to_image.reader.read(PROMPT).words)["tiger"]
    whole = request_for(text_to_image, seeds=[0])
    walks = [
        states(whole),
        states(whole, masking_guidance(text_to_image.model.net, tokens)),
        states(request_for(text_to_image, "A red dives", [0])),
    ]
    shown = animation(app)
    assert [track["name"] for track in shown["tracks"]] == ["all words", "masked", "removed"]
    for track, walk in zip(shown["tracks"], walks, strict=True):
        assert torch.equal(rows(track["sprite"]), torch.cat([text_to_image.images(state.x0_hat) for state in walk]))
    (chart,) = shown["charts"]
    for series, walk in zip(chart["series"], walks[1:], strict=True):
        assert (
            series["y"] == pytest.approx([distance(a.x0_hat, b.x0_hat) for a, b in zip(walks[0], walk, strict=True)])
            and series["y"][-1] > 0.01
        )
    pixels = distance(text_to_image.images(walks[1][-1].x).float(), text_to_image.images(walks[0][-1].x).float())
    assert f"{pixels:.0f} of 255 in pixels" in caption(app, "word ablation")


def test_several_words_can_be_removed_even_all_but_not_none():
    app = at(ABLATION)
    finished(app.multiselect(key="text.without").set_value(["A", "red", "tiger", "dives"]).run())
    assert done(app, "word ablation").request.rest == "" and done(app, "word ablation").request.tokens == (1, 2, 3, 4)
    healthy(app.multiselect(key="text.without").set_value([]).run())
    assert has_info(app, "Choose at least one word")
    finished(app.text_area(key="text.prompt").set_value("a blue whale").run())
    assert app.multiselect(key="text.without").options == ["a", "blue", "whale"]


# Prompt interpolation


def test_two_prompts_and_their_interpolations_start_from_the_same_noise(text_to_image):
    app = at(INTERPOLATION)
    a, b = request_for(text_to_image, seeds=[0]), request_for(text_to_image, INTERPOLATION["second_prompt"], [0])
    walks = [states(a), *(states(interpolate(a, b, [fraction])) for fraction in (0.25, 0.5, 0.75)), states(b)]
    shown = animation(app)
    assert [track["name"] for track in shown["tracks"]] == ["A", "25%", "50%", "75%", "B"]
    assert all(torch.equal(walk[0].x, walks[0][0].x) for walk in walks)
    for track, walk in zip(shown["tracks"], walks, strict=True):
        assert torch.equal(rows(track["sprite"]), torch.cat([text_to_image.images(state.x0_hat) for state in walk]))
    far = [series["y"] for series in shown["charts"][0]["series"]]
    assert all(near[0] < further[0] for near, further in zip(far, far[1:], strict=False))


def test_swap_exchanges_both_prompts():
    app = at(INTERPOLATION)
    first = animation(app)["tracks"]
    finished(next(button for button in app.button if button.label == "Swap").click().run())
    assert (app.text_area(key="text.prompt").value, app.text_input(key="text.second_prompt").value) == (
        INTERPOLATION["second_prompt"],
        PROMPT,
    )
    second = animation(app)["tracks"]
    assert second[0]["sprite"] == first[-1]["sprite"] and second[-1]["sprite"] == first[0]["sprite"]


def test_without_interpolations_there_are_two_images():
    app = at(INTERPOLATION, interpolations="0")
    assert [track["name"] for track in animation(app)["tracks"]] == ["A", "B"]
    finished(app.text_input(key="text.second_prompt").set_value(PROMPT).run())
    assert "the same image" in caption(app, "prompt interpolation")


# Guidance


def test_the_three_predictions_are_those_of_the_sampling(text_to_image):
    app, recorded = at(VECTORS), {}
    walk = states(request_for(text_to_image, seeds=[0]), record_guidance(recorded))
    shown = animation(app)
    assert [track["name"] for track in shown["tracks"]] == ["xt", "x̂∅", "x̂c", "c − ∅", "x̂g"]
    for k, state in enumerate(state for state in walk if state.t):
        u, c, g = recorded[state.t]
        assert (
            torch.equal(g, state.x0_hat)
            and f"the distance from ∅ to c is {distance(c, u):.3f}, the angle {angle(u, c):.1f}°" in shown["says"][k]
        )
        images = text_to_image.images(torch.cat([state.x, u, c, g]))
        for track, image in zip([*shown["tracks"][:3], shown["tracks"][4]], images, strict=True):
            assert (rows(track["sprite"])[k].int() - image.int()).abs().max() <= 1  # four decoded at once
    assert "the mean of all latents" in caption(app, "prompt guidance vectors") and "clipped" not in json.dumps(
        shown["tracks"][4]["says"]
    )


def test_a_negative_prompt_takes_the_place_of_the_unconditional_prediction():
    app = at(VECTORS, negative="the deep sea")
    assert animation(app)["tracks"][1]["words"] == "“the deep sea”" and "(“the deep sea”, ∅)" in caption(
        app, "prompt guidance vectors"
    )
    app = at(VECTORS, negative="the deep sea", guidance_scale="1.0")
    assert animation(app)["tracks"][1]["words"] == "no condition"


def test_four_guidance_scales_start_from_the_same_noise(text_to_image):
    shown = animation(at(SCALES))
    assert [track["name"] for track in shown["tracks"]] == ["scale 1", "scale 2", "scale 4", "scale 8"]
    for track, guidance_scale in zip(shown["tracks"], (1.0, 2.0, 4.0, 8.0), strict=True):
        assert torch.equal(
            rows(track["sprite"])[-1:],
            text_to_image.images(states(request_for(text_to_image, seeds=[0], guidance_scale=guidance_scale))[-1].x),
        )


# The code


def test_the_code_reads_the_same_fractions():
    app = at(WORDS, head="head 1", layer="up · 4 × 4")
    _, printed = executed(app)
    assert [words[0] for words in printed] == animation(app)["timesteps"]
    assert [words[1] for words in printed] == [pytest.approx(fraction) for fraction in animation(app)["fractions"]]


@pytest.mark.parametrize("link", [ABLATION, INTERPOLATION, SCALES], ids=["ablation", "interpolation", "scales"])
def test_the_code_generates_the_same_images_and_measures_the_same_distances(link):
    app = at(link)
    names, printed = executed(app)
    shown = animation(app)
    assert [words[0] for words in printed] == shown["timesteps"]
    for k, series in enumerate(shown["charts"][0]["series"]):
        assert [words[1][k] for words in printed] == pytest.approx(series["y"])
    for image, track in zip(names["images"], shown["tracks"], strict=True):
        assert torch.equal(image, rows(track["sprite"])[-1:])


def test_the_code_makes_the_same_predictions():
    app = at(VECTORS)
    names, printed = executed(app)
    shown = animation(app)
    lengths = shown["charts"][1]["series"]
    for k, (t, values, turned) in enumerate(printed):
        assert t == shown["timesteps"][k] and f"the angle {turned:.1f}°" in shown["says"][k]
        assert values == [pytest.approx(series["y"][k]) for series in lengths]
    assert len(names["images"]) == 4


# Bad input


@pytest.mark.parametrize(
    ("prompt", "link"), [("", WORDS), ("тигр", WORDS), ("🐯", VECTORS), ("  ", ABLATION)], ids=ascii
)
def test_without_a_known_word_there_is_one_sentence(prompt, link):
    app = at(link)
    finished(app.text_area(key="text.prompt").set_value(prompt).run())
    assert has_info(app, "no word in the prompt") and not app.get("bidi_component") and not app.error


def test_both_prompts_may_be_empty():
    app = at(INTERPOLATION)
    finished(app.text_area(key="text.prompt").set_value("").run())
    assert animation(app)["tracks"][0]["words"] == "unconditional"
    finished(app.text_input(key="text.second_prompt").set_value("").run())
    assert "the same image" in caption(app, "prompt interpolation")


def test_a_prompt_of_ten_thousand_characters_is_cut():
    app = at(WORDS, prompt="deep sea, " * 1000)
    shown = animation(app)
    assert 50 < len(shown["words"]) <= 77 and len(set(shown["words"])) == len(shown["words"])
    assert any("The prompt is long" in caption.value for caption in app.caption)


def test_typed_text_is_not_read_as_markdown():
    assert "most of the rest to \\* " in caption(at(WORDS, prompt="* *"), "cross-attention")


def test_a_guidance_scale_of_0_gets_one_sentence():
    app = at(WORDS, guidance_scale="0.0")
    assert has_info(app, "A guidance scale of 0 ignores") and not app.get("bidi_component")
    assert animation(at(VECTORS, guidance_scale="0.0"))["tracks"]  # both predictions are made all the same


@PARTS
def test_a_link_with_nonsense_in_it_opens_all_the_same(key, link):
    nonsense = dict.fromkeys(
        ("words_view", "layer", "head", "word", "without", "interpolations", "guidance_view", "second_prompt"), "x y"
    ) | {"tab": link["tab"]}
    assert animation(at(nonsense))["id"]


@PARTS
def test_altered_weights_get_one_sentence(key, link, tmp_path):
    with (tmp_path / "talker.safetensors").open("r+b") as file:
        file.seek(20_000)
        file.write(b"altered")
    app = at(link)
    assert "talker.safetensors" in app.error[0].value and not app.get("bidi_component")


def test_a_cancelled_task_waits_for_the_button(monkeypatch):
    from diffusion_edu.app.text_to_image.attention_recording import AttentionRecording

    plain = AttentionRecording.run

    def slowly(self, text_to_image):
        for frame in plain(self, text_to_image):
            time.sleep(0.4)
            yield frame

    monkeypatch.setattr(AttentionRecording, "run", slowly)
    app = opened(PAGE, model="talker", prompt=PROMPT, **WORDS)
    job = app.session_state["text.job:cross-attention"]
    healthy(next(button for button in app.button if button.label == "Cancel").click().run())
    assert job.cancelled and not app.get("bidi_component")
    monkeypatch.setattr(AttentionRecording, "run", plain)
    finished(next(button for button in app.button if button.label == "Continue").click().run())
    assert animation(app)["words"][0] == "start token"


def test_of_many_timesteps_some_are_kept(text_to_image):
    app = at(WORDS, steps="100")
    assert len(animation(app)["timesteps"]) <= 41 and animation(app)["timesteps"][0] == 1000
    app = at(VECTORS, steps="100")
    assert len(animation(app)["timesteps"]) <= 41
    app = at(ABLATION, steps="100")
    shown = animation(app)
    assert len(shown["timesteps"]) == 41 and shown["timesteps"][-1] == 0
    assert torch.equal(
        rows(shown["tracks"][0]["sprite"])[-1:],
        text_to_image.images(states(request_for(text_to_image, seeds=[0], steps=100))[-1].x),
    )
