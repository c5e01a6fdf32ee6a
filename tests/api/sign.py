"""Two signers: botocore's, which owes nothing to this project, and one by hand for what botocore cannot say.

By hand are only the odd forms: signed chunks, trailers, wrong dates, unsigned headers, commas without blanks.
tests/api/test_auth.py holds the hand against the vectors of the protocol and against botocore.
"""

import datetime
import hashlib
import hmac
from collections import namedtuple
from urllib.parse import quote, unquote_to_bytes

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Key = namedtuple("Key", "id secret region")
Signed = namedtuple("Signed", "headers signature datetime scope key")

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
SERVICE = "k2v"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def now(seconds=0):
    """The time `seconds` from now, as SigV4 writes it."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y%m%dT%H%M%SZ")


# --- botocore ----------------------------------------------------------------------------------------------------


class QueryAuth(SigV4QueryAuth):
    """Presigned as K2V wants it: never a hash of the body (botocore does so for S3 alone)."""

    def payload(self, request):
        return UNSIGNED


def with_botocore(key, method, host, target, headers=(), body=b""):
    """All headers to send. botocore encodes the path a second time, as for every service but S3."""
    request = AWSRequest(method=method, url=f"http://{host}{target}", headers=dict(headers))
    if "x-amz-content-sha256" not in request.headers:
        request.headers["x-amz-content-sha256"] = sha256(body)
    SigV4Auth(Credentials(key.id, key.secret), SERVICE, key.region).add_auth(request)
    return [("Host", host), *request.headers.items()]


def presign_with_botocore(key, method, host, target, headers=(), expires_s=300):
    """The target with its signature in the query."""
    request = AWSRequest(method=method, url=f"http://{host}{target}", headers=dict(headers))
    QueryAuth(Credentials(key.id, key.secret), SERVICE, key.region, expires_s).add_auth(request)
    return request.url[len(f"http://{host}"):]


# --- by hand -----------------------------------------------------------------------------------------------------


def canonical_query(query):
    pairs = []
    for piece in query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            pairs.append("=".join(quote(unquote_to_bytes(text.replace("+", " ")), safe="-_.~")
                                  for text in (name, value)))
    return "&".join(sorted(pairs))


def canonical_request(method, target, headers, signed_names, payload, path_of=None):
    path, _, query = target.partition("?")
    path = (path_of or (lambda raw: quote(raw, safe="/-_.~")))(path or "/")
    values = {}
    for name, value in headers:
        values.setdefault(name.lower(), value.strip())
    names = sorted(signed_names)
    lines = "".join(f"{name}:{values.get(name, '')}\n" for name in names)
    return f"{method}\n{path}\n{canonical_query(query)}\n{lines}\n{';'.join(names)}\n{payload}"


def hmac256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signing_key(secret, scope):
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac256(key, part)
    return key


def signature_of(secret, when, scope, canonical):
    text = f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{sha256(canonical.encode())}"
    return hmac256(signing_key(secret, scope), text).hex()


def by_hand(key, method, host, target, headers=(), body=b"", *, when=None, payload=None, signed=None, unsigned=(),
            scope=None, comma=", ", path_of=None):
    """The headers to send, and what a chunk's signature needs.

    signed: exactly these names instead of all; unsigned: all but these; scope: instead of the right one;
    path_of: another (wrong) canonical path.
    """
    when = when or now()
    scope = scope or f"{when[:8]}/{key.region}/{SERVICE}/aws4_request"
    payload = payload or sha256(body)
    headers = [("host", host), ("x-amz-date", when), ("x-amz-content-sha256", payload), *headers]
    names = signed if signed is not None else sorted({name.lower() for name, _ in headers} - set(unsigned))
    canonical = canonical_request(method, target, headers, names, payload, path_of)
    signature = signature_of(key.secret, when, scope, canonical)
    parts = [f"Credential={key.id}/{scope}", f"SignedHeaders={';'.join(names)}", f"Signature={signature}"]
    headers.append(("authorization", "AWS4-HMAC-SHA256 " + comma.join(parts)))
    return Signed(headers, signature, when, scope, key)


def presign_by_hand(key, method, host, target, headers=(), *, when=None, expires="300", scope=None,
                    payload=UNSIGNED,
                    signed=None, rename=lambda name: name, extra=""):
    """The target with its signature; `headers` are the further ones that will be sent."""
    when = when or now()
    scope = scope or f"{when[:8]}/{key.region}/{SERVICE}/aws4_request"
    headers = [("host", host), *headers]
    names = signed if signed is not None else sorted(name.lower() for name, _ in headers)
    fields = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{key.id}/{scope}", "X-Amz-Date": when,
              "X-Amz-Expires": expires, "X-Amz-SignedHeaders": ";".join(names)}
    query = "&".join(f"{rename(name)}={quote(value, safe='')}" for name, value in fields.items())
    target += ("&" if "?" in target else "?") + query + extra
    canonical = canonical_request(method, target, headers, names, payload)
    return f"{target}&{rename('X-Amz-Signature')}={signature_of(key.secret, when, scope, canonical)}"


# --- streaming payloads ------------------------------------------------------------------------------------------

STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def chunk_signature(signed, previous, hashes):
    text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", signed.datetime, signed.scope, previous, *hashes])
    return hmac256(signing_key(signed.key.secret, signed.scope), text).hex()


def signed_chunks(signed, parts, trailer=None):
    """The body of signed chunks, as a list of its pieces; `trailer` is (name, value)."""
    previous, pieces = signed.signature, []
    for part in [*parts, b""]:
        previous = chunk_signature(signed, previous, [EMPTY_SHA256, sha256(part)])
        pieces.append(f"{len(part):x};chunk-signature={previous}\r\n".encode() + part + (b"\r\n" if part else b""))
    if trailer is None:
        return [*pieces, b"\r\n"]
    line = f"{trailer[0]}:{trailer[1]}\n"
    last = chunk_signature(signed, previous, [sha256(line.encode())])
    return [*pieces, line.encode(), b"\r\n", f"x-amz-trailer-signature:{last}\r\n".encode()]


def unsigned_chunks(parts, trailer):
    pieces = [f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts]
    return [*pieces, b"0\r\n", f"{trailer[0]}:{trailer[1]}\n\r\n".encode(), b"\r\n"]
