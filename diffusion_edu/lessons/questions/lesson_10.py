"""The questions of lesson 10: recall, predictions, quiz."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "10.r1": Question(
        "At some timestep the signal rate is 0.5 (lesson 1). Which fraction of the image's power is left?",
        right="b",
        choices={
            "a": Choice("One half.", "That is the rate. A power is the square of a rate."),
            "b": Choice("One quarter.", "Right: the power is the square of the rate. You need this in a moment."),
            "c": Choice("That depends on the noise.", "The noise comes on top. It does not change the image's part."),
        },
    ),
    "10.r2": Question(
        "Why do two DDIM walks from the same noise end at the same image (lesson 5, eta = 0)?",
        right="c",
        choices={
            "a": Choice("The network has learned one image for each noise.", "It never saw this noise in training."),
            "b": Choice("DDIM makes few steps.", "With 1,000 steps it is the same: no step uses a random number."),
            "c": Choice(
                "No step draws new noise.",
                "Right. So the starting noise decides everything, and you can edit an image through its noise.",
            ),
        },
    ),
    "10.p1": Question(
        "**Image-to-image** adds noise to an image up to a timestep, and denoises it from there. Strength 0.5 means: "
        "up to timestep 500 of 1,000. How much of the image's power is left there?",
        right="c",
        choices={
            "a": Choice(
                "Half of it, on every noise schedule.",
                "This takes the timestep for the power. How fast the image fades is the choice of the schedule.",
            ),
            "b": Choice(
                "A quarter of it, on every noise schedule.",
                "This takes the signal rate to be one half at half of the timesteps. Only the schedule flow does that.",
            ),
            "c": Choice(
                "That depends on the noise schedule.",
                "Right. So a strength means nothing without its schedule: half of the timesteps is not always half of "
                "the image.",
            ),
        },
    ),
    "10.p2": Question(
        "Take two independent noises, each with standard deviation 1, and the point halfway between them, their mean. "
        "What is its standard deviation?",
        right="a",
        choices={
            "a": Choice(
                "About 0.7.",
                "Right. Variances add: a quarter and a quarter is one half, and its root is 0.71. No network ever saw "
                "such weak noise at timestep T.",
            ),
            "b": Choice(
                "1: the mean of two noises is a noise again.",
                "It is Gaussian noise, but weaker: where one is large, the other one mostly is not.",
            ),
            "c": Choice(
                "0.5.",
                "This halves the standard deviation. The sum of two independent noises is not twice as strong as one.",
            ),
        },
    ),
    "10.q1": Question(
        "What is the strength of image-to-image?",
        right="b",
        choices={
            "a": Choice(
                "The fraction of the pixels that may change.",
                "Every pixel may change. With a mask you would choose pixels: that is inpainting.",
            ),
            "b": Choice(
                "The fraction of the timesteps that are walked back.",
                "Right. What is lost up to there is made anew: fine detail first, coarse shapes last.",
            ),
            "c": Choice(
                "The weight of the new image in a mixture with the old one.",
                "Nothing is mixed at the end. The image is noised once, at the start.",
            ),
        },
    ),
    "10.q2": Question(
        "A program is set to 50 steps. At strength 0.5 it makes 25 of them. Is that a bug?",
        right="a",
        choices={
            "a": Choice(
                "No: it makes those of its 50 steps that lie below the start.",
                "Right. diffusers does it like that. Our function makes all steps, but shorter ones. Both are right.",
            ),
            "b": Choice(
                "Yes: the other 25 steps are lost.",
                "These steps are above the start of this walk, so it does not need them.",
            ),
            "c": Choice(
                "Yes: half of the image stays noisy.",
                "The walk ends at timestep 0, and there is no noise.",
            ),
        },
    ),
    "10.q3": Question(
        "A cascade makes a blurred number plate large and sharp. What do you know about the number?",
        right="b",
        choices={
            "a": Choice(
                "It is the true number, if the small image was held exactly.",
                "Many large images shrink to the same small one. Holding it excludes the others, not these.",
            ),
            "b": Choice(
                "Nothing that the small image does not tell. The detail is invented.",
                "Right. Another seed gives another number, just as sharp, and it shrinks to the same small image.",
            ),
            "c": Choice(
                "It is probably true, because the model has seen many number plates.",
                "It knows what number plates look like. It does not know this one.",
            ),
        },
    ),
    "10.q4": Question(
        "In inpainting the known pixels get noise at every timestep, although they are known. Why?",
        right="c",
        choices={
            "a": Choice(
                "So that the known pixels can change a little.",
                "They are put in again after every step, so they never change.",
            ),
            "b": Choice(
                "To save time: noise is faster than a prediction.",
                "The network runs on the whole image in any case.",
            ),
            "c": Choice(
                "The network expects the same noise everywhere in the image.",
                "Right. A clean frame around a noisy hole is an input that it never saw in training.",
            ),
        },
    ),
    "10.q5": Question(
        "From lesson 9: what does classifier-free guidance with a scale above 1 do?",
        right="b",
        choices={
            "a": Choice(
                "It samples the class more exactly as it is.",
                "It exaggerates what is typical of the class, and the samples become more alike than the class is.",
            ),
            "b": Choice(
                "It goes beyond the conditional prediction, away from the unconditional one.",
                "Right. That costs a second evaluation of the network, and variety.",
            ),
            "c": Choice(
                "It asks a classifier at every step.",
                "That is classifier guidance. Classifier-free guidance uses the network twice instead.",
            ),
        },
    ),
    "10.q6": Question(
        "From lesson 8: one enlarged image has invented detail, another one is smooth. Which has the higher PSNR?",
        right="a",
        choices={
            "a": Choice(
                "Usually the smooth one.",
                "Right. In the cascade of this lesson, smooth enlarging has the higher PSNR, too.",
            ),
            "b": Choice(
                "The sharp one.", "Detail in the wrong place is an error twice: where it is, and where it should be."
            ),
            "c": Choice("Both have the same.", "PSNR counts every pixel, and they differ in many."),
        },
    ),
}
