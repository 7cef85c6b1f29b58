"""The questions of lesson 06, U-Nets: two to recall, two predictions, six for the quiz."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "06.r1": Question(
        "From lesson 2: a network predicts $v$ for the noisy image $x_t$. How do you get the predicted clean image?",
        right="b",
        choices={
            "a": Choice(
                "$v$ is the clean image already.",
                "No: v mixes noise and image. Lesson 2 turned it into x0_hat with the two rates.",
            ),
            "b": Choice(
                "From $x_t$, $v$ and the two rates, with one formula.",
                "Yes. Any prediction type gives x0_hat; here the network of this lesson predicts v.",
            ),
            "c": Choice(
                "By one more run of the network.",
                "One run is enough: the formula of lesson 2 needs x, v and the rates only.",
            ),
        },
    ),
    "06.r2": Question(
        "From lesson 5: DDIM makes an image in 20 steps. How often does the network run for one image?",
        right="a",
        choices={
            "a": Choice("20 times", "Yes: one prediction for each step, so 20 function evaluations (NFE)."),
            "b": Choice("Once", "One run gives one prediction. Every step needs a new one, for its own x_t."),
            "c": Choice(
                "1,000 times",
                "That is the number of timesteps of training. DDIM visits only as many as it has steps.",
            ),
        },
    ),
    "06.p1": Question(
        "`flowers_attention` was trained with self-attention. We switch its self-attention off, nothing else. "
        "The Fréchet distance (FD, lower is better) of 2,000 samples was 1.23. What is it now? (A smaller network, "
        "trained without attention, has 1.61.)",
        right="c",
        choices={
            "a": Choice(
                "about 1.6",
                "You assumed that the other layers had learned to work alone. They learned together with attention.",
            ),
            "b": Choice(
                "about 3",
                "You saw that it must be worse. But each step feeds its error to the next one, and errors add up.",
            ),
            "c": Choice(
                "more than 20",
                "Right: the error of one prediction grows by half only, but over all the steps of sampling it adds up.",
            ),
        },
    ),
    "06.p2": Question(
        "This network has three skip connections, at the resolutions 32x32, 16x16 and 8x8. We cut one (zeros take its "
        "place) and predict at t = 500. Which cut does the most harm?",
        right="a",
        choices={
            "a": Choice(
                "32x32",
                "Right: the single pixels of the noise are known only there, and the network has to take them away.",
            ),
            "b": Choice(
                "8x8",
                "You assumed that the coarse shape matters most. It also comes from below; fine detail does not.",
            ),
            "c": Choice(
                "all three the same",
                "Each skip brings what the resolutions below it have lost, and that is not the same for all.",
            ),
        },
    ),
    "06.q1": Question(
        "What do the skip connections of a U-Net carry?",
        right="b",
        choices={
            "a": Choice(
                "The finished prediction: the other parts change little.",
                "Then a cut at 8x8 would hurt as much as one at 32x32. It hardly changes anything.",
            ),
            "b": Choice(
                "Detail that the lower resolutions have lost.",
                "Yes. What to draw is found below; where exactly, and which pixels are noise, comes across.",
            ),
            "c": Choice(
                "Gradients: they only matter in training.",
                "They help gradients, too. But you cut one in a trained network, and the prediction broke.",
            ),
        },
    ),
    "06.q2": Question(
        "An image at t = 500 goes through the network, but we give it t = 50. What happens?",
        right="c",
        choices={
            "a": Choice(
                "Nothing: it sees how noisy the image is.",
                "We measured it: the error grows from 0.026 to 0.68. The network trusts the t that it gets.",
            ),
            "b": Choice(
                "Nothing here: the timestep only matters for the sampler.",
                "The sampler uses t, and so does every residual block: it scales and shifts its channels.",
            ),
            "c": Choice(
                "It takes too little for noise, and the prediction is bad.",
                "Yes: the error grows from 0.026 to 0.68. Check the unit of t before you use somebody's network.",
            ),
        },
    ),
    "06.q3": Question(
        "7.0 million parameters with attention: FD 1.23. 3.6 million without: 1.61. What follows?",
        right="a",
        choices={
            "a": Choice(
                "The first network is better here; what made it better is open.",
                "Yes. Two things changed at once, so neither can be given the credit.",
            ),
            "b": Choice(
                "Attention made it better.",
                "Perhaps. But it has twice the parameters as well: change one thing at a time.",
            ),
            "c": Choice(
                "More parameters are always better.",
                "One pair of networks says nothing about always; with few images a large one may memorise.",
            ),
        },
    ),
    "06.q4": Question(
        "An image has 64x64 pixels. Which positions read from each other in the self-attention of this network?",
        right="b",
        choices={
            "a": Choice(
                "The 4,096 pixels",
                "That would be 17 million pairs. Attention runs where the map is small.",
            ),
            "b": Choice(
                "64 positions of an 8x8 map",
                "Yes: each stands for 8x8 pixels. 64 positions make 4,096 pairs.",
            ),
            "c": Choice(
                "The 256 channels",
                "Channels are the features of a position: they make up its query, key and value.",
            ),
        },
    ),
    "06.q5": Question(
        "From lesson 5: the starting noise is the same, and DDIM runs twice (eta = 0). What about the two images?",
        right="a",
        choices={
            "a": Choice("They are equal.", "Yes: with eta = 0 no noise is added on the way."),
            "b": Choice("They are different.", "DDPM adds fresh noise at each step. DDIM with eta = 0 does not."),
            "c": Choice(
                "They are equal only with 1,000 steps.",
                "The number of steps changes the image, but two runs with the same number agree.",
            ),
        },
    ),
    "06.q6": Question(
        "From lesson 2: at t = 950 the best prediction of a network is a blurred flower. Why?",
        right="c",
        choices={
            "a": Choice("The network is too small.", "Even the exact denoiser is blurred there: see lesson 2."),
            "b": Choice("The skip connections blur.", "They carry detail. At t = 950 the detail they carry is noise."),
            "c": Choice(
                "It is the mean of all images that fit.",
                "Yes: many images fit such a noisy x, and the mean of them has the lowest squared error.",
            ),
        },
    ),
}
