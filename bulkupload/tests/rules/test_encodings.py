"""Tables in national encodings: recognized, or guessed with a warning."""
# ruff: noqa: RUF001  letters of many languages are intended here

import pytest

from bulkupload.rules.table.encodings import LABELS, codec_named, guess_encoding

WESTERN = {
    "German": "Schuh größer Öl;grün\nGürtel weiß;braun\nMütze;schwarz",
    "German capitals": "GÜRTEL GRÖSSE\nSCHUHE FÜR MÄNNER",
    "one word": "Gürtel",
    "French": "Chemise à carreaux;été coton léger\nÉcharpe tissée;œuvre – 100% laine",
    "short French": "été\nàéè\nZoë naïf août",
    "Spanish": "Zapato de niño\nPantalón corto\nCamisón algodón\n¿Qué? ¡Olé!",
    "Swedish": "Blå tröja\nGrön jacka – höst\nÄkta läder",
    "Finnish": "Pitkähihainen päällysvaate\nKengät",
    "Danish": "Blå trøje\nGrøn jakke\nÆgte læder",
    "Portuguese": "Calção de algodão\nColeção verão\nBotões",
    "Italian": "Qualità più bella\nCittà",
    "Dutch": "Één paar schoenen\nGeïsoleerde jas",
    "Icelandic": "Þykk peysa með hettu\nSkór úr leðri",
    "Estonian": "Sinine särk\nÕhuke püks",
    "signs": "“Best” shoe – 50€\nWomen’s coat\nGore-Tex® boot\nVibram™ 30°\n10 m² 5½ ±3 µm 50×70",
    "prices": "Shoe;50 €\nBoot;1\u00a0000 €",
    "brands": "Chloé\nHermès\nA.P.C. Réunion\nLöwenbräu",
}
OTHERS = {
    ("cp1250", "Czech"): "Červená košile\nDámské šaty žluté\nPříliš žluťoučký kůň",
    ("cp1250", "short Czech"): "Modré kalhoty\nČerná bunda",
    ("cp1250", "Polish"): "Żółta koszula\nSukienka damska długa\nPłaszcz wełniany",
    ("cp1250", "short Polish"): "EN,Żółty but\nE2,Żółty but 2",
    ("cp1250", "Hungarian"): "Női cipő\nFérfi ing kék\nŐszi kabát",
    ("cp1250", "Romanian"): "Rochie lungă\nCămaşă albă",
    ("cp1250", "Croatian"): "Ženska haljina\nMuška košulja čista\nDječje čarape",
    ("cp1251", "Russian"): "Красная рубашка\nЖенское платье",
    ("koi8-r", "Russian"): "Красная рубашка\nЖенское платье",
    ("cp866", "Russian"): "Красная рубашка\nЖенское платье",
    ("cp1253", "Greek"): "Κόκκινο πουκάμισο\nΓυναικείο φόρεμα",
    ("cp1254", "Turkish"): "Kırmızı gömlek\nKadın elbisesi şık\nYeşil çanta ığdır",
    ("cp1257", "Lithuanian"): "Žalia suknelė\nBatai vyrų\nŠiltas paltas mėlynas",
    ("cp932", "Japanese"): "革靴\n革靴 2",
    ("cp932", "half-width Japanese"): "ｼｬﾂ\nｽｶｰﾄ",
    ("euc_jp", "Japanese"): "赤いシャツ\n女性用ドレス",
    ("gb18030", "Chinese"): "红色衬衫\n女士连衣裙",
    ("big5", "Chinese"): "紅色襯衫\n女士連衣裙",
    ("cp949", "Korean"): "빨간 셔츠\n여성 드레스",
    ("cp1256", "Arabic"): "قميص أحمر\nفستان نسائي",
    ("mac-roman", "German and French"): "Gürtel grün größer\nChemise à carreaux",
    ("cp850", "German"): "Gürtel grün größer",
}
# These texts are too short, or their language is too rare, to be guessed; there must be a warning.
DOUBTFUL = {
    ("cp1251", "one word"): "Шуба",
    ("cp1254", "short Turkish"): "Kırmızı gömlek",
    ("mac-roman", "one word"): "Café",
    ("cp1255", "Hebrew"): "חולצה אדומה\nשמלה נשים",
    ("cp874", "Thai"): "เสื้อเชิ้ต\nรองเท้า",
    ("cp1258", "Vietnamese"): "Áo sơ mi\nGiày da đen",
}


@pytest.mark.parametrize("language", list(WESTERN))
def test_western_texts_are_read_as_windows_1252_without_a_warning(language: str) -> None:
    guess = guess_encoding(WESTERN[language].encode("cp1252"))

    assert (guess.encoding, guess.is_doubtful) == ("cp1252", False)


@pytest.mark.parametrize(("encoding", "language"), list(OTHERS))
def test_other_encodings_are_guessed_with_a_warning(encoding: str, language: str) -> None:
    text = OTHERS[encoding, language]

    guess = guess_encoding(text.encode(encoding))

    assert guess.is_doubtful
    assert text.encode(encoding).decode(guess.encoding) == text


@pytest.mark.parametrize(("encoding", "language"), list(DOUBTFUL))
def test_no_other_text_is_windows_1252_without_a_warning(encoding: str, language: str) -> None:
    assert guess_encoding(DOUBTFUL[encoding, language].encode(encoding)).is_doubtful


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        *(("utf-8", "utf-8"), ("UTF8", "utf-8"), ("utf-8-sig", "utf-8"), ("us-ascii", "utf-8")),
        *(("windows-1250", "cp1250"), ("Windows-1252", "cp1252"), ("latin1", "cp1252")),
        *(("ISO-8859-1", "cp1252"), ("ISO-8859-2", "iso8859-2"), ("iso-8859-9", "cp1254")),
        *(("Shift_JIS", "cp932"), ("x-sjis", "cp932"), ("gbk", "gb18030"), ("gb2312", "gb18030")),
        *(
            ("euc-kr", "cp949"),
            ("big5", "big5"),
            ("macintosh", "mac-roman"),
            (" koi8-r ", "koi8-r"),
        ),
        *(("utf-7", None), ("iso-2022-jp", None), ("hex", None), ("", None), ("nonsense", None)),
        *(("utf-32", None), ("rot13", None), ("windows-1252; x", None)),
    ],
)
def test_an_encoding_is_recognized_by_its_usual_names(label: str, codec: str | None) -> None:
    assert codec_named(label) == codec


def test_every_label_is_recognized() -> None:
    assert {codec: codec_named(label) for codec, label in LABELS.items()} == {
        codec: codec for codec in LABELS
    }
