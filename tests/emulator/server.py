"""The HTTP server: one port for all emulated services, told apart by path.

HTTP/1.1 with persistent connections (RFC 9112).  Every call but those of the control interface
is recorded, and faults on order are carried out here, where the connection is at hand.
"""

import re
import select
import socket
import ssl
import sys
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from calls import NO_ANSWER
from messages import Answer, Refusal, Request, arm_error

BODY_LIMIT = 4 << 20  # ARM's own limit for a request
SERVICES = (
    ("control", re.compile(r"/_emulator(/|$)")),
    ("arm", re.compile(r"/(subscriptions|providers)(/|$)", re.IGNORECASE)),
    ("app_service", re.compile(r"/msi/token$", re.IGNORECASE)),
    ("arc", re.compile(r"/arc/metadata/identity/oauth2/token$", re.IGNORECASE)),
    ("imds", re.compile(r"/metadata/", re.IGNORECASE)),
    ("defender", re.compile(r"/api/(machines|machineactions)(/|$)", re.IGNORECASE)),
    ("hooks", re.compile(r"/hooks/", re.IGNORECASE)),
    ("teams", re.compile(r"/(teams/workflows|webhookb2)/", re.IGNORECASE)),
    ("servicenow", re.compile(r"/api/now/", re.IGNORECASE)),
    ("jira", re.compile(r"/rest/api/", re.IGNORECASE)),
    ("pagerduty", re.compile(r"/v2/enqueue$", re.IGNORECASE)),
    ("receiver", re.compile(r"/receiver(/|$)", re.IGNORECASE)),
    ("entra", re.compile(r"/[^/]+/(v2\.0/|oauth2/|\.well-known/|discovery/)", re.IGNORECASE)),
)


def service_of(path):
    return next((name for name, pattern in SERVICES if pattern.match(path)), "arm")


class ConnectionCut(Exception):
    """The connection ends without a (whole) answer."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer leave together
    timeout = 300

    def log_message(self, *arguments):
        pass

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, TimeoutError, ssl.SSLError):
            pass

    def serve(self):
        body = self.read_body()
        if body is None:
            return
        parts = urlsplit(self.path)
        path = re.sub(r"/{2,}", "/", unquote(parts.path)).rstrip("/")
        query = {name.lower(): value
                 for name, value in parse_qsl(parts.query, keep_blank_values=True)}
        origin = f"{self.server.scheme}://{self.headers.get('Host', self.server.authority)}"
        request = Request(self.command, path, query, self.headers, body, origin)
        service = service_of(path)
        if service == "control":
            self.send(self.server.emulator.control(request))
            return
        self.serve_recorded(service, request)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = serve

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self.read_chunks()
        length = self.headers.get("Content-Length")
        if length is None and self.command in ("POST", "PUT", "PATCH"):
            self.refuse(411, "LengthRequired", "The request must be chunked or have a length.")
            return None
        if int(length or 0) > BODY_LIMIT:
            self.refuse(413, "RequestContentTooLarge", "The request content is too large.")
            return None
        return self.rfile.read(int(length or 0))

    def read_chunks(self):
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            if size == 0:
                break
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b"\n", b""):
            pass
        return body

    def refuse(self, status, code, message):
        self.close_connection = True
        self.send(Answer(status, arm_error(code, message)))

    def serve_recorded(self, service, request):
        emulator = self.server.emulator
        request.call = emulator.calls.arrived(service, request)
        fault = emulator.faults.for_call(service, request)
        try:
            answer = self.answer_with(fault, service, request)
            emulator.calls.answered(request.call, answer.status,
                                    answer.headers.get("x-ms-request-id"))
            self.send(answer)
        except ConnectionCut:
            emulator.calls.answered(request.call, NO_ANSWER)
            self.close_connection = True

    def answer_with(self, fault, service, request):
        if fault is None:
            return self.answer_of(service, request)
        request.call["fault"] = fault.order
        request.longop = fault.longop
        self.hold(fault.delay_s)
        answer = None
        if fault.takes_effect or not fault.ends_call:
            answer = self.answer_of(service, request)
        if fault.hang_s:
            self.hold(fault.hang_s)
            raise ConnectionCut
        if fault.cut == "middle":
            self.send_half(answer)
        if fault.cut:
            raise ConnectionCut
        ordered = fault.answer(service)
        if ordered is None:
            return answer
        return self.server.emulator.finished(service, request, ordered)

    def answer_of(self, service, request):
        emulator = self.server.emulator
        try:
            answer = emulator.services[service](request)
        except Refusal as refusal:
            answer = refusal.answer
        except Exception:  # a defect of the emulator must not look like one of the client
            traceback.print_exc()
            answer = Answer(500, arm_error("EmulatorDefect", traceback.format_exc()))
        return emulator.finished(service, request, answer)

    def hold(self, seconds):
        """Keeps the call waiting, but not longer than the client is there."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            readable, _, _ = select.select([self.connection], [], [], left)
            if readable and (self.server.tls or not self.connection.recv(1, socket.MSG_PEEK)):
                raise ConnectionCut

    def send(self, answer):
        data, content_type = answer.encoded()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if content_type and "content-type" not in (name.lower() for name in answer.headers):
            self.send_header("Content-Type", content_type)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and answer.status != 204:
            self.wfile.write(data)
        self.wfile.flush()

    def send_half(self, answer):
        data, _ = answer.encoded()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data) + 1))
        self.end_headers()
        self.wfile.write(data[:len(data) // 2])
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port, emulator, tls=None):
        super().__init__(("127.0.0.1", port), Handler)
        self.emulator = emulator
        self.authority = f"127.0.0.1:{self.server_address[1]}"
        self.scheme = "https" if tls else "http"
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)

    def get_request(self):
        """The TLS handshake is left to the connection's own thread, at its first read."""
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True,
                                              do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request, client_address):
        """A client that goes away is no event; anything else is a defect worth seeing."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)
