"""The questions of lesson 00, start and seeds: a reply to every choice, for the belief behind it."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "00.r1": Question(
        "A batch `x` has the shape (8, 3, 64, 64). What is `x[0]`?",
        right="b",
        choices={
            "a": Choice(
                "The red channel of all images.",
                "That is `x[:, 0]`. One index takes a place on the first axis, and the first axis is the batch.",
            ),
            "b": Choice(
                "The first image, with its 3 channels.",
                "Its shape is (3, 64, 64): channels, height, width. The first axis counts the images.",
            ),
            "c": Choice(
                "The first row of pixels of the first image.",
                "That is `x[0, :, 0]`. One index takes a whole image, because the first axis is the batch.",
            ),
        },
    ),
    "00.r2": Question(
        "The numbers of `torch.randn` have mean 0 and standard deviation 1 (Gaussian noise). What fraction of them "
        "lies between -1 and 1?",
        right="c",
        choices={
            "a": Choice(
                "All of them.",
                "Those are the limits of images, not of noise: noise has none. About one number in three lies outside.",
            ),
            "b": Choice(
                "Half of them.",
                "Half of them are above 0. The standard deviation is wider than the middle half.",
            ),
            "c": Choice("About two thirds.", "68 percent, to be exact: one standard deviation to each side."),
        },
    ),
    "00.p1": Question(
        "A sampler turns noise into an image, in steps. The sampler DDIM takes noise at the start only. The sampler "
        "DDPM takes noise at the start, and new noise in its steps. **One** random generator with seed 0 makes all "
        "noise of a batch of 4 images. Then the same is done for a batch of 8. Is the first image the same in both "
        "batches?",
        right="c",
        choices={
            "a": Choice(
                "Yes, with both samplers: the seed is the same.",
                "You assumed that a seed belongs to an image. It belongs to the generator, and the generator hands out "
                "its numbers in turn: in a batch of 8, image 5 gets those that image 1 got for its next step in a "
                "batch of 4.",
            ),
            "b": Choice(
                "No, with neither: a larger batch has other noise.",
                "You assumed that the noise is made for the batch as a whole. But the numbers are handed out image "
                "after image, so the starting noise of the first image is the same.",
            ),
            "c": Choice(
                "With DDIM yes, with DDPM no.",
                "The first numbers of the sequence are the same, so the starting noise is the same. Later noise is "
                "not: the larger batch has used up more numbers by then.",
            ),
        },
    ),
    "00.p2": Question(
        "Two networks with different architectures were trained on the same photographs. Both get the same noise, the "
        "same class and DDIM. What do they generate?",
        right="b",
        choices={
            "a": Choice(
                "Two unrelated flowers.",
                "You assumed that a network decides what noise becomes. There is one best prediction for each noisy "
                "image of this data set, and both networks come close to it: so they go nearly the same way.",
            ),
            "b": Choice(
                "Nearly the same flower.",
                "Both approximate the same best prediction, and DDIM adds nothing random (Song et al. 2021, "
                "score-based models, call it a uniquely identifiable encoding).",
            ),
            "c": Choice(
                "The same flower, equal in every pixel.",
                "The networks have different weights, so their predictions differ a little. Look at the small parts.",
            ),
        },
    ),
    "00.q1": Question(
        "What does a seed store?",
        right="b",
        choices={
            "a": Choice(
                "An image, compressed to one number.",
                "The same seed with another class gives another image. Noise and network make the image together.",
            ),
            "b": Choice(
                "Where a sequence of random numbers starts.",
                "For each seed the generator makes one fixed sequence of numbers. The seed knows nothing about images.",
            ),
            "c": Choice(
                "The settings of the sampler.",
                "A seed sets the generator only. Steps, sampler and class must be given as well.",
            ),
        },
    ),
    "00.q2": Question(
        "A friend writes: “Seed 7, sunflower, look!” What do you need to see exactly her image?",
        right="c",
        choices={
            "a": Choice(
                "Nothing more: seed and class are enough.",
                "With another number of steps, or another sampler, seed 7 leads to another image.",
            ),
            "b": Choice(
                "Her batch: how many images she made at once.",
                "That is needed only if one generator serves a batch. With one generator per image it does not matter.",
            ),
            "c": Choice(
                "Her model, sampler, steps, schedule and library.",
                "A seed only names the noise, and only within one library. Everything else is part of the recipe.",
            ),
        },
    ),
    "00.q3": Question(
        "With seed 7 you get a beautiful rose. Is 7 a good seed?",
        right="a",
        choices={
            "a": Choice(
                "For this rose only. For another class or data set it is a seed like any other.",
                "Every seed gives noise of the same distribution. Model and condition decide what it becomes.",
            ),
            "b": Choice(
                "Yes: its noise is better, so use it for other models as well.",
                "No noise is better than other noise: all seeds sample one distribution. Whoever shows the best of "
                "many images has to say so.",
            ),
            "c": Choice(
                "Yes: small seeds give simple noise and clean images.",
                "The size of the number means nothing: the generator mixes its bits before it starts.",
            ),
        },
    ),
    "00.q4": Question(
        "Somebody turns predictions into bytes, and forgets to limit them to the range from 0 to 255. What do you see?",
        right="a",
        choices={
            "a": Choice(
                "Specks of wrong colour in the brightest and darkest parts.",
                "After byte 255 comes 0: a value a little above white turns black, channel by channel.",
            ),
            "b": Choice(
                "Nothing: a network never leaves the range.",
                "A network is not limited: with guidance, and at edges, its predictions often go beyond the range.",
            ),
            "c": Choice(
                "The whole image gets darker.",
                "Only values beyond the range are hit. All others are the right bytes.",
            ),
        },
    ),
    "00.q5": Question(
        "A walk takes 20 steps. How many states does it have?",
        right="c",
        choices={
            "a": Choice("19", "Between n timesteps there are n - 1 steps. Here 20 is the number of steps."),
            "b": Choice("20", "Each step ends in a state, and one state is there before the first step."),
            "c": Choice("21", "The noise at the start, and one more state after each step."),
        },
    ),
    "00.q6": Question(
        "Each image has a generator of its own. DDIM and DDPM start from the same seed. Do they end in the same image?",
        right="b",
        choices={
            "a": Choice(
                "Yes: the same seed is the same image.",
                "The starting noise is the same. DDPM then adds new noise on the way, so it arrives at another image.",
            ),
            "b": Choice(
                "No, but if you repeat one of them, you get its image again.",
                "Both can be repeated. Their images differ, because only DDPM adds noise on the way.",
            ),
            "c": Choice(
                "No, and DDPM gives another image each time.",
                "DDPM adds noise, but this noise comes from the seeded generator too: it can be repeated.",
            ),
        },
    ),
}
