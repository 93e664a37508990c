"""What this machine has for kdray, what it lacks, and how to mend it. Only looks; installs and changes nothing."""
