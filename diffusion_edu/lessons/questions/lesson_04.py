"""The questions of lesson 04, DDPM: a reply to the belief behind every choice."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "04.r1": Question(
        "You have x at timestep 400 and want to noise it further, to timestep 500. What do you add?",
        right="c",
        choices={
            "a": Choice(
                "As much noise as timestep 500 has.",
                "Some noise is in x already. You would end with more noise than timestep 500 has.",
            ),
            "b": Choice(
                "The difference of the two noise rates.",
                "Rates of independent noises do not add up. Their variances do.",
            ),
            "c": Choice(
                "Noise with the variance that is missing after the old noise has shrunk.",
                "The image and its noise shrink together, and fresh noise fills the rest of the variance.",
            ),
        },
    ),
    "04.r2": Question(
        "A network is trained to predict the clean image. At timestep 1000, x is pure noise. What is its "
        "best prediction?",
        right="a",
        choices={
            "a": Choice(
                "The mean of all training images.",
                "Nothing can be seen, so the mean has the smallest squared error. That is why one step is not enough.",
            ),
            "b": Choice(
                "One training image, at random.",
                "A random image is usually far from the right one. The mean of all images has a smaller squared error.",
            ),
            "c": Choice(
                "The noise itself.",
                "The noise is x. The network is asked for the clean image, and x says nothing about it.",
            ),
        },
    ),
    "04.p1": Question(
        "Imagine a **perfect denoiser** for Gaussian data. A sampler repeats two things 1,000 times: predict the clean "
        "image; noise this prediction anew, with **entirely fresh noise**, for the next lower timestep. You generate "
        "very many samples. What is their standard deviation, compared with the data?",
        right="b",
        choices={
            "a": Choice(
                "The same: the denoiser is perfect.",
                "You assumed that a perfect denoiser makes a perfect sampler. A prediction is a mean, and means vary "
                "less than images do. The sampler must give back what the mean has lost.",
            ),
            "b": Choice(
                "Too small, about 0.7 of it.",
                "Each prediction is a mean and varies too little. The old noise still knew which image was meant; "
                "with fresh noise, this is lost at every step.",
            ),
            "c": Choice(
                "Too large: noise is added 1,000 times.",
                "You assumed that noise piles up. But each prediction removes the old noise before the fresh noise "
                "joins.",
            ),
        },
    ),
    "04.q1": Question(
        "Why does a DDPM step add noise at all?",
        right="c",
        choices={
            "a": Choice(
                "Noise repairs the errors of the network.",
                "Noise knows nothing about errors. A later prediction may correct an earlier one, with or without "
                "noise.",
            ),
            "b": Choice(
                "So that every image is different.",
                "The starting noise would be enough for that: DDIM adds none, and its images differ, too.",
            ),
            "c": Choice(
                "x and the prediction leave open where x_s was; the step samples from what is open.",
                "The step samples from the posterior. Its mean alone would have too little noise for timestep s.",
            ),
        },
    ),
    "04.q2": Question(
        "Does a DDPM step remove the very noise that a step of the forward process added?",
        right="b",
        choices={
            "a": Choice(
                "Yes: it is the forward process, run backwards like an animation.",
                "Nobody knows which noise was added. The step only gives x_s the right mean and variance.",
            ),
            "b": Choice(
                "No: it removes a part of the noise it predicts, and adds some noise of its own.",
                "The noise of one step cannot be known. What fits are the mean and the variance, not one particular "
                "noise.",
            ),
            "c": Choice(
                "Yes, if the network is good enough.",
                "Not even a perfect denoiser knows it: it predicts a mean over all images that fit to x.",
            ),
        },
    ),
    "04.q3": Question(
        "A network was trained with T = 1000. May you sample with 50 steps?",
        right="a",
        choices={
            "a": Choice(
                "Yes: the step works for any s below t.",
                "The step needs only the rates at t and s. But a longer step uses one prediction for a longer way, so "
                "the samples vary less.",
            ),
            "b": Choice(
                "No: it must be 1,000 steps, as in training.",
                "Training sees single timesteps, never walks. How many of them a walk visits is up to you.",
            ),
            "c": Choice(
                "Only if you train again with T = 50.",
                "The network knows every noise level already. Only the step must know its stride (exercise 04.5).",
            ),
        },
    ),
    "04.q4": Question(
        "How random is the last step of DDPM, to timestep 0?",
        right="b",
        choices={
            "a": Choice(
                "As random as the others.",
                "Then noise would be left in the image. The noise rate of timestep 0 is 0.",
            ),
            "b": Choice(
                "Not at all: it returns the prediction.",
                "At s = 0 the factor of x and the standard deviation are both 0, without any special case in the code.",
            ),
            "c": Choice(
                "The most random: it decides the fine detail.",
                "Fine detail does come last. But the last step only takes the prediction over.",
            ),
        },
    ),
    "04.q5": Question(
        "(Lesson 1) A schedule has 1,000 timesteps. What is left of the image's power at timestep 500?",
        right="c",
        choices={
            "a": Choice("Half of it.", "Nothing ties the middle of the timesteps to half of the power."),
            "b": Choice("A quarter of it.", "On some schedule, perhaps. The linear one has less than a tenth left."),
            "c": Choice(
                "That depends on the schedule.",
                "A timestep is an index into a table. Only the rates in the table say what is left.",
            ),
        },
    ),
    "04.q6": Question(
        "(Lesson 2) A network predicts eps. How do you get its prediction of the clean image?",
        right="a",
        choices={
            "a": Choice(
                "Subtract the predicted noise, at its rate, from x, and divide by the signal rate.",
                "x is signal times x0 plus noise times eps: whoever knows x and one of the two knows the other.",
            ),
            "b": Choice(
                "Subtract the prediction from x.",
                "The noise in x has a rate, and so has the image: both rates must be undone.",
            ),
            "c": Choice(
                "Train a second network.",
                "x0 and eps are tied to each other by x. One prediction gives the other.",
            ),
        },
    ),
}
