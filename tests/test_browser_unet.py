"""A person in a real browser looks inside the network: the map, the channels of a part, where attention looks, and what is told."""

import re

import numpy as np
from browser import MARKS, is_a_image, pixels, scrub

pytestmark = MARKS


def painted(page, but=""):
    page.locator(f".reel[data-painted]{but}").wait_for()


def test_from_the_map_into_a_part_and_through_all_levels(page):
    page.goto("/Inside_the_U-Net")
    parts = page.locator(".map [data-part]")
    parts.last.wait_for()
    box = page.locator(".map svg").bounding_box()
    assert parts.count() == 16 and box["y"] + box["height"] < 720  # the whole map on the first screen
    page.locator("[data-part='down.2.0.block']").click()
    page.locator("strong", has_text="down.2.0.block, residual block").wait_for()
    page.locator("[data-part='down.2.0.block'][aria-pressed=true]").wait_for()
    assert "stage=down.2.0.block" in page.url
    page.locator("[data-part='middle.attend']").press("Enter")
    page.locator("strong", has_text="middle.attend, attention").wait_for()

    page.get_by_text("activations", exact=True).click()
    painted(page)
    tiles, frames = page.locator(".tiles .tile"), page.locator(".strip .tile")
    assert (
        tiles.count() == 27
        and frames.count() == 16
        and page.locator(".tiles canvas").first.bounding_box()["width"] == 64
    )
    prediction = "canvas[data-screen=x0_hat]"
    scrub(page, 0)
    noisy, blur = pixels(page, "canvas[data-screen=x]"), pixels(page, prediction)
    first = pixels(page, ".tiles canvas >> nth=0")
    scrub(page, 15)
    assert (
        is_a_image(pixels(page, prediction)) and np.abs(pixels(page, prediction) - blur).mean() > 5 and noisy.std() > 60
    )
    assert np.abs(pixels(page, ".tiles canvas >> nth=0") - first).mean() > 5
    assert re.match(
        r"level \d+ of 1000: mean −?-?[\d.]+, standard deviation [\d.]+, dead \d+%",
        page.locator("output.now").inner_text(),
    )
    tiles.nth(5).click()
    assert tiles.nth(5).get_attribute("aria-pressed") == "true" and np.array_equal(
        pixels(page, ".strip canvas >> nth=15"), pixels(page, ".tiles canvas >> nth=5")
    )
    frames.nth(3).click()
    assert page.locator("input.scrub").input_value() == "3"
    page.locator(".play").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('*')].some((h) => h.shadowRoot?.querySelector('.reel')?.dataset.at > 5)"
    )
    page.locator(".play").click()


def test_a_click_asks_where_another_place_looks(page):
    page.goto("/Inside_the_U-Net?look=attention")
    painted(page)
    image, says = page.locator("canvas[data-screen=looks]"), page.locator(".words").first
    assert "row 4, column 4" in says.inner_text() and "The row sums to 1.00" in says.inner_text()
    before = pixels(page, "canvas[data-screen=looks]")
    image.click(position={"x": 240, "y": 16})
    painted(page, "[data-place='7']")
    assert (
        "from row 1, column 8" in says.inner_text()
        and np.abs(pixels(page, "canvas[data-screen=looks]") - before).max() > 50
    )
    page.wait_for_url(re.compile("column=8"))
    image.press("ArrowDown")
    painted(page, "[data-place='15']")
    heads = page.locator(".heads .tile")
    assert heads.count() == 9
    average, one = pixels(page, "[data-head='0'] canvas"), pixels(page, "[data-head='3'] canvas")
    assert average.shape == one.shape == (8, 8, 3) and np.abs(average - one).max() > 20
    heads.nth(3).click()
    assert says.inner_text().startswith("head 3 from row 2, column 8")
    off = page.locator(".pair .numbers")
    assert re.fullmatch(r"Off by \d+ of 255\.", off.inner_text())
    assert np.abs(pixels(page, "canvas[data-screen=x0_hat]") - pixels(page, "canvas[data-screen=off]")).mean() > 3
