from importlib.metadata import PackageNotFoundError

from lumaflux import doctor
from lumaflux.doctor import CORE, examine
from lumaflux.progress import show_findings


def test_every_core_package_and_codec_is_looked_at():
    findings = {finding.subject: finding for finding in examine()}
    assert set(CORE) <= set(findings)
    assert findings["encoders"].ok
    assert "libx265" in findings["encoders"].detail
    assert "device cpu" in findings
    assert findings["engine lite"].detail == "torch renders"
    assert "build-engine" in findings["engine lite"].advice
    assert all(finding.advice for finding in findings.values() if not finding.ok)


def test_the_verdict_follows_the_findings(capsys):
    findings = examine()
    assert show_findings(findings) == all(finding.ok for finding in findings)
    assert "libx265" in capsys.readouterr().out


def test_packages_that_are_missing_are_named_and_nothing_else_is_tried(monkeypatch):
    def version(name):
        if name in ("torch", "av"):
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(doctor.metadata, "version", version)
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name in ("torch", "av") else object())
    found = {finding.subject: finding for finding in examine()}
    assert found["torch"].advice == "pip install torch"
    assert not found["av"].ok
    assert not {"device cpu", "encoders", "model lite"} & set(found)
