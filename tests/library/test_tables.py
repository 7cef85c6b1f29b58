"""Tables of images, read by the `datasets` library from files of the tests; a folder stands in for the hub."""

import sys

import pytest
from PIL import Image

from diffusion_edu.data.images import ImageSet, load_images, save_images
from diffusion_edu.data.sources import listed
from diffusion_edu.data.tables import read_table

BLUE, RED = (0, 0, 255), (255, 0, 0)


def image(path, colour=RED):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A data set `owner/name` with two splits and two classes: `datasets` reads it as it would read one of its hub."""
    for split in ("train", "test"):
        for name, colour in (("iris", BLUE), ("rose", RED)):
            image(tmp_path / "owner" / "name" / split / name / "1.png", colour)
    monkeypatch.chdir(tmp_path)
    return "hf:owner/name"


def test_a_data_set_of_the_hub_has_its_splits_and_class_names(hub):
    dataset = load_images(hub, size=8)
    assert (dataset.classes, dataset.source) == (("iris", "rose"), "owner/name")
    assert (dataset.labels.tolist(), dataset.split.tolist()) == ([0, 1, 0, 1], [0, 0, 2, 2])
    assert dataset.images[:, 0, 0, 0].tolist() == [0, 255, 0, 255]


def test_one_split_can_be_chosen(hub):
    found = listed(f"{hub}:test")
    assert (len(found.rows), found.classes) == (2, ["iris", "rose"])


@pytest.mark.parametrize("source", ["hf:owner/other", "hf:owner/name:summer", "hf:"])
def test_what_the_hub_does_not_have_is_refused_in_one_sentence(hub, monkeypatch, source):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="could not be read") as problem:
        read_table(source)
    assert "check its name" in str(problem.value)


def test_a_folder_with_splits_is_read_with_them(tmp_path):
    for split in ("train", "validation"):
        for name in ("iris", "rose"):
            image(tmp_path / split / name / "1.png")
    dataset = load_images(tmp_path, size=8)
    assert (dataset.classes, dataset.split.tolist()) == (("iris", "rose"), [0, 0, 1, 1])


def test_hidden_folders_are_passed_over(tmp_path):
    for name in ("iris", "rose", ".ipynb_checkpoints"):
        image(tmp_path / name / "1.png")
    assert load_images(tmp_path, size=8).classes == ("iris", "rose")


@pytest.mark.parametrize("names", [(), ("notes.txt",), ("notes.txt", "more/readme.md")])
def test_a_folder_without_images_is_refused_in_one_sentence(tmp_path, names):
    folder = tmp_path / "garden"
    folder.mkdir()
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("no image")
    with pytest.raises(ValueError) as problem:
        read_table(folder)
    there = f", and found {', '.join(sorted(names))}" if names else ""
    words = "'garden' holds no image that can be read; expected files such as flower.jpg or flower.png"
    assert str(problem.value) == f"{words}{there}."


def test_text_labels_are_class_names(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    files = pytest.importorskip("pyarrow.parquet")
    image(tmp_path / "a.png")
    data = [{"bytes": (tmp_path / "a.png").read_bytes(), "path": None}] * 3
    files.write_table(pyarrow.table({"image": data, "label": ["rose", "iris", "rose"]}), tmp_path / "t.parquet")
    dataset = load_images(tmp_path / "t.parquet", size=8)
    assert (dataset.classes, dataset.labels.tolist()) == (("iris", "rose"), [1, 0, 1])


def test_a_parquet_file_is_read_alike_without_the_library(tmp_path, monkeypatch):
    import torch

    images = torch.randint(0, 255, (4, 3, 8, 8), dtype=torch.uint8)
    save_images(tmp_path / "s.parquet", ImageSet(images, torch.tensor([1, 0, 1, 1]), ("iris", "rose")))
    read = load_images(tmp_path / "s.parquet", size=8)
    monkeypatch.setitem(sys.modules, "datasets", None)
    plain = load_images(tmp_path / "s.parquet", size=8)
    assert torch.equal(read.images, plain.images) and torch.equal(read.labels, plain.labels)
    assert read.classes == plain.classes == ("iris", "rose")


def test_without_the_library_folders_are_read_and_the_hub_says_what_to_install(tmp_path, monkeypatch):
    image(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert len(read_table(tmp_path).files) == 1
    with pytest.raises(ValueError, match="pip install datasets"):
        read_table("hf:owner/name")
