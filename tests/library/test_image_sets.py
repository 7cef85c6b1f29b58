"""Sets of images: folders, parquet files and the public one, with everything that can be wrong with them."""

import hashlib
import io
import json
import sys
import types
import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from diffusion_edu.data import checksums, sources
from diffusion_edu.data.images import ImageSet, load_images, save_images
from diffusion_edu.data.sources import FACES
from diffusion_edu.data.tables import Table

RED = (255, 0, 0)


def encoded(image, form="PNG", **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def plain(tint=RED, size=(16, 16)):
    return Image.new("RGB", size, tint)


def loaded(source, **options):
    """The images of a source, and the messages while they were read."""
    messages = []
    return load_images(source, size=8, tell=messages.append, **options), messages


def test_a_bomb_and_every_broken_file_are_left_out_with_a_sentence_each(tmp_path):
    plain().save(tmp_path / "a.png")
    (tmp_path / "bomb.png").write_bytes(encoded(Image.new("1", (20_000, 20_000))))
    (tmp_path / "large.png").write_bytes(encoded(Image.new("1", (8_000, 8_000))))
    (tmp_path / "text.jpg").write_text("not an image")
    (tmp_path / "empty.gif").write_bytes(b"")
    (tmp_path / "half.png").write_bytes(encoded(Image.effect_noise((64, 64), 50))[:500])
    (tmp_path / "half.jpeg").write_bytes(encoded(plain(size=(64, 64)), "JPEG")[:-200])
    (tmp_path / "readme.txt").write_text("no image, and not meant to be one")
    (tmp_path / "folder.png").mkdir()
    with warnings.catch_warnings(action="ignore"):  # Pillow warns of the larger ones as well
        images, messages = loaded(tmp_path)
    assert len(images) == 1
    assert [sentence.split(":")[0] for sentence in messages] == [
        f"Left out {name}" for name in ("bomb.png", "empty.gif", "half.jpeg", "half.png", "large.png", "text.jpg")
    ]
    assert all(sentence.endswith(".") and "\n" not in sentence for sentence in messages)


def test_unusual_images_are_used_with_one_message_per_property(tmp_path):
    for k in range(3):
        Image.new("L", (16, 16), 200).save(tmp_path / f"grey{k}.png")
    Image.new("RGBA", (16, 16), (255, 0, 0, 0)).save(tmp_path / "transparent.png")
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg", quality=100)
    Image.new("I;16", (16, 16), 32768).save(tmp_path / "deep.png")
    plain().save(tmp_path / "moving.gif", save_all=True, append_images=[plain((0, 0, 255))])
    plain().save(tmp_path / "usual.png")
    images, messages = loaded(tmp_path)
    assert len(images) == 8
    for sentence in (
        "4 of 8 images: grayscale",
        "1 of 8 images: transparent",
        "1 of 8 images: CMYK",
        "1 of 8 images: 16 bits",
        "1 of 8 images: animated",
    ):
        assert sum(line.startswith(sentence) for line in messages) == 1
    assert len(messages) == 5
    colours = dict(zip(sorted(f.name for f in tmp_path.iterdir()), images.images[:, :, 4, 4].tolist(), strict=True))
    assert colours["transparent.png"] == [255, 255, 255]
    assert colours["deep.png"] == [128, 128, 128]
    assert colours["grey0.png"] == [200, 200, 200]
    assert all(abs(a - b) < 8 for a, b in zip(colours["cmyk.jpg"], RED, strict=True))
    assert all(abs(a - b) < 8 for a, b in zip(colours["moving.gif"], RED, strict=True))


def test_the_official_split_comes_along_and_is_chosen_with_the_images(tmp_path):
    rows = [{"bytes": encoded(plain())}] * 3
    path = parquet(
        tmp_path / "f.parquet", {"image": rows, "label": [0, 1, 1], "split": ["train", "validation", "test"]}
    )
    images, _ = loaded(path)
    assert images.split.tolist() == [0, 1, 2]
    assert images.take(images.split == 1).labels.tolist() == [1]
    assert loaded(parquet(tmp_path / "g.parquet", {"image": rows, "label": [0, 1, 1]}))[0].split is None


def test_a_saved_set_is_read_as_it_was(tmp_path):
    images = torch.randint(0, 256, (5, 3, 1, 1), dtype=torch.uint8).expand(5, 3, 8, 8)
    save_images(tmp_path / "s.parquet", ImageSet(images, torch.tensor([2, 0, 1, 0, 2]), ("a", "b", "c")))
    again, messages = loaded(tmp_path / "s.parquet")
    assert (again.labels.tolist(), again.classes, messages) == ([2, 0, 1, 0, 2], ("a", "b", "c"), [])
    assert (again.images.int() - images.int()).abs().max() <= 3


def test_sub_folders_are_classes(tmp_path):
    for name, tint in {"rose": RED, "iris": (0, 0, 255)}.items():
        (tmp_path / name).mkdir()
        plain(tint).save(tmp_path / name / "1.PNG")
        plain(tint).save(tmp_path / name / "2.png")
    images, messages = loaded(tmp_path)
    assert (images.classes, images.labels.tolist(), messages) == (("iris", "rose"), [0, 0, 1, 1], [])
    assert images.images.dtype == torch.uint8
    assert images.images[0, :, 0, 0].tolist() == [0, 0, 255]
    assert images.images[3, :, 0, 0].tolist() == [*RED]
    assert images.take(torch.tensor([3])).labels.tolist() == [1]


@pytest.mark.parametrize(
    "names", [["a.png", "b.png"], ["only/a.png", "only/b.png"], ["a.png", "b.png", "one/b.png", "two/c.png"]]
)
def test_one_folder_or_a_mixture_has_no_classes(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        plain().save(tmp_path / name)
    images, _ = loaded(tmp_path)
    assert (len(images), images.labels, images.classes) == (len(names), None, ())


def test_an_empty_folder_and_a_missing_path_are_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match="holds no image that can be read"):
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
    images, messages = loaded(parquet(tmp_path / "f.parquet", {"image": rows, "label": [0, 1, 0]}, names))
    assert (images.classes, images.labels.tolist(), messages) == (("rose", "iris", "tulip"), [0, 1, 0], [])
    assert images.images[:, 2, 0, 0].tolist() == [0, 255, 0]
    assert images.source == "f.parquet"


def test_a_parquet_file_may_have_nameless_labels_or_none_and_broken_rows(tmp_path):
    rows = [{"bytes": encoded(plain())}, {"bytes": b"garbage"}, None, {"bytes": None}, {"bytes": encoded(plain())}]
    images, messages = loaded(parquet(tmp_path / "f.parquet", {"image": rows, "label": [2, 0, 0, 0, 1]}))
    assert (images.classes, images.labels.tolist()) == (("1", "2"), [1, 0])
    assert [sentence.split(":")[0] for sentence in messages[:3]] == [f"Left out row {k}" for k in (1, 2, 3)]
    assert messages[3:] == ["No image can be read of 0: left out of the classes."]
    images, _ = loaded(parquet(tmp_path / "g.parquet", {"image": rows}))
    assert (len(images), images.labels, images.classes) == (2, None, ())


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"photo": [1], "words": ["a"]}, "column 'image' of encoded images: it has photo .int64., words .string."),
        ({"photo": [{"bytes": b""}]}, "no image that can be read"),
        ({"image": ["a.png"]}, "no image that can be read"),
        ({"image": [{"bytes": b"garbage"}]}, "no image that can be read"),
        ({"image": [], "label": []}, "no image that can be read"),
    ],
)
def test_a_parquet_file_without_images_is_refused_in_words(tmp_path, columns, sentence):
    with pytest.raises(ValueError, match=sentence):
        loaded(parquet(tmp_path / "f.parquet", columns))


def test_a_file_that_is_no_parquet_is_refused_in_words(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "notes.bin").write_text("hello")
    with pytest.raises(ValueError, match=r"'notes\.bin' is not a parquet file, an archive or an image"):
        loaded(tmp_path / "notes.bin")


@pytest.fixture
def flowers(tmp_path, monkeypatch):
    """A stand-in for the public data set: 1, 2 and 5 images in its three splits, and what was asked of it."""
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
    monkeypatch.setattr(sources, "hub", out_of_reach)
    return fake, asked


def out_of_reach(source):
    raise ValueError(f"The data set {source!r} could not be read.")


def test_all_three_splits_of_the_flowers_are_read(flowers):
    """Pitfall 38: its "train" alone is 1,020 of 8,189."""
    images, messages = loaded(None)
    assert [(split, download) for _, split, download in flowers[1]] == [("train", True), ("val", True), ("test", True)]
    assert images.labels.tolist() == [0, 0, 1, 0, 1, 2, 3, 4]
    assert (len(images.classes), images.source) == (102, "Oxford Flowers 102")
    assert "350 MB" in messages[0] and "Trying torchvision" in messages[1]


@pytest.mark.parametrize("rows, classes, whole", [(8189, 102, True), (1020, 102, False), (8189, 5, False)])
def test_the_hub_comes_first_if_it_has_the_whole_set(flowers, monkeypatch, tmp_path, rows, classes, whole):
    plain().save(tmp_path / "one.png")
    names = [f"flower {k}" for k in range(classes)]
    table = Table("x", [tmp_path / "one.png"] * rows, ["one.png"] * rows, {"label": [1] * rows}, {"label": names})
    monkeypatch.setattr(sources, "hub", lambda source: table)
    found = sources.oxford_flowers(lambda words: None)
    assert (len(found.rows), found.name, bool(flowers[1])) == (8189 if whole else 8, "Oxford Flowers 102", not whole)


@pytest.mark.parametrize(
    "problem", [OSError("Network is unreachable"), RuntimeError("File not found or corrupted.")], ids=repr
)
def test_without_the_internet_the_flowers_are_refused_in_one_sentence_with_the_way_out(flowers, monkeypatch, problem):
    def offline(*_, **__):
        raise problem

    monkeypatch.setattr(flowers[0], "Flowers102", offline)
    with pytest.raises(ValueError, match="could not be fetched .*--data"):
        loaded(None)


def test_without_torchvision_the_flowers_are_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(sources, "hub", out_of_reach)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(ValueError, match="could not be fetched .*--data"):
        loaded(None)


# Attributes


def test_columns_of_yes_and_no_are_attributes(tmp_path):
    rows = [{"bytes": encoded(plain())}] * 3
    columns = {"image": rows, "wearing_hat": [True, False, True], "score": [1, 2, 3], "smiling": [False, True, None]}
    images, messages = loaded(parquet(tmp_path / "f.parquet", columns))
    assert (images.attributes, images.classes, messages) == (("wearing hat", "smiling"), (), [])
    assert images.labels.dtype == torch.int64
    assert images.labels.tolist() == [[1, -1], [-1, 1], [1, 0]], "what nobody knows is neither yes nor no"
    assert images.take(torch.tensor([1])).labels.tolist() == [[-1, 1]]


def test_columns_that_are_not_used_are_named(tmp_path):
    rows = [{"bytes": encoded(plain())}] * 2
    columns = {"image": rows, "breed": ["pug", "boxer"], "caption": ["a", "b"], "category": ["c", "d"]}
    images, messages = loaded(parquet(tmp_path / "f.parquet", columns))
    assert images.labels is None
    assert messages == ["No column is called label, so there are no classes; not used: breed."]


def test_attributes_stay_with_their_images_where_some_are_broken_and_classes_come_first(tmp_path):
    rows = [{"bytes": b"garbage"}, {"bytes": encoded(plain())}]
    images, _ = loaded(parquet(tmp_path / "f.parquet", {"image": rows, "hat": [True, False]}))
    assert (len(images), images.labels.tolist()) == (1, [[-1]])
    images, _ = loaded(parquet(tmp_path / "g.parquet", {"image": rows, "hat": [True, False], "label": [0, 1]}))
    assert (images.attributes, images.classes, images.labels.tolist()) == ((), ("1",), [0])


@pytest.mark.parametrize(
    "meaning",
    [{"labels": torch.tensor([[1, -1], [-1, 0], [1, 1]]), "attributes": ("wearing hat", "bald")}, {}],
    ids=["attributes", "nothing"],
)
def test_a_saved_set_with_attributes_or_without_labels_is_read_as_it_was(tmp_path, meaning):
    before = ImageSet(torch.randint(0, 256, (3, 3, 1, 1), dtype=torch.uint8).expand(3, 3, 8, 8), **meaning)
    save_images(tmp_path / "s.parquet", before)
    again, messages = loaded(tmp_path / "s.parquet")
    assert (again.attributes, again.classes, messages) == (before.attributes, (), [])
    assert again.labels is before.labels is None or torch.equal(again.labels, before.labels)


# Several sets at once


def shelf(path, labels=None, split=None, names=("rose", "iris"), tint=RED):
    n = len(labels or split or [0, 0])
    columns = (
        {"image": [{"bytes": encoded(plain(tint))}] * n}
        | ({"label": labels} if labels else {})
        | ({"split": split} if split else {})
    )
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": list(names)}}
    features |= {"split": {"dtype": "string", "_type": "Value"}} if split else {}
    return parquet(path, columns, {"info": {"features": features}} if labels else None)


def test_several_files_and_folders_are_one_set_in_order(tmp_path):
    one = shelf(tmp_path / "a.parquet", [0, 1, 1], ["train", "test", "validation"])
    two = shelf(tmp_path / "b.parquet", [1, 0], ["test", "train"], tint=(0, 0, 255))
    images, _ = loaded([one, two])
    assert images.images[:, :, 0, 0].tolist() == 3 * [[*RED]] + 2 * [[0, 0, 255]]
    assert (images.labels.tolist(), images.classes) == ([0, 1, 1, 1, 0], ("rose", "iris"))
    assert (images.split.tolist(), images.source) == ([0, 2, 1, 2, 0], "a.parquet and b.parquet")
    alone, _ = loaded([one])
    assert (len(alone), alone.source, alone.labels.tolist()) == (3, "a.parquet", [0, 1, 1])


@pytest.mark.parametrize("other", ["other names", "no labels", "attributes", "a folder"])
def test_sets_that_do_not_mean_the_same_keep_their_images_and_no_labels(tmp_path, other):
    one, two = shelf(tmp_path / "a.parquet", [0, 1, 1], ["train"] * 3), tmp_path / "b.parquet"
    if other == "a folder":
        two = tmp_path / "photos"
        two.mkdir()
        plain().save(two / "1.png")
        plain().save(two / "2.png")
    elif other == "attributes":
        parquet(two, {"image": [{"bytes": encoded(plain())}] * 2, "hat": [True, False]})
    else:
        shelf(two, [1, 0] if other == "other names" else None, names=("iris", "rose"))
    images, messages = loaded([one, two])
    assert (len(images), images.labels, images.classes, images.attributes, images.split) == (
        5,
        None,
        (),
        (),
        None,
    )
    assert messages == ["The sets have different labels, so they are used without any."]


def test_one_missing_source_among_several_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no file or folder .*nowhere"):
        loaded([shelf(tmp_path / "a.parquet", [0, 1]), tmp_path / "nowhere"])


# The other public sets


@pytest.fixture
def torchvision(tmp_path, monkeypatch):
    """Stand-ins for what torchvision downloads with, and an empty cache: a test fills in CelebA or download."""
    names = ("torchvision", "torchvision.datasets", "torchvision.datasets.utils")
    fakes = [types.ModuleType(name) for name in names]
    for name, fake in zip(names, fakes, strict=True):
        monkeypatch.setitem(sys.modules, name, fake)
    monkeypatch.setattr(sources, "CACHE", tmp_path / "cache")
    return fakes


def test_faces_bring_their_twenty_attributes(torchvision):
    known = [
        "5_o_Clock_Shadow",
        *(name.title().replace(" ", "_") for name in reversed(FACES)),
        "",
    ]  # the file ends its first line with a blank

    class CelebA:
        base_folder = "celeba"

        def __init__(self, root, split, target_type, download):
            assert (split, target_type, download) == ("all", "attr", True)
            self.root, self.filename, self.attr_names = root, ["1.jpg", "2.jpg"], known
            self.attr = torch.zeros(2, len(known) - 1, dtype=torch.int64)
            self.attr[0, known.index("Smiling")] = self.attr[1, known.index("Blond_Hair")] = 1
            folder = Path(root) / "celeba" / "img_align_celeba"
            folder.mkdir(parents=True)
            for name in self.filename:
                plain(size=(17, 21)).save(folder / name)

    torchvision[1].CelebA = CelebA
    images, messages = loaded(None, public="faces")
    assert (images.images.shape, images.attributes, images.classes) == ((2, 3, 8, 8), FACES, ())
    assert images.labels.shape == (2, 20) and set(images.labels.unique().tolist()) == {-1, 1}
    assert [[FACES[k] for k in (row == 1).nonzero().flatten()] for row in images.labels] == [
        ["smiling"],
        ["blond hair"],
    ]
    assert (images.source, images.split) == ("CelebA", None) and "1.4 GB" in messages[0]


def test_the_five_flowers_are_downloaded_once_and_wholly_or_not_at_all(torchvision, monkeypatch):
    fetched = []

    def download(url, folder):
        fetched.append(url)
        (Path(folder) / "flower_photos.tgz").write_bytes(b"photos")

    def unpack(archive, folder, broken=False):
        assert Path(archive).read_bytes() == b"photos"
        for class_name in ("roses",) if broken else ("roses", "tulips"):
            (Path(folder) / "flower_photos" / class_name).mkdir(parents=True)
            plain().save(Path(folder) / "flower_photos" / class_name / "1.jpg")
        if broken:
            raise OSError("Network is unreachable")

    torchvision[2].download_url, torchvision[2].extract_archive = download, unpack
    with pytest.raises(ValueError, match="flower_photos.tgz is not the file that it should be .*SHA-256.* try again"):
        loaded(None, public="five flowers")
    monkeypatch.setitem(checksums.SHA256, "flower_photos.tgz", hashlib.sha256(b"photos").hexdigest())
    torchvision[2].extract_archive = lambda *args: unpack(*args, broken=True)
    with pytest.raises(ValueError, match=r"The five flowers could not be fetched \(Network is unreachable\).*--data"):
        loaded(None, public="five flowers")
    torchvision[2].extract_archive = unpack
    for _ in range(2):
        images, messages = loaded(None, public="five flowers")
        assert (images.classes, images.labels.tolist()) == (("roses", "tulips"), [0, 1])
        assert "220 MB" in messages[0]
    assert fetched == [sources.FIVE_FLOWERS] * 3


@pytest.mark.parametrize("public", ["faces", "five flowers"])
@pytest.mark.parametrize(
    "problem", [OSError("Network is unreachable"), RuntimeError("gdown is required"), None], ids=repr
)
def test_other_public_sets_out_of_reach_are_refused_in_one_sentence_with_the_way_out(torchvision, public, problem):
    def offline(*_, **__):
        raise problem

    if problem:  # else torchvision does not have them at all
        torchvision[1].CelebA = torchvision[2].download_url = torchvision[2].extract_archive = offline
    with pytest.raises(ValueError, match="could not be fetched .*--data") as refused:
        loaded(None, public=public)
    assert "\n" not in str(refused.value)


def test_a_download_that_fails_in_a_way_of_its_own_is_refused_in_one_sentence_too(torchvision):
    """What fetches CelebA has errors of its own, for example when too many people have fetched it today."""

    class FileURLRetrievalError(Exception):
        pass

    def refuse(*_, **__):
        raise FileURLRetrievalError("Too many users have viewed or downloaded this file recently.")

    torchvision[1].CelebA = refuse
    with pytest.raises(ValueError, match="CelebA could not be fetched .*Too many users.*--data"):
        loaded(None, public="faces")


def test_images_that_no_memory_can_hold_are_refused_before_one_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("diffusion_edu.data.images.read_image", lambda *_: pytest.fail("it was read"))
    plain().save(tmp_path / "1.png")
    for size in (10**8, 10**12):
        with pytest.raises(ValueError, match=r"1 images of 1\d+ x 1\d+ pixels need .* GB, more memory than there is"):
            load_images(tmp_path, size, pytest.fail)
