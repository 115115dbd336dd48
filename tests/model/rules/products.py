"""Rules of products: create, replace, delete, restore, and what others may see of them."""

import hashlib
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.checks import always
from tests.model.contents import VALID, Content
from tests.model.environment import database
from tests.model.environment.tenants import PERSONAL, SCOPES, USER_SCOPES
from tests.model.rules.uploads import UploadRules, indexes
from tests.model.state import Allowed, Product, Slots, Ticket

AFTER_CLAIM_END: Final = timedelta(
    seconds=15
)  # when the Idempotency-Key of a dead request can be claimed again


class ProductRules(UploadRules):
    """What users do with products and their files."""

    @precondition(lambda self: self.state.tickets)
    @rule(
        user_scope=st.sampled_from(USER_SCOPES),
        file_indexes=st.lists(indexes, min_size=1, max_size=3),
        retries=st.booleans(),
    )
    def create(
        self, user_scope: tuple[str, str], file_indexes: list[int], *, retries: bool
    ) -> None:
        """Create a product with a cover and up to two other images; maybe repeat the request."""
        urls = [self.pick(self.urls(), index) for index in file_indexes]
        self.create_with(user_scope, urls, key=self.state.new_name("key-") if retries else None)

    @rule(
        user_scope=st.sampled_from(USER_SCOPES),
        contents=st.lists(st.sampled_from(VALID), min_size=1, max_size=2),
    )
    def upload_and_create(self, user_scope: tuple[str, str], contents: list[Content]) -> None:
        """Upload new files and create a product with them."""
        tickets = [self.issue(user_scope, content) for content in contents]
        urls = []
        for ticket, content in zip(tickets, contents, strict=True):
            if ticket is not None:
                self.send(ticket, content)
                urls.append(ticket.url)
        if urls:
            self.create_with(user_scope, urls, key=None)

    @precondition(lambda self: self.live_products())
    @rule(
        index=indexes,
        file_indexes=st.lists(indexes, max_size=2),
        slot=st.sampled_from(["cover_image", "images"]),
    )
    def replace(self, index: int, file_indexes: list[int], slot: str) -> None:
        """Replace or remove the files of a slot."""
        product = self.pick(self.live_products(), index)
        urls = (
            [self.pick(self.urls(), file_index) for file_index in file_indexes]
            if self.urls()
            else []
        )
        urls = urls[:1] if slot == "cover_image" else urls
        before = dict(product.slots)
        expected = {**before, slot: [self.allowed_hashes(url) for url in urls]}
        value: Any = urls if slot == "images" else (urls[0] if urls else None)
        response = self.request(product.user, "patch", f"products/{product.pk}", {slot: value})
        if response is None or response.status_code == 503:
            product.slots = self.slots_after(product, before, expected)
        elif response.status_code == 200:
            product.slots = expected
        else:
            assert response.status_code in {409, 422}, response.content

    @precondition(lambda self: self.live_products())
    @rule(index=indexes)
    def delete(self, index: int) -> None:
        """Move a product to the trash."""
        product = self.pick(self.live_products(), index)
        response = self.request(product.user, "delete", f"products/{product.pk}")
        if response is None or response.status_code == 503:
            return self.read_deletion(product)
        assert response.status_code == 204, response.content
        product.deleted_at = self.clock.elapsed
        return None

    @precondition(lambda self: self.deleted_products())
    @rule(index=indexes)
    def restore(self, index: int) -> None:
        """Restore a product from the trash."""
        product = self.pick(self.deleted_products(), index)
        response = self.request(product.user, "post", f"products/{product.pk}/restore")
        if response is None or response.status_code == 503:
            return self.read_deletion(product)
        assert response.status_code == 200, response.content
        product.deleted_at = None
        return None

    @rule(user=st.sampled_from(sorted(SCOPES)))
    def check_visibility(self, user: str) -> None:
        """I13: a user sees the rows of their own tenants, and no other."""
        tenants = self.environment.tenants
        for scope in tenants.organizations:
            path = f"products/{tenants.query(scope)}"
            response = self.request(user, "get", path)
            if scope not in SCOPES[user] and scope != PERSONAL:
                assert response.status_code == 403, response.content
                continue
            owner_id = tenants.users[user].pk if scope == PERSONAL else tenants.owner_id(scope)
            sql = (
                "SELECT id::text FROM catalog_product WHERE deleted_at IS NULL"
                " AND coalesce(organization_id, user_id) = %s ORDER BY created_at, id"
            )
            expected = [pk for (pk,) in database.select(sql, owner_id)]
            assert [row["id"] for row in response.json()["data"]] == expected[:100], "I13"
        for product in self.state.products:
            is_visible = product.scope in SCOPES[user] and product.deleted_at is None
            response = self.request(user, "get", f"products/{product.pk}")
            assert response.status_code == (200 if is_visible else 404), f"I13: {product.sku}"

    # --- What the rules above share -------------------------------------------------------------

    def live_products(self) -> list[Product]:
        """Return the products that are not deleted."""
        return [product for product in self.state.products if product.deleted_at is None]

    def deleted_products(self) -> list[Product]:
        """Return the products in the trash that cannot have been purged yet."""
        now = self.clock.elapsed
        return [
            product
            for product in self.state.products
            if product.deleted_at is not None and now - product.deleted_at < always.TRASH
        ]

    def urls(self) -> list[str]:
        """Return the URLs that a request may name: of uploads, and of verified files."""
        rows = database.select(
            "SELECT storage_key FROM media_mediaresource WHERE status = 'READY' ORDER BY created_at"
        )
        return [
            *(ticket.url for ticket in self.state.tickets),
            *(f"{settings.CDN_URL}/{key}" for (key,) in rows),
        ]

    def create_with(self, user_scope: tuple[str, str], urls: list[str], *, key: str | None) -> None:
        """Create a product with these files, and compare the response with what must happen."""
        user, scope = user_scope
        sku = self.state.new_name("M-")
        cover, *others = urls
        slots = {
            "cover_image": [self.allowed_hashes(cover)],
            "images": [self.allowed_hashes(url) for url in others],
        }
        expected = self.expected_status(user_scope, urls)
        body = {"name": "Shoe", "sku": sku, "cover_image": cover, "images": others}
        headers = {"Idempotency-Key": key} if key else {}
        path = f"products/{self.environment.tenants.query(scope)}"
        died_before, raised_before = self.interruptions(), self.environment.faults.raised
        response = self.request(user, "post", path, body, headers=headers)
        if key:  # the client repeats its request, whether or not the first one succeeded
            self.clock.advance(AFTER_CLAIM_END)
            second_response = self.request(user, "post", path, body, headers=headers)
            is_same = response is None or response.status_code != 201
            assert (
                is_same or second_response is None or second_response.json() == response.json()
            ), "replay"
            response = second_response
        undisturbed = (died_before, raised_before) == (
            self.interruptions(),
            self.environment.faults.raised,
        )
        if undisturbed and expected and response is not None:
            assert response.status_code == expected, response.content
        self.record_creation(user_scope, sku, slots, response)

    def record_creation(
        self, user_scope: tuple[str, str], sku: str, slots: Slots, response: Any
    ) -> None:
        """Add a product to the model if it exists; it must if the status was 201."""
        user, scope = user_scope
        rows = database.select(
            "SELECT id::text FROM catalog_product WHERE sku = %s"
            " AND coalesce(organization_id, user_id) = %s",
            sku,
            self.environment.tenants.owner_id(scope),
        )
        assert len(rows) <= 1, f"I14: {sku} was created twice"
        if response is not None and response.status_code == 201:
            assert [(response.json()["id"],)] == rows, f"L05: {sku} was created and is missing"
        for (pk,) in rows:
            product = Product(user=user, scope=scope, sku=sku, pk=pk, slots=slots)
            self.state.products.append(product)

    def allowed_hashes(self, url: str) -> Allowed:
        """Return the SHA-256 of each content that a URL may refer to now."""
        key = url.removeprefix(f"{settings.CDN_URL}/")
        sql = "SELECT content_hash FROM media_mediaresource WHERE storage_key = %s"
        claimed_sql = (
            "SELECT r.content_hash FROM media_upload u"
            " JOIN media_mediaresource r ON r.id = u.resource_id WHERE u.key = %s"
        )
        rows = database.select(f"{sql} UNION {claimed_sql}", key, key)
        hashes = {sha256 for (sha256,) in rows}
        if key.startswith("temp/") and key in self.environment.public.objects():
            body = self.environment.public.body(key)
            hashes.add(hashlib.sha256(body).hexdigest())
        return frozenset(hashes)

    def expected_status(self, user_scope: tuple[str, str], urls: list[str]) -> int | None:
        """Return the status that a creation must have, None if several are right."""
        states = [self.state_of_upload(user_scope, url) for url in urls]
        if "foreign" in states or "unusable" in states:
            return 422
        return 201 if set(states) == {"fresh"} else None

    def state_of_upload(self, user_scope: tuple[str, str], url: str) -> str:
        """Return whether an upload may be used by someone, and is certain to be accepted."""
        user, _ = user_scope
        ticket = next((ticket for ticket in self.state.tickets if ticket.url == url), None)
        if ticket is None:
            return "canonical" if self.may_see(user, url) else "foreign"
        if ticket.user != user and (ticket.scope == PERSONAL or ticket.scope not in SCOPES[user]):
            return "foreign"
        [(state,)] = database.select("SELECT state FROM media_upload WHERE key = %s", ticket.key)
        if state == "ISSUED":
            return "fresh" if self.is_valid(ticket) else "unusable"
        return str(state)

    def may_see(self, user: str, url: str) -> bool:
        """Return whether a verified file belongs to a tenant of the user."""
        key = url.removeprefix(f"{settings.CDN_URL}/")
        sql = (
            "SELECT coalesce(organization_id, user_id) FROM media_mediaresource"
            " WHERE storage_key = %s"
        )
        owner_ids = {self.environment.tenants.owner_id(scope) for scope in SCOPES[user]}
        return {owner_id for (owner_id,) in database.select(sql, key)} <= owner_ids

    def is_valid(self, ticket: Ticket) -> bool:
        """Return whether the bytes of an upload are there and of its type."""
        if ticket.key not in self.environment.public.objects():
            return False
        digest = hashlib.sha256(self.environment.public.body(ticket.key)).hexdigest()
        return self.state.valid_types.get(digest) == ticket.content_type

    def interruptions(self) -> int:
        """Return how many processes have died or stopped for a while."""
        return self.crashes.died + self.crashes.paused

    def slots_after(self, product: Product, before: Slots, after: Slots) -> Slots:
        """Return which slots a product has after a request without a response: I14."""
        files = always.files_of(product.pk)
        for slots in (after, before):
            try:
                always.require_equal(product.sku, files, slots)
            except AssertionError:
                continue
            return slots
        raise AssertionError(f"I14: {product.sku} was changed in part: {files}")

    def read_deletion(self, product: Product) -> None:
        """Read whether a deletion or restoration without a response took effect."""
        sql = "SELECT deleted_at IS NOT NULL FROM catalog_product WHERE id = %s"
        [(is_deleted,)] = database.select(sql, product.pk)
        if is_deleted != (product.deleted_at is not None):
            product.deleted_at = self.clock.elapsed if is_deleted else None
