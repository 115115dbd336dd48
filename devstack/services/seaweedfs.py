"""The S3 store: SeaweedFS from its wheel, on loopback, with signatures checked."""

import json
import os
import signal
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from devstack.folders import StackPaths
from devstack.process.child import Child
from devstack.process.ports import LOOPBACK, free_pairs, is_listening

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PUBLIC_PREFIXES = ("media", "temp", "images")
MEMORY_LIMIT = "400MiB"
PROBE_KEY = "devstack-probe"
OWNED = "BucketAlreadyOwnedByYou"


class Seaweed:
    """One SeaweedFS server with the public and the private bucket."""

    def __init__(
        self, paths: StackPaths, *, keys: tuple[str, str], buckets: tuple[str, str]
    ) -> None:
        self._data = paths.data / "seaweed"
        self._identities = paths.run / "identities.json"
        self._keys, self._buckets = keys, buckets
        self._ports = free_pairs(5)
        self.port = self._ports[0]
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._child = Child(
            name="seaweedfs",
            command=self._command(),
            log=paths.logs / "seaweedfs.log",
            env={**os.environ, "GOMEMLIMIT": MEMORY_LIMIT},
            cwd=paths.run,
            stop_signal=signal.SIGKILL if paths.temporary else signal.SIGTERM,
            inherits=paths.locks,
        )

    @property
    def child(self) -> Child:
        """The running server."""
        return self._child

    def launch(self) -> None:
        """Start the server and return at once."""
        self._data.mkdir(parents=True, exist_ok=True)
        self._identities.touch(mode=0o600)
        self._identities.write_text(json.dumps(self._identity_file()))
        self._child.start()

    def wait_ready(self) -> None:
        """Wait until both buckets exist and accept objects."""
        self._child.wait_until(lambda: is_listening(self._ports[0]))
        client = self.client()
        self._child.wait_until(lambda: all(_takes_objects(client, name) for name in self._buckets))

    def client(self) -> "S3Client":
        """Return a client with the store's own keys."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self._keys[0],
            aws_secret_access_key=self._keys[1],
            region_name="us-east-1",
            config=Config(
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                retries={"total_max_attempts": 1},
            ),
        )

    def _command(self) -> list[str | Path]:
        s3, master, volume, filer, admin = self._ports
        return [
            *(Path(sysconfig.get_path("scripts")) / "weed", "mini", f"-dir={self._data}"),
            *(f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", f"-s3.config={self._identities}"),
            *(f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}"),
            *(f"-filer.port={filer}", f"-admin.port={admin}", "-admin.ui=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false"),
            "-master.telemetry=false",
        ]

    def _identity_file(self) -> dict[str, Any]:
        access, secret = self._keys
        readable = [f"Read:{self._buckets[0]}/{prefix}/*" for prefix in PUBLIC_PREFIXES]
        return {
            "identities": [
                {
                    "name": "sartiq",
                    "credentials": [{"accessKey": access, "secretKey": secret}],
                    "actions": ["Admin", "Read", "Write", "List", "Tagging"],
                },
                {"name": "anonymous", "actions": readable},
            ]
        }


def _takes_objects(client: "S3Client", bucket: str) -> bool:
    try:
        _create(client, bucket)
        client.put_object(Bucket=bucket, Key=PROBE_KEY, Body=b"ready")
        client.delete_object(Bucket=bucket, Key=PROBE_KEY)
    except (BotoCoreError, ClientError):
        return False
    return True


def _create(client: "S3Client", bucket: str) -> None:
    try:
        client.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != OWNED:
            raise
