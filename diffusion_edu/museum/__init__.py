"""The bug museum: real mistakes from public diffusion code, kept apart from the library, each beside what it should be.

Every mistake is a function that can take the place of the right one. An exhibit draws flowers with both, measures both with one
exact number, and names the thread where it happened and the test that catches it. Only the museum's page and the tests look in here.
"""

from diffusion_edu.museum import ddim, ddpm, images, predictions, schedules

EXHIBITS = {
    exhibit.slug: exhibit
    for exhibit in sorted(
        schedules.ROOM + ddim.ROOM + ddpm.ROOM + predictions.ROOM + images.ROOM,
        key=lambda exhibit: (exhibit.pitfall, exhibit.title),
    )
}
