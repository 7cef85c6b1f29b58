"""How long does a move take, ours and two peers side by side, and how long eight flowers? `python -m benchmarks.sampling`

Eight pictures of 64x64 without guidance, each library through its own sampling loop; after one warm-up the median of five rounds.
"""

from functools import partial

import torch

from benchmarks.libraries import MODEL, SIZE, Contestant, contestants
from benchmarks.timing import compare, options
from diffusion_edu.checkpoints import available, load, read_card
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import choose

PICTURES = 8


def flowers(preset):
    """Build what a visitor waits for, eight flowers with guidance, and one evaluation of the network for them."""
    model = load(MODEL, compute=choose("cpu"))
    labels = [k % len(model.card.classes) for k in range(PICTURES)]
    x = model.compute.place(torch.randn(PICTURES, model.card.channels, SIZE, SIZE))
    denoise = torch.no_grad()(model.denoiser(preset.noising()))
    return {
        "flowers": lambda: list(generate(model, preset, range(PICTURES), labels)),
        "evaluation": lambda: [denoise(x, preset.T // 2) for _ in range(preset.moves)],
    }


def main(argv=None):
    """Measure, and print two Markdown tables."""
    quick = options(__doc__, argv).quick
    moves, repeats = (2, 2) if quick else (20, 5)
    card = read_card(available()[MODEL])
    preset = Preset(**{**card.sampling, **({"moves": moves} if quick else {})})
    found = compare(
        contestants(), partial(Contestant.drawing, moves=moves), PICTURES, moves, repeats, partial(flowers, preset)
    )
    ours, evaluation = found.rows[0], found.beside["evaluation"] / preset.moves
    reached = PICTURES * ours.gflop / evaluation
    print(found.table(f"s per move, {PICTURES} pictures", lambda row: f"{row.seconds:.4f}"))
    print(f"\n{found.about()}\n\n| {card.title} ({ours.contestant}) | measured |\n| --- | --- |")
    setting = f"{preset.sampler}, {preset.moves} moves, guidance {preset.scale:g}"
    print(f"| {PICTURES} pictures of {SIZE}x{SIZE}, {setting} | {found.beside['flowers']:.2f} s |")
    print(f"| one evaluation for {PICTURES} pictures ({ours.gflop:.2f} GFLOP each) | {1000 * evaluation:.1f} ms |")
    print(f"| its share of the roofline | {reached / found.speeds[ours.contestant.dtype]:.0%}, {reached:.0f} GFLOP/s |")
    print(f"| peak memory of a process that draws them | {ours.peak:.2f} GiB |")


if __name__ == "__main__":
    main()
