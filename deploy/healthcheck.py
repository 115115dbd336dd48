"""Check whether the web server of this container responds; Docker runs this file.

Liveness only: restarting web processes does not repair a database. `/health/ready` tells a load
balancer whether requests can be served. Docker stops this check after the Dockerfile's `--timeout`.
"""

import os
import sys
import urllib.request


def main() -> int:
    """Return 0 when the server responds to a request for a host name that it accepts."""
    port = os.environ.get("PORT", "8000")
    host = os.environ["ALLOWED_HOSTS"].split(",")[0].strip().removeprefix(".")
    request = urllib.request.Request(f"http://127.0.0.1:{port}/health/live", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=4):  # noqa: S310  our own address; raises on 4xx, 5xx
        return 0


if __name__ == "__main__":
    sys.exit(main())
