"""The state of a training in one safetensors file, so that it can be stopped and resumed."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as as_bytes
from torch import Tensor

from diffusion_edu.checkpoints import Unusable, write_safely
from diffusion_edu.training.loop import TrainState

BROKEN = (SafetensorError, LookupError, OSError, ValueError, TypeError)  # what reading a missing or broken file raises


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


def write_tensors(path: str | Path, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write tensors and facts (a dict that JSON can hold) to one file, atomically."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    write_safely(path, lambda part: part.write_bytes(as_bytes(tensors, {"facts": json.dumps(facts)})))


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and facts that write_tensors wrote; raises Unusable if the file is missing or broken."""
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["facts"])  # noqa: SIM118 - not a dict
    except BROKEN as problem:
        raise Unusable(
            f"The file {path} cannot be read ({type(problem).__name__}): make it again, or name another."
        ) from None


def read_facts(path: str | Path) -> dict[str, Any]:
    """Read what save_run wrote beside the weights: step, images, seconds and the given facts.

    Raises Unusable if the file is broken.
    """
    try:
        with safe_open(path, "pt") as file:
            return json.loads(file.metadata()["facts"])
    except BROKEN as problem:
        raise Unusable(
            f"The training {path} cannot be read ({type(problem).__name__}): delete the file to begin anew."
        ) from None


def load_run(path: str | Path, train_state: TrainState) -> dict[str, Any]:
    """Load the saved state into train_state and return the facts.

    Raises Unusable if the file is broken or of another network.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict

        def under(prefix):
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        train_state.net.load_state_dict(under("net."))
        train_state.ema.load_state_dict(under("ema."))
        state, parameters = dict[int, dict[str, Tensor]](), list(train_state.net.parameters())
        for name, value in under("optimizer.").items():
            index, key = name.split(".", 1)
            if value.ndim:  # fused AdamW pairs moments and weights by address, so both need one memory layout
                value = parameters[int(index)].detach().clone().copy_(value)
            state.setdefault(int(index), {})[key] = value
        train_state.optimizer.load_state_dict({**train_state.optimizer.state_dict(), "state": state})
        train_state.generator.set_state(tensors["generator"])
        train_state.step, train_state.images, train_state.seconds = facts["step"], facts["images"], facts["seconds"]
    except (*BROKEN, RuntimeError) as problem:
        raise Unusable(
            f"The training {path} cannot be resumed ({type(problem).__name__}): delete the file to begin anew."
        ) from None
    return facts
