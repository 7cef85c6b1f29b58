"""The bug museum: real mistakes from public diffusion code, kept apart from the library, each beside the right version.

Every mistake is a function that can replace the right one. An exhibit samples flowers with both, compares them by one
exact number, and names the thread where it happened and the test that catches it. Only its page, the lessons and the
tests import it.
"""

from diffusion_edu.museum import ddim, ddpm, images, predictions, schedules

EXHIBITS = {
    exhibit.slug: exhibit
    for exhibit in sorted(
        schedules.EXHIBITS + ddim.EXHIBITS + ddpm.EXHIBITS + predictions.EXHIBITS + images.EXHIBITS,
        key=lambda exhibit: (exhibit.pitfall, exhibit.title),
    )
}
