"""A person in a real browser generates images from prompts and uses every control of the tab."""

import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image
from player import MARKS, pixels, scrub

pytestmark = MARKS
PAGE = "/Text_to_image?text.steps=4"
NOISY, PREDICTION, CANVAS = "canvas[data-track=x]", "canvas[data-track=x0_hat]", "canvas[data-canvas]"


def animation(page):
    """Wait until nothing is being sampled, and return the name of the animation."""
    page.locator(".player[data-animation][data-at]").wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    return page.locator(".player[data-animation]").get_attribute("data-animation")


def generate(page):
    """Press Generate when the page is still, wait for a new animation, and return its last image (128, 128, 3)."""
    still(page)
    before = animation(page)
    page.get_by_role("button", name="Generate", exact=True).click()
    page.locator(f".player[data-animation]:not([data-animation='{before}'])[data-at]").wait_for()
    animation(page)
    page.wait_for_timeout(300)
    return pixels(page, NOISY)


def still(page):
    """Wait until the page has run to its end."""
    page.wait_for_timeout(300)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def said(page):
    still(page)
    return " ".join(page.locator("[data-testid=stCaptionContainer]").all_inner_texts())


def choose(page, label, option):
    """Choose from a box of choices."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()
    still(page)


def press(page, name):
    """Press one of the buttons of a row."""
    page.get_by_role("radio", name=name, exact=True).click()
    still(page)


def type_into(page, label, words):
    box = page.get_by_label(label, exact=True)
    box.fill(words)
    box.press("Control+Enter" if label == "Prompt" else "Enter")
    still(page)


def popover(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    page.locator("[data-testid=stPopoverBody]").wait_for()
    still(page)


def closed(page):
    page.keyboard.press("Escape")
    page.locator("[data-testid=stPopoverBody]").wait_for(state="hidden")


def downloaded(page, name):
    with page.expect_download() as download:
        page.get_by_role("button", name=name, exact=True).click()
    return download.value.path().read_bytes()


def image_of(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32)


def spot(page, x, y):
    box = page.locator(CANVAS).bounding_box()
    return box["x"] + x / 128 * box["width"], box["y"] + y / 128 * box["height"]


def stroke(page, *points):
    page.locator(CANVAS).evaluate("canvas => canvas.scrollIntoView({ block: 'center' })")
    page.mouse.move(*spot(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*spot(page, *point), steps=4)
    page.mouse.up()


def easel(page, name):
    page.locator(".drawing-canvas").get_by_role("button", name=name, exact=True).click()


def painted(page):
    return int(page.locator(".drawing-canvas[data-painted]").get_attribute("data-painted"))


def saved(page):
    with page.expect_download() as download:
        easel(page, "Save")
    return np.asarray(Image.open(io.BytesIO(download.value.path().read_bytes())).convert("RGB"))


@pytest.mark.slow
def test_prompt_negative_prompt_sampler_steps_guidance_and_seed(page):
    page.goto(PAGE)
    first = animation(page) and pixels(page, NOISY)
    assert (
        first.shape == (128, 128, 3) and page.locator(NOISY).bounding_box()["width"] % 128 == 0
    )  # zoom in whole numbers
    popover(page, "Tips")
    page.get_by_text("Name one subject", exact=True).wait_for()
    closed(page)
    type_into(page, "Prompt", "A red volcano at night.")
    assert "generated with other settings" in said(page) and "volcano erupts" in said(
        page
    )  # the result keeps its own settings
    volcano = generate(page)
    assert (
        not np.array_equal(volcano, first)
        and "A red volcano at night." in said(page)
        and "generated with other settings" not in said(page)
    )
    type_into(page, "Negative prompt", "lava")
    without = generate(page)
    assert not np.array_equal(without, volcano) and "negative prompt: lava" in said(page)
    choose(page, "Sampler", "Heun")
    heun = generate(page)
    assert not np.array_equal(heun, without) and "Heun" in said(page)
    page.get_by_role("slider", name="Guidance scale").press("ArrowRight")
    page.get_by_role("slider", name="Steps").first.press("ArrowRight")
    stronger = generate(page)
    assert (
        not np.array_equal(stronger, heun)
        and "5 steps" in said(page)
        and page.locator("input.scrub").get_attribute("max") == "5"
    )
    seed = page.get_by_label("Seed", exact=True)
    seed.fill("7")
    seed.press("Enter")
    another = generate(page)
    assert not np.array_equal(another, stronger) and "seed 7" in said(page)
    page.reload()  # the link holds it all
    animation(page)
    page.wait_for_timeout(500)
    assert np.array_equal(pixels(page, NOISY), another) and "A red volcano at night." in said(page)
    page.get_by_role("combobox", name="Model").click()
    assert page.get_by_role("option").count() >= 1
    page.get_by_role("option").first.click()


def test_random_prompts_of_chosen_categories(page):
    page.goto(PAGE)
    animation(page)
    prompt, seen = page.get_by_label("Prompt", exact=True), set()
    popover(page, "Random")
    for source in ("Markov chain", "unseen"):
        press(page, source)
        page.locator("[data-testid=stPopoverBody]").get_by_role("button", name="scenery", exact=True).click()
        still(page)
        for _ in range(2):
            page.get_by_role("button", name="Random prompt").click()
            still(page)
            seen.add(prompt.input_value())
    assert len(seen) >= 3
    press(page, "training")
    page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(
        {"name": "mine.txt", "mimeType": "text/plain", "buffer": b"A whale in the deep sea.\n"}
    )
    still(page)
    page.get_by_role("button", name="Random prompt").click()
    still(page)
    assert prompt.input_value() == "A whale in the deep sea."
    closed(page)
    generate(page)
    assert "A whale in the deep sea." in said(page)


def test_the_image_is_shown_while_it_is_generated_and_can_be_cancelled(page):
    page.goto("/Text_to_image?text.steps=3")
    before = animation(page)
    page.goto("/Text_to_image?text.steps=500")
    timesteps, prediction = set(), page.locator("img[alt^='The predicted clean image at timestep']").first
    for _ in range(50):
        prediction.wait_for()
        timesteps.add(prediction.get_attribute("alt"))
        if len(timesteps) > 2:
            break
        page.wait_for_timeout(300)
    assert len(timesteps) > 2
    page.locator("img[alt^='The noisy image at timestep']").first.wait_for()
    page.get_by_text("of 500: timestep").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    still(page)
    assert page.locator(NOISY).count() == 0
    page.get_by_role("slider", name="Steps").first.press("Home")
    page.wait_for_url(re.compile(r"steps=1(&|$)"))
    still(page)
    page.get_by_role("button", name="Generate", exact=True).click()
    assert animation(page) != before and page.locator("input.scrub").get_attribute("max") == "1"


def test_a_batch_is_shown_and_downloaded(page):
    page.goto(PAGE)
    animation(page)
    choose(page, "Images", "3 images")
    first = generate(page)
    press(page, "2")
    page.wait_for_timeout(500)
    second = pixels(page, NOISY)
    assert not np.array_equal(first, second)
    scrub(page, 0)
    assert page.locator("output.now").inner_text().startswith("timestep 1000")
    noise = pixels(page, NOISY)
    scrub(page, 4)
    assert not np.array_equal(noise, second) and np.array_equal(pixels(page, PREDICTION), second)
    popover(page, "Download")
    png = downloaded(page, "PNG")
    about = json.loads(Image.open(io.BytesIO(png)).text["diffusion_edu"])
    assert (
        np.array_equal(image_of(png), second)
        and about["seed"] == 1
        and "volcano" in about["prompt"]
        and about["preset"]["steps"] == 4
    )
    with zipfile.ZipFile(io.BytesIO(downloaded(page, "ZIP of all"))) as folder:
        assert len(folder.namelist()) == 4 and np.array_equal(image_of(folder.read("seed_1.png")), second)
    page.get_by_role("slider", name="Frames per second").press("Home")
    still(page)
    gif = Image.open(io.BytesIO(downloaded(page, "GIF")))
    assert gif.n_frames == 5 and gif.info["duration"] == 500
    assert downloaded(page, "MP4")[4:8] == b"ftyp"
    closed(page)
    page.goto("/Text_to_image?text.steps=3")
    animation(page)
    page.get_by_text("More choices").click()
    page.locator("[data-testid=stSidebar] input[type=file]").set_input_files(file_of(png))
    page.get_by_text("press Generate").wait_for()
    again = generate(page)
    assert (
        "seed 1" in said(page) and "4 steps" in said(page) and np.abs(again - second).mean() < 3
    )  # a batch adds in another order


def file_of(data):
    return {"name": "mine.png", "mimeType": "image/png", "buffer": data}


def upload():
    rows, columns = np.mgrid[:200, :200]
    file = io.BytesIO()
    Image.fromarray(np.stack([columns, rows, 255 - rows], -1).astype(np.uint8)).save(file, "PNG")
    return file_of(file.getvalue())


def test_an_uploaded_image_is_changed_by_the_strength_with_and_without_noise(page):
    page.goto(PAGE)
    animation(page)
    press(page, "image-to-image")
    popover(page, "Input image")
    press(page, "a file")
    page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(upload())
    still(page)
    closed(page)
    page.wait_for_timeout(500)
    mine = pixels(page, CANVAS)
    assert mine.shape == (128, 128, 3) and page.locator(CANVAS).bounding_box()["width"] == 256 and mine[0, -1, 0] > 190
    with_noise = generate(page)
    assert "strength 0.6" in said(page) and not np.array_equal(with_noise, mine)
    page.get_by_text("Add noise").click()
    without = generate(page)
    assert "without added noise" in said(page) and not np.array_equal(without, with_noise)
    easel(page, "red")
    easel(page, "16 pixels wide")
    stroke(page, (20, 20), (100, 24))
    page.mouse.move(5, 5)
    page.get_by_role("slider", name="Strength").press("Home")
    page.wait_for_timeout(500)
    assert np.array_equal(generate(page), pixels(page, CANVAS)) and pixels(page, CANVAS)[22, 60].tolist() == [
        200,
        30,
        40,
    ]
    press(page, "noise")
    generate(page)
    page.get_by_role("button", name="Start from it").click()
    still(page)
    page.wait_for_timeout(500)
    easel(page, "Clear")
    still(page)
    assert np.array_equal(pixels(page, CANVAS), pixels(page, NOISY))  # the image that was just sampled


def test_a_mask_is_painted_or_uploaded_and_the_rest_stays(page):
    page.goto(f"{PAGE}&text.start=inpainting")
    animation(page)
    page.locator(".drawing-canvas[data-painted]").wait_for()
    easel(page, "Clear")
    page.get_by_text("The mask is empty").wait_for()
    assert page.get_by_role("button", name="Generate", exact=True).is_disabled()
    easel(page, "8 pixels wide")
    stroke(page, (30, 40), (100, 40))
    narrow = painted(page)
    easel(page, "32 pixels wide")
    stroke(page, (30, 90), (100, 90))
    wide = painted(page) - narrow
    assert 500 < narrow < 800 and wide > 2.5 * narrow
    easel(page, "Eraser")
    easel(page, "16 pixels wide")
    stroke(page, (64, 20), (64, 120))
    assert painted(page) < narrow + wide - 300
    page.mouse.move(5, 5)
    mask = saved(page)
    assert sorted(np.unique(mask)) == [0, 255] and (mask[..., 0] == 255).sum() == painted(page)
    page.get_by_text("RePaint: repeat sampling steps").click()
    page.get_by_role("slider", name="Repeats").press("ArrowRight")
    new, outside = generate(page), mask[..., 0] == 0
    assert "RePaint 2 times" in said(page) and int(page.locator("input.scrub").get_attribute("max")) > 4
    page.wait_for_timeout(300)
    easel_now = pixels(page, CANVAS)
    assert np.array_equal(new[outside], easel_now[outside]) and not np.array_equal(new, easel_now)

    popover(page, "Input image and mask")
    press(page, "file")
    half = io.BytesIO()
    Image.fromarray((255 * (np.mgrid[:64, :64][1] >= 32)).astype(np.uint8)).save(half, "PNG")
    page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files(file_of(half.getvalue()))
    page.get_by_text("64 x 64 pixels").wait_for()
    closed(page)
    right = generate(page)
    easel_now = pixels(page, CANVAS)
    assert (
        painted(page) == 128 * 64
        and np.array_equal(right[:, :64], easel_now[:, :64])
        and not np.array_equal(right[:, 64:], easel_now[:, 64:])
    )


@pytest.mark.slow
def test_a_generated_image_is_upscaled_by_two_and_by_four(page):
    page.goto(PAGE)
    animation(page)
    assert page.locator("canvas[data-pane]").count() == 0
    for times, size in (("2 ×", 256), ("4 ×", 512)):
        press(page, times)
        slider = page.get_by_role("slider", name="Upscaling steps")
        slider.press("Home")
        still(page)
        page.get_by_role("button", name="Upscale").click()
        page.get_by_text(f"{size} × {size}, upscaled by").wait_for()
        page.locator(f"canvas[data-pane=large][width='{size}']").wait_for()
        large = pixels(page, "canvas[data-pane=large]")
        plain = pixels(page, "canvas[data-pane=pixels]")
        assert large.shape == plain.shape == (size, size, 3) and not np.array_equal(large, plain)
        data = downloaded(page, "PNG of the large image")
        assert (
            np.array_equal(image_of(data), large)
            and json.loads(Image.open(io.BytesIO(data)).text["diffusion_edu"])["upscaled"] == size // 128
        )
    press(page, "a weight file")
    path = page.get_by_role("textbox", name="Path of the file on this computer")
    path.fill("nowhere.pth")
    path.press("Enter")
    page.get_by_text("There is no file or folder").wait_for()
    press(page, "none")
    assert page.locator("canvas[data-pane]").count() == 0
