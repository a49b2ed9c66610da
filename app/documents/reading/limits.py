"""What reading one file may take."""

FILE_BYTES = 10**9
MEMORY_BYTES = 1 << 30  # of the reading process
PROCESSOR_S = 900
SILENCE_S = 60.0  # the longest that one page may take
TOO_MUCH_MEMORY = 75  # exit code of a process that passed its limit
