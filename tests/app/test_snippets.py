"""Templates of the code that pages show."""

import pytest

from diffusion_edu.app.common.snippets import snippet


@pytest.fixture
def module(tmp_path):
    folder = tmp_path / "snippets"
    folder.mkdir()
    (folder / "walk.py.txt").write_text(
        "x = noise($seeds)\n    # cost: $$1\nclip($low)\nwalk(x, steps=$steps, name=$name)\n"
    )
    return tmp_path / "page.py"


def test_values_are_filled_in_and_strings_stay_as_they_are(module):
    code = snippet(module, "walk", seeds=[1, 2], low=-1.0, steps=20, name='"DDIM"')
    assert code == 'x = noise([1, 2])\n    # cost: $1\nclip(-1.0)\nwalk(x, steps=20, name="DDIM")\n'


def test_a_line_without_a_value_is_left_out(module):
    assert "clip" not in snippet(module, "walk", seeds=[1], low=None, steps=2, name="name")


def test_a_missing_value_is_an_error(module):
    with pytest.raises(KeyError, match="steps"):
        snippet(module, "walk", seeds=[1], low=None, name="name")
