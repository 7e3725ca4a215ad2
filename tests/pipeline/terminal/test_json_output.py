from pipeline.terminal.json_output import print_json, selected


def test_one_object_on_the_standard_output_of_the_process(capfd):
    print_json({"path": "ñ/日本.png", "ok": True})
    assert capfd.readouterr().out == '{"path": "ñ/日本.png", "ok": true}\n'


def test_selected_keys_in_their_order():
    assert list(selected({"a": 1, "b": 2, "c": 3}, ("c", "a")).items()) == [("c", 3), ("a", 1)]
