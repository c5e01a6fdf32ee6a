"""Clients that stop in the middle (H28), opened when the session began and looked at here, so that nobody waits.

Alone, this file takes as long as the longest deadline.
"""

import pytest


@pytest.mark.parametrize("name", ["half a head", "half a head after a read", "half a head after a write"])
def test_a_head_that_never_ends_is_ended_with_408(slow_clients, name):
    rest = slow_clients[name].rest()
    assert rest.startswith(b"HTTP/1.1 408 "), rest


def test_a_body_that_stops_is_ended_and_stores_nothing(slow_clients, slow_bucket):
    rest = slow_clients["half a body"].rest()
    assert rest == b"" or rest.startswith(b"HTTP/1.1 4"), rest
    slow_bucket.get("p", "half").expect(404)


@pytest.mark.parametrize("name", ["nothing at all", "idle after a read", "idle after a write"])
def test_an_idle_connection_is_kept(slow_clients, slow_bucket, name):
    connection = slow_clients[name]
    assert connection.is_quiet(), connection.rest()
    connection.send(slow_bucket.bytes_of("GET", slow_bucket.item_target("p", "a"), [("Accept", "*/*")]))
    assert connection.read().expect(200).body == b"1"
