"""The questions of lesson 13, the capstone."""

from diffusion_edu.lessons.questions.question import Choice, Question

QUESTIONS = {
    "13.r1": Question(
        "(Lesson 4) A step goes from t to s, and the prediction x0_hat is exactly right. What must hold for x at s?",
        right="a",
        choices={
            "a": Choice(
                "Its signal and its noise are those of timestep s.",
                "Yes: signal_s times the image, and noise of standard deviation noise_s, old and new noise together.",
            ),
            "b": Choice(
                "It is the clean image.",
                "Only at s = 0. Everywhere else the next step expects x with the noise of timestep s.",
            ),
            "c": Choice(
                "It is nearer to the training images than before.",
                "That may be so, but it is no test: a blurred image is near to many.",
            ),
        },
    ),
    "13.r2": Question(
        "(Lesson 5) What does a DDIM step do with the predicted noise?",
        right="c",
        choices={
            "a": Choice("It removes all of it.", "Only the last step does. Otherwise x would be too clean for s."),
            "b": Choice("It replaces it by fresh noise.", "That is multistep renoising. DDIM draws no noise."),
            "c": Choice(
                "It keeps it, with the noise rate of timestep s.",
                "Yes. So the walk is deterministic, and all of its randomness is in the first x.",
            ),
        },
    ),
    "13.p1": Question(
        "In flow matching each training pair lies on a straight line from image to noise. You generate points with the "
        "exact denoiser of two moons, in one single step along this line. How large is the standard deviation of the "
        "samples, compared with the data?",
        right="b",
        choices={
            "a": Choice(
                "The same: a straight line needs one step.",
                "Each pair has a straight line. But many lines cross at one x, and the prediction is their mean.",
            ),
            "b": Choice(
                "Zero: all samples are one point.",
                "Yes. At pure noise the prediction is the mean of the data, whatever x is, and one step goes there.",
            ),
            "c": Choice(
                "About half.",
                "That would need a prediction that follows x half of the way. At pure noise it does not follow x.",
            ),
        },
    ),
    "13.p2": Question(
        "A test generates 2,000 samples with 50 DDPM steps and compares their standard deviation with the right one. A "
        "difference of 5 % (three times the statistical error) is allowed. The test is tried with ten wrong versions "
        "of the DDPM step. How many does it find?",
        right="c",
        choices={
            "a": Choice(
                "All ten: a wrong step makes wrong samples.",
                "It does, but often by less than the statistical error.",
            ),
            "b": Choice(
                "One or two: later steps repair what a step does wrong.",
                "They do not repair enough: many bugs change the standard deviation of the samples a lot.",
            ),
            "c": Choice(
                "About six.",
                "Yes. Bugs of the last step, of one formula and of rounding stay below the statistical error. One step "
                "that is tested with known numbers shows all ten.",
            ),
        },
    ),
    "13.q1": Question(
        "Euler's walk on the linear path, with the velocity of a denoiser, is ...",
        right="b",
        choices={
            "a": Choice(
                "DDPM without the noise.",
                "DDPM's mean keeps less noise than timestep s needs, because its z is missing then.",
            ),
            "b": Choice(
                "DDIM on the linear schedule of flow matching.",
                "Yes, number for number: x0_hat plus the next tau times the velocity.",
            ),
            "c": Choice(
                "a new sampler that needs a network trained for it.",
                "Any denoiser gives a velocity, whatever its network predicts. You used a network trained for v.",
            ),
        },
    ),
    "13.q2": Question(
        "Every training pair has a straight path. Why do samplers still need several steps?",
        right="a",
        choices={
            "a": Choice(
                "Many straight paths pass through one x; the network predicts their mean.",
                "Yes. So the path of a sample is curved, even if no path of a pair is.",
            ),
            "b": Choice(
                "Networks are not exact.",
                "The exact denoiser needs several steps, too: one step gives a single point.",
            ),
            "c": Choice(
                "Euler's method needs small steps on straight lines.",
                "On a straight line at constant speed one step of Euler's method is exact.",
            ),
        },
    ),
    "13.q3": Question(
        "Your test calls the step with z = 0 to make it simple. Which bug can it never find?",
        right="c",
        choices={
            "a": Choice("Exchanged coefficients of the mean.", "The mean stays when z is 0, so this bug shows."),
            "b": Choice("The beta of one timestep in a long step.", "It changes the mean, too, so this bug shows."),
            "c": Choice(
                "A variance where the standard deviation belongs.",
                "Yes. Whatever multiplies z is invisible then. Choose inputs that make every term count.",
            ),
        },
    ),
    "13.q4": Question(
        "Three formulas with different coefficients all keep signal and noise of timestep s. What follows?",
        right="b",
        choices={
            "a": Choice(
                "Two of them must be misprints.",
                "They are DDPM, DDIM and multistep renoising. All three are in use, and all three are right.",
            ),
            "b": Choice(
                "There are many right samplers; they differ in how much noise is new.",
                "Yes. The two equations leave one number free. DDIM's eta chooses it.",
            ),
            "c": Choice(
                "The property is too weak to be useful.",
                "It found every misprint in the list. It allows what is right, and that is more than one formula.",
            ),
        },
    ),
    "13.q5": Question(
        "(Lessons 3 and 12) Ten minutes of training on 60 of your photos, and the samples look like photos. What do "
        "you look at first?",
        right="a",
        choices={
            "a": Choice(
                "The nearest training image of each sample.",
                "Yes. With 60 images a network soon repeats them, and repeated photos look perfect.",
            ),
            "b": Choice("The training loss.", "It is lowest when the network repeats its images, so it hides this."),
            "c": Choice(
                "The FD between samples and training images.",
                "It is small for copies. It compares sets, and copies make a good set.",
            ),
        },
    ),
    "13.q6": Question(
        "(Lesson 9) With which guidance scale do you get the conditional prediction, unchanged?",
        right="c",
        choices={
            "a": Choice("0", "Scale 0 is the unconditional prediction. (Ho & Salimans' weight w is 0 there, scale 1.)"),
            "b": Choice("It depends on the network.", "It follows from the formula, whatever the network is."),
            "c": Choice("1", "Yes. Above 1 it is extrapolated, and the samples become less varied."),
        },
    ),
}
