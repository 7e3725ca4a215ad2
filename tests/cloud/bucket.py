"""Object storage on this machine, for the clients of TensorFlow and of Beam as they are.

Beam's client talks to it as to any emulator, and TensorFlow's as to the real hosts.
"""

import base64
import datetime
import email
import email.policy
import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import google_crc32c

from tests.cloud.server import Answer, Asked, Server, query_of, said

PAGE = 1000  # names


class Blob(NamedTuple):
    """The content of an object; its generation is a number that no other has."""

    content: bytes
    generation: int
    updated: str


class Bucket(Server):
    """A bucket and its server, as a context."""

    def __init__(self, name: str, directory: Path) -> None:
        super().__init__(directory)
        self.name = name
        self.blobs: dict[str, Blob] = {}
        self._uploads: dict[str, tuple[str, bytearray]] = {}
        self._lock = threading.RLock()
        self.closed = False  # to everybody

    @property
    def environment(self) -> dict[str, str]:
        """What makes the clients of a process come here."""
        small = {"GCS_READ_CACHE_BLOCK_SIZE_MB": "1"}  # TensorFlow's client clears 64 MB before it reads a small object
        return super().environment | small | {"STORAGE_EMULATOR_HOST": self.address}

    def write(self, path: str, content: bytes) -> None:
        """Puts an object at a gs:// path."""
        self.put(path.removeprefix(f"gs://{self.name}/"), content)

    def read(self, path: str) -> str:
        """The text at a gs:// path."""
        return self.blobs[path.removeprefix(f"gs://{self.name}/")].content.decode()

    def put(self, name: str, content: bytes) -> dict[str, Any]:
        """Puts an object; returns what the server says of it."""
        with self._lock:
            now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            self.blobs[name] = Blob(bytes(content), time.time_ns(), now)
            return self.resource(name)

    def resource(self, name: str) -> dict[str, Any]:
        """What the server says of an object."""
        blob = self.blobs[name]
        facts = {"kind": "storage#object", "id": f"{self.name}/{name}", "name": name, "bucket": self.name}
        facts |= {"size": str(len(blob.content)), "generation": str(blob.generation), "metageneration": "1"}
        return facts | {
            "updated": blob.updated,
            "crc32c": _checksum(blob.content),
            "timeCreated": blob.updated,
            "contentType": "application/octet-stream",
        }

    def answer(self, asked: Asked) -> Answer:
        """Answers a request."""
        if self.closed and "token" not in asked.path:
            return said({"error": {"code": 403, "message": "no right to do so"}}, 403)
        with self._lock:
            for pattern, respond in _ROUTES:
                if found := re.fullmatch(pattern, f"{asked.method} {asked.path}"):
                    return respond(self, [unquote(part) for part in found.groups()], asked)
        return said({"error": {"code": 501, "message": f"{asked.method} {asked.path}"}}, 501)

    def _about(self, parts: list[str], asked: Asked) -> Answer:
        return said({"kind": "storage#bucket", "name": parts[0], "location": "US", "storageClass": "STANDARD"})

    def _layout(self, parts: list[str], asked: Asked) -> Answer:
        return said({"kind": "storage#storageLayout", "bucket": parts[0], "hierarchicalNamespace": {"enabled": False}})

    def _list(self, parts: list[str], asked: Asked) -> Answer:
        prefix, delimiter = asked.query.get("prefix", ""), asked.query.get("delimiter", "")
        names, prefixes = [], set()
        for name in sorted(one for one in self.blobs if one.startswith(prefix)):
            below = name[len(prefix) :]
            if delimiter and delimiter in below:
                prefixes.add(prefix + below.split(delimiter)[0] + delimiter)
            else:
                names.append(name)
        at, most = int(asked.query.get("pageToken", 0)), min(int(asked.query.get("maxResults", PAGE)), PAGE)
        facts: dict[str, Any] = {
            "kind": "storage#objects",
            "items": [self.resource(one) for one in names[at : at + most]],
        }
        facts |= {"prefixes": sorted(prefixes)} if prefixes and not at else {}
        return said(facts | ({"nextPageToken": str(at + most)} if at + most < len(names) else {}))

    def _stat(self, parts: list[str], asked: Asked) -> Answer:
        if parts[1] not in self.blobs:
            return _missing(parts[1])
        return self._media(parts, asked) if asked.query.get("alt") == "media" else said(self.resource(parts[1]))

    def _media(self, parts: list[str], asked: Asked) -> Answer:
        if parts[1] not in self.blobs:
            return _missing(parts[1])
        content = self.blobs[parts[1]].content
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("Range", ""))
        if not wanted:
            return Answer(200, content)
        start, end = int(wanted[1]), min(int(wanted[2] or len(content) - 1), len(content) - 1)
        if start >= len(content):
            return Answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        return Answer(206, content[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{len(content)}"})

    def _upload(self, parts: list[str], asked: Asked) -> Answer:
        kind, name = asked.query["uploadType"], asked.query.get("name", "")
        if kind == "multipart":
            told, content = _multipart(asked.headers["Content-Type"], asked.body)
            return said(self.put(json.loads(told)["name"], content))
        if kind == "media":
            if asked.query.get("ifGenerationMatch") == "0" and name in self.blobs:
                return said({"error": {"code": 412, "message": "it is there"}}, 412)
            return said(self.put(name, asked.body))
        number = uuid.uuid4().hex
        self._uploads[number] = (name or json.loads(asked.body)["name"], bytearray())
        base = "https://www.googleapis.com" if asked.host.endswith("googleapis.com") else self.address
        return Answer(200, b"", {"Location": f"{base}/resume/{number}"})

    def _resume(self, parts: list[str], asked: Asked) -> Answer:
        name, content = self._uploads[parts[0]]
        total = asked.headers.get("Content-Range", "bytes */*").rpartition("/")[2]
        content += asked.body
        if (total != "*" and len(content) >= int(total)) or "Content-Range" not in asked.headers:
            return said(self.put(name, content))
        return Answer(308, b"", {"Range": f"bytes=0-{len(content) - 1}"} if content else {})

    def _delete(self, parts: list[str], asked: Asked) -> Answer:
        return Answer(204) if self.blobs.pop(parts[1], None) else _missing(parts[1])

    def _copy(self, parts: list[str], asked: Asked) -> Answer:
        if parts[1] not in self.blobs:
            return _missing(parts[1])
        made = self.put(parts[-1], self.blobs[parts[1]].content)
        if parts[2] == "copyTo":
            return said(made)
        sizes = dict.fromkeys(("objectSize", "totalBytesRewritten"), made["size"])
        return said({"kind": "storage#rewriteResponse", "done": True, "resource": made, **sizes})

    def _token(self, parts: list[str], asked: Asked) -> Answer:
        return said({"access_token": "none", "expires_in": 3600, "token_type": "Bearer"})

    def _anywhere(self, parts: list[str], asked: Asked) -> Answer:
        return said({"locations": [], "encodedLocations": "0x0"})

    def _batch(self, parts: list[str], asked: Asked) -> Answer:
        """Several requests in one; so a client deletes and copies."""
        boundary = "batch"
        answers = []
        for part in _parts(asked.headers["Content-Type"], asked.body):
            inner = part.get_payload(decode=True) or part.get_payload().encode()
            line, rest = re.split(rb"\r?\n", inner, maxsplit=1)
            method, target, _ = line.decode().split(" ")
            place, content = urlsplit(target), re.split(rb"\r?\n\r?\n", rest, maxsplit=1)[-1]
            found = self.answer(Asked(method, asked.host, place.path, query_of(place.query), {}, content))
            length = len(found.content)
            told = f"--{boundary}\r\nContent-Type: application/http\r\n\r\n"
            told += f"HTTP/1.1 {found.status} OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            answers.append(told.encode() + found.content + b"\r\n")
        return Answer(
            200, b"".join(answers) + b"--batch--", {"Content-Type": f'multipart/mixed; boundary="{boundary}"'}
        )


_API = r"(?:/storage/v1)?/b/([^/]+)"
_ROUTES: list[tuple[str, Any]] = [
    (r"POST (?:/token|/oauth2/v\d/token)", Bucket._token),
    (r"GET /v1/projects/.*/allowedLocations", Bucket._anywhere),
    (r"POST /batch/storage/v1", Bucket._batch),
    (r"PUT /resume/(\w+)", Bucket._resume),
    (r"POST (?:/resumable)?/upload/storage/v1/b/([^/]+)/o", Bucket._upload),
    (rf"GET (?:/download)?{_API}/o/([^/]+)", Bucket._stat),
    (rf"POST {_API}/o/([^/]+)/(copyTo|rewriteTo)/b/([^/]+)/o/([^/]+)", Bucket._copy),
    (rf"DELETE {_API}/o/([^/]+)", Bucket._delete),
    (rf"GET {_API}/storageLayout", Bucket._layout),
    (rf"GET {_API}/o", Bucket._list),
    (rf"GET {_API}", Bucket._about),
    (r"GET /([^/]+)/(.+)", Bucket._media),
]


def _missing(name: str) -> Answer:
    return said({"error": {"code": 404, "message": f"No such object: {name}"}}, 404)


def _parts(kind: str, body: bytes) -> Iterator[Any]:
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=email.policy.HTTP)
    yield from message.iter_parts()


def _multipart(kind: str, body: bytes) -> tuple[bytes, bytes]:
    """The two parts of an upload, byte for byte: what is told, and the content."""
    boundary = re.search(r"boundary=['\"]?([^'\";]+)", kind)
    assert boundary
    _, told, content, _ = body.split(f"--{boundary[1]}".encode(), 3)
    return told.partition(b"\r\n\r\n")[2].strip(), content.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")


def _checksum(content: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(content).digest()).decode()
