"""The edit studio under Streamlit's own test: every part, every widget, the code that is shown, bad input, and what may be missing."""

import base64
import io
import time

import numpy as np
import pytest
import torch
from onscreen import finished, healthy
from onscreen import opened as opened_at
from PIL import Image
from test_uploads import BAD, encoded, huge, plain

from diffusion_edu.analysis.measures import seam
from diffusion_edu.checkpoints import Card, load, save
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.data.layers import layer_of, painted, paper, to_png, to_url
from diffusion_edu.editing.sketches import likeness, shape
from diffusion_edu.generation import Preset, generate

PAGE = "pages/10_Edit_studio.py"
CHANGE, FILL, SKETCH = {"tab": "Change an image"}, {"tab": "Fill a hole"}, {"tab": "From a sketch"}
KEYS = {"Change an image": "studio change", "Fill a hole": "studio fill", "From a sketch": "studio sketch"}
CLASS_NAMES = ["aster", "rose", "sunflower"]


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path, tiny):
    """Small models in the place of the large ones: one that draws flowers, one that draws faces, one that paints sketches."""
    from diffusion_edu.app.common import models
    from diffusion_edu.app.editing import sketch as sketching

    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    monkeypatch.setattr(sketching, "PAINTER", "painter")
    monkeypatch.setattr(models, "FIRST", "drawer")
    for name, about, more in (
        ("drawer", {"classes": CLASS_NAMES}, {"classes": 3}),
        ("facer", {"attributes": ["Smiling", "Hat"]}, {"attributes": 2}),
        ("painter", {"conditioning_image": "a sketch"}, {"conditioning_channels": 3}),
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
    """What came of the last work of the part that is open: the edit, its animation, the words below it, and the finished images by name."""
    return app.session_state[f"done:{KEYS[app.session_state['tab']]}"]


def results(app):
    return done(app)[3]


def components(app):
    return [element.proto for element in app.get("bidi_component")]


def tracks(animation):
    """What every screen of an animation shows, state by state, uint8 (states, 64, 256, 3)."""
    sheets = {
        s["name"]: np.asarray(Image.open(io.BytesIO(base64.b64decode(s["sprite"].split(",")[1])))).reshape(
            -1, 64, 256, 3
        )
        for s in animation["tracks"]
    }
    return {screen["name"]: sheets[screen["name"]][screen["rows"]] for screen in animation["tracks"]}


def in_a_row(images):
    return images.permute(2, 0, 3, 1).reshape(64, -1, 3).numpy()


def draw(app, canvas, layer):
    """What the browser would send after a stroke."""
    store = f"painted:{canvas}"
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
    """What the lines that are shown make, with what they print thrown away."""
    names = {"print": lambda *words: None}
    exec(app.code[0].value, names)
    return names


# the parts


@pytest.mark.parametrize("tab", [CHANGE, FILL, SKETCH], ids=lambda tab: tab["tab"])
def test_every_part_opens_with_a_canvas_and_a_animation_and_runs_again(tab):
    app = opened(tab)
    assert len(app.title) == 1 and len(app.tabs) == 4
    assert [part.component_name for part in components(app)] == ["diffusion_edu_canvas", "diffusion_edu_player"]
    edit, animation, words, dataset = done(app)
    assert (
        animation["timesteps"][-1] == 0
        and animation["start"] == len(animation["timesteps"]) - 1
        and len(animation["tracks"]) == 2
    )
    assert all(images.shape == (4, 3, 64, 64) for images in dataset.values()) and "Computed in" in words
    assert animation["id"] == edit.id == done(healthy(app.run()))[1]["id"]
    for name, shown in tracks(animation).items():
        last = dataset.get(name, next(iter(dataset.values())))
        assert np.array_equal(shown[-1], in_a_row(last))


def test_strength_0_gives_the_image_back_bit_for_bit_and_makes_no_move():
    app = opened(CHANGE, strength="0.0")
    _, animation, words, images = done(app)
    assert torch.equal(images["changed"], water_lily().expand(4, -1, -1, -1)) and animation["timesteps"] == [0]
    assert "**0 of 255**" in words and any("bit for bit" in text.value for text in app.markdown)


@pytest.mark.parametrize(
    ("model", "class_name", "labels"),
    [("drawer", "rose", [1] * 4), ("facer", "Hat", [[0, 1]] * 4), ("drawer", "anything (no guidance)", None)],
)
def test_strength_1_is_plain_generation_with_the_same_seeds(model, class_name, labels, tmp_path):
    app = opened(CHANGE, strength="1.0", model=model, wanted=class_name, seed="7")
    *_, last = generate(load(model), done(app)[0].request.preset, [7, 8, 9, 10], labels)
    assert torch.equal(results(app)["changed"], to_bytes(last.x))
    assert any("pure noise" in text.value for text in app.markdown)


def test_the_page_says_at_which_timestep_it_begins_and_the_animation_begins_there():
    app = opened(CHANGE, strength="0.5", seed="3")
    edit, animation, *_ = done(app)
    schedule = edit.request.preset.noise_schedule()
    assert animation["timesteps"] == [500, 333, 167, 0] and animation["ends"] == ("timestep 500", "image")
    words = next(text.value for text in app.markdown if "Begins at" in text.value)
    assert (
        "timestep 500 of 1000" in words
        and f"{schedule.signal[500]:.2f} × your image + {schedule.noise[500]:.2f} × noise" in words
    )
    eps = torch.stack([torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(seed)) for seed in range(3, 7)])
    x = schedule.corrupt(to_signed(water_lily()), 500, eps)
    assert np.array_equal(tracks(animation)["x"][0], in_a_row(to_bytes(x)))


def test_without_noise_the_walk_begins_with_the_image_dimmed_and_all_four_are_alike():
    app = opened(CHANGE, strength="0.5", noisy="false", seed="3")
    edit, animation, *_ = done(app)
    schedule, made = edit.request.preset.noise_schedule(), results(app)["changed"]
    assert np.array_equal(
        tracks(animation)["x"][0],
        in_a_row(to_bytes(schedule.signal[500].float() * to_signed(water_lily())).expand(4, -1, -1, -1)),
    )
    assert torch.equal(made, made[:1].expand_as(made)) and not torch.equal(
        made, results(opened(CHANGE, strength="0.5", seed="3"))["changed"]
    )
    words = next(text.value for text in app.markdown if "Begins at" in text.value)
    assert "and no noise" in words and "× noise" not in words
    assert "**timestep 1000 of 1000, plain grey**" in " ".join(
        text.value for text in opened(CHANGE, strength="1.0", noisy="false").markdown
    )


def test_what_is_painted_over_a_image_is_part_of_it():
    app = draw(opened(CHANGE, strength="0.0"), "change canvas", spot(5, 20))
    assert torch.equal(results(app)["changed"][2], painted(water_lily(), spot(5, 20)))
    app.toggle(key="blank").set_value(True)
    app = draw(healthy(app.run()), "change canvas", spot(5, 20))
    assert torch.equal(results(app)["changed"][0], painted(paper(64), spot(5, 20)))


@pytest.mark.parametrize(
    ("method", "hole"), [("naive", "disc"), ("RePaint", "disc"), ("both", "half"), ("both", "frame")]
)
def test_outside_the_hole_every_byte_is_as_it_was_and_inside_it_is_new(method, hole):
    from diffusion_edu.app.editing.inpainting import HOLES

    dataset, inside = results(opened(FILL, method=method, hole=hole)), HOLES[hole](64)
    assert list(dataset) == (["naive", "RePaint"] if method == "both" else [method])
    for images in dataset.values():
        assert torch.equal(images[:, :, ~inside], water_lily()[:, ~inside].expand(4, -1, -1))
        assert (images[:, :, inside] != water_lily()[:, inside]).float().mean() > 0.9
    if method == "both":
        assert not torch.equal(*dataset.values())


def test_repaint_makes_its_steps_as_often_as_asked_and_the_naive_way_waits_for_it():
    edit, animation, *_ = done(opened(FILL, repeats="3", jump="2"))
    assert (
        animation["timesteps"]
        == edit.paths["RePaint"]
        == [1000, 667, 333, 1000, 667, 333, 1000, 667, 333, 0, 333, 0, 333, 0]
    )
    naive = next(screen for screen in animation["tracks"] if screen["name"] == "naive")
    assert naive["rows"] == [0, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]


def test_a_hole_is_painted_and_the_rest_stays():
    app = draw(opened(FILL, method="naive"), "fill canvas", spot(0, 10))
    outside = spot(0, 10)[3] == 0
    assert torch.equal(done(app)[0].hole, ~outside)
    assert torch.equal(results(app)["naive"][1][:, outside], water_lily()[:, outside])


def test_both_ways_from_a_sketch_are_what_the_library_draws():
    from diffusion_edu.app.editing.sketch_presets import drawn

    app = opened(SKETCH, doodle="red tulip", strength="1.0", seed="5")
    drawing = painted(paper(64), drawn("red tulip"))
    preset, images = done(app)[0].request.preset, results(app)
    guide = to_signed(drawing).expand(4, -1, -1, -1)
    for name, model, asked in (
        ("trained with sketches", "painter", guide),
        ("started from the sketch", "drawer", None),
    ):
        *_, last = generate(load(model), preset, [5, 6, 7, 8], asked)
        assert torch.equal(images[name], to_bytes(last.x))
    score = likeness(to_signed(drawing)[None], to_signed(images["trained with sketches"])).mean()
    assert "flowers that never saw it" in done(app)[2] and f"trained with sketches **{score:.2f}**" in done(app)[2]


def test_a_part_that_starts_lower_waits_until_the_other_has_come_down():
    animation = done(opened(SKETCH, strength="0.5"))[1]
    assert animation["timesteps"] == [1000, 667, 333, 0]
    assert next(screen for screen in animation["tracks"] if screen["name"].startswith("started"))["rows"] == [
        0,
        0,
        1,
        3,
    ]


# the code


@pytest.mark.parametrize(
    "link",
    [
        {"strength": "0.35", "wanted": "sunflower"},
        {"model": "facer", "wanted": "Smiling", "seed": "11"},
        {"sampler": "DDPM", "blank": "true"},
        {"strength": "0.0"},
        {"strength": "0.4", "noisy": "false"},
    ],
    ids=lambda link: " ".join(link.values()),
)
def test_the_code_changes_the_image_as_the_page_does(link):
    app = opened(CHANGE, **link)
    assert torch.equal(executed(app)["images"], results(app)["changed"])
    app = draw(app, "change canvas", spot(30, 50))
    assert torch.equal(executed(app)["images"], results(app)["changed"])


@pytest.mark.parametrize(
    "link",
    [
        {},
        {"method": "naive", "wanted": "rose"},
        {"method": "RePaint", "sampler": "DDIM", "eta": "0.5", "hole": "frame"},
    ],
    ids=str,
)
def test_the_code_fills_the_hole_as_the_page_does(link):
    app = draw(opened(FILL, **link), "fill canvas", spot(8, 30))
    made = executed(app)["images"]
    assert made.keys() == results(app).keys()
    assert all(torch.equal(made[name], images) for name, images in results(app).items())


def test_the_code_paints_the_sketch_as_the_page_does():
    app = draw(opened(SKETCH, doodle="nothing", wanted="aster"), "sketch canvas", spot(10, 50))
    names = executed(app)
    assert torch.equal(names["trained"], results(app)["trained with sketches"]) and torch.equal(
        names["images"], results(app)["started from the sketch"]
    )


def test_the_code_reads_a_file_of_ones_own(tmp_path, monkeypatch):
    app = opened(CHANGE, source="a file")
    (tmp_path / "my_image.jpg").write_bytes(encoded(plain(), "PNG"))
    finished(app.file_uploader[0].set_value(("me.png", encoded(plain(), "PNG"), "image/png")).run())
    wanted = results(app)["changed"]
    monkeypatch.chdir(tmp_path)
    assert torch.equal(executed(app)["images"], wanted)


# every widget


WIDGETS = [
    (CHANGE, "slider", "strength", 1.0),
    (CHANGE, "selectbox", "model", "facer"),
    (CHANGE, "selectbox", "wanted", "rose"),
    (CHANGE, "selectbox", "class_name", "rose"),
    (CHANGE, "slider", "number", 3),
    (CHANGE, "number_input", "seed", 1_000_000),
    (CHANGE, "toggle", "blank", True),
    (CHANGE, "toggle", "noisy", False),
    (CHANGE, "selectbox", "sampler", "Heun"),
    (CHANGE, "select_slider", "steps", 5),
    (CHANGE, "slider", "guidance_scale", 8.0),
    (CHANGE, "selectbox", "schedule", "flow"),
    (CHANGE, "selectbox", "spacing", "log-SNR"),
    (CHANGE, "select_slider", "timesteps", 100),
    (CHANGE, "toggle", "zero", True),
    (FILL, "segmented_control", "hole", "frame"),
    (FILL, "segmented_control", "method", "naive"),
    (FILL, "segmented_control", "look", "prediction"),
    (FILL, "slider", "repeats", 1),
    (FILL, "slider", "jump", 20),
    (FILL, "selectbox", "wanted", "rose"),
    (FILL, "selectbox", "model", "facer"),
    (SKETCH, "selectbox", "doodle", "outline"),
    (SKETCH, "slider", "strength", 0.0),
    (SKETCH, "segmented_control", "look", "prediction"),
    (SKETCH, "selectbox", "wanted", "rose"),
    (SKETCH, "selectbox", "model", "facer"),
    (SKETCH, "select_slider", "steps", 5),
]


@pytest.mark.parametrize(
    ("tab", "class_name", "key", "value"),
    WIDGETS,
    ids=lambda value: value["tab"] if isinstance(value, dict) else str(value),
)
def test_every_widget_may_be_moved(tab, class_name, key, value):
    app = opened(tab, wanted="sunflower")
    before = done(app)[1]["id"]
    finished(getattr(app, class_name)(key=key).set_value(value).run())
    assert done(app)[1]["id"] != before and len(components(app)) == 2


@pytest.mark.parametrize("tab", [CHANGE, FILL, SKETCH], ids=lambda tab: tab["tab"])
def test_a_link_with_nonsense_in_it_opens_the_default(tab):
    nonsense = dict.fromkeys(
        (
            "model",
            "wanted",
            "class_name",
            "number",
            "seed",
            "strength",
            "method",
            "hole",
            "doodle",
            "look",
            "repeats",
            "sampler",
        ),
        "x y",
    )
    assert done(opened(tab, **nonsense))[0].id == done(opened(tab))[0].id


def test_from_part_to_part_and_back_everything_is_still_there():
    app = draw(opened(CHANGE), "change canvas", spot(5, 20))
    before = done(app)[0].id
    for tab in (FILL, SKETCH, CHANGE):
        app.session_state["tab"] = tab["tab"]
        finished(app.run())
        assert len(components(app)) == 2
    assert done(app)[0].id == before


def test_a_model_that_another_part_does_not_offer_makes_room_there(tmp_path, tiny):
    config = {"widths": [16, 32], "embedding": 16, "patch": 4}
    save(
        tmp_path,
        Card("large", "large", "simple_unet", config, "v", 128, sampling={"steps": 2}),
        tiny(network="simple_unet", patch=4),
    )
    app = opened(CHANGE, model="large")
    assert results(app)["changed"].shape == (4, 3, 128, 128)
    for tab in (FILL, SKETCH):
        app.session_state["tab"] = tab["tab"]
        finished(app.run())
        assert len(components(app)) == 2
    assert results(app)["started from the sketch"].shape == (4, 3, 64, 64)


# bad input


def test_an_empty_sheet_asks_for_a_drawing():
    app = opened(SKETCH, doodle="nothing")
    assert "The paper is empty" in app.info[0].value and len(components(app)) == 1


def test_without_a_hole_the_page_asks_for_one_and_with_nothing_but_hole_it_draws_from_noise():
    app = draw(opened(FILL), "fill canvas", torch.zeros(4, 64, 64, dtype=torch.uint8))
    assert "There is no hole" in app.info[0].value
    app = draw(app, "fill canvas", layer_of(torch.ones(64, 64, dtype=torch.bool)))
    assert "the whole image" in app.info[0].value
    *_, last = generate(load("drawer"), Preset(steps=3), [0, 1, 2, 3])
    assert torch.equal(results(app)["naive"], to_bytes(last.x))


@pytest.mark.parametrize(
    ("tab", "link"), [(CHANGE, {"source": "a file"}), (FILL, {"hole": "file"})], ids=["image", "mask"]
)
def test_files_that_are_no_images_get_one_sentence(tab, link):
    app = opened(tab, **link)
    for data in [*(data for data, _ in BAD.values()), huge()]:
        finished(app.file_uploader[0].set_value(("x.png", data, "image/png")).run())
        assert len(app.error) == 1 and app.error[0].value.endswith(".") and len(components(app)) == 2
    assert "pixels" in app.error[0].value


def test_a_mask_of_another_size_is_scaled_and_the_page_says_so():
    app = opened(FILL, hole="file", method="naive")
    mask = Image.new("RGB", (300, 150))
    mask.paste("white", (150, 0, 300, 150))
    finished(app.file_uploader[0].set_value(("mask.png", encoded(mask, "PNG"), "image/png")).run())
    assert any("300 x 150 pixels" in caption.value for caption in app.caption)
    outside = torch.arange(64) < 32
    assert torch.equal(results(app)["naive"][0][:, :, outside], water_lily()[:, :, outside])


def test_transparent_and_animated_images_are_used_and_the_page_says_how():
    app = opened(CHANGE, source="a file", strength="0.0")
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    finished(app.file_uploader[0].set_value(("x.png", encoded(clear, "PNG"), "image/png")).run())
    assert (
        any("transparent, laid on white" in caption.value for caption in app.caption)
        and results(app)["changed"].min() == 255
    )
    file, frames = io.BytesIO(), [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    finished(app.file_uploader[0].set_value(("x.gif", file.getvalue(), "image/gif")).run())
    assert any("the first frame" in caption.value for caption in app.caption)


@pytest.mark.parametrize(
    "sent", [None, 5, "data:image/png;base64,AAAA", to_url(to_png(layer_of(torch.ones(8, 8, dtype=torch.bool))))]
)
def test_what_no_canvas_of_ours_would_send_is_not_used(sent):
    app = opened(SKETCH)
    before = done(app)[0].id
    app.session_state["painted:sketch canvas"] = {**app.session_state["painted:sketch canvas"], "layer": sent}
    finished(app.run())
    assert "draw it again" in app.error[0].value and done(app)[0].id == before
    assert not finished(app.run()).error


# what may be missing


def test_what_was_cancelled_waits_until_it_is_asked_for_again(monkeypatch):
    from diffusion_edu.app.editing.image_to_image import Changing

    walk = Changing.walk

    def slowly(self, model):
        for state in walk(self, model):
            time.sleep(0.3)
            yield state

    monkeypatch.setattr(Changing, "walk", slowly)
    app = healthy(opened_at(PAGE))
    job = app.session_state["job:studio change"]
    healthy(next(button for button in app.button if button.label == "Cancel").click().run())
    assert job.cancelled and len(components(app)) == 1
    monkeypatch.setattr(Changing, "walk", walk)
    finished(next(button for button in app.button if button.label == "Go on").click().run())
    assert len(components(app)) == 2


def test_without_a_model_for_sketches_there_is_the_other_way_and_one_sentence(monkeypatch):
    from diffusion_edu.app.editing import sketch as sketching

    monkeypatch.setattr(sketching, "PAINTER", "nowhere")
    app = opened(SKETCH)
    assert len(app.info) == 1 and "python -m diffusion_edu.recipes.sketch_to_flower" in app.info[0].value
    assert list(results(app)) == ["started from the sketch"] and torch.equal(
        executed(app)["images"], results(app)["started from the sketch"]
    )


@pytest.mark.parametrize(("tab", "name"), [(CHANGE, "drawer"), (FILL, "drawer"), (SKETCH, "painter")], ids=str)
def test_altered_weights_are_told_in_one_sentence(tab, name, tmp_path):
    with (tmp_path / f"{name}.safetensors").open("r+b") as file:
        file.seek(20_000)
        file.write(b"altered")
    app = opened(tab)
    assert f"{name}.safetensors" in app.error[0].value
    healthy(app.run())


def test_without_our_images_the_page_says_what_to_do_and_one_can_still_draw(monkeypatch, tmp_path):
    from diffusion_edu.app.common import image_picker

    monkeypatch.setattr(image_picker, "PRETRAINED", tmp_path)
    image_picker.images.clear()
    for tab in (CHANGE, FILL):
        assert "flower_samples.parquet" in opened(tab).error[0].value
    assert "never saw" not in done(opened(SKETCH))[2]
    image_picker.images.clear()


def test_without_any_model_the_page_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path / "nothing")
    monkeypatch.setattr("diffusion_edu.checkpoints.PRETRAINED", tmp_path / "nothing")
    for tab in (CHANGE, FILL, SKETCH):
        assert "No model is installed" in healthy(opened_at(PAGE, **tab)).error[0].value


# the measure


def outline(radius=18, gap=0):
    """A circle drawn with a thin black line, with a gap of so many pixels at its right."""
    y, x = np.mgrid[:64, :64] - 31.5
    line = (np.abs(np.hypot(x, y) - radius) < 0.8) & ~((np.abs(y) < gap / 2) & (x > 0))
    return torch.where(torch.from_numpy(line), -1.0, 1.0).expand(1, 3, 64, 64), torch.from_numpy(
        np.hypot(x, y) < radius - 1
    )


@pytest.mark.parametrize("gap", [0, 3])
def test_the_shape_of_an_outline_is_what_it_encloses_also_through_a_small_gap(gap):
    drawing, inside = outline(gap=gap)
    found = shape(drawing)[0, 0].bool()
    assert found[inside].all() and found.float().mean() < inside.float().mean() + 0.08


def test_a_line_that_runs_through_corners_holds_and_a_wide_gap_does_not():
    diamond = torch.ones(1, 3, 64, 64)
    for k in range(20):
        for y, x in ((12 + k, 31 - k), (12 + k, 31 + k), (51 - k, 31 - k), (51 - k, 31 + k)):
            diamond[..., y, x] = -1.0
    assert shape(diamond)[0, 0, 31, 31] == 1 and shape(outline(gap=20)[0])[0, 0, 31, 31] == 0


def test_where_there_is_no_paper_the_shape_is_what_is_unlike_the_rim():
    full = torch.full((1, 3, 64, 64), -0.5)
    full[..., 20:44, 20:44] = 0.8
    found = shape(full)[0, 0]
    assert found[24:40, 24:40].all() and not found[:12].any()


def test_likeness_is_high_where_the_subject_is_where_it_was_drawn_and_only_there():
    drawing, inside = outline()
    flower = torch.where(inside, 0.7, -0.6).expand(1, 3, 64, 64)
    assert likeness(drawing, flower) > 0.85
    assert likeness(drawing, flower.roll(30, 3)) < 0.3
    assert likeness(torch.ones(1, 3, 64, 64), flower) == 0 and likeness(drawing, torch.zeros(1, 3, 64, 64)) == 0
    assert likeness(drawing, flower.expand(5, -1, -1, -1)).shape == (5,)


@pytest.mark.parametrize("style", ["colours", "outlined colours"])
def test_likeness_knows_real_images_from_others_by_their_sketch(style):
    from diffusion_edu.editing.sketches import sketch

    x0 = to_signed(our_images().images[:64])
    drawings = sketch(x0, torch.Generator().manual_seed(0), (style,))
    own, other = likeness(drawings, x0), likeness(drawings, x0.roll(7, 0))
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


def test_ready_drawings_are_painted_as_the_canvas_paints():
    from diffusion_edu.app.editing.sketch_presets import DOODLES, drawn

    for name in DOODLES:
        layer = drawn(name)
        assert (
            layer.shape == (4, 64, 64)
            and set(layer[3].unique().tolist()) == {0, 255}
            and 0.02 < (layer[3] > 0).float().mean() < 0.6
        )
        assert 0.03 < shape(to_signed(painted(paper(64), layer))[None]).mean() < 0.6
