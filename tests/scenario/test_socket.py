"""systemd listens for the daemon: connections wait while it is away."""

import socket
import threading

import pytest
from harness import event_grid, flat_alert
from test_reload import figure


def delivery():
    return event_grid(flat_alert("Unusual sign-in", "Low", "jump-01"))


def listening():
    return socket.create_server(("127.0.0.1", 0), backlog=64)


@pytest.fixture
def activated(make):
    gw = make()
    gw.sockets = {"public": listening()}
    yield gw
    for s in gw.sockets.values():
        s.close()


def port_of(s):
    return s.getsockname()[1]


def test_a_connection_made_while_no_daemon_runs_is_answered_once_it_starts(activated):
    gw = activated
    gw.port = port_of(gw.sockets["public"])
    statuses = []
    waiting = [threading.Thread(target=lambda: statuses.append(gw.deliver(delivery()).status))
               for _ in range(5)]
    for thread in waiting:
        thread.start()
    gw.start()
    assert gw.port == port_of(gw.sockets["public"])
    for thread in waiting:
        thread.join()
    assert statuses == [200] * 5
    assert any("listen.address does not count" in line["message"] for line in gw.lines)


def test_no_attempt_is_lost_over_restarts(activated):
    gw = activated.start()
    done, statuses, errors = threading.Event(), [], []

    def deliver():
        while not done.is_set():
            try:
                statuses.append(gw.deliver(delivery()).status)
            except ConnectionRefusedError as e:
                errors.append(e)
            except OSError:
                pass  # it was accepted already when the daemon ended
    thread = threading.Thread(target=deliver)
    thread.start()
    for _ in range(3):
        seen = len(statuses)
        while len(statuses) < seen + 3:
            done.wait(0.01)
        assert gw.stop() == 0
        gw.start()
    done.set()
    thread.join()
    # 503 is for one that was accepted while the daemon was ending: come again.
    assert errors == [] and set(statuses) <= {200, 503}


def test_the_socket_still_listens_after_the_daemon_has_ended(activated):
    gw = activated.start()
    assert gw.deliver(delivery()).status == 200
    assert gw.stop() == 0
    with socket.create_connection(("127.0.0.1", port_of(gw.sockets["public"]))):
        pass  # taken into the queue


def test_the_operations_listener_may_be_handed_over_too(activated):
    gw = activated
    gw.sockets["operations"] = listening()
    gw.write_settings(operations="off")
    gw.start()
    assert gw.operations_port == port_of(gw.sockets["operations"])
    assert figure(gw, "deliveries_total") == 0


def test_a_lone_socket_needs_no_name(activated):
    gw = activated
    gw.sockets[""] = gw.sockets.pop("public")
    assert gw.start().deliver(delivery()).status == 200


def not_listening():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s


def datagrams():
    s = socket.socket(type=socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    return s


@pytest.mark.parametrize("name,make_socket,words", [
    ("public", not_listening, "the socket in descriptor 3 does not listen"),
    ("public", datagrams, "descriptor 3 is not a TCP socket"),
    ("http", listening, "systemd hands over a socket named 'http': FileDescriptorName is public, "
                        "operations or approvals")])
def test_a_wrong_descriptor_is_refused_with_its_reason(activated, name, make_socket, words):
    gw = activated
    gw.sockets.pop("public").close()
    gw.sockets[name] = make_socket()
    gw.launch()
    assert gw.wait_end() == 78
    assert words in gw.log()


def test_a_listener_without_credential_is_not_put_on_a_socket_of_systemd(activated):
    gw = activated
    gw.write_settings(auth={"insecure": True, "keys_file": []})
    gw.launch()
    assert gw.wait_end() == 78
    assert "auth.insecure does not go with a socket of systemd" in gw.log()
