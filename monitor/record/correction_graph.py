"""Which entries are taken back, when corrections and voids are themselves corrected and voided."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from monitor.fact_types import Correction


def out(corrections: Iterable[Correction]) -> frozenset[bytes]:
    """The hashed keys of all entries that are taken back.

    A correction holds unless one that holds takes it back; what is in a circle holds.
    """
    corrections = tuple(corrections)
    by_maker: dict[bytes, list[int]] = defaultdict(list)
    for place, one in enumerate(corrections):
        by_maker[one.by].append(place)
    takers = Counter(one.target for one in corrections)
    undecided = {place: takers[one.by] for place, one in enumerate(corrections)}  # how many may take each back
    ready = [place for place, number in undecided.items() if not number]
    taken_back = []
    while ready:
        place = ready.pop()
        del undecided[place]
        taken_back.append(corrections[place].target)
        for lapsed in by_maker[corrections[place].target]:
            if undecided.pop(lapsed, None) is not None:
                # What it would have taken back has one taker less.
                for other in by_maker[corrections[lapsed].target]:
                    if other in undecided:
                        undecided[other] -= 1
                        ready += [other] * (not undecided[other])
    return frozenset((*taken_back, *(corrections[place].target for place in undecided)))
