"""The questions of lesson 05, DDIM and fast solvers: a reply to the belief behind every choice."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "05.r1": Question(
        "(Lesson 4) A DDPM step goes to s = 0. What comes out?",
        right="a",
        choices={
            "a": Choice(
                "The prediction, without any noise.",
                "The factor of x and the standard deviation are both 0 there.",
            ),
            "b": Choice(
                "The prediction with a little fresh noise.",
                "Then the image would be grainy. At timestep 0 the noise rate is 0.",
            ),
            "c": Choice(
                "A mean of x and the prediction.",
                "That is so at every s above 0. At 0 the prediction counts alone.",
            ),
        },
    ),
    "05.r2": Question(
        "(Lesson 2) You know x at timestep t and a prediction of the clean image. What else do you know?",
        right="b",
        choices={
            "a": Choice(
                "Nothing: the noise was random.",
                "It was random, but it is in x. Take the image away, and the noise is what is left.",
            ),
            "b": Choice(
                "A prediction of the noise.",
                "x is signal times image plus noise rate times noise. Two of the three give the third.",
            ),
            "c": Choice(
                "The true noise.",
                "You would know it if the prediction were the true image. A predicted image gives predicted noise.",
            ),
        },
    ),
    "05.p1": Question(
        "Imagine a **perfect denoiser** for Gaussian data, and only **20 steps**. The samples should vary as much as "
        "the data. DDPM adds fresh noise in every step, DDIM adds none. **Whose samples vary more?**",
        right="c",
        choices={
            "a": Choice(
                "Those of DDPM: fresh noise brings variety.",
                "You assumed that noise brings variety. But most of it is removed again by the next predictions, "
                "which are "
                "means; with long steps, a part of the variety goes with it.",
            ),
            "b": Choice(
                "Both vary equally, and as much as the data.",
                "You assumed that a perfect denoiser is enough. It is perfect at each timestep, but a long step uses "
                "one "
                "prediction for the whole way.",
            ),
            "c": Choice(
                "Those of DDIM.",
                "The starting noise alone decides the sample, and DDIM carries it along. Both lose some variance, "
                "because "
                "20 steps are few; DDPM loses more.",
            ),
        },
    ),
    "05.q1": Question(
        "You have a network that was trained for DDPM. What do you need for DDIM?",
        right="c",
        choices={
            "a": Choice(
                "A network trained without random noise.",
                "Training noises images in one jump and is the same for all samplers.",
            ),
            "b": Choice(
                "The same network, trained a little longer.",
                "The network only predicts. How its prediction is used, it never learns.",
            ),
            "c": Choice(
                "The same network, nothing else.",
                "DDIM needs a prediction and two pairs of rates. That is why a sampler can be exchanged after "
                "training.",
            ),
        },
    ),
    "05.q2": Question(
        "DDIM with eta = 0 is deterministic. What does that mean?",
        right="a",
        choices={
            "a": Choice(
                "One starting noise gives one image, always the same.",
                "All variety comes from the start. So the starting noise is an address of the image: that helps in "
                "editing.",
            ),
            "b": Choice(
                "It can generate only one image.",
                "It generates one image for each starting noise, and there are endlessly many of those.",
            ),
            "c": Choice(
                "It needs no noise at all.",
                "It starts from noise. It only adds none on the way.",
            ),
        },
    ),
    "05.q3": Question(
        "Do more steps always make better images?",
        right="b",
        choices={
            "a": Choice(
                "Yes: each step removes some more noise.",
                "The noise is gone after any number of steps. More steps only follow the path of the network more "
                "closely.",
            ),
            "b": Choice(
                "No: beyond some number, nothing visible changes.",
                "The walk comes close to the exact path. What is left then are the errors of the network, and steps "
                "do not "
                "repair those.",
            ),
            "c": Choice(
                "No: each step adds errors, so few steps are best.",
                "One long step uses one prediction for the whole way. Its error is larger than that of many short "
                "ones.",
            ),
        },
    ),
    "05.q4": Question(
        "DDIM with 20 steps and Heun with 20 steps: which takes longer?",
        right="b",
        choices={
            "a": Choice(
                "Equally long: 20 steps are 20 steps.",
                "Time is spent in the network. Count its evaluations (NFE), not the steps.",
            ),
            "b": Choice(
                "Heun: about twice as long.",
                "Heun predicts twice in each step but the last: 39 evaluations. A fair comparison gives both the "
                "same NFE.",
            ),
            "c": Choice(
                "DDIM: it has to walk without help from noise.",
                "Adding noise costs nearly nothing. The network costs nearly everything.",
            ),
        },
    ),
    "05.q5": Question(
        "(Lesson 4) A DDPM step was written for s = t - 1 and is now used with s = t - 50. What must change?",
        right="c",
        choices={
            "a": Choice(
                "Nothing: the network is the same.",
                "The network is, the step is not: it must know which part of the noise goes.",
            ),
            "b": Choice(
                "The beta is multiplied by 50.",
                "Betas differ from timestep to timestep, and early noise shrinks in later steps.",
            ),
            "c": Choice(
                "What is kept and what is added must belong to the way from s to t.",
                "Both follow from the rates at s and t. A single beta knows nothing about s.",
            ),
        },
    ),
    "05.q6": Question(
        "(Lesson 1) Image and noise have equal rates at timestep 260 of the linear schedule. Where are they "
        "equal on others?",
        right="a",
        choices={
            "a": Choice(
                "That depends on the schedule.",
                "A timestep is an index. Evenly spaced timesteps are therefore not evenly spaced noise levels.",
            ),
            "b": Choice(
                "At 260, too.",
                "Only by accident. The cosine schedule reaches equal rates near the middle.",
            ),
            "c": Choice(
                "Always at T / 2.",
                "On some schedules, such as flow. The rule for all is: look into the table.",
            ),
        },
    ),
}
