"""Does a model copy? Look for the nearest training image of every drawing, in features."""

import torch

SAME = 0.01  # of the usual distance: what is nearer is the same image, and what is left is rounding


def nearest(queries, keys, themselves=False, batch=512):
    """Find the nearest of keys (m, width) to each of queries (n, width): distance (n,) and index (n,); themselves: row k is not its own neighbour."""
    found = []
    for at in range(0, len(queries), batch):
        distances = torch.cdist(queries[at : at + batch], keys)
        if themselves:
            distances[torch.arange(len(distances)), torch.arange(at, at + len(distances))] = torch.inf
        found.append(distances.min(dim=1))
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])


def apart(real, among=None):
    """Say how far different real images (m, width) are from the nearest other one of these, or among (k, width), whose first m they are.

    An image that is there more than once is left out: how near it is to itself says nothing.
    """
    distances, _ = nearest(real, real if among is None else among, themselves=True)
    return distances[distances > SAME * distances.median()]


def limit(distances, percentile=0.01):
    """Say how near only the nearest 1 % of these distances (see apart) are: what is nearer may be a copy."""
    return distances.quantile(percentile).item() if len(distances) else 0.0


def memorisation_threshold(real):
    """Say how near only the nearest 1 % of real images (m, width) are to another one: see limit."""
    return limit(apart(real))


def memorised(sampled, real):
    """Say which fraction of sampled (n, width) is nearer to a real image (m, width) than real ones are to each other: see near."""
    return (nearest(sampled, real)[0] < memorisation_threshold(real)).double().mean().item()
