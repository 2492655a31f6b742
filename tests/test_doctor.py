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
