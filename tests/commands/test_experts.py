"""Experts by noise level: each predicts in its range, one is in memory, and two of them become one model from the
command line.
"""

import gc
import math
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import pairwise
from threading import Barrier

import pytest
import torch
from helpers import CPU, seeded
from safetensors.torch import load_file
from torch import nn

from diffusion_edu.checkpoints import Card, Model, Unusable, load, save
from diffusion_edu.generation import Preset, generate
from diffusion_edu.recipes import flowers_expert_detail, flowers_expert_noise
from diffusion_edu.recipes.flowers_experts import main
from diffusion_edu.training.loop import held_out_loss
from diffusion_edu.training.objectives.diffusion import Objective

CONFIG = {"widths": [16, 24], "patch": 2, "embedding": 16, "classes": 2}
BORDERS = [500.0, 1000.0]
CARD = Card(
    "team",
    "Team",
    "experts",
    {"member": "simple_unet", "config": CONFIG, "borders": BORDERS},
    "v",
    8,
    classes=["a", "b"],
)
PRESET = Preset(steps=6, guidance_scale=2.0)
DETAIL, NOISE = (module.RECIPE.objective for module in (flowers_expert_detail, flowers_expert_noise))


def alone(tiny, seed):
    """One of the specialists by itself, its weights rounded as files are."""
    net = tiny(seed, "simple_unet", **CONFIG)
    net.load_state_dict({name: weight.half() for name, weight in net.state_dict().items()})
    return net.requires_grad_(False)


@pytest.fixture
def members(tiny):
    return [alone(tiny, seed) for seed in range(3)]


@pytest.fixture
def team(members, tmp_path):
    save(tmp_path, CARD, nn.ModuleList(members))
    return load("team", [tmp_path], CPU)


def inputs(noise_level, b=2):
    return torch.randn(b, 3, 8, 8, generator=seeded()), torch.full((b,), float(noise_level)), torch.arange(b) % 2


@pytest.mark.parametrize(
    ("noise_level", "who"), [(0.1, 0), (499.9, 0), (500, 0), (500.1, 1), (1000, 1), (1000.1, 2), (1570.8, 2)]
)
def test_the_expert_of_the_noise_level_predicts_as_it_does_alone(team, members, noise_level, who):
    assert torch.equal(team.net(*inputs(noise_level)), members[who](*inputs(noise_level)))
    assert team.net.expert_index(noise_level) == who
    others = [members[other](*inputs(noise_level)) for other in range(3) if other != who]
    assert not any(torch.allclose(team.net(*inputs(noise_level)), other, atol=1e-3) for other in others)


def test_without_a_condition_it_predicts_as_its_member_does(team, members):
    y, noise_level, _ = inputs(700)
    assert torch.equal(team.net(y, noise_level), members[1](y, noise_level))
    assert team.net.size_multiple == members[0].size_multiple


class ByHand(nn.Module):
    """The same specialists, all in memory."""

    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, y, noise_level, condition=None):
        return self.members[0 if noise_level[0] <= 500 else 1 if noise_level[0] <= 1000 else 2](
            y, noise_level, condition
        )


@pytest.mark.parametrize("sampler", ["DDIM", "Heun", "DPM-Solver++"])
def test_a_walk_is_the_one_that_the_specialists_make_in_turns(team, members, sampler):
    request = replace(PRESET, sampler=sampler), [3, 4], [0, 1]
    for ours, theirs in zip(
        generate(team, *request), generate(Model(team.card, ByHand(members), CPU), *request), strict=True
    ):
        assert torch.equal(ours.x, theirs.x) and torch.equal(ours.x0_hat, theirs.x0_hat)


def test_weights_are_exchanged_once_at_every_border_of_a_walk(team):
    """And not for each of the two predictions that guidance needs."""
    heard, read = [], team.net.load_part
    team.net.load_part = lambda name: heard.append(name) or read(name)
    for _ in generate(team, PRESET, [0], [1]):
        pass
    assert heard == ["1.", "0."]  # a loaded team begins with the one for the most noise
    for _ in generate(team, PRESET, [1], [0]):
        pass
    assert heard == ["1.", "0.", "2.", "1.", "0."]


def test_the_weights_of_one_specialist_are_in_memory_and_no_more(team, members, tmp_path):
    assert sum(w.numel() for w in team.net.parameters()) == sum(w.numel() for w in members[0].parameters())
    stored = load_file(tmp_path / "team.safetensors")
    assert sum(w.numel() for w in stored.values()) == 3 * sum(w.numel() for w in members[0].parameters())
    passed, read = [], team.net.load_part

    def watched(name):
        weights = read(name)
        passed.extend(weakref.ref(weight) for weight in weights.values())
        return weights

    team.net.load_part = watched
    for noise_level in (100, 700, 1200):
        team.net(*inputs(noise_level))
    gc.collect()
    assert len(passed) == 3 * len(members[0].state_dict())
    assert not any(weight() is not None for weight in passed)


def test_two_walks_at_different_noise_levels_never_mix_their_weights(team, members):
    read, together = team.net.load_part, Barrier(2)

    def slowly(name):
        weights = read(name)
        time.sleep(0.001)  # the other thread goes on here
        return weights

    team.net.load_part = slowly

    def ask(who, noise_level):
        expected, right = members[who](*inputs(noise_level)), []
        together.wait()
        for _ in range(40):
            right.append(torch.equal(team.net(*inputs(noise_level)), expected))
            time.sleep(0)
        return right

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(2) as threads:
            answers = [threads.submit(ask, who, noise_level) for who, noise_level in ((0, 100), (2, 1200))]
            assert all(all(answer.result()) for answer in answers)
    finally:
        sys.setswitchinterval(interval)


def test_noise_levels_on_both_sides_of_a_border_are_refused_in_words_and_those_on_one_side_are_not(team, members):
    y, _, labels = inputs(0)
    within, across = torch.tensor([501.0, 999.0]), torch.tensor([499.0, 501.0])
    assert torch.equal(team.net(y, within, labels), members[1](y, within, labels))
    with pytest.raises(ValueError, match="noise levels in the range of one expert"):
        team.net(y, across, labels)
    assert torch.equal(team.net(y, within, labels), members[1](y, within, labels))


@pytest.mark.parametrize(
    "wrong", [{"borders": [300, 500, 1000]}, {"config": {**CONFIG, "widths": [16, 32]}}, {"member": "mlp"}], ids=str
)
def test_a_card_that_does_not_fit_its_specialists_is_refused_when_it_is_loaded(members, tmp_path, wrong):
    save(tmp_path, replace(CARD, config=CARD.config | wrong), nn.ModuleList(members))
    with pytest.raises(Unusable, match=r"team\.(safetensors do not fit|json describes no)"):
        load("team", [tmp_path], CPU)


# Two models become one


@pytest.fixture
def two(tiny, tmp_path, monkeypatch):
    """Two small models as the recipes of the experts leave them."""
    monkeypatch.setattr("diffusion_edu.checkpoints.OWN", tmp_path)
    for seed, (name, objective) in enumerate((("low", DETAIL), ("high", NOISE))):
        training = {"objective": asdict(objective), "images_seen": 10 + seed, "steps": 2, "minutes": 0.5}
        sampling = {"steps": 3, "guidance_scale": 2.0}
        card = Card(
            name,
            name,
            "simple_unet",
            CONFIG,
            "v",
            8,
            classes=["a", "b"],
            sampling=sampling,
            training=training,
            scores={"FD": 1.0},
        )
        save(tmp_path / name, card, tiny(seed, "simple_unet", **CONFIG))
    return ["--detail", "low", "--noise", "high", "--out", str(tmp_path / "joined")]


def test_two_models_are_joined_and_the_result_loads_by_name_and_draws(two, tiny):
    main(two)
    model = load("joined", compute=CPU)
    assert model.card.config == {
        "member": "simple_unet",
        "config": CONFIG,
        "borders": [pytest.approx(1000 * math.pi / 4)],
    }
    assert (model.card.network, model.card.prediction_type, model.card.classes, model.card.scores) == (
        "experts",
        "v",
        ["a", "b"],
        {},
    )
    assert (model.card.training["images_seen"], model.card.training["minutes"]) == (21, 1.0)
    assert (
        model.card.training["detail"]["objective"]["angles"][1]
        == model.card.training["noise"]["objective"]["angles"][0]
    )
    assert model.card.generates
    states = list(generate(model, Preset(**model.card.sampling), [0, 1], [0, 1]))
    assert len(states) == 4 and states[-1].x.shape == (2, 3, 8, 8)
    for noise_level, seed in ((700, 0), (900, 1)):
        assert torch.equal(model.net(*inputs(noise_level)), alone(tiny, seed)(*inputs(noise_level)))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--detail", "nobody"), "no model 'nobody'"),
        (("--detail", "high", "--noise", "low"), "the second range must begin where the first ends"),
        (("--noise", "low"), "the second range must begin where the first ends"),
        (("--noise", "wide"), "have different configs"),
        (("--noise", "eps"), "have different configs"),
    ],
    ids=str,
)
def test_models_that_do_not_belong_together_are_refused_in_one_sentence(two, tiny, tmp_path, words, sentence):
    wide = {**CONFIG, "widths": [16, 32]}
    save(
        tmp_path / "wide",
        Card("wide", "W", "simple_unet", wide, "v", 8, classes=["a", "b"]),
        tiny(0, "simple_unet", **wide),
    )
    save(
        tmp_path / "eps",
        Card("eps", "E", "simple_unet", CONFIG, "eps", 8, classes=["a", "b"]),
        tiny(0, "simple_unet", **CONFIG),
    )
    with pytest.raises(SystemExit) as end:
        main([*two, *words])
    assert sentence in end.value.code and "\n" not in end.value.code
    assert not (tmp_path / "joined").exists()


# Training on a part of the noise levels


class Records(nn.Module):
    """A network that returns zero and records its inputs."""

    def forward(self, y, noise_level, condition):
        self.time_embedding, self.y = noise_level, y
        return torch.zeros_like(y)


@pytest.mark.parametrize("angles", [(0.0, math.pi / 2), DETAIL.angles, NOISE.angles, (0.3, 0.7)], ids=str)
def test_only_angles_of_its_range_are_trained_uniformly_and_evaluated_on_held_out_images(angles):
    net, objective, x0 = Records(), Objective(angles=angles), torch.zeros(20_000, 1, 1, 1)
    for look in (
        lambda: objective(net, x0, None, seeded(1)),
        lambda: held_out_loss(net, x0, None, objective, batch=20_000),
    ):
        look()
        fraction = (net.time_embedding / 1000 - angles[0]) / (angles[1] - angles[0])
        assert fraction.min() > -1e-6 and fraction.max() < 1 + 1e-6
        assert torch.histc(fraction, 10, 0, 1).div(2000).sub(1).abs().max() < 0.1


@pytest.mark.parametrize("objective", [DETAIL, NOISE], ids=str)
def test_the_upper_end_of_a_range_is_trained_and_the_lower_one_is_not(objective, monkeypatch):
    """The last expert ends with pure noise; timestep 0 needs no network."""
    monkeypatch.setattr(torch, "rand", lambda n, **_: torch.tensor([0.0, 1 - 2**-20]))
    net, (low, high) = Records(), objective.angles
    objective(net, torch.zeros(2, 1, 1, 1), None, seeded())
    assert net.time_embedding[0].item() == pytest.approx(1000 * high, rel=1e-6)
    assert 1000 * low < net.time_embedding[1].item() < 1000 * low + 1


def test_input_and_target_belong_to_the_noise_level():
    net, x0, eps = Records(), torch.randn(3, 3, 4, 4, generator=seeded()), torch.randn(3, 3, 4, 4, generator=seeded(1))
    loss = NOISE.at(net, x0, None, torch.tensor([0.2, 0.8, math.pi / 2]), eps)
    c, s = (f(net.time_embedding / 1000).view(-1, 1, 1, 1) for f in (torch.cos, torch.sin))
    torch.testing.assert_close(net.y, c * x0 + s * eps)
    torch.testing.assert_close(loss, (c * eps - s * x0).square().mean((1, 2, 3)))


def test_the_experts_of_the_recipes_divide_all_angles_between_them():
    edges = [0.0, *(objective.angles[1] for objective in (DETAIL, NOISE))]
    assert list(pairwise(edges)) == [DETAIL.angles, NOISE.angles] and edges[-1] == math.pi / 2
