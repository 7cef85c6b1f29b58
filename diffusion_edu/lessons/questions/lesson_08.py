"""The questions of lesson 08: recall, predictions, quiz."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "08.r1": Question(
        "A DDIM step (lesson 5, eta = 0) goes from $t$ to $s$. Which noise does the image have at timestep $s$?",
        right="a",
        choices={
            "a": Choice(
                "The noise that was found in $x_t$, with a smaller rate.",
                "Right. DDIM keeps the noise that it finds. Today you meet the same idea without noise.",
            ),
            "b": Choice(
                "New noise from the random generator.",
                "That is DDPM, or DDIM with eta = 1. With eta = 0 no random number is used.",
            ),
            "c": Choice("No noise.", "Only at timestep 0. At every other timestep $s$ the noise rate is above zero."),
        },
    ),
    "08.r2": Question(
        "The best prediction from a very noisy image looks blurred (lesson 2). Why?",
        right="c",
        choices={
            "a": Choice("The network is too small.", "A perfect denoiser blurs, too: lesson 2 computed it exactly."),
            "b": Choice(
                "Its convolutions smooth the image.",
                "A convolution can sharpen as well. The reason is the loss, not the network.",
            ),
            "c": Choice(
                "It is the mean of all images that fit the noisy one.",
                "Right. The mean has the smallest squared error, and the mean of many sharp images is blurred.",
            ),
        },
    ),
    "08.p1": Question(
        "Flowers are blurred to timestep 60 of 100; their mean PSNR is 14 dB then. A trained network restores them in "
        "20 small steps: it predicts the clean image, the prediction is blurred again, a little less than before, and "
        "so on. Which mean PSNR do the 20 steps reach?",
        right="c",
        choices={
            "a": Choice(
                "About 20 dB: 20 small steps are better than one prediction.",
                "This assumes that a step repairs the errors of the step before it. It repeats them, and adds its own.",
            ),
            "b": Choice(
                "As much as one single prediction, about 17 dB.",
                "This assumes that nothing is lost on the way. But each step forgets everything except its prediction.",
            ),
            "c": Choice(
                "Less than 14 dB: worse than doing nothing.",
                "Right. Every step throws the image away and keeps its own prediction, with its errors. They add up.",
            ),
        },
    ),
    "08.p2": Question(
        "Now a degradation adds stripes to an image: $t$ times the same pattern. The network that should restore it is "
        "useless: it always answers mid grey. Today you meet two ways to go back in steps. What does the better one "
        "return after 20 steps?",
        right="b",
        choices={
            "a": Choice(
                "Mid grey: it can only return what the network predicts.",
                "This is true for algorithm 1. Algorithm 2 uses the prediction only in a difference.",
            ),
            "b": Choice(
                "The flower, exactly.",
                "Right. Algorithm 2 takes away the grey at one timestep and adds it at another. The grey cancels. "
                "Only stripes are taken away.",
            ),
            "c": Choice(
                "A flower with weaker stripes.",
                "This assumes that a bad prediction spoils a little of the result. Here all of it cancels.",
            ),
        },
    ),
    "08.q1": Question(
        "What is Gaussian noise needed for?",
        right="b",
        choices={
            "a": Choice(
                "Without noise nothing can be restored.",
                "You restored blurred images without any noise.",
            ),
            "b": Choice(
                "For variety: it decides which of many possible images is generated.",
                "Right. Without a random start, the same input always gives the same image.",
            ),
            "c": Choice(
                "It makes the network's predictions sharper.",
                "A prediction from a noisy image is a mean, and so it is blurred.",
            ),
        },
    ),
    "08.q2": Question(
        "One result is sharp, with petals that the network invented. The other one is a blurred mean. Which one has "
        "the higher PSNR?",
        right="a",
        choices={
            "a": Choice(
                "Usually the blurred one.",
                "Right. Invented petals are in the wrong place, and a squared error counts this twice: where they are, "
                "and where they should be.",
            ),
            "b": Choice(
                "The sharp one, because it looks better.",
                "PSNR compares pixel by pixel and knows nothing of looks. Lesson 12 measures looks.",
            ),
            "c": Choice(
                "Both have the same.",
                "Their errors differ: the mean is the image with the smallest expected error.",
            ),
        },
    ),
    "08.q3": Question(
        "Two people restore the same blurred image with algorithm 2 and the same network. How do their results differ?",
        right="c",
        choices={
            "a": Choice(
                "A little, because a network is never exact.",
                "The network computes. The same input gives the same output.",
            ),
            "b": Choice(
                "In the fine detail, which is lost in the blur.",
                "The detail is lost, but nothing random decides what replaces it.",
            ),
            "c": Choice(
                "Not at all.",
                "Right. No step draws a random number. To get variety, one adds a little noise at the start "
                "(Bansal et al. 2022, section 5.2).",
            ),
        },
    ),
    "08.q4": Question(
        "Why does algorithm 2 forgive errors of the prediction?",
        right="b",
        choices={
            "a": Choice(
                "It averages several predictions.",
                "Each of its steps makes one prediction, exactly as algorithm 1 does.",
            ),
            "b": Choice(
                "It degrades the same prediction twice, so an error in both cancels in the difference.",
                "Right. What is left of the error is what the two degradations treat differently: little, if t and s "
                "are close.",
            ),
            "c": Choice(
                "It makes smaller steps.",
                "Both algorithms walk through the same timesteps.",
            ),
        },
    ),
    "08.q5": Question(
        "From lesson 4: how much new noise does a DDPM step to $s = 0$ add?",
        right="c",
        choices={
            "a": Choice(
                "As much as every other step.", "Then the finished image would be grainy. The rate depends on $s$."
            ),
            "b": Choice(
                "A little, so that the image looks natural.", "The last step adds none: noise is grain, not detail."
            ),
            "c": Choice("None.", "Right. Its standard deviation contains the noise rate at timestep 0, which is zero."),
        },
    ),
    "08.q6": Question(
        "From lesson 7: network A predicts the noise and has the loss 0.02; network B predicts the clean image and has "
        "the loss 0.05. Which one is better?",
        right="a",
        choices={
            "a": Choice(
                "One cannot say from these numbers.",
                "Right. The two losses measure errors of different things, which have different baselines.",
            ),
            "b": Choice(
                "A, its loss is lower.",
                "The loss of the noise and that of the image have different units: compare each with its baseline.",
            ),
            "c": Choice(
                "B, because images matter in the end.",
                "Each prediction can be turned into the other. The loss alone does not tell which network is better.",
            ),
        },
    ),
}
