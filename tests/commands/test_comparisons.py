"""What the benchmarks of quality measure and draw, on a few images."""

import json

import pytest
import torch

from benchmarks import attention, quality
from diffusion_edu.checkpoints import load
from diffusion_edu.data.images import load_images
from diffusion_edu.evaluation.report import Reference
from diffusion_edu.figures.comparisons import image_rows, quality_per_second
from diffusion_edu.figures.grids import grid
from diffusion_edu.networks.blocks import SelfAttention
from diffusion_edu.recipes import flower_reference, flower_samples, reference


def test_quality_is_measured_for_every_sampler_and_the_samples_are_kept(tmp_path, capsys):
    words = [
        "--images",
        "8",
        "--guidance-scale",
        "1",
        "--points",
        "DDIM:1",
        "DDIM:2",
        "DDPM:1",
        "Heun:2",
        "--work",
        str(tmp_path / "work"),
        "--figure",
        str(tmp_path / "q.png"),
    ]
    quality.main(words)
    said = capsys.readouterr().out
    rows = json.loads((tmp_path / "q.json").read_text())
    assert [(row["sampler"], row["steps"]) for row in rows] == [("DDIM", 1), ("DDIM", 2), ("DDPM", 1), ("Heun", 2)]
    assert [row["nfe"] for row in rows] == [1, 2, 1, 3]
    assert all(row["FD"] > 1 and row["seconds"] > 0 for row in rows)
    assert (
        said.count("| DDIM |") == 2
        and "linear schedule, guidance scale 1" in said
        and "Best quality per second" in said
    )
    assert (tmp_path / "q.png").stat().st_size > 10_000
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npy")}
    assert len(kept) == 4
    quality.main(words)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npy")} == kept


def test_attention_can_be_switched_off_without_touching_the_model():
    model = load("flowers_attention")
    off = attention.switched_off(model)
    assert any(isinstance(part, SelfAttention) for part in model.net.modules())
    assert not any(isinstance(part, SelfAttention) for part in off.net.modules())
    assert off.card.sha256 != model.card.sha256  # its samples are kept apart
    y, timestep = torch.randn(1, 3, 64, 64), torch.full((1,), 800.0)
    with torch.no_grad():
        assert not torch.allclose(off.net(y, timestep), model.net(y, timestep), atol=1e-2)
    left = {name for name in model.net.state_dict() if ".self_attention." not in name}
    assert off.net.state_dict().keys() == left
    assert all(torch.equal(off.net.state_dict()[name], model.net.state_dict()[name]) for name in left)


def test_a_figure_names_every_row_and_every_point():
    rows = [
        {"sampler": s, "steps": m, "seconds": m / 10, "FD": 100 / m, "FD_band": 1}
        for s in ("DDIM", "DDPM")
        for m in (5, 20)
    ]
    [axes] = quality_per_second(rows, 0.2).axes
    texts = {text.get_text() for text in axes.texts}
    assert texts >= {"5", "20"} and any("real" in text for text in texts)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["DDIM", "DDPM"]
    page = grid(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), columns=4)
    figure = image_rows([{"name": name, "words": "FD 1", "page": page} for name in ("one", "two", "three")])
    assert {"one", "two", "three"} <= {text.get_text() for axes in figure.axes for text in axes.texts}


def test_the_offline_set_is_sampled_by_a_model_and_read_back(tmp_path):
    flower_samples.main(["--images", "3", "--out", str(tmp_path / "s.parquet")])
    again = load_images(tmp_path / "s.parquet")
    assert (again.images.shape, again.labels.tolist(), len(again.classes)) == ((3, 3, 64, 64), [0, 37, 74], 102)
    shipped = load_images(flower_samples.PRETRAINED / "flower_samples.parquet").take(slice(3))
    assert (
        again.images.float() - shipped.images.float()
    ).abs().mean() < 8  # the same flowers, but for the rounding of another machine


def test_the_reference_is_described_from_real_images(tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "SAMPLES", 20)
    source = flower_samples.PRETRAINED / "flower_samples.parquet"
    monkeypatch.setattr(
        reference, "load_images", lambda data, size, tell, public: load_images(data, size).take(slice(40))
    )
    flower_reference.main(words=["--data", str(source), "--out", str(tmp_path / "r.npz")])
    real = Reference.load(tmp_path / "r.npz")
    assert (real.statistics.count.item(), real.class_counts.sum().item()) == (40, 40)
    assert real.noise > real.floor > 0


@pytest.mark.parametrize("module", [quality, attention])
def test_the_tables_are_well_formed(module):
    row = {
        "sampler": "DDIM",
        "steps": 5,
        "nfe": 5,
        "seconds": 0.5,
        "FD": 3.0,
        "FD_band": 0.1,
        "title": "A",
        "parameters": 2_000_000,
        "flop": 1e9,
    }
    lines = module.table([{**row, "seen": 1000, "class_accuracy": 0.5}]).splitlines()
    assert len(lines) == 3 and len({line.count("|") for line in lines}) == 1
