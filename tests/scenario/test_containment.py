"""The actions besides isolation and just-in-time access: the daemon does each once, whatever kills
or fails it, and takes back what can be taken back."""

import pytest
from harness import SHOP, event_grid, flat_alert, vm

ALERT = f"{SHOP}/Microsoft.Security/locations/westeurope/alerts/2518_one"
MORE = {"id": ALERT, "entities": [{"Type": "ip", "Address": "203.0.113.66"}]}
RULES = """
rules:
  - name: contain
    match: {{severity: High}}
    actions:
      - {action}
      - notify: soc
"""


def snapshots(azure):
    return [r for r in azure.state()["resources"].values()
            if r["type"] == "Microsoft.Compute/snapshots"]


def check_copied(azure):
    assert sorted(s["properties"]["creationData"]["sourceResourceId"].rsplit("/", 1)[1]
                  for s in snapshots(azure)) == ["web-01_OsDisk", "web-01_data0", "web-01_data1"]


def puts(azure, kind):
    return [c for c in azure.calls() if c["method"] == "PUT" and f"/{kind}/" in c["path"]
            and c["status"] in (200, 201, 202)]


def check_tagged(azure):
    assert azure.resource(vm("web-01"))["tags"] == {
        "env": "prod", "owner": "web team", "quarantine": "alert"}


def check_off(azure):
    assert azure.resource(vm("web-01"))["_emulator"]["power"] == "deallocated"
    assert len([c for c in azure.calls() if c["path"].endswith("/deallocate")
                and c["status"] == 202]) == 1


def check_dismissed(azure):
    assert azure.state()["alerts"] == {ALERT.lower(): "Dismissed"}


def check_blocked(azure):
    rules = azure.resource(f"{SHOP}/Microsoft.Network/networkSecurityGroups/nsg-web")["properties"][
        "securityRules"]
    (ours,) = [r for r in rules if r["name"].startswith("Gridwarden-Block-")]
    assert ours["properties"]["sourceAddressPrefixes"] == ["203.0.113.66"]


# action as a rule writes it, its fault points, what must be true once it is done
ACTIONS = {
    "snapshot_vm": ("snapshot_vm: {resource_group: rg-security}", "snapshot.put", check_copied),
    "tag_resource": ("tag_resource: {tags: {quarantine: alert}}", "tag.patch", check_tagged),
    "power_off_vm": ("power_off_vm", "power.post", check_off),
    "set_alert_status": ("set_alert_status: dismiss", "status.post", check_dismissed),
    "block_source_address": ("block_source_address", "block.put", check_blocked),
}
POINTS = [(action, f"action.{point}{end}") for action, (_, point, _) in ACTIONS.items()
          for end in ("", ".done")]


def with_action(make, action):
    return make(rules=RULES.format(action=ACTIONS[action][0]))


@pytest.mark.parametrize("action", ACTIONS)
def test_an_alert_is_answered_by_the_action_and_told(azure, make, action):
    gw = with_action(make, action).start()
    gw.deliver(event_grid(flat_alert(**MORE)))
    gw.wait_step("notify")
    ACTIONS[action][2](azure)
    (step,) = gw.actions(action)
    assert step["state"] == "done", step
    assert len(azure.cards()) == 1


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_is_done_about_a_sample_or_in_shadow_mode(azure, make, action):
    gw = with_action(make, action).start()
    sample = flat_alert("[SAMPLE ALERT] Suspicious process executed", id=ALERT + "s")
    gw.deliver(event_grid(sample))
    gw.wait_step("notify")
    (step,) = gw.actions(action)
    assert step["state"] == "refused" and "sample" in step["reason"]
    gw.stop()
    gw.write_settings(guards={"mode": "shadow"})
    gw.start()
    gw.deliver(event_grid(flat_alert(**MORE)))
    gw.wait_step("notify")
    assert {s["state"] for s in gw.actions(action)} == {"refused", "shadow"}
    assert not [c for c in azure.calls() if c["service"] == "arm" and c["method"] != "GET"]


@pytest.mark.parametrize("action,point", POINTS)
@pytest.mark.parametrize("how", ["kill", "fail"])
def test_killed_or_failed_at_any_point_it_is_done_once(azure, make, action, point, how):
    gw = with_action(make, action)
    gw.launch(GRIDWARDEN_FAULT=f"{point}:{how}:1")
    gw.wait_line(lambda line: " ready: port " in line["message"])
    gw.port = int(gw.lines[-1]["message"].split("port ")[1].split(",")[0])
    gw.deliver(event_grid(flat_alert(**MORE)))
    if how == "kill":
        assert gw.wait_end() == -9, gw.log()
        gw.start()
    gw.wait_step("notify")
    (step,) = gw.actions(action)
    assert step["state"] == "done", step
    ACTIONS[action][2](azure)


def test_snapshots_are_evidence_and_never_taken_back(azure, make):
    gw = with_action(make, "snapshot_vm").start()
    gw.deliver(event_grid(flat_alert(**MORE)))
    gw.wait_step("notify")
    (step,) = gw.actions("snapshot_vm")
    assert len(puts(azure, "snapshots")) == 3
    assert all("/resourcegroups/rg-security/" in s["id"].lower() for s in snapshots(azure))
    assert all(s["tags"]["gridwarden-disk"].startswith(SHOP) for s in snapshots(azure))
    answer = gw.run("release", str(step["id"]))
    assert answer.returncode != 0 or "cannot be taken back" in answer.stdout + answer.stderr
    check_copied(azure)


def test_a_block_ends_by_itself(azure, make):
    gw = make(rules=RULES.format(action="block_source_address: {expires_after: 1m}"))
    gw.start()
    gw.deliver(event_grid(flat_alert(**MORE)))
    gw.wait_step("notify")
    check_blocked(azure)
    (step,) = [s for s in gw.actions("block_source_address") if s.get("undo_of")]
    assert step["state"] == "waiting"
    (done,) = [s for s in gw.actions("block_source_address") if not s.get("undo_of")]
    gw.ask("release", str(done["id"]))
    gw.wait_step("block_source_address", undo=True)
    rules = azure.resource(f"{SHOP}/Microsoft.Network/networkSecurityGroups/nsg-web")["properties"][
        "securityRules"]
    assert [r["name"] for r in rules] == ["Allow-Https", "Allow-Ssh-Office"]


POST = """http_post:
          url_file: {url_file}
          body: |
            {{"title": "{{alert.alertDisplayName}}", "machine": "{{alert.resourceId}}"}}"""


@pytest.mark.parametrize("fault", [None, "action.post.post:kill:1", "action.post.post.done:kill:1",
                                   "action.post.post:fail:1", "action.post.post.done:fail:1"])
def test_a_service_is_told_once(azure, make, tmp_path, fault):
    url_file = tmp_path / "hook-url"
    url_file.write_text(azure.url + "/hooks/tickets")
    gw = make(rules=RULES.format(action=POST.format(url_file=url_file)))
    gw.launch(**({"GRIDWARDEN_FAULT": fault} if fault else {}))
    gw.wait_line(lambda line: " ready: port " in line["message"])
    gw.port = int(gw.lines[-1]["message"].split("port ")[1].split(",")[0])
    gw.deliver(event_grid(flat_alert()))
    if fault and ":kill:" in fault:
        assert gw.wait_end() == -9, gw.log()
        gw.start()
    gw.wait_step("notify")
    (post,) = azure.state()["posts"].values()
    assert post["body"]["title"] == "Suspicious process executed"
    assert vm("web-01") in post["body"]["machine"]
    (step,) = gw.actions("http_post")
    assert step["state"] == "done", step
