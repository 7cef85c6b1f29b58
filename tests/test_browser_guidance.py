"""A person in a real browser: sees what obedience costs, draws a sweep of their own, looks at the three vectors, and at who answered when."""

import re

import numpy as np
from browser import MARKS, is_a_picture, pixels, roughness, scrub, wait_for_player

pytestmark = MARKS


def canvas(name):
    return f"canvas[data-screen='{name}']"


def test_a_sweep_fills_up_beside_its_charts(page):
    page.goto("/Guidance?scales=0&scales=2&pictures=3&moves=2")
    page.get_by_text("An example, drawn earlier").wait_for()
    pictures = page.locator(".scales img")
    page.locator(".plot path").first.wait_for()
    assert pictures.count() == 36 and pictures.first.evaluate("i => i.complete && i.naturalWidth") == 64
    assert pictures.first.bounding_box()["width"] == 64  # one pixel of the picture is one on the screen
    assert all(
        box["y"] + box["height"] <= 720
        for box in [page.locator(".scales").bounding_box(), page.locator(".charts").bounding_box()]
    )
    pictures.last.hover()
    assert pictures.last.bounding_box()["width"] == 192

    page.get_by_role("button", name="Draw", exact=True).click()
    page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    assert pictures.count() == 6 and page.locator(".scales .empty").count() == 0
    assert re.fullmatch(r"asked\s+2 ×\s+4 ×", page.locator(".scales tfoot tr").last.inner_text())
    lines = page.locator(".plot path.curve")
    assert lines.count() == 5 and all(lines.nth(k).get_attribute("d") for k in range(5))


def test_the_three_vectors_turn_with_the_level(page):
    page.goto("/Guidance?look=three+vectors")
    wait_for_player(page)  # begins by itself
    dots = page.locator(".levels circle.dot")
    dots.first.wait_for()
    last = int(page.locator("input.scrub").get_attribute("max"))

    def tips():
        return np.array([[float(dots.nth(k).get_attribute(name)) for name in ("cx", "cy")] for k in range(3)])

    scrub(page, 1)
    early, without, told = tips(), pixels(page, canvas("x\u0302∅")), pixels(page, canvas("x\u0302c"))
    u, c, g = early
    assert (
        np.abs((g - u) - 3 * (c - u)).max() < 0.5 and np.abs(c - u).max() > 10
    )  # pixels on the screen: one line, three times as far
    assert np.abs(without - told).mean() > 10 and roughness(pixels(page, canvas("xt"))) > 0.9
    scrub(page, last)
    late = tips()
    assert np.abs(late[1] - late[0]).max() < 0.2 * np.abs(c - u).max()  # at the end there is little left to say
    assert (
        is_a_picture(pixels(page, canvas("x\u0302g"))) and "level 67 of 1000" in page.locator("output.now").inner_text()
    )
    assert page.locator(".levels").bounding_box()["y"] + page.locator(".levels").bounding_box()["height"] <= 720
