"""The bug museum on its page: every exhibit asks, samples with its mistake, and explains it."""

import base64
import io
import math

import numpy as np
import pytest
from helpers import museum_model
from PIL import Image

pytest.importorskip("streamlit.testing.v1")
from onscreen import animation as shown  # noqa: E402
from onscreen import finished, healthy  # noqa: E402
from onscreen import opened as opened_at  # noqa: E402

from diffusion_edu.checkpoints import load, save  # noqa: E402
from diffusion_edu.museum import EXHIBITS  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:The .* schedule with T")
some = pytest.mark.parametrize(
    "exhibit",
    [
        pytest.param(one, id=name, marks=[pytest.mark.slow] if k % 4 else [])
        for k, (name, one) in enumerate(EXHIBITS.items())
    ],
)  # all of them in `make slow`


PAGE = "pages/13_Evaluate_and_debug.py"


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A small model instead of the large one, and two images instead of four."""
    from diffusion_edu.app.common import models
    from diffusion_edu.app.evaluation import bug_museum

    model = museum_model()
    card = save(tmp_path, model.card, model.net)
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    monkeypatch.setattr(models, "cards", lambda *fits: {card.name: card})
    monkeypatch.setattr(bug_museum, "SEEDS", (0, 1))
    return card


def opened(**link):
    return healthy(opened_at(PAGE, **link))


def answer(app, exhibit, number):
    """Press a prediction, and wait until both sides are sampled."""
    return finished(app.button(key=f"evaluate.answer:{exhibit.slug}:{number}").click().run())


def sprite(screen):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(screen["sprite"].split(",")[1]))))


def here(app):
    """The exhibit that the link to the page names."""
    named = app.query_params["evaluate.exhibit"]
    return named if isinstance(named, str) else named[0]


def said(app):
    return " ".join(part.value for part in app.markdown)


@some
def test_on_the_page_every_exhibit_asks_samples_with_its_mistake_and_explains_it(exhibit, small):
    app = opened(exhibit=exhibit.slug)
    assert exhibit.question in said(app) and exhibit.why not in said(app) and not app.get("bidi_component")
    assert here(app) == exhibit.slug
    answer(app, exhibit, exhibit.answer)
    assert "Right." in said(app) and exhibit.why in said(app) and exhibit.source in said(app)
    codes = [code.value for code in app.code]
    assert any("# the mistake" in code for code in codes) and any(
        f"def {exhibit.test.split('::')[1]}(" in code for code in codes
    )
    *_, last = exhibit.build(True).sample(load(small.name), (0, 1))
    sampled = exhibit.build(True).to_bytes(last.x.nan_to_num(nan=-1.0)).permute(2, 0, 3, 1).reshape(64, 128, 3)
    assert np.array_equal(sprite(shown(app)["tracks"][1])[-64:], sampled.numpy())


def test_the_page_counts_right_predictions_goes_on_and_remembers_them(small):
    first, second = list(EXHIBITS.values())[:2]
    app = answer(opened(tab="Bug museum"), first, (first.answer + 1) % 3)
    assert "Not quite." in said(app) and first.options[first.answer] in said(app)
    healthy(next(button for button in app.button if button.label == "Next").click().run())
    assert here(app) == second.slug
    answer(app, second, second.answer)
    assert any("Your answers: 1 of 2 right." in caption.value for caption in app.caption)
    healthy(next(button for button in app.button if button.label == "Previous").click().run())
    assert "Not quite." in said(app) and shown(app)["class_names"] == ["0", "37"]


def test_the_code_that_is_shown_samples_what_is_shown(small):
    exhibit = EXHIBITS["33-noised-one-step-too-much"]
    app = answer(opened(exhibit=exhibit.slug), exhibit, 0)
    names = {"print": lambda *words: None}
    exec(next(code.value for code in app.code if "EXHIBITS[" in code.value), names)
    assert np.array_equal(
        sprite(shown(app)["tracks"][1])[-64:], names["images"].permute(2, 0, 3, 1).reshape(64, 128, 3).numpy()
    )


def test_cancelled_sampling_can_be_started_again(small):
    exhibit = EXHIBITS["16-one-step-beta-in-long-steps"]
    app = opened(exhibit=exhibit.slug)
    healthy(app.button(key=f"evaluate.answer:{exhibit.slug}:0").click().run())
    job = app.session_state["evaluate.job:museum"]
    healthy(app.button(key="evaluate.cancel:museum").click().run())
    assert job.cancelled and not app.get("bidi_component")
    healthy(next(button for button in app.button if button.label.startswith("Generate")).click().run())
    assert "evaluate.job:museum" in app.session_state
    healthy(next(button for button in app.button if button.label == "Next").click().run())
    assert "evaluate.job:museum" not in app.session_state  # another exhibit is shown now


def test_a_link_with_nonsense_in_it_opens_the_first_exhibit(small):
    assert here(opened(exhibit="../../etc/passwd")) == next(iter(EXHIBITS))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (math.nan, "NaN"),
        (1.63299e16, "1.6 × 10¹⁶"),
        (20291.2, "20,291"),
        (-2.0, "−2"),
        (0.00503778, "0.00504"),
        (6e-8, "0"),
    ],
)
def test_numbers_are_written_as_a_person_would(number, words):
    from diffusion_edu.app.evaluation.bug_museum import format_exact

    assert format_exact(number) == words
