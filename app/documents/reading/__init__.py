"""Files to documents: one module a format, all run in a process of their own.

`process` is what the app calls; it starts `child`, which may use so much time and memory and no
more. In there `read` tells formats apart by their content and hands the file to its reader; readers
give their pages to `output` line by line, and refuse a file by raising `refused.Refused`.
"""
