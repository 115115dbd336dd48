import random
import string
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.errors import FileNameRefusedError, KeyRefusedError
from media.rules import keys
from media.rules.file_types.content_types import FILE_TYPES

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FILE_ID = UUID("0192f0c0-0000-7000-8000-000000000001")
RESOURCE_ID = UUID("0192f0c0-0000-7000-8000-000000000002")
NAMES = [
    ("shoe.jpg", "shoe.jpg"),
    ("Red Shoe (1).JPEG", "Red_Shoe_1.jpg"),
    ("Crème Brûlée.png", "Creme_Brulee.jpg"),
    ("../../etc/passwd", "passwd.jpg"),
    ("..\\..\\boot.ini", "boot.jpg"),
    ("C:\\fakepath\\shoe.jpg", "shoe.jpg"),
    ("%2e%2e%2f%2e%2e%2fetc%2fpasswd", "passwd.jpg"),
    ("%252e%252e%252fshoe.jpg", "shoe.jpg"),
    ("//server/share/shoe.jpg", "shoe.jpg"),
    ("shoe.jpg/", "shoe.jpg"),
    ("shoe.php", "shoe.jpg"),
    (".htaccess", "file.jpg"),
    ("....", "file.jpg"),
    ("", "file.jpg"),
    ("   ", "file.jpg"),
    ("/", "file.jpg"),
    ("👟.jpg", "file.jpg"),
    ("写真.jpg", "file.jpg"),
    ("\ud800shoe.jpg", "shoe.jpg"),
    ("shoe\u202egnp.jpg", "shoegnp.jpg"),
    ("sh\u200boe.jpg", "shoe.jpg"),
    ("CON", "CON.jpg"),
    ("a" * 10_000, "a" * 96 + ".jpg"),
    ("shoe.jpg?x=1#y", "shoe.jpg_x_1_y.jpg"),
    ("e\u0301te.jpg", "ete.jpg"),
    ("\u00e9te.jpg", "ete.jpg"),
]
BASE_NAMES = [
    ("shoe.png", "shoe.png"),
    ("../Été shoe.JPEG", "Été shoe.JPEG"),
    ("day 1/AW-1_front.jpg", "AW-1_front.jpg"),
    (r"C:\Users\anna\AW-1.jpg", "AW-1.jpg"),
    (r"mixed/a\b.png", "b.png"),
    ("folder/", "folder"),
    ("folder/../. /", "folder"),
    (" shoe .png", " shoe .png"),
    (".hidden", ".hidden"),
    ("写真 👟", "写真 👟"),
    ("shoe\u202egnp.exe", "shoe\u202egnp.exe"),
    ('<b>"&%s%2e%2e%2fa', '<b>"&%s%2e%2e%2fa'),
    ("\xa0", "\xa0"),
    (". ../", ""),
    (r"\/", ""),
]
HOSTILE_PARTS = [
    *("../", "..\\", "%2e%2e/", "%252f", "\u2028", "\u202e", "\u200b", "\ufeff", "\ud800", "é"),
    *("e\u0301", "👟", "CON", ".", "..", "/", "\\", ":", "%00", "\xa0", "ß", "ﬁ", "%", "%c0%ae"),
    *("a", "Z", "9", "_", "-", " ", "?", "#", "&", "=", ",", "'", '"', "<", ">", "|", "*"),
    *("jpg", ".jpg", ".php"),
]


def key_of(filename: str, content_type: str = "image/jpeg") -> str:
    return keys.temp_key(file_id=FILE_ID, at=AT, filename=filename, content_type=content_type)


@pytest.mark.covers("T20")
@pytest.mark.parametrize(("filename", "expected"), NAMES)
def test_a_file_name_becomes_a_safe_name(filename: str, expected: str) -> None:
    key = key_of(filename)

    assert key == f"temp/{FILE_ID}_1767323045_{expected}"


@pytest.mark.covers("T20")
@pytest.mark.parametrize(("path", "expected"), [*BASE_NAMES, ("", "")])
def test_a_path_has_a_last_part(path: str, expected: str) -> None:
    assert keys.base_name(path) == expected


@pytest.mark.covers("T20")
@pytest.mark.parametrize("content_type", FILE_TYPES)
def test_the_extension_comes_from_the_content_type(content_type: str) -> None:
    key = key_of("shoe.exe", content_type)

    assert key.endswith(f"_shoe.{FILE_TYPES[content_type].extension}")


@pytest.mark.covers("T20", "T24")
@pytest.mark.parametrize("control", ["\x00", "\r", "\n", "\t", "\x1b", "\x7f", "\x85"])
def test_control_characters_are_refused(control: str) -> None:
    with pytest.raises(FileNameRefusedError) as excinfo:
        key_of(f"sh{control}oe.jpg")

    assert excinfo.value.code == "file_name"


def require_safe(key: str) -> None:
    name = key.split("_", 2)[2]
    assert keys.TEMP_KEY.fullmatch(key)
    assert len(name) <= 100
    assert not name.startswith(".")
    assert keys.classify(key) is keys.KeyKind.TEMP


@pytest.mark.covers("T08", "T20")
@settings(max_examples=1_000, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cc"])), st.sampled_from(sorted(FILE_TYPES)))
def test_every_name_without_control_characters_makes_a_temp_key(
    filename: str, content_type: str
) -> None:
    require_safe(key_of(filename, content_type))


@pytest.mark.covers("T08", "T20")
def test_twenty_thousand_hostile_names_make_temp_keys() -> None:
    random_source = random.Random(20)

    for _ in range(20_000):
        filename = "".join(random_source.choices(HOSTILE_PARTS, k=random_source.randrange(1, 9)))
        require_safe(key_of(filename))


@pytest.mark.covers("T08")
def test_only_temp_keys_are_accepted_for_a_put() -> None:
    """Try a hundred thousand keys in which a character is replaced, added or missing."""
    random_source = random.Random(8)
    valid = key_of("shoe.jpg")
    alphabet = string.printable + "é\u2028\x00"

    accepted = set()
    for _ in range(100_000):
        index = random_source.randrange(len(valid))
        replacement = random_source.choice(["", *alphabet])
        rest = valid[index + random_source.randrange(2) :]
        generated = valid[:index] + replacement + rest
        try:
            accepted.add(keys.require_temp_key(generated))
        except KeyRefusedError:
            continue

    # Checked without the pattern: "temp/", 36 characters, "_", 10 digits, "_" and the name.
    allowed = set(string.ascii_letters + string.digits + "._-")
    for key in accepted:
        prefix, _, name = key.partition("/")
        assert prefix == "temp"
        assert set(name) <= allowed
        assert name[36] == name[47] == "_"
        assert name[37:47].isdigit()
        assert 1 <= len(name[48:]) <= 100


@pytest.mark.covers("T08")
@pytest.mark.parametrize(
    "key",
    [
        f"media/{RESOURCE_ID}/file.jpg",
        "images/shoe.jpg",
        f"loras/{RESOURCE_ID}/a.safetensors",
        key_of("shoe.jpg") + "\n",
        "/" + key_of("shoe.jpg"),
        key_of("shoe.jpg").upper(),
        f"temp/../media/{RESOURCE_ID}/file.jpg",
        "temp/",
        "",
    ],
)
def test_clients_may_put_to_no_other_key(key: str) -> None:
    with pytest.raises(KeyRefusedError):
        keys.require_temp_key(key)


def test_a_canonical_key_names_its_resource() -> None:
    key = keys.canonical_key(RESOURCE_ID, "jpg")

    assert key == f"media/{RESOURCE_ID}/file.jpg"
    assert keys.resource_id_of(key) == RESOURCE_ID
    assert keys.resource_id_of(key_of("shoe.jpg")) is None


@pytest.mark.parametrize("extension", ["", "JPG", "tar.gz", "jp/g", "j" * 11, "jpg\n"])
def test_a_canonical_key_requires_a_plain_extension(extension: str) -> None:
    with pytest.raises(KeyRefusedError):
        keys.canonical_key(RESOURCE_ID, extension)


def test_private_keys_keep_their_own_extension() -> None:
    lora = keys.private_key(keys.PrivateArea.LORAS, RESOURCE_ID, "../My Model.SafeTensors")
    export = keys.private_key(keys.PrivateArea.EXPORTS, RESOURCE_ID, "items", "0001.csv")

    assert lora == f"loras/{RESOURCE_ID}/My_Model.safetensors"
    assert export == f"exports/{RESOURCE_ID}/items/0001.csv"


@pytest.mark.parametrize("names", [(), ("a", "b", "c", "d")])
def test_a_private_key_has_one_to_three_names(names: tuple[str, ...]) -> None:
    with pytest.raises(KeyRefusedError):
        keys.private_key(keys.PrivateArea.BULK, RESOURCE_ID, *names)


@pytest.mark.covers("T26")
@pytest.mark.parametrize(
    ("key", "kind", "public"),
    [
        (key_of("shoe.jpg"), keys.KeyKind.TEMP, True),
        (f"media/{RESOURCE_ID}/file.jpg", keys.KeyKind.CANONICAL, True),
        ("images/2019/Red shoe.jpg", keys.KeyKind.LEGACY, True),
        ("images/../loras/x", keys.KeyKind.OTHER, False),
        (f"loras/{RESOURCE_ID}/m.pt", keys.KeyKind.PRIVATE, False),
        (f"exports/{RESOURCE_ID}/e.zip", keys.KeyKind.PRIVATE, False),
        (f"bulk/{RESOURCE_ID}/b.csv", keys.KeyKind.PRIVATE, False),
        (f"bulk/{RESOURCE_ID}/.b.csv", keys.KeyKind.OTHER, False),
        (".sartiq-environment", keys.KeyKind.OTHER, False),
        ("", keys.KeyKind.OTHER, False),
    ],
)
def test_a_key_is_classified_by_its_prefix(key: str, kind: keys.KeyKind, *, public: bool) -> None:
    assert keys.classify(key) is kind
    assert keys.is_public(key) is public


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "a/./b", "../a", "a\\b", "a\x00b", "a\nb", "\ud800", "é" * 513]
)
def test_an_unclean_key_is_not_storable(key: str) -> None:
    with pytest.raises(KeyRefusedError):
        keys.require_storable(key)


@pytest.mark.covers("T05")
def test_keys_of_the_same_second_and_name_differ() -> None:
    generated = {
        keys.temp_key(file_id=uuid4(), at=AT, filename="a", content_type="image/png")
        for _ in range(10_000)
    }

    assert len(generated) == 10_000
