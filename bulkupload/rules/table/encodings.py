"""The text encodings of tables, and guessing the encoding of one.

If a file is not UTF-8 but plausible as Windows-1252, which Excel writes in Western Europe, it is
read as Windows-1252. Any other encoding is a guess, and the user gets a warning.
"""
# ruff: noqa: RUF001  look-alike characters are intended here

import codecs
import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from charset_normalizer import from_bytes

UTF8: Final = "utf-8"
WESTERN: Final = "cp1252"
SINGLE_BYTE: Final = {
    "cp1250": "windows-1250",
    "cp1251": "windows-1251",
    WESTERN: "windows-1252",
    "cp1253": "windows-1253",
    "cp1254": "windows-1254",
    "cp1255": "windows-1255",
    "cp1256": "windows-1256",
    "cp1257": "windows-1257",
    "cp1258": "windows-1258",
    "cp874": "tis-620",
    "iso8859-2": "iso-8859-2",
    "iso8859-5": "iso-8859-5",
    "iso8859-7": "iso-8859-7",
    "iso8859-15": "iso-8859-15",
    "koi8-r": "koi8-r",
    "koi8-u": "koi8-u",
    "mac-roman": "macintosh",
    "cp437": "ibm437",
    "cp850": "ibm850",
    "cp852": "ibm852",
    "cp866": "ibm866",
}
# Chunks are byte ranges, so a text must have the same bytes at every position of the file.
MULTI_BYTE: Final = {
    UTF8: "utf-8",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "cp932": "shift_jis",
    "euc_jp": "euc-jp",
    "gb18030": "gb18030",
    "big5": "big5",
    "cp949": "euc-kr",
}
LABELS: Final = SINGLE_BYTE | MULTI_BYTE
# Subsets: their texts have the same bytes in the larger encoding.
_SUPERSETS: Final = {
    "ascii": UTF8,
    "utf-8-sig": UTF8,
    "utf-16": "utf-16-le",
    "iso8859-1": WESTERN,
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "tis-620": "cp874",
}
# The letters beyond ASCII of the languages of each encoding, most common languages first.
_ALPHABETS: Final = {
    WESTERN: (
        "äöüß",
        "àâæçéèêëîïôœùûü",
        "áéíñóúü",
        "áâãàçéêíóôõúü",
        "àèéìíîòóùú",
        "àçèéíïòóúü",
        "äéèëïöüê",
        "åäöéàü",
        "æøåéêóòô",
        "åäöšž",
        "õäöüšž",
        "áðéíóúýþæö",
    ),
    "cp1250": (
        "áčďéěíňóřšťúůýž",
        "ąćęłńóśźż",
        "áéíóöőúüű",
        "ăâîşţ",
        "čćđšž",
        "áäčďéíĺľňóôŕšťúýž",
        "äöüß",
    ),
    "cp1254": ("çğıöşüâîû", "äöüß"),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "õäöüšž"),
}
_OTHERS: Final = [
    "cp1251",
    "cp1253",
    "cp1255",
    "cp1256",
    "koi8_r",
    "mac_roman",
    "cp850",
    "cp866",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
]
_MAX_CHAOS: Final = 0.5  # charset-normalizer finds short texts chaotic in every encoding
CONFIDENT: Final = 0.9  # in a text that is plausible as Windows-1252
_LIKELY: Final = 0.8  # the highest confidence in any other encoding
_MAX_ODD_WORDS: Final = 0.01  # foreign names in a long text
_SIGNS: Final = "ªº¹²³¼½¾"  # letters and numbers in Unicode, but not inside words
_JOINERS: Final = frozenset(
    "’‘´·‑–—\u00ad"
)  # characters beyond ASCII that may stand between letters
_WORD: Final = re.compile(rf"(?:(?![{_SIGNS}])[^\W\d_])+")
_JOINED: Final = re.compile(  # characters between two letters, and those that cannot begin a word
    rf"(?<=(?![{_SIGNS}])[^\W\d_])(?:[^\w\s]|[{_SIGNS}])(?=(?![{_SIGNS}])[^\W\d_])"
    r"|[¯¨¸ˆ˜¬¦¤¶†‡‰¼½¾¹³](?=[^\W\d_])"
)


@dataclass(frozen=True, kw_only=True)
class Guess:
    """The probable encoding of a text, with a confidence from 0 to 1."""

    encoding: str
    confidence: float

    @property
    def is_doubtful(self) -> bool:
        """Whether the user should check that the text was decoded correctly."""
        return self.confidence < CONFIDENT


def codec_named(label: str) -> str | None:
    """Return the codec of an encoding by its HTTP or Python name, None if it is not supported."""
    try:
        name = codecs.lookup(label.strip().lower().removeprefix("x-")).name
    except (LookupError, ValueError):
        return None
    name = _SUPERSETS.get(name, name)
    return name if name in LABELS else None


def guess_encoding(sample: bytes) -> Guess:
    """Guess the encoding of lines with letters beyond ASCII that are not valid UTF-8."""
    for encoding in _ALPHABETS:
        if _is_plausible(sample, encoding):
            confidence = CONFIDENT if encoding == WESTERN else _LIKELY
            return Guess(encoding=encoding, confidence=confidence)
    best = from_bytes(sample, cp_isolation=_OTHERS, threshold=_MAX_CHAOS).best()
    if best is None:
        return Guess(encoding=WESTERN, confidence=0.0)
    confidence = round((1 - best.chaos) * (1 + best.coherence) / 2, 2)
    return Guess(
        encoding=codec_named(best.encoding) or WESTERN, confidence=min(confidence, _LIKELY)
    )


def _is_plausible(sample: bytes, encoding: str) -> bool:
    """Whether the sample, decoded with this encoding, has words of the encoding's languages."""
    try:
        text = unicodedata.normalize("NFC", sample.decode(encoding))
    except UnicodeDecodeError:
        return False
    if any(not sign.isascii() and sign not in _JOINERS for sign in _JOINED.findall(text)):
        return False
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    if any(map(_has_stray_capital, words)):
        return False
    alphabets = _ALPHABETS[encoding]
    odd = sum(not _fits_one(word.lower(), alphabets) for word in words)
    if odd > len(words) * _MAX_ODD_WORDS:
        return False
    return encoding != WESTERN or _is_western(text.lower(), "".join(words).lower())


def _fits_one(word: str, alphabets: tuple[str, ...]) -> bool:
    letters = {letter for letter in word if not letter.isascii()} - {"µ", "μ"}
    return any(letters.issubset(alphabet) for alphabet in alphabets)


def _has_stray_capital(word: str) -> bool:
    """Whether a non-ASCII capital follows a lower-case letter."""
    return any(a.islower() and b.isupper() and not b.isascii() for a, b in pairwise(word))


def _is_western(text: str, letters: str) -> bool:
    """Whether the letters are those of a Western language.

    Letters of other encodings, decoded as Windows-1252, are unlikely together or in these places.
    """
    used = {letter for letter in letters if not letter.isascii()}
    if used & set("šž") and not used <= set("åäöõüéšž"):
        return False  # Slavic, where è is č
    if used & set("ðþý") and (used & set("çüëàèûø") or not used & set("áíóúæé")):
        return False  # Turkish or Lithuanian, not Icelandic
    is_portuguese = "ão" in text or "ç" in used or "õe" in text
    if "ã" in used and (not is_portuguese or re.search(r"ã[^\Woesi]", text)):
        return False  # Romanian ă
    is_estonian = bool(used & set("äöü")) and not used & set("áéíóú")
    return "õ" not in used or is_estonian or not re.search(r"õ(?!e)", text)  # Hungarian ő
