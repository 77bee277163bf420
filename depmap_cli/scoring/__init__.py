"""One video to one result: the pipeline that every command shares."""
