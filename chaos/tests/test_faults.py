from collections import Counter
from itertools import pairwise

import pytest

from chaos.faults import KINDS, Target, schedule

SEEDS = range(20)


@pytest.mark.parametrize(("minutes", "times"), [(0.5, 1), (1, 1), (2, 1), (10, 5)])
def test_each_kind_occurs_once_in_two_minutes(minutes: float, times: int) -> None:
    for seed in SEEDS:
        counts = Counter(fault.kind for fault in schedule(seed=seed, seconds=minutes * 60))

        assert counts == dict.fromkeys(KINDS, times)


def test_faults_of_one_target_never_overlap_and_all_end_in_time() -> None:
    for seed in SEEDS:
        faults = schedule(seed=seed, seconds=240)

        assert max(fault.until for fault in faults) <= 240
        for target in Target:
            target_faults = [fault for fault in faults if fault.kind.target is target]
            assert all(first.until <= second.at for first, second in pairwise(target_faults))


def test_a_seed_repeats_its_faults() -> None:
    assert schedule(seed=7, seconds=60) == schedule(seed=7, seconds=60)
    assert schedule(seed=7, seconds=60) != schedule(seed=8, seconds=60)
