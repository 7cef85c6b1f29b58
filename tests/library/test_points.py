"""Point sets: all scaled alike, the same for the same seed, and files that are read or refused in words."""

import json
import math

import numpy as np
import pytest
import torch
from helpers import seeded

from diffusion_edu.data.point_files import read_points
from diffusion_edu.data.points import (
    HUGE,
    MOST,
    MOST_CLASSES,
    POINT_SETS,
    SPREAD,
    Points,
    from_coordinates,
    letters,
)


def is_scaled(x):
    assert x.dtype == torch.float32 and x.isfinite().all()
    assert x.double().mean(0).abs().max() < 1e-6
    assert x.double().square().mean().sqrt().item() == pytest.approx(SPREAD, rel=1e-5)
    return True


@pytest.mark.parametrize("n", [100, 4001])
@pytest.mark.parametrize("name", POINT_SETS)
def test_every_set_has_its_points_its_scale_and_its_classes(name, n):
    points = POINT_SETS[name](n, seeded())
    assert points.x.shape == (n, 2) and len(points) == n and is_scaled(points.x)
    assert points.labels.dtype == torch.int64 and points.labels.shape == (n,)
    assert sorted(points.labels.unique().tolist()) == list(range(len(points.classes)))
    assert len(set(points.classes)) == len(points.classes) > 1
    fraction = torch.bincount(points.labels) / n
    expected = torch.tensor([1.0, 2.0, 3.0]) / 6 if name == "rings" else torch.full_like(fraction, 1 / len(fraction))
    assert (fraction - expected).abs().max() < (0.15 if n == 100 else 0.04)
    assert points.x.abs().max() < 1.7  # about where images are


@pytest.mark.parametrize("name", POINT_SETS)
def test_a_seed_says_it_all_and_leaves_the_global_randomness_alone(name):
    before = torch.get_rng_state()
    one, same, other = (POINT_SETS[name](200, seeded(k)) for k in (3, 3, 4))
    assert torch.equal(one.x, same.x) and torch.equal(one.labels, same.labels)
    assert not torch.equal(one.x, other.x)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", POINT_SETS)
def test_even_a_single_point_is_finite(name):
    assert POINT_SETS[name](1, seeded()).x.isfinite().all()
    assert len(POINT_SETS[name](2, seeded()).x) == 2


def test_shapes_are_what_their_names_say():
    def shape(name):
        points = POINT_SETS[name](6000, seeded())
        return points.x.double(), points.labels

    x, ring = shape("rings")
    radius = x.norm(dim=1)
    means = [radius[ring == k].mean().item() for k in range(3)]
    assert means[1] / means[0] == pytest.approx(2, rel=0.02) and means[2] / means[0] == pytest.approx(3, rel=0.02)
    x, cloud = shape("eight clouds")
    centres = torch.stack([x[cloud == k].mean(0) for k in range(8)])
    angles = torch.atan2(centres[:, 1], centres[:, 0]) % (2 * math.pi)
    assert angles.sub(2 * math.pi * torch.arange(8) / 8).sin().abs().max() < 0.03
    x, _ = shape("checkerboard")
    low, high = x.amin(0), x.amax(0)
    column, row = (((x - low) / (high - low) * 4).floor().clamp(0, 3).long()).T
    assert (
        (row + column) % 2 == (row + column).mode().values % 2
    ).double().mean() > 0.97  # half of the squares are empty
    x, arm = shape("spirals")
    assert (x[arm == 0].norm(dim=1).mean() / x[arm == 1].norm(dim=1).mean()).item() == pytest.approx(1, rel=0.1)
    assert torch.cdist(x[arm == 0][:500], x[arm == 1]).min(dim=1).values.median() > 0.05
    x, moon = shape("two moons")
    assert x[moon == 0, 1].mean() > 0.2 > -0.2 > x[moon == 1, 1].mean()


def test_letters_stand_side_by_side_in_the_order_of_the_text():
    points = letters(3000, seeded(), "LIO")
    assert points.classes == ("L", "I", "O")
    assert torch.bincount(points.labels).tolist() == [1000, 1000, 1000]
    ends = [(points.x[points.labels == k, 0].min(), points.x[points.labels == k, 0].max()) for k in range(3)]
    assert ends[0][1] < ends[1][0] and ends[1][1] < ends[2][0]
    tall = points.x[points.labels == 0]
    foot, head = tall[tall[:, 1] < tall[:, 1].median()], tall[tall[:, 1] > tall[:, 1].median()]
    assert foot[:, 0].max() > head[:, 0].max() + 0.1  # an L stands on its foot


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200b", "\x00\x00", "A漢", "é", "☃"])
def test_text_that_cannot_be_drawn_is_refused_in_words(text):
    """A letter that the font lacks would be sampled as an empty box."""
    with pytest.raises(ValueError, match="at least one letter|cannot be drawn"):
        letters(100, seeded(), text)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("a b", ("a", "b")),
        ("ABCDEFGHIJK", tuple("ABCDEFGH")),
        (".", (".",)),
        ("W@W", ("W (1)", "@", "W (2)")),
        ("<&>", ("<", "&", ">")),
    ],
)
def test_strange_text_is_sampled_or_cut(text, classes):
    points = letters(200, seeded(), text)
    assert points.classes == classes and len(points) == 200 and is_scaled(points.x)


def test_fewer_points_than_letters_are_no_mistake():
    assert len(letters(2, seeded(), "ABC")) == 2


def test_coordinates_are_centred_scaled_and_keep_their_shape():
    given = torch.tensor([[100.0, 5.0], [104.0, 5.0], [102.0, 9.0]])
    points = from_coordinates(given)
    assert is_scaled(points.x) and points.labels is None and points.classes == ()
    ratio = torch.cdist(points.x, points.x) / torch.cdist(given, given).clamp(min=1e-9)
    assert (
        ratio[0, 1].item() == pytest.approx(ratio[0, 2].item(), rel=1e-4) == pytest.approx(ratio[1, 2].item(), rel=1e-4)
    )


@pytest.mark.parametrize("guidance_scale", [1e-40, 1e-12, 1.0, 1e20, 9e29])
def test_tiny_and_large_coordinates_end_on_the_same_scale(guidance_scale):
    """Some sets are in metres, some in atoms."""
    points = from_coordinates(
        guidance_scale * torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [-0.5, 0.3]], dtype=torch.float64)
    )
    assert is_scaled(points.x)


def test_more_points_are_sampled_from_those_that_are_there_and_moved_a_little():
    given = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    still = from_coordinates(given, ["a", "b", "a"], n=500, generator=seeded())
    places = from_coordinates(given).x
    chosen = torch.cdist(still.x, places).argmin(dim=1)
    assert torch.equal(still.x, places[chosen]) and len(still) == 500
    assert torch.equal(still.labels, torch.tensor([0, 1, 0])[chosen]) and still.classes == ("a", "b")
    moved = from_coordinates(given, n=500, generator=seeded(), jitter=0.01)
    assert (moved.x - places[chosen]).std().item() == pytest.approx(0.01, rel=0.1)


def refused(x, words, labels=None):
    with pytest.raises(ValueError, match=words):
        from_coordinates(x, labels)


def test_what_is_no_set_is_refused_in_words():
    refused([], "3 to 100,000 points, not 0")
    refused([[0.0, 0.0], [1.0, 1.0]], "not 2")
    refused(torch.rand(MOST + 1, 2), "not 100,001")
    refused([[0.0, 0.0], [1.0, math.nan], [1.0, 0.0]], "finite number")
    refused([[0.0, 0.0], [1.0, -math.inf], [1.0, 0.0]], "finite number")
    refused([[0.0, 0.0], [1.0, HUGE], [1.0, 0.0]], "finite number, smaller than 1e\\+30")
    refused([[2.0, 3.0]] * 5, "on top of each other")
    refused(
        np.random.default_rng(0).random((60, 2)),
        f"60 different classes, and at most {MOST_CLASSES} are allowed",
        [str(k) for k in range(60)],
    )


LINES = [(0.5, -1.0), (2.0, 3.5), (-4.0, 0.25), (1e1, 1.0)]


@pytest.mark.parametrize("between", [",", ", ", ";", " ; ", "\t", " ", "   "])
@pytest.mark.parametrize("title", ["", "x{0}y\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_usual_files_are_read(between, title, end, mark):
    text = title.format(between) + end.join(f"{x}{between}{y}" for x, y in LINES) + end
    points = read_points(mark + text.encode())
    torch.testing.assert_close(points.x, from_coordinates(LINES).x)
    assert points.labels is None and points.classes == ()


def test_decimal_commas_are_read_where_semicolons_or_tabs_separate():
    for between in (";", "\t"):
        text = "\n".join(f"{x}{between}{y}".replace(".", ",") for x, y in LINES)
        torch.testing.assert_close(read_points(text.encode()).x, from_coordinates(LINES).x)


def test_a_third_column_names_the_classes_in_the_order_of_the_alphabet():
    points = read_points(b'x,y,kind\n0,0,"rose"\n1,0,iris\n0,1,rose\n1,1,\n')
    assert points.classes == ("iris", "none", "rose")
    assert points.labels.tolist() == [2, 0, 2, 1]
    assert read_points("0 0 ä\n1 0 b\n0 1 ä\n".encode()).classes == ("b", "ä")
    assert read_points(b"0,0,\n1,0,\n0,1,\n").labels is None
    assert read_points(b"0,0,a,more\n1,0,b,columns\n0,1,a,are\n").classes == ("a", "b")


FOUR = [(0.5, -1.5), (2.5, 3.5), (-4.0, 0.25), (1.5, 1.5)]
ROWS = [f"{x},{y}" for x, y in FOUR]
NAMED = ["rose", "iris", "rose", "iris"]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"{row},{name}" for row, name in zip(ROWS, NAMED, strict=True)),
        "\n".join(f"{name},{row}" for row, name in zip(ROWS, NAMED, strict=True)),
        ",x,y,kind\n" + "\n".join(f"{k},{row},{NAMED[k]}" for k, row in enumerate(ROWS)),
        "Unnamed: 0,x,y,kind\n" + "\n".join(f"{k + 17},{row},{NAMED[k]}" for k, row in enumerate(ROWS)),
        "ID;X;Y;Class\n" + "\n".join(f"{k};{row.replace(',', ';')};{NAMED[k]}" for k, row in enumerate(ROWS)),
        "kind,x,y\n" + "\n".join(f"{name},{row}" for row, name in zip(ROWS, NAMED, strict=True)),
        "y,label,x\n" + "\n".join(f"{y},{NAMED[k]},{x}" for k, (x, y) in enumerate(FOUR)),
        "lat,lon,name\n" + "\n".join(f"{y},{x},{NAMED[k]}" for k, (x, y) in enumerate(FOUR)),
        "width,length,remark,species\n" + "\n".join(f"{row},,{NAMED[k]}" for k, row in enumerate(ROWS)),
        '"x","y","kind"\n' + "\n".join(f'"{k + 1}",{row},"{NAMED[k]}"' for k, row in enumerate(ROWS)),
        "# x y kind\n" + "\n".join(f"{row} {NAMED[k]}".replace(",", " ") for k, row in enumerate(ROWS)),
        "\n".join(f"{k},{row},{NAMED[k]}" for k, row in enumerate(ROWS)),
        "user_id,x_pos,y_pos,kind\n" + "\n".join(f"{k * 7},{row},{NAMED[k]}" for k, row in enumerate(ROWS)),
        "userId,width,length,kind\n" + "\n".join(f"{k * 7},{row},{NAMED[k]}" for k, row in enumerate(ROWS)),
        "weight,x (mm),y (mm),kind\n" + "\n".join(f"{k * 7},{row},{NAMED[k]}" for k, row in enumerate(ROWS)),
        "# made, by me\n# in 2024\n" + "\n".join(f"{row},{name}" for row, name in zip(ROWS, NAMED, strict=True)),
        "# made by me\nx,y,kind\n" + "\n".join(f"{row},{name}" for row, name in zip(ROWS, NAMED, strict=True)),
        json.dumps([[*row, name] for row, name in zip(FOUR, NAMED, strict=True)]),
        json.dumps({"points": [{"kind": name, "x": x, "y": y} for (x, y), name in zip(FOUR, NAMED, strict=True)]}),
        "\n".join(f"{k + 1} {row} {NAMED[k]}".replace(",", " ") for k, row in enumerate(ROWS)),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_columns_are_found_by_their_titles_and_an_index_is_passed_over(text, encoding):
    points, expected = read_points(text.encode(encoding)), from_coordinates(FOUR, NAMED)
    torch.testing.assert_close(points.x, expected.x)
    assert (points.classes, points.labels.tolist()) == (expected.classes, expected.labels.tolist())


@pytest.mark.parametrize("remarks", ["# one\n# two\n", "# made\n", "# in 2024\n\n# x y\n"])
def test_remarks_at_the_start_are_passed_over(remarks):
    text = remarks + "\n".join(f"{x} {y}" for x, y in LINES)
    torch.testing.assert_close(read_points(text.encode()).x, from_coordinates(LINES).x)


def test_a_class_in_quotes_may_hold_the_separator():
    assert read_points(b'x,y,label\n0,0,"red, dark"\n1,0,blue\n0,1,blue\n').classes == ("blue", "red, dark")
    assert read_points(b'0 0 "dark red"\n1  0  blue\n0 1 blue\n').classes == ("blue", "dark red")


def test_whole_numbers_are_classes_however_they_are_written():
    text = b"0.00e+00 0.00e+00 0.000e+00\n1.0 0.0 1.000e+00\n0.0 1.0 1\n"  # as numpy.savetxt writes them
    assert read_points(text).classes == ("0", "1")
    assert read_points(b"0,0,1\n1,0,2\n2,5,1\n").classes == ("1", "2")  # x counts, and is no index


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not 0"),
        (b"\n\n", "not 0"),
        (b"x,y\n", "not 0"),
        (b"0,0\n1,1\n", "not 2"),
        (b"0,0\n1,1\nx,y\n2,2\n", "Line 3 does not begin with two numbers: 'x,y'"),
        (b"0,0\n1\n2,2\n", "Line 2 does not begin with two numbers: '1'"),
        (b"x,y\nalpha,beta\n", "Line 2"),
        (b"0,0\n1,\n2,2\n", "Line 2"),
        (b"0,0\n1,nan\n2,2\n", "finite"),
        (b"0,0\n1,1e999\n2,2\n", "finite"),
        (b"0,0\n1,1e300\n2,2\n", "finite"),
        (b"1,1\n1,1\n1,1\n", "on top of each other"),
        (b"0,0\n" + b"a" * 500_000, "Line 2 .*'aaaa"),
        (b'0,0\n"1,1\n2,2\n' * 3 + b'"', "Line"),
        (b"\xff\xfe0\x00,\x000\x00", "not 1"),
        (b"id,width,length\n0,1.0,2.0\n1,x,4.0\n2,1,1\n", "Line 3 has no numbers in columns 2, 3"),
        (b"x,y,z\n0,0,0.25\n1,0,0.5\n0,1,1.75\n", "Column 3 holds numbers such as 0.25, which are no classes"),
        (b"x,y,z\n0,0,1\n1,0,2\n0,1,3\n", "Column 3 holds numbers: leave it out, or call it label"),
        (b"1,5,2,5\n2,5,3,5\n0,1,0,2\n", "Line 1 holds 4 numbers: write decimals with points"),
        (b'{"a": 1}', "looks like JSON"),
        (b"[1, 2, 3]", "looks like JSON"),
        (b"[[0, 1], [2", "looks like JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not a text file"),
        ("\n".join(f"{k},{k * k},{k}" for k in range(200)).encode(), "200 different classes"),
    ],
)
def test_files_that_cannot_be_read_are_refused_in_words_that_name_the_line(text, words):
    with pytest.raises(ValueError, match=words) as refusal:
        read_points(text)
    assert len(str(refusal.value)) < 200 and "\n" not in str(refusal.value)


def test_a_file_can_be_sampled_from_like_any_other_set():
    points = read_points(b"0,0,a\n1,0,b\n0,1,a\n", n=100, generator=seeded(), jitter=0.02)
    assert isinstance(points, Points) and len(points) == len(points.labels) == 100
