"""Super-resolution: its evaluation, the command and the benchmark, and its part of the editing page."""

import base64
import io
import json
import time

import numpy as np
import pytest
import torch
from onscreen import finished, healthy
from onscreen import opened as opened_at
from PIL import Image
from uploads import BAD, encoded, plain

from benchmarks import cascade as benchmark
from diffusion_edu.analysis.measures import gradient_energy
from diffusion_edu.checkpoints import Card, load, read_card, save
from diffusion_edu.data.decoding import fitting
from diffusion_edu.data.images import ImageSet, held_out, load_images, save_images, to_bytes, to_signed
from diffusion_edu.data.uploads import read_upload
from diffusion_edu.editing.super_resolution import (
    CONDITIONING_CHANNELS,
    back_projected,
    bicubic_downsample,
    bicubic_upsample,
    enlarge,
)
from diffusion_edu.evaluation import super_resolution as evaluation
from diffusion_edu.evaluation.cold import psnr_and_ssim
from diffusion_edu.evaluation.patches import consistency, finest_octave, patches, relative_gradient_energy
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks import NETWORKS

PAGE, KEY = "pages/10_Editing.py", "super-resolution"
CLASS_NAMES = ["aster", "rose", "sunflower"]


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def some(count, size, seed=0):
    """Images with detail of every size, uint8."""
    coarse = bicubic_upsample(bicubic_upsample(noise(count, 3, size // 4, size // 4, seed=seed).clamp(-1, 1)))
    return to_bytes(0.6 * coarse + 0.15 * noise(count, 3, size, size, seed=seed + 1))


# Measuring detail


def test_gradient_energy_is_the_mean_squared_difference_of_neighbours():
    assert gradient_energy(torch.full((2, 3, 8, 8), 0.3)).tolist() == [0, 0]
    ramp = (0.1 * torch.arange(8.0)).expand(1, 3, 8, 8)
    assert gradient_energy(ramp).item() == pytest.approx(0.01)
    assert gradient_energy(0.5 * ramp + 0.5 * ramp.mT).item() == pytest.approx(2 * 0.05**2)
    assert gradient_energy(noise(1, 3, 200, 200)).item() == pytest.approx(
        4, rel=0.02
    )  # two differences, of variance 2 each


def test_patches_are_quadrants_with_unchanged_pixels():
    images = torch.arange(2 * 3 * 8 * 12).view(2, 3, 8, 12)
    cut = patches(images, 4)
    assert cut.shape == (12, 3, 4, 4)
    assert torch.equal(cut[7], images[1, :, :4, 4:8]) and torch.equal(cut[11], images[1, :, 4:, 8:])


def test_the_relative_gradient_energy_is_1_for_the_same_images_and_less_for_soft_ones():
    real = some(4, 32)
    soft = to_bytes(bicubic_upsample(bicubic_downsample(to_signed(real))))
    assert relative_gradient_energy(real, real) == 1 and 0.05 < relative_gradient_energy(soft, real) < 0.7
    assert finest_octave(soft) < 0.5 * finest_octave(real)
    assert finest_octave(to_bytes(0.2 * noise(8, 3, 64, 64))) == pytest.approx(
        1, rel=0.05
    )  # white noise has the same power everywhere


def test_consistency_compares_the_shrunk_result_with_the_small_image():
    small = some(4, 16)
    assert (
        consistency(to_bytes(bicubic_upsample(to_signed(small))), small)
        > 25
        > 15
        > consistency(some(4, 32, seed=9), small)
    )
    twice = to_signed(small).repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert consistency(to_bytes(twice), small) == psnr_and_ssim(bicubic_downsample(twice), to_signed(small))["PSNR"]


def test_a_prediction_that_is_held_is_the_small_image_when_it_is_shrunk():
    x0_hat, small = to_signed(some(4, 32, seed=5)), to_signed(some(4, 16))
    kept = back_projected(lambda x, t: x0_hat, small)(None, 5)
    assert (
        psnr_and_ssim(bicubic_downsample(kept), small)["PSNR"]
        > psnr_and_ssim(bicubic_downsample(x0_hat), small)["PSNR"] + 15
    )
    true = to_signed(some(4, 32))
    torch.testing.assert_close(
        back_projected(lambda x, t: true, bicubic_downsample(true))(None, 5), true
    )  # what is right stays as it is
    fine = (x0_hat - bicubic_upsample(bicubic_downsample(x0_hat))) - (kept - bicubic_upsample(bicubic_downsample(kept)))
    assert fine.square().mean() < 0.05 * (x0_hat - kept).square().mean()  # what shrinking loses is the network's


# The command


@pytest.fixture
def folder(tmp_path, tiny, monkeypatch):
    """Small models by the names that the app and the command know: two that draw, one that enlarges, a classifier."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path / "runs")
    folder = tmp_path / "runs"
    sampling = {"sampler": "DDIM", "steps": 2, "guidance_scale": 1.5}

    def make(name, size, config, **about):
        config = {"widths": [16, 32], "embedding": 16, "patch": 2, **config}
        net = tiny(
            network="simple_unet", **{key: value for key, value in config.items() if key not in ("widths", "embedding")}
        )
        save(folder, Card(name, name, "simple_unet", config, "v", size, sampling=sampling, **about), net)

    make("drawer", 64, {"classes": 3}, classes=CLASS_NAMES)
    make(
        "larger",
        32,
        {"conditioning_channels": CONDITIONING_CHANNELS},
        conditioning_image="the same image, half as large",
    )
    make("painter", 64, {"conditioning_channels": 3}, conditioning_image="a sketch")
    layout = {"classes": 3, "widths": [8, 8], "patch": 1}
    feature_network = Card(
        "features",
        "features",
        "residual_classifier",
        layout,
        "class",
        16,
        classes=CLASS_NAMES,
        scores={"validation_accuracy": 0.5},
    )
    save(folder, feature_network, NETWORKS["residual_classifier"](**layout))
    return folder


@pytest.fixture
def words(folder, tmp_path):
    """The command line of an evaluation of 130 images."""
    save_images(tmp_path / "real.parquet", ImageSet(some(130, 32), torch.arange(130) % 3, ("a", "b", "c")))
    return [
        "larger",
        "--data",
        str(tmp_path / "real.parquet"),
        "--features",
        "features",
        "--work",
        str(tmp_path / "work"),
        "--device",
        "cpu",
    ]


def test_the_command_writes_the_scores_into_the_card(words, folder, tmp_path, capsys):
    evaluation.main(words)
    card = read_card(folder / "larger.json")
    assert card.scores == json.loads(capsys.readouterr().out)
    assert (
        "2 images of real.parquet" in card.scores["protocol"]
        and "evaluation.super_resolution larger" in card.scores["command"]
    )
    assert (
        set(card.scores["16 to 32"])
        == {"bicubic", "noise 0", "noise 0.1", "noise 0.2", "unconstrained"}
        == set(card.scores["32 to 64"])
    )
    assert "PSNR" in card.scores["8 to 16"]["noise 0"] and "PSNR" not in card.scores["32 to 64"]["noise 0"]
    low, middle, high = card.scores["gradient_energy_real"]
    assert 0 < low <= middle <= high
    assert load("larger").card == card  # the weights still fit


def test_the_scores_are_those_of_the_images_that_the_library_generates(words, tmp_path, capsys):
    evaluation.main([*words, "--dry"])
    scores = json.loads(capsys.readouterr().out)
    dataset = load_images(tmp_path / "real.parquet", 32)
    real = dataset.images[held_out(dataset)]
    small = to_bytes(bicubic_downsample(to_signed(real)))
    *_, state = enlarge(
        load("larger"), Preset("DDIM", 2, 1.5), to_signed(small), [0, 1], fraction=0.2, back_projection=True
    )
    generated, smooth = to_bytes(state.x), to_bytes(bicubic_upsample(to_signed(small)))
    for images, way in ((generated, "noise 0.2"), (smooth, "bicubic")):
        expected = psnr_and_ssim(to_signed(images), to_signed(real)) | {
            "gradient_energy": relative_gradient_energy(images, real),
            "consistency": consistency(images, small),
        }
        assert {name: scores["16 to 32"][way][name] for name in expected} == pytest.approx(expected, rel=1e-3)
    ways = scores["16 to 32"]
    assert (
        ways["bicubic"]["PSNR"] > ways["noise 0"]["PSNR"] > ways["unconstrained"]["PSNR"] + 2
    )  # the network is untrained
    assert ways["noise 0"]["consistency"] > ways["unconstrained"]["consistency"] + 5
    assert read_card(tmp_path / "runs" / "larger.json").scores == {}


def test_a_stopped_evaluation_continues_where_it_was(words, tmp_path, monkeypatch, capsys):
    evaluation.main([*words, "--dry"])
    whole = json.loads(capsys.readouterr().out)
    parts = sorted((tmp_path / "work").rglob("*.npy"))
    assert len(parts) == 12  # three resolutions, three fractions of noise and one unconstrained
    parts[0].write_bytes(b"half")
    parts[4].unlink()
    calls = []
    monkeypatch.setattr(
        evaluation,
        "enlarge",
        lambda model, preset, small, *rest: calls.append(rest) or enlarge(model, preset, small, *rest),
    )
    evaluation.main([*words, "--dry"])
    assert json.loads(capsys.readouterr().out) == whole and len(calls) == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda words, few: ["nobody", *words[1:]], "There is no model 'nobody'"),
        (lambda words, few: ["drawer", *words[1:]], "drawer does not enlarge images"),
        (lambda words, few: ["painter", *words[1:]], "painter does not enlarge images"),
        (lambda words, few: ["features", *words[1:]], "features does not enlarge images"),
        (lambda words, few: [*words, "--data", "nowhere"], "no file or folder"),
        (lambda words, few: [*words, "--data", few], "20 images are too few"),
    ],
    ids=["unknown", "draws", "paints", "classifier", "no data", "few images"],
)
def test_problems_end_in_one_sentence(words, tmp_path, change, sentence):
    few = tmp_path / "few.parquet"
    save_images(few, ImageSet(some(20, 32), torch.zeros(20, dtype=torch.int64), ("a",)))
    with pytest.raises(SystemExit) as end:
        evaluation.main(change(words, str(few)))
    assert sentence in end.value.code and "\n" not in end.value.code


# The benchmark


def test_the_benchmark_compares_three_ways_and_says_what_they_cost(folder, tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "median", lambda work, repeats: (work(), 1.5)[1])
    monkeypatch.setattr(benchmark, "CLASSES", {"a": "aster", "b": "rose"})
    save_images(tmp_path / "real.parquet", ImageSet(some(60, 32), torch.arange(60) % 3, ("a", "b", "c")))
    config = {"widths": [16, 32], "embedding": 16, "patch": 2, "classes": 3}
    net = tiny(network="simple_unet", classes=3)
    for name, size, classes in (("small", 16, CLASS_NAMES), ("large", 32, ["a", "b", "c"])):
        sampling = {"steps": 3, "guidance_scale": 2.0}
        save(folder, Card(name, name, "simple_unet", config, "v", size, classes=classes, sampling=sampling), net)
    common = [
        "--data",
        str(tmp_path / "real.parquet"),
        "--features",
        "features",
        "--work",
        str(tmp_path / "work"),
        "--images",
        "20",
    ]
    benchmark.main([*common, "--models", "small", "larger", "large"])
    first, _, _, *rows = capsys.readouterr().out.splitlines()
    rows = [row.strip("| ").split(" | ") for row in rows[1:]]
    assert first.startswith("20 flowers of the classes a, b")
    assert [row[:3] for row in rows[:3]] == [
        ["small, then bicubic", "6 at 16", "1.5"],
        ["small, then the network", "6 at 16 + 4 at 32", "1.5"],
        ["large at once", "6 at 32", "1.5"],
    ]
    assert rows[3][0] == "one half of 40 real ones to the other" and rows[3][5] == "100%"
    assert all("±" in cell for row in rows[:3] for cell in row[3:5])
    assert int(rows[0][5].rstrip("%")) < int(
        rows[2][5].rstrip("%")
    )  # bicubic is soft, what has learned nothing is rough
    monkeypatch.setattr(benchmark, "CLASSES", {"lily": "aster"})
    with pytest.raises(SystemExit, match="lily"):
        benchmark.main([*common, "--models", "small", "larger", "large"])


# What a person hands in


@pytest.mark.parametrize(
    ("sides", "fit"),
    [
        ((100, 75), (96, 72)),
        ((640, 480), (128, 96)),
        ((128, 128), (128, 128)),
        ((50, 1000), (8, 128)),
        ((3, 5), (8, 8)),
    ],
)
def test_an_upload_keeps_its_shape_and_fits_the_network(sides, fit):
    assert fitting(128, 8)(*sides) == fit
    image, _ = read_upload(encoded(Image.new("RGB", sides, (200, 30, 40)), "PNG"), fitting(128, 8))
    assert image.shape == (3, *fit[::-1]) and (image == torch.tensor([200, 30, 40]).view(3, 1, 1)).all()


# The page


@pytest.fixture
def small(folder, monkeypatch):
    from diffusion_edu.app.common import models, super_resolution_card

    monkeypatch.setattr(models, "FIRST", "drawer")
    monkeypatch.setattr(super_resolution_card, "SHIPPED", "larger")
    return folder


def opened(**link):
    return finished(opened_at(PAGE, **{"tab": "Super-resolution", **link}))


def zoom_view(app):
    """The data of the zoom view."""
    return json.loads(app.get("bidi_component")[0].proto.json)


def shown(app):
    """The images of the zoom view by name, uint8 (h, w, 3)."""
    return {
        pane["name"]: np.asarray(Image.open(io.BytesIO(base64.b64decode(pane["image"].split(",")[1]))))
        for pane in zoom_view(app)["panes"]
    }


def as_page(image):
    return image.permute(1, 2, 0).numpy()


def executed(app):
    """The names that the shown code defines; what it prints is ignored."""
    names = {"print": lambda *words: None}
    exec(app.code[0].value, names)
    return names


@pytest.mark.parametrize("back_projection", ["true", "false"])
def test_the_page_generates_and_enlarges_twice_as_the_library_does(small, back_projection):
    app = opened(
        model="drawer", condition="rose", seed="5", augmentation="0.2", detail_seed="7", back_projection=back_projection
    )
    *_, first = generate(load("drawer"), Preset("DDIM", 2, 1.5), [5], [1])
    x = first.x
    for _ in range(2):
        *_, state = enlarge(
            load("larger"), Preset("DDIM", 2, 1.5), x, [7], fraction=0.2, back_projection=back_projection == "true"
        )
        x = state.x
    images = shown(app)
    assert list(images) == ["nearest", "bicubic", "seed7"] and zoom_view(app)["width"] == 256
    assert np.array_equal(images["seed7"], as_page(to_bytes(x)[0]))
    assert np.array_equal(images["nearest"][::4, ::4], as_page(to_bytes(first.x)[0]))
    assert np.array_equal(
        images["bicubic"], as_page(to_bytes(bicubic_upsample(bicubic_upsample(to_signed(to_bytes(first.x)))))[0])
    )
    assert np.array_equal(as_page(executed(app)["images"][0]), images["seed7"])
    words = " ".join(caption.value for caption in app.caption)
    assert all(part in words for part in [f"{size} × {size} in 4 network evaluations" for size in (64, 128, 256)])
    assert zoom_view(healthy(app.run()))["id"] == zoom_view(app)["id"]


def test_four_seeds_give_different_details_and_numbers_are_of_what_is_shown(small):
    app = opened(small="one of ours", class_name="rose", factor="2 ×", variants="4")
    versions = shown(app)
    assert list(versions) == ["nearest", "bicubic", "seed0", "seed1", "seed2", "seed3"] and versions["seed0"].shape == (
        128,
        128,
        3,
    )
    assert not np.array_equal(versions["seed0"], versions["seed3"])
    images = executed(app)["images"]
    assert all(np.array_equal(as_page(image), versions[f"seed{k}"]) for k, image in enumerate(images))
    x = to_signed(images[:1])
    difference = 127.5 * (((x.diff(dim=2) ** 2).mean() + (x.diff(dim=3) ** 2).mean()) / 2).sqrt().item()
    assert zoom_view(app)["panes"][2]["says"].startswith(f"pixel difference {difference:.1f}, ")
    assert len(app.get("download_button")) == 7


def test_the_usual_values_are_read_from_the_card(small):
    from diffusion_edu.app.editing.super_resolution_job import REAL, pixel_difference

    assert any("evaluation.super_resolution" in caption.value for caption in opened(factor="2 ×").caption)
    card = read_card(small / "larger.json")
    (small / "larger.json").write_text(json.dumps({**vars(card), "scores": {REAL: [0.01, 0.04, 0.09]}}))
    assert pixel_difference(0.04) == pytest.approx(127.5 * 0.02**0.5)
    assert any(
        "mostly have 9 to 27, with a median of **18**" in caption.value
        for caption in opened(factor="2 ×", detail_seed="1").caption
    )


@pytest.mark.parametrize(
    ("widget", "key", "value"),
    [
        ("segmented_control", "small", "one of ours"),
        ("selectbox", "model", "drawer"),
        ("selectbox", "condition", "aster"),
        ("number_input", "seed", 9),
        ("segmented_control", "factor", "4 ×"),
        ("slider", "augmentation", 0.4),
        ("segmented_control", "variants", 4),
        ("number_input", "detail_seed", 1_000_000),
        ("selectbox", "sr_sampler", "Heun"),
        ("selectbox", "sr_sampler", "DDPM"),
        ("select_slider", "sr_steps", 1),
        ("toggle", "back_projection", False),
        ("slider", "sr_guidance", 2.5),
        ("selectbox", "sr_schedule", "flow"),
    ],
)
def test_every_widget_changes_the_images(small, widget, key, value):
    app = opened(factor="2 ×")
    before, there = zoom_view(app)["id"], getattr(app, widget)(key=f"editing.{key}").value
    finished(getattr(app, widget)(key=f"editing.{key}").set_value(value).run())
    assert (zoom_view(app)["id"] != before) == (there != value)
    executed(app)


def test_one_of_ours_may_be_chosen(small):
    app = opened(small="one of ours", factor="2 ×")
    before = zoom_view(app)["id"]
    finished(app.selectbox(key="editing.class_name").set_value("rose").run())
    finished(app.slider(key="editing.number").set_value(3).run())
    assert zoom_view(app)["id"] != before and "Rose" in zoom_view(app)["label"]


def test_an_image_of_ones_own_keeps_its_shape(small, tmp_path, monkeypatch):
    app = opened(small="a file", factor="2 ×")
    data = encoded(plain(size=(100, 76)), "PNG")
    finished(app.get("file_uploader")[0].set_value(("mine.png", data, "image/png")).run())
    assert (zoom_view(app)["width"], zoom_view(app)["height"]) == (200, 152)
    assert any("used at 100 × 76" in words.value for words in app.markdown)
    (tmp_path / "my_image.jpg").write_bytes(data)
    monkeypatch.chdir(tmp_path)
    assert np.array_equal(as_page(executed(app)["images"][0]), shown(app)["seed0"])


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_image_is_reported_in_one_sentence(small, name):
    app = opened(small="a file", factor="2 ×")
    before = zoom_view(app)["id"]
    finished(app.get("file_uploader")[0].set_value(("mine.png", BAD[name][0], "image/png")).run())
    assert len(app.error) == 1 and BAD[name][1] in app.error[0].value and zoom_view(app)["id"] == before


def test_without_the_network_there_are_the_methods_without_one(small, monkeypatch):
    (small / "larger.json").unlink()
    from diffusion_edu.app.common import super_resolution_card

    others = {name: card for name, card in super_resolution_card.read_cards()[0].items() if name != "super_resolution"}
    monkeypatch.setattr(super_resolution_card, "read_cards", lambda: (others, []))
    app = opened()
    assert "diffusion-edu train super_resolution" in app.info[0].value
    assert list(shown(app)) == ["nearest", "bicubic"] and zoom_view(app)["width"] == 256
    assert executed(app)["images"].shape == (1, 3, 256, 256)


def test_damaged_weights_and_missing_images_are_reported_in_one_sentence(small, monkeypatch, tmp_path):
    from diffusion_edu.app.common import image_picker

    with (small / "larger.safetensors").open("r+b") as file:
        file.seek(9_000)
        file.write(b"altered")
    assert "larger.safetensors" in opened().error[0].value
    monkeypatch.setattr(image_picker, "PRETRAINED", tmp_path)
    image_picker.images.clear()
    assert "flower_samples.parquet" in opened(small="one of ours").error[0].value
    image_picker.images.clear()


def test_a_link_with_nonsense_in_it_opens_the_default(small):
    app = opened(
        small="moon", factor="9", augmentation="x", variants="some", sr_steps="zero", seed="-4", detail_seed="y"
    )
    assert zoom_view(app)["width"] == 256 and list(shown(app)) == ["nearest", "bicubic", "seed0"]


def test_a_cancelled_super_resolution_waits_for_a_click(small, monkeypatch):
    from diffusion_edu.app.editing.super_resolution_job import SuperResolution

    run = SuperResolution.run

    def slowly(self, *models):
        for item in run(self, *models):
            time.sleep(0.3)
            yield item

    monkeypatch.setattr(SuperResolution, "run", slowly)
    app = healthy(opened_at(PAGE, tab="Super-resolution"))
    job = app.session_state[f"editing.job:{KEY}"]
    healthy(next(button for button in app.button if button.label == "Cancel").click().run())
    assert job.cancelled and f"editing.job:{KEY}" not in app.session_state and not app.get("bidi_component")
    monkeypatch.setattr(SuperResolution, "run", run)
    healthy(next(button for button in app.button if button.label == "Continue").click().run())
    assert shown(finished(app))
