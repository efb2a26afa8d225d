"""What exists already: the migrations of other tools, as files of this one and in its history."""
