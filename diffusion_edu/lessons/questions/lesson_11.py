"""The questions of lesson 11, latents and text: a reply to every choice, for the belief behind it."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "11.r1": Question(
        "Lesson 6: attention has a score for each pair of a position that asks (query) and one that answers (key). "
        "Over what does the softmax run?",
        right="a",
        choices={
            "a": Choice(
                "Over the keys: each query distributes its attention.",
                "Right: the weights of one query add up to 1. Below, positions of an image ask and words answer.",
            ),
            "b": Choice(
                "Over the queries: each key distributes its attention.",
                "Then a query could have no weights at all, and its result would be 0.",
            ),
            "c": Choice(
                "Over the channels of the vectors.",
                "The channels are summed already, in the product of query and key.",
            ),
        },
    ),
    "11.r2": Question(
        "Lesson 9: guidance needs an unconditional prediction. How does one network learn it?",
        right="c",
        choices={
            "a": Choice(
                "From images without any class.",
                "There are none in the data. A label is replaced by the null label, the image stays.",
            ),
            "b": Choice(
                "It is the mean of the predictions for all classes.",
                "It is close to a mean, but nobody computes that: one call of the network with the null label does it.",
            ),
            "c": Choice(
                "Some labels are replaced by the null label in training.",
                "Right. With text it is the same: the null condition is the empty prompt.",
            ),
        },
    ),
    "11.p1": Question(
        "Our text-to-image model was trained on 1,327 images with captions and 12,077 flowers. We train it twice as "
        "long as the model that is shipped. What changes?",
        right="c",
        choices={
            "a": Choice(
                "New prompts become clearly better.",
                "You assumed that training goes on in the same direction. The loss on its own images falls; that need "
                "not help new prompts.",
            ),
            "b": Choice(
                "Nothing: it had finished learning.",
                "You assumed that it stands still. It goes on learning, but what it learns now are the images "
                "themselves.",
            ),
            "c": Choice(
                "It comes closer to its training images, and new prompts do not become better.",
                "Few images and many passes lead to memorisation. More images would help, not more minutes.",
            ),
        },
    ),
    "11.p2": Question(
        "Prompt: *a photo of a red rose*. We leave out one word and keep the noise. Which word changes the image most?",
        right="b",
        choices={
            "a": Choice(
                "The word *photo*.",
                "You assumed that the kind of image matters most. But without this word the model makes nearly the "
                "same image: *a red rose* says enough.",
            ),
            "b": Choice(
                "The word *red*.",
                "Without it the colour is open, and colour is most of the image here.",
            ),
            "c": Choice(
                "The word *rose*.",
                "You assumed that the subject matters most. With *red* and *photo* the model still paints red flowers.",
            ),
        },
    ),
    "11.q1": Question(
        "Are latents small thumbnails of the image?",
        right="b",
        choices={
            "a": Choice(
                "Yes: one can see the outline in each channel.",
                "One sees the outline, because each number stands for its patch. But it says what the patch looks like "
                "in a code of the decoder: decoded latents are sharper than a thumbnail of the same size.",
            ),
            "b": Choice(
                "No: they are a learned code that only its own decoder reads.",
                "Its four numbers for each patch mean more than a colour. Another autoencoder has another code.",
            ),
            "c": Choice(
                "No: position is lost in them.",
                "Position is kept: one latent position stands for one patch. That is why a U-Net can work on them.",
            ),
        },
    ),
    "11.q2": Question(
        "A decoded image shows hairs of a stem that no number of the latent describes. Where do they come from?",
        right="a",
        choices={
            "a": Choice(
                "The decoder adds what is usual in such places.",
                "It has learned what such patches look like. That is plausible detail, not truth: do not read number "
                "plates in it.",
            ),
            "b": Choice(
                "From the noise of the diffusion.",
                "The diffusion ends at timestep 0 with a latent. All that is finer than a latent position is the "
                "decoder's.",
            ),
            "c": Choice(
                "From the prompt.",
                "The decoder never sees the prompt. It gets the latents only.",
            ),
        },
    ),
    "11.q3": Question(
        "A word has a large weight in cross-attention. What follows for the image?",
        right="c",
        choices={
            "a": Choice(
                "The word has a large effect.",
                "In our prompt the first *a* has twice the weight of *rose*, and leaving it out changes very little.",
            ),
            "b": Choice(
                "The word stands at this place of the image.",
                "Sometimes. A map of weights shows where a word is read, not what is drawn because of it.",
            ),
            "c": Choice(
                "Nothing for certain: leave it out and compare.",
                "A weight says how much is read. What the network makes of it, only an experiment shows.",
            ),
        },
    ),
    "11.q4": Question(
        "Why must latents have standard deviation 1 before diffusion?",
        right="b",
        choices={
            "a": Choice(
                "So that the decoder can read them.",
                "It is the other way round: the decoder needs the raw latents, so standardising must be undone.",
            ),
            "b": Choice(
                "So that a noise schedule means the same as for images of variance 1.",
                "With standard deviation 2 the noise would be half as strong, compared with the latents, at each "
                "timestep: that is another schedule.",
            ),
            "c": Choice(
                "So that they lie in $[-1, 1]$.",
                "They do not: with standard deviation 1 almost one number in three lies outside. Never clamp latents.",
            ),
        },
    ),
    "11.q5": Question(
        "Lesson 7: the training loss falls, the loss on held-out images rises. What happens?",
        right="a",
        choices={
            "a": Choice(
                "The network learns its training images by heart.",
                "Our longer training did just that: the held-out loss rose from 0.589 to 0.595.",
            ),
            "b": Choice(
                "The learning rate is too small.",
                "Then both losses would fall slowly. Here one of them rises.",
            ),
            "c": Choice(
                "The EMA has not caught up.",
                "A slow EMA makes both losses look worse for a while, not one of them only.",
            ),
        },
    ),
    "11.q6": Question(
        "Lesson 9: text to image at guidance scale 4 with 15 steps. How many network evaluations?",
        right="b",
        choices={
            "a": Choice("15.", "That is without guidance. Each step needs a second prediction, for the empty prompt."),
            "b": Choice(
                "30.",
                "Right: two predictions in each step, with and without the prompt, at any scale but 0 and 1.",
            ),
            "c": Choice("60.", "The scale multiplies a difference; it does not call the network."),
        },
    ),
}
