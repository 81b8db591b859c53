"""Bad input: the answer that keeps the event alive, a message that names the place, nothing lost."""

import json

import pytest
from harness import KEY, event_grid, flat_alert, run_gridwarden, vm
from test_main_job import isolated


def test_broken_json_is_kept_as_unreadable(gridwarden):
    answer = gridwarden.deliver('[{"id": "1", "eventType": ')
    assert answer.status == 200
    gridwarden.wait_line(lambda line: line["message"].endswith("is unreadable"))
    (row,) = gridwarden.alerts()
    assert row["state"] == "unreadable"
    assert "byte" in row["reason"]


def test_an_unknown_schema_is_kept_and_nothing_is_isolated(azure, gridwarden):
    assert gridwarden.deliver({"hello": "world"}).status == 200
    assert gridwarden.deliver("[1, 2, 3]").status == 200
    assert gridwarden.deliver("").status == 200
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("notify")
    assert len(gridwarden.alerts()) >= 4
    assert len([s for s in gridwarden.actions() if s["action"] == "isolate_vm"]) == 1


def test_a_body_of_six_mebibytes_is_413_and_the_next_delivery_is_served(gridwarden):
    answer = gridwarden.deliver("[" + " " * (6 * 1024 * 1024) + "]")
    assert answer.status == 413
    assert gridwarden.deliver(event_grid(flat_alert())).status == 200


@pytest.mark.parametrize("hostile", [
    vm("web-01") + "/../../../../../subscriptions/66666666-7777-8888-9999-000000000000",
    vm("..%2f..%2fweb-01"), vm("web-01?api-version=1"), vm("web-01#"), vm("web 01"),
    "/subscriptions/not-a-guid/resourceGroups/x/providers/Microsoft.Compute/virtualMachines/y",
])
def test_a_hostile_resource_id_isolates_nothing_and_a_person_is_told(azure, gridwarden, hostile):
    alert = flat_alert(resourceIdentifiers=[{"azureResourceId": hostile}])
    assert gridwarden.deliver(event_grid(alert)).status == 200
    gridwarden.wait_step("notify")
    (step,) = gridwarden.actions("isolate_vm")
    assert step["state"] == "refused"
    assert "resource id" in step["reason"]
    assert [c for c in azure.calls() if c["service"] == "arm"] == []
    assert len(azure.cards()) == 1


def test_a_sample_alert_is_told_and_touches_nothing(azure, gridwarden):
    alert = flat_alert(alertType="SIMULATED_VM_SuspiciousProcess",
                       alertDisplayName="[SAMPLE ALERT] Suspicious process executed")
    gridwarden.deliver(event_grid(alert))
    gridwarden.wait_step("notify")
    (step,) = gridwarden.actions("isolate_vm")
    assert (step["state"], "sample" in step["reason"]) == ("refused", True)
    assert not isolated(azure, "web-01-nic")


def test_a_rule_file_with_a_typo_is_refused_with_its_place(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("""rules:
  - name: isolate
    match: {sevrity: High, alertDisplayName|contians: x}
    actions:
      - isolat_vm: {}
  - name: isolate
    match: {severity: High}
    acitons: [{notify: soc}]
""")
    result = run_gridwarden("check", "--rules", rules)
    assert result.returncode == 1
    for expected in (f"{rules}:3:13: warning: no alert has a field 'sevrity' by itself, "
                     "did you mean 'severity'?",
                     f"{rules}:3:45: error: unknown modifier 'contians', did you mean 'contains'?",
                     f"{rules}:5:9: error: ", "did you mean 'isolate_vm'?",
                     f"{rules}:6:11: error: ", f"{rules}:8:5: error: "
                     "unknown key 'acitons', did you mean 'actions'?"):
        assert expected in result.stdout, result.stdout
    assert "      - isolat_vm: {}\n        ^" in result.stdout


def test_a_reload_with_a_typo_keeps_the_old_rules(azure, gridwarden):
    gridwarden.write_rules("rules: [{name: x, match: {severity: High}, actions: [isolat_vm]}]")
    line = gridwarden.reload()
    assert "old one stays in force" in line["message"]
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("isolate_vm")  # a notify is the news of the refusal
    assert isolated(azure, "web-01-nic")


def test_a_daemon_with_a_broken_configuration_ends_with_78(make):
    gw = make()
    gw.write_settings(inbux="x")
    gw.launch()
    assert gw.wait_end() == 78
    assert any("unknown key 'inbux', did you mean 'inbox'?" in line["message"]
               for line in gw.lines)


@pytest.mark.parametrize("code", [None, "wrong", KEY[:-1], KEY + "x", ""])
def test_a_delivery_without_the_key_is_401_and_not_kept(gridwarden, code):
    assert gridwarden.deliver(event_grid(flat_alert()), code=code).status == 401
    assert gridwarden.alerts() == []


def test_other_paths_and_methods_are_404_and_405(gridwarden):
    assert gridwarden.request("POST", "/else", body="[]").status == 404
    answer = gridwarden.request("DELETE")
    assert answer.status == 405
    assert "POST" in answer.headers["allow"]


def validation(code="512d38b6-c7b8-40c8-89fe-f46f9e9622b6"):
    return event_grid({"validationCode": code, "validationUrl": "https://rp.eventgrid.azure.net/x"},
                      event_type="Microsoft.EventGrid.SubscriptionValidationEvent")


def test_the_validation_handshake_echoes_the_code(gridwarden):
    answer = gridwarden.deliver(validation(), aeg_event_type="SubscriptionValidation")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert json.loads(answer.body) == {
        "validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}


def test_a_foreign_subscription_or_caller_gets_no_echo(gridwarden):
    answer = gridwarden.deliver(validation(), aeg_event_type="SubscriptionValidation",
                                aeg_subscription_name="evil")
    assert answer.status == 403 and b"512d38b6" not in answer.body
    answer = gridwarden.deliver(validation(), code="wrong",
                                aeg_event_type="SubscriptionValidation")
    assert answer.status == 401 and b"512d38b6" not in answer.body


def test_the_cloud_events_handshake_allows_event_grid_only(gridwarden):
    answer = gridwarden.request("OPTIONS", headers={
        "WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"})
    assert answer.status == 200
    assert answer.headers["webhook-allowed-origin"] == "eventgrid.azure.net"
    assert answer.headers["webhook-allowed-rate"] in ("*", "120")
    assert answer.headers["allow"] == "POST"
    answer = gridwarden.request("OPTIONS", headers={"WebHook-Request-Origin": "evil.example"})
    assert "webhook-allowed-origin" not in answer.headers


def test_a_deletion_notice_is_recorded(gridwarden):
    notice = event_grid({"eventSubscriptionId": "x"},
                        event_type="Microsoft.EventGrid.SubscriptionDeletedEvent")
    assert gridwarden.deliver(notice, aeg_event_type="SubscriptionDeletion").status == 200
    gridwarden.wait_line(lambda line: line["message"].endswith("is notice"))
