"""A person in a real browser: makes an image larger, looks more closely at the same place of every version, and hands in one of their own."""

import io
import re

import numpy as np
from browser import MARKS, is_a_image, pixels
from PIL import Image

pytestmark = MARKS
PAGE = "/Edit_studio?tab=Enlarge&small=one+of+ours&class_name=sunflower&larger=2+%C3%97&large_steps=2"


def looking(page):
    """Where the magnifying glass is, and how many pixels of the screen one of the image takes in it and outside it."""
    glass = page.locator(".magnifier[data-at]")
    glass.wait_for()
    left, top = map(int, glass.get_attribute("data-at").split(","))
    return left, top, int(glass.get_attribute("data-zoom")), int(glass.get_attribute("data-closer"))


def detail(page, name):
    return pixels(page, f"canvas[data-detail={name}]")


def whole(page, name):
    return pixels(page, f"canvas[data-pane={name}]")


def test_the_same_place_of_every_version_is_seen_more_closely(page):
    page.goto(PAGE)
    left, top, zoom, closer = looking(page)
    assert is_a_image(whole(page, "nearest")) and is_a_image(whole(page, "bicubic")) and closer == 4 * zoom
    canvas = page.locator("canvas[data-pane=nearest]")
    box = canvas.bounding_box()
    assert (
        box["width"] == zoom * 128
        and page.locator("canvas[data-detail=nearest]").bounding_box()["width"] == closer * 32
    )
    canvas.click(position={"x": 0.7 * box["width"], "y": 0.6 * box["height"]})
    left, top, _, _ = looking(page)
    assert (left, top) == (round(0.7 * 128 - 16), round(0.6 * 128 - 6))
    for name in ("nearest", "bicubic"):
        assert np.array_equal(detail(page, name), whole(page, name)[top : top + 12, left : left + 32])
    page.locator(".magnifier").press("ArrowRight")
    assert looking(page)[0] == left + 2
    assert re.search(r"steps of [\d.]+, shrunk again \d+ dB", page.locator(".magnifier figure").first.inner_text())
    assert "aria-label" in page.locator(".magnifier").evaluate("e => e.getAttributeNames()")


def test_a_image_of_ones_own_is_enlarged_in_its_own_shape(page):
    page.goto(PAGE.replace("one+of+ours", "a+file"))
    looking(page)
    file = io.BytesIO()
    rows, columns = np.mgrid[:60, :100]
    Image.fromarray(np.stack([2 * columns, 4 * rows, rows + columns], -1).astype(np.uint8)).save(file, "PNG")
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    page.get_by_text("Your image is used at").wait_for()
    page.locator("canvas[data-pane=nearest][width='192'], canvas[data-pane=nearest][width='200']").wait_for()
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="bicubic", exact=True).click()
    assert Image.open(download.value.path()).size == tuple(whole(page, "bicubic").shape[1::-1])
