"""The exercises of lesson 03, diffusion in 2-D: what they expect, and the mistakes that have a name."""

from diffusion_edu.lessons.exercises.lesson_03_closeness import CLOSENESS, SQUARED_DISTANCES
from diffusion_edu.lessons.exercises.lesson_03_score import EXACT_PREDICTION, SCORE
from diffusion_edu.lessons.exercises.lesson_03_sets import ENERGY_DISTANCE, TRAINING_PAIR

EXERCISES = {
    "03.1": SQUARED_DISTANCES,
    "03.2": CLOSENESS,
    "03.3": EXACT_PREDICTION,
    "03.4": SCORE,
    "03.5": ENERGY_DISTANCE,
    "03.6": TRAINING_PAIR,
}
