"""All rules of the doctor: the evidence for each problem, what it means, and the remedy."""

from diffusion_edu.doctor import sampling_rules, training_rules
from diffusion_edu.doctor.diagnosis import Rule

TRAINING_CAUSES = (  # the most certain evidence first
    Rule(
        training_rules.data_too_large,
        "The data lie outside [-1, 1]",
        "The training data have values that are far too large.",
        "Scale bytes to [-1, 1] first: x / 127.5 - 1, as `to_signed` does. Then train again.",
    ),
    Rule(
        training_rules.data_without_content,
        "The data hardly change",
        "All values are nearly the same, so there is next to nothing to learn.",
        "Look at a batch as an image before you train: is it empty, or divided by 255 twice?",
    ),
    Rule(
        training_rules.data_above_zero,
        "The data lie in [0, 1]",
        "The network never sees anything darker than mid grey, so it generates nothing darker.",
        "Stretch the data to [-1, 1]: 2 * x - 1. Then train again.",
    ),
    Rule(
        training_rules.float16_overflow,
        "float16 has overflowed",
        "A number inside the network became larger than 65,504, the largest in float16.",
        "Compute in bfloat16 or float32; to train in float16, scale the loss.",
        40,
    ),
    Rule(
        training_rules.diverged,
        "The training diverged",
        "The training steps were so large that they destroyed the weights.",
        "Start again with a tenth of the learning rate, warm it up over the first 200 steps, and clip the gradient to "
        "norm 1.",
    ),
    Rule(
        training_rules.loss_too_low,
        "The network has seen the target",
        "The loss is lower than any honest prediction can reach.",
        "Find out how the network gets to know the noise or the clean image: the same seed in every step, the clean "
        "image in place of the noisy one, a condition that holds the target, a timestep that is always 0.",
    ),
    Rule(
        training_rules.learning_rate_too_low,
        "The network does not learn",
        "The learning rate is so small that the weights do not change.",
        "Use a learning rate of 0.0001 to 0.001.",
    ),
    Rule(
        training_rules.output_is_zero,
        "The network outputs zero",
        "The output of the network does not depend on its input.",
        "Check that the optimiser holds the parameters of this very network, that they require gradients, that the "
        "learning rate is not tiny, and that nothing (a dead ReLU, a zero, a detach) cuts off the last layer.",
    ),
    Rule(
        training_rules.wrong_prediction_type,
        "Sampling assumes the wrong prediction type",
        "The output of the network is read as another quantity than it was trained to predict, so every predicted "
        "clean "
        "image is wrong.",
        "Write the prediction type (eps, x0, v, flow) on the model's card when you train, and read it from there when "
        "you sample.",
        23,
    ),
    Rule(
        training_rules.ema_too_slow,
        "The EMA of the weights is too slow",
        "You sample with averaged weights that are still largely the random initial ones.",
        "Sample with the raw weights, train much longer, or warm the decay up: min(decay, (1 + n) / (10 + n)).",
        27,
    ),
    Rule(
        training_rules.too_few_training_steps,
        "Too few training steps",
        "The network has not been trained long enough to generate images.",
        "Train on, and look again after ten times as many steps.",
    ),
    Rule(
        training_rules.memorised,
        "The network has memorised its training images",
        "The network generates copies of what it was trained on.",
        "Use more images (hundreds at least), mirror them, use a smaller network, or stop earlier.",
        42,
    ),
    Rule(
        training_rules.overfitted,
        "The network overfits",
        "What it learns about the training images no longer holds for others.",
        "Use the weights with the lowest validation loss, add images or mirror them, or make the network smaller.",
        42,
    ),
    Rule(
        training_rules.guidance_scale_zero,
        "Guidance scale 0 ignores the label",
        "With guidance scale 0 only the unconditional prediction counts.",
        "Set the guidance scale to 1 or more.",
        25,
    ),
    Rule(
        training_rules.labels_ignored,
        "The labels are ignored",
        "The network has not learned to use its condition, so guidance has no sensible direction.",
        "Check that the labels reach the network in training; drop about one in ten of them, image by image and "
        "not for "
        "whole batches.",
        26,
    ),
)
SAMPLING_CAUSES = (
    Rule(
        sampling_rules.same_noise,
        "All samples start from the same noise",
        "The noise decides which image is generated: the same noise gives the same image.",
        "Give every image a seed of its own.",
    ),
    Rule(
        sampling_rules.wrong_initial_std,
        "The initial noise has the wrong standard deviation",
        "The network takes weaker noise for a greyer image; mixing two noises in a straight line weakens them.",
        "Sample it with `torch.randn`, and mix two noises along the sphere (slerp).",
        34,
    ),
    Rule(
        sampling_rules.betas_for_more_timesteps,
        "The schedule does not end in noise",
        "Its betas are made for 1,000 timesteps; sampling starts from pure noise, but the highest timestep still holds "
        "much of the image.",
        "Use T = 1000 with this schedule, or the cosine schedule, which fits every T.",
        1,
    ),
    Rule(
        sampling_rules.nonzero_terminal_snr,
        "The terminal SNR is not zero",
        "Sampling starts from pure noise, but the highest timestep still holds some of the image: samples drift to mid "
        "grey.",
        "Stretch the schedule to zero signal at T (`zero_terminal_snr`) with a network that predicts v or x0, or use "
        "the cosine schedule.",
        5,
    ),
    Rule(
        sampling_rules.starts_below_T,
        "The walk starts below timestep T",
        "The network gets pure noise as if it were a partly denoised image: samples come out grey.",
        "Space the timesteps so that the first is T: trailing spacing does.",
        7,
    ),
    Rule(
        sampling_rules.stops_above_0,
        "The walk stops too early",
        "The noise of the last timestep is never removed: fine grain stays on the samples.",
        "Make the last step go to timestep 0, where it returns the predicted clean image itself.",
        11,
    ),
    Rule(
        sampling_rules.large_variance,
        "The large variance adds too much noise in few sampling steps",
        "DDPM's large variance is meant for as many sampling steps as timesteps; in long steps grain stays on the "
        "samples.",
        "Choose the small variance, use ten times as many sampling steps, or use DDIM.",
        20,
    ),
    Rule(
        sampling_rules.not_clipped,
        "The prediction is not clipped",
        "Predictions beyond black and white push the following ones further out.",
        "Clip the predicted clean image to [-1, 1] in every step, and derive the noise from the clipped prediction.",
        14,
    ),
    Rule(
        sampling_rules.guidance_too_strong,
        "The guidance is too strong",
        "Every step exaggerates the label, until colours are saturated and detail turns to grain.",
        "Try a guidance scale between 1.5 and 4, or bring the prediction back into range (dynamic thresholding).",
    ),
    Rule(
        sampling_rules.bytes_wrapped,
        "Bytes have wrapped around",
        "Values above 255 continued from 0, so the brightest pixels turn black.",
        "Round and clamp to 0 ... 255 before the values become bytes, as `to_bytes` does.",
        44,
    ),
    Rule(
        sampling_rules.too_few_sampling_steps,
        "Too few sampling steps",
        "The sample is close to the first prediction, a blurred average of all possible images.",
        "Use 20 sampling steps or more.",
    ),
    Rule(
        sampling_rules.red_is_blue,
        "Red and blue are swapped",
        "One library reads colours as BGR, another shows them as RGB.",
        "Reverse the channels where the images are read: x[:, [2, 1, 0]].",
    ),
    Rule(
        sampling_rules.checkerboard,
        "The samples have a checkerboard pattern",
        "The network's upsampling covers some pixels more often than others.",
        "Upsample by repeating pixels and then convolve, or give transposed convolutions a kernel that the stride "
        "divides (4 for stride 2).",
    ),
)
CAUSES = TRAINING_CAUSES + SAMPLING_CAUSES
SYMPTOMS = (  # what is seen if no cause is found, and what to check
    Rule(
        sampling_rules.not_numbers,
        "The samples are NaN",
        "Somewhere a number became infinite; after that everything is NaN, which is shown as black.",
        "Sample in float32; check whether the weights are finite; with a network that predicts eps, start at a "
        "timestep "
        "that has some signal.",
        40,
    ),
    Rule(
        sampling_rules.samples_are_noise,
        "Training and sampling do not match",
        "A trained network removes noise; if noise stays, sampling uses the network in another way than training did.",
        "Compare the two: the network's timestep input (an index, a fraction, 1000 * theta?), the schedule, the "
        "order of "
        "the timesteps, the prediction type (eps, x0, v, flow), and whether these are the trained weights.",
        8,
    ),
    Rule(
        sampling_rules.saturated,
        "Black and white blotches",
        "The predictions leave the range of images.",
        "Is the prediction clipped to [-1, 1]? Were the data in [-1, 1] in training? Is the guidance scale below 4?",
        14,
    ),
    Rule(
        sampling_rules.grain_left,
        "Grain stays on the samples",
        "Some noise is not removed at the end.",
        "Does the last step go to timestep 0, without new noise? Is there more new noise (eta, the large variance) "
        "than "
        "so few sampling steps can remove?",
        17,
    ),
    Rule(
        sampling_rules.washed_out,
        "Washed out",
        "The samples stay close to the average of all images.",
        "Does the walk start at timestep T? Does the schedule end in pure noise there? Has the initial noise a "
        "standard "
        "deviation of 1? If so, use more sampling steps or train on.",
        5,
    ),
    Rule(
        sampling_rules.all_alike,
        "All samples are alike",
        "Different noises end in the same image.",
        "Has every sample a seed of its own? Does the training set hold different images? Lower the guidance scale.",
    ),
)


def diagnose(findings):
    """List the Diagnoses, most probable first: the causes with evidence or, if there are none, the symptoms."""
    for rules in (CAUSES, SYMPTOMS):
        if found := [diagnosis for rule in rules if (diagnosis := rule(findings))]:
            return found
    return []
