"""What reporting costs the primary: payments at a fixed rate, and beside them nothing, the old way,
or Closebook.

Each minute the old way makes a day's report and 200 statements, and every second it counts the
total again for each reader. Closebook closes an hour each minute, five days and their month.
"share" is the reporting's part of the primary's execution time, "locked" of the payments' busy
backends those that waited for a lock. All servers share one machine, so what the replicas do slows
the payments too; CPU and execution time are the primary's own.
"""
