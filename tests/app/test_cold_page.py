"""The page of cold diffusion under Streamlit's own test: both tasks, every widget, the shown code, and missing
files.
"""

import base64
import io
import time

import numpy as np
import pytest
import torch
from onscreen import animation, finished, healthy
from onscreen import opened as opened_at
from PIL import Image

from diffusion_edu.app.cold.page import GENERATE, ORACLE, RESTORE
from diffusion_edu.checkpoints import Card, save
from diffusion_edu.degradations import DEGRADATIONS

PAGE = "pages/8_Cold_diffusion.py"


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path, tiny):
    """Two small models in place of the large ones: a restoration network and a denoiser."""
    from diffusion_edu.app.cold import page

    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    monkeypatch.setattr(page, "COLD", "restorer")
    monkeypatch.setattr(page, "HOT", "denoiser")
    config = {"widths": [16, 32], "embedding": 16, "classes": 6, "patch": 4}
    for name, prediction_type in (("restorer", "restoration"), ("denoiser", "v")):
        save(
            tmp_path,
            Card(name, name, "simple_unet", config, prediction_type, 64, classes=list(DEGRADATIONS)),
            tiny(network="simple_unet", classes=6, patch=4),
        )


def opened(**link):
    return finished(opened_at(PAGE, **{"steps": "3", **link}))


def images(track, rows):
    """The images of one track, state by state, uint8 (states, 64, width, 3)."""
    sprite = np.asarray(Image.open(io.BytesIO(base64.b64decode(track["sprite"].split(",")[1]))))
    return sprite.reshape(rows, 64, -1, 3)


def shown(app):
    """All tracks by name."""
    there = animation(app)
    return {track["name"]: images(track, len(there["timesteps"])) for track in there["tracks"] if not track["rows"]}


def laid_out(images):
    """Images uint8 (n, 3, 64, 64) as one row of a sprite."""
    return images.permute(2, 0, 3, 1).reshape(64, -1, 3).numpy()


def test_the_page_opens_with_five_tracks_and_runs_again():
    app = opened()
    there = animation(app)
    assert [track["name"] for track in there["tracks"]] == ["degraded", "x2", "prediction2", "x1", "prediction1"]
    assert there["timesteps"] == [40, 27, 13, 0] and there["start"] == 3 and there["ends"] == ["degraded", "image"]
    assert len(there["charts"]) == 2 and len(app.title) == 1 and len(app.get("latex")) == 2
    assert any("Algorithm 2" in caption.value and "dB" in caption.value for caption in app.caption)
    assert animation(healthy(app.run()))["id"] == there["id"]


@pytest.mark.parametrize("degradation", [*DEGRADATIONS, "noise"])
def test_both_algorithms_start_from_the_degraded_image_and_end_with_their_last_prediction(degradation):
    tracks = shown(opened(degradation=degradation))
    assert np.array_equal(tracks["x2"][0], tracks["degraded"][0]) and np.array_equal(
        tracks["x1"][0], tracks["degraded"][0]
    )
    for number in "12":
        assert np.array_equal(tracks[f"x{number}"][-1], tracks[f"prediction{number}"][-1])
    assert not np.array_equal(tracks["x2"][-1], tracks["x1"][-1])


@pytest.mark.parametrize(
    "link",
    [
        {"degradation": "mask", "seed": "3", "start": "70", "error": "0.1"},
        {"degradation": "blur", "restorer": ORACLE, "error": "0.2"},
        {"degradation": "noise", "seed": "5", "start": "60"},
        {"degradation": "noise", "restorer": ORACLE, "error": "0.1"},
    ],
    ids=lambda link: " ".join(link.values()),
)
def test_the_shown_code_makes_the_shown_images(link):
    app = opened(**link)
    ends, names = [], {}

    def note(t, decibels):
        assert decibels.shape == (1,)
        if t == 0:
            ends.append(names["state"].x)

    names["print"] = note
    exec(app.code[0].value, names)
    tracks = shown(app)
    from diffusion_edu.data.images import to_bytes

    for number, end in zip("21", ends, strict=True):
        assert np.array_equal(laid_out(to_bytes(end)), tracks[f"x{number}"][-1])


@pytest.mark.parametrize("degradation", DEGRADATIONS)
def test_the_shown_code_generates_the_shown_images(degradation):
    app = opened(task=GENERATE, start_degradation=degradation, seed="2")
    names = {}
    exec(app.code[0].value, names)
    tracks = shown(app)
    assert [track["name"] for track in animation(app)["tracks"]] == ["cold", "hot", "reference"]
    for made, name in zip(names["images"], ("cold", "hot"), strict=True):
        assert made.shape == (4, 3, 64, 64) and np.array_equal(laid_out(made), tracks[name][-1])
    assert animation(app)["tracks"][0]["says"][-1].startswith("variety ")


def test_the_oracle_restores_the_image_and_only_algorithm_2_tolerates_prediction_errors():
    def ends(error):
        tracks = shown(opened(restorer=ORACLE, error=error, degradation="fade", steps="20"))
        true = tracks["degraded"][-1].astype(float)
        return [np.abs(tracks[name][-1] - true).mean() for name in ("x2", "x1")]

    assert max(ends("0.0")) < 1
    two, one = ends("0.2")
    assert two < 0.5 * one


@pytest.mark.parametrize(
    ("widget", "key", "value"),
    [
        ("segmented_control", "degradation", "snow"),
        ("segmented_control", "degradation", "noise"),
        ("slider", "error", 0.5),
        ("slider", "start", 5),
        ("slider", "start", 100),
        ("select_slider", "steps", 1),
        ("select_slider", "steps", 50),
        ("segmented_control", "restorer", ORACLE),
        ("segmented_control", "task", GENERATE),
        ("segmented_control", "source", "a file"),
        ("selectbox", "class_name", "rose"),
        ("slider", "number", 10),
        ("number_input", "seed", 1_000_000),
    ],
)
def test_every_widget_changes_the_animation(widget, key, value):
    app = opened(start="20")
    before = animation(app)["id"]
    finished(getattr(app, widget)(key=f"cold.{key}").set_value(value).run())
    assert (animation(app)["id"] != before) == (key != "source")


@pytest.mark.parametrize(
    ("widget", "key", "value"),
    [
        ("segmented_control", "start_degradation", "fade"),
        ("select_slider", "steps", 1),
        ("segmented_control", "show", "prediction"),
        ("number_input", "seed", 9),
        ("segmented_control", "task", RESTORE),
    ],
)
def test_every_widget_of_generation_changes_the_animation(widget, key, value):
    app = opened(task=GENERATE)
    before = animation(app)["id"]
    finished(getattr(app, widget)(key=f"cold.{key}").set_value(value).run())
    assert animation(app)["id"] != before


def test_a_link_with_nonsense_in_it_opens_the_default():
    there = animation(opened(degradation="magic", start="banana", error="-3", restorer="me", task="fly", seed="x"))
    assert there["timesteps"][0] == 40 and there["class_names"] == ["water lily"]


def test_a_cancelled_restoration_waits_for_a_click(monkeypatch):
    from diffusion_edu.app.cold.restoration import Restoration

    run = Restoration.run

    def slowly(self, model=None):
        for pair in run(self, model):
            time.sleep(0.3)
            yield pair

    monkeypatch.setattr(Restoration, "run", slowly)
    app = healthy(opened_at(PAGE))
    job = app.session_state["cold.job:cold"]
    healthy(next(button for button in app.button if button.label == "Cancel").click().run())
    assert job.cancelled and "cold.job:cold" not in app.session_state and not app.get("bidi_component")
    monkeypatch.setattr(Restoration, "run", run)
    healthy(next(button for button in app.button if button.label == "Continue").click().run())
    assert animation(finished(app))["tracks"]


def test_without_a_restoration_network_the_page_says_so_and_the_oracle_takes_its_place(monkeypatch, tmp_path):
    from diffusion_edu.app.cold import page

    monkeypatch.setattr(page, "_restoration_network", lambda: None)
    for link in ({}, {"task": GENERATE}):
        app = opened(degradation="fade", **link)
        assert len(app.info) == 1 and "diffusion-edu train flowers_cold" in app.info[0].value
        tracks = shown(app)
        assert np.abs(tracks["x2"][-1].astype(int) - tracks["degraded"][-1]).max() <= 1
    assert not opened(restorer=ORACLE).info


def test_a_restoration_network_of_ones_own_is_used_where_ours_is_missing(monkeypatch):
    from diffusion_edu.app.cold import page

    monkeypatch.setattr(page, "COLD", "nowhere")
    assert page._restoration_network() is not None
    assert not opened().info


def test_altered_weights_are_reported_in_one_sentence(tmp_path):
    with (tmp_path / "restorer.safetensors").open("r+b") as file:
        file.seek(20_000)
        file.write(b"altered")
    app = opened()
    assert "restorer.safetensors" in app.error[0].value
    healthy(app.run())


def test_without_our_images_the_page_says_what_to_do(monkeypatch, tmp_path):
    from diffusion_edu.app.common import image_picker

    monkeypatch.setattr(image_picker, "PRETRAINED", tmp_path)
    image_picker.images.clear()
    assert "flower_samples.parquet" in opened().error[0].value
    assert "flower_samples.parquet" in opened(task=GENERATE).error[0].value
    image_picker.images.clear()


def test_variety_and_fine_detail_have_known_values():
    from diffusion_edu.app.cold.generation import fine_detail, variety

    x = torch.randn(400, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert variety(x) == pytest.approx(2**0.5, rel=0.01)  # the difference of two standard normal values
    assert variety(x[:1].expand(4, -1, -1, -1)) == 0
    assert fine_detail(x) == pytest.approx(1, rel=0.01)
    wave = torch.sin(torch.arange(32) * 2 * torch.pi / 32).expand(1, 3, 32, 32)
    assert (
        fine_detail(wave)
        < 1e-3
        < fine_detail(torch.sin(torch.arange(32) * 2 * torch.pi * 12 / 32).expand(1, 3, 32, 32))
    )
