"""On a phone every part of every page fits the window: nobody has to scroll sideways."""

import pytest
from conftest import window
from player import MARKS, fits

WIDTH = 390
PAGES = {  # what the page shows when its work is done, by link
    "/": "canvas",
    "/Adding_noise": "canvas",
    "/Denoise_once?denoise.denoiser=the+exact+denoiser&denoise.count=10": "canvas",
    "/Sampling": "canvas",
    "/Compare?compare.a_steps=1&compare.b_steps=1": "text=distance at timestep 0",
    "/Steps_and_seeds": ".sheet img",
    "/Inside_the_U-Net?unet.view=map": ".vectors svg",
    "/Cold_diffusion?cold.restorer=oracle+(knows+the+true+image)&cold.degradation=blur": "text=PSNR to the true image",
    "/Guidance": "text=Show the code",
    "/Editing?editing.tab=Image-to-image&editing.steps=2&editing.repeats=1": "canvas[data-track]",
    "/Text_to_image?text.steps=2&text.images=4+images": "canvas[data-track]",
    "/Text_to_image?text.tab=Words&text.steps=2": "canvas[data-track]",
    "/Text_to_image?text.tab=Latents": ".sheet img",
    "/Evaluate_and_debug?evaluate.tab=Scores": "text=is the nearest",
    "/Steps_and_seeds?steps.view=two+seeds": ".sheet img",
    "/Inside_the_U-Net?unet.view=activations": ".timeline[data-painted] canvas",
    "/Inside_the_U-Net?unet.view=attention": ".timeline[data-painted] canvas",
    "/Inside_the_U-Net?unet.view=time+embedding": ".js-plotly-plot",
    "/Inside_the_U-Net?unet.view=class+embedding": ".js-plotly-plot",
    "/Cold_diffusion?cold.restorer=oracle+(knows+the+true+image)&cold.degradation=noise": "text=PSNR to the true image",
    "/Guidance?guidance.view=Classifier-free+guidance+as+vectors": "text=Show the code",
    "/Guidance?guidance.view=Expert+denoisers": "text=Show the code",
    "/Editing?editing.tab=Inpainting&editing.steps=2&editing.repeats=1": "canvas[data-track]",
    "/Editing?editing.tab=Sketch-to-image&editing.steps=2": "canvas[data-track]",
    "/Editing?editing.tab=Super-resolution": ".zoom[data-at]",
    "/Text_to_image?text.steps=2&text.images=4+images&text.start=image-to-image": "canvas[data-track]",
    "/Text_to_image?text.steps=2&text.images=4+images&text.start=inpainting": "canvas[data-track]",
    "/Text_to_image?text.tab=Words&text.words_view=word+ablation&text.steps=2": "canvas[data-track]",
    "/Text_to_image?text.tab=Prompt+interpolation&text.steps=2": "canvas[data-track]",
    "/Text_to_image?text.tab=Guidance&text.steps=2": "canvas[data-track]",
    "/Text_to_image?text.tab=Latents&text.latents_view=swap": "canvas[data-track]",
    "/Text_to_image?text.tab=Latents&text.latents_view=sampling&text.steps=2": "canvas[data-track]",
    "/Text_to_image?text.tab=Nearest+training+images": "text=Is it a new image",
    "/Evaluate_and_debug?evaluate.tab=Samples": "text=FD and number of samples",
    "/Evaluate_and_debug?evaluate.tab=Dataset": "text=Images of each class",
}
OUTSIDE = """(parts, width) => parts.filter((part) => {
    const box = part.getBoundingClientRect();
    if (!box.width || (box.left > -1 && box.right < width + 1)) return false;
    // an element with its own scrollbar may be wider
    for (let up = part; !up.matches?.('[data-testid=stMain]'); up = up.parentNode ?? up.host) {
        const scrolls = up instanceof Element && /auto|scroll/.test(getComputedStyle(up).overflowX);
        if (scrolls && up.scrollWidth > up.clientWidth) return false;
    }
    return true;
}).map((part) => part.outerHTML.slice(0, 200))"""
pytestmark = MARKS


@pytest.fixture(scope="module")
def narrow(address, browser):
    """The same window for all pages, so that models stay loaded."""
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
        "canvas, .plot, .js-plotly-plot, .sheet img, [role=radio], [role=slider], input, button"
    )
    assert parts.evaluate_all(OUTSIDE, WIDTH) == []
