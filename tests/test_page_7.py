"""Inside the U-Net: the map, the activations, the looks, what is told, and the page that shows them."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu.analysis.activations import anatomy as take
from diffusion_edu.analysis.activations import dead, during, likeness, principal, recorded, strength
from diffusion_edu.analysis.attention import attention_off, looking
from diffusion_edu.checkpoints import Card, Unusable, load, save
from diffusion_edu.core import State
from diffusion_edu.generation import Preset, generate
from diffusion_edu.schedules import cosine

pytest.importorskip("streamlit.testing.v1")
from onscreen import finished, healthy, opened  # noqa: E402

from diffusion_edu.app.unet import activation_animation, activations, diagram, embeddings

INSIDE = "pages/7_Inside_the_U-Net.py"
SIMPLE = "Flowers, simple U-Net"


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Walks of three steps."""
    monkeypatch.setattr(activations, "PRESET", Preset(steps=3, guidance_scale=1.0))


@pytest.fixture(scope="module")
def model():
    return load("flowers_attention")


@pytest.fixture(scope="module")
def taken(model):
    return take(model.denoiser(cosine()), torch.zeros(1, 3, 64, 64), 400)


def shown(**link):
    return finished(healthy(opened(INSIDE, **link)))


def given(app, number=0):
    return json.loads(app.get("bidi_component")[number].proto.json)


def printed(app):
    """Run the code that the page shows, and return what it prints."""
    lines = []
    exec(
        app.code[0].value,
        {
            "print": lambda *words: lines.append(
                [word.item() if isinstance(word, torch.Tensor) else word for word in words]
            )
        },
    )
    return lines


def pixels(url):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))))


def states(levels=(60, 30), size=8):
    generator = torch.Generator().manual_seed(0)
    return [State(t, *torch.randn(2, 1, 3, size, size, generator=generator)) for t in levels]


def test_the_map_is_a_u_of_all_parts_and_nothing_overlaps(taken):
    parts = diagram.spatial(taken)
    for width in (900, 470):
        at = list(diagram.boxes(parts, width).values())
        assert (
            all(a.x + a.wide < b.x for a, b in zip(at, at[1:], strict=False))
            and at[0].x > 0
            and at[-1].x + at[-1].wide < width
        )
        heights = [part.gives[1] for part in parts]
        for (a, b), (h, g) in zip(zip(at, at[1:], strict=False), zip(heights, heights[1:], strict=False), strict=True):
            assert (a.y < b.y) == (h > g) and (a.y == b.y) == (h == g)
        wide = {part.gives[0]: box.wide for part, box in zip(parts, at, strict=True)}
        assert [wide[c] for c in sorted(wide)] == sorted(wide.values())
    svg = diagram.draw(taken, (3, 64, 64), "middle.self_attention")
    assert re.findall(r'data-part="([^"]+)"', svg) == [part.name for part in parts]
    assert svg.count('class="skip"') == len(taken.skips) == 3 and svg.count('class="dot"') == sum(
        part.told for part in taken.parts
    )
    assert svg.count('aria-pressed="true"') == 1 and svg.count("part attention") == 3


def test_the_description_of_a_part_holds_its_numbers(taken):
    part = taken.part("up.0.0.block")
    says = diagram.describe(taken, part)
    assert f"{part.parameters:,} parameters" in says and f"{taken.fraction(part):.0%} of the arithmetic" in says
    assert "128×32×32 → 64×32×32" in says and "skip from `down.0.0.block`" in says and "told the level" in says
    assert "skip to `up.0.0.block`" in diagram.describe(taken, taken.part("down.0.0.block"))
    assert diagram.count(999) == "999" and diagram.count(1_518_731_264) == "1.5 G" and diagram.count(263_680) == "264 k"
    assert (diagram.percent(0), diagram.percent(0.004), diagram.percent(0.16)) == ("0%", "<1%", "16%")


def test_every_class_name_of_part_has_its_words(tiny):
    from diffusion_edu.analysis.activations import parts_of

    for config in ({"classes": 2}, {"attributes": 2}, {"network": "simple_unet"}):
        assert {type(part).__name__ for part in parts_of(tiny(**config)).values()} <= set(diagram.CLASS_NAMES)


def test_the_channels_animation_shows_the_strongest_first_each_with_its_own_contrast():
    h = torch.randn(2, 40, 4, 4, generator=torch.Generator().manual_seed(1)) * torch.arange(40)[:, None, None]
    animation = activation_animation.channels_animation(states(), h.split(1), 100)
    assert (
        animation["channels"] == strength(h).mean(0).argsort(descending=True)[: activation_animation.MOST].tolist()
        and len(animation["channels"]) == activation_animation.MOST
    )
    sheet = pixels(animation["maps"])
    assert sheet.shape == (2 * 4, 4 * activation_animation.MOST, 3)
    first = h[1, animation["channels"][0]]
    expected = 127.5 + 127.5 * (first - first.mean()) / (activation_animation.REACH * first.std(correction=0))
    assert np.abs(sheet[4:, :4, 0] - expected.clamp(0, 255).numpy()).max() <= 0.5
    assert animation["strengths"][1][0] == f"{first.std(correction=0):.2g}"
    assert (
        f"mean {h[0].mean():.2f}, standard deviation {h[0].std(correction=0):.2f}, dead {dead(h[0]):.0%}"
        in animation["says"][0]
    )
    assert animation["charts"][0]["series"][0]["y"] == pytest.approx(h.mean((1, 2, 3)).tolist())
    assert (
        activation_animation.channels_animation(states(), h.split(1), 100)["id"]
        == animation["id"]
        != activation_animation.channels_animation(states(), (2 * h).split(1), 100)["id"]
    )


def test_a_channel_that_says_nothing_is_grey_and_does_no_harm():
    animation = activation_animation.channels_animation(states(), [torch.zeros(1, 3, 4, 4)] * 2, 100)
    assert np.unique(pixels(animation["maps"])).tolist() == [128] and "dead 100%" in animation["says"][0]


def test_the_looks_animation_holds_every_weight_to_sixteen_bits():
    looks = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)).softmax(-1)
    on, off = states(), states((60, 30))
    animation = activation_animation.looks_animation(on, looks.split(1), off, (2, 3), 100)
    back = np.frombuffer(base64.b64decode(animation["looks"]), "<u2").reshape(2, 3, 6, 6) / 65535
    assert np.abs(back - looks.numpy()).max() <= 0.5 / 65535 + 1e-7
    assert (animation["heads"], animation["rows"], animation["columns"]) == (3, 2, 3) and animation["apart"] == [
        "Off by 0 of 255."
    ] * 2
    assert [screen["name"] for screen in animation["tracks"]] == ["x0_hat", "off"]


def test_the_page_opens_with_the_map_and_the_numbers_of_the_library(taken):
    app = shown()
    assert len(app.title) == 1 and given(app)["look"] == "map"
    (drawing,) = given(app)["samples"]
    assert f"{taken.parameters / 1e6:.1f} M parameters, {taken.flops / 1e9:.1f} GFLOP" in drawing["title"]
    assert len(re.findall("data-part", drawing["svg"])) == len(diagram.spatial(taken))
    *parts, (skips, parameters, flops) = printed(app)
    assert (skips, parameters, flops) == (taken.skips, taken.parameters, taken.flops)
    assert [(part[0], part[4]) for part in parts] == [(part.name, part.parameters) for part in taken.parts]
    app.selectbox(key="stage").set_value("middle.self_attention").run()
    assert any("`middle.self_attention`, attention" in words.value for words in healthy(app).markdown)
    app.selectbox(key="beside").set_value(SIMPLE).run()
    assert [drawing["title"].split(":")[0] for drawing in given(healthy(app))["samples"]] == [
        "Flowers, attention U-Net",
        SIMPLE,
    ]


def test_the_activations_on_screen_are_those_of_the_walk_and_the_code_repeats_them(model):
    app = shown(look="activations", stage="middle.block", asked="rose", seed="7")
    animation, preset = given(app), activations.PRESET
    walk = generate(model, preset, [7], [model.card.label("rose")])
    said = [
        (state.t, said["middle.block"][0].float())
        for state, said in during(walk, lambda: recorded(model.net, ["middle.block"]))
        if state.t
    ]
    assert animation["levels"] == [t for t, _ in said]
    h = torch.cat([h for _, h in said])
    assert animation["channels"] == strength(h).mean(0).argsort(descending=True)[: activation_animation.MOST].tolist()
    for (t, mean, std, fraction, best), (level, values), says in zip(
        printed(app), said, animation["says"], strict=True
    ):
        assert t == level and best == strength(values).argmax().item() and fraction == dead(values).item()
        assert f"mean {mean:.2f}, standard deviation {std:.2f}, dead {fraction:.0%}" in says


def test_the_looks_on_screen_are_those_of_the_walk_and_the_code_repeats_them(model):
    app = shown(look="attention", layer="middle.self_attention", row="2", column="7")
    animation = given(app)
    assert animation["place"] == [1, 6]
    label = [model.card.label("sunflower")]
    walks = [generate(model, activations.PRESET, [0], label) for _ in range(2)]
    on = [(s, looks["middle.self_attention"][0]) for s, looks in during(walks[0], lambda: looking(model.net)) if s.t]
    off = [s for s, _ in during(walks[1], lambda: attention_off(model.net)) if s.t]
    back = np.frombuffer(base64.b64decode(animation["looks"]), "<u2").reshape(3, 8, 64, 64) / 65535
    assert np.abs(back - torch.cat([looks for _, looks in on]).float().numpy()).max() < 1e-5
    rows = printed(app)
    assert len(rows) == 3
    for (t, total, _, apart), (state, _), without in zip(rows, on, off, strict=True):
        assert t == state.t and total == pytest.approx(1, abs=5e-3)
        assert apart == (state.x0_hat - without.x0_hat).std().item() > 0


@pytest.mark.parametrize("look", ["activations", "attention"])
def test_one_of_ours_is_noised_and_the_code_repeats_it(look):
    app = shown(look=look, given="one of ours", class_name="rose", number="2", seed="3")
    animation = given(app)
    assert (
        animation["levels"][0] == 1000
        and len(animation["levels"]) == 3
        and any("A rose of ours" in caption.value for caption in app.caption)
    )
    rows = printed(app)
    assert [row[0] for row in rows] == animation["levels"]
    if look == "activations":
        assert all(f"mean {mean:.2f}" in says for (_, mean, *_), says in zip(rows, animation["says"], strict=True))


def test_a_network_without_attention_says_so_and_the_page_lives():
    app = healthy(opened(INSIDE, look="attention", model=SIMPLE))
    assert "no attention" in app.info[0].value and not app.get("bidi_component")


def test_the_level_is_told_as_the_library_says_and_the_code_repeats_it(model):
    app = shown(look="level", stage="down.1.0.block")
    titles = [drawing["title"] for drawing in given(app)["samples"]]
    assert len(titles) == 5 and titles[3].endswith("Scale of down.1.0.block")
    assert all("<svg" in drawing["svg"] for drawing in given(app)["samples"])
    names = {}
    exec(app.code[0].value, names)
    seen = embeddings.telling("flowers_attention", model.card.sha256, "down.1.0.block.modulate")
    assert names["levels"] == embeddings.levels() and names["levels"][0] == 1000 and names["levels"][-1] == 0
    assert torch.equal(names["table"], seen.waves) and torch.equal(names["embedding"], seen.embedding)
    assert torch.equal(names["told"], torch.cat([seen.scale, seen.shift], dim=1))
    torch.testing.assert_close(names["alike"], likeness(seen.embedding))


def test_the_simple_network_is_told_a_shift_only():
    app = shown(look="level", model=SIMPLE, stage="stem")  # which is told nothing: another part is shown instead
    titles = [drawing["title"] for drawing in given(app)["samples"]]
    assert len(titles) == 4 and titles[-1].startswith("3. Shift of up.")


@pytest.mark.parametrize("compare", [embeddings.PARTS, embeddings.EMBEDDING])
def test_the_nearest_class_names_are_those_of_the_library_and_the_code_repeats_them(model, compare):
    app = shown(look="class_names", compare=compare, at="600", asked="rose")
    said = embeddings.class_names_told("flowers_attention", model.card.sha256, 600, compare)
    assert len(said) == 102
    lines = printed(app)
    table = next(words.value for words in app.markdown if "told most like rose" in words.value)
    assert len(lines) == embeddings.NEAREST and all(
        f"| {n} | {class_name} | {cosine:.2f} |" in table for n, (class_name, cosine) in enumerate(lines, 1)
    )
    fractions = principal(said)[1]
    assert any(f"they hold {fractions.sum():.0%}" in caption.value for caption in app.caption)


def test_class_names_have_the_mean_colour_of_our_images_or_grey():
    colours = embeddings.colours(["sunflower", "a face"])
    assert re.fullmatch("#[0-9a-f]{6}", colours[0]) and colours[1] == "#7f7f7f"
    red, green, blue = (int(colours[0][k : k + 2], 16) for k in (1, 3, 5))
    assert red > blue and green > blue  # sunflowers are yellow


@pytest.mark.parametrize(
    ("class_name", "key", "value", "look"),
    [
        ("segmented_control", "look", "class_names", "map"),
        ("selectbox", "model", SIMPLE, "map"),
        ("selectbox", "stage", "stem", "map"),
        ("selectbox", "beside", SIMPLE, "map"),
        ("segmented_control", "given", "one of ours", "activations"),
        ("selectbox", "asked", "anything (no guidance)", "activations"),
        ("selectbox", "stage", "out", "activations"),
        ("number_input", "seed", 1_000_000, "activations"),
        ("selectbox", "model", SIMPLE, "activations"),
        ("selectbox", "layer", "down.2.0.self_attention", "attention"),
        ("slider", "row", 8, "attention"),
        ("slider", "column", 1, "attention"),
        ("selectbox", "model", SIMPLE, "attention"),
        ("selectbox", "stage", "middle.self_attention", "level"),
        ("selectbox", "model", SIMPLE, "level"),
        ("segmented_control", "compare", embeddings.EMBEDDING, "class_names"),
        ("slider", "at", 0, "class_names"),
        ("selectbox", "asked", "anything (no guidance)", "class_names"),
    ],
)
def test_every_widget_may_be_moved(class_name, key, value, look):
    app = shown(look=look)
    healthy(getattr(app, class_name)(key=key).set_value(value).run())
    assert getattr(finished(app), class_name)(key=key).value == value


def test_our_images_may_be_chosen():
    app = shown(look="activations", given="one of ours")
    before = given(app)["id"]
    healthy(app.slider(key="number").set_value(3).run())
    assert given(finished(app))["id"] != before
    healthy(app.selectbox(key="class_name").set_value("rose").run())
    assert any("A rose of ours" in caption.value for caption in finished(app).caption)


def test_cancel_stops_and_a_button_looks_again(monkeypatch):
    monkeypatch.setattr(activations, "PRESET", Preset(steps=1000, guidance_scale=1.0))
    app = healthy(opened(INSIDE, look="activations"))
    job = app.session_state["job:inside channels"]
    healthy(next(button for button in app.button if button.label == "Cancel").click().run())
    assert job.cancelled and "job:inside channels" not in app.session_state
    monkeypatch.setattr(activations, "PRESET", Preset(steps=3, guidance_scale=1.0))
    healthy(next(button for button in app.button if button.label == "Look inside").click().run())
    assert given(finished(app))["levels"][0] == 1000


def test_a_link_with_nonsense_in_it_opens_all_the_same():
    app = shown(
        look="away",
        stage="../../x",
        asked="weed",
        seed="-1",
        layer="no",
        row="99",
        model="nobody",
        beside="nothing at all",
    )
    assert app.segmented_control(key="look").value == "map" and app.selectbox(key="stage").value == "up.0.0.block"
    assert app.selectbox(key="beside").value == "nothing"
    app = shown(look="attention", layer="no", row="99", column="x")
    assert app.slider(key="row").value <= 8


@pytest.mark.parametrize("look", ["map", "activations", "attention", "level", "class_names"])
def test_a_model_with_attributes_has_all_of_it(look, monkeypatch, tmp_path, tiny):
    card = Card("my_faces", "My faces", "attention_unet", {}, "v", size=16, attributes=["smiling", "young", "hat"])
    config = {"widths": [16, 32], "attention": [False, True], "embedding": 16, "attributes": 3}
    save(tmp_path / "runs" / "my_faces", replace(card, config=config), tiny(attributes=3))
    monkeypatch.chdir(tmp_path)
    app = shown(look=look, model="My faces", asked="hat")
    assert (
        not app.error
        and app.selectbox(key="model").value == "My faces"
        and len(app.code) >= 1
        and app.get("bidi_component")
    )
    exec(app.code[0].value, {"print": lambda *words: None})


def test_a_model_without_class_names_says_so_and_one_that_is_no_u_net_is_refused(monkeypatch, tmp_path, tiny):
    config = {"widths": [16, 32], "attention": [False, True], "embedding": 16}
    save(tmp_path / "runs" / "plain", Card("plain", "Plain", "attention_unet", config, "v", size=16), tiny())
    monkeypatch.chdir(tmp_path)
    assert "never told" in shown(look="class_names", model="Plain").info[0].value
    with pytest.raises(Unusable, match="no U-Net"):
        activations.anatomy_of(Card("m", "Points", "mlp", {}, "v", size=1))


def test_without_a_model_the_page_says_so(monkeypatch, tmp_path):
    from diffusion_edu import checkpoints

    monkeypatch.setattr(checkpoints, "PRETRAINED", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "No model is installed" in healthy(opened(INSIDE)).error[0].value
