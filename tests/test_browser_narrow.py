"""On a telephone every part of every page fits the window: nothing has to be moved sideways to be seen or pressed."""

import pytest
from browser import MARKS, fits
from conftest import window

WIDTH = 390
PAGES = {  # what is there when the page has sampled, by link
    "/": "canvas",
    "/Adding_noise": "canvas",
    "/Denoise_once?who=the+exact+answer&count=10": "canvas",
    "/Sampling_theatre": "canvas",
    "/Compare_bench?a_steps=1&b_steps=1": "text=apart at timestep 0",
    "/Steps_and_seeds": ".sheet img",
    "/Inside_the_U-Net?look=map": ".vectors svg",
    "/Cold_diffusion?who=one+that+knows&way=blur": "text=Nearness to the true image",
    "/Guidance": "text=Show the code",
    "/Editing?tab=Image-to-image&steps=2&repeats=1": "canvas[data-screen]",
    "/Text_to_image?steps=2&images=4+images": "canvas[data-screen]",
    "/Text_to_image?tab=Words&steps=2": "canvas[data-screen]",
    "/Text_to_image?tab=Latents": ".sheet img",
    "/Evaluate_and_debug?tab=Scores": "text=is the nearest",
    "/Steps_and_seeds?look=two+seeds": ".sheet img",
    "/Inside_the_U-Net?look=activations": ".reel[data-painted] canvas",
    "/Inside_the_U-Net?look=attention": ".reel[data-painted] canvas",
    "/Inside_the_U-Net?look=timestep": ".vectors svg",
    "/Inside_the_U-Net?look=kinds": ".vectors svg",
    "/Cold_diffusion?who=one+that+knows&way=noise": "text=Nearness to the true image",
    "/Guidance?look=three+vectors": "text=Show the code",
    "/Guidance?look=experts+by+timestep": "text=Show the code",
    "/Editing?tab=Inpainting&steps=2&repeats=1": "canvas[data-screen]",
    "/Editing?tab=Sketch-to-image&steps=2": "canvas[data-screen]",
    "/Editing?tab=Super-resolution": ".zoom[data-at]",
    "/Text_to_image?steps=2&images=4+images&begin=from+a+image": "canvas[data-screen]",
    "/Text_to_image?steps=2&images=4+images&begin=into+a+hole": "canvas[data-screen]",
    "/Text_to_image?tab=Words&words=without+a+word&steps=2": "canvas[data-screen]",
    "/Text_to_image?tab=Two+prompts&steps=2": "canvas[data-screen]",
    "/Text_to_image?tab=Guidance&steps=2": "canvas[data-screen]",
    "/Text_to_image?tab=Latents&latents=swap": "canvas[data-screen]",
    "/Text_to_image?tab=Latents&latents=on+the+way&steps=2": "canvas[data-screen]",
    "/Text_to_image?tab=Nearest+images": "text=Is it a new image",
    "/Evaluate_and_debug?tab=Look+closely": "text=samples lie nearer",
    "/Evaluate_and_debug?tab=Data": "text=No class is rarer",
}
OUTSIDE = """(parts, width) => parts.filter((part) => {
    const box = part.getBoundingClientRect();
    if (!box.width || (box.left > -1 && box.right < width + 1)) return false;
    for (let up = part; !up.matches?.('[data-testid=stMain]'); up = up.parentNode ?? up.host) // what scrolls by itself may be longer
        if (up instanceof Element && /auto|scroll/.test(getComputedStyle(up).overflowX) && up.scrollWidth > up.clientWidth) return false;
    return true;
}).map((part) => part.outerHTML.slice(0, 200))"""
pytestmark = MARKS


@pytest.fixture(scope="module")
def narrow(address, browser):
    """The same window for all pages: what has been read once is read faster."""
    with window(browser, address, width=WIDTH, height=800) as page:
        yield page


@pytest.mark.parametrize("link", PAGES)
def test_a_narrow_window_needs_no_sideways_scrolling(narrow, link):
    narrow.goto(link)
    narrow.locator(PAGES[link]).first.wait_for()
    narrow.get_by_role("button", name="Cancel").wait_for(state="detached")
    narrow.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    assert fits(narrow)
    parts = narrow.locator("[data-testid=stMain]").locator(
        "canvas, svg.plot, .sheet img, [role=radio], [role=slider], input, button"
    )
    assert parts.evaluate_all(OUTSIDE, WIDTH) == []
