"""The exercises of lesson 07, training: loss and batches of v-prediction; the others are imported."""

import math

import torch

from diffusion_edu.lessons.checks.exercise import Exercise, Property
from diffusion_edu.lessons.checks.families import Parts, chosen, combined, distinct, named, one_wrong
from diffusion_edu.lessons.checks.inputs import images, noise, number
from diffusion_edu.lessons.exercises.lesson_07_baseline import BASELINE
from diffusion_edu.lessons.exercises.lesson_07_loop import EMA, TRAIN

# 07.1: the loss of v-prediction --------------------------------------------------------------------------------------


def _wide(theta, x):
    return theta.double().reshape(-1, *[1] * (x.ndim - 1))


def _mixture(first, second):
    """A function of (x0, eps, theta) that adds two products with cosine and sine."""
    return lambda x0, eps, theta: first(x0, eps, _wide(theta, x0)) + second(x0, eps, _wide(theta, x0))


NOISY = {
    "": _mixture(lambda x0, eps, a: a.cos() * x0, lambda x0, eps, a: a.sin() * eps),
    "In the noisy image, cosine and sine are exchanged: at an angle of zero it should be clean.": (
        _mixture(lambda x0, eps, a: a.sin() * x0, lambda x0, eps, a: a.cos() * eps)
    ),
    "The noise has the wrong sign in the noisy image.": (
        _mixture(lambda x0, eps, a: a.cos() * x0, lambda x0, eps, a: -a.sin() * eps)
    ),
    "The noisy image has no noise in it.": lambda x0, eps, theta: x0,
    "Your noisy image is noise alone.": lambda x0, eps, theta: eps,
    "The noise is added at full strength: its rate is missing.": (
        _mixture(lambda x0, eps, a: a.cos() * x0, lambda x0, eps, a: eps)
    ),
    "The image does not shrink.": _mixture(lambda x0, eps, a: x0, lambda x0, eps, a: a.sin() * eps),
    "You mix with the angle itself: the rates are its cosine and sine.": (
        _mixture(lambda x0, eps, a: (1 - a) * x0, lambda x0, eps, a: a * eps)
    ),
    "You mix with squares of the rates.": (
        _mixture(lambda x0, eps, a: a.cos() ** 2 * x0, lambda x0, eps, a: a.sin() ** 2 * eps)
    ),
    "You build the target and give it to the network as its input.": (
        _mixture(lambda x0, eps, a: a.cos() * eps, lambda x0, eps, a: -a.sin() * x0)
    ),
}
TARGETS: Parts = {
    "": _mixture(lambda x0, eps, a: a.cos() * eps, lambda x0, eps, a: -a.sin() * x0),
    "The target has a wrong sign: v is what the noisy image changes by when the angle grows a little.": (
        _mixture(lambda x0, eps, a: a.cos() * eps, lambda x0, eps, a: a.sin() * x0)
    ),
    "The target has the opposite sign: v is what the noisy image changes by when the angle grows a little.": (
        _mixture(lambda x0, eps, a: -a.cos() * eps, lambda x0, eps, a: a.sin() * x0)
    ),
    "In the target, cosine and sine are exchanged.": (
        _mixture(lambda x0, eps, a: a.sin() * eps, lambda x0, eps, a: -a.cos() * x0)
    ),
    "In the target, image and noise are exchanged.": (
        _mixture(lambda x0, eps, a: a.cos() * x0, lambda x0, eps, a: -a.sin() * eps)
    ),
    "Your target is the noise: that is eps-prediction.": lambda x0, eps, theta: eps,
    "Your target is the clean image: that is x0-prediction.": lambda x0, eps, theta: x0,
    "Your target is the noisy image: the network would learn to copy its input.": NOISY[""],
    "Your target is noise minus image: that is the target of flow matching.": lambda x0, eps, theta: eps - x0,
    "The rates are missing in your target: you subtract the images as they are.": lambda x0, eps, theta: x0 - eps,
    "The target is zero: you punish the network for every output.": lambda x0, eps, theta: torch.zeros_like(x0),
    "Half of the target is missing: it holds both the noise and the image.": (
        _mixture(lambda x0, eps, a: a.cos() * eps, lambda x0, eps, a: 0 * x0)
    ),
    "The noise in the target is that of another image.": lambda x0, eps, theta: TARGETS[""](x0, eps.flip(0), theta),
}
GIVEN = {
    "": lambda theta: theta,
    "The network gets a thousand times the angle: here it gets the angle itself.": lambda theta: 1000 * theta,
    "The network does not get the angle.": torch.zeros_like,
    "The network gets a cosine or sine: it gets the angle itself.": torch.cos,
    "The network gets a sine: it gets the angle itself.": torch.sin,
    "The network gets the angle of the first image for all.": lambda theta: theta[:1].expand_as(theta),
    "The network gets the angle as a fraction of a right angle: it gets the angle itself.": (
        lambda theta: theta / (math.pi / 2)
    ),
}
ERRORS = {
    "": lambda error: error.square().mean(),
    "You add up the squared errors: the mean is wanted, so that the number of pixels does not matter.": (
        lambda error: error.square().sum()
    ),
    "You take absolute values where squares belong.": lambda error: error.abs().mean(),
    "The square is missing, so positive and negative errors cancel.": lambda error: error.mean(),
    "You take a root at the end: the mean of the squares is the loss.": lambda error: error.square().mean().sqrt(),
    "You square the mean: square first, then average.": lambda error: error.mean().square(),
    "You have one loss for each image: average over the batch, too.": lambda error: error.square().flatten(1).mean(1),
    "You have one loss for each pixel: average over all of them.": torch.square,
    "You halve the loss.": lambda error: error.square().mean() / 2,
    "You add up the losses of the images: average over the batch, too.": (
        lambda error: error.square().flatten(1).mean(1).sum()
    ),
    "You average over the batch only.": lambda error: error.square().flatten(1).sum(1).mean(),
}


def _loss(noisy, target, given, measure):
    """The answer that is made of these four parts."""
    return lambda net, x0, theta, eps: measure(net(noisy(x0, eps, theta), given(theta)) - target(x0, eps, theta))


def _draw_loss(random):
    one, two, three = (number(random, 0.4, 1.2) for _ in range(3))

    kind = number(random, 0, 1)  # some networks are so simple that the loss says what is wrong
    if kind < 0.6:
        one, two, three = ((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))[int(kind * 5)]

    def net(y, theta):
        return torch.tanh(one * y + two * _wide(theta, y)) + three * y

    b = 3
    theta = torch.rand(b, generator=random, dtype=torch.float64) * 1.5
    return net, images(random, b, 2, 4, 5), theta, noise(random, b, 2, 4, 5)


def _gives(net, of_image, of_angle):
    """Whether a network answers so to an image of ones at the angle 0, and to one of zeros at the angle 1."""
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    answers = net(one, torch.zeros(1)).item(), net(zero, torch.ones(1)).item()
    return all(math.isclose(*each, abs_tol=1e-6) for each in zip(answers, (of_image, of_angle), strict=True))


def _near(loss, *inputs):
    return math.isclose(loss.item(), _right_loss(*inputs).item(), rel_tol=1e-4)


_right_loss = _loss(NOISY[""], TARGETS[""], GIVEN[""], ERRORS[""])
EXCHANGED = "`x0` and `eps` have changed places."
ONE_ANGLE = "You use the angle of the first image for all: each image has its own."
V_LOSS = Exercise(
    title="The loss of v-prediction",
    answer=_right_loss,
    means="This is the whole of training a diffusion model: mix, predict, compare.",
    draw=_draw_loss,
    mistakes=distinct(
        _draw_loss,
        (
            *named({EXCHANGED: lambda net, x0, theta, eps: _right_loss(net, eps, theta, x0)}),
            *one_wrong(_loss, NOISY, TARGETS, GIVEN, ERRORS),
            *combined(_loss, chosen(NOISY, 1, 2, 3, 4), chosen(TARGETS, *range(1, 10)), chosen(GIVEN), chosen(ERRORS)),
            *combined(_loss, chosen(NOISY), chosen(TARGETS, 1, 2, 5, 6), chosen(GIVEN), ERRORS),
            *named(
                {
                    ONE_ANGLE: lambda net, x0, theta, eps: _right_loss(net, x0, theta[:1].expand_as(theta), eps),
                    "You use the mean of the angles for all: each image has its own.": (
                        lambda net, x0, theta, eps: _right_loss(net, x0, theta.mean().expand_as(theta), eps)
                    ),
                    "The angle is in radians already.": (
                        lambda net, x0, theta, eps: _right_loss(net, x0, torch.deg2rad(theta), eps)
                    ),
                    "You multiply the angle by a right angle: it is an angle already.": (
                        lambda net, x0, theta, eps: _right_loss(net, x0, theta * math.pi / 2, eps)
                    ),
                    "You measure the prediction alone: it has to be compared with the target.": (
                        lambda net, x0, theta, eps: net(NOISY[""](x0, eps, theta), theta).square().mean()
                    ),
                    "You add prediction and target where you should subtract.": (
                        lambda net, x0, theta, eps: (
                            (net(NOISY[""](x0, eps, theta), theta) + TARGETS[""](x0, eps, theta)).square().mean()
                        )
                    ),
                    "The network runs on the clean image: it must get the noisy one.": (
                        lambda net, x0, theta, eps: (net(x0, theta) - TARGETS[""](x0, eps, theta)).square().mean()
                    ),
                    "The network is missing: you compare the noisy image with the target.": (
                        lambda net, x0, theta, eps: (
                            (NOISY[""](x0, eps, theta) - TARGETS[""](x0, eps, theta)).square().mean()
                        )
                    ),
                }
            ),
        ),
    ),
    properties=(
        Property("A mean of squares is never negative: yours is.", lambda loss, *_: (loss >= 0).all()),
        Property(
            "Already for a network that always gives zero the loss is wrong: look at the target and at the mean.",
            lambda loss, net, *inputs: not _gives(net, 0, 0) or _near(loss, net, *inputs),
        ),
        Property(
            "For a network that gives back its input the loss is wrong: does it get the right mixture?",
            lambda loss, net, *inputs: not _gives(net, 1, 0) or _near(loss, net, *inputs),
        ),
        Property(
            "For a network that looks at the angle only the loss is wrong: does it get the angle of each image?",
            lambda loss, net, *inputs: not _gives(net, 0, math.tanh(1)) or _near(loss, net, *inputs),
        ),
        Property(
            "Your loss is far too large: do you add up where you should average?",
            lambda loss, net, x0, theta, eps: loss < 10 * _right_loss(net, x0, theta, eps),
        ),
        Property(
            "Your loss is far too small: what do you divide by?",
            lambda loss, net, x0, theta, eps: loss > 0.1 * _right_loss(net, x0, theta, eps),
        ),
    ),
    example=lambda: (
        lambda y, theta: 0 * y,
        torch.full((1, 1, 1, 2), 0.5).double(),
        torch.tensor([math.pi / 2]).double(),
        torch.full((1, 1, 1, 2), 2.0).double(),
    ),
    where=lambda net, x0, theta, eps: (
        f"the first value of x0 is {x0.flatten()[0]:.2g}, that of eps is {eps.flatten()[0]:.2g}, "
        f"and the first angle is {math.degrees(theta[0].item()):.0f} degrees"
    ),
    line="Check in this order: the noisy image, the target, what the network gets, the mean of the squares.",
)

# 07.5: one angle for the whole batch ---------------------------------------------------------------------------------


def _batch(angles, noisy, target, hand_over):
    """The answer that is made of these four parts."""

    def training_batch(x0, u, eps):
        theta = angles(u)
        return hand_over(noisy(x0, eps, theta), theta, target(x0, eps, theta))

    return training_batch


def _right_angle(u):
    return u.double() * math.pi / 2


ANGLES = {
    "": _right_angle,
    "All images get the mean of the angles: each image needs its own.": lambda u: _right_angle(u).mean().expand_as(u),
    "All images get the largest angle: each image needs its own.": lambda u: _right_angle(u).max().expand_as(u),
    "Your angles are the numbers of u as they are: pure noise would never be seen.": lambda u: u.double(),
    "Your angles go up to a half turn: beyond a right angle the image has a negative rate.": lambda u: u * math.pi,
    "Your angles go up to a full turn: a right angle is pure noise already.": lambda u: u * 2 * math.pi,
    "Your angles are measured from the wrong end: u = 0 is the clean image.": lambda u: _right_angle(1 - u),
    "The angles belong to other images: entry k of u belongs to image k.": lambda u: _right_angle(u.flip(0)),
    "You sort the angles: entry k of u belongs to image k.": lambda u: _right_angle(u.sort().values),
    "Your angles are in degrees: cosine and sine take radians.": lambda u: 90 * u.double(),
    "You use the arc tangent: the angle grows in proportion to u.": torch.atan,
    "You use the arc sine: the angle grows in proportion to u.": torch.asin,
    "You round u: the angle may be any number between clean and noise.": lambda u: _right_angle(u.round()),
}
HANDED = {
    "": lambda y, theta, v: (y, theta, v),
    "Angles and target are exchanged: the noisy image, the angles, the target.": lambda y, theta, v: (
        y,
        v,
        theta,
    ),
    "You hand over the target first: the noisy image comes first.": lambda y, theta, v: (v, theta, y),
    "You hand over the angles first: the noisy image comes first.": lambda y, theta, v: (theta, y, v),
    "Your angles have the shape for a product: hand over one number for each image.": (
        lambda y, theta, v: (y, theta.view(-1, 1, 1, 1), v)
    ),
    "You hand over the angles without the noisy image and the target.": lambda y, theta, v: theta,
    "You hand over the noisy image only.": lambda y, theta, v: y,
    "The angles are missing in what you hand over.": lambda y, theta, v: (y, v),
    "You hand over the first angle only: one number for each image is wanted.": lambda y, theta, v: (y, theta[0], v),
}


def _draw_batch(random):
    b = 3
    u = torch.rand(b, generator=random, dtype=torch.float64)
    return images(random, b, 2, 4, 5), u, noise(random, b, 2, 4, 5)


_right_batch = _batch(ANGLES[""], NOISY[""], TARGETS[""], HANDED[""])
TRAINING_BATCH = Exercise(
    title="Find the bug: one angle for the whole batch",
    answer=_right_batch,
    means="Each batch now holds all noise levels at once, so the loss of a step jumps less.",
    draw=_draw_batch,
    given=lambda x0, u, eps: _right_batch(x0, u[:1].expand_as(u), eps),
    mistakes=distinct(
        _draw_batch,
        (
            *named({EXCHANGED: lambda x0, u, eps: _right_batch(eps, u, x0)}),
            *one_wrong(_batch, ANGLES, NOISY, TARGETS, HANDED),
            *combined(
                _batch, chosen(ANGLES, 3, 4, 6), chosen(NOISY, 1, 2), chosen(TARGETS, 1, 2, 3, 4), chosen(HANDED, 1, 2)
            ),
            *named(
                {
                    "The angles you hand over are right, but noisy image and target use the first one for all.": (
                        lambda x0, u, eps: (
                            NOISY[""](x0, eps, _right_angle(u[:1].expand_as(u))),
                            _right_angle(u),
                            TARGETS[""](x0, eps, _right_angle(u[:1].expand_as(u))),
                        )
                    ),
                    "Noisy image and target are right; hand over the angle of each image as well.": (
                        lambda x0, u, eps: (
                            NOISY[""](x0, eps, _right_angle(u)),
                            _right_angle(u[:1].expand_as(u)),
                            TARGETS[""](x0, eps, _right_angle(u)),
                        )
                    ),
                    "The noisy image uses one angle for all, the target does not: both need the angle of each image.": (
                        lambda x0, u, eps: (
                            NOISY[""](x0, eps, _right_angle(u[:1].expand_as(u))),
                            _right_angle(u),
                            TARGETS[""](x0, eps, _right_angle(u)),
                        )
                    ),
                    "The target uses one angle for all, the noisy image does not: both need the angle of each image.": (
                        lambda x0, u, eps: (
                            NOISY[""](x0, eps, _right_angle(u)),
                            _right_angle(u),
                            TARGETS[""](x0, eps, _right_angle(u[:1].expand_as(u))),
                        )
                    ),
                }
            ),
        ),
    ),
    properties=(
        Property(
            "The angles are not right: each u between zero and one becomes an angle between clean and noise.",
            lambda found, x0, u, eps: torch.allclose(found[1], _right_angle(u), atol=1e-4),
        ),
        Property(
            "The angles are right, the noisy image is not: its rates are the cosine and the sine of the angle.",
            lambda found, x0, u, eps: torch.allclose(found[0], NOISY[""](x0, eps, found[1]), atol=1e-4),
        ),
        Property(
            "Angles and noisy image are right, the target is not.",
            lambda found, x0, u, eps: torch.allclose(found[2], TARGETS[""](x0, eps, found[1]), atol=1e-4),
        ),
    ),
    example=lambda: (
        torch.full((2, 1, 1, 1), 2.0).double(),
        torch.tensor([0.0, 1.0]).double(),
        torch.full((2, 1, 1, 1), 3.0).double(),
    ),
    where=lambda x0, u, eps: (
        f"u = {[round(each, 2) for each in u.tolist()]} and the first pixels of the images are x0 = "
        f"{[round(each, 2) for each in x0[:, 0, 0, 0].tolist()]}, eps = "
        f"{[round(each, 2) for each in eps[:, 0, 0, 0].tolist()]}"
    ),
    line="How many different angles are there in a batch? Look at the line that makes them.",
)

EXERCISES = {
    "07.1": V_LOSS,
    "07.2": BASELINE,
    "07.3": EMA,
    "07.4": TRAIN,
    "07.5": TRAINING_BATCH,
}
