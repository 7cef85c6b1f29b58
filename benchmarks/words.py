"""How long does an image take that is asked for in words, and how much memory? `python -m benchmarks.words`

Images of 128x128 by the preset of the model's card, from noise in latents to pixels; after one warm-up the median of five rounds.
"""

from benchmarks.timing import in_rounds, options, peak_memory, processor
from diffusion_edu.checkpoints import available, read_card
from diffusion_edu.generation import Preset
from diffusion_edu.latent.text_to_image import sample, load_text_to_image
from diffusion_edu.randomness import choose

MODEL, COUNTS = "text_to_image", (1, 4)
PROMPT = "A volcano erupts at dusk, glowing lava flowing down its dark slopes under a stormy sky."


def drawing(count):
    """Build the work of drawing so many images of one prompt."""
    able = load_text_to_image(MODEL, compute=choose("cpu"))

    def work():
        made = sample(able.request(PROMPT, range(count)))
        *_, last = made
        return made.decode(last.x)

    return work


def main(argv=None):
    """Measure, and print a Markdown table."""
    repeats = 1 if options(__doc__, argv).quick else 5
    peaks = {count: peak_memory(drawing, count) for count in COUNTS}  # before anything large is in memory
    seconds = in_rounds({count: drawing(count) for count in COUNTS}, repeats)
    preset = Preset(**read_card(available()[MODEL]).sampling)
    print(f"{processor()}; {preset.sampler}, {preset.steps} steps, guidance {preset.guidance_scale:g}\n")
    print("| images of 128x128 | seconds | peak memory |\n| --- | --- | --- |")
    for count in COUNTS:
        print(f"| {count} | {seconds[count]:.2f} | {peaks[count]:.2f} GiB |")


if __name__ == "__main__":
    main()
