"""Rules of uploads: presign, PUT, and PUT again with the same URL."""

from datetime import timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from media.storage import SignedPut
from media.tests.factories import key_of
from tests.model.base import Base
from tests.model.contents import CONTENTS, Content
from tests.model.environment.tenants import USER_SCOPES
from tests.model.state import Ticket

EXTENSIONS: Final = {"image/png": "png", "application/pdf": "pdf"}
indexes = st.integers(0, 999)


class UploadRules(Base):
    """What clients do with signed URLs."""

    @rule(
        user_scope=st.sampled_from(USER_SCOPES),
        content=st.sampled_from(CONTENTS),
        sends=st.booleans(),
    )
    def presign(self, user_scope: tuple[str, str], content: Content, *, sends: bool) -> None:
        """Get an upload URL, and perhaps use it."""
        ticket = self.issue(user_scope, content)
        if ticket is not None and sends:
            self.send(ticket, content)

    @precondition(lambda self: self.state.tickets)
    @rule(index=indexes, content=st.sampled_from(CONTENTS))
    def put_again(self, index: int, content: Content) -> None:
        """Send other bytes to a URL that may have been used."""
        ticket = self.pick(self.state.tickets, index)
        self.send(ticket, content)
        self.state.event_counts["re-put"] += 1

    def issue(self, user_scope: tuple[str, str], content: Content) -> Ticket | None:
        """Return a new upload, None if the process died."""
        user, scope = user_scope
        organization = self.environment.tenants.organizations[scope]
        response = self.request(
            user,
            "post",
            "uploads/presigned-url",
            {
                "filename": f"{content.name}.{EXTENSIONS[content.content_type]}",
                "content_type": content.content_type,
                "organization_id": str(organization) if organization else None,
            },
        )
        if response is None:
            return None
        assert response.status_code == 200, response.content
        body = response.json()
        ticket = Ticket(
            user=user,
            scope=scope,
            url=body["file_url"],
            key=key_of(body["file_url"]),
            put=SignedPut(url=body["upload_url"], headers=body["upload_headers"]),
            expires=self.clock.elapsed + timedelta(seconds=body["expires_in_seconds"]),
            content_type=content.content_type,
        )
        self.state.tickets.append(ticket)
        return ticket

    def send(self, ticket: Ticket, content: Content) -> None:
        """Send a PUT unless its URL has expired; what the URL does not allow is refused."""
        if self.clock.elapsed >= ticket.expires:
            return  # the store would reject it; a real server's clock cannot be advanced
        if content.is_valid:
            self.state.valid_types[content.sha256] = content.content_type
        status = self.environment.public.client_put(ticket.put, content.body, key=ticket.key)
        assert status == 200, f"the store refused an allowed PUT with {status}"
