"""A request sent behind one whose answer is streamed waits for that answer's last piece."""

import json

import wire
from skerry import b64

ITEMS = 1500
VALUE = bytes(1000)


def test_a_request_behind_a_streamed_answer_is_answered_after_it(k2v, pk):
    items = [{"pk": pk, "sk": f"{n:05}", "v": b64(VALUE)} for n in range(ITEMS)]
    k2v.insert_batch(items).expect(204)
    body = json.dumps([{"partitionKey": pk}]).encode()
    listing = k2v.bytes_of("POST", k2v.bucket_target("search"), [], body)
    reading = k2v.bytes_of("GET", k2v.item_target(pk, "00000"), [("Accept", "*/*")])
    connection = wire.Connection(k2v.server.address)
    for _ in range(5):
        connection.send(listing + reading + listing + reading)
        for _ in range(2):
            answer = connection.read().expect(200)
            assert len(answer.json()[0]["items"]) == ITEMS
            assert connection.read().expect(200).body == VALUE
    connection.close()
