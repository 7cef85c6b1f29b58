"""The guidance page in a real browser: the recorded sweep, a sweep of one's own, and the vectors of guidance."""

import re

import numpy as np
from player import MARKS, is_an_image, pixels, roughness, scrub, wait_for_player

pytestmark = MARKS


def canvas(name):
    return f"canvas[data-track='{name}']"


def test_a_sweep_fills_up_beside_its_charts(page):
    page.goto("/Guidance?guidance.guidance_scales=0&guidance.guidance_scales=2&guidance.images=3&guidance.steps=2")
    page.get_by_text("An example, sampled earlier").wait_for()
    images = page.locator(".scales img")
    page.locator(".js-line").first.wait_for()
    assert images.count() == 36 and images.first.evaluate("i => i.complete && i.naturalWidth") == 64
    assert images.first.bounding_box()["width"] == 64  # one pixel of the image is one on the screen
    assert all(
        box["y"] + box["height"] <= 720
        for box in [
            page.locator(".scales").bounding_box(),
            page.locator("[data-testid=stPlotlyChart]").last.bounding_box(),
        ]
    )
    images.last.hover()
    assert images.last.bounding_box()["width"] == 192

    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_role("button", name="Cancel").wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    assert images.count() == 6 and page.locator(".scales .empty").count() == 0
    assert re.fullmatch(r"NFE\s+2\s+4", page.locator(".scales tfoot tr").last.inner_text())
    lines = page.locator(".scatterlayer .js-line")  # without those of the legends
    assert lines.count() == 4 and all(lines.nth(k).get_attribute("d") for k in range(4))


def test_the_arrows_change_with_the_timestep(page):
    page.goto("/Guidance?guidance.view=Classifier-free+guidance+as+vectors")
    wait_for_player(page)  # sampling starts without a click
    dots = page.locator(".timesteps .point")
    dots.first.wait_for()
    last = int(page.locator("input.scrub").get_attribute("max"))

    def tips():
        return np.array(
            [
                [float(part) for part in re.findall(r"-?[\d.]+", dots.nth(k).get_attribute("transform"))]
                for k in range(3)
            ]
        )

    scrub(page, 1)
    early, unconditional, conditional = tips(), pixels(page, canvas("x\u0302∅")), pixels(page, canvas("x\u0302c"))
    u, c, g = early
    assert (
        np.abs((g - u) - 3 * (c - u)).max() < 0.5 and np.abs(c - u).max() > 10
    )  # in pixels of the screen: on one line, three times as far
    assert np.abs(unconditional - conditional).mean() > 10 and roughness(pixels(page, canvas("xt"))) > 0.9
    scrub(page, last)
    late = tips()
    assert np.abs(late[1] - late[0]).max() < 0.2 * np.abs(c - u).max()  # at the end the condition changes little
    assert (
        is_an_image(pixels(page, canvas("x\u0302g")))
        and "timestep 67 of 1000" in page.locator("output.now").inner_text()
    )
    assert page.locator(".timesteps").bounding_box()["y"] + page.locator(".timesteps").bounding_box()["height"] <= 720
