"""Jobs, recordings, animations, and the forward process as an animation."""

import base64
import io
import json
import threading
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu.analysis.measures import histogram, snr_decibels, spectrum
from diffusion_edu.checkpoints import PRETRAINED, Card
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes, to_signed
from diffusion_edu.generation import Preset
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.schedules import SCHEDULES

jobs = pytest.importorskip("diffusion_edu.app.jobs.worker")
recording = pytest.importorskip("diffusion_edu.app.trajectories.recording")
adding_noise = pytest.importorskip("diffusion_edu.app.adding_noise.animation")
requests = pytest.importorskip("diffusion_edu.app.common.request")
CARD = Card("m", "M", "attention_unet", {}, "v", size=8, classes=["daisy", "rose", "tulip"])


def states(n, b=2):
    generator = torch.Generator().manual_seed(0)
    for t in range(n - 1, -1, -1):
        x = torch.randn(b, 3, 8, 8, generator=generator)
        yield State(100 * t, x, x if t == 0 else x / 2)


def request(**changes):
    return requests.Request(
        **{"card": CARD, "preset": Preset(steps=4), "class_name": "rose", "seed": 5, "images": 2, **changes}
    )


def finished(job, seconds=10):
    end = time.monotonic() + seconds
    while not job.finished and time.monotonic() < end:
        time.sleep(0.002)
    assert job.finished
    return job


def test_a_job_runs_to_its_end_beside_the_caller():
    job = finished(jobs.Job(iter(range(1, 6)), 5, keep=lambda index: index % 2 == 0).start())
    assert (job.kept, job.latest, job.done, job.fraction, job.problem) == ([1, 3, 5], 5, 5, 1.0, "")


def test_cancel_stops_at_the_next_item():
    gate = threading.Event()

    def items():
        for k in range(1, 1000):
            yield k
            gate.wait(10)

    job = jobs.Job(items(), 999).start()
    while job.done < 1:
        time.sleep(0.01)
    job.cancel()
    gate.set()
    assert finished(job).done <= 2


@pytest.mark.parametrize(
    ("problem", "words"), [(ValueError("too many steps"), "too many steps"), (MemoryError(), "fewer images")]
)
def test_a_job_that_fails_says_why_and_never_raises(problem, words):
    def items():
        yield 1
        raise problem

    assert words in finished(jobs.Job(items(), 2).start()).problem


def test_a_job_that_nobody_watches_stops(monkeypatch):
    monkeypatch.setattr(jobs, "ABANDONED", -1)
    job = finished(jobs.Job(iter(range(1, 1000)), 999).start())
    assert job.done == 1 and "start it again" in job.problem


def test_jobs_take_turns():
    inside, most = [0], [0]

    def items():
        for k in range(1, 30):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.001)
            inside[0] -= 1
            yield k

    together = [jobs.Job(items(), 29).start() for _ in range(4)]
    assert all(finished(job).done == 29 for job in together) and most[0] == 1


def test_a_long_job_does_not_keep_a_short_one_waiting():
    def items(n):
        for k in range(1, n + 1):
            end = time.perf_counter() + 0.002
            while time.perf_counter() < end:
                pass
            yield k

    long = jobs.Job(items(1000), 1000).start()
    while long.done < 5:
        time.sleep(0.001)
    short = finished(jobs.Job(items(10), 10).start())
    assert long.done < 500 and short.done == 10
    long.cancel()
    finished(long)


def test_state_pairs_join_every_state_with_the_next():
    walked = list(states(4))
    pairs = list(recording.state_pairs(iter(walked)))
    assert [(a.t, b.t) for a, b in pairs] == [(300, 200), (200, 100), (100, 0), (0, 0)]
    assert pairs[0][1] is pairs[1][0]  # nothing is held twice


@pytest.mark.parametrize("steps", [1, 40, 41, 999, 1000])
def test_a_recording_is_bounded_and_holds_both_ends(steps):
    chosen = recording.kept(steps)
    assert {0, steps} <= chosen <= set(range(steps + 1)) and len(chosen) == min(steps + 1, recording.MAX_STATES)


def sprite(track):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(track["sprite"].split(",")[1]))))


def test_the_animation_shows_the_states_bit_for_bit():
    kept = recording.Recording(request(), list(recording.state_pairs(states(5))), 1.0)
    animation = kept.animation
    noisy, predictions = animation["tracks"]
    assert (
        animation["timesteps"] == [400, 300, 200, 100, 0]
        and animation["start"] == 4
        and animation["class_names"] == ["rose", "rose"]
    )
    for track, images in ((noisy, kept.pairs[2][0].x), (predictions, kept.pairs[2][0].x0_hat)):
        assert sprite(track).shape == (5 * 8, 2 * 8, 3)
        assert np.array_equal(sprite(track)[16:24, 8:16], to_bytes(images)[1].permute(1, 2, 0).numpy())
    assert animation["says"][-1] == "timestep 0 of 1000 · signal 1.000 · noise 0.000"


def test_an_animation_can_be_saved_and_loaded_and_a_broken_file_is_none(tmp_path):
    kept = recording.Recording(request(), list(recording.state_pairs(states(3))), 1.0)
    recording.save_animation(kept, tmp_path / "a.json")
    assert recording.load_animation(tmp_path / "a.json")["tracks"] == json.loads(json.dumps(kept.animation["tracks"]))
    for text in ("", "[]", "{}", '{"id": 1'):
        (tmp_path / "b.json").write_text(text)
        assert recording.load_animation(tmp_path / "b.json") is None
    assert recording.load_animation(tmp_path / "missing.json") is None


def test_the_shipped_animation_is_complete():
    animation = recording.load_animation(PRETRAINED / "flowers_attention.animation.json")
    assert [track["name"] for track in animation["tracks"]] == ["x", "x0_hat"]
    for track in animation["tracks"]:
        assert sprite(track).shape == (
            len(animation["timesteps"]) * animation["height"],
            len(animation["class_names"]) * animation["width"],
            3,
        )
    assert (
        animation["timesteps"][0] == 1000
        and animation["timesteps"][-1] == 0
        and len(animation["says"]) == len(animation["timesteps"])
    )


def noised(names=("linear", "cosine"), T=1000, **changes):
    image = torch.randint(0, 256, (3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    return adding_noise.ForwardProcess(image, "a test", [SCHEDULES[name](T) for name in names], seed=7, **changes)


def test_the_forward_animation_shows_what_the_schedules_do_bit_for_bit():
    process, animation = noised(), noised().animation
    x0, eps = to_signed(process.image)[None], SeededNoise([7]).sample((3, 16, 16))
    assert animation["timesteps"][0] == 1000 and animation["timesteps"][-1] == 0 and len(animation["timesteps"]) == 41
    for track, name in zip(animation["tracks"], ("linear", "cosine"), strict=True):
        expected = torch.cat([SCHEDULES[name](1000).corrupt(x0, t, eps) for t in animation["timesteps"]])
        assert np.array_equal(sprite(track), to_bytes(expected).permute(0, 2, 3, 1).reshape(-1, 16, 3).numpy())


def test_the_curves_of_the_forward_animation_are_the_measures_exactly():
    values, detail, rates, ratio = noised().animation["charts"]
    schedule, eps = SCHEDULES["cosine"](1000), SeededNoise([7]).sample((3, 16, 16))
    timestep = noised().timesteps[13]
    x = schedule.corrupt(to_signed(noised().image)[None], timestep, eps)
    cosine = [chart["series"][-1] for chart in (values, detail, ratio)]
    assert cosine[0]["y"][13] == histogram(x)[1].tolist() and values["at"] == histogram(x)[0].tolist()
    assert cosine[1]["y"][13] == spectrum(x)[1].log10().tolist() and detail["at"] == spectrum(x)[0].log2().tolist()
    assert cosine[2]["y"][0] is None and cosine[2]["y"][1:] == snr_decibels(schedule)[ratio["at"]].tolist()[1:]
    signal, noise = (
        next(s for s in rates["series"] if s["label"] == label and s["dash"]) for label in ("signal", "noise")
    )
    assert signal["y"] == schedule.signal[rates["at"]].tolist() and noise["y"] == schedule.noise[rates["at"]].tolist()
    assert rates["at"][0] == 0 and rates["at"][-1] == 1000 and rates["cursor"] and not values["cursor"]


def test_the_numbers_of_the_forward_animation_follow_the_timestep():
    says = noised(["flow"]).animation["tracks"][0]["says"]
    assert (
        says[0] == "signal\u00a00.000, noise\u00a01.000\nSNR −∞ dB"
        and says[-1] == "signal\u00a01.000, noise\u00a00.000\nSNR +∞ dB"
    )
    assert says[10] == "signal\u00a00.250, noise\u00a00.750\nSNR −9.5 dB"


def test_curves_of_the_same_quantity_differ_in_their_dashes():
    animation = noised(["linear", "cosine", "sigmoid", "flow"]).animation
    for chart in animation["charts"]:
        sampled = [(series["label"], series["dash"]) for series in chart["series"]]
        assert len(set(sampled)) == len(sampled)
    assert len({track["dash"] for track in animation["tracks"]}) == 4


def test_averaging_the_noise_away_leaves_the_signal():
    process = noised(["linear"], T=300, averaged=True)
    noises = [
        adding_noise.ForwardProcess(process.image, "one", process.schedules, seed=7 + k).noisy_images[0]
        for k in range(adding_noise.NOISES)
    ]
    torch.testing.assert_close(process.shown[0], torch.stack(noises).mean(0), atol=1e-5, rtol=0)
    left = process.schedules[0].signal[-1] * to_signed(process.image)
    assert (process.shown[0][0] - left).std() < 0.11 < left.std()
    assert torch.equal(
        process.noisy_images[0], noised(["linear"], T=300).noisy_images[0]
    )  # the charts are of one noise either way


def test_an_animation_opens_at_T_where_the_terminal_snr_is_not_zero_and_its_id_differs_with_its_contents():
    assert noised(T=300).terminal_snr_notes and noised(T=300).animation["start"] == 0
    assert not noised().terminal_snr_notes and noised().timesteps[noised().animation["start"]] == 300
    others = [noised(T=600), noised(["linear"]), noised(averaged=True)]
    assert (
        noised().animation["id"] == noised().animation["id"]
        and len({other.animation["id"] for other in [noised(), *others]}) == 4
    )


def test_an_image_of_one_colour_has_an_animation_without_infinities():
    grey = adding_noise.ForwardProcess(
        torch.full((3, 16, 16), 128, dtype=torch.uint8), "grey", [SCHEDULES["cosine"](100)], seed=0
    )
    json.dumps(grey.animation, allow_nan=False)


def test_gif_and_animation_hold_every_state():
    import imageio.v3 as iio

    kept = recording.Recording(request(), list(recording.state_pairs(states(5))), 1.0)
    assert Image.open(io.BytesIO(kept.gif())).n_frames == 5
    assert len(iio.imread(kept.mp4(), extension=".mp4")) >= 5


@pytest.mark.parametrize(
    ("class_name", "labels"), [("rose", [1, 1]), (requests.ANY, None), (requests.MIXED, [37 * 5 % 3, 37 * 6 % 3])]
)
def test_a_request_names_labels_and_class_names_alike(class_name, labels):
    made = request(class_name=class_name)
    assert made.labels == labels and made.seeds == [5, 6]
    assert made.class_names == (["anything"] * 2 if labels is None else [CARD.classes[k] for k in labels])


def test_repeated_class_names_are_counted():
    assert request(images=6).class_names_in_words == "6 × rose"


def test_the_server_is_set_up_for_a_class():
    """With torch imported, a file watcher and garbage collection after every run keep a dozen people waiting."""
    settings = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["fileWatcherType"] == "none" and settings["runner"]["postScriptGC"] is False
