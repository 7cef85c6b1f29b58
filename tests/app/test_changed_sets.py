"""A set of images that changed on disk is looked at again, wherever pages compare with one."""

import os

import pytest
from PIL import Image

from diffusion_edu.app.evaluation.dataset_stats import DatasetRequest
from diffusion_edu.app.evaluation.sample_check import SampleRequest
from diffusion_edu.data.places import state_of


def image(path, colour=(9, 90, 200), size=(16, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path):
    for name in ("iris/1.png", "iris/2.png", "rose/deep/1.png", "rose/deep/2.png"):
        image(tmp_path / "set" / name)
    return tmp_path / "set"


def changed_times(folder):
    stamp = (folder / "iris" / "1.png").stat()
    os.utime(folder / "iris" / "1.png", ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))


CHANGES = {
    "an image more": lambda folder: image(folder / "rose" / "deep" / "3.png"),
    "an image less": lambda folder: (folder / "rose" / "deep" / "1.png").unlink(),
    "another image of that name": lambda folder: image(folder / "iris" / "1.png", (0, 0, 0), (9, 9)),
    "another name": lambda folder: (folder / "iris" / "1.png").rename(folder / "iris" / "0.png"),
    "a class more": lambda folder: image(folder / "tulip" / "1.png"),
    "another time": changed_times,
    "a table more": lambda folder: (folder / "metadata.csv").write_text("file_name,label\niris/1.png,a\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_gives_a_request_of_its_own(folder, change):
    def requests():
        return DatasetRequest(str(folder), (1.0, 0.0, 0.0), 0).id, SampleRequest(None, 4, 0, str(folder)).id

    before = requests()
    assert before == requests()
    CHANGES[change](folder)
    assert not set(before) & set(requests())


def test_the_report_is_that_of_the_set_as_it_is_now(folder):
    def report():
        *_, found = DatasetRequest(str(folder), (0.5, 0.5, 0.0), 0).run()
        return found

    assert report().counts == {"iris": 2, "rose": 2}
    image(folder / "rose" / "deep" / "3.png")
    image(folder / "stray.png")
    found = report()
    assert found.counts == {"iris": 2, "rose": 3}
    assert "Left out 1 of 6 images without a label: stray.png." in found.notes


def test_a_file_and_a_broken_link_have_states_too(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"1")
    one = state_of(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes(b"12")
    assert state_of(tmp_path / "a.parquet") != one
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    assert state_of(tmp_path) == state_of(tmp_path)
