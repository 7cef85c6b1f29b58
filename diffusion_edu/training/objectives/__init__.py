"""Objectives: what a network minimises, one loss per image; one module for each thing that is learned.

`diffusion` denoises, `restoration` undoes degradations (cold diffusion), `autoencoding` compresses images,
`adversarial` sharpens a decoder with a critic, `perceptual` adds a perceptual distance to the diffusion loss. Import
from these modules: `diffusion` needs no network.
"""
