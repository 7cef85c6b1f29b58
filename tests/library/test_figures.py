"""Still figures: hard pixels at whole zoom, words for those who cannot see them, and the ink of
the page they stand on.
"""

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import torch
from PIL import Image

from diffusion_edu.figures.still import INK, SIGNAL, Captioned, Curve, chart, images, svg

IMAGES = torch.randint(0, 256, (6, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def sampled(markup):
    """The image inside an SVG, as an array, and its width and height on the page."""
    image = ElementTree.fromstring(markup).find(".//{http://www.w3.org/2000/svg}image")
    data = image.get("{http://www.w3.org/1999/xlink}href").split(",")[1]
    return (
        np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")),
        float(image.get("width")),
        float(image.get("height")),
    )


def test_images_are_shown_pixel_for_pixel():
    shown, width, height = sampled(svg(images(IMAGES, ["a", "b", "c"], ["up", "down"], zoom=3, gap=2), "six"))
    assert shown.shape == (2 * 12 + 2, 3 * 15 + 2 * 2, 3)
    assert (width, height) == (shown.shape[1], shown.shape[0])  # one pixel of the page for each of these
    assert (shown[14:, 34:] == IMAGES[5].permute(1, 2, 0).numpy().repeat(3, 0).repeat(3, 1)).all()


def test_names_of_columns_and_rows_are_text():
    markup = svg(images(IMAGES, ["noise", "between", "image"], ["linear", "cosine"]), "six")
    assert [word in markup for word in ("noise<", "between<", "image<", "linear<", "cosine<")] == [True] * 5


def test_a_chart_takes_the_ink_of_the_page_and_leaves_the_page_alone():
    markup = svg(chart([Curve([0, 1], [2, 3], "signal", SIGNAL, "--")], "timestep", "rate", xlim=(1, 0)), 'a "rate"')
    assert INK not in markup and "currentColor" in markup and SIGNAL.lower() in markup.lower()
    assert "<style" not in markup  # a style element would reach everything else on the page
    assert 'aria-label="a &quot;rate&quot;"' in markup and re.search("stroke-dasharray", markup)


def test_a_chart_is_set_in_the_words_of_matplotlib():
    axes = chart([Curve([0, 1], [2, 3], "signal")], "timestep t", "rate", xlim=(1, 0), yscale="log").axes[0]
    assert axes.get_xlim() == (1, 0) and axes.get_yscale() == "log" and axes.get_xlabel() == "timestep t"


def test_a_captioned_figure_says_what_it_shows_with_and_without_a_screen():
    shown = Captioned(chart([Curve([0, 1], [2, 3], "signal")], "timestep", "rate"), caption="It <rises>.", alt="A line")
    assert "It &lt;rises&gt;." in shown._repr_html_() and 'role="img" aria-label="A line"' in shown._repr_html_()
    assert repr(shown) == "[Figure: A line] It <rises>."
