"""Settings and rules that change on disk are taken by themselves: whole, tested, and once."""

import os
import threading

import pytest
from harness import event_grid, flat_alert
from test_reload import TELL_ONLY, figure

CHANGED = TELL_ONLY.replace("only-tell", "tells-otherwise")
BROKEN = TELL_ONLY.replace("severity", "severity|grater")


def sample(gw, name):
    """The value of a metric with labels."""
    lines = gw.operations("/metrics").body.decode().splitlines()
    (value,) = [line.split()[-1] for line in lines if line.startswith(f"gridwarden_{name} ")]
    return int(value)


def by_files(gw, result):
    return sample(gw, f'config_reloads_total{{trigger="files",result="{result}"}}')


def wait_taken(gw, since, words="configuration reloaded: "):
    return gw.wait_line(lambda line: line["message"].startswith(words), since=since)


def wait_refused(gw, since):
    return wait_taken(gw, since, "configuration not reloaded")



def rewritten(gw):
    gw.write_rules(CHANGED)


def renamed_over(gw):
    new = gw.folder / "rules.d" / ".new"
    new.write_text(CHANGED)
    new.rename(gw.folder / "rules.d" / "10-rules.yaml")


def added(gw):
    gw.write_rules(CHANGED, "20-more.yaml")


def removed(gw):
    (gw.folder / "rules.d" / "10-rules.yaml").unlink()


def settings_rewritten(gw):
    gw.write_settings(guards={"protected": [{"resource_group": "rg-x"}]})


@pytest.mark.parametrize("change", [rewritten, renamed_over, added, removed, settings_rewritten])
def test_a_change_of_files_is_taken_without_a_signal(make, change):
    gw = make(rules=TELL_ONLY).start()
    since = len(gw.lines)
    change(gw)
    wait_taken(gw, since)
    assert by_files(gw, "done") == 1 and by_files(gw, "refused") == 0


def test_folders_that_a_link_leads_to_are_swapped_as_a_whole(make):
    """As Kubernetes does it: rules.d/x.yaml -> ..data/x.yaml, ..data -> ..1."""
    gw = make(rules=TELL_ONLY)
    rules = gw.folder / "rules.d"
    for name, text in ("..1", TELL_ONLY), ("..2", CHANGED):
        (rules / name).mkdir()
        (rules / name / "x.yaml").write_text(text)
    (rules / "..data").symlink_to("..1")
    (rules / "10-rules.yaml").unlink()
    (rules / "x.yaml").symlink_to("..data/x.yaml")
    gw.start()
    since = len(gw.lines)
    (rules / "..new").symlink_to("..2")
    (rules / "..new").rename(rules / "..data")
    wait_taken(gw, since)


def test_what_a_link_in_the_folder_leads_to_is_watched(make, tmp_path):
    gw = make(rules=TELL_ONLY)
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(TELL_ONLY)
    (gw.folder / "rules.d" / "10-rules.yaml").unlink()
    (gw.folder / "rules.d" / "x.yaml").symlink_to(elsewhere)
    gw.start()
    since = len(gw.lines)
    elsewhere.write_text(CHANGED)
    wait_taken(gw, since)


def test_a_bad_file_is_kept_out_said_once_and_a_good_one_is_taken(make):
    gw = make(rules=TELL_ONLY).start()
    since = len(gw.lines)
    gw.write_rules(BROKEN)
    wait_refused(gw, since)
    assert figure(gw, "config_last_reload_successful") == 0
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify", rule="only-tell")
    # Touched, and written as it was: nothing is new.
    os.utime(gw.folder / "rules.d" / "10-rules.yaml")
    gw.write_rules(BROKEN)
    since = len(gw.lines)
    gw.write_rules(CHANGED)
    wait_taken(gw, since)
    assert by_files(gw, "refused") == 1
    assert sum(line["message"].startswith("configuration not reloaded") for line in gw.lines) == 1


def test_an_alert_of_a_test_that_is_mended_lets_the_rules_in(make):
    gw = make(rules=TELL_ONLY).start()
    tested = CHANGED + "    tests: [{alert: alert.json, expect: {fires: true}}]\n"
    (gw.folder / "rules.d" / "alert.json").write_text("{")
    since = len(gw.lines)
    gw.write_rules(tested)
    wait_refused(gw, since)
    since = len(gw.lines)
    (gw.folder / "rules.d" / "alert.json").write_text('{"alertName": "x", "severity": "High"}')
    wait_taken(gw, since)


def test_a_change_after_a_reload_that_moved_the_rules_is_noticed(make):
    gw = make(rules=TELL_ONLY).start()
    other = gw.folder / "other.d"
    other.mkdir()
    (other / "a.yaml").write_text(TELL_ONLY)
    gw.write_settings(rules="other.d")
    assert gw.reload()["message"].startswith("configuration reloaded")
    since = len(gw.lines)
    (other / "a.yaml").write_text(CHANGED)
    wait_taken(gw, since)


def test_fifty_rapid_changes_under_load_lose_nothing_and_end_with_the_last(make):
    gw = make(rules=TELL_ONLY).start()
    stop, kept = threading.Event(), []

    def deliver():
        while not stop.is_set():
            name = f"alert {threading.get_ident()} {len(kept)}"
            if gw.deliver(event_grid(flat_alert(name))).status == 200:
                kept.append(name)
    threads = [threading.Thread(target=deliver) for _ in range(3)]
    for thread in threads:
        thread.start()
    since = len(gw.lines)
    for i in range(50):
        (renamed_over if i % 2 else rewritten)(gw)
        if i % 5 == 0:
            gw.write_rules(BROKEN if i % 10 else TELL_ONLY)
    last = CHANGED.replace("tells-otherwise", "the-last")
    gw.write_rules(last)
    gw.wait_line(lambda line: line.get("rule") == "the-last", since=since)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(kept) > 0
    gw.stop()
    gw.start()
    names = {row["name"] for row in gw.ask("alerts", "-n", "10000")}
    assert set(kept) <= names
    assert len(kept) == len(set(kept))


def test_which_rules_decided_an_alert_can_be_asked_later(make):
    gw = make(rules=TELL_ONLY).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify", rule="only-tell")
    gw.write_rules(CHANGED)
    assert gw.reload()["message"].startswith("configuration reloaded")
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.wait_step("notify", rule="tells-otherwise")
    new, old = gw.ask("rules")
    assert (new["in_force"], old["in_force"]) == (True, False)
    ids = {row["resource"]: row["id"] for row in gw.alerts()}
    first = gw.ask("alerts", "show", str(min(ids.values())))
    assert first["rules"] == old["version"]
    assert f'rules="{new["version"]}"' in gw.operations("/metrics").body.decode()
    shown = gw.run("rules", "show", old["version"], "--config", gw.config)
    name, text = shown.stdout.split("\n", 1)
    assert name == f"# file: {gw.folder}/rules.d/10-rules.yaml" and text == TELL_ONLY
    assert old["version"] in gw.run("alerts", "show", str(min(ids.values())),
                                    "--config", gw.config).stdout
    missing = gw.run("rules", "show", "0123", "--config", gw.config)
    assert missing.returncode == 3 and "no version 0123 of the rules is kept" in missing.stderr
    gw.kill()
    gw.start()
    assert [row["version"] for row in gw.ask("rules")] == [new["version"], old["version"]]
