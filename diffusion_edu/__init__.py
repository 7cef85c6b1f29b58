"""diffusion_edu: how diffusion models work, in a library that can be read in an evening.

The whole idea is in nine files of about 1,450 lines, each next to the equations of its papers. Read them in this order:

1. `core`: the contract on one page: a denoiser, a sampling step, and `walk`, the loop of the reverse process
2. `schedules`: noise schedules, the signal and noise rates of the forward process
3. `denoisers`: prediction types (eps, x0, v, flow), classifier-free guidance, clipping, exact denoisers
4. `samplers`: DDPM, DDIM, Heun, DPM-Solver++ and others; `spacings`: which timesteps they visit
5. `degradations`: cold diffusion, with blur, masks and snow instead of noise
6. `randomness`: one seed per image; `checkpoints`: pretrained models and their cards
7. `generation`: from a model and a few settings to a walk: `generate(model, preset, seeds, condition)`

`checks` keeps the promise of every docstring: what does not fit the type hints of a function raises ValueError.

Beside them: `networks` (simple and attention U-Net, VAE, autoencoder, classifiers) and `training` (`loop`,
`objectives`, `state`). Built on them:

- `editing`: image-to-image, inpainting, inversion, interpolation, super-resolution
- `latent` and `text`: latent diffusion, and text to image
- `analysis`: activations, attention weights, measures of images and schedules
- `evaluation`: Fréchet and kernel distances, class accuracy, memorisation
- `toy2d`: diffusion of points in the plane, beside the exact denoiser
- `museum` (known bugs, shown on purpose) and `doctor` (from symptoms to causes)
- `data`, `figures`: image sets, point sets and captions; charts, grids and animations
- `recipes`: one short file per pretrained model; `cli`: the command `diffusion-edu`; `app`: the explorer of `pages/`

Words: x0 clean image, x noisy image, eps noise; predictions carry _hat. Timesteps t run from T (pure noise) down to 0
(clean); s is the next lower one. signal and noise are the rates in x = signal x0 + noise eps; the noise level as an
angle is theta = atan2(noise, signal). A walk yields one State (t, x, x0_hat) per timestep. All terms: docs/glossary.md.

Who may import whom is in tests/project/test_imports.py: core <- schedules, randomness <- denoisers, spacings,
degradations <- samplers <- cards <- checkpoints <- generation <- the rest; networks import nothing of ours but
checks, and nobody imports app but pages.
"""

__version__ = "0.2.0"
