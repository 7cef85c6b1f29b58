"""The questions of lesson 02, denoising once: a reply to every choice, for the belief behind it."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "02.r1": Question(
        "(Lesson 1) How is the noisy image at timestep $t$ made from the image $x_0$ and Gaussian noise "
        "$\\varepsilon$?",
        right="a",
        choices={
            "a": Choice(
                "$\\text{signal}_t\\, x_0 + \\text{noise}_t\\, \\varepsilon$",
                "Each part has its rate. This equation holds on every schedule. In this lesson you solve it for the "
                "image and for the noise.",
            ),
            "b": Choice(
                "$\\text{signal}_t^2\\, x_0 + \\text{noise}_t^2\\, \\varepsilon$",
                "Those are the powers. The parts are multiplied by rates, and the squares of the rates are powers.",
            ),
            "c": Choice(
                "$x_0 + \\text{noise}_t\\, \\varepsilon$",
                "Then the image would never vanish. It shrinks while the noise grows.",
            ),
        },
    ),
    "02.r2": Question(
        "(Lesson 0) Every image of a batch has a generator of its own. You remove the first image. What becomes of the "
        "second?",
        right="b",
        choices={
            "a": Choice(
                "It changes: it has moved to another place in the batch.",
                "That happens if one generator serves the whole batch. Here each image keeps its own generator.",
            ),
            "b": Choice("It stays the same.", "Its noise depends on its own seed only."),
            "c": Choice(
                "It stays the same with DDIM, and changes with DDPM.",
                "The noise of later steps comes from the image's own generator, too.",
            ),
        },
    ),
    "02.p1": Question(
        "A noisy image x is given. The best possible denoiser predicts the noise $\\varepsilon$ in it (variance 1). "
        "Its mean squared error is 0.00007 at timestep 900, and 0.69 at timestep 100. At which timestep does it know "
        "more about the clean image?",
        right="b",
        choices={
            "a": Choice(
                "At 900: its error is ten thousand times smaller.",
                "You read the error of the noise as if it were that of the image. At 900 x is nearly all noise. So it "
                "is easy to say what the noise is, but the image is lost.",
            ),
            "b": Choice(
                "At 100: there is less noise.",
                "With less noise the image can be predicted better. The error in eps is larger, because it is the "
                "signal-to-noise ratio times the error of the image.",
            ),
            "c": Choice(
                "The same at both: it is the same denoiser.",
                "You assumed that a denoiser has one quality. What can be known depends on the timestep.",
            ),
        },
    ),
    "02.p2": Question(
        "At the last timestep x is nearly pure noise. What does the best possible denoiser of a set of flowers "
        "predict?",
        right="c",
        choices={
            "a": Choice(
                "One sharp flower.",
                "You assumed that a prediction is a sample. One flower would be the wrong one nearly always, and the "
                "squared error punishes that.",
            ),
            "b": Choice(
                "Plain noise: there is nothing to see.",
                "You assumed that noise stays in the prediction. It would only add error.",
            ),
            "c": Choice(
                "The mean of all flowers, a blur.",
                "x says nothing about the flower. Then the mean has the lowest squared error: here a blur of all "
                "flowers.",
            ),
        },
    ),
    "02.q1": Question(
        "At timestep 800 the prediction is blurred. Why?",
        right="b",
        choices={
            "a": Choice(
                "The network is too small.",
                "The exact denoiser is blurred there, too, and no network can beat it on its images.",
            ),
            "b": Choice(
                "Many images could be behind this x, and it predicts their mean.",
                "A mean of many sharp images is blurred. It has the lowest error if one cannot know which image it is.",
            ),
            "c": Choice(
                "Some of the noise was not removed.",
                "Noise that is left looks grainy, not blurred. The prediction is smooth.",
            ),
        },
    ),
    "02.q2": Question(
        "A training log shows a mean squared error in $\\varepsilon$ of 0.02. Is the model good?",
        right="c",
        choices={
            "a": Choice(
                "Yes: an error of 0.02 is small.",
                "At timestep 900 even a network that knows nothing about images reaches far less than that.",
            ),
            "b": Choice(
                "No: a good model comes close to 0.",
                "At low timesteps the noise is hard to see, and the best possible error is far from 0.",
            ),
            "c": Choice(
                "That depends on the timesteps, and on the images.",
                "Compare with the best possible error at the same timesteps, or look at samples.",
            ),
        },
    ),
    "02.q3": Question(
        "The network predicts $x_0$. Why do we not take its first prediction, at timestep 1000, as the image?",
        right="a",
        choices={
            "a": Choice(
                "That prediction is the mean of what is possible, not one image.",
                "After each step fewer images are possible. So the next prediction is sharper.",
            ),
            "b": Choice(
                "The network has seen small amounts of noise only.",
                "It was trained at all timesteps, the last one included.",
            ),
            "c": Choice(
                "One could: more steps only make it cleaner.",
                "One step gives the blur of the figure, and nearly the same blur for every seed.",
            ),
        },
    ),
    "02.q4": Question(
        "On the linear interpolation path (flow matching) the rates add to one, not their squares. Which conversions "
        "between $\\hat x_0$ and $\\hat\\varepsilon$ hold there?",
        right="b",
        choices={
            "a": Choice(
                "None: they need a variance-preserving schedule.",
                "They only solve the equation that makes x. It does not matter what the rates add up to.",
            ),
            "b": Choice(
                "The same as everywhere, with the rates of this path.",
                "x is signal times image plus noise times eps on every schedule, and this can be solved for either.",
            ),
            "c": Choice(
                "The same, but only after dividing x by both rates.",
                "This division is not needed. Solve the equation that makes x for what you want.",
            ),
        },
    ),
    "02.q5": Question(
        "(Lesson 1) What does `alpha_bar[t]` hold?",
        right="c",
        choices={
            "a": Choice("The signal rate.", "Its square: x0 is multiplied by the root of alpha_bar."),
            "b": Choice(
                "The variance that step t adds.",
                "That is beta, of one step. alpha_bar is what all steps together leave.",
            ),
            "c": Choice(
                "The power of the signal that is left.",
                "It is the square of the signal rate, and falls from 1 towards 0.",
            ),
        },
    ),
    "02.q6": Question(
        "(Lesson 1) At timestep 260 of the linear schedule both rates are about equal. The flowers have variance 0.3. "
        "Which part of x is stronger?",
        right="a",
        choices={
            "a": Choice(
                "The noise.", "Equal rates, but noise has variance 1 and the flowers have 0.3: less power in the image."
            ),
            "b": Choice("The image.", "An image with less variance than the noise is the weaker part at equal rates."),
            "c": Choice(
                "Both are equal.",
                "The rates are. Power is the square of the rate times the variance of what it multiplies.",
            ),
        },
    ),
}
