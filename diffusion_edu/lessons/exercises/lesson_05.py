"""The exercises of lesson 05, DDIM and fast solvers."""

from diffusion_edu.lessons.exercises.lesson_05_paths import DDIM_CLIPPED, INVERT
from diffusion_edu.lessons.exercises.lesson_05_steps import DDIM_ETA, DDIM_STEP
from diffusion_edu.lessons.exercises.lesson_05_timesteps import TIMESTEPS

EXERCISES = {
    "05.1": DDIM_STEP,
    "05.2": DDIM_ETA,
    "05.3": TIMESTEPS,
    "05.4": DDIM_CLIPPED,
    "05.5": INVERT,
}
