"""Does a model copy? Look for the nearest training picture of every drawing, in features."""

import torch


def nearest(queries, keys, themselves=False, batch=512):
    """Find the nearest of keys (m, width) to each of queries (n, width): distance (n,) and index (n,); themselves: row k is not its own neighbour."""
    found = []
    for at in range(0, len(queries), batch):
        distances = torch.cdist(queries[at : at + batch], keys)
        if themselves:
            distances[torch.arange(len(distances)), torch.arange(at, at + len(distances))] = torch.inf
        found.append(distances.min(dim=1))
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])


def memorised(drawn, real, percentile=0.01):
    """Say which share of drawn (n, width) is nearer to a real picture (m, width) than all but the nearest 1 % of real ones are to each other."""
    limit = nearest(real, real, themselves=True)[0].quantile(percentile)
    return (nearest(drawn, real)[0] < limit).double().mean().item()
