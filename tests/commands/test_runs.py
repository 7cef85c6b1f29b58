"""A training on disk: it goes on as if never stopped, and is refused if it is damaged."""

import json
from itertools import islice

import pytest
import torch
from safetensors.torch import load_file, save_file

from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.batches import batches
from diffusion_edu.data.images import ImageSet
from diffusion_edu.training.loop import fit, train_state
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.state import load_run, save_run


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_resumed_training_goes_on_bit_for_bit_as_if_never_stopped(tiny, tmp_path, layout):
    """Fused AdamW pairs weights and moments by address: a moment in another layout belongs to another weight."""
    images = torch.randint(0, 256, (8, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    some = ImageSet(images, torch.arange(8) % 2, ("a", "b"))

    def begin(seed=0):
        state = train_state(tiny(classes=2).to(memory_format=layout), seed)
        return state, fit(state, batches(some, 8, state.generator), Objective(null=2), lambda at: 1e-3 * (at.step + 1))

    state, steps = begin()
    list(islice(steps, 3))
    save_run(tmp_path / "run.safetensors", state, {"sheets": 5})
    expected = list(islice(steps, 4))
    again, steps = begin(seed=99)
    assert load_run(tmp_path / "run.safetensors", again)["sheets"] == 5
    assert (again.step, again.images) == (3, 24)
    for ours, theirs in zip(islice(steps, 4), expected, strict=True):
        assert (ours.step, ours.images, ours.loss, ours.lr) == (theirs.step, theirs.images, theirs.loss, theirs.lr)
        assert ours.seconds > 0
    for a, b in zip(everything(again), everything(state), strict=True):
        assert torch.equal(a, b)


def everything(state):
    slots = [
        state.optimizer.state[weight][key]
        for weight in state.net.parameters()
        for key in ("exp_avg", "exp_avg_sq", "step")
    ]
    return [*state.net.parameters(), *state.ema.parameters(), *slots, state.generator.get_state()]


def test_a_training_that_has_not_made_a_step_can_be_saved_too(tiny, tmp_path):
    state = train_state(tiny())
    save_run(tmp_path / "run.safetensors", state, {})
    assert load_run(tmp_path / "run.safetensors", train_state(tiny(1)))["step"] == 0


def run_without(tensors=(), facts=()):
    def damage(path):
        kept = {name: tensor for name, tensor in load_file(path).items() if not name.startswith(tuple(tensors) or "-")}
        save_file(kept, path, {"facts": json.dumps({k: 1 for k in ("step", "images", "seconds") if k not in facts})})

    return damage


DAMAGES = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "garbage": lambda path: path.write_bytes(b"garbage" * 100),
    "no facts at all": lambda path: save_file(load_file(path), path),
    "no step": run_without(facts=("step",)),
    "no weights": run_without(tensors=("net.",)),
    "no average": run_without(tensors=("ema.",)),
    "no randomness": run_without(tensors=("generator",)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_training_is_refused_in_one_sentence(tiny, tmp_path, damage):
    path, state = tmp_path / "run.safetensors", train_state(tiny())
    save_run(path, state, {})
    DAMAGES[damage](path)
    with pytest.raises(Unusable, match=r"run\.safetensors cannot be resumed \(\w+\): delete the file to begin anew\.$"):
        load_run(path, state)


def test_the_training_of_another_network_is_refused(tiny, tmp_path):
    save_run(tmp_path / "run.safetensors", train_state(tiny()), {})
    with pytest.raises(Unusable, match="cannot be resumed"):
        load_run(tmp_path / "run.safetensors", train_state(tiny(widths=(24, 48))))
