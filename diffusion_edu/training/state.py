"""A training that can be stopped and gone on with: all that changes while a network learns, in one safetensors file."""

import json

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as as_bytes

from diffusion_edu.checkpoints import Unusable, write_safely


def save_run(path, train_state, facts):
    """Write a training so that it can be resumed: weights, average, optimiser, randomness, and facts (a dict that JSON can hold)."""
    tensors = {f"net.{k}": v for k, v in train_state.net.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in train_state.ema.state_dict().items()}
    for index, state in train_state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": v for k, v in state.items()}
    tensors["generator"] = train_state.generator.get_state()
    counts = {"step": train_state.step, "images": train_state.images, "seconds": train_state.seconds}
    write_tensors(path, tensors, {**facts, **counts})


def write_tensors(path, tensors, facts):
    """Write tensors with facts (a dict that JSON can hold) beside them, in one stroke."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    write_safely(path, lambda part: part.write_bytes(as_bytes(tensors, {"facts": json.dumps(facts)})))


def read_tensors(path):
    """Read what write_tensors wrote, (tensors, facts); raises Unusable if the file is missing or broken."""
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["facts"])  # noqa: SIM118 - not a dict
    except (SafetensorError, LookupError, OSError, ValueError, TypeError) as problem:
        raise Unusable(
            f"The file {path} cannot be read ({type(problem).__name__}): make it again, or name another."
        ) from None


def read_facts(path):
    """Read what save_run noted beside the weights: step, images, seconds and the facts it was given; raises Unusable if the file is broken."""
    try:
        with safe_open(path, "pt") as file:
            return json.loads(file.metadata()["facts"])
    except (SafetensorError, LookupError, OSError, ValueError, TypeError) as problem:
        raise Unusable(
            f"The training {path} cannot be read ({type(problem).__name__}): delete the file to begin anew."
        ) from None


def load_run(path, train_state):
    """Bring a learner back to where save_run left it and return the facts; raises Unusable if the file is broken or of another network."""
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()["facts"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict

        def under(prefix):
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        train_state.net.load_state_dict(under("net."))
        train_state.ema.load_state_dict(under("ema."))
        state, parameters = {}, list(train_state.net.parameters())
        for name, value in under("optimizer.").items():
            index, key = name.split(".", 1)
            if value.ndim:  # fused AdamW pairs moments and weights by address, so both need one memory layout
                value = parameters[int(index)].detach().clone().copy_(value)
            state.setdefault(int(index), {})[key] = value
        train_state.optimizer.load_state_dict({**train_state.optimizer.state_dict(), "state": state})
        train_state.generator.set_state(tensors["generator"])
        train_state.step, train_state.images, train_state.seconds = facts["step"], facts["images"], facts["seconds"]
    except (SafetensorError, LookupError, RuntimeError, OSError, ValueError, TypeError) as problem:
        raise Unusable(
            f"The training {path} cannot be resumed ({type(problem).__name__}): delete the file to begin anew."
        ) from None
    return facts
