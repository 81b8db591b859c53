"""The way back: exactly as it was, and never over what somebody decided since."""

import json
from datetime import datetime, timezone

import pytest
from harness import SHOP, event_grid, flat_alert, nic

NICS = ("web-01-nic", "web-01-nic-back")
WEB = f"{SHOP}/Microsoft.Compute/virtualMachines/web-01"
OTHER = f"{SHOP}/Microsoft.Network/networkSecurityGroups/nsg-shop-subnet"
NO_RULES = """
rules:
  - name: nothing-of-the-sort
    match: {severity: High, alertDisplayName: something else}
    actions: [{notify: soc}]
"""


def group_of(azure, name):
    return (azure.resource(nic(name))["properties"].get("networkSecurityGroup") or {}).get("id")


@pytest.fixture
def isolation(azure, gridwarden):
    """The isolation of a machine, which is proven; (its id, the groups before)."""
    was = {name: group_of(azure, name) for name in NICS}
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("notify")
    (step,) = gridwarden.actions("isolate_vm")
    assert step["result"]["proof"]["state"] == "verified"
    return str(step["id"]), was


def release(gridwarden, number, *options):
    return gridwarden.run("release", number, "--wait", *options, "--config",
                          str(gridwarden.folder / "gridwarden.yaml"))


def test_release_waits_and_tells_what_came_of_it(azure, gridwarden, isolation):
    number, was = isolation
    done = release(gridwarden, number)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"action {int(number) + 2} is done\n"
    assert {name: group_of(azure, name) for name in NICS} == was


def add_third_interface(azure):
    """Two addresses, both fixed, one of them in a pool and a group; no group of its own."""
    third = azure.resource(nic("web-01-nic"))
    web = third["properties"]["ipConfigurations"][0]
    third = json.loads(json.dumps(third).replace("/web-01-nic", "/web-01-nic-3"))
    third.update(name="web-01-nic-3", tags={"owner": "backup team"})
    third["properties"].update(primary=False, macAddress="00-0D-3A-77-88-99",
                               auxiliaryMode="None")
    del third["properties"]["networkSecurityGroup"]
    pool = web["properties"]["loadBalancerBackendAddressPools"]
    for n, configuration in enumerate(({}, {"loadBalancerBackendAddressPools": pool})):
        one = json.loads(json.dumps(third["properties"]["ipConfigurations"][0]))
        for key in ("publicIPAddress", "loadBalancerBackendAddressPools"):
            one["properties"].pop(key)
        one["properties"].update(configuration, privateIPAddress=f"10.20.1.{77 + n}", primary=n == 0)
        one.update(name=f"ipconfig{n + 1}", id=one["id"].replace("ipconfig1", f"ipconfig{n + 1}"))
        third["properties"].setdefault("those", []).append(one)
    third["properties"]["ipConfigurations"] = third["properties"].pop("those")
    azure.put_resource(nic("web-01-nic-3"), third)
    listed = azure.resource(WEB)["properties"]["networkProfile"]["networkInterfaces"]
    azure.change_resource(WEB, properties={"networkProfile": {"networkInterfaces": listed + [
        {"id": nic("web-01-nic-3"), "properties": {"primary": False}}]}})


def writable(azure, name):
    """All that a caller can write of an interface, as text."""
    found = azure.resource(nic(name))
    for part in (found, *found["properties"]["ipConfigurations"]):
        part.pop("etag")
    return json.dumps(found, sort_keys=True, indent=1)


def test_three_interfaces_come_back_byte_for_byte(azure, make):
    add_third_interface(azure)
    names = (*NICS, "web-01-nic-3")
    was = {name: writable(azure, name) for name in names}
    for text in ("loadBalancerBackendAddressPools", "applicationSecurityGroups", '"Static"',
                 '"enableAcceleratedNetworking": true', "10.20.0.4", "publicIPAddress"):
        assert text in was["web-01-nic"]
    gw = make().start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    for name in names:
        assert "quarantine" in group_of(azure, name)
        assert writable(azure, name) != was[name]
    (step,) = gw.actions("isolate_vm")
    assert step["result"]["proof"]["state"] == "verified"
    assert release(gw, str(step["id"])).returncode == 0
    for name in names:
        assert writable(azure, name) == was[name]


def test_release_stops_where_somebody_changed_a_group_since_and_shows_it(
        azure, gridwarden, isolation):
    number, was = isolation
    azure.change_resource(nic("web-01-nic"), properties={"networkSecurityGroup": {"id": OTHER}})
    stopped = release(gridwarden, number)
    assert stopped.returncode == 5
    assert f"gridwarden release {number} --force" in stopped.stdout
    assert "web-01-nic has nsg-shop-subnet and had nsg-web" in stopped.stdout
    assert "CHANGED SINCE" in stopped.stdout and OTHER in stopped.stdout
    assert group_of(azure, "web-01-nic") == OTHER
    assert group_of(azure, "web-01-nic-back") == was["web-01-nic-back"]


@pytest.mark.parametrize("how", ["--force", "--merge"])
def test_a_person_decides_about_what_was_changed(azure, gridwarden, isolation, how):
    number, was = isolation
    azure.change_resource(nic("web-01-nic"), properties={"networkSecurityGroup": {"id": OTHER}})
    assert release(gridwarden, number).returncode == 5
    done = release(gridwarden, number, how, "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"] == "done"
    assert group_of(azure, "web-01-nic") == (was["web-01-nic"] if how == "--force" else OTHER)
    assert group_of(azure, "web-01-nic-back") == was["web-01-nic-back"]


def test_release_works_after_a_restart_without_the_rule_and_with_an_interface_gone(
        azure, gridwarden, isolation):
    number, was = isolation
    gridwarden.stop()
    for path in (gridwarden.folder / "rules.d").glob("*.yaml"):
        path.unlink()
    gridwarden.write_rules(NO_RULES)
    azure.delete_resource(nic("web-01-nic-back"))
    gridwarden.start()
    done = release(gridwarden, number, "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"]["gone"] == [nic("web-01-nic-back")]
    assert group_of(azure, "web-01-nic") == was["web-01-nic"]


@pytest.mark.parametrize("options,words", [
    (["--force", "--merge"], "takes --force or --merge, not both"),
    (["--forced"], "forced"),
])
def test_wrong_options_of_release_are_said(gridwarden, options, words):
    wrong = gridwarden.run("release", "1", *options)
    assert wrong.returncode == 2 and words in wrong.stderr


def test_only_a_release_is_forced(gridwarden):
    wrong = gridwarden.run("approve", "1", "--force")
    assert wrong.returncode == 2 and "force" in wrong.stderr


def containment(gridwarden, number):
    return gridwarden.ask("actions", "show", number)["containment"]


def seconds_until(time):
    then = datetime.fromisoformat(time.replace("Z", "+00:00"))
    return (then - datetime.now(timezone.utc)).total_seconds()


def test_the_state_of_a_machine_is_told_until_it_is_free(azure, gridwarden, isolation):
    number, _ = isolation
    assert containment(gridwarden, number) == {"state": "verified", "expires": None}
    assert " verified " in gridwarden.run("actions", "--config", gridwarden.config).stdout
    assert release(gridwarden, number).returncode == 0
    now = containment(gridwarden, number)
    assert (now["state"], now["undo"]) == ("released", int(number) + 2)
    (listed,) = [s for s in gridwarden.actions("isolate_vm") if str(s["id"]) == number]
    assert listed["containment"] == now


def test_the_time_of_the_way_back_is_set_put_off_and_hurried(azure, gridwarden, isolation):
    number, was = isolation
    for after, seconds in (("8h", 28800), ("2d", 172800), ("1h", 3600)):
        moved = gridwarden.ask("release", number, "--after", after)
        assert moved["state"] == "waiting"
        state = containment(gridwarden, number)
        assert (state["state"], state["undo"]) == ("verified", moved["id"])
        assert seconds - 60 < seconds_until(state["expires"]) <= seconds
    assert release(gridwarden, number).returncode == 0
    assert {name: group_of(azure, name) for name in NICS} == was


def test_a_way_back_that_failed_is_tried_again_when_it_is_asked_for(
        azure, gridwarden, isolation):
    number, was = isolation
    azure.fault(method="PUT", path="/web-01-nic$", times=1, status=403)
    failed = release(gridwarden, number)
    assert failed.returncode == 1 and "is failed: " in failed.stdout
    assert containment(gridwarden, number)["state"] == "failed"
    assert release(gridwarden, number).returncode == 0
    assert {name: group_of(azure, name) for name in NICS} == was


def test_a_machine_that_drifted_is_told_so(azure, gridwarden, isolation):
    number, _ = isolation
    azure.change_resource(nic("web-01-nic"), properties={"networkSecurityGroup": {"id": OTHER}})
    assert release(gridwarden, number).returncode == 5
    assert containment(gridwarden, number)["state"] == "drifted"
    assert release(gridwarden, number, "--merge").returncode == 0
    assert containment(gridwarden, number)["state"] == "released"


@pytest.mark.parametrize("after,words", [("8 hours", "--after: "), ("-1h", "--after: ")])
def test_a_wrong_time_is_said(gridwarden, after, words):
    wrong = gridwarden.run("release", "1", "--after", after)
    assert wrong.returncode == 2 and words in wrong.stderr


def test_a_way_back_is_not_put_off_for_ever(gridwarden, isolation):
    number, _ = isolation
    wrong = gridwarden.run("release", number, "--after", "91d", "--config", gridwarden.config)
    assert wrong.returncode == 1 and "90 days at most" in wrong.stderr
