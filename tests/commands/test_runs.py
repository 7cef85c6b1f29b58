"""A training on disk: it goes on as if never stopped, and is refused if it is damaged."""

import json
from copy import deepcopy
from itertools import islice

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from diffusion_edu.checkpoints import Unusable
from diffusion_edu.data.batches import batches, in_rounds
from diffusion_edu.data.images import ImageSet
from diffusion_edu.training.loop import fit, train_state
from diffusion_edu.training.objectives.diffusion import Objective
from diffusion_edu.training.state import load_run, read_tensors, save_run, write_tensors


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_resumed_training_goes_on_bit_for_bit_as_if_never_stopped(tiny, tmp_path, layout):
    """Fused AdamW pairs weights and moments by address: a moment in another layout belongs to another weight."""
    images = torch.randint(0, 256, (8, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    some = ImageSet(images, torch.arange(8) % 2, ("a", "b"))

    def begin(seed=0):
        return train_state(tiny(classes=2).to(memory_format=layout), seed)

    def steps(state, count):
        stream = batches(some, 3, state.generator, seen=state.images)  # 8 images: stopped in the middle of a round
        return list(islice(fit(state, stream, Objective(null=2), lambda at: 1e-3 * (at.step + 1)), count))

    state = begin()
    steps(state, 3)
    save_run(tmp_path / "state.safetensors", state, {"sheets": 5})
    expected = steps(state, 4)
    again = begin(seed=99)
    assert load_run(tmp_path / "state.safetensors", again)["sheets"] == 5
    assert (again.step, again.images) == (3, 9)
    for ours, theirs in zip(steps(again, 4), expected, strict=True):
        assert (ours.step, ours.images, ours.loss, ours.lr) == (theirs.step, theirs.images, theirs.loss, theirs.lr)
        assert ours.seconds > 0
    for a, b in zip(everything(again), everything(state), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("n", "size", "seen"), [(8, 3, 5), (8, 3, 8), (5, 5, 15), (4, 7, 13), (70, 8, 64), (1, 3, 2)])
def test_a_training_goes_on_in_the_middle_of_a_round(n, size, seen):
    """Each image comes once per round, however often a training is stopped, and with whatever size of batch."""
    whole = torch.cat(list(islice(in_rounds(n, 1), seen + 6 * size)))
    rest = torch.cat(list(islice(in_rounds(n, size, seen), 6)))
    assert torch.equal(whole[seen:], rest)
    first = torch.cat(list(islice(in_rounds(n, 1), 3 * n))).view(3, n)
    assert all(sorted(each.tolist()) == list(range(n)) for each in first)


def everything(state):
    slots = [
        state.optimizer.state[weight][key]
        for weight in state.net.parameters()
        for key in ("exp_avg", "exp_avg_sq", "step")
    ]
    return [*state.net.parameters(), *state.ema.parameters(), *slots, state.generator.get_state()]


def test_a_training_that_has_not_made_a_step_can_be_saved_too(tiny, tmp_path):
    state = train_state(tiny())
    save_run(tmp_path / "state.safetensors", state, {})
    assert load_run(tmp_path / "state.safetensors", train_state(tiny(1)))["step"] == 0


def altered(change):
    """Write the file again with other contents, as a program would that knows nothing of the digest."""

    def damage(path):
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
        tensors, facts = load_file(path), json.loads(metadata["facts"])
        change(tensors, facts)
        save_file(tensors, path, metadata | {"facts": json.dumps(facts)})

    return damage


def without(prefix):
    return altered(lambda tensors, facts: [tensors.pop(name) for name in list(tensors) if name.startswith(prefix)])


def flipped(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "garbage": lambda path: path.write_bytes(b"garbage" * 100),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "no facts at all": lambda path: save_file(load_file(path), path),
    "a model instead": lambda path: save_file({"stem.weight": torch.zeros(2)}, path),
    "one bit": lambda path: flipped(path, -5000),
    "the last bit": lambda path: flipped(path, -1),
    "one weight": altered(lambda tensors, facts: tensors["net.stem.weight"].mul_(1.001)),
    "a weight that is no number": altered(lambda tensors, facts: tensors["ema.stem.weight"].fill_(torch.nan)),
    "the step": altered(lambda tensors, facts: facts.update(step=7)),
    "no step": altered(lambda tensors, facts: facts.pop("step")),
    "no weights": without("net."),
    "no average": without("ema."),
    "no randomness": without("generator"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_training_is_refused_in_one_sentence_and_changes_nothing(tiny, tmp_path, damage):
    path, state = tmp_path / "state.safetensors", trained_a_little(tiny)
    save_run(path, trained_a_little(tiny, seed=1), {})
    DAMAGES[damage](path)
    before = deepcopy(everything(state))
    with pytest.raises(Unusable, match=r"state\.safetensors .* begin anew in another folder\.$") as refused:
        load_run(path, state)
    assert "delete" not in str(refused.value)
    assert (state.step, state.images) == (1, 2)
    assert all(torch.equal(a, b) for a, b in zip(everything(state), before, strict=True))


def trained_a_little(tiny, seed=0, **config):
    state = train_state(tiny(seed, **config), seed)
    next(fit(state, [(torch.zeros(2, 3, 8, 8), None)], Objective(), lambda at: 1e-3))
    return state


@pytest.mark.parametrize("other", [{"widths": (24, 48)}, {"classes": 3}, {"channels": 4}], ids=str)
def test_the_training_of_another_network_is_refused_and_changes_nothing(tiny, tmp_path, other):
    save_run(tmp_path / "state.safetensors", trained_a_little(tiny), {})
    state = train_state(tiny(**other))
    before = deepcopy(list(state.net.parameters()))
    with pytest.raises(Unusable, match="training of another network"):
        load_run(tmp_path / "state.safetensors", state)
    assert all(torch.equal(a, b) for a, b in zip(state.net.parameters(), before, strict=True))


def test_a_missing_training_is_said_to_be_missing(tiny, tmp_path):
    with pytest.raises(Unusable, match=r"There is no file .*state\.safetensors"):
        load_run(tmp_path / "state.safetensors", train_state(tiny()))


def test_randomness_of_another_kind_of_device_is_seeded_anew(tiny, tmp_path):
    """A GPU's generator has another state than a CPU's; everything else goes on."""
    path, state = tmp_path / "state.safetensors", trained_a_little(tiny)
    save_run(path, state, {})
    tensors, facts = read_tensors(path)
    write_tensors(path, tensors | {"generator": torch.zeros(16, dtype=torch.uint8)}, facts)
    again = train_state(tiny())
    load_run(path, again)
    assert again.step == 1
    assert torch.equal(again.generator.get_state(), torch.Generator().manual_seed(1).get_state())


def test_facts_that_are_no_numbers_never_reach_the_file(tmp_path):
    write_tensors(tmp_path / "x.safetensors", {}, {"loss": float("nan"), "losses": [float("inf"), 1.0]})
    assert read_tensors(tmp_path / "x.safetensors")[1] == {"loss": None, "losses": [None, 1.0]}
