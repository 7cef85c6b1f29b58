"""The exercises of lesson 04, DDPM."""

from diffusion_edu.lessons.exercises.lesson_04_posterior import KEPT_AND_ADDED, POSTERIOR_MEAN, POSTERIOR_STD
from diffusion_edu.lessons.exercises.lesson_04_sampling import DDPM_STEP, SAMPLE

EXERCISES = {
    "04.1": KEPT_AND_ADDED,
    "04.2": POSTERIOR_MEAN,
    "04.3": POSTERIOR_STD,
    "04.4": SAMPLE,
    "04.5": DDPM_STEP,
}
