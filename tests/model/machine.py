"""The whole machine: every rule and every check."""

from tests.model.rules.imports import ImportRules
from tests.model.rules.operations import OperationRules
from tests.model.rules.work import WorkRules


class Machine(ImportRules, WorkRules, OperationRules):
    """Actions of users, workers and staff, and failures, in any order."""
