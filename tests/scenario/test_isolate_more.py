"""An isolation with all that a rule may ask for besides: done once whatever kills or fails it, told,
and taken back exactly."""

import json

import pytest
from harness import SHOP, event_grid, flat_alert, nic, vm

ADDRESS = f"{SHOP}/Microsoft.Network/publicIPAddresses/web-01-ip"
NICS = ("web-01-nic", "web-01-nic-back")
RULES = """
rules:
  - name: contain
    match: {severity: High}
    actions:
      - isolate_vm: {detach_public_ip: true, tag: {quarantine: alert}, power_off: true}
      - notify: soc
"""
POINTS = ["action.isolate.put:kill:3", "action.isolate.put.done:kill:3", "action.tag.patch:kill:1",
          "action.tag.patch.done:kill:1", "action.power.post:kill:1",
          "action.power.post.done:kill:1", "action.isolate.put.done:fail:3",
          "action.power.post.done:fail:1"]


def configurations(azure, name):
    return [c["properties"] for c in azure.resource(nic(name))["properties"]["ipConfigurations"]]


def without_etags(azure):
    """The machine as people see it."""
    machine = azure.resource(vm("web-01"))
    groups = {name: (azure.resource(nic(name))["properties"].get("networkSecurityGroup")
                     or {}).get("id") for name in NICS}
    return {"tags": machine["tags"], "power": machine["_emulator"]["power"], "groups": groups,
            "configurations": {name: configurations(azure, name) for name in NICS}}


def check_all_done(azure):
    for name in NICS:
        assert "gridwarden-quarantine" in azure.resource(nic(name))["properties"][
            "networkSecurityGroup"]["id"]
        assert not any(c.get("publicIPAddress") for c in configurations(azure, name))
    machine = azure.resource(vm("web-01"))
    assert machine["tags"] == {"env": "prod", "owner": "web team", "quarantine": "alert"}
    assert machine["_emulator"]["power"] == "deallocated"
    assert azure.resource(ADDRESS)["properties"]["ipAddress"] == "203.0.113.10"
    assert not [c for c in azure.calls() if c["method"] == "DELETE"]


def effects(azure, method, end):
    return len([c for c in azure.calls() if c["method"] == method and c["path"].endswith(end)
                and c["status"] in (200, 201, 202)])


def the_step(gw):
    (step,) = [s for s in gw.actions("isolate_vm") if not s.get("undo_of")]
    return step


def test_all_is_done_told_and_taken_back(azure, make):
    gw = make(rules=RULES).start()
    before = without_etags(azure)
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    check_all_done(azure)
    step = the_step(gw)
    assert step["state"] == "done" and step["containment"]["state"] == "verified"
    (card,) = azure.cards()
    for words in ("verified", "public address 203.0.113.10 taken off", "1 tag",
                  "now deallocated, was running"):
        assert words in json.dumps(card), words
    done = gw.run("release", str(step["id"]), "--wait", "--config", gw.config)
    assert (done.returncode, done.stderr) == (0, "")
    assert without_etags(azure) == before


@pytest.mark.parametrize("point", POINTS)
def test_killed_or_failed_at_any_point_all_is_done_once(azure, make, point):
    gw = make(rules=RULES).start(GRIDWARDEN_FAULT=point)
    gw.deliver(event_grid(flat_alert()))
    if ":kill:" in point:
        assert gw.wait_end() == -9, gw.log()
        gw.start()
    gw.wait_step("notify")
    check_all_done(azure)
    assert the_step(gw)["state"] == "done"
    assert (effects(azure, "PUT", "/web-01-nic"), effects(azure, "PUT", "/web-01-nic-back"),
            effects(azure, "PATCH", "/tags/default"), effects(azure, "POST", "/deallocate")) == \
        (2, 1, 1, 1)


def test_what_is_refused_is_told_and_fails_no_isolation(azure, make):
    gw = make(rules=RULES).start()
    for path in ("/tags/default$", "/deallocate$"):
        azure.fault(path=path, times=-1, status=403)
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    step = the_step(gw)
    assert step["state"] == "done" and step["containment"]["state"] == "verified"
    assert set(step["result"]["not_done"]) == {"tag", "power"}
    (card,) = azure.cards()
    assert "not tagged: " in json.dumps(card) and "not switched off: " in json.dumps(card)


def test_the_way_back_stops_at_an_address_that_somebody_gave_it_since(azure, make):
    gw = make(rules=RULES).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    other = ADDRESS.replace("web-01-ip", "other-ip")
    azure.put_resource(other, {**azure.resource(ADDRESS), "id": other, "name": "other-ip"})
    changed = configurations(azure, "web-01-nic")[0] | {"publicIPAddress": {"id": other}}
    azure.change_resource(nic("web-01-nic"), properties={"ipConfigurations": [
        {**azure.resource(nic("web-01-nic"))["properties"]["ipConfigurations"][0],
         "properties": changed}]})
    number = str(the_step(gw)["id"])
    stopped = gw.run("release", number, "--wait", "--config", gw.config)
    assert stopped.returncode == 5
    assert "web-01-nic has other-ip and had web-01-ip" in stopped.stdout
    assert "CHANGED SINCE" in stopped.stdout and other in stopped.stdout
    forced = gw.run("release", number, "--force", "--wait", "--config", gw.config)
    assert forced.returncode == 0, forced.stdout
    assert configurations(azure, "web-01-nic")[0]["publicIPAddress"]["id"] == ADDRESS
