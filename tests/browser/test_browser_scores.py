"""Scores, samples and the dataset in a real browser."""

import re

from player import MARKS

pytestmark = MARKS


def test_a_visitor_reads_the_scores_opens_a_card_and_goes_on_to_the_samples(page):
    page.goto("/Evaluate_and_debug")
    page.get_by_text("is the nearest").first.wait_for()
    noise = page.locator(".scores tr", has_text="Pure noise").first
    real, model = (
        page.locator(".scores tr", has_text=words).first for words in ("half against half", "attention U-Net")
    )
    places = [row.locator(".mark").bounding_box() for row in (real, model, noise)]
    assert (
        places[0]["x"] < places[1]["x"] < places[2]["x"] and noise.bounding_box()["y"] + 20 < 720
    )  # seen without scrolling
    strip = model.locator(".strip").bounding_box()
    assert strip["x"] < places[1]["x"] and places[2]["x"] < strip["x"] + strip["width"] and strip["width"] > 150

    page.get_by_role("button", name="Flowers, attention U-Net").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Known weaknesses").wait_for()
    assert dialog.locator("img").first.evaluate("i => i.complete && i.naturalWidth") == 512
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download the card (JSON)").click()
    assert download.value.suggested_filename == "flowers_attention.json"
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")

    page.get_by_role("tab", name="Samples").click()
    page.get_by_text(re.compile(r"\d+ of 32 samples are nearer")).wait_for()  # it runs without a click
    page.locator("[data-testid=stPlotlyChart]").nth(3).wait_for()
    assert page.locator(".sheet img").count() == 12 and page.locator("[data-testid=stPlotlyChart]").count() == 4
    curve = page.locator(".js-line").first
    curve.wait_for(state="attached")
    assert len(curve.get_attribute("d")) > 20
    page.get_by_text("FD and number of samples").wait_for()


def test_a_visitor_splits_our_images_and_downloads_the_split(page):
    page.goto("/Evaluate_and_debug?evaluate.tab=Dataset")
    page.get_by_role("cell", name="train").wait_for()
    for shown in (
        page.locator(".counts div").nth(101),
        page.locator("[data-testid=stPlotlyChart]").nth(2),
        page.get_by_role("button", name="Download the split (CSV)"),
    ):
        shown.wait_for()
    assert page.locator(".counts div").count() == 102 and page.locator("[data-testid=stPlotlyChart]").count() == 3
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the split (CSV)").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "file,class,split" and len(lines) == 1025
    cells = page.locator("table td").all_inner_texts()
    assert f"{sum(line.endswith(',train') for line in lines):,}" in cells
