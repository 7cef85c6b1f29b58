"""Parquet and arrow files with images, as the hub and people make them."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from diffusion_edu.data.captions import load_captioned
from diffusion_edu.data.images import load_images
from diffusion_edu.data.tables import read_table

pyarrow = pytest.importorskip("pyarrow")
files = pytest.importorskip("pyarrow.parquet")
BLUE, RED = (0, 0, 255), (255, 0, 0)


def encoded(colour=RED):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


def shard(path, columns, features=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table(columns)
    described = {"huggingface": json.dumps({"info": {"features": features}})} if features else None
    files.write_table(table.replace_schema_metadata(described), path)
    return path


def colours(source):
    return load_images(source, 8, pytest.fail).images[:, :, 0, 0].tolist()


STRUCT = [{"bytes": encoded(BLUE), "path": "1.png"}, {"bytes": encoded(), "path": None}]
BYTES = [encoded(BLUE), encoded()]
COLUMNS = {
    "as the hub has them": {"image": STRUCT},
    "called img": {"img": STRUCT, "label": [0, 1]},
    "called jpg, bytes alone": {"jpg": BYTES},
    "called image_bytes": {"id": [b"1", b"2"], "image_bytes": BYTES},
    "of large binaries": {"png": pyarrow.array(BYTES, pyarrow.large_binary())},
    "called as nobody else does": {"caption": ["a", "b"], "what_i_saw": STRUCT},
    "as numbers": {"image": [list(each) for each in BYTES]},
    "as addresses": {"image": ["data:image/png;base64," + base64.b64encode(each).decode() for each in BYTES]},
    "of binaries of one length": {
        "image": pyarrow.array([each.ljust(100, b" ") for each in BYTES], pyarrow.binary(100))
    },
    "in a folder": {"image_path": ["in/blue.png", "in\\red.png"], "split": ["train", "test"]},
    "in a folder, as a struct": {
        "image": [{"bytes": None, "path": "in/blue.png"}, {"bytes": None, "path": "in/red.png"}]
    },
}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_column_of_images_is_found_and_read(tmp_path, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "blue.png").write_bytes(encoded(BLUE))
    (tmp_path / "in" / "red.png").write_bytes(encoded())
    assert colours(shard(tmp_path / "a.parquet", COLUMNS[name])) == [[*BLUE], [*RED]]


def test_images_written_as_text_are_read(tmp_path):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)).save(file, "PNG")
    columns = {"image": [base64.b64encode(file.getvalue()).decode()]}
    assert len(colours(shard(tmp_path / "a.parquet", columns))) == 1


def test_two_columns_that_may_be_it_are_named(tmp_path):
    with pytest.raises(
        ValueError, match="a column 'image' of encoded images: it has before .binary., after .binary., words .string."
    ):
        read_table(shard(tmp_path / "a.parquet", {"before": BYTES, "after": BYTES, "words": ["a", "b"]}))


@pytest.mark.parametrize(
    "columns",
    [
        {"image": [np.zeros((8, 8, 3), np.uint8).tolist()]},
        {"pixels": [[0] * 784], "label": [1]},
        {"image_url": ["https://example.org/a.png"]},
        {"image": [1]},
    ],
)
def test_images_in_other_forms_are_refused_with_the_names_and_types_of_columns(tmp_path, columns):
    with pytest.raises(ValueError, match=f"it has {next(iter(columns))} \\(.*\\)") as problem:
        read_table(shard(tmp_path / "a.parquet", columns))
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("described", ["no json", "[1]", '{"info": 3}', '{"info": {"features": [1]}}'])
def test_what_is_written_about_columns_may_be_damaged(tmp_path, described):
    table = pyarrow.table({"image": BYTES, "label": ["a", "b"]}).replace_schema_metadata({"huggingface": described})
    files.write_table(table, tmp_path / "no_ending")
    assert load_images(tmp_path / "no_ending", 8, pytest.fail).classes == ("a", "b")


@pytest.mark.parametrize("size", [0, 3, 100, -30])
def test_files_that_are_cut_off_are_refused_in_one_sentence(tmp_path, size):
    path = shard(tmp_path / "a.parquet", {"image": BYTES})
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="'a.parquet' is not a parquet file that can be read") as problem:
        read_table(path)
    assert "\n" not in str(problem.value)


def labelled(labels, names=None):
    features = {"label": {"_type": "ClassLabel", "names": names}} if names else None
    return {"image": STRUCT, "label": labels}, features


@pytest.mark.parametrize(
    ("labels", "names", "classes", "numbers"),
    [
        (["rose", "iris"], None, ("iris", "rose"), [1, 0]),
        ([7, 3], None, ("3", "7"), [1, 0]),
        ([1.0, 0.0], None, ("0", "1"), [1, 0]),
        ([True, False], None, ("False", "True"), [1, 0]),
        ([2, 0], ["a", "b", "c"], ("a", "b", "c"), [2, 0]),
    ],
)
def test_labels_are_numbers_or_names(tmp_path, labels, names, classes, numbers):
    dataset = load_images(shard(tmp_path / "a.parquet", *labelled(labels, names)), 8, pytest.fail)
    assert (dataset.classes, dataset.labels.tolist()) == (classes, numbers)


@pytest.mark.parametrize("labels", [["rose", None], [0, None], [0.0, float("nan")], ["rose", " "]])
def test_images_without_a_label_are_left_out_and_counted(tmp_path, labels):
    said = []
    dataset = load_images(shard(tmp_path / "a.parquet", *labelled(labels)), 8, said.append)
    assert len(dataset) == 1 and said == ["Left out 1 of 2 images without a label: row 1."]


@pytest.mark.parametrize("labels", [[0, -1], [0.5, 1], [[0], [1, 0]], [{"a": 1}, {"a": 2}]])
def test_what_is_no_label_is_refused_with_its_row_or_left_aside(tmp_path, labels):
    with pytest.raises(ValueError, match=r"The column 'label' holds .* in row \d, which is no label"):
        load_images(shard(tmp_path / "a.parquet", *labelled(labels)), 8)


def test_labels_that_nobody_gave_are_none(tmp_path):
    dataset = load_images(shard(tmp_path / "a.parquet", *labelled([None, None])), 8, pytest.fail)
    assert len(dataset) == 2 and dataset.labels is None


LAYOUTS = {
    "of the hub": (
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/test-00000-of-00001.parquet",
    ),
    "converted by the hub": ("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"),
    "beside each other": ("train_1.parquet", "train_2.parquet", "test.parquet"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_shards_in_a_folder_are_one_set_with_its_splits(tmp_path, layout):
    for name in LAYOUTS[layout]:
        shard(tmp_path / "set" / name, *labelled([1, 0], ["iris", "rose"]))
    dataset = load_images(tmp_path / "set", 8, pytest.fail)
    assert (dataset.classes, dataset.labels.tolist()) == (("iris", "rose"), [1, 0] * 3)
    assert dataset.split.tolist() == [2, 2, 0, 0, 0, 0] and dataset.source == "set"


def test_shards_of_a_pattern_are_one_set(tmp_path):
    for number in range(3):
        shard(tmp_path / f"train-{number}.parquet", {"image": STRUCT, "text": ["a", "b"]})
    found = load_captioned(f"{tmp_path}/train-*.parquet", 8, pytest.fail)
    assert found.captions == (("a",), ("b",)) * 3
    assert read_table(tmp_path).rows[3] == "row 1 of train-1.parquet"


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({"image": STRUCT, "label": [0, 1]}, {"image": STRUCT, "words": ["a", "b"]}, "have different columns"),
        (labelled([0, 1], ["a", "b"]), labelled([0, 1], ["b", "a"]), "have different classes in the column 'label'"),
    ],
)
def test_shards_that_do_not_belong_together_are_refused(tmp_path, one, other, words):
    for name, each in (("a.parquet", one), ("b.parquet", other)):
        shard(tmp_path / name, *(each if isinstance(each, tuple) else (each,)))
    with pytest.raises(ValueError, match=words) as problem:
        read_table(tmp_path)
    assert "\n" not in str(problem.value)


def test_a_set_that_the_library_saved_is_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["iris", "rose"])})
    data = datasets.Dataset.from_dict({"image": STRUCT, "label": [1, 0]}, features)
    datasets.DatasetDict({"train": data, "validation": data}).save_to_disk(str(tmp_path / "set"))
    dataset = load_images(tmp_path / "set", 8, pytest.fail)
    assert (dataset.classes, dataset.labels.tolist(), dataset.split.tolist()) == (
        ("iris", "rose"),
        [1, 0, 1, 0],
        [0, 0, 1, 1],
    )


def test_archives_in_a_folder_are_the_shards_of_a_web_data_set(tmp_path):
    import tarfile

    (tmp_path / "set").mkdir()
    for number in range(2):
        with tarfile.open(tmp_path / "set" / f"{number:05}.tar", "w") as archive:
            for ending, data in (("png", encoded()), ("txt", f"a fox {number}".encode()), ("json", b'{"width": 8}')):
                member = tarfile.TarInfo(f"{number:09}.{ending}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    assert load_captioned(tmp_path / "set", 8, pytest.fail).captions == (("a fox 0",), ("a fox 1",))


def test_columns_of_several_captions_are_read(tmp_path):
    columns = {"image": STRUCT, "caption_0": ["a", "c"], "caption_1": ["b", None]}
    assert load_captioned(shard(tmp_path / "a.parquet", columns), 8, pytest.fail).captions == (("a", "b"), ("c",))
    columns = {"image": STRUCT, "captions": [["a", "b", " "], ["c"]]}
    assert load_captioned(shard(tmp_path / "b.parquet", columns), 8, pytest.fail).captions == (("a", "b"), ("c",))
