"""`minitorch_cv.data` under the name that torch gives it."""

from ..data import DataLoader, Dataset, DistributedSampler, Subset, TensorDataset, default_collate, random_split

__all__ = ["DataLoader", "Dataset", "DistributedSampler", "Subset", "TensorDataset", "default_collate", "random_split"]
