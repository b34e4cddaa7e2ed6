"""Reading the outbox by cursor: (generation id, number)."""

from __future__ import annotations

from ecard.changes.models import Change, Generation, Topic
from ecard.changes.values import ChangedSet, FullLoadNeeded, FullLoadReason, GenerationState

CHANGES_LIMIT = 200
UNNUMBERED_LIMIT = 1_000


def generation_state() -> GenerationState:
    """The generation, the last number given and the oldest one kept."""
    found = Generation.objects.filter(pk=1).first()
    if found is None:
        return GenerationState(generation_id=0, latest_number=0, oldest_number=1)
    return GenerationState(
        generation_id=found.generation_id,
        latest_number=found.last_number,
        oldest_number=found.pruned_upto + 1,
    )


def latest_number() -> int:
    """The last number given; read it before a full load, and continue from it after."""
    return generation_state().latest_number


def oldest_number() -> int:
    """The oldest number kept; a cursor below it minus one needs a full load."""
    return generation_state().oldest_number


def changed_since(
    *, number: int, generation_id: int | None = None, limit: int = CHANGES_LIMIT
) -> ChangedSet | FullLoadNeeded:
    """What changed after the cursor `number`, from at most `limit` changes.

    `generation_id` is the cursor's; None skips that comparison (a reader inside the server).
    """
    state = generation_state()
    reason = _why_full_load(state, number=number, generation_id=generation_id)
    if reason is not None:
        return _full_load(reason, state)
    limit = max(1, min(limit, CHANGES_LIMIT))
    rows = list(
        Change.objects.filter(number__gt=number).order_by("number").values_list("number", "topic", "refs")[: limit + 1]
    )
    # Numbers have no gaps: one means that pruning came in between the two reads.
    if (rows[0][0] if rows else state.latest_number + 1) != number + 1:
        return _full_load(FullLoadReason.TOO_OLD, state)
    more = len(rows) > limit
    by_topic: dict[Topic, dict[int, None]] = {}
    upto = number
    for given, topic, refs in rows[:limit]:
        by_topic.setdefault(Topic(topic), {}).update(dict.fromkeys(refs))
        upto = given or upto
    return ChangedSet(
        generation_id=state.generation_id,
        refs={topic: tuple(refs) for topic, refs in by_topic.items()},
        upto=upto,
        more=more,
    )


def anything_unnumbered() -> bool:
    """Whether a committed change waits for `operations.number_committed`: one look at a small index."""
    return Change.objects.filter(number__isnull=True).exists()


def unnumbered_refs(*, limit: int = UNNUMBERED_LIMIT) -> dict[Topic, tuple[int, ...]] | None:
    """What committed changes without a number name, by topic, each ref once; None where there are more than `limit`.

    Whoever reads rows and a cursor in one snapshot of the database sees these changes in the rows already, though
    the cursor stays before them: what belongs together must be sent together, and they are simply sent again later.
    """
    waiting = Change.objects.filter(number__isnull=True).order_by("id")
    rows = list(waiting.values_list("topic", "refs")[: limit + 1])
    if len(rows) > limit:
        return None
    by_topic: dict[Topic, dict[int, None]] = {}
    for topic, refs in rows:
        by_topic.setdefault(Topic(topic), {}).update(dict.fromkeys(refs))
    return {topic: tuple(refs) for topic, refs in by_topic.items()}


def _full_load(reason: FullLoadReason, state: GenerationState) -> FullLoadNeeded:
    return FullLoadNeeded(reason=reason, generation_id=state.generation_id, latest_number=state.latest_number)


def _why_full_load(state: GenerationState, *, number: int, generation_id: int | None) -> FullLoadReason | None:
    if generation_id is not None and generation_id != state.generation_id:
        return FullLoadReason.OTHER_GENERATION
    if number > state.latest_number:
        return FullLoadReason.AHEAD
    if number < state.oldest_number - 1:
        return FullLoadReason.TOO_OLD
    return None
