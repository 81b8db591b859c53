"""The documentation is held against the program: every command, option and key is in the manual,
and nothing else; examples print what the program prints; figures and permissions are those of the
code.  GRIDWARDEN names the binary."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from harness import ROOT, run_gridwarden  # noqa: E402

MAN1 = ROOT / "docs/man/gridwarden.1"
MAN5 = ROOT / "docs/man/gridwarden.yaml.5"
SHARED = ["release", "approve", "deny"]  # most of their options are described behind the last one


def read(path):
    return (ROOT / path).read_text()


def c_strings(text):
    """The string literals of C, as they are."""
    return [json.loads(f'"{s}"') for s in re.findall(r'"((?:[^"\\]|\\.)*)"', text)]


def plain(mdoc):
    """mdoc's words without its marks."""
    text = re.sub(r"\\[&e]", lambda m: "\\" if m[0] == r"\e" else "", mdoc)
    text = re.sub(r"^\.\w\w? ", "", text, flags=re.M)
    return re.sub(r"\s+", " ", text.replace('"', ""))


# ---- gridwarden(1) ----

def commands():
    listing = run_gridwarden("--help").stdout.split("Commands:\n")[1]
    return re.findall(r"^  (\w+) +\S", listing, re.M)


def section(name, title):
    match = re.search(rf"^\.{title} {name}\n(.*?)(?=^\.S[hs] |\Z)", MAN1.read_text(), re.M | re.S)
    assert match, f"gridwarden.1 has no section '.{title} {name}'"
    return match[1]


def options_in_manual(command):
    names = {command, SHARED[-1]} if command in SHARED else {command}
    found = {}
    for name in names:
        for short, long in re.findall(r"^\.It (?:Fl (\w) , )?Fl Fl (\S+)",
                                      section(name, "Ss"), re.M):
            found[long] = short
    return found


def options_in_help(command):
    usage = run_gridwarden(command, "--help").stdout
    if command == "posture":  # has commands of its own
        names = re.findall(r"^  (\w+(?: \w+)?)  ", usage, re.M)
        assert len(names) > 4
        usage = "".join(run_gridwarden(command, *name.split(), "--help").stdout for name in names)
    return {long: short for short, long in
            re.findall(r"^  (?:-(\w), |    )--([a-z-]+)", usage, re.M)}


def test_the_program_has_commands_to_be_described():
    assert {"serve", "check", "explain", "send"} <= set(commands())


@pytest.mark.parametrize("command", commands())
def test_every_option_of_a_command_is_in_the_manual_and_no_other(command):
    told, known = options_in_manual(command), options_in_help(command)
    told.pop("no-color", None)
    known.pop("no-color", None)
    assert told == known


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_synopsis(command):
    assert re.search(rf"^\.Cm (.* )?{command}\b", section("SYNOPSIS", "Sh"), re.M)


def test_no_command_is_described_that_does_not_exist():
    body = MAN1.read_text().split(".Sh COMMANDS")[1].split(".Sh SIGNALS")[0]
    assert re.findall(r"^\.Ss (\w+)$", body, re.M) == commands()


def test_the_exit_codes_are_those_of_the_code():
    known = re.findall(r"^\tEXIT_\w+ = (\d+),", read("include/cmd/cmd.h"), re.M)
    assert re.findall(r"^\.It (\d+)$", section("EXIT STATUS", "Sh"), re.M) == known


def test_the_states_of_an_action_are_those_of_the_code():
    names = re.findall(r'\[STEP_\w+\] = "(\w+)"', read("src/core/plan.c"))
    states = section("actions", "Ss").split("states of an action")[1]
    assert len(names) > 5
    assert set(re.findall(r"^\.It Cm (\w+)$", states, re.M)) == set(names)


# ---- gridwarden.yaml(5) ----

def tables():
    """{table: [(key, entry in C)]} of settings_params.c."""
    found = {}
    for name, body in re.findall(r"^(?:static )?const struct param (\w+)\[\] = \{\n(.*?)^\};",
                                 read("src/core/settings_params.c"), re.M | re.S):
        entries = re.split(r"^\t\{ (?=\.name = )", body, flags=re.M)[1:]
        found[name] = [(c_strings(e)[0], e) for e in entries if ".name = NULL" not in e]
    return found


def keys(table="settings_params", prefix="", seen=None):
    """(path, entry): NAME stands for a name of the user's choice.  A group is described once."""
    seen = set() if seen is None else seen
    for key, entry in tables()[table]:
        yield prefix + key, entry
        group = re.search(r"\.group = (\w+)", entry)
        if group and group[1] not in seen:
            seen.add(group[1])
            named = "NAME." if ".type = PARAM_NAMED" in entry else ""
            yield from keys(group[1], f"{prefix}{key}.{named}", seen)


def described():
    """{path: its text} of the manual."""
    parts = re.split(r"^\.It Ic (?!\w+ Ta )", MAN5.read_text(), flags=re.M)[1:]
    return {re.sub(r"\b[A-Z]+\b", "NAME", part.split()[0]): part for part in parts}


def default_of(entry):
    match = re.search(r"\.fallback = (\"[^\"]*\")", entry)
    return json.loads(match[1]) if match else None


def test_the_table_of_settings_is_understood_by_this_test():
    assert len(list(keys())) > 45
    assert "guards.budgets.NAME.over" in dict(keys())


def test_no_key_is_described_that_does_not_exist():
    assert set(described()) - set(dict(keys())) == set()


@pytest.mark.parametrize("path,entry", keys(), ids=[path for path, _ in keys()])
def test_a_key_is_described_with_its_default_and_choices(path, entry):
    text = described().get(path)
    assert text, f"gridwarden.yaml.5 lacks {path}"
    words = plain(text)
    default = default_of(entry)
    if default is not None:
        assert re.search(rf"Default (\w\w )?{re.escape(default)}( \.|\.|$| )", words), words
    choices = re.search(r"\.choices = \"([^\"]*)\"", entry)
    for choice in choices[1].split("|") if choices else []:
        assert re.search(rf"\b{choice}\b", words), words
    if ".required = true" in entry:
        assert "must be given" in words
    if "PARAM_REFUSED" in entry:
        assert "Refused" in words


def test_the_example_of_the_manual_has_no_mistake(tmp_path):
    example = re.search(r"^\.Bd -literal\n(listen:.*?)^\.Ed", MAN5.read_text(), re.M | re.S)[1]
    (tmp_path / "gridwarden.yaml").write_text(example.replace("\\&", ""))
    (tmp_path / "rules.d").mkdir()
    result = run_gridwarden("check", tmp_path / "gridwarden.yaml")
    assert result.returncode == 0, result.stdout


# ---- both pages render ----

@pytest.mark.parametrize("page", [MAN1, MAN5], ids=["gridwarden.1", "gridwarden.yaml.5"])
def test_the_page_renders_without_a_warning(page):
    result = subprocess.run(["groff", "-mandoc", "-ww", "-Tutf8", str(page)],
                            capture_output=True, text=True)
    assert result.returncode == 0 and result.stderr == ""
    assert "gridwarden" in result.stdout


# ---- rules.md: examples are run ----

RULES = read("docs/rules.md")


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", RULES, re.M | re.S)


@pytest.fixture
def rules_folder(tmp_path):
    shutil.copytree(ROOT / "config/samples", tmp_path / "samples")
    for block in blocks("yaml"):
        name = re.match(r"# file: ([\w.-]+)", block)
        if name:
            (tmp_path / name[1]).write_text(block)
    for block in blocks("text"):
        name = tmp_path / re.match(r"# file: ([\w./-]+)", block)[1]
        name.parent.mkdir(exist_ok=True)
        name.write_text(block)
    for name, block in zip(("alert.json", "wave.json"), blocks("json")):
        (tmp_path / name).write_text(block)
    return tmp_path


def test_rules_md_has_examples_to_run():
    assert len(blocks("console")) >= 4


@pytest.mark.parametrize("block", blocks("console"),
                         ids=[b.split("\n")[0][2:] for b in blocks("console")])
def test_an_example_of_rules_md_prints_what_it_says(rules_folder, block):
    command, wanted = block.split("\n", 1)
    result = run_gridwarden(*command.split()[2:], cwd=rules_folder)
    assert result.stdout == wanted


def test_the_rules_of_rules_md_have_no_mistake_and_no_warning(rules_folder):
    good = [f for f in rules_folder.glob("*.yaml") if f.name not in ("bad.yaml", "failing.yaml")]
    assert len(good) >= 5
    for file in good:
        result = run_gridwarden("check", "--rules", file)
        assert (result.returncode, result.stdout) == (0, ""), file


def test_rules_md_names_every_modifier():
    source = read("src/core/modifiers.c")
    tables = re.search(r" modifiers\[\] = \{(.*?)^#define FLAGS", source, re.M | re.S)[1]
    for name in re.findall(r'(?:\.name = |\{ )"(\w+)"', tables):
        assert f"`{name}`" in RULES, name
    others = re.search(r"unsupported\[\] = \{(.*?)^\};", source, re.M | re.S)[1]
    for name in re.findall(r'\{ "(\w+)"', others):
        assert f"`{name}`" in RULES, name


def test_rules_md_names_every_field():
    source = read("src/core/alert_field.c")
    names = c_strings(re.search(r"alert_field_names\[\] = \{(.*?)\};", source, re.S)[1])
    assert len(names) > 20
    for name in names:
        assert f"`{name}`" in RULES, name


def test_rules_md_names_every_key_of_a_rule_file_and_of_a_time_interval():
    source = read("src/core/rule_params.c").split("rule_file_params")[1]
    keys = re.findall(r'\.name = "(\w+)"', source)
    source = read("src/core/time_intervals.c")
    table = re.search(r"struct param entry_params\[\] = \{(.*?)^\};", source, re.M | re.S)[1]
    keys += re.findall(r"\.name = \"(\w+)\"", table)
    assert len(keys) > 8
    for name in keys:
        assert re.search(rf"^\| `{name}` \|", RULES, re.M), name


def test_rules_md_names_every_key_of_a_rule():
    source = read("src/core/rule_params.c")
    for name in re.findall(r'\.name = "(\w+)"', source.split("rule_file_params")[0]):
        assert re.search(rf"^\| `{name}` \|", RULES, re.M), name


# ---- actions.md, roles, operations.md ----

ACTIONS = {re.search(r"\.name = \"(\w+)\",\n\t\.help", p.read_text())[1]: p.read_text()
           for p in sorted((ROOT / "src/action").glob("*.c"))
           if "permissions[] = {" in p.read_text()}


def permissions(source):
    return c_strings(re.search(r"permissions\[\] = \{(.*?)\};", source, re.S)[1])


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_described_with_its_parameters(action):
    text = read("docs/actions.md")
    assert re.search(rf"^## {action}$", text, re.M)
    part = text.split(f"## {action}\n")[1].split("\n## ")[0]
    table = re.search(r"struct param params\[\] = \{(.*?)^\};", ACTIONS[action], re.M | re.S)[1]
    for key in re.findall(r"\.name = \"(\w+)\"", table):
        assert f"`{key}`" in part and f"`{key}`" in RULES, key
    for operation in permissions(ACTIONS[action]):
        assert operation in part, operation


@pytest.mark.parametrize("action", [a for a in ACTIONS if permissions(ACTIONS[a])])
def test_the_role_of_an_action_has_exactly_its_permissions(action):
    role = json.loads(read(f"docs/roles/{action}.json"))
    assert sorted(role["Actions"]) == sorted(permissions(ACTIONS[action]))
    assert role["NotActions"] == role["DataActions"] == role["NotDataActions"] == []


def test_there_is_no_role_without_an_action():
    assert {p.stem for p in (ROOT / "docs/roles").glob("*.json")} == \
        {a for a in ACTIONS if permissions(ACTIONS[a])}


def test_operations_md_names_every_metric_and_no_other():
    source = read("src/daemon/metrics.c")
    known = set(re.findall(r'\bmetric\(\s*out, "(\w+)"', source))
    known |= {name for name in re.findall(r"# TYPE gridwarden_(\w+) ", source)}
    told = set(re.findall(r"^\| `gridwarden_(\w+)(?:\{[^`]*\})?` \|",
                          read("docs/operations.md"), re.M))
    assert len(known) > 15
    assert told == known


def test_operations_md_tells_the_caps_of_the_code():
    text = read("docs/operations.md")
    caps = re.findall(r"^\| `([A-Z_]+_(?:MAX|MS|BYTES|WEAK))` \|", text, re.M)
    sources = "\n".join(p.read_text() for folder in ("include", "src")
                        for p in (ROOT / folder).glob("*/*.[ch]"))
    assert len(caps) > 10
    for cap in caps:
        assert re.search(rf"#define {cap} ", sources), cap


def test_no_document_leads_nowhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        if not page.exists():
            continue
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
