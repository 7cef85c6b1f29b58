"""The bug museum in a real browser: predict, watch both sides, see the answer without scrolling, and go on."""

import re

from player import MARKS, fits, is_an_image, pixels, position, scrub, wait_for_player

pytestmark = MARKS
RIGHT, WRONG, DIFFERENCE = (f"canvas[data-track={name}]" for name in ("right", "wrong", "difference"))


def test_a_visitor_predicts_sees_both_sides_and_goes_on(page):
    page.goto("/Evaluate_and_debug?evaluate.exhibit=7-leading-spacing-misses-timestep-t")
    page.get_by_text(
        re.compile(r"about \d+ s on this machine")
    ).wait_for()  # how long an answer will take, before it is given
    page.get_by_role("button", name="Flatter flowers, drifting to grey").click()
    page.get_by_role("button", name="Cancel").wait_for()
    wait_for_player(page)
    page.get_by_text("Right.", exact=True).wait_for()
    page.get_by_text("0.0116").wait_for()
    bottom = max(
        page.locator(canvas).bounding_box()["y"] + page.locator(canvas).bounding_box()["height"]
        for canvas in (RIGHT, WRONG, DIFFERENCE)
    )
    assert bottom <= 720
    last = int(page.locator("input.scrub").get_attribute("max"))
    scrub(page, last)
    assert is_an_image(pixels(page, RIGHT)) and position(page) == last
    assert pixels(page, DIFFERENCE).max() > 100
    scrub(page, 0)
    assert pixels(page, DIFFERENCE).max() == 0  # both begin with the same noise
    page.get_by_text("Your answers: 1 of 1 right.").wait_for()
    page.get_by_role("button", name="Next").click()
    page.wait_for_url("**exhibit=8-next-timestep-by-division**")
    page.get_by_text("What would you predict?").wait_for()


def test_a_narrow_window_needs_no_sideways_scrolling(page):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/Evaluate_and_debug?evaluate.exhibit=33-noised-one-step-too-much")
    page.get_by_role("button", name="Grain that was never removed").click()
    wait_for_player(page)
    assert fits(page)
    page.get_by_role("tab", name="Symptom doctor").click()
    page.get_by_text("Stated facts").wait_for()
