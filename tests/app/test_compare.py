"""The comparison: two walks aligned by timestep, their differences, and the page that shows them."""

import base64
import io
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from onscreen import animation, finished, healthy
from onscreen import opened as opened_at
from PIL import Image

from diffusion_edu.analysis.measures import distance, principal_plane
from diffusion_edu.checkpoints import Card, Model, load
from diffusion_edu.core import State
from diffusion_edu.data.images import to_bytes
from diffusion_edu.figures.charts import round_axis
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import Compute

AppTest = pytest.importorskip("streamlit.testing.v1").AppTest
comparisons = pytest.importorskip("diffusion_edu.app.trajectories.comparison")
animations = pytest.importorskip("diffusion_edu.app.trajectories.animation")
interleaved = pytest.importorskip("diffusion_edu.app.trajectories.interleaved")
recording = pytest.importorskip("diffusion_edu.app.trajectories.recording")
requests = pytest.importorskip("diffusion_edu.app.common.request")
compare = pytest.importorskip("diffusion_edu.app.compare.page")
controls = pytest.importorskip("diffusion_edu.app.compare.controls")
tasks = pytest.importorskip("diffusion_edu.app.jobs.task")
PAGE, DONE = "pages/4_Compare.py", "compare." + tasks.done_key("compare")
opened = partial(opened_at, PAGE)
CARD = Card("m", "M", "attention_unet", {}, "v", size=8, classes=["daisy", "rose", "tulip"])


def request(images=2, seed=5, **preset):
    return requests.Request(CARD, Preset(**preset), "rose", seed, images)


def chain(timesteps, seed=0, b=2):
    generator = torch.Generator().manual_seed(seed)
    sampled = [torch.randn(2, b, 3, 8, 8, generator=generator).unbind() for _ in timesteps]
    return [State(t, x, x if t == 0 else x0_hat) for t, (x, x0_hat) in zip(timesteps, sampled, strict=True)]


def compared(timesteps_a=(100, 50, 0), timesteps_b=(100, 80, 60, 0), b=None):
    a = chain(timesteps_a)
    pair = request(steps=len(timesteps_a) - 1, T=100), request(steps=len(timesteps_b) - 1, T=100)
    return comparisons.Comparison(pair, (a, b or chain(timesteps_b, seed=1)), (1.0, 2.0))


def sprite(track):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(track["sprite"].split(",")[1]))))


def row(track, k):
    """What a track shows at state k of the animation, (8, 16, 3)."""
    at = k if track["rows"] is None else track["rows"][k]
    return sprite(track)[8 * at : 8 * at + 8]


def beside(images):
    """Two images uint8 (2, 3, 8, 8) side by side, (8, 16, 3)."""
    return torch.cat(list(images), dim=2).permute(1, 2, 0).numpy()


def test_two_walks_are_aligned_by_timestep_and_the_one_with_fewer_steps_waits():
    assert comparisons.align([10, 5, 0], [10, 8, 6, 0]) == [
        (10, 0, 0),
        (8, 0, 1),
        (6, 0, 2),
        (5, 1, 2),
        (0, 2, 3),
    ]
    assert comparisons.align([4, 2, 0], [4, 2, 0]) == [(4, 0, 0), (2, 1, 1), (0, 2, 2)]


def test_the_distance_is_the_root_mean_square():
    a, b = torch.full((2, 3, 4, 4), 1.0), torch.full((2, 3, 4, 4), -1.0)
    assert distance(a, b) == 2.0 and distance(a, a) == 0.0
    a, b = (torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(k)) for k in range(2))
    assert distance(a, b) == pytest.approx(np.sqrt(((a.double() - b.double()).numpy() ** 2).mean()), rel=1e-12)


def test_points_of_a_plane_keep_their_distances_in_it():
    flat = torch.randn(7, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(50, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
    places, fractions = principal_plane(flat @ turn.T + 3)
    torch.testing.assert_close(torch.cdist(places, places), torch.cdist(flat, flat))
    assert fractions.sum().item() == pytest.approx(1) and fractions[0] > fractions[1]
    assert (places[-1] >= places[0]).all()  # from left to right


def test_the_plane_is_that_of_the_largest_variances():
    points = torch.randn(12, 30, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    places, fractions = principal_plane(points)
    values, vectors = np.linalg.eigh(np.cov(points.numpy().T))
    expected = (points - points.mean(0)).numpy() @ vectors[:, [-1, -2]]
    np.testing.assert_allclose(np.abs(places.numpy()), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(fractions.numpy(), values[[-1, -2]] / values.sum(), atol=1e-9)


def test_equal_points_lie_on_one_spot():
    places, fractions = principal_plane(torch.ones(3, 5))
    assert not places.any() and not fractions.any()
    assert principal_plane(torch.ones(1, 5))[0].shape == (1, 2)


def test_the_difference_is_black_where_equal_and_white_between_black_and_white():
    a, b = torch.full((1, 3, 2, 2), -1.0), torch.full((1, 3, 2, 2), 1.0)
    assert (comparisons.difference_map(a, a) == 0).all() and (comparisons.difference_map(a, b) == 255).all()
    assert (comparisons.difference_map(a, torch.zeros_like(a), gain=2) == 255).all() and (
        comparisons.difference_map(a, a + 0.2, gain=2) == 51
    ).all()


@pytest.mark.parametrize(("apart", "gain"), [(0.0, 16), (0.1, 16), (0.2, 8), (0.9, 2), (1.1, 1), (2.0, 1)])
def test_small_differences_are_brightened_but_never_too_much(apart, gain):
    a = torch.zeros(1, 3, 8, 8)
    assert comparisons.best_gain(a, a + apart) == gain


def test_settings_that_differ_are_named():
    a, b = request(sampler="DDIM", options={"eta": 0.0}), request(sampler="DDIM", options={"eta": 1.0}, seed=9)
    assert comparisons.differences(a, b) == [("eta", 0.0, 1.0), ("seed", 5, 9)]
    assert comparisons.differences(a, request(sampler="DDPM", options={"variance": "small"})) == [
        ("sampler", "DDIM", "DDPM")
    ]
    assert comparisons.differences(a, a) == []
    free = [replace(w, class_name=requests.ANY) for w in (request(guidance_scale=1.0), request(guidance_scale=5.0))]
    assert comparisons.differences(*free) == []  # without a condition there is no guidance


def test_the_animation_shows_the_states_bit_for_bit_and_their_difference():
    shown = compared()
    (a, b), animation = shown.states, shown.animation("x")
    assert animation["timesteps"] == [100, 80, 60, 50, 0] and animation["start"] == 4
    left, right, difference = animation["tracks"]
    gain = comparisons.best_gain(a[-1].x, b[-1].x)
    for k, (i, j) in enumerate([(0, 0), (0, 1), (0, 2), (1, 2), (2, 3)]):
        assert np.array_equal(row(left, k), beside(to_bytes(a[i].x))) and np.array_equal(
            row(right, k), beside(to_bytes(b[j].x))
        )
        assert np.array_equal(row(difference, k), beside(comparisons.difference_map(a[i].x, b[j].x, gain)))
        assert animation["says"][k].endswith(f"A at {a[i].t}, B at {b[j].t} · {distance(a[i].x, b[j].x):.3f} apart")
    assert f"× {gain}" in difference["words"]
    predictions = shown.animation("x0_hat")
    assert np.array_equal(row(predictions["tracks"][1], 1), beside(to_bytes(b[1].x0_hat)))
    assert predictions["id"] != animation["id"] and shown.animation("x") is animation


def test_the_charts_follow_the_bar_and_say_what_the_states_say():
    shown = compared()
    (a, b), (apart, plane) = shown.states, shown.animation("x0_hat")["charts"]
    assert apart["cursor"] and apart["at"] == [100, 80, 60, 50, 0]
    images, predictions = apart["series"]
    assert (
        predictions["y"][3] == distance(a[1].x0_hat, b[2].x0_hat)
        and images["y"][1] == distance(a[0].x, b[1].x)
        and images["dash"] != predictions["dash"]
    )
    ours, theirs = plane["series"]
    assert (ours["now"], theirs["now"]) == ([0, 0, 0, 1, 2], [0, 1, 2, 2, 3]) and ours["dash"] != theirs["dash"]
    places, _ = principal_plane(torch.stack([state.x0_hat.flatten() for state in a + b]) / (2 * 3 * 8 * 8) ** 0.5)
    np.testing.assert_allclose(np.array([ours["x"] + theirs["x"], ours["y"] + theirs["y"]]).T, places.numpy())
    flat = np.hypot(ours["x"][-1] - theirs["x"][-1], ours["y"][-1] - theirs["y"][-1])
    assert flat <= predictions["y"][-1] + 1e-9  # a plane only ever shortens


def test_two_equal_walks_have_an_animation_without_infinities_and_without_a_difference():
    a = chain((100, 50, 0))
    animation = compared(timesteps_b=(100, 50, 0), b=a).animation("x")
    json.dumps(animation, allow_nan=False)
    assert not sprite(animation["tracks"][2]).any() and not any(animation["charts"][0]["series"][0]["y"])
    assert animation["tracks"][0]["words"] == "the same settings"


@pytest.mark.parametrize("values", [[0.0, 1.3], [-0.02, 0.41], [5.0, 5.0], [0.0], [-740.0, 3.0]])
def test_an_axis_holds_its_values_and_its_ticks_are_round(values):
    axis = round_axis("x", values)
    assert axis.low < min(values) <= max(values) < axis.high or min(values) == axis.low == 0
    assert 1 <= len(axis.ticks) <= 5 and all(axis.low <= tick <= axis.high for tick in axis.ticks.values())
    assert all(float(word.replace("−", "-")) == pytest.approx(tick, abs=1e-12) for word, tick in axis.ticks.items())


def both(tiny, **unlike):
    model = Model(CARD, tiny(classes=3).eval(), Compute(torch.device("cpu")))
    pair = request(steps=4, T=100), request(**{"steps": 4, "T": 100, **unlike})
    return model, pair, interleaved.InterleavedWalks((model, model), pair)


@pytest.mark.parametrize(
    "unlike",
    [{"steps": 7}, {"sampler": "DPM-Solver++", "steps": 4}, {"sampler": "DDPM", "options": {"variance": "large"}}],
)
def test_two_interleaved_walks_are_the_two_walks(tiny, unlike):
    model, pair, walks = both(tiny, **unlike)
    sampled = list(walks.states())
    for side, asked in enumerate(pair):
        alone = list(generate(model, asked.preset, asked.seeds, asked.labels))
        assert [state.t for owner, state in sampled if owner == side] == [state.t for state in alone]
        for (_, state), expected in zip([turn for turn in sampled if turn[0] == side], alone, strict=True):
            assert torch.equal(state.x, expected.x) and torch.equal(state.x0_hat, expected.x0_hat)
    timesteps = [state.t for _, state in sampled]
    assert timesteps == sorted(timesteps, reverse=True)  # nobody runs ahead
    assert all(seconds > 0 for seconds in walks.seconds) and [state.t for state in walks.latest] == [0, 0]


def test_long_interleaved_walks_keep_as_much_as_two_recordings(tiny):
    _, _, walks = both(tiny, steps=100)
    held = [turn for k, turn in enumerate(walks.turns) if walks.keeps(k)]
    assert len(walks.turns) == 5 + 101 and len(held) == 5 + recording.MAX_STATES
    assert {(0, 4), (1, 0), (1, 100)} <= set(held)


def test_models_of_different_image_sizes_cannot_be_compared(tiny):
    model, pair, _ = both(tiny)
    larger = replace(model, card=replace(CARD, size=16))
    with pytest.raises(ValueError, match="choose two models"):
        interleaved.InterleavedWalks((model, larger), pair)


# The page


def press(app, label):
    return healthy(next(button for button in app.button if button.label == label).click().run())


def said(app):
    return " ".join(caption.value for caption in app.caption)


def test_a_link_opens_exactly_this_comparison_and_samples_it_with_the_library():
    app = finished(
        opened(
            a_steps="3",
            b_steps="2",
            b_sampler="Heun",
            b_spacing="log-SNR",
            b_zero_snr="true",
            a_guidance_scale="1.0",
            images="1",
            class_name="rose",
        )
    )
    shown = app.session_state[DONE].result
    a, b = (asked.preset for asked in shown.requests)
    assert (a.sampler, a.steps, a.guidance_scale) == ("DDIM", 3, 1.0) and (
        b.sampler,
        b.steps,
        b.spacing,
        b.zero_snr,
    ) == (
        "Heun",
        2,
        "log-SNR",
        True,
    )
    for asked, states in zip(shown.requests, shown.states, strict=True):
        alone = list(generate(load(asked.card.name), asked.preset, asked.seeds, asked.labels))
        assert [state.t for state in states] == [state.t for state in alone] == asked.preset.timesteps()
        for state, expected in zip(states, alone, strict=True):
            torch.testing.assert_close(state.x, expected.x)
            torch.testing.assert_close(state.x0_hat, expected.x0_hat)
    assert shown.costs[0][:2] == (3, 3) and shown.costs[1][:2] == (
        2,
        6,
    )  # guidance scale 1 needs one evaluation; Heun three predictions with two each
    assert (
        "sampler (DDIM, Heun), steps (3, 2), guidance scale (1, 2), spacing (trailing, log-SNR), "
        "zero terminal SNR (no, yes)" in said(app)
    )
    assert animation(app)["says"][-1].endswith(f"{distance(shown.states[0][-1].x, shown.states[1][-1].x):.3f} apart")
    table = next(text.value for text in app.markdown if "NFE" in text.value)
    assert "| A | 3 | 3 |" in table and "| B | 2 | 6 |" in table and f"{shown.distances['x'][-1]:.3f}" in table


def test_the_shown_code_samples_both_sides_and_their_difference():
    app = finished(opened(a_steps="2", b_steps="3", images="2", b_variance="large"))
    shown, printed = app.session_state[DONE].result, []
    names = {"print": lambda *numbers: printed.append(numbers)}
    exec(app.code[0].value, names)
    assert torch.equal(names["difference"], (shown.states[0][-1].x - shown.states[1][-1].x).abs().mean(1))
    assert [numbers[0] for numbers in printed] == animation(app)["timesteps"]
    assert [numbers[1] for numbers in printed] == shown.distances["x"] and [
        numbers[2] for numbers in printed
    ] == shown.distances["x0_hat"]


def test_the_same_setting_twice_makes_no_difference_and_a_suggestion_is_sampled_at_once():
    app = opened(a_steps="1000", images="1", b_sampler="Multistep renoising", b_seed="7")
    app.session_state[compare.OPENED] = True
    healthy(app.menu_button[0].click("the same setting twice: no difference").run())
    assert "the same settings" in said(app)
    shown = finished(app).session_state[DONE].result
    assert shown.requests[0] == shown.requests[1] and shown.requests[0].preset.steps == 15
    assert shown.distances["x"] == [0.0] * 16 and shown.distances["x0_hat"] == [0.0] * 16


@pytest.mark.parametrize("name", list(controls.SUGGESTIONS))
def test_every_suggestion_sets_both_sides(name, monkeypatch):
    monkeypatch.setattr(compare, "start", lambda task: None)
    app = opened(class_name="anything (no guidance)")
    healthy(app.menu_button[0].click(name).run())
    sentence = said(app)
    for changes, letter in zip(controls.SUGGESTIONS[name], "ab", strict=True):
        for key, value in changes.items():
            assert app.session_state[f"compare.{letter}_{key}"] == value
    unlike = sum(
        controls.SUGGESTIONS[name][0].get(key) != controls.SUGGESTIONS[name][1].get(key)
        for key in {*controls.SUGGESTIONS[name][0], *controls.SUGGESTIONS[name][1]}
    )
    assert ("differ in" in sentence) == (unlike == 1) and "change only one" not in sentence


@pytest.mark.parametrize(
    ("class_name", "key", "value"),
    [
        ("selectbox", "a_model", "Flowers, simple U-Net"),
        ("selectbox", "class_name", "anything (no guidance)"),
        ("selectbox", "a_sampler", "DPM-Solver++"),
        ("selectbox", "b_schedule", "flow"),
        ("selectbox", "b_spacing", "angle"),
        ("select_slider", "a_steps", 1),
        ("select_slider", "timesteps", 300),
        ("slider", "a_eta", 0.3),
        ("slider", "b_guidance_scale", 0.0),
        ("slider", "images", 4),
        ("number_input", "b_seed", 1_000_000),
        ("segmented_control", "b_variance", "large"),
        ("segmented_control", "compared", "x0_hat"),
        ("toggle", "a_zero_snr", True),
    ],
)
def test_every_widget_can_be_changed(class_name, key, value, monkeypatch):
    monkeypatch.setattr(compare, "start", lambda task: None)
    app = opened()
    healthy(getattr(app, class_name)(key=f"compare.{key}").set_value(value).run())
    healthy(app.run())


def test_the_page_says_that_changed_settings_are_not_generated_yet_and_compares_predictions():
    app = finished(opened(a_steps="1", b_steps="1", images="1"))
    before = animation(app)["id"]
    assert "Not generated yet" not in said(app)
    healthy(app.segmented_control(key="compare.compared").set_value("x0_hat").run())
    assert animation(app)["id"] != before and animation(app)["tracks"][0]["alt"] == "Predictions of A"
    healthy(app.select_slider(key="compare.a_steps").set_value(2).run())
    assert "Not generated yet" in said(app) and animation(app)["id"].startswith(before.split()[0])
    press(app, "Generate both")
    assert finished(app).session_state[DONE].result.requests[0].preset.steps == 2 and "Not generated yet" not in said(
        app
    )


def test_impossible_choices_get_one_sentence_and_leave_the_page_alive(monkeypatch):
    monkeypatch.setattr(compare, "PATIENCE", float("inf"))
    app = healthy(opened(timesteps="100", b_steps="500", images="1"))
    assert "between 1 and 100 steps" in app.error[0].value and DONE not in app.session_state
    healthy(app.select_slider(key="compare.b_steps").set_value(1).run())
    healthy(app.select_slider(key="compare.a_steps").set_value(1).run())
    press(app, "Generate both")
    assert len(finished(app).session_state[DONE].result.states[1]) == 2


def test_cancel_leaves_the_page_empty_until_a_click(monkeypatch):
    monkeypatch.setattr(compare, "PATIENCE", float("inf"))
    app = opened(a_steps="200", images="1")
    job = app.session_state["compare.job:compare"]
    press(app, "Cancel")
    assert job.cancelled and DONE not in app.session_state and "Generate both" in app.info[0].value
    healthy(app.run())
    assert "compare.job:compare" not in app.session_state


def test_a_long_comparison_waits_for_a_click(monkeypatch):
    monkeypatch.setattr(compare, "PATIENCE", 0)
    app = healthy(opened())
    assert "compare.job:compare" not in app.session_state and "Generate both" in app.info[0].value


def test_a_link_with_nonsense_in_it_opens_the_default(monkeypatch):
    monkeypatch.setattr(compare, "start", lambda task: None)
    app = healthy(
        opened(
            a_steps="many", b_sampler="magic", b_seed="banana", a_model="../../etc/passwd", images="99", compared="away"
        )
    )
    assert (
        app.select_slider(key="compare.a_steps").value == 15 and app.selectbox(key="compare.b_sampler").value == "DDPM"
    )


def test_without_any_model_the_page_says_what_to_do(monkeypatch, tmp_path):
    from diffusion_edu import checkpoints

    monkeypatch.setattr(checkpoints, "PRETRAINED", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert "No model is installed" in healthy(opened()).error[0].value
