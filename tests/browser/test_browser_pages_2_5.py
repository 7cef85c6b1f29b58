"""A person in a real browser: one prediction at every timestep, a table of images, an interpolation of seeds."""

import re

import numpy as np
from player import MARKS, cursor_at, is_an_image, pixels, position, roughness, scrub, wait_for_player

pytestmark = MARKS


def canvas(name):
    return f"canvas[data-track={name}]"


def test_one_prediction_at_every_timestep(page):
    page.goto("/Denoise_once?denoise.class_name=sunflower")
    wait_for_player(page)  # starts by itself
    last = int(page.locator("input.scrub").get_attribute("max"))
    says = page.locator("output.now")
    scrub(page, 1)
    noisy, blur, truth = (pixels(page, canvas(name)) for name in ("x", "x0_hat", "x0"))
    assert roughness(noisy) > 0.9 and is_an_image(truth) and roughness(blur) < roughness(truth)
    assert re.search(r"is [\d.]+ in ε̂, [\d.]+ in x̂₀ \([\d.]+ times as large\)", says.inner_text())
    left = cursor_at(page)
    scrub(page, last - 1)
    assert np.abs(pixels(page, canvas("x0_hat")) - truth).mean() < 3 < np.abs(blur - truth).mean()
    assert re.search(r"is [\d.]+ in x̂₀, [\d.]+ in ε̂", says.inner_text()) and cursor_at(page) > left
    scrub(page, last)
    assert (
        np.array_equal(pixels(page, canvas("x0_hat")), truth) and np.abs(pixels(page, canvas("none")) - 128).max() <= 1
    )

    scrub(page, 5)
    page.get_by_text(
        "the exact denoiser", exact=True
    ).click()  # the old animation stays where it was until the new one is there
    assert page.locator(canvas("x0_hat")).is_visible() and position(page) == 5
    page.get_by_text("images, with this one").wait_for()


def test_a_table_fills_up_and_two_seeds_are_interpolated(page):
    page.goto("/Steps_and_seeds?steps.columns=1&steps.columns=3&steps.samplers=DDIM&steps.samplers=Heun")
    page.get_by_text("A recorded example").wait_for()
    images = page.locator(".sheet img")
    images.last.wait_for()
    assert images.count() == 16 and images.first.evaluate("i => i.complete && i.naturalWidth") == 128
    assert images.first.bounding_box()["width"] == 128  # every pixel of the image is 2 x 2 on the screen
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_text(re.compile(r"\d of 5 sampled, now ")).wait_for()
    page.locator(".sheet .empty").first.wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    assert images.count() == 5 and page.locator(".sheet .empty").count() == 0
    captions = page.locator(".sheet .says").all_inner_texts()
    assert all(re.fullmatch(r"NFE \d+, [\d.]+ s\nerror \d+", caption) for caption in [*captions[:2], *captions[3:]])

    page.get_by_text("two seeds", exact=True).click()
    page.get_by_text("20%", exact=True).wait_for()
    assert images.count() == 12
