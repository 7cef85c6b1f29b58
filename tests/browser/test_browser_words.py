"""A person in a real browser: cross-attention to words, word ablation, prompt interpolation and guidance."""

import numpy as np
import pytest
from player import MARKS, pixels, scrub

from diffusion_edu.checkpoints import available

pytestmark = [
    *MARKS,
    pytest.mark.skipif("text_to_image" not in available(), reason="pretrained/text_to_image is not there yet"),
]
PAGE = "/Text_to_image?text.steps=4&text.prompt=A+red+fox+sits+in+green+grass&text.tab="
ATTENTION, PREDICTION, MAP = (f"canvas[data-track='{name}']" for name in ("attention", "x0_hat", "map"))


def ready(page):
    """Wait until there is an animation and nothing is running."""
    page.locator(".player[data-animation] canvas").first.wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached")
    page.wait_for_timeout(500)  # its images are being decoded


def word(page, name):
    return page.locator(".word-list button").filter(has_text=name)


def fractions(page):
    return [float(text.rstrip("%")) for text in page.locator(".word-list button span:last-child").all_inner_texts()]


def test_a_click_on_a_word_shows_its_attention_and_changes_the_link(page):
    page.goto(f"{PAGE}Words")
    ready(page)
    assert page.locator(".word-list button").count() == 8 and sum(fractions(page)) == pytest.approx(100, abs=2)
    word(page, "fox").click()
    page.wait_for_url("**word=fox**")
    assert (
        word(page, "fox").get_attribute("aria-pressed") == "true"
        and "“fox”" in page.locator("figcaption .words").first.inner_text()
    )
    fox, prediction = pixels(page, ATTENTION), pixels(page, PREDICTION)
    assert (
        fox.shape == (256, 256, 3)
        and prediction.shape == (128, 128, 3)
        and pixels(page, MAP).shape == (16, 16, 3)
        and pixels(page, MAP).max() == 255
    )
    assert (
        fox <= prediction.repeat(2, 0).repeat(2, 1) + 1
    ).all() and fox.mean() < prediction.mean()  # the prediction, darker where there is little attention
    word(page, "grass").click()
    page.wait_for_url("**word=grass**")
    assert not np.array_equal(fox, pixels(page, ATTENTION)) and np.array_equal(prediction, pixels(page, PREDICTION))
    page.reload()
    ready(page)
    assert word(page, "grass").get_attribute("aria-pressed") == "true"


def test_a_position_shows_its_attention_by_mouse_and_keyboard_at_every_timestep(page):
    page.goto(f"{PAGE}Words")
    ready(page)
    everywhere = fractions(page)
    page.locator(ATTENTION).click(position={"x": 40, "y": 200})
    assert (
        page.get_by_text("Attention of row 13, column 3").count()
        and fractions(page) != everywhere
        and sum(fractions(page)) == pytest.approx(100, abs=2)
    )
    page.locator(ATTENTION).press("ArrowRight")
    assert page.get_by_text("Attention of row 13, column 4").count()
    page.locator(ATTENTION).press("Escape")
    assert fractions(page) == everywhere
    animation = page.locator(".player").get_attribute("data-animation")
    for to, timestep in ((0, "timestep 1000 of 1000"), (3, "timestep 250 of 1000")):
        scrub(page, to)
        assert page.locator("output.now").inner_text() == timestep and page.locator(".player").get_attribute(
            "data-painted"
        ) == str(to)
    page.get_by_role("combobox", name="Layer").click()
    page.get_by_role("option", name="middle").click()
    page.locator(f".player[data-animation]:not([data-animation='{animation}'])").wait_for()
    assert page.locator(".player").get_attribute("data-at") == "3" and pixels(page, MAP).shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("tab", "names"),
    [
        ("Words&text.words_view=word+ablation&text.without=fox", ["all words", "masked", "removed"]),
        ("Prompt+interpolation&text.second_prompt=a+blue+whale&text.interpolations=1", ["A", "50%", "B"]),
        ("Guidance&text.guidance_view=guidance+scales", ["scale 1", "scale 2", "scale 4", "scale 8"]),
        ("Guidance", ["xt", "x̂∅", "x̂c", "c − ∅", "x̂g"]),
    ],
)
def test_images_are_side_by_side_and_differ(page, tab, names):
    page.goto(f"{PAGE}{tab}")
    ready(page)
    assert page.locator("canvas[data-track]").evaluate_all("all => all.map(c => c.dataset.track)") == names
    scrub(page, int(page.locator("input.scrub").get_attribute("max")))
    images = [pixels(page, f"canvas[data-track='{name}']") for name in names]
    assert all(image.shape == (128, 128, 3) and image.std() > 1 for image in images)
    assert all(not np.array_equal(one, other) for one, other in zip(images, images[1:], strict=False))
    assert all(page.locator(f"canvas[data-track='{name}']").get_attribute("aria-label") for name in names)


def test_swap_exchanges_the_prompts(page):
    page.goto(f"{PAGE}Prompt+interpolation&text.second_prompt=a+blue+whale&text.interpolations=0")
    ready(page)
    a, b, animation = (
        pixels(page, "canvas[data-track='A']"),
        pixels(page, "canvas[data-track='B']"),
        page.locator(".player").get_attribute("data-animation"),
    )
    page.get_by_role("button", name="Swap").click()
    page.locator(f".player[data-animation]:not([data-animation='{animation}'])").wait_for()
    ready(page)
    assert np.array_equal(pixels(page, "canvas[data-track='A']"), b) and np.array_equal(
        pixels(page, "canvas[data-track='B']"), a
    )
    assert "prompt=a+blue+whale" in page.url.replace("%20", "+")


def test_words_and_bar_are_visible_without_scrolling(page):
    page.goto(f"{PAGE}Words")
    ready(page)
    for part in (ATTENTION, "input.scrub", ".word-list button:nth-child(8)"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 720
