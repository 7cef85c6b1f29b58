"""A person in a real browser on the 2-D playground: trains a network, watches, scrubs, clicks a point, draws points
of their own.
"""

import re

import numpy as np
from player import MARKS, fits, pixels, position, scrub

pytestmark = MARKS
NETWORK, EXACT, PAD = "canvas[data-panel=network]", "canvas[data-panel=exact]", "canvas[data-drawing-pad]"


def wait_for_points(page):
    page.locator(".point-cloud[data-at]").wait_for()


def calm(page):
    """Nothing plays by itself."""
    page.emulate_media(reduced_motion="reduce")


def painted(page, canvas):
    """The pixels of a canvas, after the browser has painted the next frame."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return pixels(page, canvas)


def test_train_watch_scrub_and_select_a_point(page):
    calm(page)
    page.goto("/Playground_2D?points.seconds=10&points.steps=20&points.samples=200&points.class=upper")
    wait_for_points(page)
    before = painted(page, NETWORK)
    page.get_by_role("button", name="Train").click()
    page.get_by_text(re.compile(r"Step [\d,]+, [\d.]+ of 10 s of training")).wait_for()
    seen = set()
    while page.get_by_role("button", name="Cancel").count():
        seen |= {
            words
            for words in page.locator(f"figure:has({NETWORK}) figcaption").all_inner_texts()
            if "training steps in" in words
        }
        page.wait_for_timeout(100)
    assert len(seen) >= 2  # the preview changed during training
    page.wait_for_function(
        "() => [...document.querySelectorAll('*')].some((h) => h.shadowRoot?.querySelector('.point-cloud "
        "input.scrub')?.max === '20')"
    )
    scrub(page, 20)
    after = painted(page, NETWORK)
    assert np.abs(after - before).mean() > 1
    assert page.locator("output.now").inner_text() == "timestep 0 · no noise left, no arrows"
    scrub(page, 0)
    assert page.locator("output.now").inner_text().startswith("timestep 1000 of 1000")
    assert np.abs(painted(page, NETWORK) - after).mean() > 1

    page.locator(".arrows").select_option("none")
    for name in ("trails", "data"):
        page.locator(f"input[name={name}]").uncheck()
    assert np.array_equal(painted(page, NETWORK), painted(page, EXACT))  # the same noise, and nothing else
    page.locator(".arrows").select_option("prediction")
    assert not np.array_equal(painted(page, NETWORK), painted(page, EXACT))
    assert page.locator(EXACT).get_attribute("aria-label").startswith("Exact denoiser: points at timestep 1000")

    page.locator(".point-cloud").press("ArrowRight")
    assert position(page) == 1
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(800)
    page.get_by_role("button", name="Pause").click()
    assert 1 < position(page) < 20

    assert "Click" in page.locator(".path").first.inner_text()
    page.locator(EXACT).click(position={"x": 60, "y": 60})
    page.mouse.move(5, 5)
    ways = page.locator(".path").all_inner_texts()
    assert (
        len(ways) == 2 and ways[0].split(" → ")[0] == ways[1].split(" → ")[0] and ways[0] != ways[1]
    )  # one start, two ends

    at = position(page)
    page.get_by_role("slider", name="Eta (stochasticity)").press("ArrowRight")
    page.wait_for_url("**eta=0.1**")
    wait_for_points(page)
    page.wait_for_timeout(1500)
    assert (
        position(page) == at and not page.locator("input[name=trails]").is_checked()
    )  # the switches stay as the person left them


def test_points_are_drawn_with_the_mouse_and_used(page):
    calm(page)
    page.goto("/Playground_2D?points.points=draw+your+own")
    page.locator(PAD).wait_for()
    assert page.get_by_role("button", name="Use these points").is_disabled()
    box = page.locator(PAD).bounding_box()
    for k, height in enumerate((0.3, 0.7), 1):
        page.get_by_role("button", name=f"class {k}").click()
        page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + height * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + height * box["height"], steps=4)
        page.mouse.up()
    points = int(page.locator(".drawing-pad").get_attribute("data-points"))
    assert 60 < points < 80  # a point every 0.035 along two strokes of 1.2
    page.get_by_role("button", name="Undo stroke").click()
    assert int(page.locator(".drawing-pad").get_attribute("data-points")) < points
    page.get_by_role("button", name="Use these points").click()
    wait_for_points(page)
    assert page.locator(f"{EXACT}").is_visible()
    page.get_by_role("button", name="Draw again").click()
    page.locator(PAD).wait_for()
    assert int(page.locator(".drawing-pad").get_attribute("data-points")) > 30  # the drawing is still there


def test_a_narrow_window_stacks_the_panels(page):
    calm(page)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/Playground_2D?points.points=eight+clouds")
    wait_for_points(page)
    assert fits(page)
    left, right = (page.locator(canvas).bounding_box() for canvas in (NETWORK, EXACT))
    assert left["x"] == right["x"] and right["y"] > left["y"] + left["height"] and right["x"] + right["width"] <= 390
