"""Images with captions: read from files and folders, made from class and colour, and augmented in line with them."""

import io
import json
import unicodedata

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu.data import captions
from diffusion_edu.data.augment import VARIANTS, WAYS, augmented, ways
from diffusion_edu.data.captions import load_captioned
from diffusion_edu.data.flower_captions import COLOURS, TEMPLATES, blurred, caption, flower_captions, hsv, petals
from diffusion_edu.data.images import ImageSet, load_images, save_images
from diffusion_edu.data.tables import read_table

GREEN = (40, 110, 30)


def quiet(sentence):
    raise AssertionError(sentence)


def image(path, colour=(200, 30, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 16), colour).save(path)


def flower(colour, size=32, around=GREEN):
    """A disc of petals on a meadow, uint8 (3, size, size)."""
    at = torch.arange(size) - (size - 1) / 2
    disc = at[:, None] ** 2 + at**2 < (size / 3.5) ** 2
    return torch.where(disc, torch.tensor(colour).view(3, 1, 1), torch.tensor(around).view(3, 1, 1)).to(torch.uint8)


# Reading


def test_a_parquet_file_keeps_caption_subject_and_category(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    pyarrow = pytest.importorskip("pyarrow")
    colours, images = ((200, 0, 0), (0, 200, 0), (0, 0, 200), (9, 9, 9)), []
    for colour in colours:
        file = io.BytesIO()
        Image.new("RGB", (16, 16), colour).save(file, "PNG")
        images.append({"bytes": file.getvalue(), "path": None})
    images[1] = {"bytes": b"no image", "path": None}
    columns = {
        "caption": ["a  red\nsquare", "a lost one", "a blue square", None],
        "subject": ["red", "lost", "blue", ""],
        "category": ["r", "l", "b", None],
    }
    parquet.write_table(pyarrow.table({"image": images, **columns}), tmp_path / "p.parquet")
    said = []
    found = load_captioned(tmp_path / "p.parquet", 8, said.append)
    assert (found.captions, found.subjects, found.categories) == (
        (("a red square",), ("a blue square",)),
        ("red", "blue"),
        ("r", "b"),
    )
    assert found.images.shape == (2, 3, 8, 8) and found.images[:, :, 4, 4].tolist() == [[200, 0, 0], [0, 0, 200]]
    assert not found.made and len(found) == 2 and found.source == "p.parquet"
    assert said[0] == "1 of 4 images in p.parquet have no caption and were left out: row 3."
    assert len(said) == 2 and "Left out row 1" in said[1]


ONE, TWO, THREE = "a first one", "a second, one", "a third"
READ = {"in/a.png": (ONE,), "in/b.png": (TWO,)}


def described(folder, name, text, encoding="utf-8"):
    """What is read of three images in a folder `in` with one table: {file: captions}, and the sentences."""
    for file in ("a.png", "b.png", "c.png"):
        image(folder / "set" / "in" / file)
    (folder / "set" / name).parent.mkdir(exist_ok=True, parents=True)
    (folder / "set" / name).write_bytes(text.encode(encoding))
    said = []
    found = load_captioned(folder / "set", 8, said.append)
    rows = [row for row in ("in/a.png", "in/b.png", "in/c.png") if not any(row in words for words in said)]
    return dict(zip(rows, found.captions, strict=True)), said


LEFT = "1 of 3 images in set have no caption and were left out: in/c.png."


def as_rows(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


TABLES = {
    "the library's csv": ("metadata.csv", f'file_name,caption\nin/b.png,"{TWO}"\nin/a.png,{ONE}\n'),
    "its other column": ("metadata.csv", f'file_name,text\nin/b.png,"{TWO}"\nin/a.png,{ONE}\n'),
    "beside the images": ("in/metadata.csv", f'file_name,text\nb.png,"{TWO}"\na.png,{ONE}\n'),
    "only names of files": ("metadata.csv", f'file_name,text\nb.png,"{TWO}"\na.png,{ONE}\n'),
    "names without endings": ("captions.csv", f'id,text\nb,"{TWO}"\na,{ONE}\n'),
    "json lines": (
        "metadata.jsonl",
        as_rows({"file_name": "in/b.png", "text": TWO}, {"file_name": "in/a.png", "text": ONE}),
    ),
    "a list in json": (
        "metadata.json",
        json.dumps([{"file_name": "in/b.png", "text": TWO}, {"file_name": "in/a.png", "text": ONE}]),
    ),
    "texts by file in json": ("captions.json", json.dumps({"in/b.png": TWO, "in/a.png": [ONE]})),
    "as in COCO": (
        "annotations/captions_train.json",
        json.dumps(
            {
                "images": [{"id": 7, "file_name": "b.png"}, {"id": 8, "file_name": "a.png"}],
                "annotations": [{"image_id": 8, "caption": ONE}, {"image_id": 7, "caption": TWO}],
            }
        ),
    ),
    "semicolons": ("metadata.csv", f"file_name;caption\nin/b.png;{TWO}\nin/a.png;{ONE}\n"),
    "tabs, no titles, and a comma": ("captions.tsv", f"in/b.png\t{TWO}\nin/a.png\t{ONE}\n"),
    "colons": ("captions.txt", f"in/b.png: {TWO}\nin/a.png: {ONE}\n"),
    "blanks": ("captions.txt", f"in/b.png {TWO}\nin/a.png {ONE}\n"),
    "tabs": ("captions.tsv", f"image\tcaption\nin/b.png\t{TWO}\nin/a.png\t{ONE}\n"),
    "bars": ("captions.txt", f"image| caption\nin/b.png| {TWO}\nin/a.png| {ONE}\n"),
    "no titles": ("captions.txt", f'in/b.png,"{TWO}"\nin/a.png,{ONE}\n'),
    "no titles, and commas": ("captions.txt", f"in/b.png,{TWO}\nin/a.png,{ONE}\n"),
    "no titles, a number, and commas": ("captions.csv", f"in/b.png,0,{TWO}\nin/a.png,0,{ONE}\n"),
    "no titles, the file last": ("captions.csv", f"{ONE},in/a.png\n{TWO},in/b.png\n"),
    "titles in capitals, and an index": ("metadata.csv", f',File Name,Caption\n0,in/b.png,"{TWO}"\n1,in/a.png,{ONE}\n'),
    "blanks after commas, and empty lines": (
        "metadata.csv",
        f'file_name, caption\n\nin/b.png, "{TWO}"\n\nin/a.png, {ONE}\n\n',
    ),
    "a remark and a line for Excel": (
        "metadata.csv",
        f"# mine\nsep=;\nfile_name;caption\nin/b.png;{TWO}\nin/a.png;{ONE}\n",
    ),
    "carriage returns": ("metadata.csv", f'file_name,caption\r\nin/b.png,"{TWO}"\r\nin/a.png,{ONE}\r\n'),
    "a comma without quotes": ("metadata.csv", f"file_name,caption\nin/b.png,{TWO}\nin/a.png,{ONE}\n"),
    "a comma without quotes before the file": ("metadata.csv", f"caption,file_name\n{TWO},in/b.png\n{ONE},in/a.png\n"),
    "a comma without quotes and a number": (
        "metadata.csv",
        f"file_name,width,caption\nin/b.png,8,{TWO}\nin/a.png,8,{ONE}\n",
    ),
    "another system's paths": ("metadata.csv", f'file_name,caption\n.\\in\\b.png,"{TWO}"\n./in//a.png,{ONE}\n'),
    "paths with the folder": ("metadata.csv", f'file_name,caption\nset/in/b.png,"{TWO}"\nset/in/a.png,{ONE}\n'),
    "another computer's paths": ("metadata.csv", f'file_name,caption\n/home/me/b.png,"{TWO}"\nC:\\x\\a.png,{ONE}\n'),
    "other capitals": ("metadata.csv", f'file_name,caption\nIN/B.PNG,"{TWO}"\nin/A.png,{ONE}\n'),
    "names as in addresses": ("metadata.csv", f'file_name,caption\nin%2Fb.png,"{TWO}"\nin/a.png,{ONE}\n'),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_captions_is_read_however_it_is_written(tmp_path, name):
    assert described(tmp_path, *TABLES[name]) == (READ, [LEFT])


def test_a_table_in_parquet_is_read(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (tmp_path / "set").mkdir()
    table = pyarrow.table({"file_name": ["in/b.png", "in/a.png"], "text": [TWO, ONE]})
    parquet.write_table(table, tmp_path / "metadata.parquet")
    for file in ("a.png", "b.png"):
        image(tmp_path / "set" / "in" / file)
    (tmp_path / "metadata.parquet").rename(tmp_path / "set" / "metadata.parquet")
    assert load_captioned(tmp_path / "set", 8, quiet).captions == ((ONE,), (TWO,))


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_captions_in_the_folder_of_a_split_are_read(tmp_path, split):
    for name in ("train/a.png", f"{split}/b.png"):
        image(tmp_path / name)
    (tmp_path / split / "metadata.jsonl").write_text(as_rows({"file_name": "b.png", "text": "hello"}))
    said = []
    assert load_captioned(tmp_path, 8, said.append).captions == (("hello",),) and len(said) == 1


BOTH = {"in/a.png": ("one", "two"), "in/b.png": ("three",)}
SEVERAL = {
    "several rows": ("captions.csv", "image,caption\na.png,one\nb.png,three\na.png,two\n"),
    "columns of the same name": ("metadata.csv", "file_name,caption,caption\na.png,one,two\nb.png,three,\n"),
    "a list": (
        "metadata.jsonl",
        as_rows({"file_name": "a.png", "captions": ["one", "two"]}, {"file_name": "b.png", "captions": ["three"]}),
    ),
    "a list as text": ("metadata.csv", "file_name,caption\na.png,\"['one', 'two']\"\nb.png,\"['three']\"\n"),
    "numbered columns": ("metadata.csv", "file_name,caption_0,caption_1\na.png,one,two\nb.png,three,\n"),
    "as in Flickr30k": (
        "results.csv",
        "image_name| comment_number| comment\na.png| 0| one\na.png| 1| two\nb.png| 0| three\n",
    ),
    "as in Flickr8k": ("Flickr8k.token.txt", "a.png#0\tone\na.png#1\ttwo\nb.png#0\tthree\n"),
    "as in Karpathy's splits": (
        "dataset.json",
        json.dumps(
            {
                "images": [
                    {"filename": "a.png", "sentences": [{"raw": "one"}, {"raw": "two"}]},
                    {"filename": "b.png", "sentences": [{"raw": "three"}]},
                ]
            }
        ),
    ),
    "lines beside an image": ("in/a.txt", "one\ntwo\n"),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_all_captions_of_an_image_are_read(tmp_path, name):
    if name.startswith("lines"):
        (tmp_path / "set" / "in").mkdir(parents=True)
        (tmp_path / "set" / "in" / "b.txt").write_text("three")
    assert described(tmp_path, *SEVERAL[name]) == (BOTH, [LEFT])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_found_in_either_form_of_unicode(tmp_path, form):
    image(tmp_path / unicodedata.normalize("NFD" if form == "NFC" else "NFC", "café/été.png"))
    name = unicodedata.normalize(form, "café/été.png")
    (tmp_path / "metadata.csv").write_text(f"file_name,caption\n{name},summer\n", encoding="utf-8")
    assert load_captioned(tmp_path, 8, quiet).captions == (("summer",),)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "ein Bär"),
        ("cp1252", "café"),
        ("utf-8-sig", "ein Bär am Fluss"),
        ("utf-16", "ein Bär am Fluss"),
        ("cp1252", "ein großer Bär, der über den Fluss springt und dann schläft"),
        ("cp1251", "медведь у реки ловит рыбу"),
        ("shift_jis", "川のそばにいる大きな熊が魚を食べる"),
        ("gb18030", "一只大熊在河边抓鱼吃"),
    ],
)
def test_other_encodings_are_found_and_said(tmp_path, encoding, text):
    read, said = described(tmp_path, "metadata.csv", f'file_name,caption\nin/a.png,"{text}"\n', encoding)
    assert read["in/a.png"] == (text,)
    assert ("not in UTF-8" in said[0]) == (not encoding.startswith("utf"))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "metadata.csv",
            "image,words\nx.png,hello\n",
            "No row of 'metadata.csv' names an image of its folder: it names x.png",
        ),
        ("metadata.csv", "", "needs rows with a column file_name, and has no column, and no rows"),
        ("metadata.csv", "file_name,caption\n", "has file_name, caption, and no rows"),
        ("metadata.csv", "file_name,caption\nb.png,hello\nc.png,hello\n", "it names b.png, c.png"),
        (
            "metadata.csv",
            "file_name,caption,subject\na.png,a flower, in the red evening\n",
            "Row 2 of 'metadata.csv' may have a part of the text in the column 'subject': put",
        ),
        (
            "metadata.csv",
            'file_name,caption\na.png,"a rose\na.png,another\na.png,third"\n',
            "Row 4 of 'metadata.csv' ends a quoted text that holds other rows",
        ),
        (
            "metadata.csv",
            "file_name,caption,subject\na.png,a red, round rose,rose\n",
            "Row 2 of 'metadata.csv' has 4 cells",
        ),
        (
            "metadata.csv",
            'file_name,caption\na.png,"a rose\nb.png,another\n',
            "of 'metadata.csv' cannot be read .* quotes",
        ),
        ("metadata.csv", 'file_name,caption\na.png,"a rose" in red\n', "Row 2 of 'metadata.csv' cannot be read"),
        ("metadata.csv", "file_name,caption\na.png,\0\1\2\0\n", "'metadata.csv' is not a text file"),
        ("metadata.jsonl", '{"file_name": "a.png"}\n{oh\n', "Row 2 of 'metadata.jsonl' is not JSON"),
        ("metadata.jsonl", "3\n", "'metadata.jsonl' is no table"),
        ("metadata.json", "[1, 2]", "'metadata.json' is no table"),
        ("metadata.parquet", "no", "'metadata.parquet' is not a parquet file"),
        ("captions.csv", 'file,text\na.png,"oh', "Row 2 of 'captions.csv' cannot be read"),
        ("a.txt", "   ", "has no captions: put a text file of the same name .*--captions-from-classes"),
        ("a.txt", "0 0.5 0.5 0.25 0.25", "has no captions"),
        ("else.txt", "about nothing", "has no captions: put a text file of the same name"),
        ("metadata.csv", "file_name,title\na.png,hello\n", r"has no captions \(its columns are title\)"),
        ("metadata.csv", "file_name,caption\na.png,\n", "has no captions"),
    ],
)
def test_a_folder_that_is_wrong_is_refused_in_one_sentence(tmp_path, name, text, sentence):
    image(tmp_path / "a.png")
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence) as problem:
        load_captioned(tmp_path, 8, lambda sentence: None)
    assert "\n" not in str(problem.value)


def test_a_few_lines_in_another_encoding_do_not_change_the_others(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        image(tmp_path / name)
    rows = ["a.png,schön", "b.png,größer", "c.png,Bär"]
    data = [row.encode("cp1252" if row[0] == "c" else "utf-8") for row in rows]
    (tmp_path / "metadata.csv").write_bytes(b"\n".join([b"file_name,caption", *data]))
    said = []
    assert load_captioned(tmp_path, 8, said.append).captions == (("schön",), ("größer",), ("Bär",))
    assert said == [
        "'metadata.csv' is not in UTF-8 and was read as cp1252 in some lines: save it as UTF-8 if letters look wrong."
    ]


def test_texts_beside_images_fill_what_a_table_does_not_say(tmp_path):
    for name in ("a.png", "b.png"):
        image(tmp_path / name)
        (tmp_path / name).with_suffix(".txt").write_text(f"beside {name}")
    (tmp_path / "metadata.jsonl").write_text(as_rows({"file_name": "a.png", "text": "table"}))
    assert load_captioned(tmp_path, 8, quiet).captions == (("table",), ("beside b.png",))


def test_a_number_may_name_an_image(tmp_path):
    image(tmp_path / "17.png")
    (tmp_path / "metadata.jsonl").write_text(as_rows({"id": 17, "caption": "hello"}))
    assert load_captioned(tmp_path, 8, quiet).captions == (("hello",),)


def test_rows_without_an_image_are_counted_and_named_and_one_that_means_two_is_refused(tmp_path):
    for name in ("one/a.png", "two/a.png", "two/b.png"):
        image(tmp_path / name)
    (tmp_path / "metadata.csv").write_text("file_name,caption\nb.png,hello\nz.png,lost\none/b.png,lost\n")
    said = []
    assert load_captioned(tmp_path, 8, said.append).captions == (("hello",),)
    assert said[0] == "2 of 3 rows of 'metadata.csv' name images that are not there: z.png, one/b.png."
    (tmp_path / "metadata.csv").write_text("file_name,caption\na.png,hello\n")
    with pytest.raises(ValueError, match=r"Row 2 .* several images \(one/a.png, two/a.png\): write their folder"):
        load_captioned(tmp_path, 8, quiet)


def test_a_folder_with_a_text_beside_every_image(tmp_path):
    for name in ("a.png", "deep/b.png", "c.jpg", "d.png"):
        image(tmp_path / name)
    (tmp_path / "a.txt").write_text("\ufeffein Bär, \n links", encoding="utf-8")
    (tmp_path / "deep" / "b.txt").write_bytes("ein großer Bär über dem Fluss".encode("cp1252"))
    (tmp_path / "c.jpg.caption").write_text("a fox")
    (tmp_path / "d.json").write_text('{"caption": "an owl", "width": 8}')
    said = []
    found = load_captioned(tmp_path, 8, said.append)
    assert found.captions == (
        ("ein Bär, links",),
        ("a fox",),
        ("an owl",),
        ("ein großer Bär über dem Fluss",),
    )
    assert found.subjects == ("",) * 4 and len(said) == 1 and "'b.txt' is not in UTF-8" in said[0]


@pytest.mark.parametrize("texts", ["captions", "text_c10", "txt"])
def test_texts_in_a_folder_of_their_own_are_found(tmp_path, texts):
    for name in ("bird/1", "fish/1", "fish/2"):
        image(tmp_path / "images" / f"{name}.jpg")
        (tmp_path / texts / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / texts / f"{name}.txt").write_text(f"{name} says\nsomething")
    found = load_captioned(tmp_path, 8, quiet)
    assert found.captions == tuple((f"{name} says", "something") for name in ("bird/1", "fish/1", "fish/2"))


def test_columns_of_a_table_are_labels_subjects_and_splits(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        image(tmp_path / name)
    rows = "file_name,caption,subject,category,label,split\na.png,A,fox,animals,10,train\nb.png,B,,,9,val\n"
    (tmp_path / "metadata.csv").write_text(rows)
    said = []
    found = load_captioned(tmp_path, 8, said.append)
    assert (found.captions, found.subjects, found.categories) == ((("A",), ("B",)), ("fox", ""), ("animals", ""))
    dataset = load_images(tmp_path, 8, said.append)
    assert (dataset.classes, dataset.labels.tolist(), dataset.split.tolist()) == (("9", "10"), [1, 0], [0, 1])
    assert said[1] == "Left out 1 of 3 images without a label: c.png."


@pytest.mark.parametrize(
    ("name", "text", "classes", "labels"),
    [
        ("train.txt", "a.png 0\nb.png 1\nc.png 1\nd.png 0\n", ("0", "1"), [0, 1, 1, 0]),
        ("labels.csv", "a.png,cat\nb.png,red dog\nc.png,red dog\nd.png,cat\n", ("cat", "red dog"), [0, 1, 1, 0]),
        ("labels.csv", "file,label,label_name\na.png,1,cat\nb.png,0,dog\nc.png,0,dog\n", ("dog", "cat"), [1, 0, 0]),
        ("labels.csv", "file,label,label_name\na.png,1,cat\nb.png,0,dog\nc.png,0,fox\n", ("0", "1"), [1, 0, 0]),
        ("labels.csv", "file,label_name\na.png,cat\nb.png,dog\n", ("cat", "dog"), [0, 1]),
    ],
)
def test_labels_are_found_without_titles_and_named_by_another_column(tmp_path, name, text, classes, labels):
    for file in ("a.png", "b.png", "c.png", "d.png"):
        image(tmp_path / file)
    (tmp_path / name).write_text(text)
    found = load_images(tmp_path, 8, lambda sentence: None)
    assert (found.classes, found.labels.tolist()) == (classes, labels)


def test_short_captions_that_come_again_stay_captions_in_a_file_that_is_called_so(tmp_path):
    read, _ = described(tmp_path, "captions.txt", "in/a.png,a fox\nin/b.png,a fox\n")
    assert read == {"in/a.png": ("a fox",), "in/b.png": ("a fox",)}


@pytest.mark.parametrize("nothing", ["nan", "NA", "None", "null"])
def test_a_cell_that_says_nothing_is_no_caption(tmp_path, nothing):
    assert described(tmp_path, "captions.csv", f'file,caption\na.png,{ONE}\nb.png,"{TWO}"\nc.png,{nothing}\n') == (
        READ,
        [LEFT],
    )


def test_columns_of_yes_and_no_in_a_table_are_attributes(tmp_path):
    for name in ("a.png", "b.png"):
        image(tmp_path / name)
    (tmp_path / "metadata.csv").write_text("file_name,wearing_hat,smiling\na.png,True,false\nb.png,False,\n")
    dataset = load_images(tmp_path, 8, quiet)
    assert (dataset.attributes, dataset.labels.tolist()) == (("wearing hat", "smiling"), [[1, -1], [-1, 0]])


@pytest.mark.parametrize("name", ["none", "broken.parquet"])
def test_what_is_not_there_or_is_broken_is_refused(tmp_path, name):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ValueError, match="There is no file or folder|is not a parquet file"):
        load_captioned(tmp_path / name, 8, quiet)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("README.txt", "The photos\n\na.png, b.png, and more, all by Ann\n"),
        ("notes.txt", "a.png, b.png\nsee, also, this, one"),
        ("license.txt", "a.png: CC BY 4.0, John, 2019\nb.png: CC BY 4.0, Ann, 2020\n"),
        ("image_credits.csv", "file,author\na.png,John\nb.png,Ann\n"),
        ("sample_submission.csv", "id,label\na,0\nb,0\n"),
        ("files.json", '["a.png", "b.png"]'),
        ("found.csv", 'file,title\na.png,"oh'),
        ("coco.json", '{"annotations": ["a.png is a cat"]}'),
        ("coco.json", '{"annotations": [{"image_id": 1, "caption": "x"}], "images": 3}'),
        ("deep.json", "[" * 100_000),
        ("long.json", "1" * 5000),
    ],
)
def test_a_file_about_a_set_that_is_no_table_of_it_does_not_stop_the_others(tmp_path, name, text):
    for each in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / each)
    (tmp_path / "captions.csv").write_text("file,caption\na.png,one\nb.png,two\n")
    (tmp_path / name).write_text(text)
    read = load_captioned(tmp_path, 8, lambda words: None)
    assert read.captions == (("one",), ("two",))
    assert load_images(tmp_path, 8, lambda words: None).labels is None
    if "license" not in name and "README" not in name:
        assert any(name in note for note in read_table(tmp_path).notes)


def test_odd_ids_and_brackets_beyond_counting_are_no_failure(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    coco = {"images": [{"id": [1], "file_name": "a.png"}], "annotations": [{"image_id": [1], "caption": "a cat"}]}
    (tmp_path / "captions.json").write_text(json.dumps(coco))
    (tmp_path / "a.json").write_text("[" * 100_000)
    assert load_captioned(tmp_path, 8, pytest.fail).captions == (("a cat",),)
    (tmp_path / "metadata.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="'metadata.json' is not JSON") as problem:
        read_table(tmp_path)
    assert len(str(problem.value)) < 300


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085", "\x0c", "\x1c"])
def test_a_caption_in_json_lines_may_hold_any_mark_but_the_end_of_a_line(tmp_path, mark):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    rows = [{"file_name": "a.png", "text": f"one{mark}two"}, {"file_name": "a.png", "text": "three"}]
    text = "\r\n".join(json.dumps(row, ensure_ascii=mark < " ") for row in rows)
    (tmp_path / "metadata.jsonl").write_bytes(text.encode())
    assert load_captioned(tmp_path, 8, pytest.fail).captions == (("one two", "three"),)


@pytest.mark.parametrize("other", ["metadata_old.csv", "backup.csv", "a_first.jsonl"])
def test_where_two_tables_differ_metadata_is_right_and_the_other_one_is_named(tmp_path, other):
    for each in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / each)
    (tmp_path / "metadata.csv").write_text("file_name,caption\na.png,new\nb.png,same\n")
    old = "file_name,caption\na.png,old\nb.png,same\n"
    if other.endswith("jsonl"):
        old = as_rows({"file_name": "a.png", "caption": "old"})
    (tmp_path / other).write_text(old)
    said = []
    assert load_captioned(tmp_path, 8, said.append).captions == (("new",), ("same",))
    assert said == [f"Left out {other!r}: in the column 'caption' it says something else than the metadata."]


def test_tables_that_differ_in_the_classes_are_refused_unless_one_is_called_metadata(tmp_path):
    for each in ("one/a.png", "two/a.png", "b.png"):
        image(tmp_path / each)
    for name, number in (("train.csv", 1), ("train_old.csv", 2)):
        (tmp_path / name).write_text(f"id,label\nb,{number}\n")
    with pytest.raises(ValueError, match="'train_old.csv' and 'train.csv' differ in the column 'label': call the one"):
        read_table(tmp_path)
    (tmp_path / "train_old.csv").write_text("id,label\na,1\n")  # which can mean two images
    notes = read_table(tmp_path).notes
    assert any(note.startswith("'train_old.csv' is not read as a table. Row 2 ") for note in notes)


def test_several_tables_of_a_folder_are_put_together_and_said(tmp_path):
    for each in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / each)
    (tmp_path / "metadata.csv").write_text("file_name,caption\na.png,one\n")
    (tmp_path / "more.csv").write_text("file_name,caption,label\na.png,one,x\nb.png,two,y\n")
    table = read_table(tmp_path)
    assert table.columns == {"caption": [["one"], ["two"]], "label": ["x", "y"]}
    assert table.notes == ("Read 2 tables: metadata.csv, more.csv.",)


# Captions made of class and colour


PETALS = {
    "red": (200, 20, 30),
    "yellow": (240, 210, 20),
    "white": (240, 238, 235),
    "purple": (120, 50, 180),
    "pink": (240, 130, 190),
    "orange": (240, 130, 10),
}


@pytest.mark.parametrize(
    ("name", "colour"),
    [*PETALS.items(), ("blue", (50, 50, 200)), ("", (70, 40, 20)), ("", (30, 90, 30)), ("", (20, 20, 20))],
)
def test_petals_are_named_and_the_meadow_is_not(name, colour):
    assert petals(flower(colour)[None]) == [name]
    assert petals(flower(colour, around=(10, 12, 10))[None]) == [name]  # nor the night


def test_hue_saturation_and_value_are_those_of_pil():
    images = torch.randint(0, 256, (2, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    hue, saturation, value = hsv(images)
    theirs = torch.stack(
        [torch.from_numpy(np.array(Image.fromarray(image.permute(1, 2, 0).numpy()).convert("HSV"))) for image in images]
    ).float()
    away = (hue / 360 * 255 - theirs[..., 0] + 127.5) % 255 - 127.5
    assert away.abs().max() < 2.5 and (255 * saturation - theirs[..., 1]).abs().max() < 1.5
    torch.testing.assert_close(255 * value, theirs[..., 2], rtol=0, atol=0.01)


def test_captions_name_class_name_and_colour_in_several_ways_and_always_the_same(tmp_path):
    images = torch.stack([flower(PETALS[name]) for name in ("red", "yellow")] * 5)
    dataset = ImageSet(images, torch.tensor([0, 1] * 5), ("roses", "yellow iris"))
    said, class_names = flower_captions(dataset)
    assert class_names == ("rose", "yellow iris") * 5 and (said, class_names) == flower_captions(dataset)
    assert all("red rose" in text for text in said[::2]) and all(
        "yellow iris" in text and "yellow yellow" not in text for text in said[1::2]
    )
    assert len(set(said)) == 2 * len(TEMPLATES)


def test_captions_of_classes_are_made_only_when_asked_for_and_said(tmp_path):
    images = torch.zeros(6, 3, 8, 8, dtype=torch.uint8)
    save_images(tmp_path / "p.parquet", ImageSet(images, torch.tensor([0, 1] * 3), ("grey_wolf", "fox")))
    with pytest.raises(ValueError, match="p.parquet has no captions .*--captions-from-classes"):
        load_captioned(tmp_path / "p.parquet", 8, quiet)
    said = []
    found = load_captioned(tmp_path / "p.parquet", 8, said.append, from_classes=True)
    assert found.made and found.subjects == ("grey wolf", "fox") * 3 and found.captions[0] == ("grey wolf",)
    assert all(name in text for (text,), name in zip(found.captions, found.subjects, strict=True))
    assert said == ["Nobody wrote captions for p.parquet: they are made of its classes, for example 'grey wolf'."]


def test_captions_of_public_flowers_are_made_and_said(monkeypatch):
    flowers = ImageSet(torch.stack([flower(PETALS["red"])] * 2), torch.tensor([0, 1]), ("roses", "tulips"), "Flowers")
    monkeypatch.setattr(captions, "load_images", lambda *_: flowers)
    said = []
    found = load_captioned("flowers", 32, said.append)
    assert found.made and found.captions[0] == ("a red rose flower",) and set(found.categories) == {"flowers"}
    assert len(said) == 1 and said[0].startswith("Nobody wrote captions for Flowers")


def test_no_colour_is_named_where_none_is_clear():
    assert (
        caption("tulip", "", False, 0) == "a tulip flower"
        and caption("globe flower", "yellow", True, 0) == "a yellow globe flower, blurred"
    )


def test_a_image_that_was_enlarged_is_called_blurred():
    sharp = torch.randint(0, 256, (3, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    large = torch.nn.functional.interpolate(sharp.float(), scale_factor=3, mode="bicubic").clamp(0, 255).to(torch.uint8)
    flat = torch.full((1, 3, 32, 32), 200, dtype=torch.uint8)
    assert blurred(sharp) == [False] * 3 and blurred(large) == [True] * 3 and blurred(flat) == [False]
    captions, _ = flower_captions(ImageSet(large, torch.zeros(3, dtype=torch.int64), ("rose",)))
    assert all(said.endswith(", blurred") for said in captions)


def test_a_set_without_captions_and_classes_cannot_be_learned_from(tmp_path):
    image(tmp_path / "a.png")
    with pytest.raises(ValueError, match="neither captions nor classes"):
        load_captioned(tmp_path, 8, quiet, from_classes=True)


# Variants


def some(n=6):
    return torch.randint(40, 200, (n, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_there_are_four_and_the_first_is_the_image_itself():
    captions = ["a calm lake"] * 6
    made = [augmented(some(), captions, variant) for variant in range(VARIANTS)]
    assert torch.equal(made[0], some()) and torch.equal(made[1], some().flip(3))
    assert all(not torch.equal(a, b) for k, a in enumerate(made) for b in made[:k])
    for variant, images in enumerate(made):
        assert torch.equal(images, augmented(some(), captions, variant)) and images.dtype == torch.uint8
        flow = images.flip(3) if variant in (1, 3) else images
        assert (flow.float() - some()).abs().mean() < 25  # mild


@pytest.mark.parametrize(
    ("said", "never"),
    [
        ("a man on the Left of a lake", "mirror"),
        ("a sign with the word HOPE", "mirror"),
        ("RIGHT-handed", "mirror"),
        ("a golden lake", "tint"),
        ("a Crimson, calm lake", "tint"),
        ("colorful fish", "tint"),
        ("a dark golden lake", "light"),
        ("a red lake at night", "light"),
        ("a black cat", "light"),
    ],
)
def test_a_change_never_makes_the_caption_wrong(said, never):
    assert len(set(ways(said))) == VARIANTS
    assert never not in {way for each in ways(said) for way in each}
    assert {way for each in ways("a calm lake") for way in each} == {"mirror", "tint"}


def test_a_image_that_says_left_is_never_mirrored():
    image = torch.zeros(1, 3, 20, 20, dtype=torch.uint8)
    image[..., :10] = 200  # bright on the left
    for variant in range(VARIANTS):
        seen = augmented(image, ["bright on the left"], variant).float()
        assert seen[..., :8].mean() > seen[..., 12:].mean() + 50
    assert augmented(image, ["bright on one side"], 1)[..., 12:].float().mean() == 200


@pytest.mark.parametrize("sign", [1, -1])
def test_each_way_changes_what_it_says_and_nothing_else(sign):
    x, grey = some(1)[0].float() / 127.5 - 1, torch.full((3, 4, 4), 0.25)
    turned = WAYS["tint"](x, sign)
    torch.testing.assert_close(turned.mean(0), x.mean(0), rtol=0, atol=1e-5)  # as bright as before
    torch.testing.assert_close(turned.square().sum(0), x.square().sum(0), rtol=1e-4, atol=1e-5)  # as strong
    torch.testing.assert_close(WAYS["tint"](grey, sign), grey)
    assert not torch.allclose(turned, WAYS["tint"](x, -sign), atol=1e-2)
    torch.testing.assert_close(WAYS["contrast"](x, sign).mean(), x.mean())
    assert (WAYS["contrast"](x, sign).std() - x.std()) * sign > 0
    assert (WAYS["light"](x, sign) - x).mean() * sign > 0
    closer = WAYS["closer"](x, sign)
    assert closer.shape == x.shape and not torch.allclose(closer, x, atol=1e-2)


def test_every_colour_that_petals_may_have_keeps_its_hue():
    for colour in COLOURS:
        assert "tint" not in {way for each in ways(f"a {colour} rose") for way in each}
