"""The package index of this machine, and uv's wheel from it, with nothing but the standard library of any Python 3.

`index.py` prints the index that pip or uv are configured with, or nothing; `index.py fetch-uv` puts uv into .uv/bin/.
"""

import configparser
import hashlib
import html.parser
import io
import os
import pathlib
import platform
import re
import ssl
import stat
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile

LOCK = pathlib.Path("uv.lock")
HOME = pathlib.Path.home()
CONFIG = pathlib.Path(os.environ.get("XDG_CONFIG_HOME") or HOME / ".config")


def configured_index():
    """URL of the index that this machine is set up with, "" if there is none but the lock file's own."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    for path in (CONFIG / "uv" / "uv.toml", pathlib.Path("/etc/uv/uv.toml")):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            found = re.search(r'^index-url\s*=\s*"([^"]+)"', text, re.MULTILINE)
            tables = [table for table in text.split("[[index]]")[1:] if re.search(r"^default\s*=\s*true", table, re.M)]
            found = found or (re.search(r'^url\s*=\s*"([^"]+)"', tables[0], re.MULTILINE) if tables else None)
            if found:
                return found.group(1)
    pip = configparser.RawConfigParser(strict=False)
    places = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf", HOME / ".pip" / "pip.conf", CONFIG / "pip" / "pip.conf"]
    pip.read([*places, os.environ.get("PIP_CONFIG_FILE") or os.devnull])
    return next((pip.get(s, "index-url") for s in ("install", "global") if pip.has_option(s, "index-url")), "")


def locked_wheel():
    """(URL, SHA-256) of uv's wheel for this machine, from the lock file."""
    package = re.search(r'\[\[package\]\]\nname = "uv"\n.*?(?=\[\[package\]\]|\Z)', LOCK.read_text(), re.DOTALL).group()
    libc = "musllinux" if platform.libc_ver()[0] != "glibc" else "manylinux"
    system = {"Linux": libc, "Darwin": "macosx"}.get(platform.system(), platform.system().lower())
    for url, sha in re.findall(r'url = "([^"]+\.whl)", hash = "sha256:([0-9a-f]+)"', package):
        name = url.rsplit("/", 1)[1]
        if system in name and platform.machine() in name:
            return url, sha
    sys.exit(f"install: uv has no wheel for {platform.system()} on {platform.machine()}; install uv by hand")


class Links(html.parser.HTMLParser):
    """Collects the links of an index page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        """One tag."""
        if tag == "a":
            self.found += [value for key, value in attrs if key == "href"]


def download(url):
    """The bytes at `url`. A certificate is wanted but not needed, for a hash of the lock file decides."""
    try:
        return urllib.request.urlopen(url, timeout=120).read()
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ssl.SSLCertVerificationError) or "@" in urllib.parse.urlsplit(url).netloc:
            raise
        return urllib.request.urlopen(url, timeout=120, context=ssl._create_unverified_context()).read()


def wheel_address(index, url):
    """Where `index` has the file of `url`; `url` itself where no index is configured."""
    if not index:
        return url
    page = index.rstrip("/") + "/uv/"
    links = Links()
    links.feed(download(page).decode())
    name = url.rsplit("/", 1)[1]
    found = [link for link in links.found if urllib.parse.urlsplit(link).path.endswith("/" + name) or link == name]
    return urllib.parse.urljoin(page, found[0]) if found else url


def fetch_uv():
    """Puts uv into .uv/bin/."""
    url, sha = locked_wheel()
    try:
        wheel = download(wheel_address(configured_index(), url))
    except (OSError, ValueError) as error:
        sys.exit(f"install: uv cannot be fetched ({error}); install uv, or name a package index in PIP_INDEX_URL")
    if hashlib.sha256(wheel).hexdigest() != sha:
        sys.exit("install: the wheel of uv is not the one of uv.lock; install uv by hand")
    target = pathlib.Path(".uv/bin/uv")
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        member = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        target.write_bytes(archive.read(member))
    target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


if __name__ == "__main__":
    if sys.argv[1:] == ["fetch-uv"]:
        fetch_uv()
    else:
        print(configured_index())
