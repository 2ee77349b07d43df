"""The official client's own tests, as its package has them and unchanged, against the whole program.

They lie in the client's source distribution, which `scripts/setup dev` fetches from the package registry; by hand:

    pip download --no-deps --no-binary cocalc-api cocalc-api==0.5.1
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from studiolo.testing.servers import Server

ROOT = Path(__file__).parents[2]
SUITES = ROOT / ".setup" / "official-client"
FILES = {"test_hub.py", "test_jupyter.py", "test_org.py", "test_org_basic.py", "test_project.py"}


def test_official_clients_own_tests_pass(live_server, tmp_path: Path):
    (suite,) = SUITES.glob("cocalc_api-*/tests")  # nothing there: run `make setup-dev`
    assert {path.name for path in suite.iterdir()} >= FILES
    shutil.copytree(suite, tmp_path / "tests")
    shutil.copy(Path(__file__).with_name("official_suite_fixtures.py"), tmp_path / "tests" / "conftest.py")
    (tmp_path / "tests" / "__init__.py").touch()
    (tmp_path / "pytest.ini").touch()
    server: Server = live_server()
    variables = {name: value for name, value in os.environ.items() if name != "CI"}  # with which they leave kernels out
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env={**variables, "COCALC_HOST": server.address, "COCALC_API_KEY": server.key},
        capture_output=True,
        text=True,
        check=False,
    )
    summary = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0, done.stdout[-4000:]
    assert "skipped" not in summary, summary
