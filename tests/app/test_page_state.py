"""The settings of every page are its own: walks from page to page, links full of nonsense, and pages that fail."""

import logging
import re
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
from onscreen import HOME, AppTest, healthy, name_of, opened

from diffusion_edu.app.common import controls
from diffusion_edu.app.common.accepted import CONTROLS, Choice, Choices, Interval, Number, Switch, Text
from diffusion_edu.app.common.layout import PAGES
from diffusion_edu.app.common.state import FAILED, callback
from diffusion_edu.app.jobs.worker import Job

NASTY = "*a* _b_ `c` $x$ :smile: <b>d</b> [e](f) | \x00 " + 300 * "很"
NONSENSE = [
    "", "inf", "-inf", "nan", "1e400", "-1e400", "1e-400", "-3", "0", "99999999999999999999", "0.5", "1_000", "١٢",
    "true", "null", "[]", "{}", "\x00", "a\x00b", "../../etc/passwd", "💐", "<script>", "'; drop", 2000 * "x",
    ["1", "1"], ["", ""], ["1", "nan", "x"], 40 * ["2"],
]  # fmt: skip
TABS = {
    "pages/10_Editing.py": ["Image-to-image", "Inpainting", "Sketch-to-image", "Super-resolution"],
    "pages/11_Text_to_image.py": [
        "Generate", "Words", "Prompt interpolation", "Guidance", "Latents", "Nearest training images"
    ],
    "pages/13_Evaluate_and_debug.py": ["Scores", "Samples", "Dataset", "Bug museum", "Symptom doctor"],
}  # fmt: skip
KNOWN = {}  # the parameters of each page and tab
VIEWS = [(page, tab) for page in PAGES for tab in TABS.get(page, [None])]


@pytest.fixture
def shown(monkeypatch):
    """What the controls of the last run accept, {key: accepted}; and no work beside any page begins."""
    found, fit_session = {}, controls._fit_session

    def note(key, known):
        found[key] = known
        fit_session(key, known)

    monkeypatch.setattr(controls, "_fit_session", note)
    monkeypatch.setattr(Job, "start", lambda self: self)
    return found


def extreme(known, high):
    """A value at the end of what a control accepts."""
    match known:
        case Number():
            end = known.high if high else known.low
            return end if end is not None else (10**9 if high else -(10**9))
        case Interval():
            return (known.ends.high, known.ends.high) if high else (known.ends.low, known.ends.low)
        case Choice():
            return known.options[-1 if high else 0]
        case Choices():
            return known.each.options[: known.most] if high else []
        case Switch():
            return high
        case Text():
            return NASTY if high else ""


def tour(pages):
    """Walk over every ordered pair of pages exactly once (an Eulerian tour of the complete directed graph)."""
    left, stack, path = {page: [other for other in pages if other != page] for page in pages}, [pages[0]], []
    while stack:
        if left[stack[-1]]:
            stack.append(left[stack[-1]].pop())
        else:
            path.append(stack.pop())
    return path[::-1]


def walked(path, shown):
    """Visit pages one after the other; after each, set all of its controls to one end."""
    app, visits = AppTest.from_file(Path(__file__).parents[2] / HOME, default_timeout=120), Counter()
    for page in path:
        app = healthy(app.switch_page(page).run())
        name = name_of(page)
        assert all(key.startswith(f"{name}.") for key in shown), shown
        if not visits[page]:  # nothing that was set elsewhere is seen here
            assert {key: app.session_state[key] for key in shown} == {
                key: known.default for key, known in shown.items()
            }
        visits[page] += 1
        for key, known in shown.items():
            app.session_state[key] = extreme(known, high=visits[page] % 2)
        shown.clear()


def test_the_tour_has_every_ordered_pair_once():
    path = tour(list(PAGES))
    assert sorted(zip(path, path[1:], strict=False)) == sorted(permutations(PAGES, 2)) and len(path) == 157


def test_pages_in_the_order_of_the_menu_and_back_keep_their_own_settings(shown):
    walked([*PAGES, *reversed(PAGES)], shown)


@pytest.mark.slow
def test_all_ordered_pairs_of_pages_at_extreme_settings(shown):
    walked(tour(list(PAGES)), shown)


def keys_of(app):
    """The keys of all controls on screen."""
    return [widget.key for name in CONTROLS if name != "tabs" for widget in getattr(app, name)]


def mixed(keys, first):
    """Give each key one piece of nonsense, another one for another `first`."""
    return {key: NONSENSE[(first + number) % len(NONSENSE)] for number, key in enumerate(keys)}


def parameters(page, tab, shown):
    """The names of all settings of a page, as its links have them; every one of its controls has one."""
    if (page, tab) not in KNOWN:
        keys, prefix = keys_of(opened(page, **({"tab": tab} if tab else {}))), f"{name_of(page)}."
        assert all(key and key.startswith(prefix) for key in keys), keys
        KNOWN[page, tab] = [key.removeprefix(prefix) for key in shown]
        shown.clear()
    return KNOWN[page, tab]


def opened_with_nonsense(page, tab, first, shown):
    chosen = {"tab": tab} if tab else {}
    app = healthy(opened(page, **{**mixed([*parameters(page, tab, shown), "unknown"], first), **chosen}))
    for key, known in shown.items():
        assert known.fit(app.session_state[key]) == app.session_state[key], key
    for key in {*shown} & {*app.query_params}:
        texts = app.query_params[key]
        assert shown[key].read(texts if isinstance(texts, list) else [texts]) == app.session_state[key]


@pytest.mark.parametrize("page", PAGES)
def test_a_link_full_of_nonsense_opens_the_page(page, shown):
    opened_with_nonsense(page, TABS.get(page, [None])[0], 3 * list(PAGES).index(page), shown)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(len(NONSENSE)))
def test_every_parameter_takes_every_nonsense(first, shown):
    for page, tab in VIEWS:
        shown.clear()
        opened_with_nonsense(page, tab, first, shown)


def failing():
    raise RuntimeError("a secret of the server")


def test_a_page_that_fails_says_so_in_words_and_can_be_started_afresh(shown, monkeypatch, caplog):
    from diffusion_edu.app.sampling import page

    app = opened("pages/4_Compare.py", images="4")
    app = healthy(app.switch_page("pages/3_Sampling.py").run())
    app.slider(key="sampling.images").set_value(9).run()
    healthy(app.number_input(key="sampling.seed").set_value(5).run())
    with monkeypatch.context() as broken:
        broken.setattr(page, "show_code", lambda *a, **k: failing())
        with caplog.at_level(logging.ERROR, "diffusion_edu.app"):
            app.run()
    assert [error.value for error in app.error] == [FAILED] and not app.exception
    assert "a secret of the server" in caplog.text and "Traceback" in caplog.text
    app = healthy(next(button for button in app.button if "afresh" in button.label).click().run())
    assert app.slider(key="sampling.images").value == 4 and app.number_input(key="sampling.seed").value == 0
    assert not app.error and not [key for key in app.query_params if key.startswith("sampling.")]
    assert healthy(app.switch_page("pages/4_Compare.py").run()).slider(key="compare.images").value == 4


def broken_callback():
    import streamlit as st

    from diffusion_edu.app.common.state import callback, guarded

    with guarded():
        st.button("Try", on_click=callback(lambda: 1 / 0))
        st.markdown("The rest of the page")


def test_a_callback_that_fails_says_so_on_the_page_once(caplog):
    app = AppTest.from_function(broken_callback).run()
    app = app.button[0].click().run()
    assert [error.value for error in app.error] == [FAILED] and not app.exception and "ZeroDivision" in caplog.text
    assert app.markdown[0].value == "The rest of the page"
    assert not healthy(app.run()).error


APP = Path(controls.__file__).parents[1]
CALLBACK = re.compile(r"\bon_(?:\w+_)?(?:click|change)=(\w+)")


@pytest.mark.parametrize("path", [path for path in APP.rglob("*.py") if CALLBACK.search(path.read_text("utf-8"))])
def test_every_callback_is_guarded(path):
    text = path.read_text("utf-8")
    for name in {*CALLBACK.findall(text)} - {callback.__name__, "lambda", "start_afresh"}:
        assert re.search(rf"@callback\n *def {name}\(", text), name


def test_what_the_page_computes_ends_when_it_is_started_afresh(monkeypatch):
    import streamlit as st

    from diffusion_edu.app.common import state

    cancelled = []

    class Work:
        def cancel(self):
            cancelled.append(self)

    work, session = Work(), {"page": "cold", "cold.steps": 3, "guidance.steps": 5}
    monkeypatch.setattr(st, "session_state", session)
    session["cold.job:cold"] = work
    state.start_afresh()
    assert cancelled == [work] and session == {"page": "cold", "guidance.steps": 5, state.AFRESH: True}
