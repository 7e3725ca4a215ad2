"""A server on this machine for clients that look for real hosts: they reach it through a proxy, which it is too.

It ends TLS with a certificate of its own, which the clients are told to trust.
"""

import datetime
import ipaddress
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HOSTS = (
    "www.googleapis.com",
    "storage.googleapis.com",
    "iamcredentials.googleapis.com",
    "europe-west4-aiplatform.googleapis.com",
    "localhost",
)


class Asked(NamedTuple):
    """A request; `host` is the one that the client means, and `body` is as it came."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: Any
    body: bytes


class Answer(NamedTuple):
    """What the server says."""

    status: int
    content: bytes = b""
    headers: dict[str, str] = {}


class Server:
    """A server as a context. `requests` are all that came; tunnels that clients asked the proxy for are among them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.requests: list[Asked] = []

    def __enter__(self) -> Self:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key, certificate = _certificate(self.directory)
        tls.load_cert_chain(certificate, key)
        handler = type("Handler", (_Handler,), {"owner": self, "tls": tls})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes the clients of a process come here."""
        account, certificate = self.directory / "account.json", str(self.directory / "certificate.pem")
        secret = (self.directory / "key.pem").read_text()
        facts = {"type": "service_account", "project_id": "p", "private_key_id": "1", "private_key": secret}
        facts |= {"client_email": "nobody@p.invalid", "client_id": "1", "token_uri": f"{self.address}/token"}
        account.write_text(json.dumps(facts))
        return {
            "https_proxy": self.address,
            "no_proxy": "localhost,127.0.0.1,::1",
            "CURL_CA_BUNDLE": certificate,
            "REQUESTS_CA_BUNDLE": certificate,
            "GOOGLE_APPLICATION_CREDENTIALS": str(account),
            "GOOGLE_CLOUD_PROJECT": "p",
            "NO_GCE_CHECK": "true",
        }

    def answer(self, asked: Asked) -> Answer:
        """Answers a request."""
        raise NotImplementedError


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # it makes each request 40 ms longer
    owner: Server
    tls: ssl.SSLContext

    def do_CONNECT(self) -> None:
        """From here on the connection is that of a client with the real host, as it thinks."""
        self.owner.requests.append(Asked(self.command, self.path, "", {}, self.headers, b""))
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        self.wfile.flush()
        self.connection = self.request = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False

    def handle_expect_100(self) -> bool:
        """Lets a client go on at once, which would wait for a second."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def finish(self) -> None:
        """Closes the connection, which is another one than the server knows if it is a tunnel."""
        super().finish()
        self.connection.close()

    def _any(self) -> None:
        target = urlsplit(self.path)
        host = self.headers.get("Host", "")
        asked = Asked(self.command, host, target.path, query_of(target.query), self.headers, self._body())
        self.owner.requests.append(asked)
        answer = self.owner.answer(asked)
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


def said(facts: dict[str, Any], status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(facts).encode())


def query_of(text: str) -> dict[str, str]:
    """The parameters in the query of an address."""
    return {key: values[-1] for key, values in parse_qs(text, keep_blank_values=True).items()}


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
