import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np

from lumaflux.lab.evaluation.report.write import write_report


class Page(HTMLParser):
    """Tags with their attributes, and the text outside of style and script."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.inside = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.inside.append(tag)

    def handle_data(self, data):
        if self.inside[-1:] not in (["style"], ["script"]):
            self.text.append(data)


def test_names_from_outside_stay_text(report_files, evil):
    page = Page(report_files[".html"].read_text())
    assert not [
        attrs for tag, attrs in page.tags if tag == "img" and not attrs["src"].startswith("data:image/jpeg;base64,")
    ]
    assert len([tag for tag, _ in page.tags if tag == "script"]) == 1
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on") or name == "style"]
    assert evil in "".join(page.text)
    assert "Sample <set>" in "".join(page.text)


def test_the_page_asks_nobody_and_its_policy_says_so(report_files):
    text = report_files[".html"].read_text()
    page = Page(text)
    for tag, attrs in page.tags:
        for name in ("src", "href", "action", "data", "srcset"):
            assert attrs.get(name, "#").startswith(("#", "data:")), (tag, attrs)
    (policy,) = [attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (body,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, flags=re.S)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "@import" not in text
    assert "url(http" not in text


def test_all_sections_are_there_without_a_script(report_files):
    page = Page(report_files[".html"].read_text())
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    wanted = ["overall", "differences", "rendering", "crf", "scene", "content", "distributions", "curves", "tracks"]
    assert sections == [*wanted, "frames", "protocol"]
    assert {attrs["href"] for tag, attrs in page.tags if tag == "a"} == {f"#{name}" for name in sections}
    charts = [attrs["class"] for tag, attrs in page.tags if tag == "svg"]
    assert charts.count("distribution") == 5  # every metric with a number
    assert charts.count("curve") == 3 * 2 + 3 * 2  # methods x hardest frames, methods x clips
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 3 * 4 * 6


def test_the_same_run_gives_the_same_page(report_files, sample):
    before = report_files[".html"].read_bytes()
    write_report(sample.run, set_folder=sample.set_folder, render=sample.render, worst=2)
    assert report_files[".html"].read_bytes() == before


def test_noise_as_large_as_it_is_shown_stays_under_fifteen_megabytes(tmp_path, make_sample_run):
    sample = make_sample_run(tmp_path, scenes=2, methods={f"method {n}": float(n) for n in range(4)})
    noise = np.random.default_rng(0).random((3, 315, 560), dtype=np.float32)
    paths = write_report(
        sample.run, set_folder=sample.set_folder, render=lambda *frame: (noise, noise[:, ::-1], noise), worst=2
    )
    assert paths[-1].stat().st_size < 15_000_000
    assert paths[-1].read_text().count("<img ") == 4 * 4 * 6
