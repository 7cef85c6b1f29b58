"""All the mistakes that the doctor knows: the evidence for each, what it is, and what to do."""

from diffusion_edu.doctor import drawing, learning
from diffusion_edu.doctor.diagnosis import Rule

CAUSES = (  # in the order of how surely the evidence proves them
    Rule(
        learning.data_too_large,
        "The data lie outside [-1, 1]",
        "The network learns from values that are far too large.",
        "Bring bytes to [-1, 1] first: x / 127.5 - 1, which is what `to_signed` does. Then train again.",
    ),
    Rule(
        learning.data_without_content,
        "The data hardly change",
        "All values are nearly the same, so there is next to nothing to learn.",
        "Look at a batch as an image before you train: is it empty, or divided by 255 twice?",
    ),
    Rule(
        learning.data_above_zero,
        "The data lie in [0, 1]",
        "The network never sees anything darker than mid grey, so it draws nothing darker.",
        "Stretch the data to [-1, 1]: 2 * x - 1. Then train again.",
    ),
    Rule(
        learning.float16_overflow,
        "float16 has overflowed",
        "A number inside the network became larger than 65,504, the largest that float16 knows.",
        "Compute in bfloat16 or float32; to train in float16, scale the loss.",
        40,
    ),
    Rule(
        learning.fell_apart,
        "The training fell apart",
        "The steps were so long that they threw the weights away.",
        "Begin again with a tenth of the learning rate, let it rise over the first 200 steps, and clip the gradient to norm 1.",
    ),
    Rule(
        learning.lower_than_possible,
        "The network has seen the answer",
        "The loss is lower than an honest prediction can be.",
        "Find out how the network gets to know the noise or the clean image: the same seed in every step, the clean image in place of the noisy "
        "one, a condition that holds the answer, a timestep that is always 0.",
    ),
    Rule(
        learning.frozen,
        "The network does not learn",
        "The learning rate is so small that the weights stay where they began.",
        "Use a learning rate of 0.0001 to 0.001.",
    ),
    Rule(
        learning.silent,
        "The network says zero",
        "What comes out of the network does not depend on what goes in.",
        "Check that the optimiser holds the parameters of this very network, that they require gradients, that the learning rate is not tiny, and "
        "that nothing (a dead ReLU, a zero, a detach) cuts the last layer off.",
    ),
    Rule(
        learning.misread,
        "The network's answers are misread",
        "What the network says is taken for something else, so every prediction of the clean image is wrong.",
        "Read the answers as what they were trained to be: write the target on the model's card, and read it from there when drawing.",
        23,
    ),
    Rule(
        learning.average_too_slow,
        "The average of the weights is too slow",
        "You draw with averaged weights that are still largely the random ones from the start.",
        "Draw with the raw weights, train much longer, or let the average follow quickly at first: min(decay, (1 + n) / (10 + n)).",
        27,
    ),
    Rule(
        learning.barely_begun,
        "It has only begun to learn",
        "The network has not been trained long enough to draw anything.",
        "Train on, and look again after ten times as many steps.",
    ),
    Rule(
        learning.learned_by_heart,
        "It has learned its images by heart",
        "The network draws copies of what it was trained on.",
        "Use more images (hundreds at least), mirror them, take a smaller network, or stop earlier.",
        42,
    ),
    Rule(
        learning.overfitted,
        "It overfits",
        "What it learns about the training images no longer holds for others.",
        "Take the weights from the lowest held-out loss, add images or mirror them, or make the network smaller.",
        42,
    ),
    Rule(
        learning.guidance_off,
        "Guidance 0 ignores the label",
        "With guidance 0 only the answer without a label counts.",
        "Set the guidance to 1 or more.",
        25,
    ),
    Rule(
        learning.deaf_to_labels,
        "The labels are ignored",
        "The network has not learned to listen to what it is asked for, so guidance pushes in no sensible direction.",
        "Check that the labels reach the network while it learns; drop about one in ten of them, image by image and not for whole batches.",
        26,
    ),
    Rule(
        drawing.same_noise,
        "All samples begin with the same noise",
        "The noise decides which image it becomes: the same noise gives the same image.",
        "Give every image a seed of its own.",
    ),
    Rule(
        drawing.wrong_strength,
        "The first noise has the wrong strength",
        "The network takes weaker noise for a greyer image; mixing two noises in a straight line weakens them.",
        "Draw it with `torch.randn`, and mix two noises along the sphere (slerp).",
        34,
    ),
    Rule(
        drawing.betas_for_more_timesteps,
        "The schedule does not end in noise",
        "Its betas are made for 1,000 timesteps; drawing starts from pure noise, but the highest timestep still holds much of the image.",
        "Use T = 1000 with this schedule, or the cosine schedule, which fits every T.",
        1,
    ),
    Rule(
        drawing.image_left_at_the_top,
        "Something is left at timestep T",
        "Drawing starts from pure noise, but the highest timestep still holds some of the image: samples drift to mid grey.",
        "Stretch the schedule to zero signal at T (`zero_terminal_snr`) with a network that predicts v or x0, or use cosine.",
        5,
    ),
    Rule(
        drawing.starts_below_the_top,
        "The walk starts below the top",
        "Pure noise is handed to the network as if some image were in it already: samples come out grey.",
        "Space the timesteps so that the first is T: trailing spacing does.",
        7,
    ),
    Rule(
        drawing.stops_above_zero,
        "The walk stops too early",
        "The noise of the last timestep is never taken off: fine grain stays on the samples.",
        "Make the last step go to timestep 0, where it returns the prediction of the clean image itself.",
        11,
    ),
    Rule(
        drawing.large_variance,
        "Too much fresh noise for so few sampling_steps",
        "DDPM's large variance is meant for all timesteps; with long sampling steps grain stays on the samples.",
        "Choose the small variance, make ten times as many sampling_steps, or use DDIM.",
        20,
    ),
    Rule(
        drawing.unclipped,
        "The prediction is not clipped",
        "Predictions beyond black and white push the following ones further out.",
        "Clip the prediction of the clean image to [-1, 1] in every step, and derive the noise again from the clipped prediction.",
        14,
    ),
    Rule(
        drawing.guided_too_hard,
        "The guidance is too strong",
        "Every step exaggerates what the label asks for, until colours glare and detail turns to grain.",
        "Try a scale between 1.5 and 4, or bring the prediction back into range (dynamic thresholding).",
    ),
    Rule(
        drawing.wrapped,
        "Bytes have wrapped around",
        "Values above 255 began again at 0, so the brightest places turn black.",
        "Round and clamp to 0 ... 255 before the values become bytes, as `to_bytes` does.",
        44,
    ),
    Rule(
        drawing.too_few_sampling_steps,
        "Too few sampling_steps",
        "The drawing is close to the first prediction, an average of all images that are possible: blurred.",
        "Make 20 sampling steps or more.",
    ),
    Rule(
        drawing.red_is_blue,
        "Red and blue have changed places",
        "One library reads colours as BGR, another shows them as RGB.",
        "Turn the channels around where the images are read: x[:, [2, 1, 0]].",
    ),
    Rule(
        drawing.checkerboard,
        "A checkerboard lies on the samples",
        "The network's way back up covers some pixels more often than others.",
        "Enlarge by repeating pixels and then convolve, or give transposed convolutions a kernel that the stride divides (4 for stride 2).",
    ),
)
SYMPTOMS = (  # what is seen where no cause is known, and what to check
    Rule(
        drawing.not_numbers,
        "The samples hold no numbers",
        "Somewhere a number became infinite; after that everything is NaN, which is shown as black.",
        "Draw in float32; look whether the weights are finite; with a network that says eps, begin at a timestep that has some signal.",
        40,
    ),
    Rule(
        drawing.still_noise,
        "It is asked in another way than it was trained",
        "A network that has learned takes noise away; if noise stays, drawing and training do not agree.",
        "Compare the two: what the network is told of the timestep (an index, a share, 1000 * theta?), the schedule, the order of the timesteps, what its "
        "answer means (eps, x0, v, flow), and whether these are the weights that were trained.",
        8,
    ),
    Rule(
        drawing.glaring_colours,
        "Black and white blotches",
        "The predictions leave the range of images.",
        "Is the prediction clipped to [-1, 1]? Were the data in [-1, 1] while it learned? Is the guidance below 4?",
        14,
    ),
    Rule(
        drawing.grain_left,
        "Grain stays on the samples",
        "Some noise is not taken off at the end.",
        "Does the last step go to timestep 0, without fresh noise? Is there more fresh noise (eta, the large variance) than so few sampling steps can carry?",
        17,
    ),
    Rule(
        drawing.washed_out,
        "Washed out",
        "The samples stay close to the average of all images.",
        "Does the walk begin at timestep T? Does the schedule end in pure noise there? Has the first noise a standard deviation of 1? If so, make more "
        "sampling_steps or train on.",
        5,
    ),
    Rule(
        drawing.all_alike,
        "All samples are alike",
        "Different noises end in the same image.",
        "Has every drawing a seed of its own? Does the training set hold different images? Lower the guidance.",
    ),
)


def diagnose(findings):
    """List what is wrong, most probable first: the causes that are proved, or, where there is none, the symptoms; nothing if all looks well."""
    for rules in (CAUSES, SYMPTOMS):
        if found := [diagnosis for rule in rules if (diagnosis := rule(findings))]:
            return found
    return []
