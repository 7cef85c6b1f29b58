"""Every link of a lesson to the explorer opens a page that takes all its settings as they are written."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

pytest.importorskip("streamlit")

from onscreen import healthy, name_of, opened  # noqa: E402

from diffusion_edu.app.common.layout import PAGES  # noqa: E402
from diffusion_edu.lessons import build  # noqa: E402

FILES = {re.sub(r"^\d+_|\.py$", "", path.split("/")[-1]): path for path in PAGES}  # by the address of the page
LINKS = [
    (source.name[:2], link)
    for source in build.sources()
    for link in dict.fromkeys(re.findall(r"\]\(app:([^)\s]*)\)", source.read_text(encoding="utf-8")))
]


def test_every_lesson_links_to_the_explorer():
    assert {lesson for lesson, _ in LINKS} == {source.name[:2] for source in build.sources()}


@pytest.mark.parametrize(("lesson", "link"), LINKS)
def test_a_link_to_the_explorer_shows_what_it_says(lesson, link):
    page, settings = FILES[urlsplit(link).path], parse_qsl(urlsplit(link).query, keep_blank_values=True)
    given = {}
    for name, value in settings:
        assert name.startswith(f"{name_of(page)}."), name
        given.setdefault(name.split(".", 1)[1], []).append(value)
    app = healthy(opened(page, **{name: values if len(values) > 1 else values[0] for name, values in given.items()}))
    for name, values in given.items():
        key = f"{name_of(page)}.{name}"
        assert key in app.session_state, f"the page has no setting {key}"
        kept = app.query_params[key]
        assert (kept if isinstance(kept, list) else [kept]) == values, f"{key} became {kept}"
