"""The symptom doctor on screen: its examples, its widgets, its runs, and what it says of a broken folder."""

import pytest
from onscreen import finished, healthy

from diffusion_edu.app.jobs.task import done_key
from diffusion_edu.doctor import APPEARANCES

AppTest = pytest.importorskip("streamlit.testing.v1").AppTest
doctor_form = pytest.importorskip("diffusion_edu.app.evaluation.doctor_form")
pytest.importorskip("diffusion_edu.app.evaluation.doctor")  # before any test puts another folder in the place of OWN
SECONDS = 180
RUN = "A run or a model"


def script():
    from diffusion_edu.app.evaluation import doctor

    doctor.show()


def opened(**link):
    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.session_state["page"] = "evaluate"  # as the page itself does
    for name, value in link.items():
        app.query_params[f"evaluate.{name}"] = value
    return healthy(app.run())


def names(app):
    """The names of the diagnoses, in order."""
    return [text.value.split(". ", 1)[1] for text in app.markdown if text.value.startswith("####")]


def test_it_asks_first():
    app = opened()
    assert len(app.info) == 1
    assert names(app) == []
    assert len(app.number_input) == len(doctor_form.NUMBERS)


EXPECTED = {
    "loss stuck at 1.0": "The network outputs zero",
    "only noise": "The EMA of the weights is too slow",
    "black": "float16 has overflowed",
    "glaring": "The prediction is not clipped",
    "grey": "The schedule does not end in noise",
    "grain": "The large variance adds too much noise in few sampling steps",
    "all is well": None,
}


def test_every_example_has_its_diagnosis_and_leaves_nothing_to_the_next():
    assert set(EXPECTED) == set(doctor_form.EXAMPLES)
    app = opened()
    for example, name in [*EXPECTED.items(), *reversed(EXPECTED.items())]:
        healthy(app.button(key=f"evaluate.try:{example}").click().run())
        assert names(app)[:1] == ([name] if name else [])
        assert len(app.success) == (name is None)


def test_the_code_that_is_shown_gives_the_diagnosis_that_is_shown():
    app = opened()
    for example, name in EXPECTED.items():
        app.button(key=f"evaluate.try:{example}").click().run()
        printed = []
        exec(app.code[0].value, {"print": lambda *words, printed=printed, **_: printed.append(words[0])})
        assert printed == names(app)
        assert printed[:1] == ([name] if name else [])


@pytest.mark.parametrize("name", doctor_form.NUMBERS)
def test_every_number_may_be_given_and_taken_back(name):
    _, _, low, high = doctor_form.NUMBERS[name]
    app = opened()
    for value in (low if low is not None else -5.0, high if high is not None else 7, None):
        healthy(app.number_input(key=f"evaluate.{doctor_form.key(name)}").set_value(value).run())
    assert len(app.info) == 1  # nothing is known any more


@pytest.mark.parametrize("name", doctor_form.CHOICES)
def test_every_choice_may_be_made(name):
    app = opened()
    values = list(doctor_form.CHOICES[name][1])
    for value in values[1:2] + values[-1:]:
        healthy(app.selectbox(key=f"evaluate.{doctor_form.key(name)}").set_value(value).run())
        assert not app.info


@pytest.mark.parametrize("appearance", [name for name in APPEARANCES if name not in ("nothing", "fine")])
def test_every_appearance_alone_leads_to_a_diagnosis(appearance):
    assert names(opened(doctor_appearance=APPEARANCES[appearance]))


def test_a_link_opens_with_the_stated_facts():
    facts = {"last_loss": "0.8", "first_loss": "0.8", "prediction_type": "eps", "distance": doctor_form.LABELS["l1"]}
    app = opened(**{doctor_form.key(name): value for name, value in facts.items()})
    assert names(app) == [EXPECTED["loss stuck at 1.0"]]
    assert any("0.798" in text.value for text in app.markdown)


def test_a_shipped_model_is_read_examined_and_healthy():
    app = opened(doctor_source=RUN, doctor_run="flowers_simple")
    assert len(app.success) == 1
    assert any("| Training steps | 19,648 |" in text.value for text in app.markdown)
    finished(app.button(key="evaluate.examine").click().run())
    assert not app.error, app.error[0].value
    findings = app.session_state["evaluate." + done_key("doctor")].result[0]
    assert findings.best_fit == "v"
    assert findings.label_gain > 0
    assert findings.sampled.correlation > 0.9
    assert len(app.success) == 1
    names = {"print": print}
    exec(app.code[0].value, names)
    assert names["findings"] == findings
    assert any("| Prediction type that fits the output best | v |" in text.value for text in app.markdown)


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "mine"
    (folder / "training").mkdir(parents=True)
    return folder


def test_an_unfinished_training_is_read(own):
    (own / "training" / "log.csv").write_text(
        "images,seconds,loss,validation_loss,lr\n"
        + "".join(f"{k},{k},{1 / k},{0.5 + k / 10},0.001\n" for k in range(1, 30))
    )
    app = opened(doctor_source=RUN, doctor_run="mine")
    assert names(app) == ["The network overfits"]


@pytest.mark.parametrize(
    ("file", "content"), [("log.csv", "nonsense"), ("log.csv", ""), ("state.safetensors", "nonsense")]
)
def test_a_broken_folder_gets_one_sentence(own, file, content):
    (own / "training" / "log.csv").write_text("images,seconds,loss,validation_loss,lr\n1,1,1,1,1\n")
    (own / "training" / file).write_text(content)
    app = opened(doctor_source=RUN, doctor_run="mine")
    assert len(app.error) == 1
    assert "\n" not in app.error[0].value
    assert not names(app)


def test_a_broken_card_gets_one_sentence(own):
    (own / "mine.json").write_text("{")
    (own / "mine.safetensors").write_text("")
    app = opened(doctor_source=RUN, doctor_run="mine")
    assert len(app.error) == 1
    assert not names(app)
