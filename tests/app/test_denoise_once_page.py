"""Denoise once: one prediction at every timestep, its three errors, and the page that shows them."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu.analysis.measures import error_by_timestep
from diffusion_edu.checkpoints import PRETRAINED, load
from diffusion_edu.data.images import load_images, to_bytes, to_signed
from diffusion_edu.denoisers import exact
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.schedules import SCHEDULES

pytest.importorskip("streamlit.testing.v1")
from onscreen import animation, finished, healthy, opened  # noqa: E402
from test_pages import image_file  # noqa: E402

from diffusion_edu.app.common.numbers import format_error
from diffusion_edu.app.denoise_once import denoiser_choice
from diffusion_edu.app.jobs import task as tasks
from diffusion_edu.app.trajectories import predictions

PAGE, DONE, JOB = "pages/2_Denoise_once.py", "denoise." + tasks.done_key("denoise once"), "denoise.job:denoise once"


def predicted(name="cosine", T=1000, denoise=None):
    """Predictions of a denoiser with a fixed error, for a small image."""
    generator = torch.Generator().manual_seed(0)
    x0, eps, wrong = (torch.randn(1, 3, 8, 8, generator=generator) for _ in range(3))
    schedule = SCHEDULES[name](T)
    denoise = denoise or (lambda x, t: x0 + 0.1 * wrong)
    states = list(predictions.prediction_at_each(denoise, schedule, x0, eps, predictions.timesteps_of(schedule)))
    return predictions.Predictions("a test", schedule, x0, eps, states)


def shown(**link):
    return finished(healthy(opened(PAGE, **link)))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("T", [100, 1000])
def test_the_timesteps_fall_from_T_to_0_and_are_dense_at_both_ends(name, T):
    timesteps = predictions.timesteps_of(SCHEDULES[name](T))
    assert timesteps[0] == T and timesteps[-2:] == [1, 0] and 25 <= len(timesteps) <= 40
    assert all(t > s for t, s in zip(timesteps, timesteps[1:], strict=False))


@pytest.mark.parametrize("name", ["linear", "cosine", "flow"])
def test_the_errors_are_those_of_the_library_and_belong_together(name):
    made = predicted(name)
    timesteps = [state.t for state in made.states]
    direct = error_by_timestep(
        lambda x, t: next(s.x0_hat for s in made.states if s.t == t), made.schedule, made.x0, made.eps, timesteps
    )
    for t, error, expected in zip(timesteps[:-1], made.errors, direct[:-1, 0].tolist(), strict=False):
        snr = (made.schedule.signal[t] / made.schedule.noise[t]).item() ** 2
        assert error["x0"] == pytest.approx(expected, rel=1e-6)
        assert error["eps"] == pytest.approx(snr * error["x0"], rel=2e-3, abs=1e-12)
        assert error["v"] == pytest.approx(error["x0"] + error["eps"], rel=2e-3)
    assert made.errors[-1] == {"x0": 0.0, "eps": None, "v": None}


def test_the_same_prediction_is_small_in_eps_and_large_in_x0_at_high_noise_and_the_other_way_round():
    made = predicted()
    high, low = made.errors[1], made.errors[-2]
    assert high["eps"] < high["x0"] / 100 and low["x0"] < low["eps"] / 100
    says = made.animation["says"]
    assert f"is {format_error(high['eps'])} in ε\u0302, {format_error(high['x0'])} in x\u0302\u2080" in says[1]
    assert f"is {format_error(low['x0'])} in x\u0302\u2080, {format_error(low['eps'])} in ε\u0302" in says[-2]
    assert says[-1].endswith("nothing to predict")


def test_tracks_and_charts_show_the_predictions_bit_for_bit():
    made = predicted()
    shots = {
        track["name"]: np.asarray(Image.open(io.BytesIO(base64.b64decode(track["sprite"].split(",")[1]))))
        for track in made.animation["tracks"]
    }
    state = made.states[9]
    parts = {"x": state.x, "x0_hat": state.x0_hat, "none": state.x0_hat - made.x0, "eps": made.eps_hat[9] / 3}
    for name, images in parts.items():
        assert np.array_equal(shots[name][72:80], to_bytes(images)[0].permute(1, 2, 0).numpy())
    assert np.array_equal(shots["x0"], to_bytes(made.x0)[0].permute(1, 2, 0).numpy())
    errors, fractions = made.animation["charts"]
    assert (
        errors["series"][0]["y"][9] == pytest.approx(np.log10(made.errors[9]["x0"]))
        and errors["series"][1]["y"][-1] is None
    )
    assert fractions["series"][0]["y"][9] == pytest.approx(1 - made.errors[9]["x0"] / made.x0.square().mean().item())
    assert len({series["dash"] for series in errors["series"]}) == 3 and errors["cursor"] and fractions["cursor"]
    json.dumps(made.animation, allow_nan=False)


def test_a_perfect_prediction_has_an_animation_too():
    made = predicted("flow", denoise=lambda x, t: torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert made.errors[5]["x0"] == 0.0
    json.dumps(made.animation, allow_nan=False)


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0"), (0.2482, "0.25"), (0.0000042, "0.0000042"), (1234.0, "1200"), (5.94, "5.9")]
)
def test_errors_are_written_with_two_significant_digits_and_no_exponent(number, text):
    assert format_error(number) == text


@pytest.mark.parametrize("among", [True, False])
def test_the_exact_denoiser_knows_the_chosen_number_of_images_and_this_one_only_if_chosen(among):
    ours = torch.randint(0, 256, (20, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    choice = denoiser_choice.ExactChoice(ours, ours[3], 3, 10, among)
    here = [k for k, image in enumerate(choice.known) if torch.equal(image, to_signed(ours[3]))]
    assert len(choice.known) == 10 and len(here) == among
    x = to_signed(ours[3])[None]
    schedule = SCHEDULES["cosine"](100)
    assert torch.equal(choice.denoiser(schedule)(x, 50), exact(choice.known, schedule)(x, 50))


def test_the_page_shows_what_the_library_computes():
    app = shown(class_name="sunflower", number="2", seed="5", condition="sunflower", guidance_scale="2.0")
    request, found, *_ = app.session_state[DONE]
    known = load_images(PRETRAINED / "flower_samples.parquet")
    row = (known.labels == known.classes.index("sunflower")).nonzero().flatten()[1].item()
    assert request.subject.row == row and request.choice.words.endswith("conditioned on “sunflower”, guidance scale 2")
    x0, eps = to_signed(known.images[row])[None], SeededNoise([5]).sample((3, 64, 64))
    model, schedule = load("flowers_attention"), SCHEDULES["cosine"](1000)
    x = schedule.corrupt(x0, 500, eps)
    unconditional, conditional = (
        model.denoiser(schedule),
        model.denoiser(schedule, torch.tensor([known.classes.index("sunflower")])),
    )
    with torch.no_grad():
        expected = 2 * conditional(x, 500) - unconditional(x, 500)
    state = next(state for state in found.states if state.t == 500)
    torch.testing.assert_close(state.x0_hat, expected, atol=1e-4, rtol=0)
    animation_ = animation(app)
    assert animation_["timesteps"] == predictions.timesteps_of(schedule) and animation_["class_names"] == ["sunflower"]
    error = (expected - x0).square().mean().item()
    at = animation_["timesteps"].index(500)
    assert animation_["tracks"][1]["says"][at] == f"error {format_error(error)}"


@pytest.mark.parametrize(
    "link",
    [
        {"condition": "rose", "guidance_scale": "1.0"},
        {"denoiser": "the exact denoiser", "count": "10", "timesteps": "100"},
    ],
)
def test_the_shown_code_prints_the_errors_on_screen(link):
    app = shown(**link)
    found = app.session_state[DONE].result
    printed = []
    exec(app.code[0].value, {"print": lambda *words: printed.append([float(word) for word in words])})
    expected = [
        [state.t, error["x0"], error["eps"]] for state, error in zip(found.states, found.errors, strict=True) if state.t
    ]
    np.testing.assert_allclose(printed, expected, rtol=2e-2, atol=1e-6)


@pytest.mark.parametrize(
    ("class_name", "key", "value"),
    [
        ("segmented_control", "denoiser", "the exact denoiser"),
        ("segmented_control", "source", "a file"),
        ("segmented_control", "source", "camera"),
        ("selectbox", "class_name", "rose"),
        ("slider", "number", 10),
        ("selectbox", "condition", "water lily"),
        ("selectbox", "schedule", "flow"),
        ("select_slider", "timesteps", 100),
        ("toggle", "zero_snr", True),
        ("number_input", "seed", 1_000_000),
    ],
)
def test_every_widget_can_be_changed(class_name, key, value):
    app = healthy(opened(PAGE))
    healthy(getattr(app, class_name)(key=f"denoise.{key}").set_value(value).run())
    healthy(app.run())
    assert JOB in app.session_state or DONE in app.session_state


def test_the_old_animation_stays_while_the_new_one_is_computed_and_equal_requests_are_computed_once():
    app = shown(denoiser="the exact denoiser", count="10", timesteps="100")
    first = animation(app)["id"]
    healthy(app.number_input(key="denoise.seed").set_value(3).run())
    if JOB in app.session_state:
        assert animation(app)["id"] == first
    assert animation(finished(app))["id"] != first
    healthy(app.run())
    assert JOB not in app.session_state


def test_after_cancel_the_page_waits_for_a_click(monkeypatch):
    app = healthy(opened(PAGE))
    cancels = [button for button in app.button if button.label == "Cancel"]
    if not cancels:
        pytest.skip("the machine was faster than the click")
    healthy(cancels[0].click().run())
    assert JOB not in app.session_state
    healthy(next(button for button in app.button if button.label == "Predict at every timestep").click().run())
    assert finished(app).session_state[DONE]


def test_the_exact_denoiser_has_no_model_and_predicts_own_images_too():
    app = healthy(opened(PAGE, denoiser="the exact denoiser", source="a file", count="10", timesteps="100"))
    assert not [box for box in app.selectbox if box.key == "model"]
    healthy(app.file_uploader[0].set_value(("me.jpg", image_file(), "image/jpeg")).run())
    request, found, *_ = finished(app).session_state[DONE]
    assert request.subject.class_name == "your image" and found.errors[-3]["x0"] == pytest.approx(0, abs=1e-9)
    healthy(app.file_uploader[0].set_value(("me.jpg", b"Dear sir or madam", "image/jpeg")).run())
    assert len(app.error) == 1


def test_the_page_says_that_a_linear_schedule_of_100_timesteps_has_non_zero_terminal_snr():
    app = healthy(opened(PAGE, schedule="linear", timesteps="100"))
    assert any("alpha_bar" in note.value for note in app.info)


def test_a_network_that_predicts_eps_refuses_pure_noise_in_one_sentence(monkeypatch):
    from dataclasses import replace

    from diffusion_edu.app.common import models

    get = models.get
    monkeypatch.setattr(
        models, "get", lambda name: replace(get(name), card=replace(get(name).card, prediction_type="eps"))
    )
    app = healthy(opened(PAGE, schedule="flow"))
    assert len(app.error) == 1 and "pure noise" in app.error[0].value and JOB not in app.session_state
    healthy(app.run())


def test_a_link_with_nonsense_in_it_opens_the_default():
    nonsense = {
        "denoiser": "magic",
        "class_name": "weed",
        "number": "99",
        "condition": "me",
        "guidance_scale": "x",
        "timesteps": "7",
        "seed": "-1",
        "count": "3",
    }
    app = healthy(opened(PAGE, **nonsense, model="../../etc/passwd"))
    assert (
        app.segmented_control(key="denoise.denoiser").value == "a network"
        and app.selectbox(key="denoise.condition").value == "nothing"
    )


def test_without_a_model_or_our_images_the_page_says_what_to_do(monkeypatch, tmp_path):
    from diffusion_edu import checkpoints
    from diffusion_edu.app.common import image_picker

    monkeypatch.setattr(image_picker, "PRETRAINED", tmp_path)
    image_picker.images.clear()
    assert "flower_samples.parquet" in healthy(opened(PAGE)).error[0].value
    monkeypatch.setattr(checkpoints, "PRETRAINED", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "No model is installed" in healthy(opened(PAGE)).error[0].value
