"""Downloads over HTTPS, checked against a known SHA-256 hash.

Only `depmap weights fetch` uses this module. The only other network access is open_clip's download
of a pretrained tag, which needs `--allow-network`.
"""

import hashlib
import string
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from depmap_cli import __version__
from depmap_cli.errors import DownloadFailed, UsageProblem
from depmap_cli.runtime.progress import FractionCallback

MAX_SIZE = 4 << 30
"""Largest download, bytes."""
_TIMEOUT = 30.0
"""Seconds without an answer after which a download fails."""
_BLOCK_SIZE = 1 << 20
_TRUSTED_WITHOUT_TLS = frozenset({"localhost", "127.0.0.1", "::1"})
_NO_PICKLE = "pickled weights (.pt, .bin) are never loaded; use a safetensors file"


def file_name_of(url: str) -> str:
    """Return the file name at the end of an address.

    Raises:
        UsageProblem: it is not an https address of a safetensors file.
    """
    try:
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in _TRUSTED_WITHOUT_TLS
    except ValueError as error:
        raise UsageProblem(
            f"{url}: not an address", "give an address that begins with https://"
        ) from error
    if parts.scheme != "https" and not local:
        raise UsageProblem(
            f"{url}: only https addresses can be fetched",
            "use https, or `depmap weights import` for a local file",
        )
    name = parts.path.rpartition("/")[2]
    if not name.endswith(".safetensors") or not name.isprintable() or name.startswith("."):
        raise UsageProblem(
            f"{url}: the address does not end in the name of a safetensors file", _NO_PICKLE
        )
    return name


def checked_hash(sha256: str) -> str:
    """Return a SHA-256 hash in lower case.

    Raises:
        UsageProblem: it is not a SHA-256 hash.
    """
    if len(sha256) != 64 or not set(sha256) <= set(string.hexdigits):
        raise UsageProblem(
            f"--sha256 {sha256}: not a SHA-256 hash of 64 hexadecimal digits",
            "copy the hash from the provider of the file",
        )
    return sha256.lower()


# pooch was tried in place of the standard library. Its HTTP downloader has no size limit, reports
# progress to a tqdm-like object only and gives no short reason for a failed connection, so the
# code around it was longer than this function.
def download(
    url: str, sha256: str, path: Path, on_progress: FractionCallback, max_size: int = MAX_SIZE
) -> None:
    """Download a file to ``path`` and check its hash.

    Raises:
        DownloadFailed: the file is unavailable, too large, incomplete or has another hash. The
            content of ``path`` must then not be used.
        OSError: ``path`` cannot be written.
    """
    digest, received = hashlib.sha256(), 0
    try:
        with closing(urlopen(_request(url), timeout=_TIMEOUT)) as response, path.open("wb") as file:
            size = int(response.headers.get("Content-Length") or 0)
            _check_size(url, size, max_size)
            while block := response.read(_BLOCK_SIZE):
                received += len(block)
                _check_size(url, received, max_size)
                digest.update(block)
                file.write(block)
                if size:
                    on_progress(min(1.0, received / size))
    except HTTPError as error:
        raise DownloadFailed(
            f"{url}: the server answered {error.code} {error.reason}", "check the address"
        ) from error
    except (URLError, HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DownloadFailed(
            f"{url}: cannot be fetched: {reason}", "check the address and the network connection"
        ) from error
    if received < size:
        raise DownloadFailed(f"{url}: incomplete after {received} of {size} bytes", "try again")
    if digest.hexdigest() != sha256:
        raise DownloadFailed(
            f"{url}: the file has another SHA-256 hash than expected: {digest.hexdigest()[:16]}...",
            "nothing was stored; check the hash with the provider of the file",
        )


def _request(url: str) -> Request:
    return Request(url, headers={"User-Agent": f"depmap/{__version__}"})


def _check_size(url: str, size: int, max_size: int) -> None:
    if size > max_size:
        raise DownloadFailed(
            f"{url}: {size >> 20} MiB is larger than weights can be", "check the address"
        )
