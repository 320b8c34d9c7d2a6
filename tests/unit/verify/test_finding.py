"""What a program said, as evidence: whole words."""

from pdbuild.verify.finding import first_words, last_words

SAID = "training " * 20 + "accuracy 0.995"


def test_evidence_is_cut_between_words() -> None:
    assert (first_words("paddle 0.1"), last_words("paddle 0.1")) == ("paddle 0.1", "paddle 0.1")
    assert first_words(SAID).startswith("training ") and first_words(SAID).endswith("training …")
    assert last_words(SAID).startswith("… training ") and last_words(SAID).endswith(" 0.995")
    assert max(len(first_words(SAID)), len(last_words(SAID))) <= 82
