"""A Ray cluster of two local nodes makes the same bits as one process."""

from pathlib import Path

import pytest

from lumaflux.digests import sha256
from lumaflux.errors import UserError
from lumaflux.lab.data.curation.curate import curate
from lumaflux.lab.data.curation.specification import CorpusSpecification
from lumaflux.lab.data.sources import SourceFolders


def content(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


@pytest.fixture
def two_nodes():
    ray = pytest.importorskip("ray", reason="Ray is in the extra 'farm'")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    yield
    ray.shutdown()
    cluster.shutdown()


@pytest.mark.slow
def test_the_same_bits(two_nodes, tmp_path: Path, hdr_dir: Path, specification: CorpusSpecification):
    curate(specification, tmp_path / "one", SourceFolders(hdr_dir=hdr_dir))
    curate(specification, tmp_path / "ray", SourceFolders(hdr_dir=hdr_dir), ray=True)
    assert content(tmp_path / "one") == content(tmp_path / "ray")
    (tmp_path / "hdr" / "panoramas").mkdir(parents=True)
    (tmp_path / "hdr" / "panoramas" / "broken_1k.hdr").write_bytes(b"nothing")
    with pytest.raises(UserError, match="broken_1k"):
        curate(specification, tmp_path / "bad", SourceFolders(hdr_dir=tmp_path / "hdr"), ray=True)
