"""The fuzzing command itself: it reports what raises, takes long, takes memory or is logged."""

import logging
import time

import pytest
from fuzz import harness
from fuzz.harness import Target, fuzz
from fuzz.targets import TARGETS


def refuse(sentence):
    def run(_):
        raise ValueError(sentence)

    return run


def failures(run, numbers=range(3)):
    target = Target("target", 1.0, lambda random: random.random(), run)
    return [failure for _, failure in fuzz(target, 0, numbers)]


@pytest.mark.parametrize("run", [lambda _: None, refuse("The file cannot be read: choose another.")])
def test_what_works_or_is_refused_in_a_sentence_is_no_failure(run):
    assert failures(run) == [None] * 3


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        (lambda _: 1 / 0, "ZeroDivisionError"),
        (refuse("bad"), "not one clear sentence"),
        (lambda _: time.sleep(0.02), "took 0.0 s"),
        (lambda _: logging.getLogger("diffusion_edu.app").error("Page failed"), "logged: Page failed"),
        (lambda _: bytearray(2_000_000), "MB"),
    ],
)
def test_everything_else_is_a_failure(run, problem, monkeypatch):
    monkeypatch.setattr(harness, "MOST_SECONDS", 0.01 if "took" in problem else 5.0)
    monkeypatch.setattr(harness, "MOST_MEGABYTES", -1 if problem == "MB" else 300)
    if problem == "MB" and not harness.RESET.exists():
        pytest.skip("memory is measured on Linux only")
    assert all(problem in failure.problem for failure in failures(run))


def test_an_input_can_be_made_again_from_its_seed_and_number():
    assert [failure.given for failure in failures(lambda _: 1 / 0, range(2, 3))] == [failures(lambda _: 1 / 0)[2].given]


@pytest.mark.parametrize("target", [each for each in TARGETS if each.name != "links"], ids=lambda target: target.name)
def test_a_few_inputs_of_each_kind_do_no_harm(target):
    assert [failure for _, failure in fuzz(target, 0, range(15)) if failure] == []
