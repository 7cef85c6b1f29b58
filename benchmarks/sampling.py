"""How long does a sampling step take, with our library and two others, and how long do eight flowers? `python -m
benchmarks.sampling`

Eight images of 64x64 without guidance, each library with its own sampling loop; after one warm-up, the median of five
rounds.
"""

from functools import partial

import torch

from benchmarks.libraries import MODEL, SIZE, Contestant, contestants
from benchmarks.timing import compare, options
from diffusion_edu.checkpoints import available, load, read_card
from diffusion_edu.generation import Preset, generate
from diffusion_edu.randomness import choose

IMAGES = 8


def flowers(preset):
    """Build what a visitor waits for, eight flowers with guidance, and the network evaluations alone."""
    model = load(MODEL, compute=choose("cpu"))
    labels = [k % len(model.card.classes) for k in range(IMAGES)]
    x = model.compute.place(torch.randn(IMAGES, model.card.channels, SIZE, SIZE))
    denoise = torch.no_grad()(model.denoiser(preset.noise_schedule()))
    return {
        "flowers": lambda: list(generate(model, preset, range(IMAGES), labels)),
        "evaluation": lambda: [denoise(x, preset.T // 2) for _ in range(preset.steps)],
    }


def main(argv=None):
    """Measure, and print two Markdown tables."""
    quick = options(__doc__, argv).quick
    steps, repeats = (2, 2) if quick else (20, 5)
    card = read_card(available()[MODEL])
    preset = Preset(**{**card.sampling, **({"steps": steps} if quick else {})})
    found = compare(
        contestants(), partial(Contestant.sampling, steps=steps), IMAGES, steps, repeats, partial(flowers, preset)
    )
    ours, evaluation = found.rows[0], found.beside["evaluation"] / preset.steps
    reached = IMAGES * ours.gflop / evaluation
    print(found.table(f"s per step, {IMAGES} images", lambda row: f"{row.seconds:.4f}"))
    print(f"\n{found.about()}\n\n| {card.title} ({ours.contestant}) | measured |\n| --- | --- |")
    setting = f"{preset.sampler}, {preset.steps} steps, guidance scale {preset.guidance_scale:g}"
    print(f"| {IMAGES} images of {SIZE}x{SIZE}, {setting} | {found.beside['flowers']:.2f} s |")
    print(f"| one network evaluation for {IMAGES} images ({ours.gflop:.2f} GFLOP each) | {1000 * evaluation:.1f} ms |")
    print(
        f"| its fraction of the roofline | {reached / found.speeds[ours.contestant.dtype]:.0%}, {reached:.0f} GFLOP/s |"
    )
    print(f"| peak memory of a process that samples them | {ours.peak:.2f} GiB |")


if __name__ == "__main__":
    main()
