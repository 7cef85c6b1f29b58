"""diffusion_edu: how diffusion models work, in a library that can be read in an evening.

Begin with `core` (the whole idea on one page), then `schedules`, `spacings`, `denoisers`, `samplers`, `objectives`, `training`, each next to the
equations of its papers; `degradations` (cold diffusion) and `editing` are made of the same parts. `networks`, `data`, `figures`
stand beside them; `checkpoints` loads and saves models with their cards; `generation` goes from a model and a few choices to a walk;
`cascades` go on from a small image to a large one, `sketches` are made from images to learn from; `latent` goes from
images to the small maps of latent diffusion and back, `tokens` (and `clip`) from a prompt to what a network is told, `perception` says how
alike two images look; `text_to_image` makes verbs of them: draw, change, fill, between; `prompts` draws prompts at random, `upscaling` makes
what was sampled larger; `planar` goes from a model to a walk of points;
`insides` reads what happens within a network, `attention` where it looks, among places and among words; `measures` are numbers for single
images and schedules, `evaluation` compares what a model draws with what is real; the `museum` holds known mistakes, the `doctor` knows their
symptoms; `recipes` train what is in `pretrained/`; `app` is what the pages of the explorer share. The lessons of the course are in `lessons/`.

Words: x0 clean image, x image at a timestep, eps noise; predictions carry _hat. A timestep t runs from T (pure noise) down to 0 (exactly clean), s is
the next lower one. signal and noise are the two rates of x = signal x0 + noise eps; theta = atan2(noise, signal) is the same
mixture as an angle. A walk yields one State (t, x, x0_hat) per timestep.

Who may import whom: core <- schedules, randomness <- spacings, degradations, denoisers <- samplers <- editing, generation <- cascades, planar;
cascades <- upscaling; latent, tokens, editing, generation <- text_to_image.
networks imports nothing of ours; checkpoints sees networks, denoisers, degradations and randomness, and resuming, perception, latent, tokens,
clip and prompts see checkpoints; objectives sees denoisers, degradations and perception, training sees objectives; evaluation sees generation,
checkpoints and data; recipes see everything but app; the museum is seen by its page and tests only; nobody imports app but pages. streamlit
stays in app and pages, matplotlib in figures, data readers in data, progress bars in command lines.
"""

__version__ = "0.2.0"
