"""Helpers of the tests in a real browser: they read canvases and operate the player."""

import numpy as np
import pytest

MARKS = [pytest.mark.browser, pytest.mark.timeout(600)]


def pixels(page, canvas):
    """Read the pixels of a canvas, (height, width, 3)."""
    size, data = page.locator(canvas).evaluate(
        "c => [[c.height, c.width], Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)]"
    )
    return np.array(data, np.float32).reshape(*size, 4)[..., :3]


def roughness(image):
    """The difference of neighbouring pixels relative to distant ones: 1 for noise, near 0 for a smooth image."""
    return np.abs(np.diff(image, axis=1)).mean() / np.abs(image - np.roll(image, image.shape[1] // 2, axis=1)).mean()


def is_an_image(image):
    return image.std() > 15 and roughness(image) < 0.6


def wait_for_player(page):
    page.locator("canvas").first.wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('*')].some((h) => h.shadowRoot?.querySelector('.player[data-at]'))"
    )


def scrub(page, to):
    page.locator("input.scrub").evaluate("(s, to) => { s.value = to; s.dispatchEvent(new Event('input')); }", to)


def position(page):
    return int(page.locator(".player").get_attribute("data-at"))


def fits(page):
    """Return whether the page needs no sideways scrolling."""
    return page.locator("[data-testid=stMain]").evaluate("main => main.scrollWidth <= main.clientWidth")


def cursor_at(page):
    """Read where the cursor of the first chart over the timesteps stands, in pixels from its left."""
    cursor = page.locator(".timesteps .cursor").first
    page.wait_for_function("c => c.style.left", arg=cursor.element_handle())
    return float(cursor.evaluate("c => parseFloat(c.style.left)"))


def curve(page):
    """Read the shape of the last curve that changes with the state."""
    line = page.locator(".moving .js-line").last
    line.wait_for(state="attached")
    return line.get_attribute("d")
