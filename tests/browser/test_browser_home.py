"""A person in a real browser: opens Home, goes to Sampling, generates, cancels, generates again, scrubs, downloads."""

import io
import re
from pathlib import Path

import numpy as np
from PIL import Image
from player import MARKS, cursor_at, curve, is_an_image, pixels, position, roughness, scrub, wait_for_player

pytestmark = MARKS
NOISY, PREDICTION = "canvas[data-track=x]", "canvas[data-track=x0_hat]"


def test_home_shows_a_flower_at_once(page):
    page.goto("/")
    wait_for_player(page)
    last = int(page.locator("input.scrub").get_attribute("max"))
    scrub(page, last)
    assert is_an_image(pixels(page, NOISY))
    page.get_by_role("link", name="Sample your own images").click()
    page.get_by_role("heading", name="Sampling").wait_for()


def test_generate_cancel_generate_scrub(page):
    page.goto("/Sampling?sampling.steps=500&sampling.images=4")
    page.get_by_role("button", name="Generate").click()
    page.get_by_text(re.compile(r"Step \d+ of 500: timestep \d+ of 1000")).wait_for()  # progress with numbers
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("A recorded example").wait_for()

    page.goto("/Sampling?sampling.steps=10&sampling.images=4&sampling.seed=3")
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("of computing").wait_for()
    wait_for_player(page)
    scrub(page, 0)
    assert page.locator("output.now").inner_text().startswith("timestep 1000 of 1000")
    noise = pixels(page, NOISY)
    assert noise.std() > 60 and roughness(noise) > 0.9
    scrub(page, 10)
    sampled, prediction = pixels(page, NOISY), pixels(page, PREDICTION)
    assert is_an_image(sampled) and np.array_equal(sampled, prediction)  # at timestep 0 the image is the prediction
    scrub(page, 5)
    assert roughness(pixels(page, PREDICTION)) < roughness(pixels(page, NOISY))

    page.get_by_role("button", name="One state back").click()
    assert position(page) == 4
    page.locator(".player").press("ArrowRight")
    assert position(page) == 5
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_timeout(400)
    page.get_by_role("button", name="Pause").click()
    assert position(page) > 5

    scrub(page, 2)  # the page's script runs again, the player stays where it is
    page.get_by_role("spinbutton", name="Seed").fill("4")
    page.get_by_role("spinbutton", name="Seed").press("Enter")
    page.wait_for_url("**seed=4**")
    page.wait_for_timeout(1500)
    assert position(page) == 2


def test_downloads_hold_the_images(page, tmp_path):
    page.goto("/Sampling?sampling.steps=3&sampling.images=2&sampling.class_name=rose")
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("of computing").wait_for()
    page.get_by_role("tab", name="Download").click()
    got = {}
    for name in ("PNG", "GIF", "MP4"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=name).click()
        got[name] = Path(waiting.value.path()).read_bytes()
    image = Image.open(io.BytesIO(got["PNG"]))
    assert image.size == (128, 64) and '"rose"' in image.text["diffusion_edu"]
    assert Image.open(io.BytesIO(got["GIF"])).n_frames == 4
    assert got["MP4"][4:8] == b"ftyp"


def test_adding_noise_scrubs_and_takes_an_image(page):
    page.goto("/Adding_noise")
    wait_for_player(page)
    linear, numbers = "canvas[data-track=linear]", page.locator(".numbers").first
    last = int(page.locator("input.scrub").get_attribute("max"))
    scrub(page, last)
    clean, shape = pixels(page, linear), curve(page)
    assert (
        is_an_image(clean) and numbers.inner_text().startswith("signal\u00a01.000") and "+∞ dB" in numbers.inner_text()
    )
    scrub(page, 0)
    noise = pixels(page, linear)
    assert noise.std() > 60 and roughness(noise) > 0.9
    assert (
        numbers.inner_text().startswith("signal\u00a00.006, noise\u00a01.000")
        and page.locator("output.now").inner_text() == "timestep 1000 of 1000"
    )
    assert curve(page) != shape

    assert (
        page.locator(linear).get_attribute("aria-label") == "Image on the linear schedule at timestep 1000: water lily"
    )

    left = cursor_at(page)
    page.get_by_role("button", name="One state on").click()
    assert cursor_at(page) > left  # time runs from noise, left, to image, right

    chart = page.locator(".timesteps .plot").first  # a click on a chart seeks the timestep under the mouse
    box, before = chart.bounding_box(), position(page)
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.4 * box["height"])
    chart.locator(".hoverlayer text").first.wait_for(state="attached")  # which shows the values there
    page.mouse.down()
    page.mouse.up()
    page.wait_for_timeout(500)
    assert position(page) > before and abs(cursor_at(page) - 0.75 * box["width"]) < 20
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").nth(2).click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "curve,state,timestep t,rate" and len(lines) > 400
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG").nth(2).click()
    assert download.value.path().read_text().startswith("<svg")

    scrub(page, last)
    page.get_by_role(
        "button", name="Play", exact=True
    ).click()  # here noise is added: the animation plays from right to left
    page.wait_for_timeout(600)
    page.get_by_role("button", name="Pause").click()
    assert position(page) < last

    orange = io.BytesIO()
    Image.new("RGB", (300, 200), (250, 120, 0)).save(orange, "PNG")
    page.get_by_text("a file", exact=True).click()
    page.locator("input[type=file]").set_input_files(
        {"name": "orange.png", "mimeType": "image/png", "buffer": orange.getvalue()}
    )
    page.get_by_text("Your image, 64x64").wait_for()
    scrub(page, last)
    assert np.abs(pixels(page, linear) - [250, 120, 0]).max() <= 2
    page.locator("input[type=file]").set_input_files({"name": "empty.png", "mimeType": "image/png", "buffer": b""})
    page.get_by_text("0 bytes").wait_for()
    page.get_by_text("Water lily, 64x64").wait_for()
