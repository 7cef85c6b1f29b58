"""Exercise 13.5, misprints: formulas for a sampling step, right and wrong, and a property that tells them apart."""

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Mistake, Property
from diffusion_edu.lessons.checks.inputs import whole
from diffusion_edu.schedules import cosine, flow, linear

CLOSE = 1e-6


def _rates(t, s, schedule):
    return schedule.signal[t], schedule.noise[t], schedule.signal[s], schedule.noise[s]


def _kept_and_added(t, s, schedule):
    signal_t, noise_t, signal_s, noise_s = _rates(t, s, schedule)
    kept = signal_t / signal_s
    return kept, noise_t**2 - (kept * noise_s) ** 2


def ddpm(t, s, schedule):
    """DDPM: the posterior."""
    _, noise_t, signal_s, noise_s = _rates(t, s, schedule)
    k, a = _kept_and_added(t, s, schedule)
    return k * noise_s**2 / noise_t**2, signal_s * a / noise_t**2, a.sqrt() * noise_s / noise_t


def ddim(t, s, schedule):
    """DDIM: the predicted noise, no new noise."""
    signal_t, noise_t, signal_s, noise_s = _rates(t, s, schedule)
    return noise_s / noise_t, signal_s - noise_s / noise_t * signal_t, torch.zeros(())


def renoised(t, s, schedule):
    """Multistep renoising: all noise is new."""
    _, _, signal_s, noise_s = _rates(t, s, schedule)
    return torch.zeros(()), signal_s, noise_s


def exchanged(t, s, schedule):
    """The two coefficients of the mean have changed places."""
    of_x, of_x0, std = ddpm(t, s, schedule)
    return of_x0, of_x, std


def variance(t, s, schedule):
    """The variance stands where the standard deviation belongs."""
    of_x, of_x0, std = ddpm(t, s, schedule)
    return of_x, of_x0, std**2


def one_step_beta(t, s, schedule):
    """The coefficients of a single timestep, whatever s is (diffusers, pull request 2076)."""
    return ddpm(t, t - 1, schedule)


def whole_noise(t, s, schedule):
    """DDIM with all the noise of timestep t as new noise (CoursIA, pull request 16158)."""
    signal_t, noise_t, signal_s, noise_s = _rates(t, s, schedule)
    left = (noise_s**2 - noise_t**2).clamp(min=0).sqrt() / noise_t
    return left, signal_s - left * signal_t, noise_t


def large(t, s, schedule):
    """The large variance: what the forward step adds."""
    of_x, of_x0, _ = ddpm(t, s, schedule)
    return of_x, of_x0, _kept_and_added(t, s, schedule)[1].sqrt()


def no_root(t, s, schedule):
    """The square root over alpha is missing."""
    _, noise_t, signal_s, noise_s = _rates(t, s, schedule)
    k, a = _kept_and_added(t, s, schedule)
    return k**2 * noise_s**2 / noise_t**2, signal_s * a / noise_t**2, a.sqrt() * noise_s / noise_t


def signal_of_t(t, s, schedule):
    """The signal rate of timestep t stands where that of s belongs."""
    signal_t, noise_t, _, _ = _rates(t, s, schedule)
    of_x, _, std = ddpm(t, s, schedule)
    return of_x, signal_t * _kept_and_added(t, s, schedule)[1] / noise_t**2, std


def preserving_only(t, s, schedule):
    """Right only where the squares of the rates add to one."""
    signal_t, _, signal_s, _ = _rates(t, s, schedule)
    alpha, bar_t, bar_s = (signal_t / signal_s) ** 2, signal_t**2, signal_s**2
    std = ((1 - alpha) * (1 - bar_s) / (1 - bar_t)).sqrt()
    return alpha.sqrt() * (1 - bar_s) / (1 - bar_t), signal_s * (1 - alpha) / (1 - bar_t), std


def noise_at_the_end(t, s, schedule):
    """Right for every step but the last, which adds noise (labml's annotated DDPM)."""
    of_x, of_x0, std = ddpm(t, s, schedule)
    return of_x, of_x0, std if s else large(t, s, schedule)[2]


RIGHT = (ddpm, ddim, renoised)
WRONG = (
    exchanged,
    variance,
    one_step_beta,
    whole_noise,
    large,
    no_root,
    signal_of_t,
    preserving_only,
    noise_at_the_end,
)
PAIRS = [(t, s) for t in (2, 300, 700, 950) for s in (0, 1, 100, 600) if s < t]
SCHEDULES = (linear(1000), cosine(1000), flow(1000))


def keeps_the_mean(formula, t, s, schedule):
    of_x, of_x0, _ = formula(t, s, schedule)
    return abs(of_x * schedule.signal[t] + of_x0 - schedule.signal[s]) < CLOSE


def keeps_the_variance(formula, t, s, schedule):
    of_x, _, std = formula(t, s, schedule)
    return abs(of_x**2 * schedule.noise[t] ** 2 + std**2 - schedule.noise[s] ** 2) < CLOSE


def adds_the_rates(formula, t, s, schedule):
    """A mistake: standard deviations of independent noise do not add up."""
    of_x, _, std = formula(t, s, schedule)
    return abs(of_x * schedule.noise[t] + std - schedule.noise[s]) < CLOSE


def by(*laws, pairs=PAIRS, schedules=SCHEDULES):
    """The answer that accepts what keeps these laws at these timesteps of these schedules."""

    def choose(formulas):
        return [
            all(bool(law(each, t, s, schedule)) for law in laws for t, s in pairs for schedule in schedules)
            for each in formulas
        ]

    return choose


def choose(formulas):
    return by(keeps_the_mean, keeps_the_variance)(formulas)


def formulas(random, count=7):
    """A list of formulas in random order: two or three right ones, the others wrong."""
    right = [RIGHT[k] for k in torch.randperm(len(RIGHT), generator=random)[: whole(random, 2, 3)]]
    wrong = [WRONG[k] for k in torch.randperm(len(WRONG), generator=random)[: count - len(right)]]
    return [(right + wrong)[k] for k in torch.randperm(count, generator=random)]


def _draw(random):
    return (formulas(random),)


def _accepts(wrong, sentence):
    """A property: this wrong formula must not be accepted."""
    return Property(
        sentence,
        lambda chosen, given: chosen.numel() != len(given) or wrong not in given or not chosen[given.index(wrong)],
    )


def _refuses(right, sentence):
    """A property: this right formula must be accepted."""
    return Property(
        sentence,
        lambda chosen, given: chosen.numel() != len(given) or right not in given or bool(chosen[given.index(right)]),
    )


def _tell(choose, given):
    """Say which formulas are accepted; what each of them is stands in its first line."""
    chosen = [each for each, kept in zip(given, choose(given), strict=True) if kept]
    names = "; ".join(each.__doc__.rstrip(".") for each in chosen) or "none"
    return f"Of {len(given)} formulas in one list you accept these: {names}."


SQUARES = (linear(1000), cosine(1000))
FORMULAS = Exercise(
    title="Find the misprints",
    answer=choose,
    means="Two equations decide: x at s must have the signal and the noise of timestep s. DDPM, DDIM and multistep "
    "renoising all keep them, and each misprint breaks one.",
    draw=_draw,
    mistakes=(
        Mistake("You accept everything. What must hold for x at s?", lambda given: [True] * len(given)),
        Mistake(
            "You accept nothing. Does your equation hold for a right step? Do you compare floats with exactly zero?",
            lambda given: [False] * len(given),
        ),
        Mistake(
            "You look at the mean only, so a wrong standard deviation passes. How much noise must x have at s?",
            by(keeps_the_mean),
        ),
        Mistake(
            "You look at the noise only, so a wrong mean passes. How much of the image must x hold at s?",
            by(keeps_the_variance),
        ),
        Mistake(
            "You add the standard deviations of old and new noise. The two are independent: what adds up then?",
            by(keeps_the_mean, adds_the_rates),
        ),
        Mistake(
            "You try schedules whose squares add to one. One formula is right only there: try another schedule.",
            by(keeps_the_mean, keeps_the_variance, schedules=SQUARES),
        ),
        Mistake(
            "You never try a step to timestep 0, and one formula is wrong only there.",
            by(keeps_the_mean, keeps_the_variance, pairs=[(t, s) for t, s in PAIRS if s]),
        ),
        Mistake(
            "You try steps to timestep 0 only. There is no noise there, so most formulas agree.",
            by(keeps_the_mean, keeps_the_variance, pairs=[(t, 0) for t in (2, 300, 950)]),
        ),
        Mistake(
            "You try steps by one timestep only. Samplers take long steps: one formula is wrong only there.",
            by(keeps_the_mean, keeps_the_variance, pairs=[(t, t - 1) for t in (1, 2, 300, 950)]),
        ),
        Mistake(
            "You accept a formula if one of the two equations holds. Both must.",
            lambda given: [
                a or b for a, b in zip(by(keeps_the_mean)(given), by(keeps_the_variance)(given), strict=True)
            ],
        ),
        Mistake(
            "You compare with DDPM's coefficients. DDIM has others and is right, too: test what must hold for x.",
            lambda given: [each is ddpm for each in given],
        ),
        Mistake(
            "You refuse formulas that add no noise. DDIM is one of these, and it is right: test what must hold for x.",
            lambda given: [each in (ddpm, renoised) for each in given],
        ),
        Mistake(
            "You refuse a formula that takes all of its noise anew. It is right, too: test what must hold for x.",
            lambda given: [each in (ddpm, ddim) for each in given],
        ),
        Mistake(
            "True and False are exchanged: True means that a formula is right.",
            lambda given: [not each for each in choose(given)],
        ),
        Mistake(
            "Your list holds positions. Give True or False for each formula, in their order.",
            lambda given: [k for k, kept in enumerate(choose(given)) if kept],
        ),
        Mistake(
            "Your list holds the positions of the wrong ones. Give True or False for each formula, in their order.",
            lambda given: [k for k, kept in enumerate(choose(given)) if not kept],
        ),
        Mistake(
            "You count the right ones. Give True or False for each formula, in their order.",
            lambda given: sum(choose(given)),
        ),
    ),
    properties=(
        _refuses(
            ddpm, "You refuse a right formula: DDPM's. Is your limit very small? What adds up: rates or variances?"
        ),
        _refuses(ddim, "You refuse a right formula: DDIM's, which adds no noise."),
        _refuses(renoised, "You refuse a right formula: the one in which all noise is new."),
        _accepts(exchanged, "You accept a formula whose two coefficients of the mean have changed places."),
        _accepts(no_root, "You accept a formula in which a root is missing in the mean."),
        _accepts(signal_of_t, "You accept a formula after which x holds too little of the image."),
        _accepts(variance, "You accept a formula with a variance where the standard deviation belongs."),
        _accepts(large, "You accept a formula that adds more noise than x may have at s."),
        _accepts(whole_noise, "You accept a formula that adds as much noise as there is at timestep t."),
        _accepts(one_step_beta, "You accept a formula that is wrong in long steps. Which steps do you try?"),
        _accepts(
            noise_at_the_end, "You accept a formula that is wrong in the step to timestep 0. Which steps do you try?"
        ),
        _accepts(
            preserving_only, "You accept a formula that is wrong where the squares of the rates do not add to one."
        ),
    ),
    tell=_tell,
    line="Put x = signal_t x0 + noise_t eps into the step. Which factor does x0 get, and how large is all the noise?",
    seconds=20.0,
)
