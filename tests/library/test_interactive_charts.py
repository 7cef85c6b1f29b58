"""Interactive charts: curves, logarithmic axes, error bars and colours as plotly gets them."""

import pytest

from diffusion_edu.figures.charts import Axis, Chart, Series, round_axis, timestep_axis
from diffusion_edu.figures.interactive import INK, figure

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
