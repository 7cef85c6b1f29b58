"""The questions of lesson 07, training: two to recall, two predictions, six for the quiz."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "07.r1": Question(
        "From lesson 2: $v = \\cos\\theta\\,\\varepsilon - \\sin\\theta\\,x_0$. What is $v$ for a clean image, where "
        "$\\theta = 0$?",
        right="a",
        choices={
            "a": Choice("The noise.", "Yes: the cosine is 1 and the sine is 0."),
            "b": Choice("The clean image.", "That has the factor sine of 0, which is 0. The noise is left."),
            "c": Choice("Zero.", "The cosine of 0 is 1, so the noise is left in full."),
        },
    ),
    "07.r2": Question(
        "From lesson 6: how does the timestep get into a U-Net?",
        right="c",
        choices={
            "a": Choice(
                "As a fourth colour of the image.",
                "A second image can enter like this. The timestep becomes a scale and a shift of each channel.",
            ),
            "b": Choice("Not at all.", "It does: in lesson 6 a wrong timestep ruined the prediction."),
            "c": Choice(
                "As a scale and a shift of each channel.",
                "Yes: waves become a vector, and the vector becomes scales and shifts.",
            ),
        },
    ),
    "07.p1": Question(
        "Samples are drawn with an average of the weights over time. At each step it keeps 0.9999 of itself and takes "
        "the rest from the new weights. It begins with the random start. After 5,000 steps, how much of it is random "
        "start?",
        right="a",
        choices={
            "a": Choice("61 %", "Right: 0.9999 to the power of 5,000. Such an average is useless for a long time."),
            "b": Choice(
                "less than 1 %",
                "You assumed that 5,000 steps are many. With this decay the memory is 10,000 steps long.",
            ),
            "c": Choice(
                "about 10 %",
                "The decay acts 5,000 times: raise it to this power, and more than half is left.",
            ),
        },
    ),
    "07.p2": Question(
        "Network A learns from 10 points, network B from 2,000 points of the same shape. All else is equal. Which one "
        "has the lower **training** loss at the end?",
        right="b",
        choices={
            "a": Choice(
                "B: more data teach more",
                "B is better on new points. But the training loss is measured on the training points.",
            ),
            "b": Choice("A: ten points are easy", "Right: ten points can be learned by heart. New points show it."),
            "c": Choice(
                "both the same",
                "A sees the same ten points again and again, and knows which one may be behind the noise.",
            ),
        },
    ),
    "07.q1": Question(
        "The loss has hardly changed for 800 steps. Has the training finished?",
        right="c",
        choices={
            "a": Choice(
                "Yes: a flat loss means that nothing is learned.",
                "From step 400 to 1,200 the loss of network B fell by 3 %, and at the end 81 % of its samples were "
                "near the data, not 64 %.",
            ),
            "b": Choice(
                "Yes, unless the loss is still above 0.1.",
                "No fixed number tells: most of the loss is noise that nobody can predict.",
            ),
            "c": Choice(
                "Not necessarily: look at samples.",
                "Yes: small gains in the loss can be large gains in the samples. From step 400 to 1,200 of network B, "
                "the samples near the data grew from 64 % of all to 81 %.",
            ),
        },
    ),
    "07.q2": Question(
        "Somebody says: my loss is 0.015. Is that good?",
        right="b",
        choices={
            "a": Choice(
                "Yes: it is close to zero.",
                "Dark images with power 0.015 give this loss to an x0-network that does nothing.",
            ),
            "b": Choice(
                "It depends on the prediction type and on the loss of doing nothing.",
                "Yes: always ask for the baseline first.",
            ),
            "c": Choice("No: it should be zero.", "It cannot be zero: nobody can know the noise exactly."),
        },
    ),
    "07.q3": Question(
        "Network 1 has an eps loss of 0.050, network 2 a v loss of 0.087. Which one predicts better?",
        right="a",
        choices={
            "a": Choice(
                "These numbers cannot tell.",
                "Yes: both numbers belong to `flowers_attention`. It is the same network, measured in two ways.",
            ),
            "b": Choice(
                "Network 1: its loss is lower.",
                "Both numbers belong to the same network, measured in two ways.",
            ),
            "c": Choice(
                "Network 2: v is the better target.",
                "The type says nothing about the quality: both numbers belong to the same network.",
            ),
        },
    ),
    "07.q4": Question(
        "Which number shows that a network has learned its training images by heart?",
        right="b",
        choices={
            "a": Choice(
                "A low training loss.",
                "Learning and copying both lower it. Network A had the lower one.",
            ),
            "b": Choice(
                "A loss on held-out images that is much higher than the training loss.",
                "Yes: network A had 0.40 on its own points, and more than 0.55 on new ones.",
            ),
            "c": Choice(
                "A training loss that jumps.",
                "It jumps because angles and noise are drawn at random. That is normal.",
            ),
        },
    ),
    "07.q5": Question(
        "From lesson 1: a schedule is variance preserving, and the signal rate at $t$ is 0.6. What is the noise rate?",
        right="c",
        choices={
            "a": Choice("0.4", "The squares add up to 1, not the rates."),
            "b": Choice("0.64", "That is the noise's power, the square of its rate."),
            "c": Choice("0.8", "Yes: 0.36 and 0.64 add up to 1, and the root of 0.64 is 0.8."),
        },
    ),
    "07.q6": Question(
        "From lesson 6: in self-attention, along which axis do the weights add up to 1?",
        right="a",
        choices={
            "a": Choice("Over the keys of one query.", "Yes: each query spreads its attention over all keys."),
            "b": Choice("Over the queries of one key.", "Then a position could read nothing at all, or far too much."),
            "c": Choice("Over the batch.", "Then images would read from each other."),
        },
    ),
}
