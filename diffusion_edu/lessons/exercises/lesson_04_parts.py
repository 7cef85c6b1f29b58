"""The wrong parts of a DDPM step, each with its hint; the right part of each table has the hint "".

A part is a function of the rates. Lessons 04 and 05 build whole wrong answers of them.
"""

from diffusion_edu.lessons.checks.families import Parts

NOT_PRESERVING = "This is right only where the squares of the two rates add to one. Other schedules exist."


class Rates:
    """The rates of a step from t to s, what is kept on the way from s to t (k), and what variance is added (a)."""

    def __init__(self, t, s, schedule):
        self.St, self.Nt = schedule.signal[t], schedule.noise[t]
        self.Ss, self.Ns = schedule.signal[s], schedule.noise[s]
        self.k = self.St / self.Ss
        self.a = self.Nt**2 - (self.k * self.Ns) ** 2


def root(value):
    """The square root; NaN for a negative number, as in an answer that takes it."""
    return value**0.5


# what is kept on the way from s to t, and what is added
KEPT: Parts = {
    "": lambda r: r.k,
    "The first number is upside down: the image becomes weaker on the way from s to t.": lambda r: r.Ss / r.St,
    "The first number is a ratio of powers. The image is multiplied by a ratio of rates.": lambda r: r.k**2,
    "The first number has one root too many: the table holds rates, not powers.": lambda r: r.k**0.5,
    "The first number starts at the clean image. At s the image has shrunk already.": lambda r: r.St,
    "The first number is the rate at s. How much of it is left at t?": lambda r: r.Ss,
    "The first number is a difference. A rate changes by multiplication.": lambda r: r.Ss - r.St,
    "The first number is a difference, with the wrong sign. A rate changes by multiplication.": lambda r: r.St - r.Ss,
    "The first number is a product. Which factor leads from the rate at s to the rate at t?": lambda r: r.St * r.Ss,
    "The first number comes from the noise rates. What happens to the image?": lambda r: r.Ns / r.Nt,
    "The first number comes from the noise rate at t. What happens to the image?": lambda r: r.Nt,
}
# the first argument is the student's own first number
ADDED: Parts = {
    "": lambda k, r: r.Nt**2 - (k * r.Ns) ** 2,
    "Second number: you multiplied the old variance by a rate. Multiply noise by a number: what happens to its "
    "variance?": (lambda k, r: r.Nt**2 - k * r.Ns**2),
    "Second number: the noise at s shrinks together with the image.": lambda k, r: r.Nt**2 - r.Ns**2,
    "Second number: rates of independent noises do not add up. Which quantity does?": lambda k, r: r.Nt - k * r.Ns,
    "Second number: first the squares, then the difference. Rates of independent noises do not add up.": lambda k, r: (
        (r.Nt - k * r.Ns) ** 2
    ),
    "Second number: rates do not add up, and the noise at s shrinks together with the image.": lambda k, r: r.Nt - r.Ns,
    "Second number: first the squares, then the difference; and the noise at s shrinks.": lambda k, r: (
        (r.Nt - r.Ns) ** 2
    ),
    "Second number: this is the standard deviation. Asked for is the variance.": lambda k, r: root(
        r.Nt**2 - (k * r.Ns) ** 2
    ),
    "Second number: the noise at s shrinks with the image; and asked for is the variance.": lambda k, r: root(
        r.Nt**2 - r.Ns**2
    ),
    "Second number: this is all the noise at t. A part of it was there at s.": lambda k, r: r.Nt**2,
    "Second number: this is the noise rate at t. A part of it was there at s, and variances add.": lambda k, r: r.Nt,
    f"Second number: {NOT_PRESERVING}": lambda k, r: 1 - k**2,
    f"Second number: the variance is asked for. {NOT_PRESERVING}": lambda k, r: root(1 - k**2),
    "Second number: what is kept and what is added do not add to one.": lambda k, r: 1 - k,
    "Second number: the noise at s shrinks, but only as much as between s and t.": lambda k, r: (
        r.Nt**2 - (r.St * r.Ns) ** 2
    ),
    "Second number: the old noise is a part of the noise at t. Is the sign right?": lambda k, r: (
        r.Nt**2 + (k * r.Ns) ** 2
    ),
    "Second number: a variance is never negative. What is the whole, and what is the part?": lambda k, r: (
        (k * r.Ns) ** 2 - r.Nt**2
    ),
    "Second number: is it the noise at s or the noise at t that shrinks on the way?": lambda k, r: (
        r.Ns**2 - (k * r.Nt) ** 2
    ),
    "Second number: the noise at s becomes stronger in your answer. It shrinks with the image.": lambda k, r: (
        r.Nt**2 - (r.Ns / k) ** 2
    ),
    "Second number: this is the variance of the way back. Asked for is that of the way to noise.": (
        lambda k, r: (r.Nt**2 - (k * r.Ns) ** 2) * r.Ns**2 / r.Nt**2
    ),
    "Second number: the rates are not squared.": lambda k, r: r.Nt - k**2 * r.Ns,
    "Second number: the factor is squared once too often.": lambda k, r: r.Nt**2 - k**4 * r.Ns**2,
}


def _kept_and_added(kept, more):
    def answer(t, s, schedule):
        r = Rates(t, s, schedule)
        k = kept(r)
        return k, more(k, r)

    return answer


def _kept_only(kept):
    def answer(t, s, schedule):
        r = Rates(t, s, schedule)
        return kept(r), r.a

    return answer


# the factors of x, of the prediction, and of the fresh noise
OF_X: Parts = {
    "": lambda r: r.k * r.Ns**2 / r.Nt**2,
    "Factor of x: it keeps all the noise in x. A part of that noise must go.": lambda r: r.k,
    "Factor of x: a ratio of rates stands where a ratio of variances belongs.": lambda r: r.k * r.Ns / r.Nt,
    "Factor of x: what is kept is squared once too often.": lambda r: (r.k * r.Ns / r.Nt) ** 2,
    "Factor of x: what the image keeps between s and t is missing.": lambda r: r.Ns**2 / r.Nt**2,
    "Factor of x: what is kept is counted from timestep 0. It belongs to the way from s to t.": lambda r: (
        r.St * r.Ns**2 / r.Nt**2
    ),
    "Factor of x: what is kept stands on the wrong side of the division.": lambda r: r.Ss / r.St * r.Ns**2 / r.Nt**2,
    "Factor of x: the division by the noise at t is missing.": lambda r: r.k * r.Ns**2,
    "Factor of x: the noise at t is a rate there. It must be a variance.": lambda r: r.k * r.Ns**2 / r.Nt,
    "Factor of x: it grows with the noise that was added. The noisier x is, the less it should count.": lambda r: (
        r.k * r.a / r.Nt**2
    ),
    "x is missing from the result.": lambda r: 0 * r.St,
}
OF_X0: Parts = {
    "": lambda r: r.Ss * r.a / r.Nt**2,
    "Factor of x0_hat: the prediction is a clean image, and at s an image has shrunk.": lambda r: r.a / r.Nt**2,
    "Factor of x0_hat: the prediction counts in full, and x brings its own image as well. Together that is too much.": (
        lambda r: r.Ss
    ),
    "Factor of x0_hat: the result belongs to s. To which timestep does your signal rate belong?": lambda r: (
        r.St * r.a / r.Nt**2
    ),
    "Factor of x0_hat: what is kept between s and t does not act on the prediction.": lambda r: r.k * r.a / r.Nt**2,
    "Factor of x0_hat: a variance is divided by a rate there.": lambda r: r.Ss * r.a / r.Nt,
    "Factor of x0_hat: the division by the noise at t is missing.": (lambda r: r.Ss * r.a),
    "Factor of x0_hat: a root too many. Both clues are weighted by variances.": lambda r: r.Ss * root(r.a) / r.Nt,
    "Factor of x0_hat: a standard deviation is divided by a variance there.": lambda r: r.Ss * root(r.a) / r.Nt**2,
    "Factor of x0_hat: it is divided by the noise of the wrong timestep.": lambda r: r.Ss * r.a / r.Ns**2,
    "Factor of x0_hat: here stands the noise at s. The prediction counts more, the more noise was added.": lambda r: (
        r.Ss * r.Ns**2 / r.Nt**2
    ),
    "Factor of x0_hat: the two factors do not add to one. What must the image's rate in the result be?": lambda r: (
        1 - r.k * r.Ns**2 / r.Nt**2
    ),
    "Factor of x0_hat: the noise of s shrinks on its way to t.": lambda r: r.Ss * (1 - r.Ns**2 / r.Nt**2),
    "Factor of x0_hat: the signal rate is squared.": lambda r: r.Ss**2 * r.a / r.Nt**2,
    f"Factor of x0_hat: {NOT_PRESERVING}": lambda r: r.Ss * (1 - r.k**2) / r.Nt**2,
    f"Factor of x0_hat: the division is wrong, too. {NOT_PRESERVING}": lambda r: r.Ss * (1 - r.k**2),
    "Factor of x0_hat: x is not a clean image: count only the image that is in it.": lambda r: (
        r.Ss - r.k * r.Ns**2 / r.Nt**2
    ),
    "Factor of x0_hat: the rate at s is the goal. Which rate has the image that x brings?": lambda r: (
        r.St - r.St * r.Ns**2 / r.Nt**2
    ),
    "Factor of x0_hat: the image that x brings makes this factor smaller, not larger.": lambda r: (
        r.Ss + r.St**2 / r.Ss * r.Ns**2 / r.Nt**2
    ),
    "Factor of x0_hat: the prediction counts in full, as if nothing had to be shared.": lambda r: 1 + 0 * r.St,
    "Factor of x0_hat: it is a variance only. Which rate has an image at s?": lambda r: r.a,
    "Factor of x0_hat: a root of a rate. The table holds rates, not powers.": lambda r: r.Ss**0.5 * r.a / r.Nt**2,
    "The prediction is missing from the result.": lambda r: 0 * r.St,
}


OF_Z: Parts = {
    "": lambda r: root(r.a) * r.Ns / r.Nt,
    "This is the variance. Noise is multiplied by a standard deviation.": lambda r: r.a * r.Ns**2 / r.Nt**2,
    "This is as much noise as the way from s to t adds. The prediction decides a part of it: what is left at s = 0?": (
        lambda r: root(r.a)
    ),
    "This is the variance that the way from s to t adds. What is left of it at s = 0?": lambda r: r.a,
    "A root is missing over the added variance. Check the units.": lambda r: r.a * r.Ns / r.Nt,
    "The ratio of the noises is under the root, too. It is a ratio of rates already.": lambda r: root(
        r.a * r.Ns / r.Nt
    ),
    "The ratio of the noises is a ratio of variances. The result is a standard deviation.": lambda r: (
        root(r.a) * r.Ns**2 / r.Nt**2
    ),
    "The ratio of the noises is upside down. What is left at s = 0?": lambda r: root(r.a) * r.Nt / r.Ns,
    "This is all the noise of timestep s. A part of it is in x already.": lambda r: r.Ns,
    "This is the variance of all the noise at s. A part of it is in x already.": lambda r: r.Ns**2,
    "The noise that is added between s and t is missing: a tiny step would add as much as a long one.": lambda r: (
        r.Ns / r.Nt
    ),
    NOT_PRESERVING: lambda r: root(1 - r.k**2) * r.Ns / r.Nt,
    f"This is the variance. {NOT_PRESERVING}": lambda r: (1 - r.k**2) * r.Ns**2 / r.Nt**2,
    f"What is left at s = 0? {NOT_PRESERVING}": lambda r: root(1 - r.k**2),
    f"The two rates of noise come from the table. {NOT_PRESERVING}": lambda r: (
        root(r.a) * root((1 - r.Ss**2) / (1 - r.St**2))
    ),
    f"The rates come from the table: you computed them from the signal. {NOT_PRESERVING}": lambda r: root(
        (1 - r.St**2 / r.Ss**2) * (1 - r.Ss**2) / (1 - r.St**2)
    ),
    "The division by the noise at t is missing.": lambda r: root(r.a) * r.Ns,
    "The noise at s is missing. What is left at s = 0?": lambda r: root(r.a) / r.Nt,
    "What the image keeps does not belong here.": lambda r: root(r.a) * r.k * r.Ns / r.Nt,
    "The noise of s shrinks on its way to t: that changes the variance that is added.": lambda r: (
        root(r.Nt**2 - r.Ns**2) * r.Ns / r.Nt
    ),
    "This is the variance that is missing to the noise at t. Two things are wrong: the old noise shrinks, and the "
    "prediction decides a part.": lambda r: root(r.Nt**2 - r.Ns**2),
    "The rates are subtracted where variances should be.": lambda r: (r.Nt - r.k * r.Ns) * r.Ns / r.Nt,
    "A variance is divided by a rate. Check the units.": lambda r: root(r.a / r.Nt) * r.Ns,
    "A root covers the noise at s as well.": lambda r: root(r.a * r.Ns) / r.Nt,
    "The noise rate of s stands under a square. Check the units.": lambda r: root(r.a) * r.Ns**2 / r.Nt,
    "Two roots: the result is the root of the standard deviation.": lambda r: (r.a * r.Ns**2 / r.Nt**2) ** 0.25,
    "This is a step without noise. DDPM adds noise wherever the two clues leave something open.": lambda r: 0 * r.St,
}


# the lines of a whole step
def one_step(schedule, t):
    """What one single step keeps, and its beta."""
    return schedule.signal[t] / schedule.signal[t - 1], 1 - schedule.alpha_bar[t] / schedule.alpha_bar[t - 1]


STILL_KEPT = "`kept` still belongs to one single step."
STILL_ADDED = "`added` still belongs to one single step: it is its beta."
STEP_KEPT: Parts = {
    "": lambda t, s, schedule: schedule.signal[t] / schedule.signal[s],
    STILL_KEPT: lambda t, s, schedule: one_step(schedule, t)[0],
    "`kept` is a ratio of powers. It must be a ratio of rates.": lambda t, s, schedule: (
        schedule.alpha_bar[t] / schedule.alpha_bar[s]
    ),
    "`kept` is upside down: the image becomes weaker from s to t.": lambda t, s, schedule: (
        schedule.signal[s] / schedule.signal[t]
    ),
    "`kept` is counted from timestep 0. It belongs to the way from s to t.": lambda t, s, schedule: schedule.signal[t],
    "`kept` belongs to the step below s.": lambda t, s, schedule: schedule.signal[s] / schedule.signal[max(s - 1, 0)],
}
STEP_ADDED: Parts = {
    "": lambda t, s, schedule: Rates(t, s, schedule).a,
    STILL_ADDED: lambda t, s, schedule: one_step(schedule, t)[1],
    f"`added`: {NOT_PRESERVING} Your first exercise has what you need.": lambda t, s, schedule: (
        1 - schedule.alpha_bar[t] / schedule.alpha_bar[s]
    ),
    "`added` still belongs to one single step, and now it is right for every schedule.": lambda t, s, schedule: (
        Rates(t, t - 1, schedule).a
    ),
    "`added`: what is kept and what is added do not add to one.": lambda t, s, schedule: (
        1 - schedule.signal[t] / schedule.signal[s]
    ),
    "`added`: the noise at s shrinks on its way to t.": lambda t, s, schedule: (
        schedule.noise[t] ** 2 - schedule.noise[s] ** 2
    ),
    "`added`: the old noise is multiplied by a rate. What happens to its variance?": lambda t, s, schedule: (
        schedule.noise[t] ** 2 - schedule.signal[t] / schedule.signal[s] * schedule.noise[s] ** 2
    ),
    "`added`: a part of the noise at t was there at s.": lambda t, s, schedule: schedule.noise[t] ** 2,
    "`added`: one beta for each timestep, added up. The early noise shrinks in the later steps.": (
        lambda t, s, schedule: sum(one_step(schedule, each)[1] for each in range(s + 1, t + 1))
    ),
    "`added`: the beta of one step, times the number of steps. The betas differ, and early noise shrinks.": (
        lambda t, s, schedule: (t - s) * one_step(schedule, t)[1]
    ),
    "`added`: the power at t is compared with the clean image. The step leads from t to s.": lambda t, s, schedule: (
        1 - schedule.alpha_bar[t]
    ),
}
STEP_STD: Parts = {
    "": lambda a, r: root(a) * r.Ns / r.Nt,
    "The noise is as strong as on the way from s to t. The prediction decides a part of it.": lambda a, r: root(a),
    "The noise is multiplied by a variance.": lambda a, r: a * r.Ns**2 / r.Nt**2,
    "The root over `added` is missing.": lambda a, r: a * r.Ns / r.Nt,
    "The fresh noise is missing.": lambda a, r: 0 * r.Nt,
    "The fresh noise is as strong as all noise at s.": lambda a, r: r.Ns,
    "The fresh noise joins at full strength.": lambda a, r: 1 + 0 * r.Nt,
    "The noise is subtracted.": lambda a, r: -root(a) * r.Ns / r.Nt,
}
