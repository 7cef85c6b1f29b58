"""The symptom doctor on screen: its examples, its widgets, its runs, and what it says of a broken folder."""

import pytest
from onscreen import finished, healthy

from diffusion_edu.doctor import LOOKS

AppTest = pytest.importorskip("streamlit.testing.v1").AppTest
complaint = pytest.importorskip("diffusion_edu.app.evaluation.doctor_form")
pytest.importorskip("diffusion_edu.app.evaluation.doctor")  # before any test puts another folder in the place of OWN
PATIENCE = 180


def script():
    from diffusion_edu.app.evaluation import doctor

    doctor.show()


def opened(**link):
    app = AppTest.from_function(script, default_timeout=PATIENCE)
    for name, value in link.items():
        app.query_params[name] = value
    return healthy(app.run())


def names(app):
    """What was diagnosed, in order."""
    return [text.value.split(". ", 1)[1] for text in app.markdown if text.value.startswith("####")]


def test_it_asks_first():
    app = opened()
    assert len(app.info) == 1
    assert names(app) == []
    assert len(app.number_input) == len(complaint.NUMBERS)


EXPECTED = {
    "loss stuck at 1.0": "The network says zero",
    "only noise": "The average of the weights is too slow",
    "black": "float16 has overflowed",
    "glaring": "The prediction is not clipped",
    "grey": "The schedule does not end in noise",
    "grain": "Too much fresh noise for so few sampling_steps",
    "all is well": None,
}


def test_every_example_has_its_diagnosis_and_leaves_nothing_to_the_next():
    assert set(EXPECTED) == set(complaint.EXAMPLES)
    app = opened()
    for example, name in [*EXPECTED.items(), *reversed(EXPECTED.items())]:
        healthy(app.button(key=f"try:{example}").click().run())
        assert names(app)[:1] == ([name] if name else [])
        assert len(app.success) == (name is None)


def test_the_code_that_is_shown_gives_the_diagnosis_that_is_shown():
    app = opened()
    for example, name in EXPECTED.items():
        app.button(key=f"try:{example}").click().run()
        said = []
        exec(app.code[0].value, {"print": lambda *words, said=said, **_: said.append(words[0])})
        assert said == names(app)
        assert said[:1] == ([name] if name else [])


@pytest.mark.parametrize("name", complaint.NUMBERS)
def test_every_number_may_be_given_and_taken_back(name):
    _, _, low, high = complaint.NUMBERS[name]
    app = opened()
    for value in (low if low is not None else -5.0, high if high is not None else 7, None):
        healthy(app.number_input(key=complaint.key(name)).set_value(value).run())
    assert len(app.info) == 1  # nothing is known any more


@pytest.mark.parametrize("name", complaint.CHOICES)
def test_every_choice_may_be_made(name):
    app = opened()
    values = list(complaint.CHOICES[name][1])
    for value in values[1:2] + values[-1:]:
        healthy(app.selectbox(key=complaint.key(name)).set_value(value).run())
        assert not app.info


@pytest.mark.parametrize("look", [look for look in LOOKS if look not in ("nothing", "fine")])
def test_every_look_alone_leads_somewhere(look):
    assert names(opened(doctor_look=LOOKS[look]))


def test_a_link_opens_what_was_told():
    app = opened(
        doctor_last_loss="0.8", doctor_first_loss="0.8", doctor_class_name="eps", doctor_distance=complaint.READ["l1"]
    )
    assert names(app) == ["The network says zero"]
    assert any("0.798" in text.value for text in app.markdown)


def test_a_shipped_model_is_read_examined_and_healthy():
    app = opened(doctor_source="A run or a model", doctor_run="flowers_simple")
    assert len(app.success) == 1
    assert any("| Steps | 19,648 |" in text.value for text in app.markdown)
    finished(app.button(key="examine").click().run())
    assert not app.error, app.error[0].value
    findings = app.session_state.doctor_examined[1]
    assert findings.fits == "v"
    assert findings.label_gain > 0
    assert findings.sampled.neighbours > 0.9
    assert len(app.success) == 1
    names = {"print": print}
    exec(app.code[0].value, names)
    assert names["findings"] == findings
    assert any("| Answers are most like | v |" in text.value for text in app.markdown)


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    return folder


def test_a_training_under_way_is_read(own):
    (own / "log.csv").write_text(
        "images,seconds,loss,validation_loss,lr\n"
        + "".join(f"{k},{k},{1 / k},{0.5 + k / 10},0.001\n" for k in range(1, 30))
    )
    app = opened(doctor_source="A run or a model", doctor_run="mine")
    assert names(app) == ["It overfits"]


@pytest.mark.parametrize(
    ("file", "content"), [("log.csv", "nonsense"), ("log.csv", ""), ("run.safetensors", "nonsense")]
)
def test_a_broken_folder_gets_one_sentence(own, file, content):
    (own / "log.csv").write_text("images,seconds,loss,validation_loss,lr\n1,1,1,1,1\n")
    (own / file).write_text(content)
    app = opened(doctor_source="A run or a model", doctor_run="mine")
    assert len(app.error) == 1
    assert "\n" not in app.error[0].value
    assert not names(app)


def test_a_broken_card_gets_one_sentence(own):
    (own / "mine.json").write_text("{")
    (own / "mine.safetensors").write_text("")
    app = opened(doctor_source="A run or a model", doctor_run="mine")
    assert len(app.error) == 1
    assert not names(app)
