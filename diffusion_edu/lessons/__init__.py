"""The course: what its fourteen notebooks call.

`exercises/lesson_NN.py` holds the exercises of lesson NN and their mistakes, `questions/lesson_NN.py` its questions,
`figures/lesson_NN.py` its longer figures. The text is in `lessons/source/`, and `build.py` makes notebooks of it.
"""

from diffusion_edu.lessons.course import answered, check, fast, passed, predict, predicted, quiz, start
from diffusion_edu.lessons.reporting import report

__all__ = ["answered", "check", "fast", "passed", "predict", "predicted", "quiz", "report", "start"]
