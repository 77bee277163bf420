"""Files from the network, only where a command asks for one by name and hash.

Nothing else uses the network, but open_clip where `--allow-network` lets it fetch a pretrained tag.
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

LIMIT = 4 << 30
"""Bytes that a download may have."""
_TIMEOUT = 30.0
"""Seconds to wait for the other side."""
_BLOCK = 1 << 20
_TRUSTED_WITHOUT_TLS = frozenset({"localhost", "127.0.0.1", "::1"})


def file_name_of(url: str) -> str:
    """The last part of an address.

    Raises:
        UsageProblem: not an https address of a safetensors file.
    """
    try:
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in _TRUSTED_WITHOUT_TLS
    except ValueError as error:
        raise UsageProblem("not an address", "give one that begins with https://") from error
    if parts.scheme != "https" and not local:
        raise UsageProblem("only https addresses are fetched", "for a file: depmap weights import")
    name = parts.path.rpartition("/")[2]
    if not name.endswith(".safetensors") or not name.isprintable() or name.startswith("."):
        raise UsageProblem(
            "the address does not end in the name of a safetensors file",
            "pickled weights (.pt, .bin) are never loaded",
        )
    return name


def checked_hash(sha256: str) -> str:
    """A sha256 in lower case.

    Raises:
        UsageProblem: it is none.
    """
    if len(sha256) != 64 or not set(sha256) <= set(string.hexdigits):
        raise UsageProblem(
            "--sha256: 64 hexadecimal digits are expected", "ask who offers the file"
        )
    return sha256.lower()


def download(url: str, sha256: str, path: Path, told: FractionCallback, limit: int = LIMIT) -> None:
    """Write what lies at an address to ``path``, which is complete and of this hash afterwards.

    Raises:
        DownloadFailed: not to be had, too large, cut off, or of another hash; ``path`` is not to be
            used then.
        OSError: ``path`` cannot be written.
    """
    digest, done = hashlib.sha256(), 0
    try:
        with closing(urlopen(_request(url), timeout=_TIMEOUT)) as answer, path.open("wb") as file:
            announced = int(answer.headers.get("Content-Length") or 0)
            if announced > limit:
                raise _too_large(announced)
            while block := answer.read(_BLOCK):
                done += len(block)
                if done > limit:
                    raise _too_large(done)
                digest.update(block)
                file.write(block)
                if announced:
                    told(min(1.0, done / announced))
    except HTTPError as error:
        raise DownloadFailed(
            f"the server says {error.code} {error.reason}", "is it right?"
        ) from error
    except (URLError, HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise DownloadFailed(f"cannot be fetched: {why}", "is there a network?") from error
    if announced and done < announced:
        raise DownloadFailed(f"cut off after {done} of {announced} bytes", "try again")
    if digest.hexdigest() != sha256:
        raise DownloadFailed(
            f"another file than expected: its sha256 is {digest.hexdigest()[:16]}...",
            "nothing was kept; ask who offers the file for its hash",
        )


def _request(url: str) -> Request:
    return Request(url, headers={"User-Agent": f"depmap/{__version__}"})


def _too_large(found: int) -> DownloadFailed:
    return DownloadFailed(f"{found >> 20} MiB is more than weights have", "is the address right?")
