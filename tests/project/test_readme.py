"""What README and the pages in docs/ say is so: examples run, links lead somewhere, commands and options exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
TEACHERS = [ROOT / "lessons" / "README.md", *sorted((ROOT / "docs" / "teaching").glob("*.md"))]
LINKED = PAGES | {path: path.read_text(encoding="utf-8") for path in TEACHERS}
EVERYTHING = "\n".join(LINKED.values())
LINKS = sorted(
    {
        (path.relative_to(ROOT).as_posix(), link)
        for path, text in LINKED.items()
        for link in re.findall(r"\]\(([^)]+)\)", text)
    }
)
EXAMPLES = [
    (path.name, code) for path, text in PAGES.items() for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
]


def found(pattern):
    return sorted(set(re.findall(pattern, EVERYTHING)))


@pytest.mark.parametrize("name, code", EXAMPLES, ids=[f"{name} {k}" for k, (name, _) in enumerate(EXAMPLES)])
def test_every_example_runs(name, code, capsys):
    names = {}
    exec(code, names)
    assert capsys.readouterr().out
    if name == "README.md":
        assert names["state"].t == 0 and names["state"].x.shape == (1, 3, 64, 64)


def test_readme_is_short():
    assert len(PAGES[ROOT / "README.md"].splitlines()) <= 150


@pytest.mark.parametrize("page, link", LINKS)
def test_every_image_and_link_is_there(page, link):
    if link.startswith("http"):
        return
    place, _, heading = link.partition("#")
    target = (ROOT / page).parent / place if place else ROOT / page
    assert target.exists()
    if heading:
        titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        assert heading in {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("target", found(r"`make (\w+)"))
def test_every_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("module", found(r"python -m ([\w.]+)"))
def test_every_module_that_is_run_exists(module):
    place = ROOT / module.replace(".", "/")
    assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()


@pytest.mark.parametrize("recipe", found(r"diffusion-edu train (\w+)"))
def test_every_recipe_exists(recipe):
    assert recipe == "NAME" or (ROOT / "diffusion_edu" / "recipes" / f"{recipe}.py").is_file()


@pytest.mark.parametrize("option", found(r"(--[a-z][a-z-]+)"))
def test_every_option_exists(option):
    sources = [
        path.read_text() for path in (*(ROOT / "diffusion_edu").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py"))
    ]
    assert any(f'"{option}"' in source for source in sources if "add_argument" in source)
