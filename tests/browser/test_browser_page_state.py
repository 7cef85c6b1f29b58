"""A person in a real browser goes from page to page: no page changes another, no link breaks one, names are text."""

import pytest
from player import MARKS

pytestmark = MARKS
BROKEN = "[data-testid=stException], button:has-text('Start this page afresh')"
EXTREMES = {  # a page, its title in the list of pages, and settings at the ends of their ranges
    "Sampling": "/Sampling?sampling.images=9&sampling.steps=1000&sampling.guidance_scale=8&sampling.seed=1000000",
    "Compare": "/Compare?compare.images=4&compare.a_steps=1&compare.b_steps=1&compare.a_guidance_scale=0",
    "Steps and seeds": "/Steps_and_seeds?steps.view=two+seeds&steps.row=9&steps.steps=1&steps.guidance_scale=0",
    "Editing": "/Editing?editing.strength=0&editing.steps=1&editing.guidance_scale=0",
    "Evaluate and debug": "/Evaluate_and_debug?evaluate.tab=Symptom+doctor&evaluate.doctor_T=100000",
}
FIRST = {  # what a slider of a page shows at first, whatever was set elsewhere
    "Sampling": ("Guidance scale", 2),
    "Compare": ("Images", 2),
    "Steps and seeds": ("Guidance scale", 2),
    "Editing": ("Strength", 0.6),
}
NAMES = list(EXTREMES)
PAIRS = [(NAMES[k], NAMES[(k + step) % 5]) for k in range(5) for step in (1, 2)]


def settled(page):
    page.locator("h1").wait_for()
    page.wait_for_function("() => !document.querySelector('[data-testid=stApp][data-test-script-state=running]')")
    assert not page.locator(BROKEN).count()


@pytest.mark.slow
def test_ten_pairs_of_pages_keep_their_own_settings(page):
    for first, second in PAIRS:
        page.goto(EXTREMES[first])
        settled(page)
        page.get_by_test_id("stSidebar").get_by_role("link", name=second, exact=True).click()
        page.locator("h1", has_text=second).wait_for()
        settled(page)
        assert "=" not in page.url
        if second in FIRST:
            label, value = FIRST[second]
            assert float(page.get_by_role("slider", name=label).first.input_value()) == value


def test_a_link_with_impossible_numbers_shows_the_nearest_and_says_so_in_the_link(page):
    page.goto("/Sampling?sampling.images=1e400&sampling.seed=inf&sampling.steps=&sampling.guidance_scale=99")
    settled(page)
    page.wait_for_url("**sampling.guidance_scale=8**")
    assert "inf" not in page.url and "1e400" not in page.url and "sampling.steps" not in page.url
    page.reload()
    settled(page)
