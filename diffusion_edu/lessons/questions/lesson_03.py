"""The questions of lesson 03, diffusion in 2-D."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "03.r1": Question(
        "(Lesson 2) At timestep T an image is pure noise. Which prediction of the clean image has the smallest mean "
        "squared error?",
        right="c",
        choices={
            "a": Choice("Any one of the training images.", "It would be wrong for nearly all images, and by a lot."),
            "b": Choice(
                "The noise itself, x.",
                "x holds nothing of the image at T. Its error is the variance of the image plus that of the noise.",
            ),
            "c": Choice(
                "The mean of all training images.",
                "Yes. x says nothing about the image, so the mean of everything is best. Today you see where it goes.",
            ),
        },
    ),
    "03.r2": Question(
        "(Lesson 1) You need x at timestep 500. How many sampling steps does the forward process take?",
        right="a",
        choices={
            "a": Choice(
                "None: one formula reaches it at once.",
                "Yes. x = signal x0 + noise eps at any timestep. That is why training needs no walk.",
            ),
            "b": Choice("500", "500 small steps give the same distribution, but one jump is enough."),
            "c": Choice("500, but only in training", "Training, too, jumps to a timestep with one formula."),
        },
    ),
    "03.p1": Question(
        "A perfect denoiser has the smallest possible error on 200 points in the plane. You generate 1,000 samples "
        "with it. A sample is new if it does not lie (nearly) on one of the 200 points. How many are new?",
        right="b",
        choices={
            "a": Choice(
                "Nearly all: it has learned the shape of the moons.",
                "It has learned no shape. Its prediction is a mean of the 200 points, and at the end, with hardly any "
                "noise, the weight of one point is nearly one. So the walk ends on that point.",
            ),
            "b": Choice(
                "Hardly any: the walks end on the 200 points.",
                "Yes. At low noise the weight of one point is nearly one. What is perfect for the training points can "
                "only repeat them. New samples need a network that is less than perfect on them, and smooth.",
            ),
            "c": Choice(
                "About half: each walk ends between two points.",
                "A mean of two points is the right prediction only while the noise hides which of them it is. At the "
                "end it does not hide that any more.",
            ),
        },
    ),
    "03.p2": Question(
        "You train a network on 20 points for 200 steps, and then five times as long. Its loss on these 20 points "
        "falls. What happens to its loss on fresh points, which it has never seen?",
        right="c",
        choices={
            "a": Choice(
                "It falls, too.",
                "That holds while the network learns the shape. With 20 points it soon learns the points themselves, "
                "and that is of no use for fresh ones.",
            ),
            "b": Choice(
                "It stays as it is.",
                "What is learned about 20 points changes the prediction everywhere around them, so fresh points are "
                "predicted worse, not equally well.",
            ),
            "c": Choice(
                "It rises.",
                "Yes. The network comes nearer to the perfect denoiser of the 20 points, which predicts these points "
                "for every x. For fresh points that is wrong.",
            ),
        },
    ),
    "03.q1": Question(
        "At high noise, where do the arrows of the exact denoiser point?",
        right="b",
        choices={
            "a": Choice(
                "Each to the point that is nearest to it.",
                "Only at low noise. At high noise many points explain x equally well, and the arrow leads to their "
                "mean.",
            ),
            "b": Choice(
                "All to nearly one place, the mean of the points.",
                "Yes. The weights are nearly equal there, so the prediction is nearly the same for every x.",
            ),
            "c": Choice(
                "In random directions, because x is noise.",
                "x is random, but the denoiser is a plain function of x: nothing in it is random.",
            ),
        },
    ),
    "03.q2": Question(
        "What is the score, compared with the predicted noise eps_hat?",
        right="a",
        choices={
            "a": Choice(
                "Minus eps_hat, divided by the noise rate.",
                "Yes. The score points to the data, the noise away from it, and with less noise the score is longer.",
            ),
            "b": Choice(
                "The same as eps_hat.",
                "They lie on one line, but the noise points away from the data, and at low noise the score is longer.",
            ),
            "c": Choice(
                "A number that says how good a sample is.",
                "That would be a mark. The score has a direction: it is the gradient of the log density.",
            ),
        },
    ),
    "03.q3": Question(
        "The samples of the exact denoiser are copies. Their energy distance to fresh points is as small as that of "
        "the network's samples. What follows?",
        right="c",
        choices={
            "a": Choice(
                "Copies are good samples.",
                "They look right as a set. But nobody needs a model to repeat points that are already there.",
            ),
            "b": Choice(
                "The energy distance is computed wrongly.",
                "It is right: 200 points cover the moons well, and so do copies of them.",
            ),
            "c": Choice(
                "A distance between sets does not see copies; look at the nearest training point, too.",
                "Yes. Lesson 12 does so for images.",
            ),
        },
    ),
    "03.q4": Question(
        "Why does our small network generate points that are not in its training set?",
        right="b",
        choices={
            "a": Choice(
                "It adds a little noise at the end.",
                "The walk here is DDIM: it adds no noise at all, and its last step returns the prediction.",
            ),
            "b": Choice(
                "It is smooth and trained for a short time, so it cannot follow 200 separate points.",
                "Yes. It draws a band where the exact denoiser has separate points. Its error is what makes it useful.",
            ),
            "c": Choice(
                "It has stored more points than we gave it.",
                "It saw only these 200. What is new comes from the way in which it fills the gaps between them.",
            ),
        },
    ),
    "03.q5": Question(
        "(Lesson 2) At t = 900 the error in eps is tiny. Why does the network know so little about the image?",
        right="a",
        choices={
            "a": Choice(
                "x is nearly all noise there, so eps is easy to predict and x0 is not.",
                "Yes. The error in x0 is (noise / signal)² times that in eps, and this factor is large at t = 900.",
            ),
            "b": Choice("It was trained too little at t = 900.", "The best possible prediction has the same errors."),
            "c": Choice(
                "A tiny error in eps means that it knows the image well.",
                "It means only that the noise is known. For x0 you divide by the small signal rate: the error grows.",
            ),
        },
    ),
    "03.q6": Question(
        "(Lesson 0) One generator serves a whole batch. You add an image at the front. What happens to the others?",
        right="c",
        choices={
            "a": Choice("Nothing: a seed fixes every image.", "One seed fixes the stream, not who gets which part."),
            "b": Choice("They become noisier.", "The noise is as strong as before. It is other noise."),
            "c": Choice(
                "They change: each gets another part of the stream.",
                "Yes. With one generator per image they would stay as they are.",
            ),
        },
    ),
}
