"""The questions of lesson 01, adding noise: a reply to the belief behind every choice."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "01.r1": Question(
        "A file holds the byte 0 where the image is black. Which number does a model see there?",
        right="b",
        choices={
            "a": Choice("0", "0 is mid grey for a model: half-way between black and white."),
            "b": Choice("-1", "Bytes from 0 to 255 become numbers from -1 to 1, so that mid grey is 0."),
            "c": Choice("-128", "A model works with small numbers: the whole range is two wide, from -1 to 1."),
        },
    ),
    "01.r2": Question(
        "You generate an image with the seed 7 in a batch of eight, and then alone. When is its starting noise the "
        "same in both?",
        right="c",
        choices={
            "a": Choice(
                "Never: a batch of eight needs more noise.",
                "It does, but each image can have noise of its own, made from its own seed.",
            ),
            "b": Choice(
                "If it comes first in the batch.",
                "That is so with one generator for the whole batch. With one generator for each image, the place does "
                "not matter.",
            ),
            "c": Choice(
                "If each image has its own generator.",
                "One generator for each image: then its noise depends on its own seed and on nothing else.",
            ),
        },
    ),
    "01.p1": Question(
        "A noisy image is the clean image times a *signal rate* plus noise times a *noise rate*. A noise schedule says "
        "both rates for each timestep. The classic schedule is called *linear*: at timestep 0 the image is clean, at "
        "timestep 1000 it is noise. At which timestep are the two rates equal?",
        right="a",
        choices={
            "a": Choice(
                "near 260",
                "The factors of the steps multiply: each step takes a part of what is left. Half of the power is gone "
                "after a quarter of the timesteps.",
            ),
            "b": Choice(
                "near 500",
                "You assumed that half of the timesteps means half of the noise. The name linear belongs to the betas, "
                "and not to the result.",
            ),
            "c": Choice(
                "near 740",
                "You assumed that the first, small steps change little. But their factors multiply: at 740, less than "
                "one hundredth of the image's power is left.",
            ),
        },
    ),
    "01.p2": Question(
        "More and more noise is added to an image. What is lost first, its fine detail or its coarse shape?",
        right="b",
        choices={
            "a": Choice(
                "The coarse shape",
                "The coarse shape holds nearly all of the power of an image. So it can still be seen in much more "
                "noise.",
            ),
            "b": Choice(
                "The fine detail",
                "The noise has the same power at every scale, and fine detail has little power. So it is lost first, "
                "and on the way back it appears last.",
            ),
            "c": Choice(
                "Both at the same timestep, since all pixels get the same noise",
                "All pixels do get the same amount. But a coarse shape is a mean over many pixels, and in a mean the "
                "noise cancels.",
            ),
        },
    ),
    "01.q1": Question(
        "What happens to the image itself while the linear schedule adds noise?",
        right="c",
        choices={
            "a": Choice(
                "Nothing, the noise comes on top.",
                "Then the variance would grow with every timestep. The image has a rate, too, and it falls from 1 to "
                "nearly 0.",
            ),
            "b": Choice(
                "It shrinks so that the two rates add up to one.",
                "This is what the flow schedule does. Half-way, the variance of image and noise together is then well "
                "below one.",
            ),
            "c": Choice(
                "It shrinks so that the squares of the two rates add up to one.",
                "This is variance preserving: an image of variance 1 keeps it, and at the end only noise is left.",
            ),
        },
    ),
    "01.q2": Question(
        "In training, a network needs an image at timestep 700. How is it made?",
        right="a",
        choices={
            "a": Choice(
                "By one multiplication of the image, one of the noise, and a sum.",
                "Many small Gaussian steps are one large step. So every example in training can have any timestep.",
            ),
            "b": Choice(
                "By 700 small steps, one after the other.",
                "This gives the same distribution, as you have seen by hand, but it is 700 times the work. Training "
                "never walks through the timesteps.",
            ),
            "c": Choice(
                "By the network, which learns to add noise.",
                "Nothing is learned in the forward process. You ran this whole lesson without a network.",
            ),
        },
    ),
    "01.q3": Question(
        "A network gets the noisy image x at timestep t. What does it learn to predict in the DDPM paper?",
        right="b",
        choices={
            "a": Choice(
                "The noise of the last small step, from t - 1 to t.",
                "The jump never makes the image at t - 1, so nobody knows this noise. Known are x0 and eps.",
            ),
            "b": Choice(
                "All the noise in x together: eps.",
                "One eps stands for all steps up to t. If you know x and eps, you can compute x0: lesson 2.",
            ),
            "c": Choice("The timestep t.", "The timestep is an input: the network gets it with the image."),
        },
    ),
    "01.q4": Question(
        "You do not know the schedule. How much of the image's power is left at t = T / 2?",
        right="c",
        choices={
            "a": Choice(
                "Half of it.",
                "That is nearly true for cosine and sigmoid. No rule ties the middle of the timesteps to half of the "
                "power.",
            ),
            "b": Choice(
                "Almost nothing.",
                "That is true for the linear schedule, which keeps 8 % there. Look at the other schedules in the "
                "figure.",
            ),
            "c": Choice(
                "It depends on the rates.", "t is only an index. The table of the schedule says what it means."
            ),
        },
    ),
    "01.q5": Question(
        "Two models learned from different images. You use the seed 7 with both, for images of the same shape. What is "
        "the same?",
        right="a",
        choices={
            "a": Choice("The starting noise.", "The seed makes the noise. What becomes of it depends on the model."),
            "b": Choice(
                "The image.",
                "A seed does not hold an image. A network that learned other images turns the same noise into "
                "something else.",
            ),
            "c": Choice(
                "Nothing.", "The generator does not know the model: the same seed and shape give the same noise."
            ),
        },
    ),
    "01.q6": Question(
        "A model returns 1.01 for a white pixel. Which byte should be written?",
        right="b",
        choices={
            "a": Choice(
                "0",
                "Without clamping, 1.01 becomes 256. That is one more than a byte can hold, so white becomes black.",
            ),
            "b": Choice("255", "Numbers outside [-1, 1] are clamped first. So white stays white."),
            "c": Choice(
                "None: the pixel is invalid.",
                "Predictions often leave the range from -1 to 1 a little. Such pixels are clamped, not thrown away.",
            ),
        },
    ),
}
