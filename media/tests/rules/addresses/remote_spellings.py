"""URLs and addresses that must be refused; many bypassed the checks of other programs."""

_IPV4_HOSTS = [
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0x0.0x0.0x1"),
    *("0177.0.0.1", "017700000001", "0x7f.1", "127.0.0.1.", "0", "0.0.0.0", "0x0"),
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376"),
    *("169.254.43518", "169.16689662", "025177524776", "169.254.169.254.", "10.0.0.1", "10.1"),
    *("192.168.1.1", "192.168.257", "172.16.0.1", "100.64.0.1", "198.18.0.1", "224.0.0.1"),
    *("255.255.255.255", "240.0.0.1", "192.0.0.192", "168.63.129.16", "100.100.100.200"),
    *("8.8.8.8", "1.1.1.1", "134744072", "00000127.0.0.1", "127.0.0.1%00", "127.000.000.001"),
    *("4294967295", "4294967297", "0xffffffffff", "1.2.3.4.5", "127.0.0.0x1", "0x7f.0.0.1"),
]
_IPV6_HOSTS = [
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:a9fe:a9fe]"),
    *("[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25eth0]", "[64:ff9b::7f00:1]", "[ff02::1]"),
    *("[64:ff9b::169.254.169.254]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[::127.0.0.1]"),
    *("[fc00::1]", "[2606:4700::1111]", "[::1", "::1", "[v1.a]", "[]"),
]
_NAMED_HOSTS = [
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "metadata", "metadata.local"),
    *(
        "metadata.google.internal",
        "router.lan",
        "nas.home",
        "printer.localdomain",
        "1.in-addr.arpa",
    ),
    *("pictures.example.com.", "pictures..example.com", ".example.com", "-a.example.com"),
    *("a-.example.com", "a_b.example.com", "a" * 64 + ".example.com", "a." * 127 + "com"),
    # Dots, digits, letters and hyphens of other scripts, and characters that normalization removes.
    *("127\u30020\u30020\u30021", "127\uff0e0\uff0e0\uff0e1", "127\uff610\uff610\uff611"),
    *("\uff11\uff12\uff17.0.0.1", "\u2460\u2461\u2466.0.0.1", "loc\u00adalhost.example.com"),
    *("ex\u0430mple.com", "example\u3002com", "pictures.example.co\u212a", "exam\u200bple.com"),
    *(
        "pictures\u2024example.com",
        "pictures.example.com\u2044@127.0.0.1",
        "\u24c1ocalhost.example",
    ),
    *("pictures.example.com%00.evil.example", "pictures.example.com%2e", "%6cocalhost.example.com"),
    *("127.0.0.1%2f.example.com", "pictures.example.com%40127.0.0.1"),
]
_WHOLE_URLS = [
    # other schemes, or none
    *(
        "http://pictures.example.com/a.png",
        "ftp://pictures.example.com/a.png",
        "file:///etc/passwd",
    ),
    *("gopher://pictures.example.com:70/_x", "dict://pictures.example.com/", "data:image/png,x"),
    *("javascript:alert(1)", "//pictures.example.com/a.png", "pictures.example.com/a.png"),
    *("https:/pictures.example.com/a.png", "https:pictures.example.com/a.png", "https://"),
    *("https:///pictures.example.com/a.png", "https:\\\\pictures.example.com\\a.png", "/a.png"),
    *("ht\ttps://pictures.example.com/", "https ://pictures.example.com/", "jar:https://a.b/c!/"),
    *("http\u017f://pictures.example.com/a.png", "https\uff1a//pictures.example.com/"),
    # user information, other ports
    *("https://user@pictures.example.com/", "https://user:word@pictures.example.com/a.png"),
    *("https://pictures.example.com@127.0.0.1/", "https://127.0.0.1@pictures.example.com/"),
    *(
        "https://@pictures.example.com/",
        "https://:@pictures.example.com/",
        "https://a@b@c.example/",
    ),
    *("https://pictures.example.com:80/", "https://pictures.example.com:8443/a.png"),
    *("https://pictures.example.com:/", "https://pictures.example.com:0443/a.png"),
    *("https://pictures.example.com:443:443/", "https://pictures.example.com:+443/"),
    *("https://pictures.example.com:65979/", "https://pictures.example.com:443@127.0.0.1/"),
    # what parsers read differently
    *("https://pictures.example.com\\@127.0.0.1/", "https://pictures.example.com\\a.png"),
    *("https://pictures.example.com/a.png#", "https://pictures.example.com/#@127.0.0.1/"),
    *("https://pictures.example.com#@127.0.0.1/", "https://127.0.0.1#.example.com/a.png"),
    *("https://pictures.example.com/a b.png", "https://pictures.example.com/a\tb.png"),
    *(
        "https://pictures.example.com/a\nHost: 127.0.0.1",
        "https://pictures.example.com/\r\n\r\nGET",
    ),
    *("https://pictures.example.com /a.png", "https://pictures.example.com\x00/a.png"),
    *("https://pictures.example.com\u2028/a.png", "https://\u00a0pictures.example.com/a.png"),
    *("https://pictures.example.com/\x7f", "https://pictures.example.com/\u202egnp.a"),
    "https://pictures.example.com/" + "a" * 2048,
    "https://pictures.example.com;127.0.0.1/",
]
REFUSED_URLS = [
    *(f"https://{host}/a.png" for host in (*_IPV4_HOSTS, *_IPV6_HOSTS, *_NAMED_HOSTS)),
    *_WHOLE_URLS,
]
REFUSED_ADDRESSES = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255"),
    *("192.168.0.1", "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.127.255.255"),
    *("192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1"),
    *("fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "100::1"),
    *("64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1", "2001:db8::1"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::", "2001::1", "2001:0:a9fe:a9fe::", "3fff::1"),
    *("", "not an address", "127.1", "0177.0.0.1"),
]
ALLOWED_ADDRESSES = [
    *("8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1"),
    *("2606:4700:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"),
]
