"""The 2-D playground: the exact denoiser, how well and how fast a network learns points, and the page."""

import json
import math
import statistics
import time
from dataclasses import replace

import pytest
import torch
from onscreen import animation as animation_of
from onscreen import finished, healthy
from onscreen import opened as opened_at

from diffusion_edu.app.playground.dataset_picker import DRAWN, Dataset, from_drawn_points, from_file
from diffusion_edu.app.playground.page import MAX_NETWORKS, NETWORKS, TRAIN
from diffusion_edu.app.playground.training_job import Settings, compare, finish, train
from diffusion_edu.app.playground.trajectories import SIDE, VIEW, grid, packed, record, unpacked
from diffusion_edu.data.points import POINT_SETS, Points
from diffusion_edu.denoisers import TARGETS
from diffusion_edu.generation import Preset
from diffusion_edu.samplers import SAMPLERS
from diffusion_edu.schedules import SCHEDULES
from diffusion_edu.spacings import SPACINGS
from diffusion_edu.toy2d import (
    ExactNetwork,
    denoiser,
    energy_distance,
    evaluate_loss,
    objective,
    sample_points,
    subset,
    train_mlp,
)

PAGE = "pages/6_Playground_2D.py"
HALF = 0.5  # seconds of computing between two previews, at most, unless the machine stumbles


def made(name="two moons", n=2000, **more):
    return POINT_SETS[name](n, torch.Generator().manual_seed(0), **more)


def few(n=40):
    return made("eight clouds", n)


def settings(points=None, **changes):
    dataset = Dataset(points or made(), "test", "")
    given = {
        "prediction_type": "v",
        "preset": Preset(guidance_scale=1.0),
        "label": None,
        "seed": 0,
        "count": 400,
        "seconds": 10.0,
        **changes,
    }
    return Settings(dataset, **given)


@pytest.fixture(scope="module")
def training():
    """Ten seconds of training on two moons: the settings, the ids of its previews, their times, the network, and the
    last preview.
    """
    chosen, begun, animations, times = settings(), time.thread_time(), [], []
    for animation, trained in train(chosen, clock=time.thread_time):  # noqa: B007
        times.append(time.thread_time() - begun)
        animations.append(animation and animation["id"])
        begun = time.thread_time()
    return chosen, animations, times, trained, animation


# The exact denoiser


@pytest.mark.parametrize("prediction_type", TARGETS)
def test_the_floor_is_the_loss_of_the_posterior_mean_and_any_change_to_it_costs(prediction_type):
    """Against a plain loop over points, angles and noise in float64."""
    points = few(12)
    theta, eps = (
        torch.tensor([0.2, 0.9, 1.5], dtype=torch.float64),
        torch.randn(3, 2, generator=torch.Generator().manual_seed(2)).double(),
    )
    x0 = points.x[:3].double()
    losses = objective(points, prediction_type).at(ExactNetwork(points, prediction_type), x0, None, theta, eps)
    for k in range(3):
        c, s = math.cos(theta[k]), math.sin(theta[k])
        y = c * x0[k] + s * eps[k]
        weights = [math.exp(-float((y - c * p).square().sum()) / (2 * s * s)) for p in points.x.double()]
        prediction = sum(w * p for w, p in zip(weights, points.x.double(), strict=True)) / sum(weights)
        noise = (y - c * prediction) / s
        said = {"eps": noise, "x0": prediction, "v": c * noise - s * prediction, "flow": noise - prediction}[
            prediction_type
        ]
        truth = {"eps": eps[k], "x0": x0[k], "v": c * eps[k] - s * x0[k], "flow": eps[k] - x0[k]}[prediction_type]
        assert losses[k].item() == pytest.approx((said - truth).square().mean().item(), rel=1e-5, abs=1e-9)
    best, points = ExactNetwork(made(n=300), prediction_type), made(n=300)
    floor = evaluate_loss(best, points, prediction_type)
    for factor in (0.97, 1.03):
        assert (
            evaluate_loss(lambda y, timestep, labels, f=factor: f * best(y, timestep, labels), points, prediction_type)
            > floor
        )


# Learning


def test_ten_seconds_of_training_are_enough_for_two_moons(training):
    chosen, animations, times, trained, animation = training
    data, noise = chosen.reference_distances
    (name, network, best, good), (_, loss, floor, _), _ = measurements(compare(chosen, trained))
    assert name == "Energy distance" and noise > 0.1
    assert network < 0.015 and best < 2 * data
    assert floor < loss < floor + 0.03
    assert trained.losses[0][1] > loss + 0.02


def test_training_keeps_to_its_time_and_shows_two_previews_a_second(training):
    chosen, animations, times, trained, animation = training
    ready, moving = animations[:3], times[3:]
    assert ready == [None] * 3 and None not in animations[3:] and len(set(animations)) == len(animations) - 2
    assert statistics.median(moving) < HALF
    assert chosen.seconds <= trained.seconds + max(moving) and sum(moving) < chosen.seconds + max(moving)


def test_the_training_clock_stands_still_while_other_jobs_have_their_turn():
    now, waits = [0.0], 0

    def clock():
        now[0] += 0.05
        return now[0]

    for _, trained in train(settings(few(), seconds=3.0, count=20), clock):  # noqa: B007
        now[0] += 100
        waits += 1
    assert waits > 5 and trained.seconds < 4


def test_the_same_seed_and_steps_train_the_same_network():
    def after(steps, seed=0):
        states = train_mlp(few(), seed=seed)
        for _ in range(steps):
            state = next(states)
        return state.ema.out.weight

    assert (
        torch.equal(after(5), after(5))
        and not torch.equal(after(5), after(6))
        and not torch.equal(after(5), after(5, seed=1))
    )


@pytest.mark.parametrize("prediction_type", TARGETS)
def test_every_prediction_type_is_learnt_and_samples_the_data(prediction_type):
    points = made("eight clouds", 500)
    states = train_mlp(points, prediction_type)
    losses = []
    for steps in (5, 495):
        for _ in range(steps):
            state = next(states)
        losses.append(evaluate_loss(state.ema, points, prediction_type))
    assert evaluate_loss(ExactNetwork(points, prediction_type), points, prediction_type) < losses[1] < losses[0]
    preset = Preset(guidance_scale=1.0)
    *_, last = sample_points(denoiser(state.ema, prediction_type, points, preset), preset, range(200))
    assert energy_distance(last.x, points.x) < 0.03


# Sampling, without training again


def test_a_set_that_is_sorted_by_class_is_measured_as_a_whole():
    chosen = settings(made("letters", text="ABC"))
    assert chosen.points.labels.unique_consecutive().tolist() == [0, 1, 2]
    _, _, best, _ = measurements(compare(chosen))[0]
    assert best < 4 * chosen.reference_distances[0] < chosen.reference_distances[1] / 4


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_samples_the_data_with_the_same_network(training, sampler):
    chosen, *_, trained, _ = training
    options = {"eta": 0.5} if sampler == "DDIM" else {}
    rows = measurements(
        compare(replace(chosen, preset=replace(chosen.preset, sampler=sampler, steps=40, options=options)), trained)
    )
    assert max(rows[0][1:3]) < 0.03


@pytest.mark.filterwarnings("ignore:The scaled_linear schedule")  # it keeps some signal at T; the page says so
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_samples_the_data_with_the_same_network(training, schedule):
    chosen, *_, trained, _ = training
    spacing = list(SPACINGS)[len(schedule) % len(SPACINGS)]
    preset = replace(chosen.preset, schedule=schedule, steps=40, spacing=spacing, zero_snr=schedule == "linear")
    _, network, best, _ = measurements(compare(replace(chosen, preset=preset), trained))[0]
    assert best < 0.04 and network < best + 0.01  # few steps on a steep schedule cost both the same


def test_a_walk_of_500_points_takes_well_under_a_second(training):
    chosen, *_, trained, _ = training
    begun = time.thread_time()
    finish(record(chosen.denoiser(trained.net, "v"), replace(chosen.preset, steps=50), range(500)))
    assert time.thread_time() - begun < 1


def test_samples_with_guidance_belong_to_their_class(training):
    chosen, *_, trained, _ = training
    for label in (0, 1):
        conditioned = replace(chosen, label=label, preset=replace(chosen.preset, guidance_scale=2.0))
        for walk in (
            finish(record(conditioned.denoiser(net, prediction_type), conditioned.preset, conditioned.seeds))
            for net, prediction_type in ((trained.net, "v"), (ExactNetwork(conditioned.points), "x0"))
        ):
            nearest = conditioned.points.labels[torch.cdist(walk.x[-1], conditioned.points.x).argmin(1)]
            assert (nearest == label).float().mean() > 0.97


def test_both_walks_start_from_the_same_noise_and_end_at_their_prediction(training):
    chosen, *_, trained, _ = training
    animation = last_of(compare(chosen, trained))
    states, walks = len(animation["timesteps"]), {}
    for panel in animation["panels"]:
        walks[panel["name"]] = tuple(unpacked(panel[key]).view(states, -1, 2) for key in ("x", "x0_hat", "field"))
    (x, x0_hat, field), (other, *_) = walks["network"], walks["exact"]
    assert torch.equal(x[0], other[0]) and not torch.equal(x[-1], other[-1]) and torch.equal(x[-1], x0_hat[-1])
    denoise = chosen.denoiser(trained.net, "v")
    for state, t in ((0, 1000), (10, 500)):
        with torch.no_grad():
            torch.testing.assert_close(field[state].float(), denoise(grid(), t), rtol=0, atol=1e-3)
    assert grid().shape == (SIDE**2, 2) and torch.equal(grid()[0], -grid()[-1]) and grid().abs().max() < VIEW
    assert grid()[1, 0] > grid()[0, 0] and grid()[1, 1] == grid()[0, 1]  # row by row


def test_the_largest_animation_is_small(training):
    chosen, *_, trained, _ = training
    animation = last_of(compare(replace(chosen, count=800, preset=replace(chosen.preset, steps=100)), trained))
    assert len(json.dumps(animation)) < 1_500_000 and len(animation["timesteps"]) == 41


def test_coordinates_survive_the_journey_to_the_browser():
    x = torch.randn(7, 2)
    torch.testing.assert_close(unpacked(packed(x)).float(), x, rtol=0, atol=2e-4)


def test_the_shown_numbers_are_those_of_the_shown_points(training):
    chosen, *_, trained, _ = training
    animation = last_of(compare(chosen, trained))
    distance, loss, seconds = animation["measurements"]
    for panel, shown in zip(animation["panels"], distance[1:3], strict=True):
        ends = unpacked(panel["x"]).view(len(animation["timesteps"]), -1, 2)[-1]
        assert float(shown) == pytest.approx(energy_distance(ends, subset(chosen.points.x)), abs=2e-4)
    assert [float(text) for text in loss[1:3]] == pytest.approx(
        [evaluate_loss(trained.net, chosen.points), evaluate_loss(ExactNetwork(chosen.points, "v"), chosen.points)],
        abs=6e-5,
    )
    assert "400 samples, 20 network evaluations (NFE) each" in seconds[3]
    assert f"{trained.steps:,} training steps" in animation["panels"][0]["words"]


# Points from anywhere


def test_a_drawing_becomes_points_around_its_strokes():
    dataset = from_drawn_points([[x / 10, 0.5, 0] for x in range(10)] + [[x / 10, -0.5, 2] for x in range(10)])
    assert len(dataset.points) == 2000 and dataset.points.classes == ("class 1", "class 3")
    assert (dataset.points.x[dataset.points.labels == 0, 1] > 0).all()


@pytest.mark.parametrize(
    "drawn",
    [
        [],
        [[0, 0, 0]],
        [["a", 0, 0]] * 5,
        [[math.nan, 0, 0]] * 5,
        [[0, 0, -1]] * 5,
        [[0, 0, 99]] * 5,
        [[0, 0]] * 5,
        [[0, 0, 0]] * 5,
        7,
    ],
)
def test_invalid_drawn_points_are_refused_in_words(drawn):
    with pytest.raises(ValueError, match=r"draw again|points|different"):
        from_drawn_points(drawn)


def test_a_file_is_used_as_it_is_and_a_large_one_in_part():
    small = from_file(b"x,y,kind\n" + b"".join(b"%d,%d,%s\n" % (k, k % 3, b"ab"[k % 2 :][:1]) for k in range(30)))
    assert len(small.points) == 30 and small.points.classes == ("a", "b")
    large = from_file(b"".join(b"%d;%d\n" % (k % 50, k % 7) for k in range(5000)))
    assert len(large.points) == 2000 and "2,000 of 5,000" in large.name
    with pytest.raises(ValueError, match="at most 16"):
        from_file(b"".join(b"%d,%d,class %d\n" % (k, k % 3, k) for k in range(17)))


def test_a_network_learns_points_without_classes():
    animations = list(train(settings(Points(made(n=200).x), seconds=0.2, count=50), clock=time.thread_time))
    assert animations[-1][0]["classes"] == [] and set(animations[-1][0]["panels"][0]["labels"]) == {0}


# The page


def opened(**link):
    return finished(opened_at(PAGE, **link))


def train_on_page(app):
    next(button for button in app.button if button.label == "Train").click().run()
    return finished(app)


def last_of(items):
    *_, last = items
    return last


def measurements(items):
    def number(text):
        return float(text) if text.replace(".", "").isdigit() else text

    return [[number(text) for text in row] for row in last_of(items)["measurements"]]


def test_the_exact_denoiser_is_shown_at_once_and_the_network_waits_for_training():
    animation = animation_of(opened())
    network, best = animation["panels"]
    assert network["empty"] == "Press Train" and "x" not in network
    ends = unpacked(best["x"]).view(len(animation["timesteps"]), -1, 2)[-1]
    assert energy_distance(ends, made().x) < 0.01


def test_train_then_change_everything_without_training_again(monkeypatch):
    app = train_on_page(opened(seconds="3", samples="100"))
    before = animation_of(app)
    assert "training steps in" in before["panels"][0]["words"] and len(before["charts"]) == 1
    trained = next(iter(app.session_state[f"points.{NETWORKS}"].values()))
    changes = [
        ("selectbox", "sampler", "Heun"),
        ("select_slider", "steps", 40),
        ("selectbox", "class", "lower"),
        ("slider", "guidance_scale", 3.0),
        ("selectbox", "schedule", "flow"),
        ("selectbox", "spacing", "angle"),
        ("select_slider", "timesteps", 300),
        ("toggle", "zero_snr", True),
        ("number_input", "seed", 7),
        ("select_slider", "samples", 200),
        ("selectbox", "sampler", "DDIM"),
        ("slider", "eta", 1.0),
    ]
    for widget, key, value in changes:
        finished(healthy(getattr(app, widget)(key=f"points.{key}").set_value(value).run()))
        animation = animation_of(app)
        assert animation["id"] != before["id"] or (key, value) == ("zero_snr", True), (
            key
        )  # a straight path ends in pure noise already
        assert animation["panels"][0]["words"] == before["panels"][0]["words"] and "x" in animation["panels"][0]
        before = animation
    assert next(iter(app.session_state[f"points.{NETWORKS}"].values())) is trained
    healthy(app.selectbox(key="points.prediction_type").set_value("x0").run())
    assert "x" not in animation_of(finished(app))["panels"][0]
    healthy(app.selectbox(key="points.prediction_type").set_value("v").run())
    assert "x" in animation_of(finished(app))["panels"][0]  # the trained network is kept


def test_the_shown_code_makes_the_shown_points():
    app = train_on_page(opened(seconds="3", samples="100", steps="5", points="rings", seed="3"))
    animation, names = animation_of(app), {"print": lambda *_: None}
    exec(app.code[0].value, names)
    for panel in animation["panels"]:
        shown = unpacked(panel["x"]).view(6, -1, 2)
        made = torch.stack([state.x for state in names["walks"][panel["name"]]])
        torch.testing.assert_close(shown.float(), made, rtol=0, atol=5e-3)


def test_cancel_keeps_the_page_alive_and_another_set_stops_the_training():
    app = opened(seconds="30")
    next(button for button in app.button if button.label == "Train").click().run()
    job = app.session_state[f"points.job:{TRAIN}"]
    next(button for button in app.button if button.label == "Cancel").click().run()
    finished(app)
    assert job.cancelled and f"points.{NETWORKS}" not in app.session_state and animation_of(app)
    next(button for button in app.button if button.label == "Train").click().run()
    job = app.session_state[f"points.job:{TRAIN}"]
    finished(healthy(app.selectbox(key="points.points").set_value("spirals").run()))
    assert job.cancelled and animation_of(app)["classes"] == ["one arm", "other arm"]


def test_a_session_keeps_few_networks():
    app = opened(seconds="3", samples="100")
    app.session_state[f"points.{NETWORKS}"] = {("another", k): None for k in range(MAX_NETWORKS)}
    train_on_page(app)
    kept = app.session_state[f"points.{NETWORKS}"]
    assert len(kept) == MAX_NETWORKS and list(kept)[-1][1] == "v"


def test_choices_that_do_not_go_together_get_one_sentence():
    app = opened(prediction_type="eps", schedule="flow")
    assert "pure noise" in app.error[0].value
    app = opened(timesteps="100", steps="200")
    assert "between 1 and 100 steps" in app.error[0].value


def test_drawn_points_replace_ours_and_can_be_drawn_again():
    app = healthy(opened_at(PAGE, points="draw your own"))
    assert "panels" not in animation_of(app) and animation_of(app)["points"] == []
    app.session_state[f"points.{DRAWN}"] = [[x / 20, math.sin(x), x % 2] for x in range(20)]
    animation = animation_of(finished(healthy(app.run())))
    assert animation["classes"] == ["class 1", "class 2"] and len(animation["data"]["labels"]) == 2000
    next(button for button in app.button if button.label == "Draw again").click().run()
    assert len(animation_of(healthy(app))["points"]) == 20


def test_an_own_file_is_used_and_a_bad_one_gets_one_sentence():
    app = opened(points="a CSV file")
    assert any("two numbers per line" in note.value for note in app.info)
    healthy(app.file_uploader[0].set_value(("mine.csv", b"1,2\n3,5\n7,1\n2,2\n", "text/csv")).run())
    assert len(animation_of(finished(app))["data"]["labels"]) == 4 and not app.error
    for data in (b"", b"1,2", b"one,two\nthree,four\n", b"\xff\xfe\x00", b"1,2\n1,2\n1,2\n", b"1,nan\n2,3\n4,5\n"):
        healthy(app.file_uploader[0].set_value(("bad.csv", data, "text/csv")).run())
        finished(app)
        assert len(app.error) == 1 and len(animation_of(app)["data"]["labels"]) == 2000


def test_letters_may_be_written_and_nonsense_gets_one_sentence():
    app = opened(points="letters", text="OKO")
    assert animation_of(app)["classes"] == ["O (1)", "K", "O (2)"]
    healthy(app.text_input(key="points.text").set_value(" ").run())
    assert "at least one letter" in finished(app).error[0].value


def test_a_link_with_nonsense_in_it_opens_the_default():
    app = opened(
        points="../../etc", prediction_type="magic", steps="-1", samples="1e9", seconds="banana", **{"class": "none"}
    )
    assert animation_of(app)["classes"] == ["upper", "lower"]


@pytest.mark.parametrize("data", [b"1,2\n" * 50_001, b"1," * 1_000_001, b"\n" * 60_000])
def test_a_file_that_takes_too_long_to_read_is_refused_at_once(data):
    with pytest.raises(ValueError, match="are the most: choose a smaller one"):
        from_file(data)
