"""Which entries are taken back, when corrections and voids are themselves corrected and voided."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from monitor.fact_types import Correction


def out(corrections: Iterable[Correction]) -> frozenset[bytes]:
    """The hashed keys of all entries that are taken back.

    A correction holds unless a void that holds takes it back; one that is itself corrected holds further, because the
    other takes its place. Voids in a circle all hold.
    """
    corrections = tuple(corrections)
    by_maker: dict[bytes, list[int]] = defaultdict(list)
    for place, one in enumerate(corrections):
        by_maker[one.by].append(place)
    takers = Counter(one.target for one in corrections if one.is_void)
    undecided = {place: takers[one.by] for place, one in enumerate(corrections)}  # how many may take each back
    ready = [place for place, number in undecided.items() if not number]
    taken_back = []
    while ready:
        place = ready.pop()
        del undecided[place]
        taken_back.append(corrections[place].target)
        lapsing = by_maker[corrections[place].target] if corrections[place].is_void else ()
        for lapsed in lapsing:
            if undecided.pop(lapsed, None) is not None and corrections[lapsed].is_void:
                # What it would have taken back has one taker less.
                for other in by_maker[corrections[lapsed].target]:
                    if other in undecided:
                        undecided[other] -= 1
                        ready += [other] * (not undecided[other])
    return frozenset((*taken_back, *(corrections[place].target for place in undecided)))
