"""What every copier of trees keeps to, inside a sandbox and outside: rules, tally, removals, and how to revise."""
