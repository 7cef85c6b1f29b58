"""Guidance: the scale sweep, the vectors and the experts; what their numbers are, and the page that shows them."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from onscreen import animation, charts, finished, healthy
from onscreen import opened as opened_at
from torch import nn

from diffusion_edu.analysis.measures import angle, mean_distance, wilson_interval
from diffusion_edu.app.common import condition_picker
from diffusion_edu.app.common.condition_picker import ConditionChoice
from diffusion_edu.app.guidance import page as guidance
from diffusion_edu.app.guidance import recorded, sweep_results, sweep_view
from diffusion_edu.app.guidance.experts import ExpertComparison, expert_index
from diffusion_edu.app.guidance.scale_sweep import Sweep
from diffusion_edu.app.guidance.sweep_results import evaluators, fidelity, measure, shows
from diffusion_edu.app.jobs.task import done_key
from diffusion_edu.app.trajectories.guidance_charts import rms
from diffusion_edu.app.trajectories.guidance_vectors import GuidanceStep, GuidanceVectors
from diffusion_edu.checkpoints import Card, load, save
from diffusion_edu.data.images import to_bytes
from diffusion_edu.evaluation.features import describe
from diffusion_edu.generation import Preset, generate
from diffusion_edu.networks import NETWORKS

SWEEP, VECTORS, EXPERTS = guidance.SWEEP, guidance.VECTORS, guidance.COMPARISON
DONE = "guidance." + done_key(Sweep.key)
PAGE = "pages/9_Guidance.py"
CLASS_NAMES = ["rose", "fire lily", "sunflower"]
ATTRIBUTES = ["smiling", "eyeglasses", "no beard", "wearing hat"]
QUICK = {"sampler": "DPM-Solver++", "steps": 4, "guidance_scale": 2.0, "schedule": "linear"}


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path, tiny):
    """Small models conditioned on classes or attributes, a pair of experts, and an evaluation classifier of faces."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    monkeypatch.setattr(guidance, "SINGLE", "small_flowers")
    monkeypatch.setattr(guidance, "EXPERTS", "pair")
    monkeypatch.setitem(sweep_results.CLASSIFIERS, "faces", ("small_face_features", "small_face_classifier"))
    config = {"widths": [16, 32], "embedding": 16, "patch": 4}
    flowers = Card(
        "small_flowers",
        "Small flowers",
        "simple_unet",
        {**config, "classes": 3},
        "v",
        64,
        classes=CLASS_NAMES,
        sampling=QUICK,
    )
    faces = replace(
        flowers,
        name="small_faces",
        title="Small faces",
        config={**config, "attributes": 4},
        classes=[],
        attributes=ATTRIBUTES,
    )
    alike = [tiny(seed, network="simple_unet", classes=3, patch=4) for seed in (1, 2)]
    pair = replace(
        flowers,
        name="pair",
        title="Pair",
        network="experts",
        config={"member": "simple_unet", "config": flowers.config, "borders": [785.4]},
    )
    save(tmp_path, flowers, tiny(network="simple_unet", classes=3, patch=4))
    save(tmp_path, faces, tiny(network="simple_unet", attributes=4, patch=4))
    save(tmp_path, pair, nn.ModuleList(alike))
    for name, others in (
        ("small_face_classifier", [*reversed(ATTRIBUTES), "young"]),
        ("small_face_features", ATTRIBUTES),
    ):
        layout = {"classes": len(others), "widths": [16, 16], "blocks": 1}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(len(others))
            net = NETWORKS["plain_classifier"](**layout)
        save(tmp_path, Card(name, name, "plain_classifier", layout, "attributes", 64, attributes=others), net)


def opened(**link):
    return finished(
        opened_at(
            PAGE, **{"model": "Small flowers", "guidance_scales": ["0", "1", "3"], "images": "3", "steps": "3", **link}
        )
    )


def press(app, label):
    return healthy(next(button for button in app.button if button.label == label).click().run())


def sheet(app):
    return app.get("html")[0].proto.body


def sweep_of(name, guidance_scales=(0.0, 1.0, 3.0), requests=(("sunflower", 1),), **changes):
    card = load(name).card
    return Sweep(card, Preset(**QUICK), ConditionChoice(tuple(requests)), 5, 3, guidance_scales, (0, 1000), **changes)


# What is measured


def test_the_diversity_is_the_mean_distance_over_all_pairs():
    points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    assert mean_distance(points) == pytest.approx((5 + 5 + 0) / 3 / 2**0.5)  # root mean square over two values
    assert mean_distance(points[[0, 2]]) == 0
    assert mean_distance(torch.randn(50, 3, 16, 16, generator=torch.Generator().manual_seed(0))) == pytest.approx(
        2**0.5, rel=0.01
    )


def test_a_small_angle_is_exact():
    a = torch.tensor([[3.0, 0.0]])
    assert angle(a, torch.tensor([[0.0, 7.0]])) == pytest.approx(90)
    assert angle(a, -a) == pytest.approx(180) and angle(a, 2 * a) == 0
    small = torch.tensor([[1.0, 1e-9]], dtype=torch.float64)  # 1 - cos is 5e-19, below what a float64 can tell from 1
    assert angle(a.double(), small) == pytest.approx(np.rad2deg(1e-9), rel=1e-9)


@pytest.mark.parametrize(
    ("hits", "tries", "limits"), [(0, 10, (0, 0.2775)), (5, 10, (0.2366, 0.7634)), (10, 10, (0.7225, 1))]
)
def test_the_limits_of_a_fraction_are_those_of_wilson(hits, tries, limits):
    assert wilson_interval(hits, tries) == pytest.approx(limits, abs=1e-4)


def test_the_plane_of_the_three_vectors_keeps_their_lengths_and_angles_and_puts_their_tips_on_one_line():
    u, c = torch.randn(2, 1, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    g = torch.lerp(u, c, 2.5)
    plane = GuidanceStep(5, u, u, c, g, g.clamp(-1, 1)).plane
    for place, vector in zip(plane, (u, c, g), strict=True):
        assert place.norm().item() == pytest.approx(rms(vector), rel=1e-9)
    assert plane[0, 1].item() == pytest.approx(0, abs=1e-12) and angle(plane[0], plane[1]) == pytest.approx(angle(u, c))
    torch.testing.assert_close(plane[2], plane[0] + 2.5 * (plane[1] - plane[0]))


@pytest.mark.parametrize("guidance_scale", [0.0, 1.0, 3.0])
def test_the_recorded_walk_is_the_walk_of_generate(guidance_scale):
    model = load("small_flowers")
    task = GuidanceVectors(
        model.card, Preset(**{**QUICK, "guidance_scale": guidance_scale}), ConditionChoice((("sunflower", 1),)), 4
    )
    steps, states = list(task.run(model)), list(generate(model, task.preset, [4], [2]))
    assert [step.t for step in steps] == [state.t for state in states[:-1]] and len(steps) == task.total
    for step, state in zip(steps, states, strict=False):
        assert (
            torch.equal(step.x, state.x)
            and torch.equal(step.x0_hat, state.x0_hat)
            and torch.equal(step.guided.clamp(-1, 1), state.x0_hat)
        )
        torch.testing.assert_close(
            step.guided - step.unconditional, guidance_scale * step.difference, rtol=1e-4, atol=1e-5
        )
        assert step.clipped == (step.guided.abs() > 1).float().mean()
    assert steps[0].difference.abs().max() > 1e-3  # the condition matters


def test_every_column_is_what_generate_samples_from_the_same_noise():
    model, task = load("small_flowers"), sweep_of("small_flowers")
    *_, (finished, _, _) = task.run(model)
    assert list(finished) == [0.0, 1.0, 3.0] and sum(1 for _ in task.run(model)) == task.total
    for guidance_scale, sampled in finished.items():
        *_, last = generate(model, replace(task.preset, guidance_scale=guidance_scale), [5, 6, 7], [2, 2, 2])
        assert torch.equal(sampled.images, to_bytes(last.x)) and sampled.recognised is None and sampled.seconds > 0
        assert sampled.pixel_distance == pytest.approx(mean_distance(sampled.images / 127.5))
    *_, anything = generate(model, task.preset, [5, 6, 7])
    assert torch.equal(finished[0.0].images, to_bytes(anything.x))


@pytest.mark.parametrize("sampler", ["DPM-Solver++", "Heun"])
@pytest.mark.parametrize("interval", [(0, 1000), (300, 800), (0, 100)])
def test_the_counted_network_evaluations_are_those_that_happen(sampler, interval):
    model = load("small_flowers")
    task = replace(sweep_of("small_flowers"), preset=Preset(**{**QUICK, "sampler": sampler}), interval=interval)
    *_, (finished, _, _) = task.run(model)
    assert [sampled.nfe for sampled in finished.values()] == [
        task.nfe(guidance_scale) for guidance_scale in task.guidance_scales
    ]
    if interval == (0, 1000):
        presets = [replace(task.preset, guidance_scale=guidance_scale) for guidance_scale in task.guidance_scales]
        assert [preset.nfe(True) for preset in presets] == [
            task.nfe(guidance_scale) for guidance_scale in task.guidance_scales
        ]
        assert "fewer" not in task.cost
    else:
        saved = 3 * sum(
            task.nfe(guidance_scale, all_timesteps=True) - task.nfe(guidance_scale)
            for guidance_scale in task.guidance_scales
        )
        assert saved > 0 and f"{saved} fewer" in task.cost


def test_guidance_in_no_timestep_is_the_conditional_model_and_in_some_it_lies_between():
    model, task = load("small_flowers"), sweep_of("small_flowers", guidance_scales=(3.0,))
    sample = lambda interval: list(replace(task, interval=interval).run(model))[-1][0][3.0].images.float()  # noqa: E731
    *_, conditional = generate(model, replace(task.preset, guidance_scale=1.0), [5, 6, 7], [2, 2, 2])
    assert torch.equal(sample((1, 2)), to_bytes(conditional.x).float())
    assert not torch.equal(sample((300, 800)), sample((0, 1000))) and not torch.equal(
        sample((300, 800)), sample((1, 2))
    )


def test_an_image_is_recognised_if_the_classifier_ranks_its_class_first():
    model = load("flowers_attention")
    task, done = recorded.load_sweep("flowers_attention")
    classifier, feature_network = load("flower_classifier"), load("flower_features")
    images = done[3.0].images
    row = measure(images, 1.0, 30, task.condition, classifier, feature_network)
    label = classifier.card.classes.index("sunflower")
    assert row.recognised == [bool(scores.argmax() == label) for scores in describe(classifier, images).scores]
    assert row.feature_distance == pytest.approx(mean_distance(describe(feature_network, images).features))
    assert fidelity({3.0: row}) == [(sum(row.recognised) / 6, wilson_interval(sum(row.recognised), 6))]
    assert task.card == model.card


def test_a_face_is_recognised_if_every_requested_attribute_is_found_by_its_name():
    classifier = load("small_face_classifier")  # knows the attributes in another order, and one more
    task = sweep_of("small_faces", requests=[("smiling", 1), ("no beard", -1)])
    images = torch.randint(0, 256, (20, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    scores = describe(classifier, images).scores
    scores = scores - scores.median(0).values  # so that there is both
    row = [
        (a > 0 and b < 0)
        for a, b in scores[:, [classifier.card.attributes.index(name) for name in ("smiling", "no beard")]].tolist()
    ]
    assert shows(scores, task.condition.label(classifier.card)).tolist() == row and 0 < sum(row) < 20
    assert task.condition.label(task.card) == [1, 0, -1, 0] and task.condition.label(classifier.card) == [
        0,
        -1,
        0,
        1,
        0,
    ]


def test_the_words_of_conditions_differ_and_name_the_attribute():
    known = [
        *(
            "male",
            "young",
            "smiling",
            "mouth slightly open",
            "eyeglasses",
            "wearing hat",
            "bangs",
            "bald",
            "black hair",
            "blond hair",
            "brown hair",
        ),
        *(
            "gray hair",
            "straight hair",
            "wavy hair",
            "no beard",
            "mustache",
            "goatee",
            "wearing lipstick",
            "wearing earrings",
            "wearing necktie",
        ),
    ]
    said = [condition_picker.phrase(name, request) for name in known for request in (1, -1)]
    assert len(set(said)) == 40
    assert {"no hat", "hat", "not smiling", "no beard", "with beard", "no blond hair", "eyeglasses"} <= set(said)
    assert ConditionChoice((("smiling", 1), ("wearing hat", -1))).words == "smiling, no hat"


def test_a_classifier_that_does_not_know_the_class_is_not_used(monkeypatch):
    card = load("small_flowers").card
    assert evaluators(card, ConditionChoice((("rose", 1),)))[0].name == "flower_classifier"
    assert evaluators(card, ConditionChoice((("weed", 1),)))[0] is None
    monkeypatch.setattr(sweep_results, "available", dict)
    assert evaluators(card, ConditionChoice((("rose", 1),))) == (None, None)


def test_the_expert_that_is_named_is_the_one_that_is_used():
    pair, preset = load("pair"), Preset(**QUICK)
    schedule, task = (
        preset.noise_schedule(),
        ExpertComparison(
            (load("small_flowers").card, load("pair").card), Preset(**QUICK), ConditionChoice((("rose", 1),)), 0, 1
        ),
    )
    used = {}
    for state in generate(pair, preset, [0], [0]):
        if state.t:
            used[state.t] = ("detail", "noise")[pair.net.active]
    assert used == task.used_experts and set(used.values()) == {"detail", "noise"}
    assert [expert_index(pair.card, schedule, t) for t in (1, 1000)] == [0, 1]


# What the page shows


def test_the_page_opens_with_an_example_its_charts_and_its_numbers_and_runs_again():
    app = healthy(opened_at(PAGE))
    assert len(app.title) == 1 and sheet(app).count("<img ") == 36 and 'class="empty"' not in sheet(app)
    assert any("An example" in caption.value for caption in app.caption) and any(
        "900 network evaluations: about" in caption.value for caption in app.caption
    )
    task, done = recorded.load_sweep("flowers_attention")
    condition_fidelity, diversity = charts(app)
    assert condition_fidelity["series"][0]["y"] == [sum(sampled.recognised) / 6 for sampled in done.values()]
    assert diversity["series"][1]["y"] == pytest.approx(
        [sampled.feature_distance / done[0.0].feature_distance for sampled in done.values()]
    )
    assert (
        app.selectbox(key="guidance.class_name").value == "sunflower"
        and app.number_input(key="guidance.seed").value == task.seed
    )
    healthy(app.run())


def test_the_recorded_example_is_small_and_is_what_the_library_samples_and_measures():
    task, done = recorded.load_sweep("flowers_attention")
    assert task == recorded.default_sweep(load("flowers_attention").card) and list(done) == list(task.guidance_scales)
    assert recorded.sweep_path("flowers_attention").stat().st_size < 200_000
    model = load("flowers_attention")
    *_, last = generate(model, replace(task.preset, guidance_scale=1.0), task.seeds, task.labels)
    assert (
        to_bytes(last.x).float() - done[1.0].images.float()
    ).abs().mean() < 5  # kept with small losses; other machines round otherwise
    assert mean_distance(done[1.0].images / 127.5) == pytest.approx(done[1.0].pixel_distance, rel=0.02)
    assert done[8.0].feature_distance < 0.5 * done[0.0].feature_distance and sum(done[0.0].recognised) < sum(
        done[8.0].recognised
    )


def test_a_recorded_sweep_can_be_read_back_and_a_broken_one_is_none(tmp_path):
    task, done = recorded.load_sweep("flowers_attention")
    recorded.save_sweep(task, done, tmp_path)
    again, kept = recorded.load_sweep("flowers_attention", tmp_path)
    assert again == task and [replace(row, images=0) for row in kept.values()] == [
        replace(row, images=0) for row in done.values()
    ]
    for text in ("", "[]", "{}"):
        recorded.sweep_path("flowers_attention", tmp_path).write_text(text)
        assert recorded.load_sweep("flowers_attention", tmp_path) is None
    assert recorded.load_sweep("nobody", tmp_path) is None


@pytest.mark.parametrize(
    "link",
    [
        {"class_name": "fire lily", "seed": "7"},
        {"class_name": "rose", "interval": ["300", "800"]},
        {"model": "Small faces", "attributes": ["smiling", "with beard"]},
        {"model": "Small faces", "attributes": ["no hat"], "interval": ["0", "500"]},
    ],
    ids=lambda link: " ".join(map(str, link.values())),
)
def test_the_code_of_a_sweep_samples_the_images_and_finds_the_numbers_that_are_shown(link):
    app = finished(press(opened(**link), "Generate"))
    task, done = app.session_state[DONE][:2]
    assert sheet(app).count("<img ") == 9 and sheet(app).count("recognised") >= 1
    images, printed, names = [], [], {}
    names["print"] = lambda *words: printed.append(words) or images.append(names["images"])
    exec(app.code[0].value, names)
    rows = [printed[k : k + 3] for k in range(0, len(printed), 3)]
    for guidance_scale, ((scale, pixel_distance), (feature_distance,), (recognised,)), made in zip(
        done, rows, images[::3], strict=True
    ):
        sampled = done[guidance_scale]
        assert scale == guidance_scale and torch.equal(made, sampled.images) and recognised == sampled.recognised
        assert pixel_distance == pytest.approx(sampled.pixel_distance) and feature_distance == pytest.approx(
            sampled.feature_distance
        )
    assert (task.interval != (0, 1000)) == ("interval" in link)


def test_the_code_of_the_vectors_makes_the_predictions_that_are_shown():
    app = opened(view=VECTORS, class_name="rose", seed="3", guidance_scale="4.0")
    shown, printed = animation(app), []
    names = {"print": lambda *words: printed.append(words)}
    exec(app.code[0].value, names)
    assert [t for t, *_ in printed] == shown["timesteps"]
    tracks = {screen["symbol"][1] or screen["symbol"][0]: screen for screen in shown["tracks"]}
    for k, (t, (u, c, g, difference), turn) in enumerate(printed):
        assert tracks["∅"]["says"][k] == f"length {u:.3f}" and tracks["c"]["says"][k] == f"length {c:.3f}"
        assert tracks["g"]["says"][k].startswith(f"length {g:.3f}\n") and tracks["c − ∅"]["says"][k].startswith(
            f"length {difference:.3f}\n"
        )
        assert shown["says"][k].startswith(
            f"timestep {t} of 1000: the distance from ∅ to c is {difference:.3f}, the angle {turn:.1f}°; "
        )
    plane, lengths, angles = shown["charts"]
    assert plane["equal"] and [series["label"] for series in plane["series"]] == ["∅", "c", "g", ""]
    assert lengths["series"][2]["y"] == pytest.approx([g for _, (_, _, g, _), _ in printed], rel=1e-5)
    assert angles["series"][0]["y"] == pytest.approx([turn for *_, turn in printed], rel=1e-4)
    *_, last = generate(load("small_flowers"), Preset(**{**QUICK, "steps": 3, "guidance_scale": 4.0}), [3], [0])
    assert torch.equal(names["image"], to_bytes(last.x))


def test_the_code_of_the_experts_samples_both_and_names_the_expert_used():
    app = opened(view=EXPERTS, class_name="rose", seed="2", experts_images="1")
    shown, printed = animation(app), []
    names = {"print": lambda *words: printed.append(words)}
    exec(app.code[0].value, names)
    lanes, apart = shown["charts"]
    assert [series["label"] for series in lanes["series"]] == ["detail expert", "noise expert"]
    for t, index in printed:
        assert f"predicted by the {('detail', 'noise')[index]} expert" in shown["says"][shown["timesteps"].index(t)]
    alone, together = (images.float() for images in names["images"])
    assert apart["series"][0]["y"][-1] == pytest.approx(
        ((alone - together) / 127.5).square().mean().sqrt().item(), abs=0.02
    )
    assert any("An expert denoiser is" in caption.value for caption in app.caption)


@pytest.mark.parametrize(
    ("widget", "key", "value", "link"),
    [
        ("segmented_control", "view", VECTORS, {}),
        ("selectbox", "model", "Small faces", {}),
        ("selectbox", "class_name", "rose", {}),
        ("multiselect", "guidance_scales", [15.0], {}),
        ("segmented_control", "images", 12, {}),
        ("number_input", "seed", 1_000_000, {}),
        ("select_slider", "steps", 1, {}),
        ("slider", "interval", (300, 800), {}),
        ("multiselect", "attributes", ["no eyeglasses", "hat"], {"model": "Small faces"}),
        ("slider", "guidance_scale", 15.0, {"view": VECTORS}),
        ("slider", "guidance_scale", 0.0, {"view": VECTORS}),
        ("selectbox", "class_name", "rose", {"view": VECTORS}),
        ("selectbox", "model", "Small faces", {"view": VECTORS}),
        ("number_input", "seed", 9, {"view": VECTORS}),
        ("select_slider", "steps", 10, {"view": VECTORS}),
        ("segmented_control", "experts_view", "predictions", {"view": EXPERTS}),
        ("segmented_control", "experts_images", 4, {"view": EXPERTS}),
        ("slider", "guidance_scale", 5.0, {"view": EXPERTS}),
        ("selectbox", "class_name", "rose", {"view": EXPERTS}),
        ("select_slider", "steps", 1, {"view": EXPERTS}),
    ],
)
def test_every_widget_may_be_changed(widget, key, value, link):
    app = opened(**link)
    before = animation(app)["id"] if link.get("view") else None
    finished(getattr(app, widget)(key=f"guidance.{key}").set_value(value).run())
    if before:
        assert animation(app)["id"] != before
    else:
        app = finished(press(app, "Generate")) if key != "view" else app
        assert (charts(app) or app.get("bidi_component")) and not app.error


def test_of_two_contradicting_conditions_the_later_is_kept():
    app = opened(model="Small faces", attributes=["smiling", "hat"])
    app = healthy(app.multiselect(key="guidance.attributes").set_value(["smiling", "hat", "not smiling"]).run())
    assert app.multiselect(key="guidance.attributes").value == ["not smiling", "hat"]
    task = finished(press(app, "Generate")).session_state[DONE].request
    assert task.condition.words == "not smiling, hat" and task.labels[0] == [-1, 0, 0, 1]


def test_without_a_condition_or_a_scale_the_page_asks_for_one():
    app = opened(model="Small faces")
    assert app.multiselect(key="guidance.attributes").value == ["eyeglasses"]
    healthy(app.multiselect(key="guidance.attributes").set_value([]).run())
    assert "at least one attribute" in app.info[0].value
    app = opened()
    healthy(app.multiselect(key="guidance.guidance_scales").set_value([]).run())
    assert "at least one guidance scale" in app.info[0].value


def test_a_link_with_nonsense_in_it_opens_all_the_same():
    app = opened(
        view="away",
        model="../../etc/passwd",
        class_name="weed",
        guidance_scales=["x", "99"],
        seed="-1",
        images="7",
        interval=["9", "x"],
        steps="x",
    )
    assert app.segmented_control(key="guidance.view").value == SWEEP and sheet(app)
    assert opened(model="Small faces", attributes=["nice"]).multiselect(key="guidance.attributes").value in (
        ["eyeglasses"],
        [],
    )


def test_cancel_brings_the_example_back(monkeypatch):
    walk = Sweep.walk

    def slowly(self, *things):
        for state in walk(self, *things):
            time.sleep(0.3)
            yield state

    monkeypatch.setattr(Sweep, "walk", slowly)
    app = press(opened(), "Generate")
    job = app.session_state[f"guidance.job:{Sweep.key}"]
    press(app, "Cancel")
    assert (
        job.cancelled
        and DONE not in app.session_state
        and any("An example" in caption.value for caption in app.caption)
    )


def test_the_table_fills_up_column_by_column_and_names_what_is_recognised():
    task, done = recorded.load_sweep("flowers_attention")
    predictions = torch.zeros(6, 3, 64, 64, dtype=torch.uint8)
    page = sweep_view.table(
        replace(task, condition=ConditionChoice((("<b>", 1),))), {0.0: done[0.0], 1.0: done[1.0]}, 2.0, predictions
    ).split("</style>")[1]
    assert (
        page.count("<img ") == 18
        and page.count("unfinished") == 6
        and page.count('class="empty"') == 18
        and "<b> at" not in page
    )
    assert page.count(", recognised") == 2 * sum(
        done[0.0].recognised + done[1.0].recognised
    )  # in the text for those who cannot see, and under the mouse
    assert [len(series["y"]) for series in map(vars, sweep_view.charts(task, {0.0: done[0.0]})[0].series)] == [1, 2]


def test_without_experts_the_page_says_so_in_one_sentence_and_the_rest_works(monkeypatch):
    monkeypatch.setattr(guidance, "EXPERTS", "nowhere")
    app = opened(view=EXPERTS)
    assert len(app.info) == 1 and "diffusion-edu train flowers_experts" in app.info[0].value
    finished(app.segmented_control(key="guidance.view").set_value(VECTORS).run())
    assert animation(app)["tracks"]


def test_without_classifiers_the_sweep_is_sampled_and_fidelity_is_not_measured(monkeypatch):
    monkeypatch.setitem(sweep_results.CLASSIFIERS, "flowers", ("nobody", "nobody"))
    app = finished(press(opened(), "Generate"))
    assert (
        "recognised" not in sheet(app).split("</style>")[1]
        and len(charts(app)) == 1
        and len(charts(app)[0]["series"]) == 1
    )
    assert any("fidelity is not measured" in caption.value for caption in app.caption)
    exec(app.code[0].value, {"print": lambda *words: None})


def test_altered_weights_get_one_sentence(tmp_path):
    with (tmp_path / "small_flowers.safetensors").open("r+b") as file:
        file.seek(5_000)
        file.write(b"altered")
    for view in (SWEEP, VECTORS):
        app = opened(view=view)
        assert "small_flowers.safetensors" in app.error[0].value
        healthy(app.run())


def test_without_any_model_the_page_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr("diffusion_edu.checkpoints.PRETRAINED", tmp_path / "none")
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path / "none")
    assert "No model is installed" in opened().error[0].value
