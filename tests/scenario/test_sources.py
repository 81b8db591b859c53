"""Events that come with the right key from somewhere else: kept and shown, never judged.

Whoever may make event subscriptions in the tenant and knows the address can let another topic
deliver here.  The lists of `auth` say what is ours.
"""

import json
import uuid

import pytest
from harness import SUBSCRIPTION, event_grid, flat_alert

TOPIC = (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-soc/providers/"
         "Microsoft.EventGrid/topics/defender")
FOREIGN = TOPIC.replace("rg-soc", "rg-evil")


def auth(**lists):
    return {"keys_file": ["key"], "subscriptions": ["soc-alerts"], **lists}


@pytest.fixture
def listed(make):
    """Takes one topic and the types of one publisher."""
    return make(auth=auth(sources=[TOPIC.upper(), "/relay/*"],
                          event_types=["Microsoft.Security.*"])).start()


def wait_refused(gw, count=1):
    """The log's lines about refused events, once there are so many."""
    seen = []

    def wanted(line):
        if line["message"].endswith(" is refused"):
            seen.append(line)
        return len(seen) == count
    gw.wait_line(wanted)
    return seen


def refused_total(gw):
    for line in gw.operations("/metrics").body.decode().splitlines():
        if line.startswith("gridwarden_events_refused_total "):
            return int(line.split()[1])
    raise AssertionError("no such metric")


def check_only_refused(azure, gw, *reasons):
    """One refused event for each reason, and nothing was done about any of them."""
    lines = wait_refused(gw, len(reasons))
    assert [line["reason"] for line in lines] == list(reasons)
    assert {line["level"] for line in lines} == {"warning"}
    rows = gw.ask("alerts", "--state", "refused")
    assert [row["reason"] for row in reversed(rows)] == list(reasons)
    assert gw.actions() == []
    assert refused_total(gw) == len(reasons)
    assert azure.calls() == []
    assert azure.cards() == []


def test_an_event_of_a_foreign_topic_is_refused(azure, listed):
    assert listed.deliver(event_grid(flat_alert(), topic=FOREIGN)).status == 200
    check_only_refused(azure, listed, f"source '{FOREIGN}' is not in auth.sources")
    (row,) = listed.alerts()
    assert (row["name"], row["state"]) == ("(refused event)", "refused")
    detail = listed.ask("alerts", "show", str(row["id"]))
    assert detail["reason"] == row["reason"]
    assert detail["actions"] == []


def test_an_event_of_a_foreign_type_is_refused(azure, listed):
    event = event_grid(flat_alert(), event_type="Contoso.Alert", topic=TOPIC)
    assert listed.deliver(event).status == 200
    check_only_refused(azure, listed, "event type 'Contoso.Alert' is not in auth.event_types")


def test_a_delivery_of_a_foreign_event_subscription_is_refused(azure, gridwarden):
    answer = gridwarden.deliver(event_grid(flat_alert()), aeg_subscription_name="evil")
    assert answer.status == 200
    check_only_refused(azure, gridwarden,
                       "event subscription 'evil' is not in auth.subscriptions")


def test_a_delivery_without_an_event_subscription_is_refused_unless_none_is_listed(azure, make):
    gw = make().start()
    event = event_grid(flat_alert())
    headers = {"Content-Type": "application/json"}
    assert gw.request("POST", body=event, headers=headers).status == 200
    check_only_refused(azure, gw,
                       "it has no event subscription, and 'none' is not in auth.subscriptions")
    gw.write_settings(auth=auth(subscriptions=["soc-alerts", "none"]))
    assert gw.reload()["message"].startswith("configuration reloaded")
    event = event_grid(flat_alert(systemAlertId="second"))
    assert gw.request("POST", body=event, headers=headers).status == 200
    gw.wait_step("isolate_vm")


def test_a_foreign_delivery_does_not_swallow_the_true_one(azure, gridwarden):
    """Two event subscriptions of one topic bring the same event; the foreign one is faster."""
    event = event_grid(flat_alert(), event_id=str(uuid.uuid4()))
    gridwarden.deliver(event, aeg_subscription_name="evil")
    wait_refused(gridwarden)
    assert gridwarden.deliver(event).status == 200
    gridwarden.wait_step("isolate_vm")
    gridwarden.wait_step("notify")
    assert len(azure.cards()) == 1
    assert sorted(row["state"] for row in gridwarden.alerts()) == ["decided", "refused"]


def test_in_a_mixed_batch_only_the_foreign_event_is_refused(azure, listed):
    foreign = event_grid(flat_alert(machine="web-02", systemAlertId="foreign"), topic=FOREIGN)
    own = event_grid(flat_alert(systemAlertId="own"), topic=TOPIC)
    assert listed.deliver(foreign + own).status == 200
    (line,) = wait_refused(listed)
    assert line["reason"] == f"source '{FOREIGN}' is not in auth.sources"
    listed.wait_step("notify")
    (step,) = listed.actions("isolate_vm")
    assert (step["state"], step["target"].rsplit("/")[-1]) == ("done", "web-01")
    assert len(azure.cards()) == 1
    assert refused_total(listed) == 1


def test_a_reload_changes_the_lists(azure, listed):
    listed.deliver(event_grid(flat_alert(), topic=FOREIGN))
    wait_refused(listed)
    listed.write_settings(auth=auth(sources=["*/topics/defender"]))
    assert listed.reload()["message"].startswith("configuration reloaded")
    listed.deliver(event_grid(flat_alert(), topic=FOREIGN))
    listed.wait_step("isolate_vm")
    assert [row["state"] for row in listed.alerts()] == ["decided", "refused"]


def cloud_event(source, **extensions):
    return json.dumps({"specversion": "1.0", "id": str(uuid.uuid4()), "source": source,
                       "type": "Microsoft.Security.Alert", "data": flat_alert(), **extensions})


def test_a_cloud_event_is_known_by_its_source(azure, listed):
    content = {"Content_Type": "application/cloudevents+json"}
    assert listed.deliver(cloud_event("/elsewhere"), **content).status == 200
    check_only_refused(azure, listed, "source '/elsewhere' is not in auth.sources")
    assert listed.deliver(cloud_event("/relay/7"), **content).status == 200
    listed.wait_step("isolate_vm")


def test_an_extension_named_topic_is_no_source(azure, listed):
    content = {"Content_Type": "application/cloudevents+json"}
    assert listed.deliver(cloud_event("/elsewhere", topic=TOPIC), **content).status == 200
    check_only_refused(azure, listed, "source '/elsewhere' is not in auth.sources")
    assert listed.deliver(cloud_event("/relay/7", topic=FOREIGN), **content).status == 200
    listed.wait_step("isolate_vm")
    assert refused_total(listed) == 1


def forged_headers(source):
    """Those of a CloudEvent in binary mode: an event subscription can add any header."""
    return {"ce-specversion": "1.0", "ce-id": "1", "ce-source": source,
            "ce-type": "Microsoft.Security.Alert"}


def test_a_binary_cloud_event_is_known_by_its_header(azure, make):
    """From a relay: Event Grid sends none."""
    gw = make(auth=auth(subscriptions=["none"], sources=["/relay"])).start()
    assert gw.request("POST", body=flat_alert(), headers=forged_headers("/elsewhere")).status == 200
    check_only_refused(azure, gw, "source '/elsewhere' is not in auth.sources")
    assert gw.request("POST", body=flat_alert(), headers=forged_headers("/relay")).status == 200
    gw.wait_step("isolate_vm")


def test_headers_that_an_event_subscription_adds_give_no_source(azure, listed):
    assert listed.deliver(flat_alert(), **forged_headers(TOPIC)).status == 200
    check_only_refused(azure, listed, "it has no source, and 'none' is not in auth.sources")


def test_an_event_grid_event_that_claims_to_be_a_cloud_event_is_unreadable(azure, listed):
    """The topic is stamped by Event Grid, whatever else the publisher writes beside it."""
    (event,) = event_grid(flat_alert(), topic=FOREIGN)
    event |= {"specversion": "1.0", "source": TOPIC, "type": "Microsoft.Security.Alert"}
    assert listed.deliver([event]).status == 200
    listed.wait_line(lambda line: line["message"].endswith("is unreadable"))
    (row,) = listed.alerts()
    assert row["state"] == "unreadable"
    assert row["reason"].startswith("an event in two envelopes")
    assert listed.actions() == []
    assert azure.calls() == []


def strict(**more):
    """As docs/connect.md recommends for a topic of Event Grid schema."""
    return auth(schemas=["event_grid"], sources=[TOPIC], event_types=["Microsoft.Security.*"],
                **more)


def test_where_only_event_grids_schema_is_judged_no_publisher_can_choose_his_source(azure, make):
    gw = make(auth=strict()).start()
    content = {"Content_Type": "application/cloudevents+json"}
    assert gw.deliver(cloud_event(TOPIC), **content).status == 200
    assert gw.deliver(flat_alert()).status == 200
    check_only_refused(azure, gw, "schema 'cloud_events' is not in auth.schemas",
                       "schema 'custom' is not in auth.schemas")
    assert gw.deliver(event_grid(flat_alert(), topic=TOPIC)).status == 200
    gw.wait_step("isolate_vm")


def consent(gw):
    answer = gw.request("OPTIONS", headers={"WebHook-Request-Origin": "eventgrid.azure.net"})
    return answer.status, answer.headers.get("webhook-allowed-origin")


def test_no_event_subscription_of_cloud_events_can_be_made_where_none_are_judged(make):
    gw = make(auth=auth(sources=[TOPIC])).start()
    assert consent(gw) == (200, "eventgrid.azure.net")
    gw.write_settings(auth=strict())
    gw.reload()
    assert consent(gw) == (403, None)
    gw.wait_line(lambda line: line["message"] == "delivery refused: a handshake of CloudEvents, "
                                                 "and cloud_events is not in auth.schemas")
    gw.write_settings(auth=auth(origins=[]))
    gw.reload()
    assert consent(gw) == (403, None)


def test_check_warns_of_sources_that_a_publisher_may_choose(listed):
    def check():
        result = listed.run("check", listed.config)
        assert result.returncode == 0, result.stdout
        return result.stdout
    assert "warning: whoever publishes a CloudEvent writes its source himself" in check()
    listed.write_settings(auth=strict())
    assert check() == ""


def test_send_takes_the_schema_that_is_judged(make):
    gw = make(auth=auth(schemas=["cloud_events"], sources=["/relay"])).start()
    alert = gw.folder / "alert.json"
    alert.write_text(json.dumps(flat_alert()))
    result = gw.run("send", alert, "--config", gw.config)
    assert result.returncode == 0, result.stderr
    gw.wait_step("isolate_vm")
    result = gw.run("send", alert, "--config", gw.config, "--schema", "event-grid")
    assert (result.returncode, result.stdout) == (4, "handshake  403 refused\n")


def test_explain_says_what_schema_is_refused(make):
    gw = make(auth=strict())
    event = gw.folder / "event.json"
    event.write_text(cloud_event(TOPIC))
    result = gw.run("explain", event, "--config", gw.config)
    assert "schema 'cloud_events' is not in auth.schemas" in result.stdout


def test_the_custom_schema_has_no_source_and_must_be_listed_as_none(azure, make):
    gw = make(auth=auth(sources=[TOPIC])).start()
    assert gw.deliver(flat_alert()).status == 200
    check_only_refused(azure, gw, "it has no source, and 'none' is not in auth.sources")
    gw.write_settings(auth=auth(sources=[TOPIC, "none"]))
    assert gw.reload()["message"].startswith("configuration reloaded")
    assert gw.deliver(flat_alert(systemAlertId="second")).status == 200
    gw.wait_step("isolate_vm")


def test_a_notice_of_deletion_needs_no_listed_type(listed):
    notice = event_grid({"eventSubscriptionId": "x"}, topic=TOPIC,
                        event_type="Microsoft.EventGrid.SubscriptionDeletedEvent")
    assert listed.deliver(notice, aeg_event_type="SubscriptionDeletion").status == 200
    listed.wait_line(lambda line: line["message"].endswith("is notice"))
    assert refused_total(listed) == 0


def test_a_foreign_handshake_is_still_403(listed):
    event = event_grid({"validationCode": "c-1"}, topic=FOREIGN,
                       event_type="Microsoft.EventGrid.SubscriptionValidationEvent")
    assert listed.deliver(event, aeg_subscription_name="evil").status == 403


@pytest.mark.parametrize("schema", ["event-grid", "cloud-events"])
def test_send_sends_what_the_lists_name(listed, schema):
    alert = listed.folder / "alert.json"
    alert.write_text(json.dumps(flat_alert()))
    result = listed.run("send", alert, "--config", listed.config, "--schema", schema)
    assert result.returncode == 0, result.stderr
    listed.wait_step("isolate_vm")
    foreign = ("send", alert, "--config", listed.config, "--source", "/elsewhere")
    result = listed.run(*foreign)
    assert (result.returncode, result.stdout) == (4, "handshake  403 refused\n")
    result = listed.run(*foreign, "--no-handshake")
    assert result.returncode == 0, result.stderr
    (line,) = wait_refused(listed)
    assert line["reason"] == "source '/elsewhere' is not in auth.sources"


def test_check_warns_of_an_entry_that_can_never_fit(listed):
    listed.write_settings(auth=auth(sources=["/subscriptions/prod"], event_types=["*"]))
    result = listed.run("check", listed.config)
    assert result.returncode == 0, result.stdout
    assert "warning: '/subscriptions/prod' can never be the id of a topic" in result.stdout
    assert "warning: '*' names everything: leave the list out" in result.stdout
