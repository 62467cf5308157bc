"""The simulated Bluefors API: value tree, samples, keys, refusals."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import TURBO, Refrigerator, Status
from kammerton_sim.instruments.bluefors_api import BlueforsApi
from kammerton_sim.wire.http import HttpServer

TMIXING = "mapper.bf.temperatures.tmixing"


class Clock:
    def __init__(self) -> None:
        self.time = 1e9

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refrigerator(clock: Clock) -> Refrigerator:
    return Refrigerator(clock)


@pytest.fixture
def api(clock: Clock, refrigerator: Refrigerator) -> BlueforsApi:
    return BlueforsApi("fridge", Ledger(clock), clock, refrigerator)


def get(api: BlueforsApi, path: str, method: str = "GET", **query: str) -> tuple[int, Any]:
    return api.answer(method, path, query, b"")


def content(api: BlueforsApi, path: str = TMIXING) -> dict[str, Any]:
    status, answer = get(api, "/values/" + path.replace(".", "/"))
    assert status == 200
    return answer["data"][path]["content"]


def test_a_sample_has_value_time_and_status(api):
    found = content(api)
    assert float(found["latest_value"]["value"]) == pytest.approx(0.012, rel=0.02)
    assert found["latest_value"] == found["latest_valid_value"]
    assert (found["latest_value"]["status"], found["latest_value"]["outdated"]) == (
        "SYNCHRONIZED",
        False,
    )
    assert found["latest_value"]["date"] == 10**12
    assert found["read_only"] is True


def test_everything_of_the_refrigerator_is_there(api, refrigerator):
    true = refrigerator.conditions()
    values = {
        path: float(node["content"]["latest_value"]["value"])
        for path, node in get(api, "/values/")[1]["data"].items()
    }
    assert values["mapper.bf.temperatures.t4k"] == pytest.approx(true.temperatures["4K"], rel=0.02)
    assert values["mapper.bf.pressures.p4"] * 100 == pytest.approx(true.pressures["tank"], rel=1e-4)
    assert values["mapper.bf.flow"] * 1e-3 == pytest.approx(true.flow, rel=1e-4)
    assert values["mapper.bf.pumps.turbo1"] == 1.0
    refrigerator.switch(TURBO, on=False)
    assert content(api, "mapper.bf.pumps.turbo1")["latest_value"]["value"] == "1"  # not yet polled


def test_values_are_polled_once_a_second(api, refrigerator, clock):
    first = content(api)["latest_value"]["value"]
    refrigerator.hold(0.5)
    assert content(api)["latest_value"]["value"] == first
    clock.time += 1
    assert float(content(api)["latest_value"]["value"]) == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Status.DISCONNECTED, "DISCONNECTED"), (Status.NO_NUMBER, "INVALID"),
     (Status.OVER_RANGE, "INVALID")],
)  # fmt: skip
def test_a_bad_sensor_leaves_the_last_valid_sample_to_grow_old(
    api, refrigerator, clock, fault, status
):
    good = content(api)["latest_value"]["value"]
    refrigerator.thermometer("mixing_chamber").fail(fault)
    clock.time += 4
    found = content(api)
    assert (found["latest_value"]["value"], found["latest_value"]["status"]) == ("", status)
    assert (found["latest_valid_value"]["value"], found["latest_valid_value"]["outdated"]) == (
        good,
        False,
    )
    clock.time += 2
    assert content(api)["latest_valid_value"]["outdated"] is True


def test_recursion_style_and_fields(api):
    assert get(api, "/values/mapper/bf", recursion="0")[1]["data"] == {}
    below = get(api, "/values/mapper/bf", recursion="1")[1]["data"]
    assert list(below) == ["mapper.bf.flow"]
    tree = get(api, "/values/mapper/bf/pumps", style="tree", fields="name;value")[1]["data"]
    assert tree["children"]["turbo1"]["content"]["latest_value"] == {"value": "1"}
    assert "type" not in tree["children"]["turbo1"]["content"]


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "code"),
    [
        ("GET", "/values/mapper/bf/nothing", {}, 404, 3001),
        ("GET", "/toaster", {}, 404, 1008),
        ("GET", "/values/mapper", {"recursion": "all"}, 400, 1001),
        ("GET", "/values/mapper", {"recursion": "\u00b2"}, 400, 1001),
        ("GET", "/values/mapper", {"style": "baroque"}, 400, 1001),
        ("POST", "/values/", {}, 403, 2003),
        ("DELETE", "/values/mapper", {}, 405, 2004),
        ("POST", "/system", {}, 404, 1008),
    ],
)
def test_refusals(api, method, path, query, status, code):
    found, answer = get(api, path, method, **query)
    assert (found, answer["error"]["code"]) == (status, code)


def test_an_address_that_is_none_is_refused(api):
    server = HttpServer("api", 0, api.answer)
    try:
        with socket.create_connection(("127.0.0.1", server.port), 5) as client:
            client.sendall(b"GET http://[ HTTP/1.1\r\n\r\nGET /system HTTP/1.0\r\n\r\n")
            said = b""
            while part := client.recv(1000):
                said += part
    finally:
        server.close()
    assert said.startswith(b"HTTP/1.1 400")
    assert b"Simulated refrigerator" in said  # the connection goes on


def test_a_write_is_declined_and_noted(api):
    get(api, "/values/", "POST")
    assert [c["what"] for c in api._ledger.since()] == ["refused"]


def test_a_key_opens(clock, refrigerator):
    api = BlueforsApi("fridge", Ledger(clock), clock, refrigerator, key="sesame")
    assert get(api, "/values/")[1]["error"]["code"] == 2001
    assert get(api, "/values/", key="wrong")[1]["error"]["code"] == 2003
    assert get(api, "/values/", key="sesame")[0] == 200


def test_after_a_restart_nothing_valid_is_known_of_a_bad_sensor(api, refrigerator, clock):
    content(api)
    refrigerator.thermometer("mixing_chamber").fail(Status.NO_NUMBER)
    api.power_cycle()
    assert content(api)["latest_valid_value"]["value"] == ""


@given(st.text(max_size=40), st.dictionaries(st.sampled_from(["recursion", "style", "fields",
       "key"]), st.text(max_size=8)), st.sampled_from(["GET", "POST", "PUT", "X"]))  # fmt: skip
def test_whatever_is_asked_is_answered(path, query, method):
    clock = Clock()
    api = BlueforsApi("fridge", Ledger(clock), clock, Refrigerator(clock))
    for start in ("/", "/values/", "/values/mapper/bf/"):
        status, answer = api.answer(method, start + path, query, b"")
        assert set(answer) == ({"data"} if status == 200 else {"error"})
        json.dumps(answer, allow_nan=False)


# ---------------------------------------------------------------- over TCP


@pytest.fixture
def server(api: BlueforsApi) -> Iterator[HttpServer]:
    server = HttpServer("fridge", 0, api.answer, api.watch)
    yield server
    server.close()


@pytest.mark.parametrize(
    "length",
    ["-1", "many", "\u00b2", "9" * 20, str(1 << 21), "0" * 9 + "9" * 14, "0" * 9 + "9" * 5000],
)
def test_a_body_of_impossible_length_is_refused(server, length):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    client.putrequest("POST", "/values/")
    client.putheader("Content-Length", length.encode("latin-1"))
    client.endheaders()
    assert client.getresponse().status == 413
    client.close()


def test_zeros_before_the_length_of_a_body_are_nothing(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    for length in ("0" * 20, "0" * 20 + "2", ""):
        client.putrequest("GET", "/system/")
        client.putheader("Content-Length", length)
        client.endheaders(b"{}" if length.endswith("2") else None)
        assert client.getresponse().read(1) == b"{"
        client.close()
    client.close()


def test_a_connection_serves_many_requests(server):
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    for _ in range(3):
        client.request("GET", "/system/?prettyprint=1")
        assert json.loads(client.getresponse().read())["data"]["sw_name"] == "CS1"
    client.close()
