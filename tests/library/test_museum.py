"""The bug museum: the numbers are right, each named test fails once its mistake is made, and every exhibit samples."""

import inspect
import math
import sys
from pathlib import Path

import pytest
import torch
from helpers import museum_model

from diffusion_edu.app.evaluation.bug_animation import amplified_difference, animation, decoded_images, sample_both
from diffusion_edu.data.images import load_images
from diffusion_edu.generation import Preset, generate
from diffusion_edu.museum import EXHIBITS
from diffusion_edu.museum.chain import Chain, flowers, labels_for
from diffusion_edu.museum.moments import final_moments, optimal_denoiser

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore:The .* schedule with T")
each = pytest.mark.parametrize("exhibit", EXHIBITS.values(), ids=EXHIBITS)

NUMBERS = {  # without the mistake, with it
    "1-betas-for-1000-timesteps-on-50": (0.0027829419, 0.7764995797),
    "3-cosine-without-its-cap": (20291.16961, 1.63299703e16),
    "5-non-zero-terminal-snr": (0.4019360697, 0.1272609776),
    "7-leading-spacing-misses-timestep-t": (0.0050377826, 0.0115815695),
    "8-next-timestep-by-division": (0.0088252409, 0.0473283569),
    "11-walk-that-ends-at-timestep-1": (0.0050377826, 0.0146312692),
    "12-wrong-sigma-for-eta": (0.0049930293, 0.0764857748),
    "14-clipped-too-late": (0, 0.1401670814),
    "15-prediction-in-place-of-noise": (0, 0.6201183178),
    "16-one-step-beta-in-long-steps": (0.0049930293, 0.7428007179),
    "17-noise-on-the-last-step": (0.0194272802, 0.0218499248),
    "19-root-of-a-logarithm": (0.0194272802, math.nan),
    "20-large-variance-in-few-steps": (0.9962103421, 1.7503621875),
    "22-threshold-upside-down": (0.5, 1.0),
    "23-wrong-sign-in-v": (0.0050377826, 14.1918077335),
    "25-guidance-counted-from-zero": (1, 2),
    "25-class-0-in-place-of-the-null-label": (-2, -1),
    "27-ema-without-warm-up": (0, 0.9999**5000),
    "32-known-part-one-step-late": (0, 0.1702476933),
    "33-noised-one-step-too-much": (1, 1.1240385232),
    "34-noises-interpolated-linearly": (1, math.sqrt(0.5)),
    "40-tables-in-bfloat16": (0, 94),
    "44-bytes-that-wrap-around": (255, 0),
}


@each
def test_every_number_is_the_stated_one_and_sees_the_mistake(exhibit):
    right, wrong = exhibit.number(False), exhibit.number(True)
    stated = NUMBERS[exhibit.slug]
    assert right == pytest.approx(stated[0], rel=1e-8, abs=1e-6 if exhibit.pitfall == 27 else 1e-10)
    assert wrong == pytest.approx(stated[1], rel=1e-6 if exhibit.pitfall == 27 else 1e-8, abs=1e-10, nan_ok=True)
    assert not abs(right - wrong) <= 0.05 * max(abs(right), abs(wrong))  # NaN is another number too


def test_the_museum_is_large_and_every_exhibit_is_complete():
    assert len(EXHIBITS) >= 16 and EXHIBITS.keys() == NUMBERS.keys()
    answers = [exhibit.answer for exhibit in EXHIBITS.values()]
    assert min(answers.count(k) for k in range(3)) >= 5  # nobody can prediction by always pressing the same button
    for exhibit in EXHIBITS.values():
        assert len(set(exhibit.options)) == 3 and exhibit.source and exhibit.why.endswith((".", ")"))
        assert inspect.getsource(exhibit.wrong).count("# the mistake") == 1
        assert f"Pitfall {exhibit.pitfall}:" in exhibit.wrong.__doc__


class Caught:
    """A plugin of pytest that notes how tests fail, and what ran."""

    def __init__(self):
        self.ran, self.failed = set(), []

    def pytest_runtest_logreport(self, report):
        if report.when == "call":
            self.ran.add(report.nodeid.split("[")[0])

    def pytest_exception_interact(self, node, call):
        self.failed.append((node.nodeid, call.excinfo.value))


def run(*nodes):
    """Run tests by their node ids, their modules read anew, inside this process."""
    caught = Caught()
    quiet = ["-q", "--no-header", "--no-summary", "-s", "-o", "addopts=", f"--rootdir={ROOT}"]
    without = [
        f"-pno:{name}"
        for name in ("cacheprovider", "faulthandler", "timeout", "logging", "warnings", "randomly", "xdist")
    ]
    pytest.main([*quiet, *without, *(str(ROOT / node) for node in nodes)], plugins=[caught])
    return caught


@pytest.fixture
def anew(monkeypatch):
    """Let test modules be imported anew, and forget them afterwards."""
    before = {name: module for name, module in sys.modules.items() if name.startswith("test_")}
    for name in before:
        del sys.modules[name]
    yield
    for name in [name for name in sys.modules if name.startswith("test_")]:
        del sys.modules[name]
    sys.modules.update(before)


def plant(exhibit, monkeypatch):
    """Put the mistake in place of the right object in all modules of the library and in their dicts of choices."""
    right, wrong = exhibit.exchange
    planted = 0
    for name, module in list(sys.modules.items()):
        if not name.startswith("diffusion_edu.") or name.startswith("diffusion_edu.museum"):
            continue
        for key, value in list(vars(module).items()):
            if value is right:
                monkeypatch.setattr(module, key, wrong)
                planted += 1
            elif isinstance(value, dict) and not key.startswith("__"):
                for choice in [choice for choice, held in value.items() if held is right]:
                    monkeypatch.setitem(value, choice, wrong)
                    planted += 1
    return planted


def test_every_named_test_exists_and_passes_without_a_mistake(anew):
    nodes = {exhibit.test for exhibit in EXHIBITS.values()}
    caught = run(*nodes)
    assert caught.ran == nodes and caught.failed == []


@each
def test_the_named_test_fails_once_the_mistake_is_made(exhibit, anew, monkeypatch, capsys):
    """The wrong function replaces the right one throughout the library, and pytest runs the test."""
    assert plant(exhibit, monkeypatch)
    caught = run(exhibit.test)
    assert caught.ran == {exhibit.test}
    noticed = AssertionError | pytest.fail.Exception | ValueError  # a step that cannot be right is refused in words
    assert caught.failed and all(isinstance(how, noticed) for _, how in caught.failed), caught.failed


@pytest.fixture
def model():
    return museum_model()


def test_a_chain_without_an_exchange_is_what_the_library_draws(model):
    seeds = (3, 5)
    preset = Preset("DDIM", 4, 1.0, "linear")
    for ours, theirs in zip(
        Chain(4).sample(model, seeds), generate(model, preset, seeds, labels_for(model.card, seeds)), strict=True
    ):
        assert ours.t == theirs.t and torch.equal(ours.x, theirs.x)


@each
def test_every_exhibit_draws_both_sides_from_the_same_noise_and_they_part(exhibit, model):
    seeds = (0, 1)
    pairs = [pair for pair in sample_both(exhibit, model, seeds) if pair[1]]
    assert len(pairs) == exhibit.build(False).steps + 1 == exhibit.build(True).steps + 1
    assert pairs[-1][0].t == pairs[-1][1].t == 0
    assert pairs[-1][0].x.isfinite().all()
    right, wrong = decoded_images(exhibit, pairs)
    assert right.dtype == wrong.dtype == torch.uint8 and right.shape == wrong.shape == (len(pairs), 2, 3, 64, 64)
    assert not torch.equal(right[-1], wrong[-1])


def test_the_animation_shows_both_sides_and_how_far_they_are_apart(model):
    exhibit = EXHIBITS["7-leading-spacing-misses-timestep-t"]
    pairs = [pair for pair in sample_both(exhibit, model, (0, 1)) if pair[1]]
    shown = animation(exhibit, pairs, ["a", "b"])
    assert [screen["name"] for screen in shown["tracks"]] == ["right", "wrong", "difference"]
    assert shown["tracks"][0]["says"][0] == "timestep 1000" and shown["tracks"][1]["says"][0] == "timestep 901"


@pytest.mark.parametrize(("far", "times"), [(0, 50), (5, 50), (6, 20), (25, 10), (100, 2), (200, 1)])
def test_a_difference_is_made_as_strong_as_it_can_be_without_being_cut(far, times):
    a = torch.zeros(1, 1, 3, 4, 4, dtype=torch.uint8)
    shown, said = amplified_difference(a, a + far)
    assert said == times and shown.unique().tolist() == [far * times]


def test_the_moments_follow_the_mean_too():
    mean, std = final_moments(lambda x, t, s, randn: (0.5 * x + 1 + 2 * randn(x), x), [2, 1, 0], std=4.0)
    assert mean == pytest.approx(1.5) and std**2 == pytest.approx((16 / 4 + 4) / 4 + 4)
    assert optimal_denoiser(1.0)(torch.ones(1, dtype=torch.float64), 0).item() == 1


def test_real_flowers_are_of_the_class_names_that_are_asked_for():
    known = load_images(ROOT / "pretrained" / "flower_samples.parquet")
    images = flowers((0, 1))
    for image, class_name in zip(images, labels_for(known, (0, 1)), strict=True):
        same = known.images[known.labels == class_name].float() / 127.5 - 1
        assert any(torch.equal(image, other) for other in same)
