"""The wrong parts of a DDIM step, each with its hint; the right part of each table has the hint "".

A step splits x into an image and a noise, and puts both together again at another timestep. In the rates r, t is the
timestep that x has and s the one that the result has, whichever is higher.
"""

from diffusion_edu.lessons.checks.families import Parts
from diffusion_edu.lessons.exercises.lesson_04_parts import NOT_PRESERVING, root

IMAGE: Parts = {  # the factor of the prediction
    "": lambda r: r.Ss,
    "Image part: the result belongs to another timestep than x. Which signal rate must its image have?": lambda r: r.St,
    "Image part: the prediction joins at full strength. Only a clean image has rate 1.": lambda r: 1 + 0 * r.St,
    "Image part: the signal rate is squared.": lambda r: r.Ss**2,
    "Image part: the table holds rates, not powers. No root is needed.": lambda r: r.Ss**0.5,
    "Image part: it is missing. The result must hold the predicted image.": lambda r: 0 * r.St,
    "Image part: a ratio of two rates. The prediction is clean, so it needs the rate of the result alone.": (
        lambda r: r.Ss / r.St
    ),
}
EPS: Parts = {  # the predicted noise
    "": lambda r, x, x0_hat: (x - r.St * x0_hat) / r.Nt,
    "Predicted noise: at which rate does x hold the image? Subtract that much.": lambda r, x, x0_hat: (
        (x - x0_hat) / r.Nt
    ),
    "Predicted noise: x holds the image at the rate of its own timestep, not at that of the result.": (
        lambda r, x, x0_hat: (x - r.Ss * x0_hat) / r.Nt
    ),
    "Predicted noise: what is left of x is noise at a rate. Bring it back to full strength first.": (
        lambda r, x, x0_hat: x - r.St * x0_hat
    ),
    "Predicted noise: it is divided by the noise rate of the result. Which rate has the noise in x?": (
        lambda r, x, x0_hat: (x - r.St * x0_hat) / r.Ns
    ),
    "Predicted noise: it is divided by a variance. The noise in x has a rate.": (
        lambda r, x, x0_hat: (x - r.St * x0_hat) / r.Nt**2
    ),
    "Predicted noise: the prediction must be taken away from x, not the other way round.": (
        lambda r, x, x0_hat: (r.St * x0_hat - x) / r.Nt
    ),
    "Predicted noise: the image in x must be taken away. You add it.": lambda r, x, x0_hat: (x + r.St * x0_hat) / r.Nt,
    "Predicted noise: you took x itself. It holds image and noise.": lambda r, x, x0_hat: x,
    "Predicted noise: you only divided x by a rate. Its image is still there.": lambda r, x, x0_hat: x / r.Nt,
    "Predicted noise: you took the prediction itself. It is an image, and not noise.": lambda r, x, x0_hat: x0_hat,
    "Predicted noise: the signal rate is squared.": lambda r, x, x0_hat: (x - r.St**2 * x0_hat) / r.Nt,
    "Predicted noise: signal rate and noise rate have changed places.": lambda r, x, x0_hat: (x - r.Nt * x0_hat) / r.St,
    f"Predicted noise: {NOT_PRESERVING}": lambda r, x, x0_hat: (x - r.St * x0_hat) / root(1 - r.St**2),
}
MORE_EPS: Parts = {  # more wrong predicted noise; these are not combined with other wrong parts
    "": EPS[""],
    "Predicted noise: x holds its image and its noise at two rates. Neither of them is used.": (
        lambda r, x, x0_hat: x - x0_hat
    ),
    "Predicted noise: only the image is divided, x is not. Brackets are missing.": (
        lambda r, x, x0_hat: x - r.St * x0_hat / r.Nt
    ),
    "Predicted noise: x and the prediction are divided in different ways. Take the image out of x first, then divide "
    "what is left.": lambda r, x, x0_hat: x / r.Nt - x0_hat,
    "Predicted noise: it is divided by a signal rate. Which rate has the noise in x?": (
        lambda r, x, x0_hat: (x - r.St * x0_hat) / r.St
    ),
    "Predicted noise: it is divided by the signal rate as well as by the noise rate.": (
        lambda r, x, x0_hat: (x / r.St - x0_hat) / r.Nt
    ),
    "Predicted noise: it is multiplied by the noise rate. What is left of x has this rate already; undo it.": (
        lambda r, x, x0_hat: (x - r.St * x0_hat) * r.Nt
    ),
    f"Predicted noise: the table holds rates, and you used powers. {NOT_PRESERVING}": (
        lambda r, x, x0_hat: (x - r.St**2 * x0_hat) / root(1 - r.St**2)
    ),
}
SCALE: Parts = {  # the factor of the predicted noise
    "": lambda r: r.Ns,
    "Noise part: the noise keeps the rate that it has in x. Which rate must it have in the result?": lambda r: r.Nt,
    "Noise part: it is multiplied by a variance. The noise needs a rate.": lambda r: r.Ns**2,
    "Noise part: it joins at full strength. Which rate must it have in the result?": lambda r: 1 + 0 * r.Ns,
    "Noise part: the table holds rates, not powers. No root is needed.": lambda r: root(r.Ns),
    "Noise part: a ratio of noise rates, but the noise was brought to full strength before.": lambda r: r.Ns / r.Nt,
    "Noise part: it is missing. An image at the lower timestep still holds noise.": lambda r: 0 * r.Ns,
    f"Noise part: {NOT_PRESERVING}": lambda r: root(1 - r.Ss**2),
    "Noise part: it is multiplied by the signal rate.": lambda r: r.Ss,
    "Noise part: the two rates at the result do not add up to one.": lambda r: 1 - r.Ss,
}
SIGMA: Parts = {  # the standard deviation of the fresh noise
    "": lambda r, eta: eta * root(r.a) * r.Ns / r.Nt,
    "sigma: eta is not used. It turns the fresh noise up and down.": lambda r, eta: root(r.a) * r.Ns / r.Nt,
    "sigma: it takes all the noise at t. Only a part of it may be replaced.": lambda r, eta: eta * r.Nt,
    "sigma: it takes all the noise at s. With eta = 1 it must be DDPM's, which keeps some old noise.": (
        lambda r, eta: eta * r.Ns
    ),
    "sigma: the ratio of the two noise rates is missing. What must it be at s = 0?": lambda r, eta: eta * root(r.a),
    "sigma: eta is squared. It multiplies a standard deviation.": lambda r, eta: eta**2 * root(r.a) * r.Ns / r.Nt,
    "sigma: eta stands under a root.": lambda r, eta: eta**0.5 * root(r.a) * r.Ns / r.Nt,
    "sigma: this is a variance. It must be a standard deviation.": lambda r, eta: eta * r.a * r.Ns**2 / r.Nt**2,
    "sigma: the root over the added variance is missing.": lambda r, eta: eta * r.a * r.Ns / r.Nt,
    "sigma: the ratio of the noises is upside down. What must it be at s = 0?": (
        lambda r, eta: eta * root(r.a) * r.Nt / r.Ns
    ),
    "sigma: the ratio of the noises is a ratio of variances.": lambda r, eta: eta * root(r.a) * r.Ns**2 / r.Nt**2,
    "sigma: the variance that the way from s to t adds is missing.": lambda r, eta: eta * r.Ns / r.Nt,
    f"sigma: {NOT_PRESERVING}": lambda r, eta: eta * root(1 - r.k**2) * r.Ns / r.Nt,
    f"sigma: all rates are computed from the signal. {NOT_PRESERVING}": (
        lambda r, eta: eta * root((1 - r.k**2) * (1 - r.Ss**2) / (1 - r.St**2))
    ),
    "sigma: eta is the wrong way round: 0 must be the step without fresh noise.": (
        lambda r, eta: (1 - eta) * root(r.a) * r.Ns / r.Nt
    ),
    "sigma: eta alone is no standard deviation. It is a fraction of DDPM's.": lambda r, eta: eta + 0 * r.Ns,
    "sigma: the noise of s shrinks on its way to t.": lambda r, eta: eta * root(r.Nt**2 - r.Ns**2) * r.Ns / r.Nt,
    "The fresh noise is missing, and no room is made for it.": lambda r, eta: 0 * r.Ns,
}
ROOM: Parts = {  # the factor of the predicted noise, once sigma is known
    "": lambda r, sigma: root(r.Ns**2 - sigma**2),
    "Old noise: it keeps its full rate, and fresh noise comes on top. Make room for it.": lambda r, sigma: r.Ns,
    "Old noise: rates of independent noises do not subtract. Which quantity does?": lambda r, sigma: r.Ns - sigma,
    "Old noise: a root is missing. The noise needs a rate.": lambda r, sigma: r.Ns**2 - sigma**2,
    "Old noise: sigma is not squared under the root.": lambda r, sigma: root(r.Ns**2 - sigma),
    "Old noise: the rate is not squared under the root.": lambda r, sigma: root(r.Ns - sigma**2),
    f"Old noise: {NOT_PRESERVING}": lambda r, sigma: root(1 - r.Ss**2 - sigma**2),
    "Old noise: it is missing. With eta = 0, all the noise in the result is old noise.": lambda r, sigma: 0 * r.Ns,
    "Old noise: old and fresh noise together must have the variance of s. Is the sign right?": (
        lambda r, sigma: root(r.Ns**2 + sigma**2)
    ),
    "Old noise: which timestep does the result have?": lambda r, sigma: root(r.Nt**2 - sigma**2),
    "Old noise: it has the noise rate of s, not rate 1, before fresh noise joins.": (
        lambda r, sigma: r.Ns * root(1 - sigma**2)
    ),
}
