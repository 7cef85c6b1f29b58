"""Cold diffusion in a real browser: the animation of both algorithms and the slider of the prediction error."""

import numpy as np
from player import MARKS, cursor_at, is_an_image, pixels, position, scrub, wait_for_player

pytestmark = MARKS
DEGRADED, TWO, ONE = (f"canvas[data-track={name}]" for name in ("degraded", "x2", "x1"))
ORACLE = "cold.restorer=oracle&cold.degradation=fade"


def last_of(page):
    return int(page.locator("input.scrub").get_attribute("max"))


def far(page, canvas):
    """The mean difference between the result of an algorithm and the true image, in grey values."""
    return np.abs(pixels(page, canvas) - pixels(page, DEGRADED)).mean()


def test_algorithm_2_tolerates_prediction_errors_and_algorithm_1_does_not(page):
    page.goto(f"/Cold_diffusion?{ORACLE}&cold.start=80&cold.steps=20&cold.error=0.2")
    page.get_by_text("PSNR to the true image").wait_for()
    wait_for_player(page)
    assert page.locator(".end").all_inner_texts() == ["degraded", "image"]
    assert position(page) == last_of(page) == 20 and is_an_image(pixels(page, DEGRADED))
    assert far(page, TWO) < 0.5 * far(page, ONE)
    assert page.locator(TWO).get_attribute("aria-label") == "Image x_t of Algorithm 2 at timestep 0: water lily"

    right = cursor_at(page)
    scrub(page, 0)
    assert page.locator("output.now").inner_text() == "timestep 80 of 100"
    assert far(page, TWO) == far(page, ONE) == 0  # both start from the degraded image
    assert cursor_at(page) < right
    assert pixels(page, DEGRADED).std() < 25  # faded
    scrub(page, 20)

    page.get_by_role("slider", name="Prediction error").press("Home")  # no error
    for _ in range(100):
        if far(page, ONE) < 2:
            break
        page.wait_for_timeout(200)
    assert far(page, TWO) < 2 and far(page, ONE) < 2
