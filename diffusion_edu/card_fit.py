"""Whether a model card, its network and its weights fit together, found out before memory is taken for the weights."""

import json
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn
from torch.overrides import TorchFunctionMode

from diffusion_edu.cards import Card, Unusable
from diffusion_edu.files import to_json
from diffusion_edu.networks import NETWORKS
from diffusion_edu.networks.classifiers import Classifier
from diffusion_edu.networks.experts import Experts

REAL = ("F16", "BF16", "F32", "F64")  # number types of weights; safetensors knows others
ROLES = {"vae": "vae", "autoencoder": "autoencoder"}  # what networks are for, where that is not noise or classes
ROLE_OF = {**ROLES, "class": "classifier", "attributes": "classifier"}  # the same by prediction type


class Outline(TorchFunctionMode):
    """Leave out the numbers of initial weights: "meta" holds none, and torch would take seconds to compute them."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (nn.init.normal_, torch.Tensor.mul):  # mul: by a scale
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return (torch.empty if func is torch.randn else func)(*args, **kwargs)


def sketch(card: Card) -> nn.Module:
    """Build the network of a card on the device "meta", without memory for its weights.

    Raises Unusable if there is no such network.
    """
    try:
        with torch.device("meta"), Outline():
            return NETWORKS[card.network](**card.config)
    except Exception as problem:  # a network refuses a wrong config in any way
        raise Unusable(
            f"The card {card.name}.json describes no possible network ({type(problem).__name__}): restore the file."
        ) from None


def size_multiple(card: Card) -> int:
    """Return the number by which height and width of a model's images must be divisible; raises Unusable as sketch."""
    return _size_multiple(card.name, card.network, to_json(card.config))


@lru_cache(maxsize=64)
def _size_multiple(name, network, config):
    return getattr(sketch(Card(name, name, network, json.loads(config), "v", 1)), "size_multiple", 1)


def misfit(net: nn.Module, weights: str | Path) -> str:
    """Say in words which weights of a file are not those of a network, by name, shape or type; "" if all are.

    Only the head of the file is read.
    """
    body, parts = net, [""]
    if isinstance(net, Experts):
        body, parts = net.member, [f"{index}." for index in range(len(net.borders) + 1)]
    wanted = {part + name: list(tensor.shape) for part in parts for name, tensor in body.state_dict().items()}
    with safe_open(weights, "pt") as file:
        held = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if names := sorted(wanted.keys() ^ held.keys()):
            return f"{names[0]} is {'missing' if names[0] in wanted else 'in no layer'}"
        for name, tensor in held.items():
            if tensor.get_shape() != wanted[name]:
                return f"{name} has the shape {tensor.get_shape()}, not {wanted[name]}"
            if tensor.get_dtype() not in REAL:
                return f"{name} has numbers of the type {tensor.get_dtype()}, not one of {', '.join(REAL)}"
    return ""


def contradiction(card: Card, net: nn.Module) -> str:
    """Say in words where a card contradicts the network that it describes; "" if it does not."""
    role = ROLES.get(card.network, "classifier" if isinstance(net, Classifier) else "denoiser")
    if role != ROLE_OF.get(card.prediction_type, "denoiser"):
        return f"its network {card.network!r} cannot be of the type {card.prediction_type!r}"
    layout = card.config["config"] if isinstance(net, Experts) else card.config
    for name, count in _named(card, role).items():
        if count != layout.get(name, 0):
            return f"it names {count} {name}, its network has {layout.get(name, 0)}"
    if bool(card.text) != bool(layout.get("text")):
        return "text is for networks that read captions"
    if bool(card.conditioning_image) != bool(layout.get("conditioning_channels")):
        return "a conditioning image is for networks with conditioning channels"
    if card.channels != layout.get("channels", 2 if card.network == "mlp" else 3):
        return f"its images have {card.channels} channels, those of its network do not"
    if card.size % getattr(net, "size_multiple", 1):
        return f"its size {card.size} is not divisible by {net.size_multiple}"
    if {len(values) for values in card.latents.values()} - {getattr(net, "latent", 0)}:
        return "its latents have other channels than its network"
    return ""


def _named(card, role):
    """Count the conditions that a card names, by what they are called in the config of its network."""
    if role == "classifier":
        return {"classes": len(card.condition_names)}
    return {"classes": len(card.classes), "attributes": len(card.attributes)} if role == "denoiser" else {}
