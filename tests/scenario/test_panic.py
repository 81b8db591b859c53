"""Panic: one command stops all that is destructive, and survives a restart."""

import pytest
from harness import event_grid, flat_alert, nic

NICS = ("web-01-nic", "web-01-nic-back")


def group_of(azure, name):
    return (azure.resource(nic(name))["properties"].get("networkSecurityGroup") or {}).get("id")


def isolated(azure, *names):
    return [name for name in names if "gridwarden-quarantine" in (group_of(azure, name) or "")]


def panic(gridwarden, *options):
    done = gridwarden.run("panic", *options, "--config", gridwarden.config)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def metric(gridwarden, name):
    page = gridwarden.operations("/metrics").body.decode()
    (value,) = [line.split()[1] for line in page.splitlines()
                if line.startswith(f"gridwarden_{name} ")]
    return int(value)


def test_nothing_destructive_is_done_from_then_on_and_people_are_told(azure, gridwarden):
    assert "0 stopped" in panic(gridwarden)
    assert metric(gridwarden, "panic") == 1
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("notify")
    (step,) = gridwarden.actions("isolate_vm")
    assert step["state"] == "refused" and step["reason"].startswith("panic since ")
    assert not isolated(azure, *NICS)
    (card,) = azure.cards()
    assert "panic since" in str(card)


def test_panic_survives_a_restart_until_it_is_ended(azure, gridwarden):
    panic(gridwarden)
    gridwarden.kill()
    gridwarden.start()
    gridwarden.wait_line(lambda line: line["message"].startswith("panic is on"))
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("notify")
    assert not isolated(azure, *NICS)
    assert panic(gridwarden, "--end") == "panic is over: rules act again\n"
    assert metric(gridwarden, "panic") == 0
    gridwarden.deliver(event_grid(flat_alert(machine="web-02")))
    gridwarden.wait_step("notify", count=2)
    assert isolated(azure, "web-02-nic")


def test_what_is_under_way_goes_no_further(azure, gridwarden):
    """The group is there, no interface has it yet: Azure takes its time for the group."""
    azure.settings(longop_polls=1000, longop_limit_s=600)
    gridwarden.deliver(event_grid(flat_alert()))
    azure.wait("PUT", "/networkSecurityGroups/")
    assert "still under way" not in panic(gridwarden)
    azure.settings(longop_polls=1, longop_limit_s=0.1)
    gridwarden.wait_step("notify")
    (step,) = gridwarden.actions("isolate_vm")
    assert (step["state"], step["reason"]) == ("failed", "stopped by panic")
    assert not isolated(azure, *NICS)


def test_release_all_frees_every_machine(azure, gridwarden):
    was = {name: group_of(azure, name) for name in (*NICS, "web-02-nic")}
    gridwarden.deliver(event_grid(flat_alert()))
    gridwarden.wait_step("notify")
    gridwarden.deliver(event_grid(flat_alert(machine="web-02")))
    gridwarden.wait_step("notify", count=2)
    assert isolated(azure, *was) == list(was)
    assert "2 being taken back" in panic(gridwarden, "--release-all")
    gridwarden.wait_step("isolate_vm", undo=True, count=2)
    assert {name: group_of(azure, name) for name in was} == was


def test_panic_twice_is_panic_once_and_ends_once(azure, gridwarden):
    panic(gridwarden)
    first = gridwarden.ask("panic")["since"]
    assert gridwarden.ask("panic")["since"] == first
    panic(gridwarden, "--end")
    panic(gridwarden, "--end")
    assert metric(gridwarden, "panic") == 0
    panic(gridwarden)
    assert metric(gridwarden, "panic") == 1


@pytest.mark.parametrize("options,words", [
    (["--end", "--release-all"], "not both"), (["now"], "takes no argument")])
def test_a_wrong_panic_is_said(gridwarden, options, words):
    wrong = gridwarden.run("panic", *options)
    assert wrong.returncode == 2 and words in wrong.stderr
