"""Balanced splits, surveys of sets, and the colours of images."""

import csv
import io
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu.data import places
from diffusion_edu.data.images import ImageSet, load_images, save_images
from diffusion_edu.data.layouts import SPLITS
from diffusion_edu.data.splits import FRACTIONS, as_csv, by_attributes, by_class, imbalance, names, split
from diffusion_edu.data.survey import Survey, average, fractions, survey
from diffusion_edu.evaluation.colours import channel_histograms, smooth_histograms, wasserstein


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def attributes(count, often, seed=0):
    """Labels 1 or -1 (count, attributes), 1 in the fractions `often`, and correlated like attributes of faces."""
    mood = torch.rand(count, 1, generator=dice(seed))
    random = 0.5 * mood + 0.5 * torch.rand(count, len(often), generator=dice(seed + 1))
    return torch.where(random < torch.tensor(often), 1, -1)


# ---------------------------------------------------------------- splits


@pytest.mark.parametrize("count", [10, 11, 97, 1024])
@pytest.mark.parametrize("given", [FRACTIONS, (0.5, 0.5), (1.0,), (0.2, 0.0, 0.8), (0.25,) * 4])
def test_every_image_is_in_exactly_one_part_and_parts_are_as_large_as_asked(count, given):
    labels = torch.randint(5, (count,), generator=dice())
    for known in (None, labels, attributes(count, (0.3, 0.5))):
        parts = split(count, given, known, seed=1)
        assert parts.shape == (count,) and parts.dtype == torch.int64 and parts.min() >= 0 and parts.max() < len(given)
        part_sizes = parts.bincount(minlength=len(given))
        slack = 1 if known is None else 2 + len(given)
        assert all(
            abs(size - fraction * count) <= slack for size, fraction in zip(part_sizes.tolist(), given, strict=True)
        )
        assert all(size == 0 for size, fraction in zip(part_sizes.tolist(), given, strict=True) if fraction == 0)


@pytest.mark.parametrize("seed", range(20))
def test_every_class_is_split_to_within_one_image(seed):
    counts = torch.randint(1, 60, (30,), generator=dice(seed))
    labels = torch.arange(30).repeat_interleave(counts)[torch.randperm(int(counts.sum()), generator=dice(seed))]
    given = torch.rand(3, generator=dice(seed)).double() + 0.05
    given = (given / given.sum()).tolist()
    parts = split(len(labels), given, labels, seed)
    for class_name, count in enumerate(counts.tolist()):
        inside = parts[labels == class_name].bincount(minlength=3)
        for size, fraction in zip(inside.tolist(), given, strict=True):
            assert int(count * fraction + 1e-9) <= size < count * fraction + 1
    assert (parts.bincount(minlength=3) - len(labels) * torch.tensor(given)).abs().max() < 2


def test_classes_of_one_image_each_are_shared_out_too():
    parts = split(100, (0.7, 0.2, 0.1), torch.arange(100), seed=0)
    assert parts.bincount().tolist() == [70, 20, 10]


def test_stratified_is_better_balanced_than_random():
    labels = torch.arange(40).repeat_interleave(torch.arange(1, 41))
    mine, random = (imbalance(labels, split(len(labels), FRACTIONS, known, seed=0)) for known in (labels, None))
    assert mine < random / 3


def test_attributes_are_split_by_iterative_stratification():
    labels = attributes(1000, (0.2, 0.25, 0.3, 0.5, 0.8))
    labels[:, 4] = torch.where(torch.arange(1000) < 7, 1, -1)  # seven images have this one
    parts = split(1000, FRACTIONS, labels, seed=3)
    assert parts[labels[:, 4] > 0].bincount(minlength=3).tolist() == [5, 1, 1]
    assert imbalance(labels, parts) < imbalance(labels, split(1000, FRACTIONS, None, seed=3)) / 2
    for at in range(5):
        have = int((labels[:, at] > 0).sum())
        inside = parts[labels[:, at] > 0].bincount(minlength=3)
        assert all(abs(size - fraction * have) <= 5 for size, fraction in zip(inside.tolist(), FRACTIONS, strict=True))


def test_the_rarest_attribute_is_given_out_first_and_where_it_is_needed_most():
    """Six images by hand with algorithm 1: b is rarer than a, so rows 4 and 5 go first, one to each half."""
    has = torch.tensor([[1, 0], [1, 0], [1, 0], [0, 0], [1, 1], [0, 1]], dtype=torch.bool)
    parts = by_attributes(has, (0.5, 0.5), torch.arange(6))
    assert parts.tolist() == [1, 0, 1, 0, 0, 1]
    assert parts[has[:, 0]].bincount().tolist() == [2, 2] and parts.bincount().tolist() == [3, 3]


def test_what_is_open_counts_as_not_there():
    labels = attributes(60, (0.4, 0.6))
    assert torch.equal(split(60, FRACTIONS, labels, 1), split(60, FRACTIONS, labels.clamp(min=0), 1))


@pytest.mark.parametrize("known", [None, torch.arange(200) % 7, attributes(200, (0.3, 0.6))])
def test_the_same_seed_gives_the_same_parts_and_another_others(known):
    first, again, other = (split(200, FRACTIONS, known, seed) for seed in (5, 5, 6))
    assert torch.equal(first, again) and not torch.equal(first, other)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    split(200, FRACTIONS, known)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("given", [(0.5, 0.6), (0.5, 0.4), (-0.1, 1.1), (float("nan"), 1.0), ()])
def test_fractions_that_do_not_add_up_are_refused_in_words(given):
    with pytest.raises(ValueError, match="add up to 1"):
        split(10, given)


def test_a_part_that_would_be_empty_is_refused_by_name():
    with pytest.raises(ValueError, match=r"10\.0% of 3 images are none at all: give validation a larger fraction"):
        split(3, FRACTIONS)
    with pytest.raises(ValueError, match="no image"):
        split(0)
    with pytest.raises(ValueError, match="3 images and 2 labels"):
        split(3, (1.0,), torch.zeros(2, dtype=torch.int64))


def test_the_order_decides_which_part_an_image_of_a_class_goes_to():
    labels = torch.zeros(10, dtype=torch.int64)
    assert by_class(labels, (0.3, 0.7), torch.arange(10)).tolist() == [0] * 3 + [1] * 7
    assert by_class(labels, (0.3, 0.7), torch.arange(9, -1, -1)).tolist() == [1] * 7 + [0] * 3


def test_parts_have_names():
    assert names((0.5, 0.5)) == SPLITS[:2] and names((0.25,) * 4)[3] == "part 4"


def test_the_table_of_a_split_can_be_read_back():
    images = torch.zeros(3, 3, 4, 4, dtype=torch.uint8)
    flowers = ImageSet(images, torch.tensor([0, 1, 0]), ("rose, wild", "tulip"))
    rows = list(csv.DictReader(io.StringIO(as_csv(["a.png", 'b"c.png', "d,e.png"], flowers, torch.tensor([0, 2, 1])))))
    assert [row["file"] for row in rows] == ["a.png", 'b"c.png', "d,e.png"] and [row["split"] for row in rows] == [
        "train",
        "test",
        "validation",
    ]
    assert rows[0]["class"] == "rose, wild"
    faces = ImageSet(images, torch.tensor([[1, -1], [-1, -1], [1, 1]]), attributes=("male", "young"))
    rows = list(csv.DictReader(io.StringIO(as_csv("abc", faces, torch.tensor([0, 0, 1])))))
    assert [row["young"] for row in rows] == ["-1", "-1", "1"]
    assert as_csv("abc", ImageSet(images), torch.tensor([0, 0, 1])).splitlines()[0] == "file,split"


# ---------------------------------------------------------------- surveys


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("b/1.png", "a/0.png", "a/2.jpg", "a/3.png")):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (20 + number, 30, 3), np.uint8)).save(path)
    (tmp_path / "set" / "b" / "twin.png").write_bytes((tmp_path / "set" / "a" / "0.png").read_bytes())
    (tmp_path / "set" / "b" / "bad.png").write_bytes(b"bad")
    return tmp_path / "set"


def test_a_survey_reads_what_load_images_reads_and_knows_each_file(folder):
    *stages, found = survey(folder, size=16)
    same = load_images(folder, 16, tell=lambda words: None)
    assert torch.equal(found.images.images, same.images) and torch.equal(found.images.labels, same.labels)
    assert (found.images.classes, found.images.source) == (same.classes, same.source) and stages == [(0, 6)]
    assert found.files == ["a/0.png", "a/2.jpg", "a/3.png", "b/1.png", "b/twin.png"]
    assert found.sides == Counter({(30, 21): 2, (30, 22): 1, (30, 23): 1, (30, 20): 1})
    assert len(found.left_out) == 1 and "bad.png" in found.left_out[0] and found.found == 6
    assert [[found.files[row] for row in rows] for rows in found.duplicates] == [["a/0.png", "b/twin.png"]]
    assert fractions(found.images) == {"a": 3, "b": 2}
    few = found.take(torch.tensor([4, 0]))
    assert few.files == ["b/twin.png", "a/0.png"] and len(few.images) == 2 and len(few.duplicates) == 1


def test_a_survey_of_a_parquet_file_knows_labels_attributes_and_splits(tmp_path):
    import pyarrow
    import pyarrow.parquet

    flowers = ImageSet(torch.randint(256, (5, 3, 16, 16), dtype=torch.uint8), torch.tensor([0, 1, 1, 0, 1]), ("x", "y"))
    save_images(tmp_path / "a.parquet", flowers)
    *_, found = survey(tmp_path / "a.parquet", 16)
    assert fractions(found.images) == {"x": 2, "y": 3} and found.files[3] == "row 3" and found.sides == {(16, 16): 5}
    table = (
        pyarrow.parquet.read_table(tmp_path / "a.parquet")
        .drop_columns("label")
        .append_column("is_red", [[True, False, False, False, True]])
    )
    pyarrow.parquet.write_table(
        table.append_column("split", [["train", "test", "train", "validation", "test"]]), tmp_path / "b.parquet"
    )
    *_, found = survey(tmp_path / "b.parquet", 16)
    assert fractions(found.images) == {"is red": 2} and found.images.split.tolist() == [0, 2, 0, 1, 2]


def test_of_many_images_some_are_sampled_by_the_seed(folder):
    (first, again, other) = ([*survey(folder, 16, most=3, seed=seed)][-1].files for seed in (0, 0, 5))
    assert first == again and len(first) <= 3 and first != other
    assert [*survey(folder, 16, most=3)][-1].found == 6


def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, folder, monkeypatch):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no image that can be read"):
        list(survey(tmp_path / "empty"))
    with pytest.raises(ValueError, match="There is no file or folder"):
        list(survey(tmp_path / "nowhere"))
    monkeypatch.setattr(places, "MOST_FILES", 3)
    with pytest.raises(ValueError, match="more than 3 files"):
        list(survey(folder))


def test_without_labels_there_are_no_fractions():
    assert fractions(ImageSet(torch.zeros(2, 3, 4, 4, dtype=torch.uint8))) == {}
    assert isinstance(
        Survey(ImageSet(torch.zeros(1, 3, 4, 4, dtype=torch.uint8)), ["a"], Counter(), ["f"], [], 1).duplicates, list
    )


def test_the_average_image_is_rounded():
    images = torch.stack([torch.zeros(3, 2, 2), torch.full((3, 2, 2), 255.0)]).to(torch.uint8)
    assert average(images).eq(128).all() and average(images).dtype == torch.uint8


# ---------------------------------------------------------------- colours


def test_values_are_counted_channel_by_channel():
    images = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    images[:, 1], images[0, 2] = 255, 10
    fractions = channel_histograms(images)
    assert fractions.shape == (3, 256) and torch.allclose(fractions.sum(1), torch.ones(3, dtype=torch.float64))
    assert fractions[0, 0] == 1 and fractions[1, 255] == 1 and fractions[2, 0] == fractions[2, 10] == 0.5


def test_smoothing_keeps_the_sum_even_at_both_ends_and_puts_weight_where_it_was():
    at = torch.zeros(3, 256, dtype=torch.float64)
    at[0, 0] = at[1, 255] = at[2, 100] = 1
    smooth = smooth_histograms(at, width=5.0)
    torch.testing.assert_close(smooth.sum(1), torch.ones(3, dtype=torch.float64))
    assert smooth.argmax(1).tolist() == [0, 255, 100]
    assert (torch.arange(256) * smooth[2]).sum() == pytest.approx(100, abs=1e-6)
    assert ((torch.arange(256) - 100) ** 2 * smooth[2]).sum() == pytest.approx(25, rel=1e-6)
    torch.testing.assert_close(
        smooth_histograms(torch.full((256,), 1 / 256, dtype=torch.float64)),
        torch.full((256,), 1 / 256, dtype=torch.float64),
    )


def test_the_distance_is_how_far_values_must_move():
    black, grey = torch.zeros(2, 3, 4, 4, dtype=torch.uint8), torch.full((2, 3, 4, 4), 40, dtype=torch.uint8)
    assert wasserstein(channel_histograms(black), channel_histograms(grey)).tolist() == [40, 40, 40]
    assert wasserstein(channel_histograms(grey), channel_histograms(grey)).tolist() == [0, 0, 0]
    some, others = (torch.randint(256, (3, 3, 8, 8), dtype=torch.uint8, generator=dice(seed)) for seed in (0, 1))
    expected = [
        (a.flatten().sort().values.double() - b.flatten().sort().values.double()).abs().mean()
        for a, b in zip(some.unbind(1), others.unbind(1), strict=True)
    ]
    torch.testing.assert_close(wasserstein(channel_histograms(some), channel_histograms(others)), torch.stack(expected))
