"""A person in a real browser compares: a link samples by itself, one bar steps both sides and the charts."""

import numpy as np
from player import MARKS, cursor_at, pixels, position, scrub, wait_for_player

pytestmark = MARKS
A, B, DIFFERENCE = (f"canvas[data-track={name}]" for name in ("A", "B", "difference"))


def marks(page, mark):
    """Where the ring at the start, or the dot at the current state, of each path is: its place in the chart."""
    points = page.locator(".plot .point")
    points.first.wait_for(state="attached")
    places = [points.nth(k).get_attribute("transform") for k in range(points.count())]
    return places[0::3] if mark == "ring" else places[2::3]


def test_a_link_samples_and_one_bar_steps_everything(page):
    page.goto("/Compare?compare.a_steps=4&compare.b_steps=2&compare.images=2")
    page.get_by_text("distance at timestep 0").wait_for()
    wait_for_player(page)
    assert page.locator("input.scrub").get_attribute("max") == "4"  # the timesteps of A: those of B are among them
    scrub(page, 0)
    a, b = pixels(page, A), pixels(page, B)
    assert np.array_equal(a, b) and a.std() > 60 and not pixels(page, DIFFERENCE).any()  # the same noise
    assert marks(page, "dot") == marks(page, "ring")
    cursor = cursor_at(page)
    scrub(page, 1)
    assert page.locator("output.now").inner_text().startswith("timestep 750 of 1000 · A at 750, B at 1000")
    assert np.array_equal(pixels(page, B), b) and not np.array_equal(pixels(page, A), a)  # B waits
    assert cursor_at(page) > cursor
    (ring_a, ring_b), (dot_a, dot_b) = marks(page, "ring"), marks(page, "dot")
    assert dot_b == ring_b and dot_a != ring_a
    scrub(page, 4)
    assert pixels(page, DIFFERENCE).any() and "A at 0, B at 0" in page.locator("output.now").inner_text()

    scrub(page, 2)
    noisy = pixels(page, A)
    page.get_by_role("radio", name="predictions").click()
    page.wait_for_url("**compared=predictions**")
    page.get_by_text("Path of the predictions").wait_for()
    wait_for_player(page)
    assert (
        position(page) == 2 and np.abs(np.diff(pixels(page, A), axis=1)).mean() < np.abs(np.diff(noisy, axis=1)).mean()
    )


def test_a_suggestion_sets_the_link_and_the_same_setting_twice_is_black(page):
    page.goto("/Compare?compare.a_steps=2&compare.b_steps=2&compare.images=1")
    page.get_by_text("distance at timestep 0").wait_for()
    page.get_by_role("button", name="Try").click()
    page.get_by_text("the same setting twice").click()
    page.wait_for_url("**b_sampler=DPM**")
    page.get_by_text("A and B have the same settings").wait_for()
    page.get_by_text("the same settings").first.wait_for()
    wait_for_player(page)
    for state in (0, 7, 15):
        scrub(page, state)
        assert np.array_equal(pixels(page, A), pixels(page, B)) and not pixels(page, DIFFERENCE).any()
