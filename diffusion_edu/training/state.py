"""The state of a training in one safetensors file, so that it can be stopped and resumed.

The file carries digests of its facts and of all its contents: altered bytes are noticed before they are used.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as as_bytes
from torch import Tensor, nn

from diffusion_edu.cards import Unusable
from diffusion_edu.files import to_json, write_safely
from diffusion_edu.training.loop import TrainState

# What reading a missing, broken or foreign file raises
BROKEN = (SafetensorError, LookupError, OSError, ValueError, TypeError, RecursionError)


def digest(tensors: dict[str, Tensor], text: str = "") -> str:
    """Compute the sha-256 of a text and of tensors on the CPU, with their names, dtypes and shapes."""
    found = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def write_tensors(path: str | Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write tensors, facts (a dict that JSON can hold) and the digest of both to one file, atomically."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    text = to_json(facts)
    metadata = {"facts": text, "facts_sha256": digest({}, text), "sha256": digest(tensors, text)}
    write_safely(path, lambda part: part.write_bytes(as_bytes(tensors, metadata)))


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and facts that write_tensors wrote; raises Unusable if the file is missing or damaged."""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            metadata = file.metadata()
        facts = json.loads(metadata["facts"])
        whole = digest(tensors, metadata["facts"]) == metadata["sha256"]
    except BROKEN as problem:
        raise unreadable(path, problem) from None
    if not whole:
        raise altered(path)
    return tensors, facts


def read_facts(path: str | Path) -> dict[str, Any]:
    """Read only the facts that write_tensors or save_run wrote; raises Unusable if the file is missing or damaged."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
        if "facts_sha256" not in metadata:  # the digest of the whole file tells as much
            return read_tensors(path)[1]
        facts, whole = json.loads(metadata["facts"]), digest({}, metadata["facts"]) == metadata["facts_sha256"]
    except Unusable:
        raise
    except BROKEN as problem:
        raise unreadable(path, problem) from None
    if not whole:
        raise altered(path)
    return dict(facts)


def altered(path: str | Path) -> Unusable:
    """Say that a file is no longer as it was written."""
    return Unusable(
        f"{path} was altered after it was written: restore it from a copy, or begin anew in another folder."
    )


def unreadable(path: str | Path, problem: BaseException) -> Unusable:
    """Say why a file cannot be read, with true advice."""
    if not Path(path).exists():
        return Unusable(f"There is no file {path}: restore it, or name another.")
    if isinstance(problem, PermissionError):
        return Unusable(f"{path} may not be read: change the permissions of the file.")
    return Unusable(
        f"{path} is damaged or not a file of a training: restore it from a copy, or begin anew in another folder."
    )


def save_run(path: str | Path, train_state: TrainState, facts: dict[str, Any]) -> None:
    """Save a training so that it can be resumed: weights, EMA, optimiser, random generator, counts, and facts (a dict
    that JSON can hold).
    """
    tensors = {f"net.{k}": v for k, v in train_state.net.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in train_state.ema.state_dict().items()}
    for index, state in train_state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": v for k, v in state.items()}
    tensors["generator"] = train_state.generator.get_state()
    counts = {"step": train_state.step, "images": train_state.images, "seconds": train_state.seconds}
    write_tensors(path, tensors, {**facts, **counts})


def load_run(path: str | Path, train_state: TrainState) -> dict[str, Any]:
    """Load the saved state into train_state and return the facts.

    Raises Unusable, and changes nothing, if the file is damaged or of another network.
    """
    tensors, facts = read_tensors(path)
    net, ema, slots = (_under(prefix, tensors) for prefix in ("net.", "ema.", "optimizer."))
    parameters = list(train_state.net.parameters())
    try:
        fits = _fits(net, train_state.net) and _fits(ema, train_state.ema)
        state = _optimizer_state(slots, parameters) if fits else {}
        step, images, seconds = int(facts["step"]), int(facts["images"]), float(facts["seconds"])
        saved = tensors["generator"]
    except (LookupError, ValueError, TypeError):
        fits = False
    if not fits:
        raise Unusable(f"{path} is the training of another network: choose another folder for this one.")
    train_state.net.load_state_dict(net)
    train_state.ema.load_state_dict(ema)
    train_state.optimizer.load_state_dict({**train_state.optimizer.state_dict(), "state": state})
    train_state.step, train_state.images, train_state.seconds = step, images, seconds
    _restore_generator(train_state.generator, saved, step)
    return facts


def _under(prefix, tensors):
    """Return the tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _fits(tensors, net: nn.Module):
    """Say whether these are all tensors of a network, in its shapes."""
    return {k: v.shape for k, v in tensors.items()} == {k: v.shape for k, v in net.state_dict().items()}


def _optimizer_state(slots, parameters):
    """Sort what the optimiser remembers by the number of the weight; raises LookupError or ValueError if it does not
    fit.
    """
    state = dict[int, dict[str, Tensor]]()
    for name, value in slots.items():
        index, key = name.split(".", 1)
        if value.ndim:  # fused AdamW pairs moments and weights by address, so both need one memory layout
            if value.shape != parameters[int(index)].shape:
                raise ValueError(name)
            value = parameters[int(index)].detach().clone().copy_(value)
        state.setdefault(int(index), {})[key] = value
    return state


def _restore_generator(generator, saved, step):
    """Restore the random generator; one that was saved on another kind of device is seeded anew."""
    try:
        generator.set_state(saved)
    except RuntimeError:
        generator.manual_seed(step)
