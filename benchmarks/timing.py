"""How everything is timed: side by side in one process, in rounds, beside the roofline of this machine."""

import argparse
import platform
import re
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.libraries import FLOAT32, OURS, SIZE, Contestant, named, our_network


@dataclass(frozen=True)
class Roofline:
    """One 3x3 convolution alone, channels-last: the shapes of its weight (out, in, 3, 3) and input (b, in, h, w)."""

    weight: tuple
    shape: tuple
    rounds: int = 20

    @property
    def gflop(self):
        """Count the GFLOP of all rounds."""
        outer, inner, *kernel = self.weight
        return (
            self.rounds
            * 2
            * outer
            * inner
            * kernel[0]
            * kernel[1]
            * self.shape[0]
            * self.shape[2]
            * self.shape[3]
            / 1e9
        )

    def work(self, dtype):
        """Build a function that convolves, for all rounds."""
        w, x = (
            torch.randn(shape, dtype=dtype).to(memory_format=torch.channels_last) for shape in (self.weight, self.shape)
        )
        return lambda: [F.conv2d(x, w, padding=1) for _ in range(self.rounds)]

    def __str__(self):
        kernel = f"a 3x3 convolution {self.weight[1]} to {self.weight[0]} at {self.shape[2]}x{self.shape[3]}"
        return f"{kernel}, channels-last, alone"


@torch.no_grad()
def roofline(images):
    """Build the Roofline of the 3x3 convolution that costs most in our network, on a batch of images."""
    seen, net = [], our_network()

    def note(conv, inputs, output):
        seen.append(
            (
                conv.weight.numel() * output.shape[2] * output.shape[3],
                tuple(conv.weight.shape),
                tuple(inputs[0].shape[1:]),
            )
        )

    for conv in net.modules():
        if isinstance(conv, nn.Conv2d) and conv.kernel_size == (3, 3):
            conv.register_forward_hook(note)
    net(torch.randn(1, 3, SIZE, SIZE), torch.ones(1))
    _, weight, shape = max(seen)
    return Roofline(weight, (images, *shape))


def in_rounds(works, repeats):
    """Run every function of works (a dict) once to warm up, then all in turn, repeats times; the median seconds of
    each.
    """
    for work in works.values():
        work()
    seconds = {name: [] for name in works}
    for _ in range(repeats):  # in turn, so that drifts of the machine affect all equally
        for name, work in works.items():
            begun = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(measured) for name, measured in seconds.items()}


def median(work, repeats=5):
    """Run work once to warm up and then time it alone; the median seconds."""
    return in_rounds({"work": work}, repeats)["work"]


def count_gflop(work):
    """Count the GFLOP of all matrix products and convolutions, forward and backward, while work runs."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops() / 1e9


def peak_memory(prepare, *args):
    """Run the function that prepare(*args) builds twice in a new process; its peak memory in GiB, imports included.

    Call it before anything large is in memory: a new process inherits the peak of the one that starts it.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_peak, prepare, *args).result()


def _peak(prepare, *args):
    work = prepare(*args)
    for _ in range(2):
        work()
    unit = 2**30 if sys.platform == "darwin" else 2**20  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@dataclass(frozen=True)
class Row:
    """The results of a contestant: GFLOP per image and seconds for all images, both per step; peak memory in GiB."""

    contestant: Contestant
    gflop: float
    seconds: float
    fraction: float  # of the roofline
    peak: float


@dataclass(frozen=True)
class Comparison:
    """The results of one run: rows of the contestants, the roofline with its GFLOP/s by dtype, and more timings in
    seconds.
    """

    rows: list[Row]
    roof: Roofline
    speeds: dict
    beside: dict

    def table(self, heading, show):
        """Write the rows as a Markdown table; show(row) fills the column with this heading."""
        heads = [
            "what",
            "parameters",
            "GFLOP per image",
            heading,
            "ours as it comes is",
            "fraction of roofline",
            "peak memory",
        ]
        lines = [heads, ["---"] * len(heads)]
        for row in self.rows:
            cost = [f"{row.contestant.parameters() / 1e6:.1f} M", f"{row.gflop:.2f}", show(row)]
            faster = "" if row is self.rows[0] else f"{row.seconds / self.rows[0].seconds:.2f} times as fast"
            lines.append([str(row.contestant), *cost, faster, f"{row.fraction:.0%}", f"{row.peak:.2f} GiB"])
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def about(self):
        """Describe the roofline, the machine and the versions of the packages."""
        speeds = ", ".join(f"{speed:.0f} GFLOP/s in {named(dtype)}" for dtype, speed in self.speeds.items())
        packages = dict.fromkeys(
            ["torch", *(row.contestant.library for row in self.rows if row.contestant.library != OURS)]
        )
        versions = ", ".join(f"{package} {version(package)}" for package in packages)
        return (
            f"The roofline is {self.roof}: {speeds}; each row is compared with the one in its own precision.\n"
            "Peak memory is that of a process of its own, imports included.\n"
            f"{processor()}, {torch.get_num_threads()} threads; {versions}."
        )


def compare(contestants, prepare: Callable, images, steps, repeats, beside=dict):
    """Measure the function that prepare(contestant, images) builds, of so many steps, for every contestant; ours is
    first.

    The roofline and the functions that beside() builds, a dict, are timed in the same rounds.
    """
    peaks = [peak_memory(prepare, contestant, images) for contestant in contestants]
    gflops = [count_gflop(prepare(replace(contestant, compute=FLOAT32), 1)) / steps for contestant in contestants]
    roof, others = roofline(images), beside()
    roofs = {dtype: roof.work(dtype) for dtype in (torch.bfloat16, torch.float32)}
    seconds = in_rounds(
        {contestant: prepare(contestant, images) for contestant in contestants} | roofs | others, repeats
    )
    speeds = {dtype: roof.gflop / seconds[dtype] for dtype in roofs}
    rows = []
    for contestant, gflop, peak in zip(contestants, gflops, peaks, strict=True):
        each = seconds[contestant] / steps
        rows.append(Row(contestant, gflop, each, images * gflop / each / speeds[contestant.dtype], peak))
    return Comparison(rows, roof, speeds, {name: seconds[name] for name in others})


def processor():
    """Name the processor, as far as the machine knows it."""
    try:
        return re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())[1]
    except (OSError, TypeError):  # no Linux, or a processor that does not say
        return platform.processor() or platform.machine()


def options(description, argv):
    """Read the command line of a benchmark: --quick only checks that it runs."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="check that it runs: few images, steps and repeats; the times mean little",
    )
    return parser.parse_args(argv)
