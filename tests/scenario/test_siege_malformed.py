"""Requests that no client of ours sends: refused once, closed, and nothing in them is believed.

Each is followed on its connection by a good delivery.  Where the first is refused, the second must
not be taken: another server in front may have read the two as one.  Where libmicrohttpd answers
before it asks us, its own page is pinned here as it is today (docs/operations.md).
"""

import random
import re
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import KEY, LIMIT_S
from siege import (NO_RULES, TARGET, Wire, context, deliver, dial, event, figure, metric, post,
                   size, statuses, wait_decided)

BODY = b'[{"id":"first","eventType":"T","topic":"/t","data":{}}]'
N = len(BODY)
SECOND = post([event("second")], headers="Connection: close\r\n")
HEAD = f"POST {TARGET} HTTP/1.1\r\nHost: gw\r\n"
CHUNKS = f"{N:x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
LENGTH = f"Content-Length: {N}\r\n"


def fields(text, body=BODY):
    """A delivery with these header lines; latin-1, so that every byte can be said."""
    return (HEAD + text + "\r\n").encode("latin-1") + body


def line(text, rest="Host: gw\r\n" + LENGTH + "\r\n"):
    return (text + "\r\n" + rest).encode("latin-1") + BODY


def chunk(size_line):
    return fields("Transfer-Encoding: chunked\r\n",
                  size_line.encode("latin-1") + b"\r\n" + BODY + b"\r\n0\r\n\r\n")


def chunks(raw):
    return fields("Transfer-Encoding: chunked\r\n", raw.encode().replace(b"BODY", BODY))


def long_get(n, name="X: "):
    """A request whose head has n bytes because of one header; nothing is at its path."""
    before, after = f"GET /x HTTP/1.1\r\nHost: gw\r\n{name}", "\r\n\r\n"
    return (before + "y" * (n - len(before) - len(after)) + after).encode()


def long_post(n):
    """A delivery whose head has n bytes."""
    return fields(LENGTH + f"X: {'y' * (n - len(HEAD) - len(LENGTH) - len('X: ') - 4)}\r\n")


# One answer, 400, nothing but the status: ours.
REFUSED = {
    "length and coding": fields(LENGTH + "Transfer-Encoding: chunked\r\n", CHUNKS),
    "coding and length": fields("Transfer-Encoding: chunked\r\n" + LENGTH, CHUNKS),
    "two equal lengths": fields(LENGTH + LENGTH),
    "two lengths": fields(LENGTH + f"Content-Length: {N + 1}\r\n"),
    "two lengths, the first is 0": fields("Content-Length: 0\r\n" + LENGTH),
    "length of 19 digits": fields("Content-Length: 9223372036854775807\r\n"),
    "length with a NUL": fields(f"Content-Length: {N}\0\r\n"),
    "length with a NUL and more": fields(f"Content-Length: {N}\x001\r\n"),
    "length, space, colon": fields(f"Content-Length : {N}\r\n"),
    "coding, space, colon": fields("Transfer-Encoding : chunked\r\n" + LENGTH),
    "coding, tab, colon": fields("Transfer-Encoding\t: chunked\r\n" + LENGTH),
    "coding folded": fields("Transfer-Encoding:\r\n chunked\r\n" + LENGTH),
    "coding in a folded line": fields("X: y\r\n Transfer-Encoding: chunked\r\n" + LENGTH),
    "coding with a vertical tab": fields("Transfer-Encoding: \x0bchunked\r\n", CHUNKS),
    "a header with a NUL": fields("X: a\0b\r\n" + LENGTH),
    "a header with a NUL at its end": fields("X: a\0\r\n" + LENGTH),
    "a header with a control byte": fields("X: \x01\r\n" + LENGTH),
    "a header with DEL": fields("X: \x7f\r\n" + LENGTH),
    "a bare CR": fields("X: a\rY: b\r\n" + LENGTH),
    "a bare CR before a length": fields("X: a\rContent-Length: 5\r\n" + LENGTH),
    "a bare LF": fields("X: a\nY: b\r\n" + LENGTH),
    "a bare LF before a length": fields("X: a\n" + LENGTH),
    "a bare LF after a length": fields(f"Content-Length: {N}\n"),
    "a bare LF before the body": (HEAD + LENGTH + "\n").encode() + BODY,
    "a bare LF after the request line":
        f"POST {TARGET} HTTP/1.1\nHost: gw\r\n{LENGTH}\r\n".encode() + BODY,
    "only bare LFs": f"POST {TARGET} HTTP/1.1\nHost: gw\n{LENGTH[:-2]}\n\n".encode() + BODY,
    "a folded line": fields("X: a\r\n b\r\n" + LENGTH),
    "a line folded by a tab": fields("X: a\r\n\tb\r\n" + LENGTH),
    "a folded line that is empty": fields("X: a\r\n \r\n" + LENGTH),
    "a first header line with a space": line(f"POST {TARGET} HTTP/1.1", " Host: gw\r\n\r\n"),
    "a nameless header": fields(": b\r\n" + LENGTH),
    "a nameless, empty header": fields(":\r\n" + LENGTH),
    "a nameless header at the end": fields(LENGTH + ":\r\n"),
    "a nameless header that hides a length": fields(LENGTH + ":\r\nContent-Length: 0\r\n"),
    "a nameless header first": line(f"POST {TARGET} HTTP/1.1", f":\r\nHost: gw\r\n{LENGTH}\r\n"),
    "a name with a space": fields("X Y: 1\r\n" + LENGTH),
    "a name that ends in a space": fields("X : b\r\n" + LENGTH),
    "a name that is not ASCII": fields("X\xe9: b\r\n" + LENGTH),
    "a name with a bracket": fields("X(y): b\r\n" + LENGTH),
    "two Hosts": fields("Host: gw\r\n" + LENGTH),
    "two different Hosts": fields("Host: evil\r\n" + LENGTH),
    "no Host": line(f"POST {TARGET} HTTP/1.1", LENGTH + "\r\n"),
    "an unknown expectation": fields("Expect: 200-ok\r\n" + LENGTH),
    "an expectation twice": fields("Expect: 100-continue\r\nExpect: 100-continue\r\n" + LENGTH),
    "a coding in HTTP/1.0":
        f"POST {TARGET} HTTP/1.0\r\nHost: gw\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        + CHUNKS,
    "HTTP/1.2": line(f"POST {TARGET} HTTP/1.2"),
    "two spaces after the method": line(f"POST  {TARGET} HTTP/1.1"),
    "two spaces before the version": line(f"POST {TARGET}  HTTP/1.1"),
    "a target in two words": line("POST /api/events code=1 HTTP/1.1"),
    "absolute form": line(f"POST https://gw{TARGET} HTTP/1.1"),
    "authority form": line("CONNECT gw:443 HTTP/1.1"),
    "authority form of a POST": line("POST gw:443 HTTP/1.1"),
    "asterisk form": line("OPTIONS * HTTP/1.1"),
    "a target without a slash": line("POST api/events HTTP/1.1"),
    "a fragment": line(f"POST {TARGET}#x HTTP/1.1"),
    "a fragment before the query": line(f"POST /api/events#?code={KEY} HTTP/1.1"),
    "a NUL at the end of the target": line(f"POST {TARGET}\0 HTTP/1.1"),
    "a NUL in the target": line(f"POST /api/events\0?code={KEY} HTTP/1.1"),
    "a control byte in the target": line("POST /api/ev\x01ents HTTP/1.1"),
    "a target that is not ASCII": line("POST /api/ev\xe9nts HTTP/1.1"),
}
REFUSED.update({f"coding {value!r}": fields(f"Transfer-Encoding: {value}\r\n", CHUNKS) for value in (
    "gzip, chunked", "chunked, chunked", "chunked\r\nTransfer-Encoding: chunked", "chunked ",
    "identity", "chunked, identity", '"chunked"', "", "xchunked", "chunked;q=1", "chunked,", ",")})

# Unambiguous: both are taken, or the first gets its own answer and the second is taken.
TAKEN = {
    "a good one": (fields(LENGTH), 200),
    "chunked": (fields("Transfer-Encoding: chunked\r\n", CHUNKS), 200),
    "chunked in capitals": (fields("transfer-ENCODING:CHUNKED\r\n", CHUNKS), 200),
    "a length with leading zeros": (fields(f"Content-Length: 0000{N}\r\n"), 200),
    "a length behind tabs": (fields(f"Content-Length:\t \t{N}\r\n"), 200),
    "an empty value": (fields("X:\r\nY: \r\n" + LENGTH), 200),
    "a value that is not ASCII": (fields("X: \xe9\r\n" + LENGTH), 200),
    "a name of one word with an underscore": (
        fields("Transfer_Encoding: chunked\r\n" + LENGTH), 200),
    "an upgrade that is not taken": (
        fields("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n" + LENGTH), 200),
    "a connection option that is a header": (
        fields("Connection: Content-Length\r\n" + LENGTH), 200),
    "an empty line first": (b"\r\n" + fields(LENGTH), 200),
    "chunk size in capitals": (chunk(f"{N:X}"), 200),
    "chunk size with zeros": (chunk(f"{N:016x}"), 200),
    "a chunk extension": (chunk(f'{N:x};a="b"'), 200),
    "a trailer": (chunks(f"{N:x}\r\nBODY\r\n0\r\nX: y\r\n\r\n"), 200),
    "a forbidden trailer is no header": (
        chunks(f"{N:x}\r\nBODY\r\n0\r\nContent-Length: 5\r\nHost: evil\r\n\r\n"), 200),
    "a coding as a trailer": (
        chunks(f"{N:x}\r\nBODY\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), 200),
    "an escaped path": (line(f"POST /api%2fevents?code={KEY} HTTP/1.1"), 404),
    "an escaped letter in the path": (line(f"POST /api/%65vents?code={KEY} HTTP/1.1"), 404),
    "a path with two slashes": (line(f"POST //api/events?code={KEY} HTTP/1.1"), 404),
    "a path with dots": (line(f"POST /x/../api/events?code={KEY} HTTP/1.1"), 404),
    "a path that goes on": (line(f"POST /api/events/?code={KEY} HTTP/1.1"), 404),
    "a backslash": (line(f"POST /api/events\\?code={KEY} HTTP/1.1"), 404),
    "a path of 20 KB": (line(f"POST /{'a' * 20000} HTTP/1.1"), 404),
    "TRACE": (line(f"TRACE {TARGET} HTTP/1.1"), 405),
    "GET with a body": (line(f"GET {TARGET} HTTP/1.1"), 405),
    "HEAD": (line(f"HEAD {TARGET} HTTP/1.1"), 405),
    "a method in small letters": (line(f"post {TARGET} HTTP/1.1"), 405),
    "a method of 3 KB": (line(f"{'P' * 3000} {TARGET} HTTP/1.1"), 405),
    "a method that is no token": (line(f"PO(ST {TARGET} HTTP/1.1"), 405),
    "a broken escape": (line("POST /api/events?code=%zz HTTP/1.1"), 401),
    "half an escape": (line("POST /api/events?code=% HTTP/1.1"), 401),
    "a key that ends in an escaped NUL": (line(f"POST {TARGET}%00 HTTP/1.1"), 401),
    "a key that ends in an escaped line": (line(f"POST {TARGET}%0d%0aX:y HTTP/1.1"), 401),
    "the right key second": (line(f"POST /api/events?code=x&code={KEY} HTTP/1.1"), 401),
    "a delivery with a head of 32,379 bytes": (long_post(32_379), 200),
}

# The connection ends with this answer, whatever the client wanted.
ENDS = {
    "Connection: close": (fields("Connection: close\r\n" + LENGTH), [200]),
    "Connection: CLOSE": (fields("Connection: CLOSE\r\n" + LENGTH), [200]),
    "close in a list": (fields("Connection: keep-alive, close\r\n" + LENGTH), [200]),
    "HTTP/1.0": (line(f"POST {TARGET} HTTP/1.0"), [200]),
    "HTTP/1.0 without a Host": (line(f"POST {TARGET} HTTP/1.0", LENGTH + "\r\n"), [200]),
    "101 headers": (fields("".join(f"X{i}: 1\r\n" for i in range(100)) + LENGTH), [431]),
    "a head of 32,454 bytes": (long_get(32_454), [404]),
    "a head of 16,116 bytes with a Cookie": (long_get(16_116, "Cookie: a="), [404]),
    "POST alone": (b"POST\r\n\r\n", []),
    "a tab for each space": (line(f"POST\t{TARGET}\tHTTP/1.1"), []),
    "a space first": (line(f" POST {TARGET} HTTP/1.1"), []),
}

# libmicrohttpd 0.9.75 answers these itself, with a page in its own words, and closes.  A length
# that is no number it answers twice, the second time inside of the first one's body, and so it does
# with a Cookie for whose copy there is no room.  A head that is nearly as large as its memory gets
# our answer, none (UNANSWERED), or its own, one byte apart: these are of two and of three headers,
# each more takes 64 bytes.
LIBRARY = {
    **{f"length {value!r}": (fields(f"Content-Length: {value}\r\n"), [400, 400]) for value in (
        f"+{N}", f"-{N}", f"{N} ", "5 5", hex(N), f"{N}abc", f"{N},{N}", f"{N}, {N + 1}", "",
        f"{N};", "5e1", f"{N}\x0b", "\uff15".encode().decode("latin-1"))},
    **{f"length {value}": (fields(f"Content-Length: {value}\r\n"), [413, 413]) for value in (
        "18446744073709551616", "18446744073709551670", "9" * 40)},
    "a line without a colon": (fields("Xabc\r\n" + LENGTH), [400]),
    "a name with a NUL": (fields("X\0: b\r\n" + LENGTH), [400]),
    "coding, NUL, colon": (fields("Transfer-Encoding\0: chunked\r\n" + LENGTH), [400]),
    "coding, line, colon": (fields("Transfer-Encoding\r\n: chunked\r\n" + LENGTH), [400]),
    "a bare CR after the request line":
        (f"POST {TARGET} HTTP/1.1\rHost: gw\r\n{LENGTH}\r\n".encode() + BODY, [400]),
    "HTTP/0.9": (b"GET /api/events\r\n\r\n", [400]),
    "HTTP/0.9 by name": (line(f"POST {TARGET} HTTP/0.9"), [505]),
    "HTTP/2.0": (line(f"POST {TARGET} HTTP/2.0"), [505]),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", [505]),
    "10000 headers": (fields("".join(f"X{i}: 1\r\n" for i in range(10000)) + LENGTH), [431]),
    "a Cookie of 18 KB": (fields(f"Cookie: a={'y' * 18000}\r\n" + LENGTH), [431, 431]),
    "a head of 16,276 bytes with a Cookie": (long_get(16_276, "Cookie: a="), [431, 431]),
    "a head of 32,583 bytes": (long_get(32_583), [431]),
    "a head of 32,585 bytes": (long_get(32_585), [431]),
    "a delivery with a head of 32,508 bytes": (long_post(32_508), [500]),
    "a delivery with a head of 32,509 bytes": (long_post(32_509), [431]),
    "a value of 40 KB": (fields(f"X: {'y' * 40000}\r\n" + LENGTH), [431]),
    "a name of 40 KB": (fields(f"{'X' * 40000}: 1\r\n" + LENGTH), [431]),
    "a trailer of 40 KB": (chunks(f"{N:x}\r\nBODY\r\n0\r\nX: {'y' * 40000}\r\n\r\n"), [431]),
    "a trailer without a colon": (chunks(f"{N:x}\r\nBODY\r\n0\r\nxxx\r\n\r\n"), [400]),
    "a target of 40 KB": (line(f"POST /{'a' * 40000} HTTP/1.1"), [414]),
    "a method of 40 KB": (line(f"{'P' * 40000} {TARGET} HTTP/1.1"), [414]),
    "NUL before the method": (line(f"\0POST {TARGET} HTTP/1.1"), [400]),
    **{f"version {v!r}": (line(f"POST {TARGET} {v}"), [400]) for v in (
        "http/1.1", "HTTP/1.1 ", "HTTP/1.10", "HTTP/01.1", "FTP/1.1", "HTTP/", "HTTP/3",
        "HTTP/1.1\0")},
    **{f"chunk size {v!r}": (chunk(v), [400]) for v in (
        f"+{N:x}", f"-{N:x}", f"0x{N:x}", f" {N:x}", f"{N:x} ", f"{N:x}\t", "g", "", f"{N:x}\n;",
        f"{N + 2:x}", f"{N - 1:x}")},
    **{f"chunk size {v}": (chunk(v), [413]) for v in ("1" + "0" * 16, "f" * 17)},
    "a chunk extension of 40 KB": (chunk(f"{N:x};{'x' * 40000}"), [500]),
    "a chunk without its end": (chunks(f"{N:x}\r\nBODY0\r\n\r\n"), [400]),
    "a chunk with more before its end": (chunks(f"{N:x}\r\nBODYXX\r\n0\r\n\r\n"), [400]),
}

# It closes these without a word: what it notes of a head, and its answer, share 32 KiB with the head
# itself, and here no room is left for the answer.
UNANSWERED = {
    "600 query parameters": line(f"POST {TARGET}{'&a' * 600} HTTP/1.1"),
    "12000 query parameters": line(f"POST {TARGET}{'&a' * 12000} HTTP/1.1"),
    "12000 query parameters and no more": line(f"POST {TARGET}{'&a' * 12000} HTTP/1.1", ""),
    "a Cookie of 18 KB, then a length +5":
        fields(f"Cookie: a={'y' * 18000}\r\nContent-Length: +5\r\n"),
    "a length +5, then a Cookie of 18 KB":
        fields(f"Content-Length: +5\r\nCookie: a={'y' * 18000}\r\n"),
    **{f"a head of {n:,} bytes": long_get(n) for n in (32_455, 32_580, 32_582, 32_584)},
    **{f"a head of {n:,} bytes with a Cookie": long_get(n, "Cookie: a=") for n in (16_120, 16_272)},
}

# What libmicrohttpd is too lenient with and nobody outside can see: before the request line and in
# the framing of chunks, which servers in front write anew.
LENIENT = {
    "chunk size and a bare LF": chunks(f"{N:x}\nBODY\r\n0\r\n\r\n"),
    "chunk and a bare LF": chunks(f"{N:x}\r\nBODY\n0\r\n\r\n"),
    "bare LFs at the end": chunks(f"{N:x}\r\nBODY\r\n0\n\n"),
    "a NUL in a chunk extension": chunk(f"{N:x};a=\0"),
    "a bare CR in a chunk extension": chunk(f"{N:x};a\rb"),
    "a folded trailer": chunks(f"{N:x}\r\nBODY\r\n0\r\nX: y\r\n z\r\n\r\n"),
    "a size that takes half of the line's end": chunk(f"{N + 1:x}"),
    "a NUL before the request": b"\0\r\n" + fields(LENGTH),
    "more zeros than a size needs": chunk(f"{N:040x}"),
}


@pytest.fixture
def besieged(make):
    gw = make(NO_RULES)
    gw.start()
    yield gw
    assert gw.process.poll() is None, gw.log()
    assert deliver(gw.port, "after it all")[0] == 200


def say_all(gw, requests):
    """Each on a connection of its own; what came back until the daemon closed."""
    tls = context()

    def one(request):
        with Wire(gw.port, tls=tls) as wire:
            try:
                wire.say(request)
            except OSError:
                pass  # closed while we spoke
            return wire.hear()
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(one, requests))


def kept(gw):
    """Ids of the events that are stored, by how often they came."""
    wait_decided(gw)
    db = sqlite3.connect(f"file:{gw.folder}/gridwarden.db?mode=ro", uri=True)
    try:
        return [row[0] for row in db.execute("SELECT event_id FROM events ORDER BY event_id")]
    finally:
        db.close()


def test_what_could_be_read_in_two_ways_is_answered_400_once_and_closed(besieged):
    heard = say_all(besieged, [request + SECOND for request in REFUSED.values()])
    wrong = {name: text for name, text in zip(REFUSED, heard)
             if statuses(text) != [400] or b"<" in text or b"connection: close" not in text.lower()}
    assert wrong == {}
    assert kept(besieged) == []


def test_what_is_odd_and_plain_is_answered_and_the_next_one_too(besieged):
    heard = say_all(besieged, [request + SECOND for request, _ in TAKEN.values()])
    wrong = {name: text for (name, (_, status)), text in zip(TAKEN.items(), heard)
             if statuses(text) != [status, 200] or b"<" in text}
    assert wrong == {}
    assert kept(besieged) == ["first", "second"]


def test_what_ends_the_connection_ends_it(besieged):
    heard = say_all(besieged, [request + SECOND for request, _ in ENDS.values()])
    wrong = {name: text for (name, (_, expected)), text in zip(ENDS.items(), heard)
             if statuses(text) != expected or b"<" in text}
    assert wrong == {}
    assert kept(besieged) == ["first"]


def test_what_the_library_answers_itself_is_as_it_was_and_closed(besieged):
    heard = say_all(besieged, [request + SECOND for request, _ in LIBRARY.values()])
    wrong = {name: text for (name, (_, expected)), text in zip(LIBRARY.items(), heard)
             if statuses(text) != expected}
    assert wrong == {}
    assert all(b"connection: close" in text.lower() for text in heard)
    # Nothing of the request comes back, nor a version; only one of its pages says whose it is.
    told = {name.lower() for text in heard for name in re.findall(rb"\r\n([A-Za-z-]+): ", text)}
    assert told == {b"date", b"connection", b"content-length"}
    assert not [name for name, text in zip(LIBRARY, heard)
                if re.search(rb"y{4}|x{4}|0\.9\.|" + KEY.encode(), text)]
    assert [name for name, text in zip(LIBRARY, heard) if b"libmicrohttpd" in text] == \
        ["a delivery with a head of 32,508 bytes", "a chunk extension of 40 KB"]
    assert kept(besieged) == []


def test_what_the_library_has_no_room_to_answer_is_closed(besieged):
    heard = say_all(besieged, [request + SECOND for request in UNANSWERED.values()])
    assert dict(zip(UNANSWERED, heard)) == {name: b"" for name in UNANSWERED}
    assert kept(besieged) == []


def test_a_delivery_that_has_no_room_for_its_answer_is_kept_and_comes_again(besieged):
    """As a sender does it that heard nothing: again, and then it is a duplicate."""
    heard = say_all(besieged, [long_post(n) + SECOND for n in (32_380, 32_507)])
    assert heard == [b"", b""]
    assert kept(besieged) == ["first"]
    assert metric(besieged, "gridwarden_requests_held") == 0


def test_what_the_library_is_too_lenient_with_is_known(besieged):
    heard = say_all(besieged, [request + SECOND for request in LENIENT.values()])
    assert {name: statuses(text) for name, text in zip(LENIENT, heard)} == \
        {name: [200, 200] for name in LENIENT}


def test_a_good_request_in_any_pieces_is_taken(besieged):
    """The head is checked where it lies in the library's buffer, which grows while it comes."""
    rnd, tls = random.Random(17), context()
    many = "".join(f"X-Header-{i}: {'v' * rnd.randrange(300)}\r\n" for i in range(90))
    large = "Authorization: Bearer " + "t" * 14000 + "\r\n"
    requests = [post([event(f"piece-{i}")], headers=h)
                for i, h in enumerate(("", large, many, "X:\r\n", "", many, large, "", ""))]
    stream = b"".join(requests)
    for pieces in (1, 3, 40, 400):
        cuts = sorted(rnd.sample(range(1, len(stream)), pieces - 1)) + [len(stream)]
        with Wire(besieged.port, tls=tls) as wire:
            begin = 0
            for cut in cuts:
                wire.say(stream[begin:cut])
                begin = cut
            for _ in requests:
                assert wire.answer()[0] == 200
    with Wire(besieged.port, tls=tls) as wire:
        for i in range(len(requests[0])):
            wire.say(requests[0][i:i + 1])
        assert wire.answer()[0] == 200


def mutate(rnd, request):
    data = bytearray(request)
    for _ in range(rnd.choice((1, 1, 2, 4))):
        at = rnd.randrange(len(data))
        how = rnd.randrange(4)
        if how == 0:
            data[at] = rnd.randrange(256)
        elif how == 1:
            data[at:at] = rnd.choice((b"\0", b"\r", b"\n", b"\r\n", b" ", b":", b"%", b"\xff",
                                      b"0", b"Transfer-Encoding: chunked\r\n", b"\r\n\r\n"))
        elif how == 2:
            del data[at:at + rnd.randrange(1, 9)]
        else:
            end = at + rnd.randrange(1, 40)
            data[at:at] = data[at:end]
        if not data:
            return b"x"
    return bytes(data)


FINE = {100, 200, 400, 401, 403, 404, 405, 413, 414, 431, 500, 503, 505}


def test_thousands_of_mutations_harm_nobody(besieged):
    """Each on its own connection, ended by the client so that nobody waits; in batches."""
    count, seed = size("MUTATIONS", 2000), size("SEED", 19)
    rnd, tls, sent = random.Random(seed), context(), 0
    bases = [fields("aeg-event-type: Notification\r\n" + LENGTH), LENIENT["a folded trailer"],
             fields("Transfer-Encoding: chunked\r\n", CHUNKS), fields(LENGTH) + fields(LENGTH)]

    def one(request):
        with Wire(besieged.port, tls=tls) as wire:
            try:
                wire.say(request)
                wire.end()
            except OSError:
                pass
            return request, wire.hear()
    with ThreadPoolExecutor(16) as pool:
        while sent < count:
            batch = [mutate(rnd, rnd.choice(bases)) for _ in range(min(500, count - sent))]
            for request, heard in pool.map(one, batch):
                assert set(statuses(heard)) <= FINE, (request, heard)
            sent += len(batch)
            status, seconds = deliver(besieged.port, f"after {sent}", tls=tls)
            assert status == 200 and seconds < LIMIT_S / 4
    figure("requests broken at random, over TLS", f"{sent}, nobody harmed; SIEGE_SEED={seed}")


def test_what_is_not_tls_is_closed_without_a_word_of_http(besieged):
    for garbage in (b"POST /api/events HTTP/1.1\r\nHost: gw\r\n\r\n", b"\0" * 600,
                    b"\x16\x03\x01\xff\xff" + b"A" * 600, b"\x80\x2e\x01\x00\x02" + b"\0" * 60,
                    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03" + b"\xff" * 80,
                    b"\x15\x03\x03\x00\x02\x02\x28", b"SSH-2.0-x\r\n", random.Random(1).randbytes(900)):
        s = dial(besieged.port)
        heard = b""
        try:
            s.sendall(garbage)
            s.shutdown(socket.SHUT_WR)
            while part := s.recv(4096):
                heard += part
        except OSError:
            pass  # it was closed before we had done
        s.close()
        assert b"HTTP" not in heard and (heard == b"" or heard[0] == 0x15), (garbage, heard)


def test_refusals_do_not_flood_the_log_and_no_key_is_in_it(make):
    gw = make(NO_RULES, log_level="debug").start()
    tls = context()
    bad = [fields(LENGTH + LENGTH), fields("X: a\nY: b\r\n" + LENGTH),
           line("POST /api/events?code=a-stolen-key HTTP/1.1"), line("POST /x HTTP/1.1"),
           fields("Content-Length: +5\r\n")]
    for round_ in range(8):
        say_all(gw, [request + SECOND for request in bad * 8])
        for _ in range(20):
            s = dial(gw.port)
            s.sendall(b"\x16\x03\x01\x00\x05hello" * 9)
            s.close()
    assert deliver(gw.port, "a-good-one", tls=tls)[0] == 200
    assert metric(gw, 'gridwarden_unauthorized_total{reason="wrong"}') == 64
    refused = [x for x in gw.lines if "refused" in x["message"] or x["message"].startswith("http")]
    assert 3 <= len(refused) <= 60, gw.log()
    assert "a-stolen-key" not in gw.log() and KEY not in gw.log()
