"""Object storage on this machine, for the clients of TensorFlow and of Beam as they are.

Beam's client talks to it as to any emulator. TensorFlow's knows only the real hosts: it reaches them through a proxy, which this
server is too, and which ends TLS with a certificate of its own.
"""

import base64
import datetime
import email
import email.policy
import ipaddress
import json
import re
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HOSTS = ("www.googleapis.com", "storage.googleapis.com", "iamcredentials.googleapis.com", "localhost")
PAGE = 1000  # names


class Blob(NamedTuple):
    """The content of an object; its generation is a number that no other has."""

    content: bytes
    generation: int
    updated: str


class Answer(NamedTuple):
    """What the server says."""

    status: int
    content: bytes = b""
    headers: dict[str, str] = {}


class Bucket:
    """A bucket and its server, as a context. `requests` are the (method, path, query) of all that came."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        self.blobs: dict[str, Blob] = {}
        self.requests: list[tuple[str, str, str]] = []
        self._uploads: dict[str, tuple[str, bytearray]] = {}
        self._lock = threading.RLock()

    def __enter__(self) -> "Bucket":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key, certificate = _certificate(self.directory)
        tls.load_cert_chain(certificate, key)
        handler = type("Handler", (_Handler,), {"bucket": self, "tls": tls})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What makes the clients of a process come here."""
        here = f"http://127.0.0.1:{self._server.server_port}"
        account = self.directory / "account.json"
        secret = (self.directory / "key.pem").read_text()
        facts = {"type": "service_account", "project_id": "p", "private_key_id": "1", "private_key": secret}
        facts |= {"client_email": "nobody@p.invalid", "client_id": "1", "token_uri": f"{here}/token"}
        account.write_text(json.dumps(facts))
        return {
            "https_proxy": here,
            "no_proxy": "localhost,127.0.0.1,::1",
            "CURL_CA_BUNDLE": str(self.directory / "certificate.pem"),
            "REQUESTS_CA_BUNDLE": str(self.directory / "certificate.pem"),
            "STORAGE_EMULATOR_HOST": here,
            "GOOGLE_APPLICATION_CREDENTIALS": str(account),
            "GOOGLE_CLOUD_PROJECT": "p",
            "NO_GCE_CHECK": "true",
        }

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

    def answer(self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes) -> Answer:
        """Answers a request."""
        with self._lock:
            for pattern, respond in _ROUTES:
                if found := re.fullmatch(pattern, f"{method} {path}"):
                    return respond(self, [unquote(part) for part in found.groups()], query, headers, body)
        return _said({"error": {"code": 501, "message": f"{method} {path}"}}, 501)

    def _about(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        return _said({"kind": "storage#bucket", "name": parts[0], "location": "US", "storageClass": "STANDARD"})

    def _list(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        names, prefixes = [], set()
        for name in sorted(one for one in self.blobs if one.startswith(prefix)):
            below = name[len(prefix) :]
            if delimiter and delimiter in below:
                prefixes.add(prefix + below.split(delimiter)[0] + delimiter)
            else:
                names.append(name)
        at, most = int(query.get("pageToken", 0)), min(int(query.get("maxResults", PAGE)), PAGE)
        facts: dict[str, Any] = {
            "kind": "storage#objects",
            "items": [self.resource(one) for one in names[at : at + most]],
        }
        facts |= {"prefixes": sorted(prefixes)} if prefixes and not at else {}
        return _said(facts | ({"nextPageToken": str(at + most)} if at + most < len(names) else {}))

    def _stat(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        if parts[1] not in self.blobs:
            return _missing(parts[1])
        return (
            self._media(parts, query, headers, body) if query.get("alt") == "media" else _said(self.resource(parts[1]))
        )

    def _media(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        if parts[1] not in self.blobs:
            return _missing(parts[1])
        content = self.blobs[parts[1]].content
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range", ""))
        if not asked:
            return Answer(200, content)
        start, end = int(asked[1]), min(int(asked[2] or len(content) - 1), len(content) - 1)
        if start >= len(content):
            return Answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        return Answer(206, content[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{len(content)}"})

    def _upload(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        kind, name = query["uploadType"], query.get("name", "")
        if kind == "multipart":
            told, content = _multipart(headers["Content-Type"], body)
            return _said(self.put(json.loads(told)["name"], content))
        if kind == "media":
            if query.get("ifGenerationMatch") == "0" and name in self.blobs:
                return _said({"error": {"code": 412, "message": "it is there"}}, 412)
            return _said(self.put(name, body))
        number = uuid.uuid4().hex
        self._uploads[number] = (name or json.loads(body)["name"], bytearray())
        base = (
            "https://www.googleapis.com" if headers["Host"].endswith("googleapis.com") else f"http://{headers['Host']}"
        )
        return Answer(200, b"", {"Location": f"{base}/resume/{number}"})

    def _resume(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        name, content = self._uploads[parts[0]]
        total = headers.get("Content-Range", "bytes */*").rpartition("/")[2]
        content += body
        if (total != "*" and len(content) >= int(total)) or "Content-Range" not in headers:
            return _said(self.put(name, content))
        return Answer(308, b"", {"Range": f"bytes=0-{len(content) - 1}"} if content else {})

    def _delete(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        return Answer(204) if self.blobs.pop(parts[1], None) else _missing(parts[1])

    def _copy(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        if parts[1] not in self.blobs:
            return _missing(parts[1])
        made = self.put(parts[-1], self.blobs[parts[1]].content)
        if parts[2] == "copyTo":
            return _said(made)
        sizes = dict.fromkeys(("objectSize", "totalBytesRewritten"), made["size"])
        return _said({"kind": "storage#rewriteResponse", "done": True, "resource": made, **sizes})

    def _token(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        return _said({"access_token": "none", "expires_in": 3600, "token_type": "Bearer"})

    def _anywhere(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        return _said({"locations": [], "encodedLocations": "0x0"})

    def _batch(self, parts: list[str], query: dict[str, str], headers: Any, body: bytes) -> Answer:
        """Several requests in one; so a client deletes and copies."""
        boundary = "batch"
        answers = []
        for part in _parts(headers["Content-Type"], body):
            inner = part.get_payload(decode=True) or part.get_payload().encode()
            line, rest = re.split(rb"\r?\n", inner, maxsplit=1)
            method, target, _ = line.decode().split(" ")
            asked = urlsplit(target)
            found = self.answer(
                method, asked.path, _query(asked.query), {}, re.split(rb"\r?\n\r?\n", rest, maxsplit=1)[-1]
            )
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
    (rf"GET {_API}/o", Bucket._list),
    (rf"GET {_API}", Bucket._about),
    (r"GET /([^/]+)/(.+)", Bucket._media),
]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket
    tls: ssl.SSLContext

    def do_CONNECT(self) -> None:
        """From here on the connection is that of a client with the real host, as it thinks."""
        self.bucket.requests.append((self.command, self.path, ""))
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self.wfile.flush()
        self.connection = self.request = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False

    def _any(self) -> None:
        asked = urlsplit(self.path)
        body = self._body()
        self.bucket.requests.append((self.command, asked.path, asked.query))
        answer = self.bucket.answer(self.command, asked.path, _query(asked.query), self.headers, body)
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _any

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def log_message(self, *words: object) -> None:
        """Nothing is printed."""


def _said(facts: dict[str, Any], status: int = 200) -> Answer:
    return Answer(status, json.dumps(facts).encode())


def _missing(name: str) -> Answer:
    return _said({"error": {"code": 404, "message": f"No such object: {name}"}}, 404)


def _query(text: str) -> dict[str, str]:
    return {key: values[-1] for key, values in parse_qs(text, keep_blank_values=True).items()}


def _parts(kind: str, body: bytes) -> Iterator[Any]:
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=email.policy.HTTP)
    yield from message.iter_parts()


def _multipart(kind: str, body: bytes) -> tuple[bytes, bytes]:
    """The two parts of an upload, byte for byte: what is told, and the content."""
    boundary = re.search(r"boundary=['\"]?([^'\";]+)", kind)
    assert boundary
    _, told, content, _ = body.split(f"--{boundary[1]}".encode(), 3)
    return told.partition(b"\r\n\r\n")[2].strip(), content.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")


def _certificate(directory: Path) -> tuple[str, str]:
    """Writes a key and a certificate for the hosts; returns their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOSTS[0])])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([*map(x509.DNSName, HOSTS), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "key.pem").write_bytes(secret)
    (directory / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return str(directory / "key.pem"), str(directory / "certificate.pem")


def _checksum(content: bytes) -> str:
    return base64.b64encode(google_crc32c.Checksum(content).digest()).decode()
