"""The benchmarks: networks of equal cost, sampling and training in the right precision, and timing."""

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

from benchmarks import libraries, quality, sampling, text_to_image, timing, training
from benchmarks.libraries import BFLOAT16, FLOAT32, LIBRARIES, OURS, Contestant, contestants
from benchmarks.timing import compare, count_gflop, in_rounds, roofline
from diffusion_edu.checkpoints import PRETRAINED, read_card

ROOT = Path(__file__).parents[2]
CONTESTANTS = contestants()


@pytest.fixture
def convolutions():
    """Every convolution that runs during a test: (module, a copy of its weight, dtype and layout of its output)."""
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


def test_ours_comes_first_and_every_other_library_twice():
    assert CONTESTANTS[0].library == OURS and CONTESTANTS[0].as_it_comes
    for name in LIBRARIES.keys() - {OURS}:
        assert [row.compute for row in CONTESTANTS if row.library == name] == [FLOAT32, BFLOAT16]
    assert len({str(row) for row in CONTESTANTS}) == 6


@pytest.mark.parametrize("name", LIBRARIES)
def test_networks_cost_the_same_and_every_step_is_one_network_evaluation(name):
    def cost(library, images, steps):
        return count_gflop(Contestant(library, FLOAT32, True).sampling(images, steps))

    assert cost(name, 1, 1) == pytest.approx(cost(OURS, 1, 1), rel=0.1)
    assert cost(name, 2, 3) == pytest.approx(
        6 * cost(name, 1, 1), rel=0.01
    )  # a library may embed the timestep once for all images


@pytest.mark.parametrize("contestant", CONTESTANTS, ids=str)
def test_every_row_samples_in_its_precision_and_layout(contestant, convolutions):
    images = contestant.sampling(8, steps=2)()
    assert images.shape == (8, 3, 64, 64) and images.isfinite().all() and images.std() > 0
    assert {dtype for _, _, dtype, _ in convolutions} == {contestant.dtype}
    if contestant.compute.layout == torch.channels_last:
        assert all(channels_last for *_, channels_last in convolutions)


@pytest.mark.parametrize("contestant", CONTESTANTS, ids=str)
def test_every_row_trains_in_its_precision(contestant, convolutions):
    step = contestant.training(2)
    first, second = step(), step()
    assert (first.step, second.step, second.images) == (1, 2, 4)
    assert 0 < first.loss < 10 and 0 < second.loss < 10
    assert {dtype for _, _, dtype, _ in convolutions} == {contestant.dtype}
    before = {module: weight for module, weight, *_ in reversed(convolutions)}  # the weights at the first step
    assert all(not torch.equal(module.weight, weight) for module, weight in before.items())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("benchmark", "heading"), [(sampling, "s per step, 8 images"), (training, "images per second, batches of 2")]
)
def test_a_benchmark_prints_its_tables(benchmark, heading, monkeypatch, capsys):
    monkeypatch.setattr(timing, "peak_memory", lambda *work: 0.25)
    benchmark.main(["--quick"])
    printed = capsys.readouterr().out
    first, *others = printed.split("\n\n")
    heads, rule, *rows = [line.strip("| ").split(" | ") for line in first.splitlines()]
    assert heading in heads and set(rule) == {"---"} and len(rows) == len(CONTESTANTS)
    ours, *peers = [dict(zip(heads, row, strict=True)) for row in rows]
    for name, row in zip(CONTESTANTS, [ours, *peers], strict=True):
        assert (
            row["what"] == str(name) and float(row[heading]) > 0 and float(row["fraction of roofline"].rstrip("%")) > 0
        )
        assert row["peak memory"] == "0.25 GiB"
    for row in peers:
        times = float(row["ours as it comes is"].removesuffix(" times as fast"))
        ratio = float(row[heading]) / float(ours[heading])
        assert times == pytest.approx(ratio if benchmark is sampling else 1 / ratio, rel=0.05)
    assert f"{torch.get_num_threads()} threads; torch {torch.__version__.split('+')[0]}" in others[0]
    assert ("guidance scale 2" in printed) is (benchmark is sampling)


def test_a_missing_library_is_left_out_with_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(
        libraries, "find_spec", lambda package: None if package == "denoising_diffusion_pytorch" else package
    )
    assert [row.library for row in contestants()] == [OURS, OURS, "diffusers", "diffusers"]
    assert (
        capsys.readouterr().out
        == "denoising-diffusion-pytorch is not installed and is left out: pip install denoising-diffusion-pytorch\n"
    )


def test_functions_run_in_turn_and_the_first_round_does_not_count(monkeypatch):
    now, ran = [0.0], []
    lasts = {"a": iter([100, 1, 9, 2]), "b": iter([100, 5, 4, 60])}
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])

    def work(name):
        ran.append(name)
        now[0] += next(lasts[name])

    assert in_rounds({name: partial(work, name) for name in lasts}, repeats=3) == {"a": 2, "b": 5}
    assert ran == ["a", "b"] * 4


def test_the_roofline_is_the_convolution_that_costs_most(convolutions):
    roof = roofline(3)
    costs = Counter({module: weight.numel() for module, weight, *_ in convolutions})
    assert count_gflop(roof.work(torch.float32)) == pytest.approx(roof.gflop)
    assert roof.shape[0] == 3 and roof.weight[1] == roof.shape[1]
    assert 2 * max(costs.values()) * 8 * 8 <= roof.gflop * 1e9 / (3 * roof.rounds)  # its lowest resolution


def test_a_comparison_measures_memory_first_and_computes_its_fractions(monkeypatch):
    """Memory first, because a new process inherits the peak of the one that starts it."""
    order = []
    monkeypatch.setattr(timing, "peak_memory", lambda *work: order.append("memory") or 1.0)
    monkeypatch.setattr(timing, "in_rounds", lambda works, repeats: dict.fromkeys(works, 2.0))

    def prepare(contestant, images):
        order.append("built")
        return lambda: F.conv2d(torch.ones(images, 1, 10, 10), torch.ones(5, 1, 1, 1))  # 1,000 FLOP per image

    found = compare(CONTESTANTS[:2], prepare, images=8, steps=4, repeats=1, beside=lambda: {"else": None})
    assert order[:2] == ["memory"] * 2 and set(order[2:]) == {"built"}
    assert found.beside == {"else": 2.0}
    for row in found.rows:
        assert (row.gflop, row.seconds) == (pytest.approx(250e-9), 0.5)
        assert row.fraction == pytest.approx(8 * 250e-9 / 0.5 / (found.roof.gflop / 2))


def test_peak_memory_is_measured_in_another_process():
    """The function holds one GiB, the imports less; started by a small process, as pytest may be large."""
    code = "import operator\nfrom functools import partial\nfrom benchmarks.timing import peak_memory\n"
    code += "print(peak_memory(partial, operator.mul, b'a', 2**30))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert 1 < float(done.stdout) < 2


def row(sampler, steps, seconds, distance):
    return {"sampler": sampler, "steps": steps, "seconds": seconds, "FD": distance}


def test_the_best_quality_per_second_is_the_fastest_of_the_good_rows():
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


def test_text_to_image_is_timed(monkeypatch, capsys):
    monkeypatch.setattr(text_to_image, "peak_memory", lambda *work: 0.25)
    text_to_image.main(["--quick"])
    heads, _, *rows = [
        line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")
    ]
    assert heads == ["images of 128x128", "seconds", "peak memory"] and [row[0] for row in rows] == ["1", "4"]
    assert all(float(row[1]) > 0 and row[2] == "0.25 GiB" for row in rows)
    assert text_to_image.sampling(2)().shape == (2, 3, 128, 128)
