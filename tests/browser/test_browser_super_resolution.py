"""Super-resolution in a real browser: the same detail of every version is compared, and a file of one's own
enlarged.
"""

import io
import re

import numpy as np
from PIL import Image
from player import MARKS, is_an_image, pixels

pytestmark = MARKS
PAGE = (
    "/Editing?editing.tab=Super-resolution&editing.small=one+of+ours&editing.class_name=sunflower"
    "&editing.factor=2+%C3%97&editing.sr_steps=2"
)


def position(page):
    """The corner of the detail, and how many screen pixels one image pixel takes outside and inside the detail."""
    view = page.locator(".zoom[data-at]")
    view.wait_for()
    left, top = map(int, view.get_attribute("data-at").split(","))
    return left, top, int(view.get_attribute("data-zoom")), int(view.get_attribute("data-detail-zoom"))


def detail(page, name):
    return pixels(page, f"canvas[data-detail={name}]")


def whole(page, name):
    return pixels(page, f"canvas[data-pane={name}]")


def test_the_same_detail_of_every_version_is_shown_larger(page):
    page.goto(PAGE)
    left, top, zoom, detail_zoom = position(page)
    assert is_an_image(whole(page, "nearest")) and is_an_image(whole(page, "bicubic")) and detail_zoom == 4 * zoom
    canvas = page.locator("canvas[data-pane=nearest]")
    box = canvas.bounding_box()
    assert (
        box["width"] == zoom * 128
        and page.locator("canvas[data-detail=nearest]").bounding_box()["width"] == detail_zoom * 32
    )
    canvas.click(position={"x": 0.7 * box["width"], "y": 0.6 * box["height"]})
    left, top, _, _ = position(page)
    assert (left, top) == (round(0.7 * 128 - 16), round(0.6 * 128 - 6))
    for name in ("nearest", "bicubic"):
        assert np.array_equal(detail(page, name), whole(page, name)[top : top + 12, left : left + 32])
    page.locator(".zoom").press("ArrowRight")
    assert position(page)[0] == left + 2
    assert re.search(r"pixel difference [\d.]+, downscaled \d+ dB", page.locator(".zoom figure").first.inner_text())
    assert "aria-label" in page.locator(".zoom").evaluate("e => e.getAttributeNames()")


def test_an_image_of_ones_own_is_enlarged_in_its_own_shape(page):
    page.goto(PAGE.replace("one+of+ours", "a+file"))
    position(page)
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
