"""A person in a real browser: reconstruction from latents, edits of latents, and nearest training images."""

import numpy as np
from PIL import Image
from player import MARKS, pixels, scrub

pytestmark = MARKS
PAGE = "/Text_to_image?text.steps=4&text.tab="
IMAGE, DIFFERENCE, MAPS = "canvas[data-track=image]", "canvas[data-track=difference]", "canvas[data-track=latents]"


def animation(page):
    """Wait until nothing is being sampled, and return the name of the animation."""
    page.locator(".player[data-animation][data-at]").wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    page.wait_for_timeout(300)
    return page.locator(".player[data-animation]").get_attribute("data-animation")


def next_animation(page, before):
    """Wait until the page has made another animation."""
    page.locator(f".player[data-animation]:not([data-animation='{before}'])[data-at]").wait_for()
    return animation(page)


def still(page):
    page.wait_for_timeout(300)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def test_an_image_is_reconstructed_in_hard_pixels(page):
    page.goto(f"{PAGE}Latents")
    page.locator(".sheet img").first.wait_for()
    shown = page.locator(".sheet img").evaluate_all("all => all.map(i => [i.alt, i.clientWidth, i.naturalWidth])")
    assert len(shown) == 11 and all(alt for alt, *_ in shown) and {wide for _, wide, _ in shown} == {128}
    assert [real // 2 for *_, real in shown][:3] == [128, 128, 128] and shown[7][2] // 2 == 16
    page.get_by_text("What is lost when an image is encoded as 1,024 numbers").wait_for()
    page.get_by_role("button", name="Image", exact=False).first.click()
    before = page.locator(".sheet img").first.get_attribute("src")
    page.get_by_role("radio", name="your last sample").click()
    page.wait_for_function("before => document.querySelector('.sheet img')?.src !== before", arg=before)
    page.get_by_text("was decoded from latents").wait_for()


def test_latents_are_edited_with_the_bar(page):
    page.goto(f"{PAGE}Latents&text.latents_view=multiply")
    name = animation(page)
    assert (
        pixels(page, IMAGE).shape == pixels(page, MAPS).shape == (128, 128, 3) and pixels(page, DIFFERENCE).max() > 60
    )
    zoom = page.locator(IMAGE).bounding_box()["width"] / 128
    assert zoom == round(zoom) >= 1
    edited = pixels(page, IMAGE)
    scrub(page, 8)  # times 1
    assert pixels(page, DIFFERENCE).max() == 0 and page.locator("output.now").inner_text() == "channel 1 × 1"
    assert np.abs(pixels(page, IMAGE) - edited).mean() > 1
    page.get_by_role("radio", name="3", exact=True).click()
    name = next_animation(page, name)
    page.get_by_role("radio", name="swap", exact=True).click()
    next_animation(page, name)
    scrub(page, 1)
    changed = pixels(page, DIFFERENCE).max(axis=2) > 40
    assert 0 < changed.mean() < 0.2  # two positions of 256, and a little around them


def test_sampling_of_latents_starts_from_noise(page):
    page.goto(f"{PAGE}Latents&text.latents_view=sampling")
    animation(page)
    scrub(page, 0)
    assert page.locator("output.now").inner_text().startswith("timestep 1000 of 1000")
    noise = pixels(page, "canvas[data-track=maps]")
    scrub(page, 4)
    assert not np.array_equal(noise, pixels(page, "canvas[data-track=maps]")) and page.locator(
        "output.now"
    ).inner_text().startswith("timestep 0")


def test_the_nearest_images_at_a_path_are_found(page, tmp_path):
    for k in range(12):
        Image.fromarray(np.random.default_rng(k).integers(0, 255, (40, 40, 3), np.uint8)).save(tmp_path / f"{k}.png")
    page.goto(f"{PAGE}Nearest+training+images&text.nearest_source=a+folder+or+file&text.nearest_count=2")
    path = page.get_by_role("textbox", name="Path of the images")
    path.fill(str(tmp_path))
    path.press("Enter")
    page.get_by_text("Is it a new image").wait_for()
    still(page)
    page.get_by_role("button", name="Find nearest").click()
    page.get_by_text("of 2 samples are nearer").wait_for()
    assert page.locator(".sheet img").count() == 4 and page.get_by_text("all 12 images").count() == 1
