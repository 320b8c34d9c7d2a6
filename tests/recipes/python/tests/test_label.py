import parcel


def test_label() -> None:
    assert parcel.label(2.5).split()[0] == "2.5"
