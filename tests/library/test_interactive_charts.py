"""Interactive charts: curves, logarithmic axes, error bars and colours as plotly gets them."""

import pytest

from diffusion_edu.figures.charts import Axis, Chart, Series, round_axis, timestep_axis
from diffusion_edu.figures.interactive import INK, class_map, figure, heat_map

LOG = Axis("FD", 0, 2, {"1": 0, "10": 1, "100": 2}, base=10)
NFE = Axis("NFE", 3, 6, {"8": 3, "64": 6}, base=2)


def drawn(*series, x=NFE, y=LOG):
    return figure(Chart("FD and cost", "FD falls with cost", x, y, [3, 4], list(series))).to_plotly_json()


def test_a_logarithmic_axis_shows_true_values():
    spec = drawn(Series("DDIM", "#0072B2", [1, 0.5]))
    assert spec["data"][0]["x"] == [8, 16] and spec["data"][0]["y"] == [10, pytest.approx(10**0.5)]
    axes = spec["layout"]["xaxis"], spec["layout"]["yaxis"]
    assert [axis["type"] for axis in axes] == ["log", "log"] and axes[1]["range"] == [0, 2]
    assert axes[0]["range"] == pytest.approx([0.9030899869, 1.8061799739])  # log10 of 8 and of 64
    assert axes[0]["tickvals"] == [8, 64] and axes[1]["ticktext"] == ["1", "10", "100"]


def test_bands_are_error_bars_in_true_values():
    (trace,) = drawn(Series("DDIM", "#0072B2", [1, 1], bands=[(0, 2), (1, 1)]))["data"]
    assert trace["error_y"]["array"] == [90, 0] and trace["error_y"]["arrayminus"] == [9, 0]


def test_curves_have_their_own_positions_dashes_gaps_and_a_colour_for_every_page():
    (trace,) = drawn(Series("real", "currentColor", [0, None], "7 4", x=[3, 5]))["data"]
    assert (trace["x"], trace["y"]) == ([8, 32], [1, None])
    assert trace["line"] == {"color": INK, "dash": "7px,4px", "width": 2}


def test_a_chart_says_what_it_shows():
    layout = drawn(Series("DDIM", "#0072B2", [1, 0.5]))["layout"]
    assert (layout["title"]["text"], layout["meta"]["alt"]) == ("FD and cost", "FD falls with cost")
    assert layout["yaxis"]["title"]["text"] == "FD" and layout["font"]["size"] >= 12


def test_axes_have_round_ticks_and_timesteps_fall():
    axis = round_axis("fraction", [0.0, 0.93], low=0)
    assert axis.low == 0 and axis.high > 0.93 and list(axis.ticks) == ["0", "0.5", "1"][: len(axis.ticks)]
    assert (timestep_axis(1000).low, timestep_axis(1000).high) == (1000, 0)


def test_a_heat_map_has_its_first_row_on_top_and_shows_outliers_in_one_colour():
    values = [[0.0, 1.0], [-1.0, 0.5]]
    x, y = timestep_axis(1000), Axis("channel", 2.5, 0.5, {"1": 1, "2": 2})
    drawn = heat_map("Scale", values, x, y, ([1000, 0], [1, 2]))
    (trace,), layout = drawn.data, drawn.layout
    assert list(trace.x) == [1000, 0] and list(layout.xaxis.range) == [1000, 0]
    assert list(layout.yaxis.range) == [2.5, 0.5] and trace.zmin == -trace.zmax
    assert trace.zmax == pytest.approx(1, abs=0.01) and trace.z.tolist() == values


def test_names_are_shown_as_they_are():
    drawn = class_map([[0, 0], [1, 0]], ["#111111", "#222222"], ["<b>rose</b>", "a%{x} & b"], 0, [1])
    assert list(drawn.data[1].text) == ["<b>&lt;b&gt;rose&lt;/b&gt;</b>", "<b>1</b>"]
    assert list(drawn.data[1].hovertext) == ["&lt;b&gt;rose&lt;/b&gt;", "a%&#123;x} &amp; b"]


def test_a_map_of_classes_names_the_chosen_one_and_numbers_the_nearest():
    drawn = class_map([[0, 0], [1, 0], [0, 2]], ["#111111", "#222222", "#333333"], ["iris", "rose", "tulip"], 1, [2, 0])
    lines, dots = drawn.data
    assert list(dots.text) == ["<b>2</b>", "<b>rose</b>", "<b>1</b>"] and dots.hovertext[2] == "tulip"
    assert list(lines.x) == [1, 0, None, 1, 0, None] and list(lines.y) == [0, 2, None, 0, 0, None]
