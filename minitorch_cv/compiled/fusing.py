"""Operations that follow one another, carried out as one (`ops/fused.py`): fewer passes over memory, the same numbers.

A chain can be fused where each result between its members is used once, by the next member. The fused entry stands
where the last member stood; what used another result of the first member (the statistics of a batch norm, for the
running averages) moves behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..ops import activation, arithmetic, inplace, normalization, pointwise, pool
from ..ops import fused as operations
from .recording import Entry

Constant = Callable[[Any], int]  # the slot of a new constant
Fuse = Callable[["Link", Constant], tuple[int, ...]]


def raw(operation: Any) -> Callable[..., Any]:
    """The function on arrays that was decorated with `@differentiable`."""
    return operation.__wrapped__


BATCH_NORM = raw(normalization.batch_norm_training)
BATCH_NORM_INFERENCE = raw(normalization.batch_norm_inference)
ADD, RELU = raw(arithmetic.add), raw(activation.relu)
AVG_POOL, MAX_POOL = raw(pool.avg_pool), raw(pool.max_pool)
ACTIVATIONS = {RELU: "relu", raw(activation.sigmoid): "sigmoid", raw(pointwise.tanh): "tanh"}
OVERWRITE = inplace.overwrite_memory.__wrapped__  # type: ignore[attr-defined]


@dataclass
class Link:
    """A chain of entries, each using the first result of the one before; `others` are the second terms of sums."""

    members: list[Entry]
    others: list[int]


def norm_add_relu(link: Link, constant: Constant) -> tuple[int, ...]:
    return (*link.members[0].inputs, link.others[0], constant(True))


def norm_relu(link: Link, constant: Constant) -> tuple[int, ...]:
    return (*link.members[0].inputs, constant(None), constant(True))


def add_relu(link: Link, constant: Constant) -> tuple[int, ...]:
    return link.members[0].inputs


def activation_pool(link: Link, constant: Constant) -> tuple[int, ...]:
    act, pooling = link.members
    return (act.inputs[0], constant(ACTIVATIONS[act.function]), *pooling.inputs[1:])


# The functions of a chain, what does them all, and its inputs; a longer chain comes before those it begins with.
CHAINS: list[tuple[tuple[Callable[..., Any], ...], Any, Fuse]] = [
    ((BATCH_NORM, ADD, RELU), operations.batch_norm_training_add_relu, norm_add_relu),
    ((BATCH_NORM, RELU), operations.batch_norm_training_add_relu, norm_relu),
    ((BATCH_NORM_INFERENCE, ADD, RELU), operations.batch_norm_inference_add_relu, norm_add_relu),
    ((BATCH_NORM_INFERENCE, RELU), operations.batch_norm_inference_add_relu, norm_relu),
    ((ADD, RELU), operations.add_relu, add_relu),
    *(((act, AVG_POOL), operations.activation_avg_pool, activation_pool) for act in ACTIVATIONS),
    *(((act, MAX_POOL), operations.activation_max_pool, activation_pool) for act in ACTIVATIONS),
]


def fused(entries: Sequence[Entry], returned: set[int], outside: set[int], constant: Constant) -> list[Entry]:
    """The entries with every chain that can be fused in one.

    Slots in `returned` are needed after the step, those in `outside` are memory that nothing in the step is a view of.
    """
    result = list(entries)
    for functions, operation, inputs_of in CHAINS:
        start = 0
        while start < len(result):
            places = order = None
            if result[start].function is functions[0]:
                places = chain(result, start, functions, uses(result, returned))
            if places is not None:
                order = fits(result, places, outside)
            if places is not None and order is not None:
                members = [result[place] for place in places]
                entry = one_for_all(members, raw(operation), inputs_of, constant)
                result[places[0] : places[-1] + 1] = [*order[0], entry, *order[1]]
            start += 1
    return result


def uses(entries: Sequence[Entry], returned: set[int]) -> dict[int, list[int]]:
    """For each slot the places of the entries that use it; -1 stands for the caller of the step."""
    found: dict[int, list[int]] = {slot: [-1] for slot in returned}
    for place, entry in enumerate(entries):
        for slot in (*entry.inputs, *(slot for _, slot in entry.options)):
            found.setdefault(slot, []).append(place)
    return found


def chain(
    entries: Sequence[Entry], start: int, functions: tuple[Callable[..., Any], ...], users: dict[int, list[int]]
) -> list[int] | None:
    """The places of entries that call these functions, each the only user of the first result of the one before."""
    places = [start]
    for function in functions[1:]:
        before = entries[places[-1]]
        users_of = users.get(before.results[0], [])
        if len(users_of) != 1 or users_of[0] < 0:
            return None
        after = entries[users_of[0]]
        if after.function is not function or not same_gradient(before, after):
            return None
        places.append(users_of[0])
    last = entries[places[-1]]
    if last.function is MAX_POOL and users.get(last.results[1]):
        return None  # somebody wants the positions, which the fused operation does not give
    return places


def same_gradient(before: Entry, after: Entry) -> bool:
    """True where `after` passes its gradient on to `before`, or neither has one; sums must not broadcast."""
    slot = before.results[0]
    position = after.inputs.index(slot)
    flows = bool(after.parents) and after.parents[position] == slot
    wanted = any(parent is not None for parent in before.parents)
    return flows == wanted and all(is_plain_sum(entry) for entry in (before, after) if entry.function is ADD)


def is_plain_sum(entry: Entry) -> bool:
    """True for the sum of two tensors of one shape and dtype, without a factor."""
    return not entry.options and len(entry.inputs) == 2 and None is not entry.given[0] == entry.given[1]


def fits(entries: Sequence[Entry], places: list[int], outside: set[int]) -> tuple[list[Entry], list[Entry]] | None:
    """What stands between the members of a chain, before and behind the fused entry; None where it cannot be parted."""
    members = set(places)
    made = {slot for place in places for slot in entries[place].results}
    read = {slot for place in places for slot in entries[place].inputs}
    before: list[Entry] = []
    behind: list[Entry] = []
    for place in range(places[0], places[-1] + 1):
        entry = entries[place]
        if place in members:
            continue
        touched = {*entry.inputs, *(slot for _, slot in entry.options)}
        if touched & made:
            behind.append(entry)
            made.update(entry.results)
        elif entry.kind == "backward" or (entry.function is OVERWRITE and entry.inputs[0] not in outside - read):
            return None  # it may write what a member reads
        else:
            before.append(entry)
    written = {slot for entry in behind for slot in entry.tensors} - made
    if any(written & {*entry.inputs} for entry in before if written):
        return None
    return before, behind


def one_for_all(members: list[Entry], function: Callable[..., Any], inputs_of: Fuse, constant: Constant) -> Entry:
    """The entry that does what the members do."""
    first, last = members[0], members[-1]
    parent_of: dict[int, int | None] = {}
    given_of: dict[int, Any] = {}
    between = {member.results[0] for member in members[:-1]}
    for member in members:
        parents = member.parents or (None,) * len(member.inputs)
        for slot, parent, given in zip(member.inputs, parents, member.given):
            if slot not in between:
                parent_of[slot], given_of[slot] = parent, given
    others = [slot for member in members[1:] for slot in member.inputs[:2] if member.function is ADD]
    inputs = inputs_of(Link(members, [slot for slot in others if slot not in between]), constant)
    # The statistics of a batch norm stand behind its output, which is that of the chain.
    return Entry(
        "operation",
        function,
        inputs,
        results=(last.results[0], *first.results[1:]),
        made=(last.made[0], *first.made[1:]),
        parents=tuple(parent_of.get(slot) for slot in inputs),
        given=tuple(given_of.get(slot) for slot in inputs),
        saved=tuple(slot for slot in inputs if given_of.get(slot) is not None),
        where=last.where,
    )
