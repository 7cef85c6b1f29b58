"""The book is built without network and without running a notebook, and every link in it leads somewhere."""

import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

pytest.importorskip("myst_nb", reason="the extra 'book' is not installed")

from conftest import CHROMIUM  # noqa: E402

from diffusion_edu.checkpoints import PRETRAINED, read_cards  # noqa: E402
from docs.book import assemble, cards, docstrings, mathml, reference  # noqa: E402
from docs.book.__main__ import build, main  # noqa: E402
from docs.book.links import problems  # noqa: E402

ROOT = Path(__file__).parents[2]
LESSONS = sorted(path.stem for path in ROOT.glob("lessons/[0-9][0-9]_*.ipynb"))


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The book with two pages of the reference, which is most of the work."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "html").mkdir()
    (folder / "html" / "old.html").write_text('<a href="dead.html">left from before</a>', encoding="utf-8")
    assert build(folder, ["core", "samplers"]) == []
    return folder / "html"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_book_is_built_without_a_warning_and_its_links_hold(tmp_path, capsys):
    assert main(["--out", str(tmp_path)]) == 0, capsys.readouterr().err
    assert {path.stem for path in (tmp_path / "html/reference").glob("*.html")} >= set(reference.rooms())


def test_the_book_holds_lessons_glossary_bugs_cards_results_and_pages_for_teachers(book):
    names = {path.relative_to(book).with_suffix("").as_posix() for path in book.rglob("*.html")}
    assert names >= {f"lessons/{name}" for name in LESSONS} | {"lessons/README", "docs/museum", "index"}
    assert names >= {path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.glob("docs/*.md")}
    assert names >= {path.relative_to(ROOT).with_suffix("").as_posix() for path in ROOT.glob("docs/teaching/*.md")}
    assert names >= {f"cards/{name}" for name in read_cards([PRETRAINED])[0]}


def test_every_page_is_in_the_contents(book):
    contents = (book / "index.html").read_text(encoding="utf-8")
    assert all(f'href="lessons/{name}.html"' in contents for name in LESSONS)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_shows_its_stored_outputs_and_its_formulas(name, book):
    page = (book / f"lessons/{name}.html").read_text(encoding="utf-8")
    cells = json.loads((ROOT / f"lessons/{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    stored = [output for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    words = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    shown = BeautifulSoup(page, "html.parser").find_all("img", src=re.compile("^data:image/png"))
    assert [image["alt"] for image in shown] == [output["metadata"]["image/png"]["alt"] for output in stored]
    assert "<math" in page or "$" not in words
    assert "$$" not in page


def test_the_reference_shows_docstrings_and_plain_type_hints(book):
    page = re.sub(r"<[^>]+>", "", (book / "reference/samplers.html").read_text(encoding="utf-8"))
    assert "randn: Callable[[Tensor], Tensor] = torch.randn_like" in page and "Ho et al. 2020" in page
    assert "Annotated" not in page and "lambda" not in page and "Bases: object" not in page


def test_the_reference_gives_no_answers_away():
    names = {name for name, _ in reference.modules("lessons")}
    assert "diffusion_edu.lessons.course" in names and not any("lesson_" in name for name in names)
    assert "diffusion_edu.museum" not in {name for room in reference.rooms() for name, _ in reference.modules(room)}


def test_the_look_is_light_or_dark_as_the_reader_chooses(book):
    page = (book / "index.html").read_text(encoding="utf-8")
    assert 'class="theme-toggle' in page and "prefers-color-scheme" in (book / "_static/styles/furo.css").read_text()


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_book_without_network_in_the_look_of_the_system(scheme, book, browser):
    page = browser.new_page(color_scheme=scheme)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    for name in ("index", f"lessons/{LESSONS[1]}", "docs/glossary"):
        page.goto((book / f"{name}.html").as_uri())
        ink, paper = (
            sum(map(int, re.findall(r"\d+", page.evaluate(f"getComputedStyle(document.body).{what}"))[:3]))
            for what in ("color", "backgroundColor")
        )
        assert (ink < paper) == (scheme == "light") and abs(ink - paper) > 300
    page.close()
    assert said == [] and [url for url in asked if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('<a href="other.html">x</a>', "one.html links to other.html: there is no such file."),
        ('<a href="#nowhere">x</a>', "one.html links to #nowhere: the page has no such anchor."),
        ('<a href="two.html#nowhere">x</a>', "one.html links to two.html#nowhere: the page has no such anchor."),
        ('<img src="none.png">', "one.html links to none.png: there is no such file."),
        (
            '<script src="https://cdn.example/x.js"></script>',
            "one.html needs the network for https://cdn.example/x.js.",
        ),
        ('<link rel="stylesheet" href="//cdn.example/x.css">', "one.html needs the network for //cdn.example/x.css."),
        ('<a href="two.html#some%C3%A9">x</a> <a href="#here" id="here">y</a> <a href="https://a.example">z</a>', None),
    ],
)
def test_a_dead_link_is_found(body, sentence, tmp_path):
    (tmp_path / "one.html").write_text(body, encoding="utf-8")
    (tmp_path / "two.html").write_text('<p id="someé">', encoding="utf-8")
    assert problems(tmp_path) == ([sentence] if sentence else [])


def test_an_empty_folder_is_no_book(tmp_path):
    assert problems(tmp_path) == [f"There are no pages in {tmp_path}."]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("see [the glossary](glossary.md#the-process)", "see [the glossary](glossary.md#the-process)"),
        ("see [`core.py`](../diffusion_edu/core.py) first", "see `core.py` first"),
        ("[the page](https://a.example) and [here](#top)", "[the page](https://a.example) and [here](#top)"),
        ("`[no](link.md)` and\n```\n[none](at.md)\n```\n", "`[no](link.md)` and\n```\n[none](at.md)\n```\n"),
        ("[![flowers](../pretrained/faces.png)](../README.md)", "![flowers](../pretrained/faces.png)"),
    ],
)
def test_links_that_lead_out_of_the_book_become_words(written, expected, tmp_path):
    known = {ROOT / "docs" / "glossary.md"}
    assert assemble.linked(written, ROOT / "docs" / "models.md", known, tmp_path) == expected
    assert (tmp_path / "pretrained" / "faces.png").is_file() == ("![" in written)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.png is shown on a page of the book and is missing"):
        assemble.linked("![x](none.png)", ROOT / "docs" / "models.md", set(), tmp_path)


def test_a_card_becomes_tables(tmp_path):
    card = read_cards([PRETRAINED])[0]["flowers_attention"]
    page = cards.page(card, tmp_path)
    assert "| FD | 1.231 |" in page and "| guidance scale | FD |" in page and "images seen | 628,736" in page
    assert "| command | `python -m diffusion_edu.evaluation flowers_attention --data" in page
    assert "## Its 102 classes" in page and (tmp_path / "pretrained/flowers_attention.png").is_file()


@pytest.mark.parametrize(
    ("latex", "parts"),
    [(r"\sqrt{\bar\alpha_t}\,x_0", ["<msqrt>", "<msub>"]), (r"a &= b \\ c &= d", ["<mtable", "<mtr>"])],
)
def test_formulas_are_drawn_by_the_browser_itself(latex, parts):
    assert all(part in mathml.formula(latex, display=True) for part in [*parts, 'display="block"'])


def test_a_minus_after_a_bracket_is_a_sign():
    assert mathml.formula("[-1, 2 - 1]", display=False).count('form="prefix"') == 1


def test_an_unknown_command_in_a_formula_is_named():
    with pytest.raises(ValueError, match="nonsense is unknown"):
        mathml.formula(r"a \nonsense b", display=False)


def test_docstrings_keep_their_stars_bars_and_underscores():
    assert docstrings.plain("q(x_s | x_t) of `*args` and x_") == r"q(x_s \| x_t) of ``*args`` and x\_"
