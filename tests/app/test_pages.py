"""Every page under Streamlit's own test: twice, after each widget, from a link, and when something is missing."""

import base64
import io
import time

import numpy as np
import pytest
import torch
from onscreen import HOME, animation, finished, healthy, opened
from PIL import Image

from diffusion_edu.samplers import SAMPLERS

AppTest = pytest.importorskip("streamlit.testing.v1").AppTest
done_key = pytest.importorskip("diffusion_edu.app.jobs.task").done_key
NOISE = "pages/1_Adding_noise.py"
SAMPLING, DONE, JOB = "pages/3_Sampling.py", "sampling." + done_key("sampling"), "sampling.job:sampling"
PAGES = [HOME, NOISE, SAMPLING]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_and_runs_again(page):
    app = healthy(opened(page))
    assert len(app.title) == 1
    healthy(app.run())


def image_file():
    file = io.BytesIO()
    Image.new("RGB", (96, 96), (250, 120, 0)).save(file, "JPEG")
    return file.getvalue()


def test_home_measures_the_machine():
    app = opened(PAGES[0])
    healthy(next(button for button in app.button if button.label.startswith("Measure")).click().run())
    assert float(app.metric[0].value.removesuffix(" s")) > 0


def test_the_sampling_page_samples_what_the_library_samples():
    from diffusion_edu.checkpoints import load
    from diffusion_edu.generation import generate

    app = opened(SAMPLING, steps="3", images="1", class_name="sunflower", seed="7")
    healthy(app.button[0].click().run())
    recording = finished(app).session_state[DONE].result
    request = recording.request
    assert (request.preset.steps, request.seeds, request.class_names) == (3, [7], ["sunflower"])
    states = list(generate(load(request.card.name), request.preset, request.seeds, request.labels))
    assert [state.t for state in states] == [state.t for state, _ in recording.pairs] == [1000, 667, 333, 0]
    for state, (kept, _) in zip(states, recording.pairs, strict=True):
        torch.testing.assert_close(kept.x, state.x)
    assert len(app.get("latex")) == 2  # the two equations of a step


def test_the_shown_code_samples_the_shown_images():
    from diffusion_edu.data.images import to_bytes

    app = opened(SAMPLING, steps="2", images="2", sampler="DDPM")
    healthy(app.button[0].click().run())
    recording = finished(app).session_state[DONE].result
    assert recording.request.preset.sampler == "DDPM"
    names = {"print": lambda *_: None}
    exec(app.code[0].value, names)
    assert torch.equal(names["images"], to_bytes(recording.pairs[-1][0].x))


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_works_and_its_step_is_shown_in_numbers(name):
    app = opened(SAMPLING, steps="3", images="1", sampler=name)
    healthy(app.button[0].click().run())
    recording = finished(app).session_state[DONE].result
    assert recording.request.preset.sampler == name
    assert torch.equal(recording.pairs[-1][0].x, recording.pairs[-1][0].x0_hat)
    assert len(app.get("latex")) == 2


@pytest.mark.parametrize(
    ("class_name", "key", "value"),
    [
        ("selectbox", "class_name", "rose"),
        ("selectbox", "class_name", "anything (no guidance)"),
        ("selectbox", "schedule", "flow"),
        ("selectbox", "spacing", "log-SNR"),
        ("selectbox", "sampler", "Heun"),
        ("select_slider", "steps", 1),
        ("select_slider", "timesteps", 300),
        ("slider", "guidance_scale", 8.0),
        ("slider", "eta", 1.0),
        ("slider", "images", 9),
        ("number_input", "seed", 1_000_000),
    ],
)
def test_every_widget_can_be_changed(class_name, key, value):
    app = opened(SAMPLING)
    healthy(getattr(app, class_name)(key=f"sampling.{key}").set_value(value).run())
    healthy(app.run())


def test_a_linear_schedule_of_300_timesteps_has_non_zero_terminal_snr_until_it_is_rescaled():
    app = healthy(opened(SAMPLING, schedule="linear", timesteps="300"))
    assert any("alpha_bar = 0.0481" in note.value for note in app.info)
    healthy(app.toggle(key="sampling.zero_snr").set_value(True).run())
    assert not app.info


def test_every_widget_of_the_step_inspector_can_be_changed():
    app = opened(SAMPLING, steps="3", images="2", sampler="DDPM")
    healthy(app.button[0].click().run())
    finished(app)
    shown = [equation.value for equation in app.get("latex")]
    for slider in ("Image", "Row", "Column"):
        slider_ = next(widget for widget in app.slider if widget.label == slider)
        healthy(slider_.set_value(slider_.max).run())
    step = next(widget for widget in app.select_slider if widget.label.startswith("Step, "))
    healthy(step.set_value(step.options[0]).run())
    assert shown != [equation.value for equation in app.get("latex")]
    healthy(step.set_value(step.options[-1]).run())
    assert any("no noise is left" in caption.value for caption in app.caption)


def test_impossible_choices_get_one_sentence_and_leave_the_page_alive():
    app = opened(SAMPLING, timesteps="100", steps="1000")
    healthy(app.button[0].click().run())
    assert "between 1 and 100 steps" in app.error[0].value
    healthy(app.run())


def test_a_link_with_nonsense_in_it_opens_the_default():
    app = healthy(opened(SAMPLING, steps="many", sampler="magic", seed="banana", model="../../etc/passwd"))
    assert app.select_slider(key="sampling.steps").value == 15  # the preset of the model


def test_a_number_in_a_link_that_a_control_does_not_have_becomes_the_nearest():
    app = healthy(opened(SAMPLING, steps="-3", images="99", seed="1e9"))
    assert app.select_slider(key="sampling.steps").value == 1
    assert app.slider(key="sampling.images").value == 9 and app.number_input(key="sampling.seed").value == 1_000_000
    assert app.query_params == {"sampling.steps": "1", "sampling.images": "9", "sampling.seed": "1000000"}


def test_cancel_leaves_no_image_and_the_next_walk_works(monkeypatch):
    app = opened(SAMPLING, steps="200", images="1")
    healthy(app.button[0].click().run())
    job = app.session_state[JOB]
    cancels = [button for button in app.button if button.label == "Cancel"]
    healthy(cancels[0].click().run())
    assert job.cancelled and JOB not in app.session_state and DONE not in app.session_state
    time.sleep(1)
    assert job.finished and job.done < 201
    app.select_slider(key="sampling.steps").set_value(2).run()
    healthy(app.button[0].click().run())
    assert finished(app).session_state[DONE].result


@pytest.mark.parametrize(
    ("class_name", "key", "value"),
    [
        ("segmented_control", "source", "a file"),
        ("segmented_control", "source", "camera"),
        ("selectbox", "class_name", "rose"),
        ("slider", "number", 10),
        ("multiselect", "schedules", ["flow"]),
        ("multiselect", "schedules", ["linear", "sigmoid", "quadratic"]),
        ("selectbox", "timesteps", 100),
        ("number_input", "seed", 1_000_000),
        ("toggle", "averaged", True),
    ],
)
def test_every_widget_of_the_noise_page_can_be_changed(class_name, key, value):
    app = opened(NOISE)
    healthy(getattr(app, class_name)(key=f"noise.{key}").set_value(value).run())
    healthy(app.run())
    assert animation(app)["tracks"]


def test_a_link_opens_the_prepared_noise():
    app = healthy(
        opened(
            NOISE,
            schedules=["flow", "sigmoid"],
            timesteps="600",
            seed="5",
            class_name="rose",
            number="3",
            averaged="true",
        )
    )
    shown = animation(app)
    assert (
        [track["name"] for track in shown["tracks"]] == ["flow", "sigmoid"]
        and shown["timesteps"][0] == 600
        and shown["class_names"] == ["rose"]
    )
    assert "mean of 100" in shown["tracks"][0]["words"]
    assert "SeededNoise(range(5, 105))" in app.code[0].value


def test_a_link_with_too_many_or_unknown_schedules_opens_all_the_same():
    assert (
        animation(
            healthy(opened(NOISE, schedules=["magic"], timesteps="few", class_name="weed", number="99", seed="x"))
        )["timesteps"][0]
        == 1000
    )
    assert animation(healthy(opened(NOISE, schedules=["linear", "scaled_linear", "quadratic", "cosine"])))["tracks"]


def test_without_a_schedule_the_page_requests_one():
    app = opened(NOISE)
    healthy(app.multiselect(key="noise.schedules").set_value([]).run())
    assert "at least one" in app.info[0].value


def test_the_signal_that_300_linear_timesteps_leave_is_shown_and_named():
    app = opened(NOISE)
    assert not app.info
    button = next(button for button in app.button if "signal that is left" in button.label)
    healthy(button.click().run())
    assert [note.value for note in app.info if "alpha_bar = 0.0481" in note.value]
    assert animation(app)["timesteps"][animation(app)["start"]] == 300 and app.toggle(key="noise.averaged").value
    healthy(app.selectbox(key="noise.timesteps").set_value(1000).run())
    assert not app.info


@pytest.mark.parametrize("averaged", [False, True])
def test_the_code_that_is_shown_makes_the_images_of_the_noise_page(averaged):
    from diffusion_edu.data.images import to_bytes

    app = opened(NOISE, schedules=["cosine"], seed="3", averaged=str(averaged).lower())
    seen, names = [], {}
    names["print"] = lambda name, t, *measured: seen.append(names["x"])
    exec(app.code[0].value, names)
    shown = animation(app)
    sprite = Image.open(io.BytesIO(base64.b64decode(shown["tracks"][0]["sprite"].split(",")[1])))
    made = torch.cat([to_bytes(x) for x in seen]).permute(0, 2, 3, 1).reshape(-1, 64, 3)
    assert len(seen) == len(shown["timesteps"]) and np.array_equal(np.asarray(sprite), made.numpy())


def test_an_own_image_replaces_ours_and_a_bad_file_brings_ours_back_with_one_sentence():
    app = opened(NOISE, source="a file")
    example = animation(app)["id"]
    healthy(app.file_uploader[0].set_value(("me.jpg", image_file(), "image/jpeg")).run())
    assert animation(app)["class_names"] == ["your image"] and not app.error
    for name, data in (("empty.png", b""), ("words.jpg", b"Dear sir or madam"), ("half.jpg", image_file()[:400])):
        healthy(app.file_uploader[0].set_value((name, data, "image/jpeg")).run())
        assert len(app.error) == 1 and app.error[0].value.count(". ") == 0
        assert animation(app)["id"] == example


def test_a_photo_is_read_like_a_file():
    app = opened(NOISE, source="camera")
    healthy(app.camera_input[0].set_value(("photo.jpg", image_file(), "image/jpeg")).run())
    assert animation(app)["class_names"] == ["your image"]


def test_without_our_images_the_page_says_what_to_do_and_takes_a_file(monkeypatch, tmp_path):
    from diffusion_edu.app.common import image_picker

    monkeypatch.setattr(image_picker, "PRETRAINED", tmp_path)
    image_picker.images.clear()
    app = healthy(opened(NOISE))
    assert "flower_samples.parquet" in app.error[0].value
    healthy(app.segmented_control(key="noise.source").set_value("a file").run())
    healthy(app.file_uploader[0].set_value(("me.jpg", image_file(), "image/jpeg")).run())
    assert not app.error and animation(app)["class_names"] == ["your image"]


def test_without_any_model_both_pages_say_what_to_do(monkeypatch, tmp_path):
    from diffusion_edu import checkpoints

    monkeypatch.setattr(checkpoints, "PRETRAINED", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "No model is installed" in healthy(opened(PAGES[0])).warning[0].value
    assert "No model is installed" in healthy(opened(SAMPLING)).error[0].value


def test_altered_weights_are_refused_in_one_sentence(monkeypatch, tmp_path):
    import shutil

    from diffusion_edu import checkpoints

    for file in checkpoints.PRETRAINED.glob("flowers_attention.*"):
        shutil.copy(file, tmp_path)
    with (tmp_path / "flowers_attention.safetensors").open("r+b") as file:
        file.seek(100_000)
        file.write(b"altered")
    monkeypatch.setattr(checkpoints, "PRETRAINED", tmp_path)
    app = healthy(opened(SAMPLING))
    assert "flowers_attention.safetensors" in app.error[0].value
