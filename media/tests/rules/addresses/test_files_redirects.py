from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.rules.addresses import files_redirects
from media.tests.rules.addresses.redirect_payloads import payloads
from media.tests.rules.addresses.url_readers import hosts

CDN = "https://cdn.sartiq.test"
PLAIN = "https://pub.r2.test"


def redirect_target(
    path: str, image_type: str | None = None, *, transforms: bool = True
) -> str | None:
    return files_redirects.target(
        path, image_format=image_type, cdn_url=CDN, plain_url=PLAIN, transforms=transforms
    )


@pytest.mark.parametrize(
    ("path", "image_type", "location"),
    [
        ("a.png", None, "/a.png"),
        ("media/1/file.webp", None, "/media/1/file.webp"),
        ("a.png", "webp", "/cdn-cgi/image/format=webp,quality=90/a.png"),
        ("d/A.JPG", "avif", "/cdn-cgi/image/format=avif,quality=90/d/A.JPG"),
        ("a.pdf", "webp", "/a.pdf"),
        ("png", "webp", "/png"),
        ("a.png/b", "webp", "/a.png/b"),
        ("a b.png", None, "/a%20b.png"),
        ("é/ü.png", None, "/%C3%A9/%C3%BC.png"),
        ("a?b#c.png", None, "/a%3Fb%23c.png"),
        ("a,b=c;d&e.png", None, "/a%2Cb%3Dc%3Bd%26e.png"),
        ("100%.png", None, "/100%25.png"),
        ("a:b.png/c:d", None, None),
        ("x/a:b.png", None, "/x/a:b.png"),
    ],
)
def test_a_clean_path_is_encoded_segment_by_segment(
    path: str, image_type: str | None, location: str | None
) -> None:
    assert redirect_target(path, image_type) == (location and CDN + location)


def test_without_transformations_the_public_url_is_used() -> None:
    assert redirect_target("a.png", "webp", transforms=False) == f"{PLAIN}/a.png"


@pytest.mark.covers("T21", "T22")
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "//evil.test",
        "a//b",
        "a/",
        ".",
        "..",
        "a/../b",
        "a/./b",
        "a\\b",
        "\\\\evil.test",
        "https://evil.test/x.png",
        "https:evil.test",
        "javascript:alert(1)",
        "a%2f..%2fb",
        "%2e%2e",
        "%252e%252e/x",
        "a%5cb",
        "a%00b",
        "a\x00b",
        "a\rb",
        "a\nb",
        "a%0d%0ab",
        "a%250ab",
        "a\tb",
        "a\x7fb",
        "a\x85b",
        "a\ud800b",
        "a" * 1025,
        "%" + "25" * 20 + "2e",
    ],
)
def test_a_path_that_is_not_clean_has_no_target(path: str) -> None:
    assert redirect_target(path) is None
    assert redirect_target(path, "webp") is None


@pytest.mark.covers("T21", "T22")
@pytest.mark.parametrize("image_type", [None, "webp"])
def test_no_payload_redirects_to_another_host(image_type: str | None) -> None:
    paths = [*payloads(), *(unquote(payload) for payload in payloads())]
    targets = [
        location for path in paths if (location := redirect_target(path, image_type)) is not None
    ]

    assert len(set(paths)) >= 2000
    assert targets
    assert {host for location in targets for host in hosts(location)} == {"cdn.sartiq.test"}
    assert all(
        ".." not in urlsplit(unquote(unquote(location))).path.split("/") for location in targets
    )


@pytest.mark.covers("T21", "T24")
@settings(max_examples=500, deadline=None)
@given(path=st.text(max_size=60), image_type=st.sampled_from([None, *files_redirects.TARGET_TYPES]))
def test_every_target_is_on_our_host_and_has_the_same_path(
    path: str, image_type: str | None
) -> None:
    location = redirect_target(path, image_type)

    if location is not None:
        assert hosts(location) == {"cdn.sartiq.test"}
        assert location.isascii()
        assert location.isprintable()
        assert unquote(location).endswith(f"/{path}")


@pytest.mark.covers("T25", "T26")
@pytest.mark.parametrize(
    ("path", "cache_control"),
    [
        ("media/1/file.webp", "public, max-age=86400"),
        ("temp/1_2_a.png", "no-store"),
        ("loras/x.safetensors", "no-store"),
        ("exports/x.zip", "no-store"),
        ("bulk/x.csv", "no-store"),
        ("mediax/1", "no-store"),
        ("images/a.png", "no-store"),
    ],
)
def test_only_redirects_to_canonical_objects_are_cached(path: str, cache_control: str) -> None:
    assert files_redirects.cache_control(path) == cache_control


@given(st.from_regex(files_redirects._PLAIN, fullmatch=True))
def test_the_fast_path_gives_the_same_result_as_the_full_check(path: str) -> None:
    assert files_redirects._decoded_forms(path) == [path]
    assert files_redirects._is_clean(path)
    assert quote(path, safe="/" + files_redirects._SAFE) == path
    assert redirect_target(path) == f"{CDN}/{path}"
