"""A conda environment, as far as pip's world can follow it."""

from appliance.boot.conda import conda_lines, conda_python

HAND = """\
name: shop
channels:
  - conda-forge
dependencies:
  - python=3.11
  - conda-forge::flask
  - numpy=1.26.*   # pinned
  - pandas>=2
  - nodejs
  - openssl=3.0.8=h7f8727e_0
  - pip
  - pip:
      - dash==2.0
      - -r more.txt
prefix: /home/me
"""


def test_what_can_be_followed():
    """Pip's part as it is, hand-written packages by their names, nothing that is no Python."""
    assert conda_lines(HAND) == ["flask", "numpy==1.26.*", "pandas>=2", "dash==2.0", "-r more.txt"]
    assert conda_python(HAND) == "3.11"


def test_nothing_at_all():
    """A file without dependencies has none."""
    assert conda_lines("name: x\n") == []
    assert not conda_python("")
