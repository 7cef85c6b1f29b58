"""A person in a real browser looks inside the network: the map, the channels of a part, and attention weights."""

import re

import numpy as np
from player import MARKS, is_an_image, pixels, scrub

pytestmark = MARKS


def wait_until_painted(page, condition=""):
    page.locator(f".timeline[data-painted]{condition}").wait_for()


def test_from_the_map_to_a_part_and_through_all_timesteps(page):
    page.goto("/Inside_the_U-Net")
    parts = page.locator(".map [data-part]")
    parts.last.wait_for()
    box = page.locator(".map svg").bounding_box()
    assert parts.count() == 16 and box["y"] + box["height"] < 720  # the whole map on the first screen
    page.locator("[data-part='down.2.0.block']").click()
    page.locator("strong", has_text="down.2.0.block, residual block").wait_for()
    page.locator("[data-part='down.2.0.block'][aria-pressed=true]").wait_for()
    assert "part=down.2.0.block" in page.url
    page.locator("[data-part='middle.self_attention']").press("Enter")
    page.locator("strong", has_text="middle.self_attention, self-attention").wait_for()

    page.get_by_text("activations", exact=True).click()
    wait_until_painted(page)
    tiles, frames = page.locator(".tiles .tile"), page.locator(".strip .tile")
    assert (
        tiles.count() == 27
        and frames.count() == 16
        and page.locator(".tiles canvas").first.bounding_box()["width"] == 64
    )
    prediction = "canvas[data-track=x0_hat]"
    scrub(page, 0)
    noisy, blur = pixels(page, "canvas[data-track=x]"), pixels(page, prediction)
    first = pixels(page, ".tiles canvas >> nth=0")
    scrub(page, 15)
    assert (
        is_an_image(pixels(page, prediction))
        and np.abs(pixels(page, prediction) - blur).mean() > 5
        and noisy.std() > 60
    )
    assert np.abs(pixels(page, ".tiles canvas >> nth=0") - first).mean() > 5
    assert re.match(
        r"timestep \d+ of 1000: mean −?-?[\d.]+, standard deviation [\d.]+, dead \d+%",
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
        "() => [...document.querySelectorAll('*')]"
        ".some((host) => host.shadowRoot?.querySelector('.timeline')?.dataset.at > 5)"
    )
    page.locator(".play").click()


def test_a_click_shows_the_attention_of_another_position(page):
    page.goto("/Inside_the_U-Net?unet.view=attention")
    wait_until_painted(page)
    image, caption = page.locator("canvas[data-track=attention]"), page.locator(".words").first
    assert "row 4, column 4" in caption.inner_text() and "The weights sum to 1.00" in caption.inner_text()
    before = pixels(page, "canvas[data-track=attention]")
    image.click(position={"x": 240, "y": 16})
    wait_until_painted(page, "[data-position='7']")
    assert (
        "from row 1, column 8" in caption.inner_text()
        and np.abs(pixels(page, "canvas[data-track=attention]") - before).max() > 50
    )
    page.wait_for_url(re.compile("column=8"))
    image.press("ArrowDown")
    wait_until_painted(page, "[data-position='15']")
    heads = page.locator(".heads .tile")
    assert heads.count() == 9
    average, one = pixels(page, "[data-head='0'] canvas"), pixels(page, "[data-head='3'] canvas")
    assert average.shape == one.shape == (8, 8, 3) and np.abs(average - one).max() > 20
    heads.nth(3).click()
    assert caption.inner_text().startswith("head 3 from row 2, column 8")
    off = page.locator(".pair .numbers")
    assert re.fullmatch(r"RMS difference: \d+ of 255\.", off.inner_text())
    assert np.abs(pixels(page, "canvas[data-track=x0_hat]") - pixels(page, "canvas[data-track=off]")).mean() > 3
