"""The ids of a run."""

import random

from bson import ObjectId

from services.availability.planning import distinct


def test_the_ids_of_a_run_are_the_same_in_every_process() -> None:
    ids = sorted(str(ObjectId()) for _ in range(200))
    mixed = [*ids, *(lead_id.upper() for lead_id in ids[:50])]
    random.Random(3).shuffle(mixed)
    assert distinct(mixed) == ids
