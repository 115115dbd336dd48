"""Taking uploaded files in: check the bytes outside any transaction, then write once.

`MediaResourceService.ingest_all` is named by the specification; the steps and why they stand in
this order are in `docs/design/ingest.md`.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

from django.db import OperationalError, transaction
from psycopg import errors as pg

from accounts.models import OwnerScope, User
from media.errors import ContentError, FileNotFoundForCallerError
from media.models import MediaResource
from media.services import deletions
from media.services.ingest import check, claim, duplicates, resolve
from media.services.ingest.check import Verdicts
from media.services.ingest.claim import ClaimRaceError
from media.services.ingest.duplicates import Version
from media.services.ingest.examine import Examined
from media.services.ingest.resolve import Sources
from media.storage import ObjectStore
from sartiq.core.errors import ContentionError, InvalidError, InvalidManyError, Issue, Loc
from sartiq.core.work.crash_points import reach

MAX_TRIES = 3  # of one request, when others change the same rows at the same time

Result = TypeVar("Result")
Resources = Mapping[str, MediaResource]
Hold = Callable[[], Collection[UUID]]
Look = Callable[[Sequence[str]], Sources]  # finds what URLs name now, for one caller


def nothing_held() -> Collection[UUID]:
    """Hold nothing: what will show the files is new."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One URL a request names, and where it stands in the request."""

    loc: Loc
    url: str


class MediaResourceService:
    """Turns the files a request names into resources of one owner scope."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def ingest_all(
        self,
        *,
        user: User,
        scope: OwnerScope,
        wanted: Sequence[Wanted],
        attach: Callable[[Resources], Result],
        hold: Hold = nothing_held,
    ) -> Result:
        """Take every wanted file in, or none.

        `hold` and then `attach` are called inside the one writing transaction. `hold` locks what
        will show the files and returns the ids of the resources it stops showing; `attach` is given
        the resource of each URL, and what it writes (the entity, its attachments) commits together
        with the resources. Raises InvalidManyError naming each refused URL, StoreUnavailableError
        when the store fails.
        """

        def look(urls: Sequence[str]) -> Sources:
            return resolve.resolve(user=user, scope=scope, urls=urls)

        for _ in range(MAX_TRIES):
            reach("ingest-started")
            named = look([each.url for each in wanted])
            try:
                verdicts = self._inspect(look, wanted, named)
                damaged = self._damaged(scope, verdicts)
                with _translated(wanted), transaction.atomic():
                    transaction.on_commit(partial(reach, "committed"))
                    resources = claim.claim_all(
                        scope=scope,
                        named=named,
                        verdicts=verdicts,
                        left=hold(),
                        damaged=damaged,
                    )
                    return attach(resources)
            except ClaimRaceError:
                continue
        raise ContentionError

    def _inspect(self, look: Look, wanted: Sequence[Wanted], named: Sources) -> Verdicts:
        fresh = [source.upload for source in named.values() if source and source.is_fresh]
        verdicts = check.inspect_all(self.store, [upload for upload in fresh if upload])
        issues = [issue for each in wanted for issue in _faults(each, named, verdicts)]
        if issues:
            _require_same(look, named, verdicts)
            deletions.refuse_uploads(
                {key: v.code for key, v in verdicts.items() if isinstance(v, ContentError)}
            )
            raise InvalidManyError(issues)
        return verdicts

    def _damaged(self, scope: OwnerScope, verdicts: Verdicts) -> frozenset[Version]:
        hashes = {v.content_hash for v in verdicts.values() if isinstance(v, Examined)}
        return duplicates.find_damaged(self.store, scope=scope, hashes=hashes)


@contextmanager
def _translated(wanted: Sequence[Wanted]) -> Iterator[None]:
    """Turn what the writing transaction ran into into a refusal or another try."""
    try:
        yield
    except claim.UploadVanishedError as error:
        gone = [each for each in wanted if each.url in error.urls]
        raise InvalidManyError([_missing(each) for each in gone]) from error
    except OperationalError as error:
        if isinstance(error.__cause__, pg.DeadlockDetected | pg.SerializationFailure):
            raise ClaimRaceError from error
        raise


def _faults(each: Wanted, named: Sources, verdicts: Verdicts) -> list[Issue]:
    source = named[each.url]
    if source is None:
        return [_missing(each)]
    verdict = verdicts.get(source.key)
    return [verdict.at(*each.loc, value=each.url)] if isinstance(verdict, InvalidError) else []


def _require_same(look: Look, named: Sources, verdicts: Verdicts) -> None:
    """Raise ClaimRaceError when a refused upload became a resource while it was looked at.

    Another request took it in, and its temporary object may be gone already.
    """
    refused = [
        url
        for url, source in named.items()
        if source and isinstance(verdicts.get(source.key), InvalidError)
    ]
    if not refused:
        return
    again = look(refused)
    if any(source is not None and not source.is_fresh for source in again.values()):
        raise ClaimRaceError


def _missing(each: Wanted) -> Issue:
    return FileNotFoundForCallerError().at(*each.loc, value=each.url)
