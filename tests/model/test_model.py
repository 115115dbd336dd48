"""No sequence of actions and failures loses or mixes up data."""

from functools import partial
from typing import Any, Final, cast

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.environment.setup import installed
from tests.model.machine import Machine

LONG_PROFILE: Final = "model-long"


@pytest.mark.covers(
    *("I01", "I02", "I03", "I04", "I05", "I06", "I07", "I08", "I09", "I10", "I11", "I12", "I13"),
    *("I14", "I15", "I17", "L01", "L02", "L03", "L04", "L05", "L06", "L07", "L08"),
)
@pytest.mark.timeout(6 * 3600)
@pytest.mark.django_db(transaction=True)
def test_no_sequence_of_events_breaks_an_invariant(stack: dict[str, str]) -> None:
    is_long = settings.get_current_profile_name() == LONG_PROFILE
    profile = settings.get_profile(LONG_PROFILE if is_long else "model")

    with installed(uses_seaweedfs=is_long) as environment:
        machine = cast("Any", partial(Machine, environment))
        run_state_machine_as_test(machine, settings=profile)
