"""The questions of lesson 12, evaluate and reflect: a reply to the belief behind every choice."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "12.r1": Question(
        "(Lesson 9) You raise the guidance scale from 1 to 5. What happens to the samples of a class?",
        right="b",
        choices={
            "a": Choice(
                "They become more varied.",
                "Guidance pushes all samples away from the unconditional "
                "prediction, in the same direction. So they become more alike.",
            ),
            "b": Choice(
                "They become more typical of the class, and less varied.",
                "Yes. One score becomes better and another one worse. No single number shows both.",
            ),
            "c": Choice(
                "Only the time changes.",
                "Two evaluations for each step are needed at every scale but 0 and "
                "1. The scale itself changes the samples.",
            ),
        },
    ),
    "12.r2": Question(
        "(Lesson 11) Our text-to-image model was trained twice as long. How did its samples for new prompts change?",
        right="a",
        choices={
            "a": Choice(
                "Their FD did not improve, and for training captions more samples were nearest to their "
                "training image.",
                "Yes. 44 % became 79 %. With few images, longer training stores images.",
            ),
            "b": Choice(
                "Their FD became twice as good.",
                "You assumed that training always helps. With 1,327 captioned images there was nothing more to learn.",
            ),
            "c": Choice(
                "They became pure noise.",
                "Longer training does not destroy a model. It can store more "
                "training images, which a score on new prompts does not reward.",
            ),
        },
    ),
    "12.p1": Question(
        "You draw two sets of 100 rows from the same distribution. Each row has 64 independent normal numbers. The "
        "true Fréchet distance is 0. Which distance do you measure?",
        right="c",
        choices={
            "a": Choice(
                "less than 0.1",
                "You assumed that equal distributions give equal sets. A covariance of 64 "
                "numbers has 2,080 different entries, and 100 rows do not determine them.",
            ),
            "b": Choice("about 1", "This is what 2,000 rows give. The error falls like one over the number of rows."),
            "c": Choice(
                "about 20",
                "Yes. 100 rows do not determine a covariance of 64 numbers. The two measured covariances differ, "
                "and every difference makes the distance larger.",
            ),
        },
    ),
    "12.p2": Question(
        "A cheater adds a little noise to the training images and calls them samples. An honest model generates new "
        "flowers. Which set has the lower FD to the training images?",
        right="b",
        choices={
            "a": Choice(
                "The honest model",
                "You hoped that FD rewards new images. It compares means and covariances, "
                "and copies have those of the training set.",
            ),
            "b": Choice(
                "The cheater",
                "A distance to the training set is smallest for the training set. So FD alone "
                "never shows that a model can do anything.",
            ),
            "c": Choice(
                "Both have about the same",
                "Other flowers have slightly other means and covariances, even "
                "good ones. Copies have nearly the same ones.",
            ),
        },
    ),
    "12.q1": Question(
        "A model has FD 0 to its training set. What do you know?",
        right="a",
        choices={
            "a": Choice(
                "It may have copied the training images.",
                "Yes. Copies have FD 0. So a report needs a second number: how many samples are memorised.",
            ),
            "b": Choice(
                "It is perfect.", "A photocopier would get the same score. Look at the nearest training images, too."
            ),
            "c": Choice(
                "Nothing: FD depends on the feature network.",
                "The value depends on it. But 0 is suspicious with any network: even new real images do not reach it.",
            ),
        },
    ),
    "12.q2": Question(
        "Paper A reports FID 3.1, paper B reports FID 4.0. Which model is better?",
        right="c",
        choices={
            "a": Choice(
                "That of paper A.",
                "Perhaps A used more samples, another reference set or another resize. All of them change FID "
                "(Parmar et al. 2022).",
            ),
            "b": Choice(
                "That of paper B.",
                "A higher distance is not better either. The two numbers were measured in different ways.",
            ),
            "c": Choice(
                "You cannot say.",
                "Yes. Number of samples, reference set, feature network and resize must be the "
                "same, and the difference must be larger than the bands.",
            ),
        },
    ),
    "12.q3": Question(
        "A classifier recognises 75 % of our generated flowers and 58 % of held-out photographs. Why?",
        right="c",
        choices={
            "a": Choice(
                "The samples are better than photographs.",
                "Better for what? A photograph may show a flower from behind. It is real all the same.",
            ),
            "b": Choice(
                "The classifier was trained on the samples.", "It has never seen one. It learned from photographs."
            ),
            "c": Choice(
                "Guidance makes samples that are more typical than photographs.",
                "Yes. Typical is easy to recognise. Variety is lost, and this score does not see it.",
            ),
        },
    ),
    "12.q4": Question(
        'A figure with 64 samples says "not selected". What else must it say, so that you can check this?',
        right="a",
        choices={
            "a": Choice(
                "The model, its settings and the seeds 0 to 63.",
                "Yes. With them you generate the same figure. Whoever chooses the best samples has gaps in the seeds.",
            ),
            "b": Choice(
                "The FD of the 64 samples.",
                "FD of 64 samples says nearly nothing, as you have measured, and "
                "it does not show how they were chosen.",
            ),
            "c": Choice("The word random.", "Whoever shows the best of ten random sets can write this, too."),
        },
    ),
    "12.q5": Question(
        "(Lesson 10) Image-to-image with strength 0: what comes out?",
        right="b",
        choices={
            "a": Choice("Pure noise.", "This is strength 1, where nothing of the input is left."),
            "b": Choice("The input, bit for bit.", "Yes. The walk starts at timestep 0, so no step is made."),
            "c": Choice("A slightly better input.", "No step is made, so the network never sees the image."),
        },
    ),
    "12.q6": Question(
        "(Lesson 1) Two schedules, both with T = 1000. Is an image at t = 500 equally noisy on both?",
        right="a",
        choices={
            "a": Choice("Not in general: t is an index.", "Yes. The table of the schedule says how noisy t is."),
            "b": Choice("Yes, both are half-way.", "Linear keeps 8 % of the power there, cosine 49 %."),
            "c": Choice(
                "Yes, if both are variance preserving.",
                "Then the squares of the rates add up to one at every "
                "timestep. How they divide it is another question.",
            ),
        },
    ),
}
