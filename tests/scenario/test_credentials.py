"""How the daemon signs in to Azure: each way from the settings to the machine that is isolated."""

import json
import subprocess
import urllib.request

import pytest
from harness import SUBSCRIPTION, event_grid, flat_alert, nic, run_gridwarden
from test_guards import card_text

CLIENT = "0c6f1f5e-52f0-4f0e-8c7b-6b1f1d0c2a11"
LAB_CLIENT = "8d2e6c1b-1111-4a2b-9c3d-000000000001"
LAB = "66666666-7777-8888-9999-000000000000"
LAB_NIC = f"/subscriptions/{LAB}/resourceGroups/rg-lab/providers/Microsoft.Network/" \
          "networkInterfaces/lab-01-nic"
ISSUER = "https://oidc.example/cluster/"
ISOLATE = """
rules:
  - name: isolate
    match: {severity: High}
    actions: [isolate_vm: {}]
"""


def quarantined(azure, interface):
    group = azure.resource(interface)["properties"].get("networkSecurityGroup") or {}
    return "gridwarden-quarantine" in group.get("id", "")


def lab_alert():
    machine = LAB_NIC.replace("Microsoft.Network/networkInterfaces/lab-01-nic",
                              "Microsoft.Compute/virtualMachines/lab-01")
    return flat_alert(resourceIdentifiers=[{"azureResourceId": machine}])


def tenant(azure):
    return azure.state()["tenant"]["id"]


def make_pem(path, name):
    """A key with its certificate in one file; the certificate alone is returned."""
    key, certificate = path.with_suffix(".key"), path.with_suffix(".crt")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
                    "-subj", f"/CN={name}", "-keyout", str(key), "-out", str(certificate)],
                   check=True, stderr=subprocess.DEVNULL)
    path.write_text(key.read_text() + certificate.read_text())
    return certificate.read_text()


def workload_token(azure, subject):
    return azure.token(audience="api://AzureADTokenExchange",
                       claims={"iss": ISSUER, "sub": subject})


def trust(azure, subject):
    azure.application(client_id=CLIENT, federated=[
        {"issuer": ISSUER, "subject": subject, "audience": "api://AzureADTokenExchange"}])


def signed_in(azure, client=CLIENT):
    """How often Entra gave a token to the application."""
    return len([c for c in azure.calls() if c["service"] == "entra" and c["status"] == 200
                and c["path"].endswith("/oauth2/v2.0/token") and c["body"]["client_id"] == client])


def test_a_machine_is_isolated_with_a_certificate_and_later_with_the_renewed_one(azure, make):
    gw = make()
    pem = gw.folder / "app.pem"
    azure.application(client_id=CLIENT, certificates=[make_pem(pem, "first")])
    gw.write_settings(azure={
        "cloud": without_imds(azure),
        "credential": {"type": "client_certificate", "tenant": tenant(azure),
                       "client_id": CLIENT, "client_certificate_file": "app.pem"}})
    gw.start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("isolate_vm")
    assert quarantined(azure, nic("web-01-nic"))
    # Renewed: the old one is not known any more, and nobody tells the daemon.
    azure.application(client_id=CLIENT, certificates=[make_pem(pem, "second")])
    azure.expire_tokens()
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.wait_step("notify", count=2)
    assert quarantined(azure, nic("web-02-nic"))
    assert signed_in(azure) == 2
    assert not [c for c in azure.calls() if c["service"] == "imds"]
    shown = gw.log() + card_text(azure) + json.dumps(
        [gw.ask("actions", "show", str(step["id"])) for step in gw.actions()])
    assert not [line for line in pem.read_text().splitlines() if line in shown]


@pytest.fixture
def by_certificate(azure, make):
    """A daemon that has yet to be given app.pem."""
    gw = make()
    gw.write_settings(log_level="debug", azure={
        "credential": {"type": "client_certificate", "tenant": tenant(azure),
                       "client_id": CLIENT, "client_certificate_file": "app.pem"}})
    return gw


def test_a_certificate_that_entra_does_not_know_is_told(azure, by_certificate):
    gw = by_certificate
    make_pem(gw.folder / "app.pem", "unknown")
    gw.start().deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    (step,) = gw.actions("isolate_vm")
    assert step["state"] == "failed"
    assert "azure.credential: no token: the certificate is not one of the application's" in \
        step["reason"]
    assert "AADSTS700027" in card_text(azure)


def test_a_certificate_file_of_no_use_is_told_at_start_and_by_each_step(azure, by_certificate):
    gw = by_certificate
    pem = gw.folder / "app.pem"
    certificate = make_pem(pem, "app")
    pem.write_text(certificate)
    words = f"client_certificate_file: {pem}: it holds no private key"
    gw.start()
    (said,) = [line for line in gw.lines if words in line["message"]]
    assert said["level"] == "warning"
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("notify")
    (step,) = gw.actions("isolate_vm")
    assert step["state"] == "failed" and "azure.credential: " + words in step["reason"]
    assert not signed_in(azure)
    # Mended, and nobody tells the daemon.
    azure.application(client_id=CLIENT, certificates=[make_pem(pem, "app")])
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.wait_step("notify", count=2)
    assert quarantined(azure, nic("web-02-nic"))


def test_a_workloads_token_that_the_platform_rotates_is_used(azure, make):
    trust(azure, "system:serviceaccount:soc:gridwarden")
    gw = make(rules=ISOLATE)
    file = gw.folder / "token"
    first = workload_token(azure, "system:serviceaccount:soc:gridwarden")
    file.write_text(first)
    gw.write_settings(azure={"credential": {"type": "workload_identity"}})
    gw.start(AZURE_TENANT_ID=tenant(azure), AZURE_CLIENT_ID=CLIENT,
             AZURE_FEDERATED_TOKEN_FILE=str(file))
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("isolate_vm")
    assert quarantined(azure, nic("web-01-nic"))
    # Another file under the same name, as kubelet does it; the old token is good for nobody.
    trust(azure, "system:serviceaccount:soc:renewed")
    fresh = gw.folder / "token.new"
    fresh.write_text(workload_token(azure, "system:serviceaccount:soc:renewed"))
    fresh.rename(file)
    azure.expire_tokens()
    gw.deliver(event_grid(flat_alert(machine="web-02")))
    gw.wait_step("isolate_vm", count=2)
    assert quarantined(azure, nic("web-02-nic"))
    assert signed_in(azure) == 2
    assert first not in gw.log() and file.read_text() not in gw.log()


def test_two_subscriptions_are_called_with_two_credentials(azure, make):
    azure.application(client_id=CLIENT, subscriptions=[SUBSCRIPTION])
    azure.application(client_id=LAB_CLIENT, secret="lab-secret", subscriptions=[LAB])
    gw = make(rules=ISOLATE)
    (gw.folder / "shop").write_text("p4ss+word/&=~ %\n")
    (gw.folder / "lab").write_text("lab-secret\n")
    secret = {"type": "client_secret", "tenant": tenant(azure)}
    gw.write_settings(azure={
        "credential": {**secret, "client_id": CLIENT, "client_secret_file": "shop"},
        "credentials": [{"subscriptions": [LAB.upper()],
                         "credential": {**secret, "client_id": LAB_CLIENT,
                                        "client_secret_file": "lab"}}]})
    gw.start()
    gw.deliver(event_grid(flat_alert()))
    gw.deliver(event_grid(lab_alert()))
    gw.wait_step("isolate_vm", count=2)
    assert quarantined(azure, nic("web-01-nic")) and quarantined(azure, LAB_NIC)
    assert (signed_in(azure), signed_in(azure, LAB_CLIENT)) == (1, 1)
    assert not [c for c in azure.calls() if c["status"] in (401, 403)]


def test_a_credential_that_is_refused_ends_its_steps_and_no_others(azure, make):
    gw = make(rules=ISOLATE)
    (gw.folder / "lab").write_text("wrong-secret\n")
    gw.write_settings(azure={"credentials": [{
        "subscriptions": [LAB],
        "credential": {"type": "client_secret", "tenant": tenant(azure), "client_id": CLIENT,
                       "client_secret_file": "lab"}}]})
    gw.start()
    gw.deliver(event_grid(lab_alert()))
    failed = gw.wait_step("isolate_vm", state="failed")
    assert f": azure.credentials for {LAB}: no token: the client secret is wrong" in \
        failed["reason"]
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("isolate_vm")
    assert quarantined(azure, nic("web-01-nic")) and not quarantined(azure, LAB_NIC)
    assert "wrong-secret" not in gw.log()


def test_a_machine_is_isolated_after_its_metadata_service_was_updated(azure, make):
    # How long without that header says the contract test.
    azure.fault(service="imds", status=410, headers={"Retry-After": "1"}, times=1)
    gw = make(rules=ISOLATE).start()
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("isolate_vm")
    assert quarantined(azure, nic("web-01-nic"))
    assert [c["status"] for c in azure.calls() if c["service"] == "imds"] == [410, 200]


def without_imds(azure):
    return {"resource_manager": azure.url, "audience": "https://management.azure.com/",
            "login": azure.url}


def test_an_app_of_app_service_isolates_with_its_identity(azure, make):
    gw = make(rules=ISOLATE)
    gw.write_settings(azure={"cloud": without_imds(azure)})
    gw.start(IDENTITY_ENDPOINT=azure.url + "/msi/token", IDENTITY_HEADER="emulated-app-service")
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("isolate_vm")
    assert quarantined(azure, nic("web-01-nic"))
    assert {c["service"] for c in azure.calls()} == {"app_service", "arm"}
    assert "emulated-app-service" not in gw.log()


def test_a_server_with_azure_arc_whose_challenge_leads_elsewhere_is_told(azure, make):
    gw = make(rules=ISOLATE)
    azure.settings(arc_tokens=str(gw.folder))
    gw.write_settings(azure={"cloud": without_imds(azure)})
    gw.start(IDENTITY_ENDPOINT=azure.url + "/arc/metadata/identity/oauth2/token",
             IMDS_ENDPOINT=azure.url)
    gw.deliver(event_grid(flat_alert()))
    failed = gw.wait_step("isolate_vm", state="failed")
    assert failed["reason"].endswith(": azure.credential: no token: the challenge of Azure Arc "
                                     "names no key in /var/opt/azcmagent/tokens, not followed")


def write_az(folder, lines):
    """A program `az`, and the PATH in which it is found."""
    az = folder / "az"
    az.write_text(f"#!/bin/sh\n{lines}\n")
    az.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def token_for_people(azure):
    """Any that Resource Manager takes."""
    request = urllib.request.Request(
        azure.url + "/metadata/identity/oauth2/token?api-version=2018-02-01&"
        "resource=https://management.azure.com/", headers={"Metadata": "true"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["access_token"]


def test_a_developer_isolates_with_what_the_azure_cli_gives(azure, make):
    gw = make(rules=ISOLATE)
    token = token_for_people(azure)
    path = write_az(gw.folder, f"""test "$6" = https://management.azure.com/ || exit 9
echo '{{"accessToken": "{token}", "expires_on": 4102444800}}'""")
    gw.write_settings(azure={"credential": "azure_cli"})
    gw.start(PATH=path)
    gw.deliver(event_grid(flat_alert()))
    gw.wait_step("isolate_vm")
    assert quarantined(azure, nic("web-01-nic"))
    assert [c["service"] for c in azure.calls()].count("imds") == 1  # that was us
    assert token not in gw.log()


def test_a_developer_who_has_not_signed_in_is_told(azure, make):
    gw = make(rules=ISOLATE)
    path = write_az(gw.folder, "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1")
    gw.write_settings(azure={"credential": "azure_cli"})
    gw.start(PATH=path)
    gw.deliver(event_grid(flat_alert()))
    failed = gw.wait_step("isolate_vm", state="failed")
    assert "nobody has signed in: run 'az login' as the user of gridwarden" in failed["reason"]
    assert not [call for call in azure.calls() if call["service"] != "teams"]


def test_the_chain_says_once_what_it_took(azure, make):
    gw = make(rules=ISOLATE)
    gw.write_settings(azure={"credential": "default"})
    gw.start()
    for count, machine in enumerate(("web-01", "web-02"), 1):
        gw.deliver(event_grid(flat_alert(machine=machine)))
        gw.wait_step("isolate_vm", count=count)
        azure.expire_tokens()
    taken = [line["message"] for line in gw.lines if "default takes" in line["message"]]
    assert taken == ["credential: default takes managed_identity"]


def test_check_says_where_a_file_of_a_credential_is_of_no_use(tmp_path):
    (tmp_path / "rules.d").mkdir()
    config = tmp_path / "gridwarden.yaml"
    config.write_text(f"""\
listen: {{certificate: c.pem, private_key: k.pem}}
auth: {{keys_file: key}}
azure:
  credential: {{type: client_secret, tenant: t, client_id: c, client_secret_file: 'credential:s'}}
  credentials:
    - subscriptions: [{LAB}]
      credential: {{type: client_certificate, tenant: t, client_id: c,
                   client_certificate_file: lab.pem}}
""")
    result = run_gridwarden("check", config)
    assert result.returncode == 0
    assert f"{config}:7:19: warning: client_certificate_file: cannot open {tmp_path}/lab.pem: " \
        "No such file or directory" in result.stdout
    assert "1 warning" in result.stderr
    make_pem(tmp_path / "lab.pem", "lab")
    assert run_gridwarden("check", config).stdout == ""
    (tmp_path / "lab.pem").write_text((tmp_path / "lab.crt").read_text())
    assert f"{config}:7:19: warning: client_certificate_file: {tmp_path}/lab.pem: it holds no " \
        "private key in PEM that can be read without a pass phrase" \
        in run_gridwarden("check", config).stdout
