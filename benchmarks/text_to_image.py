"""How long does text to image take, and how much memory? `python -m benchmarks.text_to_image`

Images of 128x128 with the preset of the model's card, from noise in latents to pixels; after one warm-up, the median of
five rounds.
"""

from benchmarks.timing import in_rounds, options, peak_memory, processor
from diffusion_edu.checkpoints import available, read_card
from diffusion_edu.generation import Preset
from diffusion_edu.latent.text_to_image import load_text_to_image, sample
from diffusion_edu.randomness import choose

MODEL, COUNTS = "text_to_image", (1, 4)
PROMPT = "A volcano erupts at dusk, glowing lava flowing down its dark slopes under a stormy sky."


def sampling(count):
    """Build the function that generates so many images of one prompt."""
    text_to_image = load_text_to_image(MODEL, compute=choose("cpu"))

    def work():
        generation = sample(text_to_image.request(PROMPT, range(count)))
        *_, last = generation
        return generation.decode(last.x)

    return work


def main(argv=None):
    """Measure, and print a Markdown table."""
    repeats = 1 if options(__doc__, argv).quick else 5
    peaks = {count: peak_memory(sampling, count) for count in COUNTS}  # before anything large is in memory
    seconds = in_rounds({count: sampling(count) for count in COUNTS}, repeats)
    preset = Preset(**read_card(available()[MODEL]).sampling)
    print(f"{processor()}; {preset.sampler}, {preset.steps} steps, guidance scale {preset.guidance_scale:g}\n")
    print("| images of 128x128 | seconds | peak memory |\n| --- | --- | --- |")
    for count in COUNTS:
        print(f"| {count} | {seconds[count]:.2f} | {peaks[count]:.2f} GiB |")


if __name__ == "__main__":
    main()
