import pytest

from pipeline.commands.rollback import rollback


def version(directory, number):
    (directory / str(number)).mkdir(parents=True)
    (directory / str(number) / "saved_model.pb").write_text("graph")
    return str(directory / str(number))


def test_the_one_before_serves_and_the_newer_can_be_called_back(tmp_path):
    older, newer = version(tmp_path, 5), version(tmp_path, 8)
    assert rollback(str(tmp_path)) == older
    assert rollback(str(tmp_path), to=8) == newer
    assert rollback(str(tmp_path), to=5) == older


def test_the_option_is_named(tmp_path):
    version(tmp_path, 5)
    with pytest.raises(ValueError, match=r"^--destination: .*expected an earlier version to roll back to; there are 5"):
        rollback(str(tmp_path))
    with pytest.raises(ValueError, match=r"^--destination: no push destination at .*/none"):
        rollback(str(tmp_path / "none"))
