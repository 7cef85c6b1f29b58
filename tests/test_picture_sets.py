"""Sets of pictures: folders, parquet files and the public one, with everything that can be wrong with them."""

import io
import json
import sys
import types
import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from diffusion_edu.data.images import load_pictures

RED = (255, 0, 0)


def encoded(picture, form="PNG", **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def plain(tint=RED, size=(16, 16)):
    return Image.new("RGB", size, tint)


def loaded(source, **options):
    """The pictures of a source, and the sentences that were told on the way."""
    told = []
    return load_pictures(source, size=8, tell=told.append, **options), told


def test_a_bomb_and_every_broken_file_are_left_out_with_a_sentence_each(tmp_path):
    plain().save(tmp_path / "a.png")
    (tmp_path / "bomb.png").write_bytes(encoded(Image.new("1", (20_000, 20_000))))
    (tmp_path / "large.png").write_bytes(encoded(Image.new("1", (8_000, 8_000))))
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.gif").write_bytes(b"")
    (tmp_path / "half.png").write_bytes(encoded(Image.effect_noise((64, 64), 50))[:500])
    (tmp_path / "half.jpeg").write_bytes(encoded(plain(size=(64, 64)), "JPEG")[:-200])
    (tmp_path / "readme.txt").write_text("no picture, and not meant to be one")
    (tmp_path / "folder.png").mkdir()
    with warnings.catch_warnings(action="ignore"):  # Pillow warns of the larger ones as well
        pictures, told = loaded(tmp_path)
    assert len(pictures) == 1
    assert [sentence.split(":")[0] for sentence in told] == [
        f"Left out {name}" for name in ("bomb.png", "empty.gif", "half.jpeg", "half.png", "large.png", "text.jpg")
    ]
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in told)


def test_unusual_pictures_are_used_and_told_one_sentence_a_kind(tmp_path):
    for k in range(3):
        Image.new("L", (16, 16), 200).save(tmp_path / f"grey{k}.png")
    Image.new("RGBA", (16, 16), (255, 0, 0, 0)).save(tmp_path / "transparent.png")
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg", quality=100)
    Image.new("I;16", (16, 16), 32768).save(tmp_path / "deep.png")
    plain().save(tmp_path / "moving.gif", save_all=True, append_images=[plain((0, 0, 255))])
    plain().save(tmp_path / "usual.png")
    pictures, told = loaded(tmp_path)
    assert len(pictures) == 8
    for sentence in (
        "4 of 8 pictures: grayscale",
        "1 of 8 pictures: transparent",
        "1 of 8 pictures: CMYK",
        "1 of 8 pictures: 16 bits",
        "1 of 8 pictures: animated",
    ):
        assert sum(line.startswith(sentence) for line in told) == 1
    assert len(told) == 5
    colours = dict(zip(sorted(f.name for f in tmp_path.iterdir()), pictures.images[:, :, 4, 4].tolist(), strict=True))
    assert colours["transparent.png"] == [255, 255, 255]
    assert colours["deep.png"] == [128, 128, 128]
    assert colours["grey0.png"] == [200, 200, 200]
    assert all(abs(a - b) < 8 for a, b in zip(colours["cmyk.jpg"], RED, strict=True))
    assert all(abs(a - b) < 8 for a, b in zip(colours["moving.gif"], RED, strict=True))


def test_the_official_split_comes_along_and_is_chosen_with_the_pictures(tmp_path):
    rows = [{"bytes": encoded(plain())}] * 3
    path = parquet(tmp_path / "f.parquet", {"image": rows, "label": [0, 1, 1], "split": ["train", "validation", "test"]})
    pictures, _ = loaded(path)
    assert pictures.split.tolist() == [0, 1, 2]
    assert pictures.take(pictures.split == 1).labels.tolist() == [1]
    assert loaded(parquet(tmp_path / "g.parquet", {"image": rows, "label": [0, 1, 1]}))[0].split is None


def test_a_saved_set_is_read_as_it_was(tmp_path):
    from diffusion_edu.data.images import Pictures, save_pictures

    images = torch.randint(0, 256, (5, 3, 1, 1), dtype=torch.uint8).expand(5, 3, 8, 8)
    save_pictures(tmp_path / "s.parquet", Pictures(images, torch.tensor([2, 0, 1, 0, 2]), ("a", "b", "c")))
    again, told = loaded(tmp_path / "s.parquet")
    assert (again.labels.tolist(), again.classes, told) == ([2, 0, 1, 0, 2], ("a", "b", "c"), [])
    assert (again.images.int() - images.int()).abs().max() <= 3


def test_sub_folders_are_classes(tmp_path):
    for name, tint in {"rose": RED, "iris": (0, 0, 255)}.items():
        (tmp_path / name / "deeper").mkdir(parents=True)
        plain(tint).save(tmp_path / name / "deeper" / "1.PNG")
        plain(tint).save(tmp_path / name / "2.png")
    pictures, told = loaded(tmp_path)
    assert (pictures.classes, pictures.labels.tolist(), told) == (("iris", "rose"), [0, 0, 1, 1], [])
    assert pictures.images.dtype == torch.uint8
    assert pictures.images[0, :, 0, 0].tolist() == [0, 0, 255]
    assert pictures.images[3, :, 0, 0].tolist() == [*RED]
    assert pictures.take(torch.tensor([3])).labels.tolist() == [1]


@pytest.mark.parametrize("names", [["a.png", "b.png"], ["only/a.png", "only/b.png"], ["a.png", "one/b.png", "two/c.png"]])
def test_one_folder_or_a_mixture_has_no_classes(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        plain().save(tmp_path / name)
    pictures, _ = loaded(tmp_path)
    assert (len(pictures), pictures.labels, pictures.classes) == (len(names), None, ())


def test_an_empty_folder_and_a_missing_path_are_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match="holds no picture that can be read"):
        loaded(tmp_path)
    with pytest.raises(ValueError, match=r"no file or folder .*nowhere"):
        loaded(tmp_path / "nowhere")


def parquet(path, columns, metadata=None):
    pyarrow, files = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(columns)
    files.write_table(table.replace_schema_metadata({"huggingface": json.dumps(metadata)} if metadata else None), path)
    return path


def test_a_parquet_file_brings_its_class_names(tmp_path):
    rows = [{"bytes": encoded(plain(tint)), "path": None} for tint in (RED, (0, 0, 255), RED)]
    names = {"info": {"features": {"label": {"names": ["rose", "iris", "tulip"], "_type": "ClassLabel"}}}}
    pictures, told = loaded(parquet(tmp_path / "f.parquet", {"image": rows, "label": [0, 1, 0]}, names))
    assert (pictures.classes, pictures.labels.tolist(), told) == (("rose", "iris", "tulip"), [0, 1, 0], [])
    assert pictures.images[:, 2, 0, 0].tolist() == [0, 255, 0]
    assert pictures.source == "f.parquet"


def test_a_parquet_file_may_have_nameless_labels_or_none_and_broken_rows(tmp_path):
    rows = [{"bytes": encoded(plain())}, {"bytes": b"garbage"}, None, {"bytes": None}, {"bytes": encoded(plain())}]
    pictures, told = loaded(parquet(tmp_path / "f.parquet", {"image": rows, "label": [2, 0, 0, 0, 1]}))
    assert (pictures.classes, pictures.labels.tolist()) == (("0", "1", "2"), [2, 1])
    assert [sentence.split(":")[0] for sentence in told] == ["Left out row 1", "Left out row 2", "Left out row 3"]
    pictures, _ = loaded(parquet(tmp_path / "g.parquet", {"image": rows}))
    assert (len(pictures), pictures.labels, pictures.classes) == (2, None, ())


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"picture": [{"bytes": b""}]}, "column 'image'"),
        ({"image": ["a.png"]}, "column 'image' of encoded pictures"),
        ({"image": [{"bytes": b"garbage"}]}, "no picture that can be read"),
        ({"image": [], "label": []}, "no picture that can be read"),
    ],
)
def test_a_parquet_file_without_pictures_is_refused_in_words(tmp_path, columns, sentence):
    with pytest.raises(ValueError, match=sentence):
        loaded(parquet(tmp_path / "f.parquet", columns))


def test_a_file_that_is_no_parquet_is_refused_in_words(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"notes\.txt is not a parquet file"):
        loaded(tmp_path / "notes.txt")


@pytest.fixture
def flowers(tmp_path, monkeypatch):
    """A stand-in for the public data set: 1, 2 and 5 pictures in its three splits, and what was asked of it."""
    asked = []

    class Flowers102:
        def __init__(self, root, split, download):
            asked.append((Path(root), split, download))
            n = {"train": 1, "val": 2, "test": 5}[split]
            self._image_files, self._labels = [tmp_path / f"{split}_{k}.jpg" for k in range(n)], list(range(n))
            for file in self._image_files:
                plain().save(file)

    fake = types.ModuleType("torchvision.datasets")
    fake.Flowers102 = Flowers102
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", fake)
    return fake, asked


def test_all_three_splits_of_the_flowers_are_read(flowers):
    """Pitfall 38: its "train" alone is 1,020 of 8,189."""
    pictures, told = loaded(None)
    assert [(split, download) for _, split, download in flowers[1]] == [("train", True), ("val", True), ("test", True)]
    assert pictures.labels.tolist() == [0, 0, 1, 0, 1, 2, 3, 4]
    assert (len(pictures.classes), pictures.source) == (102, "Oxford Flowers 102")
    assert "350 MB" in told[0]


@pytest.mark.parametrize("problem", [OSError("Network is unreachable"), RuntimeError("File not found or corrupted.")], ids=repr)
def test_without_the_internet_the_flowers_are_refused_in_one_sentence_with_the_way_out(flowers, monkeypatch, problem):
    def offline(*_, **__):
        raise problem

    monkeypatch.setattr(flowers[0], "Flowers102", offline)
    with pytest.raises(ValueError, match="could not be fetched .*--data"):
        loaded(None)


def test_without_torchvision_the_flowers_are_refused_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(ValueError, match="could not be fetched .*--data"):
        loaded(None)
