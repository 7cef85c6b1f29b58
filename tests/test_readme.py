"""What README says is so."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_draws(capsys):
    names = {}
    exec(re.search(r"```python\n(.*?)```", README, re.DOTALL)[1], names)
    assert names["state"].t == 0 and names["state"].x.shape == (1, 3, 64, 64)
    assert len(capsys.readouterr().out.splitlines()) == 16


@pytest.mark.parametrize("place", sorted(set(re.findall(r"\]\(([^)]+)\)", README))))
def test_every_image_and_link_is_there(place):
    assert (ROOT / place).is_file()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`?make (\w+)", README))))
def test_every_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m ([\w.]+)", README))))
def test_every_module_that_is_run_exists(module):
    place = ROOT / module.replace(".", "/")
    assert place.with_suffix(".py").is_file() or (place / "__main__.py").is_file()


@pytest.mark.parametrize("option", sorted(set(re.findall(r"(--[a-z]+)", README))))
def test_every_option_exists(option):
    sources = [
        path.read_text() for path in (*(ROOT / "diffusion_edu").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py"))
    ]
    assert any(f'"{option}"' in source for source in sources if "add_argument" in source)
