"""A person in a real browser: sees what condition fidelity costs, draws a sweep of their own, looks at the three vectors, and at who answered when."""

import re

import numpy as np
from browser import MARKS, is_a_image, pixels, roughness, scrub, wait_for_player

pytestmark = MARKS


def canvas(name):
    return f"canvas[data-screen='{name}']"


def test_a_sweep_fills_up_beside_its_charts(page):
    page.goto("/Guidance?scales=0&scales=2&images=3&steps=2")
    page.get_by_text("An example, sampled earlier").wait_for()
    images = page.locator(".scales img")
    page.locator(".plot path").first.wait_for()
    assert images.count() == 36 and images.first.evaluate("i => i.complete && i.naturalWidth") == 64
    assert images.first.bounding_box()["width"] == 64  # one pixel of the image is one on the screen
    assert all(
        box["y"] + box["height"] <= 720
        for box in [page.locator(".scales").bounding_box(), page.locator(".charts").bounding_box()]
    )
    images.last.hover()
    assert images.last.bounding_box()["width"] == 192

    page.get_by_role("button", name="Draw", exact=True).click()
    page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    assert images.count() == 6 and page.locator(".scales .empty").count() == 0
    assert re.fullmatch(r"asked\s+2 ×\s+4 ×", page.locator(".scales tfoot tr").last.inner_text())
    lines = page.locator(".plot path.curve")
    assert lines.count() == 5 and all(lines.nth(k).get_attribute("d") for k in range(5))


def test_the_three_vectors_turn_with_the_timestep(page):
    page.goto("/Guidance?look=three+vectors")
    wait_for_player(page)  # begins by itself
    dots = page.locator(".timesteps circle.dot")
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
        is_a_image(pixels(page, canvas("x\u0302g")))
        and "timestep 67 of 1000" in page.locator("output.now").inner_text()
    )
    assert page.locator(".timesteps").bounding_box()["y"] + page.locator(".timesteps").bounding_box()["height"] <= 720
