"""The questions of lesson 01, adding noise: a reply to every choice, for the belief behind it."""

from .quiz import Question

QUESTIONS = {
    "01.q1": Question(
        "c",
        {
            "a": (
                "Then the variance would grow from timestep to timestep. Here the image has a rate, too, and it "
                "falls from 1 to nearly 0."
            ),
            "b": (
                "Rates that add up to one are those of the straight schedule; there, half-way, the variance of "
                "both together is well below one."
            ),
            "c": (
                "The image shrinks as the noise grows. An image of variance 1 keeps its variance, and at the end "
                "noise alone is left."
            ),
        },
    ),
    "01.q2": Question(
        "b",
        {
            "a": (
                "How strong the noise is says noise[t]. The same t stands for different strengths on different "
                "schedules."
            ),
            "b": "It is an index and nothing else: what it means, only the schedule knows.",
            "c": "A fraction of what? Neither signal[t] nor its square falls in equal steps on the linear schedule.",
        },
    ),
    "01.q3": Question(
        "c",
        {
            "a": (
                "Look at the curves once more: no rule ties the middle of the timesteps to the middle of anything else."
            ),
            "b": (
                "Not everywhere: on some schedules the coarse shape is easy to see in the middle. Look at the "
                "strip of four schedules again."
            ),
            "c": (
                "By then the linear schedule has lost more than nine tenths of the power, the cosine schedule "
                "half. Only the rates tell."
            ),
        },
    ),
    "01.q4": Question(
        "a",
        {
            "a": (
                "Many small Gaussian steps are one large one. Training rests on it: every example may have a "
                "timestep of its own."
            ),
            "b": (
                "It can be done like that, as you have done by hand, but it need not be: what the loop leaves "
                "behind is known in closed form."
            ),
            "c": (
                "On the way there nothing has to be predicted: image and noise are both known. A network is for "
                "the way back."
            ),
        },
    ),
    "01.q5": Question(
        "b",
        {
            "a": (
                "Nothing is learned on the way to noise: it is a formula with a table. You have run this whole "
                "lesson without a network."
            ),
            "b": (
                "Adding noise takes a formula and random numbers. The network looks at the result and predicts "
                "what is underneath."
            ),
            "c": (
                "Random numbers come from a generator. A network that made them up could not be asked to find "
                "them again."
            ),
        },
    ),
    "01.q6": Question(
        "c",
        {
            "a": (
                "Only if each step takes as much as before. The product over all steps counts, and smaller betas "
                "can undo any number of timesteps."
            ),
            "b": (
                "If the betas stay as they are, more timesteps do take more of the image: that is why T = 300 "
                "kept a ghost and T = 1000 did not."
            ),
            "c": (
                "T counts the steps, the betas say how much each takes, and only both together say what is left "
                "at the end."
            ),
        },
    ),
}
