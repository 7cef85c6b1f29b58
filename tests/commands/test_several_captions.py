"""Images with several captions: all of them are learned from, in turn, and none makes a change of the image wrong."""

import torch
from helpers import seeded

from diffusion_edu.data.captions import Captioned
from diffusion_edu.recipes.latents import Latents, caption_rows, sheet_captions, training_captions

TEXTS = (("a fox", "a red fox", "an animal"), ("an owl",), ("a fox", "a bird on the left"))


def several(n=3):
    captions = (TEXTS * n)[:n]
    return Captioned(torch.zeros(n, 3, 8, 8, dtype=torch.uint8), captions, ("x",) * n, ("y",) * n, "s")


def latents():
    numbers = {}
    rows = caption_rows(TEXTS, numbers, 3)
    ids = torch.arange(1, len(numbers) + 1, dtype=torch.int16)[:, None].expand(-1, 8)
    held, part = torch.zeros(3, dtype=torch.bool), torch.zeros(3, dtype=torch.uint8)
    return Latents(torch.zeros(3, 1, 2, 2), rows, part, held, ids.contiguous(), torch.tensor([0]), {}), numbers


def test_equal_captions_are_one_row_and_missing_ones_are_marked():
    found, numbers = latents()
    assert list(numbers) == ["a fox", "a red fox", "an animal", "an owl", "a bird on the left"]
    assert found.caption.tolist() == [[0, 1, 2], [3, -1, -1], [0, 4, -1]]


def test_a_batch_draws_each_caption_of_an_image_alike_and_validation_takes_the_first():
    found, _ = latents()
    chosen, generator = torch.tensor([0, 1, 2] * 1000), seeded()
    _, conditions = found.batch(chosen, generator)
    rows = (conditions[:, 0] - 1).view(1000, 3)
    for column, expected in enumerate(([0, 1, 2], [3], [0, 4])):
        values, counts = rows[:, column].unique(return_counts=True)
        assert values.tolist() == expected and (counts / 1000 - 1 / len(expected)).abs().max() < 0.06
    assert (found.batch(chosen[:3])[1][:, 0] - 1).tolist() == [0, 3, 0]


def test_one_caption_for_each_image_costs_no_randomness():
    found, _ = latents()
    generator = seeded()
    before = generator.get_state()
    single = Latents(**found.tensors() | {"caption": found.caption[:, 0]}, facts={})  # as older files have it
    assert (single.batch(torch.tensor([2, 1]), generator)[1][:, 0] - 1).tolist() == [0, 3]
    assert torch.equal(generator.get_state(), before)


def test_all_training_captions_are_listed_and_a_sheet_shows_one_of_each_image():
    assert training_captions([several()]) == {
        "y": {"x": ["a fox", "a red fox", "an animal", "an owl", "a bird on the left"]}
    }
    assert sheet_captions([several()]) == ["a fox", "an owl"]
