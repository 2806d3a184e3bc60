WORDS = b"served by a rule\n"
