"""From the files of the apps to an ordered build."""
