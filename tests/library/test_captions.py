"""Images with captions: read from files and folders, made from class and colour, and augmented in line with them."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu.data.augment import VARIANTS, WAYS, augmented, ways
from diffusion_edu.data.captions import load_captioned
from diffusion_edu.data.flower_captions import COLOURS, TEMPLATES, blurred, caption, flower_captions, hsv, petals
from diffusion_edu.data.images import ImageSet, save_images

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
        ("a red square", "a blue square"),
        ("red", "blue"),
        ("r", "b"),
    )
    assert found.images.shape == (2, 3, 8, 8) and found.images[:, :, 4, 4].tolist() == [[200, 0, 0], [0, 0, 200]]
    assert not found.made and len(found) == 2 and found.source == "p.parquet"
    assert len(said) == 2 and "1 of 4 images in p.parquet have no caption" in said[0] and "Left out row 1" in said[1]


def test_a_folder_with_a_text_beside_every_image(tmp_path):
    image(tmp_path / "a.png", (200, 0, 0))
    image(tmp_path / "deep" / "b.png", (0, 0, 200))
    (tmp_path / "a.txt").write_text("\ufeffein Bär, \n links", encoding="utf-8")
    (tmp_path / "deep" / "b.txt").write_bytes(b"bad byte \xff here")
    found = load_captioned(tmp_path, 8, quiet)
    assert found.captions == ("ein Bär, links", "bad byte \ufffd here")
    assert found.images[:, 0, 4, 4].tolist() == [200, 0] and found.subjects == ("", "")


@pytest.mark.parametrize(
    ("name", "columns"),
    [("metadata.csv", ("file_name", "caption")), ("metadata.csv", ("file_name", "text")), ("metadata.jsonl", None)],
)
def test_a_folder_with_a_table(tmp_path, name, columns):
    for file in ("a.png", "b.png", "c.png"):
        image(tmp_path / "in" / file)
    rows = [("in/b.png", 'a "second", one', "bear"), ("in/a.png", "a first one", ""), ("in/z.png", "not there", "")]
    if columns:
        text = f"{columns[0]},{columns[1]},subject\n" + "".join(
            f'{file},"{sentence.replace(chr(34), 2 * chr(34))}",{subject}\n' for file, sentence, subject in rows
        )
    else:
        text = "".join(
            json.dumps({"file_name": file, "text": sentence, "subject": subject}) + "\n"
            for file, sentence, subject in rows
        )
    (tmp_path / name).write_text(text)
    said = []
    found = load_captioned(tmp_path, 8, said.append)
    assert (found.captions, found.subjects) == (("a first one", 'a "second", one'), ("", "bear"))
    assert len(said) == 1 and "Left out z.png" in said[0] and "No such file" in said[0]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("metadata.csv", "image,words\na.png,hello\n", "check its metadata file, with a column file_name"),
        ("metadata.csv", "", "check its metadata file"),
        ("metadata.jsonl", "{oh", "cannot be read .*: check its metadata file"),
        ("metadata.jsonl", "3\n", "cannot be read .*: check its metadata file"),
        ("a.txt", "   ", "No image in .* has a caption: put a text file"),
        ("else.txt", "about nothing", "has neither captions nor classes: put a text file of the same name"),
    ],
)
def test_a_folder_that_is_wrong_is_refused_in_one_sentence(tmp_path, name, text, sentence):
    image(tmp_path / "a.png")
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence) as problem:
        load_captioned(tmp_path, 8, lambda sentence: None)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize("name", ["none", "broken.parquet"])
def test_what_is_not_there_or_is_broken_is_refused(tmp_path, name):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ValueError, match="There is no file or folder|is not a parquet file"):
        load_captioned(tmp_path / name, 8, quiet)


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
    captions, class_names = flower_captions(dataset)
    assert class_names == ("rose", "yellow iris") * 5 and (captions, class_names) == flower_captions(dataset)
    assert all("red rose" in said for said in captions[::2]) and all(
        "yellow iris" in said and "yellow yellow" not in said for said in captions[1::2]
    )
    assert len(set(captions)) == 2 * len(TEMPLATES)
    save_images(tmp_path / "p.parquet", dataset)
    found = load_captioned(tmp_path / "p.parquet", 32, quiet)
    assert (found.captions, found.subjects, set(found.categories), found.made) == (
        captions,
        class_names,
        {"flowers"},
        True,
    )


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
        load_captioned(tmp_path, 8, quiet)


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
