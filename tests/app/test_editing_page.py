"""The editing page under Streamlit's own test: parts, widgets, the shown code, bad input, and missing files."""

import base64
import io
import time

import numpy as np
import pytest
import torch
from onscreen import finished, healthy
from onscreen import opened as opened_at
from PIL import Image
from uploads import BAD, encoded, plain, png

from diffusion_edu.analysis.measures import seam
from diffusion_edu.app.common.edit_controls import MASKS
from diffusion_edu.app.jobs.task import done_key
from diffusion_edu.checkpoints import Card, load, save
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.data.layers import layer_of, painted, paper, to_png, to_url
from diffusion_edu.editing.sketches import drawn_shape, shape_correlation
from diffusion_edu.generation import Preset, generate

PAGE = "pages/10_Editing.py"
IMAGE, MASK, SKETCH = {"tab": "Image-to-image"}, {"tab": "Inpainting"}, {"tab": "Sketch-to-image"}
CLASS_NAMES = ["aster", "rose", "sunflower"]


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path, tiny):
    """Small models in place of the large ones: for flowers, for faces, and one conditioned on sketches."""
    from diffusion_edu.app.common import models
    from diffusion_edu.app.editing import sketch

    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    monkeypatch.setattr(sketch, "SKETCH_MODEL", "sketcher")
    monkeypatch.setattr(models, "FIRST", "flowers")
    for name, about, more in (
        ("flowers", {"classes": CLASS_NAMES}, {"classes": 3}),
        ("small_faces", {"attributes": ["Smiling", "Hat"]}, {"attributes": 2}),
        ("sketcher", {"conditioning_image": "a sketch"}, {"conditioning_channels": 3}),
    ):
        config = {"widths": [16, 32], "embedding": 16, "patch": 4, **more}
        net = tiny(
            network="simple_unet", **{key: value for key, value in config.items() if key not in ("widths", "embedding")}
        )
        save(
            tmp_path,
            Card(name, name, "simple_unet", config, "v", 64, sampling={"steps": 3, "guidance_scale": 2.0}, **about),
            net,
        )


def opened(tab, **link):
    return finished(opened_at(PAGE, **{**tab, **link}))


def done(app):
    """The last result of the open part: the edit, its animation, its caption, and the finished images by method."""
    last = app.session_state["editing." + done_key(app.session_state["editing.tab"].lower())]
    return last.request, *last.result


def results(app):
    return done(app)[3]


def components(app):
    return [element.proto for element in app.get("bidi_component")]


def tracks(animation):
    """The images of every track of an animation, state by state, uint8 (states, 64, 256, 3)."""
    sheets = {
        track["name"]: np.asarray(Image.open(io.BytesIO(base64.b64decode(track["sprite"].split(",")[1])))).reshape(
            -1, 64, 256, 3
        )
        for track in animation["tracks"]
    }
    return {track["name"]: sheets[track["name"]][track["rows"]] for track in animation["tracks"]}


def in_a_row(images):
    return images.permute(2, 0, 3, 1).reshape(64, -1, 3).numpy()


def paint(app, canvas, layer):
    """Send what the browser would send after a stroke."""
    store = f"editing.canvas:{canvas}"
    app.session_state[store] = {**app.session_state[store], "layer": to_url(to_png(layer))}
    return finished(app.run())


def spot(*rows, colour=(200, 30, 40)):
    """A layer with a block of paint."""
    area = torch.zeros(64, 64, dtype=torch.bool)
    area[rows[0] : rows[1], 20:44] = True
    return layer_of(area, colour)


def water_lily():
    known = our_images()
    return known.images[(known.labels == known.classes.index("water lily")).nonzero()[0, 0]]


def our_images():
    from diffusion_edu.app.common import image_picker

    return image_picker.images()


def executed(app):
    """The names that the shown code defines; what it prints is ignored."""
    names = {"print": lambda *words: None}
    exec(app.code[0].value, names)
    return names


# the parts


@pytest.mark.parametrize("tab", [IMAGE, MASK, SKETCH], ids=lambda tab: tab["tab"])
def test_every_part_opens_with_a_canvas_and_an_animation_and_runs_again(tab):
    app = opened(tab)
    assert len(app.title) == 1 and len(app.tabs) == 4
    assert [part.component_name for part in components(app)] == ["diffusion_edu_canvas", "diffusion_edu_player"]
    edit, animation, caption, methods = done(app)
    assert (
        animation["timesteps"][-1] == 0
        and animation["start"] == len(animation["timesteps"]) - 1
        and len(animation["tracks"]) == 2
    )
    assert all(images.shape == (4, 3, 64, 64) for images in methods.values()) and "Computed in" in caption
    assert animation["id"] == edit.id == done(healthy(app.run()))[1]["id"]
    for name, shown in tracks(animation).items():
        last = methods.get(name, next(iter(methods.values())))
        assert np.array_equal(shown[-1], in_a_row(last))


def test_strength_0_returns_the_image_bit_for_bit_without_a_step():
    app = opened(IMAGE, strength="0.0")
    _, animation, caption, images = done(app)
    assert torch.equal(images["image-to-image"], water_lily().expand(4, -1, -1, -1)) and animation["timesteps"] == [0]
    assert "**0 of 255**" in caption and any("bit for bit" in text.value for text in app.markdown)


@pytest.mark.parametrize(
    ("model", "name", "condition"),
    [("flowers", "rose", [1] * 4), ("small_faces", "Hat", [[0, 1]] * 4), ("flowers", "anything (no guidance)", None)],
)
def test_strength_1_is_plain_generation_with_the_same_seeds(model, name, condition, tmp_path):
    app = opened(IMAGE, strength="1.0", model=model, condition=name, seed="7")
    *_, last = generate(load(model), done(app)[0].request.preset, [7, 8, 9, 10], condition)
    assert torch.equal(results(app)["image-to-image"], to_bytes(last.x))
    assert any("pure noise" in text.value for text in app.markdown)


def test_the_page_says_at_which_timestep_it_starts_and_the_animation_starts_there():
    app = opened(IMAGE, strength="0.5", seed="3")
    edit, animation, *_ = done(app)
    schedule = edit.request.preset.noise_schedule()
    assert animation["timesteps"] == [500, 333, 167, 0] and animation["ends"] == ("timestep 500", "image")
    words = next(text.value for text in app.markdown if "Starts at" in text.value)
    assert (
        "timestep 500 of 1000" in words
        and f"{schedule.signal[500]:.2f} × your image + {schedule.noise[500]:.2f} × noise" in words
    )
    eps = torch.stack([torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(seed)) for seed in range(3, 7)])
    x = schedule.corrupt(to_signed(water_lily())[None], 500, eps)
    assert np.array_equal(tracks(animation)["x"][0], in_a_row(to_bytes(x)))


def test_without_noise_the_walk_starts_from_the_dimmed_image_and_all_four_are_alike():
    app = opened(IMAGE, strength="0.5", noisy="false", seed="3")
    edit, animation, *_ = done(app)
    schedule, made = edit.request.preset.noise_schedule(), results(app)["image-to-image"]
    assert np.array_equal(
        tracks(animation)["x"][0],
        in_a_row(to_bytes(schedule.signal[500].float() * to_signed(water_lily())).expand(4, -1, -1, -1)),
    )
    assert torch.equal(made, made[:1].expand_as(made)) and not torch.equal(
        made, results(opened(IMAGE, strength="0.5", seed="3"))["image-to-image"]
    )
    words = next(text.value for text in app.markdown if "Starts at" in text.value)
    assert "and no noise" in words and "× noise" not in words
    assert "**timestep 1000 of 1000, plain grey**" in " ".join(
        text.value for text in opened(IMAGE, strength="1.0", noisy="false").markdown
    )


def test_paint_over_the_image_is_part_of_the_input():
    app = paint(opened(IMAGE, strength="0.0"), "image-to-image canvas", spot(5, 20))
    assert torch.equal(results(app)["image-to-image"][2], painted(water_lily(), spot(5, 20)))
    app.toggle(key="editing.blank").set_value(True)
    app = paint(healthy(app.run()), "image-to-image canvas", spot(5, 20))
    assert torch.equal(results(app)["image-to-image"][0], painted(paper(64), spot(5, 20)))


@pytest.mark.parametrize(
    ("method", "shape_of_mask"), [("naive", "disc"), ("RePaint", "disc"), ("both", "half"), ("both", "frame")]
)
def test_outside_the_mask_every_byte_is_unchanged_and_inside_it_is_new(method, shape_of_mask):
    methods, inside = results(opened(MASK, method=method, hole=shape_of_mask)), MASKS[shape_of_mask](64)
    assert list(methods) == (["naive", "RePaint"] if method == "both" else [method])
    for images in methods.values():
        assert torch.equal(images[:, :, ~inside], water_lily()[:, ~inside].expand(4, -1, -1))
        assert (images[:, :, inside] != water_lily()[:, inside]).float().mean() > 0.9
    if method == "both":
        assert not torch.equal(*methods.values())


def test_repaint_resamples_as_often_as_chosen_and_the_naive_track_waits_for_it():
    edit, animation, *_ = done(opened(MASK, repeats="3", jump="2"))
    assert (
        animation["timesteps"]
        == edit.paths["RePaint"]
        == [1000, 667, 333, 1000, 667, 333, 1000, 667, 333, 0, 333, 0, 333, 0]
    )
    naive = next(track for track in animation["tracks"] if track["name"] == "naive")
    assert naive["rows"] == [0, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]


def test_a_mask_is_painted_and_the_rest_stays():
    app = paint(opened(MASK, method="naive"), "inpainting canvas", spot(0, 10))
    outside = spot(0, 10)[3] == 0
    assert torch.equal(done(app)[0].mask, ~outside)
    assert torch.equal(results(app)["naive"][1][:, outside], water_lily()[:, outside])


def test_both_methods_of_sketch_to_image_give_what_the_library_generates():
    from diffusion_edu.app.editing.sketch_presets import sketch_layer

    app = opened(SKETCH, sketch="red tulip", strength="1.0", seed="5")
    drawn = painted(paper(64), sketch_layer("red tulip"))
    preset, images = done(app)[0].request.preset, results(app)
    condition = to_signed(drawn).expand(4, -1, -1, -1)
    for name, model, given in (
        ("trained with sketches", "sketcher", condition),
        ("image-to-image from the sketch", "flowers", None),
    ):
        *_, last = generate(load(model), preset, [5, 6, 7, 8], given)
        assert torch.equal(images[name], to_bytes(last.x))
    score = shape_correlation(to_signed(drawn)[None], to_signed(images["trained with sketches"])).mean()
    assert (
        "flowers made without the sketch" in done(app)[2] and f"trained with sketches **{score:.2f}**" in done(app)[2]
    )


def test_a_walk_that_starts_at_a_lower_timestep_waits_for_the_other():
    animation = done(opened(SKETCH, strength="0.5"))[1]
    assert animation["timesteps"] == [1000, 667, 333, 0]
    assert next(track for track in animation["tracks"] if track["name"].startswith("image"))["rows"] == [
        0,
        0,
        1,
        3,
    ]


# the code


@pytest.mark.parametrize(
    "link",
    [
        {"strength": "0.35", "condition": "sunflower"},
        {"model": "small_faces", "condition": "Smiling", "seed": "11"},
        {"sampler": "DDPM", "blank": "true"},
        {"strength": "0.0"},
        {"strength": "0.4", "noisy": "false"},
    ],
    ids=lambda link: " ".join(link.values()),
)
def test_the_shown_code_of_image_to_image_gives_the_shown_images(link):
    app = opened(IMAGE, **link)
    assert torch.equal(executed(app)["images"], results(app)["image-to-image"])
    app = paint(app, "image-to-image canvas", spot(30, 50))
    assert torch.equal(executed(app)["images"], results(app)["image-to-image"])


@pytest.mark.parametrize(
    "link",
    [
        {},
        {"method": "naive", "condition": "rose"},
        {"method": "RePaint", "sampler": "DDIM", "eta": "0.5", "hole": "frame"},
    ],
    ids=str,
)
def test_the_shown_code_of_inpainting_gives_the_shown_images(link):
    app = paint(opened(MASK, **link), "inpainting canvas", spot(8, 30))
    made = executed(app)["images"]
    assert made.keys() == results(app).keys()
    assert all(torch.equal(made[name], images) for name, images in results(app).items())


def test_the_shown_code_of_sketch_to_image_gives_the_shown_images():
    app = paint(opened(SKETCH, sketch="blank paper", condition="aster"), "sketch canvas", spot(10, 50))
    names = executed(app)
    assert torch.equal(names["trained"], results(app)["trained with sketches"]) and torch.equal(
        names["images"], results(app)["image-to-image from the sketch"]
    )


def test_the_shown_code_reads_a_file_of_ones_own(tmp_path, monkeypatch):
    app = opened(IMAGE, source="a file")
    (tmp_path / "my_image.jpg").write_bytes(encoded(plain(), "PNG"))
    finished(app.file_uploader[0].set_value(("me.png", encoded(plain(), "PNG"), "image/png")).run())
    wanted = results(app)["image-to-image"]
    monkeypatch.chdir(tmp_path)
    assert torch.equal(executed(app)["images"], wanted)


# every widget


WIDGETS = [
    (IMAGE, "slider", "strength", 1.0),
    (IMAGE, "selectbox", "model", "small_faces"),
    (IMAGE, "selectbox", "condition", "rose"),
    (IMAGE, "selectbox", "class_name", "rose"),
    (IMAGE, "slider", "number", 3),
    (IMAGE, "number_input", "seed", 1_000_000),
    (IMAGE, "toggle", "blank", True),
    (IMAGE, "toggle", "noisy", False),
    (IMAGE, "selectbox", "sampler", "Heun"),
    (IMAGE, "select_slider", "steps", 5),
    (IMAGE, "slider", "guidance_scale", 8.0),
    (IMAGE, "selectbox", "schedule", "flow"),
    (IMAGE, "selectbox", "spacing", "log-SNR"),
    (IMAGE, "select_slider", "timesteps", 100),
    (IMAGE, "toggle", "zero_snr", True),
    (MASK, "segmented_control", "hole", "frame"),
    (MASK, "segmented_control", "method", "naive"),
    (MASK, "segmented_control", "show", "prediction"),
    (MASK, "slider", "repeats", 1),
    (MASK, "slider", "jump", 20),
    (MASK, "selectbox", "condition", "rose"),
    (MASK, "selectbox", "model", "small_faces"),
    (SKETCH, "selectbox", "sketch", "outline"),
    (SKETCH, "slider", "strength", 0.0),
    (SKETCH, "segmented_control", "show", "prediction"),
    (SKETCH, "selectbox", "condition", "rose"),
    (SKETCH, "selectbox", "model", "small_faces"),
    (SKETCH, "select_slider", "steps", 5),
]


@pytest.mark.parametrize(
    ("tab", "widget", "key", "value"),
    WIDGETS,
    ids=lambda value: value["tab"] if isinstance(value, dict) else str(value),
)
def test_every_widget_changes_the_animation(tab, widget, key, value):
    app = opened(tab, condition="sunflower")
    before = done(app)[1]["id"]
    finished(getattr(app, widget)(key=f"editing.{key}").set_value(value).run())
    assert done(app)[1]["id"] != before and len(components(app)) == 2


@pytest.mark.parametrize("tab", [IMAGE, MASK, SKETCH], ids=lambda tab: tab["tab"])
def test_a_link_with_nonsense_in_it_opens_the_default(tab):
    nonsense = dict.fromkeys(
        (
            "model",
            "condition",
            "class_name",
            "number",
            "seed",
            "strength",
            "method",
            "hole",
            "sketch",
            "show",
            "repeats",
            "sampler",
        ),
        "x y",
    )
    assert done(opened(tab, **nonsense))[0].id == done(opened(tab))[0].id


def test_what_was_painted_is_kept_while_other_parts_are_open():
    app = paint(opened(IMAGE), "image-to-image canvas", spot(5, 20))
    before = done(app)[0].id
    for tab in (MASK, SKETCH, IMAGE):
        app.session_state["editing.tab"] = tab["tab"]
        finished(app.run())
        assert len(components(app)) == 2
    assert done(app)[0].id == before


def test_a_model_that_another_part_does_not_offer_is_replaced_there(tmp_path, tiny):
    config = {"widths": [16, 32], "embedding": 16, "patch": 4}
    save(
        tmp_path,
        Card("large", "large", "simple_unet", config, "v", 128, sampling={"steps": 2}),
        tiny(network="simple_unet", patch=4),
    )
    app = opened(IMAGE, model="large")
    assert results(app)["image-to-image"].shape == (4, 3, 128, 128)
    for tab in (MASK, SKETCH):
        app.session_state["editing.tab"] = tab["tab"]
        finished(app.run())
        assert len(components(app)) == 2
    assert results(app)["image-to-image from the sketch"].shape == (4, 3, 64, 64)


# bad input


def test_empty_paper_asks_for_a_sketch():
    app = opened(SKETCH, sketch="blank paper")
    assert "The paper is empty" in app.info[0].value and len(components(app)) == 1


def test_an_empty_mask_asks_for_one_and_a_full_mask_is_generation_from_noise():
    app = paint(opened(MASK), "inpainting canvas", torch.zeros(4, 64, 64, dtype=torch.uint8))
    assert "The mask is empty" in app.info[0].value
    app = paint(app, "inpainting canvas", layer_of(torch.ones(64, 64, dtype=torch.bool)))
    assert "covers the whole image" in app.info[0].value
    *_, last = generate(load("flowers"), Preset(steps=3), [0, 1, 2, 3])
    assert torch.equal(results(app)["naive"], to_bytes(last.x))


@pytest.mark.parametrize(
    ("tab", "link"), [(IMAGE, {"source": "a file"}), (MASK, {"hole": "file"})], ids=["image", "mask"]
)
def test_files_that_are_no_images_get_one_sentence(tab, link):
    app = opened(tab, **link)
    for data in [*(data for data, _ in BAD.values()), png(20_000, 20_000, whole=False)]:
        finished(app.file_uploader[0].set_value(("x.png", data, "image/png")).run())
        assert len(app.error) == 1 and app.error[0].value.endswith(".") and len(components(app)) == 2
    assert "pixels" in app.error[0].value


def test_a_mask_of_another_size_is_scaled_and_the_page_says_so():
    app = opened(MASK, hole="file", method="naive")
    mask = Image.new("RGB", (300, 150))
    mask.paste("white", (150, 0, 300, 150))
    finished(app.file_uploader[0].set_value(("mask.png", encoded(mask, "PNG"), "image/png")).run())
    assert any("300 x 150 pixels" in caption.value for caption in app.caption)
    outside = torch.arange(64) < 32
    assert torch.equal(results(app)["naive"][0][:, :, outside], water_lily()[:, :, outside])


def test_transparent_and_animated_images_are_used_and_the_page_says_how():
    app = opened(IMAGE, source="a file", strength="0.0")
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    finished(app.file_uploader[0].set_value(("x.png", encoded(clear, "PNG"), "image/png")).run())
    assert (
        any("transparent, laid on white" in caption.value for caption in app.caption)
        and results(app)["image-to-image"].min() == 255
    )
    file, frames = io.BytesIO(), [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    finished(app.file_uploader[0].set_value(("x.gif", file.getvalue(), "image/gif")).run())
    assert any("the first frame" in caption.value for caption in app.caption)


@pytest.mark.parametrize(
    "sent", [None, 5, "data:image/png;base64,AAAA", to_url(to_png(layer_of(torch.ones(8, 8, dtype=torch.bool))))]
)
def test_what_our_canvas_would_never_send_is_not_used(sent):
    app = opened(SKETCH)
    before = done(app)[0].id
    app.session_state["editing.canvas:sketch canvas"] = {
        **app.session_state["editing.canvas:sketch canvas"],
        "layer": sent,
    }
    finished(app.run())
    assert "again" in app.error[0].value and done(app)[0].id == before
    assert not finished(app.run()).error


# what may be missing


def test_a_cancelled_edit_waits_for_a_click(monkeypatch):
    from diffusion_edu.app.editing.image_to_image import ImageToImage

    walk = ImageToImage.walk

    def slowly(self, model):
        for state in walk(self, model):
            time.sleep(0.3)
            yield state

    monkeypatch.setattr(ImageToImage, "walk", slowly)
    app = healthy(opened_at(PAGE))
    job = app.session_state["editing.job:image-to-image"]
    healthy(next(button for button in app.button if button.label == "Cancel").click().run())
    assert job.cancelled and len(components(app)) == 1
    monkeypatch.setattr(ImageToImage, "walk", walk)
    finished(next(button for button in app.button if button.label == "Continue").click().run())
    assert len(components(app)) == 2


def test_without_the_sketch_model_there_is_image_to_image_and_one_sentence(monkeypatch):
    from diffusion_edu.app.editing import sketch

    monkeypatch.setattr(sketch, "SKETCH_MODEL", "nowhere")
    app = opened(SKETCH)
    assert len(app.info) == 1 and "diffusion-edu train sketch_to_flower" in app.info[0].value
    assert list(results(app)) == ["image-to-image from the sketch"] and torch.equal(
        executed(app)["images"], results(app)["image-to-image from the sketch"]
    )


@pytest.mark.parametrize(("tab", "name"), [(IMAGE, "flowers"), (MASK, "flowers"), (SKETCH, "sketcher")], ids=str)
def test_altered_weights_are_reported_in_one_sentence(tab, name, tmp_path):
    with (tmp_path / f"{name}.safetensors").open("r+b") as file:
        file.seek(20_000)
        file.write(b"altered")
    app = opened(tab)
    assert f"{name}.safetensors" in app.error[0].value
    healthy(app.run())


def test_without_our_images_the_page_says_what_to_do_and_sketches_still_work(monkeypatch, tmp_path):
    from diffusion_edu.app.common import image_picker

    monkeypatch.setattr(image_picker, "PRETRAINED", tmp_path)
    image_picker.images.clear()
    for tab in (IMAGE, MASK):
        assert "flower_samples.parquet" in opened(tab).error[0].value
    assert "without the sketch" not in done(opened(SKETCH))[2]
    image_picker.images.clear()


def test_without_any_model_the_page_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path / "nothing")
    monkeypatch.setattr("diffusion_edu.checkpoints.PRETRAINED", tmp_path / "nothing")
    for tab in (IMAGE, MASK, SKETCH):
        assert "No model is installed" in healthy(opened_at(PAGE, **tab)).error[0].value


# the measures


def outline(radius=18, gap=0):
    """A circle drawn with a thin black line, with a gap of so many pixels at its right."""
    y, x = np.mgrid[:64, :64] - 31.5
    line = (np.abs(np.hypot(x, y) - radius) < 0.8) & ~((np.abs(y) < gap / 2) & (x > 0))
    return torch.where(torch.from_numpy(line), -1.0, 1.0).expand(1, 3, 64, 64), torch.from_numpy(
        np.hypot(x, y) < radius - 1
    )


@pytest.mark.parametrize("gap", [0, 3])
def test_the_shape_of_an_outline_is_what_it_encloses_also_through_a_small_gap(gap):
    drawn, inside = outline(gap=gap)
    found = drawn_shape(drawn)[0, 0].bool()
    assert found[inside].all() and found.float().mean() < inside.float().mean() + 0.08


def test_a_line_that_runs_through_corners_holds_and_a_wide_gap_does_not():
    diamond = torch.ones(1, 3, 64, 64)
    for k in range(20):
        for y, x in ((12 + k, 31 - k), (12 + k, 31 + k), (51 - k, 31 - k), (51 - k, 31 + k)):
            diamond[..., y, x] = -1.0
    assert drawn_shape(diamond)[0, 0, 31, 31] == 1 and drawn_shape(outline(gap=20)[0])[0, 0, 31, 31] == 0


def test_where_there_is_no_paper_the_shape_is_what_is_unlike_the_rim():
    full = torch.full((1, 3, 64, 64), -0.5)
    full[..., 20:44, 20:44] = 0.8
    found = drawn_shape(full)[0, 0]
    assert found[24:40, 24:40].all() and not found[:12].any()


def test_shape_correlation_is_high_where_the_subject_is_where_it_was_drawn_and_only_there():
    drawn, inside = outline()
    flower = torch.where(inside, 0.7, -0.6).expand(1, 3, 64, 64)
    assert shape_correlation(drawn, flower) > 0.85
    assert shape_correlation(drawn, flower.roll(30, 3)) < 0.3
    assert (
        shape_correlation(torch.ones(1, 3, 64, 64), flower) == 0
        and shape_correlation(drawn, torch.zeros(1, 3, 64, 64)) == 0
    )
    assert shape_correlation(drawn, flower.expand(5, -1, -1, -1)).shape == (5,)


@pytest.mark.parametrize("style", ["colours", "outlined colours"])
def test_shape_correlation_tells_real_images_from_others_by_their_sketch(style):
    from diffusion_edu.editing.sketches import sketch

    x0 = to_signed(our_images().images[:64])
    sketches = sketch(x0, torch.Generator().manual_seed(0), (style,))
    own, other = shape_correlation(sketches, x0), shape_correlation(sketches, x0.roll(7, 0))
    assert own.mean() > other.mean() + 0.3 and (own > other).float().mean() > 0.8


def test_a_seam_is_measured_against_the_steps_between_other_neighbours():
    hole = torch.zeros(8, 8, dtype=torch.bool)
    hole[2:5, 3:6] = True
    ramp = torch.arange(8.0).expand(2, 3, 8, 8)  # steps of 1 along rows, none along columns
    torch.testing.assert_close(seam(ramp, hole), seam(ramp[:1], hole).expand(2))
    x = torch.where(hole, 5.0, torch.arange(64).view(8, 8) % 2 + 0.0).expand(
        1, 3, 8, 8
    )  # steps of 1 or 0 outside, 5 or 4 at the rim
    pairs = [((y, a), (y, a + 1)) for y in range(8) for a in range(7)] + [
        ((y, a), (y + 1, a)) for y in range(7) for a in range(8)
    ]
    steps = {
        class_name: [abs(x[0, 0][p] - x[0, 0][q]).item() for p, q in pairs if int(hole[p]) + int(hole[q]) == class_name]
        for class_name in (0, 1)
    }
    assert seam(x, hole).item() == pytest.approx(np.mean(steps[1]) / np.mean(steps[0]), rel=1e-5)


def test_ready_made_sketches_are_painted_as_the_canvas_paints():
    from diffusion_edu.app.editing.sketch_presets import SKETCHES, sketch_layer

    for name in SKETCHES:
        layer = sketch_layer(name)
        assert (
            layer.shape == (4, 64, 64)
            and set(layer[3].unique().tolist()) == {0, 255}
            and 0.02 < (layer[3] > 0).float().mean() < 0.6
        )
        assert 0.03 < drawn_shape(to_signed(painted(paper(64), layer))[None]).mean() < 0.6
