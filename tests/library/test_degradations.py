"""The six ways to lose an image: nothing at timestep 0, everything at T, no jump between, and what the two algorithms
make of them.
"""

import math
from functools import partial

import pytest
import torch
from walks import noise, wavy

from diffusion_edu.core import walk
from diffusion_edu.degradations import (
    DEGRADATIONS,
    GRAIN,
    GREY,
    SOFT,
    WHITE,
    ColourDistribution,
    Degradation,
    Restorer,
    degrade_each,
    flawed,
    fully_degraded,
)
from diffusion_edu.randomness import SeededNoise
from diffusion_edu.samplers import cold_step, naive_cold_step
from diffusion_edu.training.objectives.diffusion import drop_conditions, sample_noise_levels
from diffusion_edu.training.objectives.restoration import Restoration

CONFIG = [(16, 16), (16, 32), (24, 20), (7, 5), (1, 9), (1, 1)]
RANDOM = ("mask", "snow")


def images(b=3, h=16, w=16, dtype=torch.float64):
    return noise(b, 3, h, w, dtype=dtype).tanh()


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_timestep_0_is_the_image_bit_for_bit(name):
    """Pitfall 31."""
    x0 = images(dtype=torch.float32)
    assert torch.equal(Degradation(name, (1, 2, 3))(x0, 0), x0)


@pytest.mark.parametrize("h, w", CONFIG)
@pytest.mark.parametrize("name", DEGRADATIONS)
def test_at_T_nothing_is_left(name, h, w):
    """Of the flat colour that blur ends in no pixel is off by more than a grey timestep of 255 or two: half a wave is
    left as exp(-pi^2 / 2).
    """
    x0 = images(3, h, w)
    x = Degradation(name, (1, 2, 3), T=50)(x0, 50)
    left = {
        "blur": x0.mean(dim=(2, 3), keepdim=True),
        "pixelate": x0.mean(dim=(2, 3), keepdim=True),
        "desaturate": (x0 * torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64).view(3, 1, 1)).sum(
            1, keepdim=True
        ),
    }.get(name, torch.tensor(WHITE if name == "snow" else GREY, dtype=torch.float64))
    assert (x - left).abs().max() < (0.015 if name == "blur" else 1e-9)
    assert x.shape == x0.shape


@pytest.mark.parametrize("h, w", CONFIG)
@pytest.mark.parametrize("name", DEGRADATIONS)
def test_neighbouring_timesteps_differ_little_everywhere(name, h, w):
    """No jump, not at the first timestep either: with twice the timesteps they differ about half as much."""

    def jumps(T):
        degrade, x0 = Degradation(name, (1, 2, 3), T), images(3, h, w)
        timesteps = [*range(6), *(T * k // 12 + j for k in range(1, 12) for j in (0, 1)), T - 1, T]
        return max((degrade(x0, t) - degrade(x0, t + 1)).abs().max().item() for t in timesteps[:-1])

    assert jumps(1200) < 0.1
    assert jumps(12000) < 0.012
    assert Degradation(name, (1, 2, 3), 10**6)(images(3, h, w), 1).sub(images(3, h, w)).abs().max() < 1e-3


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_something_is_lost_at_every_timestep_and_half_way_something_is_left(name):
    degrade, x0 = Degradation(name, (1, 2, 3), 20), images()
    away = [(degrade(x0, t) - x0).square().mean().item() for t in range(21)]
    assert all(later > now for now, later in zip(away[2:19], away[3:20], strict=True))
    assert 0.02 < away[10] / away[20] < 0.98


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_seed_says_it_all_and_no_image_hears_of_its_neighbours(name):
    x0 = images()
    all_of_them = Degradation(name, (5, 6, 7))(x0, 40)
    assert torch.equal(all_of_them, Degradation(name, (5, 6, 7))(x0, 40))
    for k in range(3):
        torch.testing.assert_close(
            Degradation(name, (5 + k,))(x0[k : k + 1], 40), all_of_them[k : k + 1], rtol=0, atol=1e-12
        )
    other = Degradation(name, (8, 9, 10))(x0, 40)
    assert torch.equal(other, all_of_them) == (name not in RANDOM)


@pytest.mark.parametrize("name", RANDOM)
def test_what_is_covered_stays_covered(name):
    """Pitfall 31: the same mask at s as at t."""
    degrade, x0 = Degradation(name, (1, 2, 3), 50), torch.full((3, 3, 16, 16), -0.9, dtype=torch.float64)
    colour = WHITE if name == "snow" else GREY
    fractions = torch.stack([(degrade(x0, t) + 0.9) / (colour + 0.9) for t in range(51)])
    assert (fractions.diff(dim=0) >= -1e-12).all()
    assert 0.3 < (fractions[25] > 0.5).double().mean() < 0.75


def test_blur_is_a_gaussian_with_mirrored_edges():
    """Against a convolution by hand with sigma = severity^3 * size."""
    x0, size, fraction = images(1, 16, 16), 16, 0.5
    sigma, reach = fraction**3 * size, 80
    places = torch.arange(-reach, size + reach)
    folded = places % (2 * size)
    mirrored = torch.where(folded < size, folded, 2 * size - 1 - folded)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    for row in range(size):
        bell = torch.exp(-((places - row).double() ** 2) / (2 * sigma**2))
        matrix[row].index_add_(0, mirrored, bell / bell.sum())
    blurred = Degradation("blur", (0,), 10)(x0, 5)
    assert (blurred - matrix @ x0 @ matrix.T).abs().max() < 1e-6
    assert (blurred.mean(dim=(2, 3)) - x0.mean(dim=(2, 3))).abs().max() < 1e-12


def test_height_and_width_are_blurred_alike():
    """By a fraction of the side each: a turned image is blurred like the image, and stripes like longer stripes."""
    x0 = images(2, 8, 24)
    degrade = Degradation("blur", (0, 1), 10)
    torch.testing.assert_close(degrade(x0.mT, 6).mT, degrade(x0, 6), rtol=0, atol=1e-12)
    stripes = x0[:, :, :1]
    torch.testing.assert_close(
        degrade(stripes.expand(-1, -1, 8, -1), 6),
        degrade(stripes.expand(-1, -1, 24, -1), 6)[:, :, :8],
        rtol=0,
        atol=1e-12,
    )
    small, large = (degrade(x0[..., :8].repeat_interleave(k, 2).repeat_interleave(k, 3), 9) for k in (1, 4))
    assert (large[..., 2::4, 2::4] - small).abs().max() < 0.05  # the blur grows with the image


@pytest.mark.parametrize(("h", "w"), [(5, 9), (8, 6)])
def test_the_mask_is_a_disc_around_the_largest_noise_that_reaches_the_most_distant_pixel_at_the_end(h, w):
    x0, severity = torch.ones(3, 1, h, w, dtype=torch.float64), 0.55
    field = noise(3, 1, h, w, seed=3)
    masked = DEGRADATIONS["mask"](x0, torch.full((3, 1, 1, 1), severity, dtype=torch.float64), field)
    for k in range(3):
        row, column = divmod(field[k].argmax().item(), w)
        away = [[math.hypot(i - row, j - column) for j in range(w)] for i in range(h)]
        most = max(map(max, away))
        for i in range(h):
            for j in range(w):
                covered = min(1.0, max(0.0, (severity * (1 + SOFT) - away[i][j] / most) / SOFT))
                assert masked[k, 0, i, j].item() == pytest.approx(1 - covered + GREY * covered, abs=1e-9)


@pytest.mark.parametrize("t", [15, 30, 50, 70])
def test_snow_covers_every_part_of_an_image_evenly_in_flakes(t):
    """Where a pixel's place in the order is uniform over 0..1, the mean of what is covered follows."""
    x0 = torch.full((60, 3, 24, 24), -1.0, dtype=torch.float64)
    covered = (Degradation("snow", tuple(range(60)))(x0, t) + 1) / (WHITE + 1)
    place = torch.linspace(0, 1, 10_001, dtype=torch.float64)
    right = ((t / 100 * (1 + SOFT) - place) / SOFT).clamp(0, 1).mean().item()
    border = torch.cat([covered[..., 0, :], covered[..., -1, :], covered[..., 0], covered[..., -1]])
    for part in (covered, border):
        assert part.mean().item() == pytest.approx(right, abs=0.02)
    neighbours = torch.corrcoef(torch.stack([covered[..., 1:].flatten(), covered[..., :-1].flatten()]))[0, 1]
    assert neighbours > 0.4  # single pixels would have 0


def test_pixelating_melts_one_doubling_into_the_next():
    x0 = images(1, 16, 16)
    twos, fours = (
        x0.view(1, 3, 16 // k, k, 16 // k, k).mean(dim=(3, 5)).repeat_interleave(k, 2).repeat_interleave(k, 3)
        for k in (2, 4)
    )
    degrade = Degradation("pixelate", (0,), 8)  # four doublings, two timesteps each
    for t, expected in ((2, twos), (3, (twos + fours) / 2), (4, fours)):
        torch.testing.assert_close(degrade(x0, t), expected, rtol=0, atol=1e-12)


def test_blocks_at_the_edge_are_the_mean_of_what_there_is_of_them():
    x0 = images(1, 5, 6)
    x = Degradation("pixelate", (0,), 3)(x0, 2)  # blocks of four
    for rows in (slice(0, 4), slice(4, 5)):
        for columns in (slice(0, 4), slice(4, 6)):
            assert (x[..., rows, columns] - x0[..., rows, columns].mean(dim=(2, 3), keepdim=True)).abs().max() < 1e-12


def test_many_degradations_at_once_are_the_single_ones():
    x0, eps, severity = images(14), noise(14, 1, 16, 16, seed=1), torch.linspace(0.01, 1, 14, dtype=torch.float64)
    index = torch.arange(14) % len(DEGRADATIONS)
    x = degrade_each(x0, index, severity, eps)
    for k in range(14):
        alone = list(DEGRADATIONS.values())[index[k]](x0[k : k + 1], severity[k].view(1, 1, 1, 1), eps[k : k + 1])
        torch.testing.assert_close(x[k : k + 1], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("b", [1, 2, 5])
def test_a_batch_need_not_hold_every_degradation(b):
    x0 = images(b, dtype=torch.float32)
    x = degrade_each(
        x0, torch.arange(b) % len(DEGRADATIONS), torch.full((b,), 0.5), noise(b, 1, 16, 16, dtype=torch.float32)
    )
    assert x.isfinite().all() and ((x - x0).flatten(1).norm(dim=1) > 0.1).all()


def test_what_is_restored_is_exact_under_autocast():
    x0, index, severity = images(6, dtype=torch.float32), torch.arange(6), torch.full((6,), 0.5)
    eps = noise(6, 1, 16, 16, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        low = degrade_each(x0, index, severity, eps)
    assert low.dtype == torch.float32
    assert torch.equal(low, degrade_each(x0, index, severity, eps))


def test_errors_are_explained_in_words():
    with pytest.raises(ValueError, match="blur, pixelate, fade, desaturate, mask, snow; not 'rain'"):
        Degradation("rain", (0,))
    for t in (-1, 11):
        with pytest.raises(IndexError, match=f"timesteps 0 to 10; there is no timestep {t}"):
            Degradation("fade", (0,), 10)(images(1), t)
    for t in (0, 5):
        with pytest.raises(ValueError, match="3 images came with 1 seeds"):
            Degradation("fade", (0,), 10)(images(3), t)


TIMESTEPS = list(range(10, -1, -1))


def restored(step, restore, degrade, x0):
    *_, last = walk(partial(step, restore, degrade), degrade(x0, 10), TIMESTEPS)
    return last.x


def test_where_the_degradation_adds_something_algorithm_2_brings_any_image_back_with_any_restorer():
    """Bansal et al. 2022, sec. 3.3; pitfall 31: D(x, t) = x + g(t) e. Algorithm 1 believes its restorer."""
    x0, e = images(), noise(3, 3, 16, 16, seed=5)

    def degrade(x, t):
        return x + (t / 10) ** 1.5 * e

    assert (restored(cold_step, wavy, degrade, x0) - x0).abs().max() < 1e-9
    assert (restored(naive_cold_step, wavy, degrade, x0) - x0).abs().max() > 0.5


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_the_six_degradations_need_a_restorer_that_knows_something(name):
    """Pitfall 31: both algorithms are right with the right prediction, and neither is with nonsense."""
    x0, degrade = images(), Degradation(name, (1, 2, 3), 10)
    for step in (cold_step, naive_cold_step):
        assert (restored(step, lambda x, t: x0, degrade, x0) - x0).abs().max() < 1e-9
        assert (restored(step, wavy, degrade, x0) - x0).abs().max() > 0.3


def test_algorithm_2_averages_the_errors_of_all_predictions_and_algorithm_1_keeps_the_last():
    """On a fade, which is linear, each of ten steps brings in a tenth of its prediction."""
    x0, degrade = images(), Degradation("fade", (1, 2, 3), 10)
    errors = {t: 0.3 * math.sin(5 * t) for t in range(1, 11)}
    ours, naive = (
        restored(step, lambda x, t: x0 + errors[t], degrade, x0) - x0 for step in (cold_step, naive_cold_step)
    )
    torch.testing.assert_close(ours, torch.full_like(x0, sum(errors.values()) / 10), rtol=0, atol=1e-9)
    torch.testing.assert_close(naive, torch.full_like(x0, errors[1]), rtol=0, atol=1e-9)
    assert abs(sum(errors.values()) / 10) < 0.1 * abs(errors[1])


class Says(torch.nn.Module):
    """A network that returns one number and records its inputs."""

    def __init__(self, number=0.0):
        super().__init__()
        self.number, self.heard = number, []

    def forward(self, y, timestep, labels):
        self.heard.append((y, timestep, labels))
        return torch.full_like(y, self.number)


def test_a_restorer_tells_its_network_how_far_and_what_and_adds_what_it_says():
    net, x = Says(0.25), images()
    x0_hat = Restorer(net, T=40, index=4)(x, 10)
    y, timestep, which = net.heard[0]
    torch.testing.assert_close(x0_hat, x + 0.25)
    assert torch.equal(y, x)
    assert timestep.tolist() == pytest.approx([1000 * math.pi / 2 / 4] * 3, rel=1e-6)
    assert which.tolist() == [4, 4, 4]


def test_autocast_surrounds_the_network_of_a_restorer_only():
    class Rounds(torch.nn.Module):
        def forward(self, y, timestep, labels):
            assert timestep.dtype == torch.float32
            return torch.nn.functional.linear(y, 0.1 * torch.eye(16))

    x = images(dtype=torch.float32)
    x0_hat = Restorer(Rounds(), 40, 1, torch.bfloat16)(x, 10)
    assert x0_hat.dtype == torch.float32
    said = x0_hat - x
    assert (said - 0.1 * x).abs().max() < 2e-3
    assert not torch.allclose(said, 0.1 * x, atol=1e-6)  # it went through bfloat16


def test_a_restorer_is_trained_on_what_it_will_be_shown():
    """The network gets 1000 theta at severity theta / (pi / 2), in training and as a restorer at timestep t with
    severity t / T.
    """
    net, x0, eps = Says(), images(6, dtype=torch.float32), noise(6, 3, 16, 16, dtype=torch.float32, seed=1)
    Restoration(grain=0.0).at(net, x0, None, torch.full((6,), 0.3 * math.pi / 2), eps)
    y, timestep, which = net.heard[0]
    for k, name in enumerate(DEGRADATIONS):
        alone = DEGRADATIONS[name](x0[k : k + 1], torch.full((1, 1, 1, 1), 0.3), eps[k : k + 1, :1])
        torch.testing.assert_close(y[k : k + 1], alone, rtol=0, atol=1e-5)
        Restorer(net, 10, k)(x0, 3)
        assert net.heard[-1][1][0].item() == pytest.approx(timestep[k].item(), rel=1e-6)
        assert net.heard[-1][2][0] == which[k]


@pytest.mark.parametrize("number", [0.0, 0.4])
def test_the_loss_is_how_far_the_image_and_what_is_said_are_from_the_clean_one(number):
    net, x0 = Says(number), images(12, dtype=torch.float32)
    loss = Restoration()(net, x0, None, torch.Generator().manual_seed(3))
    seen = net.heard[0][0]
    torch.testing.assert_close(loss, (seen + number - x0).abs().mean(dim=(1, 2, 3)))
    assert loss.shape == (12,) and loss.isfinite().all() and (loss > 0).all()
    theta, eps = sample_noise_levels(x0, torch.Generator().manual_seed(3))
    plain = degrade_each(x0, torch.arange(12) % 6, theta * (2 / math.pi), eps[:, :1])
    torch.testing.assert_close(
        seen - plain, 0.02 * eps.flip(0), rtol=0, atol=1e-6
    )  # the grain is not the noise that degraded it


def test_both_ends_of_a_restoration_are_finite():
    x0, eps = images(12, dtype=torch.float32), noise(12, 3, 16, 16, dtype=torch.float32)
    for theta in (1e-7, math.pi / 2):
        assert Restoration().at(Says(), x0, None, torch.full((12,), theta), eps).isfinite().all()
    assert Restoration(grain=0.0).at(Says(), x0, None, torch.full((12,), 1e-7), eps).max() < 1e-5


def test_labels_are_dropped_image_by_image():
    """Pitfall 26."""
    net, x0 = Says(), images(36, 4, 4, torch.float32)
    Restoration(null=6, drop=0.3)(net, x0, None, torch.Generator().manual_seed(0))
    labels = net.heard[0][2]
    assert 3 < (labels == 6).sum() < 20
    assert torch.equal(labels[labels != 6], (torch.arange(36) % 6)[labels != 6])
    Restoration(null=6, drop=0.0)(net, x0, None, torch.Generator().manual_seed(0))
    assert torch.equal(net.heard[1][2], torch.arange(36) % 6)
    assert drop_conditions(torch.arange(6), 6, 0.5, torch.Generator().manual_seed(0)).tolist() != list(range(6))


def test_a_flawed_restorer_has_its_own_smooth_error_for_every_image_and_timestep():
    x0, seeds = images(3, 32, 32, torch.float32), (5, 6, 7)
    errors = {t: flawed(lambda x, t: x0, 0.2, seeds)(x0, t) - x0 for t in (40, 41)}
    for error in errors.values():
        torch.testing.assert_close(error.square().mean(dim=(1, 2, 3)).sqrt(), torch.full((3,), 0.2))
        assert error.diff(dim=2).square().mean() < 0.2 * error.square().mean()  # of single pixels it would be twice
    flat = torch.cat([error.flatten(1) for error in errors.values()])
    assert (torch.corrcoef(flat) - torch.eye(6)).abs().max() < 0.6
    assert torch.equal(errors[40], flawed(lambda x, t: x0, 0.2, seeds)(x0, 40) - x0)


def test_mean_colours_are_sampled_with_their_mean_and_covariance_inside_the_range():
    root = torch.tensor([[0.2, 0.0, 0.0], [0.1, 0.1, 0.0], [0.0, 0.05, 0.1]])
    found = noise(500, 3, dtype=torch.float32) @ root.T + torch.tensor([0.1, -0.2, 0.0])
    colours = ColourDistribution.of(found)
    torch.testing.assert_close(colours.root @ colours.root.T, found.double().T.cov(), rtol=0, atol=1e-8)
    x = colours.sample((1, 2), 4)
    codes = SeededNoise((1, 2)).sample((3,)).double()
    for k in range(2):
        right = found.double().mean(0) + colours.root @ codes[k]
        torch.testing.assert_close(x[k].double(), right[:, None, None].expand(3, 4, 4), rtol=0, atol=1e-6)
    assert ColourDistribution.of(found + 5).sample(range(9), 2).max() == 1


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_generation_starts_at_T_with_grain_that_did_not_degrade_the_image(name):
    x0, seeds = images(dtype=torch.float32), (1, 2, 3)
    degrade, draws = Degradation(name, seeds), SeededNoise(seeds)
    draws.sample((1, 16, 16))
    torch.testing.assert_close(fully_degraded(degrade, x0), degrade(x0, 100) + GRAIN * draws.sample((3, 16, 16)))
