"""The questions of lesson 09, classes and guidance: a reply to every choice, for the belief behind it."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "09.r1": Question(
        "Lesson 2: a noisy image could come from many clean images. Which prediction has the smallest squared error?",
        right="b",
        choices={
            "a": Choice(
                "The most likely one of these clean images.",
                "It is often sharp, and often far off. The squared error punishes large errors most, so the mean wins.",
            ),
            "b": Choice(
                "The mean of all these clean images, weighted by how likely each is.",
                "With a label, only images of one class are left to average. That is all a label does.",
            ),
            "c": Choice(
                "The noisy image itself, divided by the signal rate.",
                "That keeps all noise. At a high timestep it is the worst of the three.",
            ),
        },
    ),
    "09.r2": Question(
        "Lesson 5: how many network evaluations (NFE) does DDIM need for one image in 20 steps, without guidance?",
        right="a",
        choices={
            "a": Choice("20.", "One prediction for each step. You will need this number again below."),
            "b": Choice(
                "21, one for each timestep that is visited.",
                "The last of the 21 timesteps is 0. There the image is finished, and nothing is predicted.",
            ),
            "c": Choice(
                "40, one for the image and one for the noise.",
                "The predicted noise is computed from the predicted image with a formula, not by the network.",
            ),
        },
    ),
    "09.p1": Question(
        "The guidance scale says how much a label counts. Scale 1 uses the label as it is; a larger scale exaggerates "
        "what the label changes. Imagine two classes of numbers, with means $-1$ and $+1$, both with standard "
        "deviation 0.5. We ask for class $+1$ with scale 4. What are mean and standard deviation of the samples?",
        right="b",
        choices={
            "a": Choice(
                "Mean 1, standard deviation 0.5: the class.",
                "You assumed that guidance samples the class. That is scale 1. A larger scale pushes every prediction "
                "away from the other class, and past its own.",
            ),
            "b": Choice(
                "Mean about 1.7, and a smaller standard deviation.",
                "The samples lie beyond the class, away from the other one, and they are more alike.",
            ),
            "c": Choice(
                "Mean 4: four times as far.",
                "You assumed that the scale multiplies the mean. It multiplies a difference of two predictions, and "
                "this difference vanishes as soon as the class is clear.",
            ),
        },
    ),
    "09.p2": Question(
        "A model generates flowers. An independent classifier recognises the requested class in 43 % of its images at "
        "scale 1, and in 84 % at scale 3. FD (Fréchet distance, lesson 12) measures how far the set of all its images "
        "is from a set of real photographs; smaller is better. How does FD change from scale 1 to scale 3?",
        right="c",
        choices={
            "a": Choice(
                "It falls: the images are better flowers.",
                "You assumed that clearer is closer to real photographs. FD also compares the variety, and guidance "
                "takes variety away.",
            ),
            "b": Choice(
                "It stays about the same.",
                "You assumed that the class and the quality are separate things. Guidance moves the whole image.",
            ),
            "c": Choice(
                "It rises: the images are less like real photographs.",
                "Each image is a clearer example of its class, and all of them together are less like the real set.",
            ),
        },
    ),
    "09.q1": Question(
        "Which distribution do samples with guidance scale 4 have?",
        right="c",
        choices={
            "a": Choice(
                "The class, $p(x \\mid c)$.",
                "That is scale 1. In our world it has mean 1; scale 4 gave 1.7.",
            ),
            "b": Choice(
                "The sharpened distribution, proportional to $p(x)\\, p(c \\mid x)^4$.",
                "This is the idea behind the formula, and it would hold if each step saw this distribution noised. "
                "It does not: in our world the sharpened distribution has mean 1.06.",
            ),
            "c": Choice(
                "None with a simple formula: no set of images has the guided predictions at all timesteps.",
                "Guidance is a rule for steps that works well. Its samples are not those of a known distribution.",
            ),
        },
    ),
    "09.q2": Question(
        "A friend raises the guidance scale from 3 to 5: more of the label must be better. What happens?",
        right="a",
        choices={
            "a": Choice(
                "The images become more alike; the class hardly becomes clearer.",
                "The class accuracy of our flowers rises from 84 to 87 % only, and the diversity falls from 62 to 50 "
                "%. At scale 8 you saw colours that are too strong.",
            ),
            "b": Choice(
                "The images become sharper and more varied.",
                "More contrast looks like sharpness. Variety falls: all images move to what is typical of the class.",
            ),
            "c": Choice(
                "Nothing: above scale 3 the class is clear.",
                "The difference of the two predictions is never quite 0 for images, so the scale always has an effect.",
            ),
        },
    ),
    "09.q3": Question(
        "An app samples at guidance scale 7.5 with 30 steps. How can it become faster and keep its 30 steps?",
        right="b",
        choices={
            "a": Choice(
                "A lower guidance scale, such as 4.",
                "The scale is only a factor. Both predictions are needed at 4 as at 7.5.",
            ),
            "b": Choice(
                "Scale 1, or guidance only at some timesteps.",
                "Each timestep without guidance saves one of two evaluations. All of them together: half of the time.",
            ),
            "c": Choice(
                "Both predictions in one call, as in exercise 5.",
                "One call with twice as many images is more convenient. The number of computations stays the same.",
            ),
        },
    ),
    "09.q4": Question(
        "What does classifier-free guidance need besides the conditional network?",
        right="a",
        choices={
            "a": Choice(
                "Nothing, if some labels were dropped in training.",
                "The same network makes both predictions. Dropping 10 % of the labels is usual.",
            ),
            "b": Choice(
                "A classifier that has learned noisy images.",
                "That was classifier guidance (Dhariwal & Nichol 2021). The new method is free of it, hence its name.",
            ),
            "c": Choice(
                "A second network without labels, from another training.",
                "That works too, at the price of a second training. One network with a null label does both.",
            ),
        },
    ),
    "09.q5": Question(
        "Lesson 5: DDIM with eta = 0 and the same seed samples class 3 and class 7. Are the two images related?",
        right="c",
        choices={
            "a": Choice(
                "No, the class decides everything.",
                "The starting noise is the same and the path is smooth, so layout and background often agree.",
            ),
            "b": Choice(
                "They are equal: DDIM is deterministic.",
                "Deterministic means: the same inputs give the same image. The label is an input, too.",
            ),
            "c": Choice(
                "Often: both start from the same noise, and the layout may stay.",
                "Compare the columns of the flowers above.",
            ),
        },
    ),
    "09.q6": Question(
        "Lesson 7: in training, `t[0]` was used for all images of a batch. What is the analogous mistake here?",
        right="b",
        choices={
            "a": Choice(
                "To drop 10 % of the labels instead of 20 %.",
                "That is a choice, not a mistake: each image still decides for itself.",
            ),
            "b": Choice(
                "To drop the labels of the whole batch or of none.",
                "On average the fraction is right, but every update of the weights learns only one of the two tasks.",
            ),
            "c": Choice(
                "To give each image its own label.",
                "That is how it should be: one label for each image.",
            ),
        },
    ),
}
