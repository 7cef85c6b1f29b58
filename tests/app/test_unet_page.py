"""Inside the U-Net: the map, the activations, attention, time and class embedding, and the page that shows them."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu.analysis.activations import channel_std, dead_fraction, principal_components, similarity_matrix
from diffusion_edu.analysis.attention import record_attention, self_attention_off
from diffusion_edu.analysis.hooks import record_each, record_outputs
from diffusion_edu.analysis.network_summary import summarize
from diffusion_edu.checkpoints import Card, Unusable, load, save
from diffusion_edu.core import State
from diffusion_edu.generation import Preset, generate
from diffusion_edu.schedules import cosine

pytest.importorskip("streamlit.testing.v1")
from onscreen import finished, healthy, opened, plotly_figures  # noqa: E402

from diffusion_edu.app.unet import (
    activation_animation,
    class_embedding,
    diagram,
    layer_recording,
    time_embedding,
    trajectory,
)

INSIDE = "pages/7_Inside_the_U-Net.py"
SIMPLE = "Flowers, simple U-Net"


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Three sampling steps."""
    monkeypatch.setattr(trajectory, "PRESET", Preset(steps=3, guidance_scale=1.0))


@pytest.fixture(scope="module")
def model():
    return load("flowers_attention")


@pytest.fixture(scope="module")
def summary(model):
    return summarize(model.denoiser(cosine()), torch.zeros(1, 3, 64, 64), 400)


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


def states(timesteps=(60, 30), size=8):
    generator = torch.Generator().manual_seed(0)
    return [State(t, *torch.randn(2, 1, 3, size, size, generator=generator)) for t in timesteps]


def test_the_map_is_a_u_of_all_parts_without_overlap(summary):
    parts = diagram.spatial(summary)
    for width in (900, 470):
        at = list(diagram.boxes(parts, width).values())
        assert (
            all(a.x + a.width < b.x for a, b in zip(at, at[1:], strict=False))
            and at[0].x > 0
            and at[-1].x + at[-1].width < width
        )
        heights = [part.output_shape[1] for part in parts]
        for (a, b), (h, g) in zip(zip(at, at[1:], strict=False), zip(heights, heights[1:], strict=False), strict=True):
            assert (a.y < b.y) == (h > g) and (a.y == b.y) == (h == g)
        wide = {part.output_shape[0]: box.width for part, box in zip(parts, at, strict=True)}
        assert [wide[c] for c in sorted(wide)] == sorted(wide.values())
    svg = diagram.draw(summary, (3, 64, 64), "middle.self_attention")
    assert re.findall(r'data-part="([^"]+)"', svg) == [part.name for part in parts]
    assert svg.count('class="skip"') == len(summary.skips) == 3 and svg.count('class="dot"') == sum(
        part.conditioned for part in summary.parts
    )
    assert svg.count('aria-pressed="true"') == 1 and svg.count("part attention") == 3


def test_the_description_of_a_part_holds_its_numbers(summary):
    part = summary.part("up.0.0.block")
    says = diagram.describe(summary, part)
    assert f"{part.parameters:,} parameters" in says and f"{summary.fraction(part):.0%} of the arithmetic" in says
    assert (
        "128×32×32 → 64×32×32" in says
        and "skip connection from `down.0.0.block`" in says
        and "conditioned on timestep" in says
    )
    assert "skip connection to `up.0.0.block`" in diagram.describe(summary, summary.part("down.0.0.block"))
    assert diagram.count(999) == "999" and diagram.count(1_518_731_264) == "1.5 G" and diagram.count(263_680) == "264 k"
    assert (diagram.percent(0), diagram.percent(0.004), diagram.percent(0.16)) == ("0%", "<1%", "16%")


def test_every_class_of_part_has_a_name(tiny):
    from diffusion_edu.analysis.network_summary import parts_of

    for config in ({"classes": 2}, {"attributes": 2}, {"network": "simple_unet"}):
        assert {type(part).__name__ for part in parts_of(tiny(**config)).values()} <= set(diagram.PARTS)


def test_the_channel_animation_shows_the_strongest_channels_first_each_with_its_own_contrast():
    h = torch.randn(2, 40, 4, 4, generator=torch.Generator().manual_seed(1)) * torch.arange(40)[:, None, None]
    animation = activation_animation.channel_animation(states(), h.split(1), 100)
    assert (
        animation["channels"]
        == channel_std(h).mean(0).argsort(descending=True)[: activation_animation.MAX_CHANNELS].tolist()
        and len(animation["channels"]) == activation_animation.MAX_CHANNELS
    )
    sheet = pixels(animation["maps"])
    assert sheet.shape == (2 * 4, 4 * activation_animation.MAX_CHANNELS, 3)
    first = h[1, animation["channels"][0]]
    expected = 127.5 + 127.5 * (first - first.mean()) / (activation_animation.CONTRAST * first.std(correction=0))
    assert np.abs(sheet[4:, :4, 0] - expected.clamp(0, 255).numpy()).max() <= 0.5
    assert animation["strengths"][1][0] == f"{first.std(correction=0):.2g}"
    assert (
        f"mean {h[0].mean():.2f}, standard deviation {h[0].std(correction=0):.2f}, dead {dead_fraction(h[0]):.0%}"
        in animation["captions"][0]
    )
    assert animation["charts"][0]["series"][0]["y"] == pytest.approx(h.mean((1, 2, 3)).tolist())
    assert (
        activation_animation.channel_animation(states(), h.split(1), 100)["id"]
        == animation["id"]
        != activation_animation.channel_animation(states(), (2 * h).split(1), 100)["id"]
    )


def test_a_constant_channel_is_grey():
    animation = activation_animation.channel_animation(states(), [torch.zeros(1, 3, 4, 4)] * 2, 100)
    assert np.unique(pixels(animation["maps"])).tolist() == [128] and "dead 100%" in animation["captions"][0]


def test_the_attention_animation_holds_every_weight_in_sixteen_bits():
    looks = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0)).softmax(-1)
    on, off = states(), states((60, 30))
    animation = activation_animation.attention_animation(on, looks.split(1), off, (2, 3), 100)
    back = np.frombuffer(base64.b64decode(animation["weights"]), "<u2").reshape(2, 3, 6, 6) / 65535
    assert np.abs(back - looks.numpy()).max() <= 0.5 / 65535 + 1e-7
    assert (animation["heads"], animation["rows"], animation["columns"]) == (3, 2, 3) and animation["differences"] == [
        "RMS difference: 0 of 255."
    ] * 2
    assert [track["name"] for track in animation["tracks"]] == ["x0_hat", "off"]


def test_the_page_opens_with_the_map_and_the_numbers_of_the_library(summary):
    app = shown()
    assert len(app.title) == 1 and given(app)["look"] == "map"
    (figure,) = given(app)["figures"]
    assert f"{summary.parameters / 1e6:.1f} M parameters, {summary.flops / 1e9:.1f} GFLOP" in figure["title"]
    assert len(re.findall("data-part", figure["svg"])) == len(diagram.spatial(summary))
    *parts, (skips, parameters, flops) = printed(app)
    assert (skips, parameters, flops) == (summary.skips, summary.parameters, summary.flops)
    assert [(part[0], part[4]) for part in parts] == [(part.name, part.parameters) for part in summary.parts]
    app.selectbox(key="unet.part").set_value("middle.self_attention").run()
    assert any("`middle.self_attention`, self-attention" in words.value for words in healthy(app).markdown)
    app.selectbox(key="unet.compare_with").set_value(SIMPLE).run()
    assert [figure["title"].split(":")[0] for figure in given(healthy(app))["figures"]] == [
        "Flowers, attention U-Net",
        SIMPLE,
    ]


def test_the_activations_on_screen_are_those_of_the_sampling_and_the_code_repeats_them(model):
    app = shown(view="activations", part="middle.block", condition="rose", seed="7")
    animation, preset = given(app), trajectory.PRESET
    walk = generate(model, preset, [7], [model.card.label("rose")])
    said = [
        (state.t, said["middle.block"][0].float())
        for state, said in record_each(walk, lambda: record_outputs(model.net, ["middle.block"]))
        if state.t
    ]
    assert animation["timesteps"] == [t for t, _ in said]
    h = torch.cat([h for _, h in said])
    assert (
        animation["channels"]
        == channel_std(h).mean(0).argsort(descending=True)[: activation_animation.MAX_CHANNELS].tolist()
    )
    for (t, mean, std, fraction, best), (timestep, values), caption in zip(
        printed(app), said, animation["captions"], strict=True
    ):
        assert (
            t == timestep and best == channel_std(values).argmax().item() and fraction == dead_fraction(values).item()
        )
        assert f"mean {mean:.2f}, standard deviation {std:.2f}, dead {fraction:.0%}" in caption


def test_the_attention_weights_on_screen_are_those_of_the_sampling_and_the_code_repeats_them(model):
    app = shown(view="attention", layer="middle.self_attention", row="2", column="7")
    animation = given(app)
    assert animation["position"] == [1, 6]
    label = [model.card.label("sunflower")]
    walks = [generate(model, trajectory.PRESET, [0], label) for _ in range(2)]
    on = [
        (s, looks["middle.self_attention"][0])
        for s, looks in record_each(walks[0], lambda: record_attention(model.net))
        if s.t
    ]
    off = [s for s, _ in record_each(walks[1], lambda: self_attention_off(model.net)) if s.t]
    back = np.frombuffer(base64.b64decode(animation["weights"]), "<u2").reshape(3, 8, 64, 64) / 65535
    assert np.abs(back - torch.cat([looks for _, looks in on]).float().numpy()).max() < 1e-5
    rows = printed(app)
    assert len(rows) == 3
    for (t, total, _, apart), (state, _), without in zip(rows, on, off, strict=True):
        assert t == state.t and total == pytest.approx(1, abs=5e-3)
        assert apart == (state.x0_hat - without.x0_hat).std().item() > 0


@pytest.mark.parametrize("view", ["activations", "attention"])
def test_one_of_our_images_is_noised_and_the_code_repeats_it(view):
    app = shown(view=view, input="one of ours", class_name="rose", number="2", seed="3")
    animation = given(app)
    assert (
        animation["timesteps"][0] == 1000
        and len(animation["timesteps"]) == 3
        and any("Our image (rose)" in caption.value for caption in app.caption)
    )
    rows = printed(app)
    assert [row[0] for row in rows] == animation["timesteps"]
    if view == "activations":
        assert all(
            f"mean {mean:.2f}" in caption for (_, mean, *_), caption in zip(rows, animation["captions"], strict=True)
        )


def test_a_network_without_attention_gets_one_sentence():
    app = healthy(opened(INSIDE, view="attention", model=SIMPLE))
    assert "no attention" in app.info[0].value and not app.get("bidi_component")


def test_the_time_embedding_is_that_of_the_library_and_the_code_repeats_it(model):
    app = shown(view="time embedding", part="down.1.0.block")
    figures = plotly_figures(app)
    titles = [figure["layout"]["title"]["text"] for figure in figures]
    assert len(titles) == 5 and titles[3].endswith("Scale of down.1.0.block")
    assert {figure["data"][0]["type"] for figure in figures} == {"heatmap"}
    names = {}
    exec(app.code[0].value, names)
    seen = time_embedding.time_conditioning("flowers_attention", model.card.sha256, "down.1.0.block.modulate")
    assert (
        names["timesteps"] == time_embedding.shown_timesteps()
        and names["timesteps"][0] == 1000
        and names["timesteps"][-1] == 0
    )
    assert torch.equal(names["sinusoids"], seen.sinusoids) and torch.equal(names["embedding"], seen.embedding)
    assert torch.equal(names["modulation"], torch.cat([seen.scale, seen.shift], dim=1))
    torch.testing.assert_close(names["similarity"], similarity_matrix(seen.embedding))


def test_the_simple_network_has_a_shift_only():
    app = shown(view="time embedding", model=SIMPLE, part="stem")  # unconditioned: another part is shown instead
    titles = [figure["layout"]["title"]["text"] for figure in plotly_figures(app)]
    assert len(titles) == 4 and titles[-1].startswith("3. Shift of up.")


@pytest.mark.parametrize("compared", [class_embedding.MODULATION, class_embedding.EMBEDDING])
def test_the_most_similar_classes_are_those_of_the_library_and_the_code_repeats_them(model, compared):
    app = shown(view="class embedding", compare_by=compared, timestep="600", condition="rose")
    said = class_embedding.class_vectors("flowers_attention", model.card.sha256, 600, compared)
    assert len(said) == 102
    lines = printed(app)
    table = next(words.value for words in app.markdown if "most similar to rose" in words.value)
    assert len(lines) == class_embedding.NEAREST and all(
        f"| {n} | {class_name} | {cosine:.2f} |" in table for n, (class_name, cosine) in enumerate(lines, 1)
    )
    positions, fractions = principal_components(said)
    (drawn,) = plotly_figures(app)
    dots = drawn["data"][1]
    assert len(dots["hovertext"]) == 102 and [word for word in dots["text"] if word.endswith("rose</b>")]
    assert any(f"They hold {fractions.sum():.0%}" in caption.value for caption in app.caption)


def test_classes_have_the_mean_colour_of_our_images_or_grey():
    colours = class_embedding.class_colours(["sunflower", "a face"])
    assert re.fullmatch("#[0-9a-f]{6}", colours[0]) and colours[1] == "#7f7f7f"
    red, green, blue = (int(colours[0][k : k + 2], 16) for k in (1, 3, 5))
    assert red > blue and green > blue  # sunflowers are yellow


@pytest.mark.parametrize(
    ("widget", "key", "value", "view"),
    [
        ("segmented_control", "view", "class embedding", "map"),
        ("selectbox", "model", SIMPLE, "map"),
        ("selectbox", "part", "stem", "map"),
        ("selectbox", "compare_with", SIMPLE, "map"),
        ("segmented_control", "input", "one of ours", "activations"),
        ("selectbox", "condition", "anything (no guidance)", "activations"),
        ("selectbox", "part", "out", "activations"),
        ("number_input", "seed", 1_000_000, "activations"),
        ("selectbox", "model", SIMPLE, "activations"),
        ("selectbox", "layer", "down.2.0.self_attention", "attention"),
        ("slider", "row", 8, "attention"),
        ("slider", "column", 1, "attention"),
        ("selectbox", "model", SIMPLE, "attention"),
        ("selectbox", "part", "middle.self_attention", "time embedding"),
        ("selectbox", "model", SIMPLE, "time embedding"),
        ("segmented_control", "compare_by", class_embedding.EMBEDDING, "class embedding"),
        ("slider", "timestep", 0, "class embedding"),
        ("selectbox", "condition", "anything (no guidance)", "class embedding"),
    ],
)
def test_every_widget_may_be_used(widget, key, value, view):
    app = shown(view=view)
    healthy(getattr(app, widget)(key=f"unet.{key}").set_value(value).run())
    assert getattr(finished(app), widget)(key=f"unet.{key}").value == value


def test_our_images_may_be_chosen():
    app = shown(view="activations", input="one of ours")
    before = given(app)["id"]
    healthy(app.slider(key="unet.number").set_value(3).run())
    assert given(finished(app))["id"] != before
    healthy(app.selectbox(key="unet.class_name").set_value("rose").run())
    assert any("Our image (rose)" in caption.value for caption in finished(app).caption)


def test_cancel_stops_and_a_button_starts_again(monkeypatch):
    monkeypatch.setattr(trajectory, "PRESET", Preset(steps=1000, guidance_scale=1.0))
    app = healthy(opened(INSIDE, view="activations"))
    job = app.session_state["unet.job:unet channels"]
    healthy(next(button for button in app.button if button.label == "Cancel").click().run())
    assert job.cancelled and "unet.job:unet channels" not in app.session_state
    monkeypatch.setattr(trajectory, "PRESET", Preset(steps=3, guidance_scale=1.0))
    healthy(next(button for button in app.button if button.label == "Continue").click().run())
    assert given(finished(app))["timesteps"][0] == 1000


def test_a_link_with_nonsense_in_it_opens_all_the_same():
    app = shown(
        view="away",
        part="../../x",
        condition="weed",
        seed="-1",
        layer="no",
        row="99",
        model="nobody",
        compare_with="nothing at all",
    )
    assert (
        app.segmented_control(key="unet.view").value == "map" and app.selectbox(key="unet.part").value == "up.0.0.block"
    )
    assert app.selectbox(key="unet.compare_with").value == "none"
    app = shown(view="attention", layer="no", row="99", column="x")
    assert app.slider(key="unet.row").value <= 8


@pytest.mark.parametrize("view", ["map", "activations", "attention", "time embedding", "class embedding"])
def test_a_model_with_attributes_has_all_views(view, monkeypatch, tmp_path, tiny):
    card = Card("my_faces", "My faces", "attention_unet", {}, "v", size=16, attributes=["smiling", "young", "hat"])
    config = {"widths": [16, 32], "attention": [False, True], "embedding": 16, "attributes": 3}
    save(tmp_path / "runs" / "my_faces", replace(card, config=config), tiny(attributes=3))
    monkeypatch.chdir(tmp_path)
    app = shown(view=view, model="My faces", condition="hat")
    assert (
        not app.error
        and app.selectbox(key="unet.model").value == "My faces"
        and len(app.code) >= 1
        and (app.get("bidi_component") or app.get("plotly_chart"))
    )
    exec(app.code[0].value, {"print": lambda *words: None})


def test_an_unconditional_model_gets_one_sentence_and_one_that_is_no_u_net_is_refused(monkeypatch, tmp_path, tiny):
    config = {"widths": [16, 32], "attention": [False, True], "embedding": 16}
    save(tmp_path / "runs" / "plain", Card("plain", "Plain", "attention_unet", config, "v", size=16), tiny())
    monkeypatch.chdir(tmp_path)
    assert "unconditional" in shown(view="class embedding", model="Plain").info[0].value
    with pytest.raises(Unusable, match="is not a U-Net"):
        layer_recording.summary_of(Card("m", "Points", "mlp", {}, "v", size=1))


def test_without_a_model_there_is_one_sentence(monkeypatch, tmp_path):
    from diffusion_edu import checkpoints

    monkeypatch.setattr(checkpoints, "PRETRAINED", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "No model is installed" in healthy(opened(INSIDE)).error[0].value
