"""How long do eight flowers take, and how near is the network to what this machine can do? `python -m benchmarks.moves`

After one warm-up the median of five, all in one run: the default preset, one evaluation of the network, and as roofline the
3x3 convolution that costs the model most, alone, in bf16 and in fp32.
"""

import argparse
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from diffusion_edu.checkpoints import load
from diffusion_edu.generation import Preset, generate

PICTURES = 8


def median(work, repeats=5):
    """Run work once to warm up and then time it; the median seconds of the repeats."""
    work()
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def heaviest_convolution(net, y, level):
    """Find the 3x3 convolution that costs most; its weight shape and the shape of its input."""
    seen = []

    def note(conv, inputs, output):
        seen.append((conv.weight.numel() * output.shape[2] * output.shape[3], tuple(conv.weight.shape), tuple(inputs[0].shape)))

    hooks = [m.register_forward_hook(note) for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    net(y, level)
    for hook in hooks:
        hook.remove()
    return max(seen)[1:]


def roofline(weight, shape, dtype):
    """Measure GFLOP/s of one 3x3 convolution, channels last."""
    w = torch.randn(weight, dtype=dtype).to(memory_format=torch.channels_last)
    x = torch.randn(shape, dtype=dtype).to(memory_format=torch.channels_last)
    flop = 2 * w.numel() * shape[0] * shape[2] * shape[3]
    return flop / median(lambda: [F.conv2d(x, w, padding=1) for _ in range(20)]) * 20 / 1e9


@torch.no_grad()
def main():
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="flowers_attention")
    args = parser.parse_args()
    model = load(args.model)
    card, preset, compute = model.card, Preset(**model.card.sampling), model.compute
    y = compute.place(torch.randn(PICTURES, card.channels, card.size, card.size))
    level = torch.full((PICTURES,), 800.0, device=compute.device)
    labels = [k % len(card.classes) for k in range(PICTURES)] if card.classes else None

    with FlopCounterMode(display=False) as counter:
        model.net(y[:1], level[:1])
    gflop = counter.get_total_flops() / 1e9
    walk = median(lambda: list(generate(model, preset, range(PICTURES), labels)))
    denoise = model.denoiser(preset.noising())
    seconds = median(lambda: denoise(y, preset.T // 2), repeats=15)
    weight, shape = heaviest_convolution(model.net, y, level)
    peaks = {str(dtype).removeprefix("torch."): roofline(weight, shape, dtype) for dtype in (torch.bfloat16, torch.float32)}
    reached = PICTURES * gflop / seconds
    parameters = sum(p.numel() for p in model.net.parameters()) / 1e6
    print(f"{card.title}: {parameters:.2f} M parameters, {gflop:.2f} GFLOP per picture; {compute}, {torch.get_num_threads()} threads")
    print(f"{PICTURES} pictures, {preset.sampler}, {preset.moves} moves, guidance {preset.scale:g}: {walk:.2f} s")
    print(f"one evaluation for {PICTURES} pictures: {1000 * seconds:.1f} ms, {reached:.0f} GFLOP/s")
    print(f"roofline: a 3x3 convolution {weight[1]} to {weight[0]} at {shape[2]}x{shape[3]}")
    for name, peak in peaks.items():
        print(f"  in {name}: {peak:.0f} GFLOP/s; the network reaches {reached / peak:.0%}")
    print(f"peak memory of the whole process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
