"""Folders of images as people have them: classes, splits, wrapping folders, hidden files, odd endings, links."""

import os
import shutil
import unicodedata
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from diffusion_edu.data.captions import load_captioned
from diffusion_edu.data.images import load_images
from diffusion_edu.data.layouts import SPLITS
from diffusion_edu.data.places import located
from diffusion_edu.data.tables import gathered, read_table


def fill(root, *names):
    """Write images (in the format that the name says) and texts below a folder."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in (".txt", ".svg", ".mov", ".docx"):
            path.write_text("no image")
        else:
            Image.new("RGB", (8, 8), (9, 90, 200)).save(path, "PNG")
    return root


def seen(source):
    """What is read of a source: {file: (split, label)}, and the sentences."""
    table = read_table(source)
    nothing = [None] * len(table.files)
    columns = (table.columns.get(name, nothing) for name in ("split", "label"))
    return dict(zip(table.rows, zip(*columns, strict=True), strict=True)), list(table.notes)


PLAIN = {
    "a file each": ["1.png", "2.png"],
    "classes": ["iris/1.png", "rose/1.png", "rose/2.png"],
    "splits of classes": ["train/iris/1.png", "train/rose/1.png", "test/iris/1.png", "test/rose/1.png"],
    "splits and a valid one": ["train/iris/1.png", "train/rose/1.png", "valid/iris/1.png", "valid/rose/2.png"],
    "one class": ["only/1.png", "only/2.png"],
    "classes in groups": ["plants/iris/1.png", "plants/rose/1.png", "animals/cat/1.png"],
}


@pytest.mark.parametrize("layout", PLAIN)
def test_plain_layouts_are_read_as_the_library_reads_them(tmp_path, layout):
    datasets = pytest.importorskip("datasets")
    fill(tmp_path / "set", *PLAIN[layout])
    found, _ = seen(tmp_path / "set")
    loaded = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    theirs = {}
    for split, data in loaded.items():
        for row in data.cast_column("image", datasets.Image(decode=False)):
            label = row.get("label")
            label = None if label is None else data.features["label"].names[label]
            theirs[os.path.relpath(row["image"]["path"], tmp_path / "set")] = (
                split if len(loaded) > 1 else None,
                label,
            )
    assert found == theirs


MESSY = {  # files, what is read of them ("split label", "-" for none), and what is said
    "splits without classes": (
        "train/1.png test/1.png",
        {"train -": "train/1.png", "test -": "test/1.png"},
        [],
    ),
    "all the names of splits": (
        "Training/a/1.png Training/b/1.png DEV/a/1.png testing/b/1.png",
        {
            "validation a": "DEV/a/1.png",
            "train a": "Training/a/1.png",
            "train b": "Training/b/1.png",
            "test b": "testing/b/1.png",
        },
        [],
    ),
    "a wrapping folder": (
        "flowers/iris/1.png flowers/rose/1.png",
        {"- iris": "flowers/iris/1.png", "- rose": "flowers/rose/1.png"},
        [],
    ),
    "two wrapping folders around splits": (
        "a/b/train/iris/1.png a/b/train/rose/1.png a/b/val/rose/1.png",
        {
            "train iris": "a/b/train/iris/1.png",
            "train rose": "a/b/train/rose/1.png",
            "validation rose": "a/b/val/rose/1.png",
        },
        [],
    ),
    "wrapping folders inside of splits": (
        "seg_train/seg_train/sea/1.png seg_train/seg_train/ice/1.png seg_test/seg_test/sea/1.png",
        {
            "train sea": "seg_train/seg_train/sea/1.png",
            "train ice": "seg_train/seg_train/ice/1.png",
            "test sea": "seg_test/seg_test/sea/1.png",
        },
        [],
    ),
    "years in the names of splits": (
        "train2017/1.png val2017/1.png",
        {"train -": "train2017/1.png", "validation -": "val2017/1.png"},
        [],
    ),
    "splits inside of classes": (
        "cat/train/1.png cat/test/1.png dog/train/1.png dog/test/1.png",
        {
            "train cat": "cat/train/1.png",
            "test cat": "cat/test/1.png",
            "train dog": "dog/train/1.png",
            "test dog": "dog/test/1.png",
        },
        [],
    ),
    "a class of trains": (
        "car/1.png train/1.png bus/1.png",
        {"- car": "car/1.png", "- train": "train/1.png", "- bus": "bus/1.png"},
        [],
    ),
    "names that only begin like splits": (
        "train_station/1.png test_tube/1.png",
        {"- train_station": "train_station/1.png", "- test_tube": "test_tube/1.png"},
        [],
    ),
    "files that are called like splits": (
        "test.png train_1.png other.png",
        {"- -": "test.png train_1.png other.png"},
        [],
    ),
    "something beside the splits": (
        "train/iris/1.png train/rose/1.png test/iris/1.png preview/1.png logo.png",
        {"train iris": "train/iris/1.png", "train rose": "train/rose/1.png", "test iris": "test/iris/1.png"},
        ["Left out 2 images that lie beside the splits test, train: in no folder, preview."],
    ),
    "one class in the test": (
        "train/iris/1.png train/rose/1.png test/rose/1.png",
        {"train iris": "train/iris/1.png", "train rose": "train/rose/1.png", "test rose": "test/rose/1.png"},
        [],
    ),
    "a test without classes": (
        "train/iris/1.png train/rose/1.png test/0.png test/1.png test/2.png test/3.png test/4.png",
        {
            "train iris": "train/iris/1.png",
            "train rose": "train/rose/1.png",
            "test -": "test/0.png test/1.png test/2.png test/3.png test/4.png",
        },
        [],
    ),
    "a stray image": (
        "logo.png iris/1.png rose/1.png",
        {"- iris": "iris/1.png", "- rose": "rose/1.png", "- -": "logo.png"},
        [],
    ),
    "more outside than in folders": (
        "1.png 2.png raw/1.png old/1.png",
        {"- -": "1.png 2.png raw/1.png old/1.png"},
        ["The folders are not used as classes, because most images lie in none: old, raw."],
    ),
    "folders inside of some classes": (
        "cat/1.png cat/more/2.png dog/1.png",
        {"- cat": "cat/1.png cat/more/2.png", "- dog": "dog/1.png"},
        ["The classes are the folders cat, dog, not those around or inside them."],
    ),
    "the same folder inside of each class": (
        "cat/images/1.png dog/images/1.png",
        {"- cat": "cat/images/1.png", "- dog": "dog/images/1.png"},
        ["The classes are the folders cat, dog, not those around or inside them."],
    ),
    "capitals that differ": (
        "train/Cat/1.png train/dog/1.png test/cat/1.png test/dog/1.png",
        {
            "train cat": "train/Cat/1.png",
            "train dog": "train/dog/1.png",
            "test cat": "test/cat/1.png",
            "test dog": "test/dog/1.png",
        },
        ["Folders that differ in capitals only are one class: Cat."],
    ),
    "hidden files and folders": (
        "iris/1.png iris/._1.png rose/1.png .ipynb_checkpoints/1.png rose/.ipynb_checkpoints/1.png "
        "__MACOSX/iris/1.png .git/1.png @eaDir/1.png iris/.DS_Store.txt Thumbs.db",
        {"- iris": "iris/1.png", "- rose": "rose/1.png"},
        [],
    ),
    "splits of photos and masks": (
        "trainA/1.png trainB/1.png testA/1.png testB/2.png",
        {"train A": "trainA/1.png", "train B": "trainB/1.png", "test A": "testA/1.png", "test B": "testB/2.png"},
        [],
    ),
    "splits in words of two capitals": (
        "TrainImages/1.png TestImages/1.png",
        {"train -": "TrainImages/1.png", "test -": "TestImages/1.png"},
        [],
    ),
    "splits in joined words": (
        "trainset/a/1.png trainset/b/1.png testset/a/1.png VALSET/b/1.png",
        {
            "train a": "trainset/a/1.png",
            "train b": "trainset/b/1.png",
            "test a": "testset/a/1.png",
            "validation b": "VALSET/b/1.png",
        },
        [],
    ),
    "splits twice, and a test without classes": (
        "trainingSet/trainingSet/0/1.png trainingSet/trainingSet/1/1.png testSet/testSet/1.png",
        {
            "train 0": "trainingSet/trainingSet/0/1.png",
            "train 1": "trainingSet/trainingSet/1/1.png",
            "test -": "testSet/testSet/1.png",
        },
        [],
    ),
    "masks beside the splits": (
        "train/1.png val/1.png train_masks/1.png val_masks/1.png",
        {"train -": "train/1.png", "validation -": "val/1.png"},
        ["Left out 2 images that lie beside the splits train, val: train_masks, val_masks."],
    ),
    "two sorts without a split": (
        "trainA/1.png trainB/1.png",
        {"- trainA": "trainA/1.png", "- trainB": "trainB/1.png"},
        [],
    ),
    "masks": (
        "images/1.png masks/1.png",
        {"- images": "images/1.png", "- masks": "masks/1.png"},
        ["The 2 classes are the folders images, masks: if 'images' is no class, name the folder of the images alone."],
    ),
    "large and small": (
        "HR/1.png LR/1.png",
        {"- HR": "HR/1.png", "- LR": "LR/1.png"},
        ["The 2 classes are the folders HR, LR: if 'HR' is no class, name the folder of the images alone."],
    ),
    "all sorts of endings": (
        "a.jfif b.JPE c.avif d.webp e.png_large f g.heic deep/h.jpeg deep/i.svg deep/j.mov k.docx README.txt",
        {"- -": "a.jfif b.JPE c.avif d.webp e.png_large f g.heic deep/h.jpeg"},
        ["Left out what is no image: deep/i.svg, deep/j.mov, k.docx."],
    ),
}


@pytest.mark.parametrize("layout", MESSY)
def test_messy_layouts_are_seen_through_or_said(tmp_path, layout):
    names, expected, notes = MESSY[layout]
    found, said = seen(fill(tmp_path / "set", *names.split()))
    meant = {
        name: tuple(None if word == "-" else word for word in words.split())
        for words, names in expected.items()
        for name in names.split()
    }
    assert found == meant and sorted(said) == sorted(notes)


def test_images_outside_of_class_folders_have_no_label_and_may_have_captions(tmp_path):
    fill(tmp_path / "set", "logo.png", "iris/1.png", "rose/1.png", "rose/2.png")
    said = []
    assert load_images(tmp_path / "set", 8, said.append).labels.tolist() == [0, 1, 1]
    assert said == ["Left out 1 of 4 images without a label: logo.png."]
    for name in ("logo", "iris/1", "rose/1", "rose/2"):
        (tmp_path / "set" / f"{name}.txt").write_text(f"this is {name}")
    assert len(load_captioned(tmp_path / "set", 8, pytest.fail)) == 4


def test_a_class_is_one_in_either_form_of_unicode(tmp_path):
    composed, apart = (unicodedata.normalize(form, "camélia") for form in ("NFC", "NFD"))
    fill(tmp_path, f"train/{composed}/1.png", "train/rose/1.png", f"test/{apart}/1.png", "test/rose/1.png")
    found, _ = seen(tmp_path)
    assert {label for _, label in found.values()} == {composed, "rose"}


@pytest.mark.parametrize("name", ["*roses*", "_iris_", "`x`", "a [b](c)", "$x$", "<b>", "ñ 漢字", "a" * 200])
def test_a_class_may_have_any_name(tmp_path, name):
    dataset = load_images(fill(tmp_path, f"{name}/1.png", "other/1.png"), 8, pytest.fail)
    assert set(dataset.classes) == {name, "other"}


def test_links_are_followed_once_around_at_most(tmp_path):
    fill(tmp_path / "store", "iris/1.png", "rose/1.png")
    (tmp_path / "set").mkdir()
    for name in ("iris", "rose"):
        (tmp_path / "set" / name).symlink_to(tmp_path / "store" / name, target_is_directory=True)
    (tmp_path / "store" / "iris" / "back").symlink_to(tmp_path / "store" / "iris", target_is_directory=True)
    (tmp_path / "store" / "rose" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "set" / "rose" / "single.png").symlink_to(tmp_path / "store" / "rose" / "1.png")
    said = []
    dataset = load_images(tmp_path / "set", 8, said.append)
    assert (dataset.classes, dataset.labels.tolist()) == (("iris", "rose"), [0, 1, 1])
    assert len(said) == 1 and said[0].startswith("Left out rose/gone.png: ")


def test_a_class_without_an_image_that_can_be_read_is_no_class(tmp_path):
    fill(tmp_path, "iris/1.png", "rose/1.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "1.png").write_bytes(b"broken")
    said = []
    dataset = load_images(tmp_path, 8, said.append)
    assert (dataset.classes, dataset.labels.tolist()) == (("iris", "rose"), [0, 1])
    assert len(said) == 2 and said[0].startswith("Left out broken/1.png: ")
    assert said[1] == "No image can be read of broken: left out of the classes."


@pytest.mark.parametrize("mark", ["run/training/lock", "run/training/state.safetensors", "training/lock"])
def test_a_training_among_the_images_is_left_out_and_said(tmp_path, mark):
    fill(tmp_path, "iris/1.png", "rose/2.png", f"{mark.rpartition('/')[0]}/sheets/8.png")
    (tmp_path / mark).write_bytes(b"")
    files, notes = seen(tmp_path)
    assert list(files) == ["iris/1.png", "rose/2.png"]
    assert len(notes) == 1 and "it holds a training and its results" in notes[0]


def test_pipes_and_folders_that_are_closed_are_not_waited_for(tmp_path):
    fill(tmp_path, "1.png")
    os.mkfifo(tmp_path / "2.png")
    assert list(seen(tmp_path)[0]) == ["1.png"]


# Paths and archives


def ways_to_write(folder, home):
    yield f'"{folder}"'
    yield f" '{folder}' "
    yield f"\u201c{folder}\u201d"
    yield f"{folder}/"
    yield f"file://{folder}".replace(" ", "%20")
    yield str(folder).replace(" ", "\\ ")
    yield f"~/{folder.relative_to(home)}"
    yield f"{folder}/*.png"
    yield f"{folder}/**/*.png"
    yield f"{folder.parent}/my*"


@pytest.mark.parametrize("way", range(10))
def test_a_path_is_understood_as_people_write_it(tmp_path, monkeypatch, way):
    monkeypatch.setenv("HOME", str(tmp_path))
    fill(tmp_path / "my photos", "a.png", "b.png")
    source = list(ways_to_write(tmp_path / "my photos", tmp_path))[way]
    assert list(seen(source)[0]) == ["a.png", "b.png"]


@pytest.mark.parametrize("folder", ["photos [2020]", "a*b", "[x]"])
@pytest.mark.parametrize("around", ["{}", "\u202a{}\u202c", "\ufeff'{}'\u200b\n"])
def test_a_pattern_below_a_folder_with_an_odd_name_and_unseen_marks_around_it(tmp_path, folder, around):
    fill(tmp_path / folder, "a.png", "b.png")
    for pattern in ("/*.png", "/[ab].png", ""):
        assert list(seen(around.format(f"{tmp_path / folder}{pattern}"))[0]) == ["a.png", "b.png"]


@pytest.mark.parametrize(
    "source",
    [
        "hf:a/b",
        "hf://datasets/a/b",
        "hf://a/b",
        "https://huggingface.co/datasets/a/b/viewer?x=1",
        "huggingface.co/datasets/a/b",
        "https://hf.co/datasets/a/b#more",
    ],
)
def test_a_data_set_of_the_hub_may_be_written_in_many_ways(source):
    assert located(source) == ["hf:a/b"]


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs the files of Linux")
def test_a_file_that_cannot_be_opened_is_refused_in_words():
    with pytest.raises(ValueError, match="'mem' cannot be read"):
        read_table("/proc/self/mem")


def test_a_pattern_keeps_the_classes(tmp_path):
    fill(tmp_path, "iris/1.png", "rose/1.png", "rose/2.bmp")
    assert seen(f"{tmp_path}/*/*.png")[0] == {"iris/1.png": (None, "iris"), "rose/1.png": (None, "rose")}


def test_single_images_of_a_list_are_one_set_with_what_lies_beside_them(tmp_path):
    fill(tmp_path / "my", *(f"{k}.png" for k in range(5)))
    for k in range(5):
        (tmp_path / "my" / f"{k}.txt").write_text(f"number {k}")
    (tmp_path / "my" / "notes.docx").write_text("no image")
    names = [str(tmp_path / "my" / f"{k}.png") for k in range(4)]
    dataset = load_images([*names, fill(tmp_path / "more", "a.png")], 8, pytest.fail)
    assert (len(dataset), dataset.source) == (5, "more and my")
    found = load_captioned(tuple(names), 8, pytest.fail)
    assert found.captions == tuple((f"number {k}",) for k in range(4)) and found.source == "my"
    assert load_captioned(f"{tmp_path}/my/*.png", 8, pytest.fail).captions[4] == ("number 4",)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "is empty"),
        ("  ''", "is empty"),
        ("none/*.jpg", "Nothing fits"),
        ("nowhere", "There is no file or folder 'nowhere'"),
        ("owner/name", "written hf:OWNER/NAME"),
        ("~nobody/photos", "There is no file or folder"),
        ("a\0b", "There is no file or folder"),
        ("x" * 5000, "There is no file or folder"),
        ("漢" * 100, "There is no file or folder"),
        ("../" * 3000, "There is no file or folder"),
        ("https://example.org/a.zip", "download it first"),
        ("s3://bucket/a", "download it first"),
    ],
)
def test_what_is_no_path_is_refused_in_one_sentence(monkeypatch, tmp_path, source, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=words) as problem:
        read_table(source)
    assert "\n" not in str(problem.value) and len(str(problem.value)) < 300


@pytest.mark.parametrize("form", ["zip", "tar", "gztar", "xztar"])
def test_an_archive_is_read_as_the_folder_in_it(tmp_path, form):
    fill(tmp_path / "flowers", "iris/1.png", "rose/1.png", "__MACOSX/iris/._1.png")
    archive = shutil.make_archive(str(tmp_path / "flowers"), form, tmp_path, "flowers")
    found, said = seen(archive)
    assert set(found.values()) == {(None, "iris"), (None, "rose")} and said == []
    assert load_images(archive, 8, pytest.fail).source == os.path.basename(archive)


def test_an_archive_that_is_broken_or_reaches_out_is_refused_or_kept_inside(tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "other.7z").write_bytes(b"7z")
    for name in ("broken.zip", "other.7z"):
        with pytest.raises(ValueError, match=r"cannot be unpacked \(.*\): unpack it yourself") as problem:
            read_table(tmp_path / name)
        assert "\n" not in str(problem.value)
    photo = fill(tmp_path, "a.png") / "a.png"
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.write(photo, "../../evil.png")
        archive.write(photo, "good.png")
    assert len(read_table(tmp_path / "evil.zip").files) == 2 and not list(tmp_path.parent.glob("evil.png"))


def packed(folder):
    return shutil.make_archive(str(folder), "zip", folder)


@pytest.mark.parametrize("form", ["folders", "archives", "a folder of archives", "a pattern"])
@pytest.mark.parametrize(
    ("names", "classes", "splits", "said"),
    [
        (
            "cats/1.png cats/2.png dogs/1.png",
            ("cats", "dogs"),
            None,
            "Read as classes: cats, dogs.",
        ),
        ("train/1.png test/1.png", (), [2, 0], "Read as splits: test, train."),
        ("train/a/1.png train/b/1.png test/a/1.png", ("a", "b"), [2, 0, 0], "Read as splits: test, train."),
        ("trainA/1.png testA/1.png", (), [2, 0], "Read as splits: test, train."),
    ],
)
def test_folders_or_archives_side_by_side_are_classes_or_splits_and_said(tmp_path, form, names, classes, splits, said):
    fill(tmp_path / "set", *names.split())
    sources = sorted((tmp_path / "set").iterdir())
    if "archives" in form:
        sources = [Path(packed(folder)) for folder in sources]
        for folder in sources:
            shutil.rmtree(folder.with_suffix(""))
    sources = {"a pattern": f"{tmp_path}/set/*", "a folder of archives": tmp_path / "set"}.get(form, sources)
    notes = []
    dataset = load_images(sources, 8, notes.append)
    assert dataset.classes == classes and (dataset.split is None or dataset.split.tolist() == splits)
    assert (dataset.split is None) == (splits is None) and len(dataset) == len(names.split())
    assert any(note.startswith(said) for note in notes)


@pytest.mark.parametrize("names", ["cats/1.png dogs/1.png", "1.png 2.png", "1.png"])
@pytest.mark.parametrize("table", ["README.txt", "metadata.csv"])
def test_a_table_in_a_list_of_what_lies_beside_it_does_not_bring_everything_twice(tmp_path, names, table):
    fill(tmp_path, *names.split())
    first = names.split()[0]
    (tmp_path / table).write_text(f"file_name,caption\n{first},one\n" if table == "metadata.csv" else "no image")
    sources = gathered(sorted(tmp_path.iterdir()))
    assert [len(read_table(source).files) for source in sources] == [len(names.split())]
    assert any(read_table(sources[0]).columns.get("caption", [])) == (table == "metadata.csv")


def test_folders_that_lie_apart_or_have_classes_inside_are_put_together_as_they_are(tmp_path):
    fill(tmp_path, "a/x/1.png", "b/y/1.png", "c/cat/1.png", "c/dog/1.png", "d/cat/1.png", "d/dog/1.png")
    said = []
    assert load_images([tmp_path / "a" / "x", tmp_path / "b" / "y"], 8, said.append).labels is None
    assert said == ["The folders or archives are read as one set without classes: they do not lie side by side."]
    dataset = load_images([tmp_path / "c", tmp_path / "d"], 8, pytest.fail)
    assert (dataset.classes, dataset.labels.tolist()) == (("cat", "dog"), [0, 1, 0, 1])


def test_a_stray_image_does_not_hide_a_larger_parquet_file(tmp_path):
    pyarrow, files = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    data = (fill(tmp_path, "preview.png") / "preview.png").read_bytes()
    files.write_table(pyarrow.table({"image": [{"bytes": data}] * 3, "label": [0, 1, 1]}), tmp_path / "train.parquet")
    said = []
    assert len(load_images(tmp_path, 8, said.append)) == 3
    assert said == ["Left out what lies beside the parquet files: preview.png."]


def test_every_split_name_is_one_of_ours():
    assert SPLITS == ("train", "validation", "test")
