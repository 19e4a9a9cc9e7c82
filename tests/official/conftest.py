"""The bundle of official size, made once a session: golden weights through `import-checkpoint`."""

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from assembly.avatar_factory import of_one
from contract.spec import ComponentName
from engines.base import Engine, Precision
from engines.registry import open_engine
from tests.official.float_files import write_float_files
from tests.official.made_bundle import OfficialBundle, OpenOfficial, run_to_the_end


@pytest.fixture(scope="session")
def official_bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficialBundle]:
    """A bundle of the golden weights. In a process of its own, so that the one that exports runs nothing else."""
    folder = tmp_path_factory.mktemp("official")
    sources = folder / "downloads"
    sources.mkdir()
    checkpoint, wav2vec2, classifier = write_float_files(sources)
    bundle, cache = folder / "float", folder / "cache"
    arguments = [
        *("-m", "cli.main", "import-checkpoint", "--checkpoint", str(checkpoint), "--wav2vec2", str(wav2vec2)),
        *("--emotion-classifier", str(classifier), "--output", str(bundle)),
    ]
    ended = run_to_the_end(arguments, folder / "import.log", cache)
    assert ended.status == 0, ended.said
    # Gigabytes that nothing needs any more.
    shutil.rmtree(sources)
    yield OfficialBundle(bundle, cache, ended.said, ended.took_s, ended.peak_gib)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def open_official(official_bundle: OfficialBundle) -> Iterator[OpenOfficial]:
    """Opens a component with an engine, for a batch of one as it is served; all are closed at the end."""
    opened: list[Engine] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(official_bundle.cache))

        def open_component(
            name: ComponentName, backend: str, precision: Precision = "float32", batch_is_free: bool = False
        ) -> Engine:
            manifest = official_bundle.manifest
            artifact = official_bundle.folder / manifest.components[name].file
            signature = manifest.spec.signature(name)
            engine = open_engine(backend, artifact, signature if batch_is_free else of_one(signature), precision, 2)
            opened.append(engine)
            return engine

        yield open_component
    for engine in opened:
        engine.close()


@pytest.fixture(scope="session")
def golden_noise() -> np.ndarray:
    """[3, 50, 512] float32: the noise of the golden windows."""
    return np.random.default_rng([0, 5]).standard_normal((3, 50, 512)).astype(np.float32)
