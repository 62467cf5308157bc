"""A QCoDeS driver for the HTTP API of Bluefors Control Software, generation 1. It only reads.

Source: Remote Access Control API Gen. 1, technical reference BF1000-1234517327-83, version 3.0.
"""

from __future__ import annotations

import http.client
import json
import math
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from qcodes.instrument import Instrument

TEMPERATURES: Mapping[str, str] = {
    "t50k": "50 K flange", "t4k": "4 K flange", "tstill": "Still", "tmixing": "Mixing chamber",
}  # fmt: skip
PUMPS = ("turbo1", "scroll1", "compressor")
_VALID = ("SYNCHRONIZED", "INDEPENDENT", "CHANGED", "QUEUED")
_LARGEST = 1 << 20


class BlueforsApiError(Exception):
    """The control software did not give a value that counts."""


class BlueforsApi(Instrument):
    """A refrigerator as its control software tells of it.

    Parameters
    ----------
    name: what QCoDeS calls it.
    url: "http://localhost:49099" on the control computer itself, "https://host:49098" elsewhere.
    key: access key with the right to read; needed on the encrypted port.
    certificate: file with the certificate of the control software, which signs it itself.
    timeout: s for one answer.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        key: str | None = None,
        certificate: Path | None = None,
        timeout: float = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        self._url, self._key, self._timeout = url.rstrip("/"), key, timeout
        self._socket: socket.socket | None = None  # of the latest question: to be hung up on
        self._opener = _opener(certificate, self._keep)
        for short, label in TEMPERATURES.items():
            path = f"mapper.bf.temperatures.{short}"
            self.add_parameter(short, label=label, unit="K", get_cmd=partial(self.value, path))
        for number in range(1, 7):
            path = f"mapper.bf.pressures.p{number}"
            self.add_parameter(f"p{number}", unit="mbar", get_cmd=partial(self.value, path))
        self.add_parameter("flow", unit="mmol/s", get_cmd=partial(self.value, "mapper.bf.flow"))
        for pump in PUMPS:
            path = f"mapper.bf.pumps.{pump}"
            self.add_parameter(pump, get_cmd=partial(self.value, path), get_parser=bool)

    def _keep(self, link: socket.socket) -> None:
        self._socket = link

    def get_idn(self) -> dict[str, str | None]:
        """Return vendor, model, name of the system and version of the software."""
        system = self._ask("system/")
        return {
            "vendor": "Bluefors",
            "model": system.get("product_type"),
            "serial": system.get("system_name"),
            "firmware": system.get("sw_version"),
        }

    def value(self, path: str) -> float:
        """Return the latest value of a node such as "mapper.bf.temperatures.tmixing".

        Raises
        ------
        BlueforsApiError
            The node is missing, its latest sample is not valid or outdated, or is no number.
        """
        data = self._ask(f"values/{path.replace('.', '/')}/", "&recursion=0")
        entry = data if "content" in data else data.get(path, {})
        sample = entry.get("content", {}).get("latest_value", {})
        status, outdated = sample.get("status"), sample.get("outdated", True)
        if status not in _VALID or outdated:
            raise BlueforsApiError(f"{path}: {status}{', outdated' if outdated else ''}")
        try:
            number = float(sample["value"])
        except (KeyError, TypeError, ValueError):
            raise BlueforsApiError(f"{path}: {sample.get('value')!r} is no number") from None
        if not math.isfinite(number):
            raise BlueforsApiError(f"{path}: {number} is no number")
        return number

    def _ask(self, path: str, query: str = "") -> dict[str, Any]:
        """Return `data` of an answer; the key is in no message."""
        key = f"&key={quote(self._key, safe='')}" if self._key else ""
        request = urllib.request.Request(f"{self._url}/{path}?prettyprint=0{query}{key}")
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return _data(answer.read(_LARGEST))
        except urllib.error.HTTPError as refusal:
            with refusal:
                said = _error(refusal.read(_LARGEST))
            raise BlueforsApiError(f"{path}: HTTP {refusal.code}: {said}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key goes to nobody else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow no redirection: it is an error."""


Keep = Callable[[socket.socket], object]


class _Plain(http.client.HTTPConnection):
    """Hands its socket out once it is connected.

    The timeout is one of each piece of an answer: who sends a byte now and then is hung up on.
    """

    def __init__(self, keep: Keep, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._keep = keep

    def connect(self) -> None:
        """Connect."""
        super().connect()
        self._keep(self.sock)


class _Encrypted(_Plain, http.client.HTTPSConnection):
    """The same over TLS."""


class _Plainly(urllib.request.HTTPHandler):
    def __init__(self, keep: Keep) -> None:
        super().__init__()
        self._made = partial(_Plain, keep)

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._made, request)


class _Secretly(urllib.request.HTTPSHandler):
    def __init__(self, keep: Keep, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._made = partial(_Encrypted, keep, context=context)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._made, request)


def _opener(certificate: Path | None, keep: Keep) -> urllib.request.OpenerDirector:
    """Return what makes requests: through no proxy, and trusting `certificate` alone if given."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = certificate is None
    return urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        _Plainly(keep),
        _Secretly(keep, context),
        _NoRedirect(),
    )


def _data(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        raise BlueforsApiError(f"not JSON: {body[:40]!r}") from None
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        raise BlueforsApiError(f"no data but {str(answer)[:80]}")
    return data


def _error(body: bytes) -> str:
    """Return what an error says: name and code."""
    try:
        error = json.loads(body)["error"]
        return f"{error['name']} ({error['code']})"
    except (ValueError, KeyError, TypeError):
        return "without a reason"
