"""Files on the computer that runs the app: named only below open folders, and typed, never by a link."""

import os

import pytest
from onscreen import finished, healthy, opened

from diffusion_edu.app.common.server_folders import CLOSED, FOLDERS, inside

PAGE = "pages/13_Evaluate_and_debug.py"
OWN_SET = {"tab": "Dataset", "dataset": "your own images"}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two open folders, one and two, beside a closed one; with files, links out of them, a pipe."""
    for name in ("one", "two", "closed"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / f"{name}.png").write_bytes(b"x")
    (tmp_path / "one" / "out").symlink_to(tmp_path / "closed")
    (tmp_path / "one" / "across").symlink_to(tmp_path / "two")
    (tmp_path / "one" / "Größe *").mkdir()
    os.mkfifo(tmp_path / "one" / "pipe")
    monkeypatch.setenv(FOLDERS, f"{tmp_path / 'one'}\n{tmp_path / 'two'}")
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("{}/one", "one"),
        ("{}/one/sub/", "one/sub"),
        (' "{}/one/one.png" ', "one/one.png"),
        ("sub", "one/sub"),
        ("two.png", "two/two.png"),
        (".", "one"),
        ("sub/../one.png", "one/one.png"),
        ("across/two.png", "one/across/two.png"),
        ("Größe *", "one/Größe *"),
    ],
)
def test_what_lies_in_an_open_folder_is_found(folders, typed, found):
    assert inside(typed.format(folders)) == folders / found


@pytest.mark.parametrize(
    "typed",
    [
        "/", "/etc/passwd", "/dev/zero", "/proc/self/environ", "{}/closed", "{}", "..", "../closed",
        "sub/../../closed/closed.png",
        "out", "out/closed.png", "pipe", "nowhere", "**/*", "*.png", "~", "~nobody/x", "~root", "a\0b", "\0", "\ud800",
        "x" * 300, "日" * 100, "x/" * 2000, "hf:owner/name", "file:///etc", "http://localhost", "C:\\Windows",
        "one.png/x",
    ],
)  # fmt: skip
def test_nothing_else_is_found_nor_said_to_be_there(folders, typed):
    with pytest.raises(
        ValueError, match="There is no file or folder .* below .*one or .*two: check the path"
    ) as problem:
        inside(typed.format(folders))
    assert len(str(problem.value)) < 800


def test_without_open_folders_nothing_is_asked(monkeypatch):
    monkeypatch.delenv(FOLDERS, raising=False)
    app = healthy(opened(PAGE, **OWN_SET))
    assert any(CLOSED in info.value for info in app.info)
    assert not [box for box in app.text_input if box.label == "Path"]


def test_a_link_names_no_path(folders):
    app = finished(opened(PAGE, **OWN_SET, dataset_path=str(folders / "one")))
    assert app.text_input(key="evaluate.dataset_path").value == ""
    assert any("Type the path" in info.value for info in app.info)
