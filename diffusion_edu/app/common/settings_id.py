"""An identifier of settings: the same for the same settings."""

import hashlib

from torch import Tensor


def settings_id(*parts):
    """Return a hexadecimal hash of tensors and other values; equal values give the same hash."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.cpu().numpy().tobytes() if isinstance(part, Tensor) else repr(part).encode())
    return digest.hexdigest()
