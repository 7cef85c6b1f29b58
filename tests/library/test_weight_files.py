"""Weight files that claim more than they hold are refused before memory is taken."""

import time
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from diffusion_edu.checkpoints import Unusable
from diffusion_edu.editing.upscaling import upscaler
from diffusion_edu.editing.weight_files import Bounded, bytes_of, read_weights
from diffusion_edu.randomness import Compute

CPU = Compute(torch.device("cpu"), None, torch.contiguous_format)


def residual_blocks(**more):
    """The weights of a tiny network of the kind of Real-ESRGAN, and more."""
    weights = {"model.0.weight": torch.zeros(4, 3, 3, 3), "model.0.bias": torch.zeros(4)}
    for place in ("model.1.sub.0.RDB1.conv1.0", "model.1.sub.1"):
        weights |= {f"{place}.weight": torch.zeros(4, 4, 3, 3), f"{place}.bias": torch.zeros(4)}
    for place, width in (("model.3", 4), ("model.6", 4), ("model.8", 4), ("model.10", 3)):
        weights |= {f"{place}.weight": torch.zeros(width, 4, 3, 3), f"{place}.bias": torch.zeros(width)}
    return weights | more


BOMBS = {
    "tensors that share one number": {"model.0.weight": torch.zeros(1).expand(4, 3, 10_000, 10_000)},
    "a million blocks": {f"model.1.sub.1000000.{part}": torch.zeros(4) for part in ("weight", "bias")},
    "a wide layer": {"model.0.weight": torch.zeros(20_000, 3, 1, 1), "model.0.bias": torch.zeros(20_000)},
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_network_larger_than_its_file_is_refused(name, tmp_path):
    pytest.importorskip("spandrel")
    torch.save(residual_blocks(**BOMBS[name]), tmp_path / "bomb.pth")
    begun = time.process_time()
    with pytest.raises(Unusable, match="bomb are those of no network|mine are those of no network"):
        upscaler(tmp_path / "bomb.pth", CPU, name="mine")
    assert time.process_time() - begun < 10


def test_a_packed_file_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(1000, 1000)}, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth") as plain, zipfile.ZipFile(tmp_path / "b.pth", "w", 8) as packed:
        for part in plain.infolist():
            packed.writestr(part.filename, plain.read(part))
    assert read_weights(tmp_path / "a.pth")["weight"].shape == (1000, 1000)
    with pytest.raises(ValueError, match="larger than the file"):
        read_weights(tmp_path / "b.pth")


def test_what_is_built_is_counted():
    weights = {"params": {"a": torch.zeros(1000, 1000)}, "b": torch.zeros(5), "c": 3}
    assert bytes_of(weights) == 4_000_020 and bytes_of([1]) == 0
    with Bounded(weights):
        torch.nn.Linear(1000, 1000)
    with pytest.raises(ValueError, match="larger than its weights"), Bounded(weights):
        torch.nn.Linear(10_000, 10_000)
    with pytest.raises(ValueError, match="larger than its weights"), Bounded(weights) as counted:
        counted.calls = 10
        for _ in range(20):
            torch.nn.Linear(1, 1)


def test_a_person_reads_the_name_of_their_own_file(tmp_path):
    pytest.importorskip("spandrel")
    save_file({"weight": torch.zeros(3)}, tmp_path / "weights.safetensors")
    with pytest.raises(Unusable, match="^The weights mine.pth are"):
        upscaler(tmp_path / "weights.safetensors", CPU, name="mine.pth")
