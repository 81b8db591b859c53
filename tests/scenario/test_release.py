"""The way back: exactly as it was, and never over what somebody decided since."""

import json

import pytest
from harness import SHOP, event_grid, flat_alert, nic

NICS = ("web-01-nic", "web-01-nic-back")
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
    assert wrong.returncode == 2 and "knows no option --force" in wrong.stderr
