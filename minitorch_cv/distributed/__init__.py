"""Several processes that train one network, each on its share of every batch, under torch.distributed's names."""

from .collectives import ReduceOp, all_reduce, barrier, broadcast
from .group import (
    abort,
    destroy_process_group,
    get_local_rank,
    get_rank,
    get_world_size,
    init_process_group,
    is_available,
    is_initialized,
    launched,
)
