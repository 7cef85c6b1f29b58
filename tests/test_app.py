"""What the pages share: jobs, recordings, films."""

import threading
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from diffusion_edu.checkpoints import Card
from diffusion_edu.core import State
from diffusion_edu.generation import Preset

jobs = pytest.importorskip("diffusion_edu.app.jobs")
recording = pytest.importorskip("diffusion_edu.app.recording")
wishes = pytest.importorskip("diffusion_edu.app.wish")
CARD = Card("m", "M", "attention_unet", {}, "v", size=8, classes=["daisy", "rose", "tulip"])


def states(n, b=2):
    generator = torch.Generator().manual_seed(0)
    for t in range(n - 1, -1, -1):
        x = torch.randn(b, 3, 8, 8, generator=generator)
        yield State(100 * t, x, x if t == 0 else x / 2)


def wish(**changes):
    return wishes.Wish(**{"card": CARD, "preset": Preset(moves=4), "kind": "rose", "seed": 5, "pictures": 2, **changes})


def finished(job, seconds=10):
    end = time.monotonic() + seconds
    while not job.finished and time.monotonic() < end:
        time.sleep(0.002)
    assert job.finished
    return job


def test_a_job_runs_to_its_end_beside_the_caller():
    job = finished(jobs.Job(iter(range(1, 6)), 5, keep=lambda index: index % 2 == 0).start())
    assert (job.kept, job.latest, job.done, job.share, job.problem) == ([1, 3, 5], 5, 5, 1.0, "")


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


@pytest.mark.parametrize(("problem", "words"), [(ValueError("too many moves"), "too many moves"), (MemoryError(), "fewer pictures")])
def test_a_job_that_fails_says_why_and_never_raises(problem, words):
    def items():
        yield 1
        raise problem

    assert words in finished(jobs.Job(items(), 2).start()).problem


def test_a_job_that_nobody_watches_stops(monkeypatch):
    monkeypatch.setattr(jobs, "FORGOTTEN", -1)
    job = finished(jobs.Job(iter(range(1, 1000)), 999).start())
    assert job.done == 1 and "begin it again" in job.problem


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


def test_moments_pair_every_state_with_the_next():
    walked = list(states(4))
    pairs = list(recording.moments(iter(walked)))
    assert [(a.t, b.t) for a, b in pairs] == [(300, 200), (200, 100), (100, 0), (0, 0)]
    assert pairs[0][1] is pairs[1][0]  # nothing is held twice


@pytest.mark.parametrize("moves", [1, 40, 41, 999, 1000])
def test_a_recording_is_bounded_and_holds_both_ends(moves):
    chosen = recording.kept(moves)
    assert {0, moves} <= chosen <= set(range(moves + 1)) and len(chosen) == min(moves + 1, recording.MOST)


def test_the_film_shows_the_states_bit_for_bit():
    import base64
    import io

    from PIL import Image

    from diffusion_edu.data.images import to_bytes

    kept = recording.Recording(wish(), list(recording.moments(states(5))), 1.0)
    film = kept.film
    sprite = np.asarray(Image.open(io.BytesIO(base64.b64decode(film["x"].split(",")[1]))))
    assert sprite.shape == (5 * 8, 2 * 8, 3) and film["levels"] == [400, 300, 200, 100, 0]
    third = to_bytes(kept.pairs[2][0].x)[1].permute(1, 2, 0).numpy()
    assert np.array_equal(sprite[16:24, 8:16], third)
    assert film["signal"][-1] == 1 and film["noise"][-1] == 0


def test_a_film_survives_the_disk_and_a_broken_one_is_no_film(tmp_path):
    kept = recording.Recording(wish(), list(recording.moments(states(3))), 1.0)
    recording.save_film(kept, tmp_path / "a.json")
    assert recording.load_film(tmp_path / "a.json")["x"] == kept.film["x"]
    for text in ("", "[]", "{}", '{"id": 1'):
        (tmp_path / "b.json").write_text(text)
        assert recording.load_film(tmp_path / "b.json") is None
    assert recording.load_film(tmp_path / "missing.json") is None


def test_gif_and_film_hold_every_state():
    import io

    import imageio.v3 as iio
    from PIL import Image

    kept = recording.Recording(wish(), list(recording.moments(states(5))), 1.0)
    assert Image.open(io.BytesIO(kept.gif())).n_frames == 5
    assert len(iio.imread(kept.mp4(), extension=".mp4")) >= 5


@pytest.mark.parametrize(("kind", "labels"), [("rose", [1, 1]), (wishes.ANY, None), (wishes.MIXED, [37 * 5 % 3, 37 * 6 % 3])])
def test_a_wish_names_labels_and_kinds_alike(kind, labels):
    asked = wish(kind=kind)
    assert asked.labels == labels and asked.seeds == [5, 6]
    assert asked.kinds == (["anything"] * 2 if labels is None else [CARD.classes[k] for k in labels])


def test_repeated_kinds_are_counted():
    assert wish(pictures=6).kinds_in_words == "6 × rose"


def test_the_server_is_set_up_for_a_class():
    """With torch imported, looking for changed files and a full collection after every run keep a dozen people waiting for minutes."""
    settings = tomllib.loads((Path(__file__).parents[1] / ".streamlit" / "config.toml").read_text())
    assert settings["server"]["fileWatcherType"] == "none" and settings["runner"]["postScriptGC"] is False
