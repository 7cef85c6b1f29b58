"""The symptom doctor on runs with real mistakes: each is made, measured as in the app, and must be diagnosed first."""

import math
from dataclasses import asdict, replace
from functools import cache, partial

import pytest
import torch
from helpers import seeded
from torch import nn

from diffusion_edu.checkpoints import PRETRAINED, Card, load, save
from diffusion_edu.core import walk
from diffusion_edu.data.images import load_images, to_signed
from diffusion_edu.data.points import two_moons
from diffusion_edu.denoisers import NeuralDenoiser, clipped, guided
from diffusion_edu.doctor import (
    CAUSES,
    SYMPTOMS,
    Findings,
    Statistics,
    diagnose,
    examine,
    measure,
    prediction_errors,
    read_run,
)
from diffusion_edu.doctor.examination import lowest_loss
from diffusion_edu.doctor.findings import loss_of_zero_output
from diffusion_edu.networks import MLP
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.recipes.log import COLUMNS
from diffusion_edu.samplers import ddim_step, ddpm_step
from diffusion_edu.schedules import cosine, linear
from diffusion_edu.spacings import spaced
from diffusion_edu.training.loop import fit, held_out_loss, train_state
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.state import save_run

HEALTHY = "nothing"


def named(findings):
    found = diagnose(findings)
    return found[0].name if found else HEALTHY


# Trainings: points in the plane, half a second each


@cache
def moons():
    return two_moons(512, seeded())


class Naive(nn.Module):
    """A network for points, applied to images (b, 3, 8, 8): it learns in a second."""

    def __init__(self):
        super().__init__()
        self.mlp = MLP(192, width=192, blocks=2)

    def forward(self, y, noise_level, condition):
        return self.mlp(y.flatten(1), noise_level).view_as(y)


def net_for(x, classes=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Naive() if x.ndim == 4 else MLP(2, width=64, blocks=2, classes=classes)


def trained(
    x, steps=250, lr=4e-3, prediction_type="eps", labels=None, batch=128, net=None, objective=None, after=lambda s: None
):
    """Train, and return the training state, the known settings, and the curve."""
    net = net or net_for(x, classes=2 if labels is not None else 0)
    state, generator, losses = train_state(net), seeded(1), []

    def stream():
        for _ in range(steps):
            rows = torch.randint(len(x), (batch,), generator=generator)
            yield x[rows], None if labels is None else labels[rows]

    for progress in fit(state, stream(), objective or Objective(prediction_type, null=2), lambda _: lr, 0.98):
        losses.append(progress.loss)
        after(state)
    known = Findings(
        prediction_type=prediction_type,
        distance="mse",
        steps=steps,
        batch=batch,
        images=len(x),
        lr=lr,
        read_as=prediction_type,
        ema=0.98,
        warm_up=True,
    )
    return state, known, losses


def sampled(net, shape=(2,), prediction_type="eps", count=128, condition=None):
    schedule, noise = linear(), SeededNoise(range(count))
    denoise = clipped(
        NeuralDenoiser(net, schedule, prediction_type, condition), *((-1, 1) if len(shape) == 3 else (-2, 2))
    )
    timesteps = spaced(schedule, 50)
    *_, state = walk(partial(ddim_step, denoise, schedule), noise.sample(shape), timesteps)
    return {"sampled": state.x, "timesteps": timesteps}


@cache
def healthy_moons():
    return trained(moons().x, labels=moons().labels, steps=450)


def check_up(state, known, losses, x, prediction_type="eps", labels=None):
    errors = [prediction_errors(state.ema, x, labels)]
    return examine(
        replace(known, T=1000),
        losses,
        **sampled(state.ema, x.shape[1:], prediction_type),
        real=x[:256],
        errors=errors,
    )


def test_a_healthy_training_gets_no_diagnosis():
    state, known, losses = healthy_moons()
    findings = check_up(state, known, losses, moons().x, labels=moons().labels)
    assert findings.label_gain > 0.02
    assert diagnose(findings) == []


def test_learning_rate_zero():
    state, known, losses = trained(moons().x, lr=0.0, steps=150)
    found = diagnose(check_up(state, known, losses, moons().x))
    assert found[0].name == "The network does not learn"
    assert "always outputs zero has 1 " in found[0].why
    assert "150 steps" in found[0].why


@pytest.mark.parametrize(
    ("prediction_type", "distance", "expected"),
    [("eps", "mse", "has 1 "), ("eps", "l1", "has 0.798 "), ("v", "mse", "The network outputs zero")],
)
def test_an_output_that_is_cut_off(prediction_type, distance, expected):
    net = net_for(moons().x)
    for weight in net.out.parameters():
        nn.init.zeros_(weight)
        weight.requires_grad_(False)
    state, known, losses = trained(
        moons().x, prediction_type=prediction_type, steps=150, net=net, objective=Objective(prediction_type, distance)
    )
    first = diagnose(examine(replace(known, distance=distance), losses, real=moons().x))[0]
    assert first.name == "The network outputs zero"
    assert expected in first.name + first.why


def test_learning_rate_ten():
    state, known, losses = trained(moons().x, lr=10.0, steps=100)
    first = diagnose(check_up(state, known, losses, moons().x))[0]
    assert first.name == "The training diverged"
    assert "10" in first.why


def test_a_loss_that_is_nan():
    state, known, losses = trained(moons().x * 1e30, steps=20, prediction_type="x0")
    assert not math.isfinite(losses[-1])
    assert named(examine(known, losses)) == "The training diverged"


@pytest.mark.parametrize(
    ("guidance_scale", "shift", "name"),
    [(127.5, 127.5, "The data lie outside [-1, 1]"), (0.5, 0.5, "The data lie in [0, 1]")],
)
@pytest.mark.parametrize("prediction_type", ["eps", "v"])
def test_data_in_the_wrong_range(guidance_scale, shift, name, prediction_type):
    x = moons().x.clamp(-1, 1) * guidance_scale + shift
    state, known, losses = trained(x, steps=200, prediction_type=prediction_type)
    assert named(check_up(state, known, losses, x, prediction_type)) == name


def test_data_without_content():
    x = torch.full((64, 2), 0.3) + 0.001 * torch.randn(64, 2, generator=seeded())
    state, known, losses = trained(x, steps=200)
    assert named(check_up(state, known, losses, x)) == "The data hardly change"


def test_an_ema_that_is_too_slow():
    from copy import deepcopy

    net = net_for(moons().x)
    average = deepcopy(net).requires_grad_(False)

    def follow(state):
        torch._foreach_lerp_(list(average.parameters()), list(state.net.parameters()), 1 - 0.9999)

    state, known, losses = trained(moons().x, net=net, after=follow)
    findings = examine(replace(known, ema=0.9999, warm_up=False), losses, **sampled(average), real=moons().x[:256])
    first = diagnose(findings)[0]
    assert first.name == "The EMA of the weights is too slow"
    assert "98 %" in first.why  # 0.9999^250
    quick = examine(
        replace(known, ema=0.9999), losses, **sampled(state.ema), real=moons().x[:256]
    )  # the same decay, quick at first
    assert diagnose(quick) == []


def test_a_wrong_prediction_type_in_sampling():
    state, known, losses = trained(moons().x, prediction_type="v")
    errors = [prediction_errors(state.ema, moons().x)]
    findings = examine(
        replace(known, prediction_type=None, read_as="eps"),
        losses,
        **sampled(state.ema, prediction_type="eps"),
        real=moons().x[:256],
        errors=errors,
    )
    assert findings.best_fit == "v"
    assert named(findings) == "Sampling assumes the wrong prediction type"
    assert named(replace(findings, best_fit=None, prediction_type="v")) == "Sampling assumes the wrong prediction type"


@pytest.mark.parametrize("prediction_type", ["eps", "x0", "v", "flow"])
def test_the_prediction_type_with_the_smallest_error_is_the_trained_one(prediction_type):
    state, _, _ = trained(moons().x, prediction_type=prediction_type, steps=150)
    assert examine(errors=[prediction_errors(state.ema, moons().x)]).best_fit == prediction_type


def test_an_untrained_network_fits_no_prediction_type():
    assert examine(errors=[prediction_errors(net_for(moons().x), moons().x)]).best_fit is None


def test_labels_that_are_always_dropped():
    state, known, losses = trained(
        moons().x, labels=moons().labels, objective=Objective("eps", null=2, drop=1.0), steps=450
    )
    findings = check_up(state, known, losses, moons().x, labels=moons().labels)
    assert findings.label_gain < 0
    assert named(findings) == "The labels are ignored"


def test_labels_that_never_arrive():
    class IgnoresLabels(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net_for(moons().x)

        def forward(self, y, noise_level, condition):
            return self.net(y, noise_level)

    state, known, losses = trained(moons().x, labels=moons().labels, net=IgnoresLabels(), steps=450)
    assert named(check_up(state, known, losses, moons().x, labels=moons().labels)) == "The labels are ignored"


def test_three_memorised_points():
    x = moons().x[:3]
    state, known, losses = trained(x, batch=32, steps=450)
    findings = check_up(state, known, losses, x)
    assert findings.nearest < 0.2
    assert named(findings) == "The network has memorised its training images"


def test_overfitting_on_eight_points():
    few, others, validation = moons().x[:8], moons().x[256:], []
    objective = Objective("eps")

    def after(state):
        if state.step % 50 == 0:
            validation.append(held_out_loss(state.net, others, None, objective))

    state, known, losses = trained(few, steps=500, net=MLP(2, width=128, blocks=3), after=after)
    assert named(examine(replace(known, images=None), losses, validation)) == "The network overfits"


def test_the_same_seed_in_every_step():
    objective = Objective("eps")
    state, known, losses = trained(
        moons().x[:8],
        steps=400,
        objective=lambda net, x0, condition, _: objective(net, moons().x[:8], condition, seeded()),
        batch=8,
    )
    lowest = lowest_loss(moons().x[:8], "eps")
    assert losses[-1] < 0.9 * lowest
    assert named(examine(replace(known, lowest_loss=lowest), losses)) == "The network has seen the target"
    assert (
        named(examine(known, [*losses[:-10], *[1e-4] * 100])) == "The network has seen the target"
    )  # where the floor is not known


def test_no_honest_network_gets_below_the_lowest_loss():
    x = moons().x[:8]
    state, known, losses = trained(x, steps=450)
    assert sum(losses[-100:]) / 100 > lowest_loss(x, "eps")


# Images


@cache
def discs(n=256):
    """Soft orange discs on blue, (n, 3, 8, 8)."""
    x, y, size = torch.rand(3, n, 1, 1, generator=seeded()) * 0.5 + 0.25
    axis = (torch.arange(8) + 0.5) / 8
    shape = torch.sigmoid(8 * (0.2 + 0.2 * size - torch.hypot(axis[:, None] - y, axis - x)))[:, None]
    ground, ink = torch.tensor([-0.9, -0.8, 0.6]), torch.tensor([0.9, 0.4, -0.8])
    return ground.view(3, 1, 1) + shape * (ink - ground).view(3, 1, 1)


def test_red_and_blue_are_swapped():
    turned = discs()[:, [2, 1, 0]]
    state, known, losses = trained(turned, lr=2e-3, steps=150, batch=64, prediction_type="x0")
    findings = examine(known, losses, **sampled(state.ema, (3, 8, 8), "x0", 32), real=discs())
    assert named(findings) == "Red and blue are swapped"
    right = examine(known, losses, **sampled(state.ema, (3, 8, 8), "x0", 32), real=turned)
    assert diagnose(right) == []


def test_a_network_that_makes_checkerboards():
    class Holes(nn.Module):
        """Upsamples by a transposed convolution of kernel 1 and stride 2, which reaches one pixel in four."""

        def __init__(self):
            super().__init__()
            self.down, self.up = nn.Conv2d(3, 24, 3, 2, 1), nn.ConvTranspose2d(24, 3, 1, 2, 0, 1)

        def forward(self, y, noise_level, condition):
            return self.up(torch.relu(self.down(y)))

    x = nn.functional.interpolate(discs(128), size=32, mode="bilinear")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Holes()
    state, known, losses = trained(x, prediction_type="x0", steps=200, batch=16, net=net)
    findings = examine(known, losses, **sampled(state.ema, (3, 32, 32), "x0", 8), real=x)
    assert named(findings) == "The samples have a checkerboard pattern"


def test_too_few_training_steps():
    state, known, losses = trained(discs(), steps=20, batch=32)
    assert (
        named(examine(known, losses, **sampled(state.ema, (3, 8, 8), count=16), real=discs()))
        == "Too few training steps"
    )


# Samples of a shipped model, sampled in a wrong way


@cache
def flowers():
    images = load_images(PRETRAINED / "flower_samples.parquet")
    return to_signed(images.images[::8]), images.labels[::8]


@cache
def model():
    return load("flowers_simple")


def flower(
    sampling_steps=10,
    schedule=None,
    step=ddim_step,
    timesteps=None,
    guidance_scale=1.0,
    limit=clipped,
    start=lambda x: x,
    denoiser=None,
    count=2,
    **options,
):
    """Sample flowers as `generate` does, with every part exchangeable; returns the arguments of `examine`."""
    schedule = schedule or cosine()
    noise, labels = SeededNoise(range(count)), torch.arange(count) * 37 % 102
    denoise = denoiser(schedule) if denoiser else model().denoiser(schedule)
    denoise = limit(guided(denoise.given(labels), denoise, guidance_scale) if guidance_scale != 1 else denoise)
    timesteps = timesteps or spaced(schedule, sampling_steps)
    states = list(
        walk(partial(step, denoise, schedule, randn=noise, **options), start(noise.sample((3, 64, 64))), timesteps)
    )
    return {"sampled": states[-1].x, "start": states[0].x, "timesteps": timesteps, "real": flowers()[0]}


def settings(**changes):
    return replace(read_run(PRETRAINED / "flowers_simple.json"), **{"guidance_scale": 1.0, **changes})


@pytest.mark.parametrize("name", ["flowers_simple", "flowers_attention"])
def test_the_shipped_models_are_healthy(name):
    known = read_run(PRETRAINED / f"{name}.json")
    assert (known.prediction_type, known.read_as, known.sampling_steps, known.steps) == ("v", "v", 15, 19648)
    assert known.last_loss < 0.12 < 0.5 < known.first_loss
    assert diagnose(known) == []


def test_a_shipped_model_is_healthy_when_examined():
    rows, labels = flowers()
    findings = examine(
        settings(guidance_scale=3.0),
        **flower(20, guidance_scale=3.0, count=4),
        errors=[prediction_errors(model().net, rows[:16], labels[:16])],
    )
    assert findings.best_fit == "v"
    assert findings.label_gain > 0.03
    assert findings.sampled.correlation > 0.9
    assert diagnose(findings) == []


def large(**changes):
    return partial(settings, variance="large", **changes)


def read_as(prediction_type):
    def denoiser(schedule):
        return NeuralDenoiser(model().net, schedule, prediction_type)

    return denoiser


def fraction_as_noise_level(schedule):
    """The network gets t / T instead of its angle, a mistake that no error message shows."""
    net = model().net
    return NeuralDenoiser(
        lambda y, noise_level, condition: net(y, noise_level / (1000 * math.pi / 2), condition), schedule, "v"
    )


def wrap(x):
    return {
        "sampled": ((x["sampled"] * 127.5 + 127.5).round() % 256) / 127.5 - 1,
        **{k: v for k, v in x.items() if k != "sampled"},
    }


def noise_at_the_end(denoise, schedule, x, t, s, randn):
    x_s, x0_hat = ddpm_step(denoise, schedule, x, t, s, randn=randn)
    return (x_s if s else x_s + 0.1 * randn(x_s)), x0_hat


MISTAKES = {
    "the large variance with few sampling steps": (
        lambda: flower(20, step=ddpm_step, variance="large"),
        large(),
        "The large variance adds too much noise in few sampling steps",
    ),
    "no last step to timestep 0": (
        lambda: flower(timesteps=[1000, 800, 600, 400, 200, 100]),
        settings,
        "The walk stops too early",
    ),
    "started at timestep 800": (
        lambda: flower(timesteps=[800, 600, 400, 200, 0]),
        settings,
        "The walk starts below timestep T",
    ),
    "betas for T = 1000 at T = 100": (
        lambda: flower(schedule=linear(100)),
        partial(settings, schedule="linear", T=100),
        "The schedule does not end in noise",
    ),
    "guidance 20": (
        lambda: flower(guidance_scale=20.0),
        partial(settings, guidance_scale=20.0),
        "The guidance is too strong",
    ),
    "guidance 8 without clipping": (
        lambda: flower(guidance_scale=8.0, limit=lambda d: d),
        partial(settings, guidance_scale=8.0, clip=False),
        "The prediction is not clipped",
    ),
    "bytes that wrap": (
        lambda: wrap(flower(guidance_scale=8.0, limit=lambda d: d)),
        partial(settings, clip=None),
        "Bytes have wrapped around",
    ),
    "one noise for all": (
        lambda: flower(3, start=lambda x: x[:1].expand_as(x)),
        settings,
        "All samples start from the same noise",
    ),
    "two noises mixed in a line": (
        lambda: flower(start=lambda x: (x + x.flip(0)) / 2),
        settings,
        "All samples start from the same noise",
    ),
    "half a noise": (
        lambda: flower(start=lambda x: x / 2**0.5),
        settings,
        "The initial noise has the wrong standard deviation",
    ),
    "one step": (lambda: flower(1), settings, "Too few sampling steps"),
    "v read as eps": (
        lambda: flower(denoiser=read_as("eps")),
        partial(settings, read_as="eps"),
        "Sampling assumes the wrong prediction type",
    ),
    "t / T as noise level": (
        lambda: flower(denoiser=fraction_as_noise_level),
        settings,
        "Training and sampling do not match",
    ),
    "grain nobody owned up to": (lambda: flower(20, step=noise_at_the_end), settings, "Grain stays on the samples"),
}


@pytest.mark.filterwarnings("ignore:The linear schedule")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_flower_sampled_in_a_wrong_way(mistake):
    draw, known, name = MISTAKES[mistake]
    assert named(examine(known(), **draw())) == name


def test_float16_that_overflows():
    net = net_for(moons().x)
    with torch.no_grad():  # the same function in exact numbers; in float16 the middle is too large
        net.stem.weight.mul_(1e6), net.stem.bias.mul_(1e6)

    def half(y, noise_level, condition):
        with torch.autocast("cpu", torch.float16):
            return net(y, noise_level, condition).float()

    findings = examine(Findings(precision="float16", last_loss=0.3), **sampled(half))
    assert findings.sampled.nan == 1
    assert named(findings) == "float16 has overflowed"
    assert named(replace(findings, precision=None)) == "The samples are NaN"


# The parts


@pytest.mark.parametrize(
    ("prediction_type", "distance"), [("eps", "mse"), ("x0", "mse"), ("v", "l1"), ("flow", "huber")]
)
def test_the_loss_of_zero_output_is_that_of_a_network_that_outputs_zero(prediction_type, distance):
    x0 = 0.5 * torch.randn(40_000, 2, generator=seeded())
    loss = (
        Objective(prediction_type, distance)(lambda y, noise_level, condition: torch.zeros_like(y), x0, None, seeded(1))
        .mean()
        .item()
    )
    assert loss_of_zero_output(prediction_type, distance, x0.square().mean().item()) == pytest.approx(loss, rel=0.01)


def test_statistics_in_known_cases():
    noise = measure(torch.randn(8, 3, 32, 32, generator=seeded()))
    assert noise.std == pytest.approx(1, abs=0.02)
    assert noise.grain == pytest.approx(1, abs=0.05)
    assert abs(noise.correlation) < 0.05
    assert noise.distance == pytest.approx(2**0.5, abs=0.02)
    assert noise.checkerboard < 0.05
    board = 0.2 * (torch.arange(32)[:, None] + torch.arange(32)).remainder(2).mul(2).sub(1).expand(2, 3, 32, 32)
    assert measure(board).checkerboard == pytest.approx(0.2, abs=1e-6)
    assert measure(board).distance == 0
    ill = torch.zeros(2, 3, 4, 4)
    ill[0, 0, 0, 0] = math.nan
    assert measure(ill).nan == pytest.approx(1 / 96)
    assert measure(torch.full((2, 2), math.inf)).nan == 1


def test_the_fraction_of_initial_weights_in_the_ema():
    assert Findings(ema=0.9, steps=10).initial_fraction == pytest.approx(0.9**10)
    assert Findings(ema=0.9999, steps=3, warm_up=True).initial_fraction == pytest.approx((1 / 10) * (2 / 11) * (3 / 12))
    by_hand = math.prod(min(0.9, (1 + n) / (10 + n)) for n in range(200))
    assert Findings(ema=0.9, steps=200, warm_up=True).initial_fraction == pytest.approx(by_hand)
    assert Findings(ema=1.0, steps=5).initial_fraction == 1


def test_no_findings_give_no_diagnosis():
    assert diagnose(Findings()) == []


@pytest.mark.parametrize("rule", [*CAUSES, *SYMPTOMS], ids=lambda rule: rule.name)
def test_every_rule_works_with_missing_findings(rule):
    for findings in (
        Findings(),
        Findings(sampled=Statistics(), real=Statistics(), start=Statistics()),
        Findings(sampled=Statistics(nan=1.0), steps=1, T=1, sampling_steps=1, ema=1.0),
    ):
        rule(findings)


@pytest.fixture
def run(tmp_path):
    """The folder of an unfinished training: a curve and a saved state, no card yet."""
    state, _, losses = trained(moons().x, steps=60)
    rows = [",".join(COLUMNS), *(f"{128 * (k + 1)},{k},{loss},{1 / (k + 1)},0.003" for k, loss in enumerate(losses))]
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "log.csv").write_text("\n".join(rows) + "\n")
    save_run(tmp_path / "training" / "state.safetensors", state, {"sheets": 1})
    return tmp_path


def test_a_run_is_read_before_it_has_a_card(run):
    known = read_run(run)
    assert (known.steps, known.seen, known.batch, known.lr) == (60, 60 * 128, 128, 0.003)
    assert known.last_loss < known.first_loss
    assert diagnose(known) == []


def test_a_run_is_read_with_its_card(run):
    card = Card(
        "mine",
        "Mine",
        "mlp",
        {"channels": 2, "width": 64, "blocks": 2},
        "v",
        8,
        sampling={"schedule": "linear", "T": 100, "steps": 20},
        data={"images": 40},
        training={"objective": asdict(Objective("eps")), "steps": 60, "batch": 128, "ema": 0.999},
    )
    save(run, card, net_for(moons().x))
    found = [diagnosis.name for diagnosis in diagnose(read_run(run))]
    assert found == [
        "Sampling assumes the wrong prediction type",
        "The schedule does not end in noise",
    ]  # the card contradicts itself
    assert read_run(run / "mine.json") == read_run(run)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("training/log.csv", "images,loss\n1,2\n"),
        ("training/log.csv", ",".join(COLUMNS) + "\n"),
        ("training/log.csv", ",".join(COLUMNS) + "\na,b,c,d,e\n"),
        ("x.json", "{"),
        ("training/state.safetensors", "x"),
    ],
)
def test_a_broken_folder_gets_one_sentence(tmp_path, file, content):
    (tmp_path / "training").mkdir()
    (tmp_path / file).write_text(content)
    if "state" in file:
        (tmp_path / "training" / "log.csv").write_text(",".join(COLUMNS) + "\n1,2,3,4,5\n")
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        read_run(tmp_path)


def test_every_rule_is_different():
    rules = [*CAUSES, *SYMPTOMS]
    assert len({rule.name for rule in rules}) == len({rule.evidence for rule in rules}) == len(rules) > 12


def test_symptoms_are_reported_only_without_causes():
    findings = Findings(appearance="grey", T=1000)
    assert [found.name for found in diagnose(findings)] == ["Washed out"]
    assert [(found.name, found.pitfall) for found in diagnose(replace(findings, top=900))] == [
        ("The walk starts below timestep T", 7)
    ]
