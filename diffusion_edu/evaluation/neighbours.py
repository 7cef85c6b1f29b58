"""Does a model memorise training images? Look for the nearest training image of every sample, in feature space."""

import torch

SAME = 0.01  # of the median distance: images nearer than this are the same image, up to rounding


def nearest(queries, keys, exclude_self=False, batch=512):
    """Find the nearest of keys (m, width) to each of queries (n, width): distance (n,) and index (n,).

    exclude_self: row k of the queries is row k of the keys, and not its own neighbour.
    """
    found = []
    for at in range(0, len(queries), batch):
        distances = torch.cdist(queries[at : at + batch], keys)
        if exclude_self:
            distances[torch.arange(len(distances)), torch.arange(at, at + len(distances))] = torch.inf
        found.append(distances.min(dim=1))
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])


def neighbour_distances(real, among=None):
    """Measure the distance of each real image (m, width) to the nearest other one, among all (k, width) or these.

    The first m of `among` are `real`. Duplicates are left out: their distance of 0 says nothing.
    """
    distances, _ = nearest(real, real if among is None else among, exclude_self=True)
    return distances[distances > SAME * distances.median()]


def threshold(distances, percentile=0.01):
    """Compute the 1st percentile of the distances between real images: a sample nearer than that may be memorised."""
    return distances.quantile(percentile).item() if len(distances) else 0.0


def memorisation_threshold(real):
    """Compute the distance below which a sample counts as memorised, from real images (m, width): see threshold."""
    return threshold(neighbour_distances(real))


def memorised(generated, real):
    """Measure the fraction of generated (n, width) that is nearer to a real image (m, width) than the threshold."""
    return (nearest(generated, real)[0] < memorisation_threshold(real)).double().mean().item()
