import json
from pathlib import Path

import pytest
from PIL import Image

from lumaflux.lab.training.config import TrainConfig
from lumaflux.lab.training.tracking import LogTracker, Silent, tracker_for


@pytest.fixture
def config(tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        stage="vae", run=tmp_path, views=tmp_path, model=tmp_path, steps=1, batch=1, crop=8, learning_rate=1.0
    )


def test_figures_and_pictures_are_kept(config: TrainConfig):
    tracker = LogTracker(config)
    tracker.figures(25, {"flow": 0.1234567})
    tracker.pictures(25, {"converted": Image.new("RGB", (4, 4))})
    tracker.close()
    line = (config.run / "train.log").read_text()
    assert json.loads(line[line.index("{") :]) == {"step": 25, "flow": 0.123457}
    assert (config.run / "samples" / "000025-converted.png").exists()


def test_only_the_main_process_reports(config: TrainConfig):
    assert isinstance(tracker_for(config, main=False), Silent)


def test_trackio_keeps_what_it_is_told(config: TrainConfig, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("trackio", reason="trackio is in the extra 'train'")
    import subprocess
    import sys

    script = (
        "import sys; from pathlib import Path; from PIL import Image\n"
        "from lumaflux.lab.training.config import TrainConfig\n"
        "from lumaflux.lab.training.tracking import TrackioTracker\n"
        "run = Path(sys.argv[1])\n"
        "config = TrainConfig(stage='vae', run=run, views=run, model=run, steps=1, batch=1, crop=8, learning_rate=1)\n"
        "tracker = TrackioTracker(config)\n"
        "tracker.figures(1, {'flow': 0.5}); tracker.figures(2, {'flow': 0.25})\n"
        "tracker.pictures(2, {'converted': Image.new('RGB', (4, 4))})\n"
        "tracker.close()\n"
    )
    subprocess.run([sys.executable, "-c", script, str(config.run)], check=True, timeout=120, capture_output=True)
    kept = list((config.run / "trackio").rglob("*"))
    assert any(path.suffix in (".db", ".sqlite", ".parquet") for path in kept), kept
