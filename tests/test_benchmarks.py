"""The benchmarks: equal networks, real samples and real steps, in the precision that a row says; and honest clocks."""

import argparse
import json
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from benchmarks import libraries, quality, sampling, timing, training, words
from benchmarks.libraries import BFLOAT16, FLOAT32, LIBRARIES, OURS, Contestant, contestants
from benchmarks.timing import compare, count_gflop, in_rounds, roofline
from diffusion_edu.checkpoints import PRETRAINED, read_card

ROOT = Path(__file__).parents[1]
ENTRANTS = contestants()


@pytest.fixture
def convolutions():
    """Every convolution that runs during a test: (module, a copy of its weight at that time, the dtype and the layout of its output)."""
    seen = []

    def note(module, inputs, output):
        if isinstance(module, nn.Conv2d):
            seen.append(
                (
                    module,
                    module.weight.detach().clone(),
                    output.dtype,
                    output.is_contiguous(memory_format=torch.channels_last),
                )
            )

    hook = register_module_forward_hook(note)
    yield seen
    hook.remove()


def test_ours_comes_first_and_every_peer_comes_twice():
    assert ENTRANTS[0].library == OURS and ENTRANTS[0].as_it_comes
    for name in LIBRARIES.keys() - {OURS}:
        assert [row.compute for row in ENTRANTS if row.library == name] == [FLOAT32, BFLOAT16]
    assert len({str(row) for row in ENTRANTS}) == 6


@pytest.mark.parametrize("name", LIBRARIES)
def test_networks_cost_the_same_and_every_step_is_one_evaluation(name):
    def cost(library, images, steps):
        return count_gflop(Contestant(library, FLOAT32, True).drawing(images, steps))

    assert cost(name, 1, 1) == pytest.approx(cost(OURS, 1, 1), rel=0.1)
    assert cost(name, 2, 3) == pytest.approx(
        6 * cost(name, 1, 1), rel=0.01
    )  # a peer may embed the timestep once for all images


@pytest.mark.parametrize("entrant", ENTRANTS, ids=str)
def test_every_row_draws_in_the_precision_and_layout_that_it_says(entrant, convolutions):
    images = entrant.drawing(8, steps=2)()
    assert images.shape == (8, 3, 64, 64) and images.isfinite().all() and images.std() > 0
    assert {dtype for _, _, dtype, _ in convolutions} == {entrant.dtype}
    if entrant.compute.layout == torch.channels_last:
        assert all(channels_last for *_, channels_last in convolutions)


@pytest.mark.parametrize("entrant", ENTRANTS, ids=str)
def test_every_row_trains_in_the_precision_that_it_says(entrant, convolutions):
    step = entrant.training(2)
    first, second = step(), step()
    assert (first.step, second.step, second.images) == (1, 2, 4)
    assert 0 < first.loss < 10 and 0 < second.loss < 10
    assert {dtype for _, _, dtype, _ in convolutions} == {entrant.dtype}
    before = {module: weight for module, weight, *_ in reversed(convolutions)}  # what each weighed when it first ran
    assert all(not torch.equal(module.weight, weight) for module, weight in before.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("benchmark", "pace"), [(sampling, "s per step, 8 images"), (training, "images per second, batches of 2")]
)
def test_a_benchmark_prints_its_tables(benchmark, pace, monkeypatch, capsys):
    monkeypatch.setattr(timing, "peak_memory", lambda *work: 0.25)
    benchmark.main(["--quick"])
    printed = capsys.readouterr().out
    first, *others = printed.split("\n\n")
    heads, rule, *rows = [line.strip("| ").split(" | ") for line in first.splitlines()]
    assert pace in heads and set(rule) == {"---"} and len(rows) == len(ENTRANTS)
    ours, *peers = [dict(zip(heads, row, strict=True)) for row in rows]
    for name, row in zip(ENTRANTS, [ours, *peers], strict=True):
        assert row["what"] == str(name) and float(row[pace]) > 0 and float(row["fraction of roofline"].rstrip("%")) > 0
        assert row["peak memory"] == "0.25 GiB"
    for row in peers:
        times = float(row["ours as it comes is"].removesuffix(" times as fast"))
        ratio = float(row[pace]) / float(ours[pace])
        assert times == pytest.approx(ratio if benchmark is sampling else 1 / ratio, rel=0.05)
    assert f"{torch.get_num_threads()} threads; torch {torch.__version__.split('+')[0]}" in others[0]
    assert ("guidance 2" in printed) is (benchmark is sampling)


def test_a_library_that_is_missing_is_left_out_in_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(
        libraries, "find_spec", lambda package: None if package == "denoising_diffusion_pytorch" else package
    )
    assert [row.library for row in contestants()] == [OURS, OURS, "diffusers", "diffusers"]
    assert (
        capsys.readouterr().out
        == "denoising-diffusion-pytorch is not installed and is left out: pip install denoising-diffusion-pytorch\n"
    )


def test_works_take_turns_and_the_first_round_does_not_count(monkeypatch):
    now, ran = [0.0], []
    lasts = {"a": iter([100, 1, 9, 2]), "b": iter([100, 5, 4, 60])}
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def work(name):
        ran.append(name)
        now[0] += next(lasts[name])

    assert in_rounds({name: partial(work, name) for name in lasts}, repeats=3) == {"a": 2, "b": 5}
    assert ran == ["a", "b"] * 4


def test_the_roofline_counts_right_and_is_the_convolution_that_costs_most(convolutions):
    roof = roofline(3)
    costs = Counter({module: weight.numel() for module, weight, *_ in convolutions})
    assert count_gflop(roof.work(torch.float32)) == pytest.approx(roof.gflop)
    assert roof.shape[0] == 3 and roof.weight[1] == roof.shape[1]
    assert 2 * max(costs.values()) * 8 * 8 <= roof.gflop * 1e9 / (3 * roof.rounds)  # the fewest places that it runs at


def test_a_comparison_measures_memory_first_and_computes_its_fractions(monkeypatch):
    """Memory first, because a new process inherits the peak of the one that starts it."""
    order = []
    monkeypatch.setattr(timing, "peak_memory", lambda *work: order.append("memory") or 1.0)
    monkeypatch.setattr(timing, "in_rounds", lambda works, repeats: dict.fromkeys(works, 2.0))

    def prepare(entrant, images):
        order.append("built")
        return lambda: F.conv2d(torch.ones(images, 1, 10, 10), torch.ones(5, 1, 1, 1))  # 1,000 FLOP per image

    found = compare(ENTRANTS[:2], prepare, images=8, steps=4, repeats=1, beside=lambda: {"else": None})
    assert order[:2] == ["memory"] * 2 and set(order[2:]) == {"built"}
    assert found.beside == {"else": 2.0}
    for row in found.rows:
        assert (row.gflop, row.seconds) == (pytest.approx(250e-9), 0.5)
        assert row.fraction == pytest.approx(8 * 250e-9 / 0.5 / (found.roof.gflop / 2))


def test_peak_memory_is_that_of_another_process():
    """The work holds one GiB, and the imports hold less than another; asked by a small process, as pytest may be a large one."""
    code = "import operator\nfrom functools import partial\nfrom benchmarks.timing import peak_memory\n"
    code += "print(peak_memory(partial, operator.mul, b'a', 2**30))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert 1 < float(done.stdout) < 2


def row(sampler, steps, seconds, distance):
    return {"sampler": sampler, "steps": steps, "seconds": seconds, "FD": distance}


def test_the_best_quality_per_second_is_the_fastest_of_those_that_are_as_good_as_the_best():
    rows = [row("DDIM", 10, 0.5, 4.0), row("DDIM", 20, 1.0, 3.1), row("DDIM", 50, 2.5, 3.0), row("Heun", 8, 0.8, 3.14)]
    assert quality.best(rows) == rows[3]
    assert quality.best(rows[:3]) == rows[1]
    assert quality.best(rows[:1]) == rows[0]


def test_a_point_of_the_figure_is_a_sampler_and_its_steps():
    assert quality.point("DPM-Solver++:15") == ("DPM-Solver++", 15)
    for wrong in ("DPM-Solver++", "Magic:15", "DDIM:", "DDIM:-3"):
        with pytest.raises(argparse.ArgumentTypeError, match="write SAMPLER:STEPS"):
            quality.point(wrong)


def test_the_default_of_the_app_is_the_best_quality_per_second_of_the_figure():
    rows = json.loads((Path(quality.__file__).parent / "quality.json").read_text())
    sampling, best = read_card(PRETRAINED / "flowers_attention.json").sampling, quality.best(rows)
    assert (sampling["sampler"], sampling["steps"]) == (best["sampler"], best["steps"])


def test_images_asked_for_in_words_are_timed(monkeypatch, capsys):
    monkeypatch.setattr(words, "peak_memory", lambda *work: 0.25)
    words.main(["--quick"])
    heads, _, *rows = [
        line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")
    ]
    assert heads == ["images of 128x128", "seconds", "peak memory"] and [row[0] for row in rows] == ["1", "4"]
    assert all(float(row[1]) > 0 and row[2] == "0.25 GiB" for row in rows)
    assert words.drawing(2)().shape == (2, 3, 128, 128)
